//! Days from words: `tomorrow`, `next tue`, `12.-14.5.`, `in two weeks`, `12 may to 3 june`.
//!
//! How the readings that people differ in are decided, once for the whole bot:
//! - A week begins on Monday. `friday` is the next one to come, today included; `next friday` is the one of next week.
//! - `week` is seven days from today; `this week` and `next week` are Monday to Sunday. `month` is thirty days from today.
//! - A date without a year is the next to come, unless it was in the last thirty days, which calendars still show. When old
//!   things are asked about ([`Leaning::Back`]), it is the last that was.
//! - `5/12` is the fifth of December, except in the zones of the United States, where it is May 12. A number above 12
//!   decides by itself. Dots always mean day and month.
//!
//! Dates in figures and with a month's name are read in `written.rs`. Weekdays are counted here and not left to `interim`,
//! whose `next tuesday` is a week later than people mean.

use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};
use interim::Dialect;

use super::dates::Misread;
use super::vocabulary::{month, number, weekday};
use super::words::Word;
use super::written::{date_at, day_number, on_calendar, range_of_dates, year};

/// The years that a date may have.
pub const YEARS: RangeInclusive<i32> = 1970..=2199;

/// The most days, weeks and months that are counted from today.
const FARTHEST: u32 = 1_000;

/// Whether what comes is asked about or what was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaning {
    /// Calendars.
    Ahead,
    /// Mail.
    Back,
}

/// What days are counted from.
#[derive(Debug, Clone, Copy)]
pub struct Today {
    /// The day it is where the person is.
    pub day: NaiveDate,
    /// The minute of that day.
    pub minute: u16,
    /// The order of day and month in `5/12`.
    pub dialect: Dialect,
    /// Whether what comes or what was is asked about.
    pub leaning: Leaning,
}

/// The first and the last of some days, or why there are no such days; and how many words they took.
pub type Read = Option<(Result<(NaiveDate, NaiveDate), Misread>, usize)>;

/// The days that begin at the first of these words, if any do.
pub fn at(words: &[Word], today: Today) -> Read {
    let skipped = usize::from(words.first()?.is(&["from", "between", "vom", "von"]));
    let (first, used) = match range_of_dates(&words[skipped..], today).or_else(|| one(&words[skipped..], today))? {
        (Ok(first), used) => (first, used + skipped),
        (Err(why), used) => return Some((Err(why), used + skipped)),
    };
    // "monday to wednesday", "tomorrow and friday": until the next such day.
    let joined = words.get(used).is_some_and(|word| word.is(&["to", "-", "until", "and", "or"]));
    let later = Today { day: first.0, leaning: Leaning::Ahead, ..today };
    if joined && let Some((second, more)) = words.get(used + 1..).and_then(|rest| relative_to(rest, today, later)) {
        let until =
            second.and_then(|(_, last)| if last < first.1 { Err(Misread::Backwards) } else { Ok((first.0, last)) });
        return Some((until, used + 1 + more));
    }
    Some((Ok(first), used))
}

/// The second day of a range: named days count from the first, `tomorrow` and `next week` from today.
fn relative_to(words: &[Word], today: Today, later: Today) -> Read {
    let counted = words.first().is_some_and(|word| {
        word.is(&["today", "tomorrow", "overmorrow", "yesterday", "next", "this", "last", "in", "the", "now"])
    });
    one(words, if counted { today } else { later })
}

/// Days that are not a range of two.
fn one(words: &[Word], today: Today) -> Read {
    let now = today.day;
    let day = |day: Option<NaiveDate>, used| Some((day.map(|day| (day, day)).ok_or(Misread::TooFar), used));
    match plain(words).as_slice() {
        ["the", "day", "after", "tomorrow", ..] => day(moved(now, 2), 4),
        ["day", "after", "tomorrow", ..] => day(moved(now, 2), 3),
        ["the", "day", "before", "yesterday", ..] => day(moved(now, -2), 4),
        ["day", "before", "yesterday", ..] => day(moved(now, -2), 3),
        ["today" | "tonight" | "now", ..] => day(Some(now), 1),
        ["right" | "just", "now", ..] => day(Some(now), 2),
        ["tomorrow" | "morgen", ..] => day(moved(now, 1), 1),
        ["overmorrow", ..] => day(moved(now, 2), 1),
        ["yesterday", ..] => day(moved(now, -1), 1),
        _ => amount(words, today)
            .or_else(|| weekday_at(words, today))
            .or_else(|| weeks_and_months(words, today))
            .or_else(|| date_at(words, today)),
    }
}

fn plain(words: &[Word]) -> Vec<&str> {
    words.iter().take(6).map(|word| word.plain.as_str()).collect()
}

fn moved(day: NaiveDate, by: i64) -> Option<NaiveDate> {
    day.checked_add_signed(TimeDelta::try_days(by)?).filter(|day| YEARS.contains(&day.year()))
}

/// `in 3 days`, `3 days ago`, `a week from now`, `next 5 days`, `last two weeks`, `10 days`.
fn amount(words: &[Word], today: Today) -> Read {
    let lead = usize::from(words.first()?.is(&["in", "next", "last", "past", "coming", "the", "within"]));
    let lead = lead + usize::from(words.first()?.is(&["the"]) && words.get(1)?.is(&["next", "last", "past", "coming"]));
    let direction = words[..lead].last().map_or("", |word| word.plain.as_str());
    let count = number(&words.get(lead)?.plain)?;
    let of = usize::from(words.get(lead + 1)?.is(&["of"]));
    let unit = match words.get(lead + 1 + of)?.plain.as_str() {
        "day" | "days" | "d" => "days",
        "week" | "weeks" | "w" => "weeks",
        "fortnight" => "fortnight",
        "month" | "months" => "months",
        _ => return None,
    };
    let (count, unit) = if unit == "fortnight" { (count.saturating_mul(2), "weeks") } else { (count, unit) };
    let used = lead + 2 + of;
    if count > FARTHEST {
        return Some((Err(Misread::TooFar), used));
    }
    let after = plain(words.get(used..)?);
    let back = after.first() == Some(&"ago") || ["last", "past"].contains(&direction);
    let from_now = match after.as_slice() {
        ["from", "now" | "today", ..] => 2,
        ["ago", ..] => 1,
        _ => 0,
    };
    let composed = if back { format!("{count} {unit} ago") } else { format!("{count} {unit}") };
    let reached = on_calendar(&composed, today);
    let used = used + from_now;
    let found = if direction == "in" || from_now > 0 {
        // Two weeks from now is a week, in which people then look for a day.
        reached.map(|day| match unit {
            "weeks" if direction == "in" => week_of(day),
            "months" if direction == "in" => month_of(day),
            _ => (day, day),
        })
    } else if back {
        reached.map(|day| (day, today.day))
    } else {
        // Seven days from today end the day before the seventh from now.
        reached.map(|day| (today.day, day.pred_opt().unwrap_or(day).max(today.day)))
    };
    Some((found, used))
}

fn week_of(day: NaiveDate) -> (NaiveDate, NaiveDate) {
    let week = day.week(Weekday::Mon);
    (week.checked_first_day().unwrap_or(day), week.checked_last_day().unwrap_or(day))
}

/// The month that a day is in.
pub fn month_of(day: NaiveDate) -> (NaiveDate, NaiveDate) {
    let last = u32::from(day.num_days_in_month());
    (day.with_day(1).unwrap_or(day), day.with_day(last).unwrap_or(day))
}

/// `week`, `this week`, `next weekend`, `last month`, `december`, `rest of the week`.
fn weeks_and_months(words: &[Word], today: Today) -> Read {
    let now = today.day;
    let rest = match plain(words).as_slice() {
        ["the", "rest" | "remainder", "of", "the" | "this", ..] => 5,
        ["rest" | "remainder", "of", "the" | "this", ..] => 4,
        _ => 0,
    };
    if rest > 0 {
        let (_, last) = if words.get(rest - 1)?.is(&["week"]) {
            week_of(now)
        } else if words[rest - 1].is(&["month"]) {
            month_of(now)
        } else {
            return None;
        };
        return Some((Ok((now, last)), rest));
    }
    let (which, used) = direction(words);
    let word = words.get(used)?;
    let shift = match which {
        Which::Next => 1,
        Which::Last => -1,
        Which::This | Which::Bare => 0,
    };
    let found = match word.plain.as_str() {
        "week" if which == Which::Bare && today.leaning == Leaning::Back => (moved(now, -6)?, now),
        "week" if which == Which::Bare => (now, moved(now, 6)?),
        "week" => week_of(moved(now, 7 * shift)?),
        "weekend" | "weekends" => {
            let back =
                if which == Which::Bare && today.leaning == Leaning::Back && now.weekday().num_days_from_monday() < 5 {
                    -7
                } else {
                    0
                };
            let (_, sunday) = week_of(moved(now, 7 * shift + back)?);
            let begin = moved(sunday, -1)?;
            (if shift == 0 && back == 0 { begin.max(now) } else { begin }, sunday)
        }
        "month" if which == Which::Bare && today.leaning == Leaning::Back => (moved(now, -29)?, now),
        "month" if which == Which::Bare => (now, moved(now, 29)?),
        "month" => match which {
            Which::Next => month_of(month_of(now).1.succ_opt()?),
            Which::Last => month_of(month_of(now).0.pred_opt()?),
            _ => month_of(now),
        },
        name => {
            let month = month(name)?;
            // "may i", "march on": a month only with a word before it or alone.
            let named = which != Which::Bare || words.get(used.wrapping_sub(1)).is_some_and(|word| word.is(&["in"]));
            if ["may", "march", "mar", "mars", "sun"].contains(&name) && !named && words.len() > used + 1 {
                return None;
            }
            if words.get(used + 1).and_then(|word| day_number(&word.plain)).is_some() {
                return None;
            }
            let year = words.get(used + 1).and_then(|word| year(&word.plain));
            if let Some(year) = year {
                let first = year.and_then(|year| NaiveDate::from_ymd_opt(year, month, 1).ok_or(Misread::TooFar));
                return Some((first.map(month_of), used + 2));
            }
            nearest_month(today, which, month)?
        }
    };
    Some((Ok(found), used + 1))
}

/// Which one of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Bare,
    This,
    Next,
    Last,
}

/// The word that says which one, and how many words it took.
fn direction(words: &[Word]) -> (Which, usize) {
    match plain(words).as_slice() {
        ["in", "the", "next" | "following", ..] => (Which::Next, 3),
        ["the" | "in" | "for", "next" | "following", ..] => (Which::Next, 2),
        ["the" | "in" | "for", "this" | "current", ..] | ["this" | "current", "coming", ..] => (Which::This, 2),
        ["the" | "in" | "for", "last" | "past", ..] => (Which::Last, 2),
        ["next" | "following", ..] => (Which::Next, 1),
        ["this" | "current" | "coming", ..] => (Which::This, 1),
        ["last" | "past", ..] => (Which::Last, 1),
        ["in", ..] => (Which::Bare, 1),
        _ => (Which::Bare, 0),
    }
}

/// `friday`, `next tue`, `friday next week`, `next week friday`, and `friday 27 november`, where the date decides.
fn weekday_at(words: &[Word], today: Today) -> Read {
    let (which, used) = direction(words);
    let now = today.day;
    if words.get(used)?.is(&["week"])
        && which != Which::Bare
        && let on = usize::from(words.get(used + 1)?.is(&["on"]))
        && let Some(day) = weekday(&words.get(used + 1 + on)?.plain)
    {
        return Some((in_week(now, which, day), used + 2 + on));
    }
    let day = weekday(&words.get(used)?.plain)?;
    let used = used + 1;
    if let Some((date, more)) = words.get(used..).and_then(|rest| date_at(rest, today)) {
        return Some((date, used + more));
    }
    let of = usize::from(words.get(used).is_some_and(|word| word.is(&["of"])));
    let (week, more) = words.get(used + of..).map_or((Which::Bare, 0), direction);
    if week != Which::Bare && words.get(used + of + more).is_some_and(|word| word.is(&["week"])) {
        return Some((in_week(now, week, day), used + of + more + 1));
    }
    let ahead = (i64::from(day) - i64::from(now.weekday().num_days_from_monday())).rem_euclid(7);
    let found = match which {
        Which::Next => return Some((in_week(now, Which::Next, day), used)),
        Which::Last => moved(now, if ahead == 0 { -7 } else { ahead - 7 }),
        Which::Bare if today.leaning == Leaning::Back && ahead > 0 => moved(now, ahead - 7),
        Which::Bare | Which::This => moved(now, ahead),
    };
    Some((found.map(|day| (day, day)).ok_or(Misread::TooFar), used))
}

fn in_week(now: NaiveDate, which: Which, weekday: u8) -> Result<(NaiveDate, NaiveDate), Misread> {
    let shift = match which {
        Which::Next => 7,
        Which::Last => -7,
        Which::Bare | Which::This => 0,
    };
    let (monday, _) = week_of(now);
    moved(monday, shift + i64::from(weekday)).map(|day| (day, day)).ok_or(Misread::TooFar)
}

/// The month of this name: the one it is or the next to come, or the last that was.
fn nearest_month(today: Today, which: Which, month: u32) -> Option<(NaiveDate, NaiveDate)> {
    let this = today.day.year();
    let of_year = |year| NaiveDate::from_ymd_opt(year, month, 1).map(month_of);
    if which == Which::Last || which == Which::Bare && today.leaning == Leaning::Back {
        return [this, this - 1].into_iter().filter_map(of_year).find(|(first, _)| *first <= today.day);
    }
    [this, this + 1].into_iter().filter_map(of_year).find(|(_, last)| *last >= today.day)
}
