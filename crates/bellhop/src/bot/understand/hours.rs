//! Hours of a day and lengths of time from words: `after 3pm`, `between 2 and 4`, `9-17`, `half an hour`.
//!
//! A bare hour from 1 to 6 is in the afternoon, because nobody meets at four in the morning: `after 3` is after 15:00. One
//! with `am`, with a leading zero, or beside an hour above 12 is what it says. `9-5` ends at 17:00.

use super::dates::Misread;
use super::span::{Hours, PARTS};
use super::vocabulary::number;
use super::words::Word;

/// Minutes in a day.
const DAY: u16 = 24 * 60;

/// Some hours, or why there are none; and how many words they took.
pub type Read = Option<(Result<Hours, Misread>, usize)>;

/// A time of day as it is written.
#[derive(Debug, Clone, Copy)]
struct Time {
    minute: u16,
    /// Written so that it can only be a time of day.
    certain: bool,
    /// Between 1 and 12 without anything that says which half of the day.
    half: bool,
}

/// Midnight where hours begin: a day ends with it, but nothing begins there.
fn beginning(minute: u16) -> u16 {
    if minute == DAY { 0 } else { minute }
}

/// The hours that begin at the first of these words, if any do. Without words or marks that make them hours, `9 - 17` are
/// hours only if nothing else is there.
pub fn at(words: &[Word], alone: bool) -> Read {
    let first = words.first()?;
    if first.is(&["between", "from", "vom", "von"]) {
        return range(&words[1..], first.is(&["between"]) || alone)
            .map(|(hours, used)| (hours, used + 1))
            .or_else(|| first.is(&["from"]).then(|| open(words)).flatten());
    }
    if let Some(found) = range(words, alone) {
        return Some(found);
    }
    open(words).or_else(|| part(words)).or_else(|| {
        let (time, used) = time(words)?;
        // "friday 15:00" is an hour, "friday 3" is nothing.
        certain(time).map(|time| (time.map(|minute| an_hour_from(beginning(minute))), used))
    })
}

fn certain(time: Result<Time, Misread>) -> Option<Result<u16, Misread>> {
    match time {
        Ok(time) => time.certain.then(|| Ok(afternoon(time))),
        Err(why) => Some(Err(why)),
    }
}

/// The hour that begins at a minute of the day, or what is left of the day then.
pub fn an_hour_from(minute: u16) -> Hours {
    let begin = minute.min(DAY - 1);
    Hours::minutes(begin, (begin + 60).min(DAY)).unwrap_or(PARTS[0].1)
}

/// A bare hour from 1 to 6 in the afternoon.
fn afternoon(time: Time) -> u16 {
    if time.half && time.minute < 7 * 60 { time.minute + DAY / 2 } else { time.minute }
}

/// `after 3pm`, `from 9`, `before noon`, `until 16:00`, `at 15:30`, `after lunch`, `in the morning`.
fn open(words: &[Word]) -> Read {
    let (lead, rest) = (words.first()?, words.get(1..)?);
    let after = lead.is(&["after", "from", "since", "past"]);
    let before = lead.is(&["before", "until", "by", "to"]);
    let exactly = lead.is(&["at", "um", "around", "about", "@"]);
    let limited = |minute: u16| {
        let hours = if after {
            Hours::minutes(beginning(minute), DAY)
        } else if before {
            Hours::minutes(0, minute)
        } else {
            Some(an_hour_from(beginning(minute)))
        };
        hours.ok_or(Misread::NoSuchTime)
    };
    if !(after || before || exactly) {
        return None;
    }
    if let Some((time, used)) = time(rest) {
        // "before 3 days", "after 12 may": an amount or a date.
        let other = rest
            .get(used)
            .is_some_and(|word| word.is(&["days", "day", "weeks", "hours", "minutes", "st", "nd", "rd", "th", "mail"]));
        let plain_number = time.as_ref().is_ok_and(|time| !time.certain);
        if plain_number && (other || rest.get(used).is_some_and(|word| super::vocabulary::is_month(&word.plain))) {
            return None;
        }
        return Some((time.and_then(|time| limited(afternoon(time))), used + 1));
    }
    let (hours, used) = part(rest)?;
    let hours = hours.and_then(|hours| {
        if after {
            Hours::minutes(hours.until_minute(), DAY).ok_or(Misread::NoSuchTime)
        } else if before {
            Hours::minutes(0, hours.from_minute()).ok_or(Misread::NoSuchTime)
        } else {
            Ok(hours)
        }
    });
    Some((hours, used + 1))
}

/// `morning`, `in the early afternoon`, `tonight`.
fn part(words: &[Word]) -> Read {
    let mut used = 0;
    for filler in ["in", "during", "for", "this", "the", "early", "late"] {
        used += usize::from(words.get(used).is_some_and(|word| word.is(&[filler])));
    }
    let name = match words.get(used)?.plain.as_str() {
        "morning" => "morning",
        "lunch" => "lunchtime",
        "afternoon" => "afternoon",
        "evening" | "tonight" | "night" => "evening",
        _ => return None,
    };
    let (_, hours) = PARTS.iter().find(|(part, _)| *part == name)?;
    Some((Ok(*hours), used + 1))
}

/// `2 and 4`, `9:00 - 17:30`, `8am to 4pm`, `10 to 2`.
fn range(words: &[Word], certainly: bool) -> Read {
    let (first, used) = time(words)?;
    let joint = words.get(used)?;
    if !(joint.is(&["to", "-", "until"]) || joint.is(&["and"]) && certainly) {
        return None;
    }
    let (second, more) = time(words.get(used + 1..)?)?;
    let used = used + 1 + more;
    let (first, second) = match (first, second) {
        (Ok(first), Ok(second)) => (Time { minute: beginning(first.minute), ..first }, second),
        (Err(why), _) | (_, Err(why)) => return Some((Err(why), used)),
    };
    // "12 - 14 may" are days.
    if !(certainly || first.certain || second.certain)
        || words.get(used).is_some_and(|word| super::vocabulary::is_month(&word.plain))
    {
        return None;
    }
    let half = DAY / 2;
    let (from, until) = match (first.half, second.half) {
        (true, true) if first.minute < second.minute && first.minute < 7 * 60 && second.minute < half => {
            (first.minute + half, second.minute + half)
        }
        (true, true | false) if first.half && second.half && second.minute <= first.minute => {
            (first.minute, second.minute + half)
        }
        // "2-4pm" is all in the afternoon, "10-2pm" is not.
        (true, false)
            if second.certain
                && second.minute > half
                && second.minute % half > first.minute
                && words[used - 1].is(&["pm"]) =>
        {
            (first.minute + half, second.minute)
        }
        (false, true) if second.minute <= first.minute && first.minute < 13 * 60 => {
            (first.minute, second.minute + half)
        }
        _ => (first.minute, second.minute),
    };
    Some((Hours::minutes(from, until).ok_or(Misread::Backwards), used))
}

/// A time of day: `15:30`, `15.30`, `3pm`, `3:30 pm`, `15 uhr`, `noon`, or an hour alone.
fn time(words: &[Word]) -> Option<(Result<Time, Misread>, usize)> {
    let first = words.first()?.plain.as_str();
    let sharp = |minute| Some((Ok(Time { minute, certain: true, half: false }), 1));
    match first {
        "noon" => return sharp(DAY / 2),
        "midnight" => return sharp(DAY),
        _ => {}
    }
    let first = first.strip_suffix('.').unwrap_or(first);
    let (hour, minutes) = first
        .split_once(':')
        .or_else(|| first.split_once('.'))
        .map_or((first, None), |(hour, rest)| (hour, Some(rest)));
    let in_digits = |figure: &str| (1..=2).contains(&figure.len()) && figure.bytes().all(|byte| byte.is_ascii_digit());
    if !in_digits(hour) || minutes.is_some_and(|minutes| minutes.len() != 2 || !in_digits(minutes)) {
        return None;
    }
    let colon = first.contains(':');
    let (mut hours, mut rest): (u16, u16) = (hour.parse().ok()?, minutes.map_or(Ok(0), str::parse).ok()?);
    let mut used = 1;
    let mut certain = colon;
    let mut half = (1..=12).contains(&hours) && !hour.starts_with('0');
    let mut wrong = rest > 59 || hours > 24 || hours == 24 && rest > 0;
    let after = |used: usize| words.get(used).map_or("", |word| word.plain.as_str());
    if after(used) == "h" || ["uhr", "oclock"].contains(&after(used)) {
        certain = true;
        half = half && after(used) == "oclock";
        used += 1;
        let more = after(used);
        if minutes.is_none() && more.len() == 2 && in_digits(more) && after(used - 1) == "h" {
            rest = more.parse().ok()?;
            wrong |= rest > 59;
            used += 1;
        }
    }
    let meridiem = match after(used) {
        "am" | "a" => Some(0),
        "pm" | "p" => Some(12),
        _ => None,
    };
    // "at 3 a friend comes": a lone letter belongs to the number only where it touched it, which the words no longer tell.
    if let Some(meridiem) = meridiem.filter(|_| after(used).len() == 2) {
        certain = true;
        half = false;
        used += 1;
        wrong |= hours == 0 || hours > 12 && meridiem == 0;
        if hours <= 12 {
            hours = hours % 12 + meridiem;
        }
    }
    if wrong {
        // "99" alone is no time at all; "25:00" and "13 am" are wrong ones.
        return certain.then_some((Err(Misread::NoSuchTime), used));
    }
    Some((Ok(Time { minute: hours * 60 + rest, certain, half }), used))
}

/// A length of time that begins at the first of these words, in minutes, and how many words it took.
pub fn length_at(words: &[Word]) -> Option<(Result<u32, Misread>, usize)> {
    let plain: Vec<&str> = words.iter().take(6).map(|word| word.plain.as_str()).collect();
    let known = match plain.as_slice() {
        ["half" | "halbe", "hours", ..] => Some((30, 2)),
        ["half", "an" | "a", "hours", ..] | ["a" | "eine", "half" | "halbe", "hours", ..] => Some((30, 3)),
        ["three", "quarters", "of", "an", "hours", ..] => Some((45, 5)),
        ["a", "quarter", "of", "an", "hours", ..] => Some((15, 5)),
        ["quarter", "of", "an", "hours", ..] => Some((15, 4)),
        ["an" | "one" | "1", "hours", "and", "a", "half", ..]
        | ["an" | "one" | "1", "and", "a", "half", "hours", ..] => Some((90, 5)),
        _ => None,
    };
    if let Some((minutes, used)) = known {
        return Some((Ok(minutes), used));
    }
    let (tenths, tens) = amount(plain.first()?)?;
    let unit = unit_minutes(plain.get(1)?)?;
    let mut minutes = tenths.saturating_mul(unit) / tens;
    let mut used = 2;
    // "1 h 30 min", "1h30".
    if unit == 60
        && let Some(more) =
            plain.get(2).filter(|more| more.bytes().all(|byte| byte.is_ascii_digit())).and_then(|more| number(more))
        && more < 60
    {
        let named = plain.get(3).and_then(|unit| unit_minutes(unit));
        if named == Some(1) || named.is_none() && plain.get(1) == Some(&"h") {
            minutes = minutes.saturating_add(more);
            used = if named.is_some() { 4 } else { 3 };
        }
    }
    let in_range = (1..=u32::from(DAY)).contains(&minutes);
    Some((if in_range { Ok(minutes) } else { Err(Misread::LengthOutOfRange) }, used))
}

/// A number with at most three decimals, as a numerator and a power of ten.
fn amount(plain: &str) -> Option<(u32, u32)> {
    if let Some(number) = number(plain) {
        return Some((number, 1));
    }
    let (whole, decimals) = plain.split_once(['.', ','])?;
    if !(1..=3).contains(&decimals.len()) || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let tens = 10_u32.pow(u32::try_from(decimals.len()).ok()?);
    Some((number(whole)?.checked_mul(tens)?.checked_add(decimals.parse().ok()?)?, tens))
}

fn unit_minutes(plain: &str) -> Option<u32> {
    match plain {
        "m" | "min" | "mins" | "minute" | "minutes" => Some(1),
        "h" | "hr" | "hrs" | "std" | "hour" | "hours" => Some(60),
        _ => None,
    }
}
