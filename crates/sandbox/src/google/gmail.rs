//! Gmail: profile, `messages.list` and `messages.get`.
//!
//! <https://developers.google.com/workspace/gmail/api/reference/rest>. Each handler parses, checks and answers; the
//! mailbox itself is in `mailbox.rs`, history in `history.rs`.

use std::{collections::BTreeSet, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE};
use poem::{Request, Response, handler, web::Data, web::Path};
use serde_json::{Value, json};

use super::{Account, errors, identity, mailbox::Message, query, quota, scopes};
use crate::{
    Sandbox, State,
    answer::{self, Refused},
    fields::Fields,
};

/// Parameters that every Google API takes.
/// <https://cloud.google.com/apis/docs/system-parameters>
const SYSTEM_PARAMETERS: [&str; 12] = [
    "$.xgafv",
    "access_token",
    "alt",
    "callback",
    "fields",
    "key",
    "oauth_token",
    "prettyPrint",
    "quotaUser",
    "uploadType",
    "upload_protocol",
    "userIp",
];

const PAGE: usize = 100;
const LONGEST_PAGE: usize = 500;

/// A caller who may act: the account, and what the token is good for.
pub struct Caller<'a> {
    pub account: &'a mut Account,
    pub scopes: BTreeSet<String>,
}

/// Token, scope, user and quota, in the order in which Google notices them.
pub fn caller<'a>(
    sandbox: &Sandbox,
    state: &'a mut State,
    request: &Request,
    user: &str,
    needed: &[&str],
    cost: u32,
) -> Result<Caller<'a>, Refused> {
    let now = sandbox.clock.now();
    let google = &mut state.google;
    let token = identity::bearer(request)
        .and_then(|token| google.live_access_token(token, now))
        .cloned()
        .ok_or_else(errors::unauthenticated)?;
    if !needed.iter().any(|scope| token.scopes.contains(*scope)) {
        return Err(errors::insufficient_scope(needed));
    }
    let account = google.accounts.get_mut(&token.account).ok_or_else(errors::unauthenticated)?;
    if user != "me" && !user.eq_ignore_ascii_case(&account.email) {
        return Err(errors::delegation_denied(user));
    }
    google.quotas.charge(quota::Api::Gmail, &token.account, cost, now)?;
    Ok(Caller { account, scopes: token.scopes })
}

/// Which scopes also see headers and labels, but no bodies.
pub const SEE_MAIL: [&str; 4] =
    [scopes::GMAIL_READONLY, scopes::GMAIL_MODIFY, scopes::GMAIL_ALL, scopes::GMAIL_METADATA];

/// The query, if it holds nothing but what the method knows: Google refuses unknown names.
pub fn parameters(request: &Request, known: &[&str]) -> Result<Fields, Refused> {
    let fields = Fields::parse(request.uri().query().unwrap_or_default().as_bytes());
    let unknown = fields.names().find(|name| !known.contains(name) && !SYSTEM_PARAMETERS.contains(name));
    if let Some(name) = unknown {
        let text = format!(
            "Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. \
             Field '{name}' could not be found in request message."
        );
        return Err(errors::invalid_argument(&text));
    }
    Ok(fields)
}

/// `maxResults`: 1 to 500, 100 where left out.
/// <https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/list>
pub fn page_size(fields: &Fields) -> Result<usize, Refused> {
    let Some(text) = fields.first("maxResults") else { return Ok(PAGE) };
    match text.parse() {
        Ok(size) if (1..=LONGEST_PAGE).contains(&size) => Ok(size),
        _ => Err(errors::invalid_argument(&format!("Invalid value for maxResults: {text}"))),
    }
}

/// No page is larger than the control API allows.
pub fn capped(size: usize, state: &State) -> usize {
    state.google.mail_page_size.map_or(size, |most| size.min(most.max(1)))
}

#[handler]
pub fn profile(
    request: &Request,
    Path(user): Path<String>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    parameters(request, &[])?;
    let mut state = sandbox.state();
    let caller = caller(sandbox, &mut state, request, &user, &SEE_MAIL, quota::PROFILE)?;
    let mailbox = &caller.account.mailbox;
    let threads: BTreeSet<&str> = mailbox.messages.values().map(|message| message.thread_id.as_str()).collect();
    Ok(answer::ok(&json!({
        "emailAddress": caller.account.email,
        "messagesTotal": mailbox.messages.len(),
        "threadsTotal": threads.len(),
        "historyId": mailbox.history_id.to_string(),
    })))
}

#[handler]
pub fn list(
    request: &Request,
    Path(user): Path<String>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let known = ["maxResults", "pageToken", "q", "labelIds", "includeSpamTrash"];
    let fields = parameters(request, &known)?;
    let size = page_size(&fields)?;
    let mut state = sandbox.state();
    let size = capped(size, &state);
    let caller = caller(sandbox, &mut state, request, &user, &SEE_MAIL, quota::LIST)?;
    let search = fields.first("q").unwrap_or_default();
    // https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/list: "q cannot be
    // used when accessing the api using the gmail.metadata scope".
    if !search.is_empty() && !reads_bodies(&caller) {
        return Err(errors::insufficient_scope(&scopes::READ_MAIL));
    }
    let labels: Vec<&str> = fields.all("labelIds").collect();
    if let Some(unknown) = labels.iter().find(|label| !caller.account.mailbox.has_label(label)) {
        return Err(errors::invalid_argument(&format!("Invalid label: {unknown}")));
    }
    let query = query::Query::parse(search, sandbox.clock.now());
    let everything = fields.first("includeSpamTrash") == Some("true")
        || labels.iter().any(|label| matches!(*label, "SPAM" | "TRASH"))
        || query.looks_everywhere();
    let account = &*caller.account;
    let found: Vec<&Message> = account
        .mailbox
        .newest_first()
        .into_iter()
        .filter(|message| everything || !message.is_hidden())
        .filter(|message| labels.iter().all(|label| message.labels.contains(*label)))
        .filter(|message| query.matches(message, account))
        .collect();
    Ok(answer::ok(&page_of(&found, fields.first("pageToken"), size)?))
}

/// A page token names the last message seen, so that new mail does not shift the following pages.
fn page_of(found: &[&Message], token: Option<&str>, size: usize) -> Result<Value, Refused> {
    let rest = match token {
        None => found,
        Some(token) => {
            let (at, id) = token
                .strip_prefix("sandbox-page-")
                .and_then(|rest| rest.split_once('-'))
                .and_then(|(at, id)| Some((at.parse::<i64>().ok()?, id)))
                .ok_or_else(|| errors::invalid_argument("Invalid pageToken"))?;
            let seen = found.iter().take_while(|message| message.order() >= (at, id)).count();
            &found[seen..]
        }
    };
    let mut body = json!({ "resultSizeEstimate": found.len() });
    let page = &rest[..size.min(rest.len())];
    // An empty page has no `messages` at all.
    if !page.is_empty() {
        body["messages"] =
            page.iter().map(|message| json!({ "id": message.id, "threadId": message.thread_id })).collect();
    }
    if let Some(last) = page.last().filter(|_| rest.len() > size) {
        let (at, id) = last.order();
        body["nextPageToken"] = format!("sandbox-page-{at}-{id}").into();
    }
    Ok(body)
}

#[handler]
pub fn get(
    request: &Request,
    Path((user, id)): Path<(String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let fields = parameters(request, &["format", "metadataHeaders"])?;
    let format = fields.first("format").unwrap_or("full").to_lowercase();
    if !["minimal", "full", "raw", "metadata"].contains(&format.as_str()) {
        return Err(errors::invalid_argument(&format!("Invalid value for format: {format}")));
    }
    let mut state = sandbox.state();
    let caller = caller(sandbox, &mut state, request, &user, &SEE_MAIL, quota::GET)?;
    if matches!(format.as_str(), "full" | "raw") && !reads_bodies(&caller) {
        return Err(errors::insufficient_scope(&scopes::READ_MAIL));
    }
    if id.is_empty() || id.len() > 16 || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(errors::invalid_argument("Invalid id value"));
    }
    let message = caller.account.mailbox.messages.get(&id).ok_or_else(errors::not_found)?;
    let wanted: Vec<&str> = fields.all("metadataHeaders").collect();
    Ok(answer::ok(&message.view(&format, &wanted)))
}

fn reads_bodies(caller: &Caller<'_>) -> bool {
    scopes::READ_MAIL.iter().any(|scope| caller.scopes.contains(*scope))
}

impl Message {
    fn is_hidden(&self) -> bool {
        self.labels.contains("SPAM") || self.labels.contains("TRASH")
    }

    /// <https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#Message>
    fn view(&self, format: &str, wanted: &[&str]) -> Value {
        let mut view = json!({
            "id": self.id,
            "threadId": self.thread_id,
            "labelIds": self.labels,
            "snippet": self.snippet(),
            "sizeEstimate": self.raw.len(),
            "historyId": self.history_id.to_string(),
            "internalDate": self.internal_date.timestamp_millis().to_string(),
        });
        match format {
            "raw" => view["raw"] = URL_SAFE.encode(&*self.raw).into(),
            "full" => view["payload"] = self.parsed().root.view(&self.id),
            "metadata" => {
                let root = &self.parsed().root;
                let headers: Vec<Value> = root
                    .headers
                    .iter()
                    .filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|want| want.eq_ignore_ascii_case(name)))
                    .map(|(name, value)| json!({ "name": name, "value": value }))
                    .collect();
                view["payload"] = json!({ "mimeType": root.kind });
                if !headers.is_empty() {
                    view["payload"]["headers"] = headers.into();
                }
            }
            _ => {}
        }
        view
    }
}
