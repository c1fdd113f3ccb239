//! A database of its own for each house, and what a story may do to it from behind.
//!
//! Reading here is for checks that no door offers; writing is fault injection. Bellhop itself is only ever given the
//! addresses.

use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use url::Url;
use uuid::Uuid;

use crate::servers::Servers;
use crate::trouble::Story;

/// How often a database that cannot be dropped is tried again, and after how long.
const DROP_TRIES: u32 = 20;
const DROP_AGAIN: Duration = Duration::from_millis(250);

/// A database that is dropped with the house.
pub struct Database {
    name: String,
    admin: Url,
    /// As the owner of the tables.
    pub owner: Url,
    /// As the serving role.
    pub serving: Url,
}

impl Database {
    /// Makes an empty one.
    pub async fn create(servers: &Servers) -> Story<Self> {
        let name = format!("bellhop_story_{}", Uuid::new_v4().simple());
        let mut connection = connect(&servers.owner).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await?;
        connection.close().await?;
        let named = |address: &Url| {
            let mut address = address.clone();
            address.set_path(&name);
            address
        };
        let (owner, serving) = (named(&servers.owner), named(&servers.serving));
        Ok(Self { admin: servers.owner.clone(), owner, serving, name })
    }

    /// A connection as the owner, which acts for every tenant.
    pub async fn connection(&self) -> Story<PgConnection> {
        let mut connection = connect(&self.owner).await?;
        sqlx::query("select set_config('app.tenants', coalesce(array_agg(t)::text, '{}'), false) from all_tenants() t")
            .execute(&mut connection)
            .await?;
        Ok(connection)
    }

    /// The rows of a query, each as one JSON value.
    pub async fn rows(&self, sql: &str) -> Story<Vec<Value>> {
        let mut connection = self.connection().await?;
        let sql = format!("select to_jsonb(q)::text from ({sql}) q");
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await?;
        rows.iter().map(|row| Ok(serde_json::from_str(&row.try_get::<String, _>(0)?)?)).collect()
    }

    /// The one number a query answers.
    pub async fn number(&self, sql: &str) -> Story<i64> {
        let mut connection = self.connection().await?;
        Ok(sqlx::query_scalar(AssertSqlSafe(format!("select ({sql})::bigint"))).fetch_one(&mut connection).await?)
    }

    /// Fault injection: changes something behind Bellhop's back. Answers how many rows.
    pub async fn tamper(&self, sql: &str) -> Story<u64> {
        let mut connection = self.connection().await?;
        Ok(sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?.rows_affected())
    }

    /// Lets every lease of a run or of a refresh run out. Leases count in Postgres's time, which no story can move.
    pub async fn let_leases_run_out(&self) -> Story {
        self.tamper("update jobs set leased_until = now() - interval '1 second' where lease is not null").await?;
        self.tamper("update refresh_leases set until = now() - interval '1 second' where lease is not null").await?;
        self.tamper(
            "update telegram_updates set handling_until = now() - interval '1 second' where handled_at is null",
        )
        .await?;
        Ok(())
    }

    /// Every row of every table, as JSON with bytes in hexadecimal, named by table.
    pub async fn dump(&self) -> Story<Vec<(String, String)>> {
        let mut connection = self.connection().await?;
        let tables = sqlx::query_scalar::<_, String>(
            "select format('%I.%I', schemaname, tablename) from pg_tables
             where schemaname not in ('pg_catalog', 'information_schema')
             order by 1",
        )
        .fetch_all(&mut connection)
        .await?;
        let mut dump = vec![];
        for table in tables {
            let sql = format!("select to_jsonb(t)::text from {table} t");
            for row in sqlx::query_scalar::<_, String>(AssertSqlSafe(sql)).fetch_all(&mut connection).await? {
                dump.push((table.clone(), row));
            }
        }
        Ok(dump)
    }

    async fn drop_it(name: &str, admin: &Url) -> Story {
        let mut connection = connect(admin).await?;
        let mut tries = 0;
        loop {
            let sql = AssertSqlSafe(format!("drop database if exists {name} with (force)"));
            match sqlx::raw_sql(sql).execute(&mut connection).await {
                Ok(_) => return Ok(()),
                // An autovacuum worker, which may not be ended by the owner, is gone in a moment.
                Err(_) if tries < DROP_TRIES => tries += 1,
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(DROP_AGAIN).await;
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (name, admin) = (self.name.clone(), self.admin.clone());
        // A runtime of its own, as the story's may be ending.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(Self::drop_it(&name, &admin))
        })
        .join();
        if let Ok(Err(trouble)) = dropped {
            eprintln!("the database of a story is left behind: {trouble}");
        }
    }
}

async fn connect(address: &Url) -> Story<PgConnection> {
    Ok(PgConnection::connect_with(&PgConnectOptions::from_str(address.as_str())?).await?)
}
