//! Why things went as they did, as bounded sets: what cannot be listed here cannot enter the log.
//!
//! A provider's own words never come in: they may carry addresses or tokens.

use serde::{Deserialize, Serialize};

/// Why a walk through consent ended without access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorizationFailure {
    /// The person refused at the provider.
    Denied,
    /// The provider reported an error of its own on the way back.
    ProviderError,
    /// Nobody came back within the ten minutes, or did not finish within the five.
    Abandoned,
    /// The answer came from another provider or issuer than the one that was asked.
    WrongIssuer,
    /// The code could not be exchanged because the provider could not be reached or was failing.
    ProviderUnavailable,
    /// The exchange was sent and no answer came in time; whether it happened is unknown.
    ExchangeTimedOut,
    /// The provider refused the code.
    InvalidCode,
    /// The provider refused our client id or secret.
    InvalidClient,
    /// The provider's answer carried no access token.
    MissingAccessToken,
    /// The provider's answer could not be read.
    MalformedAnswer,
    /// The identity in the answer failed its checks (issuer, audience, expiry, nonce) or was missing.
    InvalidIdentity,
    /// The provider is switched off here.
    ProviderDisabled,
    /// The client secret is not configured here.
    NotConfigured,
    /// The owner already has this account connected; the access went there.
    AlreadyConnected,
    /// The person reconnected with another account than the one being mended.
    WrongAccount,
    /// The connection was ended while consent was under way.
    Disconnected,
}

/// Why access ended and only the person can bring it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiryReason {
    /// The provider refused the refresh token: revoked, password changed, unused for months, or re-authentication due.
    RefreshRefused,
    /// A refresh answer was lost between the provider and the commit, and the old token no longer works.
    AnswerLost,
    /// The access token ran out and there never was a refresh token.
    NoRefreshToken,
}

/// Why a run of a job failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobFailure {
    /// The provider did not answer in time.
    ProviderTimeout,
    /// The provider could not be reached.
    ProviderUnreachable,
    /// The provider answered with a server error.
    ProviderUnavailable,
    /// The provider answered something we could not read.
    MalformedAnswer,
    /// The provider refused the request itself; repeating it cannot help.
    RequestRefused,
    /// The provider says that access to this is not allowed.
    Forbidden,
    /// The provider refused our client id or secret: the operator must mend the configuration.
    InvalidClient,
    /// The provider is switched off or not configured here.
    NotConfigured,
    /// The access token was refused although it should have been good.
    AccessRefused,
    /// Somebody else holds the refresh lease and it did not end in time.
    RefreshLocked,
    /// Telegram could not be reached or was failing.
    TelegramUnavailable,
    /// Telegram refused the message.
    TelegramRefused,
    /// What is sealed could not be opened: the key is wrong or the row was moved or damaged.
    Unreadable,
    /// The run ended without a result three times in a row.
    Poison,
    /// A fault of our own; the log of the process says more.
    Internal,
}

impl JobFailure {
    /// Every reason, for documentation and metrics.
    pub const ALL: [Self; 15] = [
        Self::ProviderTimeout,
        Self::ProviderUnreachable,
        Self::ProviderUnavailable,
        Self::MalformedAnswer,
        Self::RequestRefused,
        Self::Forbidden,
        Self::InvalidClient,
        Self::NotConfigured,
        Self::AccessRefused,
        Self::RefreshLocked,
        Self::TelegramUnavailable,
        Self::TelegramRefused,
        Self::Unreadable,
        Self::Poison,
        Self::Internal,
    ];

    /// The name in columns, metrics and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ProviderTimeout => "provider_timeout",
            Self::ProviderUnreachable => "provider_unreachable",
            Self::ProviderUnavailable => "provider_unavailable",
            Self::MalformedAnswer => "malformed_answer",
            Self::RequestRefused => "request_refused",
            Self::Forbidden => "forbidden",
            Self::InvalidClient => "invalid_client",
            Self::NotConfigured => "not_configured",
            Self::AccessRefused => "access_refused",
            Self::RefreshLocked => "refresh_locked",
            Self::TelegramUnavailable => "telegram_unavailable",
            Self::TelegramRefused => "telegram_refused",
            Self::Unreadable => "unreadable",
            Self::Poison => "poison",
            Self::Internal => "internal",
        }
    }

    /// The reason of this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Whether the provider failed, and not we or what was asked: others fare no better until it is over.
    #[must_use]
    pub const fn is_of_provider(self) -> bool {
        match self {
            Self::ProviderTimeout | Self::ProviderUnreachable | Self::ProviderUnavailable | Self::MalformedAnswer => {
                true
            }
            Self::RequestRefused
            | Self::Forbidden
            | Self::InvalidClient
            | Self::NotConfigured
            | Self::AccessRefused
            | Self::RefreshLocked
            | Self::TelegramUnavailable
            | Self::TelegramRefused
            | Self::Unreadable
            | Self::Poison
            | Self::Internal => false,
        }
    }

    /// Whether our own configuration is at fault, so that the integration is in `error` until it is mended.
    #[must_use]
    pub const fn is_configuration_fault(self) -> bool {
        matches!(self, Self::InvalidClient | Self::NotConfigured)
    }
}

/// What a disconnect means at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationPlan {
    /// The provider will be asked to revoke the grant.
    Revoke,
    /// Another integration holds the same account, and revoking would end that one too.
    SharedAccount,
    /// There is no grant to revoke.
    Nothing,
}

/// How the provider answered a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationOutcome {
    /// The grant is gone.
    Revoked,
    /// It was gone already.
    AlreadyInvalid,
    /// It was left as it is, because a newer connection holds the same account.
    KeptForAnother,
}

/// Where a notice went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Telegram took the message.
    Sent,
    /// The owner has no chat: an API actor reads the state instead.
    NoChat,
    /// The person has blocked the bot or deleted the chat.
    Blocked,
    /// What the notice was about is no longer so.
    Outdated,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_failure_is_its_json() {
        for reason in JobFailure::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
            assert_eq!(JobFailure::from_name(reason.name()), Some(reason));
        }
    }
}
