//! On which days a series falls, by its rules (RFC 5545, section 3.8.5).
//!
//! The library repeats dates; zones are left to `zones.rs`. So a rule is followed on the wall clock of the series, and only
//! then made into moments, which keeps nine o'clock at nine across a clock change.

use std::collections::HashSet;

use bellhop_store::EntryTime;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, SubsecRound, TimeDelta, Utc};
use chrono_tz::Tz;
use rrule::{Frequency, RRule, RRuleSet, Unvalidated};

use super::zones::{moment, named};

/// The most times of one series in one window. A series that falls more often than that is no appointment.
const MOST: usize = 500;

/// How many times a rule is followed from the first on: a daily one for a hundred years.
const MOST_STEPS: usize = 36_600;

/// The most rules of one series; people have one.
const MOST_RULES: usize = 4;

/// The most times of one day that a rule may name.
const MOST_A_DAY: usize = 24;

/// A series, as its calendar has it.
pub struct Series<'a> {
    /// Its first time.
    pub start: &'a EntryTime,
    /// Its rules, one a line.
    pub rules: &'a [String],
    /// The zone of its calendar, where it has none itself.
    pub zone: Tz,
}

impl Series<'_> {
    /// The times that begin at or after `from` and before `until`, in order. Where the rules cannot be followed, the first
    /// time alone.
    #[must_use]
    pub fn starts(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<EntryTime> {
        let zone = self.own_zone();
        // A day may begin up to 14 hours earlier or 12 later than in UTC.
        let margin = TimeDelta::days(1);
        let (first, last) = ((from - margin).with_timezone(&zone), (until + margin).with_timezone(&zone));
        let times = self.local_starts(first.naive_local(), last.naive_local());
        let starts = times.into_iter().map(|local| self.time(local, zone));
        let mut starts: Vec<EntryTime> = starts.filter(|start| may_begin_between(start, from, until)).collect();
        // Several times of a day are one day.
        starts.dedup();
        starts
    }

    /// A moment after which the series does not begin any more, where its rules name one. A rule that counts ends too, but
    /// does not say when.
    #[must_use]
    pub fn last(&self) -> Option<DateTime<Utc>> {
        let zone = self.own_zone();
        let mut last = self.local();
        for line in self.lines("RRULE") {
            last = last.max(until(&line)??.local(zone));
        }
        let last = self.dates("RDATE").into_iter().fold(last, NaiveDateTime::max);
        Some(moment(zone, last) + TimeDelta::days(1))
    }

    fn own_zone(&self) -> Tz {
        match self.start {
            // Days are days everywhere; any zone without clock changes will do.
            EntryTime::Day(_) => Tz::UTC,
            EntryTime::Moment { zone, .. } => named(zone.as_deref(), self.zone),
        }
    }

    fn local(&self) -> NaiveDateTime {
        match self.start {
            EntryTime::Day(day) => day.and_time(NaiveTime::MIN),
            // Rules know no fractions of seconds.
            EntryTime::Moment { at, .. } => at.trunc_subsecs(0).with_timezone(&self.own_zone()).naive_local(),
        }
    }

    fn time(&self, local: NaiveDateTime, zone: Tz) -> EntryTime {
        match self.start {
            EntryTime::Day(_) => EntryTime::Day(local.date()),
            EntryTime::Moment { zone: name, .. } => EntryTime::Moment { at: moment(zone, local), zone: name.clone() },
        }
    }

    /// By the wall clock, between two times on it. Where its rules cannot be followed, its first time stands for them.
    fn local_starts(&self, first: NaiveDateTime, last: NaiveDateTime) -> Vec<NaiveDateTime> {
        let rules = self.lines("RRULE");
        let repeated = if rules.is_empty() { None } else { self.repeated(&rules, first, last) };
        let mut times = repeated.unwrap_or_else(|| vec![self.local()]);
        times.extend(self.dates("RDATE"));
        let left_out: HashSet<NaiveDateTime> = self.dates("EXDATE").into_iter().collect();
        times.retain(|time| *time >= first && *time <= last && !left_out.contains(time));
        times.sort_unstable();
        times.dedup();
        times.truncate(MOST);
        times
    }

    /// What the rules say. None where one makes no sense, or falls so often that it is no appointment.
    fn repeated(&self, rules: &[String], first: NaiveDateTime, last: NaiveDateTime) -> Option<Vec<NaiveDateTime>> {
        if rules.len() > MOST_RULES {
            return None;
        }
        let start = self.local().and_utc().with_timezone(&rrule::Tz::UTC);
        let mut set = RRuleSet::new(start);
        for line in rules {
            let rule: RRule<Unvalidated> = self.on_the_wall(line)?.parse().ok()?;
            // The library makes all times of a day, or of a whole year, before it gives out the first.
            let a_day = [rule.get_by_hour(), rule.get_by_minute(), rule.get_by_second()];
            if a_day.iter().map(|part| part.len().max(1)).product::<usize>() > MOST_A_DAY
                || matches!(rule.get_freq(), Frequency::Minutely | Frequency::Secondly)
            {
                return None;
            }
            set = set.rrule(rule.validate(start).ok()?);
        }
        let mut times = vec![];
        for (step, time) in set.limit().into_iter().map(|time| time.naive_utc()).enumerate() {
            if step >= MOST_STEPS {
                return None;
            }
            if time > last || times.len() >= MOST {
                break;
            }
            if time >= first {
                times.push(time);
            }
        }
        Some(times)
    }

    /// What follows the name in lines of this name.
    fn lines(&self, name: &str) -> Vec<String> {
        let lines = self.rules.iter().filter_map(|line| {
            let line = line.trim();
            let rest = line.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name))?;
            line[rest.len()..].strip_prefix(':').map(str::to_ascii_uppercase)
        });
        lines.collect()
    }

    /// A rule whose end is given on the wall clock of the series, as its start is.
    fn on_the_wall(&self, rule: &str) -> Option<String> {
        let Some(until) = until(rule)? else { return Some(rule.to_owned()) };
        let written = until.local(self.own_zone()).format("UNTIL=%Y%m%dT%H%M%SZ").to_string();
        let parts = rule.split(';').map(|part| if part.starts_with("UNTIL=") { written.as_str() } else { part });
        Some(parts.collect::<Vec<_>>().join(";"))
    }

    /// The times in lines of this name, on the wall clock of the series.
    fn dates(&self, name: &str) -> Vec<NaiveDateTime> {
        let mut dates = vec![];
        for line in self.rules {
            let Some((head, values)) = line.trim().split_once(':') else { continue };
            let mut head = head.split(';');
            if !head.next().is_some_and(|found| found.eq_ignore_ascii_case(name)) {
                continue;
            }
            let zone = head.find_map(|part| part.strip_prefix("TZID=")).and_then(|zone| zone.parse::<Tz>().ok());
            for value in values.split(',') {
                // A period begins with its start.
                let value = value.split('/').next().unwrap_or(value);
                dates.extend(read(value).map(|time| self.wall(time, zone)));
            }
        }
        dates
    }

    fn wall(&self, time: Written, zone: Option<Tz>) -> NaiveDateTime {
        let own = self.own_zone();
        if matches!(self.start, EntryTime::Day(_)) {
            // Some write a day that is left out with a time.
            return time.day(self.zone).and_time(NaiveTime::MIN);
        }
        match time {
            Written::Day(day) => day.and_time(self.local().time()),
            Written::Utc(at) => at.and_utc().with_timezone(&own).naive_local(),
            Written::Local(local) => moment(zone.unwrap_or(own), local).with_timezone(&own).naive_local(),
        }
    }
}

/// A time as RFC 5545 writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    Day(NaiveDate),
    Utc(NaiveDateTime),
    Local(NaiveDateTime),
}

impl Written {
    /// The day that it names, of a moment the day in this zone.
    fn day(self, zone: Tz) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Local(local) => local.date(),
            Self::Utc(at) => at.and_utc().with_timezone(&zone).date_naive(),
        }
    }

    /// The last time on a wall clock that is not after this.
    fn local(self, zone: Tz) -> NaiveDateTime {
        match self {
            Self::Day(day) => day.and_hms_opt(23, 59, 59).unwrap_or_default(),
            Self::Utc(at) => at.and_utc().with_timezone(&zone).naive_local(),
            Self::Local(local) => local,
        }
    }
}

/// Exactly as RFC 5545 writes it: the library's own reading takes signs, blanks and years beyond all calendars.
fn read(value: &str) -> Option<Written> {
    let value = value.trim();
    let is_written = |shape: &str| {
        value.len() == shape.len()
            && value.bytes().zip(shape.bytes()).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                wanted => byte.eq_ignore_ascii_case(&wanted),
            })
    };
    let written = if is_written("00000000") {
        NaiveDate::parse_from_str(value, "%Y%m%d").ok().map(Written::Day)
    } else if is_written("00000000T000000") {
        NaiveDateTime::parse_from_str(value, "%Y%m%dT%H%M%S").ok().map(Written::Local)
    } else if is_written("00000000T000000Z") {
        NaiveDateTime::parse_from_str(&value[..15], "%Y%m%dT%H%M%S").ok().map(Written::Utc)
    } else {
        None
    };
    written.filter(|written| written.day(Tz::UTC).year() > 0)
}

/// The end that a rule gives, if it gives one; nothing at all where that makes no sense.
#[expect(clippy::option_option, reason = "a rule without an end and one with an end that cannot be read differ")]
fn until(rule: &str) -> Option<Option<Written>> {
    match rule.split(';').find_map(|part| part.strip_prefix("UNTIL=")) {
        None => Some(None),
        Some(value) => read(value).map(Some),
    }
}

/// Whether it begins in the window wherever one is.
fn may_begin_between(start: &EntryTime, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
    match start {
        EntryTime::Moment { at, .. } => *at >= from && *at < until,
        EntryTime::Day(day) => {
            let noon = day.and_time(NaiveTime::MIN).and_utc();
            noon >= from - TimeDelta::days(1) && noon < until + TimeDelta::days(1)
        }
    }
}

#[cfg(test)]
#[path = "recurrence_tests.rs"]
mod tests;
