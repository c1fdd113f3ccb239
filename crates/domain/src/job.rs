//! Jobs as data: what is to be done, for which integration, and when it is first due.
//!
//! How a job is done is not known here, nor how often it has been tried: attempts, leases and later due times belong to
//! the job table.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{EventId, Generation, IntegrationId, JobId};
use crate::provider::{Capabilities, UnknownName};
use crate::reason::{ExpiryReason, JobFailure};

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Exchange the refresh token for a new token set.
    RefreshAccess,
    /// Bring the stored mail up to date.
    FetchMail,
    /// Bring the stored calendars up to date.
    FetchCalendar,
    /// Ask the provider to end the grant.
    RevokeAccess,
    /// Tell the owner something.
    NotifyOwner,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::RefreshAccess, Self::FetchMail, Self::FetchCalendar, Self::RevokeAccess, Self::NotifyOwner];

    /// The name in columns, metrics and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RefreshAccess => "refresh_access",
            Self::FetchMail => "fetch_mail",
            Self::FetchCalendar => "fetch_calendar",
            Self::RevokeAccess => "revoke_access",
            Self::NotifyOwner => "notify_owner",
        }
    }

    /// The queue it waits in.
    #[must_use]
    pub const fn queue(self) -> Queue {
        match self {
            Self::RefreshAccess | Self::RevokeAccess => Queue::Access,
            Self::FetchMail | Self::FetchCalendar => Queue::Fetch,
            Self::NotifyOwner => Queue::Notify,
        }
    }

    /// Whether an integration has at most one open job of this kind and subject, which goes on by a successor after a
    /// burial.
    #[must_use]
    pub const fn is_single(self) -> bool {
        match self {
            Self::RefreshAccess | Self::FetchMail | Self::FetchCalendar => true,
            Self::RevokeAccess | Self::NotifyOwner => false,
        }
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for JobKind {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| UnknownName::among(&Self::ALL.map(Self::name)))
    }
}

/// Where jobs wait. Each queue has its own run slots, so that a slow mailbox does not delay a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Queue {
    /// Short calls that keep or end access.
    Access,
    /// Long calls that fetch content.
    Fetch,
    /// Messages to people.
    Notify,
}

impl Queue {
    /// Every queue.
    pub const ALL: [Self; 3] = [Self::Access, Self::Fetch, Self::Notify];

    /// The name in columns, metrics and on the belt.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Fetch => "fetch",
            Self::Notify => "notify",
        }
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What a job needs to know beyond its integration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Payload {
    /// See [`JobKind::RefreshAccess`].
    RefreshAccess {
        /// The token set to be replaced. Where a newer one exists, the job is already done.
        generation: Generation,
    },
    /// See [`JobKind::FetchMail`].
    FetchMail,
    /// See [`JobKind::FetchCalendar`].
    FetchCalendar,
    /// See [`JobKind::RevokeAccess`].
    RevokeAccess {
        /// The token set whose grant is to end.
        generation: Generation,
    },
    /// See [`JobKind::NotifyOwner`].
    NotifyOwner {
        /// What to say.
        notice: Notice,
    },
}

impl Payload {
    /// The kind of the job that carries this.
    #[must_use]
    pub const fn kind(&self) -> JobKind {
        match self {
            Self::RefreshAccess { .. } => JobKind::RefreshAccess,
            Self::FetchMail => JobKind::FetchMail,
            Self::FetchCalendar => JobKind::FetchCalendar,
            Self::RevokeAccess { .. } => JobKind::RevokeAccess,
            Self::NotifyOwner { .. } => JobKind::NotifyOwner,
        }
    }

    /// Which part of the integration the job is about, where a kind has one job per part; else empty.
    #[must_use]
    pub const fn subject(&self) -> &'static str {
        match self {
            Self::RefreshAccess { .. }
            | Self::FetchMail
            | Self::FetchCalendar
            | Self::RevokeAccess { .. }
            | Self::NotifyOwner { .. } => "",
        }
    }
}

/// Something a person should hear without having asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// Access ended; only they can bring it back.
    AccessExpired {
        /// Why.
        reason: ExpiryReason,
    },
    /// Access goes on and allows less than was granted; only they can allow it again.
    AccessReduced {
        /// All that is missing now.
        missing: Capabilities,
    },
    /// Something keeps failing; the operator has a dead letter.
    JobBuried {
        /// What was being done.
        kind: JobKind,
        /// Why it failed in the end.
        reason: JobFailure,
    },
    /// The provider has been failing for long; everything waits and nothing is lost.
    OutageBegan {
        /// How it fails.
        reason: JobFailure,
    },
    /// What they were told of is over.
    TroubleOver,
}

impl Notice {
    /// Whether it is about trouble that ends some time: whoever has heard of it wants to hear of its end.
    #[must_use]
    pub const fn is_of_trouble(&self) -> bool {
        match self {
            Self::AccessExpired { .. } | Self::OutageBegan { .. } => true,
            // What a disconnect left undone at the provider stays so.
            Self::JobBuried { kind, .. } => !matches!(kind, JobKind::RevokeAccess),
            Self::AccessReduced { .. } | Self::TroubleOver => false,
        }
    }
}

/// A job as an event opens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Derived from the integration, the kind and the opening event.
    pub id: JobId,
    /// Whose job it is.
    pub integration: IntegrationId,
    /// What is to be done.
    pub payload: Payload,
    /// When it is first due.
    pub due_at: DateTime<Utc>,
}

impl Job {
    /// The job that this event opens.
    #[must_use]
    pub fn opened_by(event: EventId, integration: IntegrationId, payload: Payload, due_at: DateTime<Utc>) -> Self {
        let id = JobId::derive(integration, payload.kind().name(), payload.subject(), event);
        Self { id, integration, payload, due_at }
    }
}

/// How long before its end a token set is replaced: ten minutes, or half of a shorter life.
#[must_use]
pub fn refresh_lead(lifetime: TimeDelta) -> TimeDelta {
    (lifetime / 2).clamp(TimeDelta::zero(), TimeDelta::minutes(10))
}

/// How long before its end a token is no longer handed to a call that is about to start: two minutes, or a quarter of a
/// shorter life.
#[must_use]
pub fn refresh_window(lifetime: TimeDelta) -> TimeDelta {
    (lifetime / 4).clamp(TimeDelta::zero(), TimeDelta::seconds(120))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name() {
        for kind in JobKind::ALL {
            assert_eq!(kind.name().parse::<JobKind>(), Ok(kind));
        }
    }

    #[test]
    fn an_hour_long_token_is_replaced_ten_minutes_early_and_a_short_one_at_half_its_life() {
        assert_eq!(refresh_lead(TimeDelta::hours(1)), TimeDelta::minutes(10));
        assert_eq!(refresh_lead(TimeDelta::seconds(60)), TimeDelta::seconds(30));
        assert_eq!(refresh_lead(TimeDelta::seconds(-5)), TimeDelta::zero());
        assert_eq!(refresh_window(TimeDelta::hours(1)), TimeDelta::seconds(120));
        assert_eq!(refresh_window(TimeDelta::seconds(60)), TimeDelta::seconds(15));
    }
}
