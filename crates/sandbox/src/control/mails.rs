//! Control of the stand-in Gmail: what lies in a mailbox, what arrives, what goes.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use poem::{
    Body, Response, handler,
    web::{Data, Path},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{missing, read};
use crate::{
    Sandbox,
    answer::{self, Refused},
    google::{Account, mailbox::Message},
};

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
        view["text"] = message.text.clone().into();
        view["html"] = message.html.clone().into();
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
    /// `null` or left out: no subject header at all.
    subject: Option<String>,
    #[serde(default)]
    text: String,
    html: Option<String>,
    date: Option<DateTime<Utc>>,
    thread_id: Option<String>,
    /// `INBOX` and `UNREAD` where left out.
    labels: Option<BTreeSet<String>>,
}

#[handler]
pub async fn arrive(
    Path(name): Path<String>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let mail: NewMail = read(body).await?;
    let now = sandbox.clock.now();
    with_account(sandbox, &name, |account| {
        let id = account.mailbox.new_id();
        let date = mail.date.unwrap_or(now);
        let mut headers = vec![
            ("From".to_owned(), mail.from.unwrap_or_else(|| "Somebody <somebody@sandbox.example>".to_owned())),
            ("To".to_owned(), format!("{} <{}>", account.display_name, account.email)),
            ("Date".to_owned(), date.format("%a, %d %b %Y %H:%M:%S %z").to_string()),
            ("Message-ID".to_owned(), format!("<{id}@sandbox.example>")),
        ];
        headers.extend(mail.subject.map(|subject| ("Subject".to_owned(), subject)));
        let labels = mail.labels.unwrap_or_else(|| ["INBOX", "UNREAD"].into_iter().map(str::to_owned).collect());
        account.mailbox.add(Message {
            thread_id: mail.thread_id.unwrap_or_else(|| id.clone()),
            id: id.clone(),
            labels,
            headers,
            text: mail.text,
            html: mail.html,
            internal_date: date,
            history_id: 0,
        });
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
