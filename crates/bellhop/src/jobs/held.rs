//! What it means for a job that its provider is left alone: it waits, spends no attempt, and after long enough its owner hears.

use std::time::Duration;

use bellhop_domain::{Command, JobKind, Provider};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Effect, Run, Verdict};
use crate::app::App;
use crate::breakers::{self, Service};
use crate::held::{Held, HeldBy};

/// How long an outage lasts before people are told: most are over sooner, and nobody has missed anything.
const WORTH_TELLING: TimeDelta = TimeDelta::minutes(10);

/// Over how long the jobs that wait for the same provider come back, so that it is not met by all of them at once.
const SPREAD: Duration = Duration::from_secs(10);

/// How long an outage lasts before being held back by it spends the attempts of a revocation: with it waits the erasure of what we
/// have of somebody, and they are to hear that they must end the access themselves.
const WORTH_GIVING_UP: TimeDelta = TimeDelta::days(1);

/// Waits for as long as the job is held back, and a little longer than some others.
pub fn wait(held: Held, run: &Run, now: DateTime<Utc>) -> Verdict {
    match held.by {
        HeldBy::Quota => Verdict::wait(held.after),
        HeldBy::Breaker { since, reason } if is_revocation(run) && now - since >= WORTH_GIVING_UP => {
            Verdict::Retry { reason }
        }
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
/// that the job has done: it waits with the others, for as long as the provider asked at the least. So does one that failed for
/// good, where the answer counts as an outage: what answers in the place of a provider says nothing about the job.
///
/// A revocation spends its attempts all the same: what waits for it must end some day.
pub async fn unless_probe(app: &App, run: &Run, began: DateTime<Utc>, verdict: Verdict) -> Verdict {
    let services = services_of(run.payload.kind());
    if services.is_empty() || !may_be_outage(&verdict) {
        return verdict;
    }
    let provider = match app.store.load(run.tenant, run.integration).await {
        Ok(loaded) => loaded.state.provider,
        Err(_) => None,
    };
    let Some(provider) = provider else { return verdict };
    let Some(held) = breakers::held(app, run.tenant, provider, services, run.integration).await else { return verdict };
    let found = found(app, run, provider, began, held);
    instead(held, found, run, app.clock.now(), verdict)
}

/// What a run has to do with the outage that it ended in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    /// It lasted already when the run began.
    before: bool,
    /// Something failed during the run so that it lasts on: as only one may try, that was this run, but for a chance.
    anew: bool,
}

fn found(app: &App, run: &Run, provider: Provider, began: DateTime<Utc>, held: Held) -> Found {
    let services = services_of(run.payload.kind());
    let anew = breakers::has_failed_since(app, run.tenant, provider, services, run.integration, began);
    Found { before: is_since_before(held, began), anew }
}

/// Whether this is what an outage may have come to.
fn may_be_outage(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Retry { reason } | Verdict::Bury { reason } => reason.is_of_provider(),
        Verdict::Wait { effect, .. } => effect.command.is_none() && effect.changes.is_empty(),
        Verdict::Done(_) | Verdict::Again { .. } => false,
    }
}

/// What a run comes to that ended in an outage.
fn instead(held: Held, found: Found, run: &Run, now: DateTime<Utc>, verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Retry { .. } if found.before && !is_revocation(run) => wait(held, run, now),
        Verdict::Bury { reason } if found.anew && is_revocation(run) => Verdict::Retry { reason },
        Verdict::Bury { .. } if found.anew => wait(held, run, now),
        Verdict::Wait { after: asked, .. } if found.before && found.anew => match wait(held, run, now) {
            Verdict::Wait { after, effect } => Verdict::Wait { after: after.max(asked), effect },
            other => other,
        },
        verdict => verdict,
    }
}

fn is_revocation(run: &Run) -> bool {
    run.payload.kind() == JobKind::RevokeAccess
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

#[cfg(test)]
mod tests {
    use bellhop_domain::{EventId, Generation, IntegrationId, JobFailure, JobId, Payload, TenantId};
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

    const IN_ITS_MIDST: Found = Found { before: true, anew: true };
    const OF_SOMETHING_ELSE: Found = Found { before: true, anew: false };
    const AT_ITS_BEGINNING: Found = Found { before: false, anew: true };

    fn revocation() -> Run {
        Run { payload: Payload::RevokeAccess { generation: Generation::new(1) }, ..run(1) }
    }

    /// How long it waits, and whether it reports the outage; `None` where it does not wait.
    fn waits(verdict: &Verdict) -> Option<(u64, bool)> {
        match verdict {
            Verdict::Wait { after, effect } => Some((after.as_secs(), effect.command.is_some())),
            _ => None,
        }
    }

    #[test]
    fn a_provider_that_says_when_to_come_back_is_waited_for_as_long_and_its_outage_is_reported() {
        let after = |minutes, found, asked| {
            let asked = Verdict::wait(Duration::from_secs(asked));
            waits(&instead(held_for(minutes), found, &run(0), noon(), asked))
        };
        assert_eq!(after(10, IN_ITS_MIDST, 300), Some((300, true)));
        assert_eq!(after(10, IN_ITS_MIDST, 5), Some((30, true)));
        assert_eq!(after(9, IN_ITS_MIDST, 300), Some((300, false)));
        // A slower pace was asked for by a part that works, while another does not.
        assert_eq!(after(10, OF_SOMETHING_ELSE, 5), Some((5, false)));
    }

    #[test]
    fn what_answers_in_the_place_of_a_provider_buries_nothing() {
        let buried = || Verdict::Bury { reason: JobFailure::MalformedAnswer };
        assert!(may_be_outage(&buried()));
        assert!(!may_be_outage(&Verdict::Bury { reason: JobFailure::RequestRefused }));
        for found in [IN_ITS_MIDST, AT_ITS_BEGINNING] {
            assert_eq!(waits(&instead(held_for(1), found, &run(0), noon(), buried())), Some((30, false)));
        }
        // The answer was one: too large, say, from a part that works while another does not.
        let other = instead(held_for(1), OF_SOMETHING_ELSE, &run(0), noon(), buried());
        assert!(matches!(other, Verdict::Bury { .. }));
    }

    #[test]
    fn a_revocation_spends_attempts_when_it_tries_and_when_it_has_been_held_back_for_a_day() {
        let failed = Verdict::Retry { reason: JobFailure::ProviderUnavailable };
        let tried = instead(held_for(1), IN_ITS_MIDST, &revocation(), noon(), failed.clone());
        assert!(matches!(tried, Verdict::Retry { .. }));
        assert!(waits(&instead(held_for(1), IN_ITS_MIDST, &run(0), noon(), failed)).is_some());
        let buried = Verdict::Bury { reason: JobFailure::MalformedAnswer };
        let tried = instead(held_for(1), IN_ITS_MIDST, &revocation(), noon(), buried);
        assert!(matches!(tried, Verdict::Retry { .. }));

        assert!(waits(&wait(held_for(24 * 60 - 1), &revocation(), noon())).is_some());
        let given_up = wait(held_for(24 * 60), &revocation(), noon());
        assert!(matches!(given_up, Verdict::Retry { reason: JobFailure::ProviderUnavailable }));
        assert!(waits(&wait(held_for(24 * 60), &run(0), noon())).is_some());
    }
}
