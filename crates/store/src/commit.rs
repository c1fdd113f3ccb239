//! Group commit: several callers' units of work in one transaction, failing only the unit that conflicts.
//!
//! Without this file every event would cost a commit of its own. A batch holds one unit per stream and per link, locks
//! state rows in stream order and drops losers before it writes anything else. If a statement or the commit itself fails,
//! nobody knows what was written: each unit is looked up by its event ids and otherwise committed alone.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

#[cfg(feature = "negative-controls")]
use bellhop_domain::NegativeControl;
use bellhop_domain::TenantId;
use sqlx::{PgPool, Postgres, Transaction};
use tokio::sync::{Semaphore, mpsc, oneshot};
use uuid::Uuid;

use crate::error::CommitError;
use crate::rebuild::VIEW_ROWS;
use crate::scope;
use crate::unit::{Change, UnitOfWork};
use crate::write;

/// How many units share a transaction at the most.
const BATCH: usize = 64;

/// How many transactions are under way at once.
const LANES: usize = 4;

/// How long a batch waits for a lock that another process holds.
const LOCK_TIMEOUT: &str = "5s";

struct Waiting {
    unit: UnitOfWork,
    answer: oneshot::Sender<Result<(), CommitError>>,
}

/// Takes units and commits them in batches.
#[derive(Debug, Clone)]
pub struct Committer {
    queue: mpsc::Sender<Waiting>,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Waiting").finish_non_exhaustive()
    }
}

impl Committer {
    /// Starts the committer; it ends when the last handle is dropped.
    pub fn start(pool: PgPool) -> Self {
        let (queue, waiting) = mpsc::channel(BATCH * 16);
        tokio::spawn(run(pool, waiting));
        Self { queue }
    }

    /// Commits one unit, together with whatever else is waiting.
    pub async fn commit(&self, unit: UnitOfWork) -> Result<(), CommitError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Waiting { unit, answer }).await.map_err(|_| CommitError::Closed)?;
        answered.await.map_err(|_| CommitError::Closed)?
    }
}

async fn run(pool: PgPool, mut waiting: mpsc::Receiver<Waiting>) {
    let lanes = Arc::new(Semaphore::new(LANES));
    let mut held_back: Vec<Waiting> = vec![];
    loop {
        let Ok(lane) = Arc::clone(&lanes).acquire_owned().await else { return };
        let mut arrived = std::mem::take(&mut held_back);
        if arrived.is_empty() && waiting.recv_many(&mut arrived, BATCH).await == 0 {
            return;
        }
        while arrived.len() < BATCH {
            let Ok(more) = waiting.try_recv() else { break };
            arrived.push(more);
        }
        let (batch, rest) = one_per_stream(arrived);
        held_back = rest;
        let pool = pool.clone();
        tokio::spawn(async move {
            commit_batch(&pool, batch).await;
            drop(lane);
        });
    }
}

/// What only one unit of a batch may touch: each is judged by what the batch found, not by what it writes.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Sole {
    Stream(Uuid),
    Link([u8; 32]),
}

fn sole(unit: &UnitOfWork) -> BTreeSet<Sole> {
    let links = unit.changes.iter().filter_map(|change| match change {
        Change::BeginAttempt(attempt) => Some(Sole::Link(attempt.link_hash)),
        _ => None,
    });
    unit.streams().map(Sole::Stream).chain(links).collect()
}

/// Splits what arrived into a batch in which no stream and no link appears twice, and the rest.
fn one_per_stream(arrived: Vec<Waiting>) -> (Vec<Waiting>, Vec<Waiting>) {
    let mut taken = HashSet::new();
    arrived.into_iter().partition(|waiting| {
        let unit = sole(&waiting.unit);
        let free = unit.iter().all(|one| !taken.contains(one));
        if free {
            taken.extend(unit);
        }
        free
    })
}

async fn commit_batch(pool: &PgPool, batch: Vec<Waiting>) {
    let units: Vec<&UnitOfWork> = batch.iter().map(|waiting| &waiting.unit).collect();
    let verdicts = match try_commit(pool, &units).await {
        Ok(verdicts) => verdicts,
        Err(error) if units.len() == 1 => vec![after_failure(pool, units[0], error).await],
        Err(_) => commit_each(pool, &units).await,
    };
    for (waiting, verdict) in batch.into_iter().zip(verdicts) {
        // A caller that has gone away no longer needs the answer; the log has it.
        let _ = waiting.answer.send(verdict);
    }
}

/// Commits the units of a failed batch one by one. While the database cannot be reached at all, the rest are not kept
/// waiting for their own time-out each.
async fn commit_each(pool: &PgPool, units: &[&UnitOfWork]) -> Vec<Result<(), CommitError>> {
    let mut verdicts = vec![];
    let mut is_away = false;
    for unit in units {
        let verdict = if is_away { Err(sqlx::Error::PoolTimedOut.into()) } else { commit_alone(pool, unit).await };
        is_away |= matches!(
            verdict,
            Err(CommitError::Database(sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) | sqlx::Error::PoolClosed))
        );
        verdicts.push(verdict);
    }
    verdicts
}

async fn commit_alone(pool: &PgPool, unit: &UnitOfWork) -> Result<(), CommitError> {
    match is_written(pool, unit).await {
        Ok(true) => return Ok(()),
        Ok(false) => {}
        Err(error) => return Err(error.into()),
    }
    match try_commit(pool, &[unit]).await {
        Ok(verdicts) => verdicts.into_iter().next().unwrap_or(Err(CommitError::Closed)),
        Err(error) => after_failure(pool, unit, error).await,
    }
}

/// A failed commit may have been carried out all the same: the answer is in the log.
async fn after_failure(pool: &PgPool, unit: &UnitOfWork, error: CommitError) -> Result<(), CommitError> {
    match is_written(pool, unit).await {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(error),
    }
}

async fn is_written(pool: &PgPool, unit: &UnitOfWork) -> Result<bool, sqlx::Error> {
    let ids = unit.event_ids();
    if ids.is_empty() {
        return Ok(false);
    }
    let mut transaction = scope::begin(pool, &[unit.context.tenant]).await?;
    let found = sqlx::query_scalar!(r#"select count(*) as "count!" from events where event_id = any ($1)"#, &ids)
        .fetch_one(&mut *transaction)
        .await?;
    Ok(usize::try_from(found).is_ok_and(|found| found == ids.len()))
}

/// One transaction for these units. An error means that nothing is known to have been written; otherwise each unit has
/// its own verdict and those without an error are committed.
async fn try_commit(pool: &PgPool, units: &[&UnitOfWork]) -> Result<Vec<Result<(), CommitError>>, CommitError> {
    let tenants: BTreeSet<TenantId> = units.iter().map(|unit| unit.context.tenant).collect();
    let tenants: Vec<TenantId> = tenants.into_iter().collect();
    let mut transaction = scope::begin(pool, &tenants).await?;
    // Shared by all writers: who switches to a rebuilt view waits for those under way, and others wait for the switch.
    sqlx::query!(
        "select set_config('lock_timeout', $1, true), pg_advisory_xact_lock_shared($2)",
        LOCK_TIMEOUT,
        VIEW_ROWS
    )
    .fetch_one(&mut *transaction)
    .await?;

    let heads = lock_states(&mut transaction, units).await?;
    let held = lock_jobs(&mut transaction, units).await?;
    let unused = lock_links(&mut transaction, units).await?;
    let verdicts: Vec<Result<(), CommitError>> = units.iter().map(|unit| judge(unit, &heads, &held, &unused)).collect();

    let winners: Vec<&UnitOfWork> =
        units.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_ok()).map(|(unit, _)| *unit).collect();
    if winners.is_empty() {
        // Not even the state row of a stream that was to begin stays.
        transaction.rollback().await?;
        return Ok(verdicts);
    }
    write::write(&mut transaction, &winners, &heads).await?;
    transaction.commit().await?;
    Ok(verdicts)
}

fn judge(
    unit: &UnitOfWork,
    heads: &BTreeMap<Uuid, write::Head>,
    held: &HashSet<(Uuid, Uuid)>,
    unused: &HashSet<[u8; 32]>,
) -> Result<(), CommitError> {
    for append in &unit.appends {
        if heads.get(&append.stream.uuid()).is_none_or(|head| head.version != append.expected) {
            return Err(CommitError::Conflict);
        }
    }
    if let Some(settlement) = unit.settlement
        && !held.contains(&(settlement.job.uuid(), settlement.lease))
    {
        #[cfg(feature = "negative-controls")]
        if NegativeControl::LeaseFencingOff.is_on() {
            return Ok(());
        }
        return Err(CommitError::LeaseLost);
    }
    for change in &unit.changes {
        if let Change::BeginAttempt(attempt) = change
            && !unused.contains(&attempt.link_hash)
        {
            return Err(CommitError::LinkUsed);
        }
    }
    Ok(())
}

/// Locks the state rows in stream order, after making those of new streams, so that two batches cannot wait for each
/// other.
async fn lock_states(
    transaction: &mut Transaction<'_, Postgres>,
    units: &[&UnitOfWork],
) -> Result<BTreeMap<Uuid, write::Head>, CommitError> {
    let streams: Vec<Uuid> = units.iter().flat_map(|unit| unit.streams()).collect();
    let mut new: BTreeMap<Uuid, Uuid> = BTreeMap::new();
    for unit in units {
        for append in &unit.appends {
            if append.expected == 0 {
                new.insert(append.stream.uuid(), unit.context.tenant.uuid());
            }
        }
    }
    if !new.is_empty() {
        write::make_state_rows(transaction, &new).await?;
    }
    write::lock_heads(transaction, &streams).await
}

async fn lock_jobs(
    transaction: &mut Transaction<'_, Postgres>,
    units: &[&UnitOfWork],
) -> Result<HashSet<(Uuid, Uuid)>, sqlx::Error> {
    let jobs: Vec<Uuid> =
        units.iter().filter_map(|unit| unit.settlement).map(|settlement| settlement.job.uuid()).collect();
    if jobs.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = sqlx::query!(
        r#"select id, lease as "lease!" from jobs
           where id = any ($1) and state = 'open' and lease is not null
           order by id
           for update"#,
        &jobs
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.lease)).collect())
}

async fn lock_links(
    transaction: &mut Transaction<'_, Postgres>,
    units: &[&UnitOfWork],
) -> Result<HashSet<[u8; 32]>, sqlx::Error> {
    let links: Vec<Vec<u8>> = units
        .iter()
        .flat_map(|unit| &unit.changes)
        .filter_map(|change| match change {
            Change::BeginAttempt(attempt) => Some(attempt.link_hash.to_vec()),
            _ => None,
        })
        .collect();
    if links.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = sqlx::query_scalar!(
        "select hash from connect_links where hash = any ($1) and used_at is null order by hash for update",
        &links
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().filter_map(|hash| hash.try_into().ok()).collect())
}

#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(test)]
#[path = "commit_tests.rs"]
mod tests;
