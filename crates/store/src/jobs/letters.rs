//! Dead letters as an operator asks for them: by cause, one by one, over all tenants or one.
//!
//! Only reading. Taking a letter up again or closing it is a command to its integration.

use bellhop_domain::{JobFailure, JobId, JobKind, TenantId};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{JobRow, JobState, read_payload};
use crate::Store;
use crate::error::StoreError;

/// Which letters are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LetterFilter {
    /// Of these tenants.
    pub tenants: Vec<TenantId>,
    /// Of this kind.
    pub kind: Option<JobKind>,
    /// That died for this reason.
    pub reason: Option<JobFailure>,
}

/// Letters that died of the same thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// What they were to do.
    pub kind: JobKind,
    /// Why they died.
    pub reason: JobFailure,
    /// How many there are.
    pub count: i64,
    /// When the first of them died.
    pub oldest: DateTime<Utc>,
    /// When the last of them died.
    pub newest: DateTime<Utc>,
}

struct Row {
    id: Uuid,
    tenant: Uuid,
    integration: Uuid,
    kind: String,
    payload: Value,
    state: String,
    due_at: DateTime<Utc>,
    opened_by: Uuid,
    attempts: i32,
    crashes: i32,
    lineage: i32,
    reason: Option<String>,
    running: bool,
    ended_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for JobRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            job: JobId::new(row.id),
            tenant: TenantId::new(row.tenant),
            integration: bellhop_domain::IntegrationId::new(row.integration),
            kind: read_kind(&row.kind)?,
            payload: read_payload(row.payload)?,
            state: JobState::from_name(&row.state).ok_or(StoreError::Unreadable("the state of a job"))?,
            due_at: row.due_at,
            opened_by: row.opened_by,
            attempts: row.attempts,
            crashes: row.crashes,
            lineage: row.lineage,
            reason: row.reason.as_deref().map(read_reason).transpose()?,
            running: row.running,
            ended_at: row.ended_at,
        })
    }
}

fn read_kind(name: &str) -> Result<JobKind, StoreError> {
    name.parse().map_err(|_| StoreError::Unreadable("the kind of a job"))
}

fn read_reason(name: &str) -> Result<JobFailure, StoreError> {
    JobFailure::from_name(name).ok_or(StoreError::Unreadable("the reason of a job"))
}

impl Store {
    /// Dead letters, the oldest first.
    pub async fn dead_letters(&self, filter: &LetterFilter, limit: i64) -> Result<Vec<JobRow>, StoreError> {
        let mut transaction = self.begin(&filter.tenants).await?;
        let rows = sqlx::query_as!(
            Row,
            r#"select id, tenant, integration, kind, payload, state, due_at, opened_by, attempts, crashes, lineage, reason,
                   lease is not null as "running!", ended_at
               from jobs
               where state = 'dead' and ($1::text is null or kind = $1) and ($2::text is null or reason = $2)
               order by ended_at, id
               limit $3"#,
            filter.kind.map(JobKind::name),
            filter.reason.map(JobFailure::name),
            limit
        )
        .fetch_all(&mut *transaction)
        .await?;
        rows.into_iter().map(JobRow::try_from).collect()
    }

    /// What dead letters died of, the most frequent first.
    pub async fn causes_of_death(&self, filter: &LetterFilter) -> Result<Vec<Cause>, StoreError> {
        let mut transaction = self.begin(&filter.tenants).await?;
        let rows = sqlx::query!(
            r#"select kind, reason as "reason!", count(*) as "count!", min(ended_at) as "oldest!",
                   max(ended_at) as "newest!"
               from jobs
               where state = 'dead' and reason is not null
                 and ($1::text is null or kind = $1) and ($2::text is null or reason = $2)
               group by kind, reason
               order by count(*) desc, kind, reason"#,
            filter.kind.map(JobKind::name),
            filter.reason.map(JobFailure::name)
        )
        .fetch_all(&mut *transaction)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Cause {
                    kind: read_kind(&row.kind)?,
                    reason: read_reason(&row.reason)?,
                    count: row.count,
                    oldest: row.oldest,
                    newest: row.newest,
                })
            })
            .collect()
    }

    /// One job, whatever became of it, as long as its row is kept.
    pub async fn job(&self, job: JobId) -> Result<Option<JobRow>, StoreError> {
        let tenant = sqlx::query_scalar!("select find_job($1)", job.uuid()).fetch_one(&self.pool).await?;
        let Some(tenant) = tenant else { return Ok(None) };
        let mut transaction = self.begin(&[TenantId::new(tenant)]).await?;
        let row = sqlx::query_as!(
            Row,
            r#"select id, tenant, integration, kind, payload, state, due_at, opened_by, attempts, crashes, lineage, reason,
                   lease is not null as "running!", ended_at
               from jobs
               where id = $1"#,
            job.uuid()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        row.map(JobRow::try_from).transpose()
    }
}
