//! The last step: the initiator brings the finish code, and the provider's code is exchanged, at most once.
//!
//! Whoever else brings it ends the walk. The intent to exchange is written down first, so that a crash can be told from a
//! walk that never got there; a walk whose exchange has no known outcome ends, and a fresh link is offered.

use std::time::Duration;

use bellhop_domain::{AuthorizationFailure, OwnerId, TenantId};
use bellhop_providers::{Identity, OAuthErrorCode, ProviderError, TokenAnswer};
use bellhop_store::{Actor, Attempt, ExchangeSecrets, StoreError, plain_hash};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::Finish;
use super::ending::{Ending, end, note};
use super::grant::{Given, grant};
use super::secrets::{is_finish_code, nonce_of};
use crate::app::App;
use crate::breakers;
use crate::metrics::OAuthEvent;

/// How long an exchange can take at the most: two calls of 10 s, and the store.
pub const EXCHANGE_LIMIT: TimeDelta = TimeDelta::seconds(60);

/// How often a repeated message looks whether the first one has been answered.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Finishes a walk with the code that its browser showed. Safe to repeat: the code is exchanged at most once.
pub async fn finish(
    app: &App,
    tenant: TenantId,
    owner: OwnerId,
    actor: Actor,
    code: &str,
) -> Result<Finish, StoreError> {
    let hash = plain_hash(code.as_bytes());
    let Some(attempt) = with_code(app, code).await? else { return Ok(Finish::UnknownCode) };
    if attempt.tenant != tenant || attempt.owner != owner {
        return reject(app, &attempt, actor, hash).await;
    }
    app.store.take_finish_code(&attempt, hash, app.clock.now()).await?;
    go_on(app, attempt, actor).await
}

/// What the program whose walk has this finish code wants back with it.
pub async fn program_state_of(app: &App, owner: OwnerId, code: &str) -> Result<Option<SecretString>, StoreError> {
    let attempt = with_code(app, code).await?.filter(|attempt| attempt.owner == owner);
    match attempt {
        Some(attempt) => app.store.program_state(&attempt).await,
        None => Ok(None),
    }
}

/// The walk with this finish code.
async fn with_code(app: &App, code: &str) -> Result<Option<Attempt>, StoreError> {
    if !is_finish_code(code) {
        return Ok(None);
    }
    let hash = plain_hash(code.as_bytes());
    // A state or a cookie leads here too, and is no finish code.
    Ok(app.store.find_attempt(hash).await?.filter(|attempt| attempt.finish_hash == Some(hash)))
}

/// Somebody else brought the code: it is discarded first, so that whatever happens next, it is not exchanged.
async fn reject(app: &App, attempt: &Attempt, actor: Actor, hash: [u8; 32]) -> Result<Finish, StoreError> {
    if !app.store.discard_code(attempt, hash, app.clock.now()).await? {
        return Ok(Finish::UnknownCode);
    }
    note(attempt, Ending::Rejected);
    end(app, attempt, actor, Ending::Rejected).await?;
    Ok(Finish::NotYours)
}

/// What the initiator's message comes to, as the walk stands.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// It has ended: the answer of the first time.
    Answer(Ending),
    /// Nothing was sent to the provider: neither just now nor by a process that died before it got there.
    Exchange,
    /// The exchange is under way.
    Wait,
    /// Whoever made the exchange has died.
    GiveUp,
    /// The code was never taken: it was too old.
    Nothing,
}

/// How a walk stands once its finish code has been brought.
struct Standing<'a> {
    outcome: Option<&'a str>,
    finished_at: Option<DateTime<Utc>>,
    exchange_started_at: Option<DateTime<Utc>>,
}

impl<'a> Standing<'a> {
    fn of(attempt: &'a Attempt) -> Self {
        Self {
            outcome: attempt.outcome.as_deref(),
            finished_at: attempt.finished_at,
            exchange_started_at: attempt.exchange_started_at,
        }
    }

    fn next(&self, now: DateTime<Utc>) -> Result<Next, StoreError> {
        Ok(match (self.outcome, self.finished_at, self.exchange_started_at) {
            (Some(outcome), _, _) => Next::Answer(outcome.parse()?),
            (None, _, Some(began)) if now - began > EXCHANGE_LIMIT => Next::GiveUp,
            (None, _, Some(_)) => Next::Wait,
            (None, Some(_), None) => Next::Exchange,
            (None, None, None) => Next::Nothing,
        })
    }
}

/// The initiator, for the first time or again: the exchange, where nobody has begun it, and its answer once there is one.
async fn go_on(app: &App, attempt: Attempt, actor: Actor) -> Result<Finish, StoreError> {
    let mut was_lost = false;
    loop {
        let Some(attempt) = app.store.attempt(attempt.tenant, attempt.id).await? else {
            return Ok(Finish::UnknownCode);
        };
        match Standing::of(&attempt).next(app.clock.now())? {
            Next::Answer(ending) => return answer_of(app, &attempt, ending).await,
            Next::Nothing => return Ok(Finish::UnknownCode),
            Next::GiveUp => return fail(app, &attempt, actor, AuthorizationFailure::ExchangeTimedOut).await,
            Next::Wait => tokio::time::sleep(LOOK_AGAIN).await,
            // Neither exchanged nor to be had: somebody else brought the code, and that is not written down yet.
            Next::Exchange if was_lost => {
                end(app, &attempt, Actor::Bellhop, Ending::Rejected).await?;
                return Ok(Finish::UnknownCode);
            }
            Next::Exchange => match exchange_in_the_background(app, attempt, actor).await? {
                Some(finish) => return Ok(finish),
                None => was_lost = true,
            },
        }
    }
}

/// In a task of its own: a caller that goes away must not take the provider's answer with it.
async fn exchange_in_the_background(app: &App, attempt: Attempt, actor: Actor) -> Result<Option<Finish>, StoreError> {
    let app = app.clone();
    let finished = tokio::spawn(async move { exchange(&app, &attempt, actor).await });
    finished.await.unwrap_or(Err(StoreError::Closed))
}

async fn answer_of(app: &App, attempt: &Attempt, ending: Ending) -> Result<Finish, StoreError> {
    let (integration, reconnected) = match ending {
        Ending::Connected(integration) => (integration, attempt.reconnects),
        Ending::AlreadyConnected(integration) => (integration, true),
        Ending::Rejected => return Ok(Finish::UnknownCode),
        Ending::Failed(reason) => return Ok(failed(attempt, reason)),
    };
    let email = app.store.account(attempt.tenant, integration).await?.and_then(|account| account.email);
    let missing = app.store.load(attempt.tenant, integration).await?.state.missing;
    Ok(Finish::Connected { integration, email, asked: attempt.asked.clone(), missing, reconnected })
}

/// The one exchange of a walk; none where another message has begun it.
async fn exchange(app: &App, attempt: &Attempt, actor: Actor) -> Result<Option<Finish>, StoreError> {
    let provider = attempt.provider;
    if !app.is_enabled(provider) {
        return fail(app, attempt, actor, AuthorizationFailure::ProviderDisabled).await.map(Some);
    }
    if !app.is_configured(provider) {
        return fail(app, attempt, actor, AuthorizationFailure::NotConfigured).await.map(Some);
    }
    let Some(key) = app.store.integration_key(attempt.tenant, attempt.integration).await? else {
        return fail(app, attempt, actor, AuthorizationFailure::Disconnected).await.map(Some);
    };
    // From here on it cannot be done again.
    let Some(secrets) = app.store.begin_exchange(attempt, &key, app.clock.now()).await? else { return Ok(None) };
    let finish = match ask(app, attempt, &secrets).await {
        Ok(given) => grant(app, attempt, actor, &given).await?,
        Err(error) => {
            let (event, reason) = meaning_of(&error);
            app.metrics.oauth(provider, event);
            tracing::warn!(integration = %attempt.integration, %provider, %error, "a code was not exchanged");
            end(app, attempt, actor, Ending::Failed(reason)).await?;
            failed(attempt, reason)
        }
    };
    Ok(Some(finish))
}

/// Exchanges the code and finds out whose account it is.
async fn ask(app: &App, attempt: &Attempt, secrets: &ExchangeSecrets) -> Result<Given, ProviderError> {
    let client = app.provider(attempt.provider);
    let passage = breakers::enter_regardless(app, attempt.tenant, attempt.provider, attempt.integration);
    let exchanged = client.exchange_code(&secrets.code, &secrets.verifier, &attempt.redirect_uri).await;
    passage.leave(exchanged.as_ref().map(|_| ())).await;
    let answer = exchanged?;
    let issued_at = app.clock.now();
    let identity = identify(app, attempt, &answer).await?;
    Ok(Given { answer, identity, issued_at })
}

/// Where the answer does not say it itself, the provider is asked once. Without a passage and without limits: it cannot be held
/// back, as the code is spent, and it goes to an address of its own, whose failing says nothing about refreshing, whose good answer
/// nothing that the exchange before it has not said, and for which no provider names a quota.
async fn identify(app: &App, attempt: &Attempt, answer: &TokenAnswer) -> Result<Identity, ProviderError> {
    let client = app.provider(attempt.provider);
    match &answer.id_token {
        Some(token) => client.verify_id_token(token, &nonce_of(&attempt.nonce_hash), app.clock.now()),
        None => client.userinfo(&answer.access_token).await,
    }
}

/// What a failed exchange is counted as, and what the log says about it.
fn meaning_of(error: &ProviderError) -> (OAuthEvent, AuthorizationFailure) {
    use AuthorizationFailure as Failure;
    let reason = match error {
        // Both may have happened at the provider: nobody knows.
        ProviderError::Timeout | ProviderError::ConnectionLost => {
            return (OAuthEvent::TokenExchangeTimeout, Failure::ExchangeTimedOut);
        }
        ProviderError::MissingAccessToken => return (OAuthEvent::MissingAccessToken, Failure::MissingAccessToken),
        ProviderError::Misconfigured => Failure::NotConfigured,
        ProviderError::Unreachable | ProviderError::RateLimited { .. } | ProviderError::Unavailable { .. } => {
            Failure::ProviderUnavailable
        }
        ProviderError::InvalidClient | ProviderError::Refused(OAuthErrorCode::UnauthorizedClient) => {
            Failure::InvalidClient
        }
        ProviderError::InvalidGrant | ProviderError::Refused(_) | ProviderError::Rejected { .. } => {
            Failure::InvalidCode
        }
        ProviderError::InvalidIdentity(_) | ProviderError::Unauthorized | ProviderError::Forbidden(_) => {
            Failure::InvalidIdentity
        }
        ProviderError::Malformed
        | ProviderError::TooLarge
        | ProviderError::Redirected { .. }
        | ProviderError::NotFound
        | ProviderError::Gone
        | ProviderError::CursorTooOld => Failure::MalformedAnswer,
    };
    (OAuthEvent::TokenExchangeFailed, reason)
}

/// Ends a walk that failed for a reason of our own finding.
pub async fn fail(
    app: &App,
    attempt: &Attempt,
    actor: Actor,
    reason: AuthorizationFailure,
) -> Result<Finish, StoreError> {
    note(attempt, Ending::Failed(reason));
    end(app, attempt, actor, Ending::Failed(reason)).await?;
    Ok(failed(attempt, reason))
}

fn failed(attempt: &Attempt, reason: AuthorizationFailure) -> Finish {
    let reconnects = attempt.reconnects.then_some(attempt.integration);
    Finish::Failed { provider: attempt.provider, reason, reconnects, accounts: None }
}

#[cfg(test)]
mod tests {
    use bellhop_providers::IdentityCheck;

    use super::*;

    #[test]
    fn a_code_that_was_taken_and_never_exchanged_is_still_good() {
        let now = DateTime::UNIX_EPOCH;
        let standing = |outcome, finished_at, exchange_started_at| {
            Standing { outcome, finished_at, exchange_started_at }.next(now).unwrap()
        };
        let ago = |seconds| Some(now - TimeDelta::seconds(seconds));
        assert_eq!(standing(None, None, None), Next::Nothing);
        // However long ago: whoever took it died before it was sent.
        for seconds in [0, 1, 3600] {
            assert_eq!(standing(None, ago(seconds), None), Next::Exchange);
        }
        assert_eq!(standing(None, ago(120), ago(60)), Next::Wait);
        assert_eq!(standing(None, ago(120), ago(61)), Next::GiveUp);
        assert_eq!(standing(Some("rejected"), ago(120), ago(120)), Next::Answer(Ending::Rejected));
    }

    #[test]
    fn an_exchange_without_an_answer_is_told_from_one_that_was_refused() {
        use AuthorizationFailure as Failure;
        for (error, event, reason) in [
            (ProviderError::Timeout, OAuthEvent::TokenExchangeTimeout, Failure::ExchangeTimedOut),
            (ProviderError::ConnectionLost, OAuthEvent::TokenExchangeTimeout, Failure::ExchangeTimedOut),
            (ProviderError::Unreachable, OAuthEvent::TokenExchangeFailed, Failure::ProviderUnavailable),
            (ProviderError::InvalidGrant, OAuthEvent::TokenExchangeFailed, Failure::InvalidCode),
            (ProviderError::InvalidClient, OAuthEvent::TokenExchangeFailed, Failure::InvalidClient),
            (ProviderError::MissingAccessToken, OAuthEvent::MissingAccessToken, Failure::MissingAccessToken),
            (ProviderError::Malformed, OAuthEvent::TokenExchangeFailed, Failure::MalformedAnswer),
            (
                ProviderError::InvalidIdentity(IdentityCheck::Nonce),
                OAuthEvent::TokenExchangeFailed,
                Failure::InvalidIdentity,
            ),
        ] {
            assert_eq!(meaning_of(&error), (event, reason), "{error}");
        }
    }
}
