//! What people do: write, send things, press a button or a key, block the bot.
//!
//! Called by the control API and the chat page. Everything here ends as an update for the bot, shaped as
//! <https://core.telegram.org/bots/api#update> has it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    Message, Person, Query, Telegram,
    content::{Content, Place},
    entities,
    text::Formatted,
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

/// What somebody puts into a chat.
#[derive(Debug)]
pub struct Saying {
    pub chat_id: i64,
    /// User id.
    pub from: i64,
    /// The text, or the caption of what else is sent.
    pub text: String,
    pub content: Content,
    /// Id of the message it answers.
    pub reply_to: Option<i64>,
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

    /// Somebody writes or sends something. In a group without admin rights a bot hears only commands, mentions and answers to
    /// itself (<https://core.telegram.org/bots/features#privacy-mode>); `update_id` is null for what it does not hear.
    pub fn write(&mut self, saying: Saying, now: DateTime<Utc>) -> Result<Value, Cannot> {
        let Saying { chat_id, from, text: source, content, reply_to } = saying;
        let (text, _) = entities::trim(&source, Vec::new());
        if text.is_empty() && content == Content::Text {
            return Err(Cannot("the text is empty".to_owned()));
        }
        let chat = self.open_chat(chat_id, None);
        let is_group = chat.title.is_some();
        let answered = reply_to.map(|id| chat.messages.iter().find(|message| message.id == id));
        if matches!(answered, Some(None)) {
            return Err(Cannot("no such message to answer in this chat".to_owned()));
        }
        let to_the_bot = answered.flatten().is_some_and(|message| message.from.is_none());
        if chat.blocked {
            // Writing to a bot needs unblocking it first, which Telegram does by itself on Start.
            chat.blocked = false;
            self.membership(chat_id, from, "kicked", "member", now);
        }
        let id = self.new_message_id();
        let heard =
            !is_group || to_the_bot || text.starts_with('/') || text.contains(&format!("@{}", self.bot_username));
        let entities = entities::recognise(&text, Vec::new());
        let formatted = Formatted { text, entities, source, parse_mode: None };
        let mut message = Message::new(id, Some(from), now, formatted, content);
        message.reply_to = reply_to;
        let view = self.post(chat_id, message).map_err(|refusal| Cannot(refusal.description))?;
        let update_id = heard.then(|| self.updates.push("message", &view, now)).flatten();
        Ok(json!({ "message_id": id, "update_id": update_id }))
    }

    /// Somebody presses a key of the reply keyboard: it writes its text, or sends the place where it asks for one. One made for
    /// one time is hidden afterwards.
    pub fn press_key(
        &mut self,
        chat_id: i64,
        from: i64,
        label: &str,
        place: Place,
        now: DateTime<Utc>,
    ) -> Result<Value, Cannot> {
        let no_key = || Cannot("no such key is shown in this chat".to_owned());
        let chat = self.chats.get_mut(&chat_id).ok_or_else(no_key)?;
        let keyboard = chat.reply_keyboard.as_ref().ok_or_else(no_key)?;
        let key = keyboard.rows.iter().flatten().find(|key| key.text == label).ok_or_else(no_key)?.clone();
        if keyboard.one_time {
            chat.reply_keyboard = None;
        }
        let (text, content) =
            if key.request_location { (String::new(), Content::Location(place)) } else { (key.text, Content::Text) };
        self.write(Saying { chat_id, from, text, content, reply_to: None }, now)
    }

    /// The bot can no longer reach a message, as happens to old ones; people still see it and can press its buttons.
    pub fn put_out_of_reach(&mut self, chat_id: i64, message_id: i64) -> Result<Value, Cannot> {
        let no_message = || Cannot("no such message in this chat".to_owned());
        let chat = self.chats.get_mut(&chat_id).ok_or_else(no_message)?;
        let message = chat.messages.iter_mut().find(|message| message.id == message_id).ok_or_else(no_message)?;
        message.inaccessible = true;
        chat.version += 1;
        Ok(json!({ "message_id": message_id, "inaccessible": true }))
    }

    /// Somebody presses a button, named by its data or its label. `force` presses data that is no longer there, also under a
    /// message that the bot has deleted, as a stale client does.
    pub fn press(&mut self, chat_id: i64, from: i64, press: &Press, now: DateTime<Utc>) -> Result<Value, Cannot> {
        let (data, label) = (press.data.as_deref(), press.label.as_deref());
        let chat = self.chats.get(&chat_id).ok_or_else(|| Cannot("no such chat".to_owned()))?;
        let message = chat.messages.iter().find(|message| message.id == press.message_id);
        if message.is_none() && !(press.force && chat.deleted.contains(&press.message_id)) {
            return Err(Cannot("no such message in this chat".to_owned()));
        }
        let mut buttons = message.and_then(|message| message.keyboard.as_ref()).into_iter().flatten().flatten();
        let button = buttons.find(|button| {
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
        let view = self.reachable_view(chat, press.message_id);
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
        chat.version += 1;
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
}
