//! Gmail, asked rightly and wrongly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE};
use drive::{Drive, start, text};
use serde_json::{Value, json};

async fn connected() -> (Drive, String) {
    let drive = start().await;
    let token = text(&drive.connect().await, "access_token").to_owned();
    (drive, token)
}

fn ids(page: &Value) -> Vec<String> {
    page["messages"]
        .as_array()
        .map(|all| all.iter().map(|one| text(one, "id").to_owned()).collect())
        .unwrap_or_default()
}

#[tokio::test]
async fn an_inbox_is_listed_in_pages_newest_first() {
    let (drive, token) = connected().await;
    let mut seen = Vec::new();
    let mut path = "messages?labelIds=INBOX&maxResults=50".to_owned();
    let mut pages = 0;
    loop {
        let (status, page) = drive.gmail(&token, &path).await;
        assert_eq!(status, 200);
        pages += 1;
        seen.extend(ids(&page));
        assert_eq!(page["resultSizeEstimate"], 125);
        let Some(next) = page["nextPageToken"].as_str() else { break };
        path = format!("messages?labelIds=INBOX&maxResults=50&pageToken={next}");
    }
    assert_eq!((pages, seen.len()), (3, 125));
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 125);
    let ledger = drive.see("ledger").await;
    assert_eq!(json!(seen), ledger["mails"]["alice"]["inbox"]);
    let dates: Vec<i64> = {
        let mut dates = Vec::new();
        for id in &seen[..5] {
            let (_, message) = drive.gmail(&token, &format!("messages/{id}?format=minimal")).await;
            dates.push(text(&message, "internalDate").parse().unwrap());
        }
        dates
    };
    assert!(dates.is_sorted_by(|a, b| a >= b));
}

#[tokio::test]
async fn new_mail_does_not_shift_the_following_pages() {
    let (drive, token) = connected().await;
    let (_, first) = drive.gmail(&token, "messages?labelIds=INBOX&maxResults=60").await;
    drive.control("google/accounts/alice/mails", json!({ "subject": "Late", "text": "x" })).await;
    let next = text(&first, "nextPageToken");
    let (_, second) = drive.gmail(&token, &format!("messages?labelIds=INBOX&maxResults=100&pageToken={next}")).await;
    let mut all = ids(&first);
    all.extend(ids(&second));
    assert_eq!(all.len(), 125);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 125);
}

#[tokio::test]
async fn messages_come_in_four_formats() {
    let (drive, token) = connected().await;
    let mail =
        json!({ "from": "Ада <ada@x.example>", "subject": "Grüße & <b>", "text": "Hello <there>", "html": "<p>Hello" });
    let id = text(&drive.control("google/accounts/alice/mails", mail).await, "id").to_owned();
    let get = async |query: &str| drive.gmail(&token, &format!("messages/{id}{query}")).await.1;

    let minimal = get("?format=minimal").await;
    assert_eq!(minimal["id"], id);
    assert_eq!(minimal["snippet"], "Hello &lt;there&gt;");
    assert_eq!(minimal["labelIds"], json!(["INBOX", "UNREAD"]));
    assert!(text(&minimal, "historyId").parse::<u64>().is_ok());
    assert!(minimal["sizeEstimate"].is_u64());
    assert!(minimal.get("payload").is_none());

    let metadata = get("?format=metadata&metadataHeaders=subject&metadataHeaders=From").await;
    let headers = metadata["payload"]["headers"].as_array().unwrap();
    assert_eq!(headers.len(), 2);
    assert!(headers.contains(&json!({ "name": "Subject", "value": "Grüße & <b>" })));
    assert!(metadata["payload"].get("body").is_none());

    let full = get("").await;
    let data = full["payload"]["parts"][0]["body"]["data"].as_str().unwrap();
    assert_eq!(URL_SAFE.decode(data).unwrap(), b"Hello <there>");

    let raw = URL_SAFE.decode(text(&get("?format=raw").await, "raw")).unwrap();
    let raw = String::from_utf8(raw).unwrap();
    assert!(raw.is_ascii() && raw.contains("Subject: =?utf-8?B?") && raw.contains("multipart/alternative"));
}

#[tokio::test]
async fn wrong_requests_get_googles_error_shape() {
    let (drive, token) = connected().await;
    for (path, status, name) in [
        ("messages?maxResults=0", 400, "INVALID_ARGUMENT"),
        ("messages?maxResults=501", 400, "INVALID_ARGUMENT"),
        ("messages?maxResults=many", 400, "INVALID_ARGUMENT"),
        ("messages?pageToken=made-up", 400, "INVALID_ARGUMENT"),
        ("messages?labels=INBOX", 400, "INVALID_ARGUMENT"),
        ("messages/018c0000000000ff", 404, "NOT_FOUND"),
        ("messages/not-an-id", 400, "INVALID_ARGUMENT"),
        ("messages/018c0000000000ff?format=pretty", 400, "INVALID_ARGUMENT"),
        ("history", 400, "INVALID_ARGUMENT"),
        ("history?startHistoryId=x", 400, "INVALID_ARGUMENT"),
        ("history?startHistoryId=1", 404, "NOT_FOUND"),
        ("history?startHistoryId=99999999", 404, "NOT_FOUND"),
        ("history?startHistoryId=1&historyTypes=everything", 400, "INVALID_ARGUMENT"),
    ] {
        let (got, body) = drive.gmail(&token, path).await;
        let error = &body["error"];
        assert_eq!(got, status, "{path}: {body}");
        assert_eq!((error["code"].as_u64(), text(error, "status")), (Some(u64::from(status)), name), "{path}");
        assert!(error["errors"][0]["reason"].is_string() && error["message"].is_string());
    }
    let (status, body) = drive.gmail("sandbox-access-made-up", "profile").await;
    assert_eq!((status, text(&body["error"], "status")), (401, "UNAUTHENTICATED"));
    let other = drive.get("/gmail/v1/users/bob@sandbox.example/profile").bearer_auth(&token).send().await.unwrap();
    assert_eq!(other.status(), 403, "somebody else's mailbox");
    let unauthenticated = drive.get("/gmail/v1/users/me/profile").send().await.unwrap();
    assert!(unauthenticated.headers().contains_key("www-authenticate"));
}

#[tokio::test]
async fn searching_finds_by_message_id_and_words() {
    let (drive, token) = connected().await;
    let mail = json!({ "subject": "Unmistakable zebra", "text": "striped", "from": "Zoe <zoe@zoo.example>" });
    let id = text(&drive.control("google/accounts/alice/mails", mail).await, "id").to_owned();
    for query in
        ["rfc822msgid:%3C{id}@sandbox.example%3E", "zebra", "from:zoe@zoo.example is:unread", "subject:zebra -in:sent"]
    {
        let query = query.replace("{id}", &id);
        let (_, page) = drive.gmail(&token, &format!("messages?q={query}")).await;
        assert_eq!(ids(&page), std::slice::from_ref(&id), "{query}");
    }
    let (_, nothing) = drive.gmail(&token, "messages?q=zebra%20-striped").await;
    assert_eq!(nothing, json!({ "resultSizeEstimate": 0 }), "an empty page has no list at all");
}

#[tokio::test]
async fn spam_and_trash_stay_out_unless_asked_for() {
    let (drive, token) = connected().await;
    let count = async |path: &str| drive.gmail(&token, path).await.1["resultSizeEstimate"].as_u64().unwrap();
    let shown = count("messages").await;
    assert!(count("messages?includeSpamTrash=true").await > shown);
    assert!(count("messages?labelIds=SPAM").await > 0);
}

#[tokio::test]
async fn history_tells_every_change_since_a_cursor() {
    let (drive, token) = connected().await;
    let (_, profile) = drive.gmail(&token, "profile").await;
    assert_eq!(profile["emailAddress"], "alice@sandbox.example");
    let cursor = text(&profile, "historyId").to_owned();
    let (_, quiet) = drive.gmail(&token, &format!("history?startHistoryId={cursor}")).await;
    assert_eq!(quiet, json!({ "historyId": cursor }), "nothing new has no list at all");

    let id = text(&drive.control("google/accounts/alice/mails", json!({ "subject": "A" })).await, "id").to_owned();
    drive.control(&format!("google/accounts/alice/mails/{id}/read"), json!({})).await;
    drive.control(&format!("google/accounts/alice/mails/{id}/archive"), json!({})).await;
    drive.client.delete(drive.url(&format!("/sandbox/google/accounts/alice/mails/{id}"))).send().await.unwrap();
    let (_, history) = drive.gmail(&token, &format!("history?startHistoryId={cursor}")).await;
    let records = history["history"].as_array().unwrap();
    assert_eq!(records.len(), 4);
    assert_eq!(records[0]["messagesAdded"][0]["message"]["id"], id);
    assert_eq!(records[1]["labelsRemoved"][0]["labelIds"], json!(["UNREAD"]));
    assert_eq!(records[2]["labelsRemoved"][0]["labelIds"], json!(["INBOX"]));
    assert_eq!(records[3]["messagesDeleted"][0]["message"]["id"], id);
    assert_eq!(history["historyId"], records[3]["id"]);

    let (_, page) = drive.gmail(&token, &format!("history?startHistoryId={cursor}&maxResults=3")).await;
    let next = text(&page, "nextPageToken");
    let (_, rest) =
        drive.gmail(&token, &format!("history?startHistoryId={cursor}&maxResults=3&pageToken={next}")).await;
    assert_eq!(rest["history"].as_array().unwrap().len(), 1);
    let (_, added) = drive.gmail(&token, &format!("history?startHistoryId={cursor}&historyTypes=messageAdded")).await;
    assert_eq!(added["history"].as_array().unwrap().len(), 1);

    drive.control("google/accounts/alice/forget-history", json!({})).await;
    let latest = text(&history, "historyId");
    assert_eq!(drive.gmail(&token, &format!("history?startHistoryId={latest}")).await.0, 404, "too old");
}

#[tokio::test]
async fn the_metadata_scope_sees_no_bodies_and_cannot_search() {
    let drive = start().await;
    let mut asked = Drive::authorization();
    let metadata = "https://www.googleapis.com/auth/gmail.metadata";
    asked.insert("scope", metadata.to_owned());
    let request = drive.consent_request(&asked).await;
    let back = drive.decide(&request, "alice", &[metadata], "allow").await;
    let (_, tokens) = drive.token(&Drive::exchange(&back["code"])).await;
    let token = text(&tokens, "access_token");
    let (_, page) = drive.gmail(token, "messages").await;
    let id = &ids(&page)[0];
    assert_eq!(drive.gmail(token, "messages?q=hello").await.0, 403);
    assert_eq!(drive.gmail(token, &format!("messages/{id}")).await.0, 403);
    assert_eq!(drive.gmail(token, &format!("messages/{id}?format=metadata")).await.0, 200);
}

#[tokio::test]
async fn a_quota_slows_one_person_down() {
    let (drive, token) = connected().await;
    let quota = json!({ "quota": { "units_per_minute": 12, "status": 403, "retry_after": 7 } });
    drive.control("google/settings", quota).await;
    assert_eq!(drive.gmail(&token, "messages").await.0, 200);
    assert_eq!(drive.gmail(&token, "messages").await.0, 200);
    let refused = drive.get("/gmail/v1/users/me/messages").bearer_auth(&token).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.headers()["retry-after"], "7");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["errors"][0]["reason"], "userRateLimitExceeded");
    drive.control("google/settings", json!({ "quota": null })).await;
    assert_eq!(drive.gmail(&token, "messages").await.0, 200);
}

#[tokio::test]
async fn the_mails_are_lively_and_the_same_for_the_same_seed() {
    let (one, other) = (start().await, start().await);
    let subjects = async |drive: &Drive| {
        let mails = drive.see("google/accounts/alice/mails").await;
        mails.as_array().unwrap().iter().map(|mail| mail["subject"].clone()).collect::<Vec<_>>()
    };
    let mine = subjects(&one).await;
    assert_eq!(mine, subjects(&other).await);
    assert!(mine.len() > 125);
    let any = |test: &dyn Fn(&str) -> bool| mine.iter().filter_map(Value::as_str).any(test);
    assert!(any(&|subject| subject.contains("<script>")));
    assert!(any(&|subject| subject.contains("שלום")));
    assert!(any(&|subject| subject.contains('🎉')));
    assert!(any(&|subject| subject.chars().count() > 900));
    assert!(any(&|subject| subject.starts_with("Re: ")));
    assert!(mine.contains(&Value::Null), "a mail without a subject header");
    let accounts = one.see("google/accounts").await;
    let total: u64 = accounts.as_array().unwrap().iter().map(|account| account["mails"].as_u64().unwrap()).sum();
    assert!((250..600).contains(&total), "{total}");
}
