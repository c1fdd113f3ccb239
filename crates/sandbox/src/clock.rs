//! The one place that reads the system clock.
//!
//! Tests move every process at once by writing an offset into a shared file; without this file the
//! sandbox's tokens would outlive the clock of the program under test. No other module may ask for the time.

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};

/// The system clock plus the offset that the file holds.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset_file: Option<PathBuf>,
}

impl Clock {
    pub fn new(offset_file: Option<PathBuf>) -> Self {
        Self { offset_file }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> DateTime<Utc> {
        let now = Utc::now();
        // An offset beyond the calendar's end is no offset.
        now.checked_add_signed(self.offset()).unwrap_or(now)
    }

    /// Zero where the file is missing, empty or not a number: a half-written file must not stop the server.
    pub fn offset(&self) -> TimeDelta {
        let milliseconds = self
            .offset_file
            .as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok())
            .and_then(|text| text.trim().parse::<i64>().ok())
            .unwrap_or_default();
        TimeDelta::try_milliseconds(milliseconds).unwrap_or_default()
    }
}
