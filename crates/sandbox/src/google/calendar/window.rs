//! What takes place in a stretch of time: series expanded, exceptions in their places, everything else as it is.
//!
//! Lists, instances and free/busy all look through this one window, so that they can never disagree.

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Calendar,
    event::{Event, Exception, Occurrence, instance_id},
    moment::Moment,
};

/// Without an end, a series is expanded this far beyond now; a client that wants more says `timeMax`.
const HORIZON: TimeDelta = TimeDelta::days(730);

/// From (exclusive) and until (exclusive); either may be open.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    pub from: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
    pub now: DateTime<Utc>,
}

impl Window {
    /// "Lower bound (exclusive) for an event's end time", "Upper bound (exclusive) for an event's start time".
    fn holds(&self, calendar: &Calendar, start: Moment, end: Moment) -> bool {
        self.from.is_none_or(|from| end.instant(calendar.zone) > from)
            && self.until.is_none_or(|until| start.instant(calendar.zone) < until)
    }

    pub fn shows(&self, calendar: &Calendar, occurrence: &Occurrence<'_>) -> bool {
        self.holds(calendar, occurrence.start, occurrence.end)
    }

    fn end(&self) -> DateTime<Utc> {
        self.until.unwrap_or(self.now + HORIZON)
    }
}

impl Calendar {
    /// One by one, or (`expand`) with every series replaced by its instances.
    pub fn occurrences(&self, window: Window, expand: bool) -> Vec<Occurrence<'_>> {
        let mut found = Vec::new();
        for event in self.events.values() {
            match &event.exception {
                Some(exception) => {
                    let series = self.events.get(&exception.series);
                    found.extend(series.and_then(|series| event.exceptional(series, self.zone)));
                }
                None if expand && event.is_series() => found.extend(self.instances(event, window)),
                None => found.extend(event.whole(self.zone)),
            }
        }
        found
    }

    /// The instances of one series that nobody touched, within the window.
    pub fn instances<'a>(&self, event: &'a Event, window: Window) -> Vec<Occurrence<'a>> {
        let Some(series) = event.series(self.zone) else { return Vec::new() };
        let length = event.length(self.zone);
        series
            .starts_before(window.end(), self.zone)
            .into_iter()
            .filter(|start| window.holds(self, *start, start.later(length)))
            .filter(|start| !self.events.contains_key(&instance_id(&event.id, *start)))
            .map(|start| event.instance(start, self.zone))
            .collect()
    }

    /// Instances that series lost after a change, as their tombstones.
    pub fn vanished_after(&self, change: u64) -> Vec<Occurrence<'_>> {
        let lost = |event: &Event| {
            let mut originals = event.vanished.clone();
            originals
                .retain(|(original, at)| *at > change && !self.events.contains_key(&instance_id(&event.id, *original)));
            originals
        };
        self.events
            .values()
            .flat_map(|event| lost(event).into_iter().map(move |(original, _)| (event, original)))
            .map(|(event, original)| Occurrence { cancelled: true, ..event.instance(original, self.zone) })
            .collect()
    }

    /// Whether any instance of a series, exceptions aside, is within the window.
    pub fn touches(&self, event: &Event, window: Window) -> bool {
        let length = event.length(self.zone);
        event.series(self.zone).is_some_and(|series| {
            let starts = series.starts_before(window.end(), self.zone);
            starts.into_iter().any(|start| window.holds(self, start, start.later(length)))
        })
    }

    /// Whether this exception belongs to a series that still lives.
    pub fn lives(&self, exception: &Exception) -> bool {
        self.events.get(&exception.series).is_some_and(|series| !series.cancelled)
    }
}
