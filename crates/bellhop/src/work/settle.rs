//! Acting on a verdict: the one place where a run's meaning becomes its row's fate, in one unit of work with its effect.
//!
//! The retry schedule lives here and nowhere else. Nothing is written once the run has lost its job.

use std::time::Duration;

use bellhop_domain::{Command, IntegrationId, JobFailure};
use bellhop_store::{ExecuteError, Executed, JobState, Outcome, Request, StoreError};
use chrono::{DateTime, TimeDelta, Utc};

use crate::app::App;
use crate::jobs::{Effect, Run, Verdict};

/// How long after each failed attempt the next one is made. The first is made at once; after the last the job is buried.
const RETRY_AFTER: [TimeDelta; 4] =
    [TimeDelta::seconds(5), TimeDelta::seconds(30), TimeDelta::minutes(2), TimeDelta::minutes(10)];

/// The longest a job rests or waits, so that no answer from outside can put one away for ever.
const LONGEST_REST: TimeDelta = TimeDelta::hours(24);

/// The shortest a job waits, so that one told to wait for no time at all does not spin: waiting spends no attempt.
const SHORTEST_WAIT: Duration = Duration::from_secs(5);

/// The pauses between attempts to record a settlement while Postgres is away.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How often a settlement is tried again for a reason that is no outage.
const TRIES: u32 = 5;

/// The outcome of a run that ended without having its say.
pub const LOST: &str = "lost";

/// What is written for a verdict.
#[derive(Debug)]
struct Settling {
    request: Request,
    outcome: &'static str,
}

/// Writes what this run's verdict means. Answers the outcome as it is counted.
pub async fn settle(app: &App, run: &Run, verdict: Verdict) -> &'static str {
    let at = app.clock.now();
    let settling = match verdict {
        // The handler recorded the effect itself, as refreshing does, and its event closed the row.
        Verdict::Done(Effect { command: None, .. }) => return closed_or_failed(app, run, at).await,
        verdict => Settling::of(run, verdict, at),
    };
    match record(app, run, &settling.request).await {
        Ok(executed) if settling.request.needs_events && executed.events.is_empty() => {
            closed_or_failed(app, run, at).await
        }
        Ok(_) => settling.outcome,
        // What an ended integration refuses was asked for by a job that ended with it.
        Err(ExecuteError::Refused(_)) => closed_or_failed(app, run, at).await,
        Err(ExecuteError::Store(error)) => {
            if !matches!(error, StoreError::LeaseLost) {
                tracing::error!(job = %run.job, %error, "a run could not be settled; it counts as a crash");
            }
            LOST
        }
    }
}

/// A job that says it is done has been closed by an event. One that is still held has not: that is a fault of ours, and
/// it counts as a failed attempt rather than going round for ever.
async fn closed_or_failed(app: &App, run: &Run, at: DateTime<Utc>) -> &'static str {
    match app.store.job(run.job).await {
        Ok(None) => return "done",
        Ok(Some(row)) if row.state == JobState::Done => return "done",
        Ok(Some(_)) | Err(_) => {}
    }
    let settling = Settling::of(run, Verdict::Retry { reason: JobFailure::Internal }, at);
    match record(app, run, &settling.request).await {
        Ok(_) => {
            tracing::error!(job = %run.job, kind = %run.payload.kind(), "a job was called done and is still open");
            settling.outcome
        }
        Err(_) => LOST,
    }
}

impl Settling {
    fn of(run: &Run, verdict: Verdict, at: DateTime<Utc>) -> Self {
        match verdict {
            Verdict::Done(effect) => Self::new(run, at, effect, Outcome::Done, "done").only_with_events(),
            Verdict::Again { after, effect } => {
                Self::new(run, at, effect, Outcome::Again { due_at: later(at, after) }, "again")
            }
            Verdict::Wait { after, effect } => {
                let due_at = later(at, after.max(SHORTEST_WAIT));
                Self::new(run, at, effect, Outcome::Wait { due_at }, "wait")
            }
            Verdict::Retry { reason } => match retry_after(run.attempt) {
                Some(after) => {
                    let kind = run.payload.kind();
                    let failed = Command::FailJob { job: run.job, kind, attempt: run.attempt, reason };
                    Self::new(run, at, failed.into(), Outcome::Retry { due_at: at + after, reason }, "retry")
                }
                None => Self::of(run, Verdict::Bury { reason }, at),
            },
            Verdict::Bury { reason } => {
                let (job, payload) = (run.job, run.payload.clone());
                let buried = Command::BuryJob { job, payload, attempts: run.attempt, reason };
                Self::new(run, at, buried.into(), Outcome::Bury { reason }, "bury").only_with_events()
            }
        }
    }

    fn new(run: &Run, at: DateTime<Utc>, effect: Effect, settled: Outcome, outcome: &'static str) -> Self {
        // One id for each meaning: what follows a settlement that came to nothing is another command.
        let context = run.context(&format!("settle/{outcome}"));
        let commands: Vec<(IntegrationId, Command)> =
            effect.command.into_iter().map(|command| (run.integration, command)).collect();
        let settlement = Some(run.settlement(settled));
        let request =
            Request { context, at, commands, settlement, changes: effect.changes, needs_events: false, intent: None };
        Self { request, outcome }
    }

    /// An outcome that an event must carry: without one nothing is written.
    fn only_with_events(mut self) -> Self {
        self.request.needs_events = true;
        self
    }
}

fn retry_after(attempt: u32) -> Option<TimeDelta> {
    let failed = usize::try_from(attempt).ok()?;
    RETRY_AFTER.get(failed.saturating_sub(1)).copied()
}

fn later(at: DateTime<Utc>, after: Duration) -> DateTime<Utc> {
    at + TimeDelta::from_std(after).unwrap_or(LONGEST_REST).min(LONGEST_REST)
}

/// Carries out the request, however long Postgres is away: the work is done, and the lease is renewed meanwhile.
async fn record(app: &App, run: &Run, request: &Request) -> Result<Executed, ExecuteError> {
    let mut pause = FIRST_PAUSE;
    let mut tries = 0;
    loop {
        let error = match app.store.execute(request).await {
            Ok(executed) => return Ok(executed),
            Err(ExecuteError::Store(error)) if error.is_outage() || matches!(error, StoreError::Contended) => error,
            Err(error) => return Err(error),
        };
        // While writing fails altogether, it is an outage and passes. Where only this write fails, trying helps a few
        // times; it may also have been carried out, and its answer lost.
        if app.store.renew_lease(run.tenant, run.job, run.lease).await.is_ok() {
            tries += 1;
            if tries > TRIES {
                return Err(error.into());
            }
        }
        tracing::debug!(job = %run.job, %error, "a run is not settled yet");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use bellhop_domain::{EventId, Generation, JobId, Payload, TenantId};
    use uuid::Uuid;

    use super::*;
    use crate::metrics::Way;

    fn run(attempt: u32) -> Run {
        Run {
            tenant: TenantId::new(Uuid::from_u128(1)),
            integration: IntegrationId::new(Uuid::from_u128(2)),
            job: JobId::new(Uuid::from_u128(3)),
            opened_by: EventId::new(Uuid::from_u128(5)),
            payload: Payload::RevokeAccess { generation: Generation::new(1) },
            lease: Uuid::from_u128(4),
            attempt,
            way: Way::Belt,
        }
    }

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_268_800, 0).unwrap()
    }

    fn settled(run: &Run, verdict: Verdict) -> (Settling, Outcome) {
        let settling = Settling::of(run, verdict, at());
        let settlement = settling.request.settlement.expect("every verdict is tied to its run");
        assert_eq!((settlement.job, settlement.lease), (run.job, run.lease));
        (settling, settlement.outcome)
    }

    #[test]
    fn four_failures_are_retried_later_and_later_and_the_fifth_buries() {
        let reason = JobFailure::ProviderTimeout;
        for (attempt, seconds) in [(1, 5), (2, 30), (3, 120), (4, 600)] {
            let run = run(attempt);
            let (settling, outcome) = settled(&run, Verdict::Retry { reason });
            assert_eq!(outcome, Outcome::Retry { due_at: at() + TimeDelta::seconds(seconds), reason });
            let kind = run.payload.kind();
            let failed = Command::FailJob { job: run.job, kind, attempt, reason };
            assert_eq!(settling.request.commands, [(run.integration, failed)]);
            assert_eq!(settling.outcome, "retry");
        }
        let run = run(5);
        let (settling, outcome) = settled(&run, Verdict::Retry { reason });
        assert_eq!(outcome, Outcome::Bury { reason });
        let buried = Command::BuryJob { job: run.job, payload: run.payload.clone(), attempts: 5, reason };
        assert_eq!(settling.request.commands, [(run.integration, buried)]);
        assert!(settling.request.needs_events, "no burial without its event");
    }

    #[test]
    fn waiting_spends_no_attempt_and_no_answer_makes_a_job_spin_or_puts_it_away_for_ever() {
        let (settling, outcome) = settled(&run(3), Verdict::wait(Duration::from_secs(90)));
        assert_eq!(outcome, Outcome::Wait { due_at: at() + TimeDelta::seconds(90) });
        assert!(settling.request.commands.is_empty());
        let (_, outcome) = settled(&run(3), Verdict::wait(Duration::MAX));
        assert_eq!(outcome, Outcome::Wait { due_at: at() + LONGEST_REST });
        let (_, outcome) = settled(&run(3), Verdict::wait(Duration::ZERO));
        assert_eq!(outcome, Outcome::Wait { due_at: at() + TimeDelta::seconds(5) });
    }

    #[test]
    fn the_same_verdict_of_the_same_run_is_the_same_command() {
        let verdict = || Verdict::Retry { reason: JobFailure::Internal };
        let id = |run: &Run, verdict| Settling::of(run, verdict, at()).request.context.command;
        assert_eq!(id(&run(1), verdict()), id(&run(1), verdict()));
        assert_ne!(id(&run(1), verdict()), id(&run(1), Verdict::Bury { reason: JobFailure::Internal }));
        assert_ne!(id(&run(1), verdict()), id(&Run { lease: Uuid::from_u128(5), ..run(1) }, verdict()));
    }
}
