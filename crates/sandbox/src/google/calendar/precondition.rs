//! `If-Match` and `If-None-Match`.
//!
//! <https://developers.google.com/workspace/calendar/api/guides/version-resources> and RFC 9110 sections 13.1.1 and 13.1.2.

use poem::{
    Request, Response,
    http::{HeaderValue, StatusCode, header},
};
use serde_json::Value;

use super::errors;
use crate::answer::{self, Refused};

/// 412 unless one of the tags is the resource's. Strong comparison: a weak tag matches nothing.
pub fn if_match(request: &Request, etag: &str) -> Result<(), Refused> {
    match request.header(header::IF_MATCH) {
        Some(tags) if !tags.split(',').any(|tag| matches!(tag.trim(), "*") || tag.trim() == etag) => {
            Err(errors::condition_not_met())
        }
        _ => Ok(()),
    }
}

/// The body with its `etag` as a header too, or 304 where the client has it already.
pub fn unless_known(request: &Request, body: &Value) -> Response {
    let etag = body["etag"].as_str().unwrap_or_default();
    let known = request.header(header::IF_NONE_MATCH).is_some_and(|tags| {
        tags.split(',').any(|tag| matches!(tag.trim(), "*") || tag.trim().trim_start_matches("W/") == etag)
    });
    let mut response =
        if known { Response::builder().status(StatusCode::NOT_MODIFIED).finish() } else { answer::ok(body) };
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    response
}
