use serde_json::json;

use super::*;
use crate::bot::stand_in::{Telegram, refusal, takes_all};

fn settings() -> WebhookSettings {
    WebhookSettings { url: "https://bellhop.example/telegram".parse().unwrap(), secret: "a-secret".into() }
}

fn watch<'a>(telegram: &'a Telegram, webhook: &'a WebhookSettings, metrics: &'a Metrics) -> Watch<'a> {
    Watch { bot: &telegram.bot, webhook, metrics, is_set: false, failed_at: None, told: None }
}

/// How the webhook stands, as Telegram says it.
fn standing(url: &str, failed_at: Option<i64>, reason: &str, pending: i64) -> Value {
    json!({ "ok": true, "result": {
        "url": url, "has_custom_certificate": false, "pending_update_count": pending,
        "last_error_date": failed_at, "last_error_message": reason,
        "allowed_updates": ["message", "my_chat_member", "callback_query"],
    } })
}

fn counted(metrics: &Metrics, line: &str) -> bool {
    metrics.text().unwrap().lines().any(|known| known == line)
}

#[tokio::test]
async fn the_webhook_is_set_at_the_start_and_again_only_where_it_was_changed() {
    let telegram = Telegram::answering(|method, nth| match (method, nth) {
        ("getwebhookinfo", 0 | 1 | 3) => Some(standing("https://bellhop.example/telegram", None, "", 0)),
        ("getwebhookinfo", 2) => Some(standing("https://elsewhere.example/", None, "", 0)),
        _ => takes_all(method, nth),
    })
    .await;
    let (webhook, metrics) = (settings(), Metrics::new().unwrap());
    let mut watch = watch(&telegram, &webhook, &metrics);
    for _ in 0..4 {
        watch.look().await.unwrap();
    }
    let (ask, set) = ("getwebhookinfo", "setwebhook");
    // At the start even where the address is right: Telegram does not say which secret it has.
    assert_eq!(telegram.called(), [ask, set, ask, ask, set, ask]);
    assert_eq!(
        telegram.body(1),
        json!({
            "url": "https://bellhop.example/telegram", "secret_token": "a-secret", "max_connections": 8,
            "allowed_updates": ["message", "callback_query", "my_chat_member"], "drop_pending_updates": false,
        })
    );
}

#[tokio::test]
async fn a_webhook_that_was_not_taken_is_set_at_the_next_look() {
    let telegram = Telegram::answering(|method, nth| match (method, nth) {
        ("getwebhookinfo", _) => Some(standing("", None, "", 0)),
        ("setwebhook", 0) => Some(refusal("Bad Request: secret token is too long")),
        _ => takes_all(method, nth),
    })
    .await;
    let (webhook, metrics) = (settings(), Metrics::new().unwrap());
    let mut watch = watch(&telegram, &webhook, &metrics);
    assert_eq!(watch.look().await, Err(NotKept::Telegram(Trouble::Refused)));
    assert_eq!(watch.look().await, Ok(()));
    assert_eq!(telegram.called().iter().filter(|method| *method == "setwebhook").count(), 2);
}

#[tokio::test]
async fn failures_to_deliver_are_counted_and_each_reason_is_told_once() {
    let telegram = Telegram::answering(|method, nth| match (method, nth) {
        ("getwebhookinfo", 0 | 1) => Some(standing("https://bellhop.example/telegram", Some(5), "of old", 0)),
        ("getwebhookinfo", 2) => {
            Some(standing("https://bellhop.example/telegram", Some(20), "Connection timed out", 3))
        }
        ("getwebhookinfo", 3) => {
            Some(standing("https://bellhop.example/telegram", Some(30), "Connection timed out", 3))
        }
        ("getwebhookinfo", _) => {
            Some(standing("https://bellhop.example/telegram", Some(30), "Connection timed out", 0))
        }
        _ => takes_all(method, nth),
    })
    .await;
    let (webhook, metrics) = (settings(), Metrics::new().unwrap());
    let mut watch = watch(&telegram, &webhook, &metrics);
    let mut told = vec![];
    for _ in 0..5 {
        watch.look().await.unwrap();
        told.push(watch.told.clone());
        if told.len() == 4 {
            assert!(counted(&metrics, "telegram_updates_pending 3"));
        }
    }
    let timed_out = Some("Connection timed out".to_owned());
    assert_eq!(told, [None, None, timed_out.clone(), timed_out, None]);
    assert!(counted(&metrics, "telegram_webhook_failures_total 2"), "{}", metrics.text().unwrap());
    assert!(counted(&metrics, "telegram_updates_pending 0"));
}

#[test]
fn a_webhook_that_brings_other_kinds_is_not_ours() {
    let url: Url = "https://bellhop.example/telegram".parse().unwrap();
    let info = |kinds: Option<&[&str]>| WebhookInfo {
        url: url.to_string(),
        allowed_updates: kinds.map(|kinds| kinds.iter().map(|kind| (*kind).to_owned()).collect()),
        ..WebhookInfo::default()
    };
    assert!(is_set(&info(Some(&KINDS)), &url));
    assert!(!is_set(&info(Some(&["message"])), &url));
    assert!(!is_set(&info(None), &url));
    assert!(!is_set(&WebhookInfo::default(), &url));
}

#[tokio::test]
async fn what_waits_is_known_while_the_webhook_is_refused() {
    let telegram = Telegram::answering(|method, nth| match (method, nth) {
        ("getwebhookinfo", _) => Some(standing("", None, "", 42)),
        ("setwebhook", _) => Some(refusal("Bad Request: bad webhook: IP address 10.0.0.1 is reserved")),
        _ => takes_all(method, nth),
    })
    .await;
    let (webhook, metrics) = (settings(), Metrics::new().unwrap());
    let mut watch = watch(&telegram, &webhook, &metrics);
    let error = watch.look().await.unwrap_err();
    assert_eq!(error, NotKept::Refused("IP address 10.0.0.1 is reserved".to_owned()));
    assert!(counted(&metrics, "telegram_updates_pending 42"), "{}", metrics.text().unwrap());
    let known = RequestError::Api(teloxide::ApiError::UnknownHost);
    assert!(NotKept::of(&known).to_string().contains("Failed to resolve host"), "{}", NotKept::of(&known));
}
