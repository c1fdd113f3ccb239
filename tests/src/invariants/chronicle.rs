//! What a harness did to a house, written down while it does it: every fault with its hours, and every command with the id
//! by which its effect can be found.
//!
//! Only a record. What may follow from it is judged in [`super::check`]; without it nobody could tell a fetch that failed
//! for a reason from one that failed without, or a command that was lost from one that was never sent.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::witness;
use crate::house::House;
use crate::trouble::Story;

/// A moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// By the machine's clock: Postgres's too, which leases count in.
    pub real: DateTime<Utc>,
    /// By the clock that every program of the house reads and that can be moved.
    pub app: DateTime<Utc>,
}

impl Moment {
    /// Now.
    pub fn of(house: &House) -> Story<Self> {
        #[expect(clippy::disallowed_methods, reason = "what happens outside Bellhop has no other clock")]
        let real = Utc::now();
        let offset: i64 = std::fs::read_to_string(house.folder().join("clock"))?.trim().parse()?;
        Ok(Self { real, app: real + TimeDelta::milliseconds(offset) })
    }
}

/// What was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum FaultKind {
    /// `kill -9` of a process. Lasts until it is ready again.
    Killed,
    /// SIGTERM of a process. Lasts until it, or whoever takes its place, is ready again.
    Ended,
    /// SIGSTOP of a process, until SIGCONT.
    Stopped,
    /// Redis lost everything.
    RedisFlushed,
    /// Redis was restarted.
    RedisRestarted,
    /// Redis answered nobody (`CLIENT PAUSE`).
    RedisPaused,
    /// Redis could not be reached or refused what it was asked.
    RedisAway,
    /// Postgres was restarted at once (`-m immediate`).
    PostgresRestarted,
    /// Postgres took no writes, or could not be reached.
    PostgresAway,
    /// A provider or Telegram answered 5xx.
    Unavailable,
    /// A provider or Telegram answered 429, or 403 for the same reason.
    SlowDown,
    /// A provider or Telegram took its time.
    Delayed,
    /// A connection was closed before the work.
    Dropped,
    /// A connection was closed after the work: the answer is lost.
    AnswerLost,
    /// A browser came back with the same callback again.
    CallbackRepeated,
    /// Telegram brought an update again.
    UpdateRepeated,
    /// A fault that a scripted run switched on in a serving process; the target says which.
    Scripted,
}

impl FaultKind {
    /// Whether a run of a job may fail by it. A repeat must be harmless.
    pub const fn can_fail_a_run(self) -> bool {
        !matches!(self, Self::CallbackRepeated | Self::UpdateRepeated)
    }
}

/// A fault and its hours.
#[derive(Debug, Clone, Serialize)]
pub struct Fault {
    /// What was broken.
    pub kind: FaultKind,
    /// Where: the name of a process, `redis`, `postgres`, or a path of the sandbox, which begins with a slash.
    pub target: String,
    /// When it began.
    pub from: Moment,
    /// When it was over: the process ready again, the server answering, the last faulty answer given.
    pub until: Moment,
}

impl Fault {
    /// Whether a refresh may go wrong by it, whoever asked for one.
    pub fn can_fail_a_refresh(&self) -> bool {
        self.kind.can_fail_a_run() && (!self.is_at("/") || self.is_at("/token"))
    }

    /// Whether a fetch of this kind may fail by it: by what befalls workers and servers, tokens, and the API it reads.
    pub fn can_fail_a_fetch(&self, kind: &str) -> bool {
        let api = if kind == "fetch_calendar" { "/calendar" } else { "/gmail" };
        let is_of_others = matches!(self.target.as_str(), "http" | "bot");
        self.kind.can_fail_a_run() && !is_of_others && (!self.is_at("/") || self.is_at("/token") || self.is_at(api))
    }

    /// Whether what is said in a chat may be said twice by it: by whatever befalls a process or a server, and by what befalls
    /// the way to Telegram.
    pub fn can_repeat_an_answer(&self) -> bool {
        self.kind.can_fail_a_run() && (self.is_at("/bot") || !self.is_at("/"))
    }

    fn is_at(&self, path: &str) -> bool {
        self.target.starts_with(path)
    }
}

/// What somebody asked for. Each names what its effect is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Deed {
    /// A walk to access, by the `state` in the address of its consent page. Accepted once the chat or the API has said that
    /// the account is connected.
    Connect {
        /// The state, as it stands in the address.
        state: String,
    },
    /// The callback of a walk, by its `state`. Accepted once the browser was sent on to the clean page.
    Callback {
        /// The state, as it stands in the address.
        state: String,
    },
    /// The end of a connection, through the API, the chat or the command line.
    Disconnect {
        /// Which.
        integration: Uuid,
    },
    /// A newer access token, through the API.
    Refresh {
        /// For which integration.
        integration: Uuid,
        /// The `Idempotency-Key`, where there was one: what is asked again under it is asked once.
        key: Option<String>,
    },
    /// The end of everything personal.
    Erase {
        /// Of which integration.
        integration: Uuid,
    },
    /// Something said or pressed in the chat, by the id of its update. Accepted once the sandbox has taken it.
    Update {
        /// Telegram's id.
        update: i64,
    },
    /// A dead letter taken up again. Accepted where the command line says `replayed`, refused where it says that there is
    /// nothing to do.
    Replay {
        /// Which job.
        job: Uuid,
    },
    /// A dead letter closed for good. Accepted where the command line says `discarded`.
    Discard {
        /// Which job.
        job: Uuid,
    },
}

/// What came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Answer {
    /// It was promised: the effect must be there, once.
    Accepted,
    /// It was refused, or there was nothing to do: no effect of its own.
    Refused,
    /// No answer came, or an error that promises nothing: the effect may be there, once.
    Unknown,
}

/// A command that was sent. A repeat is a further entry of the same deed.
#[derive(Debug, Clone, Serialize)]
pub struct Asked {
    /// What for.
    pub deed: Deed,
    /// When it was sent.
    pub at: Moment,
    /// What came back.
    pub answer: Answer,
}

/// All that was done to a house.
#[derive(Debug, Clone, Serialize)]
pub struct Chronicle {
    /// When the record began.
    pub began: Moment,
    /// What was broken, in any order.
    pub faults: Vec<Fault>,
    /// What was asked for, in the order in which it was sent.
    pub asked: Vec<Asked>,
}

impl Chronicle {
    /// Begins a record, and puts a witness into the database (see `witness.rs`). Before anything of the house serves,
    /// so that nothing goes unseen.
    pub async fn begin(house: &House) -> Story<Self> {
        witness::install(house).await?;
        Ok(Self { began: Moment::of(house)?, faults: vec![], asked: vec![] })
    }

    /// Notes a fault that is over.
    pub fn broke(&mut self, kind: FaultKind, target: impl Into<String>, from: Moment, until: Moment) {
        self.faults.push(Fault { kind, target: target.into(), from, until });
    }

    /// Notes a command and what came back.
    pub fn asked(&mut self, deed: Deed, at: Moment, answer: Answer) {
        self.asked.push(Asked { deed, at, answer });
    }

    /// When the last fault was over; the beginning, where there was none.
    pub fn last_fault(&self) -> Moment {
        self.faults.iter().map(|fault| fault.until).max_by_key(|moment| moment.real).unwrap_or(self.began)
    }
}
