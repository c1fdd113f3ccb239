//! Reading a mailbox, from Google and from stand-ins that are less exact.

use bellhop_providers::{Forbidden, HistoryPage, MailChange, MailPage, MailProfile, ProviderError};
use chrono::DateTime;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::server::{Asked, StandIn, answer};

fn token() -> SecretString {
    "access".into()
}

fn query(asked: &Asked) -> String {
    let pairs: Vec<String> = asked.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(" ")
}

#[tokio::test]
async fn the_profile_gives_the_cursor_to_start_from() {
    for (body, total) in [
        (
            json!({"emailAddress": "a@b.example", "messagesTotal": 125, "threadsTotal": 9, "historyId": "4711"}),
            Some(125),
        ),
        (json!({"historyId": 4711, "messagesTotal": "125"}), Some(125)),
        (json!({"historyId": "4711"}), None),
    ] {
        let google = StandIn::telling(answer(200, body)).await;
        let profile = google.client().mail_profile(&token()).await.unwrap();
        assert_eq!(profile, MailProfile { history_id: 4711, messages_total: total });
        let asked = google.asked_once();
        assert_eq!(asked.path, "/gmail/v1/users/me/profile");
        assert_eq!(asked.headers["authorization"], "Bearer access");
    }
    for body in ["{}", r#"{"historyId":"new"}"#, r#"{"historyId":-1}"#, "[]", "", "<html>"] {
        let google = StandIn::telling(answer(200, body)).await;
        assert_eq!(google.client().mail_profile(&token()).await, Err(ProviderError::Malformed), "{body}");
    }
}

#[tokio::test]
async fn messages_are_listed_page_by_page() {
    let body = json!({
        "messages": [{"id": "b", "threadId": "t"}, {"id": "a"}], "nextPageToken": "2", "resultSizeEstimate": "201"
    });
    let google = StandIn::telling(answer(200, body)).await;
    let page = google.client().list_messages(&token(), Some("p&1"), 9000, Some("INBOX")).await.unwrap();
    assert_eq!(page, MailPage { ids: vec!["b".into(), "a".into()], next_page_token: Some("2".into()) });
    let asked = google.asked_once();
    assert_eq!(asked.path, "/gmail/v1/users/me/messages");
    assert_eq!(query(&asked), "maxResults=500 labelIds=INBOX pageToken=p&1");
}

#[tokio::test]
async fn an_empty_mailbox_is_an_empty_page() {
    for body in [r#"{"resultSizeEstimate":0}"#, r#"{"messages":[],"nextPageToken":""}"#, r#"{"messages":null}"#] {
        let google = StandIn::telling(answer(200, body)).await;
        let page = google.client().list_messages(&token(), None, 0, None).await.unwrap();
        assert_eq!(page, MailPage { ids: vec![], next_page_token: None }, "{body}");
        assert_eq!(query(&google.asked_once()), "maxResults=1");
    }
}

#[tokio::test]
async fn a_message_is_read_without_its_body() {
    let body = json!({
        "id": "m1", "threadId": "t1", "labelIds": ["INBOX", "UNREAD"], "snippet": "Tom &amp; Anna&#39;s",
        "historyId": "99", "internalDate": "1800000000123", "sizeEstimate": 1000,
        "payload": {"mimeType": "text/plain", "headers": [
            {"name": "subject", "value": "=?UTF-8?B?R3LDvMOfZQ==?="}, {"name": "From", "value": "Ann <a@b.example>"},
            {"name": "Subject", "value": "a second one"}
        ]}
    });
    let google = StandIn::telling(answer(200, body)).await;
    let mail = google.client().message_metadata(&token(), "m1").await.unwrap();
    assert_eq!((mail.id.as_str(), mail.thread_id.as_deref()), ("m1", Some("t1")));
    assert_eq!(mail.internal_date, DateTime::from_timestamp_millis(1_800_000_000_123));
    assert_eq!(mail.from.unwrap().expose_secret(), "Ann <a@b.example>");
    assert_eq!(mail.subject.unwrap().expose_secret(), "Grüße");
    assert_eq!(mail.snippet.unwrap().expose_secret(), "Tom & Anna's");
    assert_eq!(mail.label_ids, ["INBOX", "UNREAD"]);
    assert_eq!(mail.history_id, Some(99));
    let asked = google.asked_once();
    assert_eq!(asked.path, "/gmail/v1/users/me/messages/m1");
    assert_eq!(query(&asked), "format=metadata metadataHeaders=From metadataHeaders=Subject");
}

#[tokio::test]
async fn a_message_may_lack_everything_but_its_id() {
    for body in [
        json!({"id": "m1"}),
        json!({"id": "m1", "payload": {}, "internalDate": "later", "labelIds": null, "historyId": []}),
        json!({"id": "m1", "payload": {"headers": [{"name": "From"}]}}),
    ] {
        let google = StandIn::telling(answer(200, &body)).await;
        let mail = google.client().message_metadata(&token(), "m1").await.unwrap();
        assert!(mail.from.is_none() && mail.subject.is_none() && mail.snippet.is_none() && mail.thread_id.is_none());
        assert!(mail.internal_date.is_none() && mail.history_id.is_none() && mail.label_ids.is_empty());
    }
    let google = StandIn::telling(answer(200, json!({"id": "m1", "internalDate": 1_800_000_000_000_i64}))).await;
    assert!(google.client().message_metadata(&token(), "m1").await.unwrap().internal_date.is_some());
}

#[tokio::test]
async fn an_answer_about_another_message_is_not_believed() {
    let google = StandIn::telling(answer(200, json!({"id": "m2"}))).await;
    assert_eq!(google.client().message_metadata(&token(), "m1").await.unwrap_err(), ProviderError::Malformed);
}

#[tokio::test]
async fn history_keeps_the_order_of_what_happened() {
    let body = json!({
        "history": [
            {"id": "11", "messages": [{"id": "a"}], "messagesAdded": [{"message": {"id": "a", "threadId": "t"}}]},
            {"id": 12, "labelsRemoved": [{"message": {"id": "a"}, "labelIds": ["UNREAD"]}]},
            {"id": "13", "labelsAdded": [{"message": {"id": "a", "labelIds": ["TRASH"]}, "labelIds": ["TRASH"]}]},
            {"id": "14", "messagesDeleted": [{"message": {"id": "a"}}], "messagesAdded": [{"message": {"id": "b"}}]},
            {"id": "15"}
        ],
        "historyId": "15", "nextPageToken": "2"
    });
    let google = StandIn::telling(answer(200, body)).await;
    let page = google.client().history(&token(), 10, Some("1"), 500, Some("INBOX")).await.unwrap();
    let (a, b) = (|| "a".to_owned(), || "b".to_owned());
    assert_eq!(
        page,
        HistoryPage {
            changes: vec![
                MailChange::Added { id: a() },
                MailChange::LabelsRemoved { id: a(), label_ids: vec!["UNREAD".into()] },
                MailChange::LabelsAdded { id: a(), label_ids: vec!["TRASH".into()] },
                MailChange::Added { id: b() },
                MailChange::Deleted { id: a() },
            ],
            history_id: Some(15),
            next_page_token: Some("2".into()),
        }
    );
    let asked = google.asked_once();
    assert_eq!(asked.path, "/gmail/v1/users/me/history");
    assert_eq!(query(&asked), "startHistoryId=10 maxResults=500 labelId=INBOX pageToken=1");
}

#[tokio::test]
async fn nothing_new_is_an_empty_page() {
    let google = StandIn::telling(answer(200, r#"{"historyId":15}"#)).await;
    let page = google.client().history(&token(), 15, None, 500, None).await.unwrap();
    assert_eq!(page, HistoryPage { changes: vec![], history_id: Some(15), next_page_token: None });
}

#[tokio::test]
async fn only_for_history_does_missing_mean_too_old() {
    for status in [404, 410] {
        let google = StandIn::telling(answer(status, r#"{"error":{"code":404}}"#)).await;
        let client = google.client();
        assert_eq!(client.history(&token(), 1, None, 500, None).await, Err(ProviderError::CursorTooOld));
        let missing = if status == 404 { ProviderError::NotFound } else { ProviderError::Gone };
        assert_eq!(client.message_metadata(&token(), "m").await.unwrap_err(), missing);
        assert_eq!(client.mail_profile(&token()).await, Err(missing));
    }
}

#[tokio::test]
async fn gmails_two_ways_to_say_slow_down_are_one() {
    let body =
        json!({"error": {"code": 403, "errors": [{"domain": "usageLimits", "reason": "userRateLimitExceeded"}]}});
    let google = StandIn::telling(answer(403, body).with("retry-after", 3)).await;
    let error = google.client().list_messages(&token(), None, 10, None).await.unwrap_err();
    assert_eq!(error, ProviderError::RateLimited { retry_after: Some(std::time::Duration::from_secs(3)) });

    let body = json!({"error": {"code": 403, "errors": [{"domain": "global", "reason": "insufficientPermissions"}]}});
    let google = StandIn::telling(answer(403, body)).await;
    let error = google.client().list_messages(&token(), None, 10, None).await.unwrap_err();
    assert_eq!(error, ProviderError::Forbidden(Forbidden::InsufficientScope));
}
