//! `labels.list` and `labels.get`.
//!
//! <https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.labels> and
//! <https://developers.google.com/workspace/gmail/api/guides/labels> for those that every mailbox has.

use std::{collections::BTreeSet, sync::Arc};

use poem::{Request, Response, handler, web::Data, web::Path};
use serde_json::{Value, json};

use super::{errors, gmail, mailbox::Mailbox, mailbox::Message, quota, scopes};
use crate::{
    Sandbox,
    answer::{self, Refused},
};

const SYSTEM: [&str; 14] = [
    "CATEGORY_FORUMS",
    "CATEGORY_PERSONAL",
    "CATEGORY_PROMOTIONS",
    "CATEGORY_SOCIAL",
    "CATEGORY_UPDATES",
    "CHAT",
    "DRAFT",
    "IMPORTANT",
    "INBOX",
    "SENT",
    "SPAM",
    "STARRED",
    "TRASH",
    "UNREAD",
];

const SEE_LABELS: [&str; 5] =
    [scopes::GMAIL_READONLY, scopes::GMAIL_MODIFY, scopes::GMAIL_ALL, scopes::GMAIL_METADATA, scopes::GMAIL_LABELS];

impl Mailbox {
    pub fn has_label(&self, id: &str) -> bool {
        SYSTEM.contains(&id) || self.own_labels.contains_key(id)
    }

    fn label_view(&self, id: &str) -> Option<Value> {
        if SYSTEM.contains(&id) {
            let hidden = id.starts_with("CATEGORY_");
            let mut view = json!({ "id": id, "name": id, "type": "system" });
            if hidden {
                view["messageListVisibility"] = "hide".into();
                view["labelListVisibility"] = "labelHide".into();
            }
            return Some(view);
        }
        let name = self.own_labels.get(id)?;
        Some(json!({
            "id": id,
            "name": name,
            "type": "user",
            "messageListVisibility": "show",
            "labelListVisibility": "labelShow",
        }))
    }
}

#[handler]
pub fn list(
    request: &Request,
    Path(user): Path<String>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    gmail::parameters(request, &[])?;
    let mut state = sandbox.state();
    let caller = gmail::caller(sandbox, &mut state, request, &user, &SEE_LABELS, quota::LABELS)?;
    let mailbox = &caller.account.mailbox;
    let ids = SYSTEM.into_iter().chain(mailbox.own_labels.keys().map(String::as_str));
    let labels: Vec<Value> = ids.filter_map(|id| mailbox.label_view(id)).collect();
    Ok(answer::ok(&json!({ "labels": labels })))
}

/// With counts, which the list does not have.
#[handler]
pub fn get(
    request: &Request,
    Path((user, id)): Path<(String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    gmail::parameters(request, &[])?;
    let mut state = sandbox.state();
    let caller = gmail::caller(sandbox, &mut state, request, &user, &SEE_LABELS, quota::LABELS)?;
    let mailbox = &caller.account.mailbox;
    let mut view = mailbox.label_view(&id).ok_or_else(errors::not_found)?;
    let count = |unread: bool| {
        let labelled =
            |message: &&Message| message.labels.contains(&id) && (!unread || message.labels.contains("UNREAD"));
        let found: Vec<&Message> = mailbox.messages.values().filter(labelled).collect();
        let threads: BTreeSet<&str> = found.iter().map(|message| message.thread_id.as_str()).collect();
        (found.len(), threads.len())
    };
    let ((messages, threads), (unread, unread_threads)) = (count(false), count(true));
    view["messagesTotal"] = messages.into();
    view["messagesUnread"] = unread.into();
    view["threadsTotal"] = threads.into();
    view["threadsUnread"] = unread_threads.into();
    Ok(answer::ok(&view))
}
