//! How long a provider wants us to wait (RFC 9110, section 10.2.3).
//!
//! The header may hold a date, which would tempt one to read the clock. It is measured against the answer's own `Date`
//! instead: the provider's two times agree with each other even where its clock and ours do not.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The longest wait we take from a provider: one day. A longer one is a mistake or an attack, and would stop an account's
/// jobs for good.
pub const RETRY_AFTER_LIMIT: Duration = Duration::from_hours(24);

/// Reads the header; `None` where it is missing, unreadable, or a date without a `Date` to measure it against.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a u64 holds are still a wish to wait very long.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let until = read_date(text)?;
        let sent = read_date(headers.get(DATE)?.to_str().ok()?.trim())?;
        // A date that has passed means now.
        (until - sent).to_std().unwrap_or(Duration::ZERO)
    };
    Some(wait.min(RETRY_AFTER_LIMIT))
}

/// The three forms of an HTTP date (RFC 9110, section 5.6.7), the last two obsolete but to be understood.
fn read_date(text: &str) -> Option<DateTime<Utc>> {
    ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .into_iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(retry: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        retry_after(&headers)
    }

    #[test]
    fn seconds_are_read_and_bounded() {
        assert_eq!(read("0", None), Some(Duration::ZERO));
        assert_eq!(read(" 121 ", None), Some(Duration::from_secs(121)));
        assert_eq!(read("86401", None), Some(RETRY_AFTER_LIMIT));
        assert_eq!(read("99999999999999999999999", None), Some(RETRY_AFTER_LIMIT));
    }

    #[test]
    fn a_date_is_measured_against_the_answers_own_date() {
        let sent = Some("Fri, 20 Nov 2026 12:00:00 GMT");
        for until in ["Fri, 20 Nov 2026 12:01:30 GMT", "Friday, 20-Nov-26 12:01:30 GMT", "Fri Nov 20 12:01:30 2026"] {
            assert_eq!(read(until, sent), Some(Duration::from_secs(90)), "{until}");
        }
        assert_eq!(read("Fri, 20 Nov 2026 11:00:00 GMT", sent), Some(Duration::ZERO));
        assert_eq!(read("Fri, 20 Nov 2099 11:00:00 GMT", sent), Some(RETRY_AFTER_LIMIT));
        assert_eq!(read("Fri, 20 Nov 2026 12:01:30 GMT", None), None);
    }

    #[test]
    fn nonsense_is_no_wish() {
        for text in ["", "-1", "1.5", "soon", "1e3", "Fri, 99 Nov 2026 12:01:30 GMT"] {
            assert_eq!(read(text, Some("Fri, 20 Nov 2026 12:00:00 GMT")), None, "{text}");
        }
    }
}
