//! From clocks on walls to moments and back, also in the nights in which clocks change.

use bellhop_store::EntryTime;
use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// When a clock in this zone shows this time: the first of the two in autumn. A time that is left out in spring is counted
/// with the clock as it was before (RFC 5545, section 3.3.5): half past two becomes half past three.
#[must_use]
pub fn moment(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.to_utc(),
        LocalResult::None => {
            // No zone has left out more than a day.
            let before = (1..=24).find_map(|hours| {
                let earlier = local.checked_sub_signed(TimeDelta::hours(hours))?;
                Some(zone.from_local_datetime(&earlier).latest()?.to_utc() + TimeDelta::hours(hours))
            });
            before.unwrap_or_else(|| local.and_utc())
        }
    }
}

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

    fn local(text: &str) -> NaiveDateTime {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_left_out_in_spring_is_an_hour_later_and_one_that_comes_twice_the_first() {
        let berlin = Tz::Europe__Berlin;
        assert_eq!(moment(berlin, local("2027-03-28T02:30:00")).to_rfc3339(), "2027-03-28T01:30:00+00:00");
        assert_eq!(moment(berlin, local("2026-10-25T02:30:00")).to_rfc3339(), "2026-10-25T00:30:00+00:00");
        assert_eq!(moment(berlin, local("2026-10-25T03:00:00")).to_rfc3339(), "2026-10-25T02:00:00+00:00");
    }

    #[test]
    fn a_day_begins_where_its_first_hour_is_left_out_and_where_it_is_left_out_itself() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(midnight(Tz::Asia__Beirut, day("2026-03-29")).to_rfc3339(), "2026-03-28T22:00:00+00:00");
        assert_eq!(midnight(Tz::Pacific__Apia, day("2011-12-30")).to_rfc3339(), "2011-12-30T10:00:00+00:00");
    }
}
