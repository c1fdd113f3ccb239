//! Faults on command, seen from the client's side of the wire.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use std::time::{Duration, Instant};

use bellhop_sandbox::Settings;
use drive::{Drive, start, start_with, text};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends a request byte for byte and answers every byte that comes back until the connection closes.
async fn raw(drive: &Drive, request: &str) -> Vec<u8> {
    let address = drive.running.origin().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut received)).await;
    // A reset is a closed connection too.
    let _ = read.expect("the connection must be closed, not left open");
    received
}

#[tokio::test]
async fn a_status_hits_the_next_calls_and_then_stops() {
    let drive = start().await;
    let token = text(&drive.connect().await, "access_token").to_owned();
    let fault =
        json!({ "path": "/gmail/v1/users/me/messages", "times": 2, "skip": 1, "status": 503, "retry_after": 9 });
    drive.control("faults", fault).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let response = drive.get("/gmail/v1/users/me/messages").bearer_auth(&token).send().await.unwrap();
        statuses.push(response.status().as_u16());
        if response.status() == 503 {
            assert_eq!(response.headers()["retry-after"], "9");
            assert_eq!(response.json::<Value>().await.unwrap()["error"]["code"], 503);
        }
    }
    assert_eq!(statuses, [200, 503, 503, 200]);
    assert_eq!(drive.see("faults").await, json!([]));
    let ledger = drive.see("ledger").await;
    let refused = json!({ "method": "GET", "path": "/gmail/v1/users/{user}/messages", "outcome": "503", "count": 2 });
    assert!(ledger["calls"].as_array().unwrap().contains(&refused), "{}", ledger["calls"]);
}

#[tokio::test]
async fn a_fault_hits_every_so_manieth_call_until_its_time_is_over() {
    let folder = std::env::temp_dir().join(format!("sandbox-faults-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let clock = folder.join("clock");
    std::fs::write(&clock, "0").unwrap();
    let drive = start_with(Settings { clock_offset_file: Some(clock.clone()), ..Settings::default() }).await;
    let status = async || drive.get("/v1/userinfo").send().await.unwrap().status().as_u16();
    drive.control("faults", json!({ "path": "/v1/userinfo", "one_in": 3, "seconds": 60 })).await;
    let mut statuses = Vec::new();
    for _ in 0..7 {
        statuses.push(status().await);
    }
    assert_eq!(statuses, [503, 401, 401, 503, 401, 401, 503]);
    assert_eq!(drive.see("faults").await.as_array().unwrap().len(), 1);
    std::fs::write(&clock, "61000").unwrap();
    assert_eq!([status().await, status().await, status().await], [401; 3]);
    assert_eq!(drive.see("faults").await, json!([]));

    // Both ends count: two calls, or a minute, whichever is first.
    drive.control("faults", json!({ "path": "/v1/userinfo", "times": 2, "seconds": 60 })).await;
    assert_eq!([status().await, status().await, status().await], [503, 503, 401]);
    let wrong = drive.post("/sandbox/faults").json(&json!({ "path": "/", "one_in": 0 })).send().await.unwrap();
    assert_eq!(wrong.status(), 400);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn faults_can_be_aimed_and_cleared() {
    let drive = start().await;
    let status = async |path: &str| drive.get(path).send().await.unwrap().status().as_u16();
    drive.control("faults", json!({ "path": "/v1/user", "exact": true })).await;
    assert_eq!(status("/v1/userinfo").await, 401, "exact means exact");
    drive.control("faults", json!({ "path": "/v1/userinfo", "method": "POST" })).await;
    assert_eq!(status("/v1/userinfo").await, 401, "another method");
    drive.control("faults", json!({ "path": "/v1/userinfo", "contains": "needle" })).await;
    assert_eq!(status("/v1/userinfo").await, 401);
    assert_eq!(status("/v1/userinfo?x=needle").await, 503);
    drive.control("faults", json!({ "path": "/v1/userinfo", "body": "<html>oops" })).await;
    let odd = drive.get("/v1/userinfo").send().await.unwrap();
    assert_eq!((odd.status().as_u16(), odd.text().await.unwrap()), (200, "<html>oops".to_owned()));
    drive.client.delete(drive.url("/sandbox/faults")).send().await.unwrap();
    assert_eq!(drive.see("faults").await, json!([]));
    let wrong = drive.post("/sandbox/faults").json(&json!({ "path": "/", "time": 3 })).send().await.unwrap();
    assert_eq!(wrong.status(), 400);
}

#[tokio::test]
async fn a_delay_waits_and_then_works() {
    let drive = start().await;
    drive.control("faults", json!({ "path": "/v1/userinfo", "delay_ms": 300 })).await;
    let began = Instant::now();
    assert_eq!(drive.get("/v1/userinfo").send().await.unwrap().status(), 401);
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn a_dropped_connection_sends_not_one_byte_and_does_no_work() {
    let drive = start().await;
    let tokens = drive.connect().await;
    let refresh = text(&tokens, "refresh_token");
    drive.control("faults", json!({ "path": "/token", "drop": true })).await;
    let body = format!(
        "grant_type=refresh_token&refresh_token={refresh}&client_id=sandbox-client&client_secret=sandbox-secret"
    );
    let request = format!(
        "POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(raw(&drive, &request).await, b"", "closed without an answer");
    let ledger = drive.see("ledger").await;
    assert_eq!(ledger["token_requests"].as_array().unwrap().len(), 1, "the work was not done");
    let dropped = json!({ "method": "POST", "path": "/token", "outcome": "dropped", "count": 1 });
    assert!(ledger["calls"].as_array().unwrap().contains(&dropped));

    drive.control("faults", json!({ "path": "/token", "lose_answer": true })).await;
    assert_eq!(raw(&drive, &request).await, b"", "closed without an answer");
    let ledger = drive.see("ledger").await;
    assert_eq!(ledger["token_requests"].as_array().unwrap().len(), 2, "the work was done");
    assert_eq!(ledger["token_requests"][1]["outcome"], "issued");
    assert_eq!(ledger["token_requests"][0]["answer_lost"], false);
    assert_eq!(ledger["token_requests"][1]["answer_lost"], true);
    assert_eq!(drive.refresh(refresh).await.0, 200, "and then all is well again");
}

#[tokio::test]
async fn a_lost_answer_is_an_error_for_an_ordinary_client_even_on_a_kept_connection() {
    let drive = start().await;
    drive.say(1001, "hi").await;
    drive.bot_ok("getMe", json!({})).await;
    drive.control("faults", json!({ "path": "/bot/sendMessage", "lose_answer": true })).await;
    let body = json!({ "chat_id": 1001, "text": "sent, but nobody heard" });
    let lost = drive.post("/botsandbox-bot-token/sendMessage").json(&body).send().await;
    assert!(lost.unwrap_err().status().is_none());
    let transcript = drive.see("telegram/people/1001/messages").await;
    assert_eq!(transcript["messages"].as_array().unwrap().len(), 2, "sent exactly once");
    drive.bot_ok("getMe", json!({})).await;
}

#[tokio::test]
async fn a_stopped_sandbox_answers_nobody_not_even_on_a_kept_connection() {
    let drive = start().await;
    drive.bot_ok("getMe", json!({})).await;
    let Drive { running, client } = drive;
    let address = format!("{}/botsandbox-bot-token/getMe", running.origin());
    drop(running);
    assert!(client.get(address).send().await.is_err());
}
