//! The start of a walk: one press of a button, one unit of work, and the browser is on its way to the provider.

use bellhop_domain::{AttemptId, AuthorizationFailure, Command, IntegrationId, TenantId};
use bellhop_providers::AuthorizeRequest;
use bellhop_store::{
    Actor, Attempt, Change, ConnectLink, Context, DataKey, ExecuteError, NewAttempt, Request, StoreError, plain_hash,
    seal_verifier,
};
use secrecy::SecretString;
use url::Url;

use super::ending::{Ending, end, note};
use super::link::{LinkProblem, OpenLink, look_at_link, pressed_again};
use super::secrets::{cookie_of_page, hash_of, nonce_hash_of, nonce_of, state_of};
use super::{STATE_LIFETIME, asked_for, redirect_uri};
use crate::app::App;
use crate::metrics::OAuthEvent;

/// A browser that is ready to leave. Cannot be printed: the address holds the state.
pub struct Departure {
    /// Where to.
    pub to: Url,
    /// What it is recognised by when it comes back.
    pub cookie: SecretString,
}

/// Begins the walk that a link offers. The browser that has begun it already is sent the same way again: it is known by its
/// cookie, or by the page whose button was pressed. Pressed twice, a browser throws the first answer away with its cookie.
pub async fn begin(
    app: &App,
    token: &str,
    cookie: Option<SecretString>,
    page: Option<&SecretString>,
) -> Result<Result<Departure, LinkProblem>, StoreError> {
    let of_page = page.map(cookie_of_page);
    let begun = begin_once(app, token, cookie, of_page.clone()).await?;
    let (Err(LinkProblem::Used | LinkProblem::JustUsed), Some(cookie)) = (&begun, of_page) else { return Ok(begun) };
    match look_at_link(app, token, Some(&cookie)).await? {
        Ok(OpenLink { begun: Some(attempt), .. }) => again(app, &attempt, cookie).await,
        Ok(_) | Err(_) => Ok(begun),
    }
}

async fn begin_once(
    app: &App,
    token: &str,
    cookie: Option<SecretString>,
    new_cookie: Option<SecretString>,
) -> Result<Result<Departure, LinkProblem>, StoreError> {
    let open = match look_at_link(app, token, cookie.as_ref()).await? {
        Ok(open) => open,
        Err(LinkProblem::Used) => return Ok(Err(used(app, plain_hash(token.as_bytes())).await?)),
        Err(problem) => {
            note_our_own_fault(app, token, problem).await?;
            return Ok(Err(problem));
        }
    };
    if let (OpenLink { begun: Some(attempt), .. }, Some(cookie)) = (&open, cookie) {
        return again(app, attempt, cookie).await;
    }
    let new_cookie = new_cookie.unwrap_or_else(|| app.new_secret().into());
    let walk = match NewWalk::prepare(app, &open.link, new_cookie).await? {
        Ok(walk) => walk,
        Err(problem) => return Ok(Err(problem)),
    };
    let verifier = SecretString::from(app.new_secret());
    let Some(to) = authorize_url(app, &walk, &verifier).await? else { return Ok(Err(LinkProblem::NotConfigured)) };
    match walk.record(app, &verifier).await? {
        Ok(()) => {
            app.metrics.oauth(walk.link.provider, OAuthEvent::AuthorizeStarted);
            Ok(Ok(Departure { to, cookie: walk.cookie }))
        }
        Err(problem) => Ok(Err(problem)),
    }
}

/// A used link, for somebody who has just pressed its button.
async fn used(app: &App, link_hash: [u8; 32]) -> Result<LinkProblem, StoreError> {
    let used_at = app.store.connect_link(link_hash).await?.and_then(|link| link.used_at);
    Ok(pressed_again(used_at, app.clock.now()))
}

/// A walk that cannot begin because of our own settings is remembered with its reason, where somebody pressed the button.
async fn note_our_own_fault(app: &App, token: &str, problem: LinkProblem) -> Result<(), StoreError> {
    let reason = match problem {
        LinkProblem::ProviderDisabled => AuthorizationFailure::ProviderDisabled,
        LinkProblem::NotConfigured => AuthorizationFailure::NotConfigured,
        LinkProblem::Unknown
        | LinkProblem::Expired
        | LinkProblem::Used
        | LinkProblem::JustUsed
        | LinkProblem::Ended => return Ok(()),
    };
    let found = app.store.connect_link(plain_hash(token.as_bytes())).await?;
    // Once is enough, and it uses the link up.
    let Some(link) = found.filter(|link| link.used_at.is_none()) else { return Ok(()) };
    let Ok(walk) = NewWalk::prepare(app, &link, app.new_secret().into()).await? else { return Ok(()) };
    let verifier = SecretString::from(app.new_secret());
    if walk.record(app, &verifier).await?.is_ok()
        && let Some(attempt) = app.store.attempt(link.tenant, walk.attempt).await?
    {
        note(&attempt, Ending::Failed(reason));
        end(app, &attempt, Actor::Owner(link.owner), Ending::Failed(reason)).await?;
    }
    Ok(())
}

async fn again(
    app: &App,
    attempt: &Attempt,
    cookie: SecretString,
) -> Result<Result<Departure, LinkProblem>, StoreError> {
    let Some(key) = app.store.integration_key(attempt.tenant, attempt.integration).await? else {
        return Ok(Err(LinkProblem::Ended));
    };
    let verifier = attempt.open_verifier(&key)?;
    let login_hint = login_hint(app, attempt.tenant, attempt.reconnects.then_some(attempt.integration)).await?;
    let scopes = app.provider(attempt.provider).description().scopes(&asked_for(attempt.asked.as_ref()));
    let url = app.provider(attempt.provider).authorize_url(&AuthorizeRequest {
        state: &state_of(&cookie),
        nonce: &nonce_of(&attempt.nonce_hash),
        verifier: &verifier,
        redirect_uri: &attempt.redirect_uri,
        scopes: &scopes,
        login_hint: login_hint.as_ref(),
    });
    Ok(url.map(|to| Departure { to, cookie }).map_err(|_| LinkProblem::NotConfigured))
}

/// A walk about to begin.
struct NewWalk {
    link: ConnectLink,
    attempt: AttemptId,
    integration: IntegrationId,
    cookie: SecretString,
    key: DataKey,
    /// The key of an integration that is new.
    put_key: Option<Change>,
}

impl NewWalk {
    async fn prepare(
        app: &App,
        link: &ConnectLink,
        cookie: SecretString,
    ) -> Result<Result<Self, LinkProblem>, StoreError> {
        let (integration, key, put_key) = if let Some(integration) = link.reconnects {
            let Some(key) = app.store.integration_key(link.tenant, integration).await? else {
                return Ok(Err(LinkProblem::Ended));
            };
            (integration, key, None)
        } else {
            let integration = IntegrationId::new(app.new_id());
            let (key, put_key) = app.store.make_integration_key(link.tenant, integration)?;
            (integration, key, Some(put_key))
        };
        Ok(Ok(Self { link: link.clone(), attempt: AttemptId::new(app.new_id()), integration, cookie, key, put_key }))
    }

    /// Writes the start down: the event, the key of a new integration, the walk, and the link as used. All or nothing.
    async fn record(&self, app: &App, verifier: &SecretString) -> Result<Result<(), LinkProblem>, StoreError> {
        let (link, now) = (&self.link, app.clock.now());
        let begin = Change::BeginAttempt(Box::new(NewAttempt {
            id: self.attempt,
            link_hash: link.hash,
            owner: link.owner,
            integration: self.integration,
            reconnects: link.reconnects.is_some(),
            asked: link.asked.clone(),
            provider: link.provider,
            state_hash: hash_of(&state_of(&self.cookie)),
            cookie_hash: hash_of(&self.cookie),
            nonce_hash: nonce_hash_of(&self.cookie),
            redirect_uri: redirect_uri(app, link.provider),
            sealed_verifier: seal_verifier(&self.key, link.tenant, self.integration, self.attempt, verifier)?,
            created_at: now,
            expires_at: now + STATE_LIFETIME,
        }));
        let command = Command::StartAuthorization {
            owner: link.owner,
            provider: link.provider,
            attempt: self.attempt,
            asked: asked_for(link.asked.as_ref()),
        };
        let context = Context {
            correlation: self.attempt.uuid(),
            ..Context::new(link.tenant, Actor::Owner(link.owner), app.new_command())
        };
        let request = Request {
            changes: self.put_key.iter().cloned().chain([begin]).collect(),
            needs_events: true,
            ..Request::new(context, now, self.integration, command)
        };
        match app.store.execute(&request).await {
            Ok(_) => Ok(Ok(())),
            Err(ExecuteError::Refused(_)) => Ok(Err(LinkProblem::Ended)),
            // Two pressed at once, and the other was first.
            Err(ExecuteError::Store(StoreError::Contended)) => {
                let found = app.store.connect_link(link.hash).await?;
                let unused = found.is_some_and(|link| link.used_at.is_none());
                if unused { Err(StoreError::Contended) } else { Ok(Err(used(app, link.hash).await?)) }
            }
            Err(ExecuteError::Store(error)) => Err(error),
        }
    }
}

/// Where the browser goes; none where our own settings do not allow it.
async fn authorize_url(app: &App, walk: &NewWalk, verifier: &SecretString) -> Result<Option<Url>, StoreError> {
    let login_hint = login_hint(app, walk.link.tenant, walk.link.reconnects).await?;
    let provider = app.provider(walk.link.provider);
    let url = provider.authorize_url(&AuthorizeRequest {
        state: &state_of(&walk.cookie),
        nonce: &nonce_of(&nonce_hash_of(&walk.cookie)),
        verifier,
        redirect_uri: &redirect_uri(app, walk.link.provider),
        scopes: &provider.description().scopes(&asked_for(walk.link.asked.as_ref())),
        login_hint: login_hint.as_ref(),
    });
    Ok(url.ok())
}

/// The address of the account that is to be mended, so that the provider offers that one first.
async fn login_hint(
    app: &App,
    tenant: TenantId,
    reconnects: Option<IntegrationId>,
) -> Result<Option<SecretString>, StoreError> {
    let Some(integration) = reconnects else { return Ok(None) };
    Ok(app.store.account(tenant, integration).await?.and_then(|account| account.email))
}
