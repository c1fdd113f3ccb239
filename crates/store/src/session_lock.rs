//! A lock that lasts as long as the session with Postgres that holds it, however that ends.
//!
//! By it one process is known to be the bot, and a worker to be alive: the kernel closes the connections of a process that
//! dies, and Postgres then frees what they held.

use std::io;
use std::time::Duration;

use sqlx::{Connection, PgConnection};

use crate::Store;
use crate::error::StoreError;

/// How long Postgres may take to give the lock or to hear that it is given up.
const PATIENCE: Duration = Duration::from_secs(5);

/// An advisory lock, held by a connection of its own. Dropping it gives it up.
#[derive(Debug)]
pub struct SessionLock {
    connection: PgConnection,
}

impl Store {
    /// Takes the lock that goes by this number in this database, if it is free.
    pub(crate) async fn take_session_lock(&self, number: i64) -> Result<Option<SessionLock>, StoreError> {
        within(PATIENCE, async {
            let mut connection = PgConnection::connect_with(&self.pool.connect_options()).await?;
            let taken = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "taken!""#, number)
                .fetch_one(&mut connection)
                .await?;
            if taken {
                return Ok(Some(SessionLock { connection }));
            }
            connection.close().await?;
            Ok(None)
        })
        .await
    }
}

impl SessionLock {
    /// Makes sure that the lock is still ours. An error means that it is not, or that nobody could tell for so long: a
    /// connection whose other end is gone can stay silent for hours, while the lock is long somebody else's.
    pub async fn keep(&mut self, patience: Duration) -> Result<(), StoreError> {
        within(patience, async {
            sqlx::query_scalar!("select 1 as one").fetch_one(&mut self.connection).await?;
            Ok(())
        })
        .await
    }

    /// Gives the lock up.
    pub async fn leave(self) {
        // Where this fails the connection is gone, and the lock with it.
        let _ = tokio::time::timeout(PATIENCE, self.connection.close()).await;
    }
}

async fn within<T>(patience: Duration, asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    match tokio::time::timeout(patience, asked).await {
        Ok(answered) => answered,
        Err(_) => Err(sqlx::Error::from(io::Error::from(io::ErrorKind::TimedOut)).into()),
    }
}
