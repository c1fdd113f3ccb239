//! Errors for programs: problem documents (RFC 9457) with a `code` from one bounded, documented list.
//!
//! Here is what becomes which code; the list is in `code.rs`. Words are ours, never a library's or a provider's: those may repeat what was sent.

mod code;
pub mod documented;

use bellhop_domain::{AuthorizationFailure, Refusal};
use bellhop_providers::ProviderError;
use bellhop_store::{ExecuteError, StoreError};
use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::Object;
use poem_openapi::types::ToJSON;

use crate::access::AccessError;
use crate::connect::name_of;
use crate::held::HeldBy;

pub use code::ProblemCode;
pub use documented::ProblemOf;

const CONTENT_TYPE: &str = "application/problem+json";

/// A problem document (RFC 9457).
#[derive(Debug, Clone, Object)]
#[oai(rename = "Problem")]
struct ProblemDocument {
    /// Names the kind of problem; says no more than `code`.
    #[oai(rename = "type")]
    kind: String,
    /// The problem in a few words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What to do about it.
    detail: String,
    /// What to branch on.
    code: ProblemCode,
    /// Why a connection failed: one of the reasons in the log.
    #[oai(skip_serializing_if_is_none)]
    reason: Option<String>,
}

/// A problem on its way out.
#[derive(Debug, Clone)]
pub struct Problem {
    code: ProblemCode,
    status: StatusCode,
    detail: Option<String>,
    reason: Option<AuthorizationFailure>,
    retry_after_seconds: Option<u64>,
}

impl From<ProblemCode> for Problem {
    fn from(code: ProblemCode) -> Self {
        let retry_after_seconds = match code {
            ProblemCode::RefreshLocked | ProblemCode::DatabaseUnavailable | ProblemCode::TelegramUnavailable => Some(5),
            _ => None,
        };
        Self { code, status: code.status(), detail: None, reason: None, retry_after_seconds }
    }
}

impl Problem {
    /// The status it will have.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The problem in a few words, and what to do about it, for a page.
    pub fn words(&self) -> (&'static str, &'static str) {
        self.code.words()
    }

    /// A connection that failed, with its reason and, for a wrong account, both masked.
    pub fn connect_failed(reason: AuthorizationFailure, accounts: Option<&(String, String)>) -> Self {
        use AuthorizationFailure as Failure;
        let status = match reason {
            Failure::ProviderDisabled => return ProblemCode::ProviderDisabled.into(),
            Failure::ProviderUnavailable
            | Failure::MissingAccessToken
            | Failure::MalformedAnswer
            | Failure::ProviderError
            | Failure::InvalidIdentity => StatusCode::BAD_GATEWAY,
            Failure::ExchangeTimedOut => StatusCode::GATEWAY_TIMEOUT,
            Failure::InvalidClient | Failure::NotConfigured => StatusCode::SERVICE_UNAVAILABLE,
            Failure::Denied
            | Failure::Abandoned
            | Failure::WrongIssuer
            | Failure::InvalidCode
            | Failure::AlreadyConnected
            | Failure::WrongAccount
            | Failure::Disconnected => StatusCode::CONFLICT,
        };
        let detail = accounts.map(|(expected, came)| {
            format!("The integration is for {expected}, and {came} was connected. Connect the same account again.")
        });
        Self { status, detail, reason: Some(reason), ..ProblemCode::ConnectFailed.into() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (title, advice) = self.code.words();
        let document = ProblemDocument {
            kind: format!("urn:bellhop:problem:{}", self.code.name()),
            title: title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.unwrap_or_else(|| advice.to_owned()),
            code: self.code,
            reason: self.reason.map(name_of),
        };
        let mut response = Response::builder().status(self.status).content_type(CONTENT_TYPE);
        if self.code == ProblemCode::Unauthorized {
            response = response.header("www-authenticate", "Bearer realm=\"bellhop\"");
        }
        if let Some(seconds) = self.retry_after_seconds {
            response = response.header("retry-after", seconds);
        }
        response.body(document.to_json_string())
    }
}

impl From<Problem> for poem::Error {
    fn from(problem: Problem) -> Self {
        Self::from_response(problem.into_response())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::CommandReused => ProblemCode::IdempotencyKeyReused,
            StoreError::Contended => ProblemCode::DatabaseUnavailable,
            error if error.is_outage() => ProblemCode::DatabaseUnavailable,
            _ => ProblemCode::Internal,
        };
        if code != ProblemCode::IdempotencyKeyReused {
            tracing::warn!(%error, "a request failed");
        }
        code.into()
    }
}

impl From<ExecuteError> for Problem {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Store(error) => error.into(),
            ExecuteError::Refused(refusal) => {
                let code = match refusal {
                    Refusal::NotFound => ProblemCode::IntegrationNotFound,
                    Refusal::NotConnected => ProblemCode::IntegrationNotConnected,
                    Refusal::Disconnected => ProblemCode::IntegrationDisconnected,
                    Refusal::Erased => ProblemCode::IntegrationErased,
                    Refusal::UnknownAttempt
                    | Refusal::NoSuchDeadLetter
                    | Refusal::StillConnected
                    | Refusal::RevocationOpen => ProblemCode::Refused,
                };
                Self { detail: Some(refusal.to_string()), ..code.into() }
            }
        }
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::NotConnected => ProblemCode::IntegrationNotConnected.into(),
            AccessError::Expired => ProblemCode::AccessExpired.into(),
            AccessError::RefreshLocked => ProblemCode::RefreshLocked.into(),
            AccessError::Store(error) => error.into(),
            AccessError::Held(held) => {
                let code = match held.by {
                    HeldBy::Breaker { .. } => ProblemCode::ProviderFailed,
                    HeldBy::Quota => ProblemCode::ProviderRateLimited,
                };
                Self { retry_after_seconds: Some(held.after.as_secs().max(1)), ..code.into() }
            }
            AccessError::Provider(error) => {
                let code = match error {
                    ProviderError::Misconfigured | ProviderError::InvalidClient => ProblemCode::ProviderNotConfigured,
                    ProviderError::Timeout => ProblemCode::ProviderTimeout,
                    ProviderError::RateLimited { .. } => ProblemCode::ProviderRateLimited,
                    _ => ProblemCode::ProviderFailed,
                };
                let retry_after_seconds = error.retry_after().map(|wait| wait.as_secs().max(1));
                Self { retry_after_seconds, ..code.into() }
            }
        }
    }
}
