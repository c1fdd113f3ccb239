//! `getUpdates` with answers as they are.
//!
//! The library's own types give up on what they do not know, and would have to be written down in its shape; this keeps
//! Telegram's JSON.

use serde::Serialize;
use serde_json::Value;
use teloxide::requests::Payload;

use super::LONG_POLL;

/// The kinds of updates that are asked for.
const KINDS: [&str; 3] = ["message", "callback_query", "my_chat_member"];

/// <https://core.telegram.org/bots/api#getupdates>
#[derive(Debug, Clone, Serialize)]
pub struct GetUpdates {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    limit: u8,
    timeout: u64,
    allowed_updates: [&'static str; 3],
}

impl GetUpdates {
    /// Asks for the updates from this one on, and confirms those before it.
    #[must_use]
    pub fn after(offset: Option<i64>) -> Self {
        Self { offset, limit: 100, timeout: LONG_POLL.as_secs(), allowed_updates: KINDS }
    }
}

impl Payload for GetUpdates {
    type Output = Vec<Value>;

    const NAME: &'static str = "GetUpdates";
}
