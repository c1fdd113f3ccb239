//! The table of jobs outside a unit of work: sending them to the belt, starting runs, keeping and ending their leases.
//!
//! What opens, closes or settles a job is an event and is written by `write/jobs.rs` in the event's transaction; nothing
//! here may end a job. Due times are compared with the application's clock, which the caller passes in; leases and
//! dispatches are Postgres's own time. Every step is a compare-and-set, so that carrying it out twice changes nothing.

mod dispatch;
mod letters;
mod runs;
mod sweep;

use bellhop_domain::{IntegrationId, JobFailure, JobId, JobKind, Payload, Queue, TenantId};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;

pub use dispatch::Dispatched;
pub use letters::{Cause, LetterFilter};
pub use runs::{CRASHES_UNTIL_POISON, LEASE_SECONDS, Reconciled, StartedJob};
pub use sweep::Turn;

/// Where the row of a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// To be done, or being done.
    Open,
    /// A dead letter.
    Dead,
    /// Ended.
    Done,
}

impl JobState {
    fn from_name(name: &str) -> Option<Self> {
        [Self::Open, Self::Dead, Self::Done].into_iter().find(|state| state.name() == name)
    }

    /// The name in the column and in listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Dead => "dead",
            Self::Done => "done",
        }
    }
}

/// A job as its row has it: everything but content, which no job carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JobRow {
    /// Which job.
    pub job: JobId,
    /// Whose data it is about.
    pub tenant: TenantId,
    /// Which integration.
    pub integration: IntegrationId,
    /// What it does.
    pub kind: JobKind,
    /// What it needs to know.
    pub payload: Payload,
    /// Where it stands.
    pub state: JobState,
    /// When it is, or was last, due.
    pub due_at: DateTime<Utc>,
    /// The event that opened it.
    pub opened_by: Uuid,
    /// Failed attempts of the current lineage.
    pub attempts: i32,
    /// Runs in a row that ended without a result.
    pub crashes: i32,
    /// 1, and one more for each replay.
    pub lineage: i32,
    /// Why the last attempt failed.
    pub reason: Option<JobFailure>,
    /// Whether a run holds it now.
    pub running: bool,
    /// When it died or was done.
    pub ended_at: Option<DateTime<Utc>>,
}

/// How much waits in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct QueueCount {
    /// Which queue.
    pub queue: Queue,
    /// Open jobs, due or not.
    pub open: i64,
    /// Open jobs that are due and not running.
    pub due: i64,
    /// Since when the oldest of those is due.
    pub oldest_due: Option<DateTime<Utc>>,
    /// Jobs held by a run.
    pub running: i64,
    /// Dead letters.
    pub dead: i64,
}

impl Store {
    /// Moves the open job of this kind forward to now, if it is due later; one that was told to wait, or failed, no further
    /// than the end of that pause. One that is running is due again at once when its run rests. Answers whether there was
    /// such a job.
    pub async fn request_sooner(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        kind: JobKind,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let asked = sqlx::query!(
            "update jobs
             set due_at = greatest(least(due_at, $3), not_before), requested = true
             where integration = $1 and kind = $2 and state = 'open'",
            integration.uuid(),
            kind.name(),
            now
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(asked.rows_affected() > 0)
    }

    /// Whether there is an open job of this kind, due or not.
    pub async fn has_open_job(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        kind: JobKind,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let found = sqlx::query_scalar!(
            r#"select exists (select from jobs where integration = $1 and kind = $2 and state = 'open') as "found!""#,
            integration.uuid(),
            kind.name()
        )
        .fetch_one(&mut *transaction)
        .await?;
        Ok(found)
    }

    /// How much waits in each queue, over all tenants.
    pub async fn queue_counts(&self, now: DateTime<Utc>) -> Result<Vec<QueueCount>, StoreError> {
        let tenants = self.tenants().await?;
        let mut transaction = self.begin(&tenants).await?;
        let rows = sqlx::query!(
            r#"select queue,
                   count(*) filter (where state = 'open') as "open!",
                   count(*) filter (where state = 'open' and lease is null and due_at <= $1) as "due!",
                   min(due_at) filter (where state = 'open' and lease is null and due_at <= $1) as oldest_due,
                   count(*) filter (where lease is not null) as "running!",
                   count(*) filter (where state = 'dead') as "dead!"
               from jobs
               where state <> 'done'
               group by queue"#,
            now
        )
        .fetch_all(&mut *transaction)
        .await?;
        let count = |queue: Queue| {
            let row = rows.iter().find(|row| row.queue == queue.name());
            QueueCount {
                queue,
                open: row.map_or(0, |row| row.open),
                due: row.map_or(0, |row| row.due),
                oldest_due: row.and_then(|row| row.oldest_due),
                running: row.map_or(0, |row| row.running),
                dead: row.map_or(0, |row| row.dead),
            }
        };
        Ok(Queue::ALL.map(count).to_vec())
    }
}

fn read_payload(payload: Value) -> Result<Payload, StoreError> {
    serde_json::from_value(payload).map_err(|_| StoreError::Unreadable("the payload of a job"))
}

/// A counter that the schema keeps at zero or above.
fn counted(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
