//! Bringing the schema up to date as its owner, and giving the serving role what it needs and no more.

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use thiserror::Error;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// Why the schema is not up to date.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// The owner's role could not connect or was refused a statement. The message names neither address nor password.
    #[error("the database could not be reached or refused a statement")]
    Database(#[from] sqlx::Error),
    /// A migration failed or was changed after it had been applied.
    #[error("a migration failed")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The serving role does not exist. Create it as the message says.
    #[error("the serving role does not exist; create it: create role \"{0}\" login password '…'")]
    NoServingRole(String),
    /// Both addresses name the same role. The serving role must not own the tables.
    #[error("DATABASE_URL and MIGRATE_DATABASE_URL name the same role; the serving role must not own the tables")]
    SameRole,
}

/// Applies the migrations that are missing and grants the serving role what it needs.
pub async fn migrate(owner: PgConnectOptions, serving_role: &str) -> Result<(), MigrateError> {
    if owner.get_username() == serving_role {
        return Err(MigrateError::SameRole);
    }
    let pool = PgPoolOptions::new().max_connections(1).connect_with(owner).await?;
    MIGRATIONS.run(&pool).await?;
    let exists = sqlx::query_scalar!("select 1 as one from pg_roles where rolname = $1", serving_role)
        .fetch_optional(&pool)
        .await?;
    if exists.is_none() {
        return Err(MigrateError::NoServingRole(serving_role.to_owned()));
    }
    sqlx::query!("call grant_serving($1)", serving_role).execute(&pool).await?;
    pool.close().await;
    Ok(())
}

/// After a dump was restored into another cluster: lets the log's transactions begin again below those of this cluster, in
/// the order in which they were read, and every reader start anew.
pub async fn rewrite_after_restore(owner: PgConnectOptions) -> Result<u64, MigrateError> {
    let pool = PgPoolOptions::new().max_connections(1).connect_with(owner).await?;
    let rewritten =
        sqlx::query_scalar!(r#"select rewrite_log_after_restore() as "rewritten!""#).fetch_one(&pool).await?;
    pool.close().await;
    Ok(u64::try_from(rewritten).unwrap_or(0))
}

/// How many migrations this release knows, for the check that all are applied.
pub(crate) fn known() -> Vec<i64> {
    MIGRATIONS.iter().map(|migration| migration.version).collect()
}
