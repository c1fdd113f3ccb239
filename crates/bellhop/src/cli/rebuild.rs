//! `bellhop rebuild`: the belt from the job table, jobs and views from the log, while everything runs.
//!
//! Exit codes: 0 it is as it should be; 1 it could not be done, and what was there is still in place; 3 `--check` found a
//! difference.

use bellhop_store::{MendedJobs, Rebuild, RebuildError, RebuiltViews};
use clap::{Args, ValueEnum};

use crate::app::App;
use crate::cli::Failure;
use crate::work::rebuild as belt;
use crate::work::relay::RelayError;

/// What is derived from something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// What Redis carries: emptied, and filled again from the job table.
    Belt,
    /// The job table: rows that are not as the log says are mended, the rest is not touched.
    Jobs,
    /// What the bot and the API read: built anew from the log beside the old and then switched to.
    Views,
}

/// What to rebuild.
#[derive(Debug, Args)]
pub struct RebuildArguments {
    what: What,
    /// Only compare, and end with 3 at the first difference.
    #[arg(long)]
    check: bool,
}

/// Rebuilds, or compares.
pub async fn run(arguments: RebuildArguments, app: &App) -> Result<(), Failure> {
    // Another release's fold, or a log whose order means nothing here, would be written over what is right.
    if let Some(problem) = app.store.role_problem().await? {
        return Err(Failure::new(problem.to_string()));
    }
    if arguments.check {
        return check(arguments.what, app).await;
    }
    let Some(mut rebuild) = app.store.begin_rebuild().await? else {
        return Err(Failure::new("another rebuild is under way; try again when it has ended"));
    };
    let derived = derive(arguments.what, app, &mut rebuild).await;
    rebuild.end().await;
    derived
}

async fn derive(what: What, app: &App, rebuild: &mut Rebuild) -> Result<(), Failure> {
    match what {
        What::Belt => {
            let waiting = belt::refill(app).await?;
            say!("The belt was emptied; {waiting} entries wait on it now. Relays put on more as there is room.");
        }
        What::Jobs => {
            let MendedJobs { opened, closed, corrected, streams } = rebuild.jobs(app.clock.now()).await?;
            say!(
                "{opened} jobs opened, {closed} closed, {corrected} put right, in {streams} streams; no other was touched."
            );
        }
        What::Views => {
            let RebuiltViews { version, integrations } = rebuild.views().await?;
            say!("The views were built from the log; version {version} is live and shows {integrations} integrations.");
        }
    }
    Ok(())
}

async fn check(what: What, app: &App) -> Result<(), Failure> {
    if what == What::Belt {
        let difference = belt::compare(app).await?;
        difference.map_or(Ok(()), |difference| Err(Failure::found(difference)))?;
        say!("The belt carries what the job table says.");
        return Ok(());
    }
    let (mut streams, mut events) = (0, 0);
    for tenant in app.store.tenants().await? {
        let verified = match what {
            What::Views => app.store.verify_views(tenant).await?,
            What::Jobs | What::Belt => app.store.verify_jobs(tenant).await?,
        };
        let verified = verified.map_err(|difference| Failure::found(difference.to_string()))?;
        streams += verified.streams;
        events += verified.events;
    }
    say!("{events} events in {streams} streams: what is derived from them is as they say.");
    Ok(())
}

impl From<RebuildError> for Failure {
    fn from(error: RebuildError) -> Self {
        match error {
            RebuildError::Store(error) => error.into(),
            error => Self::new(error.to_string()),
        }
    }
}

impl From<RelayError> for Failure {
    fn from(error: RelayError) -> Self {
        match error {
            RelayError::Store(error) => error.into(),
            RelayError::Belt(error) => Self::new(error.to_string()),
        }
    }
}
