//! Job rows, mended in place.

use bellhop_domain::{JobFailure, JobId, Queue};
use bellhop_store::{Actor, Context, Difference, ExecuteError, Outcome, Presence, Settlement, StartedJob, StoreError};
use chrono::TimeDelta;

use super::*;
use crate::support::new_command;

/// The columns of every row but those of this kind.
const OTHERS: &str = "select * from jobs where kind <> 'fetch_mail' order by id";

impl House {
    async fn job_of(&self, integration: IntegrationId, kind: &str) -> Value {
        let sql = format!("select * from jobs where integration = '{integration}' and kind = '{kind}'");
        let rows = self.rows(&sql).await;
        assert_eq!(rows.len(), 1, "{kind}");
        rows[0].clone()
    }

    /// Runs of everything due in a queue.
    async fn runs(&self, queue: Queue) -> Vec<StartedJob> {
        self.store.start_direct(queue, Presence::new(Uuid::new_v4()), noon(), 100).await.unwrap()
    }

    async fn settle(&self, run: &StartedJob, outcome: Outcome, command: Command) -> Result<(), StoreError> {
        let request = Request {
            context: Context::new(run.tenant, Actor::Job(run.job), new_command()),
            settlement: Some(Settlement { integration: run.integration, job: run.job, lease: run.lease, outcome }),
            ..Request::new(context(run.tenant), noon(), run.integration, command)
        };
        match self.store.execute(&request).await {
            Ok(_) => Ok(()),
            Err(ExecuteError::Store(error)) => Err(error),
            Err(ExecuteError::Refused(refusal)) => panic!("refused: {refusal}"),
        }
    }

    /// Gives up the fetch of the mail.
    async fn bury(&self) -> StartedJob {
        let runs = self.runs(Queue::Fetch).await;
        let run = runs.into_iter().find(|run| run.payload == bellhop_domain::Payload::FetchMail).unwrap();
        let reason = JobFailure::RequestRefused;
        let command = Command::BuryJob { job: run.job, payload: run.payload.clone(), attempts: 4, reason };
        self.settle(&run, Outcome::Bury { reason }, command).await.unwrap();
        run
    }

    async fn difference(&self) -> Option<String> {
        match self.store.verify_jobs(self.tenant).await.unwrap() {
            Err(Difference::Jobs(words)) => Some(words),
            Ok(_) => None,
            Err(other) => panic!("{other}"),
        }
    }
}

fn counts(mended: MendedJobs) -> (u64, u64, u64, u64) {
    (mended.opened, mended.closed, mended.corrected, mended.streams)
}

#[tokio::test]
async fn a_missing_job_is_opened_again_and_every_other_keeps_what_the_table_knows_of_it() {
    let house = House::open().await;
    let elsewhere = another_tenant(&house.database, "elsewhere").await;
    let other = house.another_account(elsewhere).await;
    let opened = house.job_of(house.integration, "fetch_mail").await;
    house.runs(Queue::Fetch).await;
    house
        .meddle(
            "update jobs set attempts = 2, crashes = 1, requested = true, reason = 'provider_timeout',
                 due_at = due_at + interval '1 hour', not_before = now()
             where kind <> 'fetch_mail'",
        )
        .await;
    let others = house.rows(OTHERS).await;
    assert_eq!(others.len(), 4);
    assert_eq!(house.meddle("delete from jobs where kind = 'fetch_mail'").await, 2);
    let now = noon() + TimeDelta::hours(3);
    assert_eq!(counts(house.mend(now).await.unwrap()), (2, 0, 0, 2));
    assert_eq!(house.rows(OTHERS).await, others);
    for (integration, tenant) in [(house.integration, house.tenant), (other, elsewhere)] {
        let row = house.job_of(integration, "fetch_mail").await;
        assert_eq!(row["tenant"], tenant.to_string());
        // Long due, and no more so than what is due now.
        assert_eq!(row["due_at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap(), now);
    }
    let row = house.job_of(house.integration, "fetch_mail").await;
    for column in ["id", "integration", "payload", "queue", "single", "opened_by", "attempts", "lineage", "state"] {
        assert_eq!(row[column], opened[column], "{column}");
    }
    house.agrees().await;
    assert_eq!(counts(house.mend(now).await.unwrap()), (0, 0, 0, 0));
    house.close().await;
}

#[tokio::test]
async fn a_missing_job_that_is_not_due_yet_is_due_as_its_event_said() {
    let house = House::open().await;
    let opened = house.job_of(house.integration, "refresh_access").await;
    house.meddle("update jobs set state = 'done', ended_at = now() where kind = 'refresh_access'").await;
    assert!(house.difference().await.unwrap().contains("should be open"));
    assert_eq!(counts(house.mend(noon()).await.unwrap()), (1, 0, 0, 1));
    assert_eq!(house.job_of(house.integration, "refresh_access").await, opened);
    house.close().await;
}

#[tokio::test]
async fn a_surplus_job_is_closed_and_its_run_settles_as_nothing() {
    let house = House::open().await;
    let surplus = Uuid::new_v4();
    // In the place of the right one, as of this kind only one may be open.
    house.meddle("delete from jobs where kind = 'fetch_mail'").await;
    house
        .meddle(&format!(
            "insert into jobs (id, tenant, integration, kind, queue, single, payload, state, due_at, opened_by)
             select '{surplus}', tenant, integration, 'fetch_mail', 'fetch', true, '{{\"kind\": \"fetch_mail\"}}', 'open',
                 due_at, opened_by
             from jobs where kind = 'fetch_calendar'"
        ))
        .await;
    let runs = house.runs(Queue::Fetch).await;
    let run = runs.iter().find(|run| run.job == JobId::new(surplus)).unwrap();
    assert_eq!(counts(house.mend(noon()).await.unwrap()), (1, 1, 0, 1));
    let reason = JobFailure::ProviderTimeout;
    let outcome = Outcome::Retry { due_at: noon(), reason };
    let kind = bellhop_domain::JobKind::FetchMail;
    let settled = house.settle(run, outcome, Command::FailJob { job: run.job, kind, attempt: 1, reason }).await;
    assert!(matches!(settled, Err(StoreError::LeaseLost)), "{settled:?}");
    // The other run of the same account goes on.
    let calendar = house.job_of(house.integration, "fetch_calendar").await;
    assert!(calendar["lease"].is_string());
    assert_eq!(house.rows(&format!("select state from jobs where id = '{surplus}'")).await[0]["state"], "done");
    house.agrees().await;
    house.close().await;
}

#[tokio::test]
async fn a_job_of_no_stream_at_all_is_closed() {
    let house = House::open().await;
    house.meddle("update jobs set integration = gen_random_uuid() where kind = 'fetch_mail'").await;
    house
        .meddle(
            "insert into jobs (id, tenant, integration, kind, queue, single, payload, state, due_at, opened_by)
             select gen_random_uuid(), tenant, gen_random_uuid(), kind, queue, single, payload, state, due_at, opened_by
             from jobs where kind = 'fetch_calendar'",
        )
        .await;
    assert_eq!(counts(house.mend(noon()).await.unwrap()), (0, 1, 1, 1));
    house.agrees().await;
    house.close().await;
}

#[tokio::test]
async fn a_row_that_is_another_job_than_its_id_says_begins_anew() {
    let house = House::open().await;
    let mended = ["kind = 'notify_owner'", "queue = 'notify'", "single = false", "subject = 'else'"];
    let payloads = [r#"payload = '{"kind": "refresh_access", "generation": 7}'"#, "payload = '[]'"];
    for change in mended.into_iter().chain(payloads) {
        let opened = house.job_of(house.integration, "refresh_access").await;
        let id = opened["id"].as_str().unwrap().to_owned();
        house
            .meddle(&format!(
                "update jobs set {change}, attempts = 3, lease = gen_random_uuid(), leased_until = now() where id = '{id}'"
            ))
            .await;
        assert!(house.difference().await.unwrap().contains("not as it was opened"), "{change}");
        assert_eq!(counts(house.mend(noon()).await.unwrap()), (0, 0, 1, 1), "{change}");
        assert_eq!(house.job_of(house.integration, "refresh_access").await, opened, "{change}");
    }
    house.agrees().await;
    house.close().await;
}

#[tokio::test]
async fn a_dead_letter_is_dead_again_and_a_replayed_one_open() {
    let house = House::open().await;
    let run = house.bury().await;
    let letter = format!("select * from jobs where id = '{}'", run.job);
    let dead = house.rows(&letter).await;
    assert_eq!(dead[0]["state"], "dead");
    for change in [
        "update jobs set state = 'done' where state = 'dead'",
        "delete from jobs where state = 'dead'",
        // In the place of the successor.
        "delete from jobs where kind = 'fetch_mail' and state = 'open';
         update jobs set state = 'open', ended_at = null where state = 'dead'",
    ] {
        house.meddle(change).await;
        let mended = house.mend(noon()).await.unwrap();
        assert_eq!((mended.closed, mended.corrected, mended.streams), (0, 0, 1), "{change}");
        let row = &house.rows(&letter).await[0];
        for column in ["state", "payload", "opened_by", "attempts", "lineage", "reason", "ended_at"] {
            let expected = if column == "attempts" { &Value::from(4) } else { &dead[0][column] };
            assert_eq!(&row[column], expected, "{change}: {column}");
        }
        house.agrees().await;
    }
    house.execute(house.integration, Command::ReplayJob { job: run.job }).await;
    let replayed = house.rows(&letter).await;
    assert_eq!((&replayed[0]["state"], &replayed[0]["lineage"]), (&Value::from("open"), &Value::from(2)));
    house.meddle("update jobs set state = 'dead', lineage = 1 where kind = 'fetch_mail' and state = 'open'").await;
    assert_eq!(counts(house.mend(noon()).await.unwrap()), (1, 0, 0, 1));
    assert_eq!(house.rows(&letter).await[0]["lineage"], 2);
    assert_eq!(house.rows(&letter).await[0]["state"], "open");
    house.agrees().await;
    house.close().await;
}

#[tokio::test]
async fn a_job_of_a_kind_that_only_a_newer_release_knows_is_left_to_it() {
    let house = House::open().await;
    house.meddle("delete from jobs where kind = 'fetch_mail'").await;
    house.meddle("update jobs set id = gen_random_uuid(), kind = 'fetch_contacts' where kind = 'fetch_calendar'").await;
    let before = house.rows("select * from jobs order by id").await;
    let error = house.mend(noon()).await.unwrap_err();
    assert!(matches!(error, RebuildError::Stream { integration, .. } if integration == house.integration), "{error}");
    assert_eq!(house.rows("select * from jobs order by id").await, before);
    house.close().await;
}

#[tokio::test]
async fn a_state_row_of_an_older_shape_says_nothing_and_is_no_obstacle() {
    let house = House::open().await;
    house.meddle("update states set shape = 0, state = '{}'; delete from jobs").await;
    assert_eq!(counts(house.mend(noon()).await.unwrap()), (3, 0, 0, 1));
    house.build().await.unwrap();
    house.agrees().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_being_written_is_waited_for() {
    let house = House::open().await;
    house.meddle("delete from jobs where kind = 'fetch_mail'").await;
    // The last thing a unit writes.
    house.set_gate("commands", "true").await;
    let gate = house.shut_gate().await;
    let disconnect = {
        let (store, tenant, integration) = (house.store.clone(), house.tenant, house.integration);
        let command = Command::Disconnect { shared_account: false };
        tokio::spawn(async move {
            store.execute(&Request::new(context(tenant), noon(), integration, command)).await.unwrap();
        })
    };
    house.until_waiting(1, || false).await;
    let mut rebuild = house.rebuild().await;
    let mending = tokio::spawn(async move { rebuild.jobs(noon()).await });
    // The rebuild has read what was committed: the mail is to be fetched. Now nobody fetches anything any more.
    house.until_waiting(2, || mending.is_finished()).await;
    gate.close().await.unwrap();
    disconnect.await.unwrap();
    mending.await.unwrap().unwrap();
    assert_eq!(house.number("select count(*) from jobs where kind = 'fetch_mail' and state = 'open'").await, 0);
    house.agrees().await;
    house.close().await;
}
