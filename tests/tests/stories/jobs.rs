//! Jobs through crashes, waits and burials: none is lost, none is done twice.

use bellhop_tests::{CALENDAR_SCOPE, Consent, House, Story, Trouble, until};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::{comes_to, events, logged, mail_agrees, names, rested, state_of};

const PROFILE: &str = "/gmail/v1/users/me/profile";
const LISTING: &str = "/gmail/v1/users/me/messages";

/// The row of the job that fetches mail and is not done.
async fn fetching(house: &House) -> Story<Value> {
    let rows = house.database.rows("select * from jobs where kind = 'fetch_mail' and state <> 'done'").await?;
    rows.into_iter().next().ok_or_else(|| Trouble::new("no mail is being fetched"))
}

/// Waits until the fetch runs, and Google is slow to answer it.
async fn fetch_hangs(house: &House) -> Story {
    until("the fetch to wait for Google", async || {
        let is_asked = house.sandbox.faults_to_come().await? == 0;
        Ok((is_asked && fetching(house).await?["lease"].is_string()).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_killed_workers_job_is_done_by_another() -> Story {
    let mut house = House::plan().build().await?;
    house.serve("front", &["http", "relay", "bot"]).await?;
    house.serve("first", &["worker"]).await?;
    house.sandbox.fault(json!({ "path": PROFILE, "delay_ms": 20_000 })).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    fetch_hangs(&house).await?;
    let abandoned = fetching(&house).await?["lease"].clone();
    house.kill("first")?;
    house.serve("second", &["worker"]).await?;
    // That the process is gone is seen though the lease would live on: only the last seconds without a renewal are made up.
    until("the job to be taken back", async || {
        let silent = "update jobs set leased_until = now() + interval '21 seconds' where lease = ";
        let lease = abandoned.as_str().unwrap_or_default();
        Ok((house.database.tamper(&format!("{silent}'{lease}'")).await? == 0).then_some(()))
    })
    .await?;
    let log = logged(&house, &integration, "MailFetched", 1).await?;
    assert_eq!(events(&log, "MailFetched").len(), 1);
    mail_agrees(&house, "bob").await?;
    comes_to(&house, "jobs_total", &[("kind", "fetch_mail"), ("way", "belt")], 1.0).await?;
    house.end().await
}

#[tokio::test]
async fn a_worker_that_wakes_up_after_its_job_was_given_away_changes_nothing() -> Story {
    let mut house = House::plan().build().await?;
    house.serve("front", &["http", "relay", "bot"]).await?;
    house.serve("first", &["worker"]).await?;
    house.sandbox.fault(json!({ "path": PROFILE, "delay_ms": 5_000 })).await?;
    // Stopped while it recorded what a calendar brought, it would hold its rows for a minute.
    let mut walk = house.walker(1001, "Ada")?;
    let code = walk.to_finish("bob", Consent::Without(CALENDAR_SCOPE)).await?;
    walk.finish(&code, "the account to be connected", |message| message.says("bob@")).await?;
    let integration = house.connected_integration().await?;
    fetch_hangs(&house).await?;
    house.signal("first", "STOP")?;
    house.serve("second", &["worker"]).await?;
    house.database.let_leases_run_out().await?;
    let log = logged(&house, &integration, "MailFetched", 1).await?;
    house.signal("first", "CONT")?;
    // The first finds that it has lost its job.
    comes_to(&house, "jobs_total", &[("kind", "fetch_mail"), ("outcome", "lost")], 1.0).await?;
    assert_eq!(house.audit(&integration).await?, log);
    mail_agrees(&house, "bob").await?;
    house.end().await
}

#[tokio::test]
async fn a_run_without_a_result_three_times_in_a_row_is_buried_as_poison() -> Story {
    let mut house = House::open().await?;
    house.sandbox.fault(json!({ "path": PROFILE, "delay_ms": 30_000, "times": 3 })).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    let mut last = Value::Null;
    for _ in 0..3 {
        // Under a lease of its own each time: the one of the run before stays until somebody looks after it.
        last = until("the fetch to run again", async || {
            let lease = fetching(&house).await?["lease"].clone();
            Ok((lease.is_string() && lease != last).then_some(lease))
        })
        .await?;
        house.kill("bellhop")?;
        house.database.let_leases_run_out().await?;
        house.serve("bellhop", &[]).await?;
    }
    let log = logged(&house, &integration, "JobBuried", 1).await?;
    assert_eq!(events(&log, "JobBuried")[0]["reason"], "poison");
    house.end().await
}

#[tokio::test]
async fn a_fetch_killed_half_way_goes_on_at_its_batch() -> Story {
    let mut house = House::open().await?;
    // The first page comes, the second hangs.
    house.sandbox.fault(json!({ "path": LISTING, "exact": true, "skip": 1, "delay_ms": 60_000 })).await?;
    house.walker(1001, "Ada")?.connect("alice").await?;
    let integration = house.connected_integration().await?;
    until("the first batch to be recorded", async || {
        Ok((house.database.number("select coalesce(max(batches), 0) from mail_syncs").await? == 1).then_some(()))
    })
    .await?;
    until("the second page to be asked for", async || Ok((house.sandbox.faults_to_come().await? == 0).then_some(())))
        .await?;
    house.kill("bellhop")?;
    assert_eq!(house.database.number("select count(*) from mail_messages").await?, 50);
    house.database.let_leases_run_out().await?;
    house.serve("bellhop", &[]).await?;
    let log = logged(&house, &integration, "MailFetched", 1).await?;
    assert_eq!(events(&log, "MailFetched")[0]["added"], 125);
    mail_agrees(&house, "alice").await?;
    let ledger = house.sandbox.ledger().await?;
    // Three pages, each listed once, and each message read once.
    assert_eq!(ledger.calls_of("/gmail/v1/users/{user}/messages", Some("200")), 3);
    assert_eq!(ledger.calls_of("/gmail/v1/users/{user}/messages/{id}", Some("200")), 125);
    house.end().await
}

#[tokio::test]
async fn being_told_to_wait_spends_no_attempt() -> Story {
    let house = House::open().await?;
    house.sandbox.fault(json!({ "path": PROFILE, "status": 429, "retry_after": 90 })).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    let job = until("the fetch to wait", async || {
        let job = fetching(&house).await?;
        let due: DateTime<Utc> = serde_json::from_value(job["due_at"].clone())?;
        let waits = job["lease"].is_null() && due > house.now().await? + TimeDelta::seconds(60);
        Ok(waits.then_some(job))
    })
    .await?;
    assert_eq!((&job["attempts"], &job["crashes"]), (&json!(0), &json!(0)));
    // The calendar is fetched by a job of its own, which nobody told to wait.
    let log = logged(&house, &integration, "CalendarFetched", 1).await?;
    assert_eq!(names(&log), ["AuthorizationStarted", "AccessGranted", "CalendarFetched"]);
    house.advance(TimeDelta::seconds(91))?;
    mail_agrees(&house, "bob").await?;
    comes_to(&house, "jobs_total", &[("outcome", "wait")], 1.0).await?;
    house.end().await
}

#[tokio::test]
async fn five_failures_bury_a_job_and_a_replay_brings_it_back_once() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    house.sandbox.fault(json!({ "path": PROFILE, "status": 500, "times": 5 })).await?;
    walk.connect("bob").await?;
    let integration = house.connected_integration().await?;
    for (failures, pause) in [(1, 5), (2, 30), (3, 120), (4, 600)] {
        let log = logged(&house, &integration, "JobFailed", failures).await?;
        assert_eq!(events(&log, "JobFailed")[failures - 1]["attempt"], failures);
        house.advance(TimeDelta::seconds(pause + 1))?;
    }
    let log = logged(&house, &integration, "JobBuried", 1).await?;
    assert_eq!(events(&log, "JobFailed").len(), 4);
    let buried = events(&log, "JobBuried")[0].clone();
    assert_eq!((&buried["attempts"], &buried["reason"]), (&json!(5), &json!("provider_unavailable")));
    let job = buried["job"].as_str().unwrap_or_default();
    logged(&house, &integration, "OwnerNotified", 1).await?;

    let list = house.command(&["dead", "list"]).await?;
    assert!(list.out.contains(job) && list.out.contains("provider_unavailable"), "{}", list.out);
    let shown = house.command(&["dead", "show", job]).await?;
    assert!(shown.out.contains("JobBuried") && shown.out.contains("fetch_mail"), "{}", shown.out);
    house.command(&["dead", "replay", job, "--dry-run"]).await?;
    assert!(events(&house.audit(&integration).await?, "JobReplayed").is_empty());

    let because = ["--because", "the provider is back", "--operator", "Olga"];
    house.command(&[&["dead", "replay", job], &because[..]].concat()).await?;
    mail_agrees(&house, "bob").await?;
    let again = house.command(&[&["dead", "replay", job], &because[..]].concat()).await?;
    assert!(again.out.contains("nothing to do"), "{}", again.out);
    let log = logged(&house, &integration, "MailFetched", 1).await?;
    assert_eq!(events(&log, "JobReplayed").len(), 1);
    assert_eq!(events(&log, "MailFetched").len(), 1);
    let replayed = log.iter().find(|entry| entry["event"]["event"] == "JobReplayed").cloned().unwrap_or_default();
    assert_eq!(replayed["actor"]["kind"], "operator");
    assert_eq!(
        (&replayed["operator"]["name"], &replayed["operator"]["reason"]),
        (&json!("Olga"), &json!("the provider is back"))
    );
    house.end().await
}

#[tokio::test]
async fn a_refused_request_is_buried_at_once_and_can_be_discarded_once() -> Story {
    let house = House::open().await?;
    house.sandbox.fault(json!({ "path": PROFILE, "status": 400, "body": "{}" })).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    let log = logged(&house, &integration, "JobBuried", 1).await?;
    assert_eq!(events(&log, "JobBuried")[0]["attempts"], 1);
    assert!(events(&log, "JobFailed").is_empty());
    let job = events(&log, "JobBuried")[0]["job"].as_str().unwrap_or_default().to_owned();
    house.command(&["dead", "discard", &job, "--because", "not worth it"]).await?;
    house.command(&["dead", "discard", &job, "--because", "not worth it"]).await?;
    let log = house.audit(&integration).await?;
    assert_eq!(events(&log, "JobDiscarded").len(), 1);
    assert!(house.command(&["dead", "list"]).await?.out.contains("no dead letters"));
    // The occurrence is gone, the account goes on with its successor.
    house.advance(TimeDelta::minutes(6))?;
    mail_agrees(&house, "bob").await?;
    assert_eq!(state_of(&house, &integration).await?, "active");
    house.end().await
}

#[tokio::test]
async fn a_flushed_redis_loses_no_job() -> Story {
    let mut house = House::plan().redis_number(9).build().await?;
    house.serve("front", &["http", "relay", "bot"]).await?;
    // Nobody works yet: what is due lies on the belt.
    let (mut ada, mut ben) = (house.walker(1001, "Ada")?, house.walker(1002, "Ben")?);
    ada.connect("alice").await?;
    ben.connect("bob").await?;
    until("both fetches to lie on the belt", async || {
        let dispatched = "select count(*) from jobs where kind = 'fetch_mail' and dispatch is not null";
        Ok((house.database.number(dispatched).await? == 2).then_some(()))
    })
    .await?;
    flush(&house).await?;
    house.serve("worker", &["worker"]).await?;
    until("both mailboxes to be fetched", async || {
        let fetched = "select count(*) from events where type = 'MailFetched'";
        Ok((house.database.number(fetched).await? == 2).then_some(()))
    })
    .await?;
    // Again, while the worker runs: it comes back without help, and so do the jobs.
    flush(&house).await?;
    let over_the_belt = house.counted("jobs_total", &[("way", "belt")]).await?;
    house.sandbox.mail_arrives("bob", "A <a@sender.example>", "After the flush", "Still here.").await?;
    until("the belt to carry jobs again, and the new mail to be there", async || {
        house.advance(TimeDelta::minutes(6))?;
        rested(&house).await?;
        let ledger = house.sandbox.ledger().await?;
        let wanted = ledger.inbox("alice").len() + ledger.inbox("bob").len();
        let stored = house.database.number("select count(*) from mail_messages").await?;
        let belt = house.counted("jobs_total", &[("way", "belt")]).await?;
        Ok((usize::try_from(stored)? == wanted && belt > over_the_belt).then_some(()))
    })
    .await?;
    house.end().await
}

async fn flush(house: &House) -> Story {
    let mut redis = house.redis().await?.ok_or_else(|| Trouble::new("no Redis"))?;
    redis::cmd("FLUSHDB").query_async::<()>(&mut redis).await?;
    Ok(())
}

#[tokio::test]
async fn a_worker_that_is_asked_to_end_gives_back_what_it_had() -> Story {
    let mut house = House::open().await?;
    house.sandbox.fault(json!({ "path": PROFILE, "delay_ms": 5_000 })).await?;
    house.walker(1001, "Ada")?.connect("alice").await?;
    fetch_hangs(&house).await?;
    house.stop("bellhop").await?;
    house.serve("bellhop", &[]).await?;
    mail_agrees(&house, "alice").await?;
    assert_eq!(fetching(&house).await?["crashes"], 0);
    house.end().await
}
