use uuid::Uuid;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn moment(text: &str) -> EntryTime {
    EntryTime::Moment { at: at(text), zone: Some("Europe/Berlin".to_owned()) }
}

fn day(text: &str) -> EntryTime {
    EntryTime::Day(text.parse().unwrap())
}

fn entry(id: &str, start: EntryTime, end: EntryTime) -> Entry {
    let content = EntryContent {
        title: id.to_owned(),
        place: String::new(),
        meeting: None,
        people: vec![],
        start,
        end,
        recurrence: vec![],
        series: None,
        original_start: None,
        cancelled: false,
        tentative: false,
        busy: true,
        answer: None,
    };
    Entry { calendar: 1, entry_id: id.to_owned(), content }
}

fn standup() -> Entry {
    let mut series = entry("standup", moment("2026-10-19T09:00:00+02:00"), moment("2026-10-19T09:15:00+02:00"));
    series.content.recurrence = vec!["RRULE:FREQ=WEEKLY".to_owned()];
    series
}

fn exception(original: &str, start: EntryTime, end: EntryTime) -> Entry {
    let mut exception = entry(&format!("standup_{original}"), start, end);
    exception.content.series = Some("standup".to_owned());
    exception.content.original_start = Some(moment(original));
    exception
}

fn shown(entries: &[Entry], zone: Tz, from: &str, until: &str) -> Vec<String> {
    let integration = IntegrationId::new(Uuid::nil());
    let found = between(integration, entries, &HashMap::new(), zone, (at(from), at(until)));
    let words = |occurrence: &Occurrence| {
        let start = occurrence.bounds(zone).0.with_timezone(&zone);
        format!("{} {}", start.format("%-d.%-m. %H:%M"), occurrence.content.title)
    };
    found.iter().map(words).collect()
}

const ALL: (&str, &str) = ("2026-10-15T00:00:00Z", "2026-11-10T00:00:00Z");

#[test]
fn a_moved_time_of_a_series_is_shown_once_and_where_it_is_now() {
    let moved = exception(
        "2026-10-26T09:00:00+01:00",
        moment("2026-10-27T14:00:00+01:00"),
        moment("2026-10-27T14:15:00+01:00"),
    );
    let shown = shown(&[standup(), moved], Tz::Europe__Berlin, ALL.0, ALL.1);
    assert_eq!(
        shown,
        [
            "19.10. 09:00 standup",
            "27.10. 14:00 standup_2026-10-26T09:00:00+01:00",
            "2.11. 09:00 standup",
            "9.11. 09:00 standup"
        ]
    );
}

#[test]
fn a_cancelled_time_of_a_series_is_not_shown_and_one_moved_into_the_window_is() {
    let mut cancelled = exception(
        "2026-11-02T09:00:00+01:00",
        moment("2026-11-02T09:00:00+01:00"),
        moment("2026-11-02T09:15:00+01:00"),
    );
    cancelled.content.cancelled = true;
    let came = exception(
        "2026-12-07T09:00:00+01:00",
        moment("2026-11-03T10:00:00+01:00"),
        moment("2026-11-03T10:15:00+01:00"),
    );
    let shown =
        shown(&[standup(), cancelled, came], Tz::Europe__Berlin, "2026-11-01T00:00:00Z", "2026-11-08T00:00:00Z");
    assert_eq!(shown, ["3.11. 10:00 standup_2026-12-07T09:00:00+01:00"]);
}

#[test]
fn a_whole_day_is_that_day_wherever_one_is() {
    let holiday = entry("holiday", day("2026-11-06"), day("2026-11-07"));
    for zone in [Tz::Europe__Berlin, Tz::Pacific__Auckland, Tz::America__Los_Angeles, Tz::Pacific__Kiritimati] {
        let (from, until) = found_between(&holiday.content, None);
        let (start, end) = between(
            IntegrationId::new(Uuid::nil()),
            std::slice::from_ref(&holiday),
            &HashMap::new(),
            zone,
            (from, until.unwrap()),
        )[0]
        .bounds(zone);
        assert_eq!(start.with_timezone(&zone).to_string()[..19], *"2026-11-06 00:00:00");
        assert_eq!(end.with_timezone(&zone).to_string()[..19], *"2026-11-07 00:00:00");
        assert!(from <= start && end <= until.unwrap(), "{zone}: it is found by where it lies");
    }
}

#[test]
fn what_began_before_the_window_and_goes_on_is_shown_and_what_ends_with_it_is_not() {
    let trip = entry("trip", day("2026-10-30"), day("2026-11-03"));
    let until_ten = entry("call", moment("2026-11-02T09:00:00+01:00"), moment("2026-11-02T10:00:00+01:00"));
    let window =
        |from: &str| shown(&[trip.clone(), until_ten.clone()], Tz::Europe__Berlin, from, "2026-11-02T22:00:00Z");
    assert_eq!(window("2026-11-02T08:30:00Z"), ["30.10. 00:00 trip", "2.11. 09:00 call"]);
    assert_eq!(window("2026-11-02T09:00:00Z"), ["30.10. 00:00 trip"]);
    assert_eq!(trip_days(&trip), "2026-10-30–2026-11-02");
}

fn trip_days(entry: &Entry) -> String {
    let found = between(
        IntegrationId::new(Uuid::nil()),
        std::slice::from_ref(entry),
        &HashMap::new(),
        Tz::UTC,
        (at(ALL.0), at(ALL.1)),
    );
    let (first, last) = found[0].days().unwrap();
    format!("{first}–{last}")
}

#[test]
fn a_reminder_without_length_touches_the_moment_it_is_at() {
    let reminder = entry("reminder", moment("2026-11-02T09:00:00+01:00"), moment("2026-11-02T09:00:00+01:00"));
    let window = |from: &str, until: &str| shown(std::slice::from_ref(&reminder), Tz::UTC, from, until).len();
    assert_eq!(window("2026-11-02T08:00:00Z", "2026-11-02T09:00:00Z"), 1);
    assert_eq!(window("2026-11-02T07:00:00Z", "2026-11-02T08:00:00Z"), 0);
}

#[test]
fn an_exception_is_found_where_it_was_and_where_it_is() {
    let moved = exception(
        "2026-10-26T09:00:00+01:00",
        moment("2026-12-27T14:00:00+01:00"),
        moment("2026-12-27T14:15:00+01:00"),
    );
    let (from, until) = found_between(&moved.content, None);
    assert_eq!(from, at("2026-10-26T08:00:00Z"));
    assert_eq!(until, Some(at("2026-12-27T13:15:00Z")));
    assert_eq!(found_between(&standup().content, None).1, None, "a series without an end");
}

#[test]
fn what_was_declined_or_is_shown_as_free_takes_no_time() {
    let takes = |busy: bool, answer: Option<Answer>| {
        let mut entry = entry("lunch", moment("2026-11-02T12:00:00+01:00"), moment("2026-11-02T13:00:00+01:00"));
        (entry.content.busy, entry.content.answer) = (busy, answer);
        between(IntegrationId::new(Uuid::nil()), &[entry], &HashMap::new(), Tz::UTC, (at(ALL.0), at(ALL.1)))[0]
            .takes_time()
    };
    assert!(takes(true, None) && takes(true, Some(Answer::Accepted)) && takes(true, Some(Answer::Open)));
    assert!(takes(true, Some(Answer::Tentative)));
    assert!(!takes(false, None) && !takes(true, Some(Answer::Declined)));
}
