//! What stored calendar entries come to: which days a series falls on, what a day holds, and when somebody is free.
//!
//! Pure: no store, no clock, no provider. Without this, a series would show its first day only, a moved meeting twice, and
//! a meeting in the night of a clock change at the wrong hour.

pub mod free;
pub mod occurrences;
mod recurrence;
pub mod zones;

use chrono::{DateTime, TimeDelta, Utc};

/// How far back calendars are kept.
pub const BACK: TimeDelta = TimeDelta::days(31);

/// Whether what was on at this moment is still kept. What is to come is kept however far away it is.
#[must_use]
pub fn is_kept(now: DateTime<Utc>, from: DateTime<Utc>) -> bool {
    from >= now - BACK - TimeDelta::days(1)
}
