//! Times in words. Until a person has a time zone they are UTC, and say so.

use chrono::{DateTime, Datelike, TimeDelta, Utc};

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

/// A point in time with its date: what is shown stays in the chat, and tomorrow "13:16" would be taken for tomorrow's.
#[must_use]
pub fn at(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let format = if now.year() == then.year() { "%H:%M UTC, %-d %b" } else { "%H:%M UTC, %-d %b %Y" };
    then.format(format).to_string()
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

    #[test]
    fn a_time_carries_its_date_even_on_the_same_day() {
        let words = |seconds| at(noon(), noon() - TimeDelta::seconds(seconds));
        assert_eq!(words(3), "11:59 UTC, 20 Nov");
        assert_eq!(words(86_400), "12:00 UTC, 19 Nov");
        assert_eq!(words(86_400 * 365), "12:00 UTC, 20 Nov 2025");
        assert_eq!(words(-86_400), "12:00 UTC, 21 Nov");
    }
}
