//! The error codes of OAuth, so that none of them travels on as a provider's own text.

/// The error codes of RFC 6749, sections 4.1.2.1 and 5.2, and those Google adds
/// (<https://developers.google.com/identity/protocols/oauth2/web-server#authorization-errors>). Codes with a variant of
/// their own in [`crate::ProviderError`] reach callers there; the callback's `error` parameter is read with
/// [`OAuthErrorCode::read`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the variants are the standard's own words
pub enum OAuthErrorCode {
    AccessDenied,
    AdminPolicyEnforced,
    DeletedClient,
    DisallowedUseragent,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    /// Said by revoke endpoints about a token they do not know.
    InvalidToken,
    OrgInternal,
    RateLimitExceeded,
    RedirectUriMismatch,
    ServerError,
    SlowDown,
    TemporarilyUnavailable,
    UnauthorizedClient,
    UnsupportedGrantType,
    UnsupportedResponseType,
    /// A code that is on no list of ours.
    Other,
}

impl OAuthErrorCode {
    /// Reads a code as it stands in a callback or an answer; what is not on the list becomes [`Self::Other`].
    #[must_use]
    pub fn read(code: &str) -> Self {
        match code {
            "access_denied" => Self::AccessDenied,
            "admin_policy_enforced" => Self::AdminPolicyEnforced,
            "deleted_client" => Self::DeletedClient,
            "disallowed_useragent" => Self::DisallowedUseragent,
            "invalid_client" => Self::InvalidClient,
            "invalid_grant" => Self::InvalidGrant,
            "invalid_request" => Self::InvalidRequest,
            "invalid_scope" => Self::InvalidScope,
            "invalid_token" => Self::InvalidToken,
            "org_internal" => Self::OrgInternal,
            "rate_limit_exceeded" => Self::RateLimitExceeded,
            "redirect_uri_mismatch" => Self::RedirectUriMismatch,
            "server_error" => Self::ServerError,
            "slow_down" => Self::SlowDown,
            "temporarily_unavailable" => Self::TemporarilyUnavailable,
            "unauthorized_client" => Self::UnauthorizedClient,
            "unsupported_grant_type" => Self::UnsupportedGrantType,
            "unsupported_response_type" => Self::UnsupportedResponseType,
            _ => Self::Other,
        }
    }

    /// The code as the standard spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::AdminPolicyEnforced => "admin_policy_enforced",
            Self::DeletedClient => "deleted_client",
            Self::DisallowedUseragent => "disallowed_useragent",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidToken => "invalid_token",
            Self::OrgInternal => "org_internal",
            Self::RateLimitExceeded => "rate_limit_exceeded",
            Self::RedirectUriMismatch => "redirect_uri_mismatch",
            Self::ServerError => "server_error",
            Self::SlowDown => "slow_down",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::Other => "oauth_error",
        }
    }
}

impl std::fmt::Display for OAuthErrorCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_code_reads_as_itself_and_any_other_as_one_word() {
        for code in ["access_denied", "invalid_client", "invalid_grant", "invalid_token", "temporarily_unavailable"] {
            assert_eq!(OAuthErrorCode::read(code).as_str(), code);
        }
        for code in ["", "Access_Denied", "<script>", "oauth_error"] {
            assert_eq!(OAuthErrorCode::read(code), OAuthErrorCode::Other);
        }
    }
}
