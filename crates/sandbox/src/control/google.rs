//! Control of the stand-in Google: grants, tokens, answers.

use std::sync::Arc;

use poem::{
    Body, Response, handler,
    web::{Data, Path},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{done, missing, read, wrong};
use crate::{
    Sandbox,
    answer::{self, Refused},
    google::{Account, Legacy, answers::AnswerFault, calendar, lively, quota::Quota, scopes},
    ledger::fingerprint,
};

/// What can change while it runs; fields left out stay as they are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    access_token_seconds: Option<u32>,
    rotate_refresh_tokens: Option<bool>,
    issuer: Option<String>,
    /// Registers one more.
    redirect_uri: Option<String>,
    /// `null` switches the quota off.
    #[serde(default)]
    quota: Change<Quota>,
    /// No page of calendars or events is larger; `null` takes the cap away.
    #[serde(default)]
    calendar_page_size: Change<usize>,
    /// No page of mails or history is larger; `null` takes the cap away.
    #[serde(default)]
    mail_page_size: Change<usize>,
}

/// Tells `null` from a field that was left out.
#[derive(Debug, Default)]
enum Change<T> {
    #[default]
    Stays,
    Becomes(Option<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Becomes)
    }
}

#[handler]
pub fn show_settings(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let state = sandbox.state();
    let google = &state.google;
    answer::ok(&json!({
        "client_id": google.client_id,
        "redirect_uris": google.redirect_uris,
        "issuer": google.issuer,
        "access_token_seconds": google.access_token_seconds,
        "rotate_refresh_tokens": google.rotate_refresh_tokens,
        "quota": google.quotas.limits,
        "calendar_page_size": google.calendar_page_size,
        "mail_page_size": google.mail_page_size,
    }))
}

#[handler]
pub async fn change_settings(body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let changes: Changes = read(body).await?;
    let mut state = sandbox.state();
    let google = &mut state.google;
    if let Some(seconds) = changes.access_token_seconds {
        google.access_token_seconds = seconds;
    }
    if let Some(rotate) = changes.rotate_refresh_tokens {
        google.rotate_refresh_tokens = rotate;
    }
    if let Some(issuer) = changes.issuer {
        google.issuer = issuer;
    }
    google.redirect_uris.extend(changes.redirect_uri);
    if let Change::Becomes(quota) = changes.quota {
        google.quotas.limits = quota;
    }
    if let Change::Becomes(size) = changes.calendar_page_size {
        google.calendar_page_size = size;
    }
    if let Change::Becomes(size) = changes.mail_page_size {
        google.mail_page_size = size;
    }
    Ok(done())
}

#[handler]
pub fn show_answers(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    answer::ok(&json!(sandbox.state().google.answers.pending()))
}

#[handler]
pub async fn add_answer_fault(body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let fault: AnswerFault = read(body).await?;
    sandbox.state().google.answers.add(fault);
    Ok(done())
}

#[handler]
pub fn clear_answers(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    sandbox.state().google.answers.clear();
    done()
}

#[handler]
pub fn accounts(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let state = sandbox.state();
    let views: Vec<Value> = state.google.accounts.keys().filter_map(|name| view(&state, name)).collect();
    answer::ok(&views.into())
}

#[handler]
pub fn show_account(Path(name): Path<String>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let view = view(&sandbox.state(), &name).ok_or_else(|| missing("account"))?;
    Ok(answer::ok(&view))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    name: String,
    email: String,
    display_name: String,
    /// UTC where left out.
    time_zone: Option<String>,
}

/// Somebody new, with an empty mailbox and an empty calendar.
#[handler]
pub async fn add_account(body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let new: NewAccount = read(body).await?;
    let zone = new.time_zone.as_deref().unwrap_or("UTC").parse().map_err(|_| wrong("unknown time zone"))?;
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    let google = &mut state.google;
    let known = google.accounts.values();
    let taken = |account: &Account| account.name == new.name || account.email.eq_ignore_ascii_case(&new.email);
    if new.name.is_empty() || !new.email.contains('@') || known.into_iter().any(taken) {
        return Err(wrong("name and address must be new, and the address one"));
    }
    let number = u64::try_from(google.accounts.len()).unwrap_or_default() + 1;
    let account = lively::stranger(number, &new.name, &new.email, &new.display_name);
    let own = calendar::lively::primary(&new.name, (&new.email, &new.display_name), zone, now);
    google.accounts.insert(new.name.clone(), account);
    google.calendars.insert(own.id.clone(), own);
    let view = view(&state, &new.name).ok_or_else(|| missing("account"))?;
    Ok(answer::ok(&view))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLegacy {
    scopes: Vec<String>,
    #[serde(default)]
    instead_of: Vec<String>,
    /// Also grants them at once, as if that had happened years ago.
    #[serde(default)]
    granted: bool,
}

/// From now on every consent of this account yields these scopes as well, or instead of others.
#[handler]
pub async fn make_legacy(
    Path(name): Path<String>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let new: NewLegacy = read(body).await?;
    let parsed = |names: &[String]| {
        scopes::parse(&names.join(" ")).map_err(|unknown| wrong(&format!("unknown scope {unknown}")))
    };
    let (adds, instead_of) = (parsed(&new.scopes)?, parsed(&new.instead_of)?);
    let mut state = sandbox.state();
    let google = &mut state.google;
    let account = google.accounts.get_mut(&name).ok_or_else(|| missing("account"))?;
    account.legacy = Legacy { adds: adds.clone(), instead_of };
    if new.granted {
        google.grants.entry(name).or_default().scopes.extend(adds);
    }
    Ok(done())
}

fn view(state: &crate::State, name: &str) -> Option<Value> {
    let account = state.google.accounts.get(name)?;
    let grant = state.google.grants.get(name);
    let refresh_tokens: Vec<String> = state
        .google
        .refresh_tokens
        .iter()
        .filter(|(_, token)| token.account == name)
        .map(|(raw, _)| fingerprint(raw))
        .collect();
    Some(json!({
        "name": account.name,
        "sub": account.sub,
        "email": account.email,
        "display_name": account.display_name,
        "mails": account.mailbox.messages.len(),
        "history_id": account.mailbox.history_id.to_string(),
        "granted_scopes": grant.map(|grant| &grant.scopes),
        "refresh_tokens": refresh_tokens,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewScopes {
    scopes: Vec<String>,
}

/// Changes what was granted, in the grant and in every live token, as if it had been granted so.
#[handler]
pub async fn change_scopes(
    Path(name): Path<String>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let given: NewScopes = read(body).await?;
    let scopes = match scopes::parse(&given.scopes.join(" ")) {
        Ok(scopes) => scopes,
        Err(unknown) => return Err(wrong(&format!("unknown scope {unknown}"))),
    };
    let mut state = sandbox.state();
    let google = &mut state.google;
    let Some(grant) = google.grants.get_mut(&name) else { return Err(missing("grant")) };
    grant.scopes.clone_from(&scopes);
    for token in google.refresh_tokens.values_mut().filter(|token| token.account == name) {
        token.scopes.clone_from(&scopes);
    }
    for token in google.access_tokens.values_mut().filter(|token| token.account == name) {
        token.scopes.clone_from(&scopes);
    }
    Ok(done())
}

/// As if the person had removed the app in their account settings.
#[handler]
pub fn revoke(Path(name): Path<String>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    if !state.google.accounts.contains_key(&name) {
        return Err(missing("account"));
    }
    let revoked = state.google.end_grant(&name);
    let entry = json!({
        "at": now,
        "by": "control",
        "account": name,
        "outcome": if revoked { "revoked" } else { "nothing_to_revoke" },
    });
    state.ledger.revocations.push(entry);
    Ok(answer::ok(&json!({ "revoked": revoked })))
}

#[handler]
pub fn expire_access_tokens(Path(name): Path<String>, Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let mut state = sandbox.state();
    let before = state.google.access_tokens.len();
    state.google.access_tokens.retain(|_, token| token.account != name);
    answer::ok(&json!({ "expired": before - state.google.access_tokens.len() }))
}
