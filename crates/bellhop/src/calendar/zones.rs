//! From clocks on walls to moments and back, also in the nights in which clocks change.

pub use bellhop_providers::moment_on_the_wall as moment;
use bellhop_store::EntryTime;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

/// When a day begins in this zone.
#[must_use]
pub fn midnight(zone: Tz, day: NaiveDate) -> DateTime<Utc> {
    moment(zone, day.and_time(NaiveTime::MIN))
}

/// When an entry's time begins for somebody in this zone: a day begins where they are.
#[must_use]
pub fn begins(time: &EntryTime, zone: Tz) -> DateTime<Utc> {
    match time {
        EntryTime::Day(day) => midnight(zone, *day),
        EntryTime::Moment { at, .. } => *at,
    }
}

/// The zone of this name, or else the other.
#[must_use]
pub fn named(name: Option<&str>, otherwise: Tz) -> Tz {
    name.and_then(|name| name.parse().ok()).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_where_its_first_hour_is_left_out_and_where_it_is_left_out_itself() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(midnight(Tz::Asia__Beirut, day("2026-03-29")).to_rfc3339(), "2026-03-28T22:00:00+00:00");
        assert_eq!(midnight(Tz::Pacific__Apia, day("2011-12-30")).to_rfc3339(), "2011-12-30T10:00:00+00:00");
    }
}
