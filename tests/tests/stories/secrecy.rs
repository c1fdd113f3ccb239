//! The canary scan itself: it must see what it is there to see.

use bellhop_tests::{House, Story, ensure};

use crate::mail_agrees;

#[tokio::test]
async fn a_scan_sees_what_was_left_lying_about() -> Story {
    let house = House::open().await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    mail_agrees(&house, "bob").await?;
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
