//! Tokens kept alive: once for everybody who asks, and through every crash.

use bellhop_tests::{Api, House, Story, Trouble, ensure, until};
use serde_json::json;

use crate::{UNTIL_REFRESH, events, logged, state_of};

/// How many ask at the same time.
const ASKERS: usize = 50;

#[tokio::test]
async fn fifty_refreshes_over_two_processes_make_one_call() -> Story {
    let mut house = House::open().await?;
    house.serve("second", &[]).await?;
    let key = house.api_key("assistant").await?;
    let origins = [house.origin_of("bellhop")?, house.origin_of("second")?];
    let programs: Vec<Api> = origins.iter().map(|origin| house.program_at(origin, &key)).collect();
    let id = house.connect_by_api(&programs[0], "alice").await?;

    // Both processes have opened their connections to Postgres: a busy machine takes seconds for that.
    until("fifty callers to be served at once", async || {
        let asked = (0..ASKERS).map(|asker| programs[asker % 2].get("v1/integrations"));
        let answers = futures::future::join_all(asked).await;
        Ok(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 200)).then_some(()))
    })
    .await?;
    // So slow that all of them are under way before it answers.
    house.sandbox.fault(json!({ "path": "/token", "delay_ms": 5_000 })).await?;
    let path = format!("v1/integrations/{id}/refresh");
    let asked = (0..ASKERS).map(|asker| programs[asker % 2].post(&path, None));
    for answer in futures::future::join_all(asked).await {
        answer?.expect(200)?;
    }
    let ledger = house.sandbox.ledger().await?;
    assert_eq!(ledger.refreshes().len(), 1, "{:?}", ledger.refreshes());
    let log = house.audit(&id).await?;
    assert_eq!(events(&log, "AccessRefreshed").len(), 1);
    assert!((house.oauth_counted("refresh_start").await? - 1.0).abs() < 0.1);
    house.end().await
}

#[tokio::test]
async fn a_rotated_refresh_token_survives_a_kill_right_after_its_commit() -> Story {
    let mut house = House::open().await?;
    house.sandbox.set_google(json!({ "rotate_refresh_tokens": true })).await?;
    house.walker(1001, "Ada")?.connect("alice").await?;
    let integration = house.connected_integration().await?;
    house.advance(UNTIL_REFRESH)?;
    until("the commit of the new token", async || {
        let committed = "select count(*) from events where type = 'AccessRefreshed'";
        Ok((house.database.number(committed).await? == 1).then_some(()))
    })
    .await?;
    house.kill("bellhop")?;

    house.serve("bellhop", &[]).await?;
    house.advance(UNTIL_REFRESH)?;
    logged(&house, &integration, "AccessRefreshed", 2).await?;
    let ledger = house.sandbox.ledger().await?;
    let [first, second] = ledger.refreshes()[..] else {
        return Err(Trouble::new(format!("two refreshes were expected: {:?}", ledger.refreshes())));
    };
    assert_eq!(second.refresh_token_used, first.refresh_token_issued);
    assert_eq!((first.outcome.as_str(), second.outcome.as_str()), ("issued", "issued"));
    assert_eq!(state_of(&house, &integration).await?, "active");
    house.end().await
}

/// Everything up to the moment where Google has answered a refresh and Bellhop cannot record it, Postgres being away.
async fn answered_and_not_recorded(house: &House) -> Story {
    house.sandbox.fault(json!({ "path": "/token", "delay_ms": 6_000 })).await?;
    house.advance(UNTIL_REFRESH)?;
    until("the refresh to be on its way to Google", async || {
        Ok((house.sandbox.faults_to_come().await? == 0).then_some(()))
    })
    .await?;
    gate(house)?.shut();
    until("Google to have answered", async || Ok((house.sandbox.ledger().await?.refreshes().len() == 1).then_some(())))
        .await?;
    until("Bellhop to hold an answer that it cannot record", async || {
        Ok(house.log_of("bellhop").contains("a token answer is not recorded yet").then_some(()))
    })
    .await
}

fn gate(house: &House) -> Story<&bellhop_tests::Gate> {
    house.postgres_gate.as_ref().ok_or_else(|| Trouble::new("a house without gates"))
}

#[tokio::test]
async fn a_token_answer_waits_for_postgres_and_is_not_thrown_away() -> Story {
    let house = House::plan().gated().open().await?;
    house.sandbox.set_google(json!({ "rotate_refresh_tokens": true })).await?;
    house.walker(1001, "Ada")?.connect("alice").await?;
    let integration = house.connected_integration().await?;
    answered_and_not_recorded(&house).await?;
    gate(&house)?.open();
    logged(&house, &integration, "AccessRefreshed", 1).await?;
    house.advance(UNTIL_REFRESH)?;
    logged(&house, &integration, "AccessRefreshed", 2).await?;
    let ledger = house.sandbox.ledger().await?;
    assert!(ledger.refreshes().iter().all(|refresh| refresh.outcome == "issued"), "{:?}", ledger.refreshes());
    assert_eq!(ledger.refreshes().len(), 2);
    house.end().await
}

#[tokio::test]
async fn a_kill_between_answer_and_commit_ends_healthy_where_the_old_token_is_still_good() -> Story {
    let mut house = House::plan().gated().open().await?;
    let walk = &mut house.walker(1001, "Ada")?;
    walk.connect("alice").await?;
    let integration = house.connected_integration().await?;
    killed_between_answer_and_commit(&mut house).await?;
    logged(&house, &integration, "AccessRefreshed", 1).await?;
    assert_eq!(state_of(&house, &integration).await?, "active");
    assert_eq!(house.sandbox.ledger().await?.refreshes().len(), 2);
    assert!(walk.person.heard().await?.iter().all(|message| message.button("Reconnect").is_none()));
    house.end().await
}

#[tokio::test]
async fn a_kill_between_answer_and_commit_of_a_rotated_token_ends_expired_with_one_message() -> Story {
    let mut house = House::plan().gated().open().await?;
    house.sandbox.set_google(json!({ "rotate_refresh_tokens": true })).await?;
    let walk = &mut house.walker(1001, "Ada")?;
    walk.connect("alice").await?;
    let integration = house.connected_integration().await?;
    killed_between_answer_and_commit(&mut house).await?;
    let log = logged(&house, &integration, "OwnerNotified", 1).await?;
    assert_eq!(events(&log, "AccessExpired").len(), 1);
    assert_eq!(events(&log, "AccessExpired")[0]["reason"], "answer_lost");
    assert_eq!(state_of(&house, &integration).await?, "expired");
    let notices: Vec<_> =
        walk.person.heard().await?.into_iter().filter(|message| message.button("Reconnect").is_some()).collect();
    assert_eq!(notices.len(), 1, "{notices:?}");
    let ledger = house.sandbox.ledger().await?;
    let outcomes: Vec<_> = ledger.refreshes().iter().map(|refresh| refresh.outcome.clone()).collect();
    assert_eq!(outcomes, ["issued", "invalid_grant"]);

    // Reconnecting heals it in place.
    walk.person.press(&notices[0], "Reconnect").await.ok();
    let fresh = walk.person.ask("/accounts", "a way to mend it", |message| message.link().is_some()).await?;
    let consent = walk.to_consent(&fresh.link().ok_or_else(|| Trouble::new("no link"))?).await?;
    let page = walk.decide(&consent, "alice", bellhop_tests::Consent::All).await?;
    let code = page.finish_code().ok_or_else(|| Trouble::new(page.text()))?;
    walk.finish(&code, "to be connected again", |message| message.says("connected again")).await?;
    assert_eq!(state_of(&house, &integration).await?, "active");
    house.end().await
}

async fn killed_between_answer_and_commit(house: &mut House) -> Story {
    answered_and_not_recorded(house).await?;
    house.kill("bellhop")?;
    gate(house)?.open();
    house.database.let_leases_run_out().await?;
    house.serve("bellhop", &[]).await
}

#[tokio::test]
async fn permission_taken_back_at_google_is_told_once() -> Story {
    let house = House::open().await?;
    let walk = &mut house.walker(1001, "Ada")?;
    walk.connect("alice").await?;
    let integration = house.connected_integration().await?;
    house.sandbox.revoke_at_google("alice").await?;
    house.advance(UNTIL_REFRESH)?;
    let log = logged(&house, &integration, "OwnerNotified", 1).await?;
    assert_eq!(events(&log, "AccessExpired")[0]["reason"], "refresh_refused");
    let is_notice = |message: &bellhop_tests::Message| message.button("Reconnect").is_some();
    walk.person.sees("one message with a way back", is_notice).await?;
    // Time passes, nothing is said again.
    house.advance(UNTIL_REFRESH)?;
    walk.person.ask("/help", "an answer", |message| message.says("/inbox")).await?;
    assert_eq!(walk.person.heard().await?.iter().filter(|message| is_notice(message)).count(), 1);
    ensure(house.oauth_counted("refresh_failed").await? >= 1.0, "a refused refresh is counted")?;
    house.end().await
}

#[tokio::test]
async fn a_refresh_that_google_cannot_serve_now_is_tried_again_by_itself() -> Story {
    let house = House::open().await?;
    house.walker(1001, "Ada")?.connect("alice").await?;
    let integration = house.connected_integration().await?;
    house.sandbox.fault(json!({ "path": "/token", "status": 500, "times": 1 })).await?;
    house.advance(UNTIL_REFRESH)?;
    logged(&house, &integration, "JobFailed", 1).await?;
    house.advance(chrono::TimeDelta::seconds(6))?;
    let log = logged(&house, &integration, "AccessRefreshed", 1).await?;
    assert_eq!(events(&log, "RefreshFailed").len(), 1);
    assert_eq!(state_of(&house, &integration).await?, "active");
    house.end().await
}
