//! Who may come in by which door, and what is shown to whom.

use bellhop_tests::{House, Story, ensure};
use uuid::Uuid;

#[tokio::test]
async fn tenants_see_nothing_of_each_other_over_the_api() -> Story {
    let house = House::open().await?;
    let other = Uuid::new_v4();
    house
        .database
        .tamper(&format!(
            "select set_config('app.tenants', '{{{other}}}', false); insert into tenants (id, name) values ('{other}', 'other')"
        ))
        .await?;
    let ours = house.program(&house.api_key("ours").await?);
    let sibling = house.program(&house.api_key("sibling").await?);
    let theirs = house.command(&["api-key", "add", "theirs", "--tenant", "other"]).await?;
    let theirs = house.program(theirs.out.trim());
    let id = house.connect_by_api(&ours, "alice").await?;

    for stranger in [&theirs, &sibling] {
        let all = stranger.get("v1/integrations").await?;
        assert_eq!(all.expect(200)?.as_array().map(Vec::len), Some(0));
        for answer in [
            stranger.get(&format!("v1/integrations/{id}")).await?,
            stranger.delete(&format!("v1/integrations/{id}")).await?,
            stranger.post(&format!("v1/integrations/{id}/refresh"), None).await?,
            stranger.get(&format!("oauth/google/status?integration={id}")).await?,
            stranger.get(&format!("oauth/google/authorize?integration={id}")).await?,
        ] {
            assert_eq!(answer.expect_problem(404)?["code"], "integration_not_found");
        }
    }
    let one = ours.get(&format!("v1/integrations/{id}")).await?;
    assert_eq!(one.expect(200)?["linked"], true);
    assert!(house.sandbox.ledger().await?.refreshes().is_empty());

    // The same account in both tenants: ending one does not end the other.
    let their_id = house.connect_by_api(&theirs, "alice").await?;
    let ended = theirs.delete(&format!("v1/integrations/{their_id}")).await?;
    assert_eq!(ended.expect(200)?["at_provider"], "kept_for_another_connection");
    assert!(house.sandbox.ledger().await?.grant("alice").is_some());
    ours.post(&format!("v1/integrations/{id}/refresh"), None).await?.expect(200)?;
    house.end().await
}

#[tokio::test]
async fn a_finish_code_is_good_for_the_program_that_asked() -> Story {
    let house = House::open().await?;
    let ours = house.program(&house.api_key("ours").await?);
    let sibling = house.program(&house.api_key("sibling").await?);
    let asked = ours.get("oauth/google/authorize").await?;
    asked.expect(200)?;
    let mut walk = house.walker(1001, "Ada")?;
    let consent = walk.to_consent(&url::Url::parse(&asked.field("connect_url")?)?).await?;
    let page = walk.decide(&consent, "bob", bellhop_tests::Consent::All).await?;
    let code = page.finish_code().unwrap_or_default();
    let body = || Some(serde_json::json!({ "finish_code": code }));
    assert_eq!(sibling.post("oauth/google/finish", body()).await?.expect_problem(403)?["code"], "not_your_finish_code");
    ours.post("oauth/google/finish", body()).await?.expect_problem(404)?;
    assert!(house.sandbox.ledger().await?.exchanges().is_empty());
    house.end().await
}

#[tokio::test]
async fn a_revoked_key_opens_nothing() -> Story {
    let house = House::open().await?;
    let api = house.program(&house.api_key("assistant").await?);
    api.get("v1/integrations").await?.expect(200)?;
    house.command(&["api-key", "revoke", "assistant"]).await?;
    api.get("v1/integrations").await?.expect_problem(401)?;
    house.end().await
}

#[tokio::test]
async fn the_documentation_and_the_front_page_are_open_to_everybody() -> Story {
    let house = House::open().await?;
    let mut browser = house.browser()?;
    browser.open(&house.origin.join("docs")?).await?.expect(200, &[])?;
    browser.open(&house.origin).await?.expect(200, &["Bellhop"])?;
    let document = house.stranger().get("openapi.json").await?;
    let paths = document.expect(200)?["paths"].clone();
    for path in [
        "/oauth/google/authorize",
        "/oauth/google/callback",
        "/oauth/google/finish",
        "/oauth/google/status",
        "/v1/integrations",
        "/v1/integrations/{id}",
        "/v1/integrations/{id}/refresh",
        "/health/live",
        "/health/ready",
        "/metrics",
    ] {
        ensure(
            paths[path].is_object(),
            format_args!("{path} is not documented: {:?}", paths.as_object().map(|p| p.keys().collect::<Vec<_>>())),
        )?;
    }
    let text = house.stranger().get("metrics").await?.text;
    for event in [
        "authorize_started",
        "callback_error",
        "invalid_state",
        "token_exchange_failed",
        "token_exchange_timeout",
        "missing_access_token",
        "tokens_stored",
        "refresh_start",
        "refresh_ok",
        "refresh_failed",
        "refresh_locked",
    ] {
        ensure(text.contains(&format!("event=\"{event}\"")), format_args!("{event} is not counted"))?;
    }
    house.end().await
}
