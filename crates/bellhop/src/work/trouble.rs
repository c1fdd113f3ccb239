//! Saying a lasting failure once, and its end once: a loop that tries every second must not fill the log.

use std::fmt::Display;

/// Whether something is failing at the moment.
#[derive(Debug)]
pub struct Trouble {
    what: &'static str,
    lasting: bool,
}

impl Trouble {
    /// Nothing is failing yet. `what` names what would be.
    pub const fn with(what: &'static str) -> Self {
        Self { what, lasting: false }
    }

    /// It failed.
    pub fn met(&mut self, error: &dyn Display) {
        if !self.lasting {
            tracing::warn!(what = self.what, %error, "failing; it is tried again until it works");
            self.lasting = true;
        }
    }

    /// It worked.
    pub fn over(&mut self) {
        if self.lasting {
            tracing::info!(what = self.what, "works again");
            self.lasting = false;
        }
    }
}
