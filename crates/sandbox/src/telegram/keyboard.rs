//! Buttons under a message, and keys in place of the keyboard.
//!
//! <https://core.telegram.org/bots/api#inlinekeyboardbutton> and <https://core.telegram.org/bots/api#keyboardbutton>. A button the real one refuses must be refused here, or the
//! message that carries it is lost in production only.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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

/// A key of a reply keyboard: pressing it writes its text, or tells where the person is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Key {
    pub text: String,
    pub request_location: bool,
}

/// <https://core.telegram.org/bots/api#replykeyboardmarkup>
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplyKeyboard {
    pub rows: Vec<Vec<Key>>,
    /// Hidden after its first use.
    pub one_time: bool,
    pub placeholder: Option<String>,
}

/// What `reply_markup` asked for.
#[derive(Debug)]
pub enum Markup {
    None,
    Inline(Vec<Vec<Button>>),
    Keys(ReplyKeyboard),
    RemoveKeys,
    ForceReply,
}

/// `callback_data`: 1 to 64 bytes.
const DATA_BYTES: usize = 64;
const BUTTONS: usize = 100;

pub fn parse(markup: Option<Value>) -> Result<Markup, Refusal> {
    let Some(markup) = markup else { return Ok(Markup::None) };
    let not_an_object = || Refusal::bad_request("object expected as reply markup");
    let object = markup.as_object().ok_or_else(not_an_object)?;
    if let Some(keys) = object.get("keyboard") {
        return reply_keyboard(object, keys);
    }
    if object.get("remove_keyboard").is_some_and(|remove| *remove == Value::Bool(true)) {
        return Ok(Markup::RemoveKeys);
    }
    if object.get("force_reply").is_some_and(|force| *force == Value::Bool(true)) {
        return Ok(Markup::ForceReply);
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

fn reply_keyboard(object: &Map<String, Value>, keys: &Value) -> Result<Markup, Refusal> {
    let not_rows = || Refusal::bad_request("field \"keyboard\" of the ReplyKeyboardMarkup must be an Array of Arrays");
    let mut rows = Vec::new();
    for row in keys.as_array().ok_or_else(not_rows)? {
        let row = row.as_array().ok_or_else(not_rows)?.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        if !row.is_empty() {
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return Ok(Markup::None);
    }
    let flag = |name: &str| object.get(name).and_then(Value::as_bool).unwrap_or_default();
    let placeholder = object.get("input_field_placeholder").and_then(Value::as_str).map(str::to_owned);
    Ok(Markup::Keys(ReplyKeyboard { rows, one_time: flag("one_time_keyboard"), placeholder }))
}

/// A key is a text, or an object with one and at most one request; of those only `request_location` is known here.
fn key(value: &Value) -> Result<Key, Refusal> {
    let cannot = |why: &str| Refusal::bad_request(&format!("can't parse keyboard button: {why}"));
    let text = value.as_str().or_else(|| value["text"].as_str());
    let text = text.ok_or_else(|| cannot("Field \"text\" must be of type String"))?;
    if text.trim().is_empty() {
        return Err(cannot("Keyboard button text must be non-empty"));
    }
    let other = ["request_users", "request_chat", "request_contact", "request_poll", "web_app"];
    if other.iter().any(|name| !matches!(value[*name], Value::Null | Value::Bool(false))) {
        return Err(cannot("this stand-in knows only text and request_location"));
    }
    Ok(Key { text: text.to_owned(), request_location: value["request_location"] == Value::Bool(true) })
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
