//! Counting together with every other process, in Redis.
//!
//! Keys carry the installation, names of APIs and pseudonyms of accounts, and expire by themselves: nothing in Redis says whose
//! they are, nor which integrations. Those of windows carry the length of a bucket too: under another setting its number means
//! another time. Time is the caller's. A Redis that is away, stalled or full must delay nobody: an answer is waited for a
//! quarter of a second, one that comes later is handed back, and for two seconds nobody asks again.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use bellhop_store::{Pseudonym, Store};
use chrono::{DateTime, Utc};
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Script};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use uuid::Uuid;

use super::need::{Api, Need};
use super::window::{Span, Window};
use super::wire::{Asked, Buckets, Told, Word, call_name};

/// How long an answer is waited for.
pub const PATIENCE: Duration = Duration::from_millis(250);

/// How long it is waited for where nothing else waits.
pub const PATIENCE_OF_OPERATORS: Duration = Duration::from_secs(10);

/// How long the connection itself waits: an answer that is late must still be seen, to be handed back.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(2);

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));
static LEAVE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("leave.lua")));

/// Redis cannot be counted with at the moment. Keep to this process's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away;

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it was granted.
    pub outcome: Outcome,
    /// How many processes asked in the last quarter of an hour.
    pub processes: u32,
}

/// Whether it was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// So many calls at the same time may be made.
    Taken(u32),
    /// Not by everybody together: what is spent of the need's two windows.
    NoUnits([Window; 2]),
    /// Too many calls are under way.
    NoCalls,
    /// Redis has not counted for long enough to be relied on, and this process's share is used up.
    NoShare,
}

/// What this process knows when it asks.
#[derive(Debug, Clone)]
pub struct Own {
    /// What it has spent itself of the need's two windows.
    pub spent: [Window; 2],
    /// Whether its share would do.
    pub is_within_share: bool,
}

/// A granted call, to be ended.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// Names it among those of its process.
    pub id: u64,
    /// How many places it has.
    pub places: u32,
    /// When it was granted.
    pub begun: DateTime<Utc>,
}

/// What Redis has counted of one API.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    /// Everybody's window.
    pub project: Window,
    /// The windows of mailboxes, and how many calls about each are under way.
    pub mailboxes: Vec<(Pseudonym, Window, u32)>,
}

/// The counting of this installation.
#[derive(Clone)]
pub struct Shared {
    connection: ConnectionManager,
    installation: Uuid,
    process: Uuid,
}

/// Finds the way there when it is first needed.
#[derive(Default)]
pub struct Way(OnceCell<Shared>);

impl Way {
    /// The counting of this installation. Postgres says which one that is, if it does within this time.
    pub async fn shared(
        &self,
        store: &Store,
        redis_url: &SecretString,
        process: Uuid,
        patience: Duration,
    ) -> Result<&Shared, Away> {
        let open = || async {
            let installation = store.installation().await.map_err(|_| Away)?;
            Shared::open(redis_url, installation, process)
        };
        match timeout(patience, self.0.get_or_try_init(open)).await {
            Ok(shared) => shared,
            Err(_) => Err(Away),
        }
    }
}

impl Shared {
    /// Connects when it is first used, and again whenever it must.
    fn open(redis_url: &SecretString, installation: Uuid, process: Uuid) -> Result<Self, Away> {
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(RESPONSE_TIMEOUT))
            .set_connection_timeout(Some(CONNECTION_TIMEOUT))
            .set_number_of_retries(0);
        let connection = Client::open(redis_url.expose_secret())
            .and_then(|client| ConnectionManager::new_lazy_with_config(client, config))
            .map_err(|_| Away)?;
        Ok(Self { connection, installation, process })
    }

    /// Asks for what is needed.
    pub async fn take(&self, need: &Need, id: u64, own: &Own, now: DateTime<Utc>) -> Result<Answer, Away> {
        let ask = serde_json::to_string(&Asked::of(need, self.process, id, own, now)).map_err(|_| Away)?;
        let (shared, need) = (self.clone(), *need);
        let (tell, told) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let answer = shared.run_take(&need, &ask).await;
            let places = match &answer {
                Ok(Answer { outcome: Outcome::Taken(places), .. }) => Some(*places),
                _ => None,
            };
            // Nobody listens any more: what was granted is not used.
            if let (Err(_), Some(places)) = (tell.send(answer), places) {
                let _ = shared.run_leave(&need, Call { id, places, begun: now }, None).await;
            }
        });
        match timeout(PATIENCE, told).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(Away),
        }
    }

    /// Ends a call. Now: when it ended. None: it was not made.
    pub async fn leave(&self, need: &Need, call: Call, now: Option<DateTime<Utc>>) -> Result<(), Away> {
        match timeout(PATIENCE, self.run_leave(need, call, now)).await {
            Ok(left) => left,
            Err(_) => Err(Away),
        }
    }

    /// What is counted of an API, in windows cut like this (everybody's, a mailbox's): of the windows of mailboxes those that were asked about last, up to this many.
    pub async fn counted(&self, api: Api, spans: [Span; 2], most: isize, now: DateTime<Utc>) -> Result<Counted, Away> {
        match timeout(PATIENCE_OF_OPERATORS, self.run_counted(api, spans, most, now)).await {
            Ok(counted) => counted.map_err(|_| Away),
            Err(_) => Err(Away),
        }
    }

    async fn run_take(&self, need: &Need, ask: &str) -> Result<Answer, Away> {
        let mut script = TAKE.prepare_invoke();
        let [project, mailbox, calls] = self.keys_of(need);
        script.key(project).key(mailbox).key(calls).key(self.mailboxes(need.api)).key(self.processes());
        let told: String =
            script.key(self.since(need)).arg(ask).invoke_async(&mut self.connection.clone()).await.map_err(|_| Away)?;
        let told: Told = serde_json::from_str(&told).map_err(|_| Away)?;
        let outcome = match told.outcome {
            Word::Taken => Outcome::Taken(told.places),
            Word::Units => Outcome::NoUnits([told.project, told.mailbox].map(Buckets::into_window)),
            Word::Calls => Outcome::NoCalls,
            Word::Share => Outcome::NoShare,
        };
        Ok(Answer { outcome, processes: told.processes })
    }

    async fn run_leave(&self, need: &Need, call: Call, now: Option<DateTime<Utc>>) -> Result<(), Away> {
        let windows = need.limits().map(|limit| {
            let (from, to) = (limit.span.bucket(call.begun), now.map(|now| limit.span.bucket(now)));
            // A clock that was set back takes nothing away.
            serde_json::json!({ "from": from, "to": to.map(|to| to.max(from)) })
        });
        let call = serde_json::json!({
            "call": call_name(self.process, call.id), "places": call.places, "units": need.units, "process": self.process, "windows": windows,
        });
        let [project, mailbox, calls] = self.keys_of(need);
        let mut script = LEAVE.prepare_invoke();
        script.key(project).key(mailbox).key(calls).arg(call.to_string());
        script.invoke_async::<()>(&mut self.connection.clone()).await.map_err(|_| Away)
    }

    async fn run_counted(
        &self,
        api: Api,
        [project, mailbox]: [Span; 2],
        most: isize,
        now: DateTime<Utc>,
    ) -> Result<Counted, redis::RedisError> {
        let mut connection = self.connection.clone();
        let mailboxes: Vec<String> = redis::cmd("ZRANGE")
            .arg(self.mailboxes(api))
            .arg(0)
            .arg(most - 1)
            .arg("REV")
            .query_async(&mut connection)
            .await?;
        let mut counted = Counted::default();
        let spent = |fields: BTreeMap<String, u64>| {
            let mut buckets = BTreeMap::<i64, u64>::new();
            for (field, units) in fields {
                let Some(bucket) = field.split(':').next().and_then(|bucket| bucket.parse().ok()) else { continue };
                *buckets.entry(bucket).or_default() += units;
            }
            Window::from(buckets)
        };
        let fields = redis::cmd("HGETALL").arg(self.project(api, project)).query_async(&mut connection).await?;
        counted.project = spent(fields);
        for about in mailboxes.iter().filter_map(|text| text.parse().ok()).map(Pseudonym::new) {
            let (fields, calls) = redis::pipe()
                .cmd("HGETALL")
                .arg(self.mailbox(api, about, mailbox))
                .cmd("ZCOUNT")
                .arg(self.calls(api, about))
                .arg(format!("({}", now.timestamp_millis()))
                .arg("+inf")
                .query_async(&mut connection)
                .await?;
            counted.mailboxes.push((about, spent(fields), calls));
        }
        Ok(counted)
    }

    fn keys_of(&self, need: &Need) -> [String; 3] {
        let (api, about) = (need.api, need.about);
        let [project, mailbox] = need.limits().map(|limit| limit.span);
        [self.project(api, project), self.mailbox(api, about, mailbox), self.calls(api, about)]
    }

    fn project(&self, api: Api, span: Span) -> String {
        self.key(&[api.provider.name(), api.name, "project", &step_of(span)])
    }

    fn mailbox(&self, api: Api, about: Pseudonym, span: Span) -> String {
        self.key(&[api.provider.name(), api.name, "mailbox", &step_of(span), &about.uuid().to_string()])
    }

    /// Since when both windows of the need are counted: with another setting that begins anew.
    fn since(&self, need: &Need) -> String {
        let [project, mailbox] = need.limits().map(|limit| step_of(limit.span));
        self.key(&[need.api.provider.name(), need.api.name, "since", &project, &mailbox])
    }

    fn calls(&self, api: Api, about: Pseudonym) -> String {
        self.key(&[api.provider.name(), api.name, "calls", &about.uuid().to_string()])
    }

    fn mailboxes(&self, api: Api) -> String {
        self.key(&[api.provider.name(), api.name, "mailboxes"])
    }

    fn processes(&self) -> String {
        self.key(&["processes"])
    }

    fn key(&self, parts: &[&str]) -> String {
        format!("bellhop:{}:limits:{}", self.installation, parts.join(":"))
    }
}

/// How long a bucket is, in milliseconds, as keys name it.
fn step_of(span: Span) -> String {
    span.step().as_millis().to_string()
}
