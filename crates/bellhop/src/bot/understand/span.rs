//! Some days, and perhaps only some hours of each: what a question about a calendar or about mail is limited to.
//!
//! A span is always in order and never longer than [`LONGEST_DAYS`], however it was made, so that whoever gets one can list
//! its days. It is in nobody's zone: days and hours become instants only with a zone, in [`Span::windows`], which knows
//! about nights that lack an hour. How spans are read from words is not known here.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// The most days a span has, the first and the last counted.
pub const LONGEST_DAYS: u64 = 62;

/// The parts of a day that have a name, and when they begin and end.
pub const PARTS: &[(&str, Hours)] = &[
    ("morning", Hours::whole(6, 12)),
    ("lunchtime", Hours::whole(12, 14)),
    ("afternoon", Hours::whole(12, 18)),
    ("evening", Hours::whole(18, 24)),
];

/// Some hours of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hours {
    from: u16,
    until: u16,
}

impl Hours {
    /// Minutes in a day.
    const DAY: u16 = 24 * 60;

    /// From one minute of the day until another; 1440 is the end of the day. `None` if the end is not after the beginning.
    #[must_use]
    pub const fn minutes(from: u16, until: u16) -> Option<Self> {
        if from < until && until <= Self::DAY { Some(Self { from, until }) } else { None }
    }

    /// From one whole hour until another.
    pub(crate) const fn whole(from: u16, until: u16) -> Self {
        Self { from: from * 60, until: until * 60 }
    }

    /// The minute of the day at which they begin, from 0 to 1439.
    #[must_use]
    #[expect(clippy::wrong_self_convention, reason = "hours are from a minute until another; nothing is converted")]
    pub const fn from_minute(self) -> u16 {
        self.from
    }

    /// The minute of the day before which they end, from 1 to 1440, the end of the day.
    #[must_use]
    pub const fn until_minute(self) -> u16 {
        self.until
    }

    /// `09:00–17:30`, with 24:00 for the end of the day.
    #[must_use]
    pub fn as_written(self) -> String {
        let written = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        format!("{}\u{2013}{}", written(self.from), written(self.until))
    }

    /// `afternoon (12:00–18:00)`, `after 15:00`, `before 12:00` or `14:00–16:00`.
    fn in_words(self) -> String {
        let written = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        if let Some((name, _)) = PARTS.iter().find(|(_, part)| *part == self) {
            format!("{name} ({})", self.as_written())
        } else if self.until == Self::DAY {
            format!("after {}", written(self.from))
        } else if self.from == 0 {
            format!("before {}", written(self.until))
        } else {
            self.as_written()
        }
    }
}

/// The time of day of a minute; the 1440th is midnight again.
fn clock(minute: u16) -> NaiveTime {
    NaiveTime::MIN + TimeDelta::minutes(i64::from(minute))
}

/// Some days, the first and the last included, and perhaps only some hours of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    first: NaiveDate,
    last: NaiveDate,
    hours: Option<Hours>,
}

impl Span {
    /// One whole day.
    #[must_use]
    pub fn day(day: NaiveDate) -> Self {
        Self { first: day, last: day, hours: None }
    }

    /// Whole days, the first and the last included. `None` if they are out of order or more than [`LONGEST_DAYS`].
    #[must_use]
    pub fn days(first: NaiveDate, last: NaiveDate) -> Option<Self> {
        let count = u64::try_from(last.signed_duration_since(first).num_days()).ok()? + 1;
        (count <= LONGEST_DAYS).then(|| Self { last, ..Self::day(first) })
    }

    /// The same days, only these hours of each.
    #[must_use]
    pub fn only(self, hours: Hours) -> Self {
        Self { hours: Some(hours), ..self }
    }

    /// The first day.
    #[must_use]
    pub fn first(&self) -> NaiveDate {
        self.first
    }

    /// The last day, which belongs to the span.
    #[must_use]
    pub fn last(&self) -> NaiveDate {
        self.last
    }

    /// The hours of each day that are meant; `None` for whole days.
    #[must_use]
    pub fn hours(&self) -> Option<Hours> {
        self.hours
    }

    /// Each day, in order.
    pub fn each_day(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let last = self.last;
        self.first.iter_days().take_while(move |day| *day <= last)
    }

    /// What is meant of each day, from an instant until another, in this zone. A day without anything left of its hours,
    /// because the clock jumped over them, has no window.
    #[must_use]
    pub fn windows(&self, zone: Tz) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
        let hours = self.hours.unwrap_or(Hours { from: 0, until: Hours::DAY });
        self.each_day()
            .filter_map(|day| Some((instant(day, hours.from, zone)?, instant(day, hours.until, zone)?)))
            .filter(|(from, until)| from < until)
            .collect()
    }

    /// The days and hours in words, to repeat what was understood: `tomorrow, Thursday 19 November`,
    /// `Friday 27 November, afternoon (12:00–18:00)`, `Monday 30 November to Sunday 6 December`. A year is named only where
    /// it is not today's.
    #[must_use]
    pub fn in_words(&self, today: NaiveDate) -> String {
        let days = if self.first == self.last {
            one_day(self.first, today)
        } else {
            let year = |day: NaiveDate| if day.year() == today.year() { "" } else { " %Y" };
            let same_month = self.first.month() == self.last.month() && self.first.year() == self.last.year();
            let first = if same_month {
                "%A %-d".to_owned()
            } else {
                format!("%A %-d %B{}", if self.first.year() == self.last.year() { "" } else { year(self.first) })
            };
            let last = format!("%A %-d %B{}", year(self.last));
            format!("{} to {}", self.first.format(&first), self.last.format(&last))
        };
        match self.hours {
            None => days,
            Some(hours) => format!("{days}, {}", hours.in_words()),
        }
    }
}

fn one_day(day: NaiveDate, today: NaiveDate) -> String {
    let near = match day.signed_duration_since(today).num_days() {
        0 => "today, ",
        1 => "tomorrow, ",
        -1 => "yesterday, ",
        _ => "",
    };
    let format = if day.year() == today.year() { "%A %-d %B" } else { "%A %-d %B %Y" };
    format!("{near}{}", day.format(format))
}

/// This minute of this day in this zone; the next that exists where the clock jumped over it, the first where it comes twice.
fn instant(day: NaiveDate, minute: u16, zone: Tz) -> Option<DateTime<Utc>> {
    let day = if minute == Hours::DAY { day.checked_add_days(Days::new(1))? } else { day };
    let local = day.and_time(clock(minute));
    // Clocks jump by an hour at most, but for the two islands that once left a day out: an instant a day on is there.
    (0..=24 * 4)
        .filter_map(|quarter| local.checked_add_signed(TimeDelta::minutes(15 * quarter)))
        .find_map(|local| zone.from_local_datetime(&local).earliest())
        .map(|found| found.with_timezone(&Utc))
}

#[cfg(test)]
#[path = "span_tests.rs"]
mod tests;
