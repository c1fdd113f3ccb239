//! Mail as people read it: a page of what is stored, how much there is, and how old the answer is.
//!
//! Reads only. What is in a row, and how it is written, is in `mail.rs`.

use bellhop_domain::{IntegrationId, TenantId};
use chrono::{DateTime, Utc};

use crate::Store;
use crate::error::StoreError;
use crate::mail::MailContent;

/// One message of a page. Has no `Debug`: it is somebody's mail.
#[derive(Clone, PartialEq, Eq)]
pub struct InboxMessage {
    /// The provider's id.
    pub message_id: String,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
    /// Sender, subject, snippet and whether it is unread.
    pub content: MailContent,
}

/// A page of an inbox, newest first.
#[derive(Clone, PartialEq, Eq)]
pub struct InboxPage {
    /// The messages. Those that cannot be opened are left out.
    pub messages: Vec<InboxMessage>,
    /// How many are stored in all.
    pub total: i64,
    /// When a fetch last ended well; never, while the first one is under way.
    pub checked_at: Option<DateTime<Utc>>,
    /// Messages stored by the fetch under way.
    pub stored: i32,
    /// Batches recorded by the fetch under way; 0 where none is.
    pub batches: i32,
}

impl Store {
    /// A page of an integration's mail: `limit` messages after the first `offset`.
    pub async fn inbox_page(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        offset: i64,
        limit: i64,
    ) -> Result<InboxPage, StoreError> {
        let key = self.integration_key(tenant, integration).await?;
        let mut transaction = self.begin(&[tenant]).await?;
        let sync = sqlx::query!(
            "select stored, batches, checked_at from mail_syncs where integration = $1",
            integration.uuid()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let total = sqlx::query_scalar!(
            r#"select count(*) as "total!" from mail_messages where integration = $1"#,
            integration.uuid()
        )
        .fetch_one(&mut *transaction)
        .await?;
        let rows = sqlx::query!(
            "select message_id, received_at, sealed from mail_messages
             where integration = $1
             order by received_at desc, message_id desc
             limit $2 offset $3",
            integration.uuid(),
            limit,
            offset
        )
        .fetch_all(&mut *transaction)
        .await?;
        drop(transaction);
        let mut messages = vec![];
        for row in rows {
            let Some(key) = &key else { continue };
            match MailContent::open(key, tenant, integration, &row.message_id, &row.sealed) {
                Ok(content) => {
                    messages.push(InboxMessage { message_id: row.message_id, received_at: row.received_at, content });
                }
                Err(error) => tracing::error!(%integration, %error, "a stored message cannot be opened"),
            }
        }
        Ok(InboxPage {
            messages,
            total,
            checked_at: sync.as_ref().and_then(|sync| sync.checked_at),
            stored: sync.as_ref().map_or(0, |sync| sync.stored),
            batches: sync.as_ref().map_or(0, |sync| sync.batches),
        })
    }
}
