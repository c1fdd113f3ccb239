//! Plain questions: which command somebody means, and about which days, people and words.
//!
//! The table of questions is `patterns.rs`, and the rules for mail are in `search.rs`; here they are tried in their order.
//! Nothing is understood that would do harm if it was not meant: the furthest that words get is the question which account
//! to disconnect, which somebody then answers with a button.

use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Tz;

use super::dates::{Misread, Reading};
use super::days::Leaning;
use super::patterns::{BEFORE_DAYS, Of, RULES, SMALL, Topic, fits};
use super::search;
use super::span::Span;
use super::words::{Word, words};
use crate::places::{self, Found};

/// How many suggestions are helpful.
const SUGGESTIONS: usize = 3;

/// The most words that a place's name has.
const LONGEST_PLACE: usize = 6;

/// What people say before what they want, in any number.
const LEAD: &[&str] = &[
    "hey",
    "hi",
    "hello",
    "ok",
    "okay",
    "so",
    "and",
    "well",
    "um",
    "uh",
    "please",
    "bellhop",
    "bot",
    "but",
    "or",
    "dear",
    "can you",
    "could you",
    "would you",
    "will you",
    "can u",
    "do you know",
    "tell me",
    "show me",
    "show",
    "give me",
    "let me know",
    "let me see",
    "i want to know",
    "i want to see",
    "i would like to know",
    "i would like to see",
    "id like to know",
    "id like to see",
    "i wonder",
    "check",
    "list",
    "open",
    "view",
    "display",
    "see",
    "read",
    "fetch",
    "get",
    "get me",
    "zeig",
    "zeig mir",
    "quick question",
    "if",
    "kindly",
    "whether",
    "remind me",
    "read me",
    "i want to",
    "i would like to",
    "id like to",
    "i need to",
];

/// What people say after it.
const TAIL: &[&str] =
    &["please", "thanks", "thank you", "thx", "bot", "bellhop", "exactly", "mate", "lol", "haha", "for me", "again"];

/// What words hint at, where nothing was understood.
const HINTS: &[(&[&str], &str)] = &[
    (&["disconnect", "unlink", "revoke", "logout", "unsubscribe", "stop"], "disconnect"),
    (&["calendars"], "calendars"),
    (&["free", "available", "busy", "slot", "slots", "gap", "minutes", "hours"], "free"),
    (&["find", "search", "look", "invoice", "attachment"], "search"),
    (&["calendar", "agenda", "schedule", "meetings", "planned", "scheduled"], "agenda"),
    (&["mail", "mailed", "inbox", "unread", "gmail", "mailing"], "inbox"),
    (&["timezone", "zone", "clock", "utc", "gmt"], "timezone"),
    (&["accounts", "account", "connected"], "accounts"),
    (&["connect", "reconnect", "link", "login", "connection"], "connect"),
    (&["settings", "setting", "options", "configure"], "settings"),
    (&["help", "how", "command", "commands"], "help"),
];

/// What somebody means by what they typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Understood {
    /// What is in the calendar.
    Agenda(Span),
    /// When there is time.
    Free {
        /// The days, and perhaps hours, that are asked about.
        span: Span,
        /// The shortest time that is of use, in minutes, if it was said.
        at_least: Option<u32>,
    },
    /// What mail there is.
    Inbox,
    /// One mail to be read: its number in the inbox, in digits, or nothing for the newest.
    Mail(String),
    /// Mail from somebody or about something.
    Search(Query),
    /// A time zone or a place, as it was named.
    TimeZone(String),
    /// The question what the time zone of a place is, as it was named.
    ZoneOf(String),
    /// The settings.
    Settings,
    /// Working hours to be settled, as they were written.
    WorkingHours(String),
    /// Which accounts are connected.
    Accounts,
    /// How to connect an account.
    Connect,
    /// The question which account to disconnect, and nothing more than that question.
    Disconnect,
    /// Which calendars are looked at.
    Calendars,
    /// What the bot can do.
    Help,
    /// A greeting.
    Hello,
    /// Thanks.
    Thanks,
    /// That somebody has seen it.
    Noted,
    /// An answer to a question that has buttons.
    YesOrNo,
    /// A question about days that cannot be; the error says what to write instead.
    Misread(Misread),
    /// None of these.
    Unclear {
        /// The names of commands, without the slash, that may be meant, the likeliest first.
        near: Vec<&'static str>,
    },
}

/// Which mail is looked for. At least one of these is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// A name or an address, as it was typed.
    pub from: Option<String>,
    /// Words that the mail has, as they were typed.
    pub words: Vec<String>,
    /// The days on which it came.
    pub since: Option<Span>,
    /// Whether only unread mail is meant.
    pub unread: bool,
    /// Whether only mail with attachments is meant.
    pub attached: bool,
}

/// What somebody means by these words, at this moment, in their zone.
#[must_use]
pub fn understand(text: &str, now: DateTime<Utc>, zone: Tz) -> Understood {
    let Some(all) = words(text).filter(|words| !words.is_empty()) else {
        return Understood::Unclear { near: Vec::new() };
    };
    let asked = asked(&all);
    let reading = Reading::of(asked, now, zone, Leaning::Ahead, false);
    let rest = rest(asked, &reading);
    let days = reading.span();
    let has_days = !matches!(days, Ok(None));
    let plain = |words: &[Word]| -> Vec<Word> { words.iter().filter(|word| !word.is(SMALL)).cloned().collect() };
    let (whole, all, rest) = (plain(asked), plain(&all), plain(&rest));

    let found = RULES.iter().find_map(|(topic, of, patterns)| {
        let said: &[&[Word]] = match of {
            Of::Whole => &[&all, &whole],
            Of::Rest => &[&rest],
            Of::RestOfDays if has_days => &[&rest],
            Of::RestOfLength if reading.length.is_some() => &[&rest],
            Of::RestOfDays | Of::RestOfLength => &[],
        };
        said.iter()
            .flat_map(|said| patterns.iter().filter_map(|pattern| fits(pattern, said)))
            .find_map(|named| answer(*topic, named, &reading, now.with_timezone(&zone).date_naive()))
    });
    let found = found.map(|found| match found {
        Understood::TimeZone(place) if !place.is_empty() && asks(text, asked) => Understood::ZoneOf(place),
        Understood::Inbox if asked.iter().any(|word| word.is(&["unread"])) => {
            Understood::Search(Query { unread: true, ..Query::default() })
        }
        found => found,
    });
    // "Remind me what is on tomorrow" asks, and "remind me tomorrow" wants something else done.
    let reminds =
        rest.is_empty() && matches!(all.as_slice(), [remind, me, ..] if remind.is(&["remind"]) && me.is(&["me"]));
    found
        .filter(|found| !reminds || !matches!(found, Understood::Agenda(_)))
        .or_else(|| Some(search::query(asked, now, zone)?.map_or_else(Understood::Misread, Understood::Search)))
        .unwrap_or_else(|| Understood::Unclear { near: near(&all, has_days) })
}

/// What a topic is with the days that were named. `None` if it cannot be meant after all.
fn answer(topic: Topic, named: &[Word], reading: &Reading, today: NaiveDate) -> Option<Understood> {
    let span = |soon: bool| match reading.span() {
        Ok(Some(span)) => Ok(span),
        Ok(None) if soon => Ok(today
            .checked_add_days(Days::new(6))
            .and_then(|last| Span::days(today, last))
            .unwrap_or_else(|| Span::day(today))),
        Ok(None) => Ok(Span::day(today)),
        Err(why) => Err(why),
    };
    let agenda = |soon| span(soon).map_or_else(Understood::Misread, Understood::Agenda);
    let free = |soon| {
        let free = span(soon).and_then(|span| Ok(Understood::Free { span, at_least: reading.length.transpose()? }));
        free.unwrap_or_else(Understood::Misread)
    };
    Some(match topic {
        Topic::Hello => Understood::Hello,
        Topic::Thanks => Understood::Thanks,
        Topic::Help => Understood::Help,
        Topic::Disconnect => Understood::Disconnect,
        Topic::Connect => Understood::Connect,
        Topic::Accounts => Understood::Accounts,
        Topic::Calendars => Understood::Calendars,
        Topic::Settings => Understood::Settings,
        Topic::WorkingHours => Understood::WorkingHours(typed(named).filter(|hours| !hours.is_empty())?),
        // "My time zone is wrong" names none.
        Topic::TimeZone if named.first().is_some_and(|word| word.is(&["not", "wrong", "incorrect", "off"])) => {
            Understood::TimeZone(String::new())
        }
        Topic::TimeZone => Understood::TimeZone(typed(named)?),
        Topic::Whereabouts => Understood::TimeZone(whereabouts(named)?),
        Topic::Free => free(false),
        Topic::FreeSoon => free(true),
        Topic::Agenda => agenda(false),
        Topic::AgendaSoon => agenda(true),
        Topic::Noted => Understood::Noted,
        Topic::YesOrNo => Understood::YesOrNo,
        Topic::NumberedMail => Understood::Mail(mail_number(named)?),
        Topic::NewestMail => Understood::Mail(String::new()),
        Topic::Inbox => Understood::Inbox,
    })
}

/// Whether words about a zone only ask: what nobody told us to change is not changed.
fn asks(text: &str, asked: &[Word]) -> bool {
    let [first, ..] = asked else { return true };
    let tells = first.is(&["change", "set", "update", "switch"]);
    let lead = words(text).unwrap_or_default();
    let wonders = lead.iter().any(|word| {
        word.is(&["what", "which", "is", "are", "how", "know", "tell", "show", "wonder", "whether", "if", "does"])
    });
    // "My time zone is Lisbon" says so.
    let states = first.is(&["my", "i", "im", "ich", "we"]) && !lead.iter().any(|word| word.is(&["what", "which"]));
    let of_another = asked.windows(2).any(|pair| pair[0].is(&["timezone", "zone"]) && pair[1].is(&["in", "of", "for"]));
    !tells && (text.trim_end().ends_with('?') || wonders && !states || of_another && !states)
}

/// The number of a mail in the inbox. `None` for anything else.
fn mail_number(named: &[Word]) -> Option<String> {
    let [number] = named else { return None };
    let is_one = (1..=4).contains(&number.plain.len()) && number.plain.bytes().all(|byte| byte.is_ascii_digit());
    is_one.then(|| number.plain.clone())
}

/// What was named, such as a place, as it was typed. `None` for more words than a place has.
fn typed(named: &[Word]) -> Option<String> {
    let place: Vec<&str> = named.iter().map(|word| word.typed.as_str()).collect();
    (place.len() <= LONGEST_PLACE).then(|| place.join(" "))
}

/// A place that is known, as it was typed: people are also in meetings, in love and in a hurry.
fn whereabouts(named: &[Word]) -> Option<String> {
    let now = named.iter().rev().take_while(|word| word.is(&["now", "currently", "today", "jetzt", "atm"])).count();
    let place = typed(&named[..named.len() - now])?;
    (!matches!(places::by_name(&place), Found::Nothing { .. })).then_some(place)
}

/// The words without what people say around what they want; all of them if nothing else is left.
fn asked(all: &[Word]) -> &[Word] {
    let mut asked = all;
    while let Some(rest) = LEAD.iter().filter_map(|lead| stripped(asked, lead, true)).min_by_key(|rest| rest.len()) {
        asked = rest;
    }
    while let Some(rest) = TAIL.iter().filter_map(|tail| stripped(asked, tail, false)).min_by_key(|rest| rest.len()) {
        asked = rest;
    }
    asked
}

fn stripped<'a>(words: &'a [Word], phrase: &str, in_front: bool) -> Option<&'a [Word]> {
    let count = phrase.split(' ').count();
    let left = words.len().checked_sub(count).filter(|left| *left > 0)?;
    let (there, rest) = if in_front {
        words.split_at(count)
    } else {
        let (rest, there) = words.split_at(left);
        (there, rest)
    };
    phrase.split(' ').eq(there.iter().map(|word| word.plain.as_str())).then_some(rest)
}

/// The words that are no days, hours or lengths of time, nor lead to them.
fn rest(words: &[Word], reading: &Reading) -> Vec<Word> {
    let mut rest = Vec::new();
    let mut before_days = false;
    for (word, used) in words.iter().zip(&reading.used).rev() {
        before_days = *used || before_days && word.is(BEFORE_DAYS);
        if !before_days {
            rest.push(word.clone());
        }
    }
    rest.reverse();
    let least = |word: &Word| word.is(&["least", "minimum"]);
    rest.retain(|word| !least(word));
    rest
}

/// Commands that these words hint at.
fn near(words: &[Word], has_days: bool) -> Vec<&'static str> {
    let hinted = words.iter().filter_map(|word| HINTS.iter().find(|(hints, _)| word.is(hints)).map(|(_, name)| *name));
    let mut near: Vec<&'static str> = Vec::new();
    for name in hinted.chain(has_days.then_some("agenda")) {
        if !near.contains(&name) {
            near.push(name);
        }
    }
    near.truncate(SUGGESTIONS);
    near
}

#[cfg(test)]
#[path = "phrases_tests.rs"]
mod tests;
