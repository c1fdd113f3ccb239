//! Everything that speaks HTTP: the pages of the connect walk, the API with its documentation, Telegram's webhook, health and
//! metrics.
//!
//! Routes parse, act through `connect` and `actions`, and answer; no decision and no SQL may enter here. Nothing that comes
//! in can make a handler panic, and every error leaves as a page for people or a problem document for programs.

mod answers;
mod api;
mod bot_name;
mod browser;
mod connect_pages;
mod guard;
mod health;
mod home;
mod key;
mod methods;
mod page;
mod problem;
mod standing_pages;
mod telegram;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;
use std::time::Duration;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem::listener::TcpListener;
use poem::{EndpointExt, IntoEndpoint, Response, Route, Server, get};
use poem_openapi::OpenApiService;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::http::bot_name::BotName;
use crate::http::health::HealthApi;
use crate::http::methods::{Methods, Named};

pub use crate::http::key::text_of as key_text;

/// How long requests under way may take once the process is to stop.
const GRACE: Duration = Duration::from_secs(15);

/// A connection on which nothing moves for this long is closed.
const IDLE: Duration = Duration::from_secs(75);

/// What every handler is given.
#[derive(Clone)]
pub struct Site {
    app: App,
    bot_name: BotName,
}

/// Serves pages, API, health and metrics until `stop`. Ends early only where the address cannot be listened on.
pub async fn run(app: App, stop: CancellationToken) {
    let address = app.settings.listen;
    if let Err(error) = listen(&app, everything(&app), stop).await {
        tracing::error!(%address, error = %error.kind(), "HTTP cannot be served: is LISTEN_ADDR free and ours?");
    }
}

/// Serves health and metrics alone, for a process without the http role. Where the address is taken, by the process that
/// has that role, it goes without.
pub async fn run_health_only(app: App, stop: CancellationToken) {
    let address = app.settings.listen;
    if let Err(error) = listen(&app, health_only(app.clone()), stop.clone()).await {
        tracing::warn!(%address, error = %error.kind(), "no health and metrics of this process: set another LISTEN_ADDR");
        stop.cancelled().await;
    }
}

async fn listen(app: &App, endpoint: BoxEndpoint<'static>, stop: CancellationToken) -> std::io::Result<()> {
    Server::new(TcpListener::bind(app.settings.listen))
        .idle_timeout(IDLE)
        .run_with_graceful_shutdown(endpoint, stop.cancelled_owned(), Some(GRACE))
        .await
}

fn everything(app: &App) -> BoxEndpoint<'static> {
    let service =
        OpenApiService::new((api::ConnectApi, api::IntegrationsApi, HealthApi), "Bellhop", env!("CARGO_PKG_VERSION"))
            .summary("Connects mail and calendar accounts and keeps their access alive.")
            .description(api::description())
            .server(app.settings.public_base_url.as_str().trim_end_matches('/'));
    let routes = Route::new()
        .at("/", get(home::home))
        .at("/connect/finish", get(standing_pages::finish_page))
        .at("/connect/:token", get(connect_pages::link_page).post(connect_pages::begin))
        .at("/docs", get(documentation(service.swagger_ui_html())))
        .at("/openapi.json", get(service.spec_endpoint()));
    let methods = Methods::documented(&service.spec())
        .and("/", &[Method::GET])
        .and("/connect/finish", &[Method::GET])
        .and("/connect/:token", &[Method::GET, Method::POST])
        .and("/docs", &[Method::GET])
        .and("/openapi.json", &[Method::GET]);
    // Not at `/`, which is a page.
    let api = Arc::new(service.into_endpoint());
    let routes = ["/oauth", "/v1", "/health", "/metrics"]
        .into_iter()
        .fold(routes, |routes, part| routes.nest_no_strip(part, Arc::clone(&api)));
    let routes = Named { routes: dressed(app.clone(), routes), methods };
    telegram::Door::before(routes, app).boxed()
}

fn health_only(app: App) -> BoxEndpoint<'static> {
    let service = OpenApiService::new(HealthApi, "Bellhop", env!("CARGO_PKG_VERSION"));
    let methods = Methods::documented(&service.spec());
    Named { routes: dressed(app, Route::new().nest("/", service)), methods }.boxed()
}

fn dressed(app: App, routes: Route) -> BoxEndpoint<'static> {
    let site = Site { app, bot_name: BotName::default() };
    guard::guard(routes.data(site).map_to_response().into_endpoint()).boxed()
}

/// Swagger UI comes with its script and styles inside the page, which is why this page alone allows scripts.
fn documentation(html: String) -> impl poem::Endpoint<Output = Response> {
    poem::endpoint::make_sync(move |_| {
        Response::builder()
            .content_type("text/html; charset=utf-8")
            .header(
                "content-security-policy",
                "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; \
                 connect-src 'self'; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            )
            .body(html.clone())
    })
}
