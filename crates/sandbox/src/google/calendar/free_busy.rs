//! `freeBusy`: when somebody has no time, without saying why.
//!
//! <https://developers.google.com/workspace/calendar/api/v3/reference/freebusy/query>

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use poem::{Body, Request, Response, handler, web::Data};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Calendar, READ_BUSY, caller, errors, moment, open, window::Window};
use crate::{
    Sandbox,
    answer::{self, Refused},
    google::gmail,
};

/// "Maximal number of calendars for which `FreeBusy` information is to be provided. Optional. Maximum value is 50."
const MOST_CALENDARS: usize = 50;
/// "Maximal number of calendar identifiers to be provided for a single group. … Maximum value is 100."
const MOST_IN_A_GROUP: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Query {
    time_min: Option<String>,
    time_max: Option<String>,
    time_zone: Option<String>,
    #[serde(default)]
    items: Vec<Item>,
    calendar_expansion_max: Option<usize>,
    group_expansion_max: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    id: String,
}

#[handler]
pub async fn query(request: &Request, body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let bytes = body.into_bytes_limit(1024 * 1024).await.map_err(|_| errors::bad_request("Request is too large."))?;
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    let account = caller(sandbox, &mut state, request, &READ_BUSY)?;
    gmail::parameters(request, &[])?;
    let query: Query = serde_json::from_slice(&bytes).map_err(|_| errors::bad_request("Parse Error"))?;
    let from = time(query.time_min.as_deref(), "timeMin")?;
    let until = time(query.time_max.as_deref(), "timeMax")?;
    if from >= until {
        return Err(errors::time_range_empty("timeMax"));
    }
    let zone = match query.time_zone.as_deref() {
        // "Time zone used in the response. Optional. The default is UTC."
        None => Tz::UTC,
        Some(name) => name.parse().map_err(|_| errors::parameter("timeZone", "Invalid value for: timeZone"))?,
    };
    let expansion = query.calendar_expansion_max.unwrap_or(MOST_CALENDARS);
    if expansion > MOST_CALENDARS
        || query.group_expansion_max.is_some_and(|most| most > MOST_IN_A_GROUP)
        || query.items.len() > expansion
    {
        return Err(errors::too_many_calendars());
    }
    let window = Window { from: Some(from), until: Some(until), now };
    let mut calendars = BTreeMap::new();
    for Item { id } in query.items {
        let found = open(&state.google, &account, &id).ok().and_then(|(id, _)| state.google.calendars.get(&id));
        let view = match found {
            Some(calendar) => json!({ "busy": busy(calendar, window, zone) }),
            None => json!({ "errors": errors::in_free_busy("notFound"), "busy": [] }),
        };
        // Answered under the name it was asked by, `primary` too.
        calendars.insert(id, view);
    }
    Ok(answer::ok(&json!({
        "kind": "calendar#freeBusy",
        "timeMin": moment::stamp(from),
        "timeMax": moment::stamp(until),
        "calendars": calendars,
    })))
}

fn time(text: Option<&str>, name: &str) -> Result<DateTime<Utc>, Refused> {
    let text = text.ok_or_else(|| errors::required(&format!("Missing {name} parameter.")))?;
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| errors::bad_request(&format!("Invalid {name}.")))?;
    Ok(moment::whole_seconds(time.to_utc()))
}

/// Stretches within the window, in order, those that touch made one.
fn busy(calendar: &Calendar, window: Window, zone: Tz) -> Vec<Value> {
    let mut stretches: Vec<(DateTime<Utc>, DateTime<Utc>)> = calendar
        .occurrences(window, true)
        .iter()
        .filter(|occurrence| window.shows(calendar, occurrence) && occurrence.is_busy(&calendar.id))
        .map(|occurrence| (occurrence.start.instant(calendar.zone), occurrence.end.instant(calendar.zone)))
        .map(|(start, end)| {
            (window.from.map_or(start, |from| start.max(from)), window.until.map_or(end, |until| end.min(until)))
        })
        .filter(|(start, end)| start < end)
        .collect();
    stretches.sort_unstable();
    let mut joined: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
    for (start, end) in stretches {
        match joined.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => joined.push((start, end)),
        }
    }
    let text = |instant: DateTime<Utc>| instant.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Secs, true);
    joined.into_iter().map(|(start, end)| json!({ "start": text(start), "end": text(end) })).collect()
}
