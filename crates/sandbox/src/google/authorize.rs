//! `/o/oauth2/v2/auth`: where the browser is sent, and the decision made there.
//!
//! <https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient> and RFC 6749 section 4.1.
//! Without these checks a wrong redirect URI would only be noticed at the real Google. Nothing here issues tokens.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use poem::{Body, Request, Response, handler, http::StatusCode, web::Data};
use serde_json::json;
use url::Url;

use super::{Google, consent_page, raw, scopes, token::Code};
use crate::{
    Sandbox, State, answer,
    fields::{Fields, Repeated},
};

/// How long a person may look at the consent page.
const DECISION_MINUTES: i64 = 60;

/// A checked request that waits for the person's decision.
#[derive(Debug, Clone)]
pub struct AuthorizationRequest {
    pub redirect_uri: String,
    pub state: Option<String>,
    pub scopes: BTreeSet<String>,
    pub nonce: Option<String>,
    pub challenge: Option<Challenge>,
    pub offline: bool,
    pub prompt: BTreeSet<String>,
    pub include_granted_scopes: bool,
    pub login_hint: Option<String>,
    pub asked_at: DateTime<Utc>,
}

/// PKCE, RFC 7636.
#[derive(Debug, Clone)]
pub enum Challenge {
    S256(String),
    Plain(String),
}

/// What is wrong with a request.
enum Refused {
    /// Shown to the person: the address to send them back to cannot be trusted.
    Page(StatusCode, &'static str, String),
    /// Told to the client. RFC 6749 section 4.1.2.1.
    Redirect { redirect_uri: String, state: Option<String>, error: &'static str, description: String },
}

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
    let granted: BTreeSet<String> =
        asked.scopes.iter().filter(|scope| scopes::is_sign_in(scope) || ticked.contains(*scope)).cloned().collect();
    let account = fields.first("account").unwrap_or_default().to_owned();
    if !state.google.accounts.contains_key(&account) {
        return error_page(StatusCode::BAD_REQUEST, "invalid_request", "Unknown account.");
    }
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

/// Client and redirect URI first: until both are known, nobody may be redirected anywhere.
/// <https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors-redirect-uri-mismatch>
fn check(google: &Google, fields: &Fields, now: DateTime<Utc>) -> Result<AuthorizationRequest, Refused> {
    let page = |status, error, text: &str| Refused::Page(status, error, text.to_owned());
    let repeated = |Repeated(name)| {
        Refused::Page(StatusCode::BAD_REQUEST, "invalid_request", format!("Parameter given twice: {name}"))
    };
    let client = fields.one("client_id").map_err(repeated)?;
    if client != Some(google.client_id.as_str()) {
        return Err(page(StatusCode::UNAUTHORIZED, "invalid_client", "The OAuth client was not found."));
    }
    let redirect_uri = fields.one("redirect_uri").map_err(repeated)?.unwrap_or_default().to_owned();
    if !google.redirect_uris.contains(&redirect_uri) {
        let text = "The redirect URI in the request does not match one registered for the OAuth client.";
        return Err(page(StatusCode::BAD_REQUEST, "redirect_uri_mismatch", text));
    }
    let state = fields.first("state").map(str::to_owned);
    let redirect = |error, description: String| Refused::Redirect {
        redirect_uri: redirect_uri.clone(),
        state: state.clone(),
        error,
        description,
    };
    let repeated = |Repeated(name)| redirect("invalid_request", format!("Parameter given twice: {name}"));
    let one = |name: &str| fields.one(name).map_err(repeated);
    one("state")?;
    match one("response_type")? {
        Some("code") => {}
        Some(other) => {
            return Err(redirect("unsupported_response_type", format!("Invalid response_type: {other}")));
        }
        None => {
            let text = "Required parameter is missing: response_type".to_owned();
            return Err(redirect("invalid_request", text));
        }
    }
    let Some(scope) = one("scope")? else {
        return Err(redirect("invalid_request", "Missing required parameter: scope".to_owned()));
    };
    let scopes = scopes::parse(scope)
        .map_err(|unknown| redirect("invalid_scope", format!("Some requested scopes were invalid: {unknown}")))?;
    let challenge = challenge(one("code_challenge")?, one("code_challenge_method")?)
        .map_err(|text| redirect("invalid_request", text.to_owned()))?;
    let offline = match one("access_type")? {
        None | Some("online") => false,
        Some("offline") => true,
        Some(other) => {
            return Err(redirect("invalid_request", format!("Invalid access_type: {other}")));
        }
    };
    let prompt: BTreeSet<String> =
        one("prompt")?.unwrap_or_default().split_ascii_whitespace().map(str::to_owned).collect();
    let known = |value: &String| matches!(value.as_str(), "none" | "consent" | "select_account");
    if !prompt.iter().all(known) || (prompt.contains("none") && prompt.len() > 1) {
        return Err(redirect("invalid_request", "Invalid prompt".to_owned()));
    }
    let include_granted_scopes = match one("include_granted_scopes")? {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            return Err(redirect("invalid_request", "Invalid include_granted_scopes".to_owned()));
        }
    };
    Ok(AuthorizationRequest {
        nonce: one("nonce")?.map(str::to_owned),
        login_hint: one("login_hint")?.map(str::to_owned),
        scopes,
        challenge,
        offline,
        prompt,
        include_granted_scopes,
        asked_at: now,
        redirect_uri: redirect_uri.clone(),
        state: state.clone(),
    })
}

/// 43 to 128 unreserved characters; without a method it is `plain`. RFC 7636 sections 4.2 and 4.3.
fn challenge(value: Option<&str>, method: Option<&str>) -> Result<Option<Challenge>, &'static str> {
    let Some(value) = value else {
        return match method {
            None => Ok(None),
            Some(_) => Err("code_challenge_method without code_challenge"),
        };
    };
    if !is_pkce_text(value) {
        return Err("Invalid code_challenge");
    }
    match method {
        Some("S256") => Ok(Some(Challenge::S256(value.to_owned()))),
        None | Some("plain") => Ok(Some(Challenge::Plain(value.to_owned()))),
        Some(_) => Err("Invalid code_challenge_method"),
    }
}

pub fn is_pkce_text(value: &str) -> bool {
    (43..=128).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
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
