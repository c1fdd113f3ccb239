//! The one seat of the bot: whoever holds it listens, everybody else stands by.
//!
//! Two processes that poll Telegram at once throw each other out. The seat is a session's advisory lock, so that it is free
//! again as soon as the holder's connection ends, however that happens.

use std::io;
use std::time::Duration;

use sqlx::{Connection, PgConnection};

use crate::Store;
use crate::error::StoreError;

/// The number that the lock goes by in this database: "bot seat" in ASCII.
const LOCK: i64 = 0x626f_7420_7365_6174;

/// How long Postgres may take to say that the seat is still ours. A connection whose other end is gone can stay silent for
/// hours, while the seat is long somebody else's.
const PATIENCE: Duration = Duration::from_secs(3);

/// The seat, held by a connection of its own. Dropping it gives it up.
#[derive(Debug)]
pub struct BotSeat {
    connection: PgConnection,
}

impl Store {
    /// Takes the seat, if it is free.
    pub async fn take_bot_seat(&self) -> Result<Option<BotSeat>, StoreError> {
        let mut connection = PgConnection::connect_with(&self.pool.connect_options()).await?;
        let taken = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "taken!""#, LOCK)
            .fetch_one(&mut connection)
            .await?;
        if taken {
            return Ok(Some(BotSeat { connection }));
        }
        connection.close().await?;
        Ok(None)
    }
}

impl BotSeat {
    /// Makes sure that the seat is still ours. An error means that it is not, or that nobody can tell: stop listening.
    pub async fn keep(&mut self) -> Result<(), StoreError> {
        let asked = sqlx::query_scalar!("select 1 as one").fetch_one(&mut self.connection);
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(answered) => answered.map(|_| ()).map_err(StoreError::from),
            Err(_) => Err(sqlx::Error::from(io::Error::from(io::ErrorKind::TimedOut)).into()),
        }
    }

    /// Gives the seat up.
    pub async fn leave(self) {
        // Where this fails the connection is gone, and the lock with it.
        let _ = tokio::time::timeout(PATIENCE, self.connection.close()).await;
    }
}
