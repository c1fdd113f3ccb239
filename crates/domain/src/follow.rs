//! What an event causes: which jobs open, close, are buried or taken up again. The whole process manager, in one match.
//!
//! A pure function of the recorded event, so that folding the log gives the same open jobs again. Anything that depends
//! on more than the event (attempts, leases, later due times) belongs to the job table.

use chrono::{DateTime, TimeDelta, Utc};

use crate::event::{Event, RecordedEvent};
use crate::id::{EventId, Generation, JobId};
use crate::job::{Job, JobKind, Notice, Payload, refresh_lead};
use crate::provider::Capability;
use crate::reason::RevocationPlan;

/// How long after a burial the successor of a refresh is due.
const REFRESH_AFTER_BURIAL: TimeDelta = TimeDelta::minutes(30);

/// How long after a burial the successor of a fetch is due.
const FETCH_AFTER_BURIAL: TimeDelta = TimeDelta::minutes(5);

/// How long after an outage is known to concern an account its owner is told: time for those of their other accounts to become
/// known, of which one message is enough.
const UNTIL_OUTAGE_IS_TOLD: TimeDelta = TimeDelta::minutes(1);

/// How often a token of unknown lifetime is replaced.
const UNKNOWN_LIFETIME: TimeDelta = TimeDelta::minutes(30);

/// The least time between two token sets, so that a provider that issues tokens of a second's life is not flooded, and the
/// log neither.
const LEAST_REFRESH_INTERVAL: TimeDelta = TimeDelta::seconds(5);

/// What to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// One open job.
    Job(JobId),
    /// The integration's open jobs of a kind.
    Kind(JobKind),
    /// The integration's dead letters of a kind.
    DeadKind(JobKind),
    /// Every job of the integration, dead letters too.
    All,
}

/// What an event does to the jobs of its integration. Carried out in the order of the fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consequences {
    /// Jobs that end.
    pub close: Vec<Close>,
    /// A job that becomes a dead letter.
    pub bury: Option<JobId>,
    /// A dead letter that is closed for good.
    pub discard: Option<JobId>,
    /// A dead letter that is open again, due at once, with all its attempts.
    pub reopen: Option<JobId>,
    /// Jobs that begin. One of a single kind that is open already is left as it is.
    pub open: Vec<Job>,
}

/// The consequences of one event.
#[must_use]
pub fn follow(recorded: &RecordedEvent) -> Consequences {
    let open = |payload: Payload, due_at| Job::opened_by(recorded.id, recorded.integration, payload, due_at);
    let notify_if = |tell: bool, notice| {
        let due_at = recorded.at + reflection(&notice);
        let job = tell.then(|| open(Payload::NotifyOwner { notice }, due_at));
        job.into_iter().collect::<Vec<_>>()
    };
    match &recorded.event {
        Event::AccessGranted { generation, granted, issued_at, expires_at, refreshable, .. } => {
            let mut jobs = vec![];
            if *refreshable {
                let due_at = first_refresh(recorded.id, *issued_at, *expires_at, TimeDelta::zero());
                jobs.push(open(Payload::RefreshAccess { generation: *generation }, due_at));
            } else if let Some(expires_at) = expires_at {
                // Nothing can replace this token; the job finds that out when it ends and says so.
                jobs.push(open(Payload::RefreshAccess { generation: *generation }, *expires_at));
            }
            jobs.extend(granted.iter().map(|capability| open(fetch(*capability), recorded.at)));
            Consequences { close: recurring(), open: jobs, ..Consequences::default() }
        }
        Event::AccessRefreshed { generation, issued_at, expires_at, .. } => {
            let due_at = first_refresh(recorded.id, *issued_at, *expires_at, UNKNOWN_LIFETIME);
            Consequences {
                close: vec![Close::Kind(JobKind::RefreshAccess)],
                open: vec![refresh(recorded, *generation, due_at)],
                ..Consequences::default()
            }
        }
        Event::AccessRecovered { granted, tell } => Consequences {
            close: granted.iter().map(|capability| Close::Kind(fetch(*capability).kind())).collect(),
            open: granted
                .iter()
                .map(|capability| open(fetch(*capability), recorded.at))
                .chain(notify_if(*tell, Notice::TroubleOver))
                .collect(),
            ..Consequences::default()
        },
        Event::OutageBegan { reason, alert, .. } => opening(notify_if(*alert, Notice::OutageBegan { reason: *reason })),
        Event::OutageEnded { tell, .. } => opening(notify_if(*tell, Notice::TroubleOver)),
        Event::AccessReduced { missing, .. } => {
            let notice = Notice::AccessReduced { missing: missing.clone() };
            Consequences {
                close: missing.iter().map(|capability| Close::Kind(fetch(*capability).kind())).collect(),
                open: notify_if(true, notice),
                ..Consequences::default()
            }
        }
        Event::AccessExpired { reason } => Consequences {
            close: recurring(),
            open: notify_if(true, Notice::AccessExpired { reason: *reason }),
            ..Consequences::default()
        },
        Event::OwnerNotified { job, over, .. } => Consequences {
            close: vec![Close::Job(*job)],
            open: notify_if(*over, Notice::TroubleOver),
            ..Consequences::default()
        },
        Event::AccessRevoked { job, .. } => Consequences { close: vec![Close::Job(*job)], ..Consequences::default() },
        Event::JobBuried { job, payload, reason, alert, .. } => {
            // Replaying the newest letter does the work of every older one: a fault that lasts leaves one, not hundreds.
            let kind = payload.kind();
            let close = if kind.is_single() { vec![Close::DeadKind(kind)] } else { vec![] };
            let mut jobs = vec![];
            match payload {
                Payload::RefreshAccess { generation } => {
                    jobs.push(refresh(recorded, *generation, recorded.at + REFRESH_AFTER_BURIAL));
                }
                Payload::FetchMail | Payload::FetchCalendar => {
                    jobs.push(open(payload.clone(), recorded.at + FETCH_AFTER_BURIAL));
                }
                Payload::RevokeAccess { .. } | Payload::NotifyOwner { .. } => {}
            }
            jobs.extend(notify_if(*alert, Notice::JobBuried { kind, reason: *reason }));
            Consequences { close, bury: Some(*job), open: jobs, ..Consequences::default() }
        }
        Event::JobReplayed { job, payload } => {
            let kind = payload.kind();
            let close = if kind.is_single() { vec![Close::Kind(kind)] } else { vec![] };
            Consequences { close, reopen: Some(*job), ..Consequences::default() }
        }
        Event::JobDiscarded { job, .. } => Consequences { discard: Some(*job), ..Consequences::default() },
        Event::Disconnected { generation, revocation } => {
            let jobs = match revocation {
                RevocationPlan::Revoke => {
                    let generation = Generation::new(generation.number() - 1);
                    vec![open(Payload::RevokeAccess { generation }, recorded.at)]
                }
                RevocationPlan::SharedAccount | RevocationPlan::Nothing => vec![],
            };
            Consequences { close: vec![Close::All], open: jobs, ..Consequences::default() }
        }
        Event::Erased { .. } => Consequences { close: vec![Close::All], ..Consequences::default() },
        Event::AuthorizationStarted { .. }
        | Event::AuthorizationFailed { .. }
        | Event::LinkRejected { .. }
        | Event::RefreshFailed { .. }
        | Event::MailFetched { .. }
        | Event::CalendarFetched { .. }
        | Event::JobFailed { .. } => Consequences::default(),
    }
}

/// How long a notice waits before it is said.
fn reflection(notice: &Notice) -> TimeDelta {
    match notice {
        Notice::OutageBegan { .. } => UNTIL_OUTAGE_IS_TOLD,
        Notice::AccessExpired { .. }
        | Notice::AccessReduced { .. }
        | Notice::JobBuried { .. }
        | Notice::TroubleOver => TimeDelta::zero(),
    }
}

fn opening(jobs: Vec<Job>) -> Consequences {
    Consequences { open: jobs, ..Consequences::default() }
}

/// The kinds that only make sense while there is access.
fn recurring() -> Vec<Close> {
    vec![Close::Kind(JobKind::RefreshAccess), Close::Kind(JobKind::FetchMail), Close::Kind(JobKind::FetchCalendar)]
}

/// What brings the content of this capability.
pub(crate) const fn fetch(capability: Capability) -> Payload {
    match capability {
        Capability::Mail => Payload::FetchMail,
        Capability::Calendar => Payload::FetchCalendar,
    }
}

fn refresh(recorded: &RecordedEvent, generation: Generation, due_at: DateTime<Utc>) -> Job {
    Job::opened_by(recorded.id, recorded.integration, Payload::RefreshAccess { generation }, due_at)
}

/// When a token set issued now is due to be replaced: its lead before its end, and up to a tenth of the lead earlier, so
/// that accounts connected together do not stay in step.
fn first_refresh(
    event: EventId,
    issued_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    when_unknown: TimeDelta,
) -> DateTime<Utc> {
    let Some(expires_at) = expires_at else {
        return issued_at + when_unknown;
    };
    let lead = refresh_lead(expires_at - issued_at);
    let share = i32::try_from(event.uuid().as_u128() % 1000).unwrap_or(0);
    let jitter = lead / 10 * share / 1000;
    (expires_at - lead - jitter).max(issued_at + LEAST_REFRESH_INTERVAL)
}
