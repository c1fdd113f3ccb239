//! Thousands of jobs that are due at once drain, and the belt does not grow with them. What lies on it twice is done once.

use std::time::Duration;

use bellhop_tests::{House, Story, ensure, until, until_within};

use super::own_redis::OwnRedis;
use super::{PATIENCE_FOR_MANY, came};
use crate::mail_agrees;

/// Jobs that no event has opened, about accounts that never were. Each ends as soon as it runs.
#[derive(Debug, Clone, Copy)]
pub enum Forged {
    /// Of the queue `notify`: done at once, as there is nobody to tell.
    Notice,
    /// Of the queue `access`: fails at once and is retried.
    Refresh,
    /// Of the queue `fetch`: likewise.
    Fetch,
}

impl Forged {
    const fn row(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Notice => (
                "notify_owner",
                "notify",
                r#"{"kind":"notify_owner","notice":{"notice":"job_buried","kind":"fetch_mail","reason":"internal"}}"#,
            ),
            Self::Refresh => ("refresh_access", "access", r#"{"kind":"refresh_access","generation":1}"#),
            Self::Fetch => ("fetch_mail", "fetch", r#"{"kind":"fetch_mail"}"#),
        }
    }
}

/// A tenant, as an operator adds one.
pub async fn add_tenant(house: &House, name: &str) -> Story {
    let id = uuid::Uuid::new_v4();
    let sql = format!(
        "select set_config('app.tenants', '{{{id}}}', false);
         insert into tenants (id, name) values ('{id}', '{name}')"
    );
    house.database.tamper(&sql).await?;
    Ok(())
}

/// Fault injection: so many jobs of a tenant at once, due for a minute.
pub async fn queue(house: &House, tenant: &str, forged: Forged, count: usize) -> Story {
    let (kind, queue, payload) = forged.row();
    let due = (house.now().await? - chrono::TimeDelta::minutes(1)).to_rfc3339();
    let sql = format!(
        "insert into jobs (id, tenant, integration, kind, queue, single, payload, state, due_at, opened_by)
         select gen_random_uuid(), tenants.id, gen_random_uuid(), '{kind}', '{queue}', false, '{payload}', 'open',
             '{due}', gen_random_uuid()
         from tenants, generate_series(1, {count})
         where tenants.name = '{tenant}'"
    );
    let queued = house.database.tamper(&sql).await?;
    ensure(queued == count as u64, format_args!("{queued} jobs are queued"))
}

/// How many entries may wait on the belt: twice the run slots of all workers, and what is pushed while somebody looks.
const WAITING_AT_MOST: usize = 64;

/// How many entries may lie there with the finished ones.
const KEPT_AT_MOST: usize = 700;

/// What lies on the belt of the notices without having been taken, and everything there is of it.
const DEPTH: &str = "local waiting, kept = 0, 0
    for _, key in ipairs(redis.call('KEYS', 'bellhop:*:notify:active')) do waiting = waiting + redis.call('LLEN', key) end
    for _, key in ipairs(redis.call('KEYS', 'bellhop:*:notify:scheduled')) do waiting = waiting + redis.call('ZCARD', key) end
    for _, key in ipairs(redis.call('KEYS', 'bellhop:*:notify:data')) do kept = kept + redis.call('HLEN', key) end
    return { waiting, kept }";

/// So many jobs are due at once, with two workers.
async fn drain(count: usize, patience: Duration) -> Story {
    let (redis, mut house) = OwnRedis::with(House::plan()).await?;
    house.serve("second", &["worker"]).await?;
    queue(&house, "default", Forged::Notice, count).await?;
    let (mut deepest, mut most) = (0, 0);
    until_within(patience, "everything to be done", async || {
        let (waiting, kept): (usize, usize) = redis.ask(&["EVAL", DEPTH, "0"]).await?;
        (deepest, most) = (deepest.max(waiting), most.max(kept));
        let open = "select count(*) from jobs where kind = 'notify_owner' and state = 'open'";
        Ok((house.database.number(open).await? == 0).then_some(()))
    })
    .await?;
    ensure(deepest > 0 && deepest <= WAITING_AT_MOST, format_args!("{deepest} entries waited on the belt"))?;
    ensure(most <= KEPT_AT_MOST, format_args!("{most} entries lay on the belt"))?;
    let done = house.database.number("select count(*) from events where type = 'OwnerNotified'").await?;
    assert_eq!(usize::try_from(done)?, count, "each is done once");
    ensure(came(&house, "direct").await? < 1.0, "a job went past a belt that carries")?;
    until("the belt to be swept", async || {
        let (waiting, kept): (usize, usize) = redis.ask(&["EVAL", DEPTH, "0"]).await?;
        Ok((waiting + kept == 0).then_some(()))
    })
    .await?;
    // Nobody opened these jobs: the log could not prove them.
    house.close().await
}

/// How many are due: a thousand, or as many as `DUE_JOBS` says.
fn how_many() -> Story<usize> {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the story says how many, as `just drain` does")]
    let said = std::env::var("DUE_JOBS").ok();
    Ok(said.map_or(Ok(1_000), |count| count.parse())?)
}

#[tokio::test]
async fn many_due_jobs_drain_over_a_belt_that_stays_short() -> Story {
    let count = how_many()?;
    let thousands = u32::try_from(count.div_ceil(4_000))?;
    drain(count, PATIENCE_FOR_MANY * thousands).await
}

#[tokio::test]
async fn what_lies_on_the_belt_many_times_is_run_once() -> Story {
    let mut redis = OwnRedis::planned()?;
    redis.start().await?;
    let mut house = House::plan().set("REDIS_URL", &redis.address()).build().await?;
    house.serve("front", &["http", "relay", "bot"]).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    until("what is due to lie on the belt", async || {
        let marked = "select count(*) from jobs where queue = 'fetch' and dispatch is not null";
        Ok((house.database.number(marked).await? == 2).then_some(()))
    })
    .await?;
    // Each entry ten times more, under ids of their own.
    let copy = "local copies = 0
         for _, active in ipairs(redis.call('KEYS', 'bellhop:*:fetch:scheduled')) do
             local queue = string.sub(active, 1, -11)
             for _, id in ipairs(redis.call('ZRANGE', active, 0, -1)) do
                 local data = redis.call('HGET', queue .. ':data', id)
                 local meta = redis.call('HGETALL', queue .. ':meta:' .. id)
                 for number = 0, 9 do
                     local copy = string.sub(id, 1, -3) .. 'Z' .. number
                     redis.call('HSET', queue .. ':data', copy, data)
                     if #meta > 0 then redis.call('HSET', queue .. ':meta:' .. copy, unpack(meta)) end
                     redis.call('RPUSH', queue .. ':active', copy)
                     copies = copies + 1
                 end
             end
         end
         return copies";
    let copies: i64 = redis.ask(&["EVAL", copy, "0"]).await?;
    ensure(copies >= 20, format_args!("{copies} copies were made"))?;
    house.serve("worker", &["worker"]).await?;
    mail_agrees(&house, "bob").await?;
    until("every copy to be taken", async || {
        let left = "local left = 0
             for _, key in ipairs(redis.call('KEYS', 'bellhop:*:fetch:data')) do left = left + redis.call('HLEN', key) end
             return left";
        Ok((redis.ask::<i64>(&["EVAL", left, "0"]).await? == 0).then_some(()))
    })
    .await?;
    let ledger = house.sandbox.ledger().await?;
    assert_eq!(ledger.calls_of("/gmail/v1/users/{user}/profile", None), 1, "the mail was fetched once");
    assert_eq!(ledger.calls_of("/calendar/v3/users/me/calendarList", None), 1, "and the calendar");
    house.end().await
}
