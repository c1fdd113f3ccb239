//! Control of the stand-in Google: grants, tokens, answers, mailboxes.

use std::{collections::BTreeSet, sync::Arc};

use chrono::{DateTime, Utc};
use poem::{
    Body, Response, handler,
    web::{Data, Path},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{done, missing, read, wrong};
use crate::{
    Sandbox,
    answer::{self, Refused},
    google::{Account, answers::AnswerFault, mailbox::Message, quota::Quota, scopes},
    ledger::fingerprint,
};

/// What can change while it runs; fields left out stay as they are.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    access_token_seconds: Option<u32>,
    rotate_refresh_tokens: Option<bool>,
    issuer: Option<String>,
    /// Registers one more.
    redirect_uri: Option<String>,
    /// `null` switches the quota off.
    #[serde(default)]
    quota: Change<Quota>,
}

/// Tells `null` from a field that was left out.
#[derive(Debug, Default)]
enum Change<T> {
    #[default]
    Stays,
    Becomes(Option<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Becomes)
    }
}

#[handler]
pub fn show_settings(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let state = sandbox.state();
    let google = &state.google;
    answer::ok(&json!({
        "client_id": google.client_id,
        "redirect_uris": google.redirect_uris,
        "issuer": google.issuer,
        "access_token_seconds": google.access_token_seconds,
        "rotate_refresh_tokens": google.rotate_refresh_tokens,
        "quota": google.quota,
    }))
}

#[handler]
pub async fn change_settings(body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let changes: Changes = read(body).await?;
    let mut state = sandbox.state();
    let google = &mut state.google;
    if let Some(seconds) = changes.access_token_seconds {
        google.access_token_seconds = seconds;
    }
    if let Some(rotate) = changes.rotate_refresh_tokens {
        google.rotate_refresh_tokens = rotate;
    }
    if let Some(issuer) = changes.issuer {
        google.issuer = issuer;
    }
    google.redirect_uris.extend(changes.redirect_uri);
    if let Change::Becomes(quota) = changes.quota {
        google.quota = quota;
    }
    Ok(done())
}

#[handler]
pub fn show_answers(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    answer::ok(&json!(sandbox.state().google.answers.pending()))
}

#[handler]
pub async fn add_answer_fault(body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let fault: AnswerFault = read(body).await?;
    sandbox.state().google.answers.add(fault);
    Ok(done())
}

#[handler]
pub fn clear_answers(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    sandbox.state().google.answers.clear();
    done()
}

#[handler]
pub fn accounts(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let state = sandbox.state();
    let views: Vec<Value> = state.google.accounts.keys().filter_map(|name| view(&state, name)).collect();
    answer::ok(&views.into())
}

#[handler]
pub fn show_account(Path(name): Path<String>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let view = view(&sandbox.state(), &name).ok_or_else(|| missing("account"))?;
    Ok(answer::ok(&view))
}

fn view(state: &crate::State, name: &str) -> Option<Value> {
    let account = state.google.accounts.get(name)?;
    let grant = state.google.grants.get(name);
    let refresh_tokens: Vec<String> = state
        .google
        .refresh_tokens
        .iter()
        .filter(|(_, token)| token.account == name)
        .map(|(raw, _)| fingerprint(raw))
        .collect();
    Some(json!({
        "name": account.name,
        "sub": account.sub,
        "email": account.email,
        "display_name": account.display_name,
        "mails": account.mailbox.messages.len(),
        "history_id": account.mailbox.history_id.to_string(),
        "granted_scopes": grant.map(|grant| &grant.scopes),
        "refresh_tokens": refresh_tokens,
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewScopes {
    scopes: Vec<String>,
}

/// Changes what was granted, in the grant and in every live token, as if it had been granted so.
#[handler]
pub async fn change_scopes(
    Path(name): Path<String>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let given: NewScopes = read(body).await?;
    let scopes = match scopes::parse(&given.scopes.join(" ")) {
        Ok(scopes) => scopes,
        Err(unknown) => return Err(wrong(&format!("unknown scope {unknown}"))),
    };
    let mut state = sandbox.state();
    let google = &mut state.google;
    let Some(grant) = google.grants.get_mut(&name) else { return Err(missing("grant")) };
    grant.scopes.clone_from(&scopes);
    for token in google.refresh_tokens.values_mut().filter(|token| token.account == name) {
        token.scopes.clone_from(&scopes);
    }
    for token in google.access_tokens.values_mut().filter(|token| token.account == name) {
        token.scopes.clone_from(&scopes);
    }
    Ok(done())
}

/// As if the person had removed the app in their account settings.
#[handler]
pub fn revoke(Path(name): Path<String>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    if !state.google.accounts.contains_key(&name) {
        return Err(missing("account"));
    }
    let revoked = state.google.end_grant(&name);
    let entry = json!({
        "at": now,
        "by": "control",
        "account": name,
        "outcome": if revoked { "revoked" } else { "nothing_to_revoke" },
    });
    state.ledger.revocations.push(entry);
    Ok(answer::ok(&json!({ "revoked": revoked })))
}

#[handler]
pub fn expire_access_tokens(Path(name): Path<String>, Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let mut state = sandbox.state();
    let before = state.google.access_tokens.len();
    state.google.access_tokens.retain(|_, token| token.account != name);
    answer::ok(&json!({ "expired": before - state.google.access_tokens.len() }))
}

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
pub fn mails(Path(name): Path<String>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    with_account(sandbox, &name, |account| Ok(account.mailbox.newest_first().into_iter().map(summary).collect()))
}

#[handler]
pub fn show_mail(
    Path((name, id)): Path<(String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
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
pub async fn add_mail(
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
            ("Date".to_owned(), date.to_rfc2822()),
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
pub fn delete_mail(
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
pub fn label_mail(
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
