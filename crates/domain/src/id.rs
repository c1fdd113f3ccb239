//! Identities as types, so that a tenant cannot be passed where an integration is meant.
//!
//! Only identifiers live here; what they identify does not. All of them are random or derived from random ones: none
//! carries anything about a person.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

/// The text was not an identifier. Ask for a UUID such as `0190a5d0-0000-7000-8000-000000000000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an identifier: expected a UUID")]
pub struct ParseIdError;

// A macro because the alternative is eight copies of the same forty lines.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes a UUID for this identifier.
            #[must_use]
            pub const fn new(value: Uuid) -> Self {
                Self(value)
            }

            /// The UUID itself, for columns and keys.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self).map_err(|_| ParseIdError)
            }
        }
    };
}

identifier!(
    /// Who shares nothing with anybody else: the unit of isolation.
    TenantId
);
identifier!(
    /// A Telegram user or an API actor. Random, so that it says nothing about the person.
    OwnerId
);
identifier!(
    /// One account of one provider connected by one owner; also the id of its stream of events.
    IntegrationId
);
identifier!(
    /// One walk through a provider's consent.
    AttemptId
);
identifier!(
    /// One event in the log.
    EventId
);
identifier!(
    /// One request to change something. Repeating it repeats the answer, not the change.
    CommandId
);
identifier!(
    /// One job.
    JobId
);

/// Which token set of an integration is meant. Every grant, refresh, disconnect and erasure takes the next one, which
/// is what fences off answers that arrive late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(i64);

impl Generation {
    /// Takes a number read from storage.
    #[must_use]
    pub const fn new(value: i64) -> Self {
        Self(value)
    }

    /// The number, for columns.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl JobId {
    /// The id of the job of this kind and subject that this event opens: the same for every fold of the log.
    #[must_use]
    pub fn derive(integration: IntegrationId, kind: &str, subject: &str, event: EventId) -> Self {
        // A namespace of our own, so that job ids cannot meet ids derived elsewhere.
        const NAMESPACE: Uuid = Uuid::from_u128(0x6265_6c6c_686f_7050_8a6f_6273_6a6f_6273);
        let name = format!("{integration}/{kind}/{subject}/{event}");
        Self(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_id_depends_on_everything_that_names_the_job() {
        let [one, two] = [1, 2].map(Uuid::from_u128);
        let base = JobId::derive(IntegrationId(one), "fetch_mail", "", EventId(one));
        assert_eq!(base, JobId::derive(IntegrationId(one), "fetch_mail", "", EventId(one)));
        for other in [
            JobId::derive(IntegrationId(two), "fetch_mail", "", EventId(one)),
            JobId::derive(IntegrationId(one), "refresh_access", "", EventId(one)),
            JobId::derive(IntegrationId(one), "fetch_mail", "a", EventId(one)),
            JobId::derive(IntegrationId(one), "fetch_mail", "", EventId(two)),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn text_that_is_no_uuid_is_refused() {
        assert_eq!("inbox".parse::<IntegrationId>(), Err(ParseIdError));
    }
}
