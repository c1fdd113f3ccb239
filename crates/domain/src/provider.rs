//! Which providers exist and what an account of theirs can be asked for.
//!
//! Names only. Addresses, scope strings and protocol details belong to the providers crate.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The text names nothing we know. The message lists what is known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown name: expected one of {expected}")]
pub struct UnknownName {
    /// The names that would have been accepted.
    pub expected: String,
}

impl UnknownName {
    pub(crate) fn among(names: &[&str]) -> Self {
        Self { expected: names.join(", ") }
    }
}

/// Who holds the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// A Google account, personal or Workspace.
    Google,
}

impl Provider {
    /// Every provider, in the order in which people are offered them.
    pub const ALL: [Self; 1] = [Self::Google];

    /// The name in addresses, columns and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Google => "google",
        }
    }

    /// The name people know.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Google => "Google",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Provider {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.name() == text)
            .ok_or_else(|| UnknownName::among(&Self::ALL.map(Self::name)))
    }
}

/// What a person lets Bellhop do. A provider's scopes are mapped to these by its description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Read mail.
    Mail,
    /// Read the calendar.
    Calendar,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 2] = [Self::Mail, Self::Calendar];

    /// The name in columns and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Calendar => "calendar",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A set of capabilities, sorted so that its JSON is always the same.
pub type Capabilities = BTreeSet<Capability>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_is_found_by_its_name() {
        for provider in Provider::ALL {
            assert_eq!(provider.name().parse::<Provider>(), Ok(provider));
        }
        assert_eq!("yahoo".parse::<Provider>().unwrap_err().to_string(), "unknown name: expected one of google");
    }
}
