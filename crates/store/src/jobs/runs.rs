//! Runs and their leases: starting one, keeping it, handing it back, and finding those whose worker is gone.
//!
//! A lease is the fence of everything that a run writes. It is given by a compare-and-set and lives by Postgres's time, so
//! that clocks of workers do not matter. Only a started run that ends unsettled counts as a crash.

use bellhop_domain::{EventId, IntegrationId, JobId, Payload, Queue, TenantId};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::dispatch::due;
use super::{counted, read_payload};
use crate::error::StoreError;
use crate::presence::Presence;
use crate::{Store, scope};

/// How long a lease lives without being renewed: a worker that stood still for as long loses what it had in hand, and its work is
/// done twice at the worst.
pub const LEASE_SECONDS: f64 = 30.0;

/// After how long without a renewal a run is taken from a process that is gone ([`Presence`]). A process that lives renews
/// sooner than that; one that can neither renew nor show itself for so long is fenced like one whose lease ran out.
const SILENT_SECONDS: f64 = 8.0;

/// After how many runs in a row that ended without a result a job is given up.
pub const CRASHES_UNTIL_POISON: u32 = 3;

/// A job that a run holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartedJob {
    /// Whose data it is about.
    pub tenant: TenantId,
    /// Which integration.
    pub integration: IntegrationId,
    /// Which job.
    pub job: JobId,
    /// The event that opened it.
    pub opened_by: EventId,
    /// What is to be done.
    pub payload: Payload,
    /// What the run settles under.
    pub lease: Uuid,
    /// Which attempt it is, from 1.
    pub attempt: u32,
}

/// What became of runs that nobody carries out any more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reconciled {
    /// Jobs that go round again.
    pub released: Vec<JobId>,
    /// Jobs that crashed too often. They are held under fresh leases, so that they are not started again before they are
    /// buried: bury them under these. If that does not happen, the leases run out and they come back here.
    pub poisoned: Vec<StartedJob>,
}

struct Row {
    id: Uuid,
    tenant: Uuid,
    integration: Uuid,
    opened_by: Uuid,
    payload: Value,
    lease: Uuid,
    attempts: i32,
}

impl TryFrom<Row> for StartedJob {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            tenant: TenantId::new(row.tenant),
            integration: IntegrationId::new(row.integration),
            job: JobId::new(row.id),
            opened_by: EventId::new(row.opened_by),
            payload: read_payload(row.payload)?,
            lease: row.lease,
            attempt: counted(row.attempts) + 1,
        })
    }
}

impl Store {
    /// Starts a run of a dispatched job under a fresh lease. Nothing, if the dispatch is an old one, the job has ended, is
    /// running or is not due any more.
    pub async fn start(
        &self,
        tenant: TenantId,
        job: JobId,
        dispatch: Uuid,
        by: Presence,
        now: DateTime<Utc>,
    ) -> Result<Option<StartedJob>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let row = sqlx::query_as!(
            Row,
            r#"update jobs
               set lease = gen_random_uuid(), leased_until = now() + make_interval(secs => $4), run_by = $5,
                   requested = false, dispatch = null, dispatched_at = null
               where id = $1 and dispatch = $2 and state = 'open' and lease is null and due_at <= $3
               returning id, tenant, integration, opened_by, payload, lease as "lease!", attempts"#,
            job.uuid(),
            dispatch,
            now,
            LEASE_SECONDS,
            by.number()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        // A payload of a newer release is not held: the transaction ends here.
        let started = row.map(StartedJob::try_from).transpose()?;
        transaction.commit().await?;
        Ok(started)
    }

    /// Starts runs of due jobs without a dispatch, for when the belt is away. What was dispatched within the last ten
    /// seconds may still be on its way and is left to the belt.
    pub async fn start_direct(
        &self,
        queue: Queue,
        by: Presence,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<StartedJob>, StoreError> {
        let mut transaction = self.begin(&[]).await?;
        let due = due(&mut transaction, queue, now, limit).await?;
        if due.is_empty() {
            return Ok(vec![]);
        }
        let rows = sqlx::query_as!(
            Row,
            r#"update jobs
               set lease = gen_random_uuid(), leased_until = now() + make_interval(secs => $3), run_by = $4,
                   requested = false, dispatch = null, dispatched_at = null
               from (
                   select id from jobs
                   where id = any ($1) and state = 'open' and lease is null and due_at <= $2
                     and (dispatched_at is null or dispatched_at < now() - interval '10 seconds')
                   for update skip locked
               ) as taken
               where jobs.id = taken.id
               returning jobs.id, jobs.tenant, jobs.integration, jobs.opened_by, jobs.payload, jobs.lease as "lease!", jobs.attempts"#,
            &due,
            now,
            LEASE_SECONDS,
            by.number()
        )
        .fetch_all(&mut *transaction)
        .await?;
        let (mut started, mut unreadable) = (vec![], vec![]);
        for row in rows {
            let job = row.id;
            match StartedJob::try_from(row) {
                Ok(run) => started.push(run),
                Err(error) => {
                    tracing::warn!(%job, %error, "a job could not be started");
                    unreadable.push(job);
                }
            }
        }
        if !unreadable.is_empty() {
            // Not held: a newer release can read them. Marked as if they were on the belt, so that they do not stand in
            // front of the others at the next look.
            sqlx::query!(
                "update jobs
                 set lease = null, leased_until = null, dispatch = gen_random_uuid(), dispatched_at = now()
                 where id = any ($1)",
                &unreadable
            )
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(started)
    }

    /// Prolongs a lease. `false`: the run has lost its job.
    pub async fn renew_lease(&self, tenant: TenantId, job: JobId, lease: Uuid) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let renewed = sqlx::query!(
            "update jobs
             set leased_until = now() + make_interval(secs => $3)
             where id = $1 and lease = $2",
            job.uuid(),
            lease,
            LEASE_SECONDS
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(renewed.rows_affected() == 1)
    }

    /// Gives a job back that a run will not finish: due now, and no crash is counted. `false`: the run had lost it.
    pub async fn hand_back(&self, tenant: TenantId, job: JobId, lease: Uuid) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let handed_back = sqlx::query!(
            "update jobs
             set lease = null, leased_until = null
             where id = $1 and lease = $2",
            job.uuid(),
            lease
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(handed_back.rows_affected() == 1)
    }

    /// Takes jobs back from runs whose leases ran out or whose processes are gone, and counts the crash.
    pub async fn reconcile_lapsed(&self, limit: i32) -> Result<Reconciled, StoreError> {
        let mut transaction = self.begin(&[]).await?;
        let lapsed = sqlx::query!(
            r#"select tenant as "tenant!", id as "id!", leased_until as "leased_until!"
               from lapsed_jobs(make_interval(secs => $1), $2)"#,
            LEASE_SECONDS - SILENT_SECONDS,
            limit
        )
        .fetch_all(&mut *transaction)
        .await?;
        if lapsed.is_empty() {
            return Ok(Reconciled::default());
        }
        let mut tenants: Vec<TenantId> = lapsed.iter().map(|row| TenantId::new(row.tenant)).collect();
        tenants.sort_unstable();
        tenants.dedup();
        scope::act_for(&mut transaction, &tenants).await?;
        let (ids, untils): (Vec<Uuid>, Vec<_>) = lapsed.into_iter().map(|row| (row.id, row.leased_until)).unzip();
        let rows = sqlx::query!(
            r#"update jobs
               set crashes = crashes + 1,
                   lease = case when crashes + 1 >= $2 then gen_random_uuid() end,
                   leased_until = case when crashes + 1 >= $2 then now() + make_interval(secs => $3) end,
                   run_by = null
               from (
                   select id from jobs
                   -- As they were found: whoever has renewed since lives.
                   where (id, leased_until) in (select * from unnest($1::uuid[], $4::timestamptz[])) and lease is not null
                   for update skip locked
               ) as lapsed
               where jobs.id = lapsed.id
               returning jobs.id, jobs.tenant, jobs.integration, jobs.opened_by, jobs.payload, jobs.lease, jobs.attempts"#,
            &ids,
            i32::try_from(CRASHES_UNTIL_POISON).unwrap_or(i32::MAX),
            LEASE_SECONDS,
            &untils
        )
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let mut reconciled = Reconciled::default();
        for row in rows {
            let Some(lease) = row.lease else {
                reconciled.released.push(JobId::new(row.id));
                continue;
            };
            let held = Row {
                id: row.id,
                tenant: row.tenant,
                integration: row.integration,
                payload: row.payload,
                lease,
                attempts: row.attempts,
                opened_by: row.opened_by,
            };
            // What this release cannot read, it cannot bury: the release that wrote it will.
            reconciled.poisoned.extend(StartedJob::try_from(held).ok());
        }
        Ok(reconciled)
    }
}
