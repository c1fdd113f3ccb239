//! What is wrong with the settings, each once.

use std::fmt;

use thiserror::Error;

/// A setting that is missing or makes no sense. Tell the operator and stop.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name}: {problem}")]
pub struct ConfigError {
    /// Which setting.
    pub name: String,
    /// What is wrong and what to do.
    pub problem: String,
}

impl ConfigError {
    pub(crate) fn new(name: &str, problem: impl Into<String>) -> Self {
        Self { name: name.to_owned(), problem: problem.into() }
    }

    /// The setting, whether it was given itself or as a file.
    fn setting(&self) -> &str {
        self.name.strip_suffix("_FILE").unwrap_or(&self.name)
    }
}

/// Everything that is wrong with the settings, a line for each. Tell the operator and stop.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// Keeps what is wrong. Of each setting the first counts: what comes after, such as that it is required, follows from that.
    pub(super) fn add(&mut self, error: ConfigError) {
        if self.0.iter().all(|known| known.setting() != error.setting()) {
            self.0.push(error);
        }
    }

    /// What was read, or nothing where that is wrong.
    pub(super) fn heed<T>(&mut self, read: Result<T, ConfigError>) -> Option<T> {
        read.map_err(|error| self.add(error)).ok()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigError> {
        self.0.iter()
    }

    /// Whether something is wrong with one of these.
    pub fn concern(&self, names: &[&str]) -> bool {
        self.0.iter().any(|error| names.contains(&error.setting()))
    }

    /// The one thing that is wrong, where a test made no other.
    #[cfg(test)]
    pub fn only(self) -> ConfigError {
        assert_eq!(self.0.len(), 1, "{self}");
        self.0.into_iter().next().unwrap()
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                formatter.write_str("\n")?;
            }
            error.fmt(formatter)?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
