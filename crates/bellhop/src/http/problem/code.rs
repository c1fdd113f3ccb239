//! The codes of problems: the one bounded list that programs branch on, each with its status and its words.
//!
//! What becomes which of them is said in `problem.rs`.

use poem::http::StatusCode;
use poem_openapi::Enum;
use poem_openapi::types::ToJSON;

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
    /// 413. The body is larger than 64 KiB, or than 1 MiB where Telegram brings an update.
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
    /// 403. This address takes updates from Telegram, and the secret that proves it is missing or wrong.
    NotTelegram,
    /// 503. Telegram cannot be asked which bot this is. Try again later.
    TelegramUnavailable,
    /// 409. The request makes no sense for the state things are in; `detail` says why.
    Refused,
    /// 500. A fault of ours; the log says more.
    Internal,
}

impl ProblemCode {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::Unauthorized,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::InvalidParameter,
        Self::InvalidBody,
        Self::RequestTimeout,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::IntegrationNotFound,
        Self::IntegrationNotConnected,
        Self::IntegrationDisconnected,
        Self::IntegrationErased,
        Self::AccessExpired,
        Self::RefreshLocked,
        Self::UnknownFinishCode,
        Self::NotYourFinishCode,
        Self::ConnectFailed,
        Self::ProviderDisabled,
        Self::ProviderNotConfigured,
        Self::ProviderFailed,
        Self::ProviderTimeout,
        Self::ProviderRateLimited,
        Self::IdempotencyKeyReused,
        Self::DatabaseUnavailable,
        Self::NotTelegram,
        Self::TelegramUnavailable,
        Self::Refused,
        Self::Internal,
    ];

    /// Its name, as programs see it.
    pub fn name(self) -> String {
        self.to_json().and_then(|json| json.as_str().map(str::to_owned)).unwrap_or_default()
    }

    /// The statuses it can have.
    pub fn statuses(self) -> Vec<StatusCode> {
        match self {
            Self::ConnectFailed => vec![
                StatusCode::CONFLICT,
                StatusCode::BAD_GATEWAY,
                StatusCode::SERVICE_UNAVAILABLE,
                StatusCode::GATEWAY_TIMEOUT,
            ],
            code => vec![code.status()],
        }
    }

    /// Whether a `Retry-After` can come with it.
    pub const fn may_say_when(self) -> bool {
        matches!(
            self,
            Self::RefreshLocked
                | Self::DatabaseUnavailable
                | Self::TelegramUnavailable
                | Self::ProviderRateLimited
                | Self::ProviderFailed
        )
    }

    /// The status it has; a connection that failed may have another by its reason.
    pub const fn status(self) -> StatusCode {
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
            Self::NotYourFinishCode | Self::NotTelegram => StatusCode::FORBIDDEN,
            Self::ProviderDisabled => StatusCode::NOT_IMPLEMENTED,
            Self::RefreshLocked
            | Self::ProviderNotConfigured
            | Self::DatabaseUnavailable
            | Self::TelegramUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::ProviderFailed => StatusCode::BAD_GATEWAY,
            Self::ProviderTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::ProviderRateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Title, and what to do.
    pub const fn words(self) -> (&'static str, &'static str) {
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
            Self::BodyTooLarge => ("The body is too large", "No request to the API needs more than 64 KiB."),
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
            Self::NotTelegram => (
                "Only Telegram brings anything here",
                "The secret token is missing or wrong; is TELEGRAM_WEBHOOK_SECRET the same in every process?",
            ),
            Self::TelegramUnavailable => ("Telegram cannot be reached", "Try again in a few seconds."),
            Self::Refused => ("This cannot be done now", "The state of the integration does not allow it."),
            Self::Internal => ("Something went wrong on our side", "Try again later; the operator's log says more."),
        }
    }
}
