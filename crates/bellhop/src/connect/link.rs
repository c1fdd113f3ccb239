//! One-time links: how a walk is offered, and what stands in the way of one.

use bellhop_domain::{Capabilities, OwnerId, TenantId};
use bellhop_store::{Attempt, ConnectLink, IntegrationRow, StoreError, plain_hash};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use url::Url;

use super::secrets::hash_of;
use super::{LINK_LIFETIME, LinkFor, asked_for, missing_alone, public_address};
use crate::app::App;

/// How far apart two presses of one person's can arrive.
const TWO_PRESSES: TimeDelta = TimeDelta::seconds(10);

/// Why a link leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkProblem {
    /// Nobody made it, or it was swept.
    Unknown,
    /// Its ten minutes are over.
    Expired,
    /// Another browser, or this one, began a walk with it.
    Used,
    /// As [`Used`](Self::Used), but seconds ago, and the button was pressed: most likely twice by the same person.
    JustUsed,
    /// The provider is switched off here.
    ProviderDisabled,
    /// The provider's client is not configured here.
    NotConfigured,
    /// The connection that it was to mend was ended, or the key of the program that asked for it was revoked.
    Ended,
}

/// What a used link is to somebody who has just pressed its button.
pub fn pressed_again(used_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> LinkProblem {
    if used_at.is_some_and(|at| now - at < TWO_PRESSES) { LinkProblem::JustUsed } else { LinkProblem::Used }
}

/// Makes a one-time link: 256 random bits, stored as a hash, ten minutes.
pub async fn create_link(app: &App, wanted: LinkFor) -> Result<Url, StoreError> {
    create_link_with(app, wanted, None).await
}

/// Makes a one-time link for a program, which gets its state back with the finish code.
pub async fn create_link_with(
    app: &App,
    wanted: LinkFor,
    program_state: Option<&SecretString>,
) -> Result<Url, StoreError> {
    let token = app.new_secret();
    let (now, hash) = (app.clock.now(), plain_hash(token.as_bytes()));
    let sealed_program_state = match program_state {
        Some(state) => Some(app.store.seal_program_state(wanted.tenant, wanted.owner, hash, state).await?),
        None => None,
    };
    let asked = match wanted.reconnects {
        Some(integration) => app.store.integration(wanted.tenant, integration).await?.as_ref().and_then(missing_alone),
        None => None,
    };
    let link = ConnectLink {
        hash,
        tenant: wanted.tenant,
        owner: wanted.owner,
        provider: wanted.provider,
        reconnects: wanted.reconnects,
        asked,
        created_at: now,
        expires_at: now + LINK_LIFETIME,
        used_at: None,
        sealed_program_state,
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

impl OpenLink {
    /// What the person is asked for.
    pub fn asked(&self) -> Capabilities {
        asked_for(self.link.asked.as_ref())
    }
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
    let row = match link.reconnects {
        Some(integration) => app.store.integration(link.tenant, integration).await?,
        None => None,
    };
    let mendable = link.reconnects.is_none() || row.as_ref().is_some_and(|row| can_be_mended(&link, row));
    let begun = match cookie {
        Some(cookie) if link.used_at.is_some() => begun_here(app, &link, cookie).await?,
        _ => None,
    };
    let outlook = Outlook {
        is_expired: link.expires_at <= app.clock.now(),
        is_withdrawn: is_withdrawn(app, link.tenant, link.owner).await?,
        is_enabled: app.is_enabled(link.provider),
        is_configured: app.is_configured(link.provider),
        is_used: link.used_at.is_some(),
        is_begun_here: begun.is_some(),
        is_mendable: mendable,
    };
    let asked = match &begun {
        Some(attempt) => attempt.asked.clone(),
        None => still_asked(link.asked.clone(), row.as_ref().and_then(missing_alone).as_ref()),
    };
    let link = ConnectLink { asked, ..link };
    Ok(outlook.problem().map_or(Ok(OpenLink { link, begun }), Err))
}

/// What a link asks for once it is followed: less than everything only while just that is missing. Access may have ended
/// since it was made, or something else may have been lost.
fn still_asked(asked: Option<Capabilities>, missing: Option<&Capabilities>) -> Option<Capabilities> {
    asked.filter(|asked| missing == Some(asked))
}

/// All that bears on whether a link can be followed.
#[expect(clippy::struct_excessive_bools, reason = "seven independent facts")]
struct Outlook {
    is_expired: bool,
    is_withdrawn: bool,
    is_enabled: bool,
    is_configured: bool,
    is_used: bool,
    is_begun_here: bool,
    is_mendable: bool,
}

impl Outlook {
    /// What stands in the way. Our own faults come before a use: a button that was pressed while a provider was switched
    /// off has used the link up, and nobody else has seen it.
    fn problem(&self) -> Option<LinkProblem> {
        match self {
            Self { is_expired: true, .. } => Some(LinkProblem::Expired),
            Self { is_withdrawn: true, .. } => Some(LinkProblem::Ended),
            Self { is_enabled: false, .. } => Some(LinkProblem::ProviderDisabled),
            Self { is_configured: false, .. } => Some(LinkProblem::NotConfigured),
            Self { is_used: true, is_begun_here, .. } => (!is_begun_here).then_some(LinkProblem::Used),
            Self { is_mendable: false, .. } => Some(LinkProblem::Ended),
            Self { .. } => None,
        }
    }
}

/// Whether the key of the program that asked has been revoked since. A person's asking is not withdrawn.
pub async fn is_withdrawn(app: &App, tenant: TenantId, owner: OwnerId) -> Result<bool, StoreError> {
    Ok(app.store.api_key_of(tenant, owner).await?.is_some_and(|key| key.revoked_at.is_some()))
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

fn can_be_mended(link: &ConnectLink, row: &IntegrationRow) -> bool {
    row.owner == link.owner && row.provider == link.provider && row.status.is_linked()
}

#[cfg(test)]
mod tests {
    use bellhop_domain::Capability;

    use super::*;

    const OPEN: Outlook = Outlook {
        is_expired: false,
        is_withdrawn: false,
        is_enabled: true,
        is_configured: true,
        is_used: false,
        is_begun_here: false,
        is_mendable: true,
    };

    #[test]
    fn a_link_of_a_revoked_key_leads_nowhere_even_for_the_browser_that_began() {
        assert_eq!(OPEN.problem(), None);
        assert_eq!(Outlook { is_withdrawn: true, ..OPEN }.problem(), Some(LinkProblem::Ended));
        let begun = Outlook { is_used: true, is_begun_here: true, ..OPEN };
        assert_eq!(begun.problem(), None);
        assert_eq!(Outlook { is_withdrawn: true, ..begun }.problem(), Some(LinkProblem::Ended));
    }

    #[test]
    fn a_link_asks_for_less_than_everything_only_while_just_that_is_missing() {
        let (mail, calendar): (Capabilities, Capabilities) = ([Capability::Mail].into(), [Capability::Calendar].into());
        assert_eq!(still_asked(Some(calendar.clone()), Some(&calendar)), Some(calendar.clone()));
        for now in [None, Some(mail), Some(Capability::ALL.into())] {
            assert_eq!(still_asked(Some(calendar.clone()), now.as_ref()), None);
        }
        assert_eq!(still_asked(None, Some(&calendar)), None);
    }

    #[test]
    fn a_second_press_is_told_from_a_link_that_somebody_else_has_seen() {
        let now = DateTime::UNIX_EPOCH;
        let ago = |seconds| Some(now - TimeDelta::seconds(seconds));
        assert_eq!(pressed_again(ago(0), now), LinkProblem::JustUsed);
        assert_eq!(pressed_again(ago(9), now), LinkProblem::JustUsed);
        assert_eq!(pressed_again(ago(10), now), LinkProblem::Used);
        assert_eq!(pressed_again(None, now), LinkProblem::Used);
    }

    #[test]
    fn a_fault_of_ours_is_named_as_often_as_the_button_is_pressed() {
        for is_used in [false, true] {
            let off = Outlook { is_used, is_enabled: false, ..OPEN };
            assert_eq!(off.problem(), Some(LinkProblem::ProviderDisabled));
            let unset = Outlook { is_used, is_configured: false, ..OPEN };
            assert_eq!(unset.problem(), Some(LinkProblem::NotConfigured));
        }
        assert_eq!(Outlook { is_used: true, ..OPEN }.problem(), Some(LinkProblem::Used));
        assert_eq!(Outlook { is_mendable: false, ..OPEN }.problem(), Some(LinkProblem::Ended));
    }
}
