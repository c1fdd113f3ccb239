//! `/o/oauth2/v2/auth`: where the browser is sent, and the decision made there.
//!
//! <https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient> and RFC 6749 section 4.1.
//! What may be asked is checked in `asked.rs`; tokens are issued in `token.rs`.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use poem::{Body, Request, Response, handler, http::StatusCode, web::Data};
use serde_json::json;
use url::Url;

use super::{
    Google,
    asked::{AuthorizationRequest, Challenge, Refused, check},
    consent_page, raw, scopes,
    token::Code,
};
use crate::{Sandbox, State, answer, fields::Fields, ledger::fingerprint};

/// How long a person may look at the consent page.
const DECISION_MINUTES: i64 = 60;

#[handler]
pub fn show(request: &Request, Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let fields = Fields::parse(request.uri().query().unwrap_or_default().as_bytes());
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    let asked = match check(&state.google, &fields, now) {
        Ok(asked) => asked,
        Err(refused) => return refuse(&state.google, refused),
    };
    if asked.prompt.contains("none") {
        return without_asking(&mut state, &asked, now);
    }
    let id = raw("sandbox-request");
    let page = consent_page::consent(&state.google, &id, &asked);
    state.google.requests.insert(id, asked);
    answer::page(StatusCode::OK, page)
}

/// `POST /o/oauth2/v2/auth/decision`, fields `request`, `account`, repeated `scope`, `decision` (`allow` or `deny`).
#[handler]
pub async fn decide(body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let Ok(bytes) = body.into_bytes_limit(64 * 1024).await else {
        return lost_request();
    };
    let fields = Fields::parse(&bytes);
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    let Some(asked) = fields.first("request").and_then(|id| state.google.requests.remove(id)) else {
        return lost_request();
    };
    if now - asked.asked_at > TimeDelta::minutes(DECISION_MINUTES) {
        return lost_request();
    }
    let ticked: BTreeSet<String> = fields.all("scope").map(|scope| scopes::canonical(scope).to_owned()).collect();
    let account = fields.first("account").unwrap_or_default().to_owned();
    let Some(person) = state.google.accounts.get(&account) else {
        return error_page(StatusCode::BAD_REQUEST, "invalid_request", "Unknown account.");
    };
    // What the app was allowed before is not asked again and cannot be unticked.
    let before = state.google.grants.get(&account).map(|grant| grant.scopes.clone()).unwrap_or_default();
    let allowed = |scope: &&String| scopes::is_sign_in(scope) || ticked.contains(*scope) || before.contains(*scope);
    let mut granted: BTreeSet<String> = asked.scopes.iter().filter(allowed).cloned().collect();
    person.legacy.widen(&mut granted);
    let allowed = fields.first("decision") == Some("allow") && !granted.is_empty();
    record(&mut state, &asked, &account, allowed.then_some(&granted), now);
    if !allowed {
        let location = with_query(
            &asked.redirect_uri,
            &[("error", Some("access_denied")), ("state", asked.state.as_deref()), ("iss", Some(&state.google.issuer))],
        );
        return answer::see_other(&location);
    }
    give_code(&mut state, &asked, &account, granted, now)
}

/// Registers a one-time code and sends the browser back with it.
fn give_code(
    state: &mut State,
    asked: &AuthorizationRequest,
    account: &str,
    granted: BTreeSet<String>,
    now: DateTime<Utc>,
) -> Response {
    let google = &mut state.google;
    let grant = google.grants.entry(account.to_owned()).or_default();
    // include_granted_scopes: the new token also covers what was granted before.
    let scopes: BTreeSet<String> =
        if asked.include_granted_scopes { grant.scopes.union(&granted).cloned().collect() } else { granted.clone() };
    grant.scopes.extend(granted);
    let code = raw("sandbox-code");
    state.secrets.codes.insert(code.clone());
    let location = with_query(
        &asked.redirect_uri,
        &[
            ("state", asked.state.as_deref()),
            ("iss", Some(&google.issuer)),
            ("code", Some(&code)),
            ("scope", Some(&scopes::joined(&scopes))),
            ("authuser", Some("0")),
            ("prompt", Some(if asked.prompt.contains("none") { "none" } else { "consent" })),
        ],
    );
    google.codes.insert(
        code,
        Code {
            account: account.to_owned(),
            redirect_uri: asked.redirect_uri.clone(),
            scopes,
            nonce: asked.nonce.clone(),
            challenge: asked.challenge.clone(),
            offline: asked.offline,
            consent: asked.prompt.contains("consent"),
            issued_at: now,
            used: false,
        },
    );
    answer::see_other(&location)
}

/// `prompt=none`: no page may be shown, so only what was granted before can be answered.
/// <https://openid.net/specs/openid-connect-core-1_0.html#AuthError>
fn without_asking(state: &mut State, asked: &AuthorizationRequest, now: DateTime<Utc>) -> Response {
    let account = state
        .google
        .accounts
        .values()
        .filter(|account| asked.login_hint.as_deref().is_none_or(|hint| account.is_called(hint)))
        .find(|account| {
            let grant = state.google.grants.get(&account.name);
            grant.is_some_and(|grant| grant.scopes.is_superset(&asked.scopes))
        })
        .map(|account| account.name.clone());
    if let Some(account) = account {
        record(state, asked, &account, Some(&asked.scopes), now);
        return give_code(state, asked, &account, asked.scopes.clone(), now);
    }
    refuse(
        &state.google,
        Refused::Redirect {
            redirect_uri: asked.redirect_uri.clone(),
            state: asked.state.clone(),
            error: "interaction_required",
            description: "The person has to be asked.".to_owned(),
        },
    )
}

fn record(
    state: &mut State,
    asked: &AuthorizationRequest,
    account: &str,
    granted: Option<&BTreeSet<String>>,
    now: DateTime<Utc>,
) {
    state.ledger.authorizations.push(json!({
        "at": now,
        "account": account,
        "decision": if granted.is_some() { "allow" } else { "deny" },
        "asked": asked.scopes,
        "granted": granted,
        "access_type": if asked.offline { "offline" } else { "online" },
        "prompt": asked.prompt,
        "include_granted_scopes": asked.include_granted_scopes,
        "pkce": match asked.challenge {
            Some(Challenge::S256(_)) => Some("S256"),
            Some(Challenge::Plain(_)) => Some("plain"),
            None => None,
        },
        "nonce": asked.nonce.is_some(),
        "state": asked.state.is_some(),
        "state_fingerprint": asked.state.as_deref().map(fingerprint),
    }));
}

fn refuse(google: &Google, refused: Refused) -> Response {
    match refused {
        Refused::Page(status, error, text) => error_page(status, error, &text),
        Refused::Redirect { redirect_uri, state, error, description } => {
            let location = with_query(
                &redirect_uri,
                &[
                    ("error", Some(error)),
                    ("error_description", Some(&description)),
                    ("state", state.as_deref()),
                    ("iss", Some(&google.issuer)),
                ],
            );
            answer::see_other(&location)
        }
    }
}

fn lost_request() -> Response {
    let text = "This sign-in page was already used or has expired. Start again from the app.";
    error_page(StatusCode::BAD_REQUEST, "invalid_request", text)
}

fn error_page(status: StatusCode, error: &str, text: &str) -> Response {
    answer::page(status, consent_page::error(status.as_u16(), error, text))
}

/// Keeps a query the registered address already has. RFC 6749 section 3.1.2.
fn with_query(redirect_uri: &str, pairs: &[(&str, Option<&str>)]) -> String {
    match Url::parse(redirect_uri) {
        Ok(mut url) => {
            let present = pairs.iter().filter_map(|(name, value)| value.map(|value| (name, value)));
            url.query_pairs_mut().extend_pairs(present);
            url.into()
        }
        Err(_) => redirect_uri.to_owned(),
    }
}
