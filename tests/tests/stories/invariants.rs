//! The checks of a chaos run are checked themselves: a sound house passes, and each promise that is broken on purpose is
//! named.

mod breaches;
mod broken;

use bellhop_tests::invariants::{Answer, Chronicle, Deed, FaultKind, Moment, check, settle};
use bellhop_tests::{Consent, House, Story, Trouble, Walk, ensure};
use serde_json::json;
use uuid::Uuid;

use crate::{UNTIL_REFRESH, logged, rested};

/// A house in which a little of everything has happened, and what was asked for.
struct Lived {
    house: House,
    chronicle: Chronicle,
    /// Of the account that is connected through the chat.
    integration: Uuid,
}

/// Connects, fetches, refreshes, fails, is buried, replayed and disconnected, in a house that is then at rest.
async fn live() -> Story<Lived> {
    let mut house = House::plan().build().await?;
    let mut chronicle = Chronicle::begin(&house).await?;
    house.sandbox.set_google(json!({ "rotate_refresh_tokens": true })).await?;
    house.serve("bellhop", &[]).await?;
    let mut walk = house.walker(1001, "Ada")?;
    connect(&house, &mut chronicle, &mut walk, "bob").await?;
    let integration: Uuid = house.connected_integration().await?.parse()?;
    logged(&house, &integration.to_string(), "CalendarFetched", 1).await?;
    program(&house, &mut chronicle).await?;
    letter(&house, &mut chronicle, integration).await?;

    house.advance(UNTIL_REFRESH)?;
    logged(&house, &integration.to_string(), "AccessRefreshed", 1).await?;
    house.sandbox.mail_arrives("bob", "Eve <eve@else.example>", "Late news", "They come late.").await?;
    let asked = walk.person.ask("/disconnect", "to be asked", |message| message.button("No").is_some()).await?;
    walk.person.press(&asked, "No").await?;
    walk.person.sees_change(asked.id, "to be kept", |message| message.says("stays connected")).await?;
    settle(&house).await?;
    Ok(Lived { house, chronicle, integration })
}

/// The whole walk through the chat, with what it is found by.
async fn connect(house: &House, chronicle: &mut Chronicle, walk: &mut Walk, account: &str) -> Story {
    let link = walk.link().await?;
    let consent = walk.to_consent(&link).await?;
    let state = consent.url.query_pairs().find(|(name, _)| name == "state").map(|(_, state)| state.into_owned());
    let state = state.ok_or_else(|| Trouble::new("a consent page without a state"))?;
    let at = Moment::of(house)?;
    let page = walk.decide(&consent, account, Consent::All).await?;
    chronicle.asked(Deed::Callback { state: state.clone() }, at, Answer::Accepted);
    let code = page.finish_code().ok_or_else(|| Trouble::new("no finish code"))?;
    let at = Moment::of(house)?;
    let said = walk.person.say(&format!("/start {code}")).await?;
    walk.person.sees("the account to be connected", |message| message.says(&format!("{account}@"))).await?;
    chronicle.asked(Deed::Connect { state }, at, Answer::Accepted);
    if let Some(update) = said.update_id {
        chronicle.asked(Deed::Update { update }, at, Answer::Accepted);
        // Telegram brings it again, and nothing comes of it.
        house.sandbox.repeat_update(update).await?;
        chronicle.broke(FaultKind::UpdateRepeated, "bot", at, Moment::of(house)?);
    }
    Ok(())
}

/// A program connects, refreshes and disconnects.
async fn program(house: &House, chronicle: &mut Chronicle) -> Story {
    let api = house.program(&house.api_key("assistant").await?);
    let integration: Uuid = house.connect_by_api(&api, "alice").await?.parse()?;
    let at = Moment::of(house)?;
    api.post(&format!("v1/integrations/{integration}/refresh"), None).await?.expect(200)?;
    chronicle.asked(Deed::Refresh { integration, key: None }, at, Answer::Accepted);
    for _ in 0..2 {
        let at = Moment::of(house)?;
        // It may say that the provider is still being asked.
        let answer = api.delete(&format!("v1/integrations/{integration}")).await?;
        ensure(answer.status.is_success(), answer.text)?;
        chronicle.asked(Deed::Disconnect { integration }, at, Answer::Accepted);
    }
    logged(house, &integration.to_string(), "AccessRevoked", 1).await.map(drop)
}

/// A fetch is refused, buried, told of, and taken up again.
async fn letter(house: &House, chronicle: &mut Chronicle, integration: Uuid) -> Story {
    rested(house).await?;
    let (path, from) = ("/gmail/v1/users/me/history", Moment::of(house)?);
    house.sandbox.fault(json!({ "path": path, "status": 400, "body": "{}" })).await?;
    house.advance(chrono::TimeDelta::minutes(6))?;
    let log = logged(house, &integration.to_string(), "OwnerNotified", 1).await?;
    chronicle.broke(FaultKind::Unavailable, path, from, Moment::of(house)?);
    let buried = log.iter().find(|entry| entry["event"]["event"] == "JobBuried");
    let job =
        buried.and_then(|entry| entry["event"]["job"].as_str()).ok_or_else(|| Trouble::new("nothing was buried"))?;
    for answer in [Answer::Accepted, Answer::Refused] {
        let at = Moment::of(house)?;
        let ran = house.command(&["dead", "replay", job, "--because", "the story says so"]).await?;
        let is_replayed = ran.out.trim_end().ends_with(" replayed");
        ensure(is_replayed == (answer == Answer::Accepted), &ran.out)?;
        chronicle.asked(Deed::Replay { job: job.parse()? }, at, answer);
    }
    rested(house).await
}

#[tokio::test]
async fn a_house_in_which_everything_went_well_keeps_every_promise() -> Story {
    let Lived { house, chronicle, .. } = live().await?;
    let report = check(&house, &chronicle).await?;
    ensure(report.holds(), &report)?;
    for (figure, least) in [
        ("faults", 2.0),
        ("commands_sent", 8.0),
        ("jobs_buried", 1.0),
        ("jobs_replayed", 1.0),
        ("refreshes", 2.0),
        ("fetches", 4.0),
        ("runs", 9.0),
    ] {
        let value = report.figure(figure);
        ensure(value.is_some_and(|value| value >= least), format_args!("{figure} is {value:?}\n{report}"))?;
    }
    let share = report.figure("fetches_within_three_attempts").unwrap_or_default();
    assert!(share > 50.0 && share < 100.0, "one was buried: {report}");
    assert_eq!(check(&house, &chronicle).await?.findings, report.findings);
    house.end().await
}
