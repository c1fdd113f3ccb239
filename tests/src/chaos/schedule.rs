//! What will be broken, and when: made from a seed before anything starts, so that a run can be repeated and its least
//! number of blows is not left to luck.
//!
//! Only a list of things to do. How each is done is in `blows.rs`; nothing here waits, and nothing here looks at a house.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, RngExt, SeedableRng};

/// The least that a run may take: shorter ones could not hold what each must.
pub const SHORTEST: Duration = Duration::from_secs(40);

/// How long nothing is broken after the beginning, and how long before the end nothing is begun any more.
const MARGIN: Duration = Duration::from_secs(3);

/// How long a stopped process stays stopped.
pub const STOPPED_SECONDS: u64 = 20;

/// A process of the house.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Process {
    /// Pages and the API.
    Http,
    /// Puts jobs on the belt.
    Relay,
    /// One of two that run jobs.
    FirstWorker,
    /// The other.
    SecondWorker,
    /// Listens to Telegram.
    Bot,
}

impl Process {
    /// Every process.
    pub const ALL: [Self; 5] = [Self::Http, Self::Relay, Self::FirstWorker, Self::SecondWorker, Self::Bot];

    /// Those that run jobs.
    pub const WORKERS: [Self; 2] = [Self::FirstWorker, Self::SecondWorker];

    /// The name of the process and of its log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Relay => "relay",
            Self::FirstWorker => "worker-1",
            Self::SecondWorker => "worker-2",
            Self::Bot => "bot",
        }
    }

    /// Its one role.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Relay => "relay",
            Self::FirstWorker | Self::SecondWorker => "worker",
            Self::Bot => "bot",
        }
    }
}

/// What can go wrong with a call to somebody outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outside {
    /// A status of 500 and more.
    Status(u16),
    /// 400 in words that no repetition can mend: a fetch that meets it is buried, and an operator has to replay it.
    Refuse,
    /// 429, with the seconds of `Retry-After` or without.
    SlowDown(Option<u32>),
    /// The answer takes so many milliseconds longer.
    Delay(u32),
    /// The connection is closed before the work.
    Drop,
    /// The connection is closed after the work.
    LoseAnswer,
}

/// Something that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// `kill -9`, and a new process at once.
    Kill(Process),
    /// SIGSTOP, and SIGCONT after [`STOPPED_SECONDS`]. With `leases`, every lease runs out half-way.
    Stop {
        /// Which process.
        process: Process,
        /// Whether what it holds is given away meanwhile, so that it wakes up as a zombie.
        leases: bool,
    },
    /// `FLUSHALL`.
    FlushRedis,
    /// `CLIENT PAUSE` of all commands.
    PauseRedis {
        /// For how long.
        seconds: u32,
    },
    /// `kill -9` of Redis; it comes back empty.
    RestartRedis {
        /// After how long.
        away_seconds: u32,
    },
    /// An immediate restart of Postgres.
    RestartPostgres {
        /// It is started again after how long.
        away_seconds: u32,
    },
    /// Some calls to a path of the sandbox go wrong for a while.
    Outside {
        /// The prefix of the path.
        path: &'static str,
        /// What goes wrong.
        what: Outside,
        /// One in how many calls is hit.
        one_in: u32,
        /// For how many real seconds.
        seconds: u32,
    },
}

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

impl Blow {
    /// How long it lasts, as far as that is known beforehand.
    pub const fn lasts(&self) -> Duration {
        match self {
            Self::Kill(_) | Self::FlushRedis => Duration::ZERO,
            Self::Stop { .. } => Duration::from_secs(STOPPED_SECONDS),
            Self::PauseRedis { seconds } | Self::Outside { seconds, .. } => Duration::from_secs(*seconds as u64),
            Self::RestartRedis { away_seconds } | Self::RestartPostgres { away_seconds } => {
                Duration::from_secs(*away_seconds as u64)
            }
        }
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
        return Blow::Outside { path, what: Outside::Refuse, one_in: dice.random_range(2..=4), seconds: 2 };
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

impl fmt::Display for Blow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(process) => write!(formatter, "kill -9 {}", process.name()),
            Self::Stop { process, leases: false } => {
                write!(formatter, "stop {} for {STOPPED_SECONDS} s", process.name())
            }
            Self::Stop { process, leases: true } => {
                write!(formatter, "stop {} for {STOPPED_SECONDS} s and give its jobs away", process.name())
            }
            Self::FlushRedis => write!(formatter, "flush Redis"),
            Self::PauseRedis { seconds } => write!(formatter, "pause Redis for {seconds} s"),
            Self::RestartRedis { away_seconds } => write!(formatter, "restart Redis, {away_seconds} s away"),
            Self::RestartPostgres { away_seconds } => write!(formatter, "restart Postgres, {away_seconds} s away"),
            Self::Outside { path, what, one_in, seconds } => {
                write!(formatter, "{what} at {path}, one call in {one_in}, for {seconds} s")
            }
        }
    }
}

impl fmt::Display for Outside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "{status}"),
            Self::Refuse => write!(formatter, "400"),
            Self::SlowDown(Some(seconds)) => write!(formatter, "429 for {seconds} s"),
            Self::SlowDown(None) => write!(formatter, "429"),
            Self::Delay(milliseconds) => write!(formatter, "{milliseconds} ms of delay"),
            Self::Drop => write!(formatter, "dropped connections"),
            Self::LoseAnswer => write!(formatter, "lost answers"),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kills = |processes: &[Process]| {
            self.count(|blow| matches!(blow, Blow::Kill(process) if processes.contains(process)))
        };
        let stops = |wanted: bool| self.count(|blow| matches!(blow, Blow::Stop { leases, .. } if *leases == wanted));
        write!(
            formatter,
            "{} blows in {} s: kill -9 of workers {}, http {}, relay {}, bot {}; stops {} and {} with jobs given away; \
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
mod tests {
    use super::*;

    const SEEDS: std::ops::Range<u64> = 0..200;

    /// Worker kills, http kills, flushes, Redis restarts, Postgres restarts.
    fn counts(schedule: &Schedule) -> [usize; 5] {
        [
            schedule.count(|blow| matches!(blow, Blow::Kill(Process::FirstWorker | Process::SecondWorker))),
            schedule.count(|blow| matches!(blow, Blow::Kill(Process::Http))),
            schedule.count(|blow| matches!(blow, Blow::FlushRedis)),
            schedule.count(|blow| matches!(blow, Blow::RestartRedis { .. })),
            schedule.count(|blow| matches!(blow, Blow::RestartPostgres { .. })),
        ]
    }

    #[test]
    fn every_seed_holds_the_least_number_of_blows() {
        for seed in SEEDS {
            for (minutes, least) in [(2, [8, 3, 1, 1, 1]), (10, [40, 15, 3, 2, 2]), (30, [120, 45, 9, 6, 6])] {
                let schedule = Schedule::of(seed, Duration::from_mins(minutes));
                let counts = counts(&schedule);
                assert!(counts.iter().zip(least).all(|(count, least)| *count >= least), "{seed}: {schedule}");
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_schedule_and_another_seed_another() {
        let of = |seed| Schedule::of(seed, Duration::from_mins(2));
        assert_eq!(of(7), of(7));
        assert_ne!(of(7).steps, of(8).steps);
    }

    #[test]
    fn every_blow_is_over_before_the_end_and_they_come_in_order() {
        for seed in SEEDS {
            let schedule = Schedule::of(seed, Duration::from_mins(2));
            assert!(schedule.steps.is_sorted_by_key(|step| step.at));
            for step in &schedule.steps {
                assert!(step.at >= MARGIN && step.at + step.blow.lasts() <= schedule.length, "{seed}: {step:?}");
            }
        }
    }

    #[test]
    fn every_kind_of_trouble_outside_comes_up_within_two_minutes() {
        let kind = |what: Outside| match what {
            Outside::Status(_) => 0,
            Outside::SlowDown(Some(_)) => 1,
            Outside::SlowDown(None) => 2,
            Outside::Delay(_) => 3,
            Outside::Drop => 4,
            Outside::LoseAnswer => 5,
            Outside::Refuse => 6,
        };
        for seed in SEEDS {
            let schedule = Schedule::of(seed, Duration::from_mins(2));
            let kinds: std::collections::BTreeSet<_> = schedule
                .steps
                .iter()
                .filter_map(|step| if let Blow::Outside { what, .. } = step.blow { Some(kind(what)) } else { None })
                .collect();
            assert_eq!(kinds.len(), 7, "{seed}");
            let loses_tokens =
                |blow: &Blow| matches!(blow, Blow::Outside { path: "/token", what: Outside::LoseAnswer, .. });
            assert!(schedule.count(loses_tokens) > 0, "{seed}");
        }
    }
}
