use chrono_tz::Europe::Berlin;

use super::*;

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn wednesday() -> NaiveDate {
    date(2026, 11, 18)
}

#[test]
fn a_span_is_said_as_a_person_would_say_it() {
    let words = |span: Span| span.in_words(wednesday());
    let span = |first, last| Span::days(first, last).unwrap();
    let afternoon = Hours::minutes(12 * 60, 18 * 60).unwrap();
    let friday = Span::day(date(2026, 11, 27));
    assert_eq!(words(Span::day(wednesday())), "today, Wednesday 18 November");
    assert_eq!(words(Span::day(date(2026, 11, 19))), "tomorrow, Thursday 19 November");
    assert_eq!(words(Span::day(date(2026, 11, 17))), "yesterday, Tuesday 17 November");
    assert_eq!(words(Span::day(date(2027, 3, 1))), "Monday 1 March 2027");
    assert_eq!(words(friday.clone().only(afternoon)), "Friday 27 November, afternoon (12:00–18:00)");
    assert_eq!(words(friday.clone().only(Hours::minutes(900, 1440).unwrap())), "Friday 27 November, after 15:00");
    assert_eq!(words(friday.clone().only(Hours::minutes(0, 600).unwrap())), "Friday 27 November, before 10:00");
    assert_eq!(words(friday.only(Hours::minutes(840, 965).unwrap())), "Friday 27 November, 14:00–16:05");
    assert_eq!(words(span(date(2026, 11, 23), date(2026, 11, 29))), "Monday 23 to Sunday 29 November");
    assert_eq!(words(span(date(2026, 11, 30), date(2026, 12, 6))), "Monday 30 November to Sunday 6 December");
    assert_eq!(words(span(date(2026, 12, 28), date(2027, 1, 3))), "Monday 28 December to Sunday 3 January 2027");
    assert_eq!(words(span(date(2027, 1, 4), date(2027, 2, 5))), "Monday 4 January to Friday 5 February 2027");
}

#[test]
fn days_out_of_order_and_too_many_are_no_span() {
    let first = wednesday();
    assert!(Span::days(first, first - Days::new(1)).is_none());
    assert!(Span::days(first, first + Days::new(61)).is_some());
    assert!(Span::days(first, first + Days::new(62)).is_none());
    assert!(Span::days(NaiveDate::MIN, NaiveDate::MAX).is_none());
    assert_eq!(Span::days(first, first + Days::new(61)).unwrap().each_day().count(), 62);
}

#[test]
fn hours_end_after_they_begin_and_with_the_day() {
    assert!(Hours::minutes(600, 600).is_none());
    assert!(Hours::minutes(600, 1441).is_none());
    assert_eq!(Hours::minutes(1080, 1440).unwrap().as_written(), "18:00–24:00");
    assert_eq!(Hours::minutes(540, 720).unwrap().as_written(), "09:00–12:00");
}

#[test]
fn a_day_is_as_long_as_its_clock_says() {
    let hours = |day| {
        let windows = Span::day(day).windows(Berlin);
        (windows[0].1 - windows[0].0).num_hours()
    };
    assert_eq!(hours(wednesday()), 24);
    assert_eq!(hours(date(2026, 3, 29)), 23);
    assert_eq!(hours(date(2026, 10, 25)), 25);
}

#[test]
fn hours_that_the_clock_jumps_over_are_not_there() {
    let night = Hours::minutes(120, 180).unwrap();
    assert!(Span::day(date(2026, 3, 29)).only(night).windows(Berlin).is_empty());
    let both = Span::days(date(2026, 3, 28), date(2026, 3, 29)).unwrap().only(night);
    assert_eq!(both.windows(Berlin).len(), 1);
    // The twenty-ninth of December 2011 was followed by the thirty-first in Samoa, without a thirtieth.
    let samoa = Span::day(date(2011, 12, 30)).windows(chrono_tz::Pacific::Apia);
    assert!(samoa.is_empty());
}

#[test]
fn the_ends_of_time_are_no_reason_to_fall() {
    for day in [NaiveDate::MIN, NaiveDate::MAX] {
        let _ = Span::day(day).windows(Berlin);
        let _ = Span::day(day).in_words(wednesday());
    }
}
