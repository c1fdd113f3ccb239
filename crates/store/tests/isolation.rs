//! One tenant never sees another's rows, and a sealed row opens only where it belongs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use bellhop_domain::{Generation, TenantId};
use bellhop_store::{RefreshLease, RoleProblem, Store, StoreError};
use sqlx::{AssertSqlSafe, PgPool};
use support::{Database, another_tenant, connected, default_tenant, new_owner, noon, tokens};
use uuid::Uuid;

/// Every table that carries a tenant.
async fn guarded_tables(database: &Database) -> Vec<String> {
    sqlx::query_scalar(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c
         join pg_namespace n on n.oid = c.relnamespace
         join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant'
         where n.nspname in ('public', 'keys') and c.relkind = 'r' order by 1",
    )
    .fetch_all(&mut database.owner().await)
    .await
    .unwrap()
}

async fn count(pool: &PgPool, acting_for: Option<TenantId>, table: &str, of: TenantId) -> i64 {
    let mut transaction = pool.begin().await.unwrap();
    if let Some(tenant) = acting_for {
        sqlx::query("select set_config('app.tenants', $1, true)")
            .bind(format!("{{{tenant}}}"))
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    let sql = format!("select count(*) from {table} where tenant = $1");
    sqlx::query_scalar(AssertSqlSafe(sql)).bind(of.uuid()).fetch_one(&mut *transaction).await.unwrap()
}

/// What is wrong with the isolation of these tables, for two tenants with rows in each other's way.
async fn leaks(store: &Store, tables: &[String], one: TenantId, other: TenantId) -> Vec<String> {
    let mut leaks = vec![];
    for table in tables {
        for (mine, theirs) in [(one, other), (other, one)] {
            if count(store.pool(), Some(mine), table, theirs).await != 0 {
                leaks.push(format!("{table}: another tenant's rows are seen"));
            }
            if count(store.pool(), None, table, theirs).await != 0 {
                leaks.push(format!("{table}: rows are seen without a tenant"));
            }
        }
        if count(store.pool(), Some(one), table, one).await == 0 && FILLED.contains(&table.as_str()) {
            leaks.push(format!("{table}: the tenant's own rows are not seen"));
        }
    }
    leaks
}

/// Tables that the set-up below puts rows into.
const FILLED: [&str; 8] = [
    "keys.integration_keys",
    "public.commands",
    "public.events",
    "public.integrations",
    "public.jobs",
    "public.owners",
    "public.states",
    "public.vault",
];

#[tokio::test]
async fn dropping_any_row_level_policy_is_noticed() {
    let database = Database::create().await;
    let store = database.store();
    let one = default_tenant(&store).await;
    let other = another_tenant(&database, "other").await;
    for tenant in [one, other] {
        let owner = new_owner(&database, tenant).await;
        connected(&store, tenant, owner, noon()).await;
    }
    let tables = guarded_tables(&database).await;
    assert!(tables.len() > 20);
    assert_eq!(leaks(&store, &tables, one, other).await, Vec::<String>::new());

    let mut connection = database.owner().await;
    for table in FILLED {
        for (breaking, mending) in [
            (
                format!("drop policy tenant on {table}"),
                format!("create policy tenant on {table} using (tenant = any ((select app_tenants())::uuid[]))"),
            ),
            (
                format!("alter table {table} disable row level security"),
                format!("alter table {table} enable row level security"),
            ),
        ] {
            sqlx::raw_sql(AssertSqlSafe(breaking.clone())).execute(&mut connection).await.unwrap();
            assert!(!leaks(&store, &tables, one, other).await.is_empty(), "unnoticed: {breaking}");
            sqlx::raw_sql(AssertSqlSafe(mending)).execute(&mut connection).await.unwrap();
        }
    }
    assert_eq!(leaks(&store, &tables, one, other).await, Vec::<String>::new());
    database.drop().await;
}

#[tokio::test]
async fn the_store_answers_another_tenant_with_nothing() {
    let database = Database::create().await;
    let store = database.store();
    let one = default_tenant(&store).await;
    let other = another_tenant(&database, "other").await;
    let owner = new_owner(&database, one).await;
    let integration = connected(&store, one, owner, noon()).await;
    assert!(store.integration(one, integration).await.unwrap().is_some());
    assert!(store.tokens(one, integration).await.unwrap().is_some());
    assert!(store.integration(other, integration).await.unwrap().is_none());
    assert!(store.tokens(other, integration).await.unwrap().is_none());
    assert!(store.stream(other, integration).await.unwrap().is_empty());
    assert_eq!(store.load(other, integration).await.unwrap().version, 0);
    database.drop().await;
}

#[tokio::test]
async fn a_role_that_could_step_around_the_policies_is_refused() {
    let database = Database::create().await;
    assert_eq!(database.store().role_problem().await.unwrap(), None);
    let as_owner = Store::open(database.owner.clone(), support::keyring());
    assert_eq!(as_owner.role_problem().await.unwrap(), Some(RoleProblem::OwnsTables));
    let mut connection = database.owner().await;
    sqlx::raw_sql("alter table vault no force row level security").execute(&mut connection).await.unwrap();
    assert_eq!(database.store().role_problem().await.unwrap(), Some(RoleProblem::Unguarded("vault".to_owned())));
    database.drop().await;
}

#[tokio::test]
async fn another_master_key_is_refused_before_anything_is_served() {
    let database = Database::create().await;
    assert_eq!(database.store().role_problem().await.unwrap(), None);
    let other = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [6; 32]);
    let stranger = Store::open(database.serving.clone(), bellhop_store::Keyring::new(&other.into()).unwrap());
    assert_eq!(stranger.role_problem().await.unwrap(), Some(RoleProblem::OtherMasterKey));
    assert_eq!(database.store().role_problem().await.unwrap(), None);
    database.drop().await;
}

#[tokio::test]
async fn a_vault_row_that_was_moved_does_not_open() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let one = connected(&store, tenant, owner, noon()).await;
    let other = connected(&store, tenant, owner, noon()).await;
    let swap = |sql: String| {
        let pool = store.pool().clone();
        async move {
            let mut transaction = pool.begin().await.unwrap();
            sqlx::query("select set_config('app.tenants', $1, true)")
                .bind(format!("{{{tenant}}}"))
                .execute(&mut *transaction)
                .await
                .unwrap();
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await.unwrap();
            transaction.commit().await.unwrap();
        }
    };
    swap(format!("update vault set generation = 2 where integration = '{one}'")).await;
    assert!(matches!(store.tokens(tenant, one).await, Err(StoreError::CannotOpen(_))));
    swap(format!("update vault set generation = 1 where integration = '{one}'")).await;
    assert!(store.tokens(tenant, one).await.unwrap().is_some());

    swap(format!("delete from vault where integration = '{other}'; update vault set integration = '{other}'")).await;
    assert!(matches!(store.tokens(tenant, other).await, Err(StoreError::CannotOpen(_))));
    // Not even with the key moved along.
    swap(format!(
        "delete from keys.integration_keys where integration = '{other}';
         update keys.integration_keys set integration = '{other}' where integration = '{one}'"
    ))
    .await;
    assert!(matches!(store.tokens(tenant, other).await, Err(StoreError::CannotOpen(_))));
    database.drop().await;
}

#[tokio::test]
async fn one_of_fifty_gets_the_refresh_lease_and_the_next_holder_knows_of_the_doubt() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let integration = connected(&store, tenant, owner, noon()).await;
    let token = tokens("first", noon()).refresh.unwrap();
    let generation = Generation::new(1);
    let long = std::time::Duration::from_secs(30);
    let mut tries = vec![];
    for _ in 0..50 {
        let (store, token, lease) = (store.clone(), token.clone(), Uuid::new_v4());
        tries.push(tokio::spawn(async move {
            (lease, store.take_refresh_lease(tenant, integration, generation, &token, lease, long).await.unwrap())
        }));
    }
    let mut holders = vec![];
    for attempt in tries {
        if let (lease, RefreshLease::Taken { in_doubt }) = attempt.await.unwrap() {
            assert!(!in_doubt);
            holders.push(lease);
        }
    }
    assert_eq!(holders.len(), 1);
    let take = || store.take_refresh_lease(tenant, integration, generation, &token, Uuid::new_v4(), long);
    assert!(matches!(take().await.unwrap(), RefreshLease::Held { .. }));
    store.end_refresh_lease(tenant, integration, holders[0], true).await.unwrap();
    assert_eq!(take().await.unwrap(), RefreshLease::Taken { in_doubt: true });
    database.drop().await;
}
