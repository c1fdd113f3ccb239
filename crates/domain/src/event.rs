//! What happened to an integration, in the past tense. These are the words of the log and outlive every release.
//!
//! An event carries ids, generations, counts, fingerprints, scopes, times and bounded reasons: nothing secret and
//! nothing about a person. A change of meaning is a new version of the event, never an edit of an old one.

use std::collections::BTreeSet;
use std::ops::Not;

use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};

use crate::id::{AttemptId, EventId, Generation, IntegrationId, JobId, OwnerId, TenantId};
use crate::job::{JobKind, Notice, Payload};
use crate::provider::{Capabilities, Provider};
use crate::reason::{AuthorizationFailure, Delivery, ExpiryReason, JobFailure, RevocationOutcome, RevocationPlan};

/// How a fetch found its news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FetchMode {
    /// From the beginning: the first time, or because the cursor was too old.
    Full,
    /// From the cursor on.
    Incremental,
}

/// Something that happened to one integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub enum Event {
    /// A browser was sent to the provider to consent.
    AuthorizationStarted {
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
    AuthorizationFailed {
        /// Which walk.
        attempt: AttemptId,
        /// Why.
        reason: AuthorizationFailure,
    },
    /// Somebody other than the initiator brought the finish code. Nothing was exchanged.
    LinkRejected {
        /// Which walk.
        attempt: AttemptId,
    },
    /// The provider gave access.
    AccessGranted {
        /// Which walk.
        attempt: AttemptId,
        /// The token set now in the vault.
        generation: Generation,
        /// The provider's scopes, as granted.
        scopes: BTreeSet<String>,
        /// What these allow.
        granted: Capabilities,
        /// What was asked for and not given.
        missing: Capabilities,
        /// When it was issued.
        issued_at: DateTime<Utc>,
        /// When the access token ends, where the provider said so.
        expires_at: Option<DateTime<Utc>>,
        /// Whether there is a refresh token.
        refreshable: bool,
    },
    /// A new token set replaced the old one.
    AccessRefreshed {
        /// The token set now in the vault.
        generation: Generation,
        /// When it was issued.
        issued_at: DateTime<Utc>,
        /// When the access token ends, where the provider said so.
        expires_at: Option<DateTime<Utc>>,
        /// Whether the provider sent a new refresh token too.
        rotated: bool,
    },
    /// A refresh failed and may work later.
    RefreshFailed {
        /// Why.
        reason: JobFailure,
    },
    /// Access is gone until the person connects again.
    AccessExpired {
        /// Why.
        reason: ExpiryReason,
    },
    /// Access goes on and allows less than was granted: taken back at the provider, or never in the tokens.
    AccessReduced {
        /// The provider's scopes that are left.
        scopes: BTreeSet<String>,
        /// What these allow.
        granted: Capabilities,
        /// What was asked for and is not given, or not any more.
        missing: Capabilities,
    },
    /// Something that had been failing works again.
    AccessRecovered {
        /// What can be fetched again.
        granted: Capabilities,
        /// Whether the owner is to be told: they have heard of the trouble, and no more of it is left that they have heard of.
        #[serde(default, skip_serializing_if = "Not::not")]
        tell: bool,
    },
    /// A job has been held back for long, as the provider keeps failing. It waits on; nothing was given up.
    OutageBegan {
        /// What is not done meanwhile.
        kind: JobKind,
        /// How the provider fails.
        reason: JobFailure,
        /// Whether the owner is to be told: once per trouble, not once for everything that it stops.
        alert: bool,
    },
    /// What an outage had held back has been done.
    OutageEnded {
        /// What.
        kind: JobKind,
        /// As in `AccessRecovered`.
        #[serde(default, skip_serializing_if = "Not::not")]
        tell: bool,
    },
    /// A fetch found news and stored it.
    MailFetched {
        /// How.
        mode: FetchMode,
        /// Messages that are new.
        added: u32,
        /// Messages that were stored again because they changed.
        updated: u32,
        /// Messages that are gone.
        removed: u32,
        /// A keyed hash of the cursor reached.
        cursor: String,
    },
    /// A fetch of one calendar found news and stored it.
    CalendarFetched {
        /// A keyed hash of which: a calendar's id is an address.
        calendar: String,
        /// How.
        mode: FetchMode,
        /// Entries that are new. A series counts once, each exception to it too.
        added: u32,
        /// Entries that were stored again because they changed.
        updated: u32,
        /// Entries that are gone.
        removed: u32,
        /// A keyed hash of the cursor reached.
        cursor: String,
    },
    /// The owner was told something, or could not be.
    OwnerNotified {
        /// The job that did it.
        job: JobId,
        /// What was said.
        notice: Notice,
        /// Where it went.
        delivery: Delivery,
        /// Whether what it said was over by the time that it had been said. Then the owner is told that, too.
        #[serde(default, skip_serializing_if = "Not::not")]
        over: bool,
    },
    /// The provider ended the grant.
    AccessRevoked {
        /// The job that did it.
        job: JobId,
        /// How the provider answered.
        outcome: RevocationOutcome,
    },
    /// A run of a job failed; it will be tried again.
    JobFailed {
        /// Which job.
        job: JobId,
        /// What it does.
        kind: JobKind,
        /// Which attempt this was, from 1.
        attempt: u32,
        /// Why it failed.
        reason: JobFailure,
    },
    /// A job was given up and lies with the dead letters.
    JobBuried {
        /// Which job.
        job: JobId,
        /// What it was to do, so that the log alone can bring it back.
        payload: Payload,
        /// How many attempts were made.
        attempts: u32,
        /// Why the last one failed.
        reason: JobFailure,
        /// Whether the owner is to be told: once per trouble, not once per letter.
        alert: bool,
    },
    /// An operator took a dead letter up again.
    JobReplayed {
        /// Which job.
        job: JobId,
        /// What it does.
        payload: Payload,
    },
    /// A dead letter was closed for good.
    JobDiscarded {
        /// Which job.
        job: JobId,
        /// What it would have done.
        kind: JobKind,
        /// Whether it was closed because the work had been done another way.
        superseded: bool,
    },
    /// The owner, or an operator for them, ended the connection.
    Disconnected {
        /// The generation taken, so that late token answers are dropped.
        generation: Generation,
        /// What happens at the provider.
        revocation: RevocationPlan,
    },
    /// Everything personal was destroyed with its key. Only the log remains.
    Erased {
        /// The generation taken.
        generation: Generation,
    },
}

impl Event {
    /// The name in the log's type column.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AuthorizationStarted { .. } => "AuthorizationStarted",
            Self::AuthorizationFailed { .. } => "AuthorizationFailed",
            Self::LinkRejected { .. } => "LinkRejected",
            Self::AccessGranted { .. } => "AccessGranted",
            Self::AccessRefreshed { .. } => "AccessRefreshed",
            Self::RefreshFailed { .. } => "RefreshFailed",
            Self::AccessExpired { .. } => "AccessExpired",
            Self::AccessReduced { .. } => "AccessReduced",
            Self::AccessRecovered { .. } => "AccessRecovered",
            Self::OutageBegan { .. } => "OutageBegan",
            Self::OutageEnded { .. } => "OutageEnded",
            Self::MailFetched { .. } => "MailFetched",
            Self::CalendarFetched { .. } => "CalendarFetched",
            Self::OwnerNotified { .. } => "OwnerNotified",
            Self::AccessRevoked { .. } => "AccessRevoked",
            Self::JobFailed { .. } => "JobFailed",
            Self::JobBuried { .. } => "JobBuried",
            Self::JobReplayed { .. } => "JobReplayed",
            Self::JobDiscarded { .. } => "JobDiscarded",
            Self::Disconnected { .. } => "Disconnected",
            Self::Erased { .. } => "Erased",
        }
    }

    /// The version of this event's payload. Raised when its meaning changes.
    #[must_use]
    pub const fn schema_version(&self) -> u16 {
        1
    }
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        self.name().to_owned()
    }

    fn event_version(&self) -> String {
        self.schema_version().to_string()
    }
}

/// An event in its place: what `follow` and every fold read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// The event's own id.
    pub id: EventId,
    /// Whose stream it is in.
    pub integration: IntegrationId,
    /// The tenant of that stream.
    pub tenant: TenantId,
    /// Its place in the stream, from 1 without gaps.
    pub version: i64,
    /// When it happened, by the application's clock.
    pub at: DateTime<Utc>,
    /// What happened.
    pub event: Event,
}
