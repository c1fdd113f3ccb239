//! Reads a mailbox through the Gmail API: profile, listing, metadata of one message, history since a cursor.
//!
//! One call, one request; pages, concurrency and quota are the caller's. Costs in Gmail's quota units are those of
//! <https://developers.google.com/workspace/gmail/api/reference/quota>.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use url::Url;

use crate::{
    client::{Client, address_below},
    error::ProviderError,
    mail_answer::{HistoryAnswer, ListAnswer, MessageAnswer, ProfileAnswer, read},
    transport::API_ANSWER_LIMIT_BYTES,
};

/// The most messages or history records one page holds
/// (<https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/list>).
pub const LIST_MESSAGES_LIMIT: u32 = 500;

/// The longest question that is searched for, in characters: it travels in the address.
pub const SEARCH_LIMIT_CHARACTERS: usize = 500;

/// A mailbox as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailProfile {
    /// The cursor as of now. Take it before the first listing, or what arrives meanwhile is lost.
    pub history_id: u64,
    /// How many messages there are, if the provider says.
    pub messages_total: Option<u64>,
}

/// A page of a listing, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailPage {
    /// The messages' ids.
    pub ids: Vec<String>,
    /// What to ask for next; `None` on the last page.
    pub next_page_token: Option<String>,
}

/// What is known about a message without its body. What people wrote cannot be printed.
#[derive(Clone, Debug)]
pub struct MailMetadata {
    /// The message's id.
    pub id: String,
    /// The conversation it belongs to.
    pub thread_id: Option<String>,
    /// When the provider received it.
    pub internal_date: Option<DateTime<Utc>>,
    /// The `From` header, decoded.
    pub from: Option<SecretString>,
    /// The `Subject` header, decoded.
    pub subject: Option<SecretString>,
    /// The first words of its text.
    pub snippet: Option<SecretString>,
    /// The labels it carries, by id (`INBOX`, `UNREAD`, ...).
    pub label_ids: Vec<String>,
    /// The mailbox's cursor when the message last changed.
    pub history_id: Option<u64>,
}

/// One thing that happened to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailChange {
    /// It arrived.
    Added {
        /// The message's id.
        id: String,
    },
    /// It is gone for good (not: moved to the bin).
    Deleted {
        /// The message's id.
        id: String,
    },
    /// It was given labels.
    LabelsAdded {
        /// The message's id.
        id: String,
        /// The labels it was given.
        label_ids: Vec<String>,
    },
    /// It lost labels.
    LabelsRemoved {
        /// The message's id.
        id: String,
        /// The labels it lost.
        label_ids: Vec<String>,
    },
}

/// A page of what happened since a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// The changes, in the order they happened.
    pub changes: Vec<MailChange>,
    /// The mailbox's cursor now. Keep it once every page is recorded.
    pub history_id: Option<u64>,
    /// What to ask for next; `None` on the last page.
    pub next_page_token: Option<String>,
}

impl Client {
    /// The mailbox as a whole
    /// (<https://developers.google.com/workspace/gmail/api/reference/rest/v1/users/getProfile>).
    pub async fn mail_profile(&self, access_token: &SecretString) -> Result<MailProfile, ProviderError> {
        let body = self.read_mailbox(access_token, &["profile"], &[]).await?;
        read::<ProfileAnswer>(&body)?.profile()
    }

    /// A page of message ids, newest first, of one label or of all but bin and junk. At most `max_results` of them,
    /// itself at most [`LIST_MESSAGES_LIMIT`]
    /// (<https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/list>).
    pub async fn list_messages(
        &self,
        access_token: &SecretString,
        page_token: Option<&str>,
        max_results: u32,
        label: Option<&str>,
    ) -> Result<MailPage, ProviderError> {
        let max_results = max_results.clamp(1, LIST_MESSAGES_LIMIT).to_string();
        let mut query = vec![("maxResults", max_results.as_str())];
        query.extend(label.map(|label| ("labelIds", label)));
        query.extend(page_token.map(|token| ("pageToken", token)));
        let body = self.read_mailbox(access_token, &["messages"], &query).await?;
        Ok(read::<ListAnswer>(&body)?.page())
    }

    /// A page of the ids of messages that match a question in Gmail's own words (`from:anna has:attachment`), newest
    /// first, bin and junk left out. A question is cut to [`SEARCH_LIMIT_CHARACTERS`]. `max_results` as in
    /// [`Client::list_messages`] (<https://support.google.com/mail/answer/7190>).
    pub async fn search_messages(
        &self,
        access_token: &SecretString,
        question: &str,
        page_token: Option<&str>,
        max_results: u32,
    ) -> Result<MailPage, ProviderError> {
        let max_results = max_results.clamp(1, LIST_MESSAGES_LIMIT).to_string();
        let question: String = question.chars().take(SEARCH_LIMIT_CHARACTERS).collect();
        let mut query = vec![("q", question.as_str()), ("maxResults", max_results.as_str())];
        query.extend(page_token.map(|token| ("pageToken", token)));
        let body = self.read_mailbox(access_token, &["messages"], &query).await?;
        Ok(read::<ListAnswer>(&body)?.page())
    }

    /// One message without its body. [`ProviderError::NotFound`]: it was deleted after it was listed
    /// (<https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/get>).
    pub async fn message_metadata(&self, access_token: &SecretString, id: &str) -> Result<MailMetadata, ProviderError> {
        let query = [("format", "metadata"), ("metadataHeaders", "From"), ("metadataHeaders", "Subject")];
        let body = self.read_mailbox(access_token, &["messages", id], &query).await?;
        read::<MessageAnswer>(&body)?.metadata(id)
    }

    /// A page of what happened after a cursor, to messages of one label or to all. `max_results` as in
    /// [`Client::list_messages`]. [`ProviderError::CursorTooOld`]:
    /// start again with a full listing (Gmail answers 404 then; a cursor usually lasts a week, in rare cases hours)
    /// (<https://developers.google.com/workspace/gmail/api/guides/sync>).
    pub async fn history(
        &self,
        access_token: &SecretString,
        start_history_id: u64,
        page_token: Option<&str>,
        max_results: u32,
        label: Option<&str>,
    ) -> Result<HistoryPage, ProviderError> {
        let start = start_history_id.to_string();
        let limit = max_results.clamp(1, LIST_MESSAGES_LIMIT).to_string();
        let mut query = vec![("startHistoryId", start.as_str()), ("maxResults", limit.as_str())];
        query.extend(label.map(|label| ("labelId", label)));
        query.extend(page_token.map(|token| ("pageToken", token)));
        match self.read_mailbox(access_token, &["history"], &query).await {
            Ok(body) => Ok(read::<HistoryAnswer>(&body)?.page()),
            Err(ProviderError::NotFound | ProviderError::Gone) => Err(ProviderError::CursorTooOld),
            Err(error) => Err(error),
        }
    }

    async fn read_mailbox(
        &self,
        access_token: &SecretString,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Vec<u8>, ProviderError> {
        let address = mailbox_address(&self.description.endpoints.current().mail, path, query)?;
        self.get(access_token, address, API_ANSWER_LIMIT_BYTES).await
    }
}

/// An address below the mailbox of whoever the token belongs to.
pub(crate) fn mailbox_address(base: &Url, path: &[&str], query: &[(&str, &str)]) -> Result<Url, ProviderError> {
    address_below(base, &[&["users", "me"], path].concat(), query)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_leave_its_place_in_the_address() {
        let base = "https://gmail.googleapis.com/gmail/v1/".parse().unwrap();
        let address = mailbox_address(&base, &["messages", "a/../b?c#d"], &[("format", "metadata&x=y")]).unwrap();
        assert_eq!(
            address.as_str(),
            "https://gmail.googleapis.com/gmail/v1/users/me/messages/a%2F..%2Fb%3Fc%23d?format=metadata%26x%3Dy"
        );
    }
}
