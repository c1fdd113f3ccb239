//! A provider's failure as the log may know it: one of a bounded set, and none of the provider's own words.

use bellhop_domain::JobFailure;
use bellhop_providers::{Forbidden, ProviderError};

/// The bounded reason for a provider's failure.
#[must_use]
pub fn failure_of(error: &ProviderError) -> JobFailure {
    match error {
        ProviderError::Misconfigured | ProviderError::Forbidden(Forbidden::ApiNotEnabled) => JobFailure::NotConfigured,
        ProviderError::Unreachable | ProviderError::ConnectionLost => JobFailure::ProviderUnreachable,
        ProviderError::Timeout => JobFailure::ProviderTimeout,
        ProviderError::RateLimited { .. } | ProviderError::Unavailable { .. } => JobFailure::ProviderUnavailable,
        ProviderError::Unauthorized | ProviderError::InvalidGrant => JobFailure::AccessRefused,
        ProviderError::Forbidden(_) => JobFailure::Forbidden,
        ProviderError::InvalidClient => JobFailure::InvalidClient,
        ProviderError::NotFound
        | ProviderError::Gone
        | ProviderError::CursorTooOld
        | ProviderError::Refused(_)
        | ProviderError::Rejected { .. } => JobFailure::RequestRefused,
        ProviderError::Redirected { .. }
        | ProviderError::MissingAccessToken
        | ProviderError::Malformed
        | ProviderError::TooLarge
        | ProviderError::InvalidIdentity(_) => JobFailure::MalformedAnswer,
    }
}
