//! Each way in which a walk ends before its time: the page says what happened and what to do next.

use bellhop_tests::{House, Story};
use chrono::TimeDelta;
use serde_json::json;

use crate::{CONTINUE, choose, consent, to_finish, walker};

#[tokio::test]
async fn a_link_that_is_not_good_says_why() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    tab.open(&house.origin.join("connect/cut-off")?).await?;
    tab.expect(404, &["not known", "/connect"]).await?;
    tab.looks_right("link-unknown").await?;
    let link = walk.link().await?;
    house.advance(TimeDelta::minutes(11))?;
    tab.open(&link).await?;
    tab.expect(410, &["too old", "/connect"]).await?;
    tab.looks_right("link-expired").await?;
    house.end().await
}

#[tokio::test]
async fn whoever_says_no_reads_that_nothing_was_connected() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    tab.open(&walk.link().await?).await?;
    tab.tap(CONTINUE).await?;
    tab.tap("Refuse").await?;
    tab.expect(403, &["did not allow", "nothing was connected", "/connect"]).await?;
    tab.looks_right("denied").await?;
    tab.reload().await?;
    tab.expect(403, &["did not allow"]).await?;
    house.end().await
}

#[tokio::test]
async fn whoever_takes_too_long_reads_how_to_start_again() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    tab.open(&walk.link().await?).await?;
    tab.tap(CONTINUE).await?;
    tab.open(&house.origin.join("connect/finish")?).await?;
    tab.expect(200, &["not there yet"]).await?;
    tab.looks_right("at-provider").await?;
    tab.back().await?;
    house.advance(TimeDelta::minutes(11))?;
    choose(&tab, "alice").await?;
    tab.tap("Allow").await?;
    tab.expect(410, &["took too long", "/connect"]).await?;
    tab.looks_right("too-long").await?;
    house.end().await
}

#[tokio::test]
async fn another_account_than_the_one_to_mend_is_refused() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    // One box unticked: the connection has a gap to mend.
    tab.open(&walk.link().await?).await?;
    tab.tap(CONTINUE).await?;
    choose(&tab, "alice").await?;
    let untick = format!("document.querySelector('input[value=\"{}\"]').checked = false", bellhop_tests::MAIL_SCOPE);
    tab.evaluate(&untick).await?;
    tab.tap("Allow").await?;
    let code = crate::finish_code(&tab).await?;
    walk.finish(&code, "the account to be connected", |message| message.says("alice@")).await?;
    tab.reload().await?;
    tab.expect(200, &["one gap", "mail"]).await?;
    tab.looks_right("connected-with-a-gap").await?;

    let accounts = walk.person.ask("/accounts", "a way to mend it", |message| message.link().is_some()).await?;
    let link = accounts.link().ok_or_else(|| bellhop_tests::Trouble::new("no link"))?;
    tab.open(&link).await?;
    tab.expect(200, &["Let Bellhop read your mail too"]).await?;
    tab.looks_right("reconnect").await?;
    tab.tap(CONTINUE).await?;
    consent(&mut tab, "bob").await?;
    let code = crate::finish_code(&tab).await?;
    walk.finish(&code, "that it was another account", |message| message.says("another account")).await?;
    tab.reload().await?;
    tab.expect(409, &["another account", "/connect"]).await?;
    tab.looks_right("wrong-account").await?;
    house.end().await
}

#[tokio::test]
async fn a_connection_that_somebody_else_finished_was_stopped() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    let code = to_finish(&walk, &mut tab, "alice").await?;
    let stranger = house.person(1666, "Mallory");
    let rejected = |message: &bellhop_tests::Message| message.says("Nothing was connected");
    stranger.ask(&format!("/start {code}"), "to be turned away", rejected).await?;
    tab.reload().await?;
    tab.expect(403, &["was stopped", "somebody other"]).await?;
    tab.looks_right("rejected").await?;
    house.end().await
}

#[tokio::test]
async fn a_provider_that_fails_is_named() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    house.sandbox.fault(json!({ "path": "/token", "status": 503, "times": 20 })).await?;
    let code = to_finish(&walk, &mut tab, "alice").await?;
    walk.finish(&code, "that Google fails", |message| message.says("Google")).await?;
    tab.reload().await?;
    tab.expect(502, &["Google cannot be reached", "/connect"]).await?;
    tab.looks_right("provider-unavailable").await?;
    house.end().await
}
