//! JSON fields that may be of the wrong kind. Without this file one odd field would cost the whole page it is on.
//!
//! A field that cannot be read counts as missing, and an item of a list that cannot be read is passed over. What
//! nothing works without is asked for where the answer is understood, not here.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

/// The field, or its default where it is missing, null or of another kind.
pub(crate) fn lenient<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: DeserializeOwned + Default,
    D: Deserializer<'de>,
{
    Value::deserialize(deserializer).map(|value| serde_json::from_value(value).unwrap_or_default())
}

/// The items of a list that can be read. What is no list has none.
pub(crate) fn lenient_list<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(items) => items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
    })
}

/// The items of a list that can be read, each by itself: one that is no JSON for us (a number of a thousand digits,
/// half of a surrogate pair, a hundred lists in one another) costs nothing but itself.
pub(crate) fn readable<'a, T: Deserialize<'a>>(list: Option<&'a RawValue>) -> Vec<T> {
    let items: Vec<&RawValue> = list.and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default();
    items.into_iter().filter_map(|item| serde_json::from_str(item.get()).ok()).collect()
}

/// Text cut to so many characters; `None` where nothing is left but white space.
pub(crate) fn bounded(text: Option<String>, limit_characters: usize) -> Option<String> {
    let mut text = text?;
    if let Some((end, _)) = text.char_indices().nth(limit_characters) {
        text.truncate(end);
    }
    (!text.trim().is_empty()).then_some(text)
}

/// An empty token is no page: asking with one would start over, for ever.
pub(crate) fn another_page(token: Option<String>) -> Option<String> {
    token.filter(|token| !token.is_empty())
}

/// Whether this can be an id: something, not too long for an index, and without control characters.
pub(crate) fn is_sound_id(id: &str, limit_bytes: usize) -> bool {
    (1..=limit_bytes).contains(&id.len()) && !id.chars().any(char::is_control)
}
