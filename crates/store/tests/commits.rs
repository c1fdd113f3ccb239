//! All of a unit of work or nothing of it, once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use bellhop_domain::{
    AttemptId, Command, Event, Generation, IntegrationId, JobFailure, JobId, JobKind, Provider, Refreshed,
};
use bellhop_store::{Account, Change, ExecuteError, MailRow, Outcome, Request, Settlement, Store, StoreError};
use chrono::TimeDelta;
use sqlx::{AssertSqlSafe, PgConnection, Row};
use support::{Database, both, connected, context, default_tenant, grant, new_command, new_owner, noon, tokens};
use uuid::Uuid;

/// The whole content of every table, as the owner sees it.
async fn everything(owner: &mut PgConnection) -> BTreeMap<String, String> {
    let tables = sqlx::query(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('public', 'keys')",
    )
    .fetch_all(&mut *owner)
    .await
    .unwrap();
    let mut content = BTreeMap::new();
    for table in tables {
        let table: String = table.get(0);
        let sql = format!("select coalesce(string_agg(t::text, chr(10) order by t::text), '') from {table} t");
        let rows: String = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut *owner).await.unwrap();
        content.insert(table, rows);
    }
    content
}

/// A unit that writes to about every table there is: an account the owner had connected before is granted on its existing
/// integration, and the pending one ends.
async fn rich_request(database: &Database, store: &Store) -> Request {
    let tenant = default_tenant(store).await;
    let owner = new_owner(database, tenant).await;
    let existing = connected(store, tenant, owner, noon()).await;
    let pending = IntegrationId::new(Uuid::new_v4());
    let attempt = AttemptId::new(Uuid::new_v4());
    let (key, wrapped) = store.make_integration_key(tenant, pending).unwrap();
    let existing_key = store.integration_key(tenant, existing).await.unwrap().unwrap();
    let account = Account { email: Some("someone".to_owned().into()), name: None };
    let row = MailRow { message_id: "m".to_owned(), received_at: noon(), sealed: vec![1] };
    store.keep_spare(tenant, existing, Generation::new(1), &tokens("spare", noon())).await.unwrap();
    drop(key);
    Request {
        commands: vec![
            (existing, Command::GrantAccess { attempt, asked: both(), grant: grant(noon()) }),
            (pending, Command::StartAuthorization { owner, provider: Provider::Google, attempt, asked: both() }),
        ],
        changes: vec![
            wrapped,
            store.seal_tokens(tenant, existing, Generation::new(2), &tokens("second", noon())).await.unwrap(),
            Store::seal_account(&existing_key, tenant, existing, &account).unwrap(),
            Change::PutSubject { integration: existing, owner, provider: Provider::Google, subject_hash: [3; 32] },
            Change::PutMail { integration: existing, sync: Uuid::new_v4(), rows: vec![row] },
            Change::PutMailProgress { integration: existing, sealed: vec![1], batches: 1, stored: 1, checked_at: None },
            Change::PutReason {
                integration: existing,
                event: bellhop_domain::EventId::new(Uuid::new_v4()),
                sealed: vec![1],
            },
        ],
        ..Request::new(context(tenant), noon(), existing, Command::Erase)
    }
}

#[tokio::test]
async fn nothing_is_written_when_any_one_statement_or_the_commit_fails() {
    let database = Database::create().await;
    let store = database.store();
    let mut owner = database.owner().await;
    sqlx::raw_sql(
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'injected'; end $$;
         create function refuse_at_commit() returns trigger language plpgsql as $$ begin raise exception 'injected'; end $$;",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let tables: Vec<String> = everything(&mut owner).await.into_keys().filter(|t| !t.contains("sqlx")).collect();
    let mut refused = BTreeSet::new();
    for table in &tables {
        for verb in ["insert", "update", "delete"] {
            let request = rich_request(&database, &store).await;
            let create =
                format!("create trigger refuse before {verb} on {table} for each statement execute function refuse()");
            sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut owner).await.unwrap();
            let before = everything(&mut owner).await;
            let outcome = store.execute(&request).await;
            let after = everything(&mut owner).await;
            sqlx::raw_sql(AssertSqlSafe(format!("drop trigger refuse on {table}"))).execute(&mut owner).await.unwrap();
            if outcome.is_err() {
                assert_eq!(before, after, "{verb} on {table} failed, and something was written all the same");
                refused.insert(format!("{verb} {table}"));
            }
        }
    }
    let expected: BTreeSet<String> = [
        "delete public.refresh_leases",
        "delete public.vault",
        "delete public.vault_spares",
        "insert keys.integration_keys",
        "insert public.accounts",
        "insert public.commands",
        "insert public.event_reasons",
        "insert public.events",
        "insert public.integrations",
        "insert public.jobs",
        "insert public.mail_messages",
        "insert public.mail_syncs",
        "insert public.states",
        "insert public.subjects",
        "insert public.vault",
        "update public.jobs",
        "update public.states",
    ]
    .map(str::to_owned)
    .into();
    // `insert … on conflict do update` fires the update triggers too; what matters is that each statement was refused.
    assert!(expected.is_subset(&refused), "not injected: {:?}", expected.difference(&refused).collect::<Vec<_>>());

    let request = rich_request(&database, &store).await;
    sqlx::raw_sql(
        "create constraint trigger refuse after insert on events deferrable initially deferred
         for each row execute function refuse_at_commit()",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let before = everything(&mut owner).await;
    store.execute(&request).await.unwrap_err();
    assert_eq!(before, everything(&mut owner).await);
    sqlx::raw_sql("drop trigger refuse on events").execute(&mut owner).await.unwrap();
    assert_eq!(store.execute(&request).await.unwrap().events.len(), 2);
    database.drop().await;
}

#[tokio::test]
async fn a_repeated_command_answers_as_the_first_time() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let integration = connected(&store, tenant, owner, noon()).await;
    let disconnect = Command::Disconnect { shared_account: false };
    let request = Request::new(context(tenant), noon(), integration, disconnect);
    let first = store.execute(&request).await.unwrap();
    let again = store.execute(&Request { at: noon() + TimeDelta::hours(1), ..request.clone() }).await.unwrap();
    assert_eq!(first.events, again.events);
    assert!(again.repeated && !first.repeated);
    assert_eq!(store.stream(tenant, integration).await.unwrap().len(), 3);

    let other = Request { commands: vec![(integration, Command::Erase)], ..request };
    assert!(matches!(store.execute(&other).await, Err(ExecuteError::Store(StoreError::CommandReused))));
    database.drop().await;
}

#[tokio::test]
async fn fifty_repeats_at_once_are_one_command() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let integration = connected(&store, tenant, owner, noon()).await;
    let request = Request::new(context(tenant), noon(), integration, Command::Disconnect { shared_account: false });
    let repeats = (0..50).map(|_| {
        let (store, request) = (store.clone(), request.clone());
        tokio::spawn(async move { store.execute(&request).await.unwrap() })
    });
    for repeat in repeats.collect::<Vec<_>>() {
        assert_eq!(repeat.await.unwrap().events.len(), 1);
    }
    assert_eq!(store.stream(tenant, integration).await.unwrap().len(), 3);
    database.drop().await;
}

#[tokio::test]
async fn a_late_token_answer_does_not_reach_the_vault() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let integration = connected(&store, tenant, owner, noon()).await;
    let refresh = |name: &'static str| {
        let store = store.clone();
        async move {
            let sealed =
                store.seal_tokens(tenant, integration, Generation::new(2), &tokens(name, noon())).await.unwrap();
            let command = Command::RecordRefresh(Refreshed {
                from: Generation::new(1),
                expires_at: None,
                rotated: true,
                extent: None,
            });
            let request = Request {
                changes: vec![sealed],
                needs_events: true,
                ..Request::new(context(tenant), noon(), integration, command)
            };
            store.execute(&request).await.unwrap().events.len()
        }
    };
    assert_eq!(refresh("fast").await, 1);
    assert_eq!(refresh("late").await, 0);
    let (generation, stored) = store.tokens(tenant, integration).await.unwrap().unwrap();
    assert_eq!(generation, Generation::new(2));
    assert_eq!(secrecy::ExposeSecret::expose_secret(&stored.access), "access fast");
    database.drop().await;
}

#[tokio::test]
async fn a_run_that_lost_its_job_writes_nothing() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let integration = connected(&store, tenant, owner, noon()).await;
    let mut connection = database.owner().await;
    let job: Uuid = sqlx::query_scalar("select id from jobs where kind = 'fetch_mail' and integration = $1")
        .bind(integration.uuid())
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let command = Command::FailJob {
        job: JobId::new(job),
        kind: JobKind::FetchMail,
        attempt: 1,
        reason: JobFailure::ProviderTimeout,
    };
    let outcome = Outcome::Retry { due_at: noon(), reason: JobFailure::ProviderTimeout };
    let settlement = Settlement { integration, job: JobId::new(job), lease: Uuid::new_v4(), outcome };
    let request =
        Request { settlement: Some(settlement), ..Request::new(context(tenant), noon(), integration, command) };
    assert!(matches!(store.execute(&request).await, Err(ExecuteError::Store(StoreError::LeaseLost))));
    assert_eq!(store.stream(tenant, integration).await.unwrap().len(), 2);
    database.drop().await;
}

#[tokio::test]
async fn a_state_of_an_older_shape_is_folded_again_and_a_newer_one_refused() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let integration = connected(&store, tenant, owner, noon()).await;
    let before = store.load(tenant, integration).await.unwrap();
    let pool = store.pool().clone();
    let set_shape = |shape: i32| {
        let pool = pool.clone();
        async move {
            let mut transaction = pool.begin().await.unwrap();
            sqlx::query("select set_config('app.tenants', $1, true)")
                .bind(format!("{{{tenant}}}"))
                .execute(&mut *transaction)
                .await
                .unwrap();
            sqlx::query("update states set shape = $1, state = '{}'")
                .bind(shape)
                .execute(&mut *transaction)
                .await
                .unwrap();
            transaction.commit().await.unwrap();
        }
    };
    set_shape(0).await;
    assert_eq!(store.load(tenant, integration).await.unwrap(), before);
    set_shape(i32::MAX).await;
    assert!(matches!(store.load(tenant, integration).await, Err(StoreError::Unreadable(_))));
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_callers_of_one_stream_all_get_their_turn() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let integration = connected(&store, tenant, owner, noon()).await;
    let commands = (0..50).map(|number| {
        let command = Command::FailJob {
            job: JobId::new(Uuid::from_u128(number)),
            kind: JobKind::FetchMail,
            attempt: 1,
            reason: JobFailure::ProviderTimeout,
        };
        let (store, request) = (store.clone(), Request::new(context(tenant), noon(), integration, command));
        tokio::spawn(async move { store.execute(&request).await.map(|executed| executed.events.len()) })
    });
    for command in commands.collect::<Vec<_>>() {
        assert_eq!(command.await.unwrap().unwrap(), 1);
    }
    assert_eq!(store.verify_chain(tenant, integration).await.unwrap(), Ok(52));
    database.drop().await;
}

#[tokio::test]
async fn a_second_hold_of_one_account_by_one_owner_is_to_be_decided_again() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let mut answers = vec![];
    for _ in 0..2 {
        let integration = connected(&store, tenant, owner, noon()).await;
        let subject = Change::PutSubject { integration, owner, provider: Provider::Google, subject_hash: [9; 32] };
        let command = Command::RecordRefresh(Refreshed {
            from: Generation::new(1),
            expires_at: None,
            rotated: false,
            extent: None,
        });
        let request = Request { changes: vec![subject], ..Request::new(context(tenant), noon(), integration, command) };
        answers.push(store.execute(&request).await);
    }
    assert!(answers[0].is_ok());
    assert!(matches!(answers[1], Err(ExecuteError::Store(StoreError::Contended))), "{:?}", answers[1]);
    database.drop().await;
}

#[tokio::test]
async fn two_streams_change_together_or_not_at_all() {
    let database = Database::create().await;
    let store = database.store();
    let request = rich_request(&database, &store).await;
    let (existing, pending) = (request.commands[0].0, request.commands[1].0);
    let tenant = request.context.tenant;
    let second_refused =
        Request { commands: vec![request.commands[0].clone(), (pending, Command::Erase)], ..request.clone() };
    assert!(matches!(store.execute(&second_refused).await, Err(ExecuteError::Refused(_))));
    assert_eq!(store.stream(tenant, existing).await.unwrap().len(), 2);
    let executed = store.execute(&Request { context: request.context.with_command(new_command()), ..request }).await;
    let names: Vec<&str> = executed.unwrap().events.iter().map(|recorded| recorded.event.name()).collect();
    assert_eq!(names, ["AccessGranted", "AuthorizationStarted"]);
    assert!(matches!(store.stream(tenant, pending).await.unwrap()[0].event, Event::AuthorizationStarted { .. }));
    database.drop().await;
}
