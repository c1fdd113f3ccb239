//! What takes place in a window: single events, each time of a series, and exceptions in the place of the times they
//! replace.

use std::collections::{HashMap, HashSet};

use bellhop_domain::IntegrationId;
use bellhop_store::{Answer, Entry, EntryContent, EntryTime};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;

use super::recurrence::Series;
use super::zones::{begins, named};

/// One thing that takes place. Has no `Debug`: it is somebody's day.
#[derive(Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Whose account.
    pub integration: IntegrationId,
    /// In which calendar.
    pub calendar: i64,
    /// What it is; of a series, what they have in common.
    pub content: EntryContent,
    /// When this one begins.
    pub start: EntryTime,
    /// When this one ends.
    pub end: EntryTime,
}

impl Occurrence {
    /// From when to when, for somebody in this zone. A day lasts from midnight to midnight where they are.
    #[must_use]
    pub fn bounds(&self, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
        let start = begins(&self.start, zone);
        (start, begins(&self.end, zone).max(start))
    }

    /// Whether it touches this time. What has no length touches the moment it is at.
    #[must_use]
    pub fn touches(&self, zone: Tz, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        let (start, end) = self.bounds(zone);
        start < until && (end > from || (start == end && start >= from))
    }

    /// Whether it lasts whole days.
    #[must_use]
    pub fn is_all_day(&self) -> bool {
        matches!(self.start, EntryTime::Day(_))
    }

    /// The first and last day of one that lasts whole days.
    #[must_use]
    pub fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        match (&self.start, &self.end) {
            (EntryTime::Day(first), EntryTime::Day(end)) => Some((*first, end.pred_opt().unwrap_or(*end).max(*first))),
            _ => None,
        }
    }

    /// Whether its owner cannot do anything else meanwhile: not what they declined, nor what is shown as free.
    #[must_use]
    pub fn takes_time(&self) -> bool {
        self.content.busy && self.content.answer != Some(Answer::Declined)
    }
}

/// What these entries of one account come to between two moments, for somebody in this zone, in order. `zones` are those of
/// the calendars, for events that name none.
#[must_use]
pub fn between(
    integration: IntegrationId,
    entries: &[Entry],
    zones: &HashMap<i64, Tz>,
    zone: Tz,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Vec<Occurrence> {
    let replaced = replaced(entries);
    let mut found = vec![];
    for entry in entries.iter().filter(|entry| !entry.content.cancelled) {
        let content = &entry.content;
        let one = |start: EntryTime, end: EntryTime| Occurrence {
            integration,
            calendar: entry.calendar,
            // The rules are not needed any more, and can be long.
            content: EntryContent { recurrence: vec![], ..content.clone() },
            start,
            end,
        };
        if content.recurrence.is_empty() {
            found.push(one(content.start.clone(), content.end.clone()));
            continue;
        }
        let own = zones.get(&entry.calendar).copied().unwrap_or(zone);
        let series = Series { start: &content.start, rules: &content.recurrence, zone: own };
        let lasts = length(&content.start, &content.end);
        for start in series.starts(from - lasts, until) {
            if replaced.contains(&(entry.calendar, entry.entry_id.as_str(), Key::of(&start))) {
                continue;
            }
            if let Some(end) = after(&start, lasts) {
                found.push(one(start, end));
            }
        }
    }
    found.retain(|occurrence| occurrence.touches(zone, from, until));
    found.sort_by_key(|occurrence| {
        let (start, end) = occurrence.bounds(zone);
        (start, !occurrence.is_all_day(), end)
    });
    found
}

/// The earliest and the latest moment at which an entry can matter, wherever one is: what it is found by.
#[must_use]
pub fn found_between(content: &EntryContent, calendar_zone: Option<&str>) -> (DateTime<Utc>, Option<DateTime<Utc>>) {
    let (mut start, mut end) = (earliest(&content.start), latest(&content.end));
    if let Some(original) = &content.original_start {
        start = start.min(earliest(original));
        end = end.max(latest(original) + length(&content.start, &content.end));
    }
    if content.recurrence.is_empty() {
        return (start, Some(end));
    }
    let series = Series { start: &content.start, rules: &content.recurrence, zone: named(calendar_zone, Tz::UTC) };
    (start, series.last().map(|last| (last + length(&content.start, &content.end)).max(end)))
}

/// A time that compares by when it is alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Day(NaiveDate),
    Moment(DateTime<Utc>),
}

impl Key {
    const fn of(time: &EntryTime) -> Self {
        match time {
            EntryTime::Day(day) => Self::Day(*day),
            EntryTime::Moment { at, .. } => Self::Moment(*at),
        }
    }
}

/// Which times of which series have something else in their place, or nothing.
fn replaced(entries: &[Entry]) -> HashSet<(i64, &str, Key)> {
    let exceptions = entries.iter().filter_map(|entry| {
        let (series, original) = (entry.content.series.as_deref()?, entry.content.original_start.as_ref()?);
        Some((entry.calendar, series, Key::of(original)))
    });
    exceptions.collect()
}

fn length(start: &EntryTime, end: &EntryTime) -> TimeDelta {
    let length = match (start, end) {
        (EntryTime::Day(first), EntryTime::Day(end)) => *end - *first,
        // The same everywhere, whichever kinds they are.
        _ => begins(end, Tz::UTC) - begins(start, Tz::UTC),
    };
    length.max(TimeDelta::zero())
}

fn after(start: &EntryTime, lasts: TimeDelta) -> Option<EntryTime> {
    Some(match start {
        EntryTime::Day(day) => EntryTime::Day(day.checked_add_signed(lasts)?),
        EntryTime::Moment { at, zone } => EntryTime::Moment { at: at.checked_add_signed(lasts)?, zone: zone.clone() },
    })
}

/// No place is further than 14 hours ahead of UTC, or 12 behind.
fn earliest(time: &EntryTime) -> DateTime<Utc> {
    match time {
        EntryTime::Day(_) => begins(time, Tz::UTC) - TimeDelta::hours(14),
        EntryTime::Moment { at, .. } => *at,
    }
}

fn latest(time: &EntryTime) -> DateTime<Utc> {
    match time {
        EntryTime::Day(_) => begins(time, Tz::UTC) + TimeDelta::hours(12),
        EntryTime::Moment { at, .. } => *at,
    }
}

#[cfg(test)]
#[path = "occurrences_tests.rs"]
mod tests;
