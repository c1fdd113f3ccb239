//! What everybody in a chaos shares: the house, its processes, the servers that are broken, and the record of it all.
//!
//! Everything is borrowed and nothing is held across a wait, so that blows, load and probes can go on side by side.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex as Turn;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::crew::Crew;
use super::recovery::{Beat, Probe};
use crate::house::House;
use crate::invariants::{Answer, Chronicle, Deed, FaultKind, Moment};
use crate::servers::PrivateServers;
use crate::trouble::Story;

/// How many seconds pass in the house for each second outside: polls of five minutes come round every thirty.
pub const PACE: u32 = 10;

/// How often the clock is moved on, and how often the state of everything is looked at.
const TICK: Duration = Duration::from_millis(200);
const LOOK: Duration = Duration::from_millis(300);

/// Where an integration stands, as seen from behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// `active`, `expired`, …
    pub status: String,
    /// When its mail was last fetched to the end, by the house's clock.
    pub mail_checked_at: Option<DateTime<Utc>>,
}

/// A house under chaos.
pub struct Stage<'a> {
    /// The house. Its processes are in the crew.
    pub house: House,
    /// What it stands on.
    pub servers: &'a PrivateServers,
    /// Who waits to restart a server while it is being restarted.
    pub server_turn: Turn<()>,
    crew: Mutex<Crew>,
    chronicle: Mutex<Chronicle>,
    findings: Mutex<Vec<String>>,
    standings: Mutex<BTreeMap<Uuid, Standing>>,
    beats: Mutex<Vec<Beat>>,
    is_over: AtomicBool,
}

impl<'a> Stage<'a> {
    /// A stage in this house, where nothing serves yet.
    pub fn new(house: House, servers: &'a PrivateServers, chronicle: Chronicle) -> Self {
        Self {
            house,
            servers,
            server_turn: Turn::new(()),
            crew: Mutex::default(),
            chronicle: Mutex::new(chronicle),
            findings: Mutex::default(),
            standings: Mutex::default(),
            beats: Mutex::default(),
            is_over: AtomicBool::new(false),
        }
    }

    /// The processes.
    pub fn crew(&self) -> MutexGuard<'_, Crew> {
        lock(&self.crew)
    }

    /// Now, on both clocks.
    pub fn now(&self) -> Story<Moment> {
        Moment::of(&self.house)
    }

    /// Notes a fault that is over now.
    pub fn broke(&self, kind: FaultKind, target: &str, from: Moment) -> Story {
        let until = self.now()?;
        lock(&self.chronicle).broke(kind, target, from, until);
        Ok(())
    }

    /// Notes what somebody asked for.
    pub fn asked(&self, deed: Deed, at: Moment, answer: Answer) {
        lock(&self.chronicle).asked(deed, at, answer);
    }

    /// Reads the record.
    pub fn chronicle(&self) -> MutexGuard<'_, Chronicle> {
        lock(&self.chronicle)
    }

    /// Notes something that must not happen, whatever is broken.
    pub fn finds(&self, finding: String) {
        println!("  FOUND  {finding}");
        lock(&self.findings).push(finding);
    }

    /// What must not have happened and did.
    pub fn findings(&self) -> Vec<String> {
        lock(&self.findings).clone()
    }

    /// Where an integration stood a moment ago.
    pub fn standing(&self, integration: Uuid) -> Option<Standing> {
        lock(&self.standings).get(&integration).cloned()
    }

    /// Notes that a probe which was sent then has come back well.
    pub fn beat(&self, probe: Probe, from: Moment) -> Story {
        let until = self.now()?.real;
        lock(&self.beats).push(Beat { probe, from: from.real, until });
        Ok(())
    }

    /// Every probe that came back well.
    pub fn beats(&self) -> Vec<Beat> {
        lock(&self.beats).clone()
    }

    /// Whether nobody should begin anything any more.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Lets whoever loads the house come to an end.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// A pause that ends early when everything does. Answers whether to go on.
    pub async fn rest(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        while !self.is_over() && Instant::now() < until {
            sleep(TICK.min(until.saturating_duration_since(Instant::now()))).await;
        }
        !self.is_over()
    }

    /// Moves the house's clock on, [`PACE`] times as fast as the one outside, until the load ends.
    pub async fn keep_time(&self) -> Story {
        let mut told = Instant::now();
        while !self.is_over() {
            sleep(TICK).await;
            let passed = told.elapsed();
            told += passed;
            self.house.advance(TimeDelta::from_std(passed * (PACE - 1))?)?;
        }
        Ok(())
    }

    /// Looks where every integration stands, until the load ends. While Postgres is away nothing is seen.
    pub async fn watch(&self) -> Story {
        let sql = "select i.id, i.status, m.checked_at
                   from integrations i
                   join view_versions v on v.view = 'integrations' and v.live = i.view_version
                   left join mail_syncs m on m.integration = i.id";
        while !self.is_over() {
            if let Ok(Ok(rows)) = timeout(Duration::from_secs(5), self.house.database.rows(sql)).await {
                let mut standings = BTreeMap::new();
                for row in rows {
                    let status = row["status"].as_str().unwrap_or_default().to_owned();
                    let mail_checked_at = serde_json::from_value(row["checked_at"].clone())?;
                    standings.insert(serde_json::from_value(row["id"].clone())?, Standing { status, mail_checked_at });
                }
                *lock(&self.standings) = standings;
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Hands the processes over to the house; answers it with the record.
    pub fn close(self) -> (House, Chronicle) {
        let mut house = self.house;
        for (process, service) in self.crew.into_inner().unwrap_or_else(PoisonError::into_inner).into_services() {
            house.take_in(process.name(), service);
        }
        (house, self.chronicle.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
