//! Postgres restarted, or read-only for a while: everything waits, nothing ends, nothing is lost, and readiness says so.

use std::str::FromStr;

use bellhop_tests::{Api, Gate, House, Story, Trouble, ensure, until};
use futures::future::join_all;
use serde_json::json;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use url::Url;

use super::{POLL, PROFILE, fetch_hangs, fetching, nothing_can_be_done, readiness_names};
use crate::{events, logged, mail_agrees};

/// More than the pool of one process holds.
const CALLERS: usize = 40;

/// Fault injection by somebody who may write whatever the database's own setting says.
async fn inject(address: &Url, sql: &str) -> Story {
    let options = PgConnectOptions::from_str(address.as_str())?.options([("default_transaction_read_only", "off")]);
    let mut connection = PgConnection::connect_with(&options).await?;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
    Ok(())
}

/// Ends every session of the serving role with this house's database, as a restart does.
async fn end_every_session(house: &House) -> Story {
    let sql = "select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and usename = current_user and pid <> pg_backend_pid()";
    inject(&house.database.serving, sql).await
}

/// Makes the database read-only for sessions that begin from now on, or writable again.
async fn allow_writes(house: &House, allowed: bool) -> Story {
    let name = house.database.owner.path().trim_start_matches('/').to_owned();
    let setting = if allowed { "reset" } else { "set" };
    let value = if allowed { "" } else { "= on" };
    inject(&house.database.owner, &format!("alter database {name} {setting} default_transaction_read_only {value}"))
        .await
}

/// Waits until so many callers at once can write that every session is used.
async fn every_session_takes_writes(program: &Api) -> Story {
    until("every session to take writes", async || {
        let answers = join_all((0..CALLERS).map(|_| program.get("oauth/google/authorize"))).await;
        Ok(answers.iter().all(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 200)).then_some(()))
    })
    .await
}

fn gate(house: &House) -> Story<&Gate> {
    house.postgres_gate.as_ref().ok_or_else(|| Trouble::new("a house without gates"))
}

/// How often a Bellhop has begun to serve. It would begin again if it had ended.
fn beginnings(house: &House) -> usize {
    house.log_of("bellhop").matches("serving").count()
}

#[tokio::test]
async fn a_run_keeps_its_job_though_every_lease_ran_out_while_postgres_was_away() -> Story {
    let house = House::plan().gated().open().await?;
    house.sandbox.fault(json!({ "path": PROFILE, "delay_ms": 9_000 })).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    fetch_hangs(&house).await?;
    gate(&house)?.shut();
    until("the relay to have looked in vain", async || {
        Ok(house.log_of("bellhop").contains("taking jobs back from workers that are gone").then_some(()))
    })
    .await?;
    house.database.let_leases_run_out().await?;
    gate(&house)?.open();
    logged(&house, &integration, "MailFetched", 1).await?;
    mail_agrees(&house, "bob").await?;
    let taken_back = house.log_of("bellhop").contains("a run ended without a result");
    ensure(!taken_back, "the job was taken from a run that lived")?;
    house.end().await
}

#[tokio::test]
async fn a_run_outlasts_a_restart_of_postgres_and_settles_once() -> Story {
    let house = House::plan().gated().open().await?;
    house.sandbox.fault(json!({ "path": PROFILE, "delay_ms": 6_000 })).await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("bob").await?;
    let integration = house.connected_integration().await?;
    fetch_hangs(&house).await?;
    gate(&house)?.shut();
    end_every_session(&house).await?;
    nothing_can_be_done(&house).await?;
    // Said while nothing can be written down: it is answered all the same.
    let said = walk.person.say("/accounts").await?;
    until("the provider to have answered", async || {
        let asked = house.sandbox.ledger().await?.calls_of("/gmail/v1/users/{user}/profile", Some("200"));
        Ok((asked == 1).then_some(()))
    })
    .await?;
    gate(&house)?.open();
    readiness_names(&house, &[]).await?;
    let log = logged(&house, &integration, "MailFetched", 1).await?;
    mail_agrees(&house, "bob").await?;
    assert_eq!(events(&log, "MailFetched").len(), 1);
    assert_eq!(fetching(&house).await?["crashes"], 0);
    walk.person
        .sees_after(said.message_id.unwrap_or_default(), "the answer after all", |message| message.says("bob@"))
        .await?;
    // And restarts so short that nobody asks meanwhile.
    for number in 0..5 {
        house.sandbox.mail_arrives("bob", "A <a@sender.example>", &format!("Restart {number}"), "Hello.").await?;
        house.advance(POLL)?;
        end_every_session(&house).await?;
    }
    mail_agrees(&house, "bob").await?;
    assert_eq!(beginnings(&house), 1, "{}", house.log_of("bellhop"));
    house.end().await
}

#[tokio::test]
async fn while_postgres_takes_no_writes_everything_waits_and_no_such_session_stays() -> Story {
    let house = House::open().await?;
    let program = house.program(&house.api_key("assistant").await?);
    let integration = house.connect_by_api(&program, "alice").await?;
    logged(&house, &integration, "MailFetched", 1).await?;
    mail_agrees(&house, "alice").await?;
    // Under way when it happens, and done before writes are taken again.
    house.sandbox.fault(json!({ "path": "/gmail/v1/users/me/history", "delay_ms": 4_000 })).await?;
    house.sandbox.mail_arrives("alice", "A <a@sender.example>", "While nothing is written", "Hello.").await?;
    house.advance(POLL)?;
    fetch_hangs(&house).await?;

    allow_writes(&house, false).await?;
    end_every_session(&house).await?;
    nothing_can_be_done(&house).await?;
    house.stranger().get("health/live").await?.expect(200)?;
    let refresh = format!("v1/integrations/{integration}/refresh");
    let refused = program.post(&refresh, None).await?;
    assert_eq!(refused.expect_problem(503)?["code"], "database_unavailable");
    let refused = program.get("oauth/google/authorize").await?;
    assert_eq!(refused.expect_problem(503)?["code"], "database_unavailable");
    let person = house.person(1001, "Ada");
    let said = person.say("/start").await?;
    // What only reads goes on, over as many sessions as a process may have. They are the ones that would stay.
    until("reading to go on", async || {
        let answers = join_all((0..CALLERS).map(|_| program.get("v1/integrations"))).await;
        Ok(answers.iter().any(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 200)).then_some(()))
    })
    .await?;
    until("the provider to have answered", async || {
        let asked = house.sandbox.ledger().await?.calls_of("/gmail/v1/users/{user}/history", Some("200"));
        Ok((asked >= 1).then_some(()))
    })
    .await?;
    nothing_can_be_done(&house).await?;

    allow_writes(&house, true).await?;
    readiness_names(&house, &[]).await?;
    every_session_takes_writes(&program).await?;
    mail_agrees(&house, "alice").await?;
    program.post(&refresh, None).await?.expect(200)?;
    person
        .sees_after(said.message_id.unwrap_or_default(), "the answer after all", |message| message.says("Bellhop"))
        .await?;
    let log = house.audit(&integration).await?;
    assert_eq!(events(&log, "MailFetched").len(), 2);
    assert_eq!(events(&log, "AccessRefreshed").len(), 1);
    ensure(beginnings(&house) == 1, "it ended and began again")?;
    house.end().await
}

#[tokio::test]
async fn a_bellhop_that_starts_while_postgres_takes_no_writes_serves_as_soon_as_it_does() -> Story {
    let mut house = House::plan().build().await?;
    let program = house.program(&house.api_key("assistant").await?);
    allow_writes(&house, false).await?;
    house.start("bellhop", &[])?;
    until("HTTP to answer", async || {
        let answer = house.stranger().get("health/live").await;
        Ok(answer.is_ok_and(|answer| answer.status == 200).then_some(()))
    })
    .await?;
    nothing_can_be_done(&house).await?;
    assert_eq!(beginnings(&house), 0);
    allow_writes(&house, true).await?;
    house.is_ready("bellhop").await?;
    every_session_takes_writes(&program).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    mail_agrees(&house, "bob").await?;
    house.end().await
}
