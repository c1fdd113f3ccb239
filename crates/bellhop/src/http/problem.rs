//! Errors for programs: problem documents (RFC 9457) with a `code` from one bounded, documented list.
//!
//! Words are ours, never a library's or a provider's: those may repeat what was sent.

use bellhop_domain::{AuthorizationFailure, Refusal};
use bellhop_providers::ProviderError;
use bellhop_store::{ExecuteError, StoreError};
use poem::http::StatusCode;
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Enum, Object};

use crate::access::AccessError;
use crate::connect::name_of;

const CONTENT_TYPE: &str = "application/problem+json";

/// What went wrong, for programs to branch on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum ProblemCode {
    /// 401. No valid API key came with the request.
    Unauthorized,
    /// 404. There is no such address.
    NotFound,
    /// 405. The address is right, the method is not.
    MethodNotAllowed,
    /// 400. A parameter or header is missing or cannot be read.
    InvalidParameter,
    /// 400. The body is not what the documentation describes.
    InvalidBody,
    /// 408. The body did not arrive in time.
    RequestTimeout,
    /// 413. The body is larger than 64 KiB.
    BodyTooLarge,
    /// 415. The body is not JSON.
    UnsupportedMediaType,
    /// 404. This key's owner has no such integration.
    IntegrationNotFound,
    /// 409. The integration never got as far as being connected.
    IntegrationNotConnected,
    /// 409. The integration was disconnected.
    IntegrationDisconnected,
    /// 409. The integration was erased.
    IntegrationErased,
    /// 409. Access has ended: the account must be connected again.
    AccessExpired,
    /// 503. Somebody else is refreshing this access. Try again shortly.
    RefreshLocked,
    /// 404. The finish code is unknown, used or older than five minutes.
    UnknownFinishCode,
    /// 403. Somebody else began this connection. It is over; nothing was exchanged.
    NotYourFinishCode,
    /// 409, 502, 503 or 504. The connection ended without access. `reason` says why; ask for a fresh `connect_url`.
    ConnectFailed,
    /// 501. The provider is switched off here. Disconnecting still works.
    ProviderDisabled,
    /// 503. The provider's client is not configured here, or the provider does not accept it.
    ProviderNotConfigured,
    /// 502. The provider failed or could not be reached. Try again later.
    ProviderFailed,
    /// 504. The provider did not answer in time. Try again later.
    ProviderTimeout,
    /// 429. The provider asks to slow down. Wait as `Retry-After` says.
    ProviderRateLimited,
    /// 422. This `Idempotency-Key` was used for a different request.
    IdempotencyKeyReused,
    /// 503. The database cannot be reached. Try again later.
    DatabaseUnavailable,
    /// 409. The request makes no sense for the state things are in; `detail` says why.
    Refused,
    /// 500. A fault of ours; the log says more.
    Internal,
}

impl ProblemCode {
    const fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::NotFound | Self::IntegrationNotFound | Self::UnknownFinishCode => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::InvalidParameter | Self::InvalidBody => StatusCode::BAD_REQUEST,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::IntegrationNotConnected
            | Self::IntegrationDisconnected
            | Self::IntegrationErased
            | Self::AccessExpired
            | Self::ConnectFailed
            | Self::Refused => StatusCode::CONFLICT,
            Self::NotYourFinishCode => StatusCode::FORBIDDEN,
            Self::ProviderDisabled => StatusCode::NOT_IMPLEMENTED,
            Self::RefreshLocked | Self::ProviderNotConfigured | Self::DatabaseUnavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::ProviderFailed => StatusCode::BAD_GATEWAY,
            Self::ProviderTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::ProviderRateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Title, and what to do.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Unauthorized => (
                "A valid API key is needed",
                "Send `Authorization: Bearer bellhop_…`. An operator makes keys with `bellhop api-key add`.",
            ),
            Self::NotFound => ("There is nothing at this address", "See /docs for the addresses there are."),
            Self::MethodNotAllowed => ("This method is not for this address", "See /docs for the methods there are."),
            Self::InvalidParameter => {
                ("A parameter cannot be read", "A parameter or header is missing or malformed; see /docs.")
            }
            Self::InvalidBody => ("The body cannot be read", "Send the JSON that /docs describes."),
            Self::RequestTimeout => ("The body did not arrive in time", "Send it at once, within ten seconds."),
            Self::BodyTooLarge => ("The body is too large", "No request needs more than 64 KiB."),
            Self::UnsupportedMediaType => ("The body is not JSON", "Send `Content-Type: application/json`."),
            Self::IntegrationNotFound => {
                ("There is no such integration", "Check the id: a key sees the integrations it connected itself.")
            }
            Self::IntegrationNotConnected => ("Nothing is connected", "Connect the account first."),
            Self::IntegrationDisconnected => ("The connection was ended", "Connect the account again to go on."),
            Self::IntegrationErased => ("The integration was erased", "Connect the account again to go on."),
            Self::AccessExpired => {
                ("Access has ended", "Ask for a connect_url with this integration and have the person connect again.")
            }
            Self::RefreshLocked => ("Access is being refreshed", "Try again in a few seconds."),
            Self::UnknownFinishCode => (
                "The finish code is not good",
                "It is unknown, was used, or is older than five minutes. Ask for a fresh connect_url.",
            ),
            Self::NotYourFinishCode => (
                "Somebody else began this connection",
                "It has been stopped and nothing was exchanged. Ask for a connect_url of your own.",
            ),
            Self::ConnectFailed => {
                ("The account was not connected", "The reason is named; ask for a fresh connect_url.")
            }
            Self::ProviderDisabled => {
                ("This provider is switched off here", "An operator can switch it on; disconnecting still works.")
            }
            Self::ProviderNotConfigured => {
                ("This provider is not set up here", "An operator must mend its client id and secret.")
            }
            Self::ProviderFailed => ("The provider failed", "Try again later."),
            Self::ProviderTimeout => ("The provider did not answer in time", "Try again later."),
            Self::ProviderRateLimited => ("The provider asks to slow down", "Wait as Retry-After says."),
            Self::IdempotencyKeyReused => {
                ("This Idempotency-Key was used for another request", "Use a new key for each request.")
            }
            Self::DatabaseUnavailable => ("The database cannot be reached", "Try again in a few seconds."),
            Self::Refused => ("This cannot be done now", "The state of the integration does not allow it."),
            Self::Internal => ("Something went wrong on our side", "Try again later; the operator's log says more."),
        }
    }
}

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
            ProblemCode::RefreshLocked | ProblemCode::DatabaseUnavailable => Some(5),
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
        let name = self.code.to_json().and_then(|json| json.as_str().map(str::to_owned)).unwrap_or_default();
        let document = ProblemDocument {
            kind: format!("urn:bellhop:problem:{name}"),
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

/// One response for all of them in the documentation: the code says which.
impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        let documented = |status: Option<u16>, range: Option<&str>, description: &'static str| MetaResponse {
            description,
            status,
            status_range: range.map(str::to_owned),
            content: vec![MetaMediaType {
                content_type: CONTENT_TYPE,
                schema: <ProblemDocument as Type>::schema_ref(),
            }],
            headers: vec![],
        };
        MetaResponses {
            responses: vec![
                documented(Some(401), None, "No valid API key."),
                documented(None, Some("4XX"), "The request is not right or does not fit the state of things."),
                documented(None, Some("5XX"), "It could not be done: our side or the provider's."),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        <ProblemDocument as Type>::register(registry);
    }
}
