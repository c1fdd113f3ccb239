//! What is said to the scripts in Redis, and what they say: JSON both ways.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::need::{Limit, Need};
use super::shared::Own;
use super::window::Window;

/// How long a call may take before its place is given to others: a whole mail takes a minute at the most, and of many small
/// requests each ten seconds (`Timeouts` of the providers crate).
const LEASE_MILLISECONDS: i64 = 60_000;
const LEASE_EACH_MILLISECONDS: i64 = 10_000;

/// How long a process that no longer asks is taken for one that might.
const PROCESS_LIVES_MILLISECONDS: i64 = 15 * 60_000;

/// What take.lua is told: see there.
#[derive(Serialize)]
pub struct Asked {
    now: i64,
    process: Uuid,
    processes_since: i64,
    keep: u64,
    settled_before: i64,
    is_within_share: bool,
    units: u64,
    count: u32,
    wanted: u32,
    at_once: u32,
    lease: i64,
    lease_each: i64,
    call: String,
    mailbox: Uuid,
    windows: [AskedWindow; 2],
}

#[derive(Serialize)]
struct AskedWindow {
    bucket: i64,
    oldest: i64,
    newest: i64,
    allowed: u64,
    own: BTreeMap<i64, u64>,
}

impl Asked {
    /// Asks for what is needed, as this process.
    pub fn of(need: &Need, process: Uuid, call: u64, own: &Own, now: DateTime<Utc>) -> Self {
        let reach = i64::try_from(need.reach().as_millis()).unwrap_or(i64::MAX);
        let at = now.timestamp_millis();
        let [project, mailbox] = need.limits();
        let window = |limit: Limit, own: &Window| AskedWindow {
            bucket: limit.span.bucket(now),
            oldest: limit.span.oldest(now),
            newest: limit.span.newest(now),
            allowed: limit.allowed,
            own: own.counted(limit.span, now),
        };
        Self {
            now: at,
            process,
            processes_since: at - PROCESS_LIVES_MILLISECONDS,
            // Twice as long as it counts: what is kept a little longer is only swept later.
            keep: reach.unsigned_abs().saturating_mul(2).max(PROCESS_LIVES_MILLISECONDS.unsigned_abs()),
            settled_before: at.saturating_sub(reach),
            is_within_share: own.is_within_share,
            units: need.units,
            count: need.count,
            wanted: need.wanted,
            at_once: need.at_once,
            lease: LEASE_MILLISECONDS,
            lease_each: LEASE_EACH_MILLISECONDS,
            call: call_name(process, call),
            mailbox: need.about.uuid(),
            windows: [window(project, &own.spent[0]), window(mailbox, &own.spent[1])],
        }
    }
}

/// How the places of a call are named.
pub fn call_name(process: Uuid, call: u64) -> String {
    format!("{process}:{call}")
}

/// What take.lua tells.
#[derive(Deserialize)]
pub struct Told {
    /// What came of it.
    pub outcome: Word,
    /// How many calls may be made at the same time, if it was granted.
    pub places: u32,
    /// How many processes have asked lately.
    pub processes: u32,
    /// What is spent of everybody's window.
    pub project: Buckets,
    /// What is spent of the mailbox's.
    pub mailbox: Buckets,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// It was granted.
    Taken,
    /// Too few units are left.
    Units,
    /// Too many calls are under way.
    Calls,
    /// There is too little to rely on, and the process's share is used up.
    Share,
}

/// Lua knows no integers: numbers may come as `400.0`, keys are text.
#[derive(Deserialize)]
pub struct Buckets(BTreeMap<String, f64>);

impl Buckets {
    /// As a window.
    pub fn into_window(self) -> Window {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counted in whole units, and few")]
        let whole = |(bucket, units): (String, f64)| Some((bucket.parse().ok()?, units.max(0.0) as u64));
        Window::from(self.0.into_iter().filter_map(whole).collect::<BTreeMap<i64, u64>>())
    }
}
