//! An event as it lies in a calendar, and as an answer shows it.
//!
//! <https://developers.google.com/workspace/calendar/api/v3/reference/events#resource>. What people wrote is kept as the
//! JSON they wrote, after `draft.rs` has checked it; everything that Google adds by itself is added here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::{Map, Value, json};

use super::{
    Role,
    moment::{self, Moment},
    recurrence::Series,
};

/// A single event, a series, or an instance that differs from its series.
#[derive(Debug, Clone)]
pub struct Event {
    pub id: String,
    /// What was written. Of an exception only what differs from its series.
    pub fields: Map<String, Value>,
    pub exception: Option<Exception>,
    pub i_cal_uid: String,
    pub creator: Person,
    pub organizer: Person,
    pub sequence: u32,
    pub cancelled: bool,
    pub created: DateTime<Utc>,
    pub updated: DateTime<Utc>,
    /// The calendar's change that touched it last.
    pub changed: u64,
    /// Starts that the series no longer has, and the change that took them: a client may still show them.
    pub vanished: Vec<(Moment, u64)>,
}

/// Which instance of which series an event replaces.
#[derive(Debug, Clone)]
pub struct Exception {
    pub series: String,
    pub original: Moment,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub email: String,
    pub name: String,
}

/// One thing that takes place, with everything inherited filled in.
#[derive(Debug, Clone)]
pub struct Occurrence<'a> {
    pub id: String,
    /// The event it is read from: itself, or its series.
    pub event: &'a Event,
    pub fields: Map<String, Value>,
    pub exception: Option<Exception>,
    pub start: Moment,
    pub end: Moment,
    pub cancelled: bool,
}

/// What an answer depends on besides the event.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub calendar: &'a str,
    pub zone: Tz,
    pub origin: &'a str,
    pub max_attendees: Option<usize>,
    /// What the reader may see.
    pub role: Role,
}

impl Event {
    pub fn start(&self, zone: Tz) -> Option<Moment> {
        Moment::parse(self.fields.get("start"), zone).ok()
    }

    pub fn end(&self, zone: Tz) -> Option<Moment> {
        Moment::parse(self.fields.get("end"), zone).ok()
    }

    pub fn recurrence(&self) -> Vec<&str> {
        let lines = self.fields.get("recurrence").and_then(Value::as_array);
        lines.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub fn is_series(&self) -> bool {
        self.exception.is_none() && !self.recurrence().is_empty()
    }

    /// How it recurs; `None` for whatever does not.
    pub fn series(&self, zone: Tz) -> Option<Series> {
        if !self.is_series() {
            return None;
        }
        Series::parse(&self.recurrence(), self.start(zone)?).ok()
    }

    pub fn length(&self, zone: Tz) -> TimeDelta {
        match (self.start(zone), self.end(zone)) {
            (Some(start), Some(end)) => moment::length(start, end),
            _ => TimeDelta::zero(),
        }
    }

    /// The event itself: a single one, or a series as a whole with the times of its first instance.
    pub fn whole(&self, zone: Tz) -> Option<Occurrence<'_>> {
        Some(Occurrence {
            id: self.id.clone(),
            event: self,
            fields: self.fields.clone(),
            exception: None,
            start: self.start(zone)?,
            end: self.end(zone)?,
            cancelled: self.cancelled,
        })
    }

    /// One instance of this series that nobody touched.
    pub fn instance(&self, original: Moment, zone: Tz) -> Occurrence<'_> {
        let mut fields = self.fields.clone();
        fields.remove("recurrence");
        Occurrence {
            id: instance_id(&self.id, original),
            event: self,
            fields,
            exception: Some(Exception { series: self.id.clone(), original }),
            start: original,
            end: original.later(self.length(zone)),
            cancelled: self.cancelled,
        }
    }

    /// This exception, with what it inherits from its series.
    pub fn exceptional<'a>(&'a self, series: &'a Event, zone: Tz) -> Option<Occurrence<'a>> {
        let exception = self.exception.clone()?;
        let mut occurrence = series.instance(exception.original, zone);
        for (name, value) in &self.fields {
            // Nothing where the series has something: the instance was written without it.
            if value.is_null() {
                occurrence.fields.remove(name);
            } else {
                occurrence.fields.insert(name.clone(), value.clone());
            }
        }
        if let Some(start) = self.start(zone) {
            occurrence.start = start;
            occurrence.end = start.later(series.length(zone));
        }
        if let Some(end) = self.end(zone) {
            occurrence.end = end;
        }
        occurrence.event = self;
        occurrence.cancelled = self.cancelled || series.cancelled;
        Some(occurrence)
    }

    /// Quoted, as RFC 9110 section 8.8.3 asks.
    pub fn etag(&self) -> String {
        format!("\"{}\"", 3_000_000_000_000_000_u64.saturating_add(self.changed.saturating_mul(2_000)))
    }
}

pub fn instance_id(series: &str, original: Moment) -> String {
    format!("{series}_{}", original.suffix())
}

impl Occurrence<'_> {
    /// A cancelled event as it is told to somebody who holds a copy.
    /// "Deleted events are only guaranteed to have the id field populated"; exceptions also name their series and original start.
    pub fn tombstone(&self, zone: Tz) -> Value {
        let mut view = json!({
            "kind": "calendar#event",
            "etag": self.event.etag(),
            "id": self.id,
            "status": "cancelled",
        });
        self.place_in_series(&mut view, zone);
        view
    }

    fn place_in_series(&self, view: &mut Value, zone: Tz) {
        if let Some(exception) = &self.exception {
            view["recurringEventId"] = exception.series.clone().into();
            view["originalStartTime"] = exception.original.view(zone);
        }
    }

    /// Its place in a list by start.
    pub fn by_start(&self, zone: Tz) -> (i64, String) {
        (self.start.instant(zone).timestamp(), self.id.clone())
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }

    /// Whether somebody may see what it is about, and not only when it is.
    /// "Private events will appear to users with reader access, but event details will be hidden."
    pub fn is_open_to(&self, role: Role) -> bool {
        let private = matches!(self.text("visibility"), Some("private" | "confidential"));
        match role {
            Role::FreeBusyReader => false,
            Role::Reader | Role::WriterWithoutPrivateAccess => !private,
            Role::Writer | Role::Owner => true,
        }
    }

    fn attendees(&self) -> impl Iterator<Item = &Value> {
        self.fields.get("attendees").and_then(Value::as_array).into_iter().flatten()
    }

    /// Whether it keeps the person whose calendar this is from other things: not transparent, not declined, not cancelled.
    pub fn is_busy(&self, calendar: &str) -> bool {
        let declined = self
            .attendees()
            .any(|attendee| is_address(attendee, calendar) && attendee["responseStatus"].as_str() == Some("declined"));
        !self.cancelled && !declined && self.text("transparency") != Some("transparent")
    }

    /// Every text that `q` searches.
    pub fn searchable(&self) -> String {
        let own = ["summary", "description", "location"].into_iter().filter_map(|name| self.text(name));
        let people = self.attendees().flat_map(|attendee| {
            ["displayName", "email"].into_iter().filter_map(|name| attendee.get(name).and_then(Value::as_str))
        });
        let organizer = [self.event.organizer.name.as_str(), self.event.organizer.email.as_str()];
        own.chain(people).chain(organizer).collect::<Vec<_>>().join("\n").to_lowercase()
    }

    pub fn view(&self, shown: Shown<'_>) -> Value {
        let event = self.event;
        let mut view = json!({
            "kind": "calendar#event",
            "etag": event.etag(),
            "id": self.id,
            "status": if self.cancelled { "cancelled" } else { self.text("status").unwrap_or("confirmed") },
            "htmlLink": html_link(shown.origin, &self.id, shown.calendar),
            "created": moment::stamp(event.created),
            "updated": moment::stamp(event.updated),
            "creator": event.creator.view(shown.calendar),
            "organizer": event.organizer.view(shown.calendar),
            "start": self.start.view(shown.zone),
            "end": self.end.view(shown.zone),
            "iCalUID": event.i_cal_uid,
            "sequence": event.sequence,
            "eventType": self.text("eventType").unwrap_or("default"),
        });
        self.place_in_series(&mut view, shown.zone);
        let hidden = !self.is_open_to(shown.role);
        for (name, value) in &self.fields {
            let known = matches!(name.as_str(), "start" | "end" | "status" | "eventType" | "attendees");
            let harmless = matches!(name.as_str(), "recurrence" | "transparency" | "visibility");
            let usual = (name == "transparency" && value == "opaque") || (name == "visibility" && value == "default");
            if !known && !usual && (harmless || !hidden) {
                view[name] = value.clone();
            }
        }
        if hidden {
            view["visibility"] = "private".into();
            for name in ["creator", "organizer", "sequence"] {
                view.as_object_mut().map(|fields| fields.remove(name));
            }
            return view;
        }
        let attendees: Vec<Value> = self.attendees().map(|attendee| self.attendee(attendee, shown.calendar)).collect();
        if attendees.len() > shown.max_attendees.unwrap_or(usize::MAX) {
            // "If there are more than the specified number of attendees, only the participant is returned."
            view["attendees"] = attendees.into_iter().filter(|attendee| attendee["self"] == true).collect();
            view["attendeesOmitted"] = true.into();
        } else if !attendees.is_empty() {
            view["attendees"] = attendees.into();
        }
        if view.get("reminders").is_none() {
            view["reminders"] = json!({ "useDefault": true });
        }
        view
    }

    fn attendee(&self, attendee: &Value, calendar: &str) -> Value {
        let mut view = attendee.clone();
        if is_address(attendee, calendar) {
            view["self"] = true.into();
        }
        if is_address(attendee, &self.event.organizer.email) {
            view["organizer"] = true.into();
        }
        view
    }
}

impl Person {
    /// "self: Whether the organizer corresponds to the calendar on which this copy of the event appears."
    fn view(&self, calendar: &str) -> Value {
        let mut view = json!({ "email": self.email });
        if !self.name.is_empty() {
            view["displayName"] = self.name.clone().into();
        }
        if self.email.eq_ignore_ascii_case(calendar) {
            view["self"] = true.into();
        }
        view
    }
}

fn is_address(attendee: &Value, address: &str) -> bool {
    attendee["email"].as_str().is_some_and(|email| email.eq_ignore_ascii_case(address))
}

fn html_link(origin: &str, id: &str, calendar: &str) -> String {
    format!("{origin}/calendar/event?eid={}", URL_SAFE_NO_PAD.encode(format!("{id} {calendar}")))
}
