//! What a client asks for at `/o/oauth2/v2/auth`, and every way to ask wrongly.
//!
//! <https://developers.google.com/identity/protocols/oauth2/web-server#creatingclient>, RFC 6749 section 4.1.1 and RFC 7636
//! section 4.3. Pure: a request and what is registered go in, a checked request or a refusal comes out.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use poem::http::StatusCode;

use super::{Google, scopes};
use crate::fields::{Fields, Repeated};

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
pub enum Refused {
    /// Shown to the person: the address to send them back to cannot be trusted.
    Page(StatusCode, &'static str, String),
    /// Told to the client. RFC 6749 section 4.1.2.1.
    Redirect { redirect_uri: String, state: Option<String>, error: &'static str, description: String },
}

/// Client and redirect URI first: until both are known, nobody may be redirected anywhere.
/// <https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors-redirect-uri-mismatch>
pub fn check(google: &Google, fields: &Fields, now: DateTime<Utc>) -> Result<AuthorizationRequest, Refused> {
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
