//! The provider sends the browser back: is it the browser that left, at the time it may come, with an answer to the
//! question that was asked?
//!
//! Nothing is exchanged here. The code is sealed and waits for the initiator.

use bellhop_domain::{AuthorizationFailure, Provider};
use bellhop_providers::OAuthErrorCode;
use bellhop_store::{Actor, Attempt, BroughtBack, StoreError, plain_hash};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::FINISH_LIFETIME;
use super::ending::{Ending, end, note};
use super::secrets::{finish_code_of, hash_of};
use crate::app::App;
use crate::metrics::OAuthEvent;

/// The longest code we take. Google promises no more than 256 bytes
/// (<https://developers.google.com/identity/protocols/oauth2#size>).
const LONGEST_CODE: usize = 2048;

/// What the browser brought back.
#[derive(Debug)]
pub struct ProviderAnswer {
    /// The state, if there was one.
    pub state: Option<SecretString>,
    /// The code of a yes.
    pub code: Option<SecretString>,
    /// The error of a no.
    pub error: Option<String>,
    /// Who says so (RFC 9207), where it is said.
    pub issuer: Option<String>,
}

/// Why an answer is refused although its walk goes on without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidState {
    /// There is no such state, or none at all.
    Unknown,
    /// Its ten minutes are over.
    Expired,
    /// Another browser left with it.
    OtherBrowser,
    /// Another provider was asked.
    OtherProvider,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callback {
    /// It was taken, or this browser had brought it before: the clean page says how things stand.
    Received,
    /// It was refused and changed nothing.
    Refused(InvalidState),
}

/// Takes in what a browser brought back from a provider.
pub async fn receive(
    app: &App,
    provider: Provider,
    answer: &ProviderAnswer,
    cookie: Option<&SecretString>,
) -> Result<Callback, StoreError> {
    let (attempt, cookie) = match recognise(app, provider, answer, cookie).await? {
        Ok(recognised) => recognised,
        Err(invalid) => {
            app.metrics.oauth(provider, OAuthEvent::InvalidState);
            tracing::info!(%provider, reason = ?invalid, "a callback was refused");
            return Ok(Callback::Refused(invalid));
        }
    };
    // The same browser again: nothing changes, and the page is the same.
    if attempt.returned_at.is_some() || attempt.outcome.is_some() {
        return Ok(Callback::Received);
    }
    let Some(state) = &answer.state else { return Ok(Callback::Refused(InvalidState::Unknown)) };
    match judge(app, provider, answer) {
        Ok(code) => keep(app, &attempt, hash_of(state), cookie, code).await?,
        Err(reason) => {
            if app.store.take_state(&attempt, hash_of(state), None, app.clock.now()).await? {
                let event = match reason {
                    AuthorizationFailure::WrongIssuer => OAuthEvent::InvalidState,
                    _ => OAuthEvent::CallbackError,
                };
                app.metrics.oauth(provider, event);
                note(&attempt, Ending::Failed(reason));
                end(app, &attempt, Actor::Owner(attempt.owner), Ending::Failed(reason)).await?;
            }
        }
    }
    Ok(Callback::Received)
}

/// The walk of this state, if this is the browser that began it, with this provider, in time.
async fn recognise<'a>(
    app: &App,
    provider: Provider,
    answer: &ProviderAnswer,
    cookie: Option<&'a SecretString>,
) -> Result<Result<(Attempt, &'a SecretString), InvalidState>, StoreError> {
    let Some(state) = &answer.state else { return Ok(Err(InvalidState::Unknown)) };
    let state_hash = plain_hash(state.expose_secret().as_bytes());
    let Some(attempt) = app.store.find_attempt(state_hash).await? else { return Ok(Err(InvalidState::Unknown)) };
    // What was found by its cookie or its finish code is no state.
    if attempt.cookie_hash == state_hash || attempt.finish_hash == Some(state_hash) {
        return Ok(Err(InvalidState::Unknown));
    }
    if attempt.provider != provider {
        return Ok(Err(InvalidState::OtherProvider));
    }
    let Some(cookie) = cookie.filter(|cookie| bool::from(hash_of(cookie).ct_eq(&attempt.cookie_hash))) else {
        return Ok(Err(InvalidState::OtherBrowser));
    };
    let under_way = attempt.returned_at.is_none() && attempt.outcome.is_none();
    if under_way && attempt.expires_at <= app.clock.now() {
        return Ok(Err(InvalidState::Expired));
    }
    Ok(Ok((attempt, cookie)))
}

/// The code, or why there is none to be had.
fn judge<'a>(
    app: &App,
    provider: Provider,
    answer: &'a ProviderAnswer,
) -> Result<&'a SecretString, AuthorizationFailure> {
    let description = app.provider(provider).description();
    if answer.issuer.as_ref().is_some_and(|issuer| !description.is_issuer(issuer)) {
        return Err(AuthorizationFailure::WrongIssuer);
    }
    if let Some(error) = &answer.error {
        return Err(match OAuthErrorCode::read(error) {
            OAuthErrorCode::AccessDenied => AuthorizationFailure::Denied,
            _ => AuthorizationFailure::ProviderError,
        });
    }
    if !app.is_enabled(provider) {
        return Err(AuthorizationFailure::ProviderDisabled);
    }
    let is_code = |code: &&SecretString| (1..=LONGEST_CODE).contains(&code.expose_secret().len());
    answer.code.as_ref().filter(is_code).ok_or(AuthorizationFailure::ProviderError)
}

/// Seals the code and makes the finish code good, in the statement that takes the state.
async fn keep(
    app: &App,
    attempt: &Attempt,
    state_hash: [u8; 32],
    cookie: &SecretString,
    code: &SecretString,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let Some(key) = app.store.integration_key(attempt.tenant, attempt.integration).await? else {
        return end(app, attempt, Actor::Owner(attempt.owner), Ending::Failed(AuthorizationFailure::Disconnected))
            .await;
    };
    let brought = BroughtBack {
        sealed_code: attempt.seal_code(&key, code)?,
        finish_hash: hash_of(&finish_code_of(app.store.keyring(), attempt.id, cookie)),
        finish_expires_at: now + FINISH_LIFETIME,
    };
    // Lost to the same browser, which was faster on another connection: the page is the same.
    app.store.take_state(attempt, state_hash, Some(&brought), now).await?;
    Ok(())
}
