//! What is remembered: the log, the jobs it causes, the vault and the views, all in one Postgres.
//!
//! Everything that changes an integration goes through [`Store::execute`], which commits events, views, vault rows and
//! jobs together or not at all. No HTTP, no clock and no decision may enter this crate: it is told what happened when.

mod accounts;
mod agenda;
mod api_keys;
mod breakers;
mod calendar;
mod chain;
mod commit;
mod connect;
mod error;
mod execute;
mod inbox;
mod integrations;
mod jobs;
mod keyring;
mod log;
mod mail;
mod migrate;
mod owner_settings;
mod presence;
mod rebuild;
mod refresh_lease;
mod role;
mod scope;
mod session_lock;
mod sessions;
mod shown_mail;
mod tallies;
mod telegram;
mod turns;
mod unit;
mod vault;
mod verify;
mod write;

// The tests inside this crate share their set-up with those outside.
#[cfg(test)]
extern crate self as bellhop_store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bellhop_domain::TenantId;
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

/// The address of a Postgres and the role to use there.
pub use sqlx::postgres::PgConnectOptions as DatabaseAddress;

pub use crate::accounts::{Account, Pseudonym, SubjectLock};
pub use crate::agenda::{Calendar, CalendarAge, Entry};
pub use crate::api_keys::ApiKey;
pub use crate::breakers::{BreakerKey, BreakerState, StoredBreaker};
pub use crate::calendar::{Answer, CalendarContent, CalendarProgress, CalendarUnderway, EntryContent, EntryTime};
pub use crate::chain::{GENESIS, Link};
pub use crate::connect::{Attempt, BroughtBack, ConnectLink, ExchangeSecrets, seal_verifier};
pub use crate::error::{ExecuteError, StoreError};
pub use crate::execute::{Executed, Loaded, Request};
pub use crate::inbox::{InboxMessage, InboxPage};
pub use crate::integrations::IntegrationRow;
pub use crate::jobs::{
    CRASHES_UNTIL_POISON, Cause, Dispatched, JobRow, JobState, LEASE_SECONDS, LetterFilter, QueueCount, Reconciled,
    StartedJob, Turn,
};
pub use crate::keyring::{CannotOpen, DataKey, InvalidMasterKey, Keyring, Place, Purpose, plain_hash};
pub use crate::log::{AuditEntry, LogPosition, OperatorWords};
pub use crate::mail::{MailContent, MailProgress, Underway};
pub use crate::migrate::{MigrateError, migrate, rewrite_after_restore};
pub use crate::owner_settings::OwnerSettings;
pub use crate::presence::Presence;
pub use crate::rebuild::{Marked, MendedJobs, Rebuild, RebuildError, RebuiltViews};
pub use crate::refresh_lease::RefreshLease;
pub use crate::role::RoleProblem;
pub use crate::session_lock::SessionLock;
pub use crate::shown_mail::{SHOWN_MAIL_KEPT, mail_handle};
pub use crate::telegram::{Chat, ClaimedUpdate, LiveMessage, LiveState, NewUpdate, Shows, UpdateOutcome};
pub use crate::unit::{
    Actor, Append, CalendarChange, CalendarRead, CalendarRow, Change, Context, EntryRow, MailRow, Metadata, NewAttempt,
    Outcome, Settlement, UnitOfWork, event_id,
};
pub use crate::vault::{Spare, Tokens};
pub use crate::verify::{BrokenChain, Difference, Verified};

/// The name of the tenant that exists from the start.
pub const DEFAULT_TENANT: &str = "default";

/// A handle to everything remembered. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    keyring: Arc<Keyring>,
    commits: commit::Committer,
    turns: turns::Turns,
    /// Whether what is stored may be touched: see [`Store::hold_back`].
    open: Arc<AtomicBool>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store without waiting for Postgres: calls fail until it can be reached.
    #[must_use]
    pub fn open(options: DatabaseAddress, keyring: Keyring) -> Self {
        let pool = sessions::open(options);
        let commits = commit::Committer::start(pool.clone());
        Self {
            pool,
            keyring: Arc::new(keyring),
            commits,
            turns: turns::Turns::new(),
            open: Arc::new(AtomicBool::new(true)),
        }
    }

    /// The keyring, for keyed hashes.
    #[must_use]
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The pool, for a session that must hold something of its own, such as an advisory lock.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Answers everything as if Postgres were away, until it has been looked at and found fit to serve from: see
    /// [`Store::let_through`].
    pub fn hold_back(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    /// Ends what [`Store::hold_back`] began. Only for whoever has asked for the [`RoleProblem`] and found none.
    pub fn let_through(&self) {
        self.open.store(true, Ordering::SeqCst);
    }

    /// Whether Postgres answers, takes writes and may be served from.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.ask_the_gate()?;
        if sessions::takes_writes(&self.pool).await? { Ok(()) } else { Err(StoreError::ReadOnly) }
    }

    /// What names this installation on the belt.
    pub async fn installation(&self) -> Result<Uuid, StoreError> {
        Ok(sqlx::query_scalar!("select id from installation").fetch_one(&self.pool).await?)
    }

    /// The tenant of this name.
    pub async fn tenant_named(&self, name: &str) -> Result<Option<TenantId>, StoreError> {
        let tenant = sqlx::query_scalar!("select find_tenant($1)", name).fetch_one(&self.pool).await?;
        Ok(tenant.map(TenantId::new))
    }

    /// Every tenant, for the operator and for housekeeping.
    pub async fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        let tenants =
            sqlx::query_scalar!(r#"select t as "tenant!" from all_tenants() as t"#).fetch_all(&self.pool).await?;
        Ok(tenants.into_iter().map(TenantId::new).collect())
    }

    pub(crate) async fn begin(&self, tenants: &[TenantId]) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.ask_the_gate()?;
        scope::begin(&self.pool, tenants).await
    }

    fn ask_the_gate(&self) -> Result<(), sqlx::Error> {
        // To every caller it is one more outage.
        if self.open.load(Ordering::SeqCst) { Ok(()) } else { Err(sqlx::Error::PoolClosed) }
    }
}
