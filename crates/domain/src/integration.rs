//! The state of one integration and how events change it.
//!
//! `apply` only records: it never refuses, never computes a consequence and never looks at the clock. Decisions are in
//! `decide.rs`; cqrs-es is an adapter around them at the end of this file.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

use crate::command::{Command, Refusal};
use crate::event::Event;
use crate::follow::fetch;
use crate::id::{AttemptId, Generation, JobId, OwnerId};
use crate::job::{JobKind, Payload};
#[cfg(feature = "negative-controls")]
use crate::negative_control::NegativeControl;
use crate::provider::{Capabilities, Provider};
use crate::reason::{AuthorizationFailure, Delivery, ExpiryReason, JobFailure, RevocationPlan};

/// The shape of [`Integration`] as JSON. Raise it with every change to a field or to `apply`: older state rows are then
/// folded again from the log.
pub const STATE_SHAPE: i32 = 3;

/// Where an integration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nothing has happened yet.
    #[default]
    New,
    /// A walk through consent is under way.
    Pending,
    /// The first walk ended without access. A fresh link starts a new integration.
    Failed,
    /// Access is good and complete.
    Active,
    /// Access is good, but something that was asked for was not given.
    Degraded,
    /// Access ended; the person must connect again.
    Expired,
    /// Something failed that the person cannot mend: the provider, or our configuration.
    Error,
    /// The connection was ended.
    Disconnected,
    /// Everything personal was destroyed.
    Erased,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 9] = [
        Self::New,
        Self::Pending,
        Self::Failed,
        Self::Active,
        Self::Degraded,
        Self::Expired,
        Self::Error,
        Self::Disconnected,
        Self::Erased,
    ];

    /// The name in columns and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Pending => "pending",
            Self::Failed => "failed",
            Self::Active => "active",
            Self::Degraded => "degraded",
            Self::Expired => "expired",
            Self::Error => "error",
            Self::Disconnected => "disconnected",
            Self::Erased => "erased",
        }
    }

    /// The status of this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether the integration was granted access that has not been ended by the owner.
    #[must_use]
    pub const fn is_linked(self) -> bool {
        matches!(self, Self::Active | Self::Degraded | Self::Expired | Self::Error)
    }

    /// Whether calls to the provider can be expected to work.
    #[must_use]
    pub const fn is_usable(self) -> bool {
        matches!(self, Self::Active | Self::Degraded | Self::Error)
    }
}

/// The state that decisions are made on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Integration {
    /// Where it stands.
    pub status: Status,
    /// Who connected it. Absent only before the first event.
    pub owner: Option<OwnerId>,
    /// Whose account it is. Absent only before the first event.
    pub provider: Option<Provider>,
    /// The walk under way, if any.
    pub attempt: Option<AttemptId>,
    /// Why the last walk failed, if it did.
    pub failure: Option<AuthorizationFailure>,
    /// The current token set, or the fence that a disconnect put in its place.
    pub generation: Generation,
    /// The provider's scopes, as granted.
    pub scopes: BTreeSet<String>,
    /// What these allow.
    pub granted: Capabilities,
    /// What was asked for and not given.
    pub missing: Capabilities,
    /// When the current token set was issued.
    pub issued_at: Option<DateTime<Utc>>,
    /// When the access token ends, where the provider said so.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether there is a refresh token.
    pub refreshable: bool,
    /// When access was last refreshed.
    pub refreshed_at: Option<DateTime<Utc>>,
    /// Why access ended, while it is expired.
    pub expired: Option<ExpiryReason>,
    /// What is wrong, while it is in error.
    pub fault: Option<JobFailure>,
    /// The recurring kinds that were given up and have not ended well since.
    pub failing: BTreeSet<JobKind>,
    /// Of which kinds' trouble the owner has been told, as long as it has not been seen to end.
    pub told: BTreeSet<JobKind>,
    /// The recurring kinds that an outage has held back for long and that have not been done since.
    pub held: BTreeSet<JobKind>,
    /// Whether the owner was reached with a word of the trouble under way.
    pub heard: bool,
    /// Jobs that were given up and neither replayed nor discarded.
    pub dead: BTreeMap<JobId, Payload>,
    /// Walks that somebody else tried to finish.
    pub rejected: BTreeSet<AttemptId>,
    /// The revocation that has neither been answered nor given up.
    pub revoking: bool,
}

impl Integration {
    /// Takes in one event.
    pub fn take_in(&mut self, event: &Event) {
        #[cfg(feature = "negative-controls")]
        if NegativeControl::FoldWithoutJobBuried.is_on() && matches!(event, Event::JobBuried { .. }) {
            return;
        }
        match event {
            Event::AuthorizationStarted { owner, provider, attempt, .. } => {
                self.owner = Some(*owner);
                self.provider = Some(*provider);
                self.attempt = Some(*attempt);
                self.failure = None;
                if self.status == Status::New {
                    self.status = Status::Pending;
                }
            }
            Event::AuthorizationFailed { attempt, reason } => {
                self.failure = Some(*reason);
                self.end_attempt(*attempt);
            }
            Event::LinkRejected { attempt } => {
                self.rejected.insert(*attempt);
                self.end_attempt(*attempt);
            }
            Event::AccessGranted {
                attempt,
                generation,
                scopes,
                granted,
                missing,
                issued_at,
                expires_at,
                refreshable,
            } => {
                self.end_attempt(*attempt);
                self.failure = None;
                self.generation = *generation;
                self.scopes.clone_from(scopes);
                self.granted.clone_from(granted);
                self.missing.clone_from(missing);
                self.refreshable = *refreshable;
                self.issued_at = Some(*issued_at);
                self.expires_at = *expires_at;
                self.expired = None;
                self.fault = None;
                self.failing.clear();
                self.forget_trouble();
                self.status = self.status_with_access();
            }
            Event::AccessRefreshed { generation, issued_at, expires_at, .. } => {
                self.generation = *generation;
                self.refreshed_at = Some(*issued_at);
                self.issued_at = Some(*issued_at);
                self.expires_at = *expires_at;
            }
            Event::RefreshFailed { reason } => {
                if reason.is_configuration_fault() {
                    self.enter_error(*reason);
                }
            }
            Event::AccessExpired { reason } => {
                self.status = Status::Expired;
                self.expired = Some(*reason);
                self.fault = None;
                // What waited for the provider has ended with the access.
                self.held.clear();
                self.told.insert(JobKind::RefreshAccess);
            }
            Event::AccessReduced { scopes, granted, missing } => self.take_reduction(scopes, granted, missing),
            Event::AccessRecovered { granted, .. } => self.take_recovery(granted),
            Event::OutageBegan { kind, .. } => {
                self.held.insert(*kind);
            }
            Event::OutageEnded { kind, .. } => {
                self.held.remove(kind);
                self.unhear();
            }
            Event::OwnerNotified { notice, delivery, over, .. } => {
                if notice.is_of_trouble() && *delivery == Delivery::Sent {
                    self.heard = !over;
                }
            }
            Event::AccessRevoked { .. } => self.revoking = false,
            Event::JobBuried { job, payload, reason, alert, .. } => self.take_burial(*job, payload, *reason, *alert),
            Event::JobReplayed { job, payload } => {
                self.dead.remove(job);
                if payload.kind() == JobKind::RevokeAccess {
                    self.revoking = true;
                }
            }
            Event::JobDiscarded { job, .. } => {
                self.dead.remove(job);
            }
            Event::Disconnected { generation, revocation } => self.take_leave(*generation, *revocation),
            Event::Erased { generation } => {
                self.status = Status::Erased;
                self.generation = *generation;
                self.dead.clear();
            }
            Event::MailFetched { .. } | Event::CalendarFetched { .. } | Event::JobFailed { .. } => {}
        }
    }

    /// Whether there is trouble that the owner knows of, or is about to hear of.
    #[must_use]
    pub fn is_in_trouble(&self) -> bool {
        !(self.told.is_empty() && self.held.is_empty())
    }

    fn take_recovery(&mut self, granted: &Capabilities) {
        let works =
            |kind: &JobKind| *kind == JobKind::RefreshAccess || granted.iter().any(|one| fetch(*one).kind() == *kind);
        // Where one of two fetches works again, the trouble with the other goes on.
        self.failing.retain(|kind| !works(kind));
        self.told.retain(|kind| !works(kind));
        self.unhear();
        self.fault = None;
        self.expired = None;
        if self.status.is_linked() {
            self.status = self.status_with_access();
        }
    }

    /// What was heard was about this trouble, not about the next.
    fn unhear(&mut self) {
        self.heard &= self.is_in_trouble();
    }

    fn forget_trouble(&mut self) {
        self.told.clear();
        self.held.clear();
        self.heard = false;
    }

    fn take_reduction(&mut self, scopes: &BTreeSet<String>, granted: &Capabilities, missing: &Capabilities) {
        self.scopes.clone_from(scopes);
        self.granted.clone_from(granted);
        self.missing.clone_from(missing);
        // What may not be fetched cannot fail any more.
        let is_missing = |kind: &JobKind| missing.iter().any(|one| fetch(*one).kind() == *kind);
        self.failing.retain(|kind| !is_missing(kind));
        self.told.retain(|kind| !is_missing(kind));
        self.held.retain(|kind| !is_missing(kind));
        self.unhear();
        if matches!(self.status, Status::Active | Status::Degraded) {
            self.status = self.status_with_access();
        }
    }

    fn take_burial(&mut self, job: JobId, payload: &Payload, reason: JobFailure, alert: bool) {
        let kind = payload.kind();
        if kind.is_single() {
            // The newest letter of such a kind replays the same work as those before it.
            self.dead.retain(|_, older| older.kind() != kind);
        }
        self.dead.insert(job, payload.clone());
        // The provider has answered: whatever is wrong is not that outage any more.
        self.held.remove(&kind);
        if alert {
            self.told.insert(kind);
        }
        match kind {
            JobKind::RefreshAccess => {
                self.failing.insert(kind);
                self.enter_error(reason);
            }
            JobKind::FetchMail | JobKind::FetchCalendar => {
                self.failing.insert(kind);
            }
            JobKind::RevokeAccess => self.revoking = false,
            JobKind::NotifyOwner => {}
        }
    }

    fn take_leave(&mut self, generation: Generation, revocation: RevocationPlan) {
        self.status = Status::Disconnected;
        self.generation = generation;
        self.attempt = None;
        self.expires_at = None;
        self.expired = None;
        self.fault = None;
        // What goes wrong from here on is about the revocation, and the person has not heard of that.
        self.failing.clear();
        self.forget_trouble();
        self.dead.clear();
        self.revoking = revocation == RevocationPlan::Revoke;
    }

    fn end_attempt(&mut self, attempt: AttemptId) {
        if self.attempt == Some(attempt) {
            self.attempt = None;
            if self.status == Status::Pending {
                self.status = Status::Failed;
            }
        }
    }

    fn enter_error(&mut self, reason: JobFailure) {
        if self.status.is_usable() {
            self.status = Status::Error;
            self.fault = Some(reason);
        }
    }

    fn status_with_access(&self) -> Status {
        if self.missing.is_empty() { Status::Active } else { Status::Degraded }
    }
}

/// When a decision is made: the one thing the framework's `Services` carry.
#[derive(Debug, Clone, Copy)]
pub struct At(pub DateTime<Utc>);

impl Aggregate for Integration {
    const TYPE: &'static str = "integration";
    type Command = Command;
    type Event = Event;
    type Error = Refusal;
    type Services = At;

    async fn handle(&mut self, command: Command, at: &At, sink: &EventSink<Self>) -> Result<(), Refusal> {
        for event in self.decide(command, at.0)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Event) {
        self.take_in(&event);
    }
}
