//! Views, built beside the live ones under the next version, and switched to by one pointer.
//!
//! Streams are read one by one, each at a moment of its own, and again as long as some have moved on meanwhile. The last
//! look is taken under a lock that whoever writes rows of views shares: nobody is on the way to the version that is being
//! left, and what was written since the last look is written again. Until then a crash costs nothing but rows that nobody
//! reads, which the next rebuild throws away.

use std::time::Duration;

use bellhop_domain::{IntegrationId, TenantId};
use sqlx::{Connection, Postgres, Transaction};

use super::{PAGE, Rebuild, RebuildError, VIEW_ROWS, every_tenant, fold, refuse_lost_states};
use crate::{integrations, scope, tallies};

/// As soon as no more streams than this had moved on during a look, the switch is tried.
const FEW: u64 = 50;

/// How many looks are taken before the switch is tried in any case.
const LOOKS: u32 = 20;

/// How long the switch waits for writers under way, who make others wait behind it; how often it tries, and the pause
/// between. Together more than the minute after which Postgres ends a session that was stopped in mid-transaction.
const LOCK_TIMEOUT: &str = "2s";
const TRIES: u32 = 30;
const PAUSE: Duration = Duration::from_secs(1);

/// How many rows of a version that nobody reads are deleted at once.
const STEP: i64 = 1000;

/// What was rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuiltViews {
    /// The version that is live now.
    pub version: i32,
    /// How many integrations it shows.
    pub integrations: i64,
}

impl Rebuild {
    /// Builds all views anew and switches to them.
    pub async fn views(&mut self) -> Result<RebuiltViews, RebuildError> {
        // What a rebuild that died left half-built.
        self.sweep().await?;
        let built = self.build().await;
        // The version that was left, or the one that came to nothing. Where this fails too, the next rebuild does it.
        let swept = self.sweep().await;
        let built = built?;
        swept?;
        Ok(built)
    }

    async fn build(&mut self) -> Result<RebuiltViews, RebuildError> {
        let live = sqlx::query_scalar!(r#"select max(live) as "live!" from view_versions"#)
            .fetch_one(&mut self.connection)
            .await?;
        let version = live + 1;
        self.refuse_lost_states().await?;
        let mut looks = 0;
        while self.catch_up(version).await? > FEW && looks < LOOKS {
            looks += 1;
        }
        for _ in 0..TRIES {
            if let Some(integrations) = self.switch(version).await? {
                return Ok(RebuiltViews { version, integrations });
            }
            tokio::time::sleep(PAUSE).await;
            self.catch_up(version).await?;
        }
        Err(RebuildError::NoTurn)
    }

    async fn refuse_lost_states(&mut self) -> Result<(), RebuildError> {
        let mut transaction = self.connection.begin().await?;
        act_for_all(&mut transaction).await?;
        refuse_lost_states(&mut transaction).await
    }

    /// Deletes every row that is not of a live version.
    async fn sweep(&mut self) -> Result<(), RebuildError> {
        loop {
            let mut transaction = self.connection.begin().await?;
            act_for_all(&mut transaction).await?;
            let deleted = sqlx::query!(
                "delete from integrations
                 where (view_version, id) in (
                     select view_version, id from integrations
                     join view_versions on view = 'integrations'
                     where view_version < live or view_version > live
                     limit $1
                 )",
                STEP
            )
            .execute(&mut *transaction)
            .await?;
            tallies::sweep(&mut transaction).await?;
            transaction.commit().await?;
            if deleted.rows_affected() < STEP.unsigned_abs() {
                return Ok(());
            }
        }
    }

    /// Takes one look: writes every stream that this version does not have, or has as it was before. Answers how many.
    async fn catch_up(&mut self, version: i32) -> Result<u64, RebuildError> {
        let (mut after, mut caught_up) = (None, 0);
        loop {
            let mut transaction = self.connection.begin().await?;
            act_for_all(&mut transaction).await?;
            let behind = behind(&mut transaction, version, after).await?;
            transaction.commit().await?;
            let Some((_, last)) = behind.last() else { break };
            after = Some(*last);
            for (tenant, integration) in behind {
                // One moment of the stream, so that its head and its events agree.
                let mut transaction = self.connection.begin_with("begin isolation level repeatable read").await?;
                scope::act_for(&mut transaction, &[tenant]).await?;
                build(&mut transaction, integration, version).await?;
                transaction.commit().await?;
                caught_up += 1;
            }
        }
        loop {
            let mut transaction = self.connection.begin().await?;
            let taken_in = tallies::take_in(&mut transaction, tallies::REBUILDER, Some(version)).await?;
            transaction.commit().await?;
            if taken_in < tallies::STEP {
                return Ok(caught_up);
            }
        }
    }

    /// Catches up a last time with every writer waiting, and makes this version the live one. Answers how many
    /// integrations it shows; nothing, if a writer did not end in time.
    async fn switch(&mut self, version: i32) -> Result<Option<i64>, RebuildError> {
        let mut transaction = self.connection.begin().await?;
        sqlx::query_scalar!("select set_config('lock_timeout', $1, true)", LOCK_TIMEOUT)
            .fetch_one(&mut *transaction)
            .await?;
        // The statements below see what everybody committed who had the lock before.
        match sqlx::query!("select pg_advisory_xact_lock($1)", VIEW_ROWS).execute(&mut *transaction).await {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55P03") => return Ok(None),
            taken => taken?,
        };
        act_for_all(&mut transaction).await?;
        let mut after = None;
        loop {
            let behind = behind(&mut transaction, version, after).await?;
            let Some((_, last)) = behind.last() else { break };
            after = Some(*last);
            for (_, integration) in behind {
                build(&mut transaction, integration, version).await?;
            }
        }
        while tallies::take_in(&mut transaction, tallies::REBUILDER, Some(version)).await? >= tallies::STEP {}
        tallies::go_on_from_rebuilt(&mut transaction).await?;
        act_for_all(&mut transaction).await?;
        let shown =
            sqlx::query_scalar!(r#"select count(*) as "shown!" from integrations where view_version = $1"#, version)
                .fetch_one(&mut *transaction)
                .await?;
        for view in ["integrations", "tallies"] {
            sqlx::query_scalar!(r#"select move_view($1, $2) as "moved!""#, view, version)
                .fetch_one(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(Some(shown))
    }
}

async fn act_for_all(transaction: &mut Transaction<'_, Postgres>) -> Result<(), sqlx::Error> {
    let tenants = every_tenant(transaction).await?;
    scope::act_for(transaction, &tenants).await
}

/// The next streams, by id, that this version of the view does not show as they are now.
async fn behind(
    transaction: &mut Transaction<'_, Postgres>,
    version: i32,
    after: Option<IntegrationId>,
) -> Result<Vec<(TenantId, IntegrationId)>, sqlx::Error> {
    let rows = sqlx::query!(
        "select states.tenant, states.stream from states
         left join integrations on integrations.view_version = $1 and integrations.id = states.stream
         where integrations.version is distinct from states.version
           and states.stream > coalesce($2, '00000000-0000-0000-0000-000000000000'::uuid)
         order by states.stream
         limit $3",
        version,
        after.map(IntegrationId::uuid),
        PAGE
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (TenantId::new(row.tenant), IntegrationId::new(row.stream))).collect())
}

async fn build(
    transaction: &mut Transaction<'_, Postgres>,
    integration: IntegrationId,
    version: i32,
) -> Result<(), RebuildError> {
    let folded = fold(transaction, integration).await?;
    if let Some(row) = &folded.view {
        integrations::put(transaction, Some(version), row, folded.version).await?;
    }
    Ok(())
}
