//! Writing to calendars: ids, etags, what is an event and what is not, who may, and what others see of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use drive::{Drive, start, text};
use reqwest::Method;
use serde_json::{Value, json};

const ALL: &str = "https://www.googleapis.com/auth/calendar";
const EVENTS: &str = "calendars/primary/events";
const TEAM: &str = "calendars/harbour-team%40group.calendar.sandbox.example/events";
const HOLIDAYS: &str = "calendars/en.harbour%23holiday%40group.v.calendar.sandbox.example/events";

async fn connected() -> (Drive, String) {
    let drive = start().await;
    let token = drive.token_for("alice", &[ALL]).await;
    (drive, token)
}

fn reason(body: &Value) -> &str {
    text(&body["error"]["errors"][0], "reason")
}

fn meeting() -> Value {
    json!({
        "summary": "Meeting",
        "start": { "dateTime": "2026-12-01T10:00:00+02:00" },
        "end": { "dateTime": "2026-12-01T11:00:00+02:00" },
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut event = meeting();
    event[field] = value;
    event
}

#[tokio::test]
async fn an_event_comes_back_with_what_google_adds() {
    let (drive, token) = connected().await;
    let mut event = with("attendees", json!([{ "email": "alice@sandbox.example" }, { "email": "Zoe@zoo.example" }]));
    event["start"]["timeZone"] = "America/New_York".into();
    let (status, event) = drive.write(&token, Method::POST, EVENTS, &event).await;
    assert_eq!(status, 200, "{event}");
    let etag = text(&event, "etag");
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 2);
    assert_eq!(text(&event, "iCalUID"), format!("{}@google.com", text(&event, "id")));
    assert_eq!((text(&event, "kind"), text(&event, "status")), ("calendar#event", "confirmed"));
    assert_eq!(
        event["creator"],
        json!({ "email": "alice@sandbox.example", "displayName": "Alice Sandström", "self": true })
    );
    assert_eq!(event["organizer"]["self"], true);
    assert_eq!(event["attendees"][0]["self"], true);
    assert_eq!(event["attendees"][0]["organizer"], true);
    assert_eq!(event["attendees"][1]["responseStatus"], "needsAction");
    assert_eq!(event["start"], json!({ "dateTime": "2026-12-01T10:00:00+02:00", "timeZone": "America/New_York" }));
    assert_eq!(event["reminders"], json!({ "useDefault": true }));
    let id = text(&event, "id");
    let (_, tokyo) = drive.calendar(&token, &format!("{EVENTS}/{id}?timeZone=Asia/Tokyo&maxAttendees=1")).await;
    assert_eq!(tokyo["start"]["dateTime"], "2026-12-01T17:00:00+09:00");
    assert_eq!(tokyo["attendeesOmitted"], true);
    assert_eq!(tokyo["attendees"].as_array().unwrap().len(), 1, "only the participant");
}

#[tokio::test]
async fn what_is_no_event_is_refused() {
    let (drive, token) = connected().await;
    let nowhere = json!({ "dateTime": "2026-12-01T10:00:00" });
    for (event, expected) in [
        (json!({ "summary": "No times" }), "required"),
        (with("end", json!(null)), "required"),
        (with("end", json!({ "date": "2026-12-02" })), "invalid"),
        (with("end", json!({ "dateTime": "2026-12-01T09:00:00+02:00" })), "timeRangeEmpty"),
        (with("end", json!({ "dateTime": "tomorrow" })), "invalid"),
        (with("start", nowhere), "required"),
        (with("start", json!({ "dateTime": "2026-12-01T10:00:00", "timeZone": "Mars/Olympus" })), "invalid"),
        (with("start", json!({ "date": "2026-12-01", "dateTime": "2026-12-01T10:00:00Z" })), "invalid"),
        (with("attendees", json!([{ "displayName": "Nobody" }])), "required"),
        (with("attendees", json!([{ "email": "not an address" }])), "invalid"),
        (with("attendees", json!([{ "email": "a@b.example", "responseStatus": "perhaps" }])), "invalid"),
        (with("recurrence", json!(["RRULE:FREQ=WEEKLY"])), "required"),
        (with("transparency", json!("glass")), "invalid"),
        (with("visibility", json!("secret")), "invalid"),
        (with("eventType", json!("fromGmail")), "invalid"),
        (with("status", json!("maybe")), "invalid"),
        (with("summary", json!(7)), "invalid"),
        (with("sumary", json!("A typing error")), "invalid"),
        (with("id", json!("abcd")), "invalid"),
        (with("id", json!("UPPER")), "invalid"),
        (with("id", json!("wxyz1")), "invalid"),
    ] {
        let (status, body) = drive.write(&token, Method::POST, EVENTS, &event).await;
        assert_eq!((status, reason(&body)), (400, expected), "{event}: {body}");
    }
    for lines in [
        json!(["RRULE:FREQ=SOMETIMES"]),
        json!(["RRULE:FREQ=HOURLY"]),
        json!(["RRULE:FREQ=DAILY;COUNT=2;UNTIL=20270101T000000Z"]),
        json!(["RRULE:INTERVAL=2"]),
        json!(["EXDATE:someday"]),
        json!(["DTSTART:20261201T100000Z"]),
        json!(["nonsense"]),
        json!([7]),
    ] {
        let mut event = with("recurrence", lines.clone());
        for name in ["start", "end"] {
            event[name]["timeZone"] = "Europe/Helsinki".into();
        }
        let (status, body) = drive.write(&token, Method::POST, EVENTS, &event).await;
        assert_eq!((status, reason(&body)), (400, "invalid"), "{lines}: {body}");
    }
    let all_day = json!({ "start": { "date": "2026-12-01" }, "end": { "date": "2026-12-01" } });
    assert_eq!(drive.write(&token, Method::POST, EVENTS, &all_day).await.0, 400, "the end of a day is exclusive");
    let zero = with("end", meeting()["start"].clone());
    assert_eq!(drive.write(&token, Method::POST, EVENTS, &zero).await.0, 200, "a point in time is an event");
    let (status, _) = drive.write(&token, Method::POST, &format!("{EVENTS}?sendUpdates=some"), &meeting()).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn an_id_of_ones_own_makes_an_insert_safe_to_repeat() {
    let (drive, token) = connected().await;
    let event = with("id", json!("0123456789abcdefghijklmnopqrstuv"));
    let (status, created) = drive.write(&token, Method::POST, EVENTS, &event).await;
    assert_eq!((status, text(&created, "id")), (200, "0123456789abcdefghijklmnopqrstuv"));
    let (status, body) = drive.write(&token, Method::POST, EVENTS, &event).await;
    assert_eq!((status, reason(&body)), (409, "duplicate"));
    let path = format!("{EVENTS}/0123456789abcdefghijklmnopqrstuv");
    assert_eq!(drive.write(&token, Method::DELETE, &path, &json!({})).await.0, 204);
    assert_eq!(drive.write(&token, Method::POST, EVENTS, &event).await.0, 409, "deleted ids are not free again");
    let (status, body) = drive.write(&token, Method::DELETE, &path, &json!({})).await;
    assert_eq!((status, reason(&body)), (410, "deleted"));
    let (status, gone) = drive.calendar(&token, &path).await;
    assert_eq!((status, text(&gone, "status")), (200, "cancelled"), "get always returns them");
    let (_, back) = drive.write(&token, Method::PATCH, &path, &json!({ "status": "confirmed" })).await;
    assert_eq!(back["status"], "confirmed");
    assert_eq!(drive.calendar(&token, &format!("{EVENTS}/neverwas")).await.0, 404);
}

#[tokio::test]
async fn a_patch_merges_and_an_update_replaces() {
    let (drive, token) = connected().await;
    let mut event = with("extendedProperties", json!({ "private": { "a": "1", "b": "2" } }));
    event["location"] = "Pier 4".into();
    let (_, event) = drive.write(&token, Method::POST, EVENTS, &event).await;
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    let change = json!({ "location": null, "extendedProperties": { "private": { "b": "3" } } });
    let (_, patched) = drive.write(&token, Method::PATCH, &path, &change).await;
    assert!(patched.get("location").is_none());
    assert_eq!(patched["extendedProperties"]["private"], json!({ "a": "1", "b": "3" }));
    assert_eq!((text(&patched, "summary"), patched["sequence"].as_u64()), ("Meeting", Some(0)));
    let later = json!({ "end": { "dateTime": "2026-12-01T12:00:00+02:00" } });
    let (_, moved) = drive.write(&token, Method::PATCH, &path, &later).await;
    assert_eq!(moved["sequence"], 1, "a new time is a new sequence");
    let (status, body) = drive.write(&token, Method::PATCH, &path, &json!({ "sequence": 0 })).await;
    assert_eq!((status, reason(&body)), (400, "invalid"), "sequences do not go back");
    let (_, replaced) = drive.write(&token, Method::PUT, &path, &with("summary", json!("Only this"))).await;
    assert!(replaced.get("extendedProperties").is_none());
    assert_eq!(replaced["summary"], "Only this");
    assert_eq!(drive.write(&token, Method::PUT, &path, &json!({ "summary": "No times" })).await.0, 400);
    let (status, body) = drive.write(&token, Method::PATCH, &path, &json!({ "start": { "date": "2026-12-01" } })).await;
    assert_eq!((status, reason(&body)), (400, "invalid"), "a day and a time at once");
}

#[tokio::test]
async fn etags_guard_against_writing_over_each_other() {
    let (drive, token) = connected().await;
    let (_, event) = drive.write(&token, Method::POST, EVENTS, &meeting()).await;
    let path = format!("/calendar/v3/{EVENTS}/{}", text(&event, "id"));
    let old = text(&event, "etag").to_owned();
    let get =
        async |name: &str, etag: &str| drive.get(&path).bearer_auth(&token).header(name, etag).send().await.unwrap();
    let known = get("If-None-Match", &old).await;
    assert_eq!((known.status().as_u16(), known.headers()["etag"].to_str().unwrap()), (304, old.as_str()));
    assert!(known.text().await.unwrap().is_empty());
    drive
        .control(
            &format!("google/accounts/alice/calendars/primary/events/{}/move", text(&event, "id")),
            json!({ "minutes": 30 }),
        )
        .await;
    assert_eq!(get("If-None-Match", &old).await.status(), 200);
    for method in [Method::PUT, Method::PATCH, Method::DELETE] {
        let request = drive.client.request(method.clone(), drive.url(&path)).bearer_auth(&token);
        let response = request.header("If-Match", &old).json(&meeting()).send().await.unwrap();
        assert_eq!(response.status(), 412, "{method}");
        let body: Value = response.json().await.unwrap();
        assert_eq!((reason(&body), text(&body["error"]["errors"][0], "location")), ("conditionNotMet", "If-Match"));
    }
    let now = get("Accept", "*/*").await.json::<Value>().await.unwrap();
    assert_eq!(now["start"]["dateTime"], "2026-12-01T10:30:00+02:00", "nothing was written over");
    let weak = format!("W/{}", text(&now, "etag"));
    for (etag, status) in [(weak.as_str(), 412), ("*", 200), (text(&now, "etag"), 412)] {
        let request = drive.client.patch(drive.url(&path)).bearer_auth(&token).header("If-Match", etag);
        let response = request.json(&json!({ "location": etag })).send().await.unwrap();
        assert_eq!(response.status(), status, "{etag}");
    }
    let list = drive.get(&format!("/calendar/v3/{EVENTS}")).bearer_auth(&token);
    let page: Value = list.try_clone().unwrap().send().await.unwrap().json().await.unwrap();
    assert_eq!(list.header("If-None-Match", text(&page, "etag")).send().await.unwrap().status(), 304);
}

#[tokio::test]
async fn readers_read_and_private_stays_private() {
    let (drive, alice) = connected().await;
    let carol = drive.token_for("carol", &[ALL]).await;
    let bob = drive.token_for("bob", &[ALL]).await;
    let (status, body) = drive.write(&carol, Method::POST, TEAM, &meeting()).await;
    assert_eq!((status, reason(&body)), (403, "requiredAccessLevel"));
    assert_eq!(drive.write(&alice, Method::POST, HOLIDAYS, &meeting()).await.0, 403);
    let (status, event) = drive.write(&bob, Method::POST, TEAM, &meeting()).await;
    assert_eq!(status, 200);
    assert_eq!(event["organizer"]["email"], "harbour-team@group.calendar.sandbox.example", "the calendar organises");
    assert_eq!(event["creator"]["email"], "bob@sandbox.example");
    let find = async |token: &str, path: &str, summary: &str| {
        let (_, page) = drive.calendar(token, path).await;
        let mut items = page["items"].as_array().unwrap().iter();
        items.any(|item| item["summary"] == summary)
    };
    assert!(find(&alice, TEAM, "Salaries").await && find(&bob, TEAM, "Salaries").await);
    assert!(!find(&carol, TEAM, "Salaries").await, "a reader does not see what private events are about");
    assert!(!find(&carol, &format!("{TEAM}?q=salaries"), "Salaries").await);
    let (_, hidden) = drive.calendar(&carol, &format!("{TEAM}?q=salaries")).await;
    assert_eq!(hidden["items"], json!([]), "nor can one be found out by searching");
    let (_, busy) = drive.calendar(&alice, "calendars/bob%40sandbox.example/events").await;
    assert_eq!(busy["accessRole"], "freeBusyReader");
    assert!(
        busy["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item.get("summary").is_none() && item.get("attendees").is_none())
    );
    assert_eq!(
        drive.calendar(&bob, "calendars/alice%40sandbox.example/events").await.0,
        404,
        "not shared is not there"
    );
}

#[tokio::test]
async fn an_invitation_is_answered_but_not_rewritten() {
    let (drive, token) = connected().await;
    let mut event = with(
        "attendees",
        json!([{ "email": "alice@sandbox.example" }, { "email": "zoe@zoo.example", "responseStatus": "accepted" }]),
    );
    event["organizer"] = json!({ "email": "zoe@zoo.example", "displayName": "Zoe" });
    let event = drive.control("google/accounts/alice/calendars/primary/events", event).await;
    let path = format!("{EVENTS}/{}", text(&event, "id"));
    let (_, seen) = drive.calendar(&token, &path).await;
    assert_eq!(seen["organizer"], json!({ "email": "zoe@zoo.example", "displayName": "Zoe" }));
    let answer = json!({ "attendees": [{ "email": "alice@sandbox.example", "responseStatus": "declined" }, { "email": "zoe@zoo.example", "responseStatus": "accepted" }] });
    assert_eq!(drive.write(&token, Method::PATCH, &path, &answer).await.0, 200);
    let (status, body) = drive.write(&token, Method::PATCH, &path, &json!({ "guestsCanModify": true })).await;
    assert_eq!((status, reason(&body)), (403, "forbiddenForNonOrganizer"));
}

#[tokio::test]
async fn every_method_asks_for_its_own_scopes() {
    let drive = start().await;
    let scope = |name: &str| format!("https://www.googleapis.com/auth/{name}");
    let paths = [
        "users/me/calendarList",
        "calendars/primary",
        "users/me/settings/timezone",
        EVENTS,
        "calendars/primary/events/neverwas",
    ];
    // For each scope: list, calendar, settings, events (the last is 404 where events may be read), write, free/busy.
    for (name, reads, writes, frees) in [
        ("calendar", [200, 200, 200, 200, 404], 200, 200),
        ("calendar.readonly", [200, 200, 200, 200, 404], 403, 200),
        ("calendar.events", [403, 403, 403, 200, 404], 200, 403),
        ("calendar.events.readonly", [403, 403, 403, 200, 404], 403, 403),
        ("calendar.events.owned", [403, 403, 403, 200, 404], 200, 403),
        ("calendar.events.freebusy", [403, 403, 403, 200, 404], 403, 200),
        ("calendar.freebusy", [403, 403, 403, 403, 403], 403, 200),
        ("calendar.calendarlist.readonly", [200, 403, 403, 403, 403], 403, 403),
        ("calendar.calendars.readonly", [403, 200, 403, 403, 403], 403, 403),
        ("calendar.settings.readonly", [403, 403, 200, 403, 403], 403, 403),
        ("gmail.readonly", [403, 403, 403, 403, 403], 403, 403),
    ] {
        drive.control("google/accounts/alice/revoke", json!({})).await;
        let token = drive.token_for("alice", &[&scope(name)]).await;
        for (path, status) in paths.iter().zip(reads) {
            assert_eq!(drive.calendar(&token, path).await.0, status, "{name}: {path}");
        }
        assert_eq!(drive.write(&token, Method::POST, EVENTS, &meeting()).await.0, writes, "{name}: insert");
        let query = json!({ "timeMin": "2026-12-01T00:00:00Z", "timeMax": "2026-12-02T00:00:00Z", "items": [] });
        assert_eq!(drive.write(&token, Method::POST, "freeBusy", &query).await.0, frees, "{name}: freeBusy");
    }
    let token = drive.token_for("bob", &[&scope("gmail.readonly")]).await;
    let refused = drive.get(&format!("/calendar/v3/{EVENTS}")).bearer_auth(&token).send().await.unwrap();
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(
        challenge.contains("insufficient_scope") && challenge.contains("auth/calendar.events.readonly"),
        "{challenge}"
    );
    assert_eq!(reason(&refused.json().await.unwrap()), "insufficientPermissions");
    let nobody = drive.get(&format!("/calendar/v3/{EVENTS}")).bearer_auth("made-up").send().await.unwrap();
    assert_eq!(nobody.status(), 401);
}

#[tokio::test]
async fn wrong_parameters_name_the_place() {
    let (drive, token) = connected().await;
    for (query, expected) in [
        ("maxResults=0", "invalidParameter"),
        ("maxResults=many", "invalidParameter"),
        ("singleEvents=yes", "invalidParameter"),
        ("orderBy=colour", "invalidParameter"),
        ("orderBy=startTime", "badRequest"),
        ("timeMin=2026-12-01", "badRequest"),
        ("timeMin=2026-12-01T00:00:00", "badRequest"),
        ("timeMin=2026-12-01T00:00:00+02:00", "badRequest"),
        ("timeMin=2026-12-02T00:00:00Z&timeMax=2026-12-01T00:00:00Z", "timeRangeEmpty"),
        ("timeZone=Mars/Olympus", "invalidParameter"),
        ("eventTypes=party", "invalidParameter"),
        ("pageToken=made-up", "invalidParameter"),
        ("privateExtendedProperty=a", "invalidParameter"),
        ("q=a&q=b", "invalidParameter"),
        ("colour=red", "invalidArgument"),
    ] {
        let (status, body) = drive.calendar(&token, &format!("{EVENTS}?{query}")).await;
        assert_eq!((status, reason(&body)), (400, expected), "{query}: {body}");
    }
    let (_, first) = drive.calendar(&token, &format!("{EVENTS}?maxResults=1&q=lunch")).await;
    assert!(first.get("nextSyncToken").is_none(), "a search cannot be synchronised");
    let (_, first) = drive.calendar(&token, &format!("{EVENTS}?maxResults=1&singleEvents=true")).await;
    let next: String = url::form_urlencoded::byte_serialize(text(&first, "nextPageToken").as_bytes()).collect();
    let (status, _) = drive.calendar(&token, &format!("{EVENTS}?maxResults=1&pageToken={next}")).await;
    assert_eq!(status, 400, "a page token goes with the parameters it came with");
}
