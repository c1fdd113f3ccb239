//! What can go wrong in the store, technically. A business no is a `Refusal` and comes from the domain.

use bellhop_domain::Refusal;
use thiserror::Error;

use crate::keyring::{CannotOpen, InvalidMasterKey};

/// A technical failure.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Postgres could not be reached or refused the statement. Try again with back-off; the health endpoint says so too.
    #[error("the database did not carry out the statement: {}", name_of(.0))]
    Database(#[from] sqlx::Error),
    /// Somebody else kept changing the same integration. Try again later.
    #[error("the integration was changed by others at the same time; try again")]
    Contended,
    /// The command id was used before for a different request. Use a new one.
    #[error("this command id was used for a different request")]
    CommandReused,
    /// The run no longer holds its job: another has it, or an event closed it. Do nothing more for it.
    #[error("the job is no longer held by this run")]
    LeaseLost,
    /// Something sealed could not be opened. Do not retry; tell the operator.
    #[error(transparent)]
    CannotOpen(#[from] CannotOpen),
    /// What the log or a row holds cannot be read by this release. Do not retry; tell the operator.
    #[error("stored data cannot be read: {0}")]
    Unreadable(&'static str),
    /// The master key is unusable. Refuse to start.
    #[error(transparent)]
    MasterKey(#[from] InvalidMasterKey),
    /// Postgres answers and takes no writes: it is a standby, or an operator made it so. Try again with back-off; the
    /// health endpoint says so too.
    #[error("the database takes no writes")]
    ReadOnly,
    /// The store is shutting down.
    #[error("the store is shutting down")]
    Closed,
}

impl StoreError {
    /// Whether the database was out of reach or refused for a reason that may pass.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Database(error) => is_outage(error),
            Self::ReadOnly | Self::Closed => true,
            Self::Contended
            | Self::CommandReused
            | Self::LeaseLost
            | Self::CannotOpen(_)
            | Self::Unreadable(_)
            | Self::MasterKey(_) => false,
        }
    }
}

/// Classes of SQLSTATE that pass by themselves: connection, transaction rollback, resources, operator's intervention,
/// system. <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const PASSING: [&str; 5] = ["08", "40", "53", "57", "58"];

fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        // Read-only while it is being restarted or has become a standby; a lock that was not to be had.
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            PASSING.iter().any(|class| code.starts_with(class)) || code == "25006" || code == "55P03"
        }),
        _ => false,
    }
}

/// What went wrong, without anything of what was being written.
fn name_of(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            format!("{}SQLSTATE {code}", meaning(&code))
        }
        sqlx::Error::PoolTimedOut => "no connection could be had in time".to_owned(),
        sqlx::Error::Io(_) => "the connection failed".to_owned(),
        sqlx::Error::PoolClosed => "it is closed".to_owned(),
        _ => "the statement or its answer was not understood".to_owned(),
    }
}

/// What an operator can do something about, in words.
fn meaning(code: &str) -> &'static str {
    match code {
        "28000" | "28P01" => "the role or its password is refused, ",
        "3D000" => "there is no such database, ",
        "42501" => "the role may not do this, ",
        "42P01" | "42703" | "42883" => "the schema is of another release, ",
        "53300" => "there are too many connections, ",
        _ => "",
    }
}

/// Why a command was not carried out.
#[derive(Debug, Error)]
pub enum ExecuteError {
    /// The domain said no. Show the words to whoever asked.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It failed technically.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for ExecuteError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(StoreError::Database(error))
    }
}

impl From<CannotOpen> for ExecuteError {
    fn from(error: CannotOpen) -> Self {
        Self::Store(StoreError::CannotOpen(error))
    }
}

/// Why a unit was not written.
#[derive(Debug, Error)]
pub enum CommitError {
    /// A stream has moved on. Load it again and decide again.
    #[error("a stream has moved on")]
    Conflict,
    /// The run no longer holds its job. Nothing of the unit was written.
    #[error("the run no longer holds its job")]
    LeaseLost,
    /// A one-time link had been used.
    #[error("the link was used before")]
    LinkUsed,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// What is stored cannot be read.
    #[error("stored data cannot be read: {0}")]
    Unreadable(&'static str),
    /// The committer has stopped.
    #[error("the store is shutting down")]
    Closed,
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict | CommitError::LinkUsed => Self::Contended,
            CommitError::LeaseLost => Self::LeaseLost,
            // Somebody else wrote what only one may write: decided again, it is found.
            CommitError::Database(sqlx::Error::Database(error)) if error.is_unique_violation() => Self::Contended,
            CommitError::Database(error) => Self::Database(error),
            CommitError::Unreadable(what) => Self::Unreadable(what),
            CommitError::Closed => Self::Closed,
        }
    }
}
