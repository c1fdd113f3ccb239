//! How providers have been answering, as every process last wrote it down. What it means is decided elsewhere: here it is a
//! value under a version, and whoever writes names the version they have read.

use bellhop_domain::{IntegrationId, Provider, TenantId};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;

/// How long what nobody has touched is kept.
const KEEP_UNTOUCHED: TimeDelta = TimeDelta::hours(24);

/// Which breaker is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BreakerKey {
    /// Whose answers.
    pub provider: Provider,
    /// Which part of the provider, by a name of the caller's.
    pub service: &'static str,
    /// About which account; none for all of them.
    pub account: Option<(TenantId, IntegrationId)>,
}

/// A breaker as it was last written.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredBreaker {
    /// Whose answers.
    pub provider: Provider,
    /// Which part of the provider.
    pub service: String,
    /// About which account; none for all of them.
    pub integration: Option<IntegrationId>,
    /// What whoever writes it next must name.
    pub version: Uuid,
    /// What was written.
    pub state: Value,
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakerState {
    /// What is kept.
    pub state: Value,
    /// Since when it is not closed, if it is not.
    pub open_since: Option<DateTime<Utc>>,
    /// Now.
    pub at: DateTime<Utc>,
}

impl Store {
    /// The breakers of every provider, and of the accounts of this tenant. Those that have nothing to say have no row.
    pub async fn breakers(&self, tenant: TenantId) -> Result<Vec<StoredBreaker>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let rows = sqlx::query!(
            r#"select provider as "provider!", service as "service!", null::uuid as integration,
                      version as "version!", state as "state!"
               from provider_breakers
               union all
               select provider, service, integration, version, state
               from integration_breakers where tenant = $1"#,
            tenant.uuid()
        )
        .fetch_all(&mut *transaction)
        .await?;
        // One of a provider that a newer release knows says nothing to this one.
        let known = rows.into_iter().filter_map(|row| {
            let provider = row.provider.parse().ok()?;
            let integration = row.integration.map(IntegrationId::new);
            Some(StoredBreaker { provider, service: row.service, integration, version: row.version, state: row.state })
        });
        Ok(known.collect())
    }

    /// Writes a breaker under a new version, where its version is still the one that was read, or it is still absent where none
    /// was. `false`: somebody else has written meanwhile.
    pub async fn put_breaker(
        &self,
        key: &BreakerKey,
        read: Option<Uuid>,
        version: Uuid,
        state: &BreakerState,
    ) -> Result<bool, StoreError> {
        let BreakerState { state, open_since, at } = state;
        let (provider, service) = (key.provider.name(), key.service);
        let tenants: Vec<TenantId> = key.account.iter().map(|(tenant, _)| *tenant).collect();
        let mut transaction = self.begin(&tenants).await?;
        let statement = match (key.account, read) {
            (None, None) => sqlx::query!(
                "insert into provider_breakers (provider, service, version, state, open_since, touched_at)
                 values ($1, $2, $3, $4, $5, $6)
                 on conflict do nothing",
                provider,
                service,
                version,
                state,
                *open_since,
                at
            ),
            (None, Some(read)) => sqlx::query!(
                "update provider_breakers
                 set version = $3, state = $4, open_since = $5, touched_at = $6
                 where provider = $1 and service = $2 and version = $7",
                provider,
                service,
                version,
                state,
                *open_since,
                at,
                read
            ),
            (Some((tenant, integration)), None) => sqlx::query!(
                "insert into integration_breakers
                 (integration, service, tenant, provider, version, state, open_since, touched_at)
                 values ($1, $2, $3, $4, $5, $6, $7, $8)
                 on conflict do nothing",
                integration.uuid(),
                service,
                tenant.uuid(),
                provider,
                version,
                state,
                *open_since,
                at
            ),
            (Some((_, integration)), Some(read)) => sqlx::query!(
                "update integration_breakers
                 set version = $3, state = $4, open_since = $5, touched_at = $6
                 where integration = $1 and service = $2 and version = $7",
                integration.uuid(),
                service,
                version,
                state,
                *open_since,
                at,
                read
            ),
        };
        let written = statement.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(written.rows_affected() == 1)
    }

    /// Deletes a breaker that has nothing to say any more, where its version is still the one that was read. `false`: somebody
    /// else has written meanwhile.
    pub async fn remove_breaker(&self, key: &BreakerKey, read: Uuid) -> Result<bool, StoreError> {
        let tenants: Vec<TenantId> = key.account.iter().map(|(tenant, _)| *tenant).collect();
        let mut transaction = self.begin(&tenants).await?;
        let statement = match key.account {
            None => sqlx::query!(
                "delete from provider_breakers where provider = $1 and service = $2 and version = $3",
                key.provider.name(),
                key.service,
                read
            ),
            Some((_, integration)) => sqlx::query!(
                "delete from integration_breakers where integration = $1 and service = $2 and version = $3",
                integration.uuid(),
                key.service,
                read
            ),
        };
        let deleted = statement.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(deleted.rows_affected() == 1)
    }

    /// Deletes breakers that nobody has touched for a day before this time. Answers how many.
    pub async fn sweep_breakers(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let tenants = self.tenants().await?;
        let mut transaction = self.begin(&tenants).await?;
        let before = now - KEEP_UNTOUCHED;
        let of_accounts = sqlx::query!("delete from integration_breakers where touched_at < $1", before)
            .execute(&mut *transaction)
            .await?;
        let of_providers = sqlx::query!("delete from provider_breakers where touched_at < $1", before)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(of_accounts.rows_affected() + of_providers.rows_affected())
    }
}
