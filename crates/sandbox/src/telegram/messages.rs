//! Sending, editing and deleting messages, and answering button presses.
//!
//! <https://core.telegram.org/bots/api#sendmessage> and below it. Descriptions of refusals are worded as Telegram words them, because
//! clients match on the words.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{
    Chat, Message, Telegram,
    keyboard::{self, Markup},
    methods::{Answer, Refusal},
    parameters::Parameters,
    text::formatted,
};
use crate::State;

/// After this, a button press can no longer be answered. Telegram publishes no figure; clients give up at about this.
const QUERY_MINUTES: i64 = 10;

/// <https://core.telegram.org/bots/api#deletemessage>: "if it was sent less than 48 hours ago".
const DELETE_HOURS: i64 = 48;

const ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

pub fn send(state: &mut State, parameters: &Parameters, now: DateTime<Utc>) -> Answer {
    let telegram = &mut state.telegram;
    let formatted = formatted(parameters, "message is too long")?;
    let markup = keyboard::parse(parameters.structure("reply_markup")?)?;
    let link_preview_options = parameters.structure("link_preview_options")?;
    let chat_id = chat_to_write(telegram, parameters)?;
    let reply_to = reply_target(telegram, chat_id, parameters)?;
    telegram.limits.take(chat_id, now)?;
    let (keyboard, reply_interface) = match markup {
        Markup::None => (None, None),
        Markup::Inline(keyboard) => (Some(keyboard), None),
        Markup::Reply(value) => (None, Some(value)),
    };
    let message = Message {
        id: telegram.new_message_id(),
        from: None,
        date: now,
        edit_date: None,
        text: formatted.text,
        entities: formatted.entities,
        source: formatted.source,
        parse_mode: formatted.parse_mode,
        keyboard,
        reply_interface,
        link_preview_options,
        reply_to,
        earlier_texts: Vec::new(),
        edits: 0,
    };
    *state.ledger.messages_sent.entry(chat_id).or_default() += 1;
    telegram.post(chat_id, message)
}

pub fn edit_text(state: &mut State, parameters: &Parameters, now: DateTime<Utc>) -> Answer {
    let telegram = &mut state.telegram;
    let formatted = formatted(parameters, "MESSAGE_TOO_LONG")?;
    let markup = keyboard::parse(parameters.structure("reply_markup")?)?;
    let link_preview_options = parameters.structure("link_preview_options")?;
    let (chat_id, index) = message_to_edit(telegram, parameters)?;
    let keyboard = inline(markup)?;
    edit(state, chat_id, index, now, |message| {
        let same = message.text == formatted.text && message.entities == formatted.entities;
        if same && message.keyboard == keyboard {
            return false;
        }
        if !same {
            message.earlier_texts.push(std::mem::replace(&mut message.text, formatted.text));
        }
        message.entities = formatted.entities;
        message.source = formatted.source;
        message.parse_mode = formatted.parse_mode;
        message.keyboard = keyboard;
        message.link_preview_options = link_preview_options;
        true
    })
}

pub fn edit_keyboard(state: &mut State, parameters: &Parameters, now: DateTime<Utc>) -> Answer {
    let keyboard = inline(keyboard::parse(parameters.structure("reply_markup")?)?)?;
    let (chat_id, index) = message_to_edit(&state.telegram, parameters)?;
    edit(state, chat_id, index, now, |message| {
        let changed = message.keyboard != keyboard;
        message.keyboard = keyboard;
        changed
    })
}

/// Edits take inline keyboards only.
fn inline(markup: Markup) -> Result<Option<Vec<Vec<keyboard::Button>>>, Refusal> {
    match markup {
        Markup::None => Ok(None),
        Markup::Inline(keyboard) => Ok(Some(keyboard)),
        Markup::Reply(_) => Err(Refusal::bad_request("inline keyboard expected")),
    }
}

/// Applies a change that says whether it changed anything.
fn edit(
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
    chat.version += 1;
    *state.ledger.messages_deleted.entry(chat_id).or_default() += 1;
    Ok(true.into())
}

/// <https://core.telegram.org/bots/api#answercallbackquery>
pub fn answer_callback(state: &mut State, parameters: &Parameters, now: DateTime<Utc>) -> Answer {
    let text = parameters.text("text").unwrap_or_default();
    if text.chars().count() > 200 {
        return Err(Refusal::bad_request("MESSAGE_TOO_LONG"));
    }
    let id = parameters.text("callback_query_id").unwrap_or_default();
    let telegram = &mut state.telegram;
    let query =
        telegram.queries.get(&id).filter(|query| now - query.at <= TimeDelta::minutes(QUERY_MINUTES)).ok_or_else(
            || Refusal::bad_request("query is too old and response timeout expired or query ID is invalid"),
        )?;
    if let Some(chat) = telegram.chats.get_mut(&query.chat_id) {
        chat.notices.push(json!({
            "callback_query_id": id,
            "to": query.from,
            "text": text,
            "show_alert": parameters.flag("show_alert"),
            "url": parameters.text("url"),
        }));
        chat.version += 1;
    }
    state.ledger.callbacks_answered += 1;
    Ok(true.into())
}

/// <https://core.telegram.org/bots/api#sendchataction>: shows for five seconds or until a message comes.
pub fn chat_action(state: &mut State, parameters: &Parameters, now: DateTime<Utc>) -> Answer {
    let action = parameters.text("action").unwrap_or_default();
    if !ACTIONS.contains(&action.as_str()) {
        return Err(Refusal::bad_request("wrong parameter action in request"));
    }
    let chat_id = chat_to_write(&state.telegram, parameters)?;
    if let Some(chat) = state.telegram.chats.get_mut(&chat_id) {
        chat.busy_until = Some(now + TimeDelta::seconds(5));
        chat.version += 1;
    }
    Ok(true.into())
}

/// A bot can only write where somebody wrote first.
/// <https://core.telegram.org/bots/features#what-features-do-bots-have>
fn chat_to_write(telegram: &Telegram, parameters: &Parameters) -> Result<i64, Refusal> {
    let Some(text) = parameters.text("chat_id").filter(|text| !text.is_empty()) else {
        return Err(Refusal::bad_request("chat_id is empty"));
    };
    let chat = text
        .trim()
        .parse()
        .ok()
        .and_then(|id: i64| telegram.chats.get(&id))
        .ok_or_else(|| Refusal::bad_request("chat not found"))?;
    if chat.blocked {
        return Err(Refusal::new(403, "Forbidden: bot was blocked by the user"));
    }
    Ok(chat.id)
}

fn message_id(parameters: &Parameters) -> Result<i64, Refusal> {
    parameters
        .integer("message_id")
        .filter(|id| *id > 0)
        .ok_or_else(|| Refusal::bad_request("message identifier is not specified"))
}

fn message_to_edit(telegram: &Telegram, parameters: &Parameters) -> Result<(i64, usize), Refusal> {
    let id = message_id(parameters)?;
    let chat_id = chat_to_write(telegram, parameters)?;
    let messages = telegram.chats.get(&chat_id).map(|chat| chat.messages.as_slice()).unwrap_or_default();
    let index = messages
        .iter()
        .position(|message| message.id == id)
        .ok_or_else(|| Refusal::bad_request("message to edit not found"))?;
    if messages[index].from.is_some() {
        return Err(Refusal::bad_request("message can't be edited"));
    }
    Ok((chat_id, index))
}

/// `reply_parameters`, or `reply_to_message_id` of older clients.
fn reply_target(telegram: &Telegram, chat_id: i64, parameters: &Parameters) -> Result<Option<i64>, Refusal> {
    let given = parameters.structure("reply_parameters")?;
    let lenient = given
        .as_ref()
        .and_then(|value| value["allow_sending_without_reply"].as_bool())
        .unwrap_or_else(|| parameters.flag("allow_sending_without_reply"));
    let Some(id) = given
        .as_ref()
        .and_then(|value| value["message_id"].as_i64())
        .or_else(|| parameters.integer("reply_to_message_id"))
    else {
        return Ok(None);
    };
    let there = telegram.chats.get(&chat_id).is_some_and(|chat| chat.messages.iter().any(|message| message.id == id));
    match (there, lenient) {
        (true, _) => Ok(Some(id)),
        (false, true) => Ok(None),
        (false, false) => Err(Refusal::bad_request("message to be replied not found")),
    }
}

impl Telegram {
    /// Puts a message into a chat and answers it as the API shows it.
    pub fn post(&mut self, chat_id: i64, message: Message) -> Answer {
        let not_found = || Refusal::bad_request("chat not found");
        let chat = self.chats.get_mut(&chat_id).ok_or_else(not_found)?;
        if message.from.is_none() {
            chat.busy_until = None;
        }
        chat.messages.push(message);
        chat.version += 1;
        let chat = self.chats.get(&chat_id).ok_or_else(not_found)?;
        let message = chat.messages.last().ok_or_else(not_found)?;
        Ok(self.message_view(chat, message))
    }

    /// A chat that exists from now on.
    pub fn open_chat(&mut self, id: i64, title: Option<&str>) -> &mut Chat {
        self.chats.entry(id).or_insert_with(|| Chat { id, title: title.map(str::to_owned), ..Chat::default() })
    }
}
