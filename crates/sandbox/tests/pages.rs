//! The pages people see, and the program as it is started.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use drive::{Drive, GMAIL, start};
use sha2::{Digest, Sha256};

#[tokio::test]
async fn a_deep_link_opens_the_chat_with_its_payload() {
    let drive = start().await;
    let location = async |path: &str| {
        let response = drive.get(path).send().await.unwrap();
        assert_eq!(response.status(), 303, "{path}");
        response.headers()["location"].to_str().unwrap().to_owned()
    };
    assert_eq!(location("/bellhop_sandbox_bot?start=Ab_-9").await, "/chat?start=Ab_-9");
    assert_eq!(location("/bellhop_sandbox_bot").await, "/chat");
    let long = format!("/bellhop_sandbox_bot?start={}", "a".repeat(65));
    assert_eq!(location(&long).await, "/chat", "too long a payload is not passed on");
    assert_eq!(location("/bellhop_sandbox_bot?start=a%20b").await, "/chat");
    assert_eq!(drive.get("/another_bot?start=x").send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn the_chat_page_is_there_and_brings_everything_itself() {
    let drive = start().await;
    let page = drive.get("/chat").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("viewport") && page.contains("prefers-color-scheme"));
    assert!(!page.contains("https://") && !page.contains("src=\"http"), "nothing from elsewhere");
}

#[tokio::test]
async fn nothing_a_program_sends_can_become_part_of_the_chat_page() {
    let drive = start().await;
    let response = drive.get("/chat").send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    let page = response.text().await.unwrap();
    let between = |start: &str, end: &str| {
        let (_, rest) = page.split_once(start).unwrap();
        rest.split_once(end).unwrap().0.to_owned()
    };
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let (script, style) = (between("<script>", "</script>"), between("<style>", "</style>"));
    assert!(policy.contains(&format!("script-src 'sha256-{}'", hash(&script))), "only the page's own script: {policy}");
    assert!(policy.contains(&format!("style-src 'sha256-{}'", hash(&style))), "{policy}");
    assert!(policy.contains("default-src 'none'") && policy.contains("require-trusted-types-for 'script'"));
    for way_in in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "unsafe-"] {
        assert!(!script.contains(way_in) && !policy.contains(way_in), "{way_in}");
    }
    assert_eq!(page.matches("<script").count(), 1);
    assert!(!page.contains(" style=") && !page.contains(" onclick="));
}

#[tokio::test]
async fn the_consent_page_is_a_form_without_scripts() {
    let drive = start().await;
    let page = drive.authorize(&Drive::authorization()).await.text().await.unwrap();
    for expected in ["alice@sandbox.example", "carol@sandbox.example", "value=\"deny\"", "value=\"allow\"", GMAIL] {
        assert!(page.contains(expected), "{expected}");
    }
    assert!(!page.contains("<script"));
    let mut asked = Drive::authorization();
    asked.insert("login_hint", "bob@sandbox.example".to_owned());
    let page = drive.authorize(&asked).await.text().await.unwrap();
    assert!(page.contains("value=\"bob\" checked"), "the hinted account is chosen");
    asked.insert("state", "\"><script>".to_owned());
    asked.insert("client_id", "<script>alert(1)</script>".to_owned());
    let page = drive.authorize(&asked).await.text().await.unwrap();
    assert!(!page.contains("<script"));
}

#[tokio::test]
async fn the_manual_is_served() {
    let drive = start().await;
    for path in ["/sandbox", "/"] {
        let manual = drive.get(path).send().await.unwrap().text().await.unwrap();
        assert!(manual.contains("/sandbox/faults"), "{path}");
    }
}

#[tokio::test]
async fn the_manual_names_every_method_that_there_is() {
    let drive = start().await;
    let manual = drive.get("/").send().await.unwrap().text().await.unwrap();
    let (_, methods) = manual.split_once("\nMethods ").unwrap();
    let (methods, _) = methods.split_once("\nRefused").unwrap();
    for method in methods.split_whitespace() {
        let (status, body) = drive.bot(method, serde_json::json!({})).await;
        assert_ne!(status, 404, "{method}: {body}");
    }
    assert!(methods.split_whitespace().count() > 20);
}

#[tokio::test]
async fn the_manual_names_every_google_path_that_there_is() {
    let drive = start().await;
    let manual = drive.get("/").send().await.unwrap().text().await.unwrap();
    for path in [
        "/gmail/v1/users/me/labels",
        "/calendar/v3/users/me/calendarList",
        "/calendar/v3/calendars/primary/events",
        "/calendar/v3/calendars/primary/events/x/instances",
    ] {
        assert_eq!(drive.get(path).send().await.unwrap().status(), 401, "{path} is there, and asks who it is");
    }
    for word in ["calendarList", "freeBusy", "instances", "attachments", "forget-sync", "mails/raw", "/move", "legacy"]
    {
        assert!(manual.contains(word), "{word}");
    }
}

#[test]
fn the_program_says_where_it_listens_and_explains_itself() {
    let program = env!("CARGO_BIN_EXE_bellhop-sandbox");
    let help = Command::new(program).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for expected in ["--clock-offset-file", "CLOCK_OFFSET_FILE", "/sandbox/ledger", "127.0.0.1:8090"] {
        assert!(help.contains(expected), "{expected}");
    }
    let mut child = Command::new(program)
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    assert!(!line.trim_end().ends_with(":0"));
}
