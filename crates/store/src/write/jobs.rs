//! The job rows of a batch: the run that is settled, and what the events open, close, bury and take up again.
//!
//! Consequences are carried out event by event, the n-th event of every stream of the batch together, so that a batch
//! costs as many statements as its longest unit.

use bellhop_domain::{Close, Consequences, Job, JobId, RecordedEvent, follow as consequences_of};
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::error::CommitError;
use crate::unit::{Outcome, UnitOfWork};

/// Writes what became of each unit's run. The rows are locked and held under the right leases.
pub async fn settle(transaction: &mut Transaction<'_, Postgres>, units: &[&UnitOfWork]) -> Result<(), CommitError> {
    for unit in units {
        let Some(settlement) = unit.settlement else { continue };
        let job = settlement.job.uuid();
        match settlement.outcome {
            Outcome::Underway => {}
            // The event of the same unit closes or buries the row; the run lets go of it first.
            Outcome::Done => release(transaction, job, None).await?,
            Outcome::Bury { reason } => release(transaction, job, Some(reason.name())).await?,
            Outcome::Again { due_at } => {
                sqlx::query!(
                    "update jobs
                     set lease = null, leased_until = null, dispatch = null, dispatched_at = null,
                         attempts = 0, crashes = 0, reason = null, requested = false, not_before = null,
                         due_at = case when requested then $3::timestamptz else $2::timestamptz end
                     where id = $1",
                    job,
                    due_at,
                    unit.at
                )
                .execute(&mut **transaction)
                .await?;
            }
            Outcome::Wait { due_at } => {
                sqlx::query!(
                    "update jobs
                     set lease = null, leased_until = null, dispatch = null, dispatched_at = null,
                         crashes = 0, due_at = $2, not_before = $2
                     where id = $1",
                    job,
                    due_at
                )
                .execute(&mut **transaction)
                .await?;
            }
            Outcome::Retry { due_at, reason } => {
                sqlx::query!(
                    "update jobs
                     set lease = null, leased_until = null, dispatch = null, dispatched_at = null,
                         attempts = attempts + 1, crashes = 0, reason = $3, due_at = $2, not_before = $2
                     where id = $1",
                    job,
                    due_at,
                    reason.name()
                )
                .execute(&mut **transaction)
                .await?;
            }
        }
    }
    Ok(())
}

async fn release(
    transaction: &mut Transaction<'_, Postgres>,
    job: Uuid,
    reason: Option<&str>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update jobs
         set lease = null, leased_until = null, dispatch = null, dispatched_at = null, crashes = 0,
             attempts = attempts + case when $2::text is null then 0 else 1 end, reason = coalesce($2, reason)
         where id = $1",
        job,
        reason
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Writes what these events cause, stream by stream in their order.
pub async fn follow(
    transaction: &mut Transaction<'_, Postgres>,
    streams: &[Vec<RecordedEvent>],
) -> Result<(), CommitError> {
    let longest = streams.iter().map(Vec::len).max().unwrap_or(0);
    for index in 0..longest {
        let mut round = Round::default();
        for recorded in streams.iter().filter_map(|events| events.get(index)) {
            round.add(recorded, consequences_of(recorded));
        }
        round.write(transaction).await?;
    }
    Ok(())
}

/// The consequences of one event per stream.
#[derive(Default)]
struct Round {
    at: Vec<DateTime<Utc>>,
    close_jobs: Vec<Uuid>,
    close_kinds: (Vec<Uuid>, Vec<String>),
    close_dead_kinds: (Vec<Uuid>, Vec<String>),
    close_all: Vec<Uuid>,
    bury: Vec<Uuid>,
    discard: Vec<Uuid>,
    reopen: Vec<Uuid>,
    reopen_at: Vec<DateTime<Utc>>,
    open: Vec<(Uuid, Uuid, Job)>,
}

impl Round {
    fn add(&mut self, recorded: &RecordedEvent, consequences: Consequences) {
        self.at.push(recorded.at);
        for close in consequences.close {
            match close {
                Close::Job(job) => self.close_jobs.push(job.uuid()),
                Close::Kind(kind) => {
                    self.close_kinds.0.push(recorded.integration.uuid());
                    self.close_kinds.1.push(kind.name().to_owned());
                }
                Close::DeadKind(kind) => {
                    self.close_dead_kinds.0.push(recorded.integration.uuid());
                    self.close_dead_kinds.1.push(kind.name().to_owned());
                }
                Close::All => self.close_all.push(recorded.integration.uuid()),
            }
        }
        self.bury.extend(consequences.bury.map(JobId::uuid));
        self.discard.extend(consequences.discard.map(JobId::uuid));
        if let Some(job) = consequences.reopen {
            self.reopen.push(job.uuid());
            self.reopen_at.push(recorded.at);
        }
        let (tenant, event) = (recorded.tenant.uuid(), recorded.id.uuid());
        self.open.extend(consequences.open.into_iter().map(|job| (tenant, event, job)));
    }

    async fn write(self, transaction: &mut Transaction<'_, Postgres>) -> Result<(), CommitError> {
        let Some(ended_at) = self.at.iter().max().copied() else { return Ok(()) };
        if !self.close_jobs.is_empty() {
            sqlx::query!(
                "update jobs
                 set state = 'done', ended_at = $2, lease = null, leased_until = null, dispatch = null, dispatched_at = null
                 where id = any ($1) and state = 'open'",
                &self.close_jobs,
                ended_at
            )
            .execute(&mut **transaction)
            .await?;
        }
        if !self.close_kinds.0.is_empty() {
            sqlx::query!(
                "update jobs
                 set state = 'done', ended_at = $3, lease = null, leased_until = null, dispatch = null, dispatched_at = null
                 from unnest($1::uuid[], $2::text[]) as closing (integration, kind)
                 where jobs.integration = closing.integration and jobs.kind = closing.kind and state = 'open'",
                &self.close_kinds.0,
                &self.close_kinds.1,
                ended_at
            )
            .execute(&mut **transaction)
            .await?;
        }
        if !self.close_dead_kinds.0.is_empty() {
            sqlx::query!(
                "update jobs
                 set state = 'done', ended_at = $3
                 from unnest($1::uuid[], $2::text[]) as closing (integration, kind)
                 where jobs.integration = closing.integration and jobs.kind = closing.kind and state = 'dead'",
                &self.close_dead_kinds.0,
                &self.close_dead_kinds.1,
                ended_at
            )
            .execute(&mut **transaction)
            .await?;
        }
        if !self.close_all.is_empty() {
            sqlx::query!(
                "update jobs
                 set state = 'done', ended_at = $2, lease = null, leased_until = null, dispatch = null, dispatched_at = null
                 where integration = any ($1) and state <> 'done'",
                &self.close_all,
                ended_at
            )
            .execute(&mut **transaction)
            .await?;
        }
        if !self.bury.is_empty() {
            sqlx::query!(
                "update jobs
                 set state = 'dead', ended_at = $2, lease = null, leased_until = null, dispatch = null, dispatched_at = null
                 where id = any ($1) and state = 'open'",
                &self.bury,
                ended_at
            )
            .execute(&mut **transaction)
            .await?;
        }
        if !self.discard.is_empty() {
            sqlx::query!(
                "update jobs set state = 'done', ended_at = $2 where id = any ($1) and state = 'dead'",
                &self.discard,
                ended_at
            )
            .execute(&mut **transaction)
            .await?;
        }
        self.reopen_and_open(transaction).await
    }

    async fn reopen_and_open(self, transaction: &mut Transaction<'_, Postgres>) -> Result<(), CommitError> {
        if !self.reopen.is_empty() {
            sqlx::query!(
                "update jobs
                 set state = 'open', due_at = again.at, not_before = null, attempts = 0, crashes = 0, lineage = lineage + 1,
                     reason = null, requested = false, ended_at = null
                 from unnest($1::uuid[], $2::timestamptz[]) as again (id, at)
                 where jobs.id = again.id and state = 'dead'",
                &self.reopen,
                &self.reopen_at
            )
            .execute(&mut **transaction)
            .await?;
        }
        for (tenant, event, job) in self.open {
            let kind = job.payload.kind();
            let payload =
                serde_json::to_value(&job.payload).map_err(|_| CommitError::Unreadable("the payload of a job"))?;
            sqlx::query!(
                "insert into jobs (id, tenant, integration, kind, subject, queue, single, payload, state, due_at, opened_by)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $10)
                 on conflict do nothing",
                job.id.uuid(),
                tenant,
                job.integration.uuid(),
                kind.name(),
                job.payload.subject(),
                kind.queue().name(),
                kind.is_single(),
                payload,
                job.due_at,
                event
            )
            .execute(&mut **transaction)
            .await?;
        }
        Ok(())
    }
}
