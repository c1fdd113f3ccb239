//! Reads calendars through Google's Calendar API: which there are, and what is in one of them since a cursor.
//!
//! One call, one request; pages, concurrency and quota are the caller's. Recurring events come as they are kept, a
//! series and its exceptions: which days they fall on is worked out elsewhere, since it needs time zones and a window.

use chrono::{DateTime, NaiveDate, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::{
    calendar_answer::{CalendarListAnswer, EventsAnswer},
    client::{Client, address_below},
    error::ProviderError,
    mail_answer::read,
    transport::{API_ANSWER_LIMIT_BYTES, CALENDAR_ANSWER_LIMIT_BYTES},
};

/// How many calendars or events one page holds at most
/// (<https://developers.google.com/workspace/calendar/api/v3/reference/events/list>).
pub const CALENDAR_PAGE_LIMIT: u32 = 250;

/// How many people of one event are kept. The person's own answer is found among all of them.
pub const PEOPLE_LIMIT: usize = 50;

/// What a person may do in a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalendarAccess {
    /// Everything, sharing included.
    Owner,
    /// Read and write.
    Writer,
    /// Read; the details of private events are hidden.
    Reader,
    /// See when somebody is busy, and nothing else: events have no title.
    FreeBusyReader,
    /// Something we do not know.
    Unknown,
}

/// A calendar on the person's list. What people wrote cannot be printed.
#[derive(Clone, Debug)]
pub struct CalendarEntry {
    /// The calendar's id; for many calendars somebody's address.
    pub id: SecretString,
    /// What the person calls it, or else what its owner calls it.
    pub title: Option<SecretString>,
    /// Its time zone, by the name the provider gives (IANA's); not checked here.
    pub time_zone: Option<String>,
    /// Whether it is the account's own calendar.
    pub is_primary: bool,
    /// What the person may do in it.
    pub access: CalendarAccess,
    /// Whether the person hid it from the list.
    pub is_hidden: bool,
    /// Whether the person removed it from the list.
    pub is_deleted: bool,
}

/// A page of the person's calendars.
#[derive(Clone, Debug)]
pub struct CalendarPage {
    /// The calendars.
    pub calendars: Vec<CalendarEntry>,
    /// What to ask for next; `None` on the last page.
    pub next_page_token: Option<String>,
}

/// Where to go on reading a calendar. The default starts from the beginning.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventsFrom<'a> {
    /// The cursor of the last complete reading: only what changed since. Stays the same over all pages of one reading.
    pub sync_token: Option<&'a SecretString>,
    /// The page to go on with, as the page before it said.
    pub page_token: Option<&'a str>,
}

/// A page of what is in a calendar, or of what changed in it.
#[derive(Clone, Debug)]
pub struct CalendarEventPage {
    /// The events, in no particular order.
    pub events: Vec<CalendarEvent>,
    /// The calendar's time zone, by the name the provider gives; not checked here.
    pub time_zone: Option<String>,
    /// What to ask for next; `None` on the last page.
    pub next_page_token: Option<String>,
    /// The cursor for the next reading; on the last page only. Keep it once every page is recorded.
    pub next_sync_token: Option<SecretString>,
}

/// One event as the calendar has it now.
///
/// An event that belongs to a series carries `series`. With [`EventChange::Removed`] it is a cancelled instance:
/// remember it as long as the series lives, or the series would bring it back.
#[derive(Clone, Debug)]
pub struct CalendarEvent {
    /// The event's id, at most 1,024 bytes.
    pub id: String,
    /// The id of the series this is an exception of.
    pub series: Option<String>,
    /// When the series would have had it, wherever it was moved to.
    pub original_start: Option<EventTime>,
    /// What became of it.
    pub change: EventChange,
}

/// What became of an event.
#[derive(Clone, Debug)]
pub enum EventChange {
    /// It is gone, or nothing can be done with it: what was kept of it is no longer true.
    Removed,
    /// It is there, like this.
    Present(Box<EventDetails>),
}

/// A moment or a day.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventTime {
    /// A day, wherever one is: part of an all-day event.
    Date(NaiveDate),
    /// A moment.
    Moment {
        /// When.
        at: DateTime<Utc>,
        /// The event's own time zone, by the name the provider gives; not checked here. A series repeats in it.
        zone: Option<String>,
    },
}

/// What an invited person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// Yes.
    Accepted,
    /// No.
    Declined,
    /// Perhaps.
    Tentative,
    /// Nothing yet.
    NeedsAction,
}

/// Whether an event is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventStatus {
    /// It is.
    Confirmed,
    /// Its organiser is not sure.
    Tentative,
}

/// What sort of event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// An ordinary one.
    Default,
    /// The person is away.
    OutOfOffice,
    /// The person does not want to be disturbed.
    FocusTime,
    /// Where the person works that day; no appointment.
    WorkingLocation,
    /// Somebody's birthday or another day of the year; no appointment.
    Birthday,
    /// Made from a mail.
    FromGmail,
    /// Something we do not know.
    Other,
}

/// Somebody who is invited. Rooms and other resources are left out.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their name.
    pub name: Option<SecretString>,
    /// Their address.
    pub email: Option<SecretString>,
    /// What they said.
    pub response: Response,
    /// Whether it is the person whose calendar this is.
    pub is_self: bool,
    /// Whether they organise it.
    pub is_organizer: bool,
}

/// What an event is. What people wrote cannot be printed.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "four independent facts, each the provider's own")]
pub struct EventDetails {
    /// Its title, cut to 1,024 characters. None where there is none or the person may not see it.
    pub title: Option<SecretString>,
    /// Where it is, cut to 1,024 characters.
    pub location: Option<SecretString>,
    /// Where to join it: an http or https address of at most 2,048 bytes.
    pub meeting_link: Option<SecretString>,
    /// Whether it is organised by the calendar it is in.
    pub organizer_is_self: bool,
    /// Who is invited, at most [`PEOPLE_LIMIT`]; often nobody, then it is the person's own.
    pub people: Vec<Person>,
    /// Whether more people are invited than are named.
    pub has_more_people: bool,
    /// What the person whose calendar this is said; none where they are not invited.
    pub self_response: Option<Response>,
    /// Whether it is certain.
    pub status: EventStatus,
    /// Whether it takes the person's time (it is not *transparent*).
    pub is_busy: bool,
    /// Whether others may not see its details.
    pub is_private: bool,
    /// Its first day or moment. For a series: of its first instance.
    pub start: EventTime,
    /// Its end, exclusive, of the same kind as `start` and never before it; a day is always after it.
    pub end: EventTime,
    /// `RRULE`, `RDATE` and `EXDATE` lines (RFC 5545, section 3.8.5) of a series; empty for others. At most 65,536
    /// bytes in all: what is beyond is left out. Not checked here.
    pub recurrence: Vec<String>,
    /// What sort of event it is.
    pub kind: EventKind,
    /// When it was last changed.
    pub updated: Option<DateTime<Utc>>,
}

impl Client {
    /// A page of the person's calendars, hidden ones included
    /// (<https://developers.google.com/workspace/calendar/api/v3/reference/calendarList/list>).
    pub async fn calendars(
        &self,
        access_token: &SecretString,
        page_token: Option<&str>,
    ) -> Result<CalendarPage, ProviderError> {
        let limit = CALENDAR_PAGE_LIMIT.to_string();
        let mut query = vec![("maxResults", limit.as_str()), ("showHidden", "true")];
        query.extend(page_token.map(|token| ("pageToken", token)));
        let base = &self.description.endpoints.current().calendar;
        let address = address_below(base, &["users", "me", "calendarList"], &query)?;
        let body = self.get(access_token, address, API_ANSWER_LIMIT_BYTES).await?;
        Ok(read::<CalendarListAnswer<'_>>(&body)?.page())
    }

    /// A page of what is in a calendar, or of what changed since a cursor
    /// (<https://developers.google.com/workspace/calendar/api/guides/sync>). `primary` is the id of the account's own
    /// calendar.
    ///
    /// [`ProviderError::CursorTooOld`]: start again without a cursor, and take what is not listed then as gone. Google
    /// answers 410; a 400 to a question with a cursor is taken for the same, as only starting again can mend it.
    /// [`ProviderError::NotFound`]: the calendar is gone. [`ProviderError::Forbidden`]: it is no longer shared.
    /// [`ProviderError::TooLarge`]: the page has more than [`CALENDAR_ANSWER_LIMIT_BYTES`].
    pub async fn calendar_events(
        &self,
        access_token: &SecretString,
        calendar_id: &SecretString,
        from: EventsFrom<'_>,
    ) -> Result<CalendarEventPage, ProviderError> {
        let limit = CALENDAR_PAGE_LIMIT.to_string();
        // A cursor holds for the parameters of the reading it came from: these two are the same in every question.
        let mut query = vec![("singleEvents", "false"), ("maxResults", limit.as_str())];
        query.extend(from.sync_token.map(|token| ("syncToken", token.expose_secret())));
        query.extend(from.page_token.map(|token| ("pageToken", token)));
        let base = &self.description.endpoints.current().calendar;
        let address = address_below(base, &["calendars", calendar_id.expose_secret(), "events"], &query)?;
        match self.get(access_token, address, CALENDAR_ANSWER_LIMIT_BYTES).await {
            Ok(body) => Ok(read::<EventsAnswer<'_>>(&body)?.page()),
            Err(ProviderError::Gone) => Err(ProviderError::CursorTooOld),
            Err(ProviderError::Rejected { status: 400 }) if from.sync_token.is_some() => {
                Err(ProviderError::CursorTooOld)
            }
            Err(error) => Err(error),
        }
    }
}
