//! The proof: every hash chain, and that states, views and jobs are what the log says.
//!
//! All of it in one snapshot, so that a log which is being written does not look like one that was tampered with.

use bellhop_domain::{Event, EventId, Integration, IntegrationId, RecordedEvent, STATE_SHAPE, TenantId};
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};
use thiserror::Error;

use crate::chain::{GENESIS, Link};
use crate::error::StoreError;
use crate::integrations::{self, IntegrationRow};
use crate::rebuild::folded::{Folded, misfits};
use crate::{Store, rebuild, scope, tallies};

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
    /// Events of this type are not counted as the log has them.
    #[error("tallies: the count of {0} differs")]
    Tally(String),
    /// The job table differs from the fold of the log.
    #[error("jobs: {0}")]
    Jobs(String),
}

/// A stream as it was read: its events, or where its chain breaks.
type Stream = Result<Vec<RecordedEvent>, BrokenChain>;

/// What is compared with the fold of the log. The chains are checked in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    States,
    Views,
    Jobs,
}

impl Store {
    /// Checks everything of a tenant.
    pub async fn verify(&self, tenant: TenantId) -> Result<Result<Verified, Difference>, StoreError> {
        self.compare(tenant, &[Part::States, Part::Views, Part::Jobs]).await
    }

    /// Checks the chains and the views of a tenant.
    pub async fn verify_views(&self, tenant: TenantId) -> Result<Result<Verified, Difference>, StoreError> {
        self.compare(tenant, &[Part::Views]).await
    }

    /// Checks the chains and the job rows of a tenant.
    pub async fn verify_jobs(&self, tenant: TenantId) -> Result<Result<Verified, Difference>, StoreError> {
        self.compare(tenant, &[Part::Jobs]).await
    }

    async fn compare(&self, tenant: TenantId, parts: &[Part]) -> Result<Result<Verified, Difference>, StoreError> {
        let mut snapshot = scope::begin_snapshot(&self.pool, &[tenant]).await?;
        if let Some(integration) = rebuild::stream_without_state(&mut snapshot).await?
            && let Err(broken) = read_chain(&mut snapshot, integration).await?
        {
            return Ok(Err(broken.into()));
        }
        let (mut verified, mut after) = (Verified::default(), None);
        loop {
            let streams = rebuild::streams_after(&mut snapshot, tenant, after).await?;
            let Some(last) = streams.last() else { break };
            after = Some(*last);
            for integration in streams {
                let events = match read_chain(&mut snapshot, integration).await? {
                    Ok(events) => events,
                    Err(broken) => return Ok(Err(broken.into())),
                };
                verified.streams += 1;
                verified.events += events.len() as u64;
                let folded = Folded::of(integration, &events);
                if let Some(difference) = compare_stream(&mut snapshot, integration, &folded, parts).await? {
                    return Ok(Err(difference));
                }
            }
        }
        let surplus = compare_rest(&mut snapshot, tenant, parts).await?;
        Ok(surplus.map_or(Ok(verified), Err))
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

/// Reads a stream in a transaction that sees one moment of it.
pub(crate) async fn read_chain(
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

/// The first difference between what is stored of a stream and the fold of its events.
async fn compare_stream(
    snapshot: &mut Transaction<'_, Postgres>,
    integration: IntegrationId,
    folded: &Folded,
    parts: &[Part],
) -> Result<Option<Difference>, StoreError> {
    let mut what = None;
    if parts.contains(&Part::States) {
        what = compare_state(snapshot, integration, folded).await?;
    }
    if what.is_none() && parts.contains(&Part::Views) {
        let version = integrations::version_in(snapshot, integration).await?;
        what = match (integrations::row_in(snapshot, integration).await?, &folded.view) {
            (Some(row), Some(told)) => compare_view((&row, version), (told, folded.version)),
            (None, Some(_)) => Some("the view has no row".to_owned()),
            (Some(_), None) => Some("the view should have no row".to_owned()),
            (None, None) => None,
        };
    }
    if let Some(what) = what {
        return Ok(Some(Difference::State { integration, what }));
    }
    if parts.contains(&Part::Jobs) {
        let stored = rebuild::stored_jobs(snapshot, integration, folded.jobs.keys()).await?;
        let first = misfits(&folded.jobs, &stored)?.into_iter().next();
        return Ok(first.map(|misfit| Difference::Jobs(misfit.words)));
    }
    Ok(None)
}

async fn compare_state(
    snapshot: &mut Transaction<'_, Postgres>,
    integration: IntegrationId,
    folded: &Folded,
) -> Result<Option<String>, StoreError> {
    let row = sqlx::query!("select version, shape, state from states where stream = $1", integration.uuid())
        .fetch_one(&mut **snapshot)
        .await?;
    if folded.version != row.version {
        return Ok(Some("the state row has another version".to_owned()));
    }
    // A row of another shape is folded again before it is used: it says nothing.
    if row.shape == STATE_SHAPE {
        let state: Integration = serde_json::from_value(row.state).map_err(|_| StoreError::Unreadable("a state"))?;
        if state != folded.state {
            return Ok(Some("the state row differs".to_owned()));
        }
    }
    Ok(None)
}

/// Both with the version of the stream that they show.
fn compare_view(
    (row, row_version): (&IntegrationRow, Option<i64>),
    (told, version): (&IntegrationRow, i64),
) -> Option<String> {
    let checks = [
        ("tenant", row.tenant == told.tenant),
        ("owner", row.owner == told.owner),
        ("provider", row.provider == told.provider),
        ("status", row.status == told.status),
        ("generation", row.generation == told.generation),
        ("scopes", row.scopes == told.scopes),
        ("granted", row.granted == told.granted),
        ("missing", row.missing == told.missing),
        ("expires_at", row.expires_at == told.expires_at),
        ("refreshed_at", row.refreshed_at == told.refreshed_at),
        ("connected_at", row.connected_at == told.connected_at),
        ("reason", row.reason == told.reason),
        ("version", row_version == Some(version)),
    ];
    checks.iter().find(|(_, same)| !same).map(|(name, _)| format!("the view differs in {name}"))
}

/// The first thing of a tenant that belongs to no stream, or counts events otherwise than the log has them.
async fn compare_rest(
    snapshot: &mut Transaction<'_, Postgres>,
    tenant: TenantId,
    parts: &[Part],
) -> Result<Option<Difference>, StoreError> {
    if parts.contains(&Part::Views) {
        if let Some(integration) = integrations::orphan_in(snapshot, tenant).await? {
            let what = "the view should have no row".to_owned();
            return Ok(Some(Difference::State { integration, what }));
        }
        if let Some(name) = tallies::first_miscount(snapshot, tenant).await? {
            return Ok(Some(Difference::Tally(name)));
        }
    }
    if parts.contains(&Part::Jobs) {
        let orphan = rebuild::orphan(snapshot, tenant).await?;
        return Ok(orphan.map(|(_, words)| Difference::Jobs(words)));
    }
    Ok(None)
}
