//! Faults on command: what the next calls to a path must suffer.
//!
//! Without this file a test could only wait for bad luck. A fault is decided before the work and knows nothing of
//! what the path means; faults inside a well-formed answer (a missing token, a wrong nonce) live in `google/answers.rs`.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One fault, as it is posted to `/sandbox/faults`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Prefix of the path, or the whole path with `exact`. The Bot API may be written without its token: `/bot/sendMessage`.
    pub path: String,
    #[serde(default)]
    pub exact: bool,
    /// Any method where left out.
    #[serde(default)]
    pub method: Option<String>,
    /// Only calls whose query or body contains this text.
    #[serde(default)]
    pub contains: Option<String>,
    /// How many calls it hits: one, or with `seconds` all of them, where left out.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many matching calls pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// Of the matching calls after that, only every so manieth is hit, beginning with the first.
    #[serde(default = "every")]
    pub one_in: u32,
    /// Ends by itself after so many seconds of the shared clock.
    #[serde(default)]
    pub seconds: Option<u32>,
    #[serde(default)]
    pub status: Option<u16>,
    /// Seconds, as a `Retry-After` header and, for Telegram, `parameters.retry_after`.
    #[serde(default)]
    pub retry_after: Option<u32>,
    /// The answer's body, as it is.
    #[serde(default)]
    pub body: Option<String>,
    /// Waits before anything else happens.
    #[serde(default)]
    pub delay_ms: u64,
    /// Closes the connection without an answer, before the work.
    #[serde(default)]
    pub drop: bool,
    /// Does the work, then closes the connection without an answer.
    #[serde(default)]
    pub lose_answer: bool,
}

fn every() -> u32 {
    1
}

impl Fault {
    /// The status to answer with instead of doing the work; a fault that says nothing at all means 503.
    pub fn status(&self) -> Option<u16> {
        let silent = self.body.is_none() && self.delay_ms == 0 && !self.drop && !self.lose_answer;
        self.status.or(self.body.is_some().then_some(200)).or((silent || self.retry_after.is_some()).then_some(503))
    }

    fn matches(&self, call: &Call) -> bool {
        let path_matches = |path: &str| {
            if self.exact { path == self.path } else { path.starts_with(&self.path) }
        };
        // Method names are case-insensitive, and clients do write them differently.
        let bot_path_matches = || {
            let (path, wanted) = (without_bot_token(&call.path), without_bot_token(&self.path));
            let (path, wanted) = (path.to_lowercase(), wanted.to_lowercase());
            wanted.starts_with("/bot/") && if self.exact { path == wanted } else { path.starts_with(&wanted) }
        };
        self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&call.method))
            && (path_matches(&call.path) || bot_path_matches())
            && self.contains.as_ref().is_none_or(|text| call.query.contains(text) || call.body.contains(text))
    }

    /// A body in the vendor's own error shape, so that clients read it as the real thing.
    pub fn default_body(&self, path: &str, status: u16) -> Value {
        if path.starts_with("/bot") {
            let mut body = json!({
                "ok": false,
                "error_code": status,
                "description": if status == 429 {
                    format!("Too Many Requests: retry after {}", self.retry_after.unwrap_or(1))
                } else {
                    "Internal Server Error".to_owned()
                },
            });
            if let Some(seconds) = self.retry_after {
                body["parameters"] = json!({ "retry_after": seconds });
            }
            return body;
        }
        if path == "/token" || path == "/revoke" {
            return json!({ "error": "temporarily_unavailable", "error_description": "Try again later." });
        }
        let (reason, name) = match status {
            429 => ("rateLimitExceeded", "RESOURCE_EXHAUSTED"),
            403 => ("rateLimitExceeded", "PERMISSION_DENIED"),
            503 => ("backendError", "UNAVAILABLE"),
            _ => ("backendError", "INTERNAL"),
        };
        crate::google::errors::body(status, "Fault on command.", reason, name)
    }
}

/// What a fault can look at.
#[derive(Debug, Default)]
pub struct Call {
    pub method: String,
    pub path: String,
    pub query: String,
    /// Empty unless some fault asks for it.
    pub body: String,
}

/// A fault that is not used up.
#[derive(Debug)]
struct Pending {
    /// Its `times` and `skip` count down.
    fault: Fault,
    /// Matching calls that it could have hit so far.
    met: u32,
    until: Option<DateTime<Utc>>,
}

impl Pending {
    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.fault.times == Some(0) || self.until.is_some_and(|until| now >= until)
    }

    /// Whether it hits this matching call.
    fn hits(&mut self) -> bool {
        if self.fault.skip > 0 {
            self.fault.skip -= 1;
            return false;
        }
        let is_its_turn = self.met.is_multiple_of(self.fault.one_in.max(1));
        self.met = self.met.wrapping_add(1);
        if is_its_turn && let Some(times) = &mut self.fault.times {
            *times = times.saturating_sub(1);
        }
        is_its_turn
    }
}

/// The faults still to come, oldest first.
#[derive(Debug, Default)]
pub struct Faults(Vec<Pending>);

impl Faults {
    pub fn add(&mut self, mut fault: Fault, now: DateTime<Utc>) {
        if fault.seconds.is_none() {
            fault.times.get_or_insert(1);
        }
        let until = fault.seconds.map(|seconds| now + TimeDelta::seconds(seconds.into()));
        self.0.push(Pending { fault, met: 0, until });
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn pending(&mut self, now: DateTime<Utc>) -> Vec<&Fault> {
        self.0.retain(|pending| !pending.is_over(now));
        self.0.iter().map(|pending| &pending.fault).collect()
    }

    pub fn look_at_bodies(&self) -> bool {
        self.0.iter().any(|pending| pending.fault.contains.is_some())
    }

    /// The first fault this call meets; those that still skip or are not at their turn let it pass and count.
    pub fn take(&mut self, call: &Call, now: DateTime<Utc>) -> Option<Fault> {
        self.0.retain(|pending| !pending.is_over(now));
        let mut matching = self.0.iter_mut().filter(|pending| pending.fault.matches(call));
        let hit = matching.find_map(|pending| pending.hits().then(|| pending.fault.clone()));
        self.0.retain(|pending| !pending.is_over(now));
        hit
    }
}

/// `/bot<token>/SendMessage` as `/bot/sendMessage`; other paths unchanged.
pub fn without_bot_token(path: &str) -> String {
    let Some((_, method)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/')) else {
        return path.to_owned();
    };
    let first = method.chars().next().map(|first| first.to_ascii_lowercase());
    let rest = method.chars().skip(1);
    format!("/bot/{}", first.into_iter().chain(rest).collect::<String>())
}
