//! What a bot does besides messages: answering a button press, and showing that it is busy.
//!
//! <https://core.telegram.org/bots/api#answercallbackquery> and <https://core.telegram.org/bots/api#sendchataction>.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{
    methods::{Answer, Refusal},
    parameters::Parameters,
    target::chat_to_write,
};
use crate::State;

/// After this, a button press can no longer be answered. Telegram publishes no figure; clients give up at about this.
const QUERY_MINUTES: i64 = 10;

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
    *state.ledger.presses_answered.entry(id).or_default() += 1;
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
