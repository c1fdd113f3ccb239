//! One event: get, insert, update, patch, delete.
//!
//! <https://developers.google.com/workspace/calendar/api/v3/reference/events>. Whether the body is an event is decided in
//! `draft.rs`, what becomes of the calendar in `change.rs`; here is who may, and how it is answered.

use std::sync::Arc;

use chrono_tz::Tz;
use poem::{
    Body, Request, Response, handler,
    http::StatusCode,
    web::{Data, Path},
};
use serde_json::{Map, Value};

use super::{
    Calendar, READ_EVENTS, Role, WRITE_EVENTS, asked, caller,
    change::Writer,
    draft, errors,
    event::{Occurrence, Person, Shown},
    open, precondition,
};
use crate::{
    Sandbox, State,
    answer::Refused,
    fields::Fields,
    google::{errors as google_errors, gmail},
};

/// A body larger than this is no event.
const BODY_BYTES: usize = 1024 * 1024;

const WRITE_PARAMETERS: [&str; 7] = [
    "alwaysIncludeEmail",
    "conferenceDataVersion",
    "eventLabelVersion",
    "maxAttendees",
    "sendNotifications",
    "sendUpdates",
    "supportsAttachments",
];

/// "Shared properties … can only be changed by the organizer of the event."
/// <https://developers.google.com/workspace/calendar/api/guides/errors#403_the_operation_is_forbidden_for_non-organizers>
const ORGANIZERS_OWN: [&str; 3] = ["guestsCanInviteOthers", "guestsCanModify", "guestsCanSeeOtherGuests"];

#[handler]
pub fn get(
    request: &Request,
    Path((id, event)): Path<(String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let mut state = sandbox.state();
    let account = caller(sandbox, &mut state, request, &READ_EVENTS)?;
    let fields = gmail::parameters(request, &["alwaysIncludeEmail", "maxAttendees", "timeZone"])?;
    let (id, role) = open(&state.google, &account, &id)?;
    let calendar = state.google.calendars.get(&id).ok_or_else(errors::not_found)?;
    let zone = asked::zone(&fields)?;
    let max_attendees = asked::count(&fields, "maxAttendees")?;
    // "The get method always returns them": deleted ones too.
    let occurrence = calendar.find(&event).ok_or_else(errors::not_found)?;
    let body = occurrence.view(shown(sandbox, calendar, role, zone, max_attendees));
    Ok(precondition::unless_known(request, &body))
}

fn shown<'a>(
    sandbox: &'a Sandbox,
    calendar: &'a Calendar,
    role: Role,
    zone: Option<Tz>,
    max_attendees: Option<usize>,
) -> Shown<'a> {
    Shown { calendar: &calendar.id, zone: zone.unwrap_or(calendar.zone), origin: &sandbox.origin, max_attendees, role }
}

/// Somebody who may write: the calendar, the request's parameters, and as whom they write.
struct Writing {
    calendar: String,
    role: Role,
    fields: Fields,
    writer: Writer,
}

fn writing(sandbox: &Sandbox, state: &mut State, request: &Request, id: &str) -> Result<Writing, Refused> {
    let account = caller(sandbox, state, request, &WRITE_EVENTS)?;
    let fields = gmail::parameters(request, &WRITE_PARAMETERS)?;
    for name in ["sendNotifications", "supportsAttachments", "alwaysIncludeEmail"] {
        asked::flag(&fields, name)?;
    }
    for name in ["conferenceDataVersion", "eventLabelVersion"] {
        asked::word(&fields, name, &["0", "1"])?;
    }
    asked::word(&fields, "sendUpdates", &["all", "externalOnly", "none"])?;
    let (calendar, role) = open(&state.google, &account, id)?;
    if role < Role::WriterWithoutPrivateAccess {
        return Err(errors::needs_writer());
    }
    let account = state.google.accounts.get(&account).ok_or_else(google_errors::unauthenticated)?;
    let person = Person { email: account.email.clone(), name: account.display_name.clone() };
    Ok(Writing { calendar, role, fields, writer: Writer { person, at: sandbox.clock.now() } })
}

/// The body is read before anything is refused, or the client would see a broken pipe instead of the answer.
async fn bytes(body: Body) -> Result<Vec<u8>, Refused> {
    let bytes = body.into_bytes_limit(BODY_BYTES).await.map_err(|_| errors::bad_request("Request is too large."))?;
    Ok(bytes.to_vec())
}

#[handler]
pub async fn insert(
    request: &Request,
    Path(id): Path<String>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let body = bytes(body).await?;
    let mut state = sandbox.state();
    let writing = writing(sandbox, &mut state, request, &id)?;
    let calendar = state.google.calendars.get_mut(&writing.calendar).ok_or_else(errors::not_found)?;
    let id = calendar.insert(draft::chosen_id(&body)?, draft::written(&body)?, &writing.writer)?;
    answer(sandbox, calendar, &writing, &id)
}

#[handler]
pub async fn update(
    request: &Request,
    Path((id, event)): Path<(String, String)>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let body = bytes(body).await?;
    write(sandbox, request, &id, &event, |_| draft::written(&body))
}

#[handler]
pub async fn patch(
    request: &Request,
    Path((id, event)): Path<(String, String)>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let body = bytes(body).await?;
    write(sandbox, request, &id, &event, |occurrence| {
        let mut fields = occurrence.complete_fields();
        draft::merge(&mut fields, draft::written(&body)?);
        Ok(fields)
    })
}

fn write(
    sandbox: &Sandbox,
    request: &Request,
    id: &str,
    event: &str,
    make: impl FnOnce(&Occurrence<'_>) -> Result<Map<String, Value>, Refused>,
) -> Result<Response, Refused> {
    let mut state = sandbox.state();
    let writing = writing(sandbox, &mut state, request, id)?;
    let calendar = state.google.calendars.get_mut(&writing.calendar).ok_or_else(errors::not_found)?;
    let fields = {
        let occurrence = calendar.find(event).ok_or_else(errors::not_found)?;
        precondition::if_match(request, &occurrence.event.etag())?;
        let fields = make(&occurrence)?;
        let is_organizer = occurrence.event.organizer.email.eq_ignore_ascii_case(&calendar.id);
        if !is_organizer && ORGANIZERS_OWN.iter().any(|name| fields.get(*name) != occurrence.fields.get(*name)) {
            return Err(errors::forbidden_for_non_organizer());
        }
        fields
    };
    calendar.replace(event, fields, writing.writer.at)?;
    answer(sandbox, calendar, &writing, event)
}

fn answer(sandbox: &Sandbox, calendar: &Calendar, writing: &Writing, event: &str) -> Result<Response, Refused> {
    let max_attendees = asked::count(&writing.fields, "maxAttendees")?;
    let occurrence = calendar.find(event).ok_or_else(errors::not_found)?;
    let body = occurrence.view(shown(sandbox, calendar, writing.role, None, max_attendees));
    Ok(crate::answer::ok(&body))
}

#[handler]
pub fn delete(
    request: &Request,
    Path((id, event)): Path<(String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let mut state = sandbox.state();
    let writing = writing(sandbox, &mut state, request, &id)?;
    let calendar = state.google.calendars.get_mut(&writing.calendar).ok_or_else(errors::not_found)?;
    let etag = calendar.find(&event).ok_or_else(errors::not_found)?.event.etag();
    precondition::if_match(request, &etag)?;
    if !calendar.cancel(&event, writing.writer.at)? {
        return Err(errors::already_deleted());
    }
    Ok(Response::builder().status(StatusCode::NO_CONTENT).finish())
}
