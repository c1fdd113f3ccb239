//! The pages for those who come from elsewhere: programs that send their people, browsers inside other apps, readers of the
//! documentation.

use bellhop_tests::{House, Story};
use url::Url;

use crate::{CONTINUE, choose, walker};

#[tokio::test]
async fn a_program_that_sends_somebody_is_named_on_every_page() -> Story {
    let house = House::open().await?;
    let api = house.program(&house.api_key("Front desk assistant").await?);
    let asked = api.get("oauth/google/authorize").await?;
    asked.expect(200)?;
    let mut tab = house.tab().await?;
    tab.open(&Url::parse(&asked.field("connect_url")?)?).await?;
    tab.expect(200, &["Front desk assistant"]).await?;
    tab.looks_right("connect-for-a-program").await?;
    tab.tap(CONTINUE).await?;
    choose(&tab, "alice").await?;
    tab.tap("Allow").await?;
    tab.expect(200, &["Front desk assistant", "code"]).await?;
    tab.looks_right("finish-for-a-program").await?;
    let codes = tab.evaluate("document.querySelector('code').innerText").await?;
    let body = serde_json::json!({ "finish_code": codes });
    api.post("oauth/google/finish", Some(body)).await?.expect(200)?;
    tab.reload().await?;
    tab.expect(200, &["Google is connected"]).await?;
    house.end().await
}

#[tokio::test]
async fn inside_another_app_the_way_out_is_said_first() -> Story {
    let house = House::open().await?;
    let (walk, mut tab) = walker(&house).await?;
    let link = walk.link().await?;
    for (name, user_agent) in [
        (
            "android",
            "Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 \
                     Chrome/142.0.0.0 Mobile Safari/537.36",
        ),
        (
            "iphone",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                    Mobile/15E148",
        ),
    ] {
        tab.call_itself(user_agent).await?;
        tab.open(&link).await?;
        tab.expect(200, &["inside another app", "Open in"]).await?;
        let first =
            "document.body.innerText.indexOf('inside another app') < document.body.innerText.indexOf('Continue to')";
        assert_eq!(tab.evaluate(first).await?, true, "{name}");
        tab.looks_right(&format!("connect-inside-an-app-{name}")).await?;
        // It may be wrong about the browser: the way on stays open.
        tab.expect(200, &[CONTINUE]).await?;
    }
    house.end().await
}

#[tokio::test]
async fn the_documentation_loads_nothing_from_third_parties() -> Story {
    let house = House::open().await?;
    let mut tab = house.tab().await?;
    tab.allow_scripts(true).await?;
    tab.open(&house.origin.join("docs")?).await?;
    bellhop_tests::until("the documentation to be shown", async || {
        Ok(tab.text().await?.contains("/oauth/google/authorize").then_some(()))
    })
    .await?;
    tab.asks_nobody_else()?;
    house.end().await
}
