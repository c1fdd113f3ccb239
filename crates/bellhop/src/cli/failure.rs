//! Why a command failed, in words for whoever typed it, and the exit code that says so to a script.

use thiserror::Error;

/// Why a command failed, in words for whoever typed it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// It could not be done.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// The command made no sense; nothing was done.
    #[must_use]
    pub fn not_understood(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }

    /// What the process ends with.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.code
    }

    /// It was done, and found something wrong.
    #[must_use]
    pub fn found(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 3 }
    }
}

impl From<bellhop_store::StoreError> for Failure {
    fn from(error: bellhop_store::StoreError) -> Self {
        Self::new(format!("{error}; `bellhop doctor` may know more"))
    }
}

impl From<bellhop_store::ExecuteError> for Failure {
    fn from(error: bellhop_store::ExecuteError) -> Self {
        match error {
            bellhop_store::ExecuteError::Refused(refusal) => Self::new(refusal.to_string()),
            bellhop_store::ExecuteError::Store(error) => error.into(),
        }
    }
}
