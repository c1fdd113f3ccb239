use std::collections::BTreeSet;

use bellhop_store::{CalendarAge, CalendarContent};
use chrono::DateTime;

use super::*;
use crate::bot::person::Person;
use crate::bot::seen::SeenAccount;

fn calendar(number: usize) -> Calendar {
    let content = CalendarContent {
        id: number.to_string(),
        title: format!("Calendar {number}"),
        time_zone: None,
        is_primary: false,
        only_busy: false,
    };
    let handle = i64::try_from(number).unwrap();
    Calendar { handle, chosen: true, choice: 0, readable: true, checked_at: Some(DateTime::UNIX_EPOCH), content }
}

fn seen(calendars: usize) -> Seen {
    let mut account = Account::invented(1, "ada@mail.example");
    account.row.granted = ["calendar".to_owned()].into();
    let calendars = (1..=calendars).map(calendar).collect();
    let accounts = vec![SeenAccount { account, calendars, age: CalendarAge::default() }];
    Seen { person: Person::unknown(), accounts, now: DateTime::UNIX_EPOCH }
}

fn labels(message: &Message) -> Vec<&str> {
    let label = |button| match button {
        &Button::Press { ref label, .. } | &Button::Link { ref label, .. } => label.as_str(),
    };
    message.buttons.iter().flatten().map(label).collect()
}

#[test]
fn every_calendar_of_many_has_a_button_on_some_page() {
    let seen = seen(151);
    let pages: Vec<_> = (0..3).map(|page| list(&seen, page)).collect();
    let shown: Vec<_> = pages.iter().flat_map(labels).filter(|label| label.starts_with('✅')).collect();
    assert_eq!(shown.len(), 151);
    assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), 151);
    assert!(labels(&pages[0]).ends_with(&["More ▶"]) && labels(&pages[1]).ends_with(&["◀ Back", "More ▶"]));
    assert!(labels(&pages[2]).ends_with(&["✅ Calendar 151", "◀ Back"]));
    assert!(pages[1].text.html().contains("61–120 of 151"), "{}", pages[1].text.html());
    assert_eq!(labels(&list(&seen, u32::MAX)), labels(&pages[2]), "a page that is no more is the last one");
}

#[test]
fn a_tap_stays_on_its_page() {
    for number in [0, 1, 4, 5] {
        assert_eq!(Tap::of(number).number(), number);
    }
    assert!(Tap::of(5).chosen && Tap::of(5).page == 2 && !Tap::of(4).chosen);
}

#[test]
fn nothing_is_to_be_tapped_where_there_are_no_calendars() {
    let text = list(&seen(0), 0).text.html();
    assert!(!text.contains("Tap one") && text.contains("has not come yet"), "{text}");
    let one = list(&seen(1), 0);
    assert!(one.text.html().contains("Tap one") && !one.text.html().contains(" of 1"));
}
