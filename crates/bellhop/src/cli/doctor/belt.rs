//! What Redis says, and whether jobs get done: how many wait, for how long, and who is there to do them.

use bellhop_store::{QueueCount, Store, StoreError};
use redis::{Client, InfoDict, RedisError};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{Findings, PATIENCE};
use crate::clock::Clock;
use crate::config::Examined;
use crate::work::belt::{Belt, Load};

/// How late the oldest due job of a queue may be, in seconds. With workers that keep up it is less than one; a busy minute
/// is no fault yet.
const LATE_SECONDS: i64 = 60;

/// The policy under which Redis throws nothing away.
const EVICTS_NOTHING: &str = "noeviction";

/// Looks at Redis and at every queue.
pub async fn look(examined: &Examined, store: Option<&Store>, clock: &Clock, findings: &mut Findings) {
    let belt = if let Some(url) = &examined.redis_url {
        redis(url, store, findings).await
    } else {
        Findings::note("Redis", "not looked at: REDIS_URL comes first");
        None
    };
    let Some(store) = store else {
        return Findings::note("queues", "not looked at: the database comes first");
    };
    if let Err(error) = queues(store, belt.as_ref(), clock, findings).await {
        findings.wrong("queues", &error.to_string());
    }
}

async fn redis(url: &SecretString, store: Option<&Store>, findings: &mut Findings) -> Option<Belt> {
    let installation = match store {
        Some(store) => store.installation().await.ok(),
        None => None,
    };
    // Whether it carries anything can be tried without knowing whose it is.
    let opened = Belt::open(url, installation.unwrap_or_else(Uuid::nil));
    let belt = match opened {
        Ok(belt) => belt.probe(PATIENCE).await.map(|()| belt),
        Err(error) => Err(error),
    };
    match belt {
        Ok(belt) => {
            memory(url, findings).await;
            installation.map(|_| belt)
        }
        Err(error) => {
            findings.wrong("Redis", &format!("{error}; jobs run more slowly until it is back; is REDIS_URL right?"));
            None
        }
    }
}

/// Whether Redis throws something away by itself when its memory is full.
async fn memory(url: &SecretString, findings: &mut Findings) {
    let what = "Redis";
    let (limit, policy) = match tokio::time::timeout(PATIENCE, ask_memory(url)).await {
        Ok(Ok(memory)) => memory,
        Ok(Err(_)) | Err(_) => (None, None),
    };
    match (limit, policy.as_deref()) {
        (Some(0), _) | (Some(_), Some(EVICTS_NOTHING)) => Findings::good(what, "reached, and throws nothing away"),
        (Some(limit), Some(policy)) => {
            let mend = "set maxmemory-policy to noeviction, or what is counted of Google's limits gets lost";
            findings.wrong(what, &format!("throws entries away when its {limit} bytes are full ({policy}); {mend}"));
        }
        _ => Findings::note(what, "reached; it does not say what it does when its memory is full: see to noeviction"),
    }
}

/// How much memory Redis may take, in bytes, 0 being any; and what it does when that is full.
async fn ask_memory(url: &SecretString) -> Result<(Option<u64>, Option<String>), RedisError> {
    let mut connection = Client::open(url.expose_secret())?.get_multiplexed_async_connection().await?;
    let info: InfoDict = redis::cmd("INFO").arg("memory").query_async(&mut connection).await?;
    let policy: Option<String> = info.get("maxmemory_policy");
    // Whatever answers there, it goes into one line.
    let policy = policy.map(|policy| policy.chars().filter(char::is_ascii_graphic).take(32).collect());
    Ok((info.get("maxmemory"), policy))
}

async fn queues(store: &Store, belt: Option<&Belt>, clock: &Clock, findings: &mut Findings) -> Result<(), StoreError> {
    let now = clock.now();
    for count in store.queue_counts(now).await? {
        let load = match belt {
            Some(belt) => belt.load(count.queue).await.ok(),
            None => None,
        };
        let late_seconds = count.oldest_due.map_or(0, |due| (now - due).num_seconds());
        let what = format!("queue {}", count.queue);
        let how = describe(&count, late_seconds, load.as_ref());
        if late_seconds > LATE_SECONDS {
            findings.wrong(&what, &format!("{how}; {}", remedy(load.as_ref())));
        } else if load.as_ref().is_some_and(|load| load.workers == 0) {
            Findings::note(&what, &format!("{how}; `bellhop serve` does jobs, with the roles relay and worker"));
        } else {
            Findings::good(&what, &how);
        }
    }
    Ok(())
}

fn describe(count: &QueueCount, late_seconds: i64, load: Option<&Load>) -> String {
    let due = match count.due {
        0 => "nothing is due".to_owned(),
        due => format!("{due} due, the oldest for {late_seconds} s"),
    };
    let belt = load.map(|load| format!(", {} on the belt, workers alive: {}", load.waiting, load.workers));
    format!("{due}, {} under way{}", count.running, belt.unwrap_or_default())
}

fn remedy(load: Option<&Load>) -> &'static str {
    match load {
        Some(Load { workers: 0, .. }) => "nobody does them: run `bellhop serve` with the roles relay and worker",
        Some(Load { waiting: 0, .. }) => "nobody puts them on the belt: run `bellhop serve` with the role relay",
        Some(_) => "workers do not keep up: run more of them, and see `bellhop usage` and `bellhop breakers`",
        None => "is `bellhop serve` running with the role worker? Its log says what it meets",
    }
}

#[cfg(test)]
mod tests {
    use bellhop_domain::Queue;

    use super::*;

    #[test]
    fn what_waits_is_said_with_what_would_help() {
        let count = |due| QueueCount { queue: Queue::Fetch, open: due, due, oldest_due: None, running: 2, dead: 0 };
        let load = |waiting, workers| Load { waiting, workers, kept: 0 };
        assert_eq!(describe(&count(0), 0, None), "nothing is due, 2 under way");
        let busy = describe(&count(7), 80, Some(&load(4, 1)));
        assert_eq!(busy, "7 due, the oldest for 80 s, 2 under way, 4 on the belt, workers alive: 1");
        for (load, helps) in [
            (Some(load(4, 0)), "relay and worker"),
            (Some(load(0, 1)), "the role relay"),
            (Some(load(4, 1)), "run more of them"),
            (None, "the role worker"),
        ] {
            assert!(remedy(load.as_ref()).contains(helps), "{helps}");
        }
    }
}
