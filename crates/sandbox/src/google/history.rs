//! Gmail's history: what changed since a cursor.
//!
//! <https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.history/list>

use std::sync::Arc;

use poem::{Request, Response, handler, web::Data, web::Path};
use serde_json::{Value, json};

use super::{
    errors, gmail,
    mailbox::{Change, ChangeKind},
    quota,
};
use crate::{
    Sandbox,
    answer::{self, Refused},
};

#[handler]
pub fn list(
    request: &Request,
    Path(user): Path<String>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let known = ["startHistoryId", "maxResults", "pageToken", "historyTypes", "labelId"];
    let fields = gmail::parameters(request, &known)?;
    let size = gmail::page_size(&fields)?;
    let types: Vec<&str> = fields.all("historyTypes").collect();
    if let Some(unknown) = types.iter().find(|name| !TYPES.contains(name)) {
        return Err(errors::invalid_argument(&format!("Invalid value for historyTypes: {unknown}")));
    }
    let start = fields
        .first("startHistoryId")
        .ok_or_else(|| errors::invalid_argument("Missing required field: startHistoryId"))?
        .parse::<u64>()
        .map_err(|_| errors::invalid_argument("Invalid value for startHistoryId"))?;
    let after = match fields.first("pageToken") {
        None => start,
        Some(token) => token
            .strip_prefix("sandbox-history-")
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| errors::invalid_argument("Invalid pageToken"))?,
    };
    let mut state = sandbox.state();
    let size = gmail::capped(size, &state);
    let caller = gmail::caller(sandbox, &mut state, request, &user, &gmail::SEE_MAIL, quota::HISTORY)?;
    let mailbox = &caller.account.mailbox;
    // "An invalid or out of date startHistoryId typically returns an HTTP 404 error code."
    if start < mailbox.oldest_cursor || start > mailbox.history_id {
        return Err(errors::not_found());
    }
    let label = fields.first("labelId");
    let found: Vec<&Change> = mailbox
        .changes
        .iter()
        .filter(|change| change.id > after)
        .filter(|change| types.is_empty() || types.contains(&change.kind.type_name()))
        .filter(|change| label.is_none_or(|label| change.labels.contains(label) || change.touched.contains(label)))
        .collect();
    let mut body = json!({ "historyId": mailbox.history_id.to_string() });
    let page = &found[..size.min(found.len())];
    if !page.is_empty() {
        body["history"] = page.iter().map(|change| change.view()).collect();
    }
    if let Some(last) = page.last().filter(|_| found.len() > size) {
        body["nextPageToken"] = format!("sandbox-history-{}", last.id).into();
    }
    Ok(answer::ok(&body))
}

/// How a request names the kinds.
const TYPES: [&str; 4] = ["messageAdded", "messageDeleted", "labelAdded", "labelRemoved"];

impl ChangeKind {
    fn type_name(self) -> &'static str {
        match self {
            Self::MessageAdded => "messageAdded",
            Self::MessageDeleted => "messageDeleted",
            Self::LabelAdded => "labelAdded",
            Self::LabelRemoved => "labelRemoved",
        }
    }

    fn field_name(self) -> &'static str {
        match self {
            Self::MessageAdded => "messagesAdded",
            Self::MessageDeleted => "messagesDeleted",
            Self::LabelAdded => "labelsAdded",
            Self::LabelRemoved => "labelsRemoved",
        }
    }
}

impl Change {
    fn view(&self) -> Value {
        let message = json!({ "id": self.message_id, "threadId": self.thread_id });
        let mut detail = json!({ "message": message });
        detail["message"]["labelIds"] = json!(self.labels);
        if matches!(self.kind, ChangeKind::LabelAdded | ChangeKind::LabelRemoved) {
            detail["labelIds"] = json!(self.touched);
        }
        let mut view = json!({ "id": self.id.to_string(), "messages": [message] });
        view[self.kind.field_name()] = json!([detail]);
        view
    }
}
