//! `/revoke`: a client gives a grant back. RFC 7009.

use std::sync::Arc;

use poem::{Body, Request, Response, handler, web::Data};
use serde_json::json;

use super::refusal::{form, refusal};
use crate::{Sandbox, answer, fields::Fields, ledger::fingerprint};

/// Ends the whole grant, whichever of its tokens is given, in the form or in the query.
/// <https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke>
#[handler]
pub async fn endpoint(request: &Request, body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let query = Fields::parse(request.uri().query().unwrap_or_default().as_bytes());
    let in_query = query.first("token").map(str::to_owned);
    let token = match in_query {
        Some(token) => Some(token),
        None => match form(request, body).await {
            Ok(fields) => fields.first("token").map(str::to_owned),
            Err(refusal) => return refusal.into_response(),
        },
    };
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    let Some(token) = token else {
        return refusal("invalid_request", "Missing required parameter: token").into_response();
    };
    let account = state.google.account_of(&token, now);
    state.ledger.revocations.push(json!({
        "at": now,
        "by": "client",
        "account": account,
        "token": fingerprint(&token),
        "outcome": if account.is_some() { "revoked" } else { "invalid_token" },
    }));
    match account {
        Some(account) => {
            state.google.end_grant(&account);
            answer::ok(&json!({}))
        }
        None => refusal("invalid_token", "Token expired or revoked").into_response(),
    }
}
