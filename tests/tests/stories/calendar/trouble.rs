//! Calendars that cannot be read for long: said once, and nothing else stops for it.

use bellhop_tests::{House, Person, Story};
use chrono::{TimeDelta, Weekday};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::{agenda, connected, five_boats, looked_again, next};
use crate::{events, logged, mail_agrees, rested, state_of};

const CALENDAR: &str = "/calendar/v3/";
const MAIL: &str = "/gmail/v1/users/me/history";

/// Lets everything below this path fail until the faults are taken back.
async fn goes_away(house: &House, path: &str) -> Story {
    house.sandbox.fault(json!({ "path": path, "status": 500, "times": 100_000 })).await
}

/// How often the log says that a job of this kind was given up.
fn burials(log: &[Value], kind: &str) -> usize {
    events(log, "JobBuried").iter().filter(|buried| buried["payload"]["kind"] == kind).count()
}

/// Lets time pass until a job of this kind was given up so often.
async fn given_up(house: &House, integration: &str, kind: &str, times: usize) -> Story {
    let mut steps = 0;
    loop {
        let log = house.audit(integration).await?;
        if burials(&log, kind) >= times {
            return Ok(());
        }
        let failed = events(&log, "JobFailed").len() + events(&log, "JobBuried").len();
        steps += 1;
        assert!(steps < 60, "{kind} is never given up: {log:?}");
        // Longer than any pause between two attempts and between two looks.
        house.advance(TimeDelta::seconds(601))?;
        bellhop_tests::until("another failure", async || {
            let log = house.audit(integration).await?;
            Ok((events(&log, "JobFailed").len() + events(&log, "JobBuried").len() > failed).then_some(()))
        })
        .await?;
    }
}

/// How many messages of the bot say this.
async fn told(person: &Person, words: &str) -> Story<usize> {
    Ok(person.heard().await?.iter().filter(|message| message.says(words)).count())
}

const CALENDAR_TROUBLE: &str = "could not bring the calendar up to date";
const MAIL_TROUBLE: &str = "could not fetch new mail";

#[tokio::test]
async fn a_calendar_that_is_away_for_long_is_told_of_once_and_the_mail_goes_on() -> Story {
    let house = House::open().await?;
    let diary = house.sandbox.newcomer("dora", "Europe/Helsinki").await?;
    let day = next(&house, Weekday::Wed).await?;
    let boats = five_boats(&diary, day).await?;
    let (walk, integration) = connected(&house, "dora").await?;
    let ada = &walk.person;
    assert_eq!(agenda(ada, day).await?.len(), 5);
    goes_away(&house, CALENDAR).await?;
    for times in 1..=3 {
        given_up(&house, &integration, "fetch_calendar", times).await?;
        rested(&house).await?;
        house
            .sandbox
            .mail_arrives("dora", "Cy <cy@sender.example>", &format!("News of the pier {times}"), "Read me.")
            .await?;
        house.advance(TimeDelta::seconds(301))?;
        mail_agrees(&house, "dora").await?;
    }
    ada.sees("the trouble", |message| message.says(CALENDAR_TROUBLE)).await?;
    // Somebody who asks gets what is stored, with its age.
    let old = ada.ask(&format!("/agenda {day}"), "what is stored", |message| message.says("Draco")).await?;
    assert!(old.says("Looking for news") || old.says("No answer yet"), "{}", old.text);
    assert_eq!((told(ada, CALENDAR_TROUBLE).await?, told(ada, MAIL_TROUBLE).await?), (1, 0));
    let log = house.audit(&integration).await?;
    assert_eq!((events(&log, "OwnerNotified").len(), burials(&log, "fetch_mail")), (1, 0));
    let accounts = ada.ask("/accounts", "how it is", |message| message.says("Access renewed")).await?;
    assert!(
        accounts.says("something is failing") && accounts.says("Reading the calendar keeps failing"),
        "{}",
        accounts.text
    );

    house.sandbox.clear_faults().await?;
    diary.delete(&boats[0]).await?;
    house.advance(TimeDelta::seconds(601))?;
    let log = logged(&house, &integration, "AccessRecovered", 1).await?;
    let accounts = ada.ask("/accounts", "how it is", |message| message.says("Access renewed")).await?;
    assert!(accounts.says("✅ connected") && !accounts.says("failing"), "{}", accounts.text);
    assert_eq!(events(&log, "AccessRecovered")[0]["granted"], json!(["calendar"]));
    assert_eq!(state_of(&house, &integration).await?, "active");
    looked_again(&house).await?;
    assert_eq!(agenda(ada, day).await?.len(), 4);

    // Another outage is another trouble.
    goes_away(&house, CALENDAR).await?;
    given_up(&house, &integration, "fetch_calendar", 4).await?;
    logged(&house, &integration, "OwnerNotified", 2).await?;
    assert_eq!(told(ada, CALENDAR_TROUBLE).await?, 2);
    house.end().await
}

#[tokio::test]
async fn mail_that_works_again_does_not_end_the_trouble_with_the_calendar() -> Story {
    let house = House::open().await?;
    let diary = house.sandbox.newcomer("dora", Tz::Europe__Helsinki.name()).await?;
    let day = next(&house, Weekday::Wed).await?;
    five_boats(&diary, day).await?;
    let (walk, integration) = connected(&house, "dora").await?;
    rested(&house).await?;
    mail_agrees(&house, "dora").await?;
    goes_away(&house, MAIL).await?;
    given_up(&house, &integration, "fetch_mail", 1).await?;
    walk.person.sees("the trouble", |message| message.says(MAIL_TROUBLE)).await?;
    goes_away(&house, CALENDAR).await?;
    given_up(&house, &integration, "fetch_calendar", 1).await?;
    // One outage, one message.
    assert_eq!((told(&walk.person, CALENDAR_TROUBLE).await?, told(&walk.person, MAIL_TROUBLE).await?), (0, 1));

    // The mail comes back alone.
    rested(&house).await?;
    house.sandbox.clear_faults().await?;
    goes_away(&house, CALENDAR).await?;
    house.sandbox.mail_arrives("dora", "Cy <cy@sender.example>", "News after the storm", "Read me.").await?;
    house.advance(TimeDelta::seconds(601))?;
    let log = logged(&house, &integration, "AccessRecovered", 1).await?;
    assert_eq!(events(&log, "AccessRecovered")[0]["granted"], json!(["mail"]));
    mail_agrees(&house, "dora").await?;
    given_up(&house, &integration, "fetch_calendar", 2).await?;
    let log = house.audit(&integration).await?;
    assert_eq!(events(&log, "AccessRecovered").len(), 1);
    // What outlasts the trouble that was told of is told of as well, and no more often.
    walk.person.sees("the trouble that is left", |message| message.says(CALENDAR_TROUBLE)).await?;
    given_up(&house, &integration, "fetch_calendar", 3).await?;
    assert_eq!((told(&walk.person, CALENDAR_TROUBLE).await?, told(&walk.person, MAIL_TROUBLE).await?), (1, 1));

    house.sandbox.clear_faults().await?;
    house.advance(TimeDelta::seconds(601))?;
    let log = logged(&house, &integration, "AccessRecovered", 2).await?;
    assert_eq!(events(&log, "AccessRecovered")[1]["granted"], json!(["calendar"]));
    looked_again(&house).await?;
    assert_eq!(agenda(&walk.person, day).await?.len(), 5);
    house.end().await
}
