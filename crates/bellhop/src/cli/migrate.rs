//! `bellhop migrate`: the only command that uses the owner's role.

use std::error::Error;

use bellhop_store::MigrateError;

use crate::cli::Failure;
use crate::config::Settings;

/// Brings the database up to date.
pub async fn run(settings: &Settings, after_restore: bool) -> Result<(), Failure> {
    let owner = settings
        .migrate_database
        .clone()
        .ok_or_else(|| Failure::new("MIGRATE_DATABASE_URL: is required to migrate: the role that owns the tables"))?;
    let serving = settings.database.get_username();
    bellhop_store::migrate(owner.clone(), serving).await.map_err(|error| failure(&error))?;
    say!("The database is up to date and {serving} may serve from it.");
    if after_restore {
        let events = bellhop_store::rewrite_after_restore(owner).await.map_err(|error| failure(&error))?;
        say!("{events} restored events can be read again; readers start anew.");
    }
    Ok(())
}

fn failure(error: &MigrateError) -> Failure {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let advice = match error {
        MigrateError::Database(_) => "; is Postgres running, and is MIGRATE_DATABASE_URL right?",
        MigrateError::Migration(_) | MigrateError::NoServingRole(_) | MigrateError::SameRole => "",
    };
    Failure::new(format!("{error}{cause}{advice}"))
}
