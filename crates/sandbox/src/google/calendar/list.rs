//! `events.list`: everything at once, page by page, or only what changed.
//!
//! <https://developers.google.com/workspace/calendar/api/v3/reference/events/list> and
//! <https://developers.google.com/workspace/calendar/api/guides/sync>.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use poem::{Request, Response, handler, web::Data, web::Path};
use serde_json::{Value, json};

use super::{
    Calendar, READ_EVENTS, Role, asked, caller, errors,
    event::{Occurrence, Shown},
    moment, open, precondition,
    token::{self, PageToken, SyncToken},
    window::Window,
};
use crate::{Sandbox, answer::Refused, fields::Fields, google::gmail};

/// "By default the value is 250 events. The page size can never be larger than 2500 events."
pub const PAGE: usize = 250;
pub const LARGEST_PAGE: usize = 2_500;

/// How far back `updatedMin` may lie. Google names no number; four weeks is what clients should count on at most.
const UPDATED_MIN_DAYS: i64 = 28;

const KNOWN: [&str; 18] = [
    "alwaysIncludeEmail",
    "eventTypes",
    "iCalUID",
    "maxAttendees",
    "maxResults",
    "orderBy",
    "pageToken",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "showDeleted",
    "showHiddenInvitations",
    "singleEvents",
    "syncToken",
    "timeMax",
    "timeMin",
    "timeZone",
    "updatedMin",
];

/// "There are several query parameters that cannot be specified together with nextSyncToken".
const NEVER_WITH_SYNC: [&str; 8] = [
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
];

/// These must stay the same from the full list to the incremental ones.
const SAME_WITH_SYNC: [&str; 5] = ["eventTypes", "maxAttendees", "showHiddenInvitations", "singleEvents", "timeZone"];

const REPEATABLE: [&str; 3] = ["eventTypes", "privateExtendedProperty", "sharedExtendedProperty"];

const EVENT_TYPES: [&str; 6] = ["birthday", "default", "focusTime", "fromGmail", "outOfOffice", "workingLocation"];

/// A request that makes sense.
struct Asked<'a> {
    fields: &'a Fields,
    single: bool,
    show_deleted: bool,
    order: Option<&'a str>,
    window: Window,
    zone: Option<Tz>,
    updated_min: Option<DateTime<Utc>>,
    max_attendees: Option<usize>,
    types: Vec<&'a str>,
    size: usize,
    /// Only what changed after this.
    since: Option<SyncToken>,
    page: Option<PageToken>,
    /// What the page token must agree with.
    print: String,
}

#[handler]
pub fn list(
    request: &Request,
    Path(id): Path<String>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    let account = caller(sandbox, &mut state, request, &READ_EVENTS)?;
    let fields = gmail::parameters(request, &KNOWN)?;
    let (id, role) = open(&state.google, &account, &id)?;
    let calendar = state.google.calendars.get(&id).ok_or_else(errors::not_found)?;
    let asked = read(&fields, calendar, state.google.calendar_page_size, now)?;
    let change = asked.page.as_ref().map_or(calendar.changes, |page| page.change);
    let shown = Shown {
        calendar: &calendar.id,
        zone: asked.zone.unwrap_or(calendar.zone),
        origin: &sandbox.origin,
        max_attendees: asked.max_attendees,
        role,
    };
    let found = find(calendar, &asked, role);
    let keyed = found.iter().map(|occurrence| (key(occurrence, calendar, asked.order), occurrence)).collect();
    let (entries, last) = token::page(keyed, asked.page.as_ref(), asked.size);
    let items: Vec<Value> = entries.into_iter().map(|occurrence| view(occurrence, &asked, shown)).collect();
    let mut body = envelope(calendar, role, &asked::fingerprint(&fields, &KNOWN), &items);
    body["timeZone"] = shown.zone.name().into();
    if let Some(after) = last {
        let next = PageToken { page: calendar.id.clone(), after, change, asked: asked.print.clone() };
        body["nextPageToken"] = next.text().into();
    } else if asked.since.is_some()
        || !NEVER_WITH_SYNC.iter().any(|name| is_filter(name) && fields.first(name).is_some())
    {
        let window =
            asked.since.as_ref().map_or((asked.window.from, asked.window.until), |since| (since.from, since.until));
        let next = SyncToken {
            sync: calendar.id.clone(),
            change,
            generation: calendar.generation,
            asked: asked::fingerprint(&fields, &SAME_WITH_SYNC),
            from: window.0,
            until: window.1,
        };
        body["nextSyncToken"] = next.text().into();
    }
    Ok(precondition::unless_known(request, &body))
}

/// A full list within a time range can be synchronised later, one that was searched or sorted cannot:
/// <https://developers.google.com/workspace/calendar/api/guides/sync#initial_full_synchronization> begins with `timeMin`.
fn is_filter(name: &str) -> bool {
    !matches!(name, "timeMin" | "timeMax")
}

fn read<'a>(
    fields: &'a Fields,
    calendar: &Calendar,
    capped: Option<usize>,
    now: DateTime<Utc>,
) -> Result<Asked<'a>, Refused> {
    for name in KNOWN.into_iter().filter(|name| !REPEATABLE.contains(name)) {
        asked::one(fields, name)?;
    }
    let single = asked::flag(fields, "singleEvents")?.unwrap_or(false);
    let show_deleted = asked::flag(fields, "showDeleted")?;
    asked::flag(fields, "showHiddenInvitations")?;
    asked::flag(fields, "alwaysIncludeEmail")?;
    let order = asked::word(fields, "orderBy", &["startTime", "updated"])?;
    if order == Some("startTime") && !single {
        // "This is only available when querying single events (i.e. the parameter singleEvents is True)".
        return Err(errors::bad_request("The requested ordering is not available for the particular query."));
    }
    let types: Vec<&str> = fields.all("eventTypes").collect();
    if let Some(unknown) = types.iter().find(|name| !EVENT_TYPES.contains(name)) {
        return Err(asked::unknown_word("eventTypes", unknown, &EVENT_TYPES));
    }
    for name in ["privateExtendedProperty", "sharedExtendedProperty"] {
        if let Some(wrong) = fields.all(name).find(|pair| !pair.contains('=')) {
            return Err(errors::parameter(name, &format!("Invalid extended property filter: {wrong}")));
        }
    }
    let mut window = Window { from: asked::time(fields, "timeMin")?, until: asked::time(fields, "timeMax")?, now };
    if let (Some(from), Some(until)) = (window.from, window.until)
        && from >= until
    {
        // "If timeMin is set, timeMax must be greater than timeMin."
        return Err(errors::time_range_empty("timeMax"));
    }
    let updated_min = asked::time(fields, "updatedMin")?;
    if updated_min.is_some_and(|since| now - since > TimeDelta::days(UPDATED_MIN_DAYS)) {
        return Err(errors::updated_min_too_long_ago());
    }
    let since = match asked::one(fields, "syncToken")? {
        None => None,
        Some(text) => {
            if NEVER_WITH_SYNC.iter().any(|name| fields.first(name).is_some()) {
                return Err(errors::bad_request(
                    "Sync token cannot be used with iCalUID, orderBy, privateExtendedProperty, q, sharedExtendedProperty, \
                     timeMin, timeMax or updatedMin.",
                ));
            }
            if show_deleted == Some(false) {
                // "it is not allowed to set showDeleted to False".
                return Err(errors::bad_request("Sync token cannot be used with showDeleted set to false."));
            }
            let print = asked::fingerprint(fields, &SAME_WITH_SYNC);
            Some(SyncToken::read(text, &calendar.id, &print, calendar.generation)?)
        }
    };
    if let Some(since) = &since {
        window.from = since.from;
        window.until = since.until;
    }
    let all_others: Vec<&str> = KNOWN.into_iter().filter(|name| !matches!(*name, "pageToken" | "maxResults")).collect();
    let print = asked::fingerprint(fields, &all_others);
    let page = match asked::one(fields, "pageToken")? {
        None => None,
        Some(text) => Some(PageToken::read(text, &calendar.id, &print)?),
    };
    Ok(Asked {
        fields,
        single,
        show_deleted: show_deleted.unwrap_or(false),
        order,
        window,
        zone: asked::zone(fields)?,
        updated_min,
        max_attendees: asked::count(fields, "maxAttendees")?,
        types,
        size: asked::page_size(fields, PAGE, LARGEST_PAGE, capped)?,
        since,
        page,
        print,
    })
}

fn find<'a>(calendar: &'a Calendar, asked: &Asked<'_>, role: Role) -> Vec<Occurrence<'a>> {
    let mut found = calendar.occurrences(asked.window, asked.single);
    if let Some(since) = asked.since.as_ref().filter(|_| asked.single) {
        found.extend(calendar.vanished_after(since.change));
    }
    found.retain(|occurrence| is_asked_for(calendar, asked, occurrence) && matches(occurrence, asked, role));
    found
}

/// Whether it belongs into this list, deleted or not.
fn is_asked_for(calendar: &Calendar, asked: &Asked<'_>, occurrence: &Occurrence<'_>) -> bool {
    if let Some(since) = &asked.since {
        // What left the window is told too: its copy has to go.
        return occurrence.event.changed > since.change;
    }
    let whole_series = occurrence.exception.is_none() && occurrence.event.is_series();
    let in_time = if whole_series && (asked.window.from.is_some() || asked.window.until.is_some()) {
        calendar.touches(occurrence.event, asked.window)
    } else {
        asked.window.shows(calendar, occurrence)
    };
    // "Cancelled instances of recurring events (but not the underlying recurring event) will still be included if showDeleted
    // and singleEvents are both False." "When [updatedMin is] specified, entries deleted since this time will always be included".
    let of_living_series = occurrence.exception.as_ref().is_some_and(|exception| calendar.lives(exception));
    let deleted_is_shown = asked.show_deleted || asked.updated_min.is_some() || (!asked.single && of_living_series);
    in_time && (!occurrence.cancelled || deleted_is_shown)
}

fn matches(occurrence: &Occurrence<'_>, asked: &Asked<'_>, role: Role) -> bool {
    let fields = asked.fields;
    let has_property = |kind: &str, pair: &str| {
        let properties = occurrence.fields.get("extendedProperties").and_then(|all| all.get(kind));
        pair.split_once('=').is_some_and(|(name, value)| {
            properties.and_then(|all| all.get(name)).and_then(Value::as_str) == Some(value)
        })
    };
    let kind = occurrence.text("eventType").unwrap_or("default");
    asked.updated_min.is_none_or(|since| occurrence.event.updated >= since)
        && fields.first("iCalUID").is_none_or(|uid| occurrence.event.i_cal_uid == uid)
        && (asked.types.is_empty() || asked.types.contains(&kind))
        && fields.all("privateExtendedProperty").all(|pair| has_property("private", pair))
        && fields.all("sharedExtendedProperty").all(|pair| has_property("shared", pair))
        && fields.first("q").is_none_or(|words| {
            let text = if occurrence.is_open_to(role) { occurrence.searchable() } else { String::new() };
            words.to_lowercase().split_whitespace().all(|word| text.contains(word))
        })
}

/// "The default is an unspecified, stable order."
fn key(occurrence: &Occurrence<'_>, calendar: &Calendar, order: Option<&str>) -> (i64, String) {
    match order {
        Some("startTime") => occurrence.by_start(calendar.zone),
        Some(_) => (occurrence.event.updated.timestamp_millis(), occurrence.id.clone()),
        None => (0, occurrence.id.clone()),
    }
}

fn view(occurrence: &Occurrence<'_>, asked: &Asked<'_>, shown: Shown<'_>) -> Value {
    // "incremental sync requests with showDeleted set to false will not return these details".
    if occurrence.cancelled && (!asked.show_deleted || occurrence.exception.is_some()) {
        occurrence.tombstone(shown.zone)
    } else {
        occurrence.view(shown)
    }
}

/// What surrounds the entries, for `events.instances` too.
pub fn envelope(calendar: &Calendar, role: Role, print: &str, items: &[Value]) -> Value {
    let mut body = json!({
        "kind": "calendar#events",
        "etag": format!("\"p{}{print}\"", calendar.changes),
        "summary": calendar.summary,
        "updated": moment::stamp(calendar.updated),
        "timeZone": calendar.zone.name(),
        "accessRole": role.name(),
        "defaultReminders": if role == Role::Owner { json!([{ "method": "popup", "minutes": 10 }]) } else { json!([]) },
        "items": items,
    });
    if !calendar.description.is_empty() {
        body["description"] = calendar.description.clone().into();
    }
    body
}
