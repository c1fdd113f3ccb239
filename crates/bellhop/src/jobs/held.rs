//! What it means for a job that its provider is left alone: it waits, spends no attempt, and after long enough its owner hears.

use std::time::Duration;

use bellhop_domain::{Command, JobFailure, JobKind};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Effect, Run, Verdict};
use crate::app::App;
use crate::breakers::{self, Service};
use crate::held::{Held, HeldBy};

/// How long an outage lasts before people are told: most are over sooner, and nobody has missed anything.
const WORTH_TELLING: TimeDelta = TimeDelta::minutes(10);

/// Over how long the jobs that wait for the same provider come back, so that it is not met by all of them at once.
const SPREAD: Duration = Duration::from_secs(10);

/// Waits for as long as the job is held back, and a little longer than some others.
pub fn wait(held: Held, run: &Run, now: DateTime<Utc>) -> Verdict {
    match held.by {
        HeldBy::Quota => Verdict::wait(held.after),
        HeldBy::Breaker { since, reason } => {
            let kind = run.payload.kind();
            let report = Command::ReportOutage { kind, reason };
            let effect = if now - since >= WORTH_TELLING { report.into() } else { Effect::default() };
            Verdict::Wait { after: held.after + share_of_spread(run), effect }
        }
    }
}

/// By the job and the run, so that it is not always the same one that comes first and tries for all the others.
fn share_of_spread(run: &Run) -> Duration {
    let number = run.job.uuid().as_u128() ^ run.lease.as_u128();
    let thousandth = u32::try_from(number % 1000).unwrap_or(0);
    SPREAD * thousandth / 1000
}

/// A run that began while its provider was left alone was the one that tried whether it is well again. That it is not is nothing
/// that the job has done: it waits with the others.
pub async fn unless_probe(app: &App, run: &Run, began: DateTime<Utc>, verdict: Verdict) -> Verdict {
    let Verdict::Retry { reason } = verdict else { return verdict };
    if !is_of_provider(reason) {
        return verdict;
    }
    let provider = match app.store.load(run.tenant, run.integration).await {
        Ok(loaded) => loaded.state.provider,
        Err(_) => None,
    };
    let Some(provider) = provider else { return verdict };
    let services = services_of(run.payload.kind());
    match breakers::held(app, run.tenant, provider, services, run.integration).await {
        Some(held) if is_since_before(held, began) => wait(held, run, app.clock.now()),
        Some(_) | None => verdict,
    }
}

/// What of a provider a job calls.
fn services_of(kind: JobKind) -> &'static [Service] {
    match kind {
        JobKind::RefreshAccess | JobKind::RevokeAccess => &[Service::Tokens],
        JobKind::FetchMail => &[Service::Mail, Service::Tokens],
        JobKind::FetchCalendar => &[Service::Calendar, Service::Tokens],
        JobKind::NotifyOwner => &[],
    }
}

fn is_since_before(held: Held, began: DateTime<Utc>) -> bool {
    match held.by {
        HeldBy::Breaker { since, .. } => since < began,
        HeldBy::Quota => false,
    }
}

/// Whether it is a provider that failed, as breakers see it.
fn is_of_provider(reason: JobFailure) -> bool {
    match reason {
        JobFailure::ProviderTimeout
        | JobFailure::ProviderUnreachable
        | JobFailure::ProviderUnavailable
        | JobFailure::MalformedAnswer => true,
        JobFailure::RequestRefused
        | JobFailure::Forbidden
        | JobFailure::InvalidClient
        | JobFailure::NotConfigured
        | JobFailure::AccessRefused
        | JobFailure::RefreshLocked
        | JobFailure::TelegramUnavailable
        | JobFailure::TelegramRefused
        | JobFailure::Unreadable
        | JobFailure::Poison
        | JobFailure::Internal => false,
    }
}

#[cfg(test)]
mod tests {
    use bellhop_domain::{EventId, IntegrationId, JobId, Payload, TenantId};
    use uuid::Uuid;

    use super::*;
    use crate::metrics::Way;

    fn run(job: u128) -> Run {
        Run {
            tenant: TenantId::new(Uuid::nil()),
            integration: IntegrationId::new(Uuid::nil()),
            job: JobId::new(Uuid::from_u128(job)),
            opened_by: EventId::new(Uuid::nil()),
            payload: Payload::FetchMail,
            lease: Uuid::nil(),
            attempt: 1,
            way: Way::Belt,
        }
    }

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_268_800, 0).unwrap()
    }

    fn held_for(minutes: i64) -> Held {
        let by =
            HeldBy::Breaker { since: noon() - TimeDelta::minutes(minutes), reason: JobFailure::ProviderUnavailable };
        Held { after: Duration::from_secs(30), by }
    }

    #[test]
    fn an_outage_is_reported_when_it_has_lasted() {
        let report = |minutes| match wait(held_for(minutes), &run(1), noon()) {
            Verdict::Wait { effect, .. } => effect.command,
            other => panic!("{other:?}"),
        };
        assert_eq!(report(9), None);
        let expected = Command::ReportOutage { kind: JobKind::FetchMail, reason: JobFailure::ProviderUnavailable };
        assert_eq!(report(10), Some(expected));
        let used_up = Held { after: Duration::from_secs(3), by: HeldBy::Quota };
        assert!(matches!(wait(used_up, &run(1), noon()), Verdict::Wait { effect: Effect { command: None, .. }, .. }));
    }

    #[test]
    fn jobs_that_wait_for_the_same_come_back_apart() {
        let due: std::collections::BTreeSet<Duration> = (0..1000)
            .map(|job| match wait(held_for(1), &run(job), noon()) {
                Verdict::Wait { after, .. } => after,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(due.len(), 1000);
        assert!(due.iter().all(|after| (30..40).contains(&after.as_secs())));
    }
}
