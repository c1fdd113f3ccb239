//! Each way in which connecting can go wrong: a page or a message in plain words, the next step, and a bounded reason.

use bellhop_tests::{Consent, House, MAIL_SCOPE, Message, Story, Trouble, Walk, ensure, until};
use chrono::TimeDelta;
use serde_json::{Value, json};
use url::Url;

use crate::{events, grants_agree, logged, mail_agrees, state_of};

/// The only integration there is.
async fn the_integration(house: &House) -> Story<String> {
    let rows = house.integrations().await?;
    let ids: Vec<_> = rows.iter().filter_map(|row| row["integration"].as_str()).collect();
    match ids.as_slice() {
        [id] => Ok((*id).to_owned()),
        _ => Err(Trouble::new(format!("expected one integration: {rows:?}"))),
    }
}

/// The newest walk ended for this reason, as the log says.
async fn ended_because(house: &House, reason: &str) -> Story {
    until(&format!("a walk to have ended as {reason}"), async || {
        for row in house.integrations().await? {
            let log = house.audit(row["integration"].as_str().unwrap_or_default()).await?;
            if events(&log, "AuthorizationFailed").iter().any(|event| event["reason"] == reason) {
                return Ok(Some(()));
            }
        }
        Ok(None)
    })
    .await
}

/// A walk whose exchange fails: exactly one request, words in the chat that offer the next step, and a reason in the log.
async fn exchange_fails(house: &House, walk: &mut Walk, words: &str, reason: &str, metric: &str) -> Story {
    let (exchanges, counted) = (exchanges(house).await?, house.oauth_counted(metric).await?);
    let code = walk.to_finish("alice", Consent::All).await?;
    let is_it = |message: &Message| message.says(words) && message.button("again").is_some();
    walk.finish(&code, words, is_it).await?;
    ended_because(house, reason).await?;
    // Never twice, whatever is repeated.
    walk.finish(&code, words, |message| message.says(words)).await?;
    assert!(self::exchanges(house).await? <= exchanges + 1);
    assert!((house.oauth_counted(metric).await? - counted - 1.0).abs() < 0.1, "{metric}");
    let page = walk.browser.open(&house.origin.join("connect/finish")?).await?;
    ensure(
        page.status.as_u16() >= 400 && page.text().contains("/connect"),
        format_args!("no next step: {}", page.text()),
    )
}

async fn exchanges(house: &House) -> Story<u64> {
    Ok(house.sandbox.ledger().await?.calls_of("/token", None))
}

/// After a wrong turn the right way is still open.
async fn connects_at_last(house: House, mut walk: Walk) -> Story {
    walk.connect("alice").await?;
    mail_agrees(&house, "alice").await?;
    house.end().await
}

#[tokio::test]
async fn whoever_says_no_is_told_how_to_start_again() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let link = walk.link().await?;
    let consent = walk.to_consent(&link).await?;
    let page = walk.decide(&consent, "alice", Consent::Deny).await?;
    page.expect(403, &["nothing was connected", "/connect"])?;
    assert!(page.url.query().is_none(), "the page's address must be clean: {}", page.url);
    ended_because(&house, "denied").await?;
    assert!((house.oauth_counted("callback_error").await? - 1.0).abs() < 0.1);
    assert_eq!(exchanges(&house).await?, 0);
    connects_at_last(house, walk).await
}

#[tokio::test]
async fn an_unticked_scope_degrades_and_the_bot_says_what_is_missing() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let code = walk.to_finish("alice", Consent::Without(MAIL_SCOPE)).await?;
    walk.finish(&code, "what is missing", |message| {
        message.says("alice@") && message.says("did not allow me to read your mail")
    })
    .await?;
    let integration = house.connected_integration().await?;
    assert_eq!(state_of(&house, &integration).await?, "degraded");
    let log = house.audit(&integration).await?;
    assert_eq!(events(&log, "AccessGranted")[0]["missing"], json!(["mail"]));
    walk.person.ask("/inbox", "why there is no mail", |message| message.says("not allowed to read")).await?;
    assert_eq!(house.sandbox.ledger().await?.calls_of("/gmail/v1/users/{user}/messages", None), 0);
    grants_agree(&house).await?;

    // Reconnecting with every box ticked mends it in place.
    let accounts = walk.person.ask("/accounts", "a way to mend it", |message| message.link().is_some()).await?;
    let link = accounts.link().ok_or_else(|| Trouble::new("no link"))?;
    let consent = walk.to_consent(&link).await?;
    let page = walk.decide(&consent, "alice", Consent::All).await?;
    let code = page.finish_code().ok_or_else(|| Trouble::new(page.text()))?;
    walk.finish(&code, "to be whole again", |message| message.says("connected again")).await?;
    assert_eq!(state_of(&house, &integration).await?, "active");
    mail_agrees(&house, "alice").await?;
    house.end().await
}

#[tokio::test]
async fn a_state_is_good_for_ten_minutes() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let link = walk.link().await?;
    let consent = walk.to_consent(&link).await?;
    house.advance(TimeDelta::minutes(11))?;
    let page = walk.decide(&consent, "alice", Consent::All).await?;
    page.expect(410, &["took too long", "/connect"])?;
    assert!((house.oauth_counted("invalid_state").await? - 1.0).abs() < 0.1);
    walk.browser.open(&link).await?.expect(410, &["ten minutes"])?;
    assert_eq!(exchanges(&house).await?, 0);
    connects_at_last(house, walk).await
}

#[tokio::test]
async fn a_finish_code_is_good_for_five_minutes() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let code = walk.to_finish("alice", Consent::All).await?;
    house.advance(TimeDelta::minutes(6))?;
    walk.finish(&code, "that it is too late", |message| message.says("not valid any more")).await?;
    assert_eq!(exchanges(&house).await?, 0);
    connects_at_last(house, walk).await
}

#[tokio::test]
async fn a_state_from_another_browser_is_refused_and_the_right_one_goes_on() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let link = walk.link().await?;
    let consent = walk.to_consent(&link).await?;
    let callback = walk.decide_and_stop(&consent, "alice", Consent::All).await?;
    let mut thief = house.browser()?;
    thief.open(&callback).await?.expect(403, &["another browser"])?;
    // Also with a cookie, if it is one of another walk.
    let mut other = house.walker(1002, "Eve")?;
    let consent = other.to_consent(&other.link().await?).await?;
    assert_eq!(consent.status, 200);
    other.browser.open(&callback).await?.expect(403, &["another browser"])?;

    let first = walk.browser.open(&callback).await?;
    let code = first.finish_code().ok_or_else(|| Trouble::new(first.text()))?;
    // Replayed: the same browser sees the same page, any other is refused, and nothing changes.
    let log = house.audit(&first_of(&house).await?).await?;
    let again = walk.browser.open(&callback).await?;
    assert_eq!(again.finish_code().as_ref(), Some(&code));
    thief.open(&callback).await?.expect(403, &["another browser"])?;
    assert_eq!(house.audit(&first_of(&house).await?).await?, log);
    assert!((house.oauth_counted("invalid_state").await? - 3.0).abs() < 0.1);
    assert_eq!(exchanges(&house).await?, 0);
    walk.finish(&code, "the account to be connected", |message| message.says("alice@")).await?;
    walk.browser.open(&callback).await?.expect(200, &["connected"])?;
    assert_eq!(exchanges(&house).await?, 1);
    house.end().await
}

/// The integration whose walk began first.
async fn first_of(house: &House) -> Story<String> {
    let rows = house.database.rows("select stream from events order by position limit 1").await?;
    Ok(rows[0]["stream"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn an_answer_from_another_issuer_is_refused() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let consent = walk.to_consent(&walk.link().await?).await?;
    let callback = walk.decide_and_stop(&consent, "alice", Consent::All).await?;
    let callback = with_parameter(&callback, "iss", "https://issuer.example");
    walk.browser.open(&callback).await?.expect(400, &["wrong place", "/connect"])?;
    ended_because(&house, "wrong_issuer").await?;
    assert!((house.oauth_counted("invalid_state").await? - 1.0).abs() < 0.1);
    assert_eq!(exchanges(&house).await?, 0);
    // At another provider's address the answer is nobody's.
    let mut elsewhere = callback.clone();
    elsewhere.set_path("/oauth/microsoft/callback");
    assert_eq!(walk.browser.open(&elsewhere).await?.status, 404);
    connects_at_last(house, walk).await
}

fn with_parameter(url: &Url, name: &str, value: &str) -> Url {
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(known, _)| known != name).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(pairs).append_pair(name, value);
    url
}

#[tokio::test]
async fn made_up_callbacks_get_a_page_and_nothing_else() -> Story {
    let house = House::open().await?;
    let mut browser = house.browser()?;
    for query in ["", "state=made-up&code=made-up", "error=access_denied", "state=%FF%FE&code=%00"] {
        let page = browser.open(&house.origin.join(&format!("oauth/google/callback?{query}"))?).await?;
        ensure(
            page.status.as_u16() == 400 && page.body.contains("<h1"),
            format_args!("{query}: {} {}", page.status, page.text()),
        )?;
    }
    let link = house.origin.join("connect/made-up")?;
    browser.open(&link).await?.expect(404, &["not known"])?;
    assert_eq!(house.database.number("select count(*) from events").await?, 0);
    house.end().await
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

#[tokio::test]
async fn reconnecting_with_another_account_is_refused_with_both_addresses_masked() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let code = walk.to_finish("alice", Consent::Without(MAIL_SCOPE)).await?;
    walk.finish(&code, "the account to be connected", |message| message.says("alice@")).await?;
    let integration = the_integration(&house).await?;
    let accounts = walk.person.ask("/accounts", "a way to mend it", |message| message.link().is_some()).await?;
    let consent = walk.to_consent(&accounts.link().ok_or_else(|| Trouble::new("no link"))?).await?;
    let page = walk.decide(&consent, "bob", Consent::All).await?;
    let code = page.finish_code().ok_or_else(|| Trouble::new(page.text()))?;
    let refused = walk.finish(&code, "that it was another account", |message| message.says("another account")).await?;
    for (account, name) in [("alice", "alice@"), ("bob", "bob@")] {
        assert!(!refused.says(name), "{account}'s address is not masked: {}", refused.text);
    }
    let (first, second) = (refused.says("Expected: a"), refused.says("Chosen: b"));
    assert!(first && second, "masked beyond recognition: {}", refused.text);

    let log = logged(&house, &integration, "AuthorizationFailed", 1).await?;
    assert_eq!(events(&log, "AuthorizationFailed")[0]["reason"], "wrong_account");
    assert_eq!(events(&log, "AccessGranted").len(), 1);
    assert_eq!(state_of(&house, &integration).await?, "degraded");
    house.end().await
}

#[tokio::test]
async fn a_strangers_finish_code_exchanges_nothing() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let code = walk.to_finish("alice", Consent::All).await?;
    let stranger = house.person(1666, "Mallory");
    let rejected = |message: &Message| message.says("Nothing was connected");
    stranger.ask(&format!("/start {code}"), "to be turned away", rejected).await?;
    let integration = the_integration(&house).await?;
    let log = logged(&house, &integration, "LinkRejected", 1).await?;
    assert_eq!(events(&log, "AccessGranted").len(), 0);
    // Not even for the initiator any more.
    walk.finish(&code, "that the code is spent", |message| message.says("not valid any more")).await?;
    let page = walk.browser.open(&house.origin.join("connect/finish")?).await?;
    page.expect(403, &["somebody other"])?;
    assert_eq!(exchanges(&house).await?, 0);
    connects_at_last(house, walk).await
}
