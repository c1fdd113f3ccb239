//! `bellhop migrate`: the only command that uses the owner's role.

use std::error::Error;

use crate::cli::Failure;
use crate::config::Settings;

/// Brings the database up to date.
pub async fn run(settings: &Settings, after_restore: bool) -> Result<(), Failure> {
    let owner = settings
        .migrate_database
        .clone()
        .ok_or_else(|| Failure::new("MIGRATE_DATABASE_URL: is required to migrate: the role that owns the tables"))?;
    let serving = settings.database.get_username();
    bellhop_store::migrate(owner.clone(), serving).await.map_err(|error| {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        Failure::new(format!("{error}{cause}"))
    })?;
    say!("The database is up to date and {serving} may serve from it.");
    if after_restore {
        let events =
            bellhop_store::rewrite_after_restore(owner).await.map_err(|error| Failure::new(error.to_string()))?;
        say!("{events} restored events can be read again; readers start anew.");
    }
    Ok(())
}
