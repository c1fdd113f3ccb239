//! How OAuth's own endpoints say no, and how they read a request.
//!
//! RFC 6749 section 5.2. Gmail and userinfo speak another dialect: see `errors.rs`.

use poem::{Body, Request, Response, http::StatusCode};
use serde_json::json;

use crate::{
    answer,
    fields::{Fields, Repeated},
};

/// A refusal in the shape of RFC 6749 section 5.2.
pub struct Refusal {
    pub status: StatusCode,
    pub error: &'static str,
    pub description: String,
    /// The client tried HTTP Basic and is told to try again.
    pub basic: bool,
}

pub fn refusal(error: &'static str, description: &str) -> Refusal {
    Refusal { status: StatusCode::BAD_REQUEST, error, description: description.to_owned(), basic: false }
}

impl Refusal {
    pub fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "error_description": self.description });
        let response = answer::json(self.status, &body);
        if self.basic { answer::challenge(response, "Basic realm=\"sandbox\"") } else { response }
    }
}

impl From<Repeated> for Refusal {
    fn from(Repeated(name): Repeated) -> Self {
        refusal("invalid_request", &format!("Parameter given twice: {name}"))
    }
}

/// Only `application/x-www-form-urlencoded` in the body. RFC 6749 section 4.1.3.
pub async fn form(request: &Request, body: Body) -> Result<Fields, Refusal> {
    let is_form = request
        .content_type()
        .and_then(|kind| kind.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    if !is_form {
        return Err(refusal("invalid_request", "Bad Request: the body must be form-encoded"));
    }
    let bytes = body
        .into_bytes_limit(64 * 1024)
        .await
        .map_err(|_| refusal("invalid_request", "Bad Request: the body is too large"))?;
    Ok(Fields::parse(&bytes))
}
