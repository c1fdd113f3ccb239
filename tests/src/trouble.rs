//! Why a story cannot go on. One type, so that every step can be asked for with `?`.

use std::error::Error;
use std::fmt;
use std::panic::Location;

/// What a story or a step of it comes to.
pub type Story<T = ()> = Result<T, Trouble>;

/// What went wrong, in words for whoever reads the test's output.
pub struct Trouble(String);

impl Trouble {
    /// Trouble in these words, with the place that reports it.
    #[track_caller]
    pub fn new(words: impl fmt::Display) -> Self {
        Self(format!("{words}\n  at {}", Location::caller()))
    }
}

impl<E: Error> From<E> for Trouble {
    #[track_caller]
    fn from(error: E) -> Self {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            words.push_str(": ");
            words.push_str(&error.to_string());
            cause = error.source();
        }
        Self::new(words)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

// A test that returns an error prints it this way.
impl fmt::Debug for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// Trouble in these words, unless it is so.
#[track_caller]
pub fn ensure(is_so: bool, otherwise: impl fmt::Display) -> Story {
    if is_so { Ok(()) } else { Err(Trouble::new(otherwise)) }
}
