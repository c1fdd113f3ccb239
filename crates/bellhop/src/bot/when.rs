//! How long ago something was, in words. What the clock says is said by `person.rs`, which knows whose clock.

use chrono::{DateTime, TimeDelta, Utc};

/// How long ago something was: "just now", "5 minutes ago", "3 hours ago", "2 days ago". Only in a message that also says
/// when "now" was.
#[must_use]
pub fn ago(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let passed = (now - then).max(TimeDelta::zero());
    if passed < TimeDelta::seconds(10) {
        return "just now".to_owned();
    }
    let (count, unit) = if passed < TimeDelta::minutes(1) {
        (passed.num_seconds(), "second")
    } else if passed < TimeDelta::hours(1) {
        (passed.num_minutes(), "minute")
    } else if passed < TimeDelta::days(1) {
        (passed.num_hours(), "hour")
    } else {
        (passed.num_days(), "day")
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
    }

    #[test]
    fn how_long_ago_is_said_in_one_unit() {
        let words = |seconds| ago(noon(), noon() - TimeDelta::seconds(seconds));
        assert_eq!(words(3), "just now");
        assert_eq!(words(59), "59 seconds ago");
        assert_eq!(words(60), "1 minute ago");
        assert_eq!(words(7_200), "2 hours ago");
        assert_eq!(words(172_800), "2 days ago");
        assert_eq!(words(-30), "just now");
    }
}
