//! From the provider's event to what is kept of it.

use bellhop_providers::{CalendarEvent, EventDetails, EventKind, EventStatus, EventTime, Response};
use bellhop_store::{Answer, EntryContent, EntryTime};
use secrecy::{ExposeSecret, SecretString};

/// How many other people's names are kept.
const PEOPLE: usize = 8;

/// What is kept of an event.
pub fn content(event: &CalendarEvent, details: &EventDetails) -> EntryContent {
    let text = |secret: Option<&SecretString>| secret.map(|text| text.expose_secret().to_owned()).unwrap_or_default();
    let others = details.people.iter().filter(|person| !person.is_self);
    let names = others.map(|person| text(person.name.as_ref().or(person.email.as_ref())));
    EntryContent {
        title: text(details.title.as_ref()),
        place: text(details.location.as_ref()),
        meeting: details.meeting_link.as_ref().map(|link| link.expose_secret().to_owned()),
        people: names.filter(|name| !name.is_empty()).take(PEOPLE).collect(),
        start: time(&details.start),
        end: time(&details.end),
        recurrence: details.recurrence.clone(),
        series: event.series.clone(),
        original_start: event.original_start.as_ref().map(time),
        cancelled: false,
        tentative: details.status == EventStatus::Tentative,
        // Where somebody works, or whose birthday it is, takes nobody's time.
        busy: details.is_busy && !matches!(details.kind, EventKind::WorkingLocation | EventKind::Birthday),
        answer: details.self_response.map(|response| match response {
            Response::Accepted => Answer::Accepted,
            Response::Declined => Answer::Declined,
            Response::Tentative => Answer::Tentative,
            Response::NeedsAction => Answer::Open,
        }),
    }
}

/// What is kept of a cancelled exception, so that its series does not bring it back. Of anything else that is gone, nothing.
pub fn cancelled(event: &CalendarEvent) -> Option<EntryContent> {
    let (series, original) = (event.series.as_ref()?, event.original_start.as_ref()?);
    Some(EntryContent {
        title: String::new(),
        place: String::new(),
        meeting: None,
        people: vec![],
        start: time(original),
        end: time(original),
        recurrence: vec![],
        series: Some(series.clone()),
        original_start: Some(time(original)),
        cancelled: true,
        tentative: false,
        busy: false,
        answer: None,
    })
}

fn time(time: &EventTime) -> EntryTime {
    match time {
        EventTime::Date(day) => EntryTime::Day(*day),
        EventTime::Moment { at, zone } => EntryTime::Moment { at: *at, zone: zone.clone() },
    }
}
