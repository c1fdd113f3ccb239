use bellhop_domain::JobFailure;
use bellhop_store::CalendarContent;

use super::*;

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + minute * 60, 0).unwrap()
}

fn calendar(handle: i64, checked: Option<i64>) -> Calendar {
    let content = CalendarContent {
        id: handle.to_string(),
        title: handle.to_string(),
        time_zone: None,
        is_primary: handle == 0,
        only_busy: false,
    };
    Calendar { handle, chosen: true, choice: 0, readable: true, checked_at: checked.map(at), content }
}

fn left(calendars: &[Calendar], ended: Option<i64>, now: i64) -> Vec<i64> {
    still_to_read(calendars.to_vec(), ended.map(at), at(now)).iter().map(|calendar| calendar.handle).collect()
}

#[test]
fn a_reading_that_starts_again_keeps_its_counts_and_nothing_else() {
    let first = CalendarUnderway {
        sync: Uuid::from_u128(1),
        page_token: Some("too old".to_owned()),
        added: 4,
        updated: 3,
        removed: 2,
        pages: 5,
    };
    let abandoned = CalendarProgress { sync_token: Some("too old".to_owned()), underway: Some(first.clone()) };
    let second = CalendarUnderway { sync: Uuid::from_u128(2), page_token: None, pages: 0, ..first };
    let restarted = again(Uuid::from_u128(2), abandoned);
    assert!(restarted == CalendarProgress { sync_token: None, underway: Some(second) });
    assert!(again(Uuid::from_u128(2), CalendarProgress::default()) == CalendarProgress::default());
}

#[test]
fn what_was_read_longest_ago_is_read_first_and_what_was_just_chosen_before_all() {
    let mut calendars = vec![calendar(0, Some(3)), calendar(1, Some(1)), calendar(2, None), calendar(3, Some(2))];
    assert_eq!(left(&calendars, Some(10), 20), [2, 1, 3, 0]);
    calendars[1].chosen = false;
    assert_eq!(left(&calendars, Some(10), 20), [2, 3, 0]);
}

#[test]
fn a_round_goes_on_with_what_it_has_not_come_to() {
    let calendars = vec![calendar(0, Some(21)), calendar(1, Some(10)), calendar(2, None), calendar(3, Some(22))];
    assert_eq!(left(&calendars, Some(20), 23), [2, 1]);
    assert_eq!(left(&calendars, None, 13), [2, 0, 3], "read by a clock that was ahead");
    assert_eq!(left(&calendars, None, 24), [2, 1], "of the first round of all");
    assert_eq!(left(&calendars, Some(22), 23), [2, 1, 0, 3], "what was read before the last round ended is due");
    assert_eq!(left(&calendars, Some(20), 26), [2, 1, 0], "a round without an end keeps nothing as it is");
}

#[test]
fn a_failure_that_may_pass_is_not_hidden_by_too_few_units() {
    let held = |by| Stop::Held(Held { after: Duration::from_mins(1), by });
    let breaker = HeldBy::Breaker { since: at(0), reason: JobFailure::ProviderTimeout };
    let retry = || Some(Stop::with(Verdict::Retry { reason: JobFailure::MalformedAnswer }));
    let bury = || Some(Stop::with(Verdict::Bury { reason: JobFailure::RequestRefused }));
    let is_retry = |stop: &Stop| matches!(stop, Stop::Verdict(verdict) if matches!(**verdict, Verdict::Retry { .. }));
    assert!(is_retry(&in_favour_of(retry(), held(HeldBy::Quota))));
    assert!(matches!(in_favour_of(retry(), held(breaker)), Stop::Held(_)), "others may fail only because of it");
    for failed in [None, bury(), Some(Stop::StartAgain)] {
        assert!(matches!(in_favour_of(failed, held(HeldBy::Quota)), Stop::Held(_)), "the others are to be read");
    }
    assert!(matches!(in_favour_of(retry(), Stop::NotAllowed), Stop::NotAllowed));
}
