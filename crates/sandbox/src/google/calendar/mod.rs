//! The stand-in Google Calendar: calendars, who may see them, and what is in them.
//!
//! <https://developers.google.com/workspace/calendar/api/v3/reference>. Here is the state and who may touch it; each resource has
//! its own file. Nobody is invited across calendars: an event lives in the one calendar it was put into.

pub mod asked;
pub mod change;
pub mod draft;
pub mod errors;
pub mod event;
pub mod events;
pub mod free_busy;
pub mod instances;
pub mod list;
pub mod lists;
pub mod lively;
pub mod moment;
mod pen;
pub mod precondition;
pub mod recurrence;
pub mod token;
pub mod window;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use poem::{IntoEndpoint, Request, Route, get, post};
use serde::{Deserialize, Serialize};

use self::event::Event;
use super::{
    Google, errors as google_errors, identity,
    quota::{Api, CALENDAR_REQUEST},
    scopes,
};
use crate::{Sandbox, State, answer::Refused};

/// Everything under `/calendar/v3/`.
pub fn routes() -> impl IntoEndpoint {
    let event = get(events::get).put(events::update).patch(events::patch).delete(events::delete);
    Route::new()
        .at("/users/me/calendarList", get(lists::list))
        .at("/users/me/calendarList/:calendar", get(lists::get))
        .at("/users/me/settings", get(lists::list_settings))
        .at("/users/me/settings/:setting", get(lists::get_setting))
        .at("/calendars/:calendar", get(lists::get_calendar))
        .at("/calendars/:calendar/events", get(list::list).post(events::insert))
        .at("/calendars/:calendar/events/:event", event)
        .at("/calendars/:calendar/events/:event/instances", get(instances::list))
        .at("/freeBusy", post(free_busy::query))
}

/// One calendar and everything that was ever in it.
#[derive(Debug, Clone)]
pub struct Calendar {
    pub id: String,
    pub summary: String,
    pub description: String,
    pub zone: Tz,
    /// The address or calendar that organises what is put here.
    pub owner: Option<String>,
    /// What it looks like in each account's list.
    pub entries: BTreeMap<String, Entry>,
    pub events: BTreeMap<String, Event>,
    /// Counts every change; sync tokens hold it.
    pub changes: u64,
    /// Sync tokens of an earlier generation are answered with 410.
    pub generation: u64,
    pub updated: DateTime<Utc>,
}

/// A calendar in somebody's list.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "four independent flags of the vendor's own")]
pub struct Entry {
    pub role: Role,
    pub primary: bool,
    pub selected: bool,
    pub hidden: bool,
    pub deleted: bool,
    pub summary_override: Option<String>,
    pub color: Color,
    /// The list's change that touched it last.
    pub changed: u64,
}

/// `colorId` with the background it stands for.
/// <https://developers.google.com/workspace/calendar/api/v3/reference/colors>
#[derive(Debug, Clone, Copy)]
pub struct Color {
    pub id: &'static str,
    pub background: &'static str,
}

/// What somebody may do with a calendar, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    FreeBusyReader,
    Reader,
    WriterWithoutPrivateAccess,
    Writer,
    Owner,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Self::FreeBusyReader => "freeBusyReader",
            Self::Reader => "reader",
            Self::WriterWithoutPrivateAccess => "writerWithoutPrivateAccess",
            Self::Writer => "writer",
            Self::Owner => "owner",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Self::FreeBusyReader, Self::Reader, Self::WriterWithoutPrivateAccess, Self::Writer, Self::Owner]
            .into_iter()
            .find(|role| role.name() == name)
    }
}

/// The account behind a token that has one of these scopes, charged for the request.
pub fn caller(sandbox: &Sandbox, state: &mut State, request: &Request, needed: &[&str]) -> Result<String, Refused> {
    let now = sandbox.clock.now();
    let token = identity::bearer(request)
        .and_then(|token| state.google.live_access_token(token, now))
        .ok_or_else(google_errors::unauthenticated)?;
    if !needed.iter().any(|scope| token.scopes.contains(*scope)) {
        return Err(google_errors::insufficient_scope(needed));
    }
    let account = token.account.clone();
    state.google.quotas.charge(Api::Calendar, &account, CALENDAR_REQUEST, now)?;
    Ok(account)
}

/// The calendar somebody means, and what they may do with it. What they may not see is not there.
pub fn open(google: &Google, account: &str, id: &str) -> Result<(String, Role), Refused> {
    let id = if id == "primary" { google.primary_of(account).ok_or_else(errors::not_found)? } else { id };
    let calendar = google.calendars.get(id).ok_or_else(errors::not_found)?;
    let entry = calendar.entries.get(account).filter(|entry| !entry.deleted).ok_or_else(errors::not_found)?;
    Ok((calendar.id.clone(), entry.role))
}

impl Google {
    pub fn primary_of(&self, account: &str) -> Option<&str> {
        self.calendars
            .values()
            .find(|calendar| calendar.entries.get(account).is_some_and(|entry| entry.primary))
            .map(|calendar| calendar.id.as_str())
    }
}

/// Which scopes open `events.list`, `events.get` and `events.instances`.
/// <https://developers.google.com/workspace/calendar/api/v3/reference/events/list#auth>
pub const READ_EVENTS: [&str; 7] = [
    scopes::CALENDAR,
    scopes::CALENDAR_READONLY,
    scopes::CALENDAR_EVENTS,
    scopes::CALENDAR_EVENTS_READONLY,
    scopes::CALENDAR_EVENTS_OWNED,
    scopes::CALENDAR_EVENTS_OWNED_READONLY,
    scopes::CALENDAR_EVENTS_FREEBUSY,
];

/// <https://developers.google.com/workspace/calendar/api/v3/reference/events/insert#auth>
pub const WRITE_EVENTS: [&str; 3] = [scopes::CALENDAR, scopes::CALENDAR_EVENTS, scopes::CALENDAR_EVENTS_OWNED];

/// <https://developers.google.com/workspace/calendar/api/v3/reference/freebusy/query#auth>
pub const READ_BUSY: [&str; 4] =
    [scopes::CALENDAR, scopes::CALENDAR_READONLY, scopes::CALENDAR_FREEBUSY, scopes::CALENDAR_EVENTS_FREEBUSY];

/// <https://developers.google.com/workspace/calendar/api/v3/reference/calendarList/list#auth>
pub const READ_LIST: [&str; 4] =
    [scopes::CALENDAR, scopes::CALENDAR_READONLY, scopes::CALENDAR_LIST, scopes::CALENDAR_LIST_READONLY];

/// <https://developers.google.com/workspace/calendar/api/v3/reference/calendars/get#auth>
pub const READ_CALENDARS: [&str; 4] =
    [scopes::CALENDAR, scopes::CALENDAR_READONLY, scopes::CALENDAR_CALENDARS, scopes::CALENDAR_CALENDARS_READONLY];

/// <https://developers.google.com/workspace/calendar/api/v3/reference/settings/list#auth>
pub const READ_SETTINGS: [&str; 4] =
    [scopes::CALENDAR, scopes::CALENDAR_READONLY, scopes::CALENDAR_SETTINGS, scopes::CALENDAR_SETTINGS_READONLY];
