//! The sealed cache of mail as the fetching job writes it: what is in a row, and how far a fetch has come.
//!
//! Not part of the log: drop a cursor and it is fetched again. What people read of it is in `inbox.rs`.

use std::collections::HashSet;

use bellhop_domain::{IntegrationId, TenantId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::keyring::{DataKey, Place, plain_hash};
use crate::unit::{Change, MailRow};

/// What is sealed of a message. Has no `Debug`: it is somebody's mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailContent {
    /// The sender as the header has it, decoded.
    pub from: String,
    /// The subject, decoded; empty where there is none.
    pub subject: String,
    /// The beginning of the text.
    pub snippet: String,
    /// Whether it has not been read.
    pub unread: bool,
}

/// A fetch that is under way, as it was last recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Underway {
    /// The fetch.
    pub sync: Uuid,
    /// The cursor to be reached: taken before the first page of a full fetch, unknown until the last of an incremental one.
    pub reaches: Option<u64>,
    /// The next page; none before the first.
    pub page_token: Option<String>,
    /// Messages listed so far.
    pub listed: u32,
    /// Messages that are new.
    pub added: u32,
    /// Messages stored again because they changed.
    pub updated: u32,
    /// Messages removed.
    pub removed: u32,
    /// Batches recorded.
    pub batches: u32,
}

/// Where fetching mail stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MailProgress {
    /// Up to where everything is known; none before the first full fetch has ended, and after a cursor was too old.
    pub cursor: Option<u64>,
    /// The fetch under way, if one was interrupted.
    pub underway: Option<Underway>,
}

impl MailProgress {
    /// As a row, to be written with the batch that it describes. `checked_at` ends the fetch.
    pub fn seal(
        &self,
        key: &DataKey,
        tenant: TenantId,
        integration: IntegrationId,
        checked_at: Option<DateTime<Utc>>,
    ) -> Result<Change, StoreError> {
        let plain = serde_json::to_vec(self).map_err(|_| StoreError::Unreadable("progress of a fetch"))?;
        let (batches, stored) = self
            .underway
            .as_ref()
            .map_or((0, 0), |underway| (underway.batches, underway.added.saturating_add(underway.updated)));
        Ok(Change::PutMailProgress {
            integration,
            sealed: key.seal(&progress_place(tenant, integration), &plain)?,
            batches: i32::try_from(batches).unwrap_or(i32::MAX),
            stored: i32::try_from(stored).unwrap_or(i32::MAX),
            checked_at,
        })
    }
}

impl MailContent {
    /// As a row.
    pub fn seal(
        &self,
        key: &DataKey,
        tenant: TenantId,
        integration: IntegrationId,
        message_id: String,
        received_at: DateTime<Utc>,
    ) -> Result<MailRow, StoreError> {
        let plain = serde_json::to_vec(self).map_err(|_| StoreError::Unreadable("a message"))?;
        let sealed = key.seal(&message_place(tenant, integration, &message_id), &plain)?;
        Ok(MailRow { message_id, received_at, sealed })
    }

    /// From a row.
    pub fn open(
        key: &DataKey,
        tenant: TenantId,
        integration: IntegrationId,
        message_id: &str,
        sealed: &[u8],
    ) -> Result<Self, StoreError> {
        let plain = key.open(&message_place(tenant, integration, message_id), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| StoreError::Unreadable("a message"))
    }
}

/// Binds a sealed message to its id, so that two rows of one mailbox cannot be exchanged.
fn message_place(tenant: TenantId, integration: IntegrationId, message_id: &str) -> Place {
    let mut number = [0; 8];
    number.copy_from_slice(&plain_hash(message_id.as_bytes())[..8]);
    Place::integration(tenant, integration, "mail", i64::from_be_bytes(number))
}

fn progress_place(tenant: TenantId, integration: IntegrationId) -> Place {
    Place::integration(tenant, integration, "mail progress", 0)
}

impl Store {
    /// Where fetching the mail of an integration stands. What cannot be opened any more counts as nothing: the next fetch
    /// starts from the beginning.
    pub async fn mail_progress(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        key: &DataKey,
    ) -> Result<MailProgress, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let sealed =
            sqlx::query_scalar!("select sealed_progress from mail_syncs where integration = $1", integration.uuid())
                .fetch_optional(&mut *transaction)
                .await?
                .flatten();
        let plain = sealed.and_then(|sealed| key.open(&progress_place(tenant, integration), &sealed).ok());
        Ok(plain.and_then(|plain| serde_json::from_slice(&plain).ok()).unwrap_or_default())
    }

    /// Which of these messages are stored.
    pub async fn stored_mail(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        message_ids: &[String],
    ) -> Result<HashSet<String>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let stored = sqlx::query_scalar!(
            "select message_id from mail_messages where integration = $1 and message_id = any ($2)",
            integration.uuid(),
            message_ids
        )
        .fetch_all(&mut *transaction)
        .await?;
        Ok(stored.into_iter().collect())
    }

    /// How many messages a full fetch has not seen.
    pub async fn mail_not_seen(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        sync: Uuid,
    ) -> Result<u32, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from mail_messages where integration = $1 and sync <> $2"#,
            integration.uuid(),
            sync
        )
        .fetch_one(&mut *transaction)
        .await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
}
