//! The words of the log as they are stored, and the jobs that events cause.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use bellhop_domain::{
    AttemptId, AuthorizationFailure, Capability, Close, Delivery, Event, EventId, ExpiryReason, FetchMode, Generation,
    IntegrationId, Job, JobFailure, JobId, JobKind, Jobs, Notice, OwnerId, Payload, Provider, RecordedEvent,
    RevocationOutcome, RevocationPlan, TenantId, follow,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

const ONE: &str = "00000000-0000-0000-0000-000000000001";

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_268_800, 0).unwrap()
}

fn one() -> Uuid {
    Uuid::from_u128(1)
}

#[expect(clippy::too_many_lines, reason = "a table, a few lines an event")]
fn every_event() -> Vec<(Event, serde_json::Value)> {
    let job = JobId::new(one());
    let attempt = AttemptId::new(one());
    let generation = Generation::new(2);
    let mail = BTreeSet::from([Capability::Mail]);
    let calendar = BTreeSet::from([Capability::Calendar]);
    vec![
        (
            Event::AuthorizationStarted {
                owner: OwnerId::new(one()),
                provider: Provider::Google,
                attempt,
                asked: mail.clone(),
            },
            json!({"event": "AuthorizationStarted", "owner": ONE, "provider": "google", "attempt": ONE, "asked": ["mail"]}),
        ),
        (
            Event::AuthorizationFailed { attempt, reason: AuthorizationFailure::ExchangeTimedOut },
            json!({"event": "AuthorizationFailed", "attempt": ONE, "reason": "exchange_timed_out"}),
        ),
        (Event::LinkRejected { attempt }, json!({"event": "LinkRejected", "attempt": ONE})),
        (
            Event::AccessGranted {
                attempt,
                generation,
                scopes: ["a".to_owned(), "b".to_owned()].into(),
                granted: mail.clone(),
                missing: calendar.clone(),
                issued_at: noon(),
                expires_at: None,
                refreshable: true,
            },
            json!({"event": "AccessGranted", "attempt": ONE, "generation": 2, "scopes": ["a", "b"], "granted": ["mail"],
                "missing": ["calendar"], "issued_at": "2026-01-01T12:00:00Z", "expires_at": null, "refreshable": true}),
        ),
        (
            Event::AccessRefreshed { generation, issued_at: noon(), expires_at: Some(noon()), rotated: true },
            json!({"event": "AccessRefreshed", "generation": 2, "issued_at": "2026-01-01T12:00:00Z",
                "expires_at": "2026-01-01T12:00:00Z", "rotated": true}),
        ),
        (
            Event::RefreshFailed { reason: JobFailure::ProviderTimeout },
            json!({"event": "RefreshFailed", "reason": "provider_timeout"}),
        ),
        (
            Event::AccessExpired { reason: ExpiryReason::AnswerLost },
            json!({"event": "AccessExpired", "reason": "answer_lost"}),
        ),
        (
            Event::AccessReduced { scopes: ["a".to_owned()].into(), granted: mail.clone(), missing: calendar.clone() },
            json!({"event": "AccessReduced", "scopes": ["a"], "granted": ["mail"], "missing": ["calendar"]}),
        ),
        (
            Event::OwnerNotified {
                job,
                notice: Notice::AccessReduced { missing: calendar },
                delivery: Delivery::Outdated,
                over: false,
            },
            json!({"event": "OwnerNotified", "job": ONE,
                "notice": {"notice": "access_reduced", "missing": ["calendar"]}, "delivery": "outdated"}),
        ),
        (
            Event::AccessRecovered { granted: mail.clone(), tell: false },
            json!({"event": "AccessRecovered", "granted": ["mail"]}),
        ),
        (
            Event::AccessRecovered { granted: mail, tell: true },
            json!({"event": "AccessRecovered", "granted": ["mail"], "tell": true}),
        ),
        (
            Event::OutageBegan { kind: JobKind::FetchMail, reason: JobFailure::ProviderTimeout, alert: true },
            json!({"event": "OutageBegan", "kind": "fetch_mail", "reason": "provider_timeout", "alert": true}),
        ),
        (
            Event::OutageEnded { kind: JobKind::RefreshAccess, tell: false },
            json!({"event": "OutageEnded", "kind": "refresh_access"}),
        ),
        (
            Event::OutageEnded { kind: JobKind::RefreshAccess, tell: true },
            json!({"event": "OutageEnded", "kind": "refresh_access", "tell": true}),
        ),
        (
            Event::OwnerNotified {
                job,
                notice: Notice::OutageBegan { reason: JobFailure::ProviderTimeout },
                delivery: Delivery::Sent,
                over: true,
            },
            json!({"event": "OwnerNotified", "job": ONE,
                "notice": {"notice": "outage_began", "reason": "provider_timeout"}, "delivery": "sent", "over": true}),
        ),
        (
            Event::OwnerNotified { job, notice: Notice::TroubleOver, delivery: Delivery::Blocked, over: false },
            json!({"event": "OwnerNotified", "job": ONE, "notice": {"notice": "trouble_over"}, "delivery": "blocked"}),
        ),
        (
            Event::MailFetched { mode: FetchMode::Full, added: 3, updated: 2, removed: 1, cursor: "c".to_owned() },
            json!({"event": "MailFetched", "mode": "full", "added": 3, "updated": 2, "removed": 1, "cursor": "c"}),
        ),
        (
            Event::CalendarFetched {
                calendar: "k".to_owned(),
                mode: FetchMode::Incremental,
                added: 3,
                updated: 2,
                removed: 1,
                cursor: "c".to_owned(),
            },
            json!({"event": "CalendarFetched", "calendar": "k", "mode": "incremental", "added": 3, "updated": 2,
                "removed": 1, "cursor": "c"}),
        ),
        (
            Event::OwnerNotified {
                job,
                notice: Notice::AccessExpired { reason: ExpiryReason::RefreshRefused },
                delivery: Delivery::Sent,
                over: false,
            },
            json!({"event": "OwnerNotified", "job": ONE, "notice": {"notice": "access_expired", "reason": "refresh_refused"},
                "delivery": "sent"}),
        ),
        (
            Event::AccessRevoked { job, outcome: RevocationOutcome::AlreadyInvalid },
            json!({"event": "AccessRevoked", "job": ONE, "outcome": "already_invalid"}),
        ),
        (
            Event::JobFailed { job, kind: JobKind::FetchMail, attempt: 1, reason: JobFailure::Internal },
            json!({"event": "JobFailed", "job": ONE, "kind": "fetch_mail", "attempt": 1, "reason": "internal"}),
        ),
        (
            Event::JobBuried {
                job,
                payload: Payload::RefreshAccess { generation },
                attempts: 5,
                reason: JobFailure::Poison,
                alert: true,
            },
            json!({"event": "JobBuried", "job": ONE, "payload": {"kind": "refresh_access", "generation": 2}, "attempts": 5,
                "reason": "poison", "alert": true}),
        ),
        (
            Event::JobReplayed { job, payload: Payload::FetchMail },
            json!({"event": "JobReplayed", "job": ONE, "payload": {"kind": "fetch_mail"}}),
        ),
        (
            Event::JobReplayed { job, payload: Payload::FetchCalendar },
            json!({"event": "JobReplayed", "job": ONE, "payload": {"kind": "fetch_calendar"}}),
        ),
        (
            Event::JobDiscarded { job, kind: JobKind::RevokeAccess, superseded: false },
            json!({"event": "JobDiscarded", "job": ONE, "kind": "revoke_access", "superseded": false}),
        ),
        (
            Event::Disconnected { generation, revocation: RevocationPlan::SharedAccount },
            json!({"event": "Disconnected", "generation": 2, "revocation": "shared_account"}),
        ),
        (Event::Erased { generation }, json!({"event": "Erased", "generation": 2})),
    ]
}

#[test]
fn every_event_is_stored_in_the_words_it_was_first_stored_in() {
    for (event, golden) in every_event() {
        assert_eq!(serde_json::to_value(&event).unwrap(), golden);
        assert_eq!(serde_json::from_value::<Event>(golden).unwrap(), event);
    }
}

fn recorded(number: u128, event: Event, at: DateTime<Utc>) -> RecordedEvent {
    RecordedEvent {
        id: EventId::new(Uuid::from_u128(number)),
        integration: IntegrationId::new(one()),
        tenant: TenantId::new(one()),
        version: i64::try_from(number).unwrap(),
        at,
        event,
    }
}

fn granted(expires_at: Option<DateTime<Utc>>) -> Event {
    Event::AccessGranted {
        attempt: AttemptId::new(one()),
        generation: Generation::new(1),
        scopes: BTreeSet::new(),
        granted: BTreeSet::from([Capability::Mail]),
        missing: BTreeSet::new(),
        issued_at: noon(),
        expires_at,
        refreshable: true,
    }
}

fn refreshed(generation: i64, expires_at: Option<DateTime<Utc>>) -> Event {
    Event::AccessRefreshed { generation: Generation::new(generation), issued_at: noon(), expires_at, rotated: false }
}

fn due_of(kind: JobKind, event: Event, number: u128) -> DateTime<Utc> {
    let consequences = follow(&recorded(number, event, noon()));
    consequences.open.iter().find(|job| job.payload.kind() == kind).unwrap().due_at
}

#[test]
fn a_refresh_is_due_its_lead_before_the_end_and_a_little_earlier_for_some() {
    let end = noon() + TimeDelta::hours(1);
    for number in [1, 500, 999, 123_456_789] {
        let due = due_of(JobKind::RefreshAccess, granted(Some(end)), number);
        assert!(due <= end - TimeDelta::minutes(10) && due > end - TimeDelta::minutes(11), "{due}");
    }
    let short = noon() + TimeDelta::seconds(20);
    let due = due_of(JobKind::RefreshAccess, granted(Some(short)), 7);
    assert!(due <= noon() + TimeDelta::seconds(10) && due >= noon() + TimeDelta::seconds(9), "{due}");
}

#[test]
fn a_token_of_unknown_lifetime_is_replaced_at_once_and_then_every_half_hour() {
    assert_eq!(due_of(JobKind::RefreshAccess, granted(None), 1), noon());
    assert_eq!(due_of(JobKind::RefreshAccess, refreshed(2, None), 1), noon() + TimeDelta::minutes(30));
}

#[test]
fn a_token_that_is_dead_on_arrival_or_soon_after_does_not_flood_the_provider() {
    for lifetime in [TimeDelta::zero(), TimeDelta::seconds(1), TimeDelta::seconds(-60)] {
        let due = due_of(JobKind::RefreshAccess, refreshed(2, Some(noon() + lifetime)), 1);
        assert_eq!(due, noon() + TimeDelta::seconds(5), "{lifetime}");
    }
}

#[test]
fn a_disconnect_closes_everything_and_revokes_the_last_token_set() {
    let event = Event::Disconnected { generation: Generation::new(5), revocation: RevocationPlan::Revoke };
    let consequences = follow(&recorded(9, event, noon()));
    assert_eq!(consequences.close, [Close::All]);
    let payloads: Vec<Payload> = consequences.open.into_iter().map(|job| job.payload).collect();
    assert_eq!(payloads, [Payload::RevokeAccess { generation: Generation::new(4) }]);
}

fn kinds(jobs: &std::collections::BTreeMap<JobId, Job>) -> Vec<JobKind> {
    let mut kinds: Vec<JobKind> = jobs.values().map(|job| job.payload.kind()).collect();
    kinds.sort_unstable();
    kinds
}

#[test]
fn a_burial_leaves_a_letter_and_a_successor_and_a_replay_takes_its_place() {
    let mut jobs = Jobs::default();
    jobs.take_in(&recorded(1, granted(Some(noon() + TimeDelta::hours(1))), noon()));
    assert_eq!(kinds(&jobs.open), [JobKind::RefreshAccess, JobKind::FetchMail]);
    let fetch = jobs.open.values().find(|job| job.payload == Payload::FetchMail).unwrap().clone();
    let buried = Event::JobBuried {
        job: fetch.id,
        payload: Payload::FetchMail,
        attempts: 1,
        reason: JobFailure::RequestRefused,
        alert: true,
    };
    jobs.take_in(&recorded(2, buried, noon()));
    assert_eq!(kinds(&jobs.open), [JobKind::RefreshAccess, JobKind::FetchMail, JobKind::NotifyOwner]);
    assert_eq!(kinds(&jobs.dead), [JobKind::FetchMail]);
    let successor = jobs.open.values().find(|job| job.payload == Payload::FetchMail).unwrap().clone();
    assert_eq!(successor.due_at, noon() + TimeDelta::minutes(5));

    jobs.take_in(&recorded(3, Event::JobReplayed { job: fetch.id, payload: Payload::FetchMail }, noon()));
    assert!(jobs.open.contains_key(&fetch.id) && !jobs.open.contains_key(&successor.id));
    assert!(jobs.dead.is_empty());
}

#[test]
fn a_fault_that_lasts_leaves_one_letter_of_each_single_kind_and_every_letter_of_the_others() {
    let open = |jobs: &Jobs, kind| jobs.open.values().find(|job| job.payload.kind() == kind).unwrap().clone();
    let buried = |job: &Job| Event::JobBuried {
        job: job.id,
        payload: job.payload.clone(),
        attempts: 1,
        reason: JobFailure::Forbidden,
        alert: true,
    };
    let mut jobs = Jobs::default();
    jobs.take_in(&recorded(1, granted(Some(noon() + TimeDelta::hours(1))), noon()));
    let mut newest = None;
    for number in (2..20).step_by(3) {
        for (offset, kind) in (0..).zip([JobKind::FetchMail, JobKind::RefreshAccess, JobKind::NotifyOwner]) {
            let job = open(&jobs, kind);
            jobs.take_in(&recorded(number + offset, buried(&job), noon()));
            if kind == JobKind::FetchMail {
                newest = Some(job.id);
            }
        }
    }
    let of_kind = |kind| jobs.dead.values().filter(move |job| job.payload.kind() == kind);
    assert_eq!(of_kind(JobKind::FetchMail).map(|job| job.id).collect::<Vec<_>>(), Vec::from_iter(newest));
    assert_eq!((of_kind(JobKind::RefreshAccess).count(), of_kind(JobKind::NotifyOwner).count()), (1, 6));
}

#[test]
fn a_single_kind_has_one_open_job_however_often_it_is_opened() {
    let mut jobs = Jobs::default();
    let recovered = Event::AccessRecovered { granted: BTreeSet::from([Capability::Mail]), tell: false };
    for number in 1..4 {
        jobs.take_in(&recorded(number, recovered.clone(), noon()));
    }
    assert_eq!(kinds(&jobs.open), [JobKind::FetchMail]);
}

#[test]
fn a_grant_opens_a_fetch_of_each_thing_it_allows_and_a_recovery_only_of_what_works_again() {
    let both = BTreeSet::from([Capability::Mail, Capability::Calendar]);
    let grant = match granted(None) {
        Event::AccessGranted { attempt, generation, scopes, missing, issued_at, expires_at, refreshable, .. } => {
            Event::AccessGranted {
                attempt,
                generation,
                scopes,
                granted: both,
                missing,
                issued_at,
                expires_at,
                refreshable,
            }
        }
        other => other,
    };
    let mut jobs = Jobs::default();
    jobs.take_in(&recorded(1, grant, noon()));
    assert_eq!(kinds(&jobs.open), [JobKind::RefreshAccess, JobKind::FetchMail, JobKind::FetchCalendar]);
    let before = jobs.open.clone();
    jobs.take_in(&recorded(2, Event::AccessRecovered { granted: [Capability::Calendar].into(), tell: false }, noon()));
    assert_eq!(kinds(&jobs.open), [JobKind::RefreshAccess, JobKind::FetchMail, JobKind::FetchCalendar]);
    let anew: Vec<JobKind> =
        jobs.open.values().filter(|job| !before.contains_key(&job.id)).map(|job| job.payload.kind()).collect();
    assert_eq!(anew, [JobKind::FetchCalendar]);
}

#[test]
fn what_access_does_not_allow_any_more_is_not_fetched_and_the_owner_hears_of_it() {
    let both = BTreeSet::from([Capability::Mail, Capability::Calendar]);
    let mut jobs = Jobs::default();
    jobs.take_in(&recorded(1, granted(None), noon()));
    jobs.take_in(&recorded(2, Event::AccessRecovered { granted: both, tell: false }, noon()));
    let missing = BTreeSet::from([Capability::Calendar]);
    let reduced = Event::AccessReduced {
        scopes: BTreeSet::new(),
        granted: BTreeSet::from([Capability::Mail]),
        missing: missing.clone(),
    };
    jobs.take_in(&recorded(3, reduced, noon()));
    assert_eq!(kinds(&jobs.open), [JobKind::RefreshAccess, JobKind::FetchMail, JobKind::NotifyOwner]);
    let notice = Notice::AccessReduced { missing };
    assert!(jobs.open.values().any(|job| job.payload == Payload::NotifyOwner { notice: notice.clone() }));
}

#[test]
fn an_expiry_closes_what_needs_access_and_tells_the_owner() {
    let mut jobs = Jobs::default();
    jobs.take_in(&recorded(1, granted(None), noon()));
    jobs.take_in(&recorded(2, Event::AccessExpired { reason: ExpiryReason::RefreshRefused }, noon()));
    assert_eq!(kinds(&jobs.open), [JobKind::NotifyOwner]);
    let notify = *jobs.open.keys().next().unwrap();
    let notice = Notice::AccessExpired { reason: ExpiryReason::RefreshRefused };
    jobs.take_in(&recorded(
        3,
        Event::OwnerNotified { job: notify, notice, delivery: Delivery::Sent, over: false },
        noon(),
    ));
    assert!(jobs.open.is_empty());
}

#[test]
fn an_outage_opens_one_notice_where_it_is_to_be_told_and_one_where_it_is_over() {
    let mut jobs = Jobs::default();
    let reason = JobFailure::ProviderUnavailable;
    jobs.take_in(&recorded(1, granted(None), noon()));
    jobs.take_in(&recorded(2, Event::OutageBegan { kind: JobKind::FetchMail, reason, alert: true }, noon()));
    jobs.take_in(&recorded(3, Event::OutageBegan { kind: JobKind::RefreshAccess, reason, alert: false }, noon()));
    assert_eq!(kinds(&jobs.open), [JobKind::RefreshAccess, JobKind::FetchMail, JobKind::NotifyOwner]);
    let of_notice = |jobs: &Jobs| jobs.open.values().find(|job| job.payload.kind() == JobKind::NotifyOwner).cloned();
    let began = of_notice(&jobs).unwrap();
    let notice = Notice::OutageBegan { reason };
    assert_eq!(began.payload, Payload::NotifyOwner { notice: notice.clone() });
    assert_eq!(began.due_at, noon() + TimeDelta::minutes(1), "other accounts of theirs may be concerned too");
    let sent = |job, over| Event::OwnerNotified { job, notice: notice.clone(), delivery: Delivery::Sent, over };
    jobs.take_in(&recorded(4, sent(began.id, false), noon()));
    jobs.take_in(&recorded(5, Event::OutageEnded { kind: JobKind::FetchMail, tell: false }, noon()));
    assert_eq!(kinds(&jobs.open), [JobKind::RefreshAccess, JobKind::FetchMail]);
    jobs.take_in(&recorded(6, Event::OutageEnded { kind: JobKind::RefreshAccess, tell: true }, noon()));
    assert_eq!(of_notice(&jobs).unwrap().payload, Payload::NotifyOwner { notice: Notice::TroubleOver });
    let tells = |tell| {
        let recovered = Event::AccessRecovered { granted: BTreeSet::from([Capability::Mail]), tell };
        follow(&recorded(8, recovered, noon())).open.len()
    };
    assert_eq!((tells(false), tells(true)), (1, 2));
    // A word that came too late closes its job and opens that of the end.
    let late = JobId::new(Uuid::from_u128(77));
    let consequences = follow(&recorded(7, sent(late, true), noon()));
    assert_eq!((consequences.close, consequences.open.len()), (vec![Close::Job(late)], 1));
}
