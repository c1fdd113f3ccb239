//! `messages.send`: a whole mail, as JSON or as an upload.
//!
//! <https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send>,
//! <https://developers.google.com/workspace/gmail/api/guides/sending> and <https://developers.google.com/workspace/gmail/api/guides/uploads>.
//! It arrives at once wherever the recipient has a mailbox here.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine, alphabet, engine::DecodePaddingMode, engine::GeneralPurpose, engine::GeneralPurposeConfig};
use chrono::{DateTime, Utc};
use poem::{Body, Request, Response, handler, http::StatusCode, web::Data, web::Path};
use serde_json::{Value, json};

use super::{errors, gmail, lively, mailbox::Mailbox, mailbox::Message, mime, quota, scopes};
use crate::{
    Sandbox, State,
    answer::{self, Refused},
};

/// `maxSize` of the discovery document's `mediaUpload`.
const LARGEST_MAIL: usize = 36_700_160;

/// base64url, with or without padding; the other alphabet is refused.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const SEND: [&str; 4] = [scopes::GMAIL_SEND, scopes::GMAIL_COMPOSE, scopes::GMAIL_MODIFY, scopes::GMAIL_ALL];

#[handler]
pub async fn send(
    request: &Request,
    Path(user): Path<String>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    // Read before anything is refused, or the client would see a broken pipe instead of the answer.
    let bytes = body.into_bytes_limit(LARGEST_MAIL / 3 * 4 + 64 * 1024).await;
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    let account = may_send(sandbox, &mut state, request, &user)?;
    let bytes = bytes.map_err(|_| too_large())?;
    let body: Value =
        serde_json::from_slice(&bytes).map_err(|_| errors::invalid_argument("Invalid JSON payload received."))?;
    let (raw, thread) = resource(&body)?;
    let raw = raw.ok_or_else(|| {
        errors::invalid_argument("'raw' RFC822 payload message string or uploading message via /upload/* URL required")
    })?;
    let view = take(&mut state, &account, raw, thread, now)?;
    Ok(answer::ok(&view))
}

/// `uploadType=media`: the mail is the body. `uploadType=multipart`: JSON first, then the mail.
#[handler]
pub async fn upload(
    request: &Request,
    Path(user): Path<String>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let bytes = body.into_bytes_limit(LARGEST_MAIL + 64 * 1024).await;
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    let account = may_send(sandbox, &mut state, request, &user)?;
    let bytes = bytes.map_err(|_| too_large())?;
    let fields = gmail::parameters(request, &[])?;
    let kind = request.content_type().unwrap_or_default().to_owned();
    let (raw, thread) = match fields.first("uploadType") {
        Some("media") if kind.to_ascii_lowercase().starts_with("message/") => (bytes.to_vec(), None),
        Some("media") => {
            let text = format!("Media type '{kind}' is not supported. Valid media types: [message/*]");
            return Err(errors::invalid_argument(&text));
        }
        Some("multipart") => related(&kind, &bytes)?,
        // Resumable uploads are not offered here.
        _ => return Err(errors::invalid_argument("Invalid value for uploadType")),
    };
    let view = take(&mut state, &account, raw, thread, now)?;
    Ok(answer::ok(&view))
}

fn may_send(sandbox: &Sandbox, state: &mut State, request: &Request, user: &str) -> Result<String, Refused> {
    gmail::parameters(request, &[])?;
    let caller = gmail::caller(sandbox, state, request, user, &SEND, quota::SEND)?;
    Ok(caller.account.name.clone())
}

fn too_large() -> Refused {
    let body = errors::body(413, "Request entity too large.", "uploadTooLarge", "INVALID_ARGUMENT");
    answer::json(StatusCode::PAYLOAD_TOO_LARGE, &body).into()
}

/// `raw` and `threadId` of a message resource.
fn resource(body: &Value) -> Result<(Option<Vec<u8>>, Option<String>), Refused> {
    let text = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(errors::invalid_argument(&format!("Invalid value at '{name}' (TYPE_STRING)"))),
    };
    let raw =
        match text("raw")? {
            None => None,
            Some(raw) => Some(BASE64_URL.decode(raw).map_err(|_| {
                errors::invalid_argument("Invalid value at 'raw' (TYPE_BYTES), Base64 decoding failed")
            })?),
        };
    Ok((raw, text("threadId")?.map(str::to_owned)))
}

/// The two parts of `multipart/related`: RFC 2387.
fn related(kind: &str, bytes: &[u8]) -> Result<(Vec<u8>, Option<String>), Refused> {
    let wrapped = [format!("Content-Type: {kind}\r\n\r\n").as_bytes(), bytes].concat();
    let parsed = mime::parse(&wrapped);
    let [metadata, mail] = parsed.root.parts.as_slice() else {
        return Err(errors::invalid_argument("Multipart request must have two parts: metadata and media."));
    };
    if !mail.kind.starts_with("message/") {
        let text = format!("Media type '{}' is not supported. Valid media types: [message/*]", mail.kind);
        return Err(errors::invalid_argument(&text));
    }
    let metadata: Value = serde_json::from_slice(&metadata.content)
        .map_err(|_| errors::invalid_argument("Invalid JSON payload received."))?;
    Ok((mail.content.clone(), resource(&metadata)?.1))
}

/// Checks a mail, files it under SENT, and delivers it.
fn take(
    state: &mut State,
    account: &str,
    raw: Vec<u8>,
    thread: Option<String>,
    now: DateTime<Utc>,
) -> Result<Value, Refused> {
    if raw.len() > LARGEST_MAIL {
        return Err(too_large());
    }
    let recipients = recipients(&raw)?;
    let sender = state.google.accounts.get_mut(account).ok_or_else(errors::unauthenticated)?;
    let own = (sender.display_name.clone(), sender.email.clone());
    let id = sender.mailbox.new_id();
    let raw = finished(raw, &own, &id, now);
    let parsed = mime::parse(&raw);
    let thread = thread_of(&sender.mailbox, &parsed, thread)?;
    let mut labels = BTreeSet::from(["SENT".to_owned()]);
    if recipients.iter().any(|recipient| recipient.eq_ignore_ascii_case(&own.1)) {
        labels.extend(["INBOX".to_owned(), "UNREAD".to_owned()]);
    }
    let mut message = Message::new(id.clone(), raw.clone(), labels.clone(), now);
    if let Some(thread) = thread {
        message.thread_id = thread;
    }
    let thread_id = message.thread_id.clone();
    sender.mailbox.add(message);
    state.ledger.mails_sent.push(json!({
        "at": now,
        "account": account,
        "id": id,
        "thread_id": thread_id,
        "message_id": parsed.header("Message-ID"),
        "recipients": recipients,
    }));
    deliver(state, account, &recipients, &without_header(&raw, "Bcc"), now);
    Ok(json!({ "id": id, "threadId": thread_id, "labelIds": labels }))
}

/// The addresses of `To`, `Cc` and `Bcc`.
fn recipients(raw: &[u8]) -> Result<Vec<String>, Refused> {
    let mut found = Vec::new();
    for name in ["To", "Cc", "Bcc"] {
        for address in mime::addresses(raw, name) {
            let sound = address.split_once('@').is_some_and(|(local, host)| {
                !local.is_empty() && !host.is_empty() && !host.contains('@') && !address.contains(char::is_whitespace)
            });
            if !sound {
                return Err(errors::invalid_argument(&format!("Invalid {name} header")));
            }
            found.push(address);
        }
    }
    if found.is_empty() { Err(errors::invalid_argument("Recipient address required")) } else { Ok(found) }
}

/// Nobody sends in another's name: a `From` that is not the account's own is replaced. What is missing is added; the
/// `Message-ID` stays as the client chose it.
fn finished(raw: Vec<u8>, own: &(String, String), id: &str, now: DateTime<Utc>) -> Vec<u8> {
    let parsed = mime::parse(&raw);
    let mut missing: Vec<String> = Vec::new();
    let mut raw = raw;
    if mime::addresses(&raw, "From") != [own.1.clone()] {
        raw = without_header(&raw, "From");
        missing.push(format!("From: {}\r\n", super::compose::encoded(&lively::mailbox_name(own))));
    }
    if parsed.header("Date").is_none() {
        missing.push(format!("Date: {}\r\n", now.format("%a, %d %b %Y %H:%M:%S %z")));
    }
    if parsed.header("Message-ID").is_none() {
        missing.push(format!("Message-ID: <{id}@mail.sandbox.example>\r\n"));
    }
    [missing.concat().as_bytes(), &raw].concat()
}

/// The mail without one of its headers, folded lines included.
fn without_header(raw: &[u8], name: &str) -> Vec<u8> {
    let mut kept = Vec::with_capacity(raw.len());
    let mut lines = raw.split_inclusive(|byte| *byte == b'\n');
    let mut dropping = false;
    for line in lines.by_ref() {
        if line.trim_ascii().is_empty() {
            kept.extend_from_slice(line);
            break;
        }
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        let field = line.split(|byte| *byte == b':').next().unwrap_or_default();
        dropping = if folded { dropping } else { field.trim_ascii().eq_ignore_ascii_case(name.as_bytes()) };
        if !dropping {
            kept.extend_from_slice(line);
        }
    }
    for line in lines {
        kept.extend_from_slice(line);
    }
    kept
}

/// "the following criteria must be met: 1. The requested threadId must be specified … 2. The References and In-Reply-To headers
/// must be set … 3. The Subject headers must match."
fn thread_of(mailbox: &Mailbox, mail: &mime::Parsed, asked: Option<String>) -> Result<Option<String>, Refused> {
    let subject = |text: Option<&str>| {
        let mut text = text.unwrap_or_default().trim().to_lowercase();
        while let Some(rest) = text.strip_prefix("re:").or_else(|| text.strip_prefix("fwd:")) {
            text = rest.trim().to_owned();
        }
        text
    };
    let references: String = ["In-Reply-To", "References"].iter().filter_map(|name| mail.header(name)).collect();
    let answers = |message: &&Message| {
        let id = message.header("Message-ID").unwrap_or_default();
        !id.is_empty()
            && references.contains(id)
            && subject(message.header("Subject")) == subject(mail.header("Subject"))
    };
    let mut threads = mailbox.messages.values();
    match asked {
        Some(thread) => {
            let mut messages = mailbox.messages.values().filter(|message| message.thread_id == thread).peekable();
            if messages.peek().is_none() {
                return Err(errors::not_found());
            }
            Ok(messages.any(|message| answers(&message)).then_some(thread))
        }
        None => Ok(threads.find(answers).map(|message| message.thread_id.clone())),
    }
}

/// Into the inbox of everybody else here who is meant.
pub fn deliver(state: &mut State, from: &str, recipients: &[String], raw: &[u8], now: DateTime<Utc>) {
    for account in state.google.accounts.values_mut() {
        if account.name == from || !recipients.iter().any(|address| address.eq_ignore_ascii_case(&account.email)) {
            continue;
        }
        let id = account.mailbox.new_id();
        let labels = ["INBOX", "UNREAD"].map(str::to_owned).into();
        let thread = thread_of(&account.mailbox, &mime::parse(raw), None).ok().flatten();
        let mut message = Message::new(id, raw.to_vec(), labels, now);
        if let Some(thread) = thread {
            message.thread_id = thread;
        }
        account.mailbox.add(message);
    }
}
