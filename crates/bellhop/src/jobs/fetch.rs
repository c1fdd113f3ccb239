//! What fetching mail and fetching calendars have in common: why a fetch stops, and what that means for its job.

use std::collections::BTreeSet;
use std::time::Duration;

use bellhop_domain::{Capabilities, Capability, Command, JobFailure};
use bellhop_providers::{Description, Forbidden, ProviderError};
use bellhop_store::{ExecuteError, StoreError};

use super::{Effect, Run, Verdict, held, verdict_of};
use crate::access::AccessError;
use crate::app::App;
use crate::calls::CallError;
use crate::held::Held;

/// How long to leave somebody else's refresh alone before looking again.
const WHILE_LOCKED: Duration = Duration::from_secs(5);

/// Why a fetch stopped.
pub enum Stop {
    /// The job has a verdict.
    Verdict(Box<Verdict>),
    /// The cursor, or a page token of an interrupted fetch, is too old, or the pages have no end: start again from the
    /// beginning.
    StartAgain,
    /// The tokens do not allow this kind of fetch at all.
    NotAllowed,
    /// The provider is not to be called now.
    Held(Held),
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
            AccessError::RefreshLocked => Verdict::wait(WHILE_LOCKED),
            AccessError::Provider(error) => verdict_of(&error),
            AccessError::Held(held) => return Self::Held(held),
            AccessError::Store(error) => return error.into(),
        })
    }
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Access(error) => error.into(),
            CallError::Held(held) => Self::Held(held),
            CallError::Provider(ProviderError::CursorTooOld) => Self::StartAgain,
            CallError::Provider(ProviderError::Forbidden(Forbidden::InsufficientScope)) => Self::NotAllowed,
            // The next attempt may see the provider agree with itself.
            CallError::Provider(ProviderError::Unauthorized) => {
                Self::with(Verdict::Retry { reason: JobFailure::AccessRefused })
            }
            CallError::Provider(error) => Self::with(verdict_of(&error)),
        }
    }
}

/// What a fetch of this comes to.
pub async fn verdict_of_fetch(app: &App, run: &Run, of: Capability, fetched: Result<Verdict, Stop>) -> Verdict {
    match fetched {
        Ok(verdict) => verdict,
        Err(Stop::Verdict(verdict)) => *verdict,
        // Twice in one run: a provider that does not accept what it has just given out.
        Err(Stop::StartAgain) => Verdict::Bury { reason: JobFailure::RequestRefused },
        Err(Stop::NotAllowed) => not_allowed(app, run, of).await,
        Err(Stop::Held(held)) => held::wait(held, run, app.clock.now()),
    }
}

/// A fetch that the tokens do not allow would fail for ever, and only the person can allow it again: what was granted is
/// missing from then on.
async fn not_allowed(app: &App, run: &Run, lost: Capability) -> Verdict {
    let provider = match app.store.load(run.tenant, run.integration).await {
        Ok(loaded) => loaded.state.provider,
        Err(error) => {
            tracing::warn!(job = %run.job, %error, "what a fetch may not do could not be recorded");
            return Verdict::Retry { reason: JobFailure::Internal };
        }
    };
    let Some(provider) = provider else { return Verdict::Done(Effect::default()) };
    tracing::warn!(integration = %run.integration, %lost, "the access does not allow what was granted");
    let scopes = scopes_that_allow(app.provider(provider).description(), lost);
    Verdict::Done(Command::ReduceAccess { lost, scopes }.into())
}

/// Every scope that may have been taken to allow this, under whatever name.
fn scopes_that_allow(description: &Description, capability: Capability) -> BTreeSet<String> {
    let sign_in = description.scopes(&Capabilities::new());
    let asked = description.scopes(&[capability].into());
    let asked: Vec<_> = asked.into_iter().filter(|scope| !sign_in.contains(scope)).collect();
    let synonyms = description.scope_synonyms.iter().filter(|(name, _)| asked.contains(name)).map(|(_, other)| *other);
    let substitutes = description.scope_substitutes.iter().filter(|one| asked.contains(&one.asked));
    let substitutes = substitutes.flat_map(|one| one.together.iter().copied());
    asked.iter().copied().chain(synonyms).chain(substitutes).map(str::to_owned).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_of_any_scopes_does_not_allow_what_was_lost() {
        let google = bellhop_providers::google(None).unwrap();
        let of = |name: &str| format!("https://www.googleapis.com/auth/{name}");
        let mail = [of("gmail.readonly"), of("gmail.modify"), "https://mail.google.com/".to_owned()];
        let calendar = ["calendar", "calendar.readonly", "calendar.events", "calendar.calendarlist"].map(of);
        let all: BTreeSet<String> =
            mail.into_iter().chain(calendar).chain(["openid", "email"].map(str::to_owned)).collect();
        for (lost, other) in [(Capability::Mail, Capability::Calendar), (Capability::Calendar, Capability::Mail)] {
            let left = &all - &scopes_that_allow(&google, lost);
            assert_eq!(google.capabilities(&left), [other].into());
            assert!(left.contains("openid") && left.contains("email"));
        }
    }
}
