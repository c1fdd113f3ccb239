//! The command line: what an operator and an auditor can ask for.
//!
//! Exit codes: 0 done, 1 it failed, 2 the command was not understood, 3 a check found something.

/// Prints a line. Whoever stopped reading, as `head` does, must not stop an act half-way.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

/// Prints a line about the command itself, such as what went wrong. Here too a reader who is gone must not stop anything.
macro_rules! complain {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}

pub mod api_key;
mod audit;
mod breakers;
pub mod dead;
mod disconnect;
mod doctor;
mod erase;
pub mod failure;
mod migrate;
mod rebuild;
mod usage;
mod words;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use self::failure::Failure;
use crate::app::App;
use crate::config::{self, Settings, Source};
use crate::serve::{self, Role};
use crate::telemetry;

/// Said by `--help`.
const EXIT_CODES: &str = "Exit codes:\n
  0  done
  1  it failed
  2  the command was not understood
  3  a check found something";

/// Connects mail and calendar accounts, keeps their access alive, and answers in Telegram.
#[derive(Debug, Parser)]
#[command(name = "bellhop", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run Bellhop until it is told to stop.
    Serve {
        /// Only these roles, separated by commas; all of them without it.
        #[arg(long, value_delimiter = ',')]
        only: Vec<Role>,
    },
    /// Bring the database up to date as `MIGRATE_DATABASE_URL` and grant the serving role what it needs.
    Migrate {
        /// Also make a log that was restored from another cluster readable again.
        #[arg(long)]
        after_restore: bool,
    },
    /// Check settings, database, role, Redis, clock and providers, and say what to mend.
    Doctor,
    /// Keys for programs that call the API.
    #[command(subcommand)]
    ApiKey(api_key::ApiKeyCommand),
    /// Jobs that were given up.
    #[command(subcommand)]
    Dead(dead::DeadCommand),
    /// Ask the log who did what, and prove the answer.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// What is left alone at the moment, as it keeps failing, and until when.
    Breakers(breakers::BreakersArguments),
    /// Derive again what is derived, while the system runs.
    Rebuild(rebuild::RebuildArguments),
    /// What of everything that providers allow is used at this moment.
    Usage(usage::UsageArguments),
    /// End a connection for its owner.
    Disconnect(disconnect::DisconnectArguments),
    /// Destroy everything personal of a disconnected integration. Only the log remains.
    Erase(erase::EraseArguments),
}

/// Reads the arguments and does what they say.
pub fn run() -> ExitCode {
    let matches = Arguments::command().after_long_help(format!("{}\n\n{EXIT_CODES}", config::help())).get_matches();
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    match carry_out(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain!("bellhop: {failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn carry_out(command: Command) -> Result<(), Failure> {
    let source = Source::process();
    if matches!(command, Command::Doctor) {
        return block_on(doctor::run(&source));
    }
    let settings = Settings::read(&source).map_err(|errors| Failure::new(errors.to_string()))?;
    telemetry::start(&settings);
    block_on(async move {
        if let Command::Migrate { after_restore } = command {
            return migrate::run(&settings, after_restore).await;
        }
        let app = App::new(settings).map_err(|error| Failure::new(error.to_string()))?;
        match command {
            Command::Serve { only } => {
                let is_wanted = |role: &Role| only.is_empty() || only.contains(role);
                let roles: Vec<Role> = Role::ALL.into_iter().filter(is_wanted).collect();
                serve::run(app, &roles).await
            }
            Command::ApiKey(command) => api_key::run(command, &app).await,
            Command::Dead(command) => dead::run(command, &app).await,
            Command::Audit(command) => audit::run(command, &app).await,
            Command::Breakers(arguments) => breakers::run(arguments, &app).await,
            Command::Rebuild(arguments) => rebuild::run(arguments, &app).await,
            Command::Usage(arguments) => usage::run(arguments, &app).await,
            Command::Disconnect(arguments) => disconnect::run(arguments, &app).await,
            Command::Erase(arguments) => erase::run(arguments, &app).await,
            // Both need no App and were carried out above.
            Command::Migrate { .. } | Command::Doctor => Ok(()),
        }
    })
}

fn block_on(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("the program cannot start: {error}")))?;
    let done = runtime.block_on(work);
    // What is still under way in the background, such as a name that is looked up, is not waited for.
    runtime.shutdown_background();
    done
}
