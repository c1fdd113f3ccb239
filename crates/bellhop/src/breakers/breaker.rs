//! One breaker, as a pure state machine: what it has seen, whether a call may be made, and what an answer changes.
//!
//! No I/O, no clock, no randomness: the time and the ids of probes are parameters, so that every process that is told the same
//! comes to the same.
//!
//! ```text
//!             five failures in a row, or ten of the last twenty answers
//!   closed ------------------------------------------------------------> open
//!     ^                                                                  |   ^
//!     | the probe, or a later call, is answered      the pause is over   |   | the probe fails: a longer pause
//!     |                                                                  v   |
//!     +------------------------------------------------------------ half open
//!                                                        one probe at a time
//! ```

use bellhop_domain::JobFailure;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many failures in a row open a breaker.
const IN_A_ROW: usize = 5;

/// How many answers are remembered, and how many failures among them open a breaker.
const REMEMBERED: usize = 20;
const HALF: usize = 10;

/// How much one account counts for among the failures in a row, and among the last answers, that open the breaker of its whole
/// provider: it takes others to tell a sick provider from a sick mailbox. Where there is but one account, its own breaker does.
const ONE_IN_A_ROW: usize = 3;
const ONE_OF_HALF: usize = 5;

/// How long an answer is remembered. What is older says nothing about a provider of today.
const MEMORY: TimeDelta = TimeDelta::minutes(10);

/// The first pause, and the longest: each failed probe doubles it. A provider that answers again is found to within the
/// longest, so that what waited is caught up within five minutes.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(15);
pub(super) const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(60);

/// After how long a probe that nobody has answered for is given up: its process is gone, or it is a batch of small requests to a
/// provider that takes its time for each. (A single download is given up by whoever waits for it within a minute, what came before
/// it included.) Another may try then, beside it, and that does no harm. As long as nobody has, the first is still the probe. After
/// that it counts like any other call: answered, it closes the breaker, unless the other has failed meanwhile, which costs one more
/// pause; that it failed says nothing, as the other will tell.
const PROBE_LIFE: TimeDelta = TimeDelta::seconds(60);

/// When to ask again while somebody else's probe is under way.
pub(super) const WHILE_PROBED: TimeDelta = TimeDelta::seconds(5);

/// Whose answers a breaker sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those about every account of a provider.
    Provider,
    /// Those about one account.
    Account,
}

impl Scope {
    /// The name in metrics and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Account => "account",
        }
    }
}

/// What an answer says about whoever gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It works.
    Works,
    /// It does not.
    Fails(JobFailure),
    /// Nothing: nobody waited for the end.
    Unknown,
}

/// The call that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// When it began.
    pub began: DateTime<Utc>,
    /// A short hash of the account it was about, enough to tell accounts apart.
    pub about: u32,
    /// The probe that it was, if it was one.
    pub probe: Option<Uuid>,
}

/// Whether a call may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Like any other.
    Free,
    /// As the one probe, to be begun first. It has been due for this long.
    Probe {
        /// How long.
        overdue: TimeDelta,
    },
    /// Not before this time.
    Held {
        /// When to ask again.
        until: DateTime<Utc>,
    },
}

/// What an answer changed, where that is worth telling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Calls are held back from now on.
    Opened,
    /// The probe failed, and they still are.
    StayedOpen,
    /// Calls go through again.
    Closed,
}

impl Turn {
    /// The name in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::StayedOpen => "stayed_open",
            Self::Closed => "closed",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    at: DateTime<Utc>,
    about: u32,
    failed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Probe {
    id: Uuid,
    until: DateTime<Utc>,
}

/// While calls are held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// Since when, through all failed probes.
    pub since: DateTime<Utc>,
    /// How the last call failed.
    pub reason: JobFailure,
    /// When it was opened the last time: a call that began later and was answered proves that all is well.
    pub opened_at: DateTime<Utc>,
    pause_seconds: i64,
    /// When the next probe may begin.
    pub retry_at: DateTime<Utc>,
    probe: Option<Probe>,
}

/// A breaker. The default is closed and has seen nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Breaker {
    seen: Vec<Seen>,
    open: Option<Open>,
}

impl Breaker {
    /// While it is not closed: since when, and why.
    #[must_use]
    pub fn open(&self) -> Option<&Open> {
        self.open.as_ref()
    }

    /// How many of the last answers were failures, while it is closed.
    #[must_use]
    pub fn failures(&self, now: DateTime<Utc>) -> usize {
        self.seen.iter().filter(|seen| seen.failed && counts(**seen, now)).count()
    }

    /// Whether there is nothing to remember: no failure that still counts.
    #[must_use]
    pub fn is_calm(&self, now: DateTime<Utc>) -> bool {
        self.open.is_none() && self.failures(now) == 0
    }

    /// Whether a call may be made now.
    #[must_use]
    pub fn admit(&self, now: DateTime<Utc>) -> Admission {
        let Some(open) = &self.open else { return Admission::Free };
        if is_ahead(open.retry_at, now, LONGEST_PAUSE) {
            return Admission::Held { until: open.retry_at };
        }
        match open.probe {
            Some(probe) if is_ahead(probe.until, now, PROBE_LIFE) => {
                Admission::Held { until: probe.until.min(now + WHILE_PROBED) }
            }
            Some(probe) => Admission::Probe { overdue: (now - probe.until).abs() },
            None => Admission::Probe { overdue: (now - open.retry_at).abs() },
        }
    }

    /// Begins a probe. Only where [`Self::admit`] says so.
    pub fn begin_probe(&mut self, id: Uuid, now: DateTime<Utc>) {
        if let Some(open) = &mut self.open {
            open.probe = Some(Probe { id, until: now + PROBE_LIFE });
        }
    }

    /// Takes in what a call came to.
    pub fn take_in(&mut self, scope: Scope, call: Call, answer: Answer, now: DateTime<Utc>) -> Option<Turn> {
        let Some(open) = &mut self.open else { return self.remember(scope, call, answer, now) };
        let is_probe = open.probe.is_some_and(|probe| call.probe == Some(probe.id));
        match answer {
            Answer::Works if is_probe || call.began > open.opened_at => {
                *self = Self::default();
                Some(Turn::Closed)
            }
            Answer::Fails(reason) if is_probe => {
                let longer = TimeDelta::seconds(open.pause_seconds.saturating_mul(2)).min(LONGEST_PAUSE);
                *open = Open::again(open.since.min(now), reason, longer, now);
                Some(Turn::StayedOpen)
            }
            Answer::Unknown if is_probe => {
                // Another may try at once.
                open.probe = None;
                None
            }
            // It began before the breaker opened, or another probe has taken its place: it says nothing about now.
            Answer::Works | Answer::Fails(_) | Answer::Unknown => None,
        }
    }

    fn remember(&mut self, scope: Scope, call: Call, answer: Answer, now: DateTime<Utc>) -> Option<Turn> {
        let (failed, reason) = match answer {
            Answer::Works => (false, None),
            Answer::Fails(reason) => (true, Some(reason)),
            Answer::Unknown => return None,
        };
        self.seen.retain(|seen| counts(*seen, now));
        self.seen.push(Seen { at: now, about: call.about, failed });
        self.seen.drain(..self.seen.len().saturating_sub(REMEMBERED));
        let reason = reason.filter(|_| self.has_enough(scope))?;
        *self = Self { seen: vec![], open: Some(Open::again(now, reason, FIRST_PAUSE, now)) };
        Some(Turn::Opened)
    }

    fn has_enough(&self, scope: Scope) -> bool {
        let (in_a_row, of_half) = match scope {
            Scope::Provider => (ONE_IN_A_ROW, ONE_OF_HALF),
            Scope::Account => (REMEMBERED, REMEMBERED),
        };
        let row = self.seen.iter().rev().take_while(|seen| seen.failed);
        let failures = self.seen.iter().filter(|seen| seen.failed);
        weigh(row, in_a_row) >= IN_A_ROW || weigh(failures, of_half) >= HALF
    }
}

impl Open {
    fn again(since: DateTime<Utc>, reason: JobFailure, pause: TimeDelta, now: DateTime<Utc>) -> Self {
        let pause_seconds = pause.num_seconds();
        Self { since, reason, opened_at: now, pause_seconds, retry_at: now + pause, probe: None }
    }

    /// Whether a probe is under way.
    #[must_use]
    pub fn is_probed(&self, now: DateTime<Utc>) -> bool {
        self.probe.is_some_and(|probe| is_ahead(probe.until, now, PROBE_LIFE))
    }
}

fn counts(seen: Seen, now: DateTime<Utc>) -> bool {
    (now - seen.at).abs() <= MEMORY
}

/// Whether this time is still to come. One further away than we ever put it was written by a clock that was ahead and has been
/// set right since: waiting for it would take as long as that clock was wrong, so it counts as long past.
fn is_ahead(time: DateTime<Utc>, now: DateTime<Utc>, at_most: TimeDelta) -> bool {
    now < time && time - now <= at_most
}

/// How many there are, of which no account counts for more than so many.
fn weigh<'a>(failures: impl Iterator<Item = &'a Seen>, each: usize) -> usize {
    let mut of: std::collections::BTreeMap<u32, usize> = std::collections::BTreeMap::new();
    for failure in failures {
        *of.entry(failure.about).or_default() += 1;
    }
    of.into_values().map(|count| count.min(each)).sum()
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
