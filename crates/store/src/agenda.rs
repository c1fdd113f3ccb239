//! Calendars as people read them: which there are, which they chose, what may lie between two moments, and how old the
//! answer is.
//!
//! What an entry comes to (times of a series, a person's zone, free or busy) is not known here. How rows are written is in
//! `calendar.rs`.

use bellhop_domain::{IntegrationId, TenantId};
use chrono::{DateTime, Utc};

use crate::Store;
use crate::calendar::{CalendarContent, EntryContent};
use crate::error::StoreError;

/// A stored calendar. Has no `Debug`: it is somebody's.
#[derive(Clone, PartialEq, Eq)]
pub struct Calendar {
    /// What stands for it in rows and buttons.
    pub handle: i64,
    /// Whether its owner wants to see it.
    pub chosen: bool,
    /// How often they changed their mind.
    pub choice: i32,
    /// Whether the provider let us read it the last time.
    pub readable: bool,
    /// When it was last read to its end; never, since it was chosen.
    pub checked_at: Option<DateTime<Utc>>,
    /// Id, title and zone.
    pub content: CalendarContent,
}

/// A stored entry. Has no `Debug`: it is somebody's day.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its calendar.
    pub calendar: i64,
    /// The provider's id.
    pub entry_id: String,
    /// What it is.
    pub content: EntryContent,
}

/// How old the stored calendars are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CalendarAge {
    /// When a fetch of every chosen calendar last ended well; never, while the first one is under way.
    pub checked_at: Option<DateTime<Utc>>,
    /// Entries stored by the fetch under way.
    pub stored: i32,
}

impl Store {
    /// The calendars of an integration: the primary one first, then by title. Those that cannot be opened are left out.
    pub async fn calendars(&self, tenant: TenantId, integration: IntegrationId) -> Result<Vec<Calendar>, StoreError> {
        let Some(key) = self.integration_key(tenant, integration).await? else { return Ok(vec![]) };
        let mut transaction = self.begin(&[tenant]).await?;
        let rows = sqlx::query!(
            "select calendar, chosen, choice, readable, checked_at, sealed from calendars where integration = $1 order by calendar",
            integration.uuid()
        )
        .fetch_all(&mut *transaction)
        .await?;
        drop(transaction);
        let mut calendars = vec![];
        for row in rows {
            match CalendarContent::open(&key, tenant, integration, row.calendar, &row.sealed) {
                Ok(content) => calendars.push(Calendar {
                    handle: row.calendar,
                    chosen: row.chosen,
                    choice: row.choice,
                    readable: row.readable,
                    checked_at: row.checked_at,
                    content,
                }),
                Err(error) => tracing::error!(%integration, %error, "a stored calendar cannot be opened"),
            }
        }
        calendars.sort_by_key(|calendar| (!calendar.content.is_primary, calendar.content.title.to_lowercase()));
        Ok(calendars)
    }

    /// Chooses a calendar, or leaves it out and forgets what was stored of it. Answers whether there is such a calendar.
    pub async fn choose_calendar(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        calendar: i64,
        chosen: bool,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let known = sqlx::query!(
            "update calendars
             set choice = case when chosen = $3 then choice else choice + 1 end,
                 sealed_progress = case when chosen = $3 then sealed_progress end,
                 checked_at = case when chosen = $3 then checked_at end,
                 readable = readable or chosen <> $3,
                 chosen = $3
             where integration = $1 and calendar = $2",
            integration.uuid(),
            calendar,
            chosen
        )
        .execute(&mut *transaction)
        .await?;
        if !chosen {
            sqlx::query!(
                "delete from calendar_entries where integration = $1 and calendar = $2",
                integration.uuid(),
                calendar
            )
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(known.rows_affected() == 1)
    }

    /// Everything of the chosen calendars that may matter between two moments: events, and series with every exception to
    /// them, as an exception does not say how long the time was that it replaces. Those that cannot be opened are left out.
    pub async fn entries_between(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Entry>, StoreError> {
        let Some(key) = self.integration_key(tenant, integration).await? else { return Ok(vec![]) };
        let mut transaction = self.begin(&[tenant]).await?;
        let rows = sqlx::query!(
            "select e.calendar, e.entry_id, e.sealed
             from calendar_entries e
             join calendars c on c.integration = e.integration and c.calendar = e.calendar and c.chosen
                 and c.readable
             where e.integration = $1
               and (e.starts_at < $3 and (e.ends_at is null or e.ends_at >= $2)
                    or exists (
                        select from calendar_entries s
                        where s.integration = e.integration and s.calendar = e.calendar and s.entry_id = e.series
                          and s.starts_at < $3 and (s.ends_at is null or s.ends_at >= $2)
                    ))
             order by e.starts_at, e.calendar, e.entry_id",
            integration.uuid(),
            from,
            until
        )
        .fetch_all(&mut *transaction)
        .await?;
        drop(transaction);
        let mut entries = vec![];
        for row in rows {
            match EntryContent::open(&key, (tenant, integration, row.calendar), &row.entry_id, &row.sealed) {
                Ok(content) => entries.push(Entry { calendar: row.calendar, entry_id: row.entry_id, content }),
                Err(error) => tracing::error!(%integration, %error, "a stored calendar entry cannot be opened"),
            }
        }
        Ok(entries)
    }

    /// The zone of an integration's primary calendar, by its IANA name.
    pub async fn primary_zone(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
    ) -> Result<Option<String>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let row = sqlx::query!(
            "select calendar, sealed from calendars where integration = $1 and is_primary order by calendar limit 1",
            integration.uuid()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        drop(transaction);
        let Some(row) = row else { return Ok(None) };
        let Some(key) = self.integration_key(tenant, integration).await? else { return Ok(None) };
        let opened = CalendarContent::open(&key, tenant, integration, row.calendar, &row.sealed);
        Ok(opened.ok().and_then(|content| content.time_zone))
    }

    /// How old the stored calendars of an integration are.
    pub async fn calendar_age(&self, tenant: TenantId, integration: IntegrationId) -> Result<CalendarAge, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let row =
            sqlx::query!("select checked_at, stored from calendar_syncs where integration = $1", integration.uuid())
                .fetch_optional(&mut *transaction)
                .await?;
        Ok(row.map_or_else(CalendarAge::default, |row| CalendarAge { checked_at: row.checked_at, stored: row.stored }))
    }
}
