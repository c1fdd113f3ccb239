//! Replacing an access token before it ends.

use std::time::Duration;

use bellhop_domain::{Generation, JobFailure};
use chrono::{DateTime, Utc};

use super::{Effect, Run, Verdict, held, verdict_of};
use crate::access::{self, AccessError, Refreshed};
use crate::app::App;

/// How long to leave somebody else's refresh alone before looking again.
const WHILE_LOCKED: Duration = Duration::from_secs(5);

/// Replaces the token set of this generation. The event that records the new one ends the job.
pub async fn run(generation: Generation, app: &App, run: &Run) -> Verdict {
    let refreshed = access::refresh_from(app, &run.context("refresh"), run.integration, generation).await;
    meaning(refreshed, generation, run, app.clock.now())
}

fn meaning(
    refreshed: Result<Refreshed, AccessError>,
    generation: Generation,
    run: &Run,
    now: DateTime<Utc>,
) -> Verdict {
    match refreshed {
        Ok(refreshed) if refreshed.generation > generation => Verdict::Done(Effect::default()),
        // Somebody else is at it and the old token is still good: no event has ended this job yet.
        Ok(_) | Err(AccessError::RefreshLocked) => Verdict::wait(WHILE_LOCKED),
        Err(AccessError::Expired | AccessError::NotConnected) => Verdict::Done(Effect::default()),
        Err(AccessError::Provider(error)) => verdict_of(&error),
        Err(AccessError::Held(held)) => held::wait(held, run, now),
        Err(AccessError::Store(error)) => {
            tracing::warn!(job = %run.job, %error, "the access could not be refreshed");
            Verdict::Retry { reason: JobFailure::Internal }
        }
    }
}

#[cfg(test)]
mod tests {
    use bellhop_domain::{EventId, IntegrationId, JobId, Payload, TenantId};
    use uuid::Uuid;

    use super::*;
    use crate::metrics::Way;

    #[test]
    fn a_job_is_done_by_a_newer_token_set_and_waits_for_whoever_is_fetching_it() {
        let generation = Generation::new(4);
        let run = Run {
            tenant: TenantId::new(Uuid::nil()),
            integration: IntegrationId::new(Uuid::nil()),
            job: JobId::new(Uuid::nil()),
            opened_by: EventId::new(Uuid::nil()),
            payload: Payload::RefreshAccess { generation },
            lease: Uuid::nil(),
            attempt: 1,
            way: Way::Belt,
        };
        let found = |number| Ok(Refreshed { generation: Generation::new(number), expires_at: None });
        assert!(matches!(meaning(found(5), generation, &run, DateTime::UNIX_EPOCH), Verdict::Done(_)));
        assert!(matches!(
            meaning(found(4), generation, &run, DateTime::UNIX_EPOCH),
            Verdict::Wait { after: WHILE_LOCKED, .. }
        ));
        let locked = meaning(Err(AccessError::RefreshLocked), generation, &run, DateTime::UNIX_EPOCH);
        assert!(matches!(locked, Verdict::Wait { after: WHILE_LOCKED, .. }));
    }
}
