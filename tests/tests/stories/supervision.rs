//! Whatever dies, work goes on: Redis and Postgres in every kind of trouble, processes that are told to end, and one tenant
//! that makes more noise than all the others.

mod drain;
mod fairness;
pub mod own_redis;
mod postgres;
mod redis;
mod replay;
mod stopping;
mod zombie;

use std::time::Duration;

use bellhop_tests::{House, Story, Trouble, until};
use chrono::TimeDelta;
use serde_json::Value;

/// The pause between two looks at a mailbox that nobody asks about.
const POLL: TimeDelta = TimeDelta::seconds(301);

/// How long many jobs may take on a busy machine before a story gives up.
const PATIENCE_FOR_MANY: Duration = Duration::from_mins(3);

/// The last step before Google is asked for a mailbox's mail for the first time.
const PROFILE: &str = "/gmail/v1/users/me/profile";

/// The row of the job that fetches mail and is not done.
async fn fetching(house: &House) -> Story<Value> {
    let rows = house.database.rows("select * from jobs where kind = 'fetch_mail' and state <> 'done'").await?;
    rows.into_iter().next().ok_or_else(|| Trouble::new("no mail is being fetched"))
}

/// Waits until Google is being asked for the mail, by a run that holds the job.
async fn fetch_hangs(house: &House) -> Story {
    until("the fetch to wait for Google", async || {
        let is_asked = house.sandbox.faults_to_come().await? == 0;
        Ok((is_asked && fetching(house).await?["lease"].is_string()).then_some(()))
    })
    .await
}

/// Waits until readiness names what is away, or that nothing is.
async fn readiness_names(house: &House, away: &[&str]) -> Story {
    until(&format!("readiness to name {away:?} as away"), async || {
        let ready = house.stranger().get("health/ready").await?;
        let expected = if away.is_empty() { Value::Null } else { away.into() };
        Ok((ready.status == 200 && ready.body["degraded"] == expected).then_some(()))
    })
    .await
}

/// Waits until readiness says that nothing can be done.
async fn nothing_can_be_done(house: &House) -> Story {
    until("readiness to say that nothing can be done", async || {
        let ready = house.stranger().get("health/ready").await?;
        Ok((ready.status == 503).then_some(()))
    })
    .await
}

/// How many runs came this way, in the Bellhops that live.
async fn came(house: &House, way: &str) -> Story<f64> {
    house.counted("jobs_total", &[("way", way)]).await
}

/// Waits until another mail that arrives now is fetched by a run that came this way.
async fn the_next_mail_comes(house: &House, account: &str, way: &str) -> Story {
    let before = came(house, way).await?;
    house.sandbox.mail_arrives(account, "A <a@sender.example>", "One more", "Hello.").await?;
    house.advance(POLL)?;
    crate::mail_agrees(house, account).await?;
    until(&format!("jobs to come {way}"), async || {
        if came(house, way).await? > before {
            return Ok(Some(()));
        }
        // A fetch that was on its way when things changed may have gone the other way.
        house.advance(POLL)?;
        crate::rested(house).await?;
        Ok(None)
    })
    .await
}
