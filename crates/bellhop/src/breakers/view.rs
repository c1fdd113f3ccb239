//! What this process knows of the breakers, which are in Postgres: a look about once a second, and changes by compare-and-set.
//!
//! Nothing here decides; nothing here may keep a call from being made because Postgres is away, nor hold one up for long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bellhop_domain::TenantId;
use bellhop_store::{BreakerKey, BreakerState, StoreError};
use chrono::{DateTime, Utc};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::Service;
use super::breaker::{Admission, Answer, Breaker, Call, Scope, Turn};
use crate::app::App;

/// How long a look is good for.
const FRESH: Duration = Duration::from_secs(1);

/// How long one is believed while Postgres gives no newer one.
const BELIEVED: Duration = Duration::from_secs(5);

/// How long a look may take, and the waiting for somebody else's: a call waits for both.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often a change is tried again that somebody else was faster with.
const TRIES: u32 = 5;

/// How many breakers can be written at once before two that have nothing to do with each other wait for each other.
const STRIPES: usize = 16;

/// The breakers as this process knows them. Cheap to clone.
#[derive(Clone, Default)]
pub struct View(Arc<Shared>);

#[derive(Default)]
struct Shared {
    known: Mutex<Known>,
    /// Whoever looks, looks for all of the tenant who wait.
    looking: [tokio::sync::Mutex<()>; STRIPES],
    /// Answers that are not written yet.
    unwritten: Mutex<HashMap<BreakerKey, Vec<(Call, Answer)>>>,
    /// Whoever writes, writes for all who wait.
    writing: [tokio::sync::Mutex<()>; STRIPES],
}

#[derive(Default)]
struct Known {
    breakers: HashMap<BreakerKey, (Uuid, Breaker)>,
    looked: HashMap<TenantId, Instant>,
    /// When Postgres did not answer the last time.
    failed: Option<Instant>,
}

/// Something to do to a breaker, which may have to be done again.
enum Change {
    TakeIn(Vec<(Call, Answer)>),
    BeginProbe(Uuid),
}

/// What it came to.
#[derive(Default)]
struct Changed {
    turns: Vec<Turn>,
    begun: bool,
}

impl Change {
    fn apply(&self, breaker: &mut Breaker, scope: Scope, now: DateTime<Utc>) -> Changed {
        match self {
            Self::TakeIn(answers) => {
                let turns = answers.iter().filter_map(|(call, answer)| breaker.take_in(scope, *call, *answer, now));
                Changed { turns: turns.collect(), begun: false }
            }
            Self::BeginProbe(probe) => {
                let begun = matches!(breaker.admit(now), Admission::Probe { .. });
                if begun {
                    breaker.begin_probe(*probe, now);
                }
                Changed { turns: vec![], begun }
            }
        }
    }
}

impl View {
    /// Sees to it that what is known is fresh enough. `false`: there is nothing to go by.
    pub async fn look(&self, app: &App, tenant: TenantId) -> bool {
        if self.is_younger(tenant, FRESH) {
            return true;
        }
        let looking = &self.0.looking[striped(tenant.uuid())];
        let Ok(_turn) = timeout(PATIENCE, looking.lock()).await else {
            tracing::debug!("others have been looking at the breakers for too long");
            return self.is_younger(tenant, BELIEVED);
        };
        if self.is_younger(tenant, FRESH) {
            return true;
        }
        let failed_just_now = self.known().failed.is_some_and(|failed| failed.elapsed() < FRESH);
        if !failed_just_now {
            match timeout(PATIENCE, self.load(app, tenant)).await {
                Ok(Ok(())) => return true,
                Ok(Err(error)) => tracing::debug!(%error, "the breakers cannot be looked at"),
                Err(_) => tracing::debug!("looking at the breakers takes too long"),
            }
            self.known().failed = Some(Instant::now());
        }
        self.is_younger(tenant, BELIEVED)
    }

    /// A breaker as it is known.
    pub fn breaker(&self, key: &BreakerKey) -> Breaker {
        self.known().breakers.get(key).map(|(_, breaker)| breaker.clone()).unwrap_or_default()
    }

    /// Takes in an answer, with those that wait to be written too. Answers what that changed.
    pub async fn take_in(
        &self,
        app: &App,
        tenant: TenantId,
        key: BreakerKey,
        call: Call,
        answer: Answer,
    ) -> Result<Vec<Turn>, StoreError> {
        locked(&self.0.unwritten).entry(key).or_default().push((call, answer));
        let _turn = self.0.writing[stripe(&key)].lock().await;
        let answers = locked(&self.0.unwritten).remove(&key).unwrap_or_default();
        Ok(self.change(app, tenant, key, Change::TakeIn(answers)).await?.turns)
    }

    /// Begins a probe, if this process is the first to. `false`: ask again.
    pub async fn begin_probe(
        &self,
        app: &App,
        tenant: TenantId,
        key: BreakerKey,
        probe: Uuid,
    ) -> Result<bool, StoreError> {
        Ok(self.change(app, tenant, key, Change::BeginProbe(probe)).await?.begun)
    }

    /// Changes a breaker from what was written last; anew where somebody else was faster, and not at all where somebody always
    /// was.
    async fn change(
        &self,
        app: &App,
        tenant: TenantId,
        key: BreakerKey,
        change: Change,
    ) -> Result<Changed, StoreError> {
        for _ in 0..TRIES {
            let (read, before) = match self.known().breakers.get(&key) {
                Some((version, breaker)) => (Some(*version), breaker.clone()),
                None => (None, Breaker::default()),
            };
            let (mut after, now) = (before.clone(), app.clock.now());
            let changed = change.apply(&mut after, scope_of(&key), now);
            if after == before || self.write(app, key, read, after, now).await? {
                return Ok(changed);
            }
            self.load(app, tenant).await?;
        }
        tracing::debug!(provider = %key.provider, service = key.service, "others were always faster to write a breaker");
        Ok(Changed::default())
    }

    /// Writes a breaker in the place of the one that was read. One that has nothing to remember needs no row.
    async fn write(
        &self,
        app: &App,
        key: BreakerKey,
        read: Option<Uuid>,
        breaker: Breaker,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        if breaker.is_calm(now) {
            let Some(read) = read else { return Ok(true) };
            let removed = app.store.remove_breaker(&key, read).await?;
            if removed {
                self.known().breakers.remove(&key);
            }
            return Ok(removed);
        }
        let state = serde_json::to_value(&breaker).map_err(|_| StoreError::Unreadable("a breaker"))?;
        let state = BreakerState { state, open_since: breaker.open().map(|open| open.since), at: now };
        let version = app.new_id();
        let written = app.store.put_breaker(&key, read, version, &state).await?;
        if written {
            self.known().breakers.insert(key, (version, breaker));
        }
        Ok(written)
    }

    async fn load(&self, app: &App, tenant: TenantId) -> Result<(), StoreError> {
        let looked = Instant::now();
        let rows = app.store.breakers(tenant).await?;
        let mut known = self.known();
        known.breakers.retain(|key, _| key.account.is_some_and(|(of, _)| of != tenant));
        known.breakers.extend(rows.into_iter().filter_map(|row| {
            // What a newer release has written says nothing to this one.
            let service = Service::known(&row.service)?;
            let breaker = serde_json::from_value(row.state).ok()?;
            let account = row.integration.map(|integration| (tenant, integration));
            Some((BreakerKey { provider: row.provider, service, account }, (row.version, breaker)))
        }));
        known.looked.insert(tenant, looked);
        known.failed = None;
        Ok(())
    }

    fn is_younger(&self, tenant: TenantId, than: Duration) -> bool {
        self.known().looked.get(&tenant).is_some_and(|looked| looked.elapsed() < than)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        locked(&self.0.known)
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whose answers the breaker of this key sees.
pub fn scope_of(key: &BreakerKey) -> Scope {
    if key.account.is_some() { Scope::Account } else { Scope::Provider }
}

fn stripe(key: &BreakerKey) -> usize {
    key.account.map_or(0, |(_, integration)| striped(integration.uuid()))
}

fn striped(id: Uuid) -> usize {
    usize::try_from(id.as_u128() % STRIPES as u128).unwrap_or(0)
}
