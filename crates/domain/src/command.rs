//! What an integration can be asked to do, in the imperative, and how it says no.
//!
//! A command carries decided facts (what the provider granted, which run failed), never secrets.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use thiserror::Error;

use crate::event::FetchMode;
use crate::id::{AttemptId, Generation, JobId, OwnerId};
use crate::job::{JobKind, Notice, Payload};
use crate::provider::{Capabilities, Capability, Provider};
use crate::reason::{AuthorizationFailure, Delivery, ExpiryReason, JobFailure, RevocationOutcome};

/// What the provider gave at the end of a walk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// The provider's scopes, as granted.
    pub scopes: BTreeSet<String>,
    /// What these allow.
    pub granted: Capabilities,
    /// When the access token ends, where the provider said so.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether there is a refresh token.
    pub refreshable: bool,
}

/// What the provider gave for a refresh token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refreshed {
    /// The token set whose refresh token was used.
    pub from: Generation,
    /// When the new access token ends, where the provider said so.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether the provider sent a new refresh token too.
    pub rotated: bool,
    /// What the new tokens allow, where the provider said so.
    pub extent: Option<Extent>,
}

/// How far access goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Extent {
    /// The provider's scopes.
    pub scopes: BTreeSet<String>,
    /// What these allow.
    pub granted: Capabilities,
}

/// A request to change an integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Command {
    /// A browser is about to be sent to the provider.
    StartAuthorization {
        /// Who connects.
        owner: OwnerId,
        /// Whose account it is.
        provider: Provider,
        /// Which walk.
        attempt: AttemptId,
        /// What the person is asked for.
        asked: Capabilities,
    },
    /// The walk ended without access.
    FailAuthorization {
        /// Which walk.
        attempt: AttemptId,
        /// Why.
        reason: AuthorizationFailure,
    },
    /// Somebody other than the initiator brought the finish code.
    RejectLink {
        /// Which walk.
        attempt: AttemptId,
    },
    /// The provider gave access; its tokens are sealed in the same unit of work.
    GrantAccess {
        /// Which walk.
        attempt: AttemptId,
        /// What the person was asked for, so that what is missing shows.
        asked: Capabilities,
        /// What was given.
        grant: Grant,
    },
    /// A refresh worked; its tokens are sealed in the same unit of work.
    RecordRefresh(Refreshed),
    /// A refresh failed and may work later.
    RecordRefreshFailure {
        /// The token set whose refresh token was used.
        from: Generation,
        /// Why.
        reason: JobFailure,
    },
    /// Access ended.
    ExpireAccess {
        /// The token set found dead.
        from: Generation,
        /// Why.
        reason: ExpiryReason,
    },
    /// The provider says that the tokens do not allow something.
    ReduceAccess {
        /// What.
        lost: Capability,
        /// The scopes that were taken to allow it.
        scopes: BTreeSet<String>,
    },
    /// A fetch of mail ended well.
    RecordMail {
        /// How it went about it.
        mode: FetchMode,
        /// Messages that are new.
        added: u32,
        /// Messages that changed.
        updated: u32,
        /// Messages that are gone.
        removed: u32,
        /// A keyed hash of the cursor reached.
        cursor: String,
    },
    /// One calendar was read to its end; others may follow.
    RecordCalendar {
        /// A keyed hash of which.
        calendar: String,
        /// How it went about it.
        mode: FetchMode,
        /// Entries that are new.
        added: u32,
        /// Entries that changed.
        updated: u32,
        /// Entries that are gone.
        removed: u32,
        /// A keyed hash of the cursor reached.
        cursor: String,
    },
    /// Every chosen calendar has been read.
    EndCalendarFetch,
    /// A notice was dealt with.
    RecordNotification {
        /// By which job.
        job: JobId,
        /// What was said.
        notice: Notice,
        /// Where it went.
        delivery: Delivery,
    },
    /// The provider answered a revocation.
    RecordRevocation {
        /// To which job.
        job: JobId,
        /// How.
        outcome: RevocationOutcome,
    },
    /// A run failed and another will be made.
    FailJob {
        /// Of which job.
        job: JobId,
        /// What it does.
        kind: JobKind,
        /// Which attempt it was, from 1.
        attempt: u32,
        /// Why it failed.
        reason: JobFailure,
    },
    /// A job has been held back for long by an outage of the provider.
    ReportOutage {
        /// What is not done meanwhile.
        kind: JobKind,
        /// How the provider fails.
        reason: JobFailure,
    },
    /// A job is given up.
    BuryJob {
        /// Which job.
        job: JobId,
        /// What it was to do.
        payload: Payload,
        /// How many attempts were made.
        attempts: u32,
        /// Why the last one failed.
        reason: JobFailure,
    },
    /// Take a dead letter up again.
    ReplayJob {
        /// Which.
        job: JobId,
    },
    /// Close a dead letter for good.
    DiscardJob {
        /// Which.
        job: JobId,
    },
    /// End the connection.
    Disconnect {
        /// Whether another integration holds the same account.
        shared_account: bool,
    },
    /// Destroy everything personal.
    Erase,
}

/// A business no, in words for the person who will read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// There is no such integration. Check the id, or connect an account first.
    #[error("There is no such connection. Check its id, or connect an account first.")]
    NotFound,
    /// It never got as far as being connected.
    #[error("This account is not connected. Connect it first.")]
    NotConnected,
    /// It was disconnected; connecting again makes a new integration.
    #[error("This connection was ended. Connect the account again to go on.")]
    Disconnected,
    /// It was erased; nothing more can happen to it.
    #[error("This connection was erased and cannot be used again.")]
    Erased,
    /// A walk is recorded that was never started here.
    #[error("This connect link does not belong to this connection. Ask for a fresh one.")]
    UnknownAttempt,
    /// The job is not among the dead letters of this integration.
    #[error("There is no such dead letter. List them with `bellhop dead list`.")]
    NoSuchDeadLetter,
    /// Erasing waits for the disconnect.
    #[error("Disconnect the account before erasing it.")]
    StillConnected,
    /// Erasing waits for the revocation to be done or buried.
    #[error("The provider has not answered the revocation yet. Erase once it is done or has been given up.")]
    RevocationOpen,
}

impl Refusal {
    /// The `code` of the problem document.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotFound => "integration_not_found",
            Self::NotConnected => "integration_not_connected",
            Self::Disconnected => "integration_disconnected",
            Self::Erased => "integration_erased",
            Self::UnknownAttempt => "unknown_attempt",
            Self::NoSuchDeadLetter => "no_such_dead_letter",
            Self::StillConnected => "integration_still_connected",
            Self::RevocationOpen => "revocation_open",
        }
    }
}
