//! What every request passes and every answer gets: a bounded body, no panic that escapes, errors as pages or problem
//! documents, and the headers that keep pages to themselves.

use std::time::Duration;

use poem::error::{MethodNotAllowedError, NotFoundError, ReadBodyError};
use poem::http::header::{ACCEPT, CONTENT_LENGTH};
use poem::http::{HeaderName, HeaderValue, Method};
use poem::middleware::CatchPanic;
use poem::{Body, Endpoint, EndpointExt, Error, IntoResponse, Request, Response};
use poem_openapi::error::{
    AuthorizationError, ContentTypeError, ParseMultipartError, ParseParamError, ParsePathError,
    ParseRequestPayloadError,
};

use super::page;
use super::problem::{Problem, ProblemCode};

/// The largest body read by any route, in bytes.
const LARGEST_BODY: usize = 64 * 1024;

/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// On every answer. Pages add a policy of their own for what they may load.
const HEADERS: [(&str, &str); 5] = [
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
];

/// Puts the guard around all routes.
pub fn guard(routes: impl Endpoint<Output = Response> + 'static) -> impl Endpoint<Output = Response> {
    Guard(routes.with(CatchPanic::new().with_handler(|_| {
        tracing::error!("a handler panicked");
        Problem::from(ProblemCode::Internal).into_response()
    })))
}

struct Guard<E>(E);

impl<E: Endpoint> Endpoint for Guard<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let for_people = wants_page(&request);
        let fit = if is_mere_look(&request) {
            Err(ProblemCode::MethodNotAllowed.into())
        } else {
            bound_body(&mut request, LARGEST_BODY).await
        };
        let response = match fit {
            Ok(()) => {
                let answer = self.0.call(request).await.map(IntoResponse::into_response);
                answer.unwrap_or_else(|error| translate(error, for_people))
            }
            Err(problem) => told(problem, for_people),
        };
        Ok(keep_to_itself(response))
    }
}

/// Puts the headers on an answer, unless it has its own.
pub fn keep_to_itself(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        let headers = response.headers_mut();
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Whether this is a `HEAD` on the walk.
fn is_mere_look(request: &Request) -> bool {
    request.method() == Method::HEAD && takes_no_head(request.uri().path())
}

/// Whether this is an address of the walk. poem answers `HEAD` by running what answers `GET`, and there that makes a link or
/// takes a state, with nobody to read the answer.
pub fn takes_no_head(path: &str) -> bool {
    ["/oauth/", "/connect/"].iter().any(|part| path.starts_with(part))
}

fn wants_page(request: &Request) -> bool {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// Reads the body as far as it may go, in bytes. Slow or endless ones end here.
pub async fn bound_body(request: &mut Request, largest: usize) -> Result<(), Problem> {
    let announced =
        request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > largest) {
        return Err(ProblemCode::BodyTooLarge.into());
    }
    let reading = request.take_body().into_bytes_limit(largest);
    let body = match tokio::time::timeout(BODY_PATIENCE, reading).await {
        Ok(Ok(body)) => body,
        Ok(Err(ReadBodyError::PayloadTooLarge)) => return Err(ProblemCode::BodyTooLarge.into()),
        Ok(Err(_)) => return Err(ProblemCode::InvalidBody.into()),
        Err(_) => return Err(ProblemCode::RequestTimeout.into()),
    };
    request.set_body(Body::from_bytes(body));
    Ok(())
}

/// An error that no handler of ours made: the routes' and the extractors'.
fn translate(error: Error, for_people: bool) -> Response {
    if error.is_from_response() {
        return error.into_response();
    }
    let code = if error.is::<NotFoundError>() {
        ProblemCode::NotFound
    } else if error.is::<MethodNotAllowedError>() {
        ProblemCode::MethodNotAllowed
    } else if error.is::<AuthorizationError>() {
        ProblemCode::Unauthorized
    } else if error.is::<ParsePathError>() || error.is::<ParseParamError>() {
        ProblemCode::InvalidParameter
    } else if error.is::<ContentTypeError>() {
        ProblemCode::UnsupportedMediaType
    } else if error.is::<ParseRequestPayloadError>() || error.is::<ParseMultipartError>() {
        ProblemCode::InvalidBody
    } else if error.status().is_client_error() {
        ProblemCode::InvalidParameter
    } else {
        tracing::warn!(status = error.status().as_u16(), "a request failed");
        ProblemCode::Internal
    };
    // Who needs a key is a program, whatever it accepts.
    told(code.into(), for_people && code != ProblemCode::Unauthorized)
}

fn told(problem: Problem, for_people: bool) -> Response {
    if for_people { page::of_problem(&problem) } else { problem.into_response() }
}
