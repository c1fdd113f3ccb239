//! The pool of sessions with Postgres, and which of them may be used again.
//!
//! A session begun while the database took no writes goes on taking none: a failover leaves such sessions behind, and a
//! pool would hand them out for half an hour. Each is asked before it is used again, which costs what asking whether it
//! still lives would.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgConnection, PgExecutor, PgPool};

/// What a session of ours may take: one that hangs, or whose process was stopped, must not hold rows and the readers'
/// watermark for ever.
const LIMITS: [(&str, &str); 2] = [("statement_timeout", "30s"), ("idle_in_transaction_session_timeout", "60s")];

/// How many sessions one process has at the most.
const AT_MOST: u32 = 20;

/// How long to wait for one.
const PATIENCE: Duration = Duration::from_secs(5);

/// For how long a session that takes no writes is used all the same: reading goes on without connecting each time.
const READ_ONLY_FOR: Duration = Duration::from_secs(2);

/// Opens the pool without waiting for Postgres.
pub fn open(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(AT_MOST)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|session: &mut PgConnection, about| {
            Box::pin(async move { Ok(takes_writes(session).await? || about.age < READ_ONLY_FOR) })
        })
        .connect_lazy_with(options.application_name("bellhop").options(LIMITS))
}

/// Whether this session may write. Not so on a standby, nor where an operator made the database read-only.
pub async fn takes_writes(session: impl PgExecutor<'_>) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(r#"select current_setting('transaction_read_only') = 'off' as "takes_writes!""#)
        .fetch_one(session)
        .await
}
