//! What people see: a chat as it stands now, and the list of chats.
//!
//! For the chat page and for tests. Markup arrives here as entities and leaves as escaped HTML, so that nothing a program sends can
//! become part of a page.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Chat, Message, Telegram, content::Content, entities::to_html};

impl Telegram {
    /// The commands that apply in a chat: of the narrowest scope that has any.
    /// <https://core.telegram.org/bots/api#determining-list-of-commands>
    pub fn commands_in(&self, chat_id: i64) -> Value {
        let own = format!("chat {chat_id}");
        let kind = if chat_id > 0 { "all_private_chats" } else { "all_group_chats" };
        let set = [own.as_str(), kind, "default"].iter().find_map(|scope| self.commands.get(*scope));
        set.cloned().unwrap_or_else(|| json!([]))
    }

    /// Private chats and groups, with what a list of chats shows of them.
    pub fn chat_list(&self, now: DateTime<Utc>) -> Vec<Value> {
        let people = self.people.values().map(|person| (person.id, person.first_name.clone()));
        let groups = self.chats.values().filter_map(|chat| Some((chat.id, chat.title.clone()?)));
        people
            .chain(groups)
            .map(|(id, name)| {
                let chat = self.chats.get(&id);
                let last = chat.and_then(|chat| chat.messages.last());
                json!({
                    "chat_id": id,
                    "name": name,
                    "is_group": id < 0,
                    "typing": chat.is_some_and(|chat| chat.is_busy(now)),
                    "version": chat.map_or(0, |chat| chat.version),
                    "last": last.map(|message| json!({
                        "message_id": message.id,
                        "from": if message.from.is_some() { "person" } else { "bot" },
                        "text": summary(message),
                        "date": message.date,
                    })),
                    "messages_from_bot": chat.map_or(0, from_bot),
                })
            })
            .collect()
    }

    /// Everything visible in a chat now, oldest first.
    pub fn transcript(&self, chat_id: i64, now: DateTime<Utc>) -> Value {
        let Some(chat) = self.chats.get(&chat_id) else {
            return json!({ "chat_id": chat_id, "version": 0, "messages": [], "notices": [], "typing": false, "blocked": false,
                "reply_keyboard": null, "commands": self.commands_in(chat_id) });
        };
        let messages: Vec<Value> = chat.messages.iter().map(|message| self.bubble(message)).collect();
        json!({
            "chat_id": chat_id,
            "title": chat.title,
            "version": chat.version,
            "messages": messages,
            "notices": chat.notices,
            "typing": chat.is_busy(now),
            "blocked": chat.blocked,
            "reply_keyboard": chat.reply_keyboard,
            "commands": self.commands_in(chat_id),
        })
    }

    fn bubble(&self, message: &Message) -> Value {
        let name = match message.from {
            None => self.bot_username.clone(),
            Some(id) => self.people.get(&id).map(|person| person.first_name.clone()).unwrap_or_default(),
        };
        json!({
            "message_id": message.id,
            "from": if message.from.is_some() { "person" } else { "bot" },
            "user_id": message.from,
            "name": name,
            "date": message.date,
            "edit_date": message.edit_date,
            "edits": message.edits,
            "text": message.text,
            "media": message.content.bubble(),
            "inaccessible": message.inaccessible,
            "earlier_texts": message.earlier_texts,
            "source": message.source,
            "parse_mode": message.parse_mode,
            "entities": message.entities,
            "html": to_html(&message.text, &message.entities),
            "buttons": message.keyboard.clone().unwrap_or_default(),
            "reply_interface": message.reply_interface,
            "link_preview_options": message.link_preview_options,
            "reply_to": message.reply_to,
        })
    }
}

impl Chat {
    fn is_busy(&self, now: DateTime<Utc>) -> bool {
        self.busy_until.is_some_and(|until| until > now)
    }
}

fn from_bot(chat: &Chat) -> usize {
    chat.messages.iter().filter(|message| message.from.is_none()).count()
}

/// One line of a message: what it carries, and at most 80 characters of what it says.
fn summary(message: &Message) -> String {
    let carried = match message.content {
        Content::Text => "",
        Content::Photo(_) => "Photo",
        Content::Document(_) => "File",
        Content::Voice(..) => "Voice message",
        Content::Sticker(..) => "Sticker",
        Content::Location(_) => "Location",
    };
    let words = message.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let words: String = words.chars().take(80).collect();
    [carried, &words].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}
