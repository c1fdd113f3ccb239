//! What an operator and an auditor are told on the command line: everything at once, what to do next, and nothing that looks
//! whole and is not.

use std::process::{Command, Stdio};

use bellhop_tests::{House, Story, ensure, program, until};
use chrono::TimeDelta;
use serde_json::json;

use crate::logged;
use crate::supervision::own_redis::OwnRedis;

/// The lines that say what is wrong.
fn wrong(out: &str) -> Vec<&str> {
    out.lines().filter(|line| line.starts_with("WRONG")).collect()
}

#[tokio::test]
async fn the_doctor_says_of_every_setting_what_is_wrong_and_looks_at_the_rest() -> Story {
    let mut house = House::plan().build().await?;
    let (key, database) = (house.settings()["MASTER_KEY"].clone(), house.settings()["DATABASE_URL"].clone());
    for (name, value) in [("MASTER_KEY", ""), ("LISTEN_ADDR", "here"), ("LOG_FORMAT", "verse"), ("LOG_LEVEL", "[[")] {
        house.set(name, value);
    }
    let found = house.try_command(&["doctor"]).await?;
    assert_eq!(found.code, Some(3));
    assert_eq!(wrong(&found.out).len(), 4, "{}", found.out);
    for name in ["MASTER_KEY: is required", "LISTEN_ADDR: expected", "LOG_FORMAT: expected", "LOG_LEVEL: "] {
        assert!(found.out.contains(&format!("WRONG settings: {name}")), "{name}: {}", found.out);
    }
    for good in ["database", "clock", "Redis", "Google", "Telegram", "dead letters", "breakers"] {
        assert!(found.out.contains(&format!("ok    {good}: ")), "{good}: {}", found.out);
    }
    // A look without a key must not make some other key the database's own.
    assert_eq!(house.database.number("select count(*) from keys.master_check").await?, 0);

    let serve = house.try_command(&["serve"]).await?;
    assert_eq!(serve.code, Some(1));
    assert!(serve.words.contains("LISTEN_ADDR") && serve.words.contains("LOG_FORMAT"), "{}", serve.words);

    house.set("MASTER_KEY", &key);
    house.set("LISTEN_ADDR", "127.0.0.1:1");
    house.set("LOG_FORMAT", "");
    house.set("LOG_LEVEL", "");
    house.set("DATABASE_URL", "mysql://nowhere");
    let found = house.try_command(&["doctor"]).await?;
    assert_eq!(wrong(&found.out).len(), 1, "{}", found.out);
    assert!(found.out.contains("WRONG settings: DATABASE_URL: expected postgres://"), "{}", found.out);
    assert!(found.out.contains("ok    Redis: ") && found.out.contains("ok    Telegram: "), "{}", found.out);

    house.set("DATABASE_URL", &database.replace("postgres://", "postgres://somebody-else-"));
    let found = house.try_command(&["doctor"]).await?;
    assert_eq!(wrong(&found.out).len(), 1, "{}", found.out);
    assert!(found.out.contains("WRONG database: ") && found.out.contains("is DATABASE_URL right?"), "{}", found.out);

    house.set("DATABASE_URL", &database);
    house.command(&["doctor"]).await?;
    house.end().await
}

#[tokio::test]
async fn the_doctor_tells_of_jobs_that_nobody_does_and_of_what_waits() -> Story {
    let mut house = House::open().await?;
    house.sandbox.fault(json!({ "path": "/gmail/v1/users/me/profile", "status": 400, "body": "{}" })).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    logged(&house, &integration, "JobBuried", 1).await?;
    let healthy = until("every job to be done in time", async || {
        let found = house.try_command(&["doctor"]).await?;
        let queues = ["access", "fetch", "notify"].map(|queue| format!("ok    queue {queue}: "));
        Ok(queues.iter().all(|queue| found.out.contains(queue)).then_some(found.out))
    })
    .await?;
    assert!(healthy.contains("note  dead letters: 1 since ") && healthy.contains("bellhop dead list"), "{healthy}");
    assert!(healthy.contains("workers alive: 1"), "{healthy}");

    house.kill("bellhop")?;
    house.advance(TimeDelta::minutes(40))?;
    let found = house.try_command(&["doctor"]).await?;
    assert_eq!(found.code, Some(3));
    let late = |line: &&&str| line.starts_with("WRONG queue fetch: ") && line.contains("due, the oldest for");
    assert!(wrong(&found.out).iter().any(|line| late(&line)), "{}", found.out);
    house.serve("bellhop", &[]).await?;
    house.end().await
}

#[tokio::test]
async fn a_redis_that_throws_entries_away_is_found() -> Story {
    let (redis, house) = OwnRedis::with(House::plan()).await?;
    assert!(house.command(&["doctor"]).await?.out.contains("ok    Redis: reached, and throws nothing away"));
    redis.ask::<String>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await?;
    house.command(&["doctor"]).await?;
    redis.ask::<String>(&["CONFIG", "SET", "maxmemory", "512mb"]).await?;
    let found = house.try_command(&["doctor"]).await?;
    assert_eq!(found.code, Some(3));
    assert!(
        found.out.contains("WRONG Redis: throws entries away") && found.out.contains("noeviction"),
        "{}",
        found.out
    );
    house.end().await
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_before_anything_is_done() -> Story {
    let house = House::open().await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    let of = ["--integration", integration.as_str()];
    for command in [
        &[&["disconnect"], &of[..], &["--because", " "]].concat()[..],
        &[&["disconnect"], &of[..], &["--because", "two\nlines"]].concat(),
        &[&["audit", "query"], &of[..], &["--limit", "0"]].concat(),
        &[&["audit", "query"], &of[..], &["--since", "yesterday"]].concat(),
        &["dead", "list", "--limit", "0"],
        &["dead", "replay", integration.as_str(), "--kind", "fetch_mail", "--dry-run"],
        &["api-key", "add", " "],
    ] {
        let ran = house.try_command(command).await?;
        ensure(ran.code == Some(2), format_args!("{command:?} ended with {:?}: {}{}", ran.code, ran.out, ran.words))?;
    }
    assert_eq!(house.integrations().await?[0]["state"], "active");
    house.end().await
}

#[tokio::test]
async fn an_answer_that_is_cut_short_says_so() -> Story {
    let house = House::open().await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    logged(&house, &integration, "MailFetched", 1).await?;
    let query = ["audit", "query", "--json", "--integration", integration.as_str()];
    let whole =
        house.command(&[&query[..], &["--since", "9999999d", "--limit", "9223372036854775807"]].concat()).await?;
    assert_eq!(whole.words, "");
    let first = house.command(&[&query[..], &["--limit", "1"]].concat()).await?;
    assert_eq!(first.json_lines()?, whole.json_lines()?[..1]);
    assert!(first.words.contains("there are more; a larger --limit shows them"), "{}", first.words);
    let larger = house.command(&[&query[..], &["--limit", "100"]].concat()).await?;
    assert_eq!(larger.words, "");
    // More may have happened meanwhile.
    assert!(larger.json_lines()?.starts_with(&whole.json_lines()?), "{}", larger.out);
    house.end().await
}

#[tokio::test]
async fn keys_are_listed_with_times_that_mean_something_and_without_what_proves_them() -> Story {
    let house = House::plan().build().await?;
    assert!(house.command(&["api-key", "list"]).await?.out.contains("There are no keys"));
    house.api_key("assistant").await?;
    assert!(house.command(&["api-key", "list"]).await?.out.contains(" UTC  good  assistant"));
    let listed = house.command(&["api-key", "list", "--json"]).await?.json_lines()?;
    assert_eq!((&listed[0]["name"], &listed[0]["revoked_at"]), (&json!("assistant"), &json!(null)));
    assert!(listed[0].get("hash").is_none());
    house.end().await
}

#[tokio::test]
async fn a_reader_who_is_gone_stops_no_command() -> Story {
    let house = House::plan().build().await?;
    let nobody = "00000000-0000-4000-8000-000000000000";
    for command in [&["dead", "show", nobody][..], &["dead", "replay", nobody, nobody, "--because", "x"], &["doctor"]] {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let mut ran = Command::new(program("bellhop")?);
        ran.args(command).env_clear().envs(house.settings()).current_dir(house.folder()).stdin(Stdio::null());
        let status = ran.stdout(writer.try_clone()?).stderr(writer).status()?;
        // What there is not could not be done; the house itself is well.
        let expected = i32::from(command != ["doctor"]);
        ensure(status.code() == Some(expected), format_args!("{command:?} ended with {status}"))?;
    }
    house.end().await
}

#[tokio::test]
async fn a_bellhop_whose_log_nobody_reads_still_stops_when_it_is_told_to() -> Story {
    let house = House::plan().build().await?;
    let (reader, writer) = std::io::pipe()?;
    let mut serving = Command::new(program("bellhop")?);
    serving.args(["serve", "--only", "http"]).env_clear().envs(house.settings()).current_dir(house.folder());
    serving.env("LISTEN_ADDR", format!("127.0.0.1:{}", house.origin.port().unwrap_or_default()));
    drop(reader);
    let mut serving = serving.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).spawn()?;
    let ready = until("it to be ready", async || {
        Ok(house.stranger().get("health/ready").await.is_ok_and(|answer| answer.status == 200).then_some(()))
    })
    .await;
    let told = Command::new("kill").args(["-TERM", &serving.id().to_string()]).status()?;
    let stopped = until("it to stop", async || Ok(serving.try_wait()?)).await;
    let _ = serving.kill();
    let _ = serving.wait();
    ready?;
    ensure(told.success() && stopped?.success(), "it ends in good order")?;
    house.end().await
}
