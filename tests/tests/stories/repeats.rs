//! A repeat is not an error, and a crash is not an end: updates and callbacks that come twice, or only half.

use bellhop_tests::{House, Story, Trouble, until};
use serde_json::json;

use crate::{all_handled, events_in_all, logged, mail_agrees, rested};

#[tokio::test]
async fn updates_that_telegram_repeats_change_nothing() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let code = walk.to_finish("bob", bellhop_tests::Consent::All).await?;
    let finished = walk.person.say(&format!("/start {code}")).await?;
    walk.person.sees("the account to be connected", |message| message.says("bob@")).await?;
    let integration = house.connected_integration().await?;
    mail_agrees(&house, "bob").await?;
    logged(&house, &integration, "MailFetched", 1).await?;
    let asked = walk.person.ask("/disconnect", "to be asked", |message| message.button("No").is_some()).await?;
    let kept = walk.person.press(&asked, "No").await?;
    walk.person.sees_change(asked.id, "to be kept", |message| message.says("stays connected")).await?;
    rested(&house).await?;
    all_handled(&house).await?;
    let (events, said) = (events_in_all(&house).await?, walk.person.heard().await?.len());

    for update in [finished.update_id, kept.update_id].into_iter().flatten() {
        for _ in 0..2 {
            house.sandbox.repeat_update(update).await?;
        }
    }
    // What comes later is answered later: by then the repeats were looked at.
    walk.person.ask("/help", "an answer", |message| message.says("/inbox")).await?;
    assert_eq!(events_in_all(&house).await?, events);
    assert_eq!(walk.person.heard().await?.len(), said + 1);
    let ledger = house.sandbox.ledger().await?;
    assert_eq!((ledger.exchanges().len(), ledger.revocations.len()), (1, 0));
    house.end().await
}

#[tokio::test]
async fn an_update_whose_handling_crashed_is_handled_after_a_restart() -> Story {
    let mut house = House::open().await?;
    let person = house.person(1001, "Ada");
    person.ask("/start", "a welcome", |message| message.says("Bellhop")).await?;
    all_handled(&house).await?;
    // Telegram is slow to take the answer, and the process dies meanwhile.
    house.sandbox.fault(json!({ "path": "/bot/sendMessage", "delay_ms": 120_000 })).await?;
    let said = person.say("/accounts").await?;
    until("the answer to be under way", async || Ok((house.sandbox.faults_to_come().await? == 0).then_some(())))
        .await?;
    // It is confirmed to Telegram, which will not send it again.
    until("the update to be confirmed", async || {
        let pending = house.sandbox.get("ledger").await?["telegram"]["updates_pending"].as_u64();
        Ok((pending == Some(0)).then_some(()))
    })
    .await?;
    house.kill("bellhop")?;
    house.database.let_leases_run_out().await?;
    house.serve("bellhop", &[]).await?;
    let after = said.message_id.ok_or_else(|| Trouble::new("nothing was said"))?;
    person.sees_after(after, "the answer after all", |message| message.says("No account is connected")).await?;
    house.end().await
}

#[tokio::test]
async fn a_finish_that_crashed_after_its_exchange_is_not_exchanged_again() -> Story {
    let mut house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let code = walk.to_finish("alice", bellhop_tests::Consent::All).await?;
    house.sandbox.fault(json!({ "path": "/token", "delay_ms": 5_000 })).await?;
    let said = walk.person.say(&format!("/start {code}")).await?;
    until("the exchange to be under way", async || Ok((house.sandbox.faults_to_come().await? == 0).then_some(())))
        .await?;
    house.kill("bellhop")?;
    house.database.let_leases_run_out().await?;
    house.advance(chrono::TimeDelta::minutes(2))?;
    house.serve("bellhop", &[]).await?;
    let after = said.message_id.unwrap_or_default();
    walk.person.sees_after(after, "that it is unknown how it went", |message| message.says("took too long")).await?;
    assert!(house.sandbox.ledger().await?.exchanges().len() <= 1);
    walk.connect("alice").await?;
    house.end().await
}

#[tokio::test]
async fn a_finish_code_brought_again_is_answered_as_the_first_time() -> Story {
    let house = House::open().await?;
    let api = house.program(&house.api_key("assistant").await?);
    let asked = api.get("oauth/google/authorize").await?;
    asked.expect(200)?;
    let mut walk = house.walker(1001, "Ada")?;
    let consent = walk.to_consent(&url::Url::parse(&asked.field("connect_url")?)?).await?;
    let page = walk.decide(&consent, "bob", bellhop_tests::Consent::All).await?;
    let body = || Some(json!({ "finish_code": page.finish_code() }));
    let first = api.post("oauth/google/finish", body()).await?;
    let again = api.post("oauth/google/finish", body()).await?;
    assert_eq!(first.expect(200)?["integration"]["id"], again.expect(200)?["integration"]["id"]);
    assert_eq!(house.sandbox.ledger().await?.exchanges().len(), 1);
    house.end().await
}

#[tokio::test]
async fn two_bots_take_turns_and_the_second_takes_over() -> Story {
    let mut house = House::open().await?;
    house.serve("second", &["bot"]).await?;
    let person = house.person(1001, "Ada");
    person.ask("/start", "a welcome", |message| message.says("Bellhop")).await?;
    all_handled(&house).await?;
    house.kill("bellhop")?;
    person.ask("/help", "an answer of the second", |message| message.says("/inbox")).await?;
    assert_eq!(house.sandbox.get("ledger").await?["telegram"]["poll_conflicts"], 0);
    house.end().await
}
