//! Sending, editing and deleting messages.
//!
//! <https://core.telegram.org/bots/api#sendmessage> and below it. Descriptions of refusals are worded as Telegram words them, because
//! clients match on the words. What a message can carry besides text is `media.rs`.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::{
    Message, Telegram,
    content::Content,
    keyboard::{self, Button, Markup, ReplyKeyboard},
    methods::{Answer, Refusal},
    parameters::Parameters,
    target::{chat_to_write, message_id, message_to_edit, reply_target},
    text::{self, Formatted},
};
use crate::State;

/// <https://core.telegram.org/bots/api#deletemessage>: "if it was sent less than 48 hours ago".
const DELETE_HOURS: i64 = 48;

pub fn send(state: &mut State, parameters: &Parameters, now: DateTime<Utc>) -> Answer {
    let formatted = text::text(parameters, "message is too long")?;
    let link_preview_options = parameters.structure("link_preview_options")?;
    let outgoing = Outgoing::read(&mut state.telegram, parameters, now)?;
    outgoing.send(state, formatted, Content::Text, link_preview_options, now)
}

/// What every method that sends has in common: where to, in answer to what, and with which buttons.
pub struct Outgoing {
    chat_id: i64,
    reply_to: Option<i64>,
    markup: Markup,
    reply_markup: Option<Value>,
}

impl Outgoing {
    /// Counts towards the limits, so that everything else must have been checked before.
    pub fn read(telegram: &mut Telegram, parameters: &Parameters, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let reply_markup = parameters.structure("reply_markup")?;
        let markup = keyboard::parse(reply_markup.clone())?;
        let chat_id = chat_to_write(telegram, parameters)?;
        let reply_to = reply_target(telegram, chat_id, parameters)?;
        let asks_for_location = |keys: &ReplyKeyboard| keys.rows.iter().flatten().any(|key| key.request_location);
        // <https://core.telegram.org/bots/api#keyboardbutton>: "Available in private chats only."
        if matches!(&markup, Markup::Keys(keys) if chat_id < 0 && asks_for_location(keys)) {
            return Err(Refusal::bad_request("location can be requested in private chats only"));
        }
        telegram.limits.take(chat_id, now)?;
        Ok(Self { chat_id, reply_to, markup, reply_markup })
    }

    pub fn send(
        self,
        state: &mut State,
        formatted: Formatted,
        content: Content,
        link_preview_options: Option<Value>,
        now: DateTime<Utc>,
    ) -> Answer {
        let telegram = &mut state.telegram;
        let mut message = Message::new(telegram.new_message_id(), None, now, formatted, content);
        message.reply_to = self.reply_to;
        message.link_preview_options = link_preview_options;
        let keys = match self.markup {
            Markup::None => None,
            Markup::Inline(keyboard) => {
                message.keyboard = Some(keyboard);
                None
            }
            Markup::Keys(keys) => Some(Some(keys)),
            Markup::RemoveKeys => Some(None),
            Markup::ForceReply => {
                message.reply_interface.clone_from(&self.reply_markup);
                None
            }
        };
        if let (Some(keys), Some(chat)) = (keys, telegram.chats.get_mut(&self.chat_id)) {
            message.reply_interface = self.reply_markup;
            chat.reply_keyboard = keys;
        }
        *state.ledger.messages_sent.entry(self.chat_id).or_default() += 1;
        telegram.post(self.chat_id, message)
    }
}

pub fn edit_text(state: &mut State, parameters: &Parameters, now: DateTime<Utc>) -> Answer {
    let formatted = text::text(parameters, "MESSAGE_TOO_LONG")?;
    let keyboard = inline_keyboard(parameters)?;
    let link_preview_options = parameters.structure("link_preview_options")?;
    let (chat_id, index) = message_to_edit(&state.telegram, parameters)?;
    let is_text = |message: &Message| message.content == Content::Text;
    if !state.telegram.chats.get(&chat_id).is_some_and(|chat| is_text(&chat.messages[index])) {
        return Err(Refusal::bad_request("there is no text in the message to edit"));
    }
    edit(state, chat_id, index, now, |message| {
        let same = message.text == formatted.text && message.entities == formatted.entities;
        if same && message.keyboard == keyboard {
            return false;
        }
        message.say(formatted);
        message.keyboard = keyboard;
        message.link_preview_options = link_preview_options;
        true
    })
}

pub fn edit_keyboard(state: &mut State, parameters: &Parameters, now: DateTime<Utc>) -> Answer {
    let keyboard = inline_keyboard(parameters)?;
    let (chat_id, index) = message_to_edit(&state.telegram, parameters)?;
    edit(state, chat_id, index, now, |message| {
        let changed = message.keyboard != keyboard;
        message.keyboard = keyboard;
        changed
    })
}

/// Edits take inline keyboards only.
pub fn inline_keyboard(parameters: &Parameters) -> Result<Option<Vec<Vec<Button>>>, Refusal> {
    match keyboard::parse(parameters.structure("reply_markup")?)? {
        Markup::None => Ok(None),
        Markup::Inline(keyboard) => Ok(Some(keyboard)),
        Markup::Keys(_) | Markup::RemoveKeys | Markup::ForceReply => {
            Err(Refusal::bad_request("inline keyboard expected"))
        }
    }
}

/// Applies a change that says whether it changed anything.
pub fn edit(
    state: &mut State,
    chat_id: i64,
    index: usize,
    now: DateTime<Utc>,
    change: impl FnOnce(&mut Message) -> bool,
) -> Answer {
    let telegram = &mut state.telegram;
    let not_found = || Refusal::bad_request("message to edit not found");
    let chat = telegram.chats.get_mut(&chat_id).ok_or_else(not_found)?;
    let message = chat.messages.get_mut(index).ok_or_else(not_found)?;
    if !change(message) {
        return Err(Refusal::bad_request(
            "message is not modified: specified new message content and reply markup are exactly the same as a \
             current content and reply markup of the message",
        ));
    }
    message.edit_date = Some(now);
    message.edits += 1;
    chat.version += 1;
    *state.ledger.messages_edited.entry(chat_id).or_default() += 1;
    let chat = telegram.chats.get(&chat_id).ok_or_else(not_found)?;
    Ok(telegram.message_view(chat, &chat.messages[index]))
}

pub fn delete(state: &mut State, parameters: &Parameters, now: DateTime<Utc>) -> Answer {
    let chat_id = chat_to_write(&state.telegram, parameters)?;
    let id = message_id(parameters)?;
    let not_found = || Refusal::bad_request("message to delete not found");
    let chat = state.telegram.chats.get_mut(&chat_id).ok_or_else(not_found)?;
    let index = chat.messages.iter().position(|message| message.id == id).ok_or_else(not_found)?;
    let message = &chat.messages[index];
    let foreign = message.from.is_some() && chat.title.is_some();
    if foreign || now - message.date > TimeDelta::hours(DELETE_HOURS) {
        return Err(Refusal::bad_request("message can't be deleted"));
    }
    chat.messages.remove(index);
    chat.deleted.insert(id);
    chat.version += 1;
    *state.ledger.messages_deleted.entry(chat_id).or_default() += 1;
    Ok(true.into())
}

impl Message {
    /// Takes new words, and remembers the old ones where they differ.
    pub fn say(&mut self, formatted: Formatted) {
        if self.text != formatted.text || self.entities != formatted.entities {
            self.earlier_texts.push(std::mem::replace(&mut self.text, formatted.text));
        }
        self.entities = formatted.entities;
        self.source = formatted.source;
        self.parse_mode = formatted.parse_mode;
    }
}
