//! `bellhop dead`: the jobs that were given up, and what an operator may do about them.
//!
//! Every act is an event of the integration, with the operator's name and reason sealed beside it. An act that was carried
//! out before, by whomever, does nothing and says so, so that a list of replays can be repeated after a crash half-way.
//!
//! Exit codes: 0 done, or there was nothing left to do; 1 something could not be done, the rest was; 2 the command was not
//! understood.

mod deed;
mod look;

use bellhop_domain::{JobFailure, JobId, JobKind, TenantId};
use bellhop_store::{JobRow, LetterFilter};
use clap::{Args, Subcommand, value_parser};

use self::deed::Deed;
use crate::app::App;
use crate::cli::Failure;
use crate::cli::words::{operator, words};

/// What can be asked about dead letters, and done with them.
#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// What lies there, grouped by cause.
    List {
        #[command(flatten)]
        which: Which,
        /// At most this many letters; causes are always counted in full.
        #[arg(long, default_value_t = 100, value_parser = value_parser!(i64).range(1..))]
        limit: i64,
        /// One JSON object instead of tables.
        #[arg(long)]
        json: bool,
    },
    /// Everything about one job, and what happened to it.
    Show {
        /// Which job.
        job: JobId,
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Take letters up again: they are due at once, with all their attempts.
    Replay(Act),
    /// Close letters for good, undone.
    Discard(Act),
}

/// Which letters are meant.
#[derive(Debug, Args)]
pub struct Which {
    /// Only of this tenant, by name; of all tenants without it.
    #[arg(long)]
    tenant: Option<String>,
    /// Only of this kind, such as `fetch_mail`.
    #[arg(long)]
    kind: Option<JobKind>,
    /// Only what died of this, such as `request_refused`.
    #[arg(long, value_parser = reason)]
    reason: Option<JobFailure>,
}

/// What is to be done with which letters, by whom and why.
#[derive(Debug, Args)]
pub struct Act {
    /// Which jobs.
    #[arg(value_name = "JOB", required_unless_present = "all", conflicts_with = "all")]
    jobs: Vec<JobId>,
    /// Every letter, or those that --tenant, --kind and --reason leave.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    which: Which,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Why, in your own words. Kept sealed beside the event.
    #[arg(long, value_name = "WHY", required_unless_present = "dry_run", value_parser = words)]
    because: Option<String>,
    /// Who you are. Kept sealed beside the event.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "operator", value_parser = operator)]
    operator: String,
}

fn reason(text: &str) -> Result<JobFailure, String> {
    JobFailure::from_name(text)
        .ok_or_else(|| format!("expected one of {}", JobFailure::ALL.map(JobFailure::name).join(", ")))
}

/// Carries out the command.
pub async fn run(command: DeadCommand, app: &App) -> Result<(), Failure> {
    match command {
        DeadCommand::List { which, limit, json } => look::list(app, &which, limit, json).await,
        DeadCommand::Show { job, json } => look::show(app, job, json).await,
        DeadCommand::Replay(act) => deed::carry_out(app, Deed::Replay, act).await,
        DeadCommand::Discard(act) => deed::carry_out(app, Deed::Discard, act).await,
    }
}

impl Which {
    async fn filter(&self, app: &App) -> Result<LetterFilter, Failure> {
        let tenants = match &self.tenant {
            None => app.store.tenants().await?,
            Some(name) => {
                let tenant: Option<TenantId> = app.store.tenant_named(name).await?;
                vec![tenant.ok_or_else(|| Failure::new(format!("there is no tenant called {name}")))?]
            }
        };
        Ok(LetterFilter { tenants, kind: self.kind, reason: self.reason })
    }

    fn is_everything(&self) -> bool {
        self.tenant.is_none() && self.kind.is_none() && self.reason.is_none()
    }
}

fn reason_of(row: &JobRow) -> &'static str {
    row.reason.map_or("-", JobFailure::name)
}

fn unknown(job: JobId) -> Failure {
    Failure::new(format!("there is no job {job}; it may have been swept. `bellhop dead list` shows what lies there"))
}
