//! Throwing away what nobody will ask for again, and the turn that lets one process at a time do it.

use bellhop_domain::TenantId;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Postgres, Transaction};

use crate::Store;
use crate::error::StoreError;

/// How long jobs that are done stay to be looked at.
const KEEP_DONE_JOBS: TimeDelta = TimeDelta::days(7);

/// How long the answer to a repeated command is remembered.
const KEEP_COMMANDS: TimeDelta = TimeDelta::days(30);

/// How many rows one statement deletes, so that no transaction is long.
const STEP: i64 = 1000;

/// The advisory lock of housekeeping. A number of our own choosing.
const HOUSEKEEPING: i64 = 0x6265_6c6c_686f_7001;

/// The turn to keep house. It ends when this is dropped, or with the session if the process dies.
#[derive(Debug)]
pub struct Turn {
    _held: Transaction<'static, Postgres>,
}

impl Store {
    /// Takes the turn to keep house, if nobody else has it.
    pub async fn take_turn(&self) -> Result<Option<Turn>, StoreError> {
        let mut transaction = self.begin(&[]).await?;
        let taken = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "taken!""#, HOUSEKEEPING)
            .fetch_one(&mut *transaction)
            .await?;
        Ok(taken.then_some(Turn { _held: transaction }))
    }

    /// Deletes jobs that were done more than seven days before this time. Answers how many.
    pub async fn sweep_done_jobs(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let tenants = self.tenants().await?;
        let mut swept = 0;
        loop {
            let step = self.sweep_jobs_once(&tenants, now - KEEP_DONE_JOBS).await?;
            swept += step;
            if step < STEP.unsigned_abs() {
                return Ok(swept);
            }
        }
    }

    async fn sweep_jobs_once(&self, tenants: &[TenantId], before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut transaction = self.begin(tenants).await?;
        let deleted = sqlx::query!(
            "delete from jobs
             where id in (
                 select id from jobs
                 where state = 'done' and ended_at < $1
                 limit $2
                 for update skip locked
             )",
            before,
            STEP
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(deleted.rows_affected())
    }

    /// Forgets commands that were carried out more than thirty days before this time. Answers how many.
    pub async fn sweep_commands(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let tenants = self.tenants().await?;
        let mut swept = 0;
        loop {
            let step = self.sweep_commands_once(&tenants, now - KEEP_COMMANDS).await?;
            swept += step;
            if step < STEP.unsigned_abs() {
                return Ok(swept);
            }
        }
    }

    async fn sweep_commands_once(&self, tenants: &[TenantId], before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut transaction = self.begin(tenants).await?;
        let deleted = sqlx::query!(
            "delete from commands
             where (tenant, id) in (
                 select tenant, id from commands
                 where at < $1
                 limit $2
                 for update skip locked
             )",
            before,
            STEP
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(deleted.rows_affected())
    }
}
