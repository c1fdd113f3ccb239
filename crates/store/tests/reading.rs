//! Reading the log loses nothing, however writers overlap; reading by position alone does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bellhop_domain::{Command, TenantId};
use bellhop_store::{LogPosition, Request, Store};
use sqlx::{PgPool, Postgres, Transaction};
use support::{Database, connected, context, default_tenant, new_owner, noon};
use uuid::Uuid;

const WRITERS: usize = 8;
const EVENTS_EACH: usize = 40;

/// How long a reader is waited for before it counts as having lost something.
const PATIENCE: Duration = Duration::from_mins(1);

/// Lets the tallies catch up until they have counted so many events of this type.
async fn tally_until(store: &Store, name: &str, events: i64) {
    let give_up = Instant::now() + PATIENCE;
    while store.tallies().await.unwrap().get(name).copied().unwrap_or(0) < events {
        assert!(Instant::now() < give_up, "{name} was not counted in time");
        store.advance_tallies().await.unwrap();
    }
    store.advance_tallies().await.unwrap();
}

async fn begin(pool: &PgPool, tenant: TenantId) -> Transaction<'static, Postgres> {
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("select set_config('app.tenants', $1, true)")
        .bind(format!("{{{tenant}}}"))
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction
}

/// Takes a transaction id without touching the log, as a unit does that writes its vault rows first.
async fn write_vault_row(transaction: &mut Transaction<'static, Postgres>, tenant: TenantId) {
    sqlx::query("insert into vault (integration, generation, tenant, sealed) values ($1, 1, $2, '')")
        .bind(Uuid::new_v4())
        .bind(tenant.uuid())
        .execute(&mut **transaction)
        .await
        .unwrap();
}

async fn append(transaction: &mut Transaction<'static, Postgres>, tenant: TenantId) -> Uuid {
    let id = Uuid::new_v4();
    sqlx::query(
        "insert into events (tenant, stream, version, event_id, type, schema_version, payload, metadata, time, previous_hash, hash)
         values ($1, $2, 1, $3, 'AccessRecovered', 1, $4, '{}', now(), $5, $5)",
    )
    .bind(tenant.uuid())
    .bind(Uuid::new_v4())
    .bind(id)
    .bind(br#"{"event":"AccessRecovered","granted":[]}"#.as_slice())
    .bind([0_u8; 32].as_slice())
    .execute(&mut **transaction)
    .await
    .unwrap();
    id
}

/// Reads by the pair until told how many there are and nothing is left. Transactions of other tests in the same cluster hold
/// the watermark back too, so that an empty answer alone does not mean the end.
async fn read_by_pair(store: Store, total: Arc<AtomicUsize>) -> Vec<Uuid> {
    let (mut after, mut seen) = (LogPosition::default(), vec![]);
    let give_up = Instant::now() + PATIENCE;
    loop {
        let expected = total.load(Ordering::SeqCst);
        let events = store.read_log(after, 100).await.unwrap();
        if events.is_empty() && ((expected > 0 && seen.len() >= expected) || Instant::now() > give_up) {
            return seen;
        }
        if let Some((reached, _)) = events.last() {
            after = *reached;
        }
        seen.extend(events.into_iter().map(|(_, recorded)| recorded.id.uuid()));
        tokio::task::yield_now().await;
    }
}

/// The control: the same, by position alone.
async fn read_by_position(pool: PgPool, tenant: TenantId, done: Arc<AtomicBool>) -> Vec<Uuid> {
    let (mut after, mut seen) = (0_i64, vec![]);
    loop {
        let finished = done.load(Ordering::SeqCst);
        let mut transaction = begin(&pool, tenant).await;
        let events: Vec<(i64, Uuid)> =
            sqlx::query_as("select position, event_id from events where position > $1 order by position limit 100")
                .bind(after)
                .fetch_all(&mut *transaction)
                .await
                .unwrap();
        if events.is_empty() && finished {
            return seen;
        }
        after = events.last().map_or(after, |(position, _)| *position);
        seen.extend(events.into_iter().map(|(_, id)| id));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_overlapping_writers_lose_the_reader_nothing_and_a_reader_by_position_something() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let pool = store.pool().clone();
    let done = Arc::new(AtomicBool::new(false));
    let total = Arc::new(AtomicUsize::new(0));
    let by_pair = tokio::spawn(read_by_pair(database.store(), Arc::clone(&total)));
    let by_position = tokio::spawn(read_by_position(database.store().pool().clone(), tenant, Arc::clone(&done)));

    // One loss is forced, so that the control fails every time and not only when writers happen to overlap.
    let mut slow = begin(&pool, tenant).await;
    let overtaken = append(&mut slow, tenant).await;
    let mut fast = begin(&pool, tenant).await;
    let mut written = vec![overtaken, append(&mut fast, tenant).await];
    fast.commit().await.unwrap();

    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                let mut written = vec![];
                for _ in 0..EVENTS_EACH {
                    let mut transaction = begin(&pool, tenant).await;
                    write_vault_row(&mut transaction, tenant).await;
                    // Transactions stay open for different lengths of time, before and after they take a position.
                    sqlx::query("select pg_sleep(random() * 0.003)").execute(&mut *transaction).await.unwrap();
                    written.push(append(&mut transaction, tenant).await);
                    sqlx::query("select pg_sleep(random() * 0.003)").execute(&mut *transaction).await.unwrap();
                    transaction.commit().await.unwrap();
                }
                written
            })
        })
        .collect();
    for writer in writers {
        written.extend(writer.await.unwrap());
    }
    slow.commit().await.unwrap();
    done.store(true, Ordering::SeqCst);
    total.store(written.len(), Ordering::SeqCst);

    let written: BTreeSet<Uuid> = written.into_iter().collect();
    let by_pair = by_pair.await.unwrap();
    assert_eq!(by_pair.len(), written.len(), "the reader saw an event twice or missed one");
    assert_eq!(by_pair.into_iter().collect::<BTreeSet<_>>(), written);
    let by_position: BTreeSet<Uuid> = by_position.await.unwrap().into_iter().collect();
    assert!(!by_position.contains(&overtaken), "the control lost nothing: it proves nothing");
    database.drop().await;
}

#[tokio::test]
async fn a_checkpointed_view_counts_every_event_once() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    for round in 1..=3 {
        let integration = connected(&store, tenant, owner, noon()).await;
        let disconnect = Command::Disconnect { shared_account: false };
        store.execute(&Request::new(context(tenant), noon(), integration, disconnect)).await.unwrap();
        tally_until(&store, "Disconnected", round).await;
    }
    let tallies = store.tallies().await.unwrap();
    assert_eq!(tallies.get("AccessGranted"), Some(&3));
    assert_eq!(tallies.get("Disconnected"), Some(&3));
    database.drop().await;
}

#[tokio::test]
async fn an_edited_event_breaks_its_chain_at_its_place() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let integration = connected(&store, tenant, owner, noon()).await;
    assert_eq!(store.verify_chain(tenant, integration).await.unwrap(), Ok(2));
    let mut connection = database.owner().await;
    for (column, value) in [("payload", "'x'"), ("metadata", "'x'"), ("time", "now()"), ("type", "'Erased'")] {
        let edit = format!("update events set {column} = {value} where version = 2 returning stream");
        sqlx::raw_sql("begin").execute(&mut connection).await.unwrap();
        let edited = sqlx::raw_sql(sqlx::AssertSqlSafe(edit)).execute(&mut connection).await.unwrap();
        assert_eq!(edited.rows_affected(), 1);
        sqlx::raw_sql("commit").execute(&mut connection).await.unwrap();
        let broken = store.verify_chain(tenant, integration).await.unwrap().unwrap_err();
        assert_eq!((broken.integration, broken.version), (integration, 2), "{column}");
    }
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_log_that_is_being_written_does_not_look_like_one_that_was_edited() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let integration = connected(&store, tenant, owner, noon()).await;
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..150 {
                let command = Command::FailJob {
                    job: bellhop_domain::JobId::new(Uuid::from_u128(number)),
                    kind: bellhop_domain::JobKind::FetchMail,
                    attempt: 1,
                    reason: bellhop_domain::JobFailure::ProviderTimeout,
                };
                store.execute(&Request::new(context(tenant), noon(), integration, command)).await.unwrap();
            }
        })
    };
    while !writer.is_finished() {
        store.verify_chain(tenant, integration).await.unwrap().unwrap();
        store.verify(tenant).await.unwrap().unwrap();
    }
    writer.await.unwrap();
    assert_eq!(store.verify(tenant).await.unwrap().unwrap().events, 152);
    database.drop().await;
}

#[tokio::test]
async fn an_end_of_the_log_that_was_cut_off_is_noticed() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let integration = connected(&store, tenant, owner, noon()).await;
    let mut connection = database.owner().await;
    sqlx::raw_sql("create policy cut on events for delete using (true); delete from events where version = 2")
        .execute(&mut connection)
        .await
        .unwrap();
    let broken = store.verify_chain(tenant, integration).await.unwrap().unwrap_err();
    assert_eq!((broken.integration, broken.version), (integration, 2));
    database.drop().await;
}

#[tokio::test]
async fn the_serving_role_can_neither_change_nor_delete_events() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    connected(&store, tenant, owner, noon()).await;
    for sql in ["update events set type = 'x'", "delete from events", "truncate events"] {
        let mut transaction = begin(store.pool(), tenant).await;
        let error = sqlx::raw_sql(sql).execute(&mut *transaction).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("42501"), "{sql}");
    }
    database.drop().await;
}

#[tokio::test]
async fn a_log_restored_from_another_cluster_is_refused_until_it_is_rewritten() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let integration = connected(&store, tenant, owner, noon()).await;
    tally_until(&store, "AccessGranted", 1).await;
    assert_eq!(store.role_problem().await.unwrap(), None);
    let mut connection = database.owner().await;
    sqlx::raw_sql("update events set xid = '9000000000'").execute(&mut connection).await.unwrap();
    assert_eq!(store.role_problem().await.unwrap(), Some(bellhop_store::RoleProblem::LogAhead));
    assert_eq!(bellhop_store::rewrite_after_restore(database.owner.clone()).await.unwrap(), 2);
    assert_eq!(store.role_problem().await.unwrap(), None);
    let names: Vec<_> = store.read_log(LogPosition::default(), 10).await.unwrap();
    let names: Vec<&str> = names.iter().map(|(_, recorded)| recorded.event.name()).collect();
    assert_eq!(names, ["AuthorizationStarted", "AccessGranted"]);
    assert_eq!(store.verify_chain(tenant, integration).await.unwrap(), Ok(2));
    tally_until(&store, "AccessGranted", 1).await;
    assert_eq!(store.tallies().await.unwrap().get("AccessGranted"), Some(&1));
    let disconnect = Command::Disconnect { shared_account: false };
    store.execute(&Request::new(context(tenant), noon(), integration, disconnect)).await.unwrap();
    tally_until(&store, "Disconnected", 1).await;
    assert_eq!(store.tallies().await.unwrap().get("Disconnected"), Some(&1));
    database.drop().await;
}
