//! An account in words: what it is called, how it is, and what would mend it.

use bellhop_domain::{
    Capabilities, Capability, ExpiryReason, IntegrationId, JobFailure, JobKind, OwnerId, Provider, Status, TenantId,
};
use bellhop_store::{IntegrationRow, Store, StoreError};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

use crate::connect::{missing, missing_alone};

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
            Status::Degraded => Some(in_part(&missing(&self.row))),
            Status::Expired => Some(expired(provider, reason(&self.row))),
            Status::Error => Some(failing(provider, reason(&self.row))),
            Status::New | Status::Pending | Status::Failed | Status::Active | Status::Disconnected | Status::Erased => {
                None
            }
        }
    }

    /// What the button that mends it says: what is missing alone is asked for alone. `of` names it, where there are several.
    #[must_use]
    pub fn remedy(&self, of: Option<&str>) -> String {
        let allow = missing_alone(&self.row).map(|missing| allow(&missing));
        match (allow, of) {
            (None, None) => "Reconnect".to_owned(),
            (None, Some(name)) => format!("Reconnect {name}"),
            (Some(allow), None) => allow,
            (Some(allow), Some(name)) => format!("{allow} of {name}"),
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

/// Capabilities in words: "your mail", "your calendar", or both.
#[must_use]
pub fn in_words<'a>(capabilities: impl IntoIterator<Item = &'a Capability>, between: &str) -> String {
    let words: Vec<_> = capabilities
        .into_iter()
        .map(|capability| match capability {
            Capability::Mail => "your mail",
            Capability::Calendar => "your calendar",
        })
        .collect();
    words.join(between)
}

/// What can be read and what cannot, where something is missing.
#[must_use]
pub fn in_part(missing: &Capabilities) -> String {
    let readable: Capabilities =
        Capability::ALL.into_iter().filter(|capability| !missing.contains(capability)).collect();
    if readable.is_empty() {
        return format!("I can read neither {}.", in_words(missing, " nor "));
    }
    format!("I can read {} but not {}.", in_words(&readable, " and "), in_words(missing, " or "))
}

/// What the button that asks for these says.
#[must_use]
pub fn allow(capabilities: &Capabilities) -> String {
    let words: Vec<_> = capabilities
        .iter()
        .map(|capability| match capability {
            Capability::Mail => "the mail",
            Capability::Calendar => "the calendar",
        })
        .collect();
    format!("Allow {}", words.join(" and "))
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

/// How a provider fails to answer, in a few words.
#[must_use]
pub fn silent(reason: JobFailure) -> &'static str {
    match reason {
        JobFailure::ProviderTimeout => "it does not answer in time",
        JobFailure::ProviderUnreachable => "it cannot be reached",
        JobFailure::MalformedAnswer => "its answers cannot be read",
        JobFailure::ProviderUnavailable
        | JobFailure::RequestRefused
        | JobFailure::Forbidden
        | JobFailure::InvalidClient
        | JobFailure::NotConfigured
        | JobFailure::AccessRefused
        | JobFailure::RefreshLocked
        | JobFailure::TelegramUnavailable
        | JobFailure::TelegramRefused
        | JobFailure::Unreadable
        | JobFailure::Poison
        | JobFailure::Internal => "it answers with errors",
    }
}

/// What was given up and is tried again from time to time, as a whole sentence.
#[must_use]
pub fn keeps_failing(kind: JobKind) -> Option<String> {
    let what = match kind {
        JobKind::FetchMail => "Fetching the mail",
        JobKind::FetchCalendar => "Reading the calendar",
        JobKind::RefreshAccess | JobKind::RevokeAccess | JobKind::NotifyOwner => return None,
    };
    Some(format!("{what} keeps failing; I go on trying."))
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

#[cfg(test)]
impl Account {
    /// An active one of Google's that may do nothing yet, for tests to make theirs of.
    pub fn invented(number: u128, email: &str) -> Self {
        let row = IntegrationRow {
            id: IntegrationId::new(uuid::Uuid::from_u128(number)),
            tenant: TenantId::new(uuid::Uuid::nil()),
            owner: OwnerId::new(uuid::Uuid::nil()),
            provider: Provider::Google,
            status: Status::Active,
            generation: bellhop_domain::Generation::new(1),
            scopes: [].into(),
            granted: [].into(),
            missing: [].into(),
            expires_at: None,
            refreshed_at: None,
            connected_at: None,
            reason: None,
        };
        Self { row, email: Some(email.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said_beside_what_is_not() {
        let (mail, calendar) = (Capability::Mail, Capability::Calendar);
        assert_eq!(in_part(&[calendar].into()), "I can read your mail but not your calendar.");
        assert_eq!(in_part(&[mail].into()), "I can read your calendar but not your mail.");
        assert_eq!(in_part(&[mail, calendar].into()), "I can read neither your mail nor your calendar.");
        assert_eq!(allow(&[calendar].into()), "Allow the calendar");
        assert_eq!(allow(&[mail, calendar].into()), "Allow the mail and the calendar");
    }
}
