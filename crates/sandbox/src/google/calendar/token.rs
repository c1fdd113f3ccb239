//! Page tokens and sync tokens: what they remember, and when they are no longer good.
//!
//! <https://developers.google.com/workspace/calendar/api/guides/sync>. To clients they are opaque, and end in `=` often enough that
//! one who forgets to escape them finds out.

use base64::{Engine, engine::general_purpose::URL_SAFE};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::errors;
use crate::answer::Refused;

/// Where the next page begins.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PageToken {
    pub page: String,
    /// The list's order and id of the last entry seen: what changes meanwhile does not shift the following pages.
    pub after: (i64, String),
    /// The change number when the first page was asked for, which the sync token at the end must hold.
    pub change: u64,
    /// All other parameters must stay as they were.
    pub asked: String,
}

/// From where an incremental answer starts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SyncToken {
    /// What is synchronised: a calendar, or one account's list or settings.
    pub sync: String,
    pub change: u64,
    pub generation: u64,
    pub asked: String,
    /// The window of the full list, within which instances of series are worked out.
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
}

fn encode(token: &impl Serialize) -> String {
    serde_json::to_vec(token).map(|bytes| URL_SAFE.encode(bytes)).unwrap_or_default()
}

fn decode<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE.decode(text).ok()?).ok()
}

impl PageToken {
    pub fn text(&self) -> String {
        encode(self)
    }

    pub fn read(text: &str, page: &str, asked: &str) -> Result<Self, Refused> {
        let invalid = || errors::parameter("pageToken", "Invalid page token value.");
        let token: Self = decode(text).ok_or_else(invalid)?;
        if token.page == page && token.asked == asked { Ok(token) } else { Err(invalid()) }
    }
}

impl SyncToken {
    pub fn text(&self) -> String {
        encode(self)
    }

    /// "All other query parameters should be the same as for the initial synchronization to avoid undefined behavior": here
    /// the undefined is 400. "If the syncToken expires, the server will respond with a 410".
    pub fn read(text: &str, sync: &str, asked: &str, generation: u64) -> Result<Self, Refused> {
        let invalid = || errors::parameter("syncToken", "Invalid sync token value.");
        let token: Self = decode(text).ok_or_else(invalid)?;
        if token.sync != sync {
            return Err(invalid());
        }
        if token.generation != generation {
            return Err(errors::full_sync_required());
        }
        if token.asked != asked {
            let text = "Parameters other than those of the first synchronization cannot be used with a sync token.";
            return Err(errors::bad_request(text));
        }
        Ok(token)
    }
}

/// One page of what was found, sorted by key, and the token of the next one.
pub fn page<T>(
    found: Vec<((i64, String), T)>,
    token: Option<&PageToken>,
    size: usize,
) -> (Vec<T>, Option<(i64, String)>) {
    let mut rest: Vec<_> = found.into_iter().filter(|(key, _)| token.is_none_or(|token| *key > token.after)).collect();
    rest.sort_by(|(one, _), (other, _)| one.cmp(other));
    let more = rest.len() > size;
    rest.truncate(size);
    let last = rest.last().map(|(key, _)| key.clone()).filter(|_| more);
    (rest.into_iter().map(|(_, entry)| entry).collect(), last)
}
