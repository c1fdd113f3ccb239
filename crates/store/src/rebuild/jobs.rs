//! Job rows, mended in place: what the log has open and the table lacks is opened, what the log does not know is closed,
//! and the rest keeps its due time, attempts and lease.
//!
//! Every stream is read first, so that one that cannot be read stops the rebuild before a row is touched. Then those that
//! differ are compared again and mended, each under the lock of its state row: without that, an event written between the
//! reading and the mending would be undone.

use std::collections::BTreeMap;

use bellhop_domain::{EventId, IntegrationId, JobFailure, JobId, TenantId};
use chrono::{DateTime, Utc};
use sqlx::{Connection, Postgres, Transaction};
use uuid::Uuid;

use super::folded::{FoldedJob, Misfit, StoredJob, What, misfits};
use super::{Rebuild, RebuildError, every_tenant, fold, refuse_lost_states, streams_after};
use crate::error::StoreError;
use crate::{scope, write};

/// What was mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MendedJobs {
    /// Rows that were missing, or stood elsewhere than the log says.
    pub opened: u64,
    /// Rows the log knows nothing of. A run of one settles as nothing.
    pub closed: u64,
    /// Rows that were another job than the one of their id. They begin anew.
    pub corrected: u64,
    /// Streams that any of these belonged to.
    pub streams: u64,
}

impl Rebuild {
    /// Mends the job table. A job that was missing is first due as its event said, or at once where that is past.
    pub async fn jobs(&mut self, now: DateTime<Utc>) -> Result<MendedJobs, RebuildError> {
        let mut mended = MendedJobs::default();
        for (tenant, integration) in self.streams_that_differ().await? {
            let before = mended;
            self.mend(tenant, integration, now, &mut mended).await?;
            mended.streams += u64::from(before != mended);
        }
        for tenant in self.tenants().await? {
            mended.closed += self.close_orphans(tenant, now).await?;
        }
        Ok(mended)
    }

    async fn tenants(&mut self) -> Result<Vec<TenantId>, RebuildError> {
        let mut transaction = self.connection.begin().await?;
        Ok(every_tenant(&mut transaction).await?)
    }

    async fn streams_that_differ(&mut self) -> Result<Vec<(TenantId, IntegrationId)>, RebuildError> {
        let mut differing = vec![];
        for tenant in self.tenants().await? {
            let mut snapshot = self.connection.begin_with("begin isolation level repeatable read read only").await?;
            scope::act_for(&mut snapshot, &[tenant]).await?;
            refuse_lost_states(&mut snapshot).await?;
            let mut after = None;
            loop {
                let streams = streams_after(&mut snapshot, tenant, after).await?;
                let Some(last) = streams.last() else { break };
                after = Some(*last);
                for integration in streams {
                    let (_, misfits) = compare(&mut snapshot, integration).await?;
                    if !misfits.is_empty() {
                        differing.push((tenant, integration));
                    }
                }
            }
        }
        Ok(differing)
    }

    async fn mend(
        &mut self,
        tenant: TenantId,
        integration: IntegrationId,
        now: DateTime<Utc>,
        mended: &mut MendedJobs,
    ) -> Result<(), RebuildError> {
        let mut transaction = self.connection.begin().await?;
        scope::act_for(&mut transaction, &[tenant]).await?;
        // Whoever opens, closes or buries a job of this stream holds this lock until it is committed.
        write::lock_heads(&mut transaction, &[integration.uuid()]).await.map_err(StoreError::from)?;
        let (folded, misfits) = compare(&mut transaction, integration).await?;
        // Out of the way first: of some kinds there may be one open row at a time.
        let in_the_way: Vec<Uuid> =
            misfits.iter().filter(|misfit| misfit.what != What::Missing).map(|misfit| misfit.job.uuid()).collect();
        close(&mut transaction, &in_the_way, now).await?;
        for misfit in &misfits {
            match misfit.what {
                What::Surplus => mended.closed += 1,
                What::Missing => mended.opened += 1,
                What::Changed => mended.corrected += 1,
            }
        }
        let (mut dead, mut open) = (vec![], vec![]);
        for job in misfits.iter().filter_map(|misfit| folded.get(&misfit.job)) {
            if job.burial.is_some() { dead.push(job) } else { open.push(job) }
        }
        // Dead letters first, for the same reason.
        for job in dead.into_iter().chain(open) {
            put(&mut transaction, tenant, job, now).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Closes what belongs to no stream at all.
    async fn close_orphans(&mut self, tenant: TenantId, now: DateTime<Utc>) -> Result<u64, RebuildError> {
        let mut transaction = self.connection.begin().await?;
        scope::act_for(&mut transaction, &[tenant]).await?;
        let closed = sqlx::query!(
            "update jobs
             set state = 'done', ended_at = $2, lease = null, leased_until = null, dispatch = null, dispatched_at = null
             where tenant = $1 and state <> 'done' and not exists (select from states where stream = jobs.integration)",
            tenant.uuid(),
            now
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(closed.rows_affected())
    }
}

/// What the log says of the jobs of a stream, and which rows are not so.
async fn compare(
    transaction: &mut Transaction<'_, Postgres>,
    integration: IntegrationId,
) -> Result<(BTreeMap<JobId, FoldedJob>, Vec<Misfit>), RebuildError> {
    let folded = fold(transaction, integration).await?.jobs;
    let stored = stored_jobs(transaction, integration, folded.keys()).await?;
    let misfits = misfits(&folded, &stored).map_err(|error| RebuildError::Stream { integration, error })?;
    Ok((folded, misfits))
}

/// The open and dead rows of a stream, and any row that has one of these ids.
pub async fn stored_jobs(
    transaction: &mut Transaction<'_, Postgres>,
    integration: IntegrationId,
    wanted: impl Iterator<Item = &JobId>,
) -> Result<Vec<StoredJob>, sqlx::Error> {
    let wanted: Vec<Uuid> = wanted.map(|job| job.uuid()).collect();
    let rows = sqlx::query!(
        "select id, integration, kind, subject, queue, single, payload, state from jobs
         where id = any ($1) or (integration = $2 and state <> 'done')
         order by id",
        &wanted,
        integration.uuid()
    )
    .fetch_all(&mut **transaction)
    .await?;
    let stored = rows.into_iter().map(|row| StoredJob {
        id: JobId::new(row.id),
        integration: IntegrationId::new(row.integration),
        kind: row.kind,
        subject: row.subject,
        queue: row.queue,
        single: row.single,
        payload: row.payload,
        state: row.state,
    });
    Ok(stored.collect())
}

/// An open or dead row of a stream that does not exist, and what to say of it.
pub async fn orphan(
    transaction: &mut Transaction<'_, Postgres>,
    tenant: TenantId,
) -> Result<Option<(JobId, String)>, sqlx::Error> {
    let row = sqlx::query!(
        "select id, kind, state from jobs
         where tenant = $1 and state <> 'done' and not exists (select from states where stream = jobs.integration)
         order by id
         limit 1",
        tenant.uuid()
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| (JobId::new(row.id), format!("{} {} should not be {}", row.kind, row.id, row.state))))
}

async fn close(
    transaction: &mut Transaction<'_, Postgres>,
    jobs: &[Uuid],
    ended_at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if jobs.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update jobs
         set state = 'done', ended_at = $2, lease = null, leased_until = null, dispatch = null, dispatched_at = null
         where id = any ($1)",
        jobs,
        ended_at
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Writes a row as if its event had just opened it, or given it up.
async fn put(
    transaction: &mut Transaction<'_, Postgres>,
    tenant: TenantId,
    told: &FoldedJob,
    now: DateTime<Utc>,
) -> Result<(), RebuildError> {
    let FoldedJob { job, opened_by, lineage, burial } = told;
    let kind = job.payload.kind();
    let payload = serde_json::to_value(&job.payload)
        .map_err(|_| RebuildError::Store(StoreError::Unreadable("the payload of a job")))?;
    // What was due long ago would otherwise go before everything else.
    let due_at = if burial.is_none() { job.due_at.max(now) } else { job.due_at };
    sqlx::query!(
        "insert into jobs (id, tenant, integration, kind, subject, queue, single, payload, state, due_at, opened_by,
             attempts, lineage, reason, ended_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
         on conflict (id) do update
         set integration = excluded.integration, kind = excluded.kind, subject = excluded.subject,
             queue = excluded.queue, single = excluded.single, payload = excluded.payload, state = excluded.state,
             due_at = excluded.due_at, not_before = null, opened_by = excluded.opened_by, attempts = excluded.attempts,
             crashes = 0, lineage = excluded.lineage, reason = excluded.reason, requested = false, dispatch = null,
             dispatched_at = null, lease = null, leased_until = null, ended_at = excluded.ended_at",
        job.id.uuid(),
        tenant.uuid(),
        job.integration.uuid(),
        kind.name(),
        job.payload.subject(),
        kind.queue().name(),
        kind.is_single(),
        payload,
        told.state().name(),
        due_at,
        EventId::uuid(*opened_by),
        burial.map_or(0, |burial| i32::try_from(burial.attempts).unwrap_or(i32::MAX)),
        *lineage,
        burial.map(|burial| JobFailure::name(burial.reason)),
        burial.map(|burial| burial.at)
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
