//! Who may bring updates, and what becomes of what is brought while nothing can be kept.

use super::*;

const WEBHOOK: [(&str, &str); 3] = [
    ("TELEGRAM_BOT_TOKEN", "1:stand-in"),
    ("TELEGRAM_WEBHOOK_URL", "https://bellhop.example/hooks/:telegram/*"),
    ("TELEGRAM_WEBHOOK_SECRET", "right"),
];

fn delivery<'a>(
    client: &'a TestClient<BoxEndpoint<'static>>,
    secret: &str,
) -> poem::test::TestRequestBuilder<'a, BoxEndpoint<'static>> {
    client.post("/hooks/:telegram/*").header("x-telegram-bot-api-secret-token", secret).content_type("application/json")
}

#[tokio::test]
async fn only_telegram_brings_updates() {
    let client = TestClient::new(everything(&cut_off(&WEBHOOK)));
    let update = json!({ "update_id": 1 }).to_string();
    for secret in ["", "wrong", "righ", "right ", "rightright"] {
        let refused = delivery(&client, secret).body(update.clone()).send().await;
        problem(refused, StatusCode::FORBIDDEN, "not_telegram").await;
    }
    let bare = client.post("/hooks/:telegram/*").body(update.clone()).send().await;
    problem(bare, StatusCode::FORBIDDEN, "not_telegram").await;
    let twice = delivery(&client, "right").header("x-telegram-bot-api-secret-token", "right").body(update).send().await;
    problem(twice, StatusCode::FORBIDDEN, "not_telegram").await;
    // Refused unread: what it says does not matter.
    let unread = delivery(&client, "wrong").body("nonsense").send().await;
    problem(unread, StatusCode::FORBIDDEN, "not_telegram").await;
    let looked = client.get("/hooks/:telegram/*").header("x-telegram-bot-api-secret-token", "right").send().await;
    problem(looked, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").await;
}

#[tokio::test]
async fn what_is_no_update_is_refused_and_what_cannot_be_kept_is_brought_again() {
    let client = TestClient::new(everything(&cut_off(&WEBHOOK)));
    for nonsense in ["", "{", "nonsense", "{}", "[]", "null", r#"{"update_id":"1"}"#, &"[".repeat(5000)] {
        let refused = delivery(&client, "right").body(nonsense.to_owned()).send().await;
        problem(refused, StatusCode::BAD_REQUEST, "invalid_body").await;
    }
    let large = format!(r#"{{"update_id":1,"message":"{}"}}"#, "x".repeat(1024 * 1024));
    let refused = delivery(&client, "right").body(large).send().await;
    problem(refused, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").await;
}

#[tokio::test]
async fn the_path_of_a_webhook_is_no_pattern_and_without_one_there_is_no_door() {
    let client = TestClient::new(everything(&cut_off(&WEBHOOK)));
    for path in ["/hooks/x/y", "/hooks/:telegram/*/", "/hooks"] {
        let other = client.post(path).header("x-telegram-bot-api-secret-token", "right").send().await;
        problem(other, StatusCode::NOT_FOUND, "not_found").await;
    }
    let closed = TestClient::new(everything(&cut_off(&[])));
    problem(delivery(&closed, "right").send().await, StatusCode::NOT_FOUND, "not_found").await;
}

#[tokio::test]
async fn a_webhook_cannot_take_the_place_of_anything_that_is_served() {
    let document: Value = client().get("/openapi.json").send().await.json().await.value().deserialize();
    let documented = document["paths"].as_object().unwrap().keys().map(String::as_str);
    for path in documented.chain(["/", "/docs", "/openapi.json", "/connect/finish", "/connect/token"]) {
        let url = format!("https://bellhop.example{}", path.replace(['{', '}'], ""));
        let values = [
            ("DATABASE_URL", "postgres://nobody@127.0.0.1:9/nothing"),
            ("TELEGRAM_BOT_TOKEN", "1:token"),
            ("TELEGRAM_WEBHOOK_URL", &url),
            ("TELEGRAM_WEBHOOK_SECRET", "right"),
        ];
        assert_eq!(Settings::read(&Source::fixed(&values)).unwrap_err().only().name, "TELEGRAM_WEBHOOK_URL", "{path}");
    }
}

#[tokio::test]
async fn a_method_that_is_refused_is_told_which_is_taken() {
    let client = TestClient::new(everything(&cut_off(&WEBHOOK)));
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::OPTIONS] {
        let refused = client.request(method, "/hooks/:telegram/*").send().await;
        refused.assert_status(StatusCode::METHOD_NOT_ALLOWED);
        refused.assert_header("allow", "POST");
    }
    let health = TestClient::new(health_only(cut_off(&[])));
    for path in ["/metrics", "/health/live", "/health/ready"] {
        let refused = health.post(path).send().await;
        refused.assert_status(StatusCode::METHOD_NOT_ALLOWED);
        refused.assert_header("allow", "GET, HEAD");
    }
}
