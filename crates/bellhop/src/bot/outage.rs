//! What fails again and again: tried until it works, said once, and patiently.
//!
//! Without this file a night without Telegram would fill the log, or the second cause would hide behind the first.

use std::fmt::Display;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long to wait after failures, one after the other.
const BACK_OFF: [Duration; 6] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
];

/// Failures in a row: one log line for each kind of them, longer and longer pauses, and a line when they end.
#[derive(Debug, Default)]
pub struct Outage {
    failures: usize,
    /// What was said last.
    said: Option<String>,
}

impl Outage {
    /// Whether this is another failure than the last one. An operator who reads only that Telegram was away for a moment
    /// would never learn that its token has been withdrawn meanwhile.
    fn is_news(&mut self, error: &dyn Display, what: &str) -> bool {
        let said = Some(format!("{what}: {error}"));
        let news = self.said != said;
        self.said = said;
        news
    }

    /// How long to wait before it is tried again. Says what is wrong where that is new.
    pub fn pause(&mut self, error: &dyn Display, what: &str) -> Duration {
        if self.is_news(error, what) {
            tracing::warn!(%error, "{what}; trying again until it works");
        }
        let pause = BACK_OFF.get(self.failures).or(BACK_OFF.last()).copied().unwrap_or_default();
        self.failures += 1;
        pause
    }

    /// It works again.
    pub fn over(&mut self, what: &str) {
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "{what}");
        }
        *self = Self::default();
    }
}

/// Sleeps, unless it is told to stop.
pub async fn rest(pause: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(pause) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::say::Trouble;

    #[test]
    fn another_kind_of_outage_is_said_and_the_same_is_not_said_again() {
        let mut outage = Outage::default();
        let news = [Trouble::Unreachable, Trouble::Unreachable, Trouble::Unauthorized, Trouble::Unauthorized]
            .map(|trouble| outage.is_news(&trouble, "Telegram cannot be listened to"));
        assert_eq!(news, [true, false, true, false]);
        outage.failures = 4;
        outage.over("it works again");
        assert!(outage.is_news(&Trouble::Unauthorized, "Telegram cannot be listened to"), "a new outage");
    }
}
