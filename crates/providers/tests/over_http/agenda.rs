//! Reading calendars, from Google and from stand-ins that are less exact.

use bellhop_providers::{
    CalendarAccess, EventChange, EventKind, EventStatus, EventTime, EventsFrom, Forbidden, ProviderError, Response,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::server::{Asked, StandIn, answer};

fn secret(text: &str) -> SecretString {
    text.into()
}

fn query(asked: &Asked) -> String {
    let pairs: Vec<String> = asked.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(" ")
}

/// A weekly meeting, one instance moved, one cancelled; a day off; an event that was deleted.
fn a_page() -> Value {
    json!({
        "kind": "calendar#events", "summary": "alice@example.com", "timeZone": "Europe/Berlin", "accessRole": "owner",
        "updated": "2026-11-19T08:00:00.000Z", "defaultReminders": [{"method": "popup", "minutes": 10}],
        "nextSyncToken": "CPDAlvWDx70CEPDAlvWDx70CGAU=",
        "items": [
            {
                "kind": "calendar#event", "id": "weekly", "status": "confirmed", "etag": "\"1\"",
                "created": "2026-10-01T08:00:00.000Z", "updated": "2026-10-02T08:00:00.123Z",
                "summary": "Planning", "description": "<b>Agenda</b>", "location": "Room 4",
                "creator": {"email": "ben@example.com"}, "organizer": {"email": "ben@example.com", "displayName": "Ben"},
                "start": {"dateTime": "2026-10-05T10:00:00+02:00", "timeZone": "Europe/Berlin"},
                "end": {"dateTime": "2026-10-05T11:00:00+02:00", "timeZone": "Europe/Berlin"},
                "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO", "EXDATE;TZID=Europe/Berlin:20261012T100000"],
                "iCalUID": "weekly@example.com", "sequence": 0,
                "attendees": [
                    {"email": "ben@example.com", "displayName": "Ben", "organizer": true, "responseStatus": "accepted"},
                    {"email": "alice@example.com", "self": true, "responseStatus": "needsAction"}
                ],
                "hangoutLink": "https://meet.example/aaa-bbbb-ccc", "reminders": {"useDefault": true}, "eventType": "default"
            },
            {
                "id": "weekly_20261102T090000Z", "status": "tentative", "summary": "Planning, later",
                "recurringEventId": "weekly",
                "originalStartTime": {"dateTime": "2026-11-02T10:00:00+01:00", "timeZone": "Europe/Berlin"},
                "start": {"dateTime": "2026-11-02T14:00:00+01:00"}, "end": {"dateTime": "2026-11-02T15:00:00+01:00"}
            },
            {
                "id": "weekly_20261109T090000Z", "status": "cancelled", "recurringEventId": "weekly",
                "originalStartTime": {"dateTime": "2026-11-09T10:00:00+01:00", "timeZone": "Europe/Berlin"}
            },
            {
                "id": "off", "status": "confirmed", "summary": "Day off", "transparency": "transparent",
                "visibility": "private", "organizer": {"email": "alice@example.com", "self": true},
                "start": {"date": "2026-12-24"}, "end": {"date": "2026-12-25"}, "eventType": "outOfOffice"
            },
            {"id": "gone", "status": "cancelled", "summary": "Still told to its organiser", "start": {"date": "2026-12-24"}}
        ]
    })
}

#[tokio::test]
async fn a_calendar_is_a_list_of_events_and_a_cursor() {
    let google = StandIn::telling(answer(200, a_page())).await;
    let calendar = secret("alice@example.com");
    let page = google.client().calendar_events(&secret("access"), &calendar, EventsFrom::default()).await.unwrap();
    assert_eq!((page.time_zone.as_deref(), page.next_page_token), (Some("Europe/Berlin"), None));
    assert_eq!(page.next_sync_token.unwrap().expose_secret(), "CPDAlvWDx70CEPDAlvWDx70CGAU=");
    let [weekly, moved, cancelled, off, gone] = &page.events[..] else { panic!("five events") };

    assert_eq!((weekly.id.as_str(), &weekly.series), ("weekly", &None));
    let EventChange::Present(details) = &weekly.change else { panic!("is there") };
    assert_eq!(details.title.as_ref().unwrap().expose_secret(), "Planning");
    assert_eq!(details.location.as_ref().unwrap().expose_secret(), "Room 4");
    assert_eq!(details.meeting_link.as_ref().unwrap().expose_secret(), "https://meet.example/aaa-bbbb-ccc");
    assert_eq!(details.recurrence.len(), 2);
    assert_eq!((details.self_response, details.organizer_is_self), (Some(Response::NeedsAction), false));
    assert_eq!((details.status, details.kind), (EventStatus::Confirmed, EventKind::Default));
    assert!(details.is_busy && !details.is_private && details.people.len() == 2);
    assert_eq!(details.updated, Some("2026-10-02T08:00:00.123Z".parse().unwrap()));
    let zone = || Some("Europe/Berlin".to_owned());
    assert_eq!(details.start, EventTime::Moment { at: "2026-10-05T08:00:00Z".parse().unwrap(), zone: zone() });
    assert_eq!(details.end, EventTime::Moment { at: "2026-10-05T09:00:00Z".parse().unwrap(), zone: zone() });

    assert_eq!(moved.series.as_deref(), Some("weekly"));
    let original = EventTime::Moment { at: "2026-11-02T09:00:00Z".parse().unwrap(), zone: zone() };
    assert_eq!(moved.original_start, Some(original));
    let EventChange::Present(details) = &moved.change else { panic!("is there") };
    assert_eq!(details.start, EventTime::Moment { at: "2026-11-02T13:00:00Z".parse().unwrap(), zone: None });
    assert_eq!((details.status, details.self_response), (EventStatus::Tentative, None));

    assert!(matches!(cancelled.change, EventChange::Removed));
    assert_eq!(cancelled.series.as_deref(), Some("weekly"));
    let original = EventTime::Moment { at: "2026-11-09T09:00:00Z".parse().unwrap(), zone: zone() };
    assert_eq!(cancelled.original_start, Some(original));

    let EventChange::Present(details) = &off.change else { panic!("is there") };
    assert_eq!(details.start, EventTime::Date("2026-12-24".parse().unwrap()));
    assert_eq!(details.end, EventTime::Date("2026-12-25".parse().unwrap()));
    assert!(!details.is_busy && details.is_private && details.organizer_is_self && details.people.is_empty());
    assert_eq!(details.kind, EventKind::OutOfOffice);

    assert!(matches!(gone.change, EventChange::Removed) && gone.series.is_none());
}

#[tokio::test]
async fn a_cursor_goes_with_the_same_question_on_every_page() {
    let google = StandIn::telling(answer(200, r#"{"nextPageToken":"2"}"#)).await;
    let (client, token, calendar) = (google.client(), secret("access"), secret("de#holiday@group/../x?y"));
    let cursor = secret("s=&1");
    for from in [
        EventsFrom::default(),
        EventsFrom { page_token: Some("p"), ..EventsFrom::default() },
        EventsFrom { sync_token: Some(&cursor), page_token: None },
        EventsFrom { sync_token: Some(&cursor), page_token: Some("p") },
    ] {
        let page = client.calendar_events(&token, &calendar, from).await.unwrap();
        assert_eq!(page.next_page_token.as_deref(), Some("2"));
        assert!(page.events.is_empty() && page.next_sync_token.is_none() && page.time_zone.is_none());
    }
    let asked = google.asked();
    let questions: Vec<String> = asked.iter().map(query).collect();
    assert_eq!(
        questions,
        [
            "singleEvents=false maxResults=250",
            "singleEvents=false maxResults=250 pageToken=p",
            "singleEvents=false maxResults=250 syncToken=s=&1",
            "singleEvents=false maxResults=250 syncToken=s=&1 pageToken=p",
        ]
    );
    for asked in asked {
        assert_eq!(asked.path, "/calendar/v3/calendars/de%23holiday@group%2F..%2Fx%3Fy/events");
        assert_eq!(asked.headers["authorization"], "Bearer access");
    }
}

#[tokio::test]
async fn what_is_no_name_of_a_calendar_is_not_asked_for() {
    let google = StandIn::telling(answer(200, "{}")).await;
    for id in ["", ".", "..", ".\t.", "a\n"] {
        let error = google.client().calendar_events(&secret("access"), &secret(id), EventsFrom::default()).await;
        assert_eq!(error.unwrap_err(), ProviderError::NotFound, "{id:?}");
    }
    assert!(google.asked().is_empty());
}

#[tokio::test]
async fn a_calendar_that_cannot_be_read_says_why() {
    let refused = |reason: &str| json!({"error": {"errors": [{"domain": "calendar", "reason": reason}]}});
    let cursor = secret("s");
    let (fresh, since) = (EventsFrom::default(), EventsFrom { sync_token: Some(&cursor), page_token: None });
    for (status, reason, from, expected) in [
        (410, "fullSyncRequired", since, ProviderError::CursorTooOld),
        (410, "updatedMinTooLongAgo", since, ProviderError::CursorTooOld),
        (400, "invalid", since, ProviderError::CursorTooOld),
        (400, "invalid", fresh, ProviderError::Rejected { status: 400 }),
        (404, "notFound", since, ProviderError::NotFound),
        (404, "notFound", fresh, ProviderError::NotFound),
        (403, "forbidden", since, ProviderError::Forbidden(Forbidden::Other)),
        (403, "insufficientPermissions", since, ProviderError::Forbidden(Forbidden::InsufficientScope)),
        (403, "rateLimitExceeded", since, ProviderError::RateLimited { retry_after: None }),
        (403, "quotaExceeded", since, ProviderError::RateLimited { retry_after: None }),
        (401, "authError", since, ProviderError::Unauthorized),
    ] {
        let google = StandIn::telling(answer(status, refused(reason))).await;
        let error = google.client().calendar_events(&secret("access"), &secret("primary"), from).await.unwrap_err();
        assert_eq!(error, expected, "{status} {reason}");
    }
    for body in ["", "[]", "<html>", "null", "7"] {
        let google = StandIn::telling(answer(200, body)).await;
        let error = google.client().calendar_events(&secret("access"), &secret("primary"), fresh).await.unwrap_err();
        assert_eq!(error, ProviderError::Malformed, "{body}");
        assert_eq!(google.client().calendars(&secret("access"), None).await.unwrap_err(), ProviderError::Malformed);
    }
}

#[tokio::test]
async fn the_persons_calendars_are_listed_with_what_they_call_them() {
    let body = json!({"kind": "calendar#calendarList", "nextPageToken": "2", "nextSyncToken": "unused", "items": [
        {"id": "alice@example.com", "summary": "alice@example.com", "timeZone": "Europe/Berlin", "accessRole": "owner",
         "primary": true, "selected": true, "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]}},
        {"id": "team@group.calendar.example", "summary": "Team 7", "summaryOverride": "My team", "accessRole": "freeBusyReader",
         "timeZone": "America/New_York", "hidden": true},
        {"id": "left@group.calendar.example", "deleted": true},
        {"summary": "without an id"}, {"id": ""}, "odd"
    ]});
    let google = StandIn::telling(answer(200, body)).await;
    let page = google.client().calendars(&secret("access"), Some("1")).await.unwrap();
    assert_eq!(page.next_page_token.as_deref(), Some("2"));
    let [own, team, left] = &page.calendars[..] else { panic!("three calendars") };
    assert_eq!((own.id.expose_secret(), own.time_zone.as_deref()), ("alice@example.com", Some("Europe/Berlin")));
    assert!(own.is_primary && !own.is_hidden && !own.is_deleted && own.access == CalendarAccess::Owner);
    assert_eq!(team.title.as_ref().unwrap().expose_secret(), "My team");
    assert!(!team.is_primary && team.is_hidden && team.access == CalendarAccess::FreeBusyReader);
    assert!(left.is_deleted && left.title.is_none() && left.access == CalendarAccess::Unknown);
    let asked = google.asked_once();
    assert_eq!(asked.path, "/calendar/v3/users/me/calendarList");
    assert_eq!(query(&asked), "maxResults=250 showHidden=true pageToken=1");
}

#[tokio::test]
async fn somebody_without_calendars_has_an_empty_page() {
    for body in ["{}", r#"{"items":[],"nextPageToken":""}"#, r#"{"items":null}"#] {
        let google = StandIn::telling(answer(200, body)).await;
        let page = google.client().calendars(&secret("access"), None).await.unwrap();
        assert!(page.calendars.is_empty() && page.next_page_token.is_none(), "{body}");
    }
}
