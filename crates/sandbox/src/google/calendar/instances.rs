//! `events.instances`: one series, taken apart.
//!
//! <https://developers.google.com/workspace/calendar/api/v3/reference/events/instances>

use std::sync::Arc;

use chrono::DateTime;
use poem::{Request, Response, handler, web::Data, web::Path};
use serde_json::Value;

use super::{
    READ_EVENTS, asked, caller, errors,
    event::{Occurrence, Shown},
    list::{LARGEST_PAGE, PAGE, envelope},
    moment::{self, Moment},
    open, precondition,
    token::{self, PageToken},
    window::Window,
};
use crate::{Sandbox, answer::Refused, google::gmail};

const KNOWN: [&str; 9] = [
    "alwaysIncludeEmail",
    "maxAttendees",
    "maxResults",
    "originalStart",
    "pageToken",
    "showDeleted",
    "timeMax",
    "timeMin",
    "timeZone",
];

#[handler]
pub fn list(
    request: &Request,
    Path((id, event)): Path<(String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    let account = caller(sandbox, &mut state, request, &READ_EVENTS)?;
    let fields = gmail::parameters(request, &KNOWN)?;
    let (id, role) = open(&state.google, &account, &id)?;
    let calendar = state.google.calendars.get(&id).ok_or_else(errors::not_found)?;
    let series = calendar.events.get(&event).ok_or_else(errors::not_found)?;
    if !series.is_series() {
        return Err(errors::bad_request("The event is not a recurring event."));
    }
    let show_deleted = asked::flag(&fields, "showDeleted")?.unwrap_or(false);
    let original = match asked::one(&fields, "originalStart")? {
        None => None,
        Some(text) => {
            Some(original_start(text).ok_or_else(|| errors::bad_request("Bad Request: invalid originalStart"))?)
        }
    };
    let window = Window { from: asked::time(&fields, "timeMin")?, until: asked::time(&fields, "timeMax")?, now };
    if let (Some(from), Some(until)) = (window.from, window.until)
        && from >= until
    {
        return Err(errors::time_range_empty("timeMax"));
    }
    let shown = Shown {
        calendar: &calendar.id,
        zone: asked::zone(&fields)?.unwrap_or(calendar.zone),
        origin: &sandbox.origin,
        max_attendees: asked::count(&fields, "maxAttendees")?,
        role,
    };
    let exceptions = calendar
        .events
        .values()
        .filter(|other| other.exception.as_ref().is_some_and(|exception| exception.series == event))
        .filter_map(|other| other.exceptional(series, calendar.zone))
        .filter(|occurrence| window.shows(calendar, occurrence));
    let mut found: Vec<Occurrence<'_>> = calendar.instances(series, window);
    found.extend(exceptions);
    found.retain(|occurrence| show_deleted || !occurrence.cancelled);
    found.retain(|occurrence| {
        let start = occurrence.exception.as_ref().map(|exception| exception.original);
        original.is_none_or(|original| start.is_some_and(|start| start.same(original)))
    });
    let print = asked::fingerprint(&fields, &["originalStart", "showDeleted", "timeMax", "timeMin", "timeZone"]);
    let name = format!("{}/{event}", calendar.id);
    let page = match asked::one(&fields, "pageToken")? {
        None => None,
        Some(text) => Some(PageToken::read(text, &name, &print)?),
    };
    let size = asked::page_size(&fields, PAGE, LARGEST_PAGE, state.google.calendar_page_size)?;
    let keyed = found.iter().map(|occurrence| (occurrence.by_start(calendar.zone), occurrence)).collect();
    let (entries, last) = token::page(keyed, page.as_ref(), size);
    let view = |occurrence: &Occurrence<'_>| {
        if occurrence.cancelled { occurrence.tombstone(shown.zone) } else { occurrence.view(shown) }
    };
    let items: Vec<Value> = entries.into_iter().map(view).collect();
    let mut body = envelope(calendar, role, &asked::fingerprint(&fields, &KNOWN), &items);
    body["timeZone"] = shown.zone.name().into();
    if let Some(after) = last {
        let next = PageToken { page: name, after, change: calendar.changes, asked: print };
        body["nextPageToken"] = next.text().into();
    }
    Ok(precondition::unless_known(request, &body))
}

/// A day, or a time with an offset.
fn original_start(text: &str) -> Option<Moment> {
    if let Some(date) = moment::day(text) {
        return Some(Moment::Day(date));
    }
    let instant = DateTime::parse_from_rfc3339(text).ok()?;
    Some(Moment::At(moment::whole_seconds(instant.to_utc()), chrono_tz::UTC))
}
