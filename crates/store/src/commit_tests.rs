use bellhop_domain::{AttemptId, Capability, Command, Event, Integration, IntegrationId, OwnerId, Provider};
use sqlx::AssertSqlSafe;

use super::support::{Database, connected, context, default_tenant, new_owner, noon};
use super::*;
use crate::unit::{Append, MailRow, NewAttempt, Outcome, Settlement, event_id};
use crate::{ConnectLink, Presence, Request, Store};

/// A unit that disconnects an integration, decided on this version of it.
async fn disconnect(store: &Store, integration: IntegrationId, expected: i64) -> UnitOfWork {
    let context = context(default_tenant(store).await);
    let mut state: Integration = store.load(context.tenant, integration).await.unwrap().state;
    let command = Command::Disconnect { shared_account: true };
    let events = state.decide(command, noon()).unwrap();
    for event in &events {
        state.take_in(event);
    }
    let ids = (0..).map(|index| event_id(context.command, integration, index));
    let append = Append { stream: integration, expected, events: ids.zip(events).collect(), state };
    UnitOfWork { context, request_hash: [0; 32], at: noon(), appends: vec![append], settlement: None, changes: vec![] }
}

async fn last_event(store: &Store, integration: IntegrationId) -> Event {
    let tenant = default_tenant(store).await;
    store.stream(tenant, integration).await.unwrap().pop().unwrap().event
}

async fn three_connected(database: &Database, store: &Store) -> Vec<IntegrationId> {
    let tenant = default_tenant(store).await;
    let owner = new_owner(database, tenant).await;
    let mut integrations = vec![];
    for _ in 0..3 {
        integrations.push(connected(store, tenant, owner, noon()).await);
    }
    integrations
}

#[tokio::test]
async fn a_unit_that_conflicts_fails_alone_in_a_shared_commit() {
    let database = Database::create().await;
    let store = database.store();
    let ids = three_connected(&database, &store).await;
    let units =
        [disconnect(&store, ids[0], 2).await, disconnect(&store, ids[1], 1).await, disconnect(&store, ids[2], 2).await];
    let verdicts = try_commit(store.pool(), &units.iter().collect::<Vec<_>>()).await.unwrap();
    assert!(matches!(verdicts[..], [Ok(()), Err(CommitError::Conflict), Ok(())]), "{verdicts:?}");
    assert!(matches!(last_event(&store, ids[0]).await, Event::Disconnected { .. }));
    assert!(matches!(last_event(&store, ids[1]).await, Event::AccessGranted { .. }));
    assert!(matches!(last_event(&store, ids[2]).await, Event::Disconnected { .. }));
    database.drop().await;
}

#[tokio::test]
async fn where_a_statement_fails_each_unit_of_the_batch_is_committed_alone() {
    let database = Database::create().await;
    let store = database.store();
    let ids = three_connected(&database, &store).await;
    let refuse = format!(
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'injected'; end $$;
         create trigger refuse before insert on events for each row when (new.stream = '{}')
         execute function refuse()",
        ids[1]
    );
    sqlx::raw_sql(AssertSqlSafe(refuse)).execute(&mut database.owner().await).await.unwrap();
    let mut answers = vec![];
    let mut batch = vec![];
    for id in &ids {
        let (answer, answered) = oneshot::channel();
        batch.push(Waiting { unit: disconnect(&store, *id, 2).await, answer });
        answers.push(answered);
    }
    commit_batch(store.pool(), batch).await;
    let mut verdicts = vec![];
    for answer in answers {
        verdicts.push(answer.await.unwrap());
    }
    assert!(matches!(verdicts[..], [Ok(()), Err(CommitError::Database(_)), Ok(())]), "{verdicts:?}");
    assert!(matches!(last_event(&store, ids[2]).await, Event::Disconnected { .. }));
    database.drop().await;
}

#[tokio::test]
async fn a_unit_that_was_committed_without_our_knowing_is_recognised() {
    let database = Database::create().await;
    let store = database.store();
    let ids = three_connected(&database, &store).await;
    let unit = disconnect(&store, ids[0], 2).await;
    try_commit(store.pool(), &[&unit]).await.unwrap();
    commit_alone(store.pool(), &unit).await.unwrap();
    assert_eq!(store.stream(unit.context.tenant, ids[0]).await.unwrap().len(), 3);
    database.drop().await;
}

#[tokio::test]
async fn a_batch_of_a_run_never_shares_a_commit_with_the_end_of_its_job() {
    let database = Database::create().await;
    let store = database.store();
    let ids = three_connected(&database, &store).await;
    let tenant = default_tenant(&store).await;
    let started =
        store.start_direct(bellhop_domain::Queue::Fetch, Presence::new(Uuid::new_v4()), noon(), 10).await.unwrap();
    let run = started.iter().find(|run| run.integration == ids[0]).unwrap();
    let settlement =
        Settlement { integration: run.integration, job: run.job, lease: run.lease, outcome: Outcome::Underway };
    let row = MailRow { message_id: "late".to_owned(), received_at: noon(), sealed: vec![1] };
    let batch = UnitOfWork {
        context: context(tenant),
        request_hash: [0; 32],
        at: noon(),
        appends: vec![],
        settlement: Some(settlement),
        changes: vec![Change::PutMail { integration: ids[0], sync: Uuid::new_v4(), rows: vec![row] }],
    };
    let (first, answered) = oneshot::channel();
    let (second, also_answered) = oneshot::channel();
    let waiting = vec![
        Waiting { unit: disconnect(&store, ids[0], 2).await, answer: first },
        Waiting { unit: batch, answer: second },
    ];
    let (shared, rest) = one_per_stream(waiting);
    assert_eq!((shared.len(), rest.len()), (1, 1));
    commit_batch(store.pool(), shared).await;
    commit_batch(store.pool(), rest).await;
    answered.await.unwrap().unwrap();
    assert!(matches!(also_answered.await.unwrap(), Err(CommitError::LeaseLost)));
    assert!(store.stored_mail(tenant, ids[0], &["late".to_owned()]).await.unwrap().is_empty());
    database.drop().await;
}

#[test]
fn a_batch_holds_one_unit_per_stream() {
    let stream = |number| Append {
        stream: IntegrationId::new(Uuid::from_u128(number)),
        expected: 0,
        events: vec![],
        state: Integration::default(),
    };
    let waiting = |streams: &[u128]| {
        let tenant = TenantId::new(Uuid::from_u128(1));
        let unit = UnitOfWork {
            context: context(tenant),
            request_hash: [0; 32],
            at: noon(),
            appends: streams.iter().map(|number| stream(*number)).collect(),
            settlement: None,
            changes: vec![],
        };
        Waiting { unit, answer: oneshot::channel().0 }
    };
    let (batch, rest) =
        one_per_stream(vec![waiting(&[1]), waiting(&[2, 3]), waiting(&[3]), waiting(&[4]), waiting(&[1])]);
    assert_eq!((batch.len(), rest.len()), (3, 2));
}

/// A unit that begins a walk on a new integration with this link.
async fn begin_with(store: &Store, owner: OwnerId, link_hash: [u8; 32]) -> UnitOfWork {
    let context = context(default_tenant(store).await);
    let (stream, id) = (IntegrationId::new(Uuid::new_v4()), AttemptId::new(Uuid::new_v4()));
    let asked = [Capability::Mail].into();
    let event = Event::AuthorizationStarted { owner, provider: Provider::Google, attempt: id, asked };
    let mut state = Integration::default();
    state.take_in(&event);
    let random = || crate::plain_hash(Uuid::new_v4().as_bytes());
    let attempt = NewAttempt {
        id,
        link_hash,
        owner,
        integration: stream,
        reconnects: false,
        asked: None,
        provider: Provider::Google,
        state_hash: random(),
        cookie_hash: random(),
        nonce_hash: random(),
        redirect_uri: "http://127.0.0.1/oauth/google/callback".to_owned(),
        sealed_verifier: vec![1],
        created_at: noon(),
        expires_at: noon(),
    };
    let events = vec![(event_id(context.command, stream, 0), event)];
    UnitOfWork {
        context,
        request_hash: [0; 32],
        at: noon(),
        appends: vec![Append { stream, expected: 0, events, state }],
        settlement: None,
        changes: vec![Change::BeginAttempt(Box::new(attempt))],
    }
}

async fn a_link(database: &Database, store: &Store) -> (OwnerId, [u8; 32]) {
    let tenant = default_tenant(store).await;
    let owner = new_owner(database, tenant).await;
    let link = ConnectLink {
        hash: crate::plain_hash(b"link"),
        tenant,
        owner,
        provider: Provider::Google,
        reconnects: None,
        asked: None,
        created_at: noon(),
        expires_at: noon(),
        used_at: None,
        sealed_program_state: None,
    };
    store.add_connect_link(&link).await.unwrap();
    (owner, link.hash)
}

#[tokio::test]
async fn a_batch_begins_one_walk_with_a_link() {
    let database = Database::create().await;
    let store = database.store();
    let (owner, link) = a_link(&database, &store).await;
    let (first, answered) = oneshot::channel();
    let (second, also_answered) = oneshot::channel();
    let waiting = vec![
        Waiting { unit: begin_with(&store, owner, link).await, answer: first },
        Waiting { unit: begin_with(&store, owner, link).await, answer: second },
    ];
    let (shared, rest) = one_per_stream(waiting);
    assert_eq!((shared.len(), rest.len()), (1, 1));
    commit_batch(store.pool(), shared).await;
    commit_batch(store.pool(), rest).await;
    answered.await.unwrap().unwrap();
    assert!(matches!(also_answered.await.unwrap(), Err(CommitError::LinkUsed)));
    database.drop().await;
}

#[tokio::test]
async fn a_link_that_is_used_within_a_commit_fails_all_of_it() {
    let database = Database::create().await;
    let store = database.store();
    let (owner, link) = a_link(&database, &store).await;
    let units = [begin_with(&store, owner, link).await, begin_with(&store, owner, link).await];
    try_commit(store.pool(), &units.iter().collect::<Vec<_>>()).await.unwrap_err();
    let verdicts = commit_each(store.pool(), &units.iter().collect::<Vec<_>>()).await;
    assert!(matches!(verdicts[..], [Ok(()), Err(CommitError::LinkUsed)]), "{verdicts:?}");
    database.drop().await;
}

#[tokio::test]
async fn callers_at_the_same_time_share_transactions() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let mut integrations = vec![];
    for _ in 0..40 {
        integrations.push(connected(&store, tenant, owner, noon()).await);
    }
    let disconnects = integrations.iter().map(|integration| {
        let command = Command::Disconnect { shared_account: true };
        let request = Request::new(context(tenant), noon(), *integration, command);
        let store = store.clone();
        tokio::spawn(async move { store.execute(&request).await.unwrap() })
    });
    for disconnect in disconnects.collect::<Vec<_>>() {
        disconnect.await.unwrap();
    }
    let transactions: i64 =
        sqlx::query_scalar("select count(distinct xid::text) from events where type = 'Disconnected'")
            .fetch_one(&mut database.owner().await)
            .await
            .unwrap();
    assert!(transactions < 40, "forty callers took {transactions} transactions");
    database.drop().await;
}
