use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::*;
use crate::{any_json::any_json, mail_answer::read};

fn events(items: &Value) -> Vec<CalendarEvent> {
    read::<EventsAnswer<'_>>(json!({ "items": items }).to_string().as_bytes()).unwrap().page().events
}

/// The details of one event that is there, with these fields beside its id and its start.
fn details(mut fields: Value) -> EventDetails {
    fields["id"] = json!("event");
    if fields.get("start").is_none() {
        fields["start"] = json!({"dateTime": "2026-11-20T10:00:00+01:00", "timeZone": "Europe/Berlin"});
    }
    match events(&json!([fields])).pop().unwrap().change {
        EventChange::Present(details) => *details,
        EventChange::Removed => panic!("{fields} was taken for removed"),
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn day(text: &str) -> EventTime {
    EventTime::Date(text.parse().unwrap())
}

fn moment_in(text: &str, zone: Option<&str>) -> EventTime {
    EventTime::Moment { at: at(text), zone: zone.map(str::to_owned) }
}

#[test]
fn a_time_without_an_offset_is_what_the_clocks_of_its_zone_show() {
    let start = json!({"dateTime": "2026-11-22T14:00:00", "timeZone": "Asia/Tokyo"});
    let read = events(&json!([{"id": "a", "start": start, "end": {"dateTime": "2026-11-22T15:00:00Z"}}]));
    let EventChange::Present(details) = &read[0].change else { panic!("{read:?}") };
    let at = "2026-11-22T05:00:00Z".parse().unwrap();
    assert_eq!(details.start, EventTime::Moment { at, zone: Some("Asia/Tokyo".to_owned()) });
}

#[test]
fn an_offset_in_the_place_of_a_zone_is_the_clock_with_that_offset() {
    let zone = |start: &str, zone: &str| {
        let start = json!({"dateTime": start, "timeZone": zone});
        match details(json!({"start": start})).start {
            EventTime::Moment { zone, .. } => zone.unwrap(),
            EventTime::Date(_) => panic!("no moment"),
        }
    };
    assert_eq!(zone("2026-11-16T22:30:00+02:00", "GMT+02:00"), "Etc/GMT-2");
    assert_eq!(zone("2026-11-16T22:30:00-11:00", "Nowhere"), "Etc/GMT+11");
    assert_eq!(zone("2026-11-16T22:30:00Z", "Nowhere"), "Etc/GMT+0");
    assert_eq!(zone("2026-11-16T22:30:00+05:30", "GMT+05:30"), "GMT+05:30", "no such clock: the calendar's own counts");
    assert_eq!(zone("2026-11-16T22:30:00+02:00", "Europe/Berlin"), "Europe/Berlin");
}

#[test]
fn a_moment_is_the_same_moment_with_any_offset() {
    for (text, expected) in [
        ("2026-11-20T10:00:00+01:00", "2026-11-20T09:00:00Z"),
        ("2026-11-20T09:00:00Z", "2026-11-20T09:00:00Z"),
        ("2026-11-20T09:00:00.000Z", "2026-11-20T09:00:00Z"),
        ("2026-11-20T23:30:00-09:30", "2026-11-21T09:00:00Z"),
        ("2026-12-31T23:59:60Z", "2027-01-01T00:00:00Z"),
    ] {
        let start = details(json!({"start": {"dateTime": text}})).start;
        assert_eq!(start, moment_in(expected, None), "{text}");
    }
}

#[test]
fn what_cannot_be_shown_is_no_longer_kept() {
    let without_a_start = [
        json!({}),
        json!({"start": null}),
        json!({"start": "2026-11-20"}),
        json!({"start": {}}),
        json!({"start": {"date": "20 Nov"}}),
        json!({"start": {"date": 20_261_120}}),
        json!({"start": {"date": "2026-02-30"}}),
        json!({"start": {"date": "-0044-03-15"}}),
        json!({"start": {"date": "+10000-01-01"}}),
        json!({"start": {"dateTime": "2026-11-20T10:00:00"}}),
        json!({"start": {"dateTime": "2026-11-20T10:00:00", "timeZone": "Elsewhere"}}),
        json!({"start": {"dateTime": "noon"}}),
        json!({"start": {"dateTime": "0000-01-01T00:00:00Z"}}),
        json!({"start": {"dateTime": "9999-12-31T23:00:00-02:00"}}),
        json!({"start": {"date": "9999-12-31"}, "status": "cancelled"}),
    ];
    for mut event in without_a_start {
        event["id"] = json!("a");
        event["end"] = json!({"date": "2026-11-21"});
        let read = events(&json!([event]));
        assert_eq!(read.len(), 1, "{event}");
        assert!(matches!(read[0].change, EventChange::Removed), "{event}");
    }
}

#[test]
fn an_end_that_makes_no_sense_is_mended() {
    let noon = || json!({"dateTime": "2026-11-20T12:00:00Z", "timeZone": "Europe/London"});
    for end in [json!(null), json!({}), json!({"date": "2026-11-21"}), json!({"dateTime": "2026-11-20T11:59:59Z"})] {
        let details = details(json!({"start": noon(), "end": end}));
        assert_eq!(details.end, moment_in("2026-11-20T12:00:00Z", Some("Europe/London")), "{end}");
    }
    let at_once = details(json!({"start": noon(), "end": {"dateTime": "2026-11-20T12:00:00Z"}}));
    assert_eq!(at_once.end, moment_in("2026-11-20T12:00:00Z", None));

    let today = || json!({"date": "2026-11-20"});
    for end in [json!(null), json!({"date": "2026-11-20"}), json!({"date": "2026-11-19"}), noon()] {
        assert_eq!(details(json!({"start": today(), "end": end})).end, day("2026-11-21"), "{end}");
    }
    assert_eq!(details(json!({"start": today(), "end": {"date": "2026-11-23"}})).end, day("2026-11-23"));
}

#[test]
fn a_usable_id_is_all_that_an_event_must_have() {
    let longest = "d".repeat(1_024);
    let ids = [json!("a"), json!(""), json!("b\0"), json!(7), json!(null), json!(longest), json!("d".repeat(1_025))];
    let items: Vec<Value> = ids.iter().map(|id| json!({"id": id, "start": {"date": "2026-11-20"}})).collect();
    let mut items = Value::from(items);
    items.as_array_mut().unwrap().extend([json!("event"), json!(null), json!([]), json!({})]);
    let kept: Vec<String> = events(&items).into_iter().map(|event| event.id).collect();
    assert_eq!(kept, ["a", &longest]);
}

#[test]
fn an_odd_field_costs_nothing_but_itself() {
    let odd = [json!(null), json!(7), json!(true), json!([7]), json!({"a": 7})];
    for odd in odd {
        let read = details(json!({
            "status": odd, "summary": odd, "location": odd, "organizer": odd, "attendees": odd, "attendeesOmitted": 7,
            "transparency": odd, "visibility": odd, "end": odd, "recurrence": odd, "recurringEventId": odd,
            "originalStartTime": odd, "eventType": odd, "hangoutLink": odd, "conferenceData": odd, "updated": odd
        }));
        assert!(read.title.is_none() && read.location.is_none() && read.meeting_link.is_none());
        assert!(read.people.len() <= 1 && read.self_response.is_none() && read.recurrence.is_empty());
        assert!(read.is_busy && !read.is_private && !read.organizer_is_self && read.updated.is_none());
        assert_eq!((read.status, read.kind), (EventStatus::Confirmed, EventKind::Default));
        assert_eq!(read.end, read.start);
    }
}

#[test]
fn an_event_that_is_no_json_for_us_costs_nothing_but_itself() {
    let nested = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for odd in [r#""\ud83d""#, "1e999", &nested] {
        let body = format!(r#"{{"items":[{{"id":"a","summary":{odd}}},{{"id":"b"}}],"nextSyncToken":"s"}}"#);
        let page = read::<EventsAnswer<'_>>(body.as_bytes()).unwrap().page();
        assert_eq!((page.events.len(), page.events[0].id.as_str()), (1, "b"), "{odd}");
        assert!(page.next_sync_token.is_some());
    }
}

#[test]
fn everybody_says_what_they_said_and_rooms_say_nothing() {
    let details = details(json!({"organizer": {"email": "anna@x.example", "self": true}, "attendees": [
        {"email": "anna@x.example", "displayName": "Anna", "responseStatus": "accepted", "organizer": true},
        {"email": "room@x.example", "responseStatus": "accepted", "resource": true},
        {"email": "ben@x.example", "responseStatus": "declined", "self": true},
        {"email": "cleo@x.example", "responseStatus": "tentative"},
        {"responseStatus": "whatever"}
    ]}));
    let said: Vec<Response> = details.people.iter().map(|person| person.response).collect();
    assert_eq!(said, [Response::Accepted, Response::Declined, Response::Tentative, Response::NeedsAction]);
    assert_eq!(details.self_response, Some(Response::Declined));
    assert!(details.organizer_is_self && !details.has_more_people);
    assert!(details.people[0].is_organizer && details.people[1].is_self && !details.people[0].is_self);
    assert_eq!(details.people[0].name.as_ref().unwrap().expose_secret(), "Anna");
    assert!(details.people[3].email.is_none());
}

#[test]
fn the_persons_own_answer_is_found_behind_those_who_are_left_out() {
    let mut people = vec![json!({"email": "x@x.example", "responseStatus": "accepted"}); PEOPLE_LIMIT];
    assert!(!details(json!({"attendees": people})).has_more_people);
    assert!(details(json!({"attendees": people, "attendeesOmitted": true})).has_more_people);
    people.push(json!({"email": "me@x.example", "responseStatus": "tentative", "self": true}));
    let details = details(json!({"attendees": people}));
    assert_eq!((details.people.len(), details.has_more_people), (PEOPLE_LIMIT, true));
    assert_eq!(details.self_response, Some(Response::Tentative));
}

#[test]
fn only_a_page_can_be_joined() {
    let join = |fields: Value| details(fields).meeting_link.map(|link| link.expose_secret().to_owned());
    let video = |uri: &str| {
        json!({"entryPoints": [
            {"entryPointType": "phone", "uri": "tel:+49123"}, {"entryPointType": "video", "uri": uri}
        ]})
    };
    let meet = "https://meet.example/abc";
    assert_eq!(join(json!({"hangoutLink": meet})).as_deref(), Some(meet));
    assert_eq!(
        join(json!({"conferenceData": video(meet), "hangoutLink": "https://old.example"})).as_deref(),
        Some(meet)
    );
    assert_eq!(
        join(json!({"conferenceData": video("javascript:alert(1)"), "hangoutLink": meet})).as_deref(),
        Some(meet)
    );
    for odd in ["javascript:alert(1)", "meet.example/abc", "", "data:text/html,x", "file:///etc/passwd"] {
        assert_eq!(join(json!({"hangoutLink": odd})), None, "{odd}");
    }
    assert_eq!(join(json!({"hangoutLink": format!("https://x.example/{}", "a".repeat(LINK_LIMIT_BYTES))})), None);
}

#[test]
fn text_and_recurrence_are_bounded() {
    let long = "ü".repeat(5_000);
    let read = details(json!({"summary": long, "location": long}));
    assert_eq!(read.title.unwrap().expose_secret().chars().count(), TEXT_LIMIT_CHARACTERS);
    assert_eq!(read.location.unwrap().expose_secret().chars().count(), TEXT_LIMIT_CHARACTERS);
    assert!(details(json!({"summary": "  \n"})).title.is_none());

    let line = |index| format!("EXDATE;VALUE=DATE:{index:08}{}", ",20261120".repeat(110));
    let lines: Vec<String> = (0..100).map(line).collect();
    let kept = RECURRENCE_LIMIT_BYTES / lines[0].len();
    assert!((50..100).contains(&kept));
    let read = details(json!({"recurrence": lines}));
    assert_eq!(read.recurrence, lines[..kept]);

    let zone = "Z".repeat(ZONE_LIMIT_CHARACTERS + 1);
    let read = details(json!({"start": {"dateTime": "2026-11-20T10:00:00Z", "timeZone": zone}}));
    assert_eq!(read.start, moment_in("2026-11-20T10:00:00Z", None));
}

#[test]
fn every_word_google_documents_is_known() {
    for (word, kind) in [
        ("default", EventKind::Default),
        ("outOfOffice", EventKind::OutOfOffice),
        ("focusTime", EventKind::FocusTime),
        ("workingLocation", EventKind::WorkingLocation),
        ("birthday", EventKind::Birthday),
        ("fromGmail", EventKind::FromGmail),
        ("brandNew", EventKind::Other),
    ] {
        assert_eq!(details(json!({"eventType": word})).kind, kind);
    }
    for (word, is_private) in [("default", false), ("public", false), ("private", true), ("confidential", true)] {
        assert_eq!(details(json!({"visibility": word})).is_private, is_private, "{word}");
    }
    for (word, access) in [
        ("owner", CalendarAccess::Owner),
        ("writer", CalendarAccess::Writer),
        ("writerWithoutPrivateAccess", CalendarAccess::Writer),
        ("reader", CalendarAccess::Reader),
        ("freeBusyReader", CalendarAccess::FreeBusyReader),
        ("none", CalendarAccess::Unknown),
    ] {
        let body = json!({"items": [{"id": "a", "accessRole": word}]}).to_string();
        assert_eq!(read::<CalendarListAnswer<'_>>(body.as_bytes()).unwrap().page().calendars[0].access, access);
    }
    assert!(
        !details(json!({"transparency": "transparent"})).is_busy && details(json!({"transparency": "opaque"})).is_busy
    );
    assert_eq!(details(json!({"status": "tentative"})).status, EventStatus::Tentative);
}

#[test]
fn a_cursor_that_is_none_is_not_kept() {
    let cursor = |token: Value| {
        let body = json!({"nextSyncToken": token}).to_string();
        read::<EventsAnswer<'_>>(body.as_bytes()).unwrap().page().next_sync_token
    };
    assert_eq!(cursor(json!("s")).unwrap().expose_secret(), "s");
    for token in [json!(""), json!(7), json!(null), json!("s".repeat(SYNC_TOKEN_LIMIT_BYTES + 1))] {
        assert!(cursor(token).is_none());
    }
}

const NAMES: &[&str] = &[
    "items",
    "id",
    "status",
    "summary",
    "location",
    "organizer",
    "self",
    "attendees",
    "email",
    "responseStatus",
    "resource",
    "attendeesOmitted",
    "transparency",
    "visibility",
    "start",
    "end",
    "date",
    "dateTime",
    "timeZone",
    "recurrence",
    "recurringEventId",
    "originalStartTime",
    "eventType",
    "hangoutLink",
    "conferenceData",
    "entryPoints",
    "entryPointType",
    "uri",
    "updated",
    "nextPageToken",
    "nextSyncToken",
    "accessRole",
    "primary",
    "summaryOverride",
];
const TEXTS: &[&str] = &[
    "a",
    "cancelled",
    "tentative",
    "2026-11-20",
    "9999-12-31",
    "0001-01-01",
    "2026-11-20T10:00:00+01:00",
    "9999-12-31T23:59:60Z",
    "0001-01-01T00:00:00+23:59",
    "video",
    "https://x.example",
    "RRULE:FREQ=DAILY",
    "\u{202e}x",
];

proptest! {
    #[test]
    fn no_event_breaks_what_is_promised_of_events(items in any_json(NAMES, TEXTS), start in any_json(NAMES, TEXTS)) {
        let body = json!({"items": [items, {"id": "a", "start": start, "end": items, "attendees": items}]}).to_string();
        for event in read::<EventsAnswer<'_>>(body.as_bytes()).unwrap().page().events {
            prop_assert!(is_sound_id(&event.id, ID_LIMIT_BYTES));
            if let EventChange::Present(details) = event.change {
                match (&details.start, &details.end) {
                    (EventTime::Date(first), EventTime::Date(after)) => prop_assert!(after > first),
                    (EventTime::Moment { at: from, .. }, EventTime::Moment { at: until, .. }) => {
                        prop_assert!(until >= from);
                    }
                    mixed => prop_assert!(false, "{mixed:?}"),
                }
                // What is kept can be kept: it comes back the same.
                let kept = serde_json::to_string(&details.start).unwrap();
                prop_assert_eq!(serde_json::from_str::<EventTime>(&kept).unwrap(), details.start);
            }
        }
    }

    #[test]
    fn no_body_panics(body in any_json(NAMES, TEXTS), bytes in any::<Vec<u8>>()) {
        for body in [body.to_string().into_bytes(), bytes] {
            let _ = read::<EventsAnswer<'_>>(&body).map(EventsAnswer::page);
            let _ = read::<CalendarListAnswer<'_>>(&body).map(CalendarListAnswer::page);
        }
    }
}
