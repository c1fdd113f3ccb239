//! Buttons under a message.
//!
//! <https://core.telegram.org/bots/api#inlinekeyboardbutton>. A button the real one refuses must be refused here, or the
//! message that carries it is lost in production only.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::methods::Refusal;

/// A button with the two actions this stand-in knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_data: Option<String>,
}

/// What `reply_markup` asked for.
#[derive(Debug)]
pub enum Markup {
    None,
    Inline(Vec<Vec<Button>>),
    /// A reply keyboard, its removal or a forced reply.
    Reply(Value),
}

/// `callback_data`: 1 to 64 bytes.
const DATA_BYTES: usize = 64;
const BUTTONS: usize = 100;

pub fn parse(markup: Option<Value>) -> Result<Markup, Refusal> {
    let Some(markup) = markup else { return Ok(Markup::None) };
    let not_an_object = || Refusal::bad_request("object expected as reply markup");
    let object = markup.as_object().ok_or_else(not_an_object)?;
    if ["keyboard", "remove_keyboard", "force_reply"].iter().any(|name| object.contains_key(*name)) {
        return Ok(Markup::Reply(markup));
    }
    let Some(rows) = object.get("inline_keyboard") else { return Ok(Markup::None) };
    let rows = rows.as_array().ok_or_else(|| {
        Refusal::bad_request("field \"inline_keyboard\" of the InlineKeyboardMarkup must be an array")
    })?;
    let mut keyboard = Vec::new();
    for row in rows {
        let row = row
            .as_array()
            .ok_or_else(|| Refusal::bad_request("field \"inline_keyboard\" must be an array of arrays"))?;
        let row = row.iter().map(button).collect::<Result<Vec<_>, _>>()?;
        if !row.is_empty() {
            keyboard.push(row);
        }
    }
    if keyboard.iter().map(Vec::len).sum::<usize>() > BUTTONS {
        return Err(Refusal::bad_request("reply markup is too long"));
    }
    Ok(if keyboard.is_empty() { Markup::None } else { Markup::Inline(keyboard) })
}

fn button(value: &Value) -> Result<Button, Refusal> {
    let cannot = |why: &str| Refusal::bad_request(&format!("can't parse inline keyboard button: {why}"));
    let text = value["text"].as_str().ok_or_else(|| cannot("Field \"text\" must be of type String"))?;
    if text.trim().is_empty() {
        return Err(cannot("Button text must be non-empty"));
    }
    let url = value["url"].as_str();
    let data = value["callback_data"].as_str();
    match (url, data) {
        (None, None) => return Err(cannot("Text buttons are unallowed in the inline keyboard")),
        (Some(_), Some(_)) => return Err(cannot("Exactly one of the optional fields must be used")),
        (None, Some(data)) if !(1..=DATA_BYTES).contains(&data.len()) => {
            return Err(Refusal::bad_request("BUTTON_DATA_INVALID"));
        }
        (Some(url), None) if !is_button_url(url) => {
            return Err(Refusal::bad_request(&format!(
                "inline keyboard button URL '{url}' is invalid: Wrong HTTP URL"
            )));
        }
        _ => {}
    }
    Ok(Button { text: text.to_owned(), url: url.map(str::to_owned), callback_data: data.map(str::to_owned) })
}

/// HTTP, HTTPS or `tg://`. Telegram also wants a dot in the host, so `localhost` is refused while `127.0.0.1` passes.
fn is_button_url(text: &str) -> bool {
    let Ok(url) = url::Url::parse(text) else { return false };
    match url.scheme() {
        "tg" => true,
        "http" | "https" => url.host_str().is_some_and(|host| host.contains('.') || host.contains(':')),
        _ => false,
    }
}
