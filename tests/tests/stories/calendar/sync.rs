//! What changes between two looks at a calendar, and looks that are interrupted.

use bellhop_tests::{House, Story, until};
use chrono::{TimeDelta, Weekday};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::{EVENTS, agenda, connected, five_boats, looked_again, meeting, next, pages, stored};
use crate::{all_handled, events, events_in_all, logged, rested};

const ZONE: Tz = Tz::Europe__Helsinki;

/// What an event says of a fetch.
fn counts(fetched: &Value) -> (&str, u64, u64, u64) {
    let count = |name: &str| fetched[name].as_u64().unwrap_or(u64::MAX);
    (fetched["mode"].as_str().unwrap_or_default(), count("added"), count("updated"), count("removed"))
}

#[tokio::test]
async fn news_is_fetched_from_the_cursor_on_and_a_quiet_look_says_nothing() -> Story {
    let house = House::open().await?;
    let diary = house.sandbox.newcomer("dora", ZONE.name()).await?;
    let day = next(&house, Weekday::Wed).await?;
    let boats = five_boats(&diary, day).await?;
    let (walk, integration) = connected(&house, "dora").await?;
    let log = logged(&house, &integration, "CalendarFetched", 1).await?;
    assert_eq!(counts(events(&log, "CalendarFetched")[0]), ("full", 5, 0, 0));
    assert_eq!(agenda(&walk.person, day).await?.len(), 5);

    // One to a page: a full list would take a page for each that is there.
    house.sandbox.set_google(json!({ "calendar_page_size": 1 })).await?;
    house.keep_secret("Boat Aurora lands");
    diary.change(&boats[0], json!({ "summary": "Boat Aurora sinks" })).await?;
    diary.delete(&boats[1]).await?;
    diary.put(meeting("Boat Fornax lands", day, ("16:00", "16:30"), ZONE)).await?;
    let before = pages(&house).await?;
    looked_again(&house).await?;
    assert_eq!(pages(&house).await? - before, 3);
    let log = logged(&house, &integration, "CalendarFetched", 2).await?;
    assert_eq!(counts(events(&log, "CalendarFetched")[1]), ("incremental", 1, 1, 1));
    let expected = [
        "10:00–10:30  Boat Aurora sinks",
        "12:00–12:30  Boat Cassiopeia lands",
        "13:00–13:30  Boat Draco lands",
        "14:00–14:30  Boat Eridanus lands",
        "16:00–16:30  Boat Fornax lands",
    ];
    assert_eq!(agenda(&walk.person, day).await?, expected);

    let (heard, said) = (walk.person.heard().await?.len(), events_in_all(&house).await?);
    let before = pages(&house).await?;
    looked_again(&house).await?;
    assert_eq!(pages(&house).await? - before, 1);
    assert_eq!((walk.person.heard().await?.len(), events_in_all(&house).await?), (heard, said));
    assert_eq!(agenda(&walk.person, day).await?, expected);

    // Put in and taken out again between two looks: nothing came of it.
    let short = diary.put(meeting("Boat Gemini lands", day, ("17:00", "17:30"), ZONE)).await?;
    diary.delete(&short).await?;
    looked_again(&house).await?;
    assert_eq!(events_in_all(&house).await?, said);
    house.end().await
}

#[tokio::test]
async fn whoever_asks_hears_what_changed_since() -> Story {
    let house = House::open().await?;
    let diary = house.sandbox.newcomer("dora", ZONE.name()).await?;
    let day = next(&house, Weekday::Wed).await?;
    let boats = five_boats(&diary, day).await?;
    let (walk, _) = connected(&house, "dora").await?;
    let first = walk.person.ask(&format!("/agenda {day}"), "the day", super::is_settled).await?;
    assert_eq!(super::lines(&first).len(), 5);
    for boat in &boats[1..] {
        diary.delete(boat).await?;
    }
    house.advance(TimeDelta::seconds(61))?;
    let shown = walk.person.ask(&format!("/agenda {day}"), "an old answer that is replaced", super::is_settled).await?;
    assert!(
        shown.earlier_texts.iter().any(|text| text.contains("Looking for news") && text.contains("Draco")),
        "{:?}",
        shown.earlier_texts
    );
    assert_eq!(super::lines(&shown), ["10:00–10:30  Boat Aurora lands"]);

    // A button asks for it too, and edits in place.
    diary.delete(&boats[0]).await?;
    house.advance(TimeDelta::seconds(10))?;
    walk.person.press(&shown, "Refresh").await?;
    walk.person.sees_change(shown.id, "an empty day", |message| message.says("Nothing is on.")).await?;
    house.end().await
}

#[tokio::test]
async fn after_a_lost_sync_token_what_disappeared_meanwhile_goes() -> Story {
    let house = House::open().await?;
    let diary = house.sandbox.newcomer("dora", ZONE.name()).await?;
    let day = next(&house, Weekday::Wed).await?;
    let boats = five_boats(&diary, day).await?;
    let (walk, integration) = connected(&house, "dora").await?;
    assert_eq!(stored(&house).await?, 5);
    for boat in &boats[..2] {
        diary.delete(boat).await?;
    }
    diary.shift(&boats[2], 15).await?;
    diary.put(meeting("Boat Fornax lands", day, ("16:00", "16:30"), ZONE)).await?;
    diary.forget_sync().await?;
    looked_again(&house).await?;
    assert!(house.sandbox.ledger().await?.calls_of(EVENTS, Some("410")) >= 1);
    let log = logged(&house, &integration, "CalendarFetched", 2).await?;
    assert_eq!(counts(events(&log, "CalendarFetched")[1]), ("full", 1, 0, 2));
    let expected = [
        "12:15–12:45  Boat Cassiopeia lands",
        "13:00–13:30  Boat Draco lands",
        "14:00–14:30  Boat Eridanus lands",
        "16:00–16:30  Boat Fornax lands",
    ];
    assert_eq!(agenda(&walk.person, day).await?, expected);
    assert_eq!(stored(&house).await?, 4);
    // From there on by the new cursor.
    diary.delete(&boats[3]).await?;
    looked_again(&house).await?;
    let log = logged(&house, &integration, "CalendarFetched", 3).await?;
    assert_eq!(counts(events(&log, "CalendarFetched")[2]), ("incremental", 0, 0, 1));
    house.end().await
}

#[tokio::test]
async fn after_a_lost_page_token_everything_is_read_again() -> Story {
    let house = House::open().await?;
    let diary = house.sandbox.newcomer("dora", ZONE.name()).await?;
    let day = next(&house, Weekday::Wed).await?;
    let boats = five_boats(&diary, day).await?;
    house.sandbox.set_google(json!({ "calendar_page_size": 2 })).await?;
    let second = |then: Value| {
        let mut fault = json!({ "path": "/calendar/v3/calendars/", "contains": "pageToken" });
        fault.as_object_mut().into_iter().for_each(|fault| fault.extend(then.as_object().cloned().unwrap_or_default()));
        fault
    };
    house.sandbox.fault(second(json!({ "status": 429, "retry_after": 60 }))).await?;
    house.sandbox.fault(second(json!({ "status": 400, "body": "{}" }))).await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("dora").await?;
    let integration = house.connected_integration().await?;
    until("the first page to be stored", async || Ok((stored(&house).await? == 2).then_some(()))).await?;
    until("the pause", async || Ok((house.sandbox.faults_to_come().await? == 1).then_some(()))).await?;
    rested(&house).await?;
    // Meanwhile one of the two that are stored is gone.
    let first = house.database.rows("select entry_id from calendar_entries order by entry_id limit 1").await?;
    let gone = first[0]["entry_id"].as_str().unwrap_or_default().to_owned();
    assert!(boats.contains(&gone));
    diary.delete(&gone).await?;
    house.advance(TimeDelta::seconds(61))?;
    let log = logged(&house, &integration, "CalendarFetched", 1).await?;
    assert_eq!(house.sandbox.faults_to_come().await?, 0);
    let fetched = events(&log, "CalendarFetched");
    assert_eq!(fetched.len(), 1);
    // Everything that was stored on the way is told: five came, and one of them went.
    assert_eq!(counts(fetched[0]), ("full", 5, 0, 1));
    assert_eq!(stored(&house).await?, 4);
    assert_eq!(agenda(&walk.person, day).await?.len(), 4);
    house.end().await
}

#[tokio::test]
async fn a_first_reading_that_is_killed_half_way_goes_on_at_its_page() -> Story {
    let mut house = House::open().await?;
    let diary = house.sandbox.newcomer("dora", ZONE.name()).await?;
    let day = next(&house, Weekday::Wed).await?;
    five_boats(&diary, day).await?;
    house.sandbox.set_google(json!({ "calendar_page_size": 2 })).await?;
    // The first page comes, the second hangs, however often it is asked for.
    for times in [1, 1_000] {
        let hangs =
            json!({ "path": "/calendar/v3/calendars/", "contains": "pageToken", "delay_ms": 60_000, "times": times });
        house.sandbox.fault(hangs).await?;
    }
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("dora").await?;
    let integration = house.connected_integration().await?;
    until("the first page to be stored", async || Ok((stored(&house).await? == 2).then_some(()))).await?;
    until("the second page to be asked for", async || Ok((house.sandbox.faults_to_come().await? == 1).then_some(())))
        .await?;
    // Half of it is not shown as if it were all.
    let early = walk
        .person
        .ask(&format!("/agenda {day}"), "that it is being read", |message| message.says("first time"))
        .await?;
    assert!(!early.says("Nothing is on"), "{}", early.text);
    // Killed any sooner, it would be asked again by whoever comes after, and answer in another message.
    all_handled(&house).await?;
    house.kill("bellhop")?;
    assert_eq!(stored(&house).await?, 2);
    house.sandbox.clear_faults().await?;
    house.database.let_leases_run_out().await?;
    house.serve("bellhop", &[]).await?;
    let log = logged(&house, &integration, "CalendarFetched", 1).await?;
    assert_eq!(counts(events(&log, "CalendarFetched")[0]), ("full", 5, 0, 0));
    assert_eq!(house.sandbox.ledger().await?.calls_of(EVENTS, Some("200")), 3);
    walk.person.sees_change(early.id, "all of it", |message| message.says("Eridanus")).await?;
    assert_eq!(agenda(&walk.person, day).await?.len(), 5);
    house.end().await
}

#[tokio::test]
async fn news_of_several_pages_is_complete_although_the_reading_was_interrupted() -> Story {
    let mut house = House::open().await?;
    let diary = house.sandbox.newcomer("dora", ZONE.name()).await?;
    let day = next(&house, Weekday::Wed).await?;
    let boats = five_boats(&diary, day).await?;
    let (walk, integration) = connected(&house, "dora").await?;
    assert_eq!(stored(&house).await?, 5);
    house.sandbox.set_google(json!({ "calendar_page_size": 1 })).await?;
    diary.delete(&boats[0]).await?;
    diary.delete(&boats[4]).await?;
    diary.shift(&boats[2], 15).await?;
    diary.put(meeting("Boat Fornax lands", day, ("16:00", "16:30"), ZONE)).await?;
    let hangs = json!({ "path": "/calendar/v3/calendars/", "contains": "pageToken", "skip": 1, "delay_ms": 60_000 });
    house.sandbox.fault(hangs).await?;
    house.advance(super::POLL)?;
    until("the third page to be asked for", async || Ok((house.sandbox.faults_to_come().await? == 0).then_some(())))
        .await?;
    house.kill("bellhop")?;
    // What changes while nobody looks comes as well.
    diary.delete(&boats[3]).await?;
    house.database.let_leases_run_out().await?;
    house.serve("bellhop", &[]).await?;
    let log = logged(&house, &integration, "CalendarFetched", 2).await?;
    assert_eq!(events(&log, "CalendarFetched")[1]["mode"], "incremental");
    looked_again(&house).await?;
    let expected =
        ["11:00–11:30  Boat Borealis lands", "12:15–12:45  Boat Cassiopeia lands", "16:00–16:30  Boat Fornax lands"];
    assert_eq!(agenda(&walk.person, day).await?, expected);
    assert_eq!(stored(&house).await?, 3);
    let log = house.audit(&integration).await?;
    let (mut added, mut removed) = (0, 0);
    for fetched in events(&log, "CalendarFetched") {
        let (_, more, _, fewer) = counts(fetched);
        (added, removed) = (added + more, removed + fewer);
    }
    assert_eq!((added, removed), (6, 3), "what is stored is what the log says came and went");
    house.end().await
}
