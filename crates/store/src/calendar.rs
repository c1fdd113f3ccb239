//! The sealed cache of calendars as the fetching job writes it: what is in a row, and how far a fetch has come.
//!
//! Not part of the log: drop a cursor and a calendar is read again. What people read of it is in `agenda.rs`.

use std::collections::HashSet;

use bellhop_domain::{IntegrationId, TenantId};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::keyring::{DataKey, Place, Purpose, plain_hash};
use crate::unit::{CalendarChange, CalendarRead, CalendarRow, Change, EntryRow};

/// What is sealed of a calendar. Has no `Debug`: its id is somebody's address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarContent {
    /// The provider's id.
    pub id: String,
    /// What its owner calls it.
    pub title: String,
    /// The zone its all-day events are meant in, by its IANA name, where the provider says so.
    pub time_zone: Option<String>,
    /// Whether it is the account's own first calendar.
    pub is_primary: bool,
    /// Whether it shows when somebody is busy, and nothing else.
    pub only_busy: bool,
}

/// A day, or a moment in a zone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryTime {
    /// A day wherever one is.
    Day(NaiveDate),
    /// A moment.
    Moment {
        /// When.
        at: DateTime<Utc>,
        /// The zone it was made in, by its IANA name, where the provider says so.
        zone: Option<String>,
    },
}

/// What the owner answered to an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Yes.
    Accepted,
    /// No.
    Declined,
    /// Perhaps.
    Tentative,
    /// Nothing yet.
    Open,
}

/// What is sealed of an event, a series or an exception to one. Has no `Debug`: it is somebody's day.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryContent {
    /// What it is called; empty where there is no title or it may not be seen.
    pub title: String,
    /// Where it is; empty where nothing is said.
    pub place: String,
    /// The address of a video meeting.
    pub meeting: Option<String>,
    /// The names of who else was invited, some of them.
    pub people: Vec<String>,
    /// When it begins; of a series, its first time.
    pub start: EntryTime,
    /// When it ends. Not part of the event any more: a meeting until ten is over at ten.
    pub end: EntryTime,
    /// The rules of a series (RFC 5545), one a line; empty for anything else.
    pub recurrence: Vec<String>,
    /// The series that this is an exception to, by the provider's id.
    pub series: Option<String>,
    /// Which time of the series it stands for.
    pub original_start: Option<EntryTime>,
    /// Whether it does not take place: only exceptions are kept when cancelled.
    pub cancelled: bool,
    /// Whether it is not certain yet.
    pub tentative: bool,
    /// Whether its owner is busy meanwhile.
    pub busy: bool,
    /// What the owner answered, where they were invited.
    pub answer: Option<Answer>,
}

/// A fetch of one calendar under way, as it was last recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarUnderway {
    /// The fetch.
    pub sync: Uuid,
    /// The next page; none before the first.
    pub page_token: Option<String>,
    /// Entries that are new.
    pub added: u32,
    /// Entries stored again because they changed.
    pub updated: u32,
    /// Entries removed.
    pub removed: u32,
    /// Pages recorded.
    pub pages: u32,
}

/// Where fetching one calendar stands. Has no `Debug`: sync tokens are the provider's words.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CalendarProgress {
    /// Up to where everything is known; none before the first full fetch has ended, and after the token was too old.
    pub sync_token: Option<String>,
    /// The fetch under way, if one was interrupted.
    pub underway: Option<CalendarUnderway>,
}

impl CalendarContent {
    /// As a row.
    pub fn seal(
        &self,
        store: &Store,
        key: &DataKey,
        tenant: TenantId,
        integration: IntegrationId,
    ) -> Result<CalendarRow, StoreError> {
        let calendar = store.calendar_handle(integration, &self.id);
        let plain = serde_json::to_vec(self).map_err(|_| StoreError::Unreadable("a calendar"))?;
        let sealed = key.seal(&calendar_place(tenant, integration, calendar), &plain)?;
        Ok(CalendarRow { calendar, is_primary: self.is_primary, sealed })
    }

    pub(crate) fn open(
        key: &DataKey,
        tenant: TenantId,
        integration: IntegrationId,
        calendar: i64,
        sealed: &[u8],
    ) -> Result<Self, StoreError> {
        let plain = key.open(&calendar_place(tenant, integration, calendar), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| StoreError::Unreadable("a calendar"))
    }
}

impl EntryContent {
    /// As a row that is found between these moments.
    pub fn seal(
        &self,
        key: &DataKey,
        (tenant, integration, calendar): (TenantId, IntegrationId, i64),
        entry_id: String,
        (starts_at, ends_at): (DateTime<Utc>, Option<DateTime<Utc>>),
    ) -> Result<EntryRow, StoreError> {
        let plain = serde_json::to_vec(self).map_err(|_| StoreError::Unreadable("a calendar entry"))?;
        let sealed = key.seal(&entry_place(tenant, integration, calendar, &entry_id), &plain)?;
        Ok(EntryRow { entry_id, series: self.series.clone(), starts_at, ends_at, sealed })
    }

    pub(crate) fn open(
        key: &DataKey,
        (tenant, integration, calendar): (TenantId, IntegrationId, i64),
        entry_id: &str,
        sealed: &[u8],
    ) -> Result<Self, StoreError> {
        let plain = key.open(&entry_place(tenant, integration, calendar, entry_id), sealed)?;
        serde_json::from_slice(&plain).map_err(|_| StoreError::Unreadable("a calendar entry"))
    }
}

impl CalendarProgress {
    /// As a change, to be written with the page that it describes, and before it: it locks the calendar's row, so that nobody
    /// changes their mind in between. Made for a choice that was changed since, it is not written.
    pub fn seal(
        &self,
        key: &DataKey,
        (tenant, integration, calendar): (TenantId, IntegrationId, i64),
        choice: i32,
        read: Option<CalendarRead>,
    ) -> Result<Change, StoreError> {
        let plain = serde_json::to_vec(self).map_err(|_| StoreError::Unreadable("progress of a fetch"))?;
        let sealed = key.seal(&progress_place(tenant, integration, calendar), &plain)?;
        Ok(CalendarChange::PutProgress { calendar, choice, sealed, read }.of(integration))
    }
}

fn calendar_place(tenant: TenantId, integration: IntegrationId, calendar: i64) -> Place {
    Place::integration(tenant, integration, "calendar", calendar)
}

fn progress_place(tenant: TenantId, integration: IntegrationId, calendar: i64) -> Place {
    Place::integration(tenant, integration, "calendar progress", calendar)
}

/// Binds a sealed entry to its calendar and id, so that two rows cannot be exchanged.
fn entry_place(tenant: TenantId, integration: IntegrationId, calendar: i64, entry_id: &str) -> Place {
    let name = [&calendar.to_be_bytes(), entry_id.as_bytes()].concat();
    Place::integration(tenant, integration, "calendar entry", first_eight(&plain_hash(&name)))
}

pub(crate) fn first_eight(hash: &[u8; 32]) -> i64 {
    let mut number = [0; 8];
    number.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(number)
}

impl Store {
    /// What stands for a calendar in rows and buttons: a calendar's id is an address.
    #[must_use]
    pub fn calendar_handle(&self, integration: IntegrationId, id: &str) -> i64 {
        let integration = integration.uuid();
        first_eight(&self.keyring().keyed_hash(Purpose::Calendar, &[integration.as_bytes(), id.as_bytes()]))
    }

    /// Where fetching a calendar stands. What cannot be opened any more counts as nothing: the next fetch starts from the
    /// beginning.
    pub async fn calendar_progress(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        calendar: i64,
        key: &DataKey,
    ) -> Result<CalendarProgress, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let sealed = sqlx::query_scalar!(
            "select sealed_progress from calendars where integration = $1 and calendar = $2",
            integration.uuid(),
            calendar
        )
        .fetch_optional(&mut *transaction)
        .await?
        .flatten();
        let place = progress_place(tenant, integration, calendar);
        let plain = sealed.and_then(|sealed| key.open(&place, &sealed).ok());
        Ok(plain.and_then(|plain| serde_json::from_slice(&plain).ok()).unwrap_or_default())
    }

    /// Which of these entries are stored, and which exceptions to these series.
    pub async fn stored_entries(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        calendar: i64,
        entry_ids: &[String],
        series: &[String],
    ) -> Result<HashSet<String>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let stored = sqlx::query_scalar!(
            "select entry_id from calendar_entries
             where integration = $1 and calendar = $2 and (entry_id = any ($3) or series = any ($4))",
            integration.uuid(),
            calendar,
            entry_ids,
            series
        )
        .fetch_all(&mut *transaction)
        .await?;
        Ok(stored.into_iter().collect())
    }

    /// How many entries of a calendar a full fetch has not seen.
    pub async fn entries_not_seen(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        calendar: i64,
        sync: Uuid,
    ) -> Result<u32, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from calendar_entries
               where integration = $1 and calendar = $2 and sync <> $3"#,
            integration.uuid(),
            calendar,
            sync
        )
        .fetch_one(&mut *transaction)
        .await?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }
}
