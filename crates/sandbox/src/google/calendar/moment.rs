//! When an event starts or ends: a day, or an instant with the zone it was written in.
//!
//! <https://developers.google.com/workspace/calendar/api/v3/reference/events#resource>, `start` and `end`. Only here are the two
//! kinds parsed and written, so that nothing else has to ask which one it holds.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

/// A start or an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// All day; as an end it is exclusive.
    Day(NaiveDate),
    At(DateTime<Utc>, Tz),
}

/// Why a `start` or `end` cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    Missing,
    Invalid,
    /// A time without an offset and without a zone.
    NoZone,
    UnknownZone,
}

impl Moment {
    /// `{"date": "2026-11-20"}` or `{"dateTime": "…", "timeZone": "…"}`; without a zone of its own it takes `zone`.
    pub fn parse(value: Option<&Value>, zone: Tz) -> Result<Self, Unreadable> {
        let value = value.filter(|value| !value.is_null()).ok_or(Unreadable::Missing)?;
        let text = |name: &str| match value.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str())),
            Some(_) => Err(Unreadable::Invalid),
        };
        let named = match text("timeZone")? {
            None => None,
            Some(name) => Some(name.parse::<Tz>().map_err(|_| Unreadable::UnknownZone)?),
        };
        match (text("date")?, text("dateTime")?) {
            (None, None) => Err(Unreadable::Missing),
            (Some(_), Some(_)) => Err(Unreadable::Invalid),
            (Some(date), None) => day(date).map(Self::Day).ok_or(Unreadable::Invalid),
            (None, Some(time)) => {
                if let Ok(instant) = DateTime::parse_from_rfc3339(time) {
                    return Ok(Self::At(whole_seconds(instant.to_utc()), named.unwrap_or(zone)));
                }
                let wall: NaiveDateTime = time.parse().map_err(|_| Unreadable::Invalid)?;
                if !is_sane(wall.date()) {
                    return Err(Unreadable::Invalid);
                }
                let named = named.ok_or(Unreadable::NoZone)?;
                Ok(Self::At(whole_seconds(on_the_clock(named, wall)), named))
            }
        }
    }

    /// The instant it begins, for somebody in this zone.
    pub fn instant(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Self::Day(date) => on_the_clock(zone, date.and_time(chrono::NaiveTime::MIN)),
            Self::At(instant, _) => instant,
        }
    }

    /// What the clock on the wall shows in the event's own zone.
    pub fn wall(self) -> NaiveDateTime {
        match self {
            Self::Day(date) => date.and_time(chrono::NaiveTime::MIN),
            Self::At(instant, zone) => instant.with_timezone(&zone).naive_local(),
        }
    }

    /// The same kind of moment when the clock on the wall shows this.
    pub fn at_wall(self, wall: NaiveDateTime) -> Self {
        match self {
            Self::Day(_) => Self::Day(wall.date()),
            Self::At(_, zone) => Self::At(on_the_clock(zone, wall), zone),
        }
    }

    /// Moves by a length as [`length`] measures it.
    pub fn later(self, length: TimeDelta) -> Self {
        match self {
            Self::Day(date) => {
                let days = u64::try_from(length.num_days()).unwrap_or_default();
                Self::Day(date.checked_add_days(Days::new(days)).unwrap_or(date))
            }
            Self::At(instant, zone) => Self::At(instant.checked_add_signed(length).unwrap_or(instant), zone),
        }
    }

    pub fn is_day(self) -> bool {
        matches!(self, Self::Day(_))
    }

    /// As an answer carries it: the offset of `shown`, the zone it was written in.
    pub fn view(self, shown: Tz) -> Value {
        match self {
            Self::Day(date) => json!({ "date": date.to_string() }),
            Self::At(instant, zone) => json!({
                "dateTime": instant.with_timezone(&shown).to_rfc3339_opts(SecondsFormat::Secs, true),
                "timeZone": zone.name(),
            }),
        }
    }

    /// What an instance's id ends with: its original start in UTC, or its day.
    pub fn suffix(self) -> String {
        match self {
            Self::Day(date) => date.format("%Y%m%d").to_string(),
            Self::At(instant, _) => instant.format("%Y%m%dT%H%M%SZ").to_string(),
        }
    }

    /// Whether both mean the same start, whatever zone they were written in.
    pub fn same(self, other: Self) -> bool {
        match (self, other) {
            (Self::At(one, _), Self::At(two, _)) => one == two,
            _ => self == other,
        }
    }
}

/// How long an event lasts: exactly in time, or in days. RFC 5545 section 3.8.5.3: "the same exact duration".
pub fn length(start: Moment, end: Moment) -> TimeDelta {
    match (start, end) {
        (Moment::At(start, _), Moment::At(end, _)) => end - start,
        _ => end.wall() - start.wall(),
    }
}

/// The instant at which clocks in a zone show this. Of two, the first; an hour that is skipped counts with the offset
/// before the gap. RFC 5545 section 3.3.5.
pub fn on_the_clock(zone: Tz, wall: NaiveDateTime) -> DateTime<Utc> {
    if let Some(instant) = zone.from_local_datetime(&wall).earliest() {
        return instant.to_utc();
    }
    let before = zone.from_local_datetime(&(wall - TimeDelta::hours(24))).earliest();
    let offset = before.map_or(TimeDelta::zero(), |before| before.naive_local() - before.naive_utc());
    (wall - offset).and_utc()
}

pub fn day(text: &str) -> Option<NaiveDate> {
    let shaped = text.len() == 10 && text.is_ascii();
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| shaped && is_sane(*date))
}

/// Years that arithmetic on times cannot leave by accident.
fn is_sane(date: NaiveDate) -> bool {
    use chrono::Datelike;
    (1..=9999).contains(&date.year())
}

/// "Milliseconds may be provided but are ignored."
pub fn whole_seconds(instant: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(instant.timestamp(), 0).unwrap_or(instant)
}

/// A stamp such as `created`: UTC with milliseconds.
pub fn stamp(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}
