//! Writing a batch of units inside one open transaction: the log first, then everything that follows from it.
//!
//! Only statements. Which units may be written was decided by `commit.rs`, what follows from an event by the domain.

mod calendars;
mod changes;
mod jobs;

use std::collections::{BTreeMap, HashMap};

#[cfg(feature = "negative-controls")]
use bellhop_domain::NegativeControl;
use bellhop_domain::{Integration, IntegrationId, RecordedEvent, STATE_SHAPE};
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::chain::{GENESIS, Link};
use crate::error::CommitError;
use crate::integrations;
use crate::unit::{Metadata, UnitOfWork};

/// Where a stream stands: its version and the hash of its last event.
#[derive(Debug, Clone)]
pub struct Head {
    /// How many events it has.
    pub version: i64,
    /// The hash of the last one.
    pub last_hash: Vec<u8>,
}

/// Makes the state rows of streams that begin, in stream order, so that there is something to lock.
pub async fn make_state_rows(
    transaction: &mut Transaction<'_, Postgres>,
    new: &BTreeMap<Uuid, Uuid>,
) -> Result<(), CommitError> {
    let (streams, tenants): (Vec<Uuid>, Vec<Uuid>) = new.iter().map(|(stream, tenant)| (*stream, *tenant)).unzip();
    let empty = serde_json::to_value(Integration::default()).map_err(|_| CommitError::Unreadable("an empty state"))?;
    sqlx::query!(
        "insert into states (stream, tenant, version, shape, state, last_hash)
         select stream, tenant, 0, $3, $4, $5
         from unnest($1::uuid[], $2::uuid[]) as new (stream, tenant)
         order by stream
         on conflict do nothing",
        &streams,
        &tenants,
        STATE_SHAPE,
        empty,
        GENESIS.as_slice()
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Locks the state rows of these streams, in stream order, and says where each stands.
pub async fn lock_heads(
    transaction: &mut Transaction<'_, Postgres>,
    streams: &[Uuid],
) -> Result<BTreeMap<Uuid, Head>, CommitError> {
    let rows = sqlx::query!(
        "select stream, version, last_hash from states where stream = any ($1) order by stream for update",
        streams
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.stream, Head { version: row.version, last_hash: row.last_hash })).collect())
}

/// Writes everything of these units. Their streams are locked and stand where they expect.
pub async fn write(
    transaction: &mut Transaction<'_, Postgres>,
    units: &[&UnitOfWork],
    heads: &BTreeMap<Uuid, Head>,
) -> Result<(), CommitError> {
    let recorded = append_events(transaction, units, heads).await?;
    jobs::settle(transaction, units).await?;
    changes::clean_up(transaction, &recorded).await?;
    changes::write(transaction, units).await?;
    integrations::write(transaction, units).await?;
    remember_commands(transaction, units).await?;
    #[cfg(feature = "negative-controls")]
    if NegativeControl::JobsOutsideTransaction.is_on() {
        commit_and_begin_again(transaction, units).await?;
    }
    jobs::follow(transaction, &recorded).await
}

#[cfg(feature = "negative-controls")]
async fn commit_and_begin_again(
    transaction: &mut Transaction<'_, Postgres>,
    units: &[&UnitOfWork],
) -> Result<(), CommitError> {
    sqlx::raw_sql("commit and chain").execute(&mut **transaction).await?;
    let tenants: Vec<_> = units.iter().map(|unit| unit.context.tenant).collect();
    Ok(crate::scope::act_for(transaction, &tenants).await?)
}

/// The columns of the rows about to be appended.
#[derive(Default)]
struct Rows {
    tenants: Vec<Uuid>,
    streams: Vec<Uuid>,
    versions: Vec<i64>,
    ids: Vec<Uuid>,
    names: Vec<String>,
    schemas: Vec<i16>,
    payloads: Vec<Vec<u8>>,
    metadata: Vec<Vec<u8>>,
    times: Vec<DateTime<Utc>>,
    previous: Vec<Vec<u8>>,
    hashes: Vec<Vec<u8>>,
}

async fn append_events(
    transaction: &mut Transaction<'_, Postgres>,
    units: &[&UnitOfWork],
    heads: &BTreeMap<Uuid, Head>,
) -> Result<Vec<Vec<RecordedEvent>>, CommitError> {
    let mut rows = Rows::default();
    let mut last_hashes: HashMap<IntegrationId, Vec<u8>> = HashMap::new();
    let mut recorded = vec![];
    for unit in units {
        let metadata = serde_json::to_vec(&Metadata::from(&unit.context))
            .map_err(|_| CommitError::Unreadable("metadata of an event"))?;
        for append in &unit.appends {
            let head = heads.get(&append.stream.uuid()).ok_or(CommitError::Conflict)?;
            let (events, last_hash) = rows.push(unit, append, head, &metadata)?;
            last_hashes.insert(append.stream, last_hash);
            recorded.push(events);
        }
    }
    if rows.ids.is_empty() {
        return Ok(recorded);
    }
    sqlx::query!(
        "insert into events (tenant, stream, version, event_id, type, schema_version, payload, metadata, time, previous_hash, hash)
         select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[], $5::text[], $6::smallint[], $7::bytea[],
             $8::bytea[], $9::timestamptz[], $10::bytea[], $11::bytea[])",
        &rows.tenants,
        &rows.streams,
        &rows.versions,
        &rows.ids,
        &rows.names,
        &rows.schemas,
        &rows.payloads,
        &rows.metadata,
        &rows.times,
        &rows.previous,
        &rows.hashes
    )
    .execute(&mut **transaction)
    .await?;
    update_states(transaction, units, &last_hashes).await?;
    Ok(recorded)
}

impl Rows {
    fn push(
        &mut self,
        unit: &UnitOfWork,
        append: &crate::unit::Append,
        head: &Head,
        metadata: &[u8],
    ) -> Result<(Vec<RecordedEvent>, Vec<u8>), CommitError> {
        let tenant = unit.context.tenant;
        let mut previous = head.last_hash.clone();
        let mut version = append.expected;
        let mut recorded = vec![];
        for (id, event) in &append.events {
            version += 1;
            let payload = serde_json::to_vec(event).map_err(|_| CommitError::Unreadable("payload of an event"))?;
            let schema_version = i16::try_from(event.schema_version()).unwrap_or(i16::MAX);
            let hash = Link {
                previous: &previous,
                stream: append.stream.uuid(),
                version,
                name: event.name(),
                schema_version,
                event_id: id.uuid(),
                tenant: tenant.uuid(),
                time: unit.at,
                payload: &payload,
                metadata,
            }
            .hash()
            .to_vec();
            self.tenants.push(tenant.uuid());
            self.streams.push(append.stream.uuid());
            self.versions.push(version);
            self.ids.push(id.uuid());
            self.names.push(event.name().to_owned());
            self.schemas.push(schema_version);
            self.payloads.push(payload);
            self.metadata.push(metadata.to_vec());
            self.times.push(unit.at);
            self.previous.push(std::mem::replace(&mut previous, hash.clone()));
            self.hashes.push(hash);
            recorded.push(RecordedEvent {
                id: *id,
                integration: append.stream,
                tenant,
                version,
                at: unit.at,
                event: event.clone(),
            });
        }
        Ok((recorded, previous))
    }
}

async fn update_states(
    transaction: &mut Transaction<'_, Postgres>,
    units: &[&UnitOfWork],
    last_hashes: &HashMap<IntegrationId, Vec<u8>>,
) -> Result<(), CommitError> {
    let (mut streams, mut versions, mut states, mut hashes) = (vec![], vec![], vec![], vec![]);
    for append in units.iter().flat_map(|unit| &unit.appends) {
        let Some(hash) = last_hashes.get(&append.stream) else { continue };
        streams.push(append.stream.uuid());
        versions.push(append.expected + i64::try_from(append.events.len()).unwrap_or(i64::MAX));
        states.push(serde_json::to_value(&append.state).map_err(|_| CommitError::Unreadable("a state"))?);
        hashes.push(hash.clone());
    }
    sqlx::query!(
        "update states
         set version = new.version, shape = $5, state = new.state, last_hash = new.last_hash
         from unnest($1::uuid[], $2::bigint[], $3::jsonb[], $4::bytea[]) as new (stream, version, state, last_hash)
         where states.stream = new.stream",
        &streams,
        &versions,
        &states,
        &hashes,
        STATE_SHAPE
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn remember_commands(
    transaction: &mut Transaction<'_, Postgres>,
    units: &[&UnitOfWork],
) -> Result<(), CommitError> {
    for unit in units {
        let events = unit.event_ids();
        if events.is_empty() {
            continue;
        }
        sqlx::query!(
            "insert into commands (tenant, id, request_hash, events, at) values ($1, $2, $3, $4, $5)",
            unit.context.tenant.uuid(),
            unit.context.command.uuid(),
            unit.request_hash.as_slice(),
            &events,
            unit.at
        )
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}
