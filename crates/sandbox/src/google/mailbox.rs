//! One mailbox: its messages, and the history of what changed.
//!
//! Every change takes the next history id and leaves a record, as Gmail does; a client that keeps a cursor sees all
//! of it. HTTP stays outside (`gmail.rs`, `history.rs`).

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::STANDARD, engine::general_purpose::URL_SAFE};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// A message as it lies in the mailbox.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: String,
    pub thread_id: String,
    pub labels: BTreeSet<String>,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub html: Option<String>,
    pub internal_date: DateTime<Utc>,
    pub history_id: u64,
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Change {
    pub id: u64,
    pub kind: ChangeKind,
    pub message_id: String,
    pub thread_id: String,
    /// The message's labels afterwards.
    pub labels: BTreeSet<String>,
    /// The labels that came or went.
    pub touched: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    MessageAdded,
    MessageDeleted,
    LabelAdded,
    LabelRemoved,
}

/// Messages by id, and the changes since the mailbox was made.
#[derive(Debug)]
pub struct Mailbox {
    pub messages: BTreeMap<String, Message>,
    pub changes: Vec<Change>,
    pub history_id: u64,
    /// Cursors below this are too old.
    pub oldest_cursor: u64,
    next_id: u64,
}

impl Mailbox {
    /// Ids count up from here; mailboxes of different accounts start far apart.
    pub fn new(first_id: u64) -> Self {
        Self {
            messages: BTreeMap::new(),
            changes: Vec::new(),
            history_id: first_id % 90_000 + 1_000,
            oldest_cursor: 0,
            next_id: first_id,
        }
    }

    pub fn new_id(&mut self) -> String {
        // Gmail's ids are not consecutive either.
        self.next_id += 0x1f_37;
        format!("{:016x}", self.next_id)
    }

    pub fn add(&mut self, mut message: Message) -> String {
        self.history_id += 1;
        message.history_id = self.history_id;
        let id = message.id.clone();
        self.record(ChangeKind::MessageAdded, &message, BTreeSet::new());
        self.messages.insert(id.clone(), message);
        id
    }

    pub fn delete(&mut self, id: &str) -> bool {
        let Some(message) = self.messages.remove(id) else {
            return false;
        };
        self.history_id += 1;
        self.record(ChangeKind::MessageDeleted, &message, BTreeSet::new());
        true
    }

    /// Adds and removes labels; a change that changes nothing leaves no record.
    pub fn label(&mut self, id: &str, add: &[&str], remove: &[&str]) -> bool {
        let Some(mut message) = self.messages.get(id).cloned() else {
            return false;
        };
        let fresh = |label: &&&str| !message.labels.contains(**label);
        let added: BTreeSet<String> = add.iter().filter(fresh).map(|label| (*label).to_owned()).collect();
        let there = |label: &&&str| message.labels.contains(**label);
        let removed: BTreeSet<String> = remove.iter().filter(there).map(|label| (*label).to_owned()).collect();
        message.labels.extend(added.iter().cloned());
        message.labels.retain(|label| !removed.contains(label));
        for (kind, touched) in [(ChangeKind::LabelAdded, added), (ChangeKind::LabelRemoved, removed)] {
            if !touched.is_empty() {
                self.history_id += 1;
                message.history_id = self.history_id;
                self.record(kind, &message, touched);
            }
        }
        self.messages.insert(id.to_owned(), message);
        true
    }

    /// From now on every earlier cursor is answered with 404.
    pub fn forget_history(&mut self) {
        self.changes.clear();
        // Without this, a cursor taken just now would still be good.
        self.history_id += 1;
        self.oldest_cursor = self.history_id;
    }

    /// Drops the records of how the mailbox was filled: those messages were always there.
    pub fn settle(&mut self) {
        self.changes.clear();
        self.oldest_cursor = self.history_id;
    }

    pub fn newest_first(&self) -> Vec<&Message> {
        let mut messages: Vec<_> = self.messages.values().collect();
        messages.sort_unstable_by(|a, b| b.order().cmp(&a.order()));
        messages
    }

    fn record(&mut self, kind: ChangeKind, message: &Message, touched: BTreeSet<String>) {
        self.changes.push(Change {
            id: self.history_id,
            kind,
            message_id: message.id.clone(),
            thread_id: message.thread_id.clone(),
            labels: message.labels.clone(),
            touched,
        });
    }
}

impl Message {
    pub fn order(&self) -> (i64, &str) {
        (self.internal_date.timestamp_millis(), &self.id)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The start of the text on one line, with HTML's special characters escaped as Gmail does.
    pub fn snippet(&self) -> String {
        let line: String = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let cut: String = line.chars().take(190).collect();
        cut.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;")
    }

    /// The message as RFC 5322 text; header values that are not ASCII become encoded words (RFC 2047).
    pub fn raw(&self) -> String {
        let mut lines: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{name}: {}", encoded_words(value))).collect();
        lines.push("MIME-Version: 1.0".to_owned());
        match &self.html {
            None => lines.extend(raw_part("plain", &self.text)),
            Some(html) => {
                let boundary = format!("sandbox-{}", self.id);
                lines.push(format!("Content-Type: multipart/alternative; boundary=\"{boundary}\""));
                lines.push(String::new());
                for (kind, content) in [("plain", &self.text), ("html", html)] {
                    lines.push(format!("--{boundary}"));
                    lines.extend(raw_part(kind, content));
                }
                lines.push(format!("--{boundary}--"));
            }
        }
        lines.push(String::new());
        lines.join(
            "
",
        )
    }

    /// `payload` with its parts, as `format=full` gives it.
    pub fn payload(&self) -> Value {
        let headers: Vec<Value> =
            self.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let part = |id: &str, kind: &str, content: &str| {
            json!({
                "partId": id,
                "mimeType": kind,
                "filename": "",
                "headers": [{ "name": "Content-Type", "value": format!("{kind}; charset=utf-8") }],
                "body": { "size": content.len(), "data": URL_SAFE.encode(content) },
            })
        };
        match &self.html {
            None => json!({
                "partId": "",
                "mimeType": "text/plain",
                "filename": "",
                "headers": headers,
                "body": { "size": self.text.len(), "data": URL_SAFE.encode(&self.text) },
            }),
            Some(html) => json!({
                "partId": "",
                "mimeType": "multipart/alternative",
                "filename": "",
                "headers": headers,
                "body": { "size": 0 },
                "parts": [part("0", "text/plain", &self.text), part("1", "text/html", html)],
            }),
        }
    }
}

fn raw_part(kind: &str, content: &str) -> [String; 4] {
    [
        format!("Content-Type: text/{kind}; charset=utf-8"),
        "Content-Transfer-Encoding: base64".to_owned(),
        String::new(),
        STANDARD.encode(content),
    ]
}

fn encoded_words(value: &str) -> String {
    if value.is_ascii() {
        return value.to_owned();
    }
    let characters: Vec<char> = value.chars().collect();
    characters
        .chunks(10)
        .map(|chunk| format!("=?utf-8?B?{}?=", STANDARD.encode(chunk.iter().collect::<String>())))
        .collect::<Vec<_>>()
        .join("\r\n ")
}
