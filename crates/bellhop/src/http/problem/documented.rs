//! Which problems each operation can answer, for the `OpenAPI` document, and the table of all codes.
//!
//! Documentation only: what is answered is decided in `problem.rs`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::marker::PhantomData;

use poem::http::StatusCode;
use poem_openapi::ApiResponse;
use poem_openapi::registry::{MetaHeader, MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;

use super::{CONTENT_TYPE, Problem, ProblemCode, ProblemDocument};

/// An operation of the API, and what it can answer beside that for which it exists.
pub trait Operation: Send + Sync + 'static {
    /// The codes of its own; every one that needs a key has those of [`WITH_A_KEY`] too.
    const CODES: &'static [ProblemCode];
}

const WITH_A_KEY: [ProblemCode; 3] =
    [ProblemCode::Unauthorized, ProblemCode::DatabaseUnavailable, ProblemCode::Internal];

/// A problem of one operation.
#[derive(Debug)]
pub struct ProblemOf<O>(Problem, PhantomData<O>);

impl<O, E: Into<Problem>> From<E> for ProblemOf<O> {
    fn from(error: E) -> Self {
        Self(error.into(), PhantomData)
    }
}

impl<O> From<ProblemOf<O>> for poem::Error {
    fn from(problem: ProblemOf<O>) -> Self {
        problem.0.into()
    }
}

impl<O: Operation> ApiResponse for ProblemOf<O> {
    fn meta() -> MetaResponses {
        documented(WITH_A_KEY.iter().chain(O::CODES).copied())
    }

    fn register(registry: &mut Registry) {
        <ProblemDocument as Type>::register(registry);
    }
}

/// Health and metrics need no key.
impl ApiResponse for Problem {
    fn meta() -> MetaResponses {
        documented([ProblemCode::DatabaseUnavailable, ProblemCode::Internal])
    }

    fn register(registry: &mut Registry) {
        <ProblemDocument as Type>::register(registry);
    }
}

/// One response a status: the code says which problem it is.
fn documented(codes: impl IntoIterator<Item = ProblemCode>) -> MetaResponses {
    // By status, with whether one of its codes says when to come again.
    let mut statuses = BTreeMap::new();
    for code in codes {
        for status in code.statuses() {
            *statuses.entry(status).or_insert(false) |= code.may_say_when();
        }
    }
    let responses = statuses.into_iter().map(|(status, says_when)| MetaResponse {
        description: description_of(status),
        status: Some(status.as_u16()),
        status_range: None,
        content: vec![MetaMediaType { content_type: CONTENT_TYPE, schema: <ProblemDocument as Type>::schema_ref() }],
        headers: if says_when { vec![retry_after()] } else { vec![] },
    });
    MetaResponses { responses: responses.collect() }
}

/// The header that says when to come again.
pub fn retry_after() -> MetaHeader {
    MetaHeader {
        name: "Retry-After".to_owned(),
        description: Some("How many seconds to wait, where that is known.".to_owned()),
        required: false,
        deprecated: false,
        schema: u64::schema_ref(),
    }
}

fn description_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "A parameter, a header or the body cannot be read.",
        StatusCode::UNAUTHORIZED => "No valid API key.",
        StatusCode::FORBIDDEN => "It belongs to somebody else.",
        StatusCode::NOT_FOUND => "There is no such thing, or none of this key's.",
        StatusCode::REQUEST_TIMEOUT => "The body did not arrive in time.",
        StatusCode::CONFLICT => "It does not fit the state of things: `code` and `reason` say why.",
        StatusCode::PAYLOAD_TOO_LARGE => "The body is too large.",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "The body is not JSON.",
        StatusCode::UNPROCESSABLE_ENTITY => "This `Idempotency-Key` was used for a different request.",
        StatusCode::TOO_MANY_REQUESTS => "The provider asks to slow down.",
        StatusCode::NOT_IMPLEMENTED => "The provider is switched off here.",
        StatusCode::BAD_GATEWAY => "The provider failed.",
        StatusCode::SERVICE_UNAVAILABLE => "Not just now: `code` says what is away or not set up.",
        StatusCode::GATEWAY_TIMEOUT => "The provider did not answer in time.",
        _ => "A fault of ours.",
    }
}

/// All codes with their statuses, as a table for the introduction.
pub fn table() -> String {
    let mut table = "| code | status | what it means |\n|---|---|---|".to_owned();
    for code in ProblemCode::ALL {
        let statuses: Vec<String> = code.statuses().iter().map(|status| status.as_u16().to_string()).collect();
        let (title, advice) = code.words();
        // A string takes whatever is written into it.
        let _ = write!(table, "\n| `{}` | {} | {title}. {advice} |", code.name(), statuses.join(", "));
    }
    table
}

/// `GET /oauth/google/authorize`.
#[derive(Debug)]
pub struct Authorize;

impl Operation for Authorize {
    const CODES: &'static [ProblemCode] = &[
        ProblemCode::InvalidParameter,
        ProblemCode::IntegrationNotFound,
        ProblemCode::IntegrationNotConnected,
        ProblemCode::IntegrationDisconnected,
        ProblemCode::IntegrationErased,
        ProblemCode::ProviderDisabled,
        ProblemCode::ProviderNotConfigured,
    ];
}

/// `POST /oauth/google/finish`.
#[derive(Debug)]
pub struct Finish;

impl Operation for Finish {
    const CODES: &'static [ProblemCode] = &[
        ProblemCode::InvalidBody,
        ProblemCode::RequestTimeout,
        ProblemCode::BodyTooLarge,
        ProblemCode::UnsupportedMediaType,
        ProblemCode::UnknownFinishCode,
        ProblemCode::NotYourFinishCode,
        ProblemCode::ConnectFailed,
        ProblemCode::ProviderDisabled,
    ];
}

/// `GET /v1/integrations`.
#[derive(Debug)]
pub struct List;

impl Operation for List {
    const CODES: &'static [ProblemCode] = &[];
}

/// `GET /oauth/google/status` and `GET /v1/integrations/{id}`.
#[derive(Debug)]
pub struct Look;

impl Operation for Look {
    const CODES: &'static [ProblemCode] = &[ProblemCode::InvalidParameter, ProblemCode::IntegrationNotFound];
}

/// `DELETE /v1/integrations/{id}`.
#[derive(Debug)]
pub struct Disconnect;

impl Operation for Disconnect {
    const CODES: &'static [ProblemCode] = &[
        ProblemCode::InvalidParameter,
        ProblemCode::IntegrationNotFound,
        ProblemCode::IntegrationNotConnected,
        ProblemCode::IntegrationErased,
        ProblemCode::IdempotencyKeyReused,
    ];
}

/// `POST /v1/integrations/{id}/refresh`.
#[derive(Debug)]
pub struct Refresh;

impl Operation for Refresh {
    const CODES: &'static [ProblemCode] = &[
        ProblemCode::InvalidParameter,
        ProblemCode::IntegrationNotFound,
        ProblemCode::IntegrationNotConnected,
        ProblemCode::IntegrationDisconnected,
        ProblemCode::IntegrationErased,
        ProblemCode::AccessExpired,
        ProblemCode::RefreshLocked,
        ProblemCode::IdempotencyKeyReused,
        ProblemCode::ProviderNotConfigured,
        ProblemCode::ProviderRateLimited,
        ProblemCode::ProviderFailed,
        ProblemCode::ProviderTimeout,
    ];
}
