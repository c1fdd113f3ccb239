//! The way of a job through its table: marked, started, held, lost, taken back, settled, given up and taken up again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::collections::HashSet;

use bellhop_domain::{Capability, Command, FetchMode, IntegrationId, JobFailure, JobId, JobKind, Queue, TenantId};
use bellhop_store::{
    Actor, Context, Dispatched, ExecuteError, JobRow, JobState, LetterFilter, Outcome, Presence, Request, Settlement,
    StartedJob, Store, StoreError,
};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::AssertSqlSafe;
use support::{Database, another_tenant, connected_for, default_tenant, new_command, new_owner, noon};
use uuid::Uuid;

/// A connected account whose mail, and nothing else, is due to be fetched.
struct House {
    database: Database,
    store: Store,
    tenant: TenantId,
    integration: IntegrationId,
    presence: Presence,
}

impl House {
    async fn open() -> Self {
        let database = Database::create().await;
        let store = database.store();
        let tenant = default_tenant(&store).await;
        let owner = new_owner(&database, tenant).await;
        let integration = connected_for(&store, tenant, owner, noon(), [Capability::Mail].into()).await;
        Self { database, store, tenant, integration, presence: Presence::new(Uuid::new_v4()) }
    }

    async fn another_account(&self, tenant: TenantId) -> IntegrationId {
        let owner = new_owner(&self.database, tenant).await;
        connected_for(&self.store, tenant, owner, noon(), [Capability::Mail].into()).await
    }

    async fn close(self) {
        // A database with sessions of another role in it cannot be dropped.
        self.store.pool().close().await;
        self.database.drop().await;
    }

    /// Changes rows behind the store's back, as only the passing of Postgres's time would.
    async fn meddle(&self, sql: &str) {
        let mut owner = self.database.owner().await;
        let tenants: Vec<Uuid> = self.store.tenants().await.unwrap().into_iter().map(TenantId::uuid).collect();
        sqlx::query("select set_config('app.tenants', $1::uuid[]::text, false)")
            .bind(tenants)
            .execute(&mut owner)
            .await
            .unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut owner).await.unwrap();
    }

    async fn let_dispatches_grow_old(&self) {
        self.meddle("update jobs set dispatched_at = dispatched_at - interval '11 seconds' where dispatch is not null")
            .await;
    }

    async fn let_leases_run_out(&self) {
        self.meddle("update jobs set leased_until = now() - interval '1 second' where lease is not null").await;
    }

    /// As if nobody had renewed for longer than anybody ever does who lives.
    async fn let_runs_fall_silent(&self) {
        self.meddle("update jobs set leased_until = now() + interval '21 seconds' where lease is not null").await;
    }

    /// Until Postgres has run for so long that everybody who lives has shown it.
    async fn presence_counts(&self) {
        let sql = "select pg_postmaster_start_time() < now() - interval '15 seconds'";
        while !sqlx::query_scalar::<_, bool>(sql).fetch_one(self.store.pool()).await.unwrap() {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }

    async fn dispatch(&self) -> Vec<Dispatched> {
        self.store.dispatch(Queue::Fetch, noon(), 100).await.unwrap()
    }

    async fn start(&self, dispatched: Dispatched) -> Option<StartedJob> {
        self.store.start(dispatched.tenant, dispatched.job, dispatched.dispatch, self.presence, noon()).await.unwrap()
    }

    /// A run of the one job that is due.
    async fn running(&self) -> StartedJob {
        let dispatched = self.dispatch().await;
        assert_eq!(dispatched.len(), 1);
        self.start(dispatched[0]).await.expect("a fresh dispatch starts")
    }

    async fn row(&self, job: JobId) -> JobRow {
        self.store.job(job).await.unwrap().expect("the row is kept")
    }

    async fn settle(&self, run: &StartedJob, outcome: Outcome, command: Option<Command>) -> Result<(), StoreError> {
        self.settle_at(run, outcome, command, noon()).await
    }

    async fn settle_at(
        &self,
        run: &StartedJob,
        outcome: Outcome,
        command: Option<Command>,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let request = Request {
            context: Context::new(run.tenant, Actor::Job(run.job), new_command()),
            at,
            commands: command.into_iter().map(|command| (run.integration, command)).collect(),
            settlement: Some(Settlement { integration: run.integration, job: run.job, lease: run.lease, outcome }),
            changes: vec![],
            needs_events: false,
            intent: None,
        };
        match self.store.execute(&request).await {
            Ok(_) => Ok(()),
            Err(ExecuteError::Store(error)) => Err(error),
            Err(ExecuteError::Refused(refusal)) => panic!("refused: {refusal}"),
        }
    }

    async fn bury(&self, run: &StartedJob, reason: JobFailure) {
        let (job, payload) = (run.job, run.payload.clone());
        let command = Command::BuryJob { job, payload, attempts: run.attempt, reason };
        self.settle(run, Outcome::Bury { reason }, Some(command)).await.unwrap();
    }

    async fn operate(&self, command: Command) -> Result<usize, ExecuteError> {
        let context = Context::new(self.tenant, Actor::Operator, new_command());
        let request = Request::new(context, noon(), self.integration, command);
        Ok(self.store.execute(&request).await?.events.len())
    }

    fn every_letter(&self) -> LetterFilter {
        LetterFilter { tenants: vec![self.tenant], ..LetterFilter::default() }
    }
}

#[tokio::test]
async fn a_job_that_went_out_is_not_sent_again_for_ten_seconds_and_then_only_the_new_sending_starts_it() {
    let house = House::open().await;
    let first = house.dispatch().await;
    assert_eq!(first.len(), 1);
    assert_eq!(house.dispatch().await, []);
    house.let_dispatches_grow_old().await;
    let second = house.dispatch().await;
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].job, first[0].job);
    assert_eq!(house.start(first[0]).await, None, "an old dispatch starts nothing");
    let run = house.start(second[0]).await.expect("the new one does");
    assert_eq!((run.integration, run.payload.kind(), run.attempt), (house.integration, JobKind::FetchMail, 1));
    assert_eq!(house.start(second[0]).await, None, "and only once");
    house.let_dispatches_grow_old().await;
    assert_eq!(house.dispatch().await, [], "what runs is not sent");
    house.close().await;
}

#[tokio::test]
async fn relays_that_look_at_the_same_time_send_each_job_once() {
    let house = House::open().await;
    let other = another_tenant(&house.database, "other").await;
    for index in 0..12 {
        house.another_account(if index % 2 == 0 { house.tenant } else { other }).await;
    }
    let looks = (0..6).map(|_| {
        let store = house.store.clone();
        tokio::spawn(async move { store.dispatch(Queue::Fetch, noon(), 100).await.unwrap() })
    });
    let mut sent = vec![];
    for look in looks.collect::<Vec<_>>() {
        sent.extend(look.await.unwrap());
    }
    // Whoever was passed over by everybody is found by the next look.
    sent.extend(house.dispatch().await);
    let jobs: HashSet<JobId> = sent.iter().map(|sent| sent.job).collect();
    assert_eq!((sent.len(), jobs.len()), (13, 13));
    assert_eq!(sent.iter().map(|sent| sent.tenant).collect::<HashSet<_>>(), [house.tenant, other].into());
    house.close().await;
}

#[tokio::test]
async fn the_longest_due_go_first_and_no_more_than_there_is_room_for() {
    let house = House::open().await;
    let later = house.another_account(house.tenant).await;
    house.meddle(&format!("update jobs set due_at = due_at - interval '1 hour' where integration = '{later}'")).await;
    let sent = house.store.dispatch(Queue::Fetch, noon(), 1).await.unwrap();
    assert_eq!(sent.len(), 1);
    assert_eq!(house.row(sent[0].job).await.integration, later);
    house.close().await;
}

#[tokio::test]
async fn a_job_is_started_neither_before_it_is_due_nor_by_another_tenant() {
    let house = House::open().await;
    let sent = house.dispatch().await[0];
    let store = &house.store;
    let early = noon() - TimeDelta::seconds(1);
    assert_eq!(store.start(sent.tenant, sent.job, sent.dispatch, house.presence, early).await.unwrap(), None);
    let stranger = another_tenant(&house.database, "stranger").await;
    assert_eq!(store.start(stranger, sent.job, sent.dispatch, house.presence, noon()).await.unwrap(), None);
    assert!(house.start(sent).await.is_some());
    house.close().await;
}

#[tokio::test]
async fn a_run_that_lost_its_lease_writes_nothing_any_more() {
    let house = House::open().await;
    let zombie = house.running().await;
    assert!(house.store.renew_lease(zombie.tenant, zombie.job, zombie.lease).await.unwrap());
    assert_eq!(house.store.reconcile_lapsed(10).await.unwrap().released, [], "a live lease is left alone");
    house.let_leases_run_out().await;
    let reconciled = house.store.reconcile_lapsed(10).await.unwrap();
    assert_eq!(
        (reconciled.released.as_slice(), reconciled.poisoned.as_slice()),
        ([zombie.job].as_slice(), [].as_slice())
    );
    let heir = house.running().await;
    assert_eq!((heir.job, heir.attempt), (zombie.job, 1), "a crash is no failed attempt");

    assert!(!house.store.renew_lease(zombie.tenant, zombie.job, zombie.lease).await.unwrap());
    assert!(!house.store.hand_back(zombie.tenant, zombie.job, zombie.lease).await.unwrap());
    let found =
        Command::RecordMail { mode: FetchMode::Full, added: 1, updated: 0, removed: 0, cursor: "zombie".to_owned() };
    for outcome in [Outcome::Underway, Outcome::Done, Outcome::Again { due_at: noon() }] {
        let settled = house.settle(&zombie, outcome, Some(found.clone())).await;
        assert!(matches!(settled, Err(StoreError::LeaseLost)), "{outcome:?}");
    }
    let events = house.store.stream(house.tenant, house.integration).await.unwrap();
    assert!(events.iter().all(|recorded| recorded.event.name() != "MailFetched"));
    house.settle(&heir, Outcome::Again { due_at: noon() }, Some(found)).await.unwrap();
    house.close().await;
}

#[tokio::test]
async fn a_run_whose_process_is_gone_is_taken_back_before_its_lease_runs_out() {
    let house = House::open().await;
    house.presence_counts().await;
    let shown = house.store.show_presence(house.presence).await.unwrap().expect("nobody else goes by this number");
    let run = house.running().await;
    house.let_runs_fall_silent().await;
    assert_eq!(house.store.reconcile_lapsed(10).await.unwrap().released, [], "the process is there");
    assert!(house.store.show_presence(house.presence).await.unwrap().is_none(), "it is shown already");
    shown.leave().await;
    assert_eq!(house.store.reconcile_lapsed(10).await.unwrap().released, [run.job]);
    assert_eq!(house.row(run.job).await.crashes, 1);
    assert!(!house.store.renew_lease(run.tenant, run.job, run.lease).await.unwrap());
    house.close().await;
}

#[tokio::test]
async fn whoever_renews_keeps_a_run_though_its_process_cannot_be_seen() {
    let house = House::open().await;
    house.presence_counts().await;
    let run = house.running().await;
    assert_eq!(house.store.reconcile_lapsed(10).await.unwrap().released, [], "it has just begun");
    house.let_runs_fall_silent().await;
    assert!(house.store.renew_lease(run.tenant, run.job, run.lease).await.unwrap());
    assert_eq!(house.store.reconcile_lapsed(10).await.unwrap().released, []);
    house.let_runs_fall_silent().await;
    assert_eq!(house.store.reconcile_lapsed(10).await.unwrap().released, [run.job]);
    house.close().await;
}

#[tokio::test]
async fn three_crashes_in_a_row_make_a_job_poison_and_it_is_held_until_it_is_buried() {
    let house = House::open().await;
    for crashes in 1..3 {
        let run = house.running().await;
        house.let_leases_run_out().await;
        assert_eq!(house.store.reconcile_lapsed(10).await.unwrap().released, [run.job]);
        assert_eq!(house.row(run.job).await.crashes, crashes);
    }
    let run = house.running().await;
    house.let_leases_run_out().await;
    let reconciled = house.store.reconcile_lapsed(10).await.unwrap();
    assert_eq!(reconciled.released, []);
    let [held] = reconciled.poisoned.as_slice() else { panic!("it is poison") };
    assert_eq!(held.job, run.job);
    assert_ne!(held.lease, run.lease, "the crashed run cannot settle it");
    assert_eq!(house.dispatch().await, [], "nobody starts it a fourth time");

    // Whoever was to bury it died too: it comes back.
    house.let_leases_run_out().await;
    let reconciled = house.store.reconcile_lapsed(10).await.unwrap();
    let [held] = reconciled.poisoned.as_slice() else { panic!("it is still poison") };
    house.bury(held, JobFailure::Poison).await;
    let row = house.row(run.job).await;
    assert_eq!((row.state, row.reason), (JobState::Dead, Some(JobFailure::Poison)));
    house.close().await;
}

#[tokio::test]
async fn a_fault_that_lasts_leaves_one_letter() {
    let house = House::open().await;
    let mut letters = vec![];
    for _ in 0..3 {
        let run = house.running().await;
        house.bury(&run, JobFailure::Forbidden).await;
        letters.push(run.job);
        house.meddle("update jobs set due_at = due_at - interval '5 minutes' where kind = 'fetch_mail'").await;
    }
    let kept = house.store.dead_letters(&house.every_letter(), 100).await.unwrap();
    assert_eq!(kept.iter().map(|letter| letter.job).collect::<Vec<_>>(), [letters[2]]);
    assert_eq!(house.row(letters[0]).await.state, JobState::Done);
    house.close().await;
}

#[tokio::test]
async fn a_run_that_ends_well_forgets_earlier_crashes() {
    let house = House::open().await;
    for _ in 0..4 {
        let run = house.running().await;
        house.let_leases_run_out().await;
        assert_eq!(house.store.reconcile_lapsed(10).await.unwrap().released, [run.job]);
        let run = house.running().await;
        house.settle(&run, Outcome::Wait { due_at: noon() }, None).await.unwrap();
    }
    house.close().await;
}

#[tokio::test]
async fn a_job_handed_back_is_due_at_once_and_counts_no_crash() {
    let house = House::open().await;
    let run = house.running().await;
    assert!(house.store.hand_back(run.tenant, run.job, run.lease).await.unwrap());
    assert_eq!(house.row(run.job).await.crashes, 0);
    assert!(matches!(house.settle(&run, Outcome::Done, None).await, Err(StoreError::LeaseLost)));
    let again = house.running().await;
    assert_eq!((again.job, again.attempt), (run.job, 1));
    house.close().await;
}

#[tokio::test]
async fn asking_for_sooner_never_means_later() {
    let house = House::open().await;
    let run = house.running().await;
    let rest = noon() + TimeDelta::seconds(300);
    house.settle(&run, Outcome::Again { due_at: rest }, None).await.unwrap();
    assert_eq!(house.row(run.job).await.due_at, rest);
    let ask = |at| house.store.request_sooner(house.tenant, house.integration, JobKind::FetchMail, at);
    assert!(ask(rest + TimeDelta::hours(1)).await.unwrap());
    assert_eq!(house.row(run.job).await.due_at, rest);
    assert!(ask(noon()).await.unwrap());
    assert_eq!(house.row(run.job).await.due_at, noon());
    let stranger = another_tenant(&house.database, "stranger").await;
    assert!(!house.store.request_sooner(stranger, house.integration, JobKind::FetchMail, noon()).await.unwrap());
    house.close().await;
}

#[tokio::test]
async fn a_request_made_during_a_run_is_not_postponed_by_its_end_and_one_made_before_it_is_used_up() {
    let house = House::open().await;
    let ask = |at| house.store.request_sooner(house.tenant, house.integration, JobKind::FetchMail, at);
    ask(noon()).await.unwrap();
    let run = house.running().await;
    let rest = noon() + TimeDelta::seconds(300);
    house.settle(&run, Outcome::Again { due_at: rest }, None).await.unwrap();
    assert_eq!(house.row(run.job).await.due_at, rest, "the run that followed has answered the request");

    ask(noon()).await.unwrap();
    let run = house.running().await;
    ask(noon()).await.unwrap();
    let end = noon() + TimeDelta::seconds(7);
    house.settle_at(&run, Outcome::Again { due_at: rest }, None, end).await.unwrap();
    assert_eq!(house.row(run.job).await.due_at, end, "it is due again as soon as the run ends");
    house.close().await;
}

#[tokio::test]
async fn asking_for_sooner_shortens_neither_a_wait_nor_the_pause_after_a_failure() {
    let house = House::open().await;
    let ask = |at| house.store.request_sooner(house.tenant, house.integration, JobKind::FetchMail, at);
    let end = noon() + TimeDelta::hours(1);
    for outcome in
        [Outcome::Wait { due_at: end }, Outcome::Retry { due_at: end, reason: JobFailure::ProviderUnavailable }]
    {
        let run = house.running().await;
        house.settle(&run, outcome, None).await.unwrap();
        for asked in [noon(), noon() + TimeDelta::minutes(59), end + TimeDelta::hours(1)] {
            assert!(ask(asked).await.unwrap());
            assert_eq!(house.row(run.job).await.due_at, end, "{outcome:?}");
        }
        assert_eq!(house.dispatch().await, []);
        house.meddle("update jobs set due_at = due_at - interval '1 hour' where kind = 'fetch_mail'").await;
    }
    let run = house.running().await;
    house.settle(&run, Outcome::Again { due_at: end }, None).await.unwrap();
    ask(noon()).await.unwrap();
    assert_eq!(house.row(run.job).await.due_at, noon(), "a run that ended well holds nobody up");

    let run = house.running().await;
    house.settle(&run, Outcome::Wait { due_at: end }, None).await.unwrap();
    house.meddle("update jobs set due_at = due_at - interval '1 hour' where kind = 'fetch_mail'").await;
    let run = house.running().await;
    house.bury(&run, JobFailure::RequestRefused).await;
    house.operate(Command::ReplayJob { job: run.job }).await.unwrap();
    ask(noon()).await.unwrap();
    assert_eq!(house.row(run.job).await.due_at, noon(), "nor does a replay");
    house.close().await;
}

#[tokio::test]
async fn jobs_of_a_newer_release_stand_in_nobodys_way() {
    let house = House::open().await;
    let (unknown, unreadable) = (house.another_account(house.tenant).await, house.another_account(house.tenant).await);
    house
        .meddle(&format!(
            "update jobs set kind = 'fetch_stars', due_at = due_at - interval '2 hours'
             where kind = 'fetch_mail' and integration = '{unknown}';
             update jobs set payload = '{{\"kind\": \"fetch_stars\"}}', due_at = due_at - interval '1 hour'
             where kind = 'fetch_mail' and integration = '{unreadable}'"
        ))
        .await;
    let look = || house.store.start_direct(Queue::Fetch, house.presence, noon(), 1);
    assert_eq!(look().await.unwrap(), [], "the first one cannot be read");
    let started = look().await.unwrap();
    assert_eq!(started.iter().map(|run| run.integration).collect::<Vec<_>>(), [house.integration]);
    house.let_dispatches_grow_old().await;
    house.let_leases_run_out().await;
    assert_eq!(house.store.reconcile_lapsed(10).await.unwrap().released, [started[0].job], "nothing else was held");
    let all: Vec<_> = house.store.start_direct(Queue::Fetch, house.presence, noon(), 100).await.unwrap();
    assert_eq!(all.iter().map(|run| run.job).collect::<Vec<_>>(), [started[0].job]);
    let sent = house.dispatch().await;
    assert!(sent.is_empty(), "what is unknown is left to the release that knows it");
    house.close().await;
}

#[tokio::test]
async fn while_the_belt_is_away_due_jobs_are_started_without_it_each_once_and_within_the_slots() {
    let house = House::open().await;
    for _ in 0..5 {
        house.another_account(house.tenant).await;
    }
    let out = house.store.dispatch(Queue::Fetch, noon(), 1).await.unwrap();
    let first = house.store.start_direct(Queue::Fetch, house.presence, noon(), 3).await.unwrap();
    assert_eq!(first.len(), 3);
    let second = house.store.start_direct(Queue::Fetch, house.presence, noon(), 100).await.unwrap();
    assert_eq!(second.len(), 2, "one is on its way over the belt and three are running");
    let jobs: HashSet<JobId> = first.iter().chain(&second).map(|run| run.job).collect();
    assert!(!jobs.contains(&out[0].job));
    house.let_dispatches_grow_old().await;
    let third = house.store.start_direct(Queue::Fetch, house.presence, noon(), 100).await.unwrap();
    assert_eq!(third.iter().map(|run| run.job).collect::<Vec<_>>(), [out[0].job]);
    assert_eq!(house.start(out[0]).await, None, "and then the belt comes too late");
    assert_eq!(
        house.store.start_direct(Queue::Access, house.presence, noon(), 100).await.unwrap(),
        [],
        "nothing is due there yet"
    );
    house.close().await;
}

#[tokio::test]
async fn a_job_that_an_event_closed_is_neither_started_nor_settled() {
    let house = House::open().await;
    let run = house.running().await;
    house.operate(Command::Disconnect { shared_account: true }).await.unwrap();
    assert_eq!(house.row(run.job).await.state, JobState::Done);
    assert!(matches!(house.settle(&run, Outcome::Again { due_at: noon() }, None).await, Err(StoreError::LeaseLost)));
    assert!(!house.store.renew_lease(run.tenant, run.job, run.lease).await.unwrap());
    assert_eq!(house.dispatch().await, []);
    house.close().await;
}

#[tokio::test]
async fn dead_letters_are_counted_by_cause_and_a_replay_gives_all_attempts_again() {
    let house = House::open().await;
    let run = house.running().await;
    house.bury(&run, JobFailure::RequestRefused).await;
    let causes = house.store.causes_of_death(&house.every_letter()).await.unwrap();
    assert_eq!(causes.len(), 1);
    assert_eq!(
        (causes[0].kind, causes[0].reason, causes[0].count),
        (JobKind::FetchMail, JobFailure::RequestRefused, 1)
    );
    let letters = house.store.dead_letters(&house.every_letter(), 10).await.unwrap();
    assert_eq!((letters[0].job, letters[0].attempts, letters[0].lineage), (run.job, 1, 1));
    for other in [
        LetterFilter { kind: Some(JobKind::NotifyOwner), ..house.every_letter() },
        LetterFilter { reason: Some(JobFailure::Poison), ..house.every_letter() },
        LetterFilter { tenants: vec![another_tenant(&house.database, "stranger").await], ..LetterFilter::default() },
    ] {
        assert_eq!(house.store.dead_letters(&other, 10).await.unwrap(), []);
        assert_eq!(house.store.causes_of_death(&other).await.unwrap(), []);
    }

    assert_eq!(house.operate(Command::ReplayJob { job: run.job }).await.unwrap(), 1);
    let row = house.row(run.job).await;
    assert_eq!((row.state, row.attempts, row.lineage, row.reason), (JobState::Open, 0, 2, None));
    let again = house.running().await;
    assert_eq!((again.job, again.attempt), (run.job, 1), "the replayed one runs, not the successor it replaced");
    let refused = house.operate(Command::ReplayJob { job: run.job }).await;
    assert!(matches!(refused, Err(ExecuteError::Refused(_))), "it is no letter any more");
    house.close().await;
}

#[tokio::test]
async fn queues_are_counted() {
    let house = House::open().await;
    let run = house.running().await;
    let counts = house.store.queue_counts(noon()).await.unwrap();
    let of = |queue| *counts.iter().find(|count| count.queue == queue).unwrap();
    assert_eq!((of(Queue::Fetch).open, of(Queue::Fetch).due, of(Queue::Fetch).running), (1, 0, 1));
    assert_eq!((of(Queue::Access).open, of(Queue::Access).due), (1, 0), "a refresh waits for its time");
    assert_eq!(of(Queue::Notify).open, 0);
    house.bury(&run, JobFailure::Forbidden).await;
    let counts = house.store.queue_counts(noon()).await.unwrap();
    assert_eq!(counts.iter().map(|count| count.dead).sum::<i64>(), 1);
    house.close().await;
}

#[tokio::test]
async fn done_jobs_stay_seven_days_and_commands_thirty_and_letters_for_ever() {
    let house = House::open().await;
    let run = house.running().await;
    house.bury(&run, JobFailure::Forbidden).await;
    let other = house.another_account(house.tenant).await;
    let context = Context::new(house.tenant, Actor::Bellhop, new_command());
    let disconnect = Request::new(context, noon(), other, Command::Disconnect { shared_account: true });
    house.store.execute(&disconnect).await.unwrap();

    assert_eq!(house.store.sweep_done_jobs(noon() + TimeDelta::days(7)).await.unwrap(), 0);
    assert_eq!(house.store.sweep_done_jobs(noon() + TimeDelta::days(7) + TimeDelta::seconds(1)).await.unwrap(), 2);
    assert_eq!(house.store.sweep_commands(noon() + TimeDelta::days(30)).await.unwrap(), 0);
    assert!(house.store.execute(&disconnect).await.unwrap().repeated);
    assert!(house.store.sweep_commands(noon() + TimeDelta::days(31)).await.unwrap() > 0);
    assert!(!house.store.execute(&disconnect).await.unwrap().repeated, "forgotten; decided anew, and nothing to do");
    assert_eq!(house.store.sweep_done_jobs(noon() + TimeDelta::days(3650)).await.unwrap(), 0);
    assert_eq!(house.row(run.job).await.state, JobState::Dead);
    house.close().await;
}

#[tokio::test]
async fn one_at_a_time_keeps_house() {
    let house = House::open().await;
    let turn = house.store.take_turn().await.unwrap().expect("nobody has it");
    let another_process = house.database.store();
    assert!(another_process.take_turn().await.unwrap().is_none());
    another_process.pool().close().await;
    drop(turn);
    // The lock goes with the transaction, which ends when its connection is used again.
    for _ in 0..50 {
        if house.store.take_turn().await.unwrap().is_some() {
            house.close().await;
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the turn was never given back");
}

#[tokio::test]
async fn a_tenant_that_queues_ten_thousand_jobs_delays_nobody_else() {
    let house = House::open().await;
    let noisy = house.tenant;
    // Due for an hour, on behalf of the first tenant.
    let flood = format!(
        "insert into jobs (id, tenant, integration, kind, queue, single, payload, state, due_at, opened_by)
         select gen_random_uuid(), '{noisy}', gen_random_uuid(), 'fetch_mail', 'fetch', false,
             '{{\"kind\": \"fetch_mail\"}}', 'open', '2026-01-01T11:00:00Z', gen_random_uuid()
         from generate_series(1, 10000)"
    );
    house.meddle(&flood).await;
    let quiet = another_tenant(&house.database, "quiet").await;
    let other = another_tenant(&house.database, "other").await;
    let (quiet, other) = (house.another_account(quiet).await, house.another_account(other).await);
    let dispatched = house.store.dispatch(Queue::Fetch, noon(), 4).await.unwrap();
    let mut integrations = vec![];
    for marked in &dispatched {
        integrations.push(house.row(marked.job).await.integration);
    }
    assert_eq!(dispatched[0].tenant, noisy, "whoever has waited longest is first");
    assert!(integrations[1..3].contains(&quiet) && integrations[1..3].contains(&other), "then each takes a turn");
    assert_eq!(dispatched[3].tenant, noisy, "and nobody waits for tenants that have nothing due");
    let rest = house.store.dispatch(Queue::Fetch, noon(), 50).await.unwrap();
    assert_eq!(rest.len(), 50);
    house.close().await;
}
