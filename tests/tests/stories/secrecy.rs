//! Nothing secret lies about, what looks for it sees it, and nothing is opened with another key.

use base64::Engine;
use bellhop_tests::{House, Story, Trouble, ensure, until};
use chrono::TimeDelta;

use crate::{UNTIL_REFRESH, logged, mail_agrees, rested};

#[tokio::test]
async fn a_scan_sees_what_was_left_lying_about() -> Story {
    let house = House::open().await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    mail_agrees(&house, "bob").await?;
    // What is written later would take away what is left lying about here.
    rested(&house).await?;
    house.scan_for_canaries().await?;
    let secrets = house.sandbox.secrets().await?;
    let text = |kind: &str| secrets[kind][0].as_str().unwrap_or_default().replace('\'', "''");

    for (what, found_in) in [
        (format!("update integrations set reason = '{}'", text("addresses")), "table public.integrations"),
        (
            format!("update jobs set payload = jsonb_build_object('a', '{}')", text("access_tokens")),
            "table public.jobs",
        ),
        (
            format!("update vault set sealed = convert_to('  {}  ', 'UTF8')", text("refresh_tokens")),
            "table public.vault",
        ),
    ] {
        house.database.tamper("update integrations set reason = null").await?;
        ensure(house.database.tamper(&what).await? > 0, format_args!("nothing was changed: {what}"))?;
        let found = house.scan_for_canaries().await.err().map(|trouble| trouble.to_string()).unwrap_or_default();
        ensure(found.contains(found_in), format_args!("not seen: {found_in}: {found}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn error_pages_repeat_nothing_of_what_was_sent() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("bob").await?;
    let secrets = house.sandbox.secrets().await?;
    let (code, token) =
        (secrets["codes"][0].as_str().unwrap_or_default(), secrets["access_tokens"][0].as_str().unwrap_or_default());
    let api = house.stranger();
    for path in [
        format!("oauth/google/callback?state={code}&code={code}"),
        format!("oauth/google/callback?error={code}"),
        format!("connect/{code}"),
        format!("nowhere/{token}?{token}"),
        format!("v1/integrations/{token}"),
    ] {
        let answer = api.get(&path).await?;
        ensure(!answer.status.is_success(), "an error was expected")?;
    }
    house.program(token).get("v1/integrations").await?.expect_problem(401)?;
    // The scan at the end looks through these answers, and through what was logged of them.
    house.end().await
}

#[tokio::test]
async fn another_master_key_is_refused_and_the_right_one_goes_on() -> Story {
    let mut house = House::open().await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    mail_agrees(&house, "bob").await?;
    house.stop("bellhop").await?;
    let right = house.settings()["MASTER_KEY"].clone();
    let other = base64::engine::general_purpose::STANDARD.encode([7; 32]);
    let events = crate::events_in_all(&house).await?;

    house.set("MASTER_KEY", &other);
    house.set("LISTEN_ADDR", &format!("127.0.0.1:{}", house.origin.port().unwrap_or_default()));
    for roles in ["http", "relay,worker", "bot", "http,relay,worker,bot"] {
        let command = ["serve", "--only", roles];
        let serving = house.try_command(&command);
        // One that serves does not end by itself.
        let ran = tokio::time::timeout(bellhop_tests::PATIENCE, serving).await??;
        ensure(
            ran.code.is_some_and(|code| code != 0) && ran.words.contains("MASTER_KEY"),
            format_args!("{roles}: {:?} {}{}", ran.code, ran.out, ran.words),
        )?;
        for key in [&right, &other] {
            ensure(!format!("{}{}", ran.out, ran.words).contains(key.as_str()), "the key itself is shown")?;
        }
    }
    let doctor = house.try_command(&["doctor"]).await?;
    assert_eq!(doctor.code, Some(3));
    let found = doctor.out.lines().filter(|line| line.starts_with("WRONG")).collect::<Vec<_>>();
    ensure(found.len() == 1 && found[0].contains("MASTER_KEY"), &doctor.out)?;
    assert_eq!(crate::events_in_all(&house).await?, events);

    house.set("MASTER_KEY", &right);
    house.command(&["doctor"]).await?;
    house.serve("bellhop", &[]).await?;
    house.sandbox.mail_arrives("bob", "A <a@sender.example>", "Under the right key", "Still here.").await?;
    house.advance(TimeDelta::minutes(6))?;
    mail_agrees(&house, "bob").await?;
    house.advance(UNTIL_REFRESH)?;
    logged(&house, &integration, "AccessRefreshed", 1).await?;
    house.end().await
}

#[tokio::test]
async fn under_another_master_key_not_one_request_is_served() -> Story {
    let mut house = House::plan().gated().open().await?;
    let api = house.program(&house.api_key("assistant").await?);
    house.connect_by_api(&api, "bob").await?;
    house.stop("bellhop").await?;
    let gate = house.postgres_gate.take().ok_or_else(|| Trouble::new("a house without gates"))?;
    house.set("MASTER_KEY", &base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [7; 32]));
    gate.shut();
    house.start("bellhop", &[])?;
    let stranger = house.stranger();
    until("HTTP to answer", async || Ok(stranger.get("health/live").await.is_ok().then_some(()))).await?;
    // The database comes back, and until the process has ended nothing is served from it.
    gate.open();
    until("the refusal", async || {
        for (caller, path) in [(&stranger, "health/ready"), (&api, "v1/integrations"), (&api, "oauth/google/authorize")]
        {
            let Ok(answer) = caller.get(path).await else { return Ok(Some(())) };
            ensure(answer.status == 503, format_args!("{path} was answered with {}: {}", answer.status, answer.text))?;
        }
        Ok(None)
    })
    .await?;
    // Its last words come after its doors have closed.
    until("the reason", async || Ok(house.log_of("bellhop").contains("MASTER_KEY").then_some(()))).await
}
