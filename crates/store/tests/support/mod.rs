//! A database of its own for each test: made as the owner, migrated, served as the serving role, dropped at the end.
//!
//! `MIGRATE_DATABASE_URL` names a role that may create databases, `DATABASE_URL` the serving role; `ops/test` sets both.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::str::FromStr;

use base64::Engine;
use bellhop_domain::{AttemptId, Capability, Command, CommandId, Grant, IntegrationId, OwnerId, Provider, TenantId};
use bellhop_store::{Actor, Context, DatabaseAddress, Keyring, Request, Store, Tokens};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

/// A moment to begin with; Postgres keeps microseconds.
pub fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_268_800, 0).unwrap()
}

/// The keyring of every test.
pub fn keyring() -> Keyring {
    Keyring::new(&base64::engine::general_purpose::STANDARD.encode([5; 32]).into()).unwrap()
}

/// A migrated database and the two roles' addresses.
pub struct Database {
    name: String,
    admin: String,
    /// As the owner of the tables.
    pub owner: DatabaseAddress,
    /// As the serving role.
    pub serving: DatabaseAddress,
}

impl Database {
    pub async fn create() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the test's own settings")]
        let setting = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run ./ops/test"));
        let admin = setting("MIGRATE_DATABASE_URL");
        let name = format!("bellhop_test_{}", Uuid::new_v4().simple());
        let mut connection = PgConnection::connect(&admin).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let owner = DatabaseAddress::from_str(&admin).unwrap().database(&name);
        let serving = DatabaseAddress::from_str(&setting("DATABASE_URL")).unwrap().database(&name);
        bellhop_store::migrate(owner.clone(), serving.get_username()).await.unwrap();
        Self { name, admin, owner, serving }
    }

    /// A store on it, as the serving role.
    pub fn store(&self) -> Store {
        Store::open(self.serving.clone(), keyring())
    }

    /// A connection as the owner: for breaking things on purpose.
    pub async fn owner(&self) -> PgConnection {
        PgConnection::connect_with(&self.owner).await.unwrap()
    }

    /// Ends whatever is still connected and drops the database. Each role may only end its own sessions.
    pub async fn drop(self) {
        let mut serving = PgConnection::connect_with(&self.serving).await.unwrap();
        // Waits for each to be gone: the owner may not end them.
        let end = "select pg_terminate_backend(pid, 5000) from pg_stat_activity
                   where datname = current_database() and usename = current_user and pid <> pg_backend_pid()";
        sqlx::raw_sql(end).execute(&mut serving).await.unwrap();
        serving.close().await.unwrap();
        let mut connection = PgConnection::connect(&self.admin).await.unwrap();
        let sql = format!("drop database {} with (force)", self.name);
        // Our own last session may still be on its way out, and the owner may not end it either.
        for _ in 0..50 {
            if sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(&mut connection).await.is_ok() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("the test's database is still in use: {}", self.name);
    }
}

pub fn new_command() -> CommandId {
    CommandId::new(Uuid::new_v4())
}

pub fn context(tenant: TenantId) -> Context {
    Context::new(tenant, Actor::Bellhop, new_command())
}

pub async fn default_tenant(store: &Store) -> TenantId {
    store.tenant_named(bellhop_store::DEFAULT_TENANT).await.unwrap().unwrap()
}

/// Another tenant, added as the owner.
pub async fn another_tenant(database: &Database, name: &str) -> TenantId {
    let id = TenantId::new(Uuid::new_v4());
    let mut owner = database.owner().await;
    sqlx::query("select set_config('app.tenants', $1, false)")
        .bind(format!("{{{id}}}"))
        .execute(&mut owner)
        .await
        .unwrap();
    sqlx::query("insert into tenants (id, name) values ($1, $2)")
        .bind(id.uuid())
        .bind(name)
        .execute(&mut owner)
        .await
        .unwrap();
    id
}

pub async fn new_owner(database: &Database, tenant: TenantId) -> OwnerId {
    let id = OwnerId::new(Uuid::new_v4());
    let mut owner = database.owner().await;
    sqlx::query("select set_config('app.tenants', $1, false)")
        .bind(format!("{{{tenant}}}"))
        .execute(&mut owner)
        .await
        .unwrap();
    sqlx::query("insert into owners (id, tenant, kind) values ($1, $2, 'telegram')")
        .bind(id.uuid())
        .bind(tenant.uuid())
        .execute(&mut owner)
        .await
        .unwrap();
    id
}

pub fn both() -> std::collections::BTreeSet<Capability> {
    Capability::ALL.into_iter().collect()
}

pub fn grant(at: DateTime<Utc>) -> Grant {
    Grant {
        scopes: ["mail.read".to_owned()].into(),
        granted: both(),
        expires_at: Some(at + TimeDelta::hours(1)),
        refreshable: true,
    }
}

pub fn tokens(name: &str, at: DateTime<Utc>) -> Tokens {
    Tokens {
        access: format!("access {name}").into(),
        refresh: Some(format!("refresh {name}").into()),
        issued_at: at,
        expires_at: Some(at + TimeDelta::hours(1)),
    }
}

/// An integration with access, its key and its first token set.
pub async fn connected(store: &Store, tenant: TenantId, owner: OwnerId, at: DateTime<Utc>) -> IntegrationId {
    connected_for(store, tenant, owner, at, both()).await
}

/// The same with only these granted.
pub async fn connected_for(
    store: &Store,
    tenant: TenantId,
    owner: OwnerId,
    at: DateTime<Utc>,
    granted: std::collections::BTreeSet<Capability>,
) -> IntegrationId {
    let integration = IntegrationId::new(Uuid::new_v4());
    let attempt = AttemptId::new(Uuid::new_v4());
    let (_, key) = store.make_integration_key(tenant, integration).unwrap();
    let start = Command::StartAuthorization { owner, provider: Provider::Google, attempt, asked: both() };
    let request = Request { changes: vec![key], ..Request::new(context(tenant), at, integration, start) };
    store.execute(&request).await.unwrap();
    let generation = bellhop_domain::Generation::new(1);
    let sealed = store.seal_tokens(tenant, integration, generation, &tokens("first", at)).await.unwrap();
    let grant = Grant { granted, ..grant(at) };
    let command = Command::GrantAccess { attempt, asked: both(), grant };
    let request = Request { changes: vec![sealed], ..Request::new(context(tenant), at, integration, command) };
    store.execute(&request).await.unwrap();
    integration
}
