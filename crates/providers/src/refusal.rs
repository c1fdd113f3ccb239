//! What an answer that is not a yes means. The one place where a status becomes an error.

use reqwest::{StatusCode, header::WWW_AUTHENTICATE};
use serde_json::Value;

use crate::{
    description::RefusalReasons,
    error::{Forbidden, ProviderError},
    oauth_error::OAuthErrorCode,
    retry_after::retry_after,
    transport::Answer,
};

/// Takes the body of a yes from a token or revoke endpoint (RFC 6749, section 5.2; RFC 7009, section 2.2.1).
pub(crate) fn accept_oauth(answer: Answer) -> Result<Vec<u8>, ProviderError> {
    if let Some(error) = of_any_endpoint(&answer) {
        return Err(error);
    }
    if answer.status.is_success() {
        return Ok(answer.body);
    }
    let Some(code) = oauth_code(&answer) else {
        return Err(ProviderError::Rejected { status: answer.status.as_u16() });
    };
    Err(match code {
        OAuthErrorCode::InvalidGrant => ProviderError::InvalidGrant,
        OAuthErrorCode::InvalidClient | OAuthErrorCode::DeletedClient => ProviderError::InvalidClient,
        OAuthErrorCode::RateLimitExceeded | OAuthErrorCode::SlowDown => {
            ProviderError::RateLimited { retry_after: retry_after(&answer.headers) }
        }
        OAuthErrorCode::ServerError | OAuthErrorCode::TemporarilyUnavailable => unavailable(&answer),
        OAuthErrorCode::AccessDenied
        | OAuthErrorCode::AdminPolicyEnforced
        | OAuthErrorCode::DisallowedUseragent
        | OAuthErrorCode::InvalidRequest
        | OAuthErrorCode::InvalidScope
        | OAuthErrorCode::InvalidToken
        | OAuthErrorCode::OrgInternal
        | OAuthErrorCode::RedirectUriMismatch
        | OAuthErrorCode::UnauthorizedClient
        | OAuthErrorCode::UnsupportedGrantType
        | OAuthErrorCode::UnsupportedResponseType
        | OAuthErrorCode::Other => ProviderError::Refused(code),
    })
}

/// Takes the body of a yes from an API called with an access token (RFC 6750, section 3.1, and the provider's own reasons).
pub(crate) fn accept_api(answer: Answer, reasons: &RefusalReasons) -> Result<Vec<u8>, ProviderError> {
    if let Some(error) = of_any_endpoint(&answer) {
        return Err(error);
    }
    match answer.status {
        status if status.is_success() => Ok(answer.body),
        StatusCode::UNAUTHORIZED => Err(ProviderError::Unauthorized),
        StatusCode::FORBIDDEN => Err(forbidden(&answer, reasons)),
        StatusCode::NOT_FOUND => Err(ProviderError::NotFound),
        StatusCode::GONE => Err(ProviderError::Gone),
        status => Err(ProviderError::Rejected { status: status.as_u16() }),
    }
}

/// What means the same wherever it is said.
fn of_any_endpoint(answer: &Answer) -> Option<ProviderError> {
    match answer.status {
        StatusCode::TOO_MANY_REQUESTS => Some(ProviderError::RateLimited { retry_after: retry_after(&answer.headers) }),
        StatusCode::REQUEST_TIMEOUT => Some(unavailable(answer)),
        status if status.is_server_error() => Some(unavailable(answer)),
        status if status.is_redirection() => Some(ProviderError::Redirected { status: status.as_u16() }),
        _ => None,
    }
}

fn unavailable(answer: &Answer) -> ProviderError {
    ProviderError::Unavailable { status: answer.status.as_u16(), retry_after: retry_after(&answer.headers) }
}

fn oauth_code(answer: &Answer) -> Option<OAuthErrorCode> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    body.get("error")?.as_str().map(OAuthErrorCode::read)
}

/// Google says why in `error.errors[].reason` and, in newer answers, in `error.details[].reason`
/// (<https://developers.google.com/workspace/gmail/api/guides/handle-errors>); userinfo says it in `WWW-Authenticate`.
fn forbidden(answer: &Answer, reasons: &RefusalReasons) -> ProviderError {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let mut said: Vec<&str> = ["errors", "details"]
        .into_iter()
        .filter_map(|list| body.get("error")?.get(list)?.as_array())
        .flatten()
        .filter_map(|entry| entry.get("reason")?.as_str())
        .collect();
    let challenge = answer.headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if challenge.contains("insufficient_scope") {
        said.push("insufficient_scope");
    }
    let is_one_of = |known: &[&str]| said.iter().any(|reason| known.contains(reason));
    if is_one_of(reasons.rate_limited) {
        ProviderError::RateLimited { retry_after: retry_after(&answer.headers) }
    } else if is_one_of(reasons.insufficient_scope) {
        ProviderError::Forbidden(Forbidden::InsufficientScope)
    } else if is_one_of(reasons.domain_policy) {
        ProviderError::Forbidden(Forbidden::DomainPolicy)
    } else if is_one_of(reasons.api_not_enabled) {
        ProviderError::Forbidden(Forbidden::ApiNotEnabled)
    } else {
        ProviderError::Forbidden(Forbidden::Other)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::{HeaderMap, RETRY_AFTER};

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "7".parse().unwrap());
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.as_bytes().to_vec() }
    }

    fn oauth(status: u16, body: &str) -> ProviderError {
        accept_oauth(answer(status, body)).unwrap_err()
    }

    fn api(status: u16, body: &str) -> ProviderError {
        accept_api(answer(status, body), &crate::google(None).unwrap().refusal_reasons).unwrap_err()
    }

    const SEVEN_SECONDS: Option<Duration> = Some(Duration::from_secs(7));

    #[test]
    fn a_grant_is_dropped_for_invalid_grant_alone() {
        assert_eq!(oauth(400, r#"{"error":"invalid_grant","error_description":"x"}"#), ProviderError::InvalidGrant);
        assert_eq!(oauth(401, r#"{"error":"invalid_client"}"#), ProviderError::InvalidClient);
        assert_eq!(oauth(401, r#"{"error":"deleted_client"}"#), ProviderError::InvalidClient);
        for (body, code) in [
            (r#"{"error":"unauthorized_client"}"#, OAuthErrorCode::UnauthorizedClient),
            (r#"{"error":"redirect_uri_mismatch"}"#, OAuthErrorCode::RedirectUriMismatch),
            (r#"{"error":"brand_new"}"#, OAuthErrorCode::Other),
        ] {
            assert_eq!(oauth(400, body), ProviderError::Refused(code));
        }
        for body in ["", "<html>", r#"{"error":{"code":400}}"#, "[]", r#""invalid_grant""#] {
            assert_eq!(oauth(400, body), ProviderError::Rejected { status: 400 }, "{body}");
        }
    }

    #[test]
    fn a_provider_that_is_down_is_believed_over_its_body() {
        for status in [500, 502, 503, 504, 408] {
            let expected = ProviderError::Unavailable { status, retry_after: SEVEN_SECONDS };
            assert_eq!(oauth(status, r#"{"error":"invalid_grant"}"#), expected);
            assert_eq!(api(status, ""), expected);
        }
        assert!(matches!(oauth(400, r#"{"error":"temporarily_unavailable"}"#), ProviderError::Unavailable { .. }));
    }

    #[test]
    fn slow_down_is_understood_in_both_its_forms() {
        let slow = ProviderError::RateLimited { retry_after: SEVEN_SECONDS };
        assert_eq!(oauth(429, ""), slow);
        assert_eq!(oauth(403, r#"{"error":"rate_limit_exceeded"}"#), slow);
        assert_eq!(api(429, ""), slow);
        for reason in ["rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"] {
            let body = format!(r#"{{"error":{{"code":403,"errors":[{{"reason":"{reason}"}}]}}}}"#);
            assert_eq!(api(403, &body), slow, "{reason}");
        }
        assert_eq!(api(403, r#"{"error":{"details":[{"@type":"x"},{"reason":"RATE_LIMIT_EXCEEDED"}]}}"#), slow);
    }

    #[test]
    fn a_refused_api_call_says_what_to_do() {
        let because = |reason: &str| api(403, &format!(r#"{{"error":{{"errors":[{{"reason":"{reason}"}}]}}}}"#));
        assert_eq!(because("insufficientPermissions"), ProviderError::Forbidden(Forbidden::InsufficientScope));
        assert_eq!(because("domainPolicy"), ProviderError::Forbidden(Forbidden::DomainPolicy));
        assert_eq!(because("accessNotConfigured"), ProviderError::Forbidden(Forbidden::ApiNotEnabled));
        assert_eq!(because("whatever"), ProviderError::Forbidden(Forbidden::Other));
        assert_eq!(api(403, "<html>"), ProviderError::Forbidden(Forbidden::Other));
        assert_eq!(api(401, ""), ProviderError::Unauthorized);
        assert_eq!(api(404, ""), ProviderError::NotFound);
        assert_eq!(api(410, ""), ProviderError::Gone);
        assert_eq!(api(400, ""), ProviderError::Rejected { status: 400 });
        assert_eq!(api(307, ""), ProviderError::Redirected { status: 307 });

        let mut challenged = answer(403, "");
        challenged.headers.insert(WWW_AUTHENTICATE, r#"Bearer error="insufficient_scope""#.parse().unwrap());
        let reasons = crate::google(None).unwrap().refusal_reasons;
        assert_eq!(
            accept_api(challenged, &reasons).unwrap_err(),
            ProviderError::Forbidden(Forbidden::InsufficientScope)
        );
    }
}
