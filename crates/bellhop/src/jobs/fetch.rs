//! What fetching mail and fetching calendars have in common: why a fetch stops, and what that means for its job.

use std::time::Duration;

use bellhop_domain::JobFailure;
use bellhop_providers::ProviderError;
use bellhop_store::{ExecuteError, StoreError};

use super::{Effect, Verdict, verdict_of};
use crate::access::AccessError;
use crate::calls::CallError;

/// How long to leave somebody else's refresh alone before looking again.
const WHILE_LOCKED: Duration = Duration::from_secs(5);

/// Why a fetch stopped.
pub enum Stop {
    /// The job has a verdict.
    Verdict(Box<Verdict>),
    /// The cursor, or a page token of an interrupted fetch, is too old, or the pages have no end: start again from the
    /// beginning.
    StartAgain,
}

impl Stop {
    /// The job has this verdict.
    pub fn with(verdict: Verdict) -> Self {
        Self::Verdict(Box::new(verdict))
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        // Somebody else has the job now, or it was closed: whatever this run still says is ignored.
        if matches!(error, StoreError::LeaseLost) {
            return Self::with(Verdict::Done(Effect::default()));
        }
        let reason = match error {
            StoreError::CannotOpen(_) | StoreError::Unreadable(_) => JobFailure::Unreadable,
            _ => JobFailure::Internal,
        };
        tracing::warn!(%error, "a fetch could not be recorded");
        Self::with(Verdict::Retry { reason })
    }
}

impl From<ExecuteError> for Stop {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Store(error) => error.into(),
            // Disconnected meanwhile: the event that said so closed this job.
            ExecuteError::Refused(_) => Self::with(Verdict::Done(Effect::default())),
        }
    }
}

impl From<AccessError> for Stop {
    fn from(error: AccessError) -> Self {
        Self::with(match error {
            AccessError::NotConnected | AccessError::Expired => Verdict::Done(Effect::default()),
            AccessError::RefreshLocked => Verdict::Wait { after: WHILE_LOCKED },
            AccessError::Provider(error) => verdict_of(&error),
            AccessError::Store(error) => return error.into(),
        })
    }
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Access(error) => error.into(),
            CallError::Provider(ProviderError::CursorTooOld) => Self::StartAgain,
            // The next attempt may see the provider agree with itself.
            CallError::Provider(ProviderError::Unauthorized) => {
                Self::with(Verdict::Retry { reason: JobFailure::AccessRefused })
            }
            CallError::Provider(error) => Self::with(verdict_of(&error)),
        }
    }
}

/// A page token does not live for ever: one kept from an interrupted fetch may be refused for its age.
pub fn unless_outlived<T>(page: Result<T, Stop>, is_kept: bool) -> Result<T, Stop> {
    match page {
        Err(Stop::Verdict(verdict)) if is_kept && matches!(*verdict, Verdict::Bury { .. }) => Err(Stop::StartAgain),
        page => page,
    }
}

/// How many, as events count.
pub fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}
