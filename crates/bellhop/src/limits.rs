//! Keeping to what providers allow, before they have to say so: units in a window of time for everybody and for each
//! mailbox, and calls at once for each mailbox.
//!
//! Whoever is about to call asks first ([`Limits::enter`]). All processes count together in Redis; without it each counts
//! alone and keeps to its share, and for a window's length after it came back, to both. What is asked for in the background
//! leaves a part to people who wait. Nothing in here calls a provider, and no decision about a job's row is made here.
//!
//! ```text
//! need.rs     what a call takes, and how much of what is allowed may be taken for it
//! window.rs   what was spent in a time that slides along
//! memory.rs   what this process has spent
//! shared.rs   what all of them have, in Redis; take.lua and leave.lua are its two steps, wire.rs their form
//! usage.rs    what an operator is shown
//! ```

mod memory;
mod need;
mod shared;
pub mod usage;
mod window;
mod wire;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellhop_providers::Description;
use bellhop_store::Store;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use self::memory::{Memory, WHILE_UNDER_WAY};
use self::need::{Api, Lack, LackOf, Need};
pub use self::need::{Ask, Urgency};
use self::shared::{Answer, Away, Call, Outcome, Own, PATIENCE, Shared, Way};
use self::window::is_within;
use crate::clock::Clock;
use crate::config::Settings;
use crate::held::{Held, HeldBy};
use crate::metrics::Metrics;

/// How long somebody who waits in the chat is kept waiting for units, and anybody for a call to end.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How often it is looked whether a call has ended.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// For how long a Redis that did not answer is not asked again.
const AWAY_FOR: Duration = Duration::from_secs(2);

/// What providers allow, and what of it is used. Cheap to clone.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    store: Store,
    redis_url: SecretString,
    clock: Clock,
    metrics: Metrics,
    /// Names this process among those that count, and its calls.
    process: Uuid,
    calls: AtomicU64,
    /// How many processes there are at least, and how many were last seen if that is more.
    callers: u32,
    processes: AtomicU32,
    way: Way,
    alone: Mutex<Alone>,
}

/// What this process knows by itself.
#[derive(Default)]
struct Alone {
    memory: Memory,
    /// Until when Redis is not asked again.
    away_until: Option<Instant>,
    /// Whether that has been said.
    is_away_said: bool,
    /// When Redis was last missing: others may have spent since then what it does not know of.
    missed_at: Option<DateTime<Utc>>,
}

/// Leave to make calls. Whoever is done says so; dropped, it ends by itself soon after.
#[must_use]
pub struct Pass {
    at_once: usize,
    taken: Option<Taken>,
}

struct Taken {
    limits: Limits,
    need: Need,
    call: Call,
    is_shared: bool,
}

impl Limits {
    /// Counts nothing yet, and connects to nothing.
    pub fn new(settings: &Settings, store: Store, clock: Clock, metrics: Metrics, process: Uuid) -> Self {
        Self(Arc::new(Inner {
            store,
            redis_url: settings.redis_url.clone(),
            clock,
            metrics,
            process,
            calls: AtomicU64::new(0),
            callers: settings.provider_callers,
            processes: AtomicU32::new(settings.provider_callers),
            way: Way::default(),
            alone: Mutex::default(),
        }))
    }

    /// Leave to make these calls.
    ///
    /// Waits up to two seconds where that would do: for units only if somebody waits for the answer, for other calls to
    /// end in any case.
    ///
    /// # Errors
    /// Held back, for as long as it takes until there are units. Nothing was spent.
    pub async fn enter(&self, of: &Description, ask: Ask) -> Result<Pass, Held> {
        let Some(quota) = of.quota_of(ask.operation) else {
            return Ok(Pass { at_once: ask.at_once.max(1), taken: None });
        };
        let need = Need::of(Api { provider: of.provider, name: quota.api }, quota, &ask);
        let patience = Instant::now() + LONGEST_PAUSE;
        loop {
            let lack = match self.try_enter(&need).await {
                Ok(taken) => return Ok(Pass { at_once: taken.call.places as usize, taken: Some(taken) }),
                Err(lack) => lack,
            };
            let (pause, until) = match (lack.of, ask.urgency) {
                (LackOf::Calls, Urgency::Background) => (LOOK_AGAIN, patience),
                (LackOf::Calls, Urgency::Person { by }) => (LOOK_AGAIN, patience.min(by)),
                (LackOf::Project | LackOf::Mailbox, Urgency::Person { by }) => (lack.after, patience.min(by)),
                (LackOf::Project | LackOf::Mailbox, Urgency::Background) => (lack.after, Instant::now()),
            };
            if Instant::now() + pause > until {
                self.0.metrics.call_held(need.api.provider, need.api.name, lack.of.name());
                let after = if ask.urgency == Urgency::Background { need.patience(lack) } else { lack.after };
                return Err(Held { after, by: HeldBy::Quota });
            }
            sleep(pause).await;
        }
    }

    /// How many requests of this kind may be asked for together, so that they and a request that led to them fit.
    pub fn most(&self, of: &Description, ask: Ask) -> usize {
        let Some(quota) = of.quota_of(ask.operation) else { return usize::MAX };
        let need = Need::of(Api { provider: of.provider, name: quota.api }, quota, &Ask { count: 1, ..ask });
        need.most(if self.must_share(&need) { self.processes() } else { 1 })
    }

    async fn try_enter(&self, need: &Need) -> Result<Taken, Lack> {
        let now = self.0.clock.now();
        let id = self.0.calls.fetch_add(1, Ordering::Relaxed);
        // Where nothing is missing any more, somebody has given back meanwhile.
        let soon = Lack { of: LackOf::Mailbox, after: need.mailbox.span.step() };
        let (places, is_shared) = match self.ask_all(need, id, now).await.map(|answer| answer.outcome) {
            Ok(Outcome::Taken(places)) => {
                self.alone().memory.begin(need, places, now);
                (places, true)
            }
            Ok(Outcome::NoUnits([project, mailbox])) => {
                let allowed = need.limits().map(|limit| limit.allowed);
                return Err(need.lack([&project, &mailbox], allowed, now).unwrap_or(soon));
            }
            Ok(Outcome::NoCalls) => return Err(Lack { of: LackOf::Calls, after: WHILE_UNDER_WAY }),
            Ok(Outcome::NoShare) => return Err(self.lack_of_share(need, now).unwrap_or(soon)),
            Err(Away) => (self.take_share(need, now)?, false),
        };
        Ok(Taken { limits: self.clone(), need: *need, call: Call { id, places, begun: now }, is_shared })
    }

    /// Takes of this process's share.
    fn take_share(&self, need: &Need, now: DateTime<Utc>) -> Result<u32, Lack> {
        let processes = self.processes();
        let mut alone = self.alone();
        alone.missed_at = Some(now);
        if let Some(lack) = alone.memory.lack(need, processes, now) {
            return Err(lack);
        }
        let places = alone.memory.places(need, processes);
        alone.memory.begin(need, places, now);
        Ok(places)
    }

    /// Asks where all processes count.
    async fn ask_all(&self, need: &Need, id: u64, now: DateTime<Utc>) -> Result<Answer, Away> {
        let own = {
            let alone = self.alone();
            if alone.away_until.is_some_and(|until| Instant::now() < until) {
                return Err(Away);
            }
            let is_within_share = alone.memory.lack(need, self.processes(), now).is_none();
            Own { spent: alone.memory.spent(need), is_within_share }
        };
        if !own.is_within_share && self.must_share(need) {
            return Ok(Answer { outcome: Outcome::NoShare, processes: self.processes() });
        }
        let answer = match self.shared(PATIENCE).await {
            Ok(shared) => shared.take(need, id, &own, now).await,
            Err(away) => Err(away),
        };
        self.say_once(answer.is_ok());
        match &answer {
            Ok(answer) => {
                self.0.processes.store(answer.processes.max(self.0.callers), Ordering::Relaxed);
            }
            Err(Away) => self.alone().away_until = Some(Instant::now() + AWAY_FOR),
        }
        answer
    }

    /// Says when counting together ends, and when it begins again.
    fn say_once(&self, is_shared: bool) {
        self.0.metrics.limits_shared(is_shared);
        let was_away = std::mem::replace(&mut self.alone().is_away_said, !is_shared);
        if !is_shared && !was_away {
            tracing::warn!("what providers allow cannot be counted in Redis; this process keeps to its share");
        } else if is_shared && was_away {
            tracing::info!("what providers allow is counted in Redis again");
        }
    }

    async fn shared(&self, patience: Duration) -> Result<&Shared, Away> {
        self.0.way.shared(&self.0.store, &self.0.redis_url, self.0.process, patience).await
    }

    fn lack_of_share(&self, need: &Need, now: DateTime<Utc>) -> Option<Lack> {
        self.alone().memory.lack(need, self.processes(), now)
    }

    /// Whether what is counted together may be less than what was spent, so that each keeps to its share as well.
    fn must_share(&self, need: &Need) -> bool {
        let now = self.0.clock.now();
        self.alone().missed_at.is_some_and(|missed| is_within(need.reach(), missed, now))
    }

    fn processes(&self) -> u32 {
        self.0.processes.load(Ordering::Relaxed)
    }

    fn alone(&self) -> MutexGuard<'_, Alone> {
        self.0.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// How many calls at the same time may be made.
    pub fn at_once(&self) -> usize {
        self.at_once
    }

    /// The calls were made.
    pub async fn leave(mut self) {
        if let Some(taken) = self.taken.take() {
            let now = taken.limits.0.clock.now();
            taken.end(Some(now)).await;
        }
    }

    /// The calls were not made after all.
    pub async fn give_back(mut self) {
        if let Some(taken) = self.taken.take() {
            taken.end(None).await;
        }
    }
}

impl Taken {
    async fn end(self, now: Option<DateTime<Utc>>) {
        let Self { limits, need, call, is_shared } = self;
        if now.is_some() {
            limits.0.metrics.units_spent(need.api.provider, need.api.name, need.units);
        }
        limits.alone().memory.end(&need, call.places, call.begun, now);
        if !is_shared {
            return;
        }
        let Ok(shared) = limits.shared(PATIENCE).await else { return };
        // What cannot be said now lapses.
        let _ = shared.leave(&need, call, now).await;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Some(taken) = self.taken.take() else { return };
        let now = taken.limits.0.clock.now();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(taken.end(Some(now)));
        }
    }
}
