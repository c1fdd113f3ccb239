//! What the job table says lies on the belt, for whoever compares the two or fills the belt anew.

use bellhop_domain::{JobId, Queue};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;

/// A row that is marked as being on the belt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    /// Which job.
    pub job: JobId,
    /// The dispatch that would start it.
    pub dispatch: Uuid,
    /// Whether it was marked more than ten seconds ago: it is not on its way to the belt any more.
    pub is_old: bool,
}

impl Store {
    /// The rows of a queue that are marked as being on the belt.
    pub async fn marked(&self, queue: Queue) -> Result<Vec<Marked>, StoreError> {
        let tenants = self.tenants().await?;
        let mut transaction = self.begin(&tenants).await?;
        let rows = sqlx::query!(
            r#"select id, dispatch as "dispatch!", dispatched_at < now() - interval '10 seconds' as "is_old!"
               from jobs
               where state = 'open' and lease is null and dispatch is not null and queue = $1
               order by due_at, id"#,
            queue.name()
        )
        .fetch_all(&mut *transaction)
        .await?;
        let marked =
            rows.into_iter().map(|row| Marked { job: JobId::new(row.id), dispatch: row.dispatch, is_old: row.is_old });
        Ok(marked.collect())
    }

    /// Forgets every mark, so that what is due goes to the belt at the next look; an entry that is still there starts
    /// nothing.
    pub async fn forget_marks(&self) -> Result<(), StoreError> {
        let tenants = self.tenants().await?;
        let mut transaction = self.begin(&tenants).await?;
        // A row that somebody holds is being started, ended or marked afresh at this moment.
        sqlx::query!(
            "update jobs
             set dispatch = null, dispatched_at = null
             from (
                 select id from jobs
                 where state = 'open' and lease is null and dispatch is not null
                 for update skip locked
             ) as marked
             where jobs.id = marked.id"
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
