//! How fast a bot may send.
//!
//! <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>: about 30 messages a second in all, about one a
//! second to one chat with short bursts allowed. Telegram publishes no exact figures; these are settable.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::methods::Refusal;

/// The settings, as they are posted to `/sandbox/telegram/limits`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    pub enabled: bool,
    /// Messages a second over all chats.
    pub overall_per_second: f64,
    /// Messages a chat takes at once before it slows down.
    pub chat_burst: f64,
    /// Messages a second a chat takes after its burst.
    pub chat_per_second: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { enabled: true, overall_per_second: 30.0, chat_burst: 20.0, chat_per_second: 1.0 }
    }
}

/// A bucket of tokens for the bot, and one for each chat.
#[derive(Debug, Default)]
pub struct Limits {
    pub rules: Rules,
    overall: Option<Bucket>,
    chats: HashMap<i64, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: DateTime<Utc>,
}

impl Bucket {
    /// Takes one, or answers how many seconds to wait.
    fn take(&mut self, capacity: f64, per_second: f64, now: DateTime<Utc>) -> Result<(), f64> {
        // A clock that is set back must not drain the bucket.
        let milliseconds = (now - self.at).num_milliseconds().clamp(0, 86_400_000);
        let elapsed = f64::from(i32::try_from(milliseconds).unwrap_or(i32::MAX)) / 1000.0;
        self.left = (self.left + elapsed * per_second).min(capacity);
        self.at = now;
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        Err((1.0 - self.left) / per_second.max(0.001))
    }
}

impl Limits {
    pub fn take(&mut self, chat_id: i64, now: DateTime<Utc>) -> Result<(), Refusal> {
        let rules = &self.rules;
        if !rules.enabled {
            return Ok(());
        }
        let fresh = |left: f64| Bucket { left, at: now };
        let chat = self.chats.entry(chat_id).or_insert_with(|| fresh(rules.chat_burst));
        let overall = self.overall.get_or_insert_with(|| fresh(rules.overall_per_second));
        chat.take(rules.chat_burst, rules.chat_per_second, now)
            .and_then(|()| overall.take(rules.overall_per_second, rules.overall_per_second, now))
            .map_err(too_many_requests)
    }

    /// New rules start with full buckets.
    pub fn set(&mut self, rules: Rules) {
        *self = Self { rules, ..Self::default() };
    }
}

/// <https://core.telegram.org/bots/api#responseparameters>
fn too_many_requests(seconds: f64) -> Refusal {
    let text = format!("{:.0}", seconds.ceil().clamp(1.0, 86_400.0));
    Refusal {
        code: 429,
        retry_after: Some(text.parse().unwrap_or(1)),
        description: format!("Too Many Requests: retry after {text}"),
    }
}
