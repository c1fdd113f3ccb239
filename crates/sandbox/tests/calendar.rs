//! The Calendar API, asked rightly and wrongly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use std::collections::BTreeSet;

use drive::{Drive, start, text};
use reqwest::Method;
use serde_json::{Value, json};

const SCOPE: &str = "https://www.googleapis.com/auth/calendar";
const EVENTS: &str = "calendars/primary/events";
const TEAM: &str = "harbour-team%40group.calendar.sandbox.example";

async fn connected() -> (Drive, String) {
    let drive = start().await;
    let token = drive.token_for("alice", &[SCOPE]).await;
    (drive, token)
}

fn ids(page: &Value) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| text(item, "id").to_owned()).collect()
}

fn reason(body: &Value) -> &str {
    text(&body["error"]["errors"][0], "reason")
}

/// All pages of a list: the entries, and the last page.
async fn all(drive: &Drive, token: &str, path: &str) -> (Vec<Value>, Value) {
    let mut items = Vec::new();
    let mut page_token = String::new();
    loop {
        let (status, page) = drive.calendar(token, &format!("{path}{page_token}")).await;
        assert_eq!(status, 200, "{page}");
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["nextPageToken"].as_str() else { return (items, page) };
        assert!(page.get("nextSyncToken").is_none(), "only the last page has a sync token");
        page_token = format!("&pageToken={}", escaped(next));
    }
}

fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn meeting(summary: &str, start: &str, end: &str) -> Value {
    json!({ "summary": summary, "start": { "dateTime": start }, "end": { "dateTime": end } })
}

#[tokio::test]
async fn the_calendar_list_comes_in_pages_without_what_is_hidden_or_deleted() {
    let (drive, token) = connected().await;
    let (items, last) = all(&drive, &token, "users/me/calendarList?maxResults=2").await;
    let roles: Vec<(&str, &str)> = items.iter().map(|item| (text(item, "id"), text(item, "accessRole"))).collect();
    assert_eq!(
        roles,
        [
            ("alice@sandbox.example", "owner"),
            ("bob@sandbox.example", "freeBusyReader"),
            ("choir@group.calendar.sandbox.example", "owner"),
            ("en.harbour#holiday@group.v.calendar.sandbox.example", "reader"),
            ("harbour-team@group.calendar.sandbox.example", "owner"),
        ]
    );
    assert!(last["nextSyncToken"].is_string());
    assert_eq!(items[0]["primary"], true);
    assert_eq!(items[0]["timeZone"], "Europe/Helsinki");
    let (everything, _) = all(&drive, &token, "users/me/calendarList?showHidden=true&showDeleted=true").await;
    assert_eq!(everything.len(), 7);
    assert!(
        everything.iter().any(|item| item["hidden"] == true) && everything.iter().any(|item| item["deleted"] == true)
    );
    let (writable, _) = all(&drive, &token, "users/me/calendarList?minAccessRole=writer").await;
    assert_eq!(writable.len(), 3);
    let (status, one) = drive.calendar(&token, "users/me/calendarList/primary").await;
    assert_eq!((status, text(&one, "id")), (200, "alice@sandbox.example"));
    let (_, holidays) =
        drive.calendar(&token, "calendars/en.harbour%23holiday%40group.v.calendar.sandbox.example").await;
    assert_eq!(holidays["summary"], "Holidays of the harbour");
    let (_, zone) = drive.calendar(&token, "users/me/settings/timezone").await;
    assert_eq!(zone["value"], "Europe/Helsinki");
    let (settings, _) = all(&drive, &token, "users/me/settings?maxResults=5").await;
    assert_eq!(settings.len(), 12);
    assert_eq!(drive.calendar(&token, "users/me/settings/colour").await.0, 404);
    assert_eq!(drive.calendar(&token, "calendars/carol%40nowhere.example").await.0, 404);
}

#[tokio::test]
async fn events_come_in_pages_and_only_the_last_has_a_sync_token() {
    let (drive, token) = connected().await;
    let (items, last) = all(&drive, &token, &format!("{EVENTS}?maxResults=7")).await;
    assert!(items.len() > 25, "{}", items.len());
    assert_eq!(items.iter().map(|item| text(item, "id")).collect::<BTreeSet<_>>().len(), items.len());
    assert!(last["nextSyncToken"].is_string());
    let (_, whole) = drive.calendar(&token, &format!("{EVENTS}?maxResults=9999")).await;
    assert_eq!(ids(&whole).len(), items.len());
    drive.control("google/settings", json!({ "calendar_page_size": 3 })).await;
    let (_, capped) = drive.calendar(&token, EVENTS).await;
    assert_eq!(ids(&capped).len(), 3, "the cap forces pages with few events");
}

#[tokio::test]
async fn what_changes_between_two_syncs_is_told_once() {
    let (drive, token) = connected().await;
    let (items, last) = all(&drive, &token, &format!("{EVENTS}?singleEvents=false&maxResults=10")).await;
    let doctor = items.iter().find(|item| item["summary"] == "Doctor's appointment").unwrap();
    let lunch = items.iter().find(|item| item["summary"] == "Lunch with Anna").unwrap();
    let (doctor, lunch) = (text(doctor, "id"), text(lunch, "id"));
    let sync = |token: &Value| format!("{EVENTS}?syncToken={}", escaped(text(token, "nextSyncToken")));
    let (_, quiet) = drive.calendar(&token, &sync(&last)).await;
    assert_eq!(quiet["items"], json!([]));
    let moved = json!({ "location": "Pier 1" });
    drive.write(&token, Method::PATCH, &format!("{EVENTS}/{lunch}"), &moved).await;
    drive.write(&token, Method::DELETE, &format!("{EVENTS}/{doctor}"), &json!({})).await;
    let new = meeting("New", "2026-12-01T10:00:00+02:00", "2026-12-01T11:00:00+02:00");
    let (_, new) = drive.write(&token, Method::POST, EVENTS, &new).await;
    let (_, news) = drive.calendar(&token, &sync(&quiet)).await;
    let told: BTreeSet<String> = ids(&news).into_iter().collect();
    assert_eq!(told, [doctor, lunch, text(&new, "id")].map(str::to_owned).into());
    let deleted = news["items"].as_array().unwrap().iter().find(|item| item["id"] == doctor).unwrap();
    assert_eq!(deleted["status"], "cancelled");
    assert!(deleted.get("summary").is_none() && deleted.get("start").is_none());
    let (_, quiet) = drive.calendar(&token, &sync(&news)).await;
    assert_eq!(quiet["items"], json!([]));
    let (full, _) = all(&drive, &token, &format!("{EVENTS}?maxResults=2500")).await;
    assert!(!full.iter().any(|item| item["id"] == doctor), "a full list carries no tombstones");
    let (full, _) = all(&drive, &token, &format!("{EVENTS}?showDeleted=true")).await;
    assert!(full.iter().any(|item| item["id"] == doctor && item["status"] == "cancelled"));
}

#[tokio::test]
async fn what_changes_while_pages_are_read_is_told_by_the_next_sync() {
    let (drive, token) = connected().await;
    let (_, first) = drive.calendar(&token, &format!("{EVENTS}?maxResults=20")).await;
    let seen = text(&first["items"][0], "id").to_owned();
    drive.write(&token, Method::PATCH, &format!("{EVENTS}/{seen}"), &json!({ "location": "Elsewhere" })).await;
    let next = escaped(text(&first, "nextPageToken"));
    let (_, last) = all(&drive, &token, &format!("{EVENTS}?maxResults=20&pageToken={next}")).await;
    let sync = escaped(text(&last, "nextSyncToken"));
    let (_, news) = drive.calendar(&token, &format!("{EVENTS}?syncToken={sync}")).await;
    assert!(ids(&news).contains(&seen));
}

#[tokio::test]
async fn a_sync_token_goes_with_nothing_that_it_did_not_come_with() {
    let (drive, token) = connected().await;
    let (_, page) = drive.calendar(&token, &format!("{EVENTS}?maxResults=2500")).await;
    let sync = escaped(text(&page, "nextSyncToken"));
    for other in [
        "timeMin=2026-01-01T00:00:00Z",
        "timeMax=2026-01-01T00:00:00Z",
        "q=lunch",
        "orderBy=updated",
        "updatedMin=2026-11-19T00:00:00Z",
        "iCalUID=x",
        "privateExtendedProperty=a%3Db",
        "sharedExtendedProperty=a%3Db",
        "showDeleted=false",
        "singleEvents=true",
        "timeZone=Asia/Tokyo",
    ] {
        let (status, body) = drive.calendar(&token, &format!("{EVENTS}?syncToken={sync}&{other}")).await;
        assert_eq!(status, 400, "{other}: {body}");
    }
    assert_eq!(drive.calendar(&token, &format!("{EVENTS}?syncToken={sync}&maxResults=5")).await.0, 200);
    let (status, body) = drive.calendar(&token, &format!("{EVENTS}?syncToken=made-up")).await;
    assert_eq!((status, reason(&body)), (400, "invalidParameter"));
    let (status, _) = drive.calendar(&token, &format!("calendars/{TEAM}/events?syncToken={sync}")).await;
    assert_eq!(status, 400, "another calendar's");
    drive.control("google/accounts/alice/calendars/primary/forget-sync", json!({})).await;
    let (status, body) = drive.calendar(&token, &format!("{EVENTS}?syncToken={sync}")).await;
    assert_eq!((status, reason(&body)), (410, "fullSyncRequired"));
    let (status, body) = drive.calendar(&token, &format!("{EVENTS}?updatedMin=2020-01-01T00:00:00Z")).await;
    assert_eq!((status, reason(&body)), (410, "updatedMinTooLongAgo"));
}
