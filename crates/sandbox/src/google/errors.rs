//! Google's error shape for its APIs.
//!
//! <https://developers.google.com/workspace/gmail/api/guides/handle-errors> and, for the fields `status` and
//! `details`, <https://cloud.google.com/apis/design/errors>. OAuth's own errors look different: see `token.rs`.

use poem::http::StatusCode;
use serde_json::{Value, json};

use super::scopes;
use crate::answer::{self, Refused};

/// `{"error": {"code", "message", "errors": [...], "status"}}`.
pub fn body(code: u16, message: &str, reason: &str, status: &str) -> Value {
    let domain = if reason.to_ascii_lowercase().contains("ratelimit") { "usageLimits" } else { "global" };
    json!({ "error": {
        "code": code,
        "message": message,
        "errors": [{ "message": message, "domain": domain, "reason": reason }],
        "status": status,
    }})
}

pub fn invalid_argument(message: &str) -> Refused {
    let body = body(400, message, "invalidArgument", "INVALID_ARGUMENT");
    answer::json(StatusCode::BAD_REQUEST, &body).into()
}

pub fn not_found() -> Refused {
    let body = body(404, "Requested entity was not found.", "notFound", "NOT_FOUND");
    answer::json(StatusCode::NOT_FOUND, &body).into()
}

/// A missing, unknown or expired access token.
/// <https://developers.google.com/workspace/gmail/api/guides/handle-errors#resolve_a_401_error_invalid_credentials>
pub fn unauthenticated() -> Refused {
    let mut body = body(
        401,
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or \
         other valid authentication credential. See \
         https://developers.google.com/identity/sign-in/web/devconsole-project.",
        "authError",
        "UNAUTHENTICATED",
    );
    body["error"]["errors"] = json!([{
        "message": "Invalid Credentials",
        "domain": "global",
        "reason": "authError",
        "location": "Authorization",
        "locationType": "header",
    }]);
    let challenge = "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"";
    answer::challenge(answer::json(StatusCode::UNAUTHORIZED, &body), challenge).into()
}

/// A live token without a scope the method needs.
pub fn insufficient_scope(needed: &[&str]) -> Refused {
    let mut body =
        body(403, "Request had insufficient authentication scopes.", "insufficientPermissions", "PERMISSION_DENIED");
    body["error"]["errors"][0]["message"] = "Insufficient Permission".into();
    body["error"]["details"] = json!([{
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "domain": "googleapis.com",
    }]);
    let challenge = format!(
        "Bearer realm=\"https://accounts.google.com/\", error=\"insufficient_scope\", scope=\"{}\"",
        needed.iter().map(|scope| scopes::canonical(scope)).collect::<Vec<_>>().join(" "),
    );
    answer::challenge(answer::json(StatusCode::FORBIDDEN, &body), &challenge).into()
}

/// Another user's mailbox. <https://developers.google.com/workspace/gmail/api/guides/handle-errors>
pub fn delegation_denied(user: &str) -> Refused {
    let message = format!("Delegation denied for {user}");
    let body = body(403, &message, "forbidden", "PERMISSION_DENIED");
    answer::json(StatusCode::FORBIDDEN, &body).into()
}
