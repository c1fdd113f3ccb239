//! When an answer from what is stored is brought up to date, and what is going on meanwhile: alike for mail and calendars.

use chrono::{DateTime, TimeDelta, Utc};

/// An answer older than this is brought up to date.
const FRESH: TimeDelta = TimeDelta::seconds(60);

/// An answer younger than this is not fetched again, however often somebody taps.
const JUST_CHECKED: TimeDelta = TimeDelta::seconds(5);

/// What is going on while an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetch {
    /// Nothing: this is what there is.
    Settled,
    /// News has been asked for.
    Asked,
    /// It was asked for and has not come within two minutes.
    Late,
    /// It has been asked for and waits: the provider keeps failing and is left alone.
    Held,
}

/// Whether news was asked for, for whoever taps and would see nothing change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It was, and the message says so.
    Asked,
    /// There can be none yet: the last answer is too young.
    TooSoon,
    /// Nobody can be asked, and the message says why.
    Unheard,
}

impl News {
    /// Whether news `is_asked` for, of what `can_be_read` at all.
    #[must_use]
    pub const fn of(is_asked: bool, can_be_read: bool) -> Self {
        match (is_asked, can_be_read) {
            (_, false) => Self::Unheard,
            (true, true) => Self::Asked,
            (false, true) => Self::TooSoon,
        }
    }

    /// What a tap on Refresh is answered with.
    #[must_use]
    pub fn said(self) -> Option<String> {
        (self == Self::TooSoon).then(|| "I looked a moment ago. Tap again in a few seconds.".to_owned())
    }
}

/// Whether what was last checked then is to be fetched again now; `refresh` where somebody asks for just that.
#[must_use]
pub fn is_stale(checked_at: Option<DateTime<Utc>>, now: DateTime<Utc>, refresh: bool) -> bool {
    let enough = if refresh { JUST_CHECKED } else { FRESH };
    checked_at.is_none_or(|checked| now - checked > enough)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_that_changes_nothing_says_why_unless_the_message_does() {
        let said = |is_asked, can_be_read| News::of(is_asked, can_be_read).said();
        assert_eq!(said(false, true).as_deref(), Some("I looked a moment ago. Tap again in a few seconds."));
        assert_eq!([said(true, true), said(false, false), said(true, false)], [None, None, None]);
    }

    #[test]
    fn what_was_never_checked_is_stale_and_a_tap_asks_for_more_than_a_look() {
        let now = DateTime::UNIX_EPOCH;
        let stale = |seconds, refresh| is_stale(Some(now - TimeDelta::seconds(seconds)), now, refresh);
        assert!(is_stale(None, now, false) && stale(61, false) && stale(6, true));
        assert!(!stale(60, false) && !stale(5, true));
    }
}
