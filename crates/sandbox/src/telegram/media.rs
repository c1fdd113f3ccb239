//! Photos and documents: sending them, and editing what a message carries.
//!
//! <https://core.telegram.org/bots/api#sendphoto>, <https://core.telegram.org/bots/api#senddocument>,
//! <https://core.telegram.org/bots/api#editmessagemedia>. What a picture must be like is `picture.rs`.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    content::Content,
    files::Kind,
    messages::{Outgoing, edit, inline_keyboard},
    methods::{Answer, Refusal},
    parameters::Parameters,
    target::message_to_edit,
    text,
};
use crate::State;

pub fn send(state: &mut State, parameters: &Parameters, kind: Kind, now: DateTime<Utc>) -> Answer {
    let caption = text::caption(parameters)?;
    let name = if kind == Kind::Photo { "photo" } else { "document" };
    let content = read(state, parameters, name, None)?;
    let outgoing = Outgoing::read(&mut state.telegram, parameters, now)?;
    outgoing.send(state, caption, content, None, now)
}

/// The photo or document that a parameter names.
fn read(state: &mut State, parameters: &Parameters, name: &str, given: Option<&str>) -> Result<Content, Refusal> {
    let source = parameters.file(name, given)?;
    let files = &mut state.telegram.files;
    let file = if name == "photo" { files.photo(&source)? } else { files.document(&source)? };
    Ok(Content::of(file))
}

/// `InputMediaPhoto` and `InputMediaDocument`, also for a message that was a text before.
pub fn edit_media(state: &mut State, parameters: &Parameters, now: DateTime<Utc>) -> Answer {
    let media = parameters.structure("media")?.unwrap_or_default();
    let Value::Object(media) = media else {
        return Err(Refusal::bad_request("can't parse InputMedia: Object expected"));
    };
    let kind = match media.get("type").and_then(Value::as_str) {
        Some(kind @ ("photo" | "document")) => kind.to_owned(),
        Some("animation" | "audio" | "video") => {
            return Err(Refusal::bad_request("can't parse InputMedia: this stand-in knows only photo and document"));
        }
        _ => return Err(Refusal::bad_request("can't parse InputMedia: invalid type specified")),
    };
    let name = media.get("media").and_then(Value::as_str).unwrap_or_default().to_owned();
    let caption = text::caption(&Parameters::from_object(media))?;
    let keyboard = inline_keyboard(parameters)?;
    let (chat_id, index) = message_to_edit(&state.telegram, parameters)?;
    let content = read(state, parameters, &kind, Some(&name))?;
    edit(state, chat_id, index, now, |message| {
        let same = message.text == caption.text && message.entities == caption.entities && message.content == content;
        if same && message.keyboard == keyboard {
            return false;
        }
        message.say(caption);
        message.content = content;
        message.keyboard = keyboard;
        true
    })
}

/// <https://core.telegram.org/bots/api#editmessagecaption>
pub fn edit_caption(state: &mut State, parameters: &Parameters, now: DateTime<Utc>) -> Answer {
    let caption = text::caption(parameters)?;
    let keyboard = inline_keyboard(parameters)?;
    let (chat_id, index) = message_to_edit(&state.telegram, parameters)?;
    if !state.telegram.chats.get(&chat_id).is_some_and(|chat| chat.messages[index].content.takes_caption()) {
        return Err(Refusal::bad_request("there is no caption in the message to edit"));
    }
    edit(state, chat_id, index, now, |message| {
        if message.text == caption.text && message.entities == caption.entities && message.keyboard == keyboard {
            return false;
        }
        message.say(caption);
        message.keyboard = keyboard;
        true
    })
}
