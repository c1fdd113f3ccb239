//! How days and hours travel in a button, and in a message that waits to be brought up to date: as the press that would
//! show them again.

use chrono::{Datelike, NaiveDate};

use super::press::Press;
use super::understand::span::{Hours, Span};

/// Days since the year 1 fit into 24 bits until far beyond the year 9999; the length of a span into the rest.
const DAY_BITS: u32 = 24;

/// The press with this span, and with the shortest slot that is asked for, in minutes.
#[must_use]
pub fn carry(press: Press, span: &Span, at_least: Option<u32>) -> Press {
    let first = u32::try_from(span.first().num_days_from_ce()).unwrap_or(0) & ((1 << DAY_BITS) - 1);
    let more = u32::try_from((span.last() - span.first()).num_days()).unwrap_or(0);
    let press = press.number(first | more << DAY_BITS);
    let hours = span.hours().map_or(0, |hours| i64::from(hours.from_minute()) | i64::from(hours.until_minute()) << 16);
    let at_least = i64::from(at_least.unwrap_or(0).min(u32::from(u16::MAX)));
    let item = hours | at_least << 32;
    if item == 0 { press } else { press.item(item) }
}

/// The span that a press carries, and the shortest slot; nothing where it was not made by [`carry`].
#[must_use]
pub fn carried(press: &Press) -> Option<(Span, Option<u32>)> {
    let first = i32::try_from(press.number & ((1 << DAY_BITS) - 1)).ok()?;
    let first = NaiveDate::from_num_days_from_ce_opt(first)?;
    let last = first.checked_add_days(chrono::Days::new(u64::from(press.number >> DAY_BITS)))?;
    let span = Span::days(first, last)?;
    let item = press.item.unwrap_or(0);
    let part = |shift: u32| u16::try_from(item >> shift & 0xffff).unwrap_or(0);
    let span = match (part(0), part(16)) {
        (_, 0) => span,
        (from, until) => span.only(Hours::minutes(from, until)?),
    };
    Some((span, Some(u32::from(part(32))).filter(|minutes| *minutes > 0)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_span_comes_back_as_it_was(
            day in 0_i32..3_652_000, more in 0_u64..62, hours in prop::option::of((0_u16..1440, 1_u16..=1440)), least: Option<u16>
        ) {
            let first = NaiveDate::from_num_days_from_ce_opt(day).unwrap();
            let span = Span::days(first, first + chrono::Days::new(more)).unwrap();
            let span = match hours.and_then(|(from, until)| Hours::minutes(from, until)) {
                Some(hours) => span.only(hours),
                None => span,
            };
            let least = least.map(u32::from).filter(|minutes| *minutes > 0);
            let press = carry(Press::new("agenda", 'o'), &span, least);
            let press = Press::read(&press.to_string()).unwrap();
            prop_assert_eq!(carried(&press), Some((span, least)));
        }

        #[test]
        fn garbage_never_panics(number: u32, item: Option<i64>) {
            let mut press = Press::new("agenda", 'o').number(number);
            press.item = item;
            let _ = carried(&press);
        }
    }
}
