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

/// How far ahead they are looked into.
pub const AHEAD: TimeDelta = TimeDelta::days(92);

/// Whether something between these moments can be answered from what is kept.
#[must_use]
pub fn is_kept(now: DateTime<Utc>, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
    from >= now - BACK - TimeDelta::days(1) && until <= now + AHEAD + TimeDelta::days(1)
}
