//! Calling a provider on behalf of one account, with a token that is replaced once if the provider refuses it.
//!
//! For jobs and for answers in the chat alike. Nothing of the store is open meanwhile; what a failure means is decided by
//! whoever calls.

use bellhop_domain::{IntegrationId, Provider};
use bellhop_providers::{Client, ProviderError};
use bellhop_store::{Context, StoreError};
use secrecy::SecretString;
use thiserror::Error;

use crate::access::{self, Access, AccessError};
use crate::app::App;
use crate::held::Held;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum CallError {
    /// There is no token to call with. See there.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The provider answered with a failure, or not at all. [`ProviderError::Unauthorized`]: it refused two tokens, the second
    /// fresh from itself; later it may agree with itself.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The call was not made. See there.
    #[error(transparent)]
    Held(#[from] Held),
}

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> Self {
        Self::Access(error.into())
    }
}

/// One account, to be called about.
pub struct Caller<'a> {
    app: &'a App,
    origin: Context,
    integration: IntegrationId,
    provider: Provider,
    access: Access,
}

impl<'a> Caller<'a> {
    /// Finds the token to call with, refreshed where it would not last.
    pub async fn open(app: &'a App, origin: Context, integration: IntegrationId) -> Result<Self, CallError> {
        let state = app.store.load(origin.tenant, integration).await?.state;
        let provider = state.provider.ok_or(AccessError::NotConnected)?;
        let access = access::token(app, &origin, integration).await?;
        Ok(Self { app, origin, integration, provider, access })
    }

    /// Makes a call, and makes it once more under a new token where the provider refuses the one we have.
    pub async fn call<T, Answer>(&mut self, request: impl Fn(Client, SecretString) -> Answer) -> Result<T, CallError>
    where
        Answer: Future<Output = Result<T, ProviderError>>,
    {
        let client = self.app.provider(self.provider);
        match request(client.clone(), self.access.token.clone()).await {
            Err(ProviderError::Unauthorized) => {}
            answer => return Ok(answer?),
        }
        access::refresh_from(self.app, &self.origin, self.integration, self.access.generation).await?;
        self.access = access::token(self.app, &self.origin, self.integration).await?;
        Ok(request(client.clone(), self.access.token.clone()).await?)
    }
}
