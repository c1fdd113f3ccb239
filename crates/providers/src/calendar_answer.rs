//! The Calendar API's JSON, read leniently: an event needs an id, and to be there it needs a start. Everything else may
//! be missing or odd.
//!
//! One event that makes no sense never costs the page it is on. Without a usable id it is passed over; with an id but
//! no readable start it counts as removed, because what was kept under that id is no longer true. An end that is
//! missing, of another kind than the start or before it is mended: a day ends with itself, a moment at once.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, Utc};
use chrono_tz::Tz;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use crate::{
    calendar::{
        CalendarAccess, CalendarEntry, CalendarEvent, CalendarEventPage, CalendarPage, EventChange, EventDetails,
        EventKind, EventStatus, EventTime, PEOPLE_LIMIT, Person, Response,
    },
    lenient::{another_page, bounded, is_sound_id, lenient, lenient_list, readable},
    wall_clock::moment_on_the_wall,
};

/// The longest id taken, in bytes: Google documents 1,024 for events. Calendar ids are addresses, which are shorter.
const ID_LIMIT_BYTES: usize = 1_024;
const TEXT_LIMIT_CHARACTERS: usize = 1_024;
const LINK_LIMIT_BYTES: usize = 2_048;
/// The longest name in the time zone database has 32 characters.
const ZONE_LIMIT_CHARACTERS: usize = 64;
/// Years of dates that are left out one by one. The total counts, not the lines: a date that is lost comes back.
const RECURRENCE_LIMIT_BYTES: usize = 65_536;
/// A cursor is stored; one that is far longer than any seen is none.
const SYNC_TOKEN_LIMIT_BYTES: usize = 8_192;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CalendarListAnswer<'a> {
    #[serde(borrow)]
    items: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "lenient")]
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Calendar {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    summary: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    summary_override: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    time_zone: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    primary: bool,
    #[serde(default, deserialize_with = "lenient")]
    access_role: String,
    #[serde(default, deserialize_with = "lenient")]
    hidden: bool,
    #[serde(default, deserialize_with = "lenient")]
    deleted: bool,
}

impl CalendarListAnswer<'_> {
    pub(crate) fn page(self) -> CalendarPage {
        let calendars = readable::<Calendar>(self.items).into_iter();
        let sound = calendars.filter(|calendar| is_sound_id(&calendar.id, ID_LIMIT_BYTES));
        CalendarPage {
            calendars: sound.map(Calendar::entry).collect(),
            next_page_token: another_page(self.next_page_token),
        }
    }
}

impl Calendar {
    fn entry(self) -> CalendarEntry {
        CalendarEntry {
            id: self.id.into(),
            title: secret(self.summary_override).or_else(|| secret(self.summary)),
            time_zone: zone(self.time_zone),
            is_primary: self.primary,
            access: match self.access_role.as_str() {
                "owner" => CalendarAccess::Owner,
                "writer" | "writerWithoutPrivateAccess" => CalendarAccess::Writer,
                "reader" => CalendarAccess::Reader,
                "freeBusyReader" => CalendarAccess::FreeBusyReader,
                _ => CalendarAccess::Unknown,
            },
            is_hidden: self.hidden,
            is_deleted: self.deleted,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EventsAnswer<'a> {
    #[serde(borrow)]
    items: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "lenient")]
    time_zone: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    next_page_token: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    next_sync_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    status: String,
    #[serde(default, deserialize_with = "lenient")]
    summary: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    location: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    organizer: Organizer,
    #[serde(default, deserialize_with = "lenient_list")]
    attendees: Vec<Attendee>,
    #[serde(default, deserialize_with = "lenient")]
    attendees_omitted: bool,
    #[serde(default, deserialize_with = "lenient")]
    transparency: String,
    #[serde(default, deserialize_with = "lenient")]
    visibility: String,
    #[serde(default, deserialize_with = "lenient")]
    start: Time,
    #[serde(default, deserialize_with = "lenient")]
    end: Time,
    #[serde(default, deserialize_with = "lenient_list")]
    recurrence: Vec<String>,
    #[serde(default, deserialize_with = "lenient")]
    recurring_event_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    original_start_time: Time,
    #[serde(default, rename = "eventType", deserialize_with = "lenient")]
    kind: String,
    #[serde(default, deserialize_with = "lenient")]
    hangout_link: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    conference_data: Conference,
    #[serde(default, deserialize_with = "lenient")]
    updated: Option<String>,
}

#[derive(Default, Deserialize)]
struct Organizer {
    #[serde(default, rename = "self", deserialize_with = "lenient")]
    is_self: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attendee {
    #[serde(default, deserialize_with = "lenient")]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    email: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    response_status: String,
    #[serde(default, rename = "self", deserialize_with = "lenient")]
    is_self: bool,
    #[serde(default, deserialize_with = "lenient")]
    organizer: bool,
    #[serde(default, deserialize_with = "lenient")]
    resource: bool,
}

#[derive(Default, Deserialize)]
struct Time {
    #[serde(default, deserialize_with = "lenient")]
    date: Option<String>,
    #[serde(default, rename = "dateTime", deserialize_with = "lenient")]
    moment: Option<String>,
    #[serde(default, rename = "timeZone", deserialize_with = "lenient")]
    zone: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Conference {
    #[serde(default, deserialize_with = "lenient_list")]
    entry_points: Vec<EntryPoint>,
}

#[derive(Deserialize)]
struct EntryPoint {
    #[serde(default, rename = "entryPointType", deserialize_with = "lenient")]
    kind: String,
    #[serde(default, deserialize_with = "lenient")]
    uri: Option<String>,
}

impl EventsAnswer<'_> {
    pub(crate) fn page(self) -> CalendarEventPage {
        let events = readable::<Event>(self.items).into_iter();
        let sound = events.filter(|event| is_sound_id(&event.id, ID_LIMIT_BYTES));
        let cursor = self.next_sync_token.filter(|token| !token.is_empty() && token.len() <= SYNC_TOKEN_LIMIT_BYTES);
        CalendarEventPage {
            events: sound.map(Event::event).collect(),
            time_zone: zone(self.time_zone),
            next_page_token: another_page(self.next_page_token),
            next_sync_token: cursor.map(SecretString::from),
        }
    }
}

impl Event {
    fn event(mut self) -> CalendarEvent {
        let id = std::mem::take(&mut self.id);
        let series = self.recurring_event_id.take().filter(|series| is_sound_id(series, ID_LIMIT_BYTES));
        let original_start = std::mem::take(&mut self.original_start_time).read();
        let details = if self.status == "cancelled" { None } else { self.details() };
        let change = details.map_or(EventChange::Removed, |details| EventChange::Present(Box::new(details)));
        CalendarEvent { id, series, original_start, change }
    }

    fn details(self) -> Option<EventDetails> {
        let start = self.start.read()?;
        let end = mended_end(&start, self.end.read())?;
        let myself = self.attendees.iter().find(|attendee| attendee.is_self);
        let self_response = myself.map(|attendee| response(&attendee.response_status));
        let invited = || self.attendees.iter().filter(|attendee| !attendee.resource);
        let has_more_people = self.attendees_omitted || invited().count() > PEOPLE_LIMIT;
        let video = |entry: &EntryPoint| entry.kind == "video";
        let conference = self.conference_data.entry_points.into_iter().find(video).and_then(|entry| entry.uri);
        Some(EventDetails {
            title: secret(self.summary),
            location: secret(self.location),
            meeting_link: link(conference).or_else(|| link(self.hangout_link)),
            organizer_is_self: self.organizer.is_self,
            self_response,
            has_more_people,
            people: self
                .attendees
                .into_iter()
                .filter(|attendee| !attendee.resource)
                .take(PEOPLE_LIMIT)
                .map(Attendee::person)
                .collect(),
            status: if self.status == "tentative" { EventStatus::Tentative } else { EventStatus::Confirmed },
            is_busy: self.transparency != "transparent",
            is_private: matches!(self.visibility.as_str(), "private" | "confidential"),
            start,
            end,
            recurrence: self
                .recurrence
                .into_iter()
                .scan(0_usize, |total, line| {
                    *total = total.saturating_add(line.len());
                    (*total <= RECURRENCE_LIMIT_BYTES).then_some(line)
                })
                .collect(),
            kind: kind(&self.kind),
            updated: self.updated.as_deref().and_then(moment),
        })
    }
}

impl Attendee {
    fn person(self) -> Person {
        Person {
            name: secret(self.display_name),
            email: secret(self.email),
            response: response(&self.response_status),
            is_self: self.is_self,
            is_organizer: self.organizer,
        }
    }
}

impl Time {
    /// A moment has an offset, or else is what the clocks of its zone show: Google allows either.
    fn read(self) -> Option<EventTime> {
        if let Some(date) = self.date {
            let date = date.parse().ok().filter(|date: &NaiveDate| is_sound_year(date.year()))?;
            return Some(EventTime::Date(date));
        }
        let (text, named) = (self.moment?, zone(self.zone));
        let at = moment(&text).or_else(|| on_the_wall(&text, named.as_deref()?))?;
        // Some write an offset for a zone: the clock that stays that far from UTC.
        let is_known = |name: &String| name.parse::<Tz>().is_ok();
        let zone = named.map(|name| if is_known(&name) { name } else { clock_of(&text).unwrap_or(name) });
        Some(EventTime::Moment { at, zone })
    }
}

/// The end of an event, mended where it makes no sense. `None` where there is no day after its last.
fn mended_end(start: &EventTime, end: Option<EventTime>) -> Option<EventTime> {
    match (start, end) {
        (EventTime::Date(first), Some(EventTime::Date(after))) if after > *first => Some(EventTime::Date(after)),
        (EventTime::Date(first), _) => first.checked_add_days(Days::new(1)).map(EventTime::Date),
        (EventTime::Moment { at: from, .. }, Some(EventTime::Moment { at: until, zone })) if until >= *from => {
            Some(EventTime::Moment { at: until, zone })
        }
        (EventTime::Moment { .. }, _) => Some(start.clone()),
    }
}

/// RFC 3339 with an offset. A leap second becomes the second after it, and not every store knows a year of five digits.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let parsed = DateTime::parse_from_rfc3339(text.trim()).ok()?;
    DateTime::from_timestamp_millis(parsed.timestamp_millis()).filter(|at| is_sound_year(at.year()))
}

/// The zone whose clock always has the offset that this time carries. There is one for each whole hour.
fn clock_of(text: &str) -> Option<String> {
    let seconds = DateTime::parse_from_rfc3339(text.trim()).ok()?.offset().local_minus_utc();
    // The names count to the west.
    let name = format!("Etc/GMT{:+}", -seconds / 3_600);
    (seconds % 3_600 == 0 && name.parse::<Tz>().is_ok()).then_some(name)
}

/// A time of day without an offset, in a zone by its IANA name.
fn on_the_wall(text: &str, zone: &str) -> Option<DateTime<Utc>> {
    let local: NaiveDateTime = text.trim().parse().ok().filter(|local: &NaiveDateTime| is_sound_year(local.year()))?;
    Some(moment_on_the_wall(zone.parse().ok()?, local))
}

fn is_sound_year(year: i32) -> bool {
    (1..=9999).contains(&year)
}

fn response(text: &str) -> Response {
    match text {
        "accepted" => Response::Accepted,
        "declined" => Response::Declined,
        "tentative" => Response::Tentative,
        _ => Response::NeedsAction,
    }
}

fn kind(text: &str) -> EventKind {
    match text {
        "" | "default" => EventKind::Default,
        "outOfOffice" => EventKind::OutOfOffice,
        "focusTime" => EventKind::FocusTime,
        "workingLocation" => EventKind::WorkingLocation,
        "birthday" => EventKind::Birthday,
        "fromGmail" => EventKind::FromGmail,
        _ => EventKind::Other,
    }
}

fn secret(text: Option<String>) -> Option<SecretString> {
    bounded(text, TEXT_LIMIT_CHARACTERS).map(SecretString::from)
}

/// A zone that was cut would be another one.
fn zone(name: Option<String>) -> Option<String> {
    name.filter(|name| is_sound_id(name, ZONE_LIMIT_CHARACTERS))
}

/// Only what a browser would open as a page: the link is shown as a button.
fn link(text: Option<String>) -> Option<SecretString> {
    let text = text.filter(|text| text.len() <= LINK_LIMIT_BYTES)?;
    let address = Url::parse(text.trim()).ok()?;
    matches!(address.scheme(), "http" | "https").then(|| SecretString::from(text.trim().to_owned()))
}

#[cfg(test)]
#[path = "calendar_answer_tests.rs"]
mod tests;
