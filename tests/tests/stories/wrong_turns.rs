//! Each way in which a walk can go wrong before anything is exchanged: a page or a message in plain words, the next step,
//! and a bounded reason.

use bellhop_tests::{Consent, House, MAIL_SCOPE, Message, Story, Trouble, ensure};
use chrono::TimeDelta;
use serde_json::json;
use url::Url;

use crate::{connects_at_last, ended_because, events, exchanges, grants_agree, inbox, logged, mail_agrees, state_of};

/// The only integration there is.
async fn the_integration(house: &House) -> Story<String> {
    let rows = house.integrations().await?;
    let ids: Vec<_> = rows.iter().filter_map(|row| row["integration"].as_str()).collect();
    match ids.as_slice() {
        [id] => Ok((*id).to_owned()),
        _ => Err(Trouble::new(format!("expected one integration: {rows:?}"))),
    }
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
        message.says("alice@") && message.says("I can read your calendar but not your mail.")
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
    walk.finish(&code, "to be whole again", |message| message.says("I can read your mail now")).await?;
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
    let ledger = house.sandbox.ledger().await?;
    assert!(ledger.grant("bob").is_some() && ledger.grant("alice").is_some(), "nobody's grant is ended for it");
    house.end().await
}

#[tokio::test]
async fn an_account_chosen_by_mistake_is_not_taken_from_whoever_is_about_to_connect_it() -> Story {
    let house = House::open().await?;
    let mut ada = house.walker(1001, "Ada")?;
    let code = ada.to_finish("alice", Consent::Without(MAIL_SCOPE)).await?;
    ada.finish(&code, "the account to be connected", |message| message.says("alice@")).await?;
    // Bea has allowed an account that they share, and has not come back to the chat yet.
    let mut bea = house.walker(2002, "Bea")?;
    let code = bea.to_finish("bob", Consent::All).await?;
    let accounts = ada.person.ask("/accounts", "a way to mend it", |message| message.link().is_some()).await?;
    let consent = ada.to_consent(&accounts.link().ok_or_else(|| Trouble::new("no link"))?).await?;
    let page = ada.decide(&consent, "bob", Consent::All).await?;
    let wrong = page.finish_code().ok_or_else(|| Trouble::new(page.text()))?;
    ada.finish(&wrong, "that it was another account", |message| message.says("another account")).await?;
    bea.finish(&code, "her account to be connected", |message| message.says("bob@")).await?;
    inbox(&bea.person, 64).await?;
    let ledger = house.sandbox.ledger().await?;
    assert_eq!(ledger.revocations.len(), 0);
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
