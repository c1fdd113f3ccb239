//! What keeps a call to a provider from being made at this moment: nobody has failed, and later it can be made.
//!
//! Known before the call, so that nothing was sent and nothing is in doubt. Who holds a call back, and for how long, is decided
//! elsewhere.

use std::fmt;
use std::time::Duration;

use bellhop_domain::JobFailure;
use chrono::{DateTime, Utc};
use thiserror::Error;

/// A call that was not made. Wait this long, spend no attempt, ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{by}; ask again in {} s", after.as_secs())]
pub struct Held {
    /// How long to wait.
    pub after: Duration,
    /// What holds it back.
    pub by: HeldBy,
}

/// What holds a call back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBy {
    /// The provider, or this one account of it, keeps failing and is left alone for a while.
    Breaker {
        /// Since when.
        since: DateTime<Utc>,
        /// How it failed the last time.
        reason: JobFailure,
    },
    /// The provider would refuse it: what it allows in this time is used up.
    Quota,
}

impl fmt::Display for HeldBy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Breaker { .. } => "the provider keeps failing and is left alone",
            Self::Quota => "what the provider allows is used up",
        })
    }
}
