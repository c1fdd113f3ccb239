//! Replacing an access token before it ends.

use std::time::Duration;

use bellhop_domain::{Generation, JobFailure};

use super::{Effect, Run, Verdict, verdict_of};
use crate::access::{self, AccessError};
use crate::app::App;

/// How long to leave somebody else's refresh alone before looking again.
const WHILE_LOCKED: Duration = Duration::from_secs(5);

/// Replaces the token set of this generation. The event that records the new one ends the job.
pub async fn run(generation: Generation, app: &App, run: &Run) -> Verdict {
    match access::refresh_from(app, &run.context("refresh"), run.integration, generation).await {
        Ok(_) | Err(AccessError::Expired | AccessError::NotConnected) => Verdict::Done(Effect::default()),
        Err(AccessError::RefreshLocked) => Verdict::Wait { after: WHILE_LOCKED },
        Err(AccessError::Provider(error)) => verdict_of(&error),
        Err(AccessError::Store(error)) => {
            tracing::warn!(job = %run.job, %error, "the access could not be refreshed");
            Verdict::Retry { reason: JobFailure::Internal }
        }
    }
}
