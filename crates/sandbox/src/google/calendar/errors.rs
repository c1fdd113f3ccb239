//! How the Calendar API says no.
//!
//! <https://developers.google.com/workspace/calendar/api/guides/errors>. Its errors name the place (`location`) of what
//! is wrong and carry no `status`, unlike Gmail's (`google/errors.rs`), which is why they are written here.

use poem::http::StatusCode;
use serde_json::{Value, json};

use crate::answer::{self, Refused};

/// Where in the request the mistake is.
#[derive(Debug, Clone, Copy)]
pub enum At<'a> {
    Parameter(&'a str),
    Header(&'a str),
    Nowhere,
}

fn refusal(status: StatusCode, domain: &str, reason: &str, message: &str, at: At<'_>) -> Refused {
    let mut detail = json!({ "domain": domain, "reason": reason, "message": message });
    let place = match at {
        At::Parameter(name) => Some(("parameter", name)),
        At::Header(name) => Some(("header", name)),
        At::Nowhere => None,
    };
    if let Some((kind, name)) = place {
        detail["locationType"] = kind.into();
        detail["location"] = name.into();
    }
    let body = json!({ "error": { "errors": [detail], "code": status.as_u16(), "message": message } });
    answer::json(status, &body).into()
}

/// A parameter whose value cannot be.
pub fn parameter(name: &str, message: &str) -> Refused {
    refusal(StatusCode::BAD_REQUEST, "global", "invalidParameter", message, At::Parameter(name))
}

/// A body that makes no sense.
pub fn invalid(message: &str) -> Refused {
    refusal(StatusCode::BAD_REQUEST, "global", "invalid", message, At::Nowhere)
}

/// Something that must be there is not.
pub fn required(message: &str) -> Refused {
    refusal(StatusCode::BAD_REQUEST, "global", "required", message, At::Nowhere)
}

/// Parameters that do not go together.
pub fn bad_request(message: &str) -> Refused {
    refusal(StatusCode::BAD_REQUEST, "global", "badRequest", message, At::Nowhere)
}

pub fn time_range_empty(location: &str) -> Refused {
    let message = "The specified time range is empty.";
    refusal(StatusCode::BAD_REQUEST, "calendar", "timeRangeEmpty", message, At::Parameter(location))
}

pub fn too_many_calendars() -> Refused {
    let message = "The number of calendars requested is too large for a single query.";
    refusal(StatusCode::BAD_REQUEST, "calendar", "tooManyCalendarsRequested", message, At::Nowhere)
}

/// Nothing there, or nothing that this person may know of.
pub fn not_found() -> Refused {
    refusal(StatusCode::NOT_FOUND, "global", "notFound", "Not Found", At::Nowhere)
}

pub fn duplicate() -> Refused {
    let message = "The requested identifier already exists.";
    refusal(StatusCode::CONFLICT, "global", "duplicate", message, At::Nowhere)
}

pub fn already_deleted() -> Refused {
    refusal(StatusCode::GONE, "global", "deleted", "Resource has been deleted", At::Nowhere)
}

pub fn full_sync_required() -> Refused {
    let message = "Sync token is no longer valid, a full sync is required.";
    refusal(StatusCode::GONE, "calendar", "fullSyncRequired", message, At::Parameter("syncToken"))
}

pub fn updated_min_too_long_ago() -> Refused {
    let message = "The requested minimum modification time lies too far in the past.";
    refusal(StatusCode::GONE, "calendar", "updatedMinTooLongAgo", message, At::Parameter("updatedMin"))
}

pub fn condition_not_met() -> Refused {
    let at = At::Header("If-Match");
    refusal(StatusCode::PRECONDITION_FAILED, "global", "conditionNotMet", "Precondition Failed", at)
}

/// A reader who tries to write.
pub fn needs_writer() -> Refused {
    let message = "You need to have writer access to this calendar.";
    refusal(StatusCode::FORBIDDEN, "calendar", "requiredAccessLevel", message, At::Nowhere)
}

pub fn forbidden_for_non_organizer() -> Refused {
    let message = "Shared properties can only be changed by the organizer of the event.";
    refusal(StatusCode::FORBIDDEN, "calendar", "forbiddenForNonOrganizer", message, At::Nowhere)
}

/// One calendar of a free/busy answer that could not be looked at.
pub fn in_free_busy(reason: &str) -> Value {
    json!([{ "domain": "global", "reason": reason }])
}
