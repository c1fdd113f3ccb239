//! The conveyor belt: what Redis carries, and how apalis-redis is set so that it cannot do harm.
//!
//! The belt carries ids of due jobs and nothing else. It may be flushed, restarted, stalled or filled with nonsense: an
//! entry only asks for a start, which Postgres grants or not. No retry, no schedule and no result may move in here.
//!
//! What apalis-redis 1.0.0 does on its own, and what is done about it:
//! - an entry that cannot be decoded kills worker after worker: entries are plain JSON values, read in the handler;
//! - there is no heartbeat while fetched entries wait in memory: entries are fetched one by one;
//! - a stall of Redis longer than the poll interval puts a worker to sleep: `station.rs` polls steadily;
//! - the connection gives up after half a second: the response timeout is set;
//! - too many due entries at once, or an entry whose data is gone, make every fetch fail for good: the depth is bounded,
//!   and `station.rs` has a queue emptied whose worker keeps failing: everything on it is dispatched again;
//! - finished entries and the sets that list them stay for ever: they are swept.

use std::time::Duration;

use apalis::prelude::TaskSink;
use apalis_core::backend::Vacuum;
use apalis_redis::{Config, RedisStorage};
use bellhop_domain::{JobId, Queue, TenantId};
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, Script};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;
use crate::work::trouble::Trouble;

/// How long one answer of Redis may take.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long connecting to Redis may take.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(2);

/// How often a worker of apalis says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How many heartbeats a worker may miss before others take what it had fetched.
const MISSED_HEARTBEATS: usize = 6;

/// How long Redis keeps what it knows about a worker that nobody will ask for again, in seconds.
const KEEP_WORKER_SECONDS: i64 = 86_400;

/// The key of the probe, and how long it stays, in seconds.
const PROBE: &str = "bellhop:probe";
const PROBE_SECONDS: u64 = 60;

/// The belt failed. What was to be carried is dispatched again later; try again with back-off.
#[derive(Debug, Error)]
#[error("the belt is out of reach or refuses: {0}")]
pub struct BeltError(String);

impl From<RedisError> for BeltError {
    fn from(error: RedisError) -> Self {
        // The category says enough; the full text can carry the address with its password.
        Self(error.category().to_owned())
    }
}

/// What the belt carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Whose data it is about.
    pub tenant: TenantId,
    /// Which job.
    pub job: JobId,
    /// The dispatch it came with. A start with an older one does nothing.
    pub dispatch: Uuid,
}

/// What is on the belt of one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// Entries that no worker has taken.
    pub waiting: usize,
    /// Workers that lived a moment ago, over all processes.
    pub workers: usize,
    /// Entries altogether, finished ones too.
    pub kept: usize,
}

/// What lies on the belt of one queue or is in a worker's hands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Carried {
    /// What no worker has taken.
    pub waiting: Vec<Entry>,
    /// What a worker has taken and not finished.
    pub taken: Vec<Entry>,
    /// How many more there are that are no entries of ours, or have lost their content.
    pub unreadable: usize,
}

/// The belt of this installation. Cheap to clone.
#[derive(Clone)]
pub struct Belt {
    connection: ConnectionManager,
    installation: Uuid,
}

impl Belt {
    /// The belt, as soon as Postgres has said which installation this is; none, if the process stops before. Redis is
    /// not waited for.
    pub async fn of_installation(app: &App, stop: &CancellationToken) -> Option<Self> {
        let mut trouble = Trouble::with("finding the belt of this installation");
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return None,
                asked = app.store.installation() => asked,
            };
            let opened = match asked {
                Ok(installation) => {
                    Self::open(&app.settings.redis_url, installation).map_err(|error| error.to_string())
                }
                Err(error) => Err(error.to_string()),
            };
            match opened {
                Ok(belt) => return Some(belt),
                Err(error) => trouble.met(&error),
            }
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }

    /// The belt of an installation. Connects when it is first used, and again whenever it must.
    pub fn open(redis_url: &SecretString, installation: Uuid) -> Result<Self, BeltError> {
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_connection_timeout(Some(CONNECTION_TIMEOUT))
            .set_number_of_retries(1);
        let client = Client::open(redis_url.expose_secret())?;
        Ok(Self { connection: ConnectionManager::new_lazy_with_config(client, config)?, installation })
    }

    fn config(&self, queue: Queue) -> Config {
        // A result is all that apalis takes for the end of an entry; locks and events serve nobody here.
        Config {
            persist_results: true,
            lock_tasks: false,
            emit_events: false,
            ..Config::default()
                .queue(format!("bellhop:{}:{queue}", self.installation))
                .batch_size(1)
                .heartbeat_interval(HEARTBEAT)
                .missed_heartbeats(MISSED_HEARTBEATS)
        }
    }

    /// What a worker of apalis reads from and the relay pushes to.
    pub fn storage(&self, queue: Queue) -> RedisStorage<Value> {
        RedisStorage::new(self.connection.clone()).with_config(self.config(queue))
    }

    /// What is on the belt of this queue. Fails where nothing could be put there.
    pub async fn load(&self, queue: Queue) -> Result<Load, BeltError> {
        let config = self.config(queue);
        let script = Script::new(
            "redis.call('SET', KEYS[5], 1, 'EX', ARGV[2])
             local now = tonumber(redis.call('TIME')[1])
             return { redis.call('ZCARD', KEYS[1]) + redis.call('LLEN', KEYS[2]),
                      redis.call('ZCOUNT', KEYS[3], now - tonumber(ARGV[1]), '+inf'),
                      redis.call('HLEN', KEYS[4]) }",
        );
        let (waiting, workers, kept) = script
            .key(config.scheduled_jobs_set())
            .key(config.active_jobs_list())
            .key(config.workers_set())
            .key(config.job_data_hash())
            .key(PROBE)
            .arg(HEARTBEAT.as_secs() * 3)
            .arg(PROBE_SECONDS)
            .invoke_async(&mut self.connection.clone())
            .await?;
        Ok(Load { waiting, workers, kept })
    }

    /// The entries on the belt of this queue that are not finished.
    pub async fn carried(&self, queue: Queue) -> Result<Carried, BeltError> {
        let config = self.config(queue);
        let script = Script::new(
            "local function content(ids)
                 local found = {}
                 for _, id in ipairs(ids) do table.insert(found, redis.call('HGET', KEYS[1], id) or '') end
                 return found
             end
             local waiting = redis.call('LRANGE', KEYS[2], 0, -1)
             for _, id in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do table.insert(waiting, id) end
             local taken = {}
             for _, worker in ipairs(redis.call('ZRANGE', KEYS[4], 0, -1)) do
                 for _, id in ipairs(redis.call('SMEMBERS', KEYS[5] .. ':' .. worker)) do table.insert(taken, id) end
             end
             return { content(waiting), content(taken) }",
        );
        let (waiting, taken): (Vec<Vec<u8>>, Vec<Vec<u8>>) = script
            .key(config.job_data_hash())
            .key(config.active_jobs_list())
            .key(config.scheduled_jobs_set())
            .key(config.workers_set())
            .key(config.inflight_jobs_set())
            .invoke_async(&mut self.connection.clone())
            .await?;
        let entries = |content: &[Vec<u8>]| -> Vec<Entry> {
            content.iter().filter_map(|bytes| serde_json::from_slice(bytes).ok()).collect()
        };
        let (read_waiting, read_taken) = (entries(&waiting), entries(&taken));
        let unreadable = waiting.len() + taken.len() - read_waiting.len() - read_taken.len();
        Ok(Carried { waiting: read_waiting, taken: read_taken, unreadable })
    }

    /// Puts entries on the belt, each under a fresh task id.
    pub async fn push(&self, queue: Queue, entries: Vec<Entry>) -> Result<(), BeltError> {
        let entries = entries.into_iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
        let entries = entries.map_err(|error| BeltError(error.to_string()))?;
        // Without an id of ours apalis draws one: a ULID.
        self.storage(queue).push_bulk(entries).await.map_err(|_| BeltError("an entry was not taken".to_owned()))
    }

    /// Deletes what is finished.
    pub async fn sweep(&self, queue: Queue) -> Result<usize, BeltError> {
        let mut storage = self.storage(queue);
        let swept = storage.vacuum().await.map_err(|_| BeltError("sweeping was refused".to_owned()))?;
        // The vacuum leaves the ids behind.
        let config = self.config(queue);
        redis::cmd("DEL")
            .arg(config.done_jobs_set())
            .arg(config.dead_jobs_set())
            .exec_async(&mut self.connection.clone())
            .await?;
        Ok(swept)
    }

    /// Takes everything off the belt of this queue. Nothing is lost: what was on it is dispatched again.
    pub async fn empty(&self, queue: Queue) -> Result<(), BeltError> {
        let config = self.config(queue);
        let script = Script::new(
            "local ids = redis.call('HKEYS', KEYS[1])
             for _, id in ipairs(ids) do redis.call('DEL', KEYS[2] .. ':' .. id) end
             local workers = redis.call('ZRANGE', KEYS[3], 0, -1)
             for _, worker in ipairs(workers) do redis.call('DEL', KEYS[4] .. ':' .. worker) end
             return redis.call('DEL', KEYS[1], KEYS[3], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9])",
        );
        script
            .key(config.job_data_hash())
            .key(config.job_meta_hash())
            .key(config.workers_set())
            .key(config.inflight_jobs_set())
            .key(config.active_jobs_list())
            .key(config.scheduled_jobs_set())
            .key(config.done_jobs_set())
            .key(config.dead_jobs_set())
            .key(config.signal_list())
            .invoke_async::<()>(&mut self.connection.clone())
            .await?;
        Ok(())
    }

    /// Lets Redis forget this worker of apalis one day: it never does so by itself.
    pub async fn let_expire(&self, queue: Queue, worker: &str) -> Result<(), BeltError> {
        let key = self.config(queue).worker_metadata_key(&worker.into());
        redis::cmd("EXPIRE").arg(key).arg(KEEP_WORKER_SECONDS).exec_async(&mut self.connection.clone()).await?;
        Ok(())
    }

    /// Whether the belt carries anything at this moment.
    pub async fn probe(&self, patience: Duration) -> Result<(), BeltError> {
        match tokio::time::timeout(patience, write_probe(&mut self.connection.clone())).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(BeltError("no answer in time".to_owned())),
        }
    }
}

/// Writes something that expires by itself. Reading would not do: a Redis that is full or read-only still answers.
pub async fn write_probe(connection: &mut impl ConnectionLike) -> Result<(), RedisError> {
    redis::cmd("SET").arg(PROBE).arg(1).arg("EX").arg(PROBE_SECONDS).exec_async(connection).await
}
