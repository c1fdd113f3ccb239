//! Times in words. Until a person has a time zone they are UTC, and say so.

use chrono::{DateTime, Datelike, TimeDelta, Utc};

/// How long ago something was: "just now", "5 minutes ago", "3 hours ago", "2 days ago".
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

/// A point in time, with the date where it is not today's.
#[must_use]
pub fn at(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let format = if now.date_naive() == then.date_naive() {
        "%H:%M UTC"
    } else if now.year() == then.year() {
        "%-d %b %H:%M UTC"
    } else {
        "%-d %b %Y %H:%M UTC"
    };
    then.format(format).to_string()
}

/// When a message arrived: how long ago within a day, the date and time before that.
#[must_use]
pub fn received(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    let passed = now - then;
    if passed < TimeDelta::days(1) && passed > TimeDelta::minutes(-1) { ago(now, then) } else { at(now, then) }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn noon() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
    }

    #[test]
    fn the_recent_is_relative_and_the_older_has_a_date() {
        let words = |seconds| received(noon(), noon() - TimeDelta::seconds(seconds));
        assert_eq!(words(3), "just now");
        assert_eq!(words(59), "59 seconds ago");
        assert_eq!(words(60), "1 minute ago");
        assert_eq!(words(7_200), "2 hours ago");
        assert_eq!(words(86_400), "19 Nov 12:00 UTC");
        assert_eq!(words(86_400 * 365), "20 Nov 2025 12:00 UTC");
        assert_eq!(words(-30), "just now");
        assert_eq!(words(-86_400), "21 Nov 12:00 UTC");
    }
}
