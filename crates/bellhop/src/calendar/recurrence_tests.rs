use chrono::TimeZone;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn berlin(text: &str) -> EntryTime {
    EntryTime::Moment { at: at(text), zone: Some("Europe/Berlin".to_owned()) }
}

fn starts(start: &EntryTime, rules: &[&str], from: &str, until: &str) -> Vec<String> {
    let rules: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
    let series = Series { start, rules: &rules, zone: Tz::UTC };
    let shown = |time: &EntryTime| match time {
        EntryTime::Day(day) => day.to_string(),
        EntryTime::Moment { at, .. } => at.format("%Y-%m-%dT%H:%MZ").to_string(),
    };
    series.starts(at(from), at(until)).iter().map(shown).collect()
}

#[test]
fn nine_oclock_stays_nine_oclock_across_a_clock_change() {
    let weekly = starts(
        &berlin("2026-10-12T09:00:00+02:00"),
        &["RRULE:FREQ=WEEKLY;BYDAY=MO"],
        "2026-10-15T00:00:00Z",
        "2026-11-05T00:00:00Z",
    );
    assert_eq!(weekly, ["2026-10-19T07:00Z", "2026-10-26T08:00Z", "2026-11-02T08:00Z"]);
}

#[test]
fn the_night_of_a_clock_change_has_every_time_once() {
    let spring = starts(
        &berlin("2027-03-26T02:30:00+01:00"),
        &["RRULE:FREQ=DAILY"],
        "2027-03-27T00:00:00Z",
        "2027-03-30T00:00:00Z",
    );
    assert_eq!(spring, ["2027-03-27T01:30Z", "2027-03-28T01:30Z", "2027-03-29T00:30Z"]);
    let autumn = starts(
        &berlin("2026-10-23T02:30:00+02:00"),
        &["RRULE:FREQ=DAILY"],
        "2026-10-24T00:00:00Z",
        "2026-10-27T00:00:00Z",
    );
    assert_eq!(autumn, ["2026-10-24T00:30Z", "2026-10-25T00:30Z", "2026-10-26T01:30Z"]);
}

#[test]
fn a_series_ends_where_its_rule_says_in_its_own_zone() {
    let start = berlin("2026-11-02T09:00:00+01:00");
    let window = ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
    let until = |rule: &str| starts(&start, &[rule], window.0, window.1).len();
    assert_eq!(until("RRULE:FREQ=DAILY;UNTIL=20261104T080000Z"), 3, "the end is part of it");
    assert_eq!(until("RRULE:FREQ=DAILY;UNTIL=20261104T075959Z"), 2);
    assert_eq!(until("RRULE:FREQ=DAILY;UNTIL=20261104"), 3);
    assert_eq!(until("RRULE:FREQ=DAILY;COUNT=4"), 4);
}

#[test]
fn days_are_days_and_left_out_ones_are_left_out() {
    let start = EntryTime::Day(NaiveDate::from_ymd_opt(2026, 11, 1).unwrap());
    let found = starts(
        &start,
        &["RRULE:FREQ=DAILY;UNTIL=20261105", "EXDATE;VALUE=DATE:20261102,20261104", "RDATE;VALUE=DATE:20261120"],
        "2026-10-20T00:00:00Z",
        "2026-12-01T00:00:00Z",
    );
    assert_eq!(found, ["2026-11-01", "2026-11-03", "2026-11-05", "2026-11-20"]);
}

#[test]
fn left_out_times_may_be_written_in_any_zone() {
    let found = starts(
        &berlin("2026-11-02T09:00:00+01:00"),
        &["RRULE:FREQ=DAILY;COUNT=5", "EXDATE:20261103T080000Z", "EXDATE;TZID=America/New_York:20261104T030000"],
        "2026-11-01T00:00:00Z",
        "2026-12-01T00:00:00Z",
    );
    assert_eq!(found, ["2026-11-02T08:00Z", "2026-11-05T08:00Z", "2026-11-06T08:00Z"]);
}

#[test]
fn the_last_friday_and_every_other_week() {
    let monthly = starts(
        &berlin("2026-01-30T15:00:00+01:00"),
        &["RRULE:FREQ=MONTHLY;BYDAY=-1FR"],
        "2026-10-01T00:00:00Z",
        "2026-12-31T00:00:00Z",
    );
    assert_eq!(monthly, ["2026-10-30T14:00Z", "2026-11-27T14:00Z", "2026-12-25T14:00Z"]);
    let fortnightly = starts(
        &berlin("2026-11-02T09:00:00+01:00"),
        &["RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=SU"],
        "2026-11-03T00:00:00Z",
        "2026-12-01T00:00:00Z",
    );
    assert_eq!(fortnightly, ["2026-11-16T08:00Z", "2026-11-30T08:00Z"]);
}

#[test]
fn rules_that_cannot_be_followed_leave_the_first_time() {
    for rule in
        ["RRULE:FREQ=SECONDLY", "RRULE:FREQ=NEVER", "RRULE:", "RRULE:FREQ=DAILY;UNTIL=soon", "RRULE:FREQ=DAILY;COUNT=x"]
    {
        let found =
            starts(&berlin("2026-11-02T09:00:00+01:00"), &[rule], "2026-11-01T00:00:00Z", "2026-11-09T00:00:00Z");
        assert_eq!(found, ["2026-11-02T08:00Z"], "{rule}");
    }
}

#[test]
fn what_is_left_out_stays_left_out_however_it_is_written() {
    let day = EntryTime::Day(NaiveDate::from_ymd_opt(2026, 11, 20).unwrap());
    let left = |rules: &[&str]| {
        let rules: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
        let series = Series { start: &day, rules: &rules, zone: Tz::Europe__Berlin };
        series.starts(at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z")).len()
    };
    let daily = "RRULE:FREQ=DAILY;COUNT=3";
    assert_eq!(left(&[daily, "EXDATE;TZID=Europe/Berlin:20261120T000000"]), 2);
    assert_eq!(left(&[daily, "EXDATE:20261119T230000Z"]), 2, "midnight in Berlin");
    assert_eq!(left(&["RRULE:FREQ=DAILY;COUNT=3;BYHOUR=1,2"]), 2, "two times of a day are one day");
    assert_eq!(left(&["RRULE:FREQ=NEVER", "EXDATE;VALUE=DATE:20261120", "RDATE;VALUE=DATE:20261125"]), 1);
    let fraction = berlin("2026-11-02T09:00:00.250+01:00");
    let found = starts(&fraction, &["RRULE:FREQ=DAILY;COUNT=2"], "2026-11-01T00:00:00Z", "2026-11-09T00:00:00Z");
    assert_eq!(found, ["2026-11-02T08:00Z", "2026-11-03T08:00Z"]);
}

#[test]
fn several_times_a_day_are_followed_and_a_flood_is_not() {
    let start = berlin("2026-11-22T20:00:00+01:00");
    let window = ("2026-11-22T00:00:00Z", "2026-12-30T00:00:00Z");
    let hourly = starts(&start, &["RRULE:FREQ=HOURLY;COUNT=3"], window.0, window.1);
    assert_eq!(hourly, ["2026-11-22T19:00Z", "2026-11-22T20:00Z", "2026-11-22T21:00Z"]);
    let list = |to: u32| (0..to).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let flood =
        format!("RRULE:FREQ=YEARLY;BYMONTH=1,2;BYHOUR={};BYMINUTE={};BYSECOND={}", list(24), list(60), list(60));
    let many = vec!["RRULE:FREQ=DAILY"; 64];
    for rules in [vec![flood.as_str()], vec!["RRULE:FREQ=MINUTELY"], many] {
        assert_eq!(starts(&start, &rules, window.0, window.1), ["2026-11-22T19:00Z"]);
    }
    let since_ever = EntryTime::Day(NaiveDate::from_ymd_opt(1, 1, 1).unwrap());
    assert_eq!(starts(&since_ever, &["RRULE:FREQ=DAILY"], window.0, window.1), [""; 0]);
}

#[test]
fn times_that_no_calendar_has_are_nothing() {
    for value in [
        "+262142 12 31",
        "+262142 12 31T23 59 59Z",
        "-262143 01 01T00 00 00Z",
        "00000101",
        "2026112",
        "２０２６１１２０",
    ] {
        assert_eq!(read(value), None, "{value}");
        for rule in [format!("RDATE:{value}"), format!("RRULE:FREQ=DAILY;UNTIL={value}"), format!("EXDATE:{value}")] {
            let rules = [rule];
            let series =
                Series { start: &berlin("2026-11-02T09:00:00+01:00"), rules: &rules, zone: Tz::America__New_York };
            let _ = (series.last(), series.starts(at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z")));
        }
    }
}

#[test]
fn a_series_is_over_when_its_rules_say_so() {
    let last = |rules: &[&str]| {
        let rules: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
        Series { start: &berlin("2026-11-02T09:00:00+01:00"), rules: &rules, zone: Tz::UTC }.last()
    };
    assert_eq!(last(&["RRULE:FREQ=DAILY"]), None);
    assert_eq!(last(&["RRULE:FREQ=DAILY;COUNT=3"]), None);
    assert_eq!(last(&["RRULE:FREQ=DAILY;UNTIL=20261104T080000Z"]), Some(at("2026-11-05T08:00:00Z")));
    assert_eq!(last(&["RDATE:20261120T080000Z"]), Some(at("2026-11-21T08:00:00Z")));
    assert_eq!(last(&["RRULE:FREQ=DAILY;UNTIL=20261104", "RRULE:FREQ=DAILY"]), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_rule_makes_trouble(
        rule in "(RRULE|EXDATE|RDATE)[:;](FREQ=(YEARLY|MONTHLY|WEEKLY|DAILY)|TZID=[A-Za-z/]{1,12}:[-+ 0-9TZ]{1,20}|.{0,20})(;(BYMONTH|BYMONTHDAY|BYDAY|BYSETPOS|INTERVAL|COUNT|UNTIL|BYYEARDAY|BYWEEKNO|BYHOUR)=[-+0-9A-Z,]{1,6}){0,3}",
        day in 0_i64..20_000, is_day: bool,
    ) {
        let first = Utc.with_ymd_and_hms(1980, 1, 1, 9, 0, 0).unwrap() + TimeDelta::days(day);
        let start = if is_day { EntryTime::Day(first.date_naive()) } else { EntryTime::Moment { at: first, zone: None } };
        let rules = [rule];
        let series = Series { start: &start, rules: &rules, zone: Tz::America__Sao_Paulo };
        let (from, until) = (at("2026-10-20T00:00:00Z"), at("2027-02-20T00:00:00Z"));
        let _ = series.last();
        prop_assert!(series.starts(from, until).len() <= MOST);
    }
}
