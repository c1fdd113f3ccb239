//! Marking due rows for the belt. What the belt carries is worth nothing without the mark: an entry with an old dispatch
//! token starts nothing, so that the belt may lose, repeat and reorder as it likes.

use std::collections::HashMap;

use bellhop_domain::{JobId, JobKind, Queue, TenantId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::error::StoreError;
use crate::{Store, scope};

/// A due job marked for the belt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dispatched {
    /// Whose data it is about.
    pub tenant: TenantId,
    /// Which job.
    pub job: JobId,
    /// What a start must show.
    pub dispatch: Uuid,
}

impl Store {
    /// Marks due jobs of a queue under fresh dispatch tokens: the longest due of each tenant first, and
    /// tenants in turns. A job that was dispatched within the
    /// last ten seconds is left alone; one that another relay is marking at this moment too.
    pub async fn dispatch(
        &self,
        queue: Queue,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Dispatched>, StoreError> {
        let mut transaction = self.begin(&[]).await?;
        let due = due(&mut transaction, queue, now, limit).await?;
        if due.is_empty() {
            return Ok(vec![]);
        }
        let mut rows = sqlx::query!(
            r#"update jobs
               set dispatch = gen_random_uuid(), dispatched_at = now()
               from (
                   select id from jobs
                   where id = any ($1) and state = 'open' and lease is null and due_at <= $2
                     and (dispatched_at is null or dispatched_at < now() - interval '10 seconds')
                   for update skip locked
               ) as marked
               where jobs.id = marked.id
               returning jobs.id, jobs.tenant, jobs.dispatch as "dispatch!""#,
            &due,
            now
        )
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let turns: HashMap<Uuid, usize> = due.iter().enumerate().map(|(turn, id)| (*id, turn)).collect();
        rows.sort_by_key(|row| turns.get(&row.id).copied());
        Ok(rows
            .into_iter()
            .map(|row| Dispatched {
                tenant: TenantId::new(row.tenant),
                job: JobId::new(row.id),
                dispatch: row.dispatch,
            })
            .collect())
    }
}

/// The ids of due jobs, in turns; kinds of a newer release are left to it. The transaction acts for their tenants from then on.
pub async fn due(
    transaction: &mut sqlx::Transaction<'_, sqlx::Postgres>,
    queue: Queue,
    now: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<Uuid>, StoreError> {
    let kinds = JobKind::ALL.map(|kind| kind.name().to_owned());
    let rows = sqlx::query!(
        r#"select tenant as "tenant!", id as "id!" from due_jobs($1, $2, $3, $4)"#,
        queue.name(),
        &kinds,
        now,
        i32::try_from(limit).unwrap_or(i32::MAX)
    )
    .fetch_all(&mut **transaction)
    .await?;
    let mut tenants: Vec<TenantId> = rows.iter().map(|row| TenantId::new(row.tenant)).collect();
    tenants.sort_unstable();
    tenants.dedup();
    scope::act_for(transaction, &tenants).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}
