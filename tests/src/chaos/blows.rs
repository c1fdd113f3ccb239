//! What can be broken, in words. When is in `schedule.rs`, how is in `strikes.rs`.

use std::fmt;
use std::time::Duration;

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

impl fmt::Display for Blow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(process) => write!(formatter, "kill -9 {}", process.name()),
            Self::Stop { process, leases: false } => {
                write!(formatter, "stop {} for {STOPPED_SECONDS} s", process.name())
            }
            Self::Stop { process, leases: true } => {
                write!(formatter, "stop {} for {STOPPED_SECONDS} s and let every lease run out", process.name())
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
