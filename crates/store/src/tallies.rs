//! How many events of each type there have been, over all processes: a view by a checkpointed reader of the log.
//!
//! The pattern for every view that need not be read in the writer's own transaction: the checkpoint is the pair
//! (xid, position) and moves in the transaction that writes the rows. While it is being rebuilt, a second reader fills the
//! next version; its checkpoint becomes that of the first when the version becomes live.

use std::collections::BTreeMap;

use bellhop_domain::TenantId;
use chrono::{DateTime, Utc};
use sqlx::{Postgres, Transaction};

use crate::Store;
use crate::error::StoreError;
use crate::log::{LogPosition, read_after};
use crate::rebuild::VIEW_ROWS;

const READER: &str = "tallies";

/// The reader that fills the next version.
pub(crate) const REBUILDER: &str = "tallies, rebuilt";

/// How many events are taken in at once.
pub(crate) const STEP: usize = 500;

impl Store {
    /// Takes in the next events. Returns how many; fewer than 500 means that the view has caught up.
    pub async fn advance_tallies(&self) -> Result<usize, StoreError> {
        let mut transaction = self.begin(&[]).await?;
        sqlx::query!("select pg_advisory_xact_lock_shared($1)", VIEW_ROWS).execute(&mut *transaction).await?;
        let taken_in = take_in(&mut transaction, READER, None).await?;
        transaction.commit().await?;
        Ok(taken_in)
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

/// Takes in the next events for a reader: into the live version, or into the one that is being built. The transaction acts
/// for the tenants of these events from then on.
pub(crate) async fn take_in(
    transaction: &mut Transaction<'_, Postgres>,
    reader: &str,
    built: Option<i32>,
) -> Result<usize, StoreError> {
    sqlx::query!("insert into checkpoints (reader, xid, position) values ($1, '0', 0) on conflict do nothing", reader)
        .execute(&mut **transaction)
        .await?;
    // The row lock makes concurrent readers take turns.
    let checkpoint = sqlx::query!(
        r#"select xid::text::bigint as "xid!", position from checkpoints where reader = $1 for update"#,
        reader
    )
    .fetch_one(&mut **transaction)
    .await?;
    let after = LogPosition { xid: checkpoint.xid, position: checkpoint.position };
    let events = read_after(transaction, after, i32::try_from(STEP).unwrap_or(i32::MAX)).await?;
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
             select coalesce($5, live), $1, $2, $3, $4 from view_versions where view = 'tallies'
             on conflict (view_version, tenant, type) do update
             set events = tallies.events + excluded.events, last_at = greatest(tallies.last_at, excluded.last_at)",
            tenant.uuid(),
            name,
            count,
            last_at,
            built
        )
        .execute(&mut **transaction)
        .await?;
    }
    sqlx::query!(
        "update checkpoints set xid = $2::bigint::text::xid8, position = $3 where reader = $1",
        reader,
        reached.xid,
        reached.position
    )
    .execute(&mut **transaction)
    .await?;
    Ok(events.len())
}

/// Deletes every row that is not of the live version, and the checkpoint that goes with such rows.
pub(crate) async fn sweep(transaction: &mut Transaction<'_, Postgres>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "delete from tallies using view_versions
         where view = 'tallies' and (view_version < live or view_version > live)"
    )
    .execute(&mut **transaction)
    .await?;
    sqlx::query!("delete from checkpoints where reader = $1", REBUILDER).execute(&mut **transaction).await?;
    Ok(())
}

/// Lets the reader of the live version go on from where the rebuilt one has come.
pub(crate) async fn go_on_from_rebuilt(transaction: &mut Transaction<'_, Postgres>) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into checkpoints (reader, xid, position)
         select $1, xid, position from checkpoints where reader = $2
         on conflict (reader) do update set xid = excluded.xid, position = excluded.position",
        READER,
        REBUILDER
    )
    .execute(&mut **transaction)
    .await?;
    sqlx::query!("delete from checkpoints where reader = $1", REBUILDER).execute(&mut **transaction).await?;
    Ok(())
}

/// The first type of event that the live version does not count as the log has it, as far as its reader has come.
pub(crate) async fn first_miscount(
    snapshot: &mut Transaction<'_, Postgres>,
    tenant: TenantId,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select coalesce(log.type, seen.type) as "name!"
           from (
               select type, count(*) as events, max(time) as last_at from events
               where tenant = $1
                 and (xid, position) <= (select c.xid, c.position from checkpoints c where c.reader = $2)
               group by type
           ) as log
           full join (
               select type, events, last_at from tallies
               join view_versions on view = 'tallies' and live = view_version
               where tenant = $1
           ) as seen on seen.type = log.type
           where log.events is distinct from seen.events or log.last_at is distinct from seen.last_at
           order by 1
           limit 1"#,
        tenant.uuid(),
        READER
    )
    .fetch_optional(&mut **snapshot)
    .await
}
