//! What the APIs allow, kept to and not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use std::path::PathBuf;

use bellhop_sandbox::Settings;
use drive::{CALENDAR, Drive, GMAIL, start, start_with, text};
use serde_json::{Value, json};

const EVENTS: &str = "calendars/primary/events?maxResults=1";

/// alice's and bob's tokens.
async fn two_people(drive: &Drive) -> [String; 2] {
    [drive.token_for("alice", &[GMAIL, CALENDAR]).await, drive.token_for("bob", &[GMAIL, CALENDAR]).await]
}

async fn limit(drive: &Drive, quota: Value) {
    drive.control("google/settings", json!({ "quota": quota })).await;
}

fn reason(body: &Value) -> &str {
    text(&body["error"]["errors"][0], "reason")
}

#[tokio::test]
async fn each_person_and_the_whole_project_have_their_own_limit() {
    let drive = start().await;
    let [alice, bob] = two_people(&drive).await;
    limit(&drive, json!({ "units_per_minute": 10, "project_units_per_minute": 15 })).await;
    assert_eq!(drive.gmail(&alice, "messages").await.0, 200);
    assert_eq!(drive.gmail(&alice, "messages").await.0, 200);
    let (status, refused) = drive.gmail(&alice, "profile").await;
    assert_eq!((status, reason(&refused)), (429, "rateLimitExceeded"), "{refused}");
    assert!(text(&refused["error"], "message").contains("per user"), "{refused}");
    assert_eq!(drive.gmail(&bob, "messages").await.0, 200);
    let (status, refused) = drive.gmail(&bob, "profile").await;
    assert_eq!((status, reason(&refused)), (429, "rateLimitExceeded"), "{refused}");
    assert!(!text(&refused["error"], "message").contains("per user"), "{refused}");
    // Calendar's own figures were left out.
    assert_eq!(drive.calendar(&alice, EVENTS).await.0, 200);
}

#[tokio::test]
async fn every_request_to_the_calendar_counts_one() {
    let drive = start().await;
    let [alice, bob] = two_people(&drive).await;
    let quota = json!({
        "units_per_minute": 1, "calendar_requests_per_minute": 3, "calendar_project_requests_per_minute": 4,
    });
    limit(&drive, quota).await;
    for path in ["users/me/calendarList", EVENTS, "calendars/primary/events/not-there"] {
        assert_ne!(drive.calendar(&alice, path).await.0, 429, "{path}");
    }
    let (status, refused) = drive.calendar(&alice, EVENTS).await;
    assert_eq!((status, reason(&refused)), (429, "rateLimitExceeded"), "{refused}");
    assert_eq!(drive.calendar(&bob, EVENTS).await.0, 200);
    assert_eq!(drive.calendar(&bob, EVENTS).await.0, 429);
}

#[tokio::test]
async fn the_window_slides_with_the_clock() {
    let clock: PathBuf = std::env::temp_dir().join(format!("bellhop-sandbox-quota-{}", uuid::Uuid::new_v4().simple()));
    let at = |seconds: i64| std::fs::write(&clock, (seconds * 1_000).to_string()).unwrap();
    at(0);
    let drive = start_with(Settings { clock_offset_file: Some(clock.clone()), ..Settings::default() }).await;
    let [alice, _] = two_people(&drive).await;
    limit(&drive, json!({ "units_per_minute": 10 })).await;
    assert_eq!(drive.gmail(&alice, "messages").await.0, 200);
    at(40);
    assert_eq!(drive.gmail(&alice, "messages").await.0, 200);
    assert_eq!(drive.gmail(&alice, "messages").await.0, 429);
    // The first is a minute old, the second is not.
    at(61);
    assert_eq!(drive.gmail(&alice, "messages").await.0, 200);
    assert_eq!(drive.gmail(&alice, "messages").await.0, 429);
    at(130);
    assert_eq!(drive.gmail(&alice, "messages").await.0, 200);
    std::fs::remove_file(clock).unwrap();
}

#[tokio::test]
async fn too_many_requests_about_one_person_at_once_are_refused() {
    let drive = start().await;
    let [alice, bob] = two_people(&drive).await;
    limit(&drive, json!({ "units_per_minute": 6_000, "at_once": 2 })).await;
    drive.control("faults", json!({ "path": "/gmail/v1/users/me/profile", "times": 4, "delay_ms": 4_000 })).await;
    let profile = |token: &str| {
        let request = drive.get("/gmail/v1/users/me/profile").bearer_auth(token);
        tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
    };
    let under_way = [profile(&alice), profile(&alice)];
    while drive.see("faults").await[0]["times"] != 2 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let (status, refused) = drive.gmail(&alice, "messages").await;
    assert_eq!((status, reason(&refused)), (429, "rateLimitExceeded"), "{refused}");
    assert!(text(&refused["error"], "message").contains("concurrent"), "{refused}");
    // Another person, and another API, have their own.
    assert_eq!(drive.gmail(&bob, "messages").await.0, 200);
    assert_eq!(drive.calendar(&alice, EVENTS).await.0, 200);
    for request in under_way {
        assert_eq!(request.await.unwrap(), 200);
    }
    assert_eq!(drive.gmail(&alice, "messages").await.0, 200);
}
