//! What will be broken, and when: made from a seed before anything starts, so that a run can be repeated and its least
//! number of blows is not left to luck.
//!
//! Only a list of things to do. How each is done is in `strikes.rs`; nothing here waits, and nothing here looks at a house.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, RngExt, SeedableRng};

use super::blows::{Blow, Outside, Process};

/// The least that a run may take: shorter ones could not hold what each must.
pub const SHORTEST: Duration = Duration::from_secs(40);

/// How long nothing is broken after the beginning, and how long before the end nothing is begun any more.
const MARGIN: Duration = Duration::from_secs(3);

/// A blow and when it falls, counted from the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// What.
    pub blow: Blow,
}

/// Everything that will be broken in one run, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// What it was made from.
    pub seed: u64,
    /// By when every blow is over.
    pub length: Duration,
    /// What is done.
    pub steps: Vec<Step>,
}

/// How many blows of a kind two minutes and ten minutes hold; other lengths in proportion.
struct Share {
    two_minutes: usize,
    ten_minutes: usize,
}

impl Share {
    fn of(&self, length: Duration) -> usize {
        let (two, ten) = (Duration::from_mins(2).as_secs(), Duration::from_mins(10).as_secs());
        let count = |number: usize, seconds: u64| (number as u64 * length.as_secs()).div_ceil(seconds);
        let count = if length.as_secs() <= two { count(self.two_minutes, two) } else { count(self.ten_minutes, ten) };
        usize::try_from(count).unwrap_or(usize::MAX)
    }
}

const WORKER_KILLS: Share = Share { two_minutes: 9, ten_minutes: 44 };
const HTTP_KILLS: Share = Share { two_minutes: 4, ten_minutes: 17 };
const RELAY_KILLS: Share = Share { two_minutes: 2, ten_minutes: 9 };
const BOT_KILLS: Share = Share { two_minutes: 2, ten_minutes: 9 };
const WORKER_STOPS: Share = Share { two_minutes: 1, ten_minutes: 6 };
const ZOMBIES: Share = Share { two_minutes: 1, ten_minutes: 5 };
const OTHER_STOPS: Share = Share { two_minutes: 1, ten_minutes: 4 };
const FLUSHES: Share = Share { two_minutes: 1, ten_minutes: 4 };
const PAUSES: Share = Share { two_minutes: 1, ten_minutes: 4 };
const REDIS_RESTARTS: Share = Share { two_minutes: 1, ten_minutes: 3 };
const POSTGRES_RESTARTS: Share = Share { two_minutes: 1, ten_minutes: 3 };
const OUTSIDE: Share = Share { two_minutes: 14, ten_minutes: 70 };

const TOKENS: &str = "/token";

/// Where calls go wrong: tokens, mail, calendars, the chat. `getUpdates` is how the bot hears at all.
const PATHS: [&str; 8] = [
    TOKENS,
    "/gmail/v1/users/me/messages",
    "/gmail/v1/users/me/history",
    "/gmail/v1/users/me/profile",
    "/calendar/v3/calendars/",
    "/calendar/v3/users/me/calendarList",
    "/bot/sendMessage",
    "/bot/getUpdates",
];

/// Where a call is refused for good. (A refused token request would end access, which is for the person to mend.)
const REFUSING: [&str; 2] = ["/gmail/v1/users/me/history", "/calendar/v3/users/me/calendarList"];

impl Schedule {
    /// The schedule of this seed and length.
    pub fn of(seed: u64, length: Duration) -> Self {
        let length = length.max(SHORTEST);
        let mut dice = StdRng::seed_from_u64(seed);
        let mut blows = blows(&mut dice, length);
        blows.shuffle(&mut dice);
        // Evenly spread with some play, so that there is no long rest and no minute that has it all.
        let room = length.saturating_sub(MARGIN * 2);
        let slot = room / u32::try_from(blows.len()).unwrap_or(u32::MAX).max(1);
        let mut steps: Vec<Step> = (0_u32..)
            .zip(blows)
            .map(|(number, blow)| {
                let at = MARGIN + slot * number + slot.mul_f64(dice.random_range(0.0..1.0));
                Step { at: at.min(length.saturating_sub(MARGIN + blow.lasts())), blow }
            })
            .collect();
        steps.sort_by_key(|step| step.at);
        Self { seed, length, steps }
    }

    /// How many of its blows are like this.
    pub fn count(&self, is_it: impl Fn(&Blow) -> bool) -> usize {
        self.steps.iter().filter(|step| is_it(&step.blow)).count()
    }
}

fn blows(dice: &mut impl Rng, length: Duration) -> Vec<Blow> {
    let mut blows = vec![];
    // In turn rather than by lot: neither worker is spared.
    let workers = || Process::WORKERS.into_iter().cycle();
    blows.extend(workers().take(WORKER_KILLS.of(length)).map(Blow::Kill));
    blows.extend(vec![Blow::Kill(Process::Http); HTTP_KILLS.of(length)]);
    blows.extend(vec![Blow::Kill(Process::Relay); RELAY_KILLS.of(length)]);
    blows.extend(vec![Blow::Kill(Process::Bot); BOT_KILLS.of(length)]);
    let stop = |leases| move |process| Blow::Stop { process, leases };
    blows.extend(workers().take(WORKER_STOPS.of(length)).map(stop(false)));
    blows.extend(workers().skip(1).take(ZOMBIES.of(length)).map(stop(true)));
    for _ in 0..OTHER_STOPS.of(length) {
        let process = *[Process::Http, Process::Relay, Process::Bot].choose(dice).unwrap_or(&Process::Http);
        blows.push(Blow::Stop { process, leases: false });
    }
    blows.extend(vec![Blow::FlushRedis; FLUSHES.of(length)]);
    for _ in 0..PAUSES.of(length) {
        blows.push(Blow::PauseRedis { seconds: dice.random_range(2..=6) });
    }
    for _ in 0..REDIS_RESTARTS.of(length) {
        blows.push(Blow::RestartRedis { away_seconds: dice.random_range(0..=4) });
    }
    for _ in 0..POSTGRES_RESTARTS.of(length) {
        blows.push(Blow::RestartPostgres { away_seconds: dice.random_range(0..=3) });
    }
    blows.extend((0..OUTSIDE.of(length)).map(|number| outside(dice, number)));
    blows
}

/// In turn through everything that can go wrong, at a path by lot; but the first answers that are lost are those that hold
/// new tokens, which nothing can bring back.
fn outside(dice: &mut impl Rng, number: usize) -> Blow {
    if number % 7 == 6 {
        let path = REFUSING.choose(dice).unwrap_or(&REFUSING[0]);
        return Blow::Outside { path, what: Outside::Refuse, one_in: dice.random_range(4..=8), seconds: 1 };
    }
    let what = match number % 7 {
        0 => Outside::LoseAnswer,
        1 => Outside::Status(*[500, 502, 503].choose(dice).unwrap_or(&503)),
        2 => Outside::Drop,
        3 => Outside::SlowDown(Some(dice.random_range(1..=60))),
        4 => Outside::Delay(dice.random_range(200..=3_000)),
        _ => Outside::SlowDown(None),
    };
    let path = if number == 0 { TOKENS } else { PATHS.choose(dice).unwrap_or(&TOKENS) };
    Blow::Outside { path, what, one_in: dice.random_range(1..=4), seconds: dice.random_range(2..=8) }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kills = |processes: &[Process]| {
            self.count(|blow| matches!(blow, Blow::Kill(process) if processes.contains(process)))
        };
        let stops = |wanted: bool| self.count(|blow| matches!(blow, Blow::Stop { leases, .. } if *leases == wanted));
        write!(
            formatter,
            "{} blows in {} s: kill -9 of workers {}, http {}, relay {}, bot {}; stops {} and {} with every lease run out; \
             Redis flushed {}, paused {}, restarted {}; Postgres restarted {}; faults outside {}",
            self.steps.len(),
            self.length.as_secs(),
            kills(&Process::WORKERS),
            kills(&[Process::Http]),
            kills(&[Process::Relay]),
            kills(&[Process::Bot]),
            stops(false),
            stops(true),
            self.count(|blow| matches!(blow, Blow::FlushRedis)),
            self.count(|blow| matches!(blow, Blow::PauseRedis { .. })),
            self.count(|blow| matches!(blow, Blow::RestartRedis { .. })),
            self.count(|blow| matches!(blow, Blow::RestartPostgres { .. })),
            self.count(|blow| matches!(blow, Blow::Outside { .. })),
        )
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
