//! The way in: which path goes where, which fault a call meets, and the line it leaves in the ledger.
//!
//! Without this file each endpoint would have to remember faults and counting on its own. What a path means is not decided here.

use std::{sync::Arc, time::Duration};

use poem::{
    Body, Endpoint, EndpointExt, IntoResponse, Request, Response, Result, Route, get,
    http::{HeaderValue, StatusCode, header},
    post,
};

use crate::{
    Sandbox, answer, chat_page, control,
    faults::{Call, Fault},
    google::{authorize, calendar, gmail, history, identity, labels, payload, quota::UnderWay, revoke, send, token},
    telegram,
};

/// A body larger than this is refused rather than looked at.
const BODY_BYTES: usize = 51 * 1024 * 1024;

pub fn routes(sandbox: Arc<Sandbox>) -> impl Endpoint<Output = Response> {
    let routes = Route::new()
        .at("/o/oauth2/v2/auth", get(authorize::show))
        .at("/o/oauth2/v2/auth/decision", post(authorize::decide))
        .at("/token", post(token::endpoint))
        .at("/revoke", post(revoke::endpoint))
        .at("/v1/userinfo", get(identity::userinfo).post(identity::userinfo))
        .at("/gmail/v1/users/:user/profile", get(gmail::profile))
        .at("/gmail/v1/users/:user/messages", get(gmail::list))
        .at("/gmail/v1/users/:user/messages/send", post(send::send))
        .at("/upload/gmail/v1/users/:user/messages/send", post(send::upload))
        .at("/gmail/v1/users/:user/messages/:id", get(gmail::get))
        .at("/gmail/v1/users/:user/messages/:id/attachments/:attachment", get(payload::attachment))
        .at("/gmail/v1/users/:user/labels", get(labels::list))
        .at("/gmail/v1/users/:user/labels/:id", get(labels::get))
        .at("/gmail/v1/users/:user/history", get(history::list))
        .nest("/calendar/v3", calendar::routes())
        .at("/chat", get(chat_page::show))
        .nest("/sandbox", control::routes())
        .at("/*rest", telegram::methods::any);
    let watched = Arc::clone(&sandbox);
    routes.data(sandbox).around(move |endpoint, request| {
        let sandbox = Arc::clone(&watched);
        async move { watch(&sandbox, &*endpoint, request).await }
    })
}

/// Applies the fault the call meets, lets the endpoint work, and writes the ledger.
async fn watch<E: Endpoint>(sandbox: &Arc<Sandbox>, endpoint: &E, request: Request) -> Result<Response> {
    let path = request.uri().path().to_owned();
    if is_ours(&path) {
        return Ok(answered(endpoint.call(request).await));
    }
    let method = request.method().to_string();
    let (request, fault) = meet_fault(sandbox, request).await;
    let (response, cut) = match UnderWay::begin(sandbox, &request) {
        Ok(_under_way) => suffer(fault, endpoint, request).await,
        Err(refused) => ((refused.into_response(), None), None),
    };
    let outcome = match cut {
        Some(cut) => {
            tracing::info!(%method, path = %crate::ledger::template(&path), cut, "connection closed on command");
            cut.to_owned()
        }
        None => response.0.status().as_u16().to_string(),
    };
    if let (Some(_), Some(client)) = (cut, response.1) {
        sandbox.connections.sever(client);
    }
    sandbox.state().ledger.count_call(&method, &path, outcome);
    Ok(response.0)
}

/// The sandbox's own pages are neither faulted nor counted.
fn is_ours(path: &str) -> bool {
    path == "/" || path == "/chat" || path == "/sandbox" || path.starts_with("/sandbox/")
}

async fn meet_fault(sandbox: &Sandbox, mut request: Request) -> (Request, Option<Fault>) {
    let mut call = Call {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        body: String::new(),
    };
    let look_at_bodies = sandbox.state().faults.look_at_bodies();
    if look_at_bodies {
        let bytes = request.take_body().into_bytes_limit(BODY_BYTES).await.unwrap_or_default();
        call.body = String::from_utf8_lossy(&bytes).into_owned();
        request.set_body(Body::from_bytes(bytes));
    }
    let now = sandbox.clock.now();
    let fault = sandbox.state().faults.take(&call, now);
    (request, fault)
}

type Answered = (Response, Option<std::net::SocketAddr>);

/// The answer, and how the connection ends where it is to be cut.
async fn suffer<E: Endpoint>(
    fault: Option<Fault>,
    endpoint: &E,
    mut request: Request,
) -> (Answered, Option<&'static str>) {
    let client = request.remote_addr().as_socket_addr().copied();
    let path = request.uri().path().to_owned();
    let Some(fault) = fault else {
        return ((answered(endpoint.call(request).await), client), None);
    };
    tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    if fault.drop {
        return ((Response::default(), client), Some("dropped"));
    }
    if fault.lose_answer {
        request.extensions_mut().insert(crate::ledger::AnswerLost);
        let response = answered(endpoint.call(request).await);
        return ((response, client), Some("answer lost"));
    }
    match fault.status() {
        Some(status) => ((faulty(&fault, &path, status), client), None),
        None => ((answered(endpoint.call(request).await), client), None),
    }
}

fn faulty(fault: &Fault, path: &str, status: u16) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = match &fault.body {
        Some(body) => {
            let kind =
                if body.trim_start().starts_with(['{', '[']) { "application/json; charset=UTF-8" } else { "text/html" };
            Response::builder().status(code).content_type(kind).body(body.clone())
        }
        None => answer::json(code, &fault.default_body(path, status)),
    };
    if let Some(seconds) = fault.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn answered(result: Result<impl IntoResponse>) -> Response {
    match result {
        Ok(response) => response.into_response(),
        Err(error) => error.into_response(),
    }
}
