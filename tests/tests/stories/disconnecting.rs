//! Ending a connection: asked twice, by two at once, and overtaken by a new one.

use bellhop_tests::{Api, House, Story, Trouble, ensure, until};
use chrono::TimeDelta;
use serde_json::json;

use crate::{events, logged, mail_agrees, rested, state_of};

/// How often two are made to disconnect at the same time.
const RACES: usize = 3;

#[tokio::test]
async fn a_second_press_says_what_really_came_of_the_revocation() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("bob").await?;
    let integration = house.connected_integration().await?;
    let asked = walk.person.ask("/disconnect", "to be asked first", |message| message.button("Yes").is_some()).await?;
    let yes = asked.button("Yes").and_then(|button| button.callback_data.clone());
    let yes = yes.ok_or_else(|| Trouble::new("a Yes that says nothing"))?;

    // Twice while Google thinks, and once more after it has answered.
    house.sandbox.fault(json!({ "path": "/revoke", "delay_ms": 1_500 })).await?;
    walk.person.press_data(asked.id, &yes).await?;
    walk.person.press_data(asked.id, &yes).await?;
    walk.person.sees_change(asked.id, "the revocation", |message| message.says("confirmed")).await?;
    walk.person.press_data(asked.id, &yes).await?;
    // One person's updates are handled in their order.
    walk.person.ask("/help", "an answer to what came later", |message| message.says("/inbox")).await?;
    let ended = walk.person.sees_change(asked.id, "how it ended", |_| true).await?;
    ensure(ended.says("Google confirmed"), &ended.text)?;
    let earlier = ended.earlier_texts.join("\n");
    ensure(!earlier.contains("no access left"), format_args!("meanwhile it said: {earlier}"))?;
    let log = house.audit(&integration).await?;
    assert_eq!((events(&log, "Disconnected").len(), events(&log, "AccessRevoked").len()), (1, 1));
    assert_eq!(house.sandbox.ledger().await?.revocations.len(), 1);
    house.end().await
}

#[tokio::test]
async fn a_second_delete_answers_what_really_came_of_the_revocation() -> Story {
    let house = House::open().await?;
    let api = house.program(&house.api_key("assistant").await?);
    let id = house.connect_by_api(&api, "bob").await?;
    let path = format!("v1/integrations/{id}");
    // Google asks for a pause, so that nothing comes of it before the second.
    house.sandbox.fault(json!({ "path": "/revoke", "status": 503, "retry_after": 240 })).await?;
    for _ in 0..2 {
        assert_eq!(api.delete(&path).await?.expect(202)?["at_provider"], "revoking");
    }
    refused_once(&house).await?;
    house.advance(TimeDelta::seconds(241))?;
    logged(&house, &id, "AccessRevoked", 1).await?;
    for _ in 0..2 {
        let answer = api.delete(&path).await?;
        let answer = answer.expect(200)?;
        assert_eq!((&answer["state"], &answer["at_provider"]), (&json!("disconnected"), &json!("revoked")));
    }
    assert_eq!(house.sandbox.ledger().await?.revocations.len(), 1);
    house.end().await
}

#[tokio::test]
async fn two_who_hold_the_same_account_and_disconnect_at_once_revoke_once() -> Story {
    let mut house = House::open().await?;
    house.serve("second", &["http"]).await?;
    let ours = house.program(&house.api_key("ours").await?);
    let theirs = house.api_key("theirs").await?;
    let (theirs, elsewhere) = (house.program(&theirs), house.program_at(&house.origin_of("second")?, &theirs));
    for race in 1..=RACES {
        let our_id = house.connect_by_api(&ours, "bob").await?;
        let their_id = house.connect_by_api(&theirs, "bob").await?;
        let (first, second) = tokio::try_join!(end(&ours, &our_id), end(&elsewhere, &their_id))?;
        let last = match (first.as_str(), second.as_str()) {
            ("revoking", "kept_for_another_connection") => &our_id,
            ("kept_for_another_connection", "revoking") => &their_id,
            answers => return Err(Trouble::new(format!("in race {race} they were answered {answers:?}"))),
        };
        let log = logged(&house, last, "AccessRevoked", 1).await?;
        assert_eq!(events(&log, "AccessRevoked")[0]["outcome"], "revoked", "race {race}");
        let ledger = house.sandbox.ledger().await?;
        assert_eq!((ledger.revocations.len(), ledger.grants.len()), (race, 0), "race {race}: {:?}", ledger.revocations);
    }
    house.end().await
}

/// Waits until Google has had no time for the one revocation, and its job rests until it is to come back.
async fn refused_once(house: &House) -> Story {
    until("Google to have no time for the revocation", async || {
        let calls = house.sandbox.ledger().await?.calls_of("/revoke", Some("503"));
        let resting = "select count(*) from jobs where kind = 'revoke_access' and state = 'open' and lease is null";
        Ok((calls == 1 && house.database.number(resting).await? == 1).then_some(()))
    })
    .await
}

/// Disconnects; answers what is said to happen at the provider.
async fn end(api: &Api, id: &str) -> Story<String> {
    let answer = api.delete(&format!("v1/integrations/{id}")).await?;
    ensure(answer.status.is_success(), &answer.text)?;
    answer.field("at_provider")
}

#[tokio::test]
async fn a_delayed_revocation_does_not_end_a_newer_connection_of_the_same_account() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("bob").await?;
    let old = house.connected_integration().await?;
    house.sandbox.fault(json!({ "path": "/revoke", "status": 503, "retry_after": 240 })).await?;
    let asked = walk.person.ask("/disconnect", "to be asked first", |message| message.button("Yes").is_some()).await?;
    walk.person.press(&asked, "Yes").await?;
    refused_once(&house).await?;

    walk.connect("bob").await?;
    let new = house.connected_integration().await?;
    assert_ne!(old, new);
    house.advance(TimeDelta::seconds(241))?;
    let log = logged(&house, &old, "AccessRevoked", 1).await?;
    assert_eq!(events(&log, "AccessRevoked")[0]["outcome"], "kept_for_another");
    let ledger = house.sandbox.ledger().await?;
    assert!(ledger.revocations.is_empty() && ledger.grant("bob").is_some(), "{:?}", ledger.revocations);
    assert_eq!(state_of(&house, &old).await?, "disconnected");
    assert_eq!(state_of(&house, &new).await?, "active");

    // Not only in name: its access token is replaced, and mail that comes is fetched.
    rested(&house).await?;
    house.sandbox.mail_arrives("bob", "A <a@sender.example>", "After the revocation", "Still here.").await?;
    house.advance(crate::UNTIL_REFRESH)?;
    let log = logged(&house, &new, "AccessRefreshed", 1).await?;
    assert!(events(&log, "AccessExpired").is_empty());
    mail_agrees(&house, "bob").await?;
    walk.person.ask("/accounts", "the account", |message| message.says("bob@")).await?;
    house.end().await
}

#[tokio::test]
async fn a_second_press_after_the_revocation_was_given_up_does_not_say_that_it_goes_on() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("bob").await?;
    house
        .sandbox
        .fault(json!({ "path": "/revoke", "status": 400, "body": "{\"error\":\"unsupported_token_type\"}" }))
        .await?;
    let asked = walk.person.ask("/disconnect", "to be asked first", |message| message.button("Yes").is_some()).await?;
    let yes = asked.button("Yes").and_then(|button| button.callback_data.clone()).unwrap_or_default();
    walk.person.press_data(asked.id, &yes).await?;
    walk.person.sees_change(asked.id, "that it failed", |message| message.says("stopped asking")).await?;
    house.advance(TimeDelta::minutes(10))?;
    walk.person.press_data(asked.id, &yes).await?;
    walk.person.ask("/help", "an answer to what came later", |message| message.says("/inbox")).await?;
    let ended = walk.person.sees_change(asked.id, "how it ended", |_| true).await?;
    ensure(ended.says("stopped asking"), &ended.text)?;
    house.end().await
}

#[tokio::test]
async fn a_second_delete_after_the_revocation_was_given_up_does_not_say_that_it_goes_on() -> Story {
    let house = House::open().await?;
    let api = house.program(&house.api_key("assistant").await?);
    let id = house.connect_by_api(&api, "bob").await?;
    house
        .sandbox
        .fault(json!({ "path": "/revoke", "status": 400, "body": "{\"error\":\"unsupported_token_type\"}" }))
        .await?;
    api.delete(&format!("v1/integrations/{id}")).await?.expect(202)?;
    logged(&house, &id, "JobBuried", 1).await?;
    let again = api.delete(&format!("v1/integrations/{id}")).await?;
    ensure(again.body["at_provider"] != "revoking", format_args!("{} {}", again.status, again.text))?;
    house.end().await
}
