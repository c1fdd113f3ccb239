//! `/token`: codes become tokens, and tokens become newer tokens.
//!
//! RFC 6749 sections 4.1.3, 5 and 6, RFC 7636 section 4.6, and
//! <https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code>.
//! Every request ends in the ledger, refused ones too.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use poem::{Body, Request, Response, handler, http::StatusCode, http::header, web::Data};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    asked::{Challenge, is_pkce_text},
    identity,
    refusal::{Refusal, form, refusal},
    scopes,
};
use crate::{
    Sandbox, State,
    fields::Fields,
    ledger::{AnswerLost, TokenRequest, fingerprint},
};

/// Codes live this long. RFC 6749 section 4.1.2 recommends ten minutes at most.
const CODE_MINUTES: i64 = 10;

/// An authorization code, kept after use so that a second use is noticed.
#[derive(Debug, Clone)]
pub struct Code {
    pub account: String,
    pub redirect_uri: String,
    pub scopes: BTreeSet<String>,
    pub nonce: Option<String>,
    pub challenge: Option<Challenge>,
    pub offline: bool,
    /// `prompt=consent`: a refresh token comes again.
    pub consent: bool,
    pub issued_at: DateTime<Utc>,
    pub used: bool,
}

/// What a successful request earned.
struct Issued {
    account: String,
    scopes: BTreeSet<String>,
    nonce: Option<String>,
    access_token: String,
    refresh_token: Option<String>,
}

#[handler]
pub async fn endpoint(request: &Request, body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let fields = form(request, body).await;
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    let answer_lost = request.extensions().get::<AnswerLost>().is_some();
    let mut entry = TokenRequest { at: now, answer_lost, ..TokenRequest::default() };
    let answered = match fields {
        Ok(fields) => {
            fields.first("grant_type").unwrap_or_default().clone_into(&mut entry.grant_type);
            entry.code_used = fields.first("code").map(fingerprint);
            entry.refresh_token_used = fields.first("refresh_token").map(fingerprint);
            serve(&mut state, request, &fields, &mut entry, now)
        }
        Err(refusal) => Err(refusal),
    };
    let response = match answered {
        Ok(issued) => {
            "issued".clone_into(&mut entry.outcome);
            write_answer(&mut state, &entry.grant_type, issued, now)
        }
        Err(refusal) => {
            refusal.error.clone_into(&mut entry.outcome);
            refusal.into_response()
        }
    };
    state.ledger.token_requests.push(entry);
    response
}

fn serve(
    state: &mut State,
    request: &Request,
    fields: &Fields,
    entry: &mut TokenRequest,
    now: DateTime<Utc>,
) -> Result<Issued, Refusal> {
    authenticate(state, request, fields)?;
    let issued = match fields.one("grant_type")? {
        Some("authorization_code") => exchange(state, fields, entry, now)?,
        Some("refresh_token") => refresh(state, fields, entry, now)?,
        Some(other) => {
            return Err(refusal("unsupported_grant_type", &format!("Invalid grant_type: {other}")));
        }
        None => return Err(refusal("invalid_request", "Required parameter is missing: grant_type")),
    };
    entry.account = Some(issued.account.clone());
    entry.access_token_issued = Some(fingerprint(&issued.access_token));
    entry.refresh_token_issued = issued.refresh_token.as_deref().map(fingerprint);
    state.secrets.access_tokens.insert(issued.access_token.clone());
    state.secrets.refresh_tokens.extend(issued.refresh_token.clone());
    Ok(issued)
}

/// By HTTP Basic or in the body, never both. RFC 6749 section 2.3.1; a wrong client is 401, section 5.2.
fn authenticate(state: &State, request: &Request, fields: &Fields) -> Result<(), Refusal> {
    let in_body = (fields.one("client_id")?, fields.one("client_secret")?);
    let (id, secret, basic) = match request.header(header::AUTHORIZATION) {
        Some(_) if in_body.1.is_some() => {
            return Err(refusal("invalid_request", "More than one client authentication method"));
        }
        Some(value) => {
            let (id, secret) = basic_credentials(value).unwrap_or_default();
            (id, secret, true)
        }
        None => (in_body.0.unwrap_or_default().to_owned(), in_body.1.unwrap_or_default().to_owned(), false),
    };
    let google = &state.google;
    let description = if id != google.client_id {
        "The OAuth client was not found."
    } else if secret != google.client_secret {
        "Unauthorized"
    } else {
        return Ok(());
    };
    Err(Refusal {
        status: StatusCode::UNAUTHORIZED,
        error: "invalid_client",
        description: description.to_owned(),
        basic,
    })
}

/// User name and password are form-encoded before base64. RFC 6749 section 2.3.1.
fn basic_credentials(value: &str) -> Option<(String, String)> {
    let decoded = STANDARD.decode(value.strip_prefix("Basic ")?.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |part: &str| {
        let pair = format!("v={}", part.replace('&', "%26").replace('=', "%3D"));
        Fields::parse(pair.as_bytes()).first("v").unwrap_or_default().to_owned()
    };
    Some((decode(id), decode(secret)))
}

fn exchange(
    state: &mut State,
    fields: &Fields,
    entry: &mut TokenRequest,
    now: DateTime<Utc>,
) -> Result<Issued, Refusal> {
    let Some(raw_code) = fields.one("code")?.map(str::to_owned) else {
        return Err(refusal("invalid_request", "Missing required parameter: code"));
    };
    let Some(code) = state.google.codes.get(&raw_code).cloned() else {
        return Err(refusal("invalid_grant", "Malformed auth code."));
    };
    entry.account = Some(code.account.clone());
    if code.used {
        // RFC 6749 section 4.1.2: what a replayed code issued ends too.
        state.google.access_tokens.retain(|_, token| token.code != raw_code);
        state.google.refresh_tokens.retain(|_, token| token.code != raw_code);
        return Err(refusal("invalid_grant", "Bad Request"));
    }
    if now - code.issued_at > TimeDelta::minutes(CODE_MINUTES) {
        return Err(refusal("invalid_grant", "Bad Request"));
    }
    if fields.one("redirect_uri")? != Some(code.redirect_uri.as_str()) {
        return Err(refusal("redirect_uri_mismatch", "Bad Request"));
    }
    verify(code.challenge.as_ref(), fields.one("code_verifier")?)?;
    if let Some(code) = state.google.codes.get_mut(&raw_code) {
        code.used = true;
    }
    let google = &mut state.google;
    let access_token = google.issue_access_token(&code.account, code.scopes.clone(), &raw_code, now);
    let grant = google.grants.entry(code.account.clone()).or_default();
    // Only offline, and only the first time unless the person was asked again.
    // https://developers.google.com/identity/protocols/oauth2/web-server#offline
    let refresh_token = if code.offline && (code.consent || !grant.offline) {
        grant.offline = true;
        Some(google.issue_refresh_token(&code.account, code.scopes.clone(), &raw_code))
    } else {
        None
    };
    Ok(Issued { account: code.account, scopes: code.scopes, nonce: code.nonce, access_token, refresh_token })
}

/// RFC 7636 section 4.6.
fn verify(challenge: Option<&Challenge>, verifier: Option<&str>) -> Result<(), Refusal> {
    let matches = match (challenge, verifier) {
        (None, None) => true,
        (Some(_), None) => return Err(refusal("invalid_grant", "Missing code verifier.")),
        (None, Some(_)) => false,
        (Some(_), Some(verifier)) if !is_pkce_text(verifier) => false,
        (Some(Challenge::Plain(challenge)), Some(verifier)) => challenge == verifier,
        (Some(Challenge::S256(challenge)), Some(verifier)) => {
            URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == *challenge
        }
    };
    if matches { Ok(()) } else { Err(refusal("invalid_grant", "Invalid code verifier.")) }
}

fn refresh(
    state: &mut State,
    fields: &Fields,
    entry: &mut TokenRequest,
    now: DateTime<Utc>,
) -> Result<Issued, Refusal> {
    let Some(raw_token) = fields.one("refresh_token")?.map(str::to_owned) else {
        return Err(refusal("invalid_request", "Missing required parameter: refresh_token"));
    };
    let google = &mut state.google;
    let Some(token) = google.refresh_tokens.get(&raw_token).cloned() else {
        return Err(refusal("invalid_grant", "Token has been expired or revoked."));
    };
    entry.account = Some(token.account.clone());
    let scopes = match fields.one("scope")? {
        None => token.scopes.clone(),
        // May narrow, never widen. RFC 6749 section 6.
        Some(asked) => match scopes::parse(asked) {
            Ok(asked) if asked.is_subset(&token.scopes) => asked,
            _ => return Err(refusal("invalid_scope", "Some requested scopes were invalid.")),
        },
    };
    let access_token = google.issue_access_token(&token.account, scopes.clone(), &token.code, now);
    let refresh_token = google.rotate_refresh_tokens.then(|| {
        google.refresh_tokens.remove(&raw_token);
        google.issue_refresh_token(&token.account, token.scopes.clone(), &token.code)
    });
    Ok(Issued { account: token.account, scopes, nonce: None, access_token, refresh_token })
}

/// <https://developers.google.com/identity/protocols/oauth2/web-server#exchange-authorization-code>
fn write_answer(state: &mut State, grant_type: &str, issued: Issued, now: DateTime<Utc>) -> Response {
    let fault = state.google.answers.take(grant_type);
    let mut body = Map::new();
    body.insert("access_token".into(), issued.access_token.into());
    body.insert("expires_in".into(), state.google.access_token_seconds.into());
    body.insert("scope".into(), scopes::joined(&issued.scopes).into());
    body.insert("token_type".into(), "Bearer".into());
    if let Some(refresh_token) = issued.refresh_token {
        body.insert("refresh_token".into(), refresh_token.into());
    }
    if issued.scopes.contains(scopes::OPENID)
        && let Some(account) = state.google.accounts.get(&issued.account)
    {
        let mut claims = identity::claims(&state.google, account, &issued.scopes, now);
        if let Some(nonce) = issued.nonce {
            claims.insert("nonce".into(), nonce.into());
        }
        fault.spoil_claims(&mut claims, now);
        let id_token = identity::unsigned_jwt(&Value::Object(claims));
        state.secrets.id_tokens.insert(id_token.clone());
        body.insert("id_token".into(), id_token.into());
    }
    Response::builder()
        .content_type("application/json; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::PRAGMA, "no-cache")
        .body(fault.spoil(body))
}
