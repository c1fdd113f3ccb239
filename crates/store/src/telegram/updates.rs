//! Updates as they are written down, claimed, handled and forgotten.
//!
//! An update is written down before Telegram hears that it arrived, so that a crash loses nothing; its id stays after the
//! body is gone, so that a repeat is known. One person's updates are claimed in their order, different people's at once.

use std::collections::HashMap;
use std::time::Duration;

use bellhop_domain::{OwnerId, TenantId};
use chrono::{DateTime, Utc};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Store;
use crate::error::StoreError;
use crate::keyring::{DataKey, Place};

/// An update to be written down.
#[derive(Clone)]
pub struct NewUpdate {
    /// Telegram's id, by which a repeat is recognised.
    pub update_id: i64,
    /// Whose it is and what it says. Without it only the id is kept, as ignored.
    pub content: Option<(OwnerId, Vec<u8>)>,
}

/// An update whose handling has begun.
pub struct ClaimedUpdate {
    /// Telegram's id.
    pub update_id: i64,
    /// Whose it is.
    pub owner: OwnerId,
    /// What it says; none where it cannot be opened any more.
    pub content: Option<Zeroizing<Vec<u8>>>,
    /// How often handling has begun, this time included. Also the fence: a later start takes the update over.
    pub starts: i32,
}

/// How an update ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// It was handled.
    Done,
    /// It was nothing for the bot.
    Ignored,
    /// Handling it kept failing.
    GaveUp,
}

impl UpdateOutcome {
    const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Ignored => "ignored",
            Self::GaveUp => "gave_up",
        }
    }
}

fn place(tenant: TenantId, owner: OwnerId, update_id: i64) -> Place {
    Place::owner(tenant, owner, "update", update_id)
}

impl Store {
    /// Writes updates down, all or none. Answers the ids that are new; the others are repeats.
    pub async fn write_down_updates(
        &self,
        tenant: TenantId,
        updates: &[NewUpdate],
        at: DateTime<Utc>,
    ) -> Result<Vec<i64>, StoreError> {
        let mut keys: HashMap<OwnerId, DataKey> = HashMap::new();
        let (mut ids, mut owners, mut bodies) = (vec![], vec![], vec![]);
        for update in updates {
            ids.push(update.update_id);
            let Some((owner, plain)) = &update.content else {
                owners.push(None);
                bodies.push(None);
                continue;
            };
            if !keys.contains_key(owner) {
                keys.insert(*owner, self.owner_key(tenant, *owner).await?);
            }
            let sealed =
                keys.get(owner).map(|key| key.seal(&place(tenant, *owner, update.update_id), plain)).transpose()?;
            owners.push(Some(owner.uuid()));
            bodies.push(sealed);
        }
        let mut transaction = self.begin(&[tenant]).await?;
        let fresh = sqlx::query_scalar!(
            "insert into telegram_updates (tenant, update_id, owner, sealed, received_at, handled_at, outcome)
             select $1, u.update_id, u.owner, u.sealed, $5::timestamptz,
                 case when u.sealed is null then $5::timestamptz end, case when u.sealed is null then 'ignored' end
             from unnest($2::bigint[], $3::uuid[], $4::bytea[]) as u (update_id, owner, sealed)
             on conflict (tenant, update_id) do nothing
             returning update_id",
            tenant.uuid(),
            &ids,
            &owners as &[Option<Uuid>],
            &bodies as &[Option<Vec<u8>>],
            at
        )
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(fresh)
    }

    /// Begins handling of the next updates: of each person the earliest that has not been handled, unless somebody holds
    /// it. The lease ends by Postgres's clock; then the update can be claimed again, though not by whoever is `holding` it
    /// and only came too late to say so.
    pub async fn claim_updates(
        &self,
        tenant: TenantId,
        limit: i64,
        lease: Duration,
        holding: &[i64],
    ) -> Result<Vec<ClaimedUpdate>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let rows = sqlx::query!(
            r#"with waiting as materialized (
                   -- Chosen once: where the join chooses again, it finds others, and more than were asked for.
                   select w.update_id from telegram_updates w
                   where w.tenant = $1 and w.handled_at is null
                     and (w.handling_until is null or w.handling_until < clock_timestamp())
                     and w.update_id <> all ($4)
                     and not exists (
                         select from telegram_updates earlier
                         where earlier.tenant = $1 and earlier.owner = w.owner and earlier.handled_at is null
                           and earlier.update_id < w.update_id)
                   order by w.update_id
                   limit $2
                   for update skip locked)
               update telegram_updates
               set handling_until = clock_timestamp() + make_interval(secs => $3), starts = starts + 1
               where tenant = $1 and update_id in (select waiting.update_id from waiting)
               returning update_id, owner as "owner!", sealed, starts"#,
            tenant.uuid(),
            limit,
            lease.as_secs_f64(),
            holding
        )
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let mut claimed = vec![];
        for row in rows {
            let owner = OwnerId::new(row.owner);
            let content = match self.owner_key(tenant, owner).await {
                Ok(key) => row.sealed.and_then(|sealed| key.open(&place(tenant, owner, row.update_id), &sealed).ok()),
                // One person's damaged key must not keep the others waiting for what was claimed with theirs.
                Err(StoreError::CannotOpen(_)) => None,
                Err(error) => return Err(error),
            };
            claimed.push(ClaimedUpdate { update_id: row.update_id, owner, content, starts: row.starts });
        }
        claimed.sort_by_key(|update| update.update_id);
        Ok(claimed)
    }

    /// Keeps the leases of updates that are still being handled, given as id and start.
    pub async fn renew_updates(
        &self,
        tenant: TenantId,
        held: &[(i64, i32)],
        lease: Duration,
    ) -> Result<(), StoreError> {
        let (ids, starts): (Vec<i64>, Vec<i32>) = held.iter().copied().unzip();
        let mut transaction = self.begin(&[tenant]).await?;
        sqlx::query!(
            "update telegram_updates u
             set handling_until = clock_timestamp() + make_interval(secs => $4)
             from unnest($2::bigint[], $3::int[]) as held (update_id, starts)
             where u.tenant = $1 and u.update_id = held.update_id and u.starts = held.starts and u.handled_at is null",
            tenant.uuid(),
            &ids,
            &starts,
            lease.as_secs_f64()
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Ends an update and forgets what it said. False: a later start has taken it over, or it had ended.
    pub async fn finish_update(
        &self,
        tenant: TenantId,
        update_id: i64,
        starts: i32,
        outcome: UpdateOutcome,
        at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let finished = sqlx::query!(
            "update telegram_updates
             set handled_at = $4, outcome = $5, sealed = null, handling_until = null
             where tenant = $1 and update_id = $2 and starts = $3 and handled_at is null",
            tenant.uuid(),
            update_id,
            starts,
            at,
            outcome.name()
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(finished.rows_affected() == 1)
    }

    /// Gives an update back, to be claimed again after this long. `counts`: whether this start is one of the few it has.
    pub async fn put_back_update(
        &self,
        tenant: TenantId,
        update_id: i64,
        starts: i32,
        after: Duration,
        counts: bool,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        sqlx::query!(
            "update telegram_updates
             set handling_until = clock_timestamp() + make_interval(secs => $4),
                 starts = case when $5 then starts else starts - 1 end
             where tenant = $1 and update_id = $2 and starts = $3 and handled_at is null",
            tenant.uuid(),
            update_id,
            starts,
            after.as_secs_f64(),
            counts
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets updates that were handled before then. Answers how many.
    pub async fn sweep_updates(&self, tenant: TenantId, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let swept =
            sqlx::query!("delete from telegram_updates where tenant = $1 and handled_at < $2", tenant.uuid(), before)
                .execute(&mut *transaction)
                .await?;
        transaction.commit().await?;
        Ok(swept.rows_affected())
    }
}
