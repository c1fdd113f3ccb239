//! What the Gmail and Calendar APIs allow, off unless a test switches it on: units per minute for each person and for the
//! whole project, and requests about one person at the same time.
//!
//! Costs and limits as published: <https://developers.google.com/workspace/gmail/api/reference/quota> and
//! <https://developers.google.com/workspace/calendar/api/guides/quota>. Windows slide: what counts is the last minute, whenever it
//! began. How many requests at once are too many is not published, only that there is such a limit
//! (<https://developers.google.com/workspace/gmail/api/guides/handle-errors>).

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use poem::{Request, http::HeaderValue, http::StatusCode, http::header};
use serde::{Deserialize, Serialize};

use super::{errors, identity};
use crate::{
    Sandbox,
    answer::{self, Refused},
};

pub const LIST: u32 = 5;
pub const GET: u32 = 20;
pub const HISTORY: u32 = 2;
pub const PROFILE: u32 = 1;
pub const LABELS: u32 = 1;
pub const SEND: u32 = 100;
/// As `messages.get`.
pub const ATTACHMENT: u32 = 20;
/// Every request to the Calendar API counts the same.
pub const CALENDAR_REQUEST: u32 = 1;

/// Limits in force. What is left out is not limited.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Gmail's for each person.
    pub units_per_minute: u32,
    /// Gmail's for everybody together.
    #[serde(default)]
    pub project_units_per_minute: Option<u32>,
    /// Calendar's for each person.
    #[serde(default)]
    pub calendar_requests_per_minute: Option<u32>,
    /// Calendar's for everybody together.
    #[serde(default)]
    pub calendar_project_requests_per_minute: Option<u32>,
    /// Requests to one of the two about one person that may be under way.
    #[serde(default)]
    pub at_once: Option<u32>,
    /// 403 or 429: both can mean "slow down".
    #[serde(default = "too_many")]
    pub status: u16,
    #[serde(default)]
    pub retry_after: Option<u32>,
}

fn too_many() -> u16 {
    429
}

/// Which API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Api {
    Gmail,
    Calendar,
}

impl Api {
    /// The one that serves this path.
    fn of(path: &str) -> Option<Self> {
        if path.starts_with("/gmail/") || path.starts_with("/upload/gmail/") {
            Some(Self::Gmail)
        } else if path.starts_with("/calendar/") {
            Some(Self::Calendar)
        } else {
            None
        }
    }
}

impl Quota {
    fn of_person(&self, api: Api) -> Option<u32> {
        match api {
            Api::Gmail => Some(self.units_per_minute),
            Api::Calendar => self.calendar_requests_per_minute,
        }
    }

    fn of_project(&self, api: Api) -> Option<u32> {
        match api {
            Api::Gmail => self.project_units_per_minute,
            Api::Calendar => self.calendar_project_requests_per_minute,
        }
    }

    fn refusal(&self, text: &str, about_person: bool) -> Refused {
        let (status, name) = if self.status == 403 {
            (StatusCode::FORBIDDEN, "PERMISSION_DENIED")
        } else {
            (StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED")
        };
        let reason = if self.status == 403 && about_person { "userRateLimitExceeded" } else { "rateLimitExceeded" };
        let mut response = answer::json(status, &errors::body(status.as_u16(), text, reason, name));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.into()
    }
}

/// What was spent in the last minute.
#[derive(Debug, Default)]
struct Spent {
    requests: VecDeque<(DateTime<Utc>, u32)>,
    units: u32,
}

impl Spent {
    fn has_room(&mut self, limit: Option<u32>, cost: u32, now: DateTime<Utc>) -> bool {
        while let Some((_, units)) = self.requests.front().copied().filter(|(at, _)| now - *at >= TimeDelta::minutes(1))
        {
            self.requests.pop_front();
            self.units -= units;
        }
        limit.is_none_or(|limit| self.units.saturating_add(cost) <= limit)
    }

    fn spend(&mut self, cost: u32, now: DateTime<Utc>) {
        self.requests.push_back((now, cost));
        self.units = self.units.saturating_add(cost);
    }
}

/// What is limited, and what of it is used.
#[derive(Debug, Default)]
pub struct Quotas {
    /// None: nothing is limited, and nothing is counted.
    pub limits: Option<Quota>,
    people: BTreeMap<(Api, String), Spent>,
    project: BTreeMap<Api, Spent>,
    under_way: BTreeMap<(Api, String), u32>,
}

impl Quotas {
    /// Charges a request about this account, or refuses it without charging.
    pub fn charge(&mut self, api: Api, account: &str, cost: u32, now: DateTime<Utc>) -> Result<(), Refused> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let person = self.people.entry((api, account.to_owned())).or_default();
        let project = self.project.entry(api).or_default();
        if !person.has_room(limits.of_person(api), cost, now) {
            let text = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute per user'.";
            return Err(limits.refusal(text, true));
        }
        if !project.has_room(limits.of_project(api), cost, now) {
            let text = "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute'.";
            return Err(limits.refusal(text, false));
        }
        person.spend(cost, now);
        project.spend(cost, now);
        Ok(())
    }
}

/// A request that is under way, until it is dropped.
pub struct UnderWay {
    sandbox: Arc<Sandbox>,
    of: (Api, String),
}

impl UnderWay {
    /// Lets a request begin, however long it will be delayed: counted from when it came in. Refused where too many about the
    /// same person are under way. None: nobody's, or nothing is limited.
    pub fn begin(sandbox: &Arc<Sandbox>, request: &Request) -> Result<Option<Self>, Refused> {
        let mut state = sandbox.state();
        let google = &mut state.google;
        let Some(limits) = &google.quotas.limits else { return Ok(None) };
        let token = identity::bearer(request).and_then(|token| google.access_tokens.get(token));
        let Some((api, token)) = Api::of(request.uri().path()).zip(token) else { return Ok(None) };
        let of = (api, token.account.clone());
        let under_way = google.quotas.under_way.entry(of.clone()).or_default();
        if limits.at_once.is_some_and(|at_once| *under_way >= at_once) {
            return Err(limits.refusal("Too many concurrent requests for user.", true));
        }
        *under_way += 1;
        drop(state);
        Ok(Some(Self { sandbox: Arc::clone(sandbox), of }))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut state = self.sandbox.state();
        if let Some(under_way) = state.google.quotas.under_way.get_mut(&self.of) {
            *under_way = under_way.saturating_sub(1);
        }
    }
}
