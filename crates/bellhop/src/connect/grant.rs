//! What the provider gave becomes an integration with access: one unit of work, over both streams where the owner had
//! connected this account before.
//!
//! A token answer is never thrown away: it is tried until it is committed.

use std::collections::BTreeSet;
use std::time::Duration;

use bellhop_domain::{AuthorizationFailure, Capabilities, Command, CommandId, Grant, IntegrationId};
use bellhop_providers::{Identity, TokenAnswer};
use bellhop_store::{Account, Actor, Attempt, Change, Context, ExecuteError, Request, Store, StoreError, Tokens};
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::ending::Ending;
use super::finish::fail;
use super::mask::masked;
use super::{Finish, asked_for, wanted};
use crate::app::App;
use crate::breakers;
use crate::metrics::OAuthEvent;

/// The first pause between attempts to record what was given.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long what was given is held while it cannot be recorded. Then the walk is swept as one without an answer.
const PATIENCE: Duration = Duration::from_mins(10);

/// What the provider gave.
pub struct Given {
    /// The tokens.
    pub answer: TokenAnswer,
    /// Whose account it is, checked.
    pub identity: Identity,
    /// When the answer came.
    pub issued_at: DateTime<Utc>,
}

/// Why recording a grant did not succeed this time.
enum Setback {
    /// The store failed. Try the same again.
    Store(StoreError),
    /// The integration moved on. Work it out anew.
    MovedOn,
    /// The connection was ended meanwhile.
    Ended,
}

impl From<StoreError> for Setback {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Records what was given, and says what came of it.
pub async fn grant(app: &App, attempt: &Attempt, actor: Actor, given: &Given) -> Result<Finish, StoreError> {
    let mut pause = PAUSE;
    let give_up = Instant::now() + PATIENCE;
    // Fixed before the first attempt, so that an earlier commit of our own is recognised.
    let mut command = app.new_command();
    loop {
        match try_grant(app, attempt, actor, given, command).await {
            Ok(finish) => return Ok(finish),
            Err(Setback::Ended) => {
                let finish = fail(app, attempt, actor, AuthorizationFailure::Disconnected).await;
                give_back(app, attempt, given);
                return finish;
            }
            Err(Setback::MovedOn) => command = app.new_command(),
            Err(Setback::Store(error)) if may_pass(&error) && Instant::now() < give_up => {
                tracing::warn!(integration = %attempt.integration, %error, "what was granted is not recorded yet");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(Setback::Store(error)) => return Err(error),
        }
    }
}

/// Ends at the provider what came after its connection had been ended, whose own revocation knows the older tokens only:
/// nobody else will. Another account than the one to be mended is left alone: whoever it is may be about to connect it, here
/// or in another chat, and a provider ends the whole grant of an account.
///
/// Once and beside the answer: the person does not wait for it, a process that dies leaves the grant as it is, and it can
/// always be ended in the account itself.
fn give_back(app: &App, attempt: &Attempt, given: &Given) {
    let subject_hash = app.store.subject_hash(attempt.provider, &given.identity.subject);
    let token = given.answer.refresh_token.as_ref().unwrap_or(&given.answer.access_token).clone();
    let (app, tenant) = (app.clone(), attempt.tenant);
    let (provider, integration) = (attempt.provider, attempt.integration);
    tokio::spawn(async move {
        match app.store.holders_of_subject(provider, &subject_hash).await {
            // It would end the connection of whoever has the same account. Should they be ending it just now, their own
            // revocation does this one's work.
            Ok(holders) if holders.iter().any(|(_, holder)| *holder != integration) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%integration, %error, "a grant that cannot be kept was not revoked");
                return;
            }
        }
        let passage = breakers::enter_regardless(&app, tenant, provider, integration);
        let answer = app.provider(provider).revoke(&token).await;
        passage.leave(answer.as_ref().map(drop)).await;
        match answer {
            Ok(_) => tracing::info!(%integration, "a grant that cannot be kept was revoked"),
            Err(error) => tracing::warn!(%integration, %error, "a grant that cannot be kept was not revoked"),
        }
    });
}

fn may_pass(error: &StoreError) -> bool {
    error.is_outage() || matches!(error, StoreError::Contended)
}

async fn try_grant(
    app: &App,
    attempt: &Attempt,
    actor: Actor,
    given: &Given,
    command: CommandId,
) -> Result<Finish, Setback> {
    let subject_hash = app.store.subject_hash(attempt.provider, &given.identity.subject);
    if let Some(wrong) = wrong_account(app, attempt, actor, given, &subject_hash).await? {
        return Ok(wrong);
    }
    let existing = if attempt.reconnects { None } else { connected_before(app, attempt, &subject_hash).await? };
    let target = existing.unwrap_or(attempt.integration);
    let (scopes, granted) = scopes_of(app, attempt, target, given).await?;
    let tokens = tokens_of(app, attempt, target, given).await?;
    let grant = Grant {
        scopes,
        granted: granted.clone(),
        expires_at: tokens.expires_at,
        refreshable: tokens.refresh.is_some(),
    };
    let mut commands = vec![(target, Command::GrantAccess { attempt: attempt.id, asked: wanted(), grant })];
    if existing.is_some() {
        let reason = AuthorizationFailure::AlreadyConnected;
        commands.push((attempt.integration, Command::FailAuthorization { attempt: attempt.id, reason }));
    }
    let ending = existing.map_or(Ending::Connected(target), Ending::AlreadyConnected);
    let mut changes = seal(app, attempt, target, given, &tokens).await?;
    changes.extend([
        Change::PutSubject { integration: target, owner: attempt.owner, provider: attempt.provider, subject_hash },
        Change::EndAttempt { attempt: attempt.id, outcome: ending.to_string() },
    ]);
    let request = Request {
        context: Context { correlation: attempt.id.uuid(), ..Context::new(attempt.tenant, actor, command) },
        at: given.issued_at,
        commands,
        settlement: None,
        changes,
        needs_events: true,
        intent: Some(format!("grant {} {target}", attempt.id)),
    };
    match app.store.execute(&request).await {
        Ok(_) => {}
        Err(ExecuteError::Refused(_)) if existing.is_some() => return Err(Setback::MovedOn),
        Err(ExecuteError::Refused(_)) => return Err(Setback::Ended),
        Err(ExecuteError::Store(error)) => return Err(error.into()),
    }
    app.metrics.oauth(attempt.provider, OAuthEvent::TokensStored);
    Ok(Finish::Connected {
        integration: target,
        email: given.identity.email.clone(),
        asked: attempt.asked.clone(),
        missing: wanted().difference(&granted).copied().collect(),
        reconnected: attempt.reconnects || existing.is_some(),
    })
}

/// Refuses another account than the one being mended.
async fn wrong_account(
    app: &App,
    attempt: &Attempt,
    actor: Actor,
    given: &Given,
    subject_hash: &[u8; 32],
) -> Result<Option<Finish>, StoreError> {
    if !attempt.reconnects {
        return Ok(None);
    }
    let expected = app.store.subject_of(attempt.tenant, attempt.integration).await?;
    if expected.is_none_or(|expected| expected == *subject_hash) {
        return Ok(None);
    }
    let reason = AuthorizationFailure::WrongAccount;
    let known = app.store.account(attempt.tenant, attempt.integration).await?.and_then(|account| account.email);
    fail(app, attempt, actor, reason).await?;
    let accounts = Some((masked(known.as_ref()), masked(given.identity.email.as_ref())));
    let reconnects = Some(attempt.integration);
    Ok(Some(Finish::Failed { provider: attempt.provider, reason, reconnects, accounts }))
}

/// The integration in which this owner has this account already.
async fn connected_before(
    app: &App,
    attempt: &Attempt,
    subject_hash: &[u8; 32],
) -> Result<Option<IntegrationId>, StoreError> {
    for (tenant, integration) in app.store.holders_of_subject(attempt.provider, subject_hash).await? {
        if tenant != attempt.tenant || integration == attempt.integration {
            continue;
        }
        let row = app.store.integration(tenant, integration).await?;
        if row.is_some_and(|row| row.owner == attempt.owner && row.status.is_linked()) {
            return Ok(Some(integration));
        }
    }
    Ok(None)
}

/// The scopes granted and what they allow.
async fn scopes_of(
    app: &App,
    attempt: &Attempt,
    target: IntegrationId,
    given: &Given,
) -> Result<(BTreeSet<String>, Capabilities), StoreError> {
    let scopes = match given.answer.scopes.clone() {
        Some(scopes) => scopes,
        None => unsaid_scopes(app, attempt, target).await?,
    };
    let granted = app.provider(attempt.provider).description().capabilities(&scopes);
    Ok((scopes, granted))
}

/// An answer without scopes grants those asked for (RFC 6749, section 5.1): where something missing was asked for alone,
/// that and what was granted before.
async fn unsaid_scopes(app: &App, attempt: &Attempt, target: IntegrationId) -> Result<BTreeSet<String>, StoreError> {
    let asked = app.provider(attempt.provider).description().scopes(&asked_for(attempt.asked.as_ref()));
    let mut scopes: BTreeSet<String> = asked.into_iter().map(str::to_owned).collect();
    if attempt.asked.is_some() {
        let state = app.store.load(attempt.tenant, target).await?.state;
        scopes.extend(state.scopes.into_iter().filter(|_| state.status.is_usable()));
    }
    Ok(scopes)
}

/// The new token set. Where the provider sent no refresh token for an account that is still connected, the one we have
/// stays good: Google sends one with the first consent only, unless it is made to ask again.
async fn tokens_of(app: &App, attempt: &Attempt, target: IntegrationId, given: &Given) -> Result<Tokens, StoreError> {
    let mut refresh = given.answer.refresh_token.clone();
    if refresh.is_none() && app.store.load(attempt.tenant, target).await?.state.status.is_usable() {
        refresh = app.store.tokens(attempt.tenant, target).await?.and_then(|(_, tokens)| tokens.refresh);
    }
    Ok(Tokens {
        access: given.answer.access_token.clone(),
        refresh,
        issued_at: given.issued_at,
        expires_at: given.answer.expires_in.map(|lifetime| given.issued_at + lifetime),
    })
}

/// Seals tokens and account for the integration that gets them, as its next generation.
async fn seal(
    app: &App,
    attempt: &Attempt,
    target: IntegrationId,
    given: &Given,
    tokens: &Tokens,
) -> Result<Vec<Change>, Setback> {
    let tenant = attempt.tenant;
    let generation = app.store.load(tenant, target).await?.state.generation.next();
    let Some(key) = app.store.integration_key(tenant, target).await? else { return Err(Setback::Ended) };
    let account = Account { email: given.identity.email.clone(), name: given.identity.name.clone() };
    let changes = vec![
        app.store.seal_tokens(tenant, target, generation, tokens).await?,
        Store::seal_account(&key, tenant, target, &account)?,
    ];
    Ok(changes)
}
