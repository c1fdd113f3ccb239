//! What a job is to its handler: a run to work under, and a verdict to give back.
//!
//! Handlers load, call, record, and say what it meant; they never touch the job's row. `work/settle.rs` acts on the
//! verdict.

pub mod failure;
mod fetch;
pub mod fetch_calendar;
pub mod fetch_mail;
mod held;
pub mod notify_owner;
pub mod refresh_access;
pub mod revoke_access;

use std::time::Duration;

use bellhop_domain::{Command, CommandId, EventId, IntegrationId, JobFailure, JobId, Payload, TenantId};
use bellhop_providers::ProviderError;
use bellhop_store::{Actor, Change, Context, Outcome, Settlement};
use uuid::Uuid;

use self::failure::failure_of;
use crate::app::App;
use crate::metrics::Way;

/// One run of a job, held under a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Whose data it is about.
    pub tenant: TenantId,
    /// Which integration.
    pub integration: IntegrationId,
    /// Which job.
    pub job: JobId,
    /// The event that opened it.
    pub opened_by: EventId,
    /// What is to be done.
    pub payload: Payload,
    /// What this run settles under.
    pub lease: Uuid,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How it came here.
    pub way: Way,
}

impl Run {
    /// The context of what this run writes. `step` tells the writes of one run apart; the same step written twice is one.
    #[must_use]
    pub fn context(&self, step: &str) -> Context {
        let command = CommandId::new(Uuid::new_v5(&self.lease, step.as_bytes()));
        Context {
            correlation: self.job.uuid(),
            causation: Some(self.opened_by),
            ..Context::new(self.tenant, Actor::Job(self.job), command)
        }
    }

    /// Ties a write to this run: nothing of it is written once the run has lost its job.
    #[must_use]
    pub fn settlement(&self, outcome: Outcome) -> Settlement {
        Settlement { integration: self.integration, job: self.job, lease: self.lease, outcome }
    }
}

/// What a run found out, written together with the job's own row.
#[derive(Debug, Clone, Default)]
pub struct Effect {
    /// What happened to the integration, if anything.
    pub command: Option<Command>,
    /// Rows that belong to it.
    pub changes: Vec<Change>,
}

impl From<Command> for Effect {
    fn from(command: Command) -> Self {
        Self { command: Some(command), changes: vec![] }
    }
}

/// What a run meant.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The effect ends the job, or the job had been ended already.
    Done(Effect),
    /// A recurring job rests for this long.
    Again {
        /// How long.
        after: Duration,
        /// What this run found.
        effect: Effect,
    },
    /// Told to wait: no attempt is spent.
    Wait {
        /// How long. Held between five seconds and a day.
        after: Duration,
        /// What waiting for so long comes to, if anything.
        effect: Effect,
    },
    /// It failed and may work later: an attempt is spent.
    Retry {
        /// Why it failed.
        reason: JobFailure,
    },
    /// It failed and repeating it cannot help: a dead letter.
    Bury {
        /// Why it failed.
        reason: JobFailure,
    },
}

impl Verdict {
    /// Told to wait, and nothing else.
    #[must_use]
    pub fn wait(after: Duration) -> Self {
        Self::Wait { after, effect: Effect::default() }
    }
}

/// Runs the handler of this job.
pub async fn handle(app: &App, run: &Run) -> Verdict {
    let began = app.clock.now();
    let verdict = match &run.payload {
        Payload::RefreshAccess { generation } => refresh_access::run(*generation, app, run).await,
        Payload::FetchMail => fetch_mail::run(app, run).await,
        Payload::FetchCalendar => fetch_calendar::run(app, run).await,
        Payload::RevokeAccess { generation } => revoke_access::run(*generation, app, run).await,
        Payload::NotifyOwner { notice } => notify_owner::run(notice, app, run).await,
    };
    held::unless_probe(app, run, began, verdict).await
}

/// How long to wait where a provider asks us to slow down without saying for how long.
const RATE_LIMIT_PAUSE: Duration = Duration::from_secs(30);

/// What a provider's failure means for the job that met it. A `Retry-After` is honoured without spending an attempt, with a
/// 5xx too: five seconds at the least and a day at the most, each time anew, and every wait is counted in `jobs_total`; a
/// 5xx without one is a failed attempt. Failures with a meaning of their own (a refused refresh
/// token, a cursor too old) are handled before it comes to this.
#[must_use]
pub fn verdict_of(error: &ProviderError) -> Verdict {
    if let ProviderError::RateLimited { retry_after } = error {
        return Verdict::wait(retry_after.unwrap_or(RATE_LIMIT_PAUSE));
    }
    if let ProviderError::Unavailable { retry_after: Some(after), .. } = error {
        return Verdict::wait(*after);
    }
    let reason = failure_of(error);
    if error.is_temporary() { Verdict::Retry { reason } } else { Verdict::Bury { reason } }
}
