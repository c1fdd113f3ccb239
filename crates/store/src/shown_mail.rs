//! Which message a button opens. A button has room for a handle of eight bytes, not for a provider's id.

use bellhop_domain::{IntegrationId, TenantId};
use chrono::{DateTime, TimeDelta, Utc};

use crate::Store;
use crate::calendar::first_eight;
use crate::error::StoreError;
use crate::keyring::plain_hash;

/// How long a button that opens a message works after it was last shown.
pub const SHOWN_MAIL_KEPT: TimeDelta = TimeDelta::days(30);

/// What stands for a message in a button.
#[must_use]
pub fn mail_handle(message_id: &str) -> i64 {
    first_eight(&plain_hash(message_id.as_bytes()))
}

impl Store {
    /// Remembers that buttons for these messages are about to be shown.
    pub async fn remember_shown_mail(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        message_ids: &[String],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let handles: Vec<i64> = message_ids.iter().map(|id| mail_handle(id)).collect();
        let mut transaction = self.begin(&[tenant]).await?;
        sqlx::query!(
            "insert into shown_mail (integration, handle, tenant, message_id, shown_at)
             select distinct on (handle) $1::uuid, handle, $2::uuid, message_id, $3::timestamptz
             from unnest($4::bigint[], $5::text[]) as new (handle, message_id)
             on conflict (integration, handle) do update set shown_at = excluded.shown_at",
            integration.uuid(),
            tenant.uuid(),
            now,
            &handles,
            message_ids
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The message that a button stands for; nothing where it was shown too long ago.
    pub async fn shown_mail(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        handle: i64,
    ) -> Result<Option<String>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let found = sqlx::query_scalar!(
            "select message_id from shown_mail where integration = $1 and handle = $2",
            integration.uuid(),
            handle
        )
        .fetch_optional(&mut *transaction)
        .await?;
        Ok(found)
    }

    /// Forgets what was last shown too long ago. Answers how many.
    pub async fn sweep_shown_mail(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let tenants = self.tenants().await?;
        let mut transaction = self.begin(&tenants).await?;
        let swept = sqlx::query!("delete from shown_mail where shown_at < $1", now - SHOWN_MAIL_KEPT)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(swept.rows_affected())
    }
}
