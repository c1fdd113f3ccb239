//! What can go wrong with a provider, in bounded words.
//!
//! This type reaches logs, metrics, events and pages. So nothing that came over the wire may enter it, except numbers with
//! a bound and codes from the lists below: no URL, no body, no description, no token, no address.

use std::time::Duration;

use crate::oauth_error::OAuthErrorCode;

/// Why a call did not do what was asked. Each variant says what the caller should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// Our own side is not set up: no client credentials, no TLS provider, a redirect address that is no address, a
    /// verifier outside RFC 7636, section 4.1. Nothing was sent. Tell the operator; retrying does not help.
    #[error("our own settings do not allow this call")]
    Misconfigured,
    /// No connection came about, so nothing was sent. Retry later.
    #[error("the provider cannot be reached")]
    Unreachable,
    /// No complete answer in time. The provider may have acted. Retry only what may happen twice.
    #[error("the provider did not answer in time")]
    Timeout,
    /// The connection ended before the answer did. The provider may have acted. Retry only what may happen twice.
    #[error("the connection was lost before the answer was complete")]
    ConnectionLost,
    /// Too fast: 429, or a 403 whose reason says so. Wait; spend no attempt.
    #[error("the provider asks us to slow down")]
    RateLimited {
        /// How long the provider wants us to wait, if it said so; at most [`crate::RETRY_AFTER_LIMIT`].
        retry_after: Option<Duration>,
    },
    /// A 5xx, a 408, or OAuth's `temporarily_unavailable`. The provider may have acted. Retry later.
    #[error("the provider is unavailable ({status})")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// How long the provider wants us to wait, if it said so; at most [`crate::RETRY_AFTER_LIMIT`].
        retry_after: Option<Duration>,
    },
    /// An API call answered 401: the access token is no longer good. Refresh once, then try again once.
    #[error("the access token was not accepted")]
    Unauthorized,
    /// An API call answered 403. Do not retry; see the reason.
    #[error("the provider forbids this call")]
    Forbidden(Forbidden),
    /// 404: the thing is not there (any more). For a message: it was deleted meanwhile, go on without it.
    #[error("the provider does not know what was asked for")]
    NotFound,
    /// 410: the thing was there and is gone for good. Go on without it.
    #[error("the provider says this is gone")]
    Gone,
    /// The cursor is older than the provider remembers. Start again with a full listing and work out deletions.
    #[error("the cursor is too old")]
    CursorTooOld,
    /// The code or refresh token is not (or no longer) valid. Re-read: somebody may have refreshed meanwhile. Otherwise the
    /// person has to reconnect.
    #[error("the grant is no longer valid")]
    InvalidGrant,
    /// The provider does not accept our client id or secret. Our fault: tell the operator, keep the person's grant.
    #[error("the provider does not accept our client credentials")]
    InvalidClient,
    /// The token endpoint refused for another reason of RFC 6749. Our fault or the provider's: tell the operator, keep the
    /// person's grant, do not retry.
    #[error("the provider refused the request: {0}")]
    Refused(OAuthErrorCode),
    /// A 4xx that says nothing we understand. Do not retry.
    #[error("the provider rejected the request ({status})")]
    Rejected {
        /// The HTTP status.
        status: u16,
    },
    /// The answer was a redirect, which is never followed: it would carry tokens elsewhere. Check the address in use.
    #[error("the provider tried to redirect the request ({status})")]
    Redirected {
        /// The HTTP status.
        status: u16,
    },
    /// The token endpoint said yes but sent no access token. The code is used up: offer a fresh link.
    #[error("the answer carries no access token")]
    MissingAccessToken,
    /// The answer said yes but is not what the documents promise. The provider acted. Retry reads later, writes not.
    #[error("the answer cannot be understood")]
    Malformed,
    /// The answer is larger than we read. The provider acted. Retrying does not help.
    #[error("the answer is too large")]
    TooLarge,
    /// Who the provider says this is cannot be trusted. Drop the whole answer; offer a fresh link.
    #[error("the identity does not hold: {0}")]
    InvalidIdentity(IdentityCheck),
}

/// Why an API call was forbidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// The token lacks a scope: the integration is degraded; offer the missing scope.
    InsufficientScope,
    /// An administrator of the person's organisation forbids the application: tell the person whom to ask.
    DomainPolicy,
    /// The API is switched off in our own project: tell the operator.
    ApiNotEnabled,
    /// No reason we know: tell the operator.
    Other,
}

/// Which check of OIDC Core 1.0, section 3.1.3.7 an identity failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityCheck {
    /// It is no ID token, or a claim that must be there is missing or of the wrong kind.
    Form,
    /// `iss` is not the provider.
    Issuer,
    /// `aud` does not name us.
    Audience,
    /// `azp` names somebody else, or is missing although there are several audiences.
    AuthorizedParty,
    /// `exp` has passed.
    Expiry,
    /// `iat` lies in the future.
    IssuedAt,
    /// `nonce` is not the one we sent.
    Nonce,
    /// `sub` is empty or longer than 255 ASCII characters.
    Subject,
}

impl IdentityCheck {
    /// The check as one word for logs and events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Form => "identity_form",
            Self::Issuer => "identity_issuer",
            Self::Audience => "identity_audience",
            Self::AuthorizedParty => "identity_authorized_party",
            Self::Expiry => "identity_expiry",
            Self::IssuedAt => "identity_issued_at",
            Self::Nonce => "identity_nonce",
            Self::Subject => "identity_subject",
        }
    }
}

impl std::fmt::Display for IdentityCheck {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl ProviderError {
    /// How long the provider wants us to wait, if it said so; at most [`crate::RETRY_AFTER_LIMIT`].
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the provider may have acted although we have no usable answer: a code may be used up, a refresh token
    /// may have been replaced.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Timeout
            | Self::ConnectionLost
            | Self::Unavailable { .. }
            | Self::MissingAccessToken
            | Self::Malformed
            | Self::TooLarge => true,
            Self::Misconfigured
            | Self::Unreachable
            | Self::RateLimited { .. }
            | Self::Unauthorized
            | Self::Forbidden(_)
            | Self::NotFound
            | Self::Gone
            | Self::CursorTooOld
            | Self::InvalidGrant
            | Self::InvalidClient
            | Self::Refused(_)
            | Self::Rejected { .. }
            | Self::Redirected { .. }
            | Self::InvalidIdentity(_) => false,
        }
    }

    /// Whether the same request may succeed later without anybody changing anything. Says nothing about whether sending
    /// it twice is harmless: that is [`Self::is_outcome_unknown`].
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable
            | Self::Timeout
            | Self::ConnectionLost
            | Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Malformed => true,
            Self::Misconfigured
            | Self::Unauthorized
            | Self::Forbidden(_)
            | Self::NotFound
            | Self::Gone
            | Self::CursorTooOld
            | Self::InvalidGrant
            | Self::InvalidClient
            | Self::Refused(_)
            | Self::Rejected { .. }
            | Self::Redirected { .. }
            | Self::MissingAccessToken
            | Self::TooLarge
            | Self::InvalidIdentity(_) => false,
        }
    }

    /// The failure as one word for events, metrics and logs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Misconfigured => "misconfigured",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::ConnectionLost => "connection_lost",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden(Forbidden::InsufficientScope) => "insufficient_scope",
            Self::Forbidden(Forbidden::DomainPolicy) => "domain_policy",
            Self::Forbidden(Forbidden::ApiNotEnabled) => "api_not_enabled",
            Self::Forbidden(Forbidden::Other) => "forbidden",
            Self::NotFound => "not_found",
            Self::Gone => "gone",
            Self::CursorTooOld => "cursor_too_old",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidClient => "invalid_client",
            Self::Refused(code) => code.as_str(),
            Self::Rejected { .. } => "rejected",
            Self::Redirected { .. } => "redirected",
            Self::MissingAccessToken => "missing_access_token",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::InvalidIdentity(check) => check.as_str(),
        }
    }
}
