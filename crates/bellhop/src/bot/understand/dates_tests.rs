use chrono::TimeZone;
use chrono_tz::{America::New_York, Europe::Berlin};
use proptest::prelude::*;

use super::*;

/// A Wednesday, at ten in Berlin.
fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 18, 9, 0, 0).unwrap()
}

/// What was understood, as `2026-11-27`, `2026-11-23..2026-11-29` or `2026-11-27 12:00–18:00`.
fn written(span: &Span) -> String {
    let days = if span.first() == span.last() {
        span.first().to_string()
    } else {
        format!("{}..{}", span.first(), span.last())
    };
    span.hours().map_or(days.clone(), |hours| format!("{days} {}", hours.as_written()))
}

#[test]
fn days_are_read_as_people_mean_them() {
    for (text, expected) in [
        ("today", "2026-11-18"),
        ("Tomorrow!", "2026-11-19"),
        ("day after tomorrow", "2026-11-20"),
        ("the day after tomorrow", "2026-11-20"),
        ("yesterday", "2026-11-17"),
        ("heute", "2026-11-18"),
        ("morgen", "2026-11-19"),
        ("übermorgen", "2026-11-20"),
        ("mañana", "2026-11-19"),
        ("demain", "2026-11-19"),
        ("friday", "2026-11-20"),
        ("this friday", "2026-11-20"),
        ("on fri.", "2026-11-20"),
        ("wednesday", "2026-11-18"),
        ("next tue", "2026-11-24"),
        ("next friday", "2026-11-27"),
        ("friday next week", "2026-11-27"),
        ("next week friday", "2026-11-27"),
        ("next week on friday", "2026-11-27"),
        ("last friday", "2026-11-13"),
        ("last wednesday", "2026-11-11"),
        ("nächsten Freitag", "2026-11-27"),
        ("12.5.", "2027-05-12"),
        ("12.5", "2027-05-12"),
        ("am 12.5.", "2027-05-12"),
        ("12.05.2027", "2027-05-12"),
        ("12.5.27", "2027-05-12"),
        ("1.12.", "2026-12-01"),
        ("10.11.", "2026-11-10"),
        ("1.10.", "2027-10-01"),
        ("5/12", "2026-12-05"),
        ("12/25", "2026-12-25"),
        ("25/12", "2026-12-25"),
        ("5/12/2026", "2026-12-05"),
        ("May 12", "2027-05-12"),
        ("12 may", "2027-05-12"),
        ("12. Mai", "2027-05-12"),
        ("12may", "2027-05-12"),
        ("may 12th, 2028", "2028-05-12"),
        ("the 12th of may 2028", "2028-05-12"),
        ("27 November", "2026-11-27"),
        ("friday, 27 november", "2026-11-27"),
        ("the 20th", "2026-11-20"),
        ("12th", "2026-12-12"),
        ("2026-12-01", "2026-12-01"),
        ("2026/12/01", "2026-12-01"),
        ("01-12-2026", "2026-12-01"),
        ("29.2.", "2028-02-29"),
        ("in 3 days", "2026-11-21"),
        ("in three days", "2026-11-21"),
        ("3 days from now", "2026-11-21"),
        ("a week from today", "2026-11-25"),
        ("3 days ago", "2026-11-15"),
    ] {
        let read = read(text, now(), Berlin).map(|span| written(&span));
        assert_eq!(read.as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn weeks_months_and_ranges_are_read() {
    for (text, expected) in [
        ("week", "2026-11-18..2026-11-24"),
        ("the week", "2026-11-18..2026-11-24"),
        ("this week", "2026-11-16..2026-11-22"),
        ("next week", "2026-11-23..2026-11-29"),
        ("nextweek", "2026-11-23..2026-11-29"),
        ("last week", "2026-11-09..2026-11-15"),
        ("nächste Woche", "2026-11-23..2026-11-29"),
        ("in two weeks", "2026-11-30..2026-12-06"),
        ("in a fortnight", "2026-11-30..2026-12-06"),
        ("rest of the week", "2026-11-18..2026-11-22"),
        ("weekend", "2026-11-21..2026-11-22"),
        ("this weekend", "2026-11-21..2026-11-22"),
        ("next weekend", "2026-11-28..2026-11-29"),
        ("month", "2026-11-18..2026-12-17"),
        ("this month", "2026-11-01..2026-11-30"),
        ("next month", "2026-12-01..2026-12-31"),
        ("december", "2026-12-01..2026-12-31"),
        ("in may", "2027-05-01..2027-05-31"),
        ("february 2028", "2028-02-01..2028-02-29"),
        ("next 3 days", "2026-11-18..2026-11-20"),
        ("the next two weeks", "2026-11-18..2026-12-01"),
        ("10 days", "2026-11-18..2026-11-27"),
        ("last 3 days", "2026-11-15..2026-11-18"),
        ("monday to wednesday", "2026-11-23..2026-11-25"),
        ("mon-wed", "2026-11-23..2026-11-25"),
        ("from thursday until tuesday", "2026-11-19..2026-11-24"),
        ("next monday to wednesday", "2026-11-23..2026-11-25"),
        ("tuesday or wednesday", "2026-11-24..2026-11-25"),
        ("tomorrow and friday", "2026-11-19..2026-11-20"),
        ("today to next week", "2026-11-18..2026-11-29"),
        ("12.-14.5.", "2027-05-12..2027-05-14"),
        ("12.5.-14.5.", "2027-05-12..2027-05-14"),
        ("12 - 14 may", "2027-05-12..2027-05-14"),
        ("may 12 to 14", "2027-05-12..2027-05-14"),
        ("1.12. bis 24.12.", "2026-12-01..2026-12-24"),
        ("28.12. - 3.1.", "2026-12-28..2027-01-03"),
        ("2026-12-28 to 2027-01-03", "2026-12-28..2027-01-03"),
    ] {
        let read = read(text, now(), Berlin).map(|span| written(&span));
        assert_eq!(read.as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn hours_are_read_with_their_day() {
    for (text, expected) in [
        ("tonight", "2026-11-18 18:00–24:00"),
        ("friday afternoon", "2026-11-20 12:00–18:00"),
        ("next friday afternoon", "2026-11-27 12:00–18:00"),
        ("tomorrow morning", "2026-11-19 06:00–12:00"),
        ("morgen früh", "2026-11-19 06:00–12:00"),
        ("this evening", "2026-11-18 18:00–24:00"),
        ("tomorrow after 3pm", "2026-11-19 15:00–24:00"),
        ("after 3 tomorrow", "2026-11-19 15:00–24:00"),
        ("friday before noon", "2026-11-20 00:00–12:00"),
        ("between 2 and 4 on friday", "2026-11-20 14:00–16:00"),
        ("friday between 10 and 2", "2026-11-20 10:00–14:00"),
        ("friday 2-4pm", "2026-11-20 14:00–16:00"),
        ("friday 10-2pm", "2026-11-20 10:00–14:00"),
        ("friday 9:00–17:30", "2026-11-20 09:00–17:30"),
        ("at 15:30", "2026-11-18 15:30–16:30"),
        ("tomorrow at 9", "2026-11-19 09:00–10:00"),
        ("tomorrow at 3", "2026-11-19 15:00–16:00"),
        ("tomorrow at 03:00", "2026-11-19 03:00–04:00"),
        ("tomorrow 3pm", "2026-11-19 15:00–16:00"),
        ("27.11. um 15 Uhr", "2026-11-27 15:00–16:00"),
        ("nov 27 15:00", "2026-11-27 15:00–16:00"),
        ("now", "2026-11-18 10:00–11:00"),
        ("in 2 hours", "2026-11-18 12:00–13:00"),
        ("in 20 hours", "2026-11-19 06:00–07:00"),
        ("tomorrow 9-17", "2026-11-19 09:00–17:00"),
        ("before 9am", "2026-11-19 00:00–09:00"),
        ("this week in the mornings", "2026-11-16..2026-11-22 06:00–12:00"),
        ("friday after lunch", "2026-11-20 14:00–24:00"),
    ] {
        let read = read(text, now(), Berlin).map(|span| written(&span));
        assert_eq!(read.as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_day_says_what_to_write() {
    for (text, expected) in [
        ("", Misread::NoDay),
        ("🦀", Misread::NoDay),
        ("soon", Misread::NoDay),
        ("tomorrow never dies", Misread::NoDay),
        ("30.2.", Misread::NoSuchDay),
        ("30 february", Misread::NoSuchDay),
        ("31.4.2027", Misread::NoSuchDay),
        ("29.2.2027", Misread::NoSuchDay),
        ("99.99.", Misread::NoSuchDay),
        ("0.0.", Misread::NoSuchDay),
        ("2026-13-01", Misread::NoSuchDay),
        ("2026-257-01", Misread::NoSuchDay),
        ("13/13", Misread::NoSuchDay),
        ("12.5.10000", Misread::TooFar),
        ("may 12 10000", Misread::TooFar),
        ("10000-01-01", Misread::TooFar),
        ("1.1.1900", Misread::TooFar),
        ("in 99999 days", Misread::TooFar),
        ("in 999999999999999999999 days", Misread::NoDay),
        ("next 100 days", Misread::TooLong),
        ("1.1. to 30.6.", Misread::TooLong),
        ("2026-12-05 to 2026-12-01", Misread::Backwards),
        ("14.5.-12.5.", Misread::Backwards),
        ("tomorrow at 25:00", Misread::NoSuchTime),
        ("tomorrow at 15:75", Misread::NoSuchTime),
        ("tomorrow between 17:00 and 9:00", Misread::Backwards),
    ] {
        assert_eq!(read(text, now(), Berlin), Err(expected), "{text}");
    }
    assert_eq!(read(&"tomorrow ".repeat(1_000), now(), Berlin), Err(Misread::TooMuchText));
}

#[test]
fn the_order_of_day_and_month_is_the_zones() {
    let read = |text, zone| read(text, now(), zone).unwrap().first().to_string();
    assert_eq!(read("5/12", Berlin), "2026-12-05");
    assert_eq!(read("5/12", New_York), "2027-05-12");
    assert_eq!(read("5.12.", New_York), "2026-12-05");
    assert_eq!(read("25/12", New_York), "2026-12-25");
}

#[test]
fn today_is_the_persons_and_not_ours() {
    let late = Utc.with_ymd_and_hms(2026, 11, 18, 23, 30, 0).unwrap();
    let read = |zone| read("today", late, zone).unwrap().first().to_string();
    assert_eq!(read(Berlin), "2026-11-19");
    assert_eq!(read(New_York), "2026-11-18");
}

#[test]
fn a_length_of_time_may_stand_beside_the_day() {
    for (text, expected) in [
        ("", (None, None)),
        ("friday", (Some("2026-11-20"), None)),
        ("90 min", (None, Some(90))),
        ("friday afternoon 90 min", (Some("2026-11-20 12:00–18:00"), Some(90))),
        ("next week 1.5h", (Some("2026-11-23..2026-11-29"), Some(90))),
        ("at least 2 hours tomorrow", (Some("2026-11-19"), Some(120))),
        ("half an hour between 2 and 4 on friday", (Some("2026-11-20 14:00–16:00"), Some(30))),
    ] {
        let read = read_with_length(text, now(), Berlin).map(|(span, length)| (span.as_ref().map(written), length));
        assert_eq!(read, Ok((expected.0.map(str::to_owned), expected.1)), "{text}");
    }
    assert_eq!(read_with_length("beer", now(), Berlin), Err(Misread::NoDay));
    assert_eq!(read_with_length("on", now(), Berlin), Err(Misread::NoDay));
    assert_eq!(read_with_length("friday 30 hours", now(), Berlin), Err(Misread::LengthOutOfRange));
    assert_eq!(read("friday 90 min", now(), Berlin), Err(Misread::NoDay));
}

#[test]
fn hours_of_work_are_read() {
    for (text, expected) in [
        ("9-17", "09:00–17:00"),
        ("9–17", "09:00–17:00"),
        ("9:00–17:30", "09:00–17:30"),
        ("9.00 - 17.30", "09:00–17:30"),
        ("8am to 4pm", "08:00–16:00"),
        ("9-5", "09:00–17:00"),
        ("9 to 5", "09:00–17:00"),
        ("from 8:30 to 4:30", "08:30–16:30"),
        ("6-14", "06:00–14:00"),
        ("6-2", "06:00–14:00"),
        ("22-24", "22:00–24:00"),
        ("9 bis 17 Uhr", "09:00–17:00"),
        ("noon to midnight", "12:00–24:00"),
        ("00:00-24:00", "00:00–24:00"),
    ] {
        assert_eq!(hours(text).map(Hours::as_written).as_deref(), Ok(expected), "{text}");
    }
    for (text, expected) in [
        ("", Misread::NoHours),
        ("nine", Misread::NoHours),
        ("9-17 but not fridays", Misread::NoHours),
        ("17:00-09:00", Misread::Backwards),
        ("9-25:00", Misread::NoSuchTime),
    ] {
        assert_eq!(hours(text), Err(expected), "{text}");
    }
}

#[test]
fn lengths_of_time_are_read() {
    for (text, expected) in [
        ("30", 30),
        ("90 min", 90),
        ("90min", 90),
        ("1.5h", 90),
        ("1,5 h", 90),
        ("0.25 h", 15),
        ("1h30", 90),
        ("1 h 30 min", 90),
        ("2 hours", 120),
        ("two hours", 120),
        ("an hour", 60),
        ("half an hour", 30),
        ("½ hour", 30),
        ("an hour and a half", 90),
        ("three quarters of an hour", 45),
        ("24h", 1_440),
    ] {
        assert_eq!(minutes(text), Ok(expected), "{text}");
    }
    for (text, expected) in [
        ("", Misread::NoLength),
        ("soon", Misread::NoLength),
        ("0", Misread::LengthOutOfRange),
        ("0 min", Misread::LengthOutOfRange),
        ("25 hours", Misread::LengthOutOfRange),
        ("4294967295 hours", Misread::LengthOutOfRange),
        ("99999999999 hours", Misread::NoLength),
    ] {
        assert_eq!(minutes(text), Err(expected), "{text}");
    }
}

proptest! {
    #[test]
    fn whatever_is_typed_a_span_is_in_order_and_bounded(
        text in "\\PC{0,80}",
        pieces in proptest::collection::vec(
            proptest::sample::select(vec![
                "next", "last", "this", "in", "the", "week", "weeks", "weekend", "month", "months", "days", "ago", "monday", "fri",
                "may", "february", "to", "-", "and", "after", "before", "between", "at", "12", "31", "30.2.", "12.5.", "5/12",
                "2026-12-01", "9999", "1000", "15:30", "24:00", "3pm", "pm", "AM", "th", "noon", "tonight", "morning", "h", "half",
            ]),
            0..12,
        ),
        seconds in -5_000_000_000_i64..10_000_000_000,
        zone in proptest::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
    ) {
        let now = DateTime::from_timestamp(seconds, 0).unwrap();
        for text in [text, pieces.join(" ")] {
            if let Ok(span) = read(&text, now, zone) {
                prop_assert!(span.first() <= span.last());
                prop_assert!(span.each_day().count() <= 62);
                prop_assert!(!span.in_words(now.date_naive()).is_empty());
            }
            let _ = hours(&text);
            if let Ok(length) = minutes(&text) {
                prop_assert!((1..=1_440).contains(&length));
            }
        }
    }
}
