//! Reading the log: one stream by its versions, everything by the pair (xid, position), and the audit's questions.
//!
//! Position alone loses events: a transaction that took a lower position may commit after a reader has passed it.

#[cfg(feature = "negative-controls")]
use bellhop_domain::NegativeControl;
use bellhop_domain::{Event, EventId, IntegrationId, RecordedEvent, TenantId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::keyring::{DataKey, Place};
use crate::scope;
use crate::unit::{Actor, Change, Metadata};

/// Where a reader of the log stands. Only the pair is an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct LogPosition {
    /// The writing transaction.
    pub xid: i64,
    /// The place in the table.
    pub position: i64,
}

/// What the auditor is shown of an event.
#[derive(Debug, Clone, Serialize)]
pub struct AuditEntry {
    /// The event's id.
    pub event_id: EventId,
    /// The account's integration.
    pub integration: IntegrationId,
    /// Its place in the stream.
    pub version: i64,
    /// When, by the application's clock.
    pub time: DateTime<Utc>,
    /// What happened.
    pub event: Event,
    /// Who did it.
    pub actor: Actor,
    /// By which command.
    pub command: Uuid,
    /// What it belongs to.
    pub correlation: Uuid,
    /// The event that led to it, if one did.
    pub cause: Option<EventId>,
    /// Which operator acted and why, while it can still be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorWords>,
}

/// Binds an operator's words to their event, so that two events' words cannot be exchanged.
fn reason_place(tenant: TenantId, integration: IntegrationId, event: EventId) -> Place {
    let (number, _) = event.uuid().as_u64_pair();
    Place::integration(tenant, integration, "reason", number.cast_signed())
}

/// Who of the operators acted and why: sealed beside the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorWords {
    /// The operator's name, as the command line knew it.
    pub name: String,
    /// Their reason.
    pub reason: String,
}

impl OperatorWords {
    /// Seals the words for their event.
    pub fn seal(
        &self,
        key: &DataKey,
        tenant: TenantId,
        integration: IntegrationId,
        event: EventId,
    ) -> Result<Change, StoreError> {
        let plain = serde_json::to_vec(self).map_err(|_| StoreError::Unreadable("an operator's words"))?;
        let sealed = key.seal(&reason_place(tenant, integration, event), &plain)?;
        Ok(Change::PutReason { integration, event, sealed })
    }
}

struct EventRow {
    tenant: Uuid,
    stream: Uuid,
    version: i64,
    event_id: Uuid,
    payload: Vec<u8>,
    time: DateTime<Utc>,
}

impl TryFrom<EventRow> for RecordedEvent {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: EventId::new(row.event_id),
            integration: IntegrationId::new(row.stream),
            tenant: TenantId::new(row.tenant),
            version: row.version,
            at: row.time,
            event: serde_json::from_slice(&row.payload).map_err(|_| StoreError::Unreadable("an event"))?,
        })
    }
}

/// An event's place and how to find it.
#[cfg_attr(feature = "negative-controls", derive(sqlx::FromRow))]
struct Listed {
    xid: i64,
    position: i64,
    tenant: Uuid,
    event_id: Uuid,
}

async fn list_after(
    transaction: &mut Transaction<'_, Postgres>,
    after: LogPosition,
    limit: i32,
) -> Result<Vec<Listed>, sqlx::Error> {
    #[cfg(feature = "negative-controls")]
    if NegativeControl::PositionOrder.is_on() {
        return list_by_position(transaction, after.position, limit).await;
    }
    sqlx::query_as!(
        Listed,
        r#"select xid::text::bigint as "xid!", "position" as "position!", tenant as "tenant!", event_id as "event_id!"
           from read_log($1::bigint::text::xid8, $2, $3)"#,
        after.xid,
        after.position,
        limit
    )
    .fetch_all(&mut **transaction)
    .await
}

/// Not checked when it is compiled, so that what describes the statements of a release holds none of it.
#[cfg(feature = "negative-controls")]
async fn list_by_position(
    transaction: &mut Transaction<'_, Postgres>,
    after: i64,
    limit: i32,
) -> Result<Vec<Listed>, sqlx::Error> {
    sqlx::query("select set_config('app.tenants', array(select all_tenants())::text, true)")
        .execute(&mut **transaction)
        .await?;
    let listing = "select xid::text::bigint as xid, position, tenant, event_id from events
                   where position > $1 order by position limit $2";
    sqlx::query_as(listing).bind(after).bind(limit).fetch_all(&mut **transaction).await
}

/// The next events after a place, as far as no open transaction can still write before them. The transaction acts for the
/// tenants of these events from then on.
pub(crate) async fn read_after(
    transaction: &mut Transaction<'_, Postgres>,
    after: LogPosition,
    limit: i32,
) -> Result<Vec<(LogPosition, RecordedEvent)>, StoreError> {
    let ids = list_after(transaction, after, limit).await?;
    let mut tenants: Vec<TenantId> = ids.iter().map(|row| TenantId::new(row.tenant)).collect();
    tenants.sort_unstable();
    tenants.dedup();
    scope::act_for(transaction, &tenants).await?;
    let wanted: Vec<Uuid> = ids.iter().map(|row| row.event_id).collect();
    let rows = sqlx::query_as!(
        EventRow,
        "select tenant, stream, version, event_id, payload, time from events
         where event_id = any ($1)
         order by xid, position",
        &wanted
    )
    .fetch_all(&mut **transaction)
    .await?;
    if rows.len() != ids.len() {
        return Err(StoreError::Unreadable("the log: an event that was listed cannot be read"));
    }
    let places = ids.into_iter().map(|row| LogPosition { xid: row.xid, position: row.position });
    places.zip(rows).map(|(place, row)| Ok((place, row.try_into()?))).collect()
}

impl Store {
    /// The next events after a place, in reading order and as far as it is safe to read.
    pub async fn read_log(
        &self,
        after: LogPosition,
        limit: i32,
    ) -> Result<Vec<(LogPosition, RecordedEvent)>, StoreError> {
        let mut transaction = self.begin(&[]).await?;
        read_after(&mut transaction, after, limit).await
    }

    /// Every event of an integration, in order.
    pub async fn stream(&self, tenant: TenantId, integration: IntegrationId) -> Result<Vec<RecordedEvent>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let rows = sqlx::query_as!(
            EventRow,
            "select tenant, stream, version, event_id, payload, time from events where stream = $1 order by version",
            integration.uuid()
        )
        .fetch_all(&mut *transaction)
        .await?;
        rows.into_iter().map(RecordedEvent::try_from).collect()
    }

    pub(crate) async fn events_by_id(
        &self,
        tenant: TenantId,
        ids: &[EventId],
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        let mut transaction = self.begin(&[tenant]).await?;
        let rows = sqlx::query_as!(
            EventRow,
            "select tenant, stream, version, event_id, payload, time from events
             where event_id = any ($1)
             order by array_position($1, event_id)",
            &ids
        )
        .fetch_all(&mut *transaction)
        .await?;
        rows.into_iter().map(RecordedEvent::try_from).collect()
    }

    /// What happened to an integration since then, oldest first, with who did it and why.
    pub async fn audit(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        since: Option<DateTime<Utc>>,
        limit: i64,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let key = self.integration_key(tenant, integration).await?;
        let mut transaction = self.begin(&[tenant]).await?;
        let rows = sqlx::query!(
            r#"select e.event_id, e.version, e.time, e.payload, e.metadata, r.sealed as "sealed?"
               from events e
               left join event_reasons r on r.event_id = e.event_id
               where e.stream = $1 and ($2::timestamptz is null or e.time >= $2)
               order by e.version
               limit $3"#,
            integration.uuid(),
            since,
            limit
        )
        .fetch_all(&mut *transaction)
        .await?;
        let mut entries = vec![];
        for row in rows {
            let event = serde_json::from_slice(&row.payload).map_err(|_| StoreError::Unreadable("an event"))?;
            let metadata: Metadata =
                serde_json::from_slice(&row.metadata).map_err(|_| StoreError::Unreadable("metadata of an event"))?;
            // After an erasure the words cannot be opened; that they are gone is as it should be.
            let operator = row.sealed.as_deref().zip(key.as_ref()).and_then(|(sealed, key)| {
                let plain = key.open(&reason_place(tenant, integration, EventId::new(row.event_id)), sealed).ok()?;
                serde_json::from_slice(&plain).ok()
            });
            entries.push(AuditEntry {
                event_id: EventId::new(row.event_id),
                integration,
                version: row.version,
                time: row.time,
                event,
                actor: metadata.actor,
                command: metadata.command.uuid(),
                correlation: metadata.correlation,
                cause: metadata.causation,
                operator,
            });
        }
        Ok(entries)
    }

    /// Every integration of a tenant that has a stream, for checks.
    pub async fn streams(&self, tenant: TenantId) -> Result<Vec<IntegrationId>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let streams =
            sqlx::query_scalar!("select distinct stream from events where tenant = $1 order by 1", tenant.uuid())
                .fetch_all(&mut *transaction)
                .await?;
        Ok(streams.into_iter().map(IntegrationId::new).collect())
    }
}
