//! The rows of the calendar cache. What was read for an earlier choice of a calendar is not written under a later one.

use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::unit::{CalendarChange, CalendarRow, EntryRow};

/// Writes one change of the calendar cache.
pub async fn write(
    transaction: &mut Transaction<'_, Postgres>,
    tenant: Uuid,
    integration: Uuid,
    change: &CalendarChange,
) -> Result<(), sqlx::Error> {
    let query = match change {
        CalendarChange::PutCalendars { listed, rows } => {
            return put_calendars(transaction, tenant, integration, *listed, rows).await;
        }
        CalendarChange::PutEntries { calendar, choice, sync, rows } => {
            return put_entries(transaction, tenant, (integration, *calendar, *choice), *sync, rows).await;
        }
        CalendarChange::RemoveNotListed { listed } => {
            sqlx::query!("delete from calendars where integration = $1 and listed <> $2", integration, listed)
        }
        CalendarChange::PutProgress { calendar, choice, sealed, read } => sqlx::query!(
            "update calendars
             set sealed_progress = $4, checked_at = coalesce($5, checked_at), readable = coalesce($6, readable)
             where integration = $1 and calendar = $2 and choice = $3",
            integration,
            calendar,
            *choice,
            sealed,
            read.map(|read| read.at),
            read.map(|read| read.readable)
        ),
        CalendarChange::RemoveEntries { calendar, entry_ids } => sqlx::query!(
            "delete from calendar_entries where integration = $1 and calendar = $2 and entry_id = any ($3)",
            integration,
            calendar,
            entry_ids
        ),
        CalendarChange::RemoveEntriesNotSeen { calendar, sync } => sqlx::query!(
            "delete from calendar_entries where integration = $1 and calendar = $2 and sync <> $3",
            integration,
            calendar,
            sync
        ),
        CalendarChange::RemoveEntriesOver { before } => {
            // In the same order as whoever leaves a calendar out: its row first.
            sqlx::query!("select calendar from calendars where integration = $1 for no key update", integration)
                .fetch_all(&mut **transaction)
                .await?;
            sqlx::query!("delete from calendar_entries where integration = $1 and ends_at < $2", integration, before)
        }
        CalendarChange::PutAge { stored, checked_at } => sqlx::query!(
            "insert into calendar_syncs (integration, tenant, stored, checked_at) values ($1, $2, $3, $4)
             on conflict (integration) do update
             set stored = excluded.stored, checked_at = coalesce(excluded.checked_at, calendar_syncs.checked_at)",
            integration,
            tenant,
            *stored,
            *checked_at
        ),
    };
    query.execute(&mut **transaction).await?;
    Ok(())
}

async fn put_calendars(
    transaction: &mut Transaction<'_, Postgres>,
    tenant: Uuid,
    integration: Uuid,
    listed: Uuid,
    rows: &[CalendarRow],
) -> Result<(), sqlx::Error> {
    let calendars: Vec<i64> = rows.iter().map(|row| row.calendar).collect();
    let primary: Vec<bool> = rows.iter().map(|row| row.is_primary).collect();
    let sealed: Vec<Vec<u8>> = rows.iter().map(|row| row.sealed.clone()).collect();
    sqlx::query!(
        "insert into calendars (integration, calendar, tenant, chosen, is_primary, listed, sealed)
         select distinct on (calendar) $1::uuid, calendar, $2::uuid, is_primary, is_primary, $3::uuid, sealed
         from unnest($4::bigint[], $5::boolean[], $6::bytea[]) as new (calendar, is_primary, sealed)
         on conflict (integration, calendar) do update
         set listed = excluded.listed, is_primary = excluded.is_primary, sealed = excluded.sealed",
        integration,
        tenant,
        listed,
        &calendars,
        &primary,
        &sealed
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn put_entries(
    transaction: &mut Transaction<'_, Postgres>,
    tenant: Uuid,
    (integration, calendar, choice): (Uuid, i64, i32),
    sync: Uuid,
    rows: &[EntryRow],
) -> Result<(), sqlx::Error> {
    let ids: Vec<String> = rows.iter().map(|row| row.entry_id.clone()).collect();
    let series: Vec<Option<String>> = rows.iter().map(|row| row.series.clone()).collect();
    let starts: Vec<_> = rows.iter().map(|row| row.starts_at).collect();
    let ends: Vec<_> = rows.iter().map(|row| row.ends_at).collect();
    let sealed: Vec<Vec<u8>> = rows.iter().map(|row| row.sealed.clone()).collect();
    sqlx::query!(
        "insert into calendar_entries (integration, calendar, entry_id, tenant, starts_at, ends_at, sync, sealed, series)
         select distinct on (entry_id) $1::uuid, $2::bigint, entry_id, $3::uuid, starts_at, ends_at, $4::uuid, sealed, series
         from unnest($5::text[], $6::timestamptz[], $7::timestamptz[], $8::bytea[], $10::text[])
             as new (entry_id, starts_at, ends_at, sealed, series)
         where exists (
             select from calendars c where c.integration = $1 and c.calendar = $2 and c.choice = $9 and c.chosen
         )
         on conflict (integration, calendar, entry_id) do update
         set starts_at = excluded.starts_at, ends_at = excluded.ends_at, sync = excluded.sync, sealed = excluded.sealed,
             series = excluded.series",
        integration,
        calendar,
        tenant,
        sync,
        &ids,
        &starts,
        &ends as &[Option<chrono::DateTime<chrono::Utc>>],
        &sealed,
        choice,
        &series as &[Option<String>]
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
