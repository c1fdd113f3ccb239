//! What HTTP answers where no database is needed, or none can be reached.

mod telegram;

use base64::Engine;
use poem::endpoint::BoxEndpoint;
use poem::http::{Method, StatusCode};
use poem::test::{TestClient, TestResponse};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::config::{Settings, Source};

/// An App whose database and belt cannot be reached.
fn cut_off(more: &[(&str, &str)]) -> App {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let master_key = base64::engine::general_purpose::STANDARD.encode([3; 32]);
    let least = [
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:9/nothing"),
        ("REDIS_URL", "redis://127.0.0.1:9"),
        ("MASTER_KEY", &master_key),
    ];
    let values: Vec<(&str, &str)> = least.iter().chain(more).copied().collect();
    App::new(Settings::read(&Source::fixed(&values)).unwrap()).unwrap()
}

fn client() -> TestClient<BoxEndpoint<'static>> {
    TestClient::new(everything(&cut_off(&[])))
}

/// Checks that this is a problem document with this code, and hands it out.
async fn problem(response: TestResponse, status: StatusCode, code: &str) -> Value {
    response.assert_status(status);
    response.assert_content_type("application/problem+json");
    response.assert_header("cache-control", "no-store");
    let document: Value = response.json().await.value().deserialize();
    assert_eq!(document["code"], code);
    assert_eq!(document["status"], status.as_u16());
    assert_eq!(document["type"], format!("urn:bellhop:problem:{code}"));
    for member in ["title", "detail"] {
        assert!(document[member].as_str().is_some_and(|text| !text.is_empty()), "{document}");
    }
    document
}

fn secured() -> Vec<(Method, String)> {
    let id = Uuid::from_u128(1);
    vec![
        (Method::GET, "/oauth/google/authorize".to_owned()),
        (Method::POST, "/oauth/google/finish".to_owned()),
        (Method::GET, "/oauth/google/status".to_owned()),
        (Method::GET, "/v1/integrations".to_owned()),
        (Method::GET, format!("/v1/integrations/{id}")),
        (Method::DELETE, format!("/v1/integrations/{id}")),
        (Method::POST, format!("/v1/integrations/{id}/refresh")),
        (Method::GET, "/v1/integrations/not-an-id".to_owned()),
    ]
}

#[tokio::test]
async fn without_a_key_every_call_is_refused_even_while_the_database_is_away() {
    let client = client();
    for (method, path) in secured() {
        for header in [None, Some("Basic YTpi"), Some("Bearer"), Some("Bearer nonsense"), Some("Bearer bellhop_x_y")] {
            let mut request = client.request(method.clone(), &path);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let response = request.send().await;
            response.assert_header("www-authenticate", "Bearer realm=\"bellhop\"");
            problem(response, StatusCode::UNAUTHORIZED, "unauthorized").await;
        }
    }
}

#[tokio::test]
async fn with_a_key_an_outage_is_an_outage() {
    let key = key_text(Uuid::from_u128(1), "secret");
    let response = client().get("/v1/integrations").header("authorization", format!("Bearer {key}")).send().await;
    response.assert_header_exist("retry-after");
    problem(response, StatusCode::SERVICE_UNAVAILABLE, "database_unavailable").await;
}

#[tokio::test]
async fn unknown_addresses_and_methods_are_problems_for_programs_and_pages_for_people() {
    let client = client();
    problem(client.get("/nothing/here").send().await, StatusCode::NOT_FOUND, "not_found").await;
    problem(client.put("/v1/integrations").send().await, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").await;
    problem(client.post("/").send().await, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").await;
    problem(client.get("/connect/%ff%fe").send().await, StatusCode::BAD_REQUEST, "invalid_parameter").await;
    let page = client.get("/nothing/here").header("accept", "text/html,*/*").send().await;
    page.assert_status(StatusCode::NOT_FOUND);
    page.assert_content_type("text/html; charset=utf-8");
    assert!(text(page).await.contains("There is nothing at this address"));
}

#[tokio::test]
async fn an_address_that_refuses_a_method_names_those_it_takes() {
    let client = client();
    let id = Uuid::from_u128(1);
    let mut addresses = vec!["/", "/connect/finish", "/connect/token", "/docs", "/openapi.json"];
    addresses.extend(["/health/live", "/health/ready", "/metrics", "/oauth/google/callback", "/oauth/google/finish"]);
    let integration = format!("/v1/integrations/{id}");
    let refresh = format!("{integration}/refresh");
    addresses.extend(["/oauth/google/authorize", "/v1/integrations", &integration, &refresh]);
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    // At once, as each that is taken waits in vain for the database.
    futures::future::join_all(addresses.into_iter().map(async |path| {
        let send = async |method: &Method| client.request(method.clone(), path).send().await.0;
        let answers = futures::future::join_all(methods.iter().map(send)).await;
        let is_refused = |answer: &poem::Response| answer.status() == StatusCode::METHOD_NOT_ALLOWED;
        let taken =
            methods.iter().zip(&answers).filter(|(_, answer)| !is_refused(answer)).map(|(method, _)| method.as_str());
        let taken: std::collections::BTreeSet<&str> = taken.collect();
        assert!(taken.len() < methods.len(), "{path} refuses nothing");
        for answer in &answers {
            let named = answer.header("allow").map(|names| names.split(", ").collect());
            assert_eq!(named, is_refused(answer).then(|| taken.clone()), "{path}");
        }
    }))
    .await;
}

#[tokio::test]
async fn a_body_too_large_is_not_read() {
    let response = client().post("/oauth/google/finish").body(vec![b'x'; 70_000]).send().await;
    problem(response, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").await;
    let announced = client().post("/oauth/google/finish").header("content-length", "99999999").send().await;
    problem(announced, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").await;
}

#[tokio::test]
async fn health_says_what_is_away() {
    let client = client();
    let live = client.get("/health/live").send().await;
    live.assert_status_is_ok();
    live.assert_json(json!({"status": "ok"})).await;
    problem(client.get("/health/ready").send().await, StatusCode::SERVICE_UNAVAILABLE, "database_unavailable").await;
}

#[tokio::test]
async fn metrics_are_there_from_the_first_scrape() {
    let response = client().get("/metrics").send().await;
    response.assert_status_is_ok();
    let metrics = text(response).await;
    for event in ["authorize_started", "callback_error", "invalid_state", "token_exchange_timeout", "tokens_stored"] {
        let line = format!("oauth_events_total{{event=\"{event}\",provider=\"google\"}} 0");
        assert!(metrics.contains(&line), "{line}");
    }
}

#[tokio::test]
async fn the_documentation_names_every_route_and_every_code() {
    let client = client();
    let document: Value = client.get("/openapi.json").send().await.json().await.value().deserialize();
    for (path, method) in [
        ("/oauth/google/authorize", "get"),
        ("/oauth/google/callback", "get"),
        ("/oauth/google/finish", "post"),
        ("/oauth/google/status", "get"),
        ("/v1/integrations", "get"),
        ("/v1/integrations/{id}", "get"),
        ("/v1/integrations/{id}", "delete"),
        ("/v1/integrations/{id}/refresh", "post"),
        ("/health/live", "get"),
        ("/health/ready", "get"),
        ("/metrics", "get"),
    ] {
        assert!(
            document["paths"][path][method].is_object(),
            "{method} {path} is not documented: {}",
            document["paths"]
        );
    }
    let codes = document["components"]["schemas"]["ProblemCode"]["enum"].as_array().unwrap();
    assert!(codes.contains(&json!("provider_disabled")) && codes.contains(&json!("unknown_finish_code")));
    // Each code is in the table of the introduction, with its statuses.
    let table = document["info"]["description"].as_str().unwrap();
    for code in codes {
        assert!(table.contains(&format!("| `{}` |", code.as_str().unwrap())), "{code} is not in the table");
    }
    assert!(table.contains("| `connect_failed` | 409, 502, 503, 504 |"));
    let answers = |path: &str, method: &str, status: &str| document["paths"][path][method]["responses"][status].clone();
    for (path, method, statuses) in [
        ("/oauth/google/authorize", "get", &["400", "401", "404", "409", "501", "503"][..]),
        ("/oauth/google/callback", "get", &["303", "501", "503"]),
        ("/oauth/google/finish", "post", &["400", "403", "404", "409", "501", "502", "503", "504"]),
        ("/v1/integrations/{id}", "delete", &["404", "409", "422"]),
        ("/v1/integrations/{id}/refresh", "post", &["404", "409", "422", "429", "503"]),
    ] {
        for status in statuses {
            assert!(answers(path, method, status).is_object(), "{method} {path} can answer {status}");
        }
        assert!(answers(path, method, "503")["headers"]["Retry-After"].is_object() || method == "delete", "{path}");
    }
    assert!(answers("/v1/integrations", "get", "404").is_null());
    let docs = client.get("/docs").send().await;
    docs.assert_status_is_ok();
    assert!(!text(docs).await.contains("https://unpkg.com"), "the documentation must not load anything");
}

#[tokio::test]
async fn whoever_only_looks_takes_nothing_on_the_walk() {
    let client = client();
    for path in
        ["/oauth/google/callback?state=x&code=y", "/oauth/google/authorize", "/connect/token", "/connect/finish"]
    {
        client.head(path).send().await.assert_status(StatusCode::METHOD_NOT_ALLOWED);
    }
    let metrics = text(client.get("/metrics").send().await).await;
    assert!(metrics.contains("oauth_events_total{event=\"invalid_state\",provider=\"google\"} 0"));
    client.head("/health/live").send().await.assert_status_is_ok();
}

#[tokio::test]
async fn pages_keep_themselves_to_themselves() {
    let client = client();
    for path in ["/", "/connect/finish", "/oauth/google/callback"] {
        let page = client.get(path).send().await;
        page.assert_content_type("text/html; charset=utf-8");
        page.assert_header("referrer-policy", "no-referrer");
        page.assert_header("cache-control", "no-store");
        page.assert_header("x-content-type-options", "nosniff");
        let policy = page.0.header("content-security-policy").unwrap().to_owned();
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'sha256-"] {
            assert!(policy.contains(part), "{policy}");
        }
        let text = text(page).await;
        assert!(!text.contains("<script") && !text.contains("style=\"") && text.matches("<h1").count() == 1, "{text}");
    }
}

#[tokio::test]
async fn the_policy_names_the_one_style_sheet() {
    let response = client().get("/").send().await;
    let policy = response.0.header("content-security-policy").unwrap().to_owned();
    let text = text(response).await;
    let style = text.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let hash = base64::engine::general_purpose::STANDARD.encode(bellhop_store::plain_hash(style.as_bytes()));
    assert!(policy.contains(&format!("'sha256-{hash}'")), "{policy}");
}

#[tokio::test]
async fn a_callback_without_a_state_is_refused_and_counted() {
    let client = client();
    let response = client.get("/oauth/google/callback").query("code", &"abc").send().await;
    response.assert_status(StatusCode::BAD_REQUEST);
    let page = text(response).await;
    assert!(page.contains("Nothing was connected") && !page.contains("abc"));
    let metrics = text(client.get("/metrics").send().await).await;
    assert!(metrics.contains("oauth_events_total{event=\"invalid_state\",provider=\"google\"} 1"));
}

#[tokio::test]
async fn while_the_database_is_away_pages_say_so_and_can_be_reloaded() {
    let response = client().get("/connect/token").send().await;
    response.assert_status(StatusCode::SERVICE_UNAVAILABLE);
    response.assert_header("retry-after", "5");
    assert!(text(response).await.contains("Nothing is lost"));
}

#[tokio::test]
async fn a_form_sent_by_another_site_shows_our_page_first() {
    let response = client().post("/connect/token").header("sec-fetch-site", "cross-site").send().await;
    response.assert_status(StatusCode::SEE_OTHER);
    response.assert_header("location", "http://127.0.0.1:8080/connect/token");
    response.assert_header_is_not_exist("set-cookie");
}

#[tokio::test]
async fn a_browser_that_says_only_where_a_form_comes_from_is_heard() {
    let app = cut_off(&[]);
    for (site, origin, foreign) in [
        (None, None, false),
        (None, Some("http://127.0.0.1:8080"), false),
        (None, Some("null"), false),
        (None, Some("https://elsewhere.example"), true),
        (None, Some("http://127.0.0.1:8081"), true),
        (Some("same-origin"), Some("null"), false),
        (Some("same-site"), Some("http://127.0.0.1:8080"), true),
    ] {
        let headers = [("sec-fetch-site", site), ("origin", origin)];
        let request = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let request = request.fold(poem::Request::builder(), |request, (name, value)| request.header(name, value));
        assert_eq!(browser::is_cross_site(&app, &request.finish()), foreign, "{site:?} {origin:?}");
    }
}

#[tokio::test]
async fn the_cookie_is_bound_to_this_host_wherever_it_can_be() {
    let secret = "secret".into();
    let far = browser::set_cookie(&cut_off(&[("PUBLIC_BASE_URL", "https://bellhop.example")]), &secret);
    assert!(far.starts_with("__Host-bellhop_connect=secret; Path=/;") && far.ends_with("; Secure"), "{far}");
    let near = browser::set_cookie(&cut_off(&[]), &secret);
    assert!(near.starts_with("bellhop_connect=secret; Path=/;") && !near.contains("Secure"), "{near}");
    for cookie in [far, near] {
        assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
    }
}

#[tokio::test]
async fn a_browser_is_recognised_by_its_own_cookie_alone() {
    let app = cut_off(&[]);
    let cookie = |header: &str| {
        let request = poem::Request::builder().header("cookie", header).finish();
        browser::cookie_of(&app, &request).map(|cookie| secrecy::ExposeSecret::expose_secret(&cookie).to_owned())
    };
    assert_eq!(cookie("a=b; bellhop_connect=abc; c=d").as_deref(), Some("abc"));
    for header in ["", "bellhop_connect", "bellhop_connect=", "xbellhop_connect=a", "__Host-bellhop_connect=a"] {
        assert_eq!(cookie(header), None, "{header:?}");
    }
    assert_eq!(cookie(&format!("bellhop_connect={}", "x".repeat(5000))), None);
}

async fn text(response: TestResponse) -> String {
    response.0.into_body().into_string().await.unwrap()
}
