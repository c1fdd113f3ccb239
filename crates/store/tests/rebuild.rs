//! What is derived from the log can be derived again, while it is being written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "rebuild/jobs.rs"]
mod jobs;
mod support;
#[path = "rebuild/views.rs"]
mod views;

use std::time::{Duration, Instant};

use bellhop_domain::{Command, IntegrationId, TenantId};
use bellhop_store::{GENESIS, Link, MendedJobs, Rebuild, RebuildError, RebuiltViews, Request, Store};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use support::{Database, another_tenant, connected, context, default_tenant, new_owner, noon};
use uuid::Uuid;

/// How long something is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a test holds while somebody is to wait.
const GATE: i64 = 42;

struct House {
    database: Database,
    store: Store,
    tenant: TenantId,
    integration: IntegrationId,
}

impl House {
    /// A connected account.
    async fn open() -> Self {
        let database = Database::create().await;
        let store = database.store();
        let tenant = default_tenant(&store).await;
        let owner = new_owner(&database, tenant).await;
        let integration = connected(&store, tenant, owner, noon()).await;
        Self { database, store, tenant, integration }
    }

    async fn close(self) {
        self.store.pool().close().await;
        self.database.drop().await;
    }

    async fn another_account(&self, tenant: TenantId) -> IntegrationId {
        let owner = new_owner(&self.database, tenant).await;
        connected(&self.store, tenant, owner, noon()).await
    }

    async fn execute(&self, integration: IntegrationId, command: Command) {
        let request = Request::new(context(self.tenant), noon(), integration, command);
        self.store.execute(&request).await.unwrap();
    }

    async fn rebuild(&self) -> Rebuild {
        self.store.begin_rebuild().await.unwrap().expect("nobody else rebuilds")
    }

    async fn mend(&self, now: DateTime<Utc>) -> Result<MendedJobs, RebuildError> {
        let mut rebuild = self.rebuild().await;
        let mended = rebuild.jobs(now).await;
        rebuild.end().await;
        mended
    }

    async fn build(&self) -> Result<RebuiltViews, RebuildError> {
        let mut rebuild = self.rebuild().await;
        let built = rebuild.views().await;
        rebuild.end().await;
        built
    }

    /// A session of the owner that acts for every tenant.
    async fn behind(&self) -> PgConnection {
        let mut owner = self.database.owner().await;
        let tenants: Vec<Uuid> = self.store.tenants().await.unwrap().into_iter().map(TenantId::uuid).collect();
        sqlx::query("select set_config('app.tenants', $1::uuid[]::text, false)")
            .bind(tenants)
            .execute(&mut owner)
            .await
            .unwrap();
        owner
    }

    /// Changes something behind the store's back.
    async fn meddle(&self, sql: &str) -> u64 {
        let mut owner = self.behind().await;
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut owner).await.unwrap().rows_affected();
        owner.close().await.unwrap();
        done
    }

    async fn rows(&self, sql: &str) -> Vec<Value> {
        let mut owner = self.behind().await;
        let sql = format!("select to_jsonb(q) from ({sql}) q");
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut owner).await.unwrap();
        owner.close().await.unwrap();
        rows.into_iter().map(|row| row.get(0)).collect()
    }

    async fn number(&self, sql: &str) -> i64 {
        self.rows(&format!("select ({sql})::bigint as number")).await[0]["number"].as_i64().unwrap()
    }

    /// Has whoever writes such a row wait at the gate.
    async fn set_gate(&self, table: &str, when: &str) {
        self.meddle(&format!(
            "create function wait_at_the_gate() returns trigger language plpgsql as $$
                 begin perform pg_advisory_xact_lock_shared({GATE}); return new; end $$;
             create trigger gate before insert on {table} for each row when ({when})
             execute function wait_at_the_gate()"
        ))
        .await;
    }

    /// Closes the gate. It opens when this is dropped or closed.
    async fn shut_gate(&self) -> PgConnection {
        let mut gate = self.database.owner().await;
        sqlx::query("select pg_advisory_lock($1)").bind(GATE).execute(&mut gate).await.unwrap();
        gate
    }

    /// Waits until so many of the store's sessions wait for a lock, or until there is nothing more to wait for.
    async fn until_waiting(&self, sessions: i64, is_over: impl Fn() -> bool) {
        let give_up = Instant::now() + PATIENCE;
        while !is_over() {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                 where datname = current_database() and usename = current_user and wait_event_type = 'Lock'",
            )
            .fetch_one(self.store.pool())
            .await
            .unwrap();
            if waiting >= sessions {
                return;
            }
            assert!(Instant::now() < give_up, "nobody waits");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Trouble unless everything is what the log says.
    async fn agrees(&self) {
        for tenant in self.store.tenants().await.unwrap() {
            self.store.verify(tenant).await.unwrap().unwrap();
        }
    }

    /// Writes an event over the last one of a stream, with a chain that holds.
    async fn write_over_the_last(&self, integration: IntegrationId, payload: &str) {
        let mut owner = self.behind().await;
        let rows = sqlx::query("select version, hash from events where stream = $1 order by version desc limit 2")
            .bind(integration.uuid())
            .fetch_all(&mut owner)
            .await
            .unwrap();
        let (version, previous): (i64, Vec<u8>) =
            (rows[0].get("version"), rows.get(1).map_or_else(|| GENESIS.to_vec(), |row| row.get("hash")));
        let event_id = Uuid::new_v4();
        let hash = Link {
            previous: &previous,
            stream: integration.uuid(),
            version,
            name: "FromTomorrow",
            schema_version: 1,
            event_id,
            tenant: self.tenant.uuid(),
            time: noon(),
            payload: payload.as_bytes(),
            metadata: b"{}",
        }
        .hash();
        sqlx::query(
            "update events set type = 'FromTomorrow', schema_version = 1, event_id = $3, time = $4, payload = $5,
                 metadata = '{}', hash = $6
             where stream = $1 and version = $2",
        )
        .bind(integration.uuid())
        .bind(version)
        .bind(event_id)
        .bind(noon())
        .bind(payload.as_bytes())
        .bind(hash.as_slice())
        .execute(&mut owner)
        .await
        .unwrap();
        sqlx::query("update states set last_hash = $2 where stream = $1")
            .bind(integration.uuid())
            .bind(hash.as_slice())
            .execute(&mut owner)
            .await
            .unwrap();
        owner.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_second_rebuild_at_the_same_time_is_told_so() {
    let house = House::open().await;
    let first = house.rebuild().await;
    assert!(house.store.begin_rebuild().await.unwrap().is_none());
    first.end().await;
    house.rebuild().await.end().await;
    house.close().await;
}

#[tokio::test]
async fn what_cannot_be_read_stops_a_rebuild_before_anything_is_changed() {
    let house = House::open().await;
    // The last one that is come to.
    let broken = house.integration.max(house.another_account(house.tenant).await);
    house.meddle("delete from jobs where kind = 'fetch_mail'").await;
    house.meddle("update integrations set status = 'expired'").await;
    let before = house.rows("select * from jobs, integrations order by jobs.id, integrations.id").await;
    let edits = [
        format!("update events set time = now() where stream = '{broken}' and version = 2"),
        format!("update states set last_hash = '\\x{}' where stream = '{broken}'", "00".repeat(32)),
        format!("delete from states where stream = '{broken}'"),
    ];
    for (edit, expected) in edits.into_iter().zip([2, 3, 3]) {
        let kept = house.rows(&format!("select * from states where stream = '{broken}'")).await;
        let events = house.rows(&format!("select * from events where stream = '{broken}' and version = 2")).await;
        assert_eq!(house.meddle(&edit).await, 1);
        let (jobs, views) = (house.mend(noon()).await.unwrap_err(), house.build().await.unwrap_err());
        for error in [jobs, views] {
            let RebuildError::Chain(chain) = &error else { panic!("{edit}: {error}") };
            assert_eq!((chain.integration, chain.version), (broken, expected), "{edit}");
            assert!(error.to_string().contains(&broken.to_string()), "{error}");
        }
        assert_eq!(before, house.rows("select * from jobs, integrations order by jobs.id, integrations.id").await);
        house.meddle(&format!("delete from states where stream = '{broken}'")).await;
        house
            .meddle(&format!("insert into states select * from jsonb_populate_record(null::states, '{}')", kept[0]))
            .await;
        house
            .meddle(&format!(
                "update events set time = '{}' where event_id = '{}'",
                events[0]["time"].as_str().unwrap(),
                events[0]["event_id"].as_str().unwrap()
            ))
            .await;
    }
    house.build().await.unwrap();
    house.mend(noon()).await.unwrap();
    house.agrees().await;
    house.close().await;
}

#[tokio::test]
async fn what_a_newer_release_wrote_is_left_to_it() {
    let house = House::open().await;
    let newer = house.integration.max(house.another_account(house.tenant).await);
    house.meddle("delete from jobs where kind = 'fetch_mail'").await;
    let before = house.rows("select * from jobs, integrations order by jobs.id, integrations.id").await;
    house.meddle(&format!("update states set shape = shape + 1 where stream = '{newer}'")).await;
    for error in [house.mend(noon()).await.unwrap_err(), house.build().await.unwrap_err()] {
        assert!(matches!(error, RebuildError::Stream { integration, .. } if integration == newer), "{error}");
    }
    house.meddle(&format!("update states set shape = shape - 1 where stream = '{newer}'")).await;
    house.write_over_the_last(newer, r#"{"event":"FromTomorrow"}"#).await;
    for error in [house.mend(noon()).await.unwrap_err(), house.build().await.unwrap_err()] {
        assert!(matches!(error, RebuildError::Stream { integration, .. } if integration == newer), "{error}");
    }
    assert_eq!(before, house.rows("select * from jobs, integrations order by jobs.id, integrations.id").await);
    assert_eq!(house.number("select max(live) from view_versions").await, 1);
    house.close().await;
}
