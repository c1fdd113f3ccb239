//! The rows of the calendar cache that a unit of work brings along.

use bellhop_domain::IntegrationId;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Change;

/// One calendar of an account.
#[derive(Debug, Clone)]
pub struct CalendarRow {
    /// What stands for it.
    pub calendar: i64,
    /// Whether it is the account's own first calendar, which is chosen before anybody has chosen.
    pub is_primary: bool,
    /// Id, title and zone, sealed.
    pub sealed: Vec<u8>,
}

/// What came of reading a calendar to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalendarRead {
    /// When.
    pub at: DateTime<Utc>,
    /// Whether the provider let us.
    pub readable: bool,
}

/// One entry of a calendar.
#[derive(Debug, Clone)]
pub struct EntryRow {
    /// The provider's id.
    pub entry_id: String,
    /// The series it is an exception to.
    pub series: Option<String>,
    /// The earliest moment it can matter.
    pub starts_at: DateTime<Utc>,
    /// The latest moment it can matter, if there is one.
    pub ends_at: Option<DateTime<Utc>>,
    /// What it is, sealed.
    pub sealed: Vec<u8>,
}

/// A row of the calendar cache. What was read for a choice of a calendar is not written under another.
#[derive(Debug, Clone)]
pub enum CalendarChange {
    /// Calendars as last listed. What their owner chose stays.
    PutCalendars {
        /// The fetch that listed them.
        listed: Uuid,
        /// The calendars.
        rows: Vec<CalendarRow>,
    },
    /// Calendars that are no longer listed go, with their entries.
    RemoveNotListed {
        /// The fetch.
        listed: Uuid,
    },
    /// Where the fetch of one calendar stands.
    PutProgress {
        /// Which calendar.
        calendar: i64,
        /// The choice it was read for.
        choice: i32,
        /// Sync token, page token and counts.
        sealed: Vec<u8>,
        /// What came of reading it to its end; absent while it is under way.
        read: Option<CalendarRead>,
    },
    /// Entries as last seen.
    PutEntries {
        /// Which calendar.
        calendar: i64,
        /// The choice they were read for.
        choice: i32,
        /// The fetch that saw them.
        sync: Uuid,
        /// The entries.
        rows: Vec<EntryRow>,
    },
    /// Entries that are gone.
    RemoveEntries {
        /// Which calendar.
        calendar: i64,
        /// The provider's ids.
        entry_ids: Vec<String>,
    },
    /// Everything in a calendar that a full fetch did not see.
    RemoveEntriesNotSeen {
        /// Which calendar.
        calendar: i64,
        /// The fetch.
        sync: Uuid,
    },
    /// Everything that was over before this.
    RemoveEntriesOver {
        /// When.
        before: DateTime<Utc>,
    },
    /// How old the stored calendars are.
    PutAge {
        /// Entries stored by the fetch under way.
        stored: i32,
        /// When it ended well; absent while it is under way.
        checked_at: Option<DateTime<Utc>>,
    },
}

impl CalendarChange {
    /// As a change of this integration's rows.
    #[must_use]
    pub fn of(self, integration: IntegrationId) -> Change {
        Change::Calendar { integration, change: self }
    }
}
