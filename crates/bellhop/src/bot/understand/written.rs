//! Dates as they are written: `12.5.`, `5/12`, `2026-12-01`, `12 may 2027`, `the 12th`, `12.-14.5.`.
//!
//! Exact dates and amounts of days, weeks and months are computed by `interim`. It is given only text composed here from
//! numbers that have been checked: of other text it takes month 257 for January, and falls over some. Which occurrence is
//! meant of a date without a year is decided at the head of `days.rs`.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};
use interim::{Dialect, parse_date_string};

use super::dates::Misread;
use super::days::{Leaning, Read, Today, YEARS, month_of};
use super::span::Span;
use super::vocabulary::month;
use super::words::Word;

/// How many days of the past a date without a year may lie in, when what comes is asked about.
const RECENT_DAYS: u64 = 30;

/// A day as it is written: with a year, without one, or only its number.
#[derive(Debug, Clone, Copy)]
enum Written {
    Full(NaiveDate),
    DayMonth { day: u32, month: u32 },
    DayOnly(u32),
}

/// A date or an amount of time that this file has composed, as a day.
pub fn on_calendar(composed: &str, today: Today) -> Result<NaiveDate, Misread> {
    let midnight: DateTime<Utc> = today.day.and_time(NaiveTime::MIN).and_utc();
    let day = parse_date_string(composed, midnight, today.dialect).map_err(|_| Misread::NoSuchDay)?.date_naive();
    if YEARS.contains(&day.year()) { Ok(day) } else { Err(Misread::TooFar) }
}

/// One date, written in any way.
pub fn date_at(words: &[Word], today: Today) -> Read {
    let lead = usize::from(words.first()?.is(&["the", "am", "den"]));
    let (written, used) = written_at(words.get(lead..)?, today)?;
    // "I have 12." is no date, "12." alone is, and "on the 12th".
    Some((written.and_then(|written| resolve(written, today)).map(|day| (day, day)), lead + used))
}

/// Two dates of which one leaves to the other what both share: `12.-14.5.`, `may 12 to 14`, `28.12. - 3.1.`.
pub fn range_of_dates(words: &[Word], today: Today) -> Read {
    let lead = usize::from(words.first()?.is(&["the"]));
    let (first, used) = written_or_bare(words.get(lead..)?, today)?;
    let used = used + lead;
    if !words.get(used)?.is(&["to", "-", "until", "and"]) {
        return None;
    }
    let the = usize::from(words.get(used + 1)?.is(&["the"]));
    let (second, more) = written_or_bare(words.get(used + 1 + the..)?, today)?;
    let used = used + 1 + the + more;
    let (first, second) = match (first, second) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(why), _) | (_, Err(why)) => return Some((Err(why), used)),
    };
    // Two bare numbers are hours, or nothing.
    let (first, second) = match (first, second) {
        (Written::DayOnly(_), Written::DayOnly(_)) => return None,
        (Written::DayOnly(day), Written::Full(full)) => (dated(full.year(), full.month(), day), Some(Ok(second))),
        (Written::DayOnly(day), Written::DayMonth { month, .. }) => {
            (Ok(Written::DayMonth { day, month }), Some(Ok(second)))
        }
        (Written::Full(full), Written::DayOnly(day)) => (Ok(first), Some(dated(full.year(), full.month(), day))),
        (Written::DayMonth { month, .. }, Written::DayOnly(day)) => {
            (Ok(first), Some(Ok(Written::DayMonth { day, month })))
        }
        (Written::DayMonth { day, month }, Written::Full(full)) => (dated(full.year(), month, day), Some(Ok(second))),
        _ => (Ok(first), Some(Ok(second))),
    };
    let both = first.and_then(|first| {
        let first = resolve(first, today)?;
        let last = match second {
            Some(Ok(Written::DayMonth { day, month })) => {
                let this = dated(first.year(), month, day).and_then(|written| resolve(written, today))?;
                let next = dated(first.year() + 1, month, day).and_then(|written| resolve(written, today));
                // Over new year, if that is no long way.
                match next {
                    Ok(next) if this < first && Span::days(first, next).is_some() => next,
                    _ => this,
                }
            }
            Some(second) => resolve(second?, today)?,
            None => first,
        };
        if last < first { Err(Misread::Backwards) } else { Ok((first, last)) }
    });
    Some((both, used))
}

fn dated(year: i32, month: u32, day: u32) -> Result<Written, Misread> {
    NaiveDate::from_ymd_opt(year, month, day).map(Written::Full).ok_or(Misread::NoSuchDay)
}

/// The day that is meant by what was written.
fn resolve(written: Written, today: Today) -> Result<NaiveDate, Misread> {
    match written {
        Written::Full(day) => Ok(day),
        Written::DayMonth { day, month } => {
            let occurs = |year| NaiveDate::from_ymd_opt(year, month, day);
            nearest_day(today, occurs).ok_or(Misread::NoSuchDay)
        }
        Written::DayOnly(day) => {
            let first = month_of(today.day).0;
            let months = |shift: i32| {
                let month = if shift < 0 {
                    first.checked_sub_months(Months::new(shift.unsigned_abs()))
                } else {
                    first.checked_add_months(Months::new(shift.unsigned_abs()))
                };
                month?.with_day(day)
            };
            let found = match today.leaning {
                Leaning::Ahead => (0..=2).filter_map(months).find(|day| *day >= today.day),
                Leaning::Back => (-2..=0).rev().filter_map(months).find(|day| *day <= today.day),
            };
            found.ok_or(Misread::NoSuchDay)
        }
    }
}

/// The occurrence that is meant of a day without a year. A leap day has one in eight years at least.
fn nearest_day(today: Today, occurs: impl Fn(i32) -> Option<NaiveDate>) -> Option<NaiveDate> {
    let this = today.day.year();
    match today.leaning {
        Leaning::Back => (this - 8..=this).rev().filter_map(occurs).find(|day| *day <= today.day),
        Leaning::Ahead => {
            let earliest = today.day.checked_sub_days(Days::new(RECENT_DAYS))?;
            (this - 1..=this + 8).filter_map(occurs).find(|day| *day >= earliest)
        }
    }
}

/// A date, or a day's number alone, which only a range gives a month.
fn written_or_bare(words: &[Word], today: Today) -> Option<(Result<Written, Misread>, usize)> {
    written_at(words, today).or_else(|| {
        let day = day_number(&words.first()?.plain)?;
        // "at 9 - 17:30" and "9 to 5 pm" are hours.
        let hours = words.get(1).is_some_and(|word| word.is(&["am", "pm", "uhr", "h", "hours"]));
        (!hours).then_some((Ok(Written::DayOnly(day)), 1))
    })
}

/// The number of a day: `12`, `12.`.
pub fn day_number(plain: &str) -> Option<u32> {
    let digits = plain.strip_suffix('.').unwrap_or(plain);
    let short = digits.len() <= 2 && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    short.then(|| digits.parse().ok()).flatten().filter(|day| (1..=31).contains(day))
}

/// A year, if it is written like one; an error for one that calendars are not kept for.
pub fn year(plain: &str) -> Option<Result<i32, Misread>> {
    let digits = plain.strip_suffix('.').unwrap_or(plain);
    if digits.len() < 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().ok().filter(|year| YEARS.contains(year)).ok_or(Misread::TooFar))
}

/// A date as it is written: `12.5.`, `12.5.2027`, `5/12`, `2026-12-01`, `may 12`, `12 may 2027`, `12th of may`, `12th`.
fn written_at(words: &[Word], today: Today) -> Option<(Result<Written, Misread>, usize)> {
    let first = words.first()?.plain.as_str();
    if let Some(written) = in_figures(first, today) {
        return Some((written, 1));
    }
    let (day, month, used) = if let Some(month) = month(first) {
        let day = day_number(&words.get(1)?.plain)?;
        // "may 12 pm" is nothing, "nov 27 15:00" is a day and an hour.
        (day, month, 2 + ordinal(words.get(2)))
    } else {
        let digits = first.strip_suffix('.').unwrap_or(first);
        let day: u32 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()?;
        let used = 1 + ordinal(words.get(1));
        let of = usize::from(words.get(used).is_some_and(|word| word.is(&["of", "de"])));
        let Some(month) = words.get(used + of).and_then(|word| month(&word.plain)) else {
            let alone = used > 1 || first.ends_with('.');
            let known = day_number(first).map(Written::DayOnly).ok_or(Misread::NoSuchDay);
            return alone.then_some((known, used));
        };
        (day, month, used + of + 1)
    };
    match words.get(used).and_then(|word| year(&word.plain)) {
        Some(Err(why)) => Some((Err(why), used + 1)),
        Some(Ok(year)) => Some((exact(year, month, day, today), used + 1)),
        None => Some((without_year(day, month), used)),
    }
}

fn ordinal(word: Option<&Word>) -> usize {
    usize::from(word.is_some_and(|word| word.is(&["st", "nd", "rd", "th"])))
}

/// A date of figures with dots, slashes or dashes between them. `None` if it is not written like one.
fn in_figures(plain: &str, today: Today) -> Option<Result<Written, Misread>> {
    let mark = plain.chars().find(|letter| !letter.is_ascii_digit()).filter(|mark| ['.', '/', '-'].contains(mark))?;
    let figures: Vec<&str> = plain.strip_suffix(mark).unwrap_or(plain).split(mark).collect();
    let in_digits = |figure: &&str| !figure.is_empty() && figure.bytes().all(|byte| byte.is_ascii_digit());
    if !figures.iter().all(in_digits) {
        return None;
    }
    let value = |figure: &str| figure.parse::<u32>().unwrap_or(u32::MAX);
    match *figures.as_slice() {
        [year_figure, month, day] if year_figure.len() >= 4 => {
            Some(year(year_figure)?.and_then(|year| exact(year, value(month), value(day), today)))
        }
        [first, second, year_figure] => {
            let year = match year_figure.len() {
                2 => Ok(2000 + i32::try_from(value(year_figure)).unwrap_or(0)),
                _ => year(year_figure).unwrap_or(Err(Misread::TooFar)),
            };
            let (day, month) = ordered(value(first), value(second), mark, today);
            Some(year.and_then(|year| exact(year, month, day, today)))
        }
        [first, second] if mark != '-' => {
            let (day, month) = ordered(value(first), value(second), mark, today);
            let written = without_year(day, month);
            // 9.30 may be an hour, and 1.5 an amount: only a second dot makes a wrong one a date.
            (written.is_ok() || mark == '/' || plain.ends_with('.')).then_some(written)
        }
        _ => None,
    }
}

/// Day and month, in the order in which the person writes them.
fn ordered(first: u32, second: u32, mark: char, today: Today) -> (u32, u32) {
    let month_first = mark == '/' && today.dialect == Dialect::Us;
    match (first, second) {
        (1..=12, 13..) if mark == '/' => (second, first),
        (13.., 1..=12) => (first, second),
        _ if month_first => (second, first),
        _ => (first, second),
    }
}

fn exact(year: i32, month: u32, day: u32, today: Today) -> Result<Written, Misread> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Err(Misread::NoSuchDay);
    }
    if !YEARS.contains(&year) {
        return Err(Misread::TooFar);
    }
    on_calendar(&format!("{year:04}-{month:02}-{day:02}"), today).map(Written::Full)
}

/// A day that comes in some year at least.
fn without_year(day: u32, month: u32) -> Result<Written, Misread> {
    // 2028 is a leap year.
    NaiveDate::from_ymd_opt(2028, month, day).map(|_| Written::DayMonth { day, month }).ok_or(Misread::NoSuchDay)
}
