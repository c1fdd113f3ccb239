//! Access tokens: handing one out, and replacing it in single flight over all processes.
//!
//! The lease in Postgres keeps two processes from refreshing at the same time; the generation is what makes a late answer
//! harmless. A token answer is never thrown away: it is recorded in a transaction of its own, tried until it is committed.

use std::time::Duration;

use bellhop_domain::{
    Command, ExpiryReason, Extent, Generation, IntegrationId, Provider, Refreshed as Replacement, Status, TenantId,
    refresh_window,
};
use bellhop_providers::{ProviderError, Timeouts, TokenAnswer};
use bellhop_store::{Change, Context, ExecuteError, RefreshLease, Request, StoreError, Tokens};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use thiserror::Error;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::app::App;
use crate::breakers::{self, Service};
use crate::held::Held;
use crate::jobs::failure::failure_of;
use crate::metrics::OAuthEvent;

/// How long a refresh lease is held. Longer than a token call can take (10 s), so that an answer finds it still ours.
const LEASE: Duration = Duration::from_secs(30);

/// How often somebody who waits for another's refresh looks whether it is there.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The longest pause between attempts to record a token answer while Postgres is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long before its end a token is good for nothing any more: a call may take that long to arrive.
const LAST_CALL: TimeDelta = TimeDelta::seconds(10);

/// A token to call the provider with.
#[derive(Debug, Clone)]
pub struct Access {
    /// The access token.
    pub token: SecretString,
    /// Which token set it is of.
    pub generation: Generation,
}

/// What a refresh came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refreshed {
    /// The token set now in the vault.
    pub generation: Generation,
    /// When its access token ends, where known.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why there is no token to be had.
#[derive(Debug, Error)]
pub enum AccessError {
    /// Nothing is connected. Do nothing more.
    #[error("the account is not connected")]
    NotConnected,
    /// Access ended; the person has been told and must connect again.
    #[error("access has ended and the account must be connected again")]
    Expired,
    /// Somebody else is refreshing and did not finish in time. Try again shortly.
    #[error("the access is being refreshed by somebody else")]
    RefreshLocked,
    /// The provider failed. Its own documentation says what to do.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The provider was not asked. See there.
    #[error(transparent)]
    Held(#[from] Held),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which token set is not good enough.
#[derive(Debug, Clone, Copy)]
enum Stale {
    /// This one or an older one: it ended, is about to, or was refused.
    UpTo(Generation),
    /// Any that was issued before this.
    IssuedBefore(DateTime<Utc>),
}

impl Stale {
    fn covers(self, generation: Generation, tokens: &Tokens) -> bool {
        match self {
            Self::UpTo(stale) => generation <= stale,
            Self::IssuedBefore(at) => tokens.issued_at < at,
        }
    }
}

/// A token that will last for the call about to be made, refreshed first where it would not. `origin` says who needs it
/// and why, for the log.
pub async fn token(app: &App, origin: &Context, integration: IntegrationId) -> Result<Access, AccessError> {
    let (generation, tokens) = current(app, origin.tenant, integration).await?;
    if is_lasting(&tokens, app.clock.now()) {
        return Ok(Access { token: tokens.access, generation });
    }
    match replace(app, origin, integration, Stale::UpTo(generation)).await {
        Ok(_) => {}
        // As long as it is good it is good enough, where no newer one can be had.
        Err(AccessError::Held(_)) if tokens.expires_at.is_none_or(|end| app.clock.now() + LAST_CALL < end) => {
            return Ok(Access { token: tokens.access, generation });
        }
        Err(error) => return Err(error),
    }
    let (generation, tokens) = current(app, origin.tenant, integration).await?;
    Ok(Access { token: tokens.access, generation })
}

/// Replaces this token set, or finds that it has been replaced.
pub async fn refresh_from(
    app: &App,
    origin: &Context,
    integration: IntegrationId,
    stale: Generation,
) -> Result<Refreshed, AccessError> {
    replace(app, origin, integration, Stale::UpTo(stale)).await
}

/// Replaces the current token set because somebody asks for it now. Any number of people who ask at the same time get the
/// same new one.
pub async fn refresh_now(app: &App, origin: &Context, integration: IntegrationId) -> Result<Refreshed, AccessError> {
    replace(app, origin, integration, Stale::IssuedBefore(app.clock.now())).await
}

fn is_lasting(tokens: &Tokens, now: DateTime<Utc>) -> bool {
    tokens.expires_at.is_none_or(|end| now < end - refresh_window(end - tokens.issued_at))
}

async fn current(app: &App, tenant: TenantId, integration: IntegrationId) -> Result<(Generation, Tokens), AccessError> {
    let state = app.store.load(tenant, integration).await?.state;
    match state.status {
        Status::Active | Status::Degraded | Status::Error => {}
        Status::Expired => return Err(AccessError::Expired),
        Status::New | Status::Pending | Status::Failed | Status::Disconnected | Status::Erased => {
            return Err(AccessError::NotConnected);
        }
    }
    app.store.tokens(tenant, integration).await?.ok_or(AccessError::NotConnected)
}

async fn replace(
    app: &App,
    origin: &Context,
    integration: IntegrationId,
    stale: Stale,
) -> Result<Refreshed, AccessError> {
    let tenant = origin.tenant;
    let provider = provider_of(app, tenant, integration).await?;
    let give_up = Instant::now() + LEASE;
    loop {
        let (generation, tokens) = current(app, tenant, integration).await?;
        if !stale.covers(generation, &tokens) {
            return Ok(Refreshed { generation, expires_at: tokens.expires_at });
        }
        let (lease, asked) = (app.new_id(), Instant::now());
        let flight = Flight { app, origin, tenant, integration, provider, lease, asked, generation };
        let Some(refresh_token) = tokens.refresh.clone() else {
            return flight.without_refresh_token(&tokens).await;
        };
        let lease =
            app.store.take_refresh_lease(tenant, integration, generation, &refresh_token, flight.lease, LEASE).await?;
        #[cfg(feature = "negative-controls")]
        if bellhop_domain::NegativeControl::RefreshWithoutLease.is_on() {
            return flight.refresh(tokens, &refresh_token, false).await;
        }
        match lease {
            RefreshLease::Taken { in_doubt } => {
                // Whoever held the lease before may have finished between our reading and our taking it.
                let (now_current, now_tokens) = current(app, tenant, integration).await?;
                if now_current != generation {
                    app.store.end_refresh_lease(tenant, integration, flight.lease, false).await?;
                    if stale.covers(now_current, &now_tokens) {
                        continue;
                    }
                    return Ok(Refreshed { generation: now_current, expires_at: now_tokens.expires_at });
                }
                return flight.refresh(tokens, &refresh_token, in_doubt).await;
            }
            RefreshLease::Held { remaining } if Instant::now() + LOOK_AGAIN < give_up => {
                sleep(LOOK_AGAIN.min(remaining)).await;
            }
            RefreshLease::Held { .. } => {
                app.metrics.oauth(provider, OAuthEvent::RefreshLocked);
                let valid = tokens.expires_at.is_none_or(|end| app.clock.now() < end);
                return match (stale, valid) {
                    (Stale::UpTo(_), true) => Ok(Refreshed { generation, expires_at: tokens.expires_at }),
                    (Stale::IssuedBefore(_), _) | (Stale::UpTo(_), false) => Err(AccessError::RefreshLocked),
                };
            }
        }
    }
}

/// Whether a refresh lease that was asked for so long ago lasts until a call that begins now has ended.
fn lasts_for_a_call(elapsed: Duration) -> bool {
    elapsed + Timeouts::default().total < LEASE
}

async fn provider_of(app: &App, tenant: TenantId, integration: IntegrationId) -> Result<Provider, AccessError> {
    app.store.load(tenant, integration).await?.state.provider.ok_or(AccessError::NotConnected)
}

/// A token set to be recorded.
struct Answer {
    tokens: Tokens,
    /// Whether the provider sent a new refresh token too.
    rotated: bool,
    /// When it is recorded: later than it was issued, for one that had been laid by.
    recorded_at: DateTime<Utc>,
    /// What it allows, where the provider said so.
    extent: Option<Extent>,
    /// The spare it had been laid by as.
    spare: Option<i64>,
}

/// One refresh by whoever holds the lease.
struct Flight<'a> {
    app: &'a App,
    origin: &'a Context,
    tenant: TenantId,
    integration: IntegrationId,
    provider: Provider,
    lease: Uuid,
    /// Before the lease was asked for: it runs out no sooner than its length after this.
    asked: Instant,
    generation: Generation,
}

impl Flight<'_> {
    async fn refresh(
        &self,
        tokens: Tokens,
        refresh_token: &SecretString,
        in_doubt: bool,
    ) -> Result<Refreshed, AccessError> {
        let (app, tenant) = (self.app, self.tenant);
        let passage = match breakers::enter(app, tenant, self.provider, Service::Tokens, self.integration).await {
            Ok(passage) => passage,
            Err(held) => {
                app.store.end_refresh_lease(tenant, self.integration, self.lease, in_doubt).await?;
                return Err(held.into());
            }
        };
        // A wait before it, or a process that was stopped for a while, has used the lease up: somebody else may hold it before the
        // answer is here.
        if !lasts_for_a_call(self.asked.elapsed()) {
            drop(passage);
            app.metrics.oauth(self.provider, OAuthEvent::RefreshLocked);
            app.store.end_refresh_lease(tenant, self.integration, self.lease, in_doubt).await?;
            return Err(AccessError::RefreshLocked);
        }
        app.metrics.oauth(self.provider, OAuthEvent::RefreshStart);
        match self.app.provider(self.provider).refresh(refresh_token).await {
            Ok(answer) => {
                let replacement = self.take(answer, tokens);
                // Recorded first: until then the token exists in memory only.
                let recorded = self.record(replacement).await;
                passage.leave(Ok(())).await;
                let refreshed = recorded?;
                self.app.metrics.oauth(self.provider, OAuthEvent::RefreshOk);
                Ok(refreshed)
            }
            Err(error) => {
                self.app.metrics.oauth(self.provider, OAuthEvent::RefreshFailed);
                passage.leave(Err(&error)).await;
                self.fail(error, in_doubt).await
            }
        }
    }

    /// The new token set; a provider that sends no new refresh token means that the old one stays good (RFC 6749
    /// section 6).
    fn take(&self, answer: TokenAnswer, old: Tokens) -> Answer {
        let issued_at = self.app.clock.now();
        let rotated = answer.refresh_token.is_some();
        let tokens = Tokens {
            access: answer.access_token,
            refresh: answer.refresh_token.or(old.refresh),
            issued_at,
            expires_at: answer.expires_in.map(|lifetime| issued_at + lifetime),
        };
        // No scopes at all would be no token at all: that is an answer that does not say.
        let extent = answer.scopes.filter(|scopes| !scopes.is_empty()).map(|scopes| Extent {
            granted: self.app.provider(self.provider).description().capabilities(&scopes),
            scopes,
        });
        Answer { tokens, rotated, recorded_at: issued_at, extent, spare: None }
    }

    /// Records a token answer, however long it takes: thrown away, it would lock the person out. The command id is fixed
    /// before the first attempt, so that an earlier commit of our own is recognised.
    async fn record(&self, answer: Answer) -> Result<Refreshed, AccessError> {
        let context = self.context();
        let mut pause = LOOK_AGAIN;
        let mut complained = false;
        loop {
            match self.try_record(&context, &answer).await {
                Ok(refreshed) => return Ok(refreshed),
                Err(AccessError::Store(error)) if error.is_outage() || matches!(error, StoreError::Contended) => {
                    if !complained {
                        tracing::warn!(integration = %self.integration, %error, "a token answer is not recorded yet");
                        complained = true;
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => {
                    tracing::error!(integration = %self.integration, %error, "a token answer cannot be recorded");
                    return Err(error);
                }
            }
        }
    }

    async fn try_record(&self, context: &Context, answer: &Answer) -> Result<Refreshed, AccessError> {
        let (app, tenant, integration) = (self.app, self.tenant, self.integration);
        let tokens = &answer.tokens;
        if app.store.integration_key(tenant, integration).await?.is_none() {
            return Err(AccessError::NotConnected);
        }
        let generation = self.generation.next();
        let replacement = Replacement {
            from: self.generation,
            expires_at: tokens.expires_at,
            rotated: answer.rotated,
            extent: answer.extent.clone(),
        };
        let request = Request {
            changes: [
                app.store.seal_tokens(tenant, integration, generation, tokens).await?,
                Change::ClearRefreshIntent { integration },
            ]
            .into_iter()
            .chain(answer.spare.map(|id| Change::RemoveSpare { id }))
            .collect(),
            needs_events: true,
            ..Request::new(context.clone(), answer.recorded_at, integration, Command::RecordRefresh(replacement))
        };
        let executed = match app.store.execute(&request).await {
            Ok(executed) => executed,
            Err(ExecuteError::Refused(_)) => return Err(AccessError::NotConnected),
            Err(ExecuteError::Store(error)) => return Err(error.into()),
        };
        if !executed.events.is_empty() {
            app.metrics.oauth(self.provider, OAuthEvent::TokensStored);
            return Ok(Refreshed { generation, expires_at: tokens.expires_at });
        }
        // Too late: the generation is taken. A disconnect took it for good; anybody else's newer set may yet fail.
        let state = app.store.load(tenant, integration).await?.state;
        if !state.status.is_linked() {
            return Err(AccessError::NotConnected);
        }
        if answer.spare.is_none() {
            app.store.keep_spare(tenant, integration, self.generation, tokens).await?;
        }
        Ok(Refreshed { generation: state.generation, expires_at: state.expires_at })
    }

    async fn fail(&self, error: ProviderError, in_doubt: bool) -> Result<Refreshed, AccessError> {
        if error == ProviderError::InvalidGrant {
            return self.refused(in_doubt).await;
        }
        // Once an outcome was in doubt, only an answer about this very token ends the doubt.
        let in_doubt = in_doubt || error.is_outcome_unknown();
        self.app.store.end_refresh_lease(self.tenant, self.integration, self.lease, in_doubt).await?;
        let command = Command::RecordRefreshFailure { from: self.generation, reason: failure_of(&error) };
        self.execute(command, vec![]).await?;
        Err(error.into())
    }

    /// The provider refused the refresh token. Somebody may have replaced it meanwhile, or a late answer may be lying
    /// by; only where neither is so has access ended.
    async fn refused(&self, in_doubt: bool) -> Result<Refreshed, AccessError> {
        let (generation, tokens) = current(self.app, self.tenant, self.integration).await?;
        if generation != self.generation {
            self.app.store.end_refresh_lease(self.tenant, self.integration, self.lease, false).await?;
            return Ok(Refreshed { generation, expires_at: tokens.expires_at });
        }
        if let Some(spare) = self.app.store.spare(self.tenant, self.integration).await? {
            let recorded_at = self.app.clock.now();
            let answer =
                Answer { tokens: spare.tokens, rotated: true, recorded_at, extent: None, spare: Some(spare.id) };
            return self.record(answer).await;
        }
        let reason = if in_doubt { ExpiryReason::AnswerLost } else { ExpiryReason::RefreshRefused };
        self.expire(reason).await
    }

    async fn without_refresh_token(&self, tokens: &Tokens) -> Result<Refreshed, AccessError> {
        match tokens.expires_at {
            Some(end) if self.app.clock.now() >= end => self.expire(ExpiryReason::NoRefreshToken).await,
            expires_at => Ok(Refreshed { generation: self.generation, expires_at }),
        }
    }

    async fn expire(&self, reason: ExpiryReason) -> Result<Refreshed, AccessError> {
        let command = Command::ExpireAccess { from: self.generation, reason };
        if self.execute(command, vec![Change::ClearRefreshIntent { integration: self.integration }]).await? {
            return Err(AccessError::Expired);
        }
        // Somebody recorded a newer token set in the meantime, or the access had ended before.
        let (generation, tokens) = current(self.app, self.tenant, self.integration).await?;
        Ok(Refreshed { generation, expires_at: tokens.expires_at })
    }

    /// Whether the command made anything happen; without an event nothing is written.
    async fn execute(&self, command: Command, changes: Vec<Change>) -> Result<bool, AccessError> {
        let request = Request {
            changes,
            needs_events: true,
            ..Request::new(self.context(), self.app.clock.now(), self.integration, command)
        };
        match self.app.store.execute(&request).await {
            Ok(executed) => Ok(!executed.events.is_empty()),
            Err(ExecuteError::Refused(_)) => Err(AccessError::NotConnected),
            Err(ExecuteError::Store(error)) => Err(error.into()),
        }
    }

    fn context(&self) -> Context {
        self.origin.with_command(self.app.new_command())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_sent_under_a_lease_that_may_end_before_the_answer() {
        assert!(lasts_for_a_call(Duration::ZERO));
        assert!(lasts_for_a_call(Duration::from_millis(19_999)));
        assert!(!lasts_for_a_call(Duration::from_secs(20)));
        assert!(!lasts_for_a_call(Duration::from_hours(1)), "a process that was stopped meanwhile");
    }
}
