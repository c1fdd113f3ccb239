//! The pages that need no walk: the first page, wrong addresses, and a house in trouble.

use bellhop_tests::{House, Story, Tab, Trouble};

use crate::{CONTINUE, walker};

#[tokio::test]
async fn the_first_page_says_what_bellhop_is_and_leads_to_the_bot() -> Story {
    let house = House::open().await?;
    let mut tab = house.tab().await?;
    tab.open(&house.origin).await?;
    tab.expect(200, &["Bellhop", "Google", "Telegram", "runs", "never", "disconnect"]).await?;
    tab.looks_right("home").await?;
    assert!(tab.cookies().await?.is_empty(), "a visitor is nobody's business");
    tab.tap("Open the bot").await?;
    assert_eq!(tab.url().origin(), house.sandbox.origin.origin());
    house.end().await
}

#[tokio::test]
async fn without_a_bot_the_first_page_still_says_what_bellhop_is() -> Story {
    let house = House::plan().set("TELEGRAM_BOT_TOKEN", "").open().await?;
    let mut tab = house.tab().await?;
    tab.open(&house.origin).await?;
    tab.expect(200, &["Bellhop", "never"]).await?;
    tab.looks_right("home-without-a-bot").await?;
    house.end().await
}

/// Sends a form from the page, as no page of ours does by itself.
async fn send_form(tab: &mut Tab, to: &str, text: usize) -> Story {
    let form = format!(
        "document.querySelector('main').innerHTML = '<form method=post action=\"{to}\"><input type=hidden name=text>\
         <button class=button>Send</button></form>'; document.forms[0].elements[0].value = 'x'.repeat({text})"
    );
    tab.evaluate(&form).await?;
    tab.tap("Send").await
}

#[tokio::test]
async fn wrong_addresses_and_requests_get_a_page_that_says_so() -> Story {
    let house = House::open().await?;
    let mut tab = house.tab().await?;
    tab.open(&house.origin.join("nothing/here")?).await?;
    tab.expect(404, &["nothing at this address", "/connect"]).await?;
    tab.looks_right("not-found").await?;

    send_form(&mut tab, "/", 1).await?;
    tab.expect(405, &["does not work at this address", "nothing was changed"]).await?;
    assert_eq!(tab.header("allow"), "GET, HEAD");
    tab.looks_right("wrong-method").await?;

    tab.open(&house.origin).await?;
    send_form(&mut tab, "/connect/some-link", 70_000).await?;
    tab.expect(413, &["too large", "go back"]).await?;
    tab.looks_right("too-large").await?;

    tab.open(&house.origin.join("connect/%FF%FE")?).await?;
    tab.expect(400, &["cannot be read"]).await?;
    tab.looks_right("unreadable").await?;
    tab.open(&house.origin.join("oauth/google/callback?state=made-up&code=made-up")?).await?;
    tab.expect(400, &["not a connection we know", "Nothing was connected"]).await?;
    tab.looks_right("unknown-state").await?;
    tab.open(&house.origin.join("connect/finish")?).await?;
    tab.expect(404, &["Nothing to finish"]).await?;
    tab.looks_right("nothing-to-finish").await?;
    house.end().await
}

#[tokio::test]
async fn while_postgres_is_away_a_page_says_to_wait_and_then_goes_on() -> Story {
    let house = House::plan().gated().open().await?;
    let (walk, mut tab) = walker(&house).await?;
    let link = walk.link().await?;
    let gate = house.postgres_gate.as_ref().ok_or_else(|| Trouble::new("a house without gates"))?;
    gate.shut();
    tab.open(&link).await?;
    tab.expect(503, &["moment", "nothing is lost"]).await?;
    tab.looks_right("database-away").await?;
    gate.open();
    bellhop_tests::until("the page to come back", async || {
        if tab.text().await?.contains("Try again") {
            tab.tap("Try again").await?;
        }
        Ok(tab.text().await?.contains(CONTINUE).then_some(()))
    })
    .await?;
    house.end().await
}

#[tokio::test]
async fn a_provider_that_is_switched_off_or_not_set_up_is_the_operators_to_mend() -> Story {
    for (setting, value, status, words, name) in [
        ("PROVIDER_GOOGLE_ENABLED", "false", 501, "switched off", "provider-off"),
        ("GOOGLE_CLIENT_SECRET", "", 503, "not set up", "provider-not-set-up"),
    ] {
        let mut house = House::open().await?;
        let (walk, mut tab) = walker(&house).await?;
        let link = walk.link().await?;
        house.stop("bellhop").await?;
        house.set(setting, value);
        house.serve("bellhop", &[]).await?;
        tab.open(&link).await?;
        tab.expect(status, &[words, "runs this Bellhop"]).await?;
        tab.looks_right(name).await?;
        house.end().await?;
    }
    Ok(())
}

/// What the measuring is worth: each of these is found.
#[tokio::test]
async fn whatever_a_person_would_stumble_over_is_found() -> Story {
    let house = House::open().await?;
    let mut tab = house.tab().await?;
    for (spoil, complaint) in [
        ("document.querySelector('h1').style.color = '#aaa'", "has a contrast of"),
        ("document.querySelector('h1').style.fontSize = '12px'", "is only 12 px high"),
        (
            "document.querySelector('.button').style.minHeight = 0; document.querySelector('.button').style.padding = 0",
            "px",
        ),
        ("document.querySelector('main').style.minWidth = '700px'", "leaves the window"),
        (
            "document.querySelector('h1').innerText = 'x'.repeat(99); document.querySelector('h1').style.overflowWrap = 'normal'",
            "px wide in a window of",
        ),
        ("document.documentElement.lang = ''", "its language is not said"),
        ("document.querySelector('main').append(document.createElement('h1'))", "it has 2 h1"),
        ("document.body.append(document.createElement('main'))", "it has 2 main"),
        ("document.title = ''", "it has no title"),
        ("document.querySelector('p').style.transition = 'color 1s'", "moves"),
        (
            "document.querySelector('p').onclick = null; document.querySelector('p').setAttribute('onclick', '1')",
            "has onclick",
        ),
        ("document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:9/pixel' }))", "an image"),
        ("console.error('oh')", "the console says"),
    ] {
        tab.open(&house.origin).await?;
        tab.evaluate(&format!("(() => {{ {spoil} }})()")).await?;
        let found = tab.faults().await?;
        let is_found = found.iter().any(|fault| fault.contains(complaint));
        bellhop_tests::ensure(is_found, format_args!("not found: {spoil}: {found:#?}"))?;
    }
    house.end().await
}
