//! The stand-in Telegram: one bot, the people who talk to it, and their chats.
//!
//! Rules of single methods live in `messages.rs`, `media.rs`, `presses.rs`, `updates.rs`, `webhook.rs` and `settings.rs`; this file only
//! keeps the state they share.

pub mod content;
pub mod delivery;
pub mod entities;
pub mod files;
pub mod html;
pub mod keyboard;
pub mod limits;
pub mod media;
pub mod messages;
pub mod methods;
pub mod parameters;
pub mod people;
pub mod picture;
pub mod presses;
pub mod settings;
pub mod target;
pub mod text;
pub mod transcript;
pub mod updates;
pub mod webhook;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use self::{
    content::Content,
    entities::Entity,
    files::Files,
    keyboard::{Button, ReplyKeyboard},
    limits::Limits,
    text::Formatted,
    updates::Updates,
};
use crate::Settings;

/// Everything Telegram remembers.
#[derive(Debug)]
pub struct Telegram {
    pub token: String,
    pub bot_id: i64,
    pub bot_username: String,
    pub people: BTreeMap<i64, Person>,
    pub chats: BTreeMap<i64, Chat>,
    pub updates: Updates,
    pub files: Files,
    pub limits: Limits,
    /// Commands by scope and language, as they were set.
    pub commands: BTreeMap<String, Value>,
    pub descriptions: BTreeMap<String, String>,
    pub queries: HashMap<String, Query>,
    next_message_id: i64,
    next_query_id: u64,
}

/// A human on Telegram.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: i64,
    pub first_name: String,
    pub username: Option<String>,
    pub language_code: String,
}

/// A private chat (its id is the person's) or a group (its id is negative).
#[derive(Debug, Default)]
pub struct Chat {
    pub id: i64,
    /// Groups have one.
    pub title: Option<String>,
    /// The person has blocked the bot.
    pub blocked: bool,
    pub messages: Vec<Message>,
    /// Ids of messages that were deleted: a client may still show them, and press their buttons.
    pub deleted: BTreeSet<i64>,
    /// Shown in place of the people's own keyboard.
    pub reply_keyboard: Option<ReplyKeyboard>,
    /// Until when "typing…" shows.
    pub busy_until: Option<DateTime<Utc>>,
    /// Answers to button presses, newest last.
    pub notices: Vec<Value>,
    /// Counts up with every visible change.
    pub version: u64,
}

/// A message that is visible in a chat.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: i64,
    /// `None`: the bot.
    pub from: Option<i64>,
    pub date: DateTime<Utc>,
    pub edit_date: Option<DateTime<Utc>>,
    /// The text, or the caption of what else it carries.
    pub text: String,
    pub entities: Vec<Entity>,
    pub content: Content,
    /// The text as it was sent, markup and all.
    pub source: String,
    pub parse_mode: Option<String>,
    pub keyboard: Option<Vec<Vec<Button>>>,
    /// A reply keyboard, its removal or a forced reply, as it was sent.
    pub reply_interface: Option<Value>,
    pub link_preview_options: Option<Value>,
    pub reply_to: Option<i64>,
    /// The bot can no longer read or change it, though people still see it.
    pub inaccessible: bool,
    /// Texts before each edit, oldest first.
    pub earlier_texts: Vec<String>,
    pub edits: u32,
}

/// A button press that waits for its answer.
#[derive(Debug)]
pub struct Query {
    pub chat_id: i64,
    pub from: i64,
    pub at: DateTime<Utc>,
}

/// People the chat page offers; anybody else appears by writing.
const PEOPLE: [(i64, &str, &str); 3] = [(1001, "Ada", "ada"), (1002, "Ben", "ben"), (1003, "Cleo", "cleo")];

impl Message {
    /// A message with nothing but its words and what it carries.
    pub fn new(id: i64, from: Option<i64>, date: DateTime<Utc>, formatted: Formatted, content: Content) -> Self {
        Self {
            id,
            from,
            date,
            edit_date: None,
            text: formatted.text,
            entities: formatted.entities,
            content,
            source: formatted.source,
            parse_mode: formatted.parse_mode,
            keyboard: None,
            reply_interface: None,
            link_preview_options: None,
            reply_to: None,
            inaccessible: false,
            earlier_texts: Vec::new(),
            edits: 0,
        }
    }
}

impl Telegram {
    pub fn new(settings: &Settings, now: DateTime<Utc>) -> Self {
        let people = PEOPLE.iter().map(|(id, name, username)| {
            (
                *id,
                Person {
                    id: *id,
                    first_name: (*name).to_owned(),
                    username: Some((*username).to_owned()),
                    language_code: "en".to_owned(),
                },
            )
        });
        Self {
            token: settings.telegram_bot_token.clone(),
            bot_id: 4_200_000_042,
            bot_username: settings.bot_username.clone(),
            people: people.collect(),
            chats: BTreeMap::new(),
            updates: Updates::beginning(now),
            files: Files::default(),
            limits: Limits::default(),
            commands: BTreeMap::new(),
            descriptions: BTreeMap::new(),
            queries: HashMap::new(),
            next_message_id: 0,
            next_query_id: 0,
        }
    }

    pub fn new_message_id(&mut self) -> i64 {
        self.next_message_id += 1;
        self.next_message_id
    }

    pub fn new_query_id(&mut self) -> String {
        self.next_query_id += 1;
        format!("4382700000000{:06}", self.next_query_id)
    }

    /// <https://core.telegram.org/bots/api#user>
    pub fn bot_user(&self) -> Value {
        json!({ "id": self.bot_id, "is_bot": true, "first_name": "Bellhop (sandbox)", "username": self.bot_username })
    }

    pub fn user(&self, id: i64) -> Value {
        match self.people.get(&id) {
            None => json!({ "id": id, "is_bot": false, "first_name": "Somebody" }),
            Some(person) => {
                let mut user = json!({
                    "id": id,
                    "is_bot": false,
                    "first_name": person.first_name,
                    "language_code": person.language_code,
                });
                if let Some(username) = &person.username {
                    user["username"] = username.clone().into();
                }
                user
            }
        }
    }

    /// <https://core.telegram.org/bots/api#chat>
    pub fn chat_view(&self, chat: &Chat) -> Value {
        if let Some(title) = &chat.title {
            return json!({ "id": chat.id, "type": "group", "title": title });
        }
        let mut view = json!({ "id": chat.id, "type": "private" });
        if let Some(person) = self.people.get(&chat.id) {
            view["first_name"] = person.first_name.clone().into();
            if let Some(username) = &person.username {
                view["username"] = username.clone().into();
            }
        }
        view
    }

    /// What a button press says of its message: of one that the bot cannot reach only that it exists, with 0 as its date.
    /// <https://core.telegram.org/bots/api#maybeinaccessiblemessage>
    pub fn reachable_view(&self, chat: &Chat, id: i64) -> Value {
        match chat.messages.iter().find(|message| message.id == id && !message.inaccessible) {
            Some(message) => self.message_view(chat, message),
            None => json!({ "chat": self.chat_view(chat), "message_id": id, "date": 0 }),
        }
    }

    /// <https://core.telegram.org/bots/api#message>
    pub fn message_view(&self, chat: &Chat, message: &Message) -> Value {
        let mut view = self.message_without_reply(chat, message);
        let original = message.reply_to.and_then(|id| chat.messages.iter().find(|original| original.id == id));
        if let Some(original) = original {
            view["reply_to_message"] = self.message_without_reply(chat, original);
        }
        view
    }

    fn message_without_reply(&self, chat: &Chat, message: &Message) -> Value {
        let mut view = json!({
            "message_id": message.id,
            "from": message.from.map_or_else(|| self.bot_user(), |id| self.user(id)),
            "chat": self.chat_view(chat),
            "date": message.date.timestamp(),
        });
        message.content.add_to(&mut view);
        let (text, entities) =
            if message.content == Content::Text { ("text", "entities") } else { ("caption", "caption_entities") };
        if !message.text.is_empty() {
            view[text] = message.text.clone().into();
        }
        if let Some(edited) = message.edit_date {
            view["edit_date"] = edited.timestamp().into();
        }
        if !message.entities.is_empty() {
            view[entities] = json!(message.entities);
        }
        if let Some(keyboard) = &message.keyboard {
            view["reply_markup"] = json!({ "inline_keyboard": keyboard });
        }
        if let Some(options) = &message.link_preview_options {
            view["link_preview_options"] = options.clone();
        }
        view
    }
}
