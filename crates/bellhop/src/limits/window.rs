//! What was spent in a time that slides along, and whether more fits. Pure: no clock, nothing shared.
//!
//! Time is cut into buckets, twelve to a window, and thirteen are counted. A provider's window may begin anywhere, so it
//! touches up to thirteen of them: as long as no thirteen in a row hold more than is allowed, no window does, whatever its
//! alignment. What is freed comes free a bucket at a time, at most a thirteenth late.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// How many buckets a window is cut into.
const BUCKETS: u32 = 12;

/// A window's length, as it is cut into buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    bucket_milliseconds: i64,
}

impl Span {
    /// Cuts a window. Buckets are whole milliseconds, rounded up.
    pub fn of(window: Duration) -> Self {
        let milliseconds = i64::try_from(window.as_millis()).unwrap_or(i64::MAX / 4);
        Self { bucket_milliseconds: (milliseconds.saturating_add(i64::from(BUCKETS) - 1) / i64::from(BUCKETS)).max(1) }
    }

    /// The bucket that this moment is in.
    pub fn bucket(self, at: DateTime<Utc>) -> i64 {
        at.timestamp_millis().div_euclid(self.bucket_milliseconds)
    }

    /// The oldest bucket that still counts.
    pub fn oldest(self, now: DateTime<Utc>) -> i64 {
        self.bucket(now) - i64::from(BUCKETS)
    }

    /// The newest bucket that counts: of a clock that is ahead by a window. One that is further ahead is wrong, or was before
    /// it was put right, and what was written down by it says nothing of now.
    pub fn newest(self, now: DateTime<Utc>) -> i64 {
        self.bucket(now) + i64::from(BUCKETS)
    }

    /// What counts now.
    fn counting(self, now: DateTime<Utc>) -> RangeInclusive<i64> {
        self.oldest(now)..=self.newest(now)
    }

    /// One bucket's length.
    pub fn step(self) -> Duration {
        Duration::from_millis(self.bucket_milliseconds.unsigned_abs())
    }

    /// How long what is spent now is remembered at the longest: the window and one bucket.
    pub fn reach(self) -> Duration {
        self.step().saturating_mul(BUCKETS + 1)
    }

    /// How long until this bucket no longer counts.
    fn until_left(self, bucket: i64, now: DateTime<Utc>) -> Duration {
        let left = (bucket + i64::from(BUCKETS) + 1).saturating_mul(self.bucket_milliseconds);
        Duration::from_millis(u64::try_from(left - now.timestamp_millis()).unwrap_or(0))
    }
}

/// Units spent, by bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Window(BTreeMap<i64, u64>);

impl Window {
    /// Units that count now. Those of a clock that is a little ahead count too.
    pub fn used(&self, span: Span, now: DateTime<Utc>) -> u64 {
        self.0.range(span.counting(now)).map(|(_, units)| units).sum()
    }

    /// How long until this many units fit into what is allowed, if nobody else spends any. None: they fit now. More than is
    /// allowed altogether never fit. Never longer than the window's reach.
    pub fn wait(&self, span: Span, now: DateTime<Utc>, units: u64, allowed: u64) -> Option<Duration> {
        let mut used = self.used(span, now);
        if used.saturating_add(units) <= allowed {
            return None;
        }
        for (bucket, spent) in self.0.range(span.counting(now)) {
            used -= spent;
            if used.saturating_add(units) <= allowed {
                return Some(span.until_left(*bucket, now).min(span.reach()));
            }
        }
        Some(span.reach())
    }

    /// Spends units.
    pub fn spend(&mut self, span: Span, now: DateTime<Utc>, units: u64) {
        *self.0.entry(span.bucket(now)).or_default() += units;
        self.forget(span, now);
    }

    /// Takes units back that were to be spent then, and were not.
    pub fn give_back(&mut self, span: Span, then: DateTime<Utc>, units: u64) {
        if let Some(spent) = self.0.get_mut(&span.bucket(then)) {
            *spent = spent.saturating_sub(units);
        }
    }

    /// A call that was begun then has ended now: the provider may have counted it as late as this.
    pub fn settle(&mut self, span: Span, then: DateTime<Utc>, now: DateTime<Utc>, units: u64) {
        if span.bucket(now) > span.bucket(then) {
            self.give_back(span, then, units);
            self.spend(span, now, units);
        }
    }

    /// What was spent, by bucket, as far as it still counts.
    pub fn counted(&self, span: Span, now: DateTime<Utc>) -> BTreeMap<i64, u64> {
        self.0.range(span.counting(now)).filter(|(_, units)| **units > 0).map(|(at, units)| (*at, *units)).collect()
    }

    /// Whether nothing counts any more.
    pub fn is_spent(&self, span: Span, now: DateTime<Utc>) -> bool {
        self.used(span, now) == 0
    }

    fn forget(&mut self, span: Span, now: DateTime<Utc>) {
        let counting = span.counting(now);
        self.0.retain(|bucket, _| counting.contains(bucket));
    }
}

impl From<BTreeMap<i64, u64>> for Window {
    fn from(spent: BTreeMap<i64, u64>) -> Self {
        Self(spent)
    }
}

/// Whether these two moments are less than this apart. A moment may be ahead, from a clock that was put right since.
pub fn is_within(reach: Duration, one: DateTime<Utc>, other: DateTime<Utc>) -> bool {
    let reach = TimeDelta::from_std(reach).unwrap_or(TimeDelta::MAX);
    one.signed_duration_since(other).abs() < reach
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
