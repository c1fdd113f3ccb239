//! What is derived is derived again, by an operator and while everything runs.

use bellhop_tests::{House, Ran, Story, ensure, until};

use crate::{inbox, logged, mail_agrees, rested};

/// Compares, which must come to this.
async fn check(house: &House, what: &str, code: i32) -> Story<Ran> {
    let ran = house.try_command(&["rebuild", what, "--check"]).await?;
    ensure(ran.code == Some(code), format_args!("{what}: {:?} {}{}", ran.code, ran.out, ran.words))?;
    Ok(ran)
}

#[tokio::test]
async fn jobs_that_somebody_lost_are_back_and_run() -> Story {
    let house = House::open().await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    logged(&house, &integration, "CalendarFetched", 1).await?;
    rested(&house).await?;
    check(&house, "jobs", 0).await?;
    let fetched_at = "select extract(epoch from checked_at) * 1000000 from calendar_syncs";
    let before = house.database.number(fetched_at).await?;
    // As in a database that was written before there were calendars.
    ensure(house.database.tamper("delete from jobs where kind = 'fetch_calendar'").await? == 1, "a job is lost")?;
    let difference = check(&house, "jobs", 3).await?;
    assert!(difference.words.contains("fetch_calendar"), "{}", difference.words);
    let mended = house.command(&["rebuild", "jobs"]).await?;
    assert!(mended.out.contains("1 jobs opened, 0 closed, 0 put right"), "{}", mended.out);
    check(&house, "jobs", 0).await?;
    until("the calendar to be fetched again", async || {
        Ok((house.database.number(fetched_at).await? > before).then_some(()))
    })
    .await?;
    let again = house.command(&["rebuild", "jobs"]).await?;
    assert!(again.out.contains("0 jobs opened"), "{}", again.out);
    house.end().await
}

#[tokio::test]
async fn views_that_somebody_spoilt_are_built_anew_under_the_eyes_of_their_readers() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("bob").await?;
    // A fetch that ends later would write the view anew.
    rested(&house).await?;
    check(&house, "views", 0).await?;
    house.database.tamper("update integrations set status = 'failed'").await?;
    let difference = check(&house, "views", 3).await?;
    assert!(difference.words.contains("status"), "{}", difference.words);
    house.command(&["rebuild", "views"]).await?;
    check(&house, "views", 0).await?;
    inbox(&walk.person, 64).await?;
    let versions = house.database.rows("select distinct view_version as version from integrations").await?;
    assert_eq!(versions, [serde_json::json!({ "version": 2 })]);
    house.end().await
}

#[tokio::test]
async fn a_log_that_was_edited_is_named_and_nothing_is_derived_from_it() -> Story {
    let house = House::open().await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    rested(&house).await?;
    let integration = house.connected_integration().await?;
    let edit = "alter table events disable row level security;
                update events set time = time + interval '1 second' where version = 2";
    house.database.tamper(edit).await?;
    house.database.tamper("alter table events enable row level security").await?;
    for what in ["jobs", "views"] {
        let refused = house.try_command(&["rebuild", what]).await?;
        assert_eq!(refused.code, Some(1), "{what}");
        assert!(refused.words.contains(&integration) && refused.words.contains("version 2"), "{}", refused.words);
        check(&house, what, 3).await?;
    }
    assert_eq!(house.database.number("select max(live) from view_versions").await?, 1);
    house.database.tamper("alter table events disable row level security").await?;
    house.database.tamper("update events set time = time - interval '1 second' where version = 2").await?;
    house.database.tamper("alter table events enable row level security").await?;
    house.end().await
}

#[tokio::test]
async fn the_belt_is_emptied_and_filled_from_the_job_table() -> Story {
    let mut house = House::plan().redis_number(10).build().await?;
    house.serve("front", &["http", "relay", "bot"]).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    until("what is due to lie on the belt", async || {
        let marked = "select count(*) from jobs where queue = 'fetch' and dispatch is not null";
        Ok((house.database.number(marked).await? == 2).then_some(()))
    })
    .await?;
    // The relay would put it on again in ten seconds.
    house.stop("front").await?;
    check(&house, "belt", 0).await?;
    let mut redis = house.redis().await?.ok_or_else(|| bellhop_tests::Trouble::new("no Redis"))?;
    redis::cmd("SET").arg("somebody:else").arg(1).query_async::<()>(&mut redis).await?;
    let keys: Vec<String> = redis::cmd("KEYS").arg("bellhop:*:fetch:*").query_async(&mut redis).await?;
    redis::cmd("DEL").arg(keys).query_async::<()>(&mut redis).await?;
    house
        .database
        .tamper("update jobs set dispatched_at = now() - interval '1 minute' where dispatch is not null")
        .await?;
    let lost = check(&house, "belt", 3).await?;
    assert!(lost.words.contains("should be on the belt"), "{}", lost.words);
    let filled = house.command(&["rebuild", "belt"]).await?;
    assert!(filled.out.contains("2 entries wait"), "{}", filled.out);
    check(&house, "belt", 0).await?;
    let others: i64 = redis::cmd("EXISTS").arg("somebody:else").query_async(&mut redis).await?;
    assert_eq!(others, 1);
    house
        .database
        .tamper("update jobs set dispatch = gen_random_uuid(), dispatched_at = now() where dispatch is not null")
        .await?;
    let stale = check(&house, "belt", 3).await?;
    assert!(stale.words.contains("starts nothing"), "{}", stale.words);
    // Marked a moment ago: no relay would put them on before ten seconds are over.
    let filled = house.command(&["rebuild", "belt"]).await?;
    assert!(filled.out.contains("2 entries wait"), "{}", filled.out);
    check(&house, "belt", 0).await?;
    house.serve("bellhop", &[]).await?;
    mail_agrees(&house, "bob").await?;
    house.end().await
}
