//! What the API answers, as JSON. Addresses of accounts are shown to the key that connected them, tokens to nobody. What
//! holds an address, a link or a code cannot be printed.

use bellhop_domain::{IntegrationId, Provider, RevocationOutcome, RevocationPlan, Status};
use bellhop_store::{Account, IntegrationRow, StoreError};
use chrono::{DateTime, Utc};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object};
use secrecy::ExposeSecret;
use uuid::Uuid;

use crate::actions::{Disconnection, RevocationEnd};
use crate::app::App;

/// Where an integration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum State {
    /// Somebody is being asked to consent.
    Pending,
    /// The first connection ended without access.
    Failed,
    /// Access is good and complete.
    Active,
    /// Access is good, but something that was asked for was not given: see `missing`.
    Degraded,
    /// Access has ended: the account must be connected again.
    Expired,
    /// Something failed that the person cannot mend: see `reason`.
    Error,
    /// The connection was ended.
    Disconnected,
}

impl State {
    /// Whether it belongs in a list of accounts. A first connection that failed never was one.
    pub const fn is_listed(self) -> bool {
        match self {
            Self::Failed => false,
            Self::Pending | Self::Active | Self::Degraded | Self::Expired | Self::Error | Self::Disconnected => true,
        }
    }

    /// The state to show; none where there is nothing to see (any more).
    pub const fn of(status: Status) -> Option<Self> {
        match status {
            Status::New | Status::Erased => None,
            Status::Pending => Some(Self::Pending),
            Status::Failed => Some(Self::Failed),
            Status::Active => Some(Self::Active),
            Status::Degraded => Some(Self::Degraded),
            Status::Expired => Some(Self::Expired),
            Status::Error => Some(Self::Error),
            Status::Disconnected => Some(Self::Disconnected),
        }
    }
}

/// An account as far as it can be read. One that cannot be opened hides itself and nothing else of the answer.
fn readable(
    integration: IntegrationId,
    account: Result<Option<Account>, StoreError>,
) -> Result<Option<Account>, StoreError> {
    match account {
        Err(error @ (StoreError::CannotOpen(_) | StoreError::Unreadable(_))) => {
            tracing::error!(%integration, %error, "the address of an account cannot be read");
            Ok(None)
        }
        account => account,
    }
}

/// The row remembers what had been granted; after a disconnect nothing is.
fn without_what_ended(row: IntegrationRow) -> IntegrationRow {
    if row.status.is_linked() {
        return row;
    }
    let nothing = std::collections::BTreeSet::new;
    IntegrationRow { granted: nothing(), missing: nothing(), scopes: nothing(), expires_at: None, ..row }
}

/// A link for a person to follow.
#[derive(Object)]
pub struct AuthorizeAnswer {
    /// Send the person's browser here. Works once.
    pub connect_url: String,
    /// Until when: ten minutes.
    pub expires_at: DateTime<Utc>,
}

/// The last step of connecting.
#[derive(Object)]
pub struct FinishRequest {
    /// What came to your `return_url` as `finish_code`.
    pub finish_code: String,
}

/// An account of a provider, connected by this key.
#[derive(Object)]
pub struct IntegrationAnswer {
    /// Its id.
    pub id: Uuid,
    /// Whose account it is: `google`.
    pub provider: String,
    /// The account's address, where the provider named one.
    pub account: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Whether access was granted and not ended by a disconnect. It may have expired all the same.
    pub linked: bool,
    /// What it can be used for: `mail`, `calendar`.
    pub granted: Vec<String>,
    /// What was asked for and not given.
    pub missing: Vec<String>,
    /// The scopes granted, in the provider's words.
    pub scopes: Vec<String>,
    /// When the access token ends. It is replaced before that.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the access token was last replaced.
    pub last_refresh_at: Option<DateTime<Utc>>,
    /// When the account was last connected.
    pub connected_at: Option<DateTime<Utc>>,
    /// Why it failed, expired or is in error, while it is.
    pub reason: Option<String>,
}

impl IntegrationAnswer {
    /// What a caller is shown of an integration; none where there is nothing to see (any more).
    pub async fn of(app: &App, row: IntegrationRow) -> Result<Option<Self>, StoreError> {
        let Some(state) = State::of(row.status) else { return Ok(None) };
        let account = readable(row.id, app.store.account(row.tenant, row.id).await)?.and_then(|account| account.email);
        let row = without_what_ended(row);
        Ok(Some(Self {
            id: row.id.uuid(),
            provider: row.provider.name().to_owned(),
            account: account.map(|address| address.expose_secret().to_owned()),
            state,
            linked: row.status.is_linked(),
            granted: row.granted.into_iter().collect(),
            missing: row.missing.into_iter().collect(),
            scopes: row.scopes.into_iter().collect(),
            expires_at: row.expires_at,
            last_refresh_at: row.refreshed_at,
            connected_at: row.connected_at,
            reason: row.reason,
        }))
    }
}

/// How the connection to a provider stands.
#[derive(Debug, Object)]
pub struct StatusAnswer {
    /// Whether there is a connection.
    pub linked: bool,
    /// Where it stands; absent where nothing was ever connected.
    pub state: Option<State>,
    /// Which integration this is about.
    pub integration: Option<Uuid>,
    /// The scopes granted, in the provider's words.
    pub scopes: Vec<String>,
    /// What it can be used for: `mail`, `calendar`.
    pub granted: Vec<String>,
    /// What was asked for and not given.
    pub missing: Vec<String>,
    /// When the access token ends. It is replaced before that.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the access token was last replaced.
    pub last_refresh_at: Option<DateTime<Utc>>,
    /// Why it expired or is in error, while it is.
    pub reason: Option<String>,
}

impl StatusAnswer {
    /// The status of this integration, or that of nothing.
    pub fn of(row: Option<IntegrationRow>) -> Self {
        let state = row.as_ref().and_then(|row| State::of(row.status));
        match row.map(without_what_ended) {
            Some(row) if state.is_some() => Self {
                linked: row.status.is_linked(),
                state,
                integration: Some(row.id.uuid()),
                scopes: row.scopes.into_iter().collect(),
                granted: row.granted.into_iter().collect(),
                missing: row.missing.into_iter().collect(),
                expires_at: row.expires_at,
                last_refresh_at: row.refreshed_at,
                reason: row.reason,
            },
            _ => Self {
                linked: false,
                state: None,
                integration: None,
                scopes: vec![],
                granted: vec![],
                missing: vec![],
                expires_at: None,
                last_refresh_at: None,
                reason: None,
            },
        }
    }
}

/// An account was connected.
#[derive(Object)]
pub struct FinishAnswer {
    /// The integration that has access now.
    pub integration: IntegrationAnswer,
    /// Whether this account had been connected before.
    pub reconnected: bool,
    /// The `state` that the link was asked for with.
    pub state: Option<String>,
}

/// Access was replaced.
#[derive(Debug, Object)]
pub struct RefreshAnswer {
    /// Which integration.
    pub id: Uuid,
    /// When the new access token ends, where the provider said so.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What a disconnect means at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum AtProvider {
    /// The provider is being asked to revoke the grant.
    Revoking,
    /// The provider has revoked the grant.
    Revoked,
    /// The provider was asked in vain, and the operator has a dead letter of it.
    GivenUp,
    /// Another integration holds the same account, and revoking would end that one too.
    KeptForAnotherConnection,
    /// There is nothing to revoke (any more).
    NothingToRevoke,
}

/// A connection was ended.
#[derive(Debug, Object)]
pub struct DisconnectAnswer {
    /// Which integration.
    pub id: Uuid,
    /// Always `disconnected`.
    pub state: State,
    /// What happens at the provider.
    pub at_provider: AtProvider,
    /// The same for people to read.
    pub detail: String,
}

/// A connection was ended.
#[derive(Debug, ApiResponse)]
pub enum Disconnected {
    /// It is ended here; nothing is left to be done.
    #[oai(status = 200)]
    Ended(Json<DisconnectAnswer>),
    /// It is ended here; the provider is still being asked to revoke the grant.
    #[oai(status = 202)]
    Revoking(Json<DisconnectAnswer>),
}

impl Disconnected {
    /// The answer for this disconnection, made now or before.
    pub fn of(id: Uuid, provider: Provider, disconnection: Disconnection) -> Self {
        let name = provider.title();
        let kept = || {
            let detail = format!("The grant at {name} is kept: another connection holds the same account.");
            (AtProvider::KeptForAnotherConnection, detail)
        };
        let nothing = || (AtProvider::NothingToRevoke, format!("There is no grant at {name} to revoke."));
        let (at_provider, detail) = match (disconnection.plan, disconnection.end) {
            (RevocationPlan::Revoke, None) => {
                (AtProvider::Revoking, format!("{name} is being asked to revoke the grant."))
            }
            (RevocationPlan::Revoke, Some(RevocationEnd::GivenUp)) => (
                AtProvider::GivenUp,
                format!("{name} did not confirm the revocation. Remove the access in the account itself to be sure."),
            ),
            (RevocationPlan::Revoke, Some(RevocationEnd::Answered(RevocationOutcome::Revoked))) => {
                (AtProvider::Revoked, format!("{name} has revoked the grant."))
            }
            (RevocationPlan::Revoke, Some(RevocationEnd::Answered(RevocationOutcome::AlreadyInvalid)))
            | (RevocationPlan::Nothing, _) => nothing(),
            (RevocationPlan::Revoke, Some(RevocationEnd::Answered(RevocationOutcome::KeptForAnother)))
            | (RevocationPlan::SharedAccount, _) => kept(),
        };
        let answer = Json(DisconnectAnswer { id, state: State::Disconnected, at_provider, detail });
        match at_provider {
            AtProvider::Revoking => Self::Revoking(answer),
            AtProvider::Revoked
            | AtProvider::GivenUp
            | AtProvider::KeptForAnotherConnection
            | AtProvider::NothingToRevoke => Self::Ended(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_never_was_an_account_is_not_listed() {
        let listed = |status| State::of(status).is_some_and(State::is_listed);
        for status in [Status::Pending, Status::Active, Status::Degraded, Status::Expired, Status::Disconnected] {
            assert!(listed(status), "{status:?}");
        }
        for status in [Status::New, Status::Failed, Status::Erased] {
            assert!(!listed(status), "{status:?}");
        }
    }

    #[test]
    fn an_account_that_cannot_be_read_hides_nothing_else() {
        let integration = IntegrationId::new(Uuid::nil());
        assert!(matches!(readable(integration, Err(StoreError::Unreadable("an account"))), Ok(None)));
        assert!(matches!(readable(integration, Err(StoreError::Closed)), Err(StoreError::Closed)));
        let account = Account { email: Some("ada@example.org".into()), name: None };
        assert!(matches!(readable(integration, Ok(Some(account))), Ok(Some(_))));
    }
}
