//! Gmail's JSON, read leniently: only what nothing can be done without must be there.
//!
//! Fields Google documents as optional are missing in practice, and empty lists are left out altogether.

use chrono::{DateTime, Datelike, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    error::ProviderError,
    lenient::{another_page, is_sound_id},
    mail::{HistoryPage, MailChange, MailMetadata, MailPage, MailProfile},
    mail_text::{decode_header, unescape_html},
    number::{unsigned, whole},
};

/// The longest message id taken. Gmail's have 16 characters; anything far longer would not fit an index.
const ID_LENGTH_LIMIT: usize = 256;

pub(crate) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(body).map_err(|_| ProviderError::Malformed)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProfileAnswer {
    #[serde(default)]
    history_id: Value,
    #[serde(default)]
    messages_total: Value,
}

impl ProfileAnswer {
    pub(crate) fn profile(&self) -> Result<MailProfile, ProviderError> {
        Ok(MailProfile {
            history_id: unsigned(&self.history_id).ok_or(ProviderError::Malformed)?,
            messages_total: unsigned(&self.messages_total),
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListAnswer {
    messages: Option<Vec<MessageReference>>,
    next_page_token: Option<String>,
}

#[derive(Deserialize)]
struct MessageReference {
    id: String,
}

impl MessageReference {
    /// What cannot be an id is passed over: it could not be stored, and would keep the whole page from being stored.
    fn is_sound(&self) -> bool {
        is_sound_id(&self.id, ID_LENGTH_LIMIT)
    }
}

impl ListAnswer {
    pub(crate) fn page(self) -> MailPage {
        MailPage {
            ids: self
                .messages
                .unwrap_or_default()
                .into_iter()
                .filter(MessageReference::is_sound)
                .map(|message| message.id)
                .collect(),
            next_page_token: another_page(self.next_page_token),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageAnswer {
    id: String,
    thread_id: Option<String>,
    label_ids: Option<Vec<String>>,
    snippet: Option<String>,
    #[serde(default)]
    history_id: Value,
    #[serde(default)]
    internal_date: Value,
    payload: Option<Payload>,
}

#[derive(Deserialize)]
struct Payload {
    headers: Option<Vec<Header>>,
}

#[derive(Deserialize)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
}

impl MessageAnswer {
    /// The metadata, if the answer is about the message asked for.
    pub(crate) fn metadata(self, asked: &str) -> Result<MailMetadata, ProviderError> {
        if self.id != asked {
            return Err(ProviderError::Malformed);
        }
        let headers = self.payload.and_then(|payload| payload.headers).unwrap_or_default();
        let header = |name: &str| {
            let found = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
            Some(SecretString::from(decode_header(found.value.as_deref()?)))
        };
        Ok(MailMetadata {
            from: header("From"),
            subject: header("Subject"),
            thread_id: self.thread_id,
            internal_date: date(&self.internal_date),
            snippet: self.snippet.map(|snippet| unescape_html(&snippet).into()),
            label_ids: self.label_ids.unwrap_or_default(),
            history_id: unsigned(&self.history_id),
            id: self.id,
        })
    }
}

/// Milliseconds since 1970. Before that there was no mail to receive, and not every store knows a year of five digits.
pub(crate) fn date(value: &Value) -> Option<DateTime<Utc>> {
    whole(value).and_then(DateTime::from_timestamp_millis).filter(|date| (1970..=9999).contains(&date.year()))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HistoryAnswer {
    history: Option<Vec<HistoryRecord>>,
    #[serde(default)]
    history_id: Value,
    next_page_token: Option<String>,
}

/// One record. Its `messages` repeats what the four lists say in detail and is not read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HistoryRecord {
    messages_added: Option<Vec<Changed>>,
    messages_deleted: Option<Vec<Changed>>,
    labels_added: Option<Vec<Changed>>,
    labels_removed: Option<Vec<Changed>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    message: MessageReference,
    label_ids: Option<Vec<String>>,
}

impl HistoryAnswer {
    pub(crate) fn page(self) -> HistoryPage {
        HistoryPage {
            changes: self.history.unwrap_or_default().into_iter().flat_map(HistoryRecord::changes).collect(),
            history_id: unsigned(&self.history_id),
            next_page_token: another_page(self.next_page_token),
        }
    }
}

impl HistoryRecord {
    /// Within a record an arrival comes before anything that presupposes it, and the end comes last.
    fn changes(self) -> impl Iterator<Item = MailChange> {
        let every = |changes: Option<Vec<Changed>>| {
            changes.unwrap_or_default().into_iter().filter(|changed| changed.message.is_sound())
        };
        let added = every(self.messages_added).map(|changed| MailChange::Added { id: changed.message.id });
        let labelled = every(self.labels_added).map(|changed| MailChange::LabelsAdded {
            id: changed.message.id,
            label_ids: changed.label_ids.unwrap_or_default(),
        });
        let unlabelled = every(self.labels_removed).map(|changed| MailChange::LabelsRemoved {
            id: changed.message.id,
            label_ids: changed.label_ids.unwrap_or_default(),
        });
        let deleted = every(self.messages_deleted).map(|changed| MailChange::Deleted { id: changed.message.id });
        added.chain(labelled).chain(unlabelled).chain(deleted)
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;

    fn answer<T: DeserializeOwned>(answer: &Value) -> T {
        read(answer.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn what_cannot_be_a_messages_id_is_passed_over_and_the_rest_of_the_page_is_kept() {
        let ids = ["a", "b\0", "", "c\n", &"d".repeat(ID_LENGTH_LIMIT + 1), "e"];
        let references: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
        assert_eq!(answer::<ListAnswer>(&json!({"messages": references})).page().ids, ["a", "e"]);
        let changed: Vec<Value> = ids.iter().map(|id| json!({"message": {"id": id}, "labelIds": ["INBOX"]})).collect();
        let record = json!({
            "messagesAdded": changed, "messagesDeleted": changed, "labelsAdded": changed, "labelsRemoved": changed
        });
        assert_eq!(answer::<HistoryAnswer>(&json!({"history": [record]})).page().changes.len(), 4 * 2);
    }

    #[test]
    fn a_date_that_no_mail_can_have_is_none() {
        let date = |value: Value| {
            answer::<MessageAnswer>(&json!({"id": "a", "internalDate": value})).metadata("a").unwrap().internal_date
        };
        for millis in [0_i64, 1_795_176_000_000, 253_402_300_799_999] {
            assert_eq!(date(json!(millis)), DateTime::from_timestamp_millis(millis));
            assert_eq!(date(json!(millis.to_string())), DateTime::from_timestamp_millis(millis));
        }
        for value in [json!(-1), json!(253_402_300_800_000_i64), json!(8_000_000_000_000_000_i64), json!(i64::MAX)] {
            assert_eq!(date(value.clone()), None, "{value}");
        }
    }
}
