//! From a clock on the wall to a moment, also in the nights in which clocks change: what a provider means by a time of day in
//! a zone.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// When a clock in this zone shows this time: the first of the two in autumn. A time that is left out in spring is counted
/// with the clock as it was before (RFC 5545, section 3.3.5): half past two becomes half past three.
#[must_use]
pub fn moment_on_the_wall(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(zone: Tz, local: &str) -> String {
        moment_on_the_wall(zone, local.parse().unwrap()).to_rfc3339()
    }

    #[test]
    fn a_time_left_out_in_spring_is_an_hour_later_and_one_that_comes_twice_the_first() {
        let berlin = Tz::Europe__Berlin;
        assert_eq!(moment(berlin, "2027-03-28T02:30:00"), "2027-03-28T01:30:00+00:00");
        assert_eq!(moment(berlin, "2026-10-25T02:30:00"), "2026-10-25T00:30:00+00:00");
        assert_eq!(moment(berlin, "2026-10-25T03:00:00"), "2026-10-25T02:00:00+00:00");
    }
}
