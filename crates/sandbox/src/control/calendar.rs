//! Control of the stand-in Calendar: what other people put in, move and take out, and which tokens are forgotten.
//!
//! Changes go through the same code as the API's own, so that a client sees them as it would see anybody's. Scopes, etags and
//! who may write are not asked here: this is the world outside.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use poem::{
    Body, Request, Response, Route, get, handler, post,
    web::{Data, Path},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{missing, read, wrong};
use crate::{
    Sandbox, State,
    answer::{self, Refused},
    fields::Fields,
    google::calendar::{
        Calendar, Role,
        change::Writer,
        draft,
        event::{Occurrence, Person, Shown},
        moment::Moment,
        window::Window,
    },
};

const CALENDARS: &str = "/google/accounts/:name/calendars";

/// Everything under `/sandbox/google/accounts/{name}/calendars`, to which the other routes are added.
pub fn routes() -> Route {
    let at = |rest: &str| format!("{CALENDARS}{rest}");
    Route::new()
        .at(CALENDARS, get(list))
        .at(at("/:calendar"), post(change))
        .at(at("/:calendar/forget-sync"), post(forget_sync))
        .at(at("/:calendar/occurrences"), get(occurrences))
        .at(at("/:calendar/events"), get(events).post(add))
        .at(at("/:calendar/events/:event"), get(show).patch(patch).delete(delete))
        .at(at("/:calendar/events/:event/move"), post(shift))
}

/// Every calendar of a list, also what is hidden or deleted.
#[handler]
pub fn list(Path(name): Path<String>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let state = sandbox.state();
    if !state.google.accounts.contains_key(&name) {
        return Err(missing("account"));
    }
    let seen = state.google.calendars.values().filter_map(|calendar| Some((calendar, calendar.entries.get(&name)?)));
    let views: Vec<Value> = seen
        .map(|(calendar, entry)| {
            json!({
                "id": calendar.id,
                "summary": calendar.summary,
                "summary_override": entry.summary_override,
                "time_zone": calendar.zone.name(),
                "role": entry.role,
                "primary": entry.primary,
                "selected": entry.selected,
                "hidden": entry.hidden,
                "deleted": entry.deleted,
                "events": calendar.events.values().filter(|event| !event.cancelled).count(),
                "changes": calendar.changes,
            })
        })
        .collect();
    Ok(answer::ok(&views.into()))
}

/// What may change about a calendar, or about its place in one list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    summary: Option<String>,
    time_zone: Option<String>,
    role: Option<Role>,
    selected: Option<bool>,
    hidden: Option<bool>,
    deleted: Option<bool>,
    summary_override: Option<String>,
}

#[handler]
pub async fn change(
    Path((name, id)): Path<(String, String)>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let changes: Changes = read(body).await?;
    let mut state = sandbox.state();
    state.google.list_changes += 1;
    let list_change = state.google.list_changes;
    let calendar = calendar(&mut state, &name, &id)?;
    if let Some(zone) = changes.time_zone {
        calendar.zone = zone.parse().map_err(|_| wrong("unknown time zone"))?;
    }
    if let Some(summary) = changes.summary {
        calendar.summary = summary;
    }
    let entry = calendar.entries.get_mut(&name).ok_or_else(|| missing("calendar"))?;
    entry.role = changes.role.unwrap_or(entry.role);
    entry.selected = changes.selected.unwrap_or(entry.selected);
    entry.hidden = changes.hidden.unwrap_or(entry.hidden);
    entry.deleted = changes.deleted.unwrap_or(entry.deleted);
    entry.summary_override = changes.summary_override.or(entry.summary_override.take());
    entry.changed = list_change;
    Ok(super::done())
}

/// Every sync token of this calendar becomes too old.
#[handler]
pub fn forget_sync(
    Path((name, id)): Path<(String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let mut state = sandbox.state();
    let calendar = calendar(&mut state, &name, &id)?;
    calendar.generation += 1;
    Ok(super::done())
}

/// Every sync token of every calendar in this account's list becomes too old, and those of calendar lists and settings.
#[handler]
pub fn forget_all_sync(Path(name): Path<String>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let mut state = sandbox.state();
    if !state.google.accounts.contains_key(&name) {
        return Err(missing("account"));
    }
    state.google.list_generation += 1;
    for calendar in state.google.calendars.values_mut().filter(|calendar| calendar.entries.contains_key(&name)) {
        calendar.generation += 1;
    }
    Ok(super::done())
}

/// Everything that was ever put in, series whole, deleted ones too, as the owner would see it.
#[handler]
pub fn events(
    Path((name, id)): Path<(String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    let calendar = calendar(&mut state, &name, &id)?;
    let window = Window { from: None, until: None, now };
    let views = calendar.occurrences(window, false).iter().map(|one| view(sandbox, calendar, one)).collect();
    Ok(answer::ok(&Value::Array(views)))
}

/// What takes place between `time_min` and `time_max` (RFC 3339), series taken apart, deleted ones too, in order.
#[handler]
pub fn occurrences(
    request: &Request,
    Path((name, id)): Path<(String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let fields = Fields::parse(request.uri().query().unwrap_or_default().as_bytes());
    let time = |name: &str| match fields.first(name) {
        None => Ok(None),
        Some(text) => text.parse::<DateTime<Utc>>().map(Some).map_err(|_| wrong(&format!("{name} is not RFC 3339"))),
    };
    let window = Window { from: time("time_min")?, until: time("time_max")?, now: sandbox.clock.now() };
    let mut state = sandbox.state();
    let calendar = calendar(&mut state, &name, &id)?;
    let mut found = calendar.occurrences(window, true);
    found.retain(|occurrence| window.shows(calendar, occurrence));
    found.sort_by_key(|occurrence| occurrence.by_start(calendar.zone));
    let views = found.iter().map(|one| view(sandbox, calendar, one)).collect();
    Ok(answer::ok(&Value::Array(views)))
}

fn view(sandbox: &Sandbox, calendar: &Calendar, occurrence: &Occurrence<'_>) -> Value {
    occurrence.view(Shown {
        calendar: &calendar.id,
        zone: calendar.zone,
        origin: &sandbox.origin,
        max_attendees: None,
        role: Role::Owner,
    })
}

/// An event as the API takes it; `organizer` says who put it there, the calendar's owner where left out.
#[handler]
pub async fn add(
    Path((name, id)): Path<(String, String)>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let body: Value = read(body).await?;
    let bytes = body.to_string().into_bytes();
    let at = sandbox.clock.now();
    let mut state = sandbox.state();
    let (email, display_name) = state
        .google
        .accounts
        .get(&name)
        .map(|account| (account.email.clone(), account.display_name.clone()))
        .ok_or_else(|| missing("account"))?;
    let organizer = body["organizer"]["email"].as_str().map(|email| Person {
        email: email.to_owned(),
        name: body["organizer"]["displayName"].as_str().unwrap_or_default().to_owned(),
    });
    let calendar = calendar(&mut state, &name, &id)?;
    let person = organizer.clone().unwrap_or(Person { email, name: display_name });
    let event = calendar.insert(draft::chosen_id(&bytes)?, draft::written(&bytes)?, &Writer { person, at })?;
    if let (Some(organizer), Some(event)) = (organizer, calendar.events.get_mut(&event)) {
        // An invitation: somebody else's event in this calendar.
        event.organizer = organizer;
    }
    answered(sandbox, calendar, &event)
}

#[handler]
pub fn show(
    Path((name, id, event)): Path<(String, String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let mut state = sandbox.state();
    let calendar = calendar(&mut state, &name, &id)?;
    answered(sandbox, calendar, &event)
}

/// Patches an event, a series, or one instance.
#[handler]
pub async fn patch(
    Path((name, id, event)): Path<(String, String, String)>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let body: Value = read(body).await?;
    let at = sandbox.clock.now();
    let mut state = sandbox.state();
    let calendar = calendar(&mut state, &name, &id)?;
    let mut fields = calendar.find(&event).ok_or_else(|| missing("event"))?.complete_fields();
    draft::merge(&mut fields, draft::written(body.to_string().as_bytes())?);
    calendar.replace(&event, fields, at)?;
    answered(sandbox, calendar, &event)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    /// Backwards where negative; whole days for an all-day event.
    minutes: i64,
}

/// Moves an event, a series, or one instance, as long as it was.
#[handler]
pub async fn shift(
    Path((name, id, event)): Path<(String, String, String)>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let Move { minutes } = read(body).await?;
    let by = TimeDelta::try_minutes(minutes).filter(|by| by.abs() < TimeDelta::days(100_000));
    let by = by.ok_or_else(|| wrong("that far nothing can be moved"))?;
    let at = sandbox.clock.now();
    let mut state = sandbox.state();
    let calendar = calendar(&mut state, &name, &id)?;
    let mut fields = {
        let occurrence = calendar.find(&event).ok_or_else(|| missing("event"))?;
        let mut fields = occurrence.complete_fields();
        for (name, moment) in [("start", occurrence.start), ("end", occurrence.end)] {
            let (moved, zone) = match moment {
                Moment::At(instant, zone) => (Moment::At(instant + by, zone), zone),
                Moment::Day(date) => (Moment::Day(date + TimeDelta::days(by.num_days())), calendar.zone),
            };
            fields.insert(name.to_owned(), moved.view(zone));
        }
        fields
    };
    fields.remove("sequence");
    calendar.replace(&event, fields, at)?;
    answered(sandbox, calendar, &event)
}

/// Deletes an event, a whole series, or one instance.
#[handler]
pub fn delete(
    Path((name, id, event)): Path<(String, String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let at = sandbox.clock.now();
    let mut state = sandbox.state();
    let calendar = calendar(&mut state, &name, &id)?;
    if calendar.find(&event).is_none() {
        return Err(missing("event"));
    }
    let deleted = calendar.cancel(&event, at)?;
    Ok(answer::ok(&json!({ "deleted": deleted })))
}

fn answered(sandbox: &Sandbox, calendar: &Calendar, event: &str) -> Result<Response, Refused> {
    let occurrence = calendar.find(event).ok_or_else(|| missing("event"))?;
    Ok(answer::ok(&view(sandbox, calendar, &occurrence)))
}

/// A calendar of somebody's list, by id or as `primary`.
fn calendar<'a>(state: &'a mut State, account: &str, id: &str) -> Result<&'a mut Calendar, Refused> {
    if !state.google.accounts.contains_key(account) {
        return Err(missing("account"));
    }
    let id = match id {
        "primary" => state.google.primary_of(account).unwrap_or_default().to_owned(),
        id => id.to_owned(),
    };
    let calendar = state.google.calendars.get_mut(&id).filter(|calendar| calendar.entries.contains_key(account));
    calendar.ok_or_else(|| missing("calendar"))
}
