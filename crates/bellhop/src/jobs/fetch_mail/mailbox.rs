//! The provider's side of a fetch of mail.

use bellhop_providers::{Client, HistoryPage, MailMetadata, MailPage, Operation, ProviderError};
use bellhop_store::MailContent;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::app::App;
use crate::calls::Caller;
use crate::jobs::Run;
use crate::jobs::fetch::Stop;
use crate::limits::Urgency;

/// The label of the messages that are fetched.
pub const INBOX: &str = "INBOX";

const UNREAD: &str = "UNREAD";

/// A message as it will be sealed.
pub struct Fetched {
    /// The provider's id.
    pub id: String,
    /// When it arrived, where the provider says so.
    pub received_at: Option<DateTime<Utc>>,
    /// What is sealed of it.
    pub content: MailContent,
}

/// One person's mailbox, for one run.
pub struct Mailbox<'a>(Caller<'a>);

impl<'a> Mailbox<'a> {
    /// Finds the token to call with.
    pub async fn open(app: &'a App, run: &'a Run) -> Result<Self, Stop> {
        Ok(Self(Caller::open(app, run.context("token"), run.integration, Urgency::Background).await?))
    }

    /// The mailbox's cursor as of now.
    pub async fn cursor(&mut self) -> Result<u64, Stop> {
        let profile = |client: Client, token| async move { client.mail_profile(&token).await };
        Ok(self.0.call(Operation::MailProfile, profile).await?.history_id)
    }

    /// How many messages fit together into what the provider allows. More than that in one piece would never be fetched.
    pub fn most(&self) -> usize {
        self.0.most(Operation::MailGet)
    }

    /// A page of the inbox, newest first.
    pub async fn page(&mut self, page_token: Option<&str>, size: usize) -> Result<MailPage, Stop> {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let list =
            |client: Client, token| async move { client.list_messages(&token, page_token, size, Some(INBOX)).await };
        Ok(self.0.call(Operation::MailList, list).await?)
    }

    /// A page of what changed since the cursor, in any label: what leaves the inbox must be seen too.
    pub async fn history(&mut self, cursor: u64, page_token: Option<&str>, size: usize) -> Result<HistoryPage, Stop> {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let history =
            |client: Client, token| async move { client.history(&token, cursor, page_token, size, None).await };
        Ok(self.0.call(Operation::MailHistory, history).await?)
    }

    /// These messages, without those that were deleted meanwhile or are not in the inbox.
    pub async fn messages(&mut self, ids: &[String]) -> Result<Vec<Fetched>, Stop> {
        let messages = self.0.each(Operation::MailGet, ids, message).await?;
        Ok(messages.into_iter().flatten().filter(is_in_inbox).map(fetched).collect())
    }
}

/// A message, unless it was deleted after it was listed.
async fn message(client: Client, token: SecretString, id: String) -> Result<Option<MailMetadata>, ProviderError> {
    match client.message_metadata(&token, &id).await {
        Ok(message) => Ok(Some(message)),
        Err(ProviderError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A provider that names no labels at all is taken at its word about what is in the inbox.
fn is_in_inbox(message: &MailMetadata) -> bool {
    message.label_ids.is_empty() || message.label_ids.iter().any(|label| label == INBOX)
}

fn fetched(message: MailMetadata) -> Fetched {
    let text = |secret: Option<SecretString>| secret.map(|text| text.expose_secret().to_owned()).unwrap_or_default();
    let unread = message.label_ids.iter().any(|label| label == UNREAD);
    Fetched {
        id: message.id,
        received_at: message.internal_date,
        content: MailContent {
            from: text(message.from),
            subject: text(message.subject),
            snippet: text(message.snippet),
            unread,
        },
    }
}
