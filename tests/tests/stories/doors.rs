//! Who may come in by which door, and what is shown to whom.

use bellhop_tests::{Consent, House, Page, Story, Trouble, ensure, until};
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::{events_in_all, inbox, mail_agrees, rested, state_of};

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

#[tokio::test]
async fn a_programs_state_comes_back_with_the_finish_code_and_with_the_answer() -> Story {
    let house = House::open().await?;
    // The sandbox stands in for the program's own pages: it only has to be an address that a browser can open.
    let return_url = house.sandbox.origin.join("chat?room=7")?;
    let key = house.command(&["api-key", "add", "assistant", "--return-url", return_url.as_str()]).await?;
    let api = house.program(key.out.trim());
    assert_eq!(ask_with(&api, "é").await?.expect_problem(400)?["code"], "invalid_parameter");
    assert_eq!(ask_with(&api, &"x".repeat(129)).await?.expect_problem(400)?["code"], "invalid_parameter");

    let state = "order 7 & more/+%=\"#";
    let mut walk = house.walker(1, "Nobody")?;
    let link = ask_with(&api, state).await?;
    link.expect(200)?;
    let consent = walk.to_consent(&Url::parse(&link.field("connect_url")?)?).await?;
    let page = walk.decide(&consent, "bob", Consent::All).await?;
    assert_eq!((page.url.origin(), page.url.path()), (return_url.origin(), return_url.path()));
    assert_eq!(parameters(&page.url, "room"), ["7"]);
    assert_eq!(parameters(&page.url, "state"), [state]);
    let codes = parameters(&page.url, "finish_code");
    assert_eq!(codes.len(), 1);
    for _ in 0..2 {
        let finished = api.post("oauth/google/finish", Some(json!({ "finish_code": codes[0] }))).await?;
        assert_eq!(finished.expect(200)?["state"], state);
    }

    // Another walk carries another state, and a no brings it back too.
    let link = ask_with(&api, "order 8").await?;
    let mut walk = house.walker(1, "Nobody")?;
    let consent = walk.to_consent(&Url::parse(&link.field("connect_url")?)?).await?;
    let page = walk.decide(&consent, "bob", Consent::Deny).await?;
    let back = way_back(&page, &return_url)?;
    assert_eq!(
        (parameters(&back, "state"), parameters(&back, "error")),
        (vec!["order 8".to_owned()], vec!["denied".to_owned()])
    );
    assert!(parameters(&back, "finish_code").is_empty());

    // Who sends none gets none.
    let link = api.get("oauth/google/authorize").await?;
    let mut walk = house.walker(1, "Nobody")?;
    let consent = walk.to_consent(&Url::parse(&link.field("connect_url")?)?).await?;
    let page = walk.decide(&consent, "carol", Consent::All).await?;
    assert!(parameters(&page.url, "state").is_empty());
    let body = json!({ "finish_code": parameters(&page.url, "finish_code").first() });
    let finished = api.post("oauth/google/finish", Some(body)).await?;
    assert!(finished.expect(200)?["state"].is_null(), "{}", finished.text);
    house.end().await
}

/// Asks for a link with a state of the program's own.
async fn ask_with(api: &bellhop_tests::Api, state: &str) -> Story<bellhop_tests::Answer> {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
    api.get(&format!("oauth/google/authorize?{query}")).await
}

/// Every value of a parameter of an address.
fn parameters(url: &Url, name: &str) -> Vec<String> {
    url.query_pairs().filter(|(known, _)| known == name).map(|(_, value)| value.into_owned()).collect()
}

/// The link on a page that leads back to the program.
fn way_back(page: &Page, return_url: &Url) -> Story<Url> {
    let back = page.links().into_iter().find(|link| link.origin() == return_url.origin());
    back.ok_or_else(|| Trouble::new(format!("no way back on the page: {}", page.text())))
}

#[tokio::test]
async fn a_forced_press_in_a_group_shows_nothing_private() -> Story {
    let house = House::open().await?;
    let (mut ada, ben) = (house.walker(1001, "Ada")?, house.person(1002, "Ben"));
    ada.connect("alice").await?;
    ben.ask("/start", "a welcome", |message| message.says("Bellhop")).await?;
    let integration = house.connected_integration().await?;
    // Every button of hers that shows or changes something, as it lies in her private chat.
    mail_agrees(&house, "alice").await?;
    rested(&house).await?;
    let mails = inbox(&ada.person, 125).await?;
    let asked = ada.person.ask("/disconnect", "to be asked first", |message| message.button("Yes").is_some()).await?;
    ada.person.ask("/accounts", "her account", |message| message.says("alice@")).await?;
    let private = ada.person.messages().await?;
    let buttons = mails.buttons.iter().chain(&asked.buttons).flatten();
    let mut presses: Vec<String> = buttons.filter_map(|button| button.callback_data.clone()).collect();
    presses.sort();
    presses.dedup();
    ensure(presses.len() >= 3, format_args!("too few buttons to press: {presses:?}"))?;

    let group = |what: &str| format!("telegram/groups/-100777/{what}");
    let words = json!({ "from": 1001, "first_name": "Ada", "text": "/inbox", "title": "Friends" });
    house.sandbox.post(&group("messages"), words).await?;
    let before = until("the bot's answer in the group", async || {
        let messages = house.sandbox.get(&group("messages")).await?["messages"].clone();
        Ok((messages.as_array().map(Vec::len) == Some(2)).then_some(messages))
    })
    .await?;
    let events = events_in_all(&house).await?;
    for data in &presses {
        for presser in [1001, 1002] {
            let press = json!({ "from": presser, "message_id": before[1]["message_id"], "data": data, "force": true });
            house.sandbox.post(&group("press"), press).await?;
        }
    }
    until("every press to be answered", async || {
        let notices = house.sandbox.get(&group("messages")).await?["notices"].clone();
        Ok((notices.as_array().map(Vec::len) == Some(2 * presses.len())).then_some(()))
    })
    .await?;
    // Each one's updates are handled in their order: nothing of those presses is under way any more.
    for person in [&ada.person, &ben] {
        person.ask("/help", "an answer to what came later", |message| message.says("/inbox")).await?;
    }
    let after = house.sandbox.get(&group("messages")).await?;
    assert_eq!(after["messages"], before);
    for private in ["alice", "disconnected", "mail from"] {
        ensure(!text_of(&after).contains(private), format_args!("{private:?} is shown in the group: {after}"))?;
    }
    let still = ada.person.messages().await?;
    let seen = |messages: &[bellhop_tests::Message]| {
        messages.iter().map(|message| (message.id, message.text.clone(), message.edits)).collect::<Vec<_>>()
    };
    assert_eq!(seen(&still)[..private.len()], seen(&private)[..]);
    assert_eq!(events_in_all(&house).await?, events);
    assert_eq!(state_of(&house, &integration).await?, "active");
    house.end().await
}

fn text_of(value: &Value) -> String {
    value.to_string().to_lowercase()
}
