//! What commands make happen, as given, when, then.
//!
//! The framework's executor prints and unwraps; it is used as it is meant to be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::BTreeSet;

use bellhop_domain::{
    At, AttemptId, AuthorizationFailure, Capability, Command, Delivery, Event, ExpiryReason, Extent, FetchMode,
    Generation, Grant, Integration, JobFailure, JobId, JobKind, Notice, OwnerId, Payload, Provider, Refreshed, Refusal,
    RevocationOutcome, RevocationPlan, Status,
};
use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::test::TestFramework;
use uuid::Uuid;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_268_800, 0).unwrap()
}

fn given(events: &[Event]) -> cqrs_es::test::AggregateTestExecutor<Integration> {
    TestFramework::<Integration>::with(At(now())).given(events.to_vec())
}

fn attempt(number: u128) -> AttemptId {
    AttemptId::new(Uuid::from_u128(number))
}

fn job(number: u128) -> JobId {
    JobId::new(Uuid::from_u128(number))
}

fn both() -> BTreeSet<Capability> {
    Capability::ALL.into_iter().collect()
}

fn started(number: u128) -> Event {
    Event::AuthorizationStarted {
        owner: OwnerId::new(Uuid::from_u128(7)),
        provider: Provider::Google,
        attempt: attempt(number),
        asked: both(),
    }
}

fn granted(number: u128, generation: i64) -> Event {
    Event::AccessGranted {
        attempt: attempt(number),
        generation: Generation::new(generation),
        scopes: ["mail".to_owned()].into(),
        granted: both(),
        missing: BTreeSet::new(),
        issued_at: now(),
        expires_at: Some(now() + TimeDelta::hours(1)),
        refreshable: true,
    }
}

fn grant(capabilities: BTreeSet<Capability>) -> Grant {
    Grant {
        scopes: ["mail".to_owned()].into(),
        granted: capabilities,
        expires_at: Some(now() + TimeDelta::hours(1)),
        refreshable: true,
    }
}

fn grant_access(number: u128) -> Command {
    Command::GrantAccess { attempt: attempt(number), asked: both(), grant: grant(both()) }
}

fn connected() -> Vec<Event> {
    vec![started(1), granted(1, 1)]
}

fn connected_and(more: &[Event]) -> Vec<Event> {
    [connected(), more.to_vec()].concat()
}

fn refresh(from: i64) -> Command {
    Command::RecordRefresh(Refreshed {
        from: Generation::new(from),
        expires_at: Some(now() + TimeDelta::hours(1)),
        rotated: false,
        extent: None,
    })
}

fn refreshed(generation: i64) -> Event {
    Event::AccessRefreshed {
        generation: Generation::new(generation),
        issued_at: now(),
        expires_at: Some(now() + TimeDelta::hours(1)),
        rotated: false,
    }
}

fn buried(number: u128, payload: Payload, alert: bool) -> Event {
    Event::JobBuried { job: job(number), payload, attempts: 5, reason: JobFailure::ProviderUnavailable, alert }
}

fn refresh_payload(generation: i64) -> Payload {
    Payload::RefreshAccess { generation: Generation::new(generation) }
}

fn recovered() -> Event {
    Event::AccessRecovered { granted: both(), tell: false }
}

fn disconnected(generation: i64, revocation: RevocationPlan) -> Event {
    Event::Disconnected { generation: Generation::new(generation), revocation }
}

#[test]
fn a_grant_takes_the_next_generation_and_says_what_is_missing() {
    given(&[started(1)]).when(grant_access(1)).then_expect_events(vec![granted(1, 1)]);
    let mail = BTreeSet::from([Capability::Mail]);
    given(&[started(1)])
        .when(Command::GrantAccess { attempt: attempt(1), asked: both(), grant: grant(mail.clone()) })
        .then_expect_events(vec![Event::AccessGranted {
            attempt: attempt(1),
            generation: Generation::new(1),
            scopes: ["mail".to_owned()].into(),
            granted: mail,
            missing: BTreeSet::from([Capability::Calendar]),
            issued_at: now(),
            expires_at: Some(now() + TimeDelta::hours(1)),
            refreshable: true,
        }]);
}

#[test]
fn a_grant_without_a_walk_is_refused() {
    given(&[]).when(grant_access(1)).then_expect_error(Refusal::UnknownAttempt);
}

#[test]
fn a_walk_ends_once() {
    let failed = Event::AuthorizationFailed { attempt: attempt(1), reason: AuthorizationFailure::Denied };
    let fail = Command::FailAuthorization { attempt: attempt(1), reason: AuthorizationFailure::Denied };
    given(&[started(1)]).when(fail.clone()).then_expect_events(vec![failed.clone()]);
    given(&[started(1), failed.clone()]).when(fail.clone()).then_expect_events(vec![]);
    let rejected = Event::LinkRejected { attempt: attempt(1) };
    given(&[started(1), rejected]).when(fail.clone()).then_expect_events(vec![]);
    given(&connected()).when(fail).then_expect_events(vec![]);
}

#[test]
fn a_late_refresh_changes_nothing() {
    given(&connected()).when(refresh(1)).then_expect_events(vec![refreshed(2)]);
    given(&connected_and(&[refreshed(2)])).when(refresh(1)).then_expect_events(vec![]);
    given(&connected_and(&[disconnected(2, RevocationPlan::Revoke)])).when(refresh(1)).then_expect_events(vec![]);
}

#[test]
fn a_good_answer_that_comes_after_the_expiry_brings_access_back() {
    let expired = Event::AccessExpired { reason: ExpiryReason::AnswerLost };
    given(&connected_and(&[expired])).when(refresh(1)).then_expect_events(vec![refreshed(2), recovered()]);
}

#[test]
fn access_expires_once_and_only_for_the_current_token_set() {
    let expire = |from| Command::ExpireAccess { from: Generation::new(from), reason: ExpiryReason::RefreshRefused };
    let expired = Event::AccessExpired { reason: ExpiryReason::RefreshRefused };
    given(&connected()).when(expire(1)).then_expect_events(vec![expired.clone()]);
    given(&connected_and(&[expired])).when(expire(1)).then_expect_events(vec![]);
    given(&connected_and(&[refreshed(2)])).when(expire(1)).then_expect_events(vec![]);
}

#[test]
fn a_refused_client_is_a_fault_of_ours_that_ends_with_the_next_refresh() {
    let failed = Event::RefreshFailed { reason: JobFailure::InvalidClient };
    given(&connected_and(&[failed])).when(refresh(1)).then_expect_events(vec![refreshed(2), recovered()]);
    let passing = Event::RefreshFailed { reason: JobFailure::ProviderTimeout };
    given(&connected_and(&[passing])).when(refresh(1)).then_expect_events(vec![refreshed(2)]);
}

#[test]
fn a_fetch_that_found_nothing_says_nothing_unless_it_ends_trouble() {
    let fetch = |added| Command::RecordMail {
        mode: FetchMode::Incremental,
        added,
        updated: 0,
        removed: 0,
        cursor: "c".to_owned(),
    };
    let fetched =
        Event::MailFetched { mode: FetchMode::Incremental, added: 2, updated: 0, removed: 0, cursor: "c".to_owned() };
    given(&connected()).when(fetch(0)).then_expect_events(vec![]);
    given(&connected()).when(fetch(2)).then_expect_events(vec![fetched.clone()]);
    let trouble = connected_and(&[buried(1, Payload::FetchMail, true)]);
    given(&trouble).when(fetch(0)).then_expect_events(vec![works_again(Capability::Mail)]);
    given(&trouble).when(fetch(2)).then_expect_events(vec![fetched, works_again(Capability::Mail)]);
}

fn works_again(capability: Capability) -> Event {
    Event::AccessRecovered { granted: [capability].into(), tell: false }
}

#[test]
fn a_calendars_news_is_told_by_itself_and_trouble_ends_with_the_last_of_them() {
    let read = |added| Command::RecordCalendar {
        calendar: "k".to_owned(),
        mode: FetchMode::Full,
        added,
        updated: 0,
        removed: 0,
        cursor: "c".to_owned(),
    };
    let news = Event::CalendarFetched {
        calendar: "k".to_owned(),
        mode: FetchMode::Full,
        added: 2,
        updated: 0,
        removed: 0,
        cursor: "c".to_owned(),
    };
    let trouble = connected_and(&[buried(1, Payload::FetchCalendar, true)]);
    given(&trouble).when(read(0)).then_expect_events(vec![]);
    given(&trouble).when(read(2)).then_expect_events(vec![news]);
    given(&trouble).when(Command::EndCalendarFetch).then_expect_events(vec![works_again(Capability::Calendar)]);
    given(&connected()).when(Command::EndCalendarFetch).then_expect_events(vec![]);
}

#[test]
fn one_fetch_that_works_does_not_end_the_trouble_of_the_other() {
    let mail = Command::RecordMail { mode: FetchMode::Full, added: 0, updated: 0, removed: 0, cursor: "c".to_owned() };
    let no_calendar = connected_and(&[buried(1, Payload::FetchCalendar, true)]);
    given(&no_calendar).when(mail.clone()).then_expect_events(vec![]);
    let neither = connected_and(&[buried(1, Payload::FetchCalendar, true), buried(2, Payload::FetchMail, false)]);
    given(&neither).when(mail).then_expect_events(vec![works_again(Capability::Mail)]);
    let again =
        |payload| Command::BuryJob { job: job(3), payload, attempts: 5, reason: JobFailure::ProviderUnavailable };
    let half = connected_and(&[
        buried(1, Payload::FetchCalendar, true),
        buried(2, Payload::FetchMail, false),
        works_again(Capability::Mail),
    ]);
    let no_word = vec![buried(3, Payload::FetchMail, false)];
    given(&half).when(again(Payload::FetchMail)).then_expect_events(no_word);
    // The person was told of the mail, which works again; of the calendar they have not heard.
    let other_half = connected_and(&[
        buried(1, Payload::FetchMail, true),
        buried(2, Payload::FetchCalendar, false),
        works_again(Capability::Mail),
    ]);
    let a_word = vec![buried(3, Payload::FetchCalendar, true)];
    given(&other_half).when(again(Payload::FetchCalendar)).then_expect_events(a_word);
}

#[test]
fn the_owner_is_told_once_per_trouble() {
    let bury = |number| Command::BuryJob {
        job: job(number),
        payload: Payload::FetchMail,
        attempts: 5,
        reason: JobFailure::ProviderUnavailable,
    };
    given(&connected()).when(bury(1)).then_expect_events(vec![buried(1, Payload::FetchMail, true)]);
    let once = connected_and(&[buried(1, Payload::FetchMail, true)]);
    given(&once).when(bury(2)).then_expect_events(vec![buried(2, Payload::FetchMail, false)]);
    given(&once).when(bury(1)).then_expect_events(vec![]);
    let over = connected_and(&[buried(1, Payload::FetchMail, true), recovered()]);
    given(&over).when(bury(2)).then_expect_events(vec![buried(2, Payload::FetchMail, true)]);
}

#[test]
fn a_replay_happens_once_and_not_where_the_work_has_been_done() {
    let replay = Command::ReplayJob { job: job(1) };
    let dead = connected_and(&[buried(1, refresh_payload(1), true)]);
    let replayed = Event::JobReplayed { job: job(1), payload: refresh_payload(1) };
    given(&dead).when(replay.clone()).then_expect_events(vec![replayed.clone()]);
    given(&[dead.clone(), vec![replayed]].concat()).when(replay.clone()).then_expect_error(Refusal::NoSuchDeadLetter);
    given(&[dead, vec![refreshed(2), recovered()]].concat())
        .when(replay)
        .then_expect_events(vec![Event::JobDiscarded { job: job(1), kind: JobKind::RefreshAccess, superseded: true }]);
}

#[test]
fn a_disconnect_takes_a_generation_and_happens_once() {
    let disconnect = Command::Disconnect { shared_account: false };
    given(&connected()).when(disconnect.clone()).then_expect_events(vec![disconnected(2, RevocationPlan::Revoke)]);
    given(&connected())
        .when(Command::Disconnect { shared_account: true })
        .then_expect_events(vec![disconnected(2, RevocationPlan::SharedAccount)]);
    given(&[started(1)]).when(disconnect.clone()).then_expect_events(vec![disconnected(1, RevocationPlan::Nothing)]);
    given(&connected_and(&[disconnected(2, RevocationPlan::Revoke)])).when(disconnect).then_expect_events(vec![]);
}

#[test]
fn erasing_waits_for_the_disconnect_and_the_revocation() {
    let gone = disconnected(2, RevocationPlan::Revoke);
    let erased = Event::Erased { generation: Generation::new(3) };
    given(&[]).when(Command::Erase).then_expect_error(Refusal::NotFound);
    given(&connected()).when(Command::Erase).then_expect_error(Refusal::StillConnected);
    given(&connected_and(std::slice::from_ref(&gone))).when(Command::Erase).then_expect_error(Refusal::RevocationOpen);
    let revoked = Event::AccessRevoked { job: job(1), outcome: RevocationOutcome::Revoked };
    given(&connected_and(&[gone.clone(), revoked])).when(Command::Erase).then_expect_events(vec![erased.clone()]);
    let revoke = Payload::RevokeAccess { generation: Generation::new(1) };
    given(&connected_and(&[gone.clone(), buried(1, revoke, true)]))
        .when(Command::Erase)
        .then_expect_events(vec![erased.clone()]);
    given(&connected_and(&[gone, erased])).when(Command::Erase).then_expect_events(vec![]);
}

#[test]
fn nothing_starts_on_what_has_ended() {
    let gone = connected_and(&[disconnected(2, RevocationPlan::Nothing)]);
    given(&gone).when(grant_access(2)).then_expect_error(Refusal::Disconnected);
    let erased = [gone, vec![Event::Erased { generation: Generation::new(3) }]].concat();
    given(&erased).when(grant_access(2)).then_expect_error(Refusal::Erased);
}

#[test]
fn a_revocation_that_fails_is_told_even_after_earlier_trouble() {
    let trouble = connected_and(&[buried(1, Payload::FetchMail, true), disconnected(2, RevocationPlan::Revoke)]);
    let payload = Payload::RevokeAccess { generation: Generation::new(1) };
    let bury = Command::BuryJob {
        job: job(2),
        payload: payload.clone(),
        attempts: 5,
        reason: JobFailure::ProviderUnavailable,
    };
    given(&trouble).when(bury).then_expect_events(vec![buried(2, payload, true)]);
}

#[test]
fn a_strangers_code_is_remembered_even_after_a_newer_walk_has_begun() {
    let reject = Command::RejectLink { attempt: attempt(1) };
    let rejected = Event::LinkRejected { attempt: attempt(1) };
    given(&[started(1), started(2)]).when(reject.clone()).then_expect_events(vec![rejected.clone()]);
    given(&[started(1), started(2), rejected]).when(reject).then_expect_events(vec![]);
}

/// Connected with the scopes of both, of which those of the calendar are gone.
fn without_calendar() -> Event {
    Event::AccessReduced {
        scopes: ["mail".to_owned()].into(),
        granted: [Capability::Mail].into(),
        missing: [Capability::Calendar].into(),
    }
}

fn no_calendar() -> Command {
    Command::ReduceAccess { lost: Capability::Calendar, scopes: ["calendar".to_owned()].into() }
}

fn refresh_to(granted: impl Into<BTreeSet<Capability>>) -> Command {
    Command::RecordRefresh(Refreshed {
        from: Generation::new(1),
        expires_at: Some(now() + TimeDelta::hours(1)),
        rotated: false,
        extent: Some(Extent { scopes: ["mail".to_owned()].into(), granted: granted.into() }),
    })
}

#[test]
fn what_the_tokens_do_not_allow_is_missing_from_then_on_and_said_once() {
    given(&connected()).when(no_calendar()).then_expect_events(vec![without_calendar()]);
    given(&connected_and(&[without_calendar()])).when(no_calendar()).then_expect_events(vec![]);
    // Granted anew it can be lost anew.
    let again = connected_and(&[without_calendar(), started(2), granted(2, 2)]);
    given(&again).when(no_calendar()).then_expect_events(vec![without_calendar()]);
    let neither = Event::AccessReduced { scopes: BTreeSet::new(), granted: BTreeSet::new(), missing: both() };
    let no_mail = Command::ReduceAccess { lost: Capability::Mail, scopes: ["mail".to_owned()].into() };
    given(&connected_and(&[without_calendar()])).when(no_mail).then_expect_events(vec![neither]);
    let gone = connected_and(&[disconnected(2, RevocationPlan::Nothing)]);
    given(&gone).when(no_calendar()).then_expect_error(Refusal::Disconnected);
}

#[test]
fn a_refresh_that_brings_less_says_so_and_one_that_brings_more_takes_nothing() {
    given(&connected()).when(refresh_to(both())).then_expect_events(vec![refreshed(2)]);
    let mail = [Capability::Mail];
    given(&connected()).when(refresh_to(mail)).then_expect_events(vec![refreshed(2), without_calendar()]);
    let degraded = connected_and(&[without_calendar()]);
    given(&degraded).when(refresh_to(mail)).then_expect_events(vec![refreshed(2)]);
    given(&degraded).when(refresh_to(both())).then_expect_events(vec![refreshed(2)]);
    // What works again is what is left.
    let expired = connected_and(&[Event::AccessExpired { reason: ExpiryReason::AnswerLost }]);
    let left = vec![refreshed(2), without_calendar(), works_again(Capability::Mail)];
    given(&expired).when(refresh_to(mail)).then_expect_events(left);
}

#[test]
fn an_account_that_may_do_less_is_degraded_and_its_trouble_with_the_rest_is_over() {
    let mut state = Integration::default();
    for event in connected_and(&[buried(1, Payload::FetchCalendar, true), without_calendar()]) {
        state.take_in(&event);
    }
    assert_eq!(state.status, Status::Degraded);
    assert_eq!((&state.granted, &state.missing), (&[Capability::Mail].into(), &[Capability::Calendar].into()));
    assert!(state.failing.is_empty() && state.told.is_empty());
    // What failed for a reason of its own goes on failing.
    let mut broken = Integration::default();
    let fault = Event::RefreshFailed { reason: JobFailure::InvalidClient };
    for event in connected_and(&[fault, without_calendar()]) {
        broken.take_in(&event);
    }
    assert_eq!(broken.status, Status::Error);
}

#[test]
fn a_letter_about_what_is_not_allowed_any_more_is_not_replayed() {
    let dead = connected_and(&[buried(1, Payload::FetchCalendar, true), without_calendar()]);
    let superseded = Event::JobDiscarded { job: job(1), kind: JobKind::FetchCalendar, superseded: true };
    given(&dead).when(Command::ReplayJob { job: job(1) }).then_expect_events(vec![superseded]);
    let mail = connected_and(&[buried(1, Payload::FetchMail, true), without_calendar()]);
    let replayed = Event::JobReplayed { job: job(1), payload: Payload::FetchMail };
    given(&mail).when(Command::ReplayJob { job: job(1) }).then_expect_events(vec![replayed]);
}

fn outage(kind: JobKind, alert: bool) -> Event {
    Event::OutageBegan { kind, reason: JobFailure::ProviderUnavailable, alert }
}

fn report(kind: JobKind) -> Command {
    Command::ReportOutage { kind, reason: JobFailure::ProviderUnavailable }
}

fn over(kind: JobKind, tell: bool) -> Event {
    Event::OutageEnded { kind, tell }
}

fn told(notice: Notice, delivery: Delivery) -> Event {
    Event::OwnerNotified { job: job(9), notice, delivery, over: false }
}

fn told_of_outage() -> Event {
    told(Notice::OutageBegan { reason: JobFailure::ProviderUnavailable }, Delivery::Sent)
}

fn record(notice: Notice, delivery: Delivery) -> Command {
    Command::RecordNotification { job: job(9), notice, delivery }
}

fn quiet_fetch() -> Command {
    Command::RecordMail { mode: FetchMode::Incremental, added: 0, updated: 0, removed: 0, cursor: "c".to_owned() }
}

#[test]
fn an_outage_is_told_once_for_everything_it_stops_and_over_with_the_last_of_it() {
    given(&connected()).when(report(JobKind::FetchMail)).then_expect_events(vec![outage(JobKind::FetchMail, true)]);
    let mail = connected_and(&[outage(JobKind::FetchMail, true), told_of_outage()]);
    given(&mail).when(report(JobKind::FetchMail)).then_expect_events(vec![]);
    given(&mail).when(report(JobKind::FetchCalendar)).then_expect_events(vec![outage(JobKind::FetchCalendar, false)]);
    given(&mail).when(quiet_fetch()).then_expect_events(vec![over(JobKind::FetchMail, true)]);

    let all = [mail, vec![outage(JobKind::FetchCalendar, false), outage(JobKind::RefreshAccess, false)]].concat();
    given(&all).when(quiet_fetch()).then_expect_events(vec![over(JobKind::FetchMail, false)]);
    let half = [all, vec![over(JobKind::FetchMail, false), over(JobKind::FetchCalendar, false)]].concat();
    given(&half).when(quiet_fetch()).then_expect_events(vec![]);
    given(&half).when(refresh(1)).then_expect_events(vec![refreshed(2), over(JobKind::RefreshAccess, true)]);
    // The next outage is told again.
    let ended = [half, vec![refreshed(2), over(JobKind::RefreshAccess, true)]].concat();
    given(&ended).when(report(JobKind::FetchMail)).then_expect_events(vec![outage(JobKind::FetchMail, true)]);
}

#[test]
fn what_nobody_heard_of_ends_without_a_word() {
    let unheard = connected_and(&[outage(JobKind::FetchMail, true)]);
    given(&unheard).when(quiet_fetch()).then_expect_events(vec![over(JobKind::FetchMail, false)]);
    for delivery in [Delivery::NoChat, Delivery::Blocked, Delivery::Outdated] {
        let notice = Notice::OutageBegan { reason: JobFailure::ProviderUnavailable };
        let unreached = [unheard.clone(), vec![told(notice, delivery)]].concat();
        given(&unreached).when(quiet_fetch()).then_expect_events(vec![over(JobKind::FetchMail, false)]);
    }
    // What was heard of an outage that is over counts for none that follows.
    let second = [unheard, vec![told_of_outage(), over(JobKind::FetchMail, true), outage(JobKind::FetchMail, true)]];
    given(&second.concat()).when(quiet_fetch()).then_expect_events(vec![over(JobKind::FetchMail, false)]);
}

#[test]
fn a_word_of_trouble_that_came_too_late_is_followed_by_one_of_its_end() {
    let notice = Notice::OutageBegan { reason: JobFailure::ProviderUnavailable };
    let late = connected_and(&[outage(JobKind::FetchMail, true), over(JobKind::FetchMail, false)]);
    let followed = |over| {
        let notice = notice.clone();
        vec![Event::OwnerNotified { job: job(9), notice, delivery: Delivery::Sent, over }]
    };
    given(&late).when(record(notice.clone(), Delivery::Sent)).then_expect_events(followed(true));
    let not_sent = vec![told(notice.clone(), Delivery::Outdated)];
    given(&late).when(record(notice.clone(), Delivery::Outdated)).then_expect_events(not_sent);
    let in_time = connected_and(&[outage(JobKind::FetchMail, true)]);
    given(&in_time).when(record(notice.clone(), Delivery::Sent)).then_expect_events(followed(false));
    let over = vec![told(Notice::TroubleOver, Delivery::Sent)];
    given(&late).when(record(Notice::TroubleOver, Delivery::Sent)).then_expect_events(over);
}

#[test]
fn a_burial_that_was_heard_of_ends_with_a_word() {
    let notice = Notice::JobBuried { kind: JobKind::FetchMail, reason: JobFailure::ProviderUnavailable };
    let heard = connected_and(&[buried(1, Payload::FetchMail, true), told(notice, Delivery::Sent)]);
    let recovered = Event::AccessRecovered { granted: [Capability::Mail].into(), tell: true };
    given(&heard).when(quiet_fetch()).then_expect_events(vec![recovered]);
    // Whoever has reconnected knows.
    let held = vec![outage(JobKind::FetchCalendar, false), started(2), granted(2, 2)];
    let reconnected = [heard, held].concat();
    given(&reconnected).when(quiet_fetch()).then_expect_events(vec![]);
    given(&reconnected).when(Command::EndCalendarFetch).then_expect_events(vec![]);
    given(&reconnected).when(report(JobKind::FetchMail)).then_expect_events(vec![outage(JobKind::FetchMail, true)]);
}

#[test]
fn another_failure_of_what_was_held_back_is_told_anew() {
    let bury =
        |payload| Command::BuryJob { job: job(1), payload, attempts: 5, reason: JobFailure::ProviderUnavailable };
    let mail = connected_and(&[outage(JobKind::FetchMail, true), told_of_outage()]);
    let of_mail = vec![buried(1, Payload::FetchMail, true)];
    given(&mail).when(bury(Payload::FetchMail)).then_expect_events(of_mail);
    let of_calendar = vec![buried(1, Payload::FetchCalendar, false)];
    given(&mail).when(bury(Payload::FetchCalendar)).then_expect_events(of_calendar);
}

#[test]
fn nothing_is_held_back_of_what_has_ended() {
    for ended in
        [Event::AccessExpired { reason: ExpiryReason::RefreshRefused }, disconnected(2, RevocationPlan::Revoke)]
    {
        given(&connected_and(&[ended])).when(report(JobKind::FetchMail)).then_expect_events(vec![]);
    }
    given(&connected()).when(report(JobKind::RevokeAccess)).then_expect_events(vec![]);
    // What waited ended with the access: a late answer that brings it back ends all of it.
    let expired = Event::AccessExpired { reason: ExpiryReason::AnswerLost };
    let notice = Notice::AccessExpired { reason: ExpiryReason::AnswerLost };
    let late = connected_and(&[outage(JobKind::FetchMail, true), expired, told(notice, Delivery::Sent)]);
    let recovered = Event::AccessRecovered { granted: both(), tell: true };
    given(&late).when(refresh(1)).then_expect_events(vec![refreshed(2), recovered]);
    let mut state = Integration::default();
    let events = [outage(JobKind::FetchCalendar, true), told_of_outage(), without_calendar()];
    for event in connected_and(&events) {
        state.take_in(&event);
    }
    assert!(state.held.is_empty() && !state.heard);
}
