//! Days, hours and lengths of time read from words, or a sentence that says what to write instead.
//!
//! This is the whole of it as others see it: [`read`], [`hours`] and [`minutes`] for text that is nothing else, and
//! [`Reading`] for days and hours somewhere in a question. The rules are in `days.rs`, `written.rs` and `hours.rs`.

use chrono::{DateTime, Days, NaiveDate, Timelike, Utc};
use chrono_tz::Tz;
use interim::Dialect;

use super::days::{self, Leaning, Today};
use super::hours::{an_hour_from, at as hours_at, length_at};
use super::span::{Hours, Span};
use super::vocabulary::{is_weekday, number};
use super::words::{Word, words};

/// Minutes in a day.
const MINUTES_OF_DAY: u32 = 24 * 60;

/// Words beside a day that add nothing to it.
const FILLERS: &[&str] = &[
    "on", "at", "in", "for", "the", "of", "from", "to", "during", "and", "please", "am", "im", "den", "der", "die",
    "this", "-", "next", "coming", "since", "least", "minimum",
];

/// Why words are not a day, hours or a length of time. Each says to the person what to write instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// Nothing in the words is a day.
    #[error(
        "I cannot read a day in that. Write for example: today, tomorrow, friday, next week, 27.11., 27 November or 2026-11-27."
    )]
    NoDay,
    /// There is no such day: 30 February, month 99.
    #[error("There is no such day. Write for example 28.2. or 28 February.")]
    NoSuchDay,
    /// The year is not one that calendars are kept for.
    #[error("That year is too far away. Write one between 1970 and 2199, for example 27.11.2026.")]
    TooFar,
    /// More days than a span has.
    #[error("That is too long: I look at 62 days at most. Write for example: next week, or 1.12. to 24.12.")]
    TooLong,
    /// The end is before the beginning.
    #[error("That ends before it begins. Write the earlier first, for example: monday to wednesday, or 9:00 to 17:30.")]
    Backwards,
    /// There is no such time of day.
    #[error("There is no such time of day. Write for example: 9:00, 15:30 or 3pm.")]
    NoSuchTime,
    /// Nothing in the words are hours of a day.
    #[error("I cannot read hours in that. Write for example: 9:00 to 17:30, 9-17 or 8am to 4pm.")]
    NoHours,
    /// Nothing in the words is a length of time.
    #[error("I cannot read a length of time in that. Write for example: 30 min, 1.5 h, or half an hour.")]
    NoLength,
    /// Not between a minute and a day.
    #[error("A length of time is between 1 minute and 24 hours. Write for example: 30 min or 1.5 h.")]
    LengthOutOfRange,
    /// More words than anybody needs for it.
    #[error("That is too much text for me. Write only the day or the time, for example: friday afternoon.")]
    TooMuchText,
}

/// Reads a day, several days, or hours of them from text that is nothing else. A date without a year is the next to come,
/// unless it was in the last thirty days.
pub fn read(text: &str, now: DateTime<Utc>, zone: Tz) -> Result<Span, Misread> {
    let words = words(text).ok_or(Misread::TooMuchText)?;
    let reading = Reading::of(&words, now, zone, Leaning::Ahead, true);
    let span = reading.span()?.ok_or(Misread::NoDay)?;
    if reading.length.is_none() && reading.is_all_of(&words) { Ok(span) } else { Err(Misread::NoDay) }
}

/// Reads days or hours, and a length of time beside them, from text that is nothing else: `friday afternoon 90 min`. Either
/// may be missing, and both are from no text at all.
pub fn read_with_length(text: &str, now: DateTime<Utc>, zone: Tz) -> Result<(Option<Span>, Option<u32>), Misread> {
    let words = words(text).ok_or(Misread::TooMuchText)?;
    let reading = Reading::of(&words, now, zone, Leaning::Ahead, true);
    let (span, length) = (reading.span()?, reading.length.transpose()?);
    let something = span.is_some() || length.is_some() || words.is_empty();
    if something && reading.is_all_of(&words) { Ok((span, length)) } else { Err(Misread::NoDay) }
}

/// Reads hours of a day: `9-17`, `9:00 to 17:30`, `8am to 4pm`.
pub fn hours(text: &str) -> Result<Hours, Misread> {
    let words = words(text).ok_or(Misread::TooMuchText)?;
    match hours_at(&words, true) {
        Some((hours, used)) if used == words.len() => hours,
        _ => Err(Misread::NoHours),
    }
}

/// Reads a length of time, in minutes from 1 to 1440: `30`, `90 min`, `1.5h`, `half an hour`.
pub fn minutes(text: &str) -> Result<u32, Misread> {
    let words = words(text).ok_or(Misread::TooMuchText)?;
    if let [bare] = words.as_slice()
        && let Some(minutes) = number(&bare.plain)
    {
        return if (1..=24 * 60).contains(&minutes) { Ok(minutes) } else { Err(Misread::LengthOutOfRange) };
    }
    match length_at(&words) {
        Some((minutes, used)) if used == words.len() => minutes,
        _ => Err(Misread::NoLength),
    }
}

/// What days, hours and length of time are named in a question, and by which of its words.
#[derive(Debug)]
pub struct Reading {
    days: Option<Result<(NaiveDate, NaiveDate), Misread>>,
    /// Whether the day was named by nothing but its weekday.
    is_weekday: bool,
    hours: Option<Result<Hours, Misread>>,
    /// A length of time, in minutes.
    pub length: Option<Result<u32, Misread>>,
    /// For each word, whether it was part of what was read.
    pub used: Vec<bool>,
    today: Today,
}

impl Reading {
    /// Reads the first days, hours and length of time among these words; `alone` if they are nothing else.
    pub fn of(words: &[Word], now: DateTime<Utc>, zone: Tz, leaning: Leaning, alone: bool) -> Self {
        let local = now.with_timezone(&zone);
        let dialect = if month_comes_first(zone) { Dialect::Us } else { Dialect::Uk };
        let minute = u16::try_from(local.hour() * 60 + local.minute()).unwrap_or(0);
        let today = Today { day: local.date_naive(), minute, dialect, leaning };
        let mut reading =
            Self { days: None, is_weekday: false, hours: None, length: None, used: vec![false; words.len()], today };
        let mut at = 0;
        while at < words.len() {
            at += reading.take(&words[at..], at, alone).max(1);
        }
        reading
    }

    /// Takes what begins at the first of these words; how many words that was.
    fn take(&mut self, words: &[Word], at: usize, alone: bool) -> usize {
        let taken = self
            .take_from_now(words)
            .or_else(|| self.take_days(words))
            .or_else(|| self.take_length(words))
            .or_else(|| self.take_hours(words, alone))
            .unwrap_or(0);
        self.used[at..at + taken].fill(true);
        taken
    }

    /// `now`, `in 2 hours`: the hour that begins then.
    fn take_from_now(&mut self, words: &[Word]) -> Option<usize> {
        if self.days.is_some() || self.hours.is_some() || self.today.leaning == Leaning::Back {
            return None;
        }
        let (minutes, used) = match words {
            [now, ..] if now.is(&["now"]) => (Ok(0), 1),
            [right, now, ..] if right.is(&["right", "just"]) && now.is(&["now"]) => (Ok(0), 2),
            [lead, rest @ ..] if lead.is(&["in"]) => length_at(rest).map(|(minutes, used)| (minutes, used + 1))?,
            _ => return None,
        };
        let then = minutes.map(|minutes| u32::from(self.today.minute) + minutes);
        let day = then.and_then(|then| {
            self.today.day.checked_add_days(Days::new(u64::from(then / MINUTES_OF_DAY))).ok_or(Misread::TooFar)
        });
        self.days = Some(day.map(|day| (day, day)));
        self.hours = Some(then.map(|then| an_hour_from(u16::try_from(then % MINUTES_OF_DAY).unwrap_or(0))));
        Some(used)
    }

    fn take_days(&mut self, words: &[Word]) -> Option<usize> {
        if self.days.is_some() {
            return None;
        }
        let (days, used) = days::at(words, self.today)?;
        self.is_weekday = used == 1 && words.first().is_some_and(|word| is_weekday(&word.plain));
        self.days = Some(days);
        // The one word that is a day and hours.
        if self.hours.is_none() && words.first().is_some_and(|word| word.is(&["tonight"])) {
            self.hours = hours_at(words, false).map(|(hours, _)| hours);
        }
        Some(used)
    }

    fn take_length(&mut self, words: &[Word]) -> Option<usize> {
        if self.length.is_some() {
            return None;
        }
        let (length, used) = length_at(words)?;
        self.length = Some(length);
        Some(used)
    }

    fn take_hours(&mut self, words: &[Word], alone: bool) -> Option<usize> {
        if self.hours.is_some() {
            return None;
        }
        // After a day "9-17" can only be hours.
        let (hours, used) = hours_at(words, alone || self.days.is_some())?;
        self.hours = Some(hours);
        // "This morning" is today's, "in the morning" the next one.
        if self.days.is_none() && words.first().is_some_and(|word| word.is(&["this"])) {
            self.days = Some(Ok((self.today.day, self.today.day)));
        }
        Some(used)
    }

    /// Whether these words say nothing else.
    fn is_all_of(&self, words: &[Word]) -> bool {
        words.iter().zip(&self.used).all(|(word, used)| *used || word.is(FILLERS))
    }

    /// Whether days are named, and not only hours.
    pub fn has_days(&self) -> bool {
        self.days.is_some()
    }

    /// The days and hours; hours without a day are today's, or tomorrow's if they are over, and those of a weekday that is
    /// today are next week's. `None` if neither is named.
    pub fn span(&self) -> Result<Option<Span>, Misread> {
        let hours = self.hours.transpose()?;
        let is_over = |hours: Hours| self.today.leaning == Leaning::Ahead && hours.until_minute() <= self.today.minute;
        let today = self.today.day;
        let (first, last) = match (self.days.transpose()?, hours) {
            (Some(days), Some(hours)) if self.is_weekday && days == (today, today) && is_over(hours) => {
                let next = today.checked_add_days(Days::new(7)).ok_or(Misread::TooFar)?;
                (next, next)
            }
            (Some(days), _) => days,
            (None, None) => return Ok(None),
            (None, Some(hours)) => {
                let day = if is_over(hours) { today.succ_opt().unwrap_or(today) } else { today };
                (day, day)
            }
        };
        let days = Span::days(first, last).ok_or(if last < first { Misread::Backwards } else { Misread::TooLong })?;
        Ok(Some(match hours {
            Some(hours) => days.only(hours),
            None => days,
        }))
    }

    /// The same days until today, for what came since then.
    pub fn until_today(&self) -> Result<Option<Span>, Misread> {
        let Some(span) = self.span()? else { return Ok(None) };
        let last = self.today.day.max(span.last());
        Span::days(span.first(), last).map(Some).ok_or(Misread::TooLong)
    }
}

/// Whether people in this zone write the month before the day: those of the United States.
fn month_comes_first(zone: Tz) -> bool {
    const PLACES: &[&str] = &[
        "New_York",
        "Chicago",
        "Denver",
        "Los_Angeles",
        "Phoenix",
        "Anchorage",
        "Honolulu",
        "Detroit",
        "Boise",
        "Juneau",
        "Sitka",
        "Nome",
        "Adak",
        "Metlakatla",
        "Yakutat",
        "Menominee",
        "Louisville",
    ];
    let name = zone.name();
    name.starts_with("US/")
        || ["America/Indiana/", "America/Kentucky/", "America/North_Dakota/"]
            .iter()
            .any(|state| name.starts_with(state))
        || name.split_once('/').is_some_and(|(_, place)| PLACES.contains(&place))
}

#[cfg(test)]
#[path = "dates_tests.rs"]
mod tests;
