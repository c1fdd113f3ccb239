//! Gmail's quota per person and minute, off unless a test switches it on.
//!
//! Costs as published: <https://developers.google.com/workspace/gmail/api/reference/quota>.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};
use poem::{http::HeaderValue, http::StatusCode, http::header};
use serde::{Deserialize, Serialize};

use super::errors;
use crate::answer::{self, Refused};

pub const LIST: u32 = 5;
pub const GET: u32 = 20;
pub const HISTORY: u32 = 2;
pub const PROFILE: u32 = 1;
pub const LABELS: u32 = 1;
pub const SEND: u32 = 100;
/// As `messages.get`.
pub const ATTACHMENT: u32 = 20;

/// A limit in force.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    pub units_per_minute: u32,
    /// 403 or 429: both can mean "slow down".
    #[serde(default = "too_many")]
    pub status: u16,
    #[serde(default)]
    pub retry_after: Option<u32>,
}

fn too_many() -> u16 {
    429
}

/// What one person's requests cost in the last minute.
#[derive(Debug, Default)]
pub struct Spent(VecDeque<(DateTime<Utc>, u32)>);

impl Spent {
    /// Charges a request, or refuses it without charging.
    pub fn charge(&mut self, quota: Option<&Quota>, cost: u32, now: DateTime<Utc>) -> Result<(), Refused> {
        let Some(quota) = quota else { return Ok(()) };
        self.0.retain(|(at, _)| now - *at < TimeDelta::minutes(1));
        let spent: u32 = self.0.iter().map(|(_, units)| units).sum();
        if spent + cost <= quota.units_per_minute {
            self.0.push_back((now, cost));
            return Ok(());
        }
        let (status, reason, name) = if quota.status == 403 {
            (StatusCode::FORBIDDEN, "userRateLimitExceeded", "PERMISSION_DENIED")
        } else {
            (StatusCode::TOO_MANY_REQUESTS, "rateLimitExceeded", "RESOURCE_EXHAUSTED")
        };
        let text = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'.";
        let mut response = answer::json(status, &errors::body(status.as_u16(), text, reason, name));
        if let Some(seconds) = quota.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        Err(response.into())
    }
}
