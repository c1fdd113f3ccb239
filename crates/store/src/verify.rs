//! The proof: every hash chain, and that states, views and jobs are what the log says.
//!
//! All of it in one snapshot, so that a log which is being written does not look like one that was tampered with.

use std::collections::BTreeMap;

use bellhop_domain::{
    Event, EventId, Integration, IntegrationId, Job, JobId, Jobs, Payload, RecordedEvent, STATE_SHAPE, TenantId,
};
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};
use thiserror::Error;

use crate::chain::{GENESIS, Link};
use crate::error::StoreError;
use crate::integrations::{IntegrationRow, reason, row_in};
use crate::{Store, scope};

/// What was looked at and found sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    /// How many streams.
    pub streams: u64,
    /// How many events.
    pub events: u64,
}

/// A place in the log where the chain does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the chain of {integration} does not hold at version {version}")]
pub struct BrokenChain {
    /// Which stream.
    pub integration: IntegrationId,
    /// Which version is missing or does not match.
    pub version: i64,
}

/// The first thing that is not as the log says.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Difference {
    /// The log itself was edited.
    #[error(transparent)]
    Chain(#[from] BrokenChain),
    /// A state row or a view differs from the fold of its events.
    #[error("{integration}: {what}")]
    State {
        /// Which integration.
        integration: IntegrationId,
        /// What differs.
        what: String,
    },
    /// The job table differs from the fold of the log.
    #[error("jobs: {0}")]
    Jobs(String),
}

/// A stream as it was read: its events, or where its chain breaks.
type Stream = Result<Vec<RecordedEvent>, BrokenChain>;

impl Store {
    /// Checks everything of a tenant.
    pub async fn verify(&self, tenant: TenantId) -> Result<Result<Verified, Difference>, StoreError> {
        let mut snapshot = scope::begin_snapshot(&self.pool, &[tenant]).await?;
        let streams = sqlx::query_scalar!(
            r#"select stream as "stream!" from (
                   select stream from states where tenant = $1 union select stream from events where tenant = $1
               ) as streams order by 1"#,
            tenant.uuid()
        )
        .fetch_all(&mut *snapshot)
        .await?;
        let mut verified = Verified::default();
        let mut jobs = Jobs::default();
        for integration in streams.into_iter().map(IntegrationId::new) {
            let events = match read_chain(&mut snapshot, integration).await? {
                Ok(events) => events,
                Err(broken) => return Ok(Err(broken.into())),
            };
            let mut state = Integration::default();
            for recorded in &events {
                state.take_in(&recorded.event);
                jobs.take_in(recorded);
            }
            verified.streams += 1;
            verified.events += events.len() as u64;
            if let Some(what) = compare_state(&mut snapshot, integration, &events, &state).await? {
                return Ok(Err(Difference::State { integration, what }));
            }
        }
        let difference = compare_jobs(&mut snapshot, tenant, &jobs).await?;
        Ok(difference.map_or(Ok(verified), |what| Err(Difference::Jobs(what))))
    }

    /// Checks the hash chain of one stream, and answers how many events it has.
    pub async fn verify_chain(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
    ) -> Result<Result<usize, BrokenChain>, StoreError> {
        let mut snapshot = scope::begin_snapshot(&self.pool, &[tenant]).await?;
        Ok(read_chain(&mut snapshot, integration).await?.map(|events| events.len()))
    }

    /// What Postgres's clock says.
    pub async fn database_time(&self) -> Result<DateTime<Utc>, StoreError> {
        Ok(sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#).fetch_one(&self.pool).await?)
    }
}

async fn read_chain(
    snapshot: &mut Transaction<'_, Postgres>,
    integration: IntegrationId,
) -> Result<Stream, StoreError> {
    let rows = sqlx::query!(
        "select version, event_id, tenant, type as name, schema_version, payload, metadata, time, previous_hash, hash
         from events where stream = $1 order by version",
        integration.uuid()
    )
    .fetch_all(&mut **snapshot)
    .await?;
    let head = sqlx::query_scalar!("select last_hash from states where stream = $1", integration.uuid())
        .fetch_optional(&mut **snapshot)
        .await?;
    let mut previous = GENESIS.to_vec();
    let mut events: Vec<RecordedEvent> = vec![];
    for (version, row) in (1..).zip(rows) {
        let hash = Link {
            previous: &previous,
            stream: integration.uuid(),
            version,
            name: &row.name,
            schema_version: row.schema_version,
            event_id: row.event_id,
            tenant: row.tenant,
            time: row.time,
            payload: &row.payload,
            metadata: &row.metadata,
        }
        .hash();
        if row.version != version || row.previous_hash != previous || row.hash != hash {
            return Ok(Err(BrokenChain { integration, version }));
        }
        previous = row.hash;
        let event: Event = serde_json::from_slice(&row.payload).map_err(|_| StoreError::Unreadable("an event"))?;
        let (id, tenant) = (EventId::new(row.event_id), TenantId::new(row.tenant));
        events.push(RecordedEvent { id, integration, tenant, version, at: row.time, event });
    }
    // The state row remembers the last hash, so that an end which was cut off shows.
    if head != Some(previous) {
        let version = events.last().map_or(1, |last| last.version + 1);
        return Ok(Err(BrokenChain { integration, version }));
    }
    Ok(Ok(events))
}

/// The first difference between the stored state or view of an integration and the fold of its events.
async fn compare_state(
    snapshot: &mut Transaction<'_, Postgres>,
    integration: IntegrationId,
    events: &[RecordedEvent],
    folded: &Integration,
) -> Result<Option<String>, StoreError> {
    let row = sqlx::query!("select version, shape, state from states where stream = $1", integration.uuid())
        .fetch_one(&mut **snapshot)
        .await?;
    if events.last().map_or(0, |last| last.version) != row.version {
        return Ok(Some("the state row has another version".to_owned()));
    }
    // A row of another shape is folded again before it is used: it says nothing.
    if row.shape == STATE_SHAPE {
        let state: Integration = serde_json::from_value(row.state).map_err(|_| StoreError::Unreadable("a state"))?;
        if state != *folded {
            return Ok(Some("the state row differs".to_owned()));
        }
    }
    Ok(match row_in(snapshot, integration).await? {
        Some(row) => compare_view(&row, folded),
        None => Some("the view has no row".to_owned()),
    })
}

fn compare_view(row: &IntegrationRow, folded: &Integration) -> Option<String> {
    let names = |set: &bellhop_domain::Capabilities| set.iter().map(|one| one.name().to_owned()).collect();
    let checks = [
        ("owner", Some(row.owner) == folded.owner),
        ("provider", Some(row.provider) == folded.provider),
        ("status", row.status == folded.status),
        ("generation", row.generation == folded.generation),
        ("scopes", row.scopes == folded.scopes),
        ("granted", row.granted == names(&folded.granted)),
        ("missing", row.missing == names(&folded.missing)),
        ("expires_at", row.expires_at == folded.expires_at),
        ("refreshed_at", row.refreshed_at == folded.refreshed_at),
        ("reason", row.reason == reason(folded)),
    ];
    checks.iter().find(|(_, same)| !same).map(|(name, _)| format!("the view differs in {name}"))
}

/// The first difference between the job rows of a tenant and this fold of its log: ids, kinds, payloads and whether each
/// is open or dead. Due times, attempts and leases belong to the table.
async fn compare_jobs(
    snapshot: &mut Transaction<'_, Postgres>,
    tenant: TenantId,
    folded: &Jobs,
) -> Result<Option<String>, StoreError> {
    let rows = sqlx::query!(
        "select id, integration, payload, state from jobs where tenant = $1 and state in ('open', 'dead')",
        tenant.uuid()
    )
    .fetch_all(&mut **snapshot)
    .await?;
    let mut stored: [BTreeMap<JobId, (IntegrationId, Payload)>; 2] = Default::default();
    for row in rows {
        let payload =
            serde_json::from_value(row.payload).map_err(|_| StoreError::Unreadable("the payload of a job"))?;
        stored[usize::from(row.state == "dead")]
            .insert(JobId::new(row.id), (IntegrationId::new(row.integration), payload));
    }
    Ok(difference("open", &stored[0], &folded.open).or_else(|| difference("dead", &stored[1], &folded.dead)))
}

fn difference(
    state: &str,
    stored: &BTreeMap<JobId, (IntegrationId, Payload)>,
    folded: &BTreeMap<JobId, Job>,
) -> Option<String> {
    for (id, job) in folded {
        match stored.get(id) {
            None => return Some(format!("{} {id} should be {state}", job.payload.kind())),
            Some((integration, payload)) if *payload != job.payload || *integration != job.integration => {
                return Some(format!("{} {id} is not as it was opened", job.payload.kind()));
            }
            Some(_) => {}
        }
    }
    let surplus = stored.iter().find(|(id, _)| !folded.contains_key(id));
    surplus.map(|(id, (_, payload))| format!("{} {id} should not be {state}", payload.kind()))
}
