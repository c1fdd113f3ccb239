//! Walks whose last step fails at the provider, or that our own settings forbid: one request at the most, words that say
//! whose fault it is and what to do next, and a bounded reason.

use bellhop_tests::{Consent, House, Message, Story, Walk, ensure};
use serde_json::{Value, json};

use crate::{all_handled, connects_at_last, ended_because, exchanges};

/// A walk whose exchange fails: exactly one request, words in the chat that offer the next step, and a reason in the log.
async fn exchange_fails(house: &House, walk: &mut Walk, words: &str, reason: &str, metric: &str) -> Story {
    let (before, counted) = (exchanges(house).await?, house.oauth_counted(metric).await?);
    let code = walk.to_finish("alice", Consent::All).await?;
    let is_it = |message: &Message| message.says(words) && message.button("again").is_some();
    walk.finish(&code, words, is_it).await?;
    ended_because(house, reason).await?;
    // Never twice, whatever is repeated.
    walk.finish(&code, words, |message| message.says(words)).await?;
    assert!(exchanges(house).await? <= before + 1);
    assert!((house.oauth_counted(metric).await? - counted - 1.0).abs() < 0.1, "{metric}");
    let page = walk.browser.open(&house.origin.join("connect/finish")?).await?;
    ensure(
        page.status.as_u16() >= 400 && page.text().contains("/connect"),
        format_args!("no next step: {}", page.text()),
    )
}

#[tokio::test]
async fn a_provider_that_is_down_is_named_and_tried_once() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    house.sandbox.fault(json!({ "path": "/token", "status": 503 })).await?;
    exchange_fails(&house, &mut walk, "could not be reached", "provider_unavailable", "token_exchange_failed").await?;
    connects_at_last(house, walk).await
}

#[tokio::test]
async fn an_exchange_with_an_unknown_outcome_offers_a_fresh_link() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    for fault in [json!({ "path": "/token", "drop": true }), json!({ "path": "/token", "lose_answer": true })] {
        house.sandbox.fault(fault).await?;
        exchange_fails(&house, &mut walk, "took too long", "exchange_timed_out", "token_exchange_timeout").await?;
    }
    connects_at_last(house, walk).await
}

#[tokio::test]
async fn an_exchange_that_is_not_answered_in_time_is_given_up() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    house.sandbox.fault(json!({ "path": "/token", "delay_ms": 15_000 })).await?;
    exchange_fails(&house, &mut walk, "took too long", "exchange_timed_out", "token_exchange_timeout").await?;
    connects_at_last(house, walk).await
}

#[tokio::test]
async fn an_answer_that_cannot_be_used_connects_nothing() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let spoilt = |fault: Value| {
        let mut fault = fault;
        fault["times"] = 1.into();
        fault
    };
    let words = "an answer that I could not use";
    house.sandbox.spoil_answers(spoilt(json!({ "omit": ["access_token"] }))).await?;
    exchange_fails(&house, &mut walk, words, "missing_access_token", "missing_access_token").await?;
    for malformed in ["not_json", "cut_short"] {
        house.sandbox.spoil_answers(spoilt(json!({ "malformed": malformed }))).await?;
        exchange_fails(&house, &mut walk, words, "malformed_answer", "token_exchange_failed").await?;
    }
    connects_at_last(house, walk).await
}

#[tokio::test]
async fn an_identity_that_fails_its_checks_connects_nothing() -> Story {
    let house = House::open().await?;
    let kinds = ["wrong_nonce", "no_nonce", "wrong_audience", "wrong_issuer", "expired_id_token", "garbled_id_token"];
    // Each with another person: the bot writes to nobody more than once a second.
    for (malformed, id) in kinds.into_iter().zip(1001..) {
        let mut walk = house.walker(id, "Ada")?;
        house.sandbox.spoil_answers(json!({ "malformed": malformed, "times": 1 })).await?;
        let code = walk.to_finish("alice", Consent::All).await?;
        let words = |message: &Message| message.says("did not prove") || message.says("could not use");
        walk.finish(&code, &format!("{malformed} to be refused"), words).await?;
    }
    ended_because(&house, "invalid_identity").await?;
    assert!(house.integrations().await?.iter().all(|row| row["state"] == "failed"));
    // Where there is no ID token, userinfo says who it is.
    house.sandbox.spoil_answers(json!({ "omit": ["id_token"], "times": 1 })).await?;
    house.walker(1000, "Ben")?.connect("alice").await?;
    assert_eq!(house.sandbox.ledger().await?.calls_of("/v1/userinfo", Some("200")), 1);
    house.end().await
}

#[tokio::test]
async fn a_provider_that_is_switched_off_connects_nobody_and_still_disconnects() -> Story {
    let mut house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let key = house.api_key("assistant").await?;
    walk.connect("alice").await?;
    let link = walk.link().await?;
    all_handled(&house).await?;
    house.kill("bellhop")?;
    house.set("PROVIDER_GOOGLE_ENABLED", "false");
    house.serve("bellhop", &[]).await?;

    walk.browser.open(&link).await?.expect(501, &["switched off", "disconnecting still works"])?;
    walk.person.ask("/connect", "that it is switched off", |message| message.says("switched off")).await?;
    let refused = house.program(&key).get("oauth/google/authorize").await?;
    assert_eq!(refused.expect_problem(501)?["code"], "provider_disabled");

    let asked = walk.person.ask("/disconnect", "to be asked", |message| message.button("Yes").is_some()).await?;
    walk.person.press(&asked, "Yes").await?;
    walk.person.sees_change(asked.id, "the revocation", |message| message.says("confirmed")).await?;
    assert!(house.sandbox.ledger().await?.grants.is_empty());
    house.end().await
}

#[tokio::test]
async fn without_a_client_secret_the_operator_is_asked_for_it() -> Story {
    let mut house = House::open().await?;
    let walk = &mut house.walker(1001, "Ada")?;
    let key = house.api_key("assistant").await?;
    let link = walk.link().await?;
    let page = walk.browser.open(&link).await?;
    all_handled(&house).await?;
    house.kill("bellhop")?;
    house.set("GOOGLE_CLIENT_SECRET", "");
    house.serve("bellhop", &[]).await?;

    walk.browser.submit(&page).await?.expect(503, &["not set up", "must set them"])?;
    ended_because(&house, "not_configured").await?;
    walk.person.ask("/connect", "whom to ask", |message| message.says("bellhop doctor")).await?;
    let refused = house.program(&key).get("oauth/google/authorize").await?;
    assert_eq!(refused.expect_problem(503)?["code"], "provider_not_configured");
    let doctor = house.try_command(&["doctor"]).await?;
    assert_eq!(doctor.code, Some(3));
    assert!(doctor.out.contains("GOOGLE_CLIENT_SECRET"), "{}", doctor.out);
    house.end().await
}

#[tokio::test]
async fn a_client_secret_that_google_refuses_is_no_fault_of_the_person() -> Story {
    let house = House::plan().set("GOOGLE_CLIENT_SECRET", "mistyped-by-the-operator").open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let code = walk.to_finish("alice", Consent::All).await?;
    walk.finish(&code, "whose fault it is", |message| message.says("tell whoever runs this bot")).await?;
    ended_because(&house, "invalid_client").await?;
    house.end().await
}
