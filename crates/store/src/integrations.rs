//! The view of integrations: one row each, written with the events, read by the bot and the API.

use std::collections::BTreeSet;

use bellhop_domain::{
    Capabilities, Capability, Generation, Integration, IntegrationId, OwnerId, Provider, Status, TenantId,
};
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};

use crate::Store;
use crate::error::{CommitError, StoreError};
use crate::unit::UnitOfWork;

/// Where an integration stands, as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationRow {
    /// Its id.
    pub id: IntegrationId,
    /// Whose data it is.
    pub tenant: TenantId,
    /// Who connected it.
    pub owner: OwnerId,
    /// Whose account it is.
    pub provider: Provider,
    /// Where it stands.
    pub status: Status,
    /// Its token set.
    pub generation: Generation,
    /// The provider's scopes, as granted.
    pub scopes: BTreeSet<String>,
    /// What these allow.
    pub granted: BTreeSet<String>,
    /// What was asked for and not given.
    pub missing: BTreeSet<String>,
    /// When the access token ends, where known.
    pub expires_at: Option<DateTime<Utc>>,
    /// When access was last refreshed.
    pub refreshed_at: Option<DateTime<Utc>>,
    /// When it was last connected.
    pub connected_at: Option<DateTime<Utc>>,
    /// Why it failed, expired or is in error, while it is.
    pub reason: Option<String>,
}

impl IntegrationRow {
    /// Whether this capability was granted.
    #[must_use]
    pub fn can(&self, capability: Capability) -> bool {
        self.granted.contains(capability.name())
    }

    /// What the view shows of a state; nothing before it has an owner.
    pub(crate) fn of(
        id: IntegrationId,
        tenant: TenantId,
        state: &Integration,
        connected_at: Option<DateTime<Utc>>,
    ) -> Option<Self> {
        let names = |set: &Capabilities| set.iter().map(|one| one.name().to_owned()).collect();
        Some(Self {
            id,
            tenant,
            owner: state.owner?,
            provider: state.provider?,
            status: state.status,
            generation: state.generation,
            scopes: state.scopes.clone(),
            granted: names(&state.granted),
            missing: names(&state.missing),
            expires_at: state.expires_at,
            refreshed_at: state.refreshed_at,
            connected_at,
            reason: reason(state),
        })
    }
}

/// The reason a person or program is shown for a state, if it has one.
fn reason(state: &Integration) -> Option<String> {
    let reason = match state.status {
        Status::Failed => serde_json::to_value(state.failure),
        Status::Expired => serde_json::to_value(state.expired),
        Status::Error => serde_json::to_value(state.fault),
        Status::New | Status::Pending | Status::Active | Status::Degraded | Status::Disconnected | Status::Erased => {
            return None;
        }
    };
    reason.ok().and_then(|value| value.as_str().map(str::to_owned))
}

/// Writes the rows of every stream that these units change.
pub(crate) async fn write(
    transaction: &mut Transaction<'_, Postgres>,
    units: &[&UnitOfWork],
) -> Result<(), CommitError> {
    for unit in units {
        for append in &unit.appends {
            let connected_at = append.events.iter().find_map(|(_, event)| match event {
                bellhop_domain::Event::AccessGranted { issued_at, .. } => Some(*issued_at),
                _ => None,
            });
            let version = append.expected + i64::try_from(append.events.len()).unwrap_or(i64::MAX);
            let row = IntegrationRow::of(append.stream, unit.context.tenant, &append.state, connected_at);
            if let Some(row) = row {
                put(transaction, None, &row, version).await?;
            }
        }
    }
    Ok(())
}

/// Writes one row, as of this version of its stream: of the live view, or of the one that is being built. A moment of
/// connecting that is not given stays as it was.
pub(crate) async fn put(
    transaction: &mut Transaction<'_, Postgres>,
    built: Option<i32>,
    row: &IntegrationRow,
    version: i64,
) -> Result<(), sqlx::Error> {
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>();
    sqlx::query!(
        "insert into integrations (view_version, id, tenant, owner, provider, status, generation, scopes, granted,
             missing, expires_at, refreshed_at, connected_at, reason, version)
         select coalesce($15, live), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
         from view_versions where view = 'integrations'
         on conflict (view_version, id) do update
         set status = excluded.status, generation = excluded.generation, scopes = excluded.scopes,
             granted = excluded.granted, missing = excluded.missing, expires_at = excluded.expires_at,
             refreshed_at = excluded.refreshed_at,
             connected_at = coalesce(excluded.connected_at, integrations.connected_at),
             reason = excluded.reason, version = excluded.version",
        row.id.uuid(),
        row.tenant.uuid(),
        row.owner.uuid(),
        row.provider.name(),
        row.status.name(),
        row.generation.number(),
        &list(&row.scopes),
        &list(&row.granted),
        &list(&row.missing),
        row.expires_at,
        row.refreshed_at,
        row.connected_at,
        row.reason,
        version,
        built
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

struct Row {
    id: uuid::Uuid,
    tenant: uuid::Uuid,
    owner: uuid::Uuid,
    provider: String,
    status: String,
    generation: i64,
    scopes: Vec<String>,
    granted: Vec<String>,
    missing: Vec<String>,
    expires_at: Option<DateTime<Utc>>,
    refreshed_at: Option<DateTime<Utc>>,
    connected_at: Option<DateTime<Utc>>,
    reason: Option<String>,
}

impl TryFrom<Row> for IntegrationRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: IntegrationId::new(row.id),
            tenant: TenantId::new(row.tenant),
            owner: OwnerId::new(row.owner),
            provider: row.provider.parse().map_err(|_| StoreError::Unreadable("a provider"))?,
            status: Status::from_name(&row.status).ok_or(StoreError::Unreadable("a status"))?,
            generation: Generation::new(row.generation),
            scopes: row.scopes.into_iter().collect(),
            granted: row.granted.into_iter().collect(),
            missing: row.missing.into_iter().collect(),
            expires_at: row.expires_at,
            refreshed_at: row.refreshed_at,
            connected_at: row.connected_at,
            reason: row.reason,
        })
    }
}

/// The row of an integration as this transaction sees it.
pub(crate) async fn row_in(
    transaction: &mut Transaction<'_, Postgres>,
    integration: IntegrationId,
) -> Result<Option<IntegrationRow>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "select id, tenant, owner, provider, status, generation, scopes, granted, missing, expires_at, refreshed_at,
             connected_at, reason
         from integrations
         join view_versions on view = 'integrations' and live = view_version
         where id = $1",
        integration.uuid()
    )
    .fetch_optional(&mut **transaction)
    .await?;
    row.map(IntegrationRow::try_from).transpose()
}

/// The version of its stream that the row of an integration shows.
pub(crate) async fn version_in(
    transaction: &mut Transaction<'_, Postgres>,
    integration: IntegrationId,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar!(
        "select version from integrations
         join view_versions on view = 'integrations' and live = view_version
         where id = $1",
        integration.uuid()
    )
    .fetch_optional(&mut **transaction)
    .await
}

/// A row of this tenant in the view whose stream does not exist.
pub(crate) async fn orphan_in(
    transaction: &mut Transaction<'_, Postgres>,
    tenant: TenantId,
) -> Result<Option<IntegrationId>, sqlx::Error> {
    let orphan = sqlx::query_scalar!(
        "select id from integrations
         join view_versions on view = 'integrations' and live = view_version
         where tenant = $1 and not exists (select from states where stream = id)
         order by id
         limit 1",
        tenant.uuid()
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(orphan.map(IntegrationId::new))
}

impl Store {
    /// One integration, if the tenant has it.
    pub async fn integration(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
    ) -> Result<Option<IntegrationRow>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        row_in(&mut transaction, integration).await
    }

    /// The integrations of an owner, or of the whole tenant, in the order in which they were connected. Erased ones and
    /// walks that never got anywhere are left out.
    pub async fn integrations(
        &self,
        tenant: TenantId,
        owner: Option<OwnerId>,
    ) -> Result<Vec<IntegrationRow>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let rows = sqlx::query_as!(
            Row,
            "select id, tenant, owner, provider, status, generation, scopes, granted, missing, expires_at, refreshed_at,
                 connected_at, reason
             from integrations
             join view_versions on view = 'integrations' and live = view_version
             where tenant = $1 and ($2::uuid is null or owner = $2) and status not in ('failed', 'erased')
             order by connected_at nulls last, id",
            tenant.uuid(),
            owner.map(OwnerId::uuid)
        )
        .fetch_all(&mut *transaction)
        .await?;
        rows.into_iter().map(IntegrationRow::try_from).collect()
    }

    /// The tenant of an integration, for those who may ask across tenants: the operator's command line.
    pub async fn tenant_of(&self, integration: IntegrationId) -> Result<Option<TenantId>, StoreError> {
        let tenant =
            sqlx::query_scalar!("select find_integration($1)", integration.uuid()).fetch_one(&self.pool).await?;
        Ok(tenant.map(TenantId::new))
    }
}
