//! Redis restarted, flushed, stalled, out of memory, dead under a run, and never started: jobs go on straight from Postgres,
//! readiness says so, and the belt carries again by itself.

use std::time::Duration;

use bellhop_tests::{House, Story, ensure, until};
use serde_json::json;

use super::own_redis::OwnRedis;
use super::{PROFILE, came, fetch_hangs, fetching, readiness_names, the_next_mail_comes};
use crate::{UNTIL_REFRESH, comes_to, events, inbox, logged, mail_agrees};

/// Where the ids of a mailbox's messages are listed.
const LISTING: &str = "/gmail/v1/users/me/messages";

/// The template under which the sandbox counts requests for a mailbox's profile.
const PROFILES: &str = "/gmail/v1/users/{user}/profile";

/// A house with a Redis of its own, in which mail has come over the belt.
async fn connected() -> Story<(OwnRedis, House)> {
    let (redis, house) = OwnRedis::with(House::plan()).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    mail_agrees(&house, "bob").await?;
    ensure(came(&house, "direct").await? < 1.0, "a job went past a belt that carries")?;
    Ok((redis, house))
}

/// Lets a stall last. Not a wait for something: this is the trouble itself.
async fn last(stall: Duration) {
    tokio::time::sleep(stall).await;
}

#[tokio::test]
async fn a_redis_that_is_restarted_or_flushed_carries_again_by_itself() -> Story {
    let (mut redis, house) = connected().await?;
    for _ in 0..2 {
        redis.kill();
        redis.start().await?;
        the_next_mail_comes(&house, "bob", "belt").await?;
        redis.ask::<()>(&["FLUSHALL"]).await?;
        the_next_mail_comes(&house, "bob", "belt").await?;
    }
    readiness_names(&house, &[]).await?;
    house.end().await
}

#[tokio::test]
async fn a_redis_that_stalls_for_a_moment_carries_on() -> Story {
    let (redis, house) = connected().await?;
    // Longer than the connection's own patience of half a second would be.
    let moment = Duration::from_millis(1_500);
    redis.signal("STOP")?;
    last(moment).await;
    redis.signal("CONT")?;
    the_next_mail_comes(&house, "bob", "belt").await?;
    redis.ask::<()>(&["CLIENT", "PAUSE", "1500", "ALL"]).await?;
    last(moment).await;
    the_next_mail_comes(&house, "bob", "belt").await?;
    readiness_names(&house, &[]).await?;
    house.end().await
}

#[tokio::test]
async fn while_redis_is_stopped_or_paused_jobs_run_straight_from_postgres() -> Story {
    let (redis, house) = connected().await?;
    redis.signal("STOP")?;
    readiness_names(&house, &["redis"]).await?;
    the_next_mail_comes(&house, "bob", "direct").await?;
    // Longer than an answer may take: what had asked has given up.
    last(Duration::from_secs(6)).await;
    redis.signal("CONT")?;
    readiness_names(&house, &[]).await?;
    the_next_mail_comes(&house, "bob", "belt").await?;
    redis.ask::<()>(&["CLIENT", "PAUSE", "600000", "WRITE"]).await?;
    readiness_names(&house, &["redis"]).await?;
    the_next_mail_comes(&house, "bob", "direct").await?;
    redis.ask::<()>(&["CLIENT", "UNPAUSE"]).await?;
    readiness_names(&house, &[]).await?;
    the_next_mail_comes(&house, "bob", "belt").await?;
    house.end().await
}

#[tokio::test]
async fn a_redis_without_memory_answers_and_carries_nothing_until_it_has_some_again() -> Story {
    let (redis, house) = connected().await?;
    redis.ask::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1"]).await?;
    assert_eq!(redis.ask::<String>(&["PING"]).await?, "PONG");
    readiness_names(&house, &["redis"]).await?;
    the_next_mail_comes(&house, "bob", "direct").await?;
    redis.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await?;
    readiness_names(&house, &[]).await?;
    the_next_mail_comes(&house, "bob", "belt").await?;
    house.end().await
}

#[tokio::test]
async fn a_run_that_redis_dies_under_finishes_and_settles_once() -> Story {
    let (mut redis, house) = OwnRedis::with(House::plan()).await?;
    house.sandbox.fault(json!({ "path": PROFILE, "delay_ms": 7_000 })).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    fetch_hangs(&house).await?;
    // The call after it takes its time too: one alone may not take as long as it takes to see that Redis is gone.
    house.sandbox.fault(json!({ "path": LISTING, "exact": true, "delay_ms": 7_000 })).await?;
    let lease = fetching(&house).await?["lease"].clone();
    redis.kill();
    readiness_names(&house, &["redis"]).await?;
    assert_eq!(fetching(&house).await?["lease"], lease, "the run goes on under the same lease");
    let log = logged(&house, &integration, "MailFetched", 1).await?;
    mail_agrees(&house, "bob").await?;
    assert_eq!(events(&log, "MailFetched").len(), 1);
    assert_eq!(fetching(&house).await?["crashes"], 0);
    assert_eq!(house.sandbox.ledger().await?.calls_of(PROFILES, None), 1, "Google was asked once");
    let settled = [("kind", "fetch_mail"), ("way", "belt"), ("outcome", "again")];
    comes_to(&house, "jobs_total", &settled, 1.0).await?;
    redis.start().await?;
    readiness_names(&house, &[]).await?;
    the_next_mail_comes(&house, "bob", "belt").await?;
    house.end().await
}

#[tokio::test]
async fn a_redis_that_is_started_at_last_takes_over() -> Story {
    let mut redis = OwnRedis::planned()?;
    let house = House::plan().set("REDIS_URL", &redis.address()).open().await?;
    readiness_names(&house, &["redis"]).await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("alice").await?;
    let integration = house.connected_integration().await?;
    inbox(&walk.person, 125).await?;
    house.advance(UNTIL_REFRESH)?;
    logged(&house, &integration, "AccessRefreshed", 1).await?;
    for kind in ["fetch_mail", "refresh_access"] {
        comes_to(&house, "jobs_total", &[("kind", kind), ("way", "direct")], 1.0).await?;
    }
    assert!(came(&house, "belt").await? < 1.0, "nothing can have come over a belt that never was");
    redis.start().await?;
    readiness_names(&house, &[]).await?;
    the_next_mail_comes(&house, "alice", "belt").await?;
    // From here on everything goes over it.
    until("nothing to be under way", async || {
        let running = "select count(*) from jobs where lease is not null";
        Ok((house.database.number(running).await? == 0).then_some(()))
    })
    .await?;
    let straight = came(&house, "direct").await?;
    house.advance(UNTIL_REFRESH)?;
    logged(&house, &integration, "AccessRefreshed", 2).await?;
    the_next_mail_comes(&house, "alice", "belt").await?;
    assert!((came(&house, "direct").await? - straight).abs() < 0.5, "a job went past a belt that carries");
    house.end().await
}
