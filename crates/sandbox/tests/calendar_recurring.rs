//! Series: their instances across clock changes, exceptions, deletions, and what free/busy makes of it all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use drive::{Drive, start, text};
use reqwest::Method;
use serde_json::{Value, json};

const ALL: &str = "https://www.googleapis.com/auth/calendar";
const EVENTS: &str = "calendars/primary/events";

/// Zoe, whose calendar is in Helsinki and empty.
async fn empty() -> (Drive, String) {
    let drive = start().await;
    let zoe =
        json!({ "name": "zoe", "email": "zoe@sandbox.example", "display_name": "Zoe", "time_zone": "Europe/Helsinki" });
    drive.control("google/accounts", zoe).await;
    let token = drive.token_for("zoe", &[ALL]).await;
    (drive, token)
}

async fn put(drive: &Drive, token: &str, event: Value) -> Value {
    let (status, event) = drive.write(token, Method::POST, EVENTS, &event).await;
    assert_eq!(status, 200, "{event}");
    event
}

fn series(zone: &str, start: &str, end: &str, rule: &str) -> Value {
    json!({
        "summary": "Series",
        "start": { "dateTime": start, "timeZone": zone },
        "end": { "dateTime": end, "timeZone": zone },
        "recurrence": [rule],
    })
}

fn starts(page: &Value) -> Vec<&str> {
    let items = page["items"].as_array().unwrap_or_else(|| panic!("{page}"));
    items.iter().map(|item| item["start"]["dateTime"].as_str().or(item["start"]["date"].as_str()).unwrap()).collect()
}

#[tokio::test]
async fn ten_oclock_stays_ten_oclock_in_the_events_own_zone() {
    let (drive, token) = empty().await;
    let weekly = series("America/New_York", "2026-10-21T10:00:00", "2026-10-21T11:00:00", "RRULE:FREQ=WEEKLY;COUNT=4");
    let event = put(&drive, &token, weekly).await;
    let id = text(&event, "id");
    // Europe changes its clocks a week before America does.
    let (_, page) = drive.calendar(&token, &format!("{EVENTS}/{id}/instances")).await;
    assert_eq!(
        starts(&page),
        [
            "2026-10-21T17:00:00+03:00",
            "2026-10-28T16:00:00+02:00",
            "2026-11-04T17:00:00+02:00",
            "2026-11-11T17:00:00+02:00"
        ]
    );
    assert_eq!(text(&page["items"][1], "id"), format!("{id}_20261028T140000Z"));
    assert_eq!(page["items"][1]["originalStartTime"]["timeZone"], "America/New_York");
    assert!(page["items"][1].get("recurrence").is_none());
    let (_, own) = drive.calendar(&token, &format!("{EVENTS}/{id}/instances?timeZone=America/New_York")).await;
    assert!(starts(&own).iter().all(|start| start.contains("T10:00:00-0")), "{own}");
}

#[tokio::test]
async fn an_hour_that_is_skipped_or_comes_twice_still_takes_place_once() {
    let (drive, token) = empty().await;
    let spring = series("Europe/Helsinki", "2027-03-27T03:30:00", "2027-03-27T04:00:00", "RRULE:FREQ=DAILY;COUNT=3");
    let spring = put(&drive, &token, spring).await;
    let (_, page) = drive.calendar(&token, &format!("{EVENTS}/{}/instances", text(&spring, "id"))).await;
    // At three the clocks jump to four: the offset before the gap counts.
    assert_eq!(starts(&page), ["2027-03-27T03:30:00+02:00", "2027-03-28T04:30:00+03:00", "2027-03-29T03:30:00+03:00"]);
    let autumn = series("Europe/Helsinki", "2026-10-24T03:30:00", "2026-10-24T04:30:00", "RRULE:FREQ=DAILY;COUNT=3");
    let autumn = put(&drive, &token, autumn).await;
    let (_, page) = drive.calendar(&token, &format!("{EVENTS}/{}/instances", text(&autumn, "id"))).await;
    assert_eq!(starts(&page), ["2026-10-24T03:30:00+03:00", "2026-10-25T03:30:00+03:00", "2026-10-26T03:30:00+02:00"]);
    assert_eq!(page["items"][1]["end"]["dateTime"], "2026-10-25T03:30:00+02:00", "an hour later, exactly");
}

#[tokio::test]
async fn rules_dates_and_exclusions_make_one_series() {
    let (drive, token) = empty().await;
    let mut event = series(
        "Europe/Helsinki",
        "2026-12-01T09:00:00",
        "2026-12-01T09:30:00",
        "RRULE:FREQ=DAILY;UNTIL=20261204T070000Z",
    );
    event["recurrence"].as_array_mut().unwrap().extend([
        json!("EXDATE;TZID=Europe/Helsinki:20261202T090000"),
        json!("EXDATE:20261203T070000Z"),
        json!("RDATE;TZID=Asia/Tokyo:20261210T180000,20261201T160000"),
    ]);
    let event = put(&drive, &token, event).await;
    let (_, page) = drive.calendar(&token, &format!("{EVENTS}/{}/instances", text(&event, "id"))).await;
    assert_eq!(starts(&page), ["2026-12-01T09:00:00+02:00", "2026-12-04T09:00:00+02:00", "2026-12-10T11:00:00+02:00"]);
    let all_day = json!({
        "start": { "date": "2027-01-31" }, "end": { "date": "2027-02-02" },
        "recurrence": ["RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;UNTIL=20270430", "EXDATE;VALUE=DATE:20270331"],
    });
    let all_day = put(&drive, &token, all_day).await;
    let (_, page) = drive.calendar(&token, &format!("{EVENTS}/{}/instances", text(&all_day, "id"))).await;
    assert_eq!(starts(&page), ["2027-01-31", "2027-02-28", "2027-04-30"]);
    assert_eq!(page["items"][1]["end"]["date"], "2027-03-02");
    assert!(text(&page["items"][1], "id").ends_with("_20270228"));
}

#[tokio::test]
async fn a_moved_and_a_cancelled_instance_are_told_as_exceptions() {
    let (drive, token) = empty().await;
    let weekly = series("Europe/Helsinki", "2026-12-01T09:00:00", "2026-12-01T10:00:00", "RRULE:FREQ=WEEKLY;COUNT=5");
    let event = put(&drive, &token, weekly).await;
    let id = text(&event, "id");
    let (_, full) = drive.calendar(&token, EVENTS).await;
    let sync: String = url::form_urlencoded::byte_serialize(text(&full, "nextSyncToken").as_bytes()).collect();
    let (moved, gone) = (format!("{id}_20261208T070000Z"), format!("{id}_20261215T070000Z"));
    let later = json!({ "start": { "dateTime": "2026-12-09T14:00:00+02:00" }, "end": { "dateTime": "2026-12-09T15:00:00+02:00" } });
    let (status, exception) = drive.write(&token, Method::PATCH, &format!("{EVENTS}/{moved}"), &later).await;
    assert_eq!((status, text(&exception, "id")), (200, moved.as_str()));
    assert_eq!(exception["originalStartTime"]["dateTime"], "2026-12-08T09:00:00+02:00");
    assert_eq!((text(&exception, "recurringEventId"), text(&exception, "summary")), (id, "Series"));
    assert_eq!(drive.write(&token, Method::DELETE, &format!("{EVENTS}/{gone}"), &json!({})).await.0, 204);
    assert_eq!(drive.write(&token, Method::DELETE, &format!("{EVENTS}/{gone}"), &json!({})).await.0, 410);

    let (_, news) = drive.calendar(&token, &format!("{EVENTS}?syncToken={sync}")).await;
    let told: Vec<(&str, &str)> =
        news["items"].as_array().unwrap().iter().map(|item| (text(item, "id"), text(item, "status"))).collect();
    assert_eq!(told, [(moved.as_str(), "confirmed"), (gone.as_str(), "cancelled")]);
    assert_eq!(news["items"][1]["recurringEventId"], id);
    assert_eq!(news["items"][1]["originalStartTime"]["dateTime"], "2026-12-15T09:00:00+02:00");
    let (_, full) = drive.calendar(&token, EVENTS).await;
    assert_eq!(
        full["items"].as_array().unwrap().len(),
        3,
        "series, exception, and the cancelled exception of a living series"
    );
    let (_, single) = drive.calendar(&token, &format!("{EVENTS}?singleEvents=true&orderBy=startTime")).await;
    assert_eq!(
        starts(&single),
        [
            "2026-12-01T09:00:00+02:00",
            "2026-12-09T14:00:00+02:00",
            "2026-12-22T09:00:00+02:00",
            "2026-12-29T09:00:00+02:00"
        ]
    );
    let (_, with_deleted) = drive.calendar(&token, &format!("{EVENTS}/{id}/instances?showDeleted=true")).await;
    assert_eq!(with_deleted["items"].as_array().unwrap().len(), 5);
    let at = "originalStart=2026-12-08T09:00:00%2B02:00";
    let (_, one) = drive.calendar(&token, &format!("{EVENTS}/{id}/instances?{at}")).await;
    assert_eq!(starts(&one), ["2026-12-09T14:00:00+02:00"]);
    let window = "timeMin=2026-12-20T00:00:00Z&timeMax=2026-12-23T00:00:00Z";
    let (_, some) = drive.calendar(&token, &format!("{EVENTS}/{id}/instances?{window}")).await;
    assert_eq!(starts(&some), ["2026-12-22T09:00:00+02:00"]);
    for (path, status) in [
        (format!("{EVENTS}/{id}_20261202T070000Z"), 404),
        (format!("{EVENTS}/{id}_20261208T070000Z"), 200),
        (format!("{EVENTS}/{moved}/instances"), 400),
        (format!("{EVENTS}/{id}/instances?originalStart=soon"), 400),
    ] {
        assert_eq!(drive.calendar(&token, &path).await.0, status, "{path}");
    }
    let rule = json!({ "recurrence": ["RRULE:FREQ=DAILY"] });
    assert_eq!(drive.write(&token, Method::PATCH, &format!("{EVENTS}/{moved}"), &rule).await.0, 400);

    // The other person renames the series: what the exception inherits changes with it.
    let name = json!({ "summary": "Renamed" });
    drive
        .client
        .patch(drive.url(&format!("/sandbox/google/accounts/zoe/calendars/primary/events/{id}")))
        .json(&name)
        .send()
        .await
        .unwrap();
    let (_, exception) = drive.calendar(&token, &format!("{EVENTS}/{moved}")).await;
    assert_eq!(text(&exception, "summary"), "Renamed");
}

#[tokio::test]
async fn a_series_that_ends_or_goes_takes_its_instances_along() {
    let (drive, token) = empty().await;
    let weekly = series("Europe/Helsinki", "2026-12-01T09:00:00", "2026-12-01T10:00:00", "RRULE:FREQ=WEEKLY;COUNT=4");
    let id = text(&put(&drive, &token, weekly).await, "id").to_owned();
    let window = "timeMin=2026-11-01T00:00:00Z&timeMax=2027-02-01T00:00:00Z&singleEvents=true";
    let (_, full) = drive.calendar(&token, &format!("{EVENTS}?{window}")).await;
    assert_eq!(full["items"].as_array().unwrap().len(), 4);
    let synced = async |token: &str, page: &Value| {
        let sync: String = url::form_urlencoded::byte_serialize(text(page, "nextSyncToken").as_bytes()).collect();
        drive.calendar(token, &format!("{EVENTS}?singleEvents=true&syncToken={sync}")).await.1
    };
    drive
        .write(
            &token,
            Method::PATCH,
            &format!("{EVENTS}/{id}"),
            &json!({ "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=2"] }),
        )
        .await;
    let news = synced(&token, &full).await;
    let cancelled =
        |page: &Value| page["items"].as_array().unwrap().iter().filter(|item| item["status"] == "cancelled").count();
    assert_eq!((news["items"].as_array().unwrap().len(), cancelled(&news)), (4, 2), "the two that are lost are told");
    drive.write(&token, Method::DELETE, &format!("{EVENTS}/{id}"), &json!({})).await;
    let news = synced(&token, &news).await;
    assert_eq!(cancelled(&news), 2, "{news}");
    let (_, full) = drive.calendar(&token, EVENTS).await;
    assert_eq!(full["items"], json!([]));
}

#[tokio::test]
async fn an_all_day_event_is_a_day_of_the_calendars_zone() {
    let (drive, token) = empty().await;
    put(&drive, &token, json!({ "start": { "date": "2026-12-06" }, "end": { "date": "2026-12-07" } })).await;
    let count = async |from: &str, until: &str| {
        let (_, page) = drive.calendar(&token, &format!("{EVENTS}?timeMin={from}&timeMax={until}")).await;
        page["items"].as_array().unwrap().len()
    };
    // In Helsinki the sixth begins at ten in the evening of the fifth, in UTC.
    assert_eq!(count("2026-12-05T21:00:00Z", "2026-12-05T22:00:00Z").await, 0);
    assert_eq!(count("2026-12-05T21:00:00Z", "2026-12-05T22:00:01Z").await, 1);
    assert_eq!(count("2026-12-06T21:59:59Z", "2026-12-07T00:00:00Z").await, 1);
    assert_eq!(count("2026-12-06T22:00:00Z", "2026-12-07T00:00:00Z").await, 0, "the lower bound is exclusive");
}

#[tokio::test]
async fn free_busy_says_when_and_not_why() {
    let (drive, token) = empty().await;
    let at = |from: &str, until: &str, more: Value| {
        let mut event = json!({
            "start": { "dateTime": format!("2026-12-01T{from}:00Z") }, "end": { "dateTime": format!("2026-12-01T{until}:00Z") },
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let own = |answer: &str| json!({ "attendees": [{ "email": "zoe@sandbox.example", "responseStatus": answer }] });
    for event in [
        at("07:00", "08:30", json!({})),
        at("08:00", "09:00", json!({ "status": "tentative" })),
        at("09:00", "09:30", json!({})),
        at("10:00", "11:00", json!({ "transparency": "transparent" })),
        at("11:00", "12:00", own("declined")),
        at("12:00", "13:00", own("tentative")),
        at("14:00", "15:00", json!({ "status": "cancelled" })),
        at("16:00", "16:00", json!({})),
        at("17:00", "23:00", json!({ "visibility": "private" })),
    ] {
        put(&drive, &token, event).await;
    }
    let query = json!({
        "timeMin": "2026-12-01T08:15:00Z", "timeMax": "2026-12-01T20:00:00+02:00", "timeZone": "Europe/Helsinki",
        "items": [{ "id": "primary" }, { "id": "alice@sandbox.example" }],
    });
    let (status, answer) = drive.write(&token, Method::POST, "freeBusy", &query).await;
    assert_eq!((status, text(&answer, "kind")), (200, "calendar#freeBusy"));
    let stretch = |from: &str, until: &str| json!({ "start": format!("2026-12-01T{from}:00+02:00"), "end": format!("2026-12-01T{until}:00+02:00") });
    assert_eq!(
        answer["calendars"]["primary"],
        json!({ "busy": [stretch("10:15", "11:30"), stretch("14:00", "15:00"), stretch("19:00", "20:00")] })
    );
    assert_eq!(answer["calendars"]["alice@sandbox.example"]["errors"][0]["reason"], "notFound");
    let items = |count: usize| (0..count).map(|number| json!({ "id": format!("c{number}") })).collect::<Vec<_>>();
    for (change, value, status) in [
        ("timeMax", json!("2026-12-01T08:15:00Z"), 400),
        ("timeMin", json!(null), 400),
        ("timeMin", json!("2026-12-01"), 400),
        ("timeZone", json!("Mars/Olympus"), 400),
        ("calendarExpansionMax", json!(51), 400),
        ("calendarExpansionMax", json!(1), 400),
        ("groupExpansionMax", json!(101), 400),
        ("items", json!(items(51)), 400),
        ("items", json!(items(50)), 200),
        ("colour", json!("red"), 400),
    ] {
        let mut wrong = query.clone();
        wrong[change] = value;
        assert_eq!(drive.write(&token, Method::POST, "freeBusy", &wrong).await.0, status, "{change}");
    }
}

#[tokio::test]
async fn endless_and_impossible_series_come_to_an_end() {
    let (drive, token) = empty().await;
    for rule in ["RRULE:FREQ=DAILY", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "RRULE:FREQ=DAILY;INTERVAL=0"] {
        let event = series("UTC", "1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z", rule);
        drive.write(&token, Method::POST, EVENTS, &event).await;
    }
    let window = "timeMin=2026-12-01T00:00:00Z&timeMax=2026-12-03T00:00:00Z";
    let (status, page) =
        drive.calendar(&token, &format!("{EVENTS}?singleEvents=true&orderBy=startTime&{window}")).await;
    assert_eq!((status, starts(&page).len()), (200, 2));
}

#[tokio::test]
async fn the_calendars_are_lively() {
    let drive = start().await;
    let zones: std::collections::BTreeSet<String> = {
        let events = drive.see("google/accounts/alice/calendars/primary/events").await;
        let events = events.as_array().unwrap().clone();
        let any = |test: &dyn Fn(&Value) -> bool| events.iter().any(test);
        let own = |event: &Value, answer: &str| {
            event["attendees"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["self"] == true && one["responseStatus"] == answer))
        };
        for answer in ["accepted", "declined", "tentative", "needsAction"] {
            assert!(any(&|event| own(event, answer)), "{answer}");
        }
        assert!(any(&|event| event["transparency"] == "transparent") && any(&|event| event["visibility"] == "private"));
        assert!(any(&|event| event["status"] == "tentative") && any(&|event| event["status"] == "cancelled"));
        assert!(any(&|event| event["start"]["date"].is_string()) && any(&|event| event.get("summary").is_none()));
        assert!(any(&|event| event["recurringEventId"].is_string() && event["status"] == "cancelled"));
        assert!(any(&|event| event["recurringEventId"].is_string() && event["status"] == "confirmed"));
        assert!(
            any(&|event| event["eventType"] == "outOfOffice") && any(&|event| event["organizer"]["self"].is_null())
        );
        for frequency in ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"] {
            assert!(any(&|event| event["recurrence"].to_string().contains(frequency)), "{frequency}");
        }
        events.iter().filter_map(|event| event["start"]["timeZone"].as_str().map(str::to_owned)).collect()
    };
    assert!(zones.len() >= 5, "{zones:?}");
    let calendars = drive.see("google/accounts/alice/calendars").await;
    assert_eq!(calendars.as_array().unwrap().len(), 7);
    // The weekly series crosses a clock change: the same clock time, another offset.
    let occurrences = drive.see("google/accounts/alice/calendars/primary/occurrences").await;
    let offsets: std::collections::BTreeSet<&str> = occurrences
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["summary"] == "Stand-up with the harbour crew")
        .map(|event| &text(&event["start"], "dateTime")[11..])
        .collect();
    assert_eq!(offsets.into_iter().collect::<Vec<_>>(), ["09:30:00+02:00", "09:30:00+03:00"]);
}
