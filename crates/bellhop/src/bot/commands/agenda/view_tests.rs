use bellhop_domain::{IntegrationId, Status};
use bellhop_store::{Calendar, CalendarAge, CalendarContent, EntryContent, OwnerSettings};
use chrono::TimeDelta;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::bot::account::Account;
use crate::bot::commands::free;
use crate::bot::person::{Person, ZoneFrom};
use crate::bot::seen::SeenAccount;
use crate::bot::text::tests::{hostile, read_as_telegram};

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// Wednesday, 18 November 2026, ten o'clock in Berlin.
fn now() -> DateTime<Utc> {
    at("2026-11-18T10:00:00+01:00")
}

fn account(number: u128, status: Status, can: &[&str]) -> SeenAccount {
    let mut account = Account::invented(number, &format!("ada{number}@mail.example"));
    account.row.status = status;
    account.row.granted = can.iter().map(|name| (*name).to_owned()).collect();
    account.row.missing =
        ["mail", "calendar"].into_iter().filter(|name| !can.contains(name)).map(str::to_owned).collect();
    let content = CalendarContent {
        id: "x".to_owned(),
        title: "Own".to_owned(),
        time_zone: Some("Europe/Berlin".to_owned()),
        is_primary: true,
        only_busy: false,
    };
    SeenAccount {
        account,
        calendars: vec![Calendar {
            handle: 1,
            chosen: true,
            choice: 0,
            readable: true,
            checked_at: Some(now()),
            content,
        }],
        age: CalendarAge { checked_at: Some(now() - TimeDelta::seconds(30)), stored: 0 },
    }
}

fn seen_by(zone: Tz, accounts: Vec<SeenAccount>) -> Seen {
    let settings = OwnerSettings { time_zone: Some(zone.name().to_owned()), ..OwnerSettings::default() };
    Seen { person: Person::with(&settings, zone, ZoneFrom::Settled), accounts, now: now() }
}

fn meeting(title: &str, start: &str, end: &str, zone: &str) -> Occurrence {
    let time = |text: &str| match text.parse::<NaiveDate>() {
        Ok(day) => EntryTime::Day(day),
        Err(_) => EntryTime::Moment { at: at(text), zone: Some(zone.to_owned()) },
    };
    let content = EntryContent {
        title: title.to_owned(),
        place: String::new(),
        meeting: None,
        people: vec![],
        start: time(start),
        end: time(end),
        recurrence: vec![],
        series: None,
        original_start: None,
        cancelled: false,
        tentative: false,
        busy: true,
        answer: None,
    };
    let (start, end) = (content.start.clone(), content.end.clone());
    Occurrence { integration: IntegrationId::new(Uuid::from_u128(1)), calendar: 1, content, start, end }
}

fn shown(seen: &Seen, span: &Span, found: &[Occurrence]) -> String {
    read_as_telegram(&View { seen, span, found, fetch: Fetch::Settled }.message().text.html()).unwrap()
}

fn free_text(seen: &Seen, span: &Span, found: &[Occurrence], at_least: Option<u32>) -> String {
    let view = free::View { seen, span, found, at_least, fetch: Fetch::Settled };
    read_as_telegram(&view.message().text.html()).unwrap()
}

fn day(text: &str) -> Span {
    Span::day(text.parse().unwrap())
}

#[test]
fn a_day_says_what_was_understood_how_old_it_is_and_what_is_on() {
    let seen = seen_by(Tz::Europe__Berlin, vec![account(1, Status::Active, &["mail", "calendar"])]);
    let mut declined = meeting("Old plan", "2026-11-18T15:00:00+01:00", "2026-11-18T16:00:00+01:00", "Europe/Berlin");
    declined.content.answer = Some(Answer::Declined);
    let mut lunch = meeting("Lunch", "2026-11-18T12:00:00+01:00", "2026-11-18T13:00:00+01:00", "Europe/Berlin");
    (lunch.content.busy, lunch.content.place) = (false, "Canteen".to_owned());
    let found = [
        meeting("Trip", "2026-11-17", "2026-11-20", ""),
        meeting("Call with Tokyo", "2026-11-18T09:00:00+01:00", "2026-11-18T10:00:00+01:00", "Asia/Tokyo"),
        lunch,
        declined,
    ];
    assert_eq!(
        shown(&seen, &day("2026-11-18"), &found),
        "📅 Today, Wednesday 18 November\nChecked at 09:59, 18 Nov (30 seconds ago).\n\n\
         Day 2 of 3  Trip\n09:00–10:00  Call with Tokyo (17:00 in Tokyo)\n\
         12:00–13:00  Lunch (shown as free) · Canteen\n15:00–16:00  ✗ Old plan (declined)"
    );
}

#[test]
fn a_week_has_a_heading_for_each_day_and_names_the_quiet_ones() {
    let seen = seen_by(Tz::Europe__Berlin, vec![account(1, Status::Active, &["mail", "calendar"])]);
    let week = Span::days("2026-11-16".parse().unwrap(), "2026-11-18".parse().unwrap()).unwrap();
    let night = meeting("Deploy", "2026-11-16T23:00:00+01:00", "2026-11-17T01:00:00+01:00", "Europe/Berlin");
    let text = shown(&seen, &week, &[night]);
    assert!(
        text.contains("Monday 16 November\n23:00–Tue 01:00  Deploy\n\nTuesday 17 November\nuntil 01:00  Deploy"),
        "{text}"
    );
    assert!(text.ends_with("Nothing on Wednesday."), "{text}");
}

#[test]
fn what_goes_on_for_days_shows_the_other_clock_of_the_time_that_it_names() {
    let seen = seen_by(Tz::Europe__Berlin, vec![account(1, Status::Active, &["mail", "calendar"])]);
    let days = Span::days("2026-11-16".parse().unwrap(), "2026-11-18".parse().unwrap()).unwrap();
    let train = meeting("Train", "2026-11-16T20:00:00+02:00", "2026-11-18T08:00:00+02:00", "Europe/Helsinki");
    let text = shown(&seen, &days, &[train]);
    for line in
        ["19:00–Wed 07:00  Train (20:00 in Helsinki)", "All day  Train\n", "until 07:00  Train (08:00 in Helsinki)"]
    {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn a_meeting_in_two_accounts_is_one_line_that_names_both() {
    let mut accounts =
        vec![account(1, Status::Active, &["mail", "calendar"]), account(2, Status::Active, &["mail", "calendar"])];
    accounts[1].calendars[0].content.title = "Work".to_owned();
    let seen = seen_by(Tz::Europe__Berlin, accounts);
    let of = |number: u128, title: &str, answer: Option<Answer>| {
        let mut one = meeting(title, "2026-11-18T12:00:00+01:00", "2026-11-18T13:00:00+01:00", "Europe/Berlin");
        (one.integration, one.content.answer) = (IntegrationId::new(Uuid::from_u128(number)), answer);
        one
    };
    let both = [of(1, "Budget", None), of(2, "Budget", Some(Answer::Accepted))];
    let text = shown(&seen, &day("2026-11-18"), &both);
    assert!(text.ends_with("\n\n12:00–13:00  Budget · Own, Work"), "{text}");
    assert!(free_text(&seen, &day("2026-11-18"), &both, None).contains("10:00–12:00  (2 h)\n13:00–18:00  (5 h)"));

    let lines = |found: &[Occurrence]| shown(&seen, &day("2026-11-18"), found).matches("12:00–13:00").count();
    assert_eq!(lines(&[of(1, "Budget", None), of(2, "Lunch", None)]), 2, "different things");
    assert_eq!(lines(&[of(1, "Budget", None), of(2, "Budget", Some(Answer::Open))]), 2, "one waits for an answer");
    assert_eq!(lines(&[of(1, "Budget", None), of(1, "Budget", None)]), 2, "twice in one calendar is twice");
}

#[test]
fn what_cannot_be_seen_is_said_and_has_a_button() {
    let accounts = vec![account(1, Status::Active, &["mail", "calendar"]), account(2, Status::Degraded, &["mail"])];
    let seen = seen_by(Tz::Europe__Berlin, accounts);
    let span = day("2026-11-18");
    let message = View { seen: &seen, span: &span, found: &[], fetch: Fetch::Settled }.message();
    let text = read_as_telegram(&message.text.html()).unwrap();
    assert!(text.contains("⚠️ ada2@mail.example: I may not read this calendar."), "{text}");
    assert_eq!(message.buttons.len(), 3);
    assert!(free_text(&seen, &span, &[], None).contains("⚠️ ada2@mail.example"));
}

#[test]
fn days_that_are_not_kept_are_not_called_free_of_events_without_a_word() {
    let seen = seen_by(Tz::Europe__Berlin, vec![account(1, Status::Active, &["calendar"])]);
    let text = shown(&seen, &day("2026-10-01"), &[]);
    assert!(text.contains("I only keep your calendar from 18 October 2026 on."), "{text}");
    assert!(!shown(&seen, &day("2028-01-01"), &[]).contains("I only keep"));
}

#[test]
fn the_night_of_a_clock_change_says_how_long_it_lasts() {
    let seen = seen_by(Tz::Europe__Berlin, vec![account(1, Status::Active, &["calendar"])]);
    let shift = meeting("Shift", "2026-10-25T00:30:00+02:00", "2026-10-25T03:30:00+01:00", "Europe/Berlin");
    let text = shown(&seen, &day("2026-10-25"), std::slice::from_ref(&shift));
    assert!(text.contains("00:30–03:30 (240 min)  Shift"), "{text}");
    let new_york = seen_by(Tz::America__New_York, vec![account(1, Status::Active, &["calendar"])]);
    let text = shown(&new_york, &day("2026-10-24"), &[shift]);
    assert!(text.contains("18:30–22:30  Shift (Sun 00:30 in Berlin)"), "{text}");
}

#[test]
fn free_time_leaves_out_what_takes_time_and_nothing_else() {
    let seen = seen_by(Tz::Europe__Berlin, vec![account(1, Status::Active, &["calendar"])]);
    let taken = meeting("Review", "2026-11-19T10:00:00+01:00", "2026-11-19T11:30:00+01:00", "Europe/Berlin");
    let mut declined = meeting("No", "2026-11-19T13:00:00+01:00", "2026-11-19T14:00:00+01:00", "Europe/Berlin");
    declined.content.answer = Some(Answer::Declined);
    let mut transparent = meeting("Birthday", "2026-11-19", "2026-11-20", "");
    transparent.content.busy = false;
    let text = free_text(&seen, &day("2026-11-19"), &[taken, declined, transparent], None);
    assert!(
        text.starts_with("🕑 Free tomorrow, Thursday 19 November, 09:00–18:00, 30 min or more, by your calendar"),
        "{text}"
    );
    assert!(text.ends_with("09:00–10:00  (1 h)\n11:30–18:00  (6 h 30 min)\n"), "{text}");
    let away = meeting("Away", "2026-11-19", "2026-11-20", "");
    assert!(free_text(&seen, &day("2026-11-19"), &[away], None).contains("Nothing is left free there."));
}

#[test]
fn the_past_is_not_free_and_a_week_has_working_days_only() {
    let seen = seen_by(Tz::Europe__Berlin, vec![account(1, Status::Active, &["calendar"])]);
    assert!(free_text(&seen, &day("2026-11-18"), &[], None).contains("10:00–18:00  (8 h)"));
    assert!(free_text(&seen, &day("2026-11-17"), &[], None).contains("That is over already"));
    assert!(
        !free_text(&seen, &day("2026-11-17"), &[], None).contains("working day"),
        "why, and not what else it could be"
    );
    let weekend = Span::days("2026-11-21".parse().unwrap(), "2026-11-22".parse().unwrap()).unwrap();
    let text = free_text(&seen, &weekend, &[], None);
    assert!(text.contains("There is no working day of yours in that.") && !text.contains("over already"), "{text}");
    let week = Span::days("2026-11-20".parse().unwrap(), "2026-11-23".parse().unwrap()).unwrap();
    let text = free_text(&seen, &week, &[], Some(60));
    assert!(text.contains("Friday 20 November") && text.contains("Monday 23 November"), "{text}");
    assert!(!text.contains("Saturday 21") && !text.contains("Sunday 22"), "{text}");
    assert!(
        free_text(&seen, &day("2026-11-21"), &[], None).contains("09:00–18:00"),
        "whoever asks about a Saturday means it"
    );
}

fn picture_of(seen: &Seen, days: (&str, &str), found: &[Occurrence]) -> Option<Vec<u8>> {
    let span = Span::days(days.0.parse().unwrap(), days.1.parse().unwrap()).unwrap();
    picture::draw(seen, &span, found)
}

/// How many points of a picture have this colour.
fn points(png: &[u8], colour: (u8, u8, u8)) -> usize {
    let pixels = resvg::tiny_skia::Pixmap::decode_png(png).unwrap();
    pixels.pixels().iter().filter(|point| (point.red(), point.green(), point.blue()) == colour).count()
}

#[test]
fn a_week_is_drawn_with_what_overlaps_side_by_side() {
    let seen = seen_by(Tz::Europe__Berlin, vec![account(1, Status::Active, &["calendar"])]);
    let mut tentative = meeting("Perhaps", "2026-11-18T10:30:00+01:00", "2026-11-18T12:00:00+01:00", "");
    tentative.content.tentative = true;
    let found = [
        meeting("Trip to שלום עולם 🎉", "2026-11-16", "2026-11-19", ""),
        meeting(
            "Design review with a title that does not fit",
            "2026-11-18T10:00:00+01:00",
            "2026-11-18T11:30:00+01:00",
            "",
        ),
        tentative,
        meeting("Early shift", "2026-11-19T05:30:00+01:00", "2026-11-19T07:00:00+01:00", ""),
        meeting("Night", "2026-11-20T22:00:00+01:00", "2026-11-21T02:00:00+01:00", ""),
    ];
    let week = ("2026-11-16", "2026-11-22");
    let png = picture_of(&seen, week, &found).unwrap();
    if let Some(folder) = option_env!("PICTURES") {
        std::fs::write(format!("{folder}/week.png"), &png).unwrap();
    }
    let light = (0xdb, 0xe7, 0xff);
    let without = picture_of(&seen, week, &found[1..]).unwrap();
    assert!(points(&png, light) > points(&without, light) + 10_000, "three days of a trip are drawn");
    assert!(points(&picture_of(&seen, week, &[]).unwrap(), light) == 0);
    assert!(png.len() < 1_000_000);
}

#[test]
fn one_day_and_a_month_are_better_read_than_looked_at() {
    let seen = seen_by(Tz::Europe__Berlin, vec![account(1, Status::Active, &["calendar"])]);
    assert!(picture_of(&seen, ("2026-11-18", "2026-11-18"), &[]).is_none());
    assert!(picture_of(&seen, ("2026-11-01", "2026-11-30"), &[]).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn any_week_can_be_drawn(titles in prop::collection::vec((hostile(), 0_i64..9000, 0_i64..3000), 0..60)) {
        let seen = seen_by(Tz::America__St_Johns, vec![account(1, Status::Active, &["calendar"])]);
        let found: Vec<Occurrence> = titles.into_iter().map(|(title, start, lasts)| {
            let mut one = meeting(&title, "2026-11-16T00:00:00Z", "2026-11-16T00:00:00Z", "");
            let at = |minutes| EntryTime::Moment { at: at("2026-11-16T00:00:00Z") + TimeDelta::minutes(minutes), zone: None };
            (one.start, one.end) = (at(start), at(start + lasts));
            one
        }).collect();
        prop_assert!(picture_of(&seen, ("2026-11-16", "2026-11-22"), &found).is_some());
    }
}

proptest! {
    // Up to two months of up to a hundred entries each.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn telegram_takes_any_day(titles in prop::collection::vec((hostile(), hostile(), 0_i64..3000, 0_i64..3000), 0..120), days in 0_u64..62) {
        let seen = seen_by(Tz::Asia__Kathmandu, vec![account(1, Status::Active, &["calendar"]), account(2, Status::Expired, &["mail"])]);
        let first: NaiveDate = "2026-11-16".parse().unwrap();
        let span = Span::days(first, first + Days::new(days)).unwrap();
        let mut found: Vec<Occurrence> = titles.into_iter().map(|(title, place, start, lasts)| {
            let mut one = meeting(&title, "2026-11-16T00:00:00Z", "2026-11-16T00:00:00Z", "Pacific/Chatham");
            one.content.place = place;
            one.start = EntryTime::Moment { at: at("2026-11-16T00:00:00Z") + TimeDelta::minutes(start), zone: Some(title) };
            one.end = EntryTime::Moment { at: at("2026-11-16T00:00:00Z") + TimeDelta::minutes(start + lasts), zone: None };
            one
        }).collect();
        found.sort_by_key(|one| one.bounds(Tz::UTC));
        for message in [
            View { seen: &seen, span: &span, found: &found, fetch: Fetch::Late }.message(),
            free::View { seen: &seen, span: &span, found: &found, at_least: None, fetch: Fetch::Asked }.message(),
        ] {
            prop_assert!(read_as_telegram(&message.text.html()).is_ok());
            prop_assert!(!message.text.html().is_empty());
        }
    }
}
