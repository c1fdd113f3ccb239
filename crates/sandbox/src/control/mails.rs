//! Control of the stand-in Gmail: what lies in a mailbox, what arrives, what goes.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use poem::{
    Body, Request, Response, handler,
    web::{Data, Path},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{missing, read, wrong};
use crate::{
    Sandbox,
    answer::{self, Refused},
    fields::Fields,
    google::{
        Account,
        compose::{Attachment, Draft},
        lively::mailbox_name,
        mailbox::Message,
    },
};

/// As large as Gmail takes them.
const LARGEST_IMPORT: usize = 36_700_160;

/// Every cursor taken so far becomes too old.
#[handler]
pub fn forget_history(Path(name): Path<String>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    with_account(sandbox, &name, |account| {
        account.mailbox.forget_history();
        Ok(json!({ "history_id": account.mailbox.history_id.to_string() }))
    })
}

/// Newest first.
#[handler]
pub fn list(Path(name): Path<String>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    with_account(sandbox, &name, |account| Ok(account.mailbox.newest_first().into_iter().map(summary).collect()))
}

#[handler]
pub fn show(Path((name, id)): Path<(String, String)>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    with_account(sandbox, &name, |account| {
        let message = account.mailbox.messages.get(&id).ok_or_else(|| missing("mail"))?;
        let mut view = summary(message);
        let parsed = message.parsed();
        view["text"] = parsed.text.clone().into();
        view["html"] = parsed.html.clone().into();
        let parts = parsed.walk().into_iter().filter(|part| part.is_attachment());
        view["attachments"] = parts
            .map(|part| json!({ "part": part.id, "filename": part.filename, "kind": part.kind, "size": part.content.len() }))
            .collect();
        Ok(view)
    })
}

fn summary(message: &Message) -> Value {
    json!({
        "id": message.id,
        "thread_id": message.thread_id,
        "labels": message.labels,
        "from": message.header("From"),
        "to": message.header("To"),
        "subject": message.header("Subject"),
        "snippet": message.snippet(),
        "date": message.internal_date,
        "history_id": message.history_id.to_string(),
    })
}

/// A mail that arrives now, unless it says when.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMail {
    from: Option<String>,
    /// The account itself where left out.
    to: Option<String>,
    cc: Option<String>,
    /// `null` or left out: no subject header at all.
    subject: Option<String>,
    #[serde(default)]
    text: String,
    html: Option<String>,
    date: Option<DateTime<Utc>>,
    thread_id: Option<String>,
    /// `INBOX` and `UNREAD` where left out.
    labels: Option<BTreeSet<String>>,
    #[serde(default)]
    attachments: Vec<NewAttachment>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAttachment {
    filename: String,
    /// `application/octet-stream` where left out.
    kind: Option<String>,
    /// Standard base64.
    data: String,
}

fn arrived_labels() -> BTreeSet<String> {
    ["INBOX", "UNREAD"].into_iter().map(str::to_owned).collect()
}

#[handler]
pub async fn arrive(
    Path(name): Path<String>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let mail: NewMail = read(body).await?;
    let now = sandbox.clock.now();
    let attachments = mail.attachments.into_iter().map(|attachment| {
        let content = STANDARD.decode(&attachment.data).map_err(|error| wrong(&error.to_string()))?;
        let kind = attachment.kind.unwrap_or_else(|| "application/octet-stream".to_owned());
        Ok(Attachment { filename: attachment.filename, kind, content })
    });
    let attachments = attachments.collect::<Result<Vec<_>, Refused>>()?;
    with_account(sandbox, &name, |account| {
        let id = account.mailbox.new_id();
        let date = mail.date.unwrap_or(now);
        let own = || mailbox_name(&(account.display_name.clone(), account.email.clone()));
        let mut headers = vec![
            ("From".to_owned(), mail.from.unwrap_or_else(|| "Somebody <somebody@sandbox.example>".to_owned())),
            ("To".to_owned(), mail.to.unwrap_or_else(own)),
            ("Date".to_owned(), date.format("%a, %d %b %Y %H:%M:%S %z").to_string()),
            ("Message-ID".to_owned(), format!("<{id}@sandbox.example>")),
        ];
        headers.extend(mail.cc.map(|cc| ("Cc".to_owned(), cc)));
        headers.extend(mail.subject.map(|subject| ("Subject".to_owned(), subject)));
        let draft = Draft { headers, text: mail.text, html: mail.html, attachments };
        let labels = mail.labels.unwrap_or_else(arrived_labels);
        let mut message = Message::new(id.clone(), draft.bytes(&id), labels, date);
        if let Some(thread) = mail.thread_id {
            message.thread_id = thread;
        }
        account.mailbox.add(message);
        Ok(json!({ "id": id, "history_id": account.mailbox.history_id.to_string() }))
    })
}

/// Any bytes at all arrive as a mail, however malformed. In the query: `labels` (separated by commas), `date`, `thread_id`.
#[handler]
pub async fn import(
    request: &Request,
    Path(name): Path<String>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let raw = body.into_bytes_limit(LARGEST_IMPORT).await.map_err(|error| wrong(&error.to_string()))?.to_vec();
    let fields = Fields::parse(request.uri().query().unwrap_or_default().as_bytes());
    let date = match fields.first("date") {
        None => sandbox.clock.now(),
        Some(text) => text.parse().map_err(|_| wrong("date is not RFC 3339"))?,
    };
    let labels =
        fields.first("labels").map_or_else(arrived_labels, |labels| labels.split(',').map(str::to_owned).collect());
    with_account(sandbox, &name, |account| {
        let id = account.mailbox.new_id();
        let mut message = Message::new(id.clone(), raw, labels, date);
        if let Some(thread) = fields.first("thread_id") {
            thread.clone_into(&mut message.thread_id);
        }
        account.mailbox.add(message);
        Ok(json!({ "id": id, "history_id": account.mailbox.history_id.to_string() }))
    })
}

#[handler]
pub fn delete(
    Path((name, id)): Path<(String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let mut state = sandbox.state();
    let state = &mut *state;
    let Some(account) = state.google.accounts.get_mut(&name) else { return Err(missing("account")) };
    if let Some(message) = account.mailbox.messages.get(&id) {
        // A canary scan must still find what is gone.
        let gone = ["From", "Subject"].into_iter().filter_map(|header| message.header(header));
        state.secrets.former.extend(gone.map(str::to_owned));
        state.secrets.former.insert(message.snippet());
    }
    if !account.mailbox.delete(&id) {
        return Err(missing("mail"));
    }
    Ok(answer::ok(&json!({ "history_id": account.mailbox.history_id.to_string() })))
}

#[handler]
pub fn label(
    Path((name, id, act)): Path<(String, String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let (add, remove): (&[&str], &[&str]) = match act.as_str() {
        "archive" => (&[], &["INBOX"]),
        "inbox" => (&["INBOX"], &["TRASH", "SPAM"]),
        "read" => (&[], &["UNREAD"]),
        "unread" => (&["UNREAD"], &[]),
        "trash" => (&["TRASH"], &["INBOX"]),
        "spam" => (&["SPAM"], &["INBOX"]),
        "star" => (&["STARRED"], &[]),
        _ => return Err(missing("act: archive, inbox, read, unread, trash, spam, star")),
    };
    with_account(sandbox, &name, |account| {
        if !account.mailbox.label(&id, add, remove) {
            return Err(missing("mail"));
        }
        Ok(json!({ "history_id": account.mailbox.history_id.to_string() }))
    })
}

fn with_account(
    sandbox: &Sandbox,
    name: &str,
    act: impl FnOnce(&mut Account) -> Result<Value, Refused>,
) -> Result<Response, Refused> {
    let mut state = sandbox.state();
    let Some(account) = state.google.accounts.get_mut(name) else { return Err(missing("account")) };
    Ok(answer::ok(&act(account)?))
}
