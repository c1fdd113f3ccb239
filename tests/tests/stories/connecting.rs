//! The walk through consent where everything goes well.

use bellhop_tests::{House, Story, ensure};
use chrono::TimeDelta;

use crate::{UNTIL_REFRESH, events, events_in_all, grants_agree, inbox, logged, mail_agrees, names, state_of};

#[tokio::test]
async fn an_account_goes_the_whole_way_once() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;

    walk.connect("alice").await?;
    let ledger = house.sandbox.ledger().await?;
    assert_eq!(ledger.authorizations.len(), 1);
    assert_eq!(ledger.exchanges().len(), 1);
    assert_eq!(ledger.grants.len(), 1);
    grants_agree(&house).await?;
    let integration = house.connected_integration().await?;
    assert_eq!(state_of(&house, &integration).await?, "active");

    let first = inbox(&walk.person, 125).await?;
    mail_agrees(&house, "alice").await?;
    let subjects = house.sandbox.subjects("alice").await?;
    assert!(first.text.contains(subjects[0].trim()), "{}", first.text);
    walk.person.press(&first, "Older").await?;
    walk.person.sees_change(first.id, "the second page", |message| message.button("Newer").is_some()).await?;

    house.advance(UNTIL_REFRESH)?;
    logged(&house, &integration, "AccessRefreshed", 1).await?;
    let ledger = house.sandbox.ledger().await?;
    assert_eq!(ledger.refreshes().len(), 1);
    assert_eq!(ledger.refreshes()[0].outcome, "issued");

    let asked = walk.person.ask("/disconnect", "to be asked first", |message| message.button("Yes").is_some()).await?;
    assert!(house.sandbox.ledger().await?.revocations.is_empty());
    walk.person.press(&asked, "Yes").await?;
    walk.person.sees_change(asked.id, "the revocation", |message| message.says("confirmed")).await?;
    let ledger = house.sandbox.ledger().await?;
    assert_eq!((ledger.revocations.len(), ledger.grants.len()), (1, 0));
    grants_agree(&house).await?;
    assert_eq!(state_of(&house, &integration).await?, "disconnected");
    for what_is_sealed in [
        "mail_messages",
        "mail_syncs",
        "calendars",
        "calendar_entries",
        "calendar_syncs",
        "vault",
        "vault_spares",
        "subjects",
    ] {
        assert_eq!(
            house.database.number(&format!("select count(*) from {what_is_sealed}")).await?,
            0,
            "{what_is_sealed}"
        );
    }

    // With Redis up every job goes over the belt.
    ensure(house.counted("jobs_total", &[("way", "belt")]).await? >= 3.0, "jobs must go over the belt")?;
    assert!(house.counted("jobs_total", &[("way", "direct")]).await? < 1.0);
    for (event, count) in
        [("authorize_started", 1.0), ("tokens_stored", 2.0), ("refresh_start", 1.0), ("refresh_ok", 1.0)]
    {
        assert!((house.oauth_counted(event).await? - count).abs() < 0.1, "{event}");
    }
    house.end().await
}

#[tokio::test]
async fn an_auditor_sees_who_did_what_and_when() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let before = house.now().await?;
    walk.connect("bob").await?;
    let integration = house.connected_integration().await?;
    logged(&house, &integration, "MailFetched", 1).await?;
    logged(&house, &integration, "CalendarFetched", 1).await?;

    let query = ["audit", "query", "--integration", &integration, "--since", "1h", "--json"];
    let log = house.command(&query).await?.json_lines()?;
    assert_eq!(names(&log)[..2], ["AuthorizationStarted", "AccessGranted"]);
    // Mail and calendar are fetched side by side.
    let mut fetched = names(&log)[2..].to_vec();
    fetched.sort_unstable();
    assert_eq!(fetched, ["CalendarFetched", "MailFetched"]);
    let actors: Vec<_> = log.iter().map(|entry| entry["actor"]["kind"].as_str().unwrap_or_default()).collect();
    assert_eq!(actors, ["owner", "owner", "job", "job"]);
    for (entry, version) in log.iter().zip(1..) {
        assert_eq!(entry["version"], version);
        assert!(entry["correlation"].is_string() && entry["command"].is_string(), "{entry}");
        let time: chrono::DateTime<chrono::Utc> = serde_json::from_value(entry["time"].clone())?;
        assert!(before <= time && time <= house.now().await?, "{entry}");
    }
    // What caused a fetch: the event that opened its job.
    let granted = &log[1]["event_id"];
    for fetched in &log[2..] {
        assert!(fetched["cause"] == *granted || fetched["correlation"] != log[1]["correlation"], "{fetched}");
    }

    house.advance(TimeDelta::hours(2))?;
    let later = house.command(&query).await?.json_lines()?;
    assert!(!names(&later).contains(&"AccessGranted"), "{later:?}");
    house.end().await
}

#[tokio::test]
async fn an_edit_behind_bellhops_back_is_found() -> Story {
    let mut house = House::open().await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    mail_agrees(&house, "bob").await?;
    house.kill("bellhop")?;
    house.database.let_leases_run_out().await?;
    house.command(&["audit", "verify"]).await?;
    for (edit, undo) in [
        (
            "update events set time = time + interval '1 second' where version = 1",
            "update events set time = time - interval '1 second' where version = 1",
        ),
        (
            "update states set state = jsonb_set(state, '{status}', '\"expired\"')",
            "update states set state = jsonb_set(state, '{status}', '\"active\"')",
        ),
        ("update integrations set status = 'expired'", "update integrations set status = 'active'"),
        (
            "update jobs set state = 'dead' where kind = 'refresh_access'",
            "update jobs set state = 'open' where kind = 'refresh_access'",
        ),
    ] {
        ensure(house.database.tamper(edit).await? > 0, format_args!("nothing was edited: {edit}"))?;
        let proof = house.try_command(&["audit", "verify"]).await?;
        ensure(proof.code == Some(3), format_args!("not found: {edit}: {:?} {}", proof.code, proof.words))?;
        house.database.tamper(undo).await?;
    }
    house.end().await
}

#[tokio::test]
async fn a_link_that_crawlers_open_changes_nothing() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    let link = walk.link().await?;
    let mut crawler = house.browser()?;
    for _ in 0..3 {
        let page = crawler.open(&link).await?;
        page.expect(200, &["Ada", "Telegram"])?;
        assert!(page.header("set-cookie").is_empty());
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("cache-control"), "no-store");
    }
    assert_eq!(events_in_all(&house).await?, 0);
    assert!(house.sandbox.ledger().await?.calls_of("/o/oauth2/v2/auth", None) == 0);

    let consent = walk.to_consent(&link).await?;
    // Once used, it is good in this browser alone.
    crawler.open(&link).await?.expect(410, &["used already"])?;
    let page = walk.decide(&consent, "alice", bellhop_tests::Consent::All).await?;
    assert!(page.finish_code().is_some());
    house.end().await
}

#[tokio::test]
async fn an_account_connected_twice_stays_one_integration() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("alice").await?;
    let integration = house.connected_integration().await?;
    walk.connect("alice").await?;
    let rows = house.integrations().await?;
    assert_eq!(rows.iter().filter(|row| row["state"] == "active").count(), 1, "{rows:?}");
    let log = house.audit(&integration).await?;
    assert_eq!(events(&log, "AccessGranted").len(), 2);
    let other = rows.iter().find(|row| row["integration"] != *integration).and_then(|row| row["integration"].as_str());
    let log = house.audit(other.unwrap_or_default()).await?;
    assert_eq!(events(&log, "AuthorizationFailed")[0]["reason"], "already_connected");
    house.end().await
}

#[tokio::test]
async fn people_see_their_own_accounts_only() -> Story {
    let house = House::open().await?;
    let (mut ada, mut ben) = (house.walker(1001, "Ada")?, house.walker(1002, "Ben")?);
    ada.connect("alice").await?;
    ben.person.ask("/inbox", "nothing", |message| message.says("No account is connected")).await?;
    ben.connect("bob").await?;
    ada.person.ask("/accounts", "her own account", |message| message.says("alice@") && !message.says("bob@")).await?;
    ben.person.ask("/accounts", "his own account", |message| message.says("bob@") && !message.says("alice@")).await?;

    // A button of hers, pressed by him with the data he may have seen.
    let asked = ada.person.ask("/disconnect", "to be asked", |message| message.button("Yes").is_some()).await?;
    let data = asked.button("Yes").and_then(|button| button.callback_data.clone()).unwrap_or_default();
    let his = ben.person.ask("/disconnect", "to be asked", |message| message.button("Yes").is_some()).await?;
    ben.person.press_data(his.id, &data).await?;
    ben.person.ask("/help", "the end of it", |message| message.says("/inbox")).await?;
    let rows = house.integrations().await?;
    assert_eq!(rows.iter().filter(|row| row["state"] == "active").count(), 2, "{rows:?}");
    house.end().await
}

#[tokio::test]
async fn only_invited_people_are_served() -> Story {
    let house = House::plan().set("TELEGRAM_ALLOWED_USERS", "1001, 1003").open().await?;
    house.person(1002, "Eve").ask("/connect", "a refusal", |message| message.says("private")).await?;
    let mut walk = house.walker(1003, "Ida")?;
    walk.connect("carol").await?;
    assert_eq!(house.database.number("select count(*) from telegram_people").await?, 1);
    house.end().await
}

#[tokio::test]
async fn a_program_connects_and_disconnects_over_the_api() -> Story {
    let house = House::open().await?;
    let api = house.program(&house.api_key("assistant").await?);
    let status = api.get("oauth/google/status").await?;
    assert_eq!(status.expect(200)?["linked"], false);
    let id = house.connect_by_api(&api, "alice").await?;

    let status = api.get("oauth/google/status").await?;
    let status = status.expect(200)?;
    assert_eq!((&status["linked"], &status["state"]), (&true.into(), &"active".into()), "{status}");
    assert!(status["scopes"].as_array().is_some_and(|scopes| scopes.len() == 4), "{status}");
    assert!(status["expires_at"].is_string(), "{status}");
    let all = api.get("v1/integrations").await?;
    assert_eq!(all.expect(200)?.as_array().map(Vec::len), Some(1));
    let one = api.get(&format!("v1/integrations/{id}")).await?;
    assert_eq!(one.expect(200)?["state"], "active");

    api.post(&format!("v1/integrations/{id}/refresh"), None).await?.expect(200)?;
    let status = api.get("oauth/google/status").await?;
    assert!(status.expect(200)?["last_refresh_at"].is_string());

    let ended = api.delete(&format!("v1/integrations/{id}")).await?;
    ended.expect(202)?;
    let log = logged(&house, &id, "AccessRevoked", 1).await?;
    let again = api.delete(&format!("v1/integrations/{id}")).await?;
    ensure(again.status.is_success(), format_args!("a repeat is no error: {}", again.text))?;
    let ledger = house.sandbox.ledger().await?;
    assert_eq!((ledger.revocations.len(), ledger.grants.len()), (1, 0));
    let expected = ["AuthorizationStarted", "AccessGranted"];
    assert_eq!(names(&log)[..2], expected);
    assert_eq!(log[1]["actor"]["kind"], "api_key");
    house.end().await
}
