//! Building HTTP answers.
//!
//! One place decides the headers that every answer of the stand-in carries.

use poem::{
    Response,
    http::{HeaderValue, StatusCode, header},
};
use serde_json::Value;

/// An answer that ends a handler early, through `?`. Boxed, because answers are large and refusals rare.
#[derive(Debug)]
pub struct Refused(Box<Response>);

impl From<Response> for Refused {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl From<Refused> for poem::Error {
    fn from(Refused(response): Refused) -> Self {
        Self::from_response(*response)
    }
}

impl Refused {
    pub fn into_response(self) -> Response {
        *self.0
    }
}

pub fn json(status: StatusCode, body: &Value) -> Response {
    Response::builder()
        .status(status)
        .content_type("application/json; charset=UTF-8")
        .header(header::CACHE_CONTROL, "no-store")
        .body(body.to_string())
}

pub fn ok(body: &Value) -> Response {
    json(StatusCode::OK, body)
}

pub fn text(status: StatusCode, body: impl Into<String>) -> Response {
    Response::builder().status(status).content_type("text/plain; charset=utf-8").body(body.into())
}

pub fn page(status: StatusCode, markup: maud::Markup) -> Response {
    Response::builder()
        .status(status)
        .content_type("text/html; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::REFERRER_POLICY, "no-referrer")
        .body(markup.into_string())
}

/// 303: whatever the method was, the browser comes back with GET.
pub fn see_other(location: &str) -> Response {
    Response::builder()
        .status(StatusCode::SEE_OTHER)
        .header(header::LOCATION, location)
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::REFERRER_POLICY, "no-referrer")
        .finish()
}

/// Adds `WWW-Authenticate`; RFC 9110 section 11.6.1 asks for it with every 401.
pub fn challenge(mut response: Response, challenge: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}
