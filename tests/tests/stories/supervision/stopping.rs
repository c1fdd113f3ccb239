//! Processes that are told to end: they finish what they have or hand it back, within 25 s and with exit code 0.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bellhop_tests::{House, Ledger, Story, Trouble, ensure, until};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{fetching, nothing_can_be_done, readiness_names};
use crate::{UNTIL_REFRESH, events, logged, mail_agrees, rested};

/// How long a process has to end.
const LIMIT: Duration = Duration::from_secs(25);

/// Has a Bellhop end as a supervisor does; answers how long that took. It must end well.
async fn ends(house: &mut House, name: &str) -> Story {
    ends_since(house, name, Instant::now()).await
}

/// As [`ends`], for one that was asked at this moment.
async fn ends_since(house: &mut House, name: &str, asked: Instant) -> Story {
    house.stop(name).await?;
    ensure(asked.elapsed() <= LIMIT, format_args!("{name} took {:?} to end", asked.elapsed()))
}

/// Where single mails are read.
const MAILS: &str = "/gmail/v1/users/me/messages/";

/// Somebody connects an account whose mail comes so slowly that fetching it takes minutes, though each call is answered.
async fn a_long_fetch_runs(house: &House) -> Story {
    house.sandbox.fault(json!({ "path": MAILS, "times": 200, "delay_ms": 5_000 })).await?;
    house.walker(1001, "Ada")?.connect("alice").await?;
    until("the fetch to read its first mails", async || {
        let faults = house.sandbox.get("faults").await?;
        let is_reading = faults[0]["times"].as_u64().is_some_and(|left| left < 200);
        Ok((is_reading && fetching(house).await?["lease"].is_string()).then_some(()))
    })
    .await
}

/// Waits until all of that mail is there. The calls that the process has left behind count against the mailbox for a while.
async fn mail_comes(house: &House) -> Story {
    until("the mail to be there", async || {
        let inbox = house.sandbox.ledger().await?.inbox("alice").len();
        let stored = house.database.number("select count(*) from mail_messages").await?;
        if usize::try_from(stored)? == inbox {
            return Ok(Some(()));
        }
        rested(house).await?;
        house.advance(TimeDelta::seconds(10))?;
        Ok(None)
    })
    .await?;
    mail_agrees(house, "alice").await
}

#[tokio::test]
async fn a_run_that_takes_too_long_keeps_its_lease_until_it_is_handed_back() -> Story {
    let mut house = House::plan().build().await?;
    house.serve("front", &["http", "relay", "bot"]).await?;
    house.serve("worker", &["worker"]).await?;
    a_long_fetch_runs(&house).await?;
    let row = fetching(&house).await?;
    let asked = Instant::now();
    house.signal("worker", "TERM")?;
    until("the lease to be prolonged while the process ends", async || {
        let now = fetching(&house).await?;
        ensure(now["lease"] == row["lease"], "the run has lost its job while it had time left")?;
        Ok((now["leased_until"] != row["leased_until"]).then_some(()))
    })
    .await?;
    house.stop("worker").await?;
    ensure(asked.elapsed() <= LIMIT, format_args!("it took {:?} to end", asked.elapsed()))?;
    let row = fetching(&house).await?;
    assert_eq!((&row["lease"], &row["crashes"], &row["attempts"]), (&Value::Null, &json!(0), &json!(0)));
    // Nothing is waited for: it is due, and the next worker takes it at once.
    house.sandbox.clear_faults().await?;
    house.serve("worker", &["worker"]).await?;
    mail_comes(&house).await?;
    house.end().await
}

#[tokio::test]
async fn a_run_that_cannot_be_handed_back_is_taken_back_when_its_lease_runs_out() -> Story {
    let mut house = House::plan().gated().open().await?;
    a_long_fetch_runs(&house).await?;
    house.postgres_gate.as_ref().ok_or_else(|| Trouble::new("no gate"))?.shut();
    nothing_can_be_done(&house).await?;
    ends(&mut house, "bellhop").await?;
    house.postgres_gate.as_ref().ok_or_else(|| Trouble::new("no gate"))?.open();
    house.sandbox.clear_faults().await?;
    house.database.let_leases_run_out().await?;
    house.serve("bellhop", &[]).await?;
    mail_comes(&house).await?;
    house.end().await
}

#[tokio::test]
async fn it_ends_well_whatever_is_away_and_before_it_has_begun() -> Story {
    let mut house = House::plan().gated().open().await?;
    let gates = |house: &House, redis: bool, postgres: bool| {
        for (gate, is_open) in [(&house.redis_gate, redis), (&house.postgres_gate, postgres)] {
            match gate {
                Some(gate) if is_open => gate.open(),
                Some(gate) => gate.shut(),
                None => {}
            }
        }
    };
    gates(&house, false, true);
    readiness_names(&house, &["redis"]).await?;
    ends(&mut house, "bellhop").await?;
    // From the start without Redis, and then without either.
    house.serve("bellhop", &[]).await?;
    gates(&house, false, false);
    nothing_can_be_done(&house).await?;
    ends(&mut house, "bellhop").await?;
    // While it still waits for Postgres.
    house.start("bellhop", &[])?;
    nothing_can_be_done_yet(&house).await?;
    ends(&mut house, "bellhop").await?;
    gates(&house, true, true);
    house.serve("bellhop", &[]).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    mail_agrees(&house, "bob").await?;
    house.end().await
}

/// Like [`nothing_can_be_done`], of a Bellhop that may not listen yet.
async fn nothing_can_be_done_yet(house: &House) -> Story {
    until("HTTP to say that nothing can be done yet", async || {
        let answer = house.stranger().get("health/ready").await;
        Ok(answer.is_ok_and(|answer| answer.status == 503).then_some(()))
    })
    .await
}

const ACCOUNTS: [&str; 3] = ["alice", "bob", "carol"];
const WORKERS: [&str; 4] = ["first", "second", "third", "fourth"];

/// How often every worker is told to end: twenty times in all.
const ROUNDS: usize = 5;

#[tokio::test]
async fn twenty_workers_told_to_end_under_load_lose_nothing_and_do_nothing_twice() -> Story {
    let mut house = House::plan().build().await?;
    house.serve("front", &["http", "relay", "bot"]).await?;
    house.sandbox.set_google(json!({ "rotate_refresh_tokens": true })).await?;
    for worker in WORKERS {
        house.serve(worker, &["worker"]).await?;
    }
    for (number, account) in (1001..).zip(ACCOUNTS) {
        house.walker(number, "Somebody")?.connect(account).await?;
    }
    for round in 0..ROUNDS {
        for account in ACCOUNTS {
            let subject = format!("Round {round}");
            house.sandbox.mail_arrives(account, "A <a@sender.example>", &subject, "Hello.").await?;
        }
        let is_last = round + 1 == ROUNDS;
        for path in ["/gmail", "/token", "/calendar"] {
            // Work that ends soon, and once some that does not.
            house.sandbox.fault(json!({ "path": path, "times": 6, "delay_ms": 1_500 })).await?;
        }
        if is_last {
            for _ in 0..40 {
                house.sandbox.mail_arrives("alice", "A <a@sender.example>", "Slowly", "Hello.").await?;
            }
            house.sandbox.fault(json!({ "path": MAILS, "times": 200, "delay_ms": 5_000 })).await?;
        }
        house.advance(UNTIL_REFRESH)?;
        until("every account to be worked on", async || {
            let running = "select count(distinct integration) from jobs where lease is not null";
            Ok((house.database.number(running).await? == 3).then_some(()))
        })
        .await?;
        let asked = Instant::now();
        for worker in WORKERS {
            house.signal(worker, "TERM")?;
        }
        for worker in WORKERS {
            ends_since(&mut house, worker, asked).await?;
        }
        let held = "select count(*) from jobs where lease is not null";
        assert_eq!(house.database.number(held).await?, 0, "round {round}: a job is held by nobody");
        house.sandbox.clear_faults().await?;
        for worker in WORKERS {
            house.start(worker, &["worker"])?;
        }
        for worker in WORKERS {
            house.is_ready(worker).await?;
        }
    }
    nothing_is_lost_or_done_twice(&house).await?;
    house.end().await
}

/// Compares the log with the sandbox's own ledger.
async fn nothing_is_lost_or_done_twice(house: &House) -> Story {
    until("all mail to be there and nothing to be overdue", async || {
        let ledger = house.sandbox.ledger().await?;
        let theirs: BTreeSet<String> = ACCOUNTS.iter().flat_map(|account| ledger.inbox(account).to_vec()).collect();
        let rows = house.database.rows("select message_id from mail_messages").await?;
        let ours: BTreeSet<String> =
            rows.iter().filter_map(|row| row["message_id"].as_str().map(str::to_owned)).collect();
        let now = house.now().await?.to_rfc3339();
        let overdue =
            format!("select count(*) from jobs where state = 'open' and (due_at <= '{now}' or lease is not null)");
        Ok((ours == theirs && house.database.number(&overdue).await? == 0).then_some(()))
    })
    .await?;
    let ledger = house.sandbox.ledger().await?;
    let (mut refreshed, mut added) = (0, 0);
    for row in house.integrations().await? {
        let log = logged(house, row["integration"].as_str().unwrap_or_default(), "AccessGranted", 1).await?;
        refreshed += events(&log, "AccessRefreshed").len();
        added += events(&log, "MailFetched").iter().filter_map(|event| event["added"].as_u64()).sum::<u64>();
        for trouble in ["JobFailed", "JobBuried", "RefreshFailed", "AccessExpired"] {
            ensure(events(&log, trouble).is_empty(), format_args!("{trouble} in {log:?}"))?;
        }
    }
    every_refresh_is_recorded_once(&ledger, refreshed)?;
    let mails: usize = ACCOUNTS.iter().map(|account| ledger.inbox(account).len()).sum();
    assert_eq!(added, mails as u64, "every mail is recorded once");
    assert_eq!(house.database.number("select coalesce(max(crashes), 0) from jobs").await?, 0, "nobody crashed");
    Ok(())
}

fn every_refresh_is_recorded_once(ledger: &Ledger, recorded: usize) -> Story {
    let refreshes = ledger.refreshes();
    let used: BTreeSet<_> = refreshes.iter().filter_map(|refresh| refresh.refresh_token_used.clone()).collect();
    ensure(refreshes.iter().all(|refresh| refresh.outcome == "issued"), format_args!("{refreshes:?}"))?;
    ensure(used.len() == refreshes.len(), format_args!("a refresh token was used twice: {refreshes:?}"))?;
    ensure(refreshes.len() == recorded, format_args!("{recorded} are recorded of {refreshes:?}"))
}
