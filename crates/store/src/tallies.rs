//! How many events of each type there have been, over all processes: a view by a checkpointed reader of the log.
//!
//! The pattern for every view that need not be read in the writer's own transaction: the checkpoint is the pair
//! (xid, position) and moves in the transaction that writes the rows.

use std::collections::BTreeMap;

use bellhop_domain::TenantId;
use chrono::{DateTime, Utc};

use crate::Store;
use crate::error::StoreError;
use crate::log::{LogPosition, read_after};

const READER: &str = "tallies";

/// How many events are taken in at once.
const STEP: i32 = 500;

impl Store {
    /// Takes in the next events. Returns how many; fewer than 500 means that the view has caught up.
    pub async fn advance_tallies(&self) -> Result<usize, StoreError> {
        let mut transaction = self.begin(&[]).await?;
        sqlx::query!(
            "insert into checkpoints (reader, xid, position) values ($1, '0', 0) on conflict do nothing",
            READER
        )
        .execute(&mut *transaction)
        .await?;
        // The row lock makes concurrent readers take turns.
        let checkpoint = sqlx::query!(
            r#"select xid::text::bigint as "xid!", position from checkpoints where reader = $1 for update"#,
            READER
        )
        .fetch_one(&mut *transaction)
        .await?;
        let after = LogPosition { xid: checkpoint.xid, position: checkpoint.position };
        let events = read_after(&mut transaction, after, STEP).await?;
        let Some((reached, _)) = events.last() else { return Ok(0) };
        let mut counts: BTreeMap<(TenantId, &'static str), (i64, DateTime<Utc>)> = BTreeMap::new();
        for (_, recorded) in &events {
            let tally = counts.entry((recorded.tenant, recorded.event.name())).or_insert((0, recorded.at));
            tally.0 += 1;
            tally.1 = tally.1.max(recorded.at);
        }
        for ((tenant, name), (count, last_at)) in counts {
            sqlx::query!(
                "insert into tallies (view_version, tenant, type, events, last_at)
                 select live, $1, $2, $3, $4 from view_versions where view = 'tallies'
                 on conflict (view_version, tenant, type) do update
                 set events = tallies.events + excluded.events, last_at = greatest(tallies.last_at, excluded.last_at)",
                tenant.uuid(),
                name,
                count,
                last_at
            )
            .execute(&mut *transaction)
            .await?;
        }
        sqlx::query!(
            "update checkpoints set xid = $2::bigint::text::xid8, position = $3 where reader = $1",
            READER,
            reached.xid,
            reached.position
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(events.len())
    }

    /// Events by type over all tenants, as far as the reader has come.
    pub async fn tallies(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        let tenants = self.tenants().await?;
        let mut transaction = self.begin(&tenants).await?;
        let rows = sqlx::query!(
            r#"select type as name, sum(events)::bigint as "events!" from tallies
               join view_versions on view = 'tallies' and live = view_version
               group by type"#
        )
        .fetch_all(&mut *transaction)
        .await?;
        Ok(rows.into_iter().map(|row| (row.name, row.events)).collect())
    }
}
