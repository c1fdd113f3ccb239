//! What people do: write, press a button, block the bot.
//!
//! Called by the control API and the chat page. Everything here ends as an update for the bot, shaped as
//! <https://core.telegram.org/bots/api#update> has it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    Message, Person, Query, Telegram,
    entities::{self, to_html},
};

/// Why somebody could not do what they wanted.
#[derive(Debug)]
pub struct Cannot(pub String);

/// A button, named by its data or its label.
#[derive(Debug)]
pub struct Press {
    pub message_id: i64,
    pub data: Option<String>,
    pub label: Option<String>,
    pub force: bool,
}

impl Telegram {
    /// Makes a person known, or updates what is known.
    pub fn know(&mut self, id: i64, first_name: Option<&str>, username: Option<&str>) {
        let person = self.people.entry(id).or_insert_with(|| Person {
            id,
            first_name: format!("Person {id}"),
            username: None,
            language_code: "en".to_owned(),
        });
        if let Some(first_name) = first_name {
            first_name.clone_into(&mut person.first_name);
        }
        if let Some(username) = username {
            person.username = Some(username.to_owned());
        }
    }

    /// Somebody writes. In a group without admin rights a bot hears only commands and mentions
    /// (<https://core.telegram.org/bots/features#privacy-mode>); `update_id` is null for what it does not hear.
    pub fn write(&mut self, chat_id: i64, from: i64, text: &str, now: DateTime<Utc>) -> Result<Value, Cannot> {
        let source = text.to_owned();
        let (text, _) = entities::trim(text, Vec::new());
        if text.is_empty() {
            return Err(Cannot("the text is empty".to_owned()));
        }
        let chat = self.open_chat(chat_id, None);
        let is_group = chat.title.is_some();
        if chat.blocked {
            // Writing to a bot needs unblocking it first, which Telegram does by itself on Start.
            chat.blocked = false;
            self.membership(chat_id, from, "kicked", "member", now);
        }
        let id = self.new_message_id();
        let entities = entities::recognise(&text, Vec::new());
        let heard = !is_group || text.starts_with('/') || text.contains(&format!("@{}", self.bot_username));
        let message = Message {
            id,
            from: Some(from),
            date: now,
            edit_date: None,
            text,
            entities,
            source,
            parse_mode: None,
            keyboard: None,
            reply_interface: None,
            link_preview_options: None,
            reply_to: None,
            earlier_texts: Vec::new(),
            edits: 0,
        };
        let view = self.post(chat_id, message).map_err(|refusal| Cannot(refusal.description))?;
        let update_id = heard.then(|| self.updates.push("message", &view, now)).flatten();
        Ok(json!({ "message_id": id, "update_id": update_id }))
    }

    /// Somebody presses a button, named by its data or its label. `force` presses data that is no longer there, as a
    /// stale client does.
    pub fn press(&mut self, chat_id: i64, from: i64, press: &Press, now: DateTime<Utc>) -> Result<Value, Cannot> {
        let (data, label) = (press.data.as_deref(), press.label.as_deref());
        let chat = self.chats.get(&chat_id).ok_or_else(|| Cannot("no such chat".to_owned()))?;
        let message = chat
            .messages
            .iter()
            .find(|message| message.id == press.message_id)
            .ok_or_else(|| Cannot("no such message in this chat".to_owned()))?;
        let button = message.keyboard.iter().flatten().flatten().find(|button| {
            data.is_none_or(|data| button.callback_data.as_deref() == Some(data))
                && label.is_none_or(|label| button.text == label)
        });
        let data = match (button, data) {
            (Some(button), _) => match (&button.url, &button.callback_data) {
                (Some(url), _) => return Ok(json!({ "url": url, "update_id": null })),
                (None, data) => data.clone().unwrap_or_default(),
            },
            (None, Some(data)) if press.force => data.to_owned(),
            (None, _) => return Err(Cannot("no such button under this message".to_owned())),
        };
        let view = self.message_view(chat, message);
        let id = self.new_query_id();
        self.queries.insert(id.clone(), Query { chat_id, from, at: now });
        let query = json!({
            "id": id,
            "from": self.user(from),
            "message": view,
            "chat_instance": 7_700_000_000_i64.wrapping_add(chat_id).to_string(),
            "data": data,
        });
        let update_id = self.updates.push("callback_query", &query, now);
        Ok(json!({ "callback_query_id": id, "update_id": update_id }))
    }

    pub fn block(&mut self, user_id: i64, blocked: bool, now: DateTime<Utc>) {
        let chat = self.open_chat(user_id, None);
        if chat.blocked == blocked {
            return;
        }
        chat.blocked = blocked;
        let (old, new) = if blocked { ("member", "kicked") } else { ("kicked", "member") };
        self.membership(user_id, user_id, old, new, now);
    }

    /// <https://core.telegram.org/bots/api#chatmemberupdated>
    fn membership(&mut self, chat_id: i64, from: i64, old: &str, new: &str, now: DateTime<Utc>) {
        let Some(chat) = self.chats.get(&chat_id) else { return };
        let member = |status: &str| {
            let mut member = json!({ "status": status, "user": self.bot_user() });
            if status == "kicked" {
                member["until_date"] = 0.into();
            }
            member
        };
        let change = json!({
            "chat": self.chat_view(chat),
            "from": self.user(from),
            "date": now.timestamp(),
            "old_chat_member": member(old),
            "new_chat_member": member(new),
        });
        self.updates.push("my_chat_member", &change, now);
    }

    /// Everything visible in a chat now, oldest first.
    pub fn transcript(&self, chat_id: i64, now: DateTime<Utc>) -> Value {
        let Some(chat) = self.chats.get(&chat_id) else {
            return json!({ "chat_id": chat_id, "version": 0, "messages": [], "notices": [], "typing": false, "blocked": false });
        };
        let messages: Vec<Value> = chat.messages.iter().map(|message| self.bubble(message)).collect();
        json!({
            "chat_id": chat_id,
            "title": chat.title,
            "version": chat.version,
            "messages": messages,
            "notices": chat.notices,
            "typing": chat.busy_until.is_some_and(|until| until > now),
            "blocked": chat.blocked,
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
