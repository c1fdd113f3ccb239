//! What the sandbox was asked and did: the other side's view, against which the program under test is checked.
//!
//! Never a raw token in here, only fingerprints; raw secrets are kept apart (`secrets.rs`) for canary scans.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Sandbox, State};

/// Counts and lists since the start or the last reset.
#[derive(Debug, Default)]
pub struct Ledger {
    /// By method, path template and what became of it (a status, `dropped` or `answer lost`).
    pub calls: BTreeMap<(String, String, String), u64>,
    pub authorizations: Vec<Value>,
    pub token_requests: Vec<TokenRequest>,
    pub revocations: Vec<Value>,
    /// Mails that went out through Gmail.
    pub mails_sent: Vec<Value>,
    pub messages_sent: BTreeMap<i64, u64>,
    pub messages_edited: BTreeMap<i64, u64>,
    pub messages_deleted: BTreeMap<i64, u64>,
    pub callbacks_answered: u64,
    /// By the id of the query: a press that was answered twice shows.
    pub presses_answered: BTreeMap<String, u64>,
    /// Counts each delivery, so a repeated update counts again.
    pub updates_delivered: u64,
    pub updates_confirmed: u64,
    pub poll_conflicts: u64,
}

/// One request to the token endpoint.
#[derive(Debug, Default, Serialize)]
pub struct TokenRequest {
    pub at: DateTime<Utc>,
    pub grant_type: String,
    /// `issued`, or the error code of the refusal.
    pub outcome: String,
    pub account: Option<String>,
    pub code_used: Option<String>,
    pub refresh_token_used: Option<String>,
    pub refresh_token_issued: Option<String>,
    pub access_token_issued: Option<String>,
    /// The work was done, and a fault on command kept the answer back.
    pub answer_lost: bool,
}

/// Goes with a request whose answer will be lost, for the entry of that request.
#[derive(Debug, Clone, Copy)]
pub struct AnswerLost;

/// The first 16 hexadecimal digits of a secret's SHA-256.
pub fn fingerprint(secret: &str) -> String {
    let digest = Sha256::digest(secret);
    let start = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    format!("{start:016x}")
}

/// A path with its variable parts named, so that calls can be counted.
pub fn template(path: &str) -> String {
    let without_token = crate::faults::without_bot_token(path);
    let parts: Vec<&str> = without_token.split('/').collect();
    match parts.as_slice() {
        ["", "bot", method] => format!("/bot/{method}"),
        ["", "gmail", "v1", "users", _, "messages", "send"] => "/gmail/v1/users/{user}/messages/send".to_owned(),
        ["", "gmail", "v1", "users", _, "messages", _, "attachments", _] => {
            "/gmail/v1/users/{user}/messages/{id}/attachments/{attachment}".to_owned()
        }
        ["", "gmail", "v1", "users", _, "labels", _] => "/gmail/v1/users/{user}/labels/{id}".to_owned(),
        ["", "gmail", "v1", "users", _, "messages", _] => "/gmail/v1/users/{user}/messages/{id}".to_owned(),
        ["", "gmail", "v1", "users", _, rest @ ..] => format!("/gmail/v1/users/{{user}}/{}", rest.join("/")),
        ["", "calendar", "v3", rest @ ..] => format!("/calendar/v3/{}", calendar_template(rest)),
        _ => without_token,
    }
}

fn calendar_template(rest: &[&str]) -> String {
    match rest {
        ["calendars", _] => "calendars/{calendar}".to_owned(),
        ["calendars", _, "events"] => "calendars/{calendar}/events".to_owned(),
        ["calendars", _, "events", _, rest @ ..] => ["calendars/{calendar}/events/{event}"]
            .into_iter()
            .chain(rest.iter().copied())
            .collect::<Vec<_>>()
            .join("/"),
        ["users", _, "calendarList", _] => "users/me/calendarList/{calendar}".to_owned(),
        other => other.join("/"),
    }
}

impl Ledger {
    pub fn count_call(&mut self, method: &str, path: &str, outcome: String) {
        *self.calls.entry((method.to_owned(), template(path), outcome)).or_default() += 1;
    }
}

/// Everything at once, as `GET /sandbox/ledger` gives it.
pub fn view(sandbox: &Sandbox, state: &State) -> Value {
    let now = sandbox.clock.now();
    let ledger = &state.ledger;
    let google = &state.google;
    let calls: Vec<Value> = ledger
        .calls
        .iter()
        .map(|((method, path, outcome), count)| {
            json!({ "method": method, "path": path, "outcome": outcome, "count": count })
        })
        .collect();
    let grants: Vec<Value> = google
        .grants
        .iter()
        .map(|(account, grant)| {
            let mut refresh_tokens: Vec<_> =
                google.refresh_tokens.iter().filter(|(_, token)| token.account == *account).collect();
            refresh_tokens.sort_by_key(|(_, token)| token.serial);
            json!({
                "account": account,
                "client_id": google.client_id,
                "scopes": grant.scopes,
                "refresh_tokens": refresh_tokens.iter().map(|(raw, _)| fingerprint(raw)).collect::<Vec<_>>(),
                "access_tokens": google
                    .access_tokens
                    .iter()
                    .filter(|(_, token)| token.account == *account && token.expires_at > now)
                    .map(|(raw, _)| fingerprint(raw))
                    .collect::<Vec<_>>(),
            })
        })
        .collect();
    let mails: BTreeMap<&String, Value> = google
        .accounts
        .iter()
        .map(|(name, account)| {
            let inbox: Vec<&str> = account
                .mailbox
                .newest_first()
                .into_iter()
                .filter(|message| message.labels.contains("INBOX"))
                .map(|message| message.id.as_str())
                .collect();
            let view = json!({
                "inbox": inbox,
                "total": account.mailbox.messages.len(),
                "history_id": account.mailbox.history_id.to_string(),
            });
            (name, view)
        })
        .collect();
    json!({
        "now": now,
        "origin": sandbox.origin,
        "issuer": google.issuer,
        "calls": calls,
        "authorizations": ledger.authorizations,
        "token_requests": ledger.token_requests,
        "revocations": ledger.revocations,
        "mails_sent": ledger.mails_sent,
        "grants": grants,
        "mails": mails,
        "telegram": {
            "messages_sent": ledger.messages_sent,
            "messages_edited": ledger.messages_edited,
            "messages_deleted": ledger.messages_deleted,
            "callbacks_answered": ledger.callbacks_answered,
            "presses_answered": ledger.presses_answered,
            "updates": state.telegram.updates.summaries(),
            "updates_delivered": ledger.updates_delivered,
            "updates_confirmed": ledger.updates_confirmed,
            "updates_pending": state.telegram.updates.pending(),
            "poll_conflicts": ledger.poll_conflicts,
            "commands": state.telegram.commands,
        },
    })
}
