//! Something in the database that a script holds, so that whoever needs it next waits there and nowhere else.

use sqlx::{AssertSqlSafe, Connection, PgConnection, query_scalar, raw_sql};

use crate::house::House;
use crate::trouble::Story;
use crate::wait::until;

/// What one statement locked, for as long as this lives.
pub struct Held {
    connection: PgConnection,
}

impl Held {
    /// Locks what this statement locks.
    pub async fn by(house: &House, statement: &str) -> Story<Self> {
        let mut connection = house.database.connection().await?;
        raw_sql("begin").execute(&mut connection).await?;
        raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await?;
        Ok(Self { connection })
    }

    /// Waits until so many sessions wait for what is held.
    pub async fn until_wanted_by(&mut self, sessions: i64) -> Story {
        let waiting = "select count(distinct pid) from pg_locks
                       where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))";
        until(&format!("{sessions} sessions to wait for what is held"), async || {
            let waiting: i64 = query_scalar(waiting).fetch_one(&mut self.connection).await?;
            Ok((waiting >= sessions).then_some(()))
        })
        .await
    }

    /// Lets go.
    pub async fn release(self) -> Story {
        Ok(self.connection.close().await?)
    }
}
