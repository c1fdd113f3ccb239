//! Calling a provider on behalf of one account, with a token that is replaced once if the provider refuses it.
//!
//! For jobs and for answers in the chat alike. Before each call it is asked whether what the provider allows has room for
//! it, then whether the provider is being left alone. Nothing of the store is open meanwhile; what a failure means is decided
//! by whoever calls.

use bellhop_domain::{IntegrationId, Provider};
use bellhop_providers::{Client, Operation, ProviderError};
use bellhop_store::{Context, Pseudonym, StoreError};
use futures::{StreamExt, TryStreamExt, stream};
use secrecy::SecretString;
use thiserror::Error;

use crate::access::{self, Access, AccessError};
use crate::app::App;
use crate::breakers::{self, Service};
use crate::held::Held;
use crate::limits::{Ask, Urgency};

/// How many calls one account gets at the same time, if its provider allows as many.
const AT_ONCE: usize = 4;

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
    urgency: Urgency,
    access: Access,
    /// Looked up once for all calls: it never changes.
    about: Pseudonym,
}

impl<'a> Caller<'a> {
    /// Finds the token to call with, refreshed where it would not last.
    pub async fn open(
        app: &'a App,
        origin: Context,
        integration: IntegrationId,
        urgency: Urgency,
    ) -> Result<Self, CallError> {
        let state = app.store.load(origin.tenant, integration).await?.state;
        let provider = state.provider.ok_or(AccessError::NotConnected)?;
        let access = access::token(app, &origin, integration).await?;
        // None: disconnected a moment ago, or there would have been no token.
        let about = app.store.pseudonym_of(origin.tenant, integration).await?.ok_or(AccessError::NotConnected)?;
        Ok(Self { app, origin, integration, provider, urgency, access, about })
    }

    /// Makes a call, and makes it once more under a new token where the provider refuses the one we have.
    pub async fn call<T, Answer>(
        &mut self,
        operation: Operation,
        request: impl Fn(Client, SecretString) -> Answer,
    ) -> Result<T, CallError>
    where
        Answer: Future<Output = Result<T, ProviderError>>,
    {
        self.make(operation, 1, |client, token, _| request(client, token)).await
    }

    /// Makes a call for each of these, several at the same time, and answers in their order. The first failure is the
    /// answer to all of them.
    pub async fn each<T, Answer>(
        &mut self,
        operation: Operation,
        ids: &[String],
        request: impl Fn(Client, SecretString, String) -> Answer,
    ) -> Result<Vec<T>, CallError>
    where
        Answer: Future<Output = Result<T, ProviderError>>,
    {
        let mut answers = vec![];
        // What does not fit into a window is asked for in parts that do.
        for part in ids.chunks(self.most(operation)) {
            let request = &request;
            let all = |client: Client, token: SecretString, at_once| {
                let calls: Vec<_> = part.iter().map(|id| request(client.clone(), token.clone(), id.clone())).collect();
                stream::iter(calls).buffered(at_once).try_collect::<Vec<T>>()
            };
            answers.extend(self.make(operation, part.len(), all).await?);
        }
        Ok(answers)
    }

    /// How many calls of this kind fit together into what the provider allows, with some room for what led to them. At
    /// least one.
    pub fn most(&self, operation: Operation) -> usize {
        let description = self.app.provider(self.provider).description();
        self.app.limits.most(description, self.ask(operation, 1))
    }

    async fn make<T, Answer>(
        &mut self,
        operation: Operation,
        count: usize,
        request: impl Fn(Client, SecretString, usize) -> Answer,
    ) -> Result<T, CallError>
    where
        Answer: Future<Output = Result<T, ProviderError>>,
    {
        match self.once(operation, count, &request).await {
            Err(CallError::Provider(ProviderError::Unauthorized)) => {}
            answer => return answer,
        }
        access::refresh_from(self.app, &self.origin, self.integration, self.access.generation).await?;
        self.access = access::token(self.app, &self.origin, self.integration).await?;
        self.once(operation, count, &request).await
    }

    async fn once<T, Answer>(
        &self,
        operation: Operation,
        count: usize,
        request: impl Fn(Client, SecretString, usize) -> Answer,
    ) -> Result<T, CallError>
    where
        Answer: Future<Output = Result<T, ProviderError>>,
    {
        let client = self.app.provider(self.provider);
        let pass = self.app.limits.enter(client.description(), self.ask(operation, count)).await?;
        let (tenant, service) = (self.origin.tenant, Service::of(operation));
        let passage = match breakers::enter(self.app, tenant, self.provider, service, self.integration).await {
            Ok(passage) => passage.about(self.about),
            Err(held) => {
                pass.give_back().await;
                if let Some(quota) = client.description().quota_of(operation) {
                    self.app.metrics.call_held(self.provider, quota.api, "breaker");
                }
                return Err(held.into());
            }
        };
        let answer = request(client.clone(), self.access.token.clone(), pass.at_once()).await;
        passage.leave(answer.as_ref().map(|_| ())).await;
        pass.leave().await;
        Ok(answer?)
    }

    fn ask(&self, operation: Operation, count: usize) -> Ask {
        Ask { about: self.about, operation, count, at_once: AT_ONCE, urgency: self.urgency }
    }
}
