//! One mailbox: its messages, and the history of what changed.
//!
//! Every change takes the next history id and leaves a record, as Gmail does; a client that keeps a cursor sees all
//! of it. HTTP stays outside (`gmail.rs`, `history.rs`).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use chrono::{DateTime, Utc};

use super::mime::{self, Parsed};

/// A message as it lies in the mailbox.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: String,
    pub thread_id: String,
    pub labels: BTreeSet<String>,
    /// RFC 5322, byte for byte as it was sent.
    pub raw: Arc<Vec<u8>>,
    pub internal_date: DateTime<Utc>,
    pub history_id: u64,
    parsed: OnceLock<Arc<Parsed>>,
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
    /// Names of the labels that the person made, by id.
    pub own_labels: BTreeMap<String, String>,
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
            own_labels: BTreeMap::new(),
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
    /// Alone in its thread until somebody says otherwise.
    pub fn new(id: String, raw: Vec<u8>, labels: BTreeSet<String>, internal_date: DateTime<Utc>) -> Self {
        let raw = Arc::new(raw);
        Self { thread_id: id.clone(), id, labels, raw, internal_date, history_id: 0, parsed: OnceLock::new() }
    }

    pub fn order(&self) -> (i64, &str) {
        (self.internal_date.timestamp_millis(), &self.id)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.parsed().header(name)
    }

    /// The bytes as they came, taken apart once.
    pub fn parsed(&self) -> &Parsed {
        self.parsed.get_or_init(|| Arc::new(mime::parse(&self.raw)))
    }

    pub fn has_attachment(&self) -> bool {
        self.parsed().walk().iter().any(|part| part.is_attachment())
    }

    /// The start of the text on one line, with HTML's special characters escaped as Gmail does.
    pub fn snippet(&self) -> String {
        let line: String = self.parsed().text.split_whitespace().collect::<Vec<_>>().join(" ");
        let cut: String = line.chars().take(190).collect();
        cut.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
            .replace('\'', "&#39;")
    }
}
