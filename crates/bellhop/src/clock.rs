//! The application's clock: the only place that asks for the time.
//!
//! With the cargo feature `test-clock`, every process of a test adds an offset that they all read from one file, so that
//! an hour passes at once for all of them. Release builds refuse the feature.

use chrono::{DateTime, SubsecRound, Utc};

#[cfg(all(feature = "test-clock", not(debug_assertions)))]
compile_error!("the feature `test-clock` is for tests: a release must tell the real time");

/// Tells the time. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    #[cfg(feature = "test-clock")]
    offset_file: Option<std::path::PathBuf>,
}

impl Clock {
    /// The clock of this process.
    #[must_use]
    pub fn of_process() -> Self {
        #[cfg(feature = "test-clock")]
        // No setting: the shared offset of a test means nothing to a release.
        return Self { offset_file: std::env::var_os("CLOCK_OFFSET_FILE").map(Into::into) };
        #[cfg(not(feature = "test-clock"))]
        Self {}
    }

    /// Now, in whole microseconds: Postgres keeps no more, and what is derived from a time must not differ from what is
    /// read back.
    #[must_use]
    #[cfg_attr(
        not(feature = "test-clock"),
        expect(clippy::unused_self, reason = "the time is the clock's to tell, also where it adds nothing")
    )]
    pub fn now(&self) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "this is where the time is asked for")]
        let now = Utc::now();
        #[cfg(feature = "test-clock")]
        let now = now + self.offset();
        now.trunc_subsecs(6)
    }

    #[cfg(feature = "test-clock")]
    fn offset(&self) -> chrono::TimeDelta {
        let milliseconds = self
            .offset_file
            .as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok())
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0);
        chrono::TimeDelta::milliseconds(milliseconds)
    }
}
