//! An account in words: what it is called, how it is, and what would mend it.

use bellhop_domain::{Capability, ExpiryReason, IntegrationId, JobFailure, OwnerId, Provider, Status, TenantId};
use bellhop_store::{IntegrationRow, Store, StoreError};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

/// An account with its name. Has no `Debug`: the name is somebody's address.
#[derive(Clone)]
pub struct Account {
    /// Where it stands.
    pub row: IntegrationRow,
    /// Its address; it is shown in its owner's own chat only.
    pub email: Option<String>,
}

impl Account {
    /// An account with its name.
    pub async fn of(store: &Store, row: IntegrationRow) -> Result<Self, StoreError> {
        let account = store.account(row.tenant, row.id).await?;
        let email = account.and_then(|account| account.email).map(|email| email.expose_secret().to_owned());
        Ok(Self { row, email })
    }

    /// The connected accounts of an owner, in the order in which they were connected.
    pub async fn all(store: &Store, tenant: TenantId, owner: OwnerId) -> Result<Vec<Self>, StoreError> {
        let mut accounts = vec![];
        for row in store.integrations(tenant, Some(owner)).await? {
            if row.status.is_linked() {
                accounts.push(Self::of(store, row).await?);
            }
        }
        Ok(accounts)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> IntegrationId {
        self.row.id
    }

    /// What people call it.
    #[must_use]
    pub fn name(&self) -> String {
        self.email.clone().unwrap_or_else(|| format!("your {} account", self.row.provider.title()))
    }

    /// How it is, in a few words with a mark that can be seen at a glance.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self.row.status {
            Status::Active => "✅ connected",
            Status::Degraded => "🟡 connected, with something missing",
            Status::Expired => "🔴 access has ended",
            Status::Error => "🟠 connected, but something is failing",
            Status::New | Status::Pending | Status::Failed => "not connected yet",
            Status::Disconnected | Status::Erased => "disconnected",
        }
    }

    /// What is wrong and what would mend it, if anything is wrong.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let provider = self.row.provider;
        match self.row.status {
            Status::Degraded => {
                Some(format!("I was not allowed to read {}. Reconnect and leave every box ticked.", missing(&self.row)))
            }
            Status::Expired => Some(expired(provider, reason(&self.row))),
            Status::Error => Some(failing(provider, reason(&self.row))),
            Status::New | Status::Pending | Status::Failed | Status::Active | Status::Disconnected | Status::Erased => {
                None
            }
        }
    }

    /// Whether connecting it again would mend it.
    #[must_use]
    pub fn needs_reconnecting(&self) -> bool {
        matches!(self.row.status, Status::Expired | Status::Degraded)
    }
}

/// The reason column as the domain's own word for it.
fn reason<'a, T: Deserialize<'a>>(row: &'a IntegrationRow) -> Option<T> {
    let name: StrDeserializer<'a, Error> = row.reason.as_deref()?.into_deserializer();
    T::deserialize(name).ok()
}

/// What was asked for and not given, in words.
#[must_use]
pub fn missing(row: &IntegrationRow) -> String {
    let missing = Capability::ALL.into_iter().filter(|capability| row.missing.contains(capability.name()));
    in_words(missing)
}

/// Capabilities in words: "your mail", "your calendar", or both.
pub fn in_words(capabilities: impl IntoIterator<Item = Capability>) -> String {
    let words: Vec<_> = capabilities
        .into_iter()
        .map(|capability| match capability {
            Capability::Mail => "your mail",
            Capability::Calendar => "your calendar",
        })
        .collect();
    if words.is_empty() { "everything I asked for".to_owned() } else { words.join(" or ") }
}

/// Why access ended, in plain words.
#[must_use]
pub fn expired(provider: Provider, reason: Option<ExpiryReason>) -> String {
    let provider = provider.title();
    match reason {
        Some(ExpiryReason::RefreshRefused) | None => format!(
            "{provider} no longer accepts the access it gave me. A changed password, access taken back in the {provider} \
             account or a long pause can do that. Reconnecting mends it."
        ),
        Some(ExpiryReason::AnswerLost) => format!(
            "An answer from {provider} got lost while access was being renewed, and the old access no longer works. \
             Reconnecting mends it."
        ),
        Some(ExpiryReason::NoRefreshToken) => {
            format!("{provider} gave me access for a short while only, and that is over. Reconnecting mends it.")
        }
    }
}

/// What keeps failing, in plain words, and who is to act.
#[must_use]
pub fn failing(provider: Provider, reason: Option<JobFailure>) -> String {
    let provider = provider.title();
    match reason {
        Some(
            JobFailure::ProviderTimeout
            | JobFailure::ProviderUnreachable
            | JobFailure::ProviderUnavailable
            | JobFailure::MalformedAnswer,
        ) => format!("{provider} has not been answering properly. I keep trying; there is nothing for you to do."),
        Some(JobFailure::Forbidden | JobFailure::AccessRefused) => {
            format!("{provider} does not let me do that. If it stays like this, reconnect the account with /connect.")
        }
        Some(JobFailure::InvalidClient | JobFailure::NotConfigured) => format!(
            "The way I am registered with {provider} is at fault. Only whoever runs this bot can mend that; your account \
             is safe."
        ),
        Some(
            JobFailure::RequestRefused
            | JobFailure::RefreshLocked
            | JobFailure::TelegramUnavailable
            | JobFailure::TelegramRefused
            | JobFailure::Unreadable
            | JobFailure::Poison
            | JobFailure::Internal,
        )
        | None => "Something of mine keeps failing. Whoever runs this bot has it on their list.".to_owned(),
    }
}
