//! One-time links: how a walk is offered, and what stands in the way of one.

use bellhop_domain::IntegrationId;
use bellhop_store::{Attempt, ConnectLink, StoreError, plain_hash};
use secrecy::SecretString;
use url::Url;

use super::secrets::hash_of;
use super::{LINK_LIFETIME, LinkFor, public_address};
use crate::app::App;

/// Why a link leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkProblem {
    /// Nobody made it, or it was swept.
    Unknown,
    /// Its ten minutes are over.
    Expired,
    /// Another browser, or this one, began a walk with it.
    Used,
    /// The provider is switched off here.
    ProviderDisabled,
    /// The provider's client is not configured here.
    NotConfigured,
    /// The connection that it was to mend was ended.
    Ended,
}

/// Makes a one-time link: 256 random bits, stored as a hash, ten minutes.
pub async fn create_link(app: &App, wanted: LinkFor) -> Result<Url, StoreError> {
    let token = app.new_secret();
    let now = app.clock.now();
    let link = ConnectLink {
        hash: plain_hash(token.as_bytes()),
        tenant: wanted.tenant,
        owner: wanted.owner,
        provider: wanted.provider,
        reconnects: wanted.reconnects,
        created_at: now,
        expires_at: now + LINK_LIFETIME,
        used_at: None,
    };
    app.store.add_connect_link(&link).await?;
    let address = public_address(app, &format!("connect/{token}"));
    Url::parse(&address).map_err(|_| StoreError::Unreadable("PUBLIC_BASE_URL"))
}

/// A link that can be followed, with the walk that this very browser has begun with it, if it has.
#[derive(Debug)]
pub struct OpenLink {
    /// The link.
    pub link: ConnectLink,
    /// The walk under way.
    pub begun: Option<Attempt>,
}

/// Looks at a link and changes nothing: crawlers open links too.
pub async fn look_at_link(
    app: &App,
    token: &str,
    cookie: Option<&SecretString>,
) -> Result<Result<OpenLink, LinkProblem>, StoreError> {
    let Some(link) = app.store.connect_link(plain_hash(token.as_bytes())).await? else {
        return Ok(Err(LinkProblem::Unknown));
    };
    if link.expires_at <= app.clock.now() {
        return Ok(Err(LinkProblem::Expired));
    }
    if link.used_at.is_some() {
        let begun = match cookie {
            Some(cookie) => begun_here(app, &link, cookie).await?,
            None => None,
        };
        return Ok(begun.map(|attempt| OpenLink { link, begun: Some(attempt) }).ok_or(LinkProblem::Used));
    }
    if let Some(integration) = link.reconnects
        && !can_be_mended(app, &link, integration).await?
    {
        return Ok(Err(LinkProblem::Ended));
    }
    if !app.is_enabled(link.provider) {
        return Ok(Err(LinkProblem::ProviderDisabled));
    }
    if !app.is_configured(link.provider) {
        return Ok(Err(LinkProblem::NotConfigured));
    }
    Ok(Ok(OpenLink { link, begun: None }))
}

/// The walk that this browser began with this link and has not come back from: somebody pressed "back".
async fn begun_here(app: &App, link: &ConnectLink, cookie: &SecretString) -> Result<Option<Attempt>, StoreError> {
    let hash = hash_of(cookie);
    let attempt = app.store.find_attempt(hash).await?;
    Ok(attempt.filter(|attempt| {
        attempt.cookie_hash == hash
            && attempt.owner == link.owner
            && Some(attempt.created_at) == link.used_at
            && attempt.returned_at.is_none()
            && attempt.outcome.is_none()
            && attempt.expires_at > app.clock.now()
    }))
}

async fn can_be_mended(app: &App, link: &ConnectLink, integration: IntegrationId) -> Result<bool, StoreError> {
    let row = app.store.integration(link.tenant, integration).await?;
    Ok(row.is_some_and(|row| row.owner == link.owner && row.provider == link.provider && row.status.is_linked()))
}
