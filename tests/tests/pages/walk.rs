//! The connect walk where it goes well, and what people do on it that is neither right nor wrong: go back, reload, tap twice,
//! use two tabs.

use bellhop_tests::{House, Look, Message, Story, ensure, until};

use crate::{CONTINUE, FINISH, choose, consent, finish_code, to_finish, walker};

fn is_connected(message: &Message) -> bool {
    message.says("alice@")
}

#[tokio::test]
async fn connecting_takes_three_taps_and_one_consent() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    // The button in the chat brings the person here.
    tab.open(&walk.link().await?).await?;
    tab.expect(200, &["Ada", "Telegram", "Google", "never"]).await?;
    tab.looks_right("connect").await?;
    tab.tap(CONTINUE).await?;
    choose(&tab, "alice").await?;
    tab.tap("Allow").await?;
    tab.expect(200, &["Ada", "said yes"]).await?;
    assert_eq!((tab.url().path(), tab.url().query()), ("/connect/finish", None), "the page's address must be clean");
    tab.looks_right("finish").await?;
    assert_eq!(tab.cookies().await?, ["bellhop_connect"]);
    let code = finish_code(&tab).await?;
    tab.tap(FINISH).await?;
    assert_eq!(tab.taps(), 3);
    // The chat opens with the code in hand: nothing has to be typed or copied.
    assert!(tab.url().query_pairs().any(|(name, value)| name == "start" && value == code), "{}", tab.url());
    walk.finish(&code, "the account to be connected", is_connected).await?;
    let ledger = house.sandbox.ledger().await?;
    assert_eq!((ledger.authorizations.len(), ledger.exchanges().len(), ledger.grants.len()), (1, 1, 1));

    // A page that was left is shown as it was left; loaded again, it knows.
    tab.back().await?;
    tab.reload().await?;
    tab.expect(200, &["Google is connected", "close this page"]).await?;
    tab.looks_right("connected").await?;
    house.end().await
}

#[tokio::test]
async fn where_the_button_opens_nothing_the_code_can_be_sent_by_hand() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    tab.open(&walk.link().await?).await?;
    tab.tap_in_place("Opened inside another app?").await?;
    until("the way out of another app to be said", async || {
        Ok(tab.text().await?.contains("Open in browser").then_some(()))
    })
    .await?;
    tab.looks_right("connect-with-the-way-out").await?;
    tab.tap(CONTINUE).await?;
    consent(&mut tab, "alice").await?;
    let command = format!("/start {}", finish_code(&tab).await?);
    assert!(!tab.text().await?.contains(&command));
    tab.tap_in_place("Nothing opens?").await?;
    until("what to send to the bot", async || Ok(tab.text().await?.contains(&command).then_some(()))).await?;
    tab.looks_right("finish-by-hand").await?;
    walk.person.ask(&command, "the account to be connected", is_connected).await?;
    house.end().await
}

#[tokio::test]
async fn a_small_phone_with_large_text_goes_the_same_way() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    tab.look(Look::SMALL_PHONE.large().dark()).await?;
    let code = to_finish(&walk, &mut tab, "alice").await?;
    tab.tap(FINISH).await?;
    assert_eq!(tab.taps(), 3);
    walk.finish(&code, "the account to be connected", is_connected).await?;
    house.end().await
}

#[tokio::test]
async fn every_page_can_be_reloaded_and_gone_back_from() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    tab.open(&walk.link().await?).await?;
    tab.reload().await?;
    tab.expect(200, &["Ada"]).await?;
    tab.tap(CONTINUE).await?;
    // Back before anything was decided: the link is this browser's by now, and leads on again.
    tab.back().await?;
    tab.expect(200, &["Ada"]).await?;
    tab.reload().await?;
    tab.tap(CONTINUE).await?;
    consent(&mut tab, "alice").await?;
    let code = finish_code(&tab).await?;
    tab.reload().await?;
    assert_eq!(finish_code(&tab).await?, code, "a reload must not cost the code");
    walk.finish(&code, "the account to be connected", is_connected).await?;
    tab.reload().await?;
    tab.expect(200, &["Google is connected"]).await?;
    tab.reload().await?;
    tab.expect(200, &["Google is connected"]).await?;
    assert_eq!(house.sandbox.ledger().await?.exchanges().len(), 1);
    house.end().await
}

#[tokio::test]
async fn two_taps_on_the_button_are_one_connection() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    tab.open(&walk.link().await?).await?;
    tab.tap_twice(CONTINUE).await?;
    tab.expect(200, &["wants access"]).await?;
    consent(&mut tab, "alice").await?;
    let code = finish_code(&tab).await?;
    tab.tap_twice(FINISH).await?;
    walk.finish(&code, "the account to be connected", is_connected).await?;
    assert_eq!(house.sandbox.ledger().await?.exchanges().len(), 1);
    house.end().await
}

#[tokio::test]
async fn a_second_tab_goes_on_and_another_browser_does_not() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    let link = walk.link().await?;
    tab.open(&link).await?;
    let mut second = tab.another().await?;
    second.open(&link).await?;
    tab.tap(CONTINUE).await?;
    second.reload().await?;
    second.expect(200, &["Ada"]).await?;
    second.tap(CONTINUE).await?;

    let mut other = house.tab().await?;
    other.open(&link).await?;
    other.expect(410, &["used already", "/connect"]).await?;
    other.looks_right("link-used").await?;
    ensure(other.cookies().await?.is_empty(), "a page that leads nowhere needs no cookie")?;

    // Both tabs are on the same walk, whichever comes back first.
    consent(&mut second, "alice").await?;
    let code = finish_code(&second).await?;
    consent(&mut tab, "alice").await?;
    assert_eq!(finish_code(&tab).await?, code);
    walk.finish(&code, "the account to be connected", is_connected).await?;
    assert_eq!(house.sandbox.ledger().await?.exchanges().len(), 1);
    house.end().await
}

#[tokio::test]
async fn of_two_connections_in_one_browser_the_newer_goes_on() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    tab.open(&walk.link().await?).await?;
    tab.tap(CONTINUE).await?;
    let mut second = tab.another().await?;
    second.open(&walk.link().await?).await?;
    second.tap(CONTINUE).await?;
    consent(&mut tab, "alice").await?;
    tab.expect(403, &["began again in this one", "/connect"]).await?;
    tab.looks_right("other-browser").await?;
    consent(&mut second, "alice").await?;
    let code = finish_code(&second).await?;
    walk.finish(&code, "the account to be connected", is_connected).await?;
    house.end().await
}
