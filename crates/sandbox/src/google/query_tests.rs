use std::collections::BTreeSet;

use chrono::TimeZone;

use super::*;
use crate::google::{compose, lively};

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
}

fn mail() -> Message {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let draft = compose::Draft {
        headers: vec![
            header("From", "Anna Virtanen <anna@harbour.example>"),
            header("To", "alice@sandbox.example"),
            header("Cc", "Jonas <jonas@mill.example>"),
            header("Subject", "Lunch on Thursday, maybe"),
            header("Message-ID", "<Some-Id@harbour.example>"),
        ],
        text: "The new place by the harbour has a table. 会議室は三階です".to_owned(),
        html: None,
        attachments: vec![compose::Attachment {
            filename: "menu of the day.pdf".to_owned(),
            kind: "application/pdf".to_owned(),
            content: b"%PDF".to_vec(),
        }],
    };
    let labels: BTreeSet<String> = ["INBOX", "UNREAD", "Label_1"].map(str::to_owned).into();
    Message::new("0000000000000001".to_owned(), draft.bytes("x"), labels, now() - TimeDelta::days(3))
}

#[test]
fn what_people_type_finds_what_they_mean() {
    let accounts = lively::accounts(1, 1, now());
    let alice = &accounts["alice"];
    let mail = mail();
    for (query, found) in [
        ("", true),
        ("lunch", true),
        ("LUNCH thursday", true),
        ("lun", false),
        ("\"lunch on thursday\"", true),
        ("\"thursday lunch\"", false),
        ("from:anna", true),
        ("from:anna@harbour.example to:me", true),
        ("from:me", false),
        ("to:jonas", true),
        ("cc:jonas -from:jonas", true),
        ("subject:(lunch maybe)", true),
        ("subject:(lunch never)", false),
        ("subject:\"on thursday\"", true),
        ("subject:harbour", false),
        ("breakfast OR lunch", true),
        ("breakfast OR dinner OR lunch thursday", true),
        ("lunch OR dinner breakfast", false),
        ("{breakfast lunch}", true),
        ("-{breakfast lunch}", false),
        ("from:{jonas anna}", true),
        ("lunch -harbour", false),
        ("has:attachment", true),
        ("has:attachment filename:pdf", true),
        ("filename:docx", false),
        ("is:unread in:inbox", true),
        ("is:read", false),
        ("in:anywhere", true),
        ("in:sent", false),
        ("label:receipts", true),
        ("label:travel-boat-trips", false),
        ("newer_than:4d", true),
        ("newer_than:2d", false),
        ("older_than:2d", true),
        ("older_than:1y", false),
        ("after:2026/11/16 before:2026/11/18", true),
        ("after:11/18/2026", false),
        ("after:1763000000", true),
        ("rfc822msgid:Some-Id@harbour.example", true),
        ("rfc822msgid:<Some-Id@harbour.example>", true),
        ("rfc822msgid:other@harbour.example", false),
        ("smaller:1M", true),
        ("larger:1M", false),
        ("三階", true),
        ("http://lunch", false),
        ("category:primary", true),
        ("((((lunch", true),
        ("lunch)))", true),
        ("\"lunch on", true),
    ] {
        assert_eq!(Query::parse(query, now()).matches(&mail, alice), found, "{query}");
    }
}

#[test]
fn no_search_is_too_odd() {
    let mail = mail();
    let accounts = lively::accounts(1, 1, now());
    for query in [
        &"(".repeat(50_000),
        &"-".repeat(1_000),
        "after:99999-99-99",
        "newer_than:€",
        "newer_than:4294967295y",
        "larger:€",
        ":",
        "\"",
        "from:(",
        "OR",
        "- OR -",
        "{",
    ] {
        Query::parse(query, now()).matches(&mail, &accounts["alice"]);
    }
    assert!(Query::parse("x in:spam", now()).looks_everywhere());
    assert!(!Query::parse("-in:spam", now()).looks_everywhere());
}
