//! Some days as a message: a pure function of what is seen. What was asked is repeated in words, so that a date that was
//! misunderstood is noticed.

use std::fmt::Write;

use bellhop_store::{Answer, EntryTime};
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use chrono_tz::Tz;

use super::super::calendars;
use super::alike::together;
use super::{COMMAND, OPEN, PICTURE, REFRESH};
use crate::bot::carried::carry;
use crate::bot::fresh::Fetch;
use crate::bot::message::{Button, Message};
use crate::bot::person::Person;
use crate::bot::picture;
use crate::bot::press::Press;
use crate::bot::seen::{Seen, SeenAccount};
use crate::bot::text::{LONGEST, Text, clean};
use crate::bot::understand::span::Span;
use crate::calendar::occurrences::Occurrence;
use crate::calendar::zones::{midnight, named};
use crate::calendar::{BACK, is_kept};

/// What the lines below the list of entries may take, in UTF-16 units.
const BELOW: usize = 160;

/// From when to when some days last, or their hours.
#[must_use]
pub fn bounds(span: &Span, zone: Tz) -> (DateTime<Utc>, DateTime<Utc>) {
    let windows = span.windows(zone);
    if let (Some((from, _)), Some((_, until))) = (windows.first(), windows.last()) {
        return (*from, *until);
    }
    let day = midnight(zone, span.first());
    (day, day)
}

/// Said of days that are not kept.
#[must_use]
pub fn not_kept(person: &Person, now: DateTime<Utc>) -> String {
    let first = (now - BACK).with_timezone(&person.zone).format("%-d %B %Y");
    format!("I only keep your calendar from {first} on.")
}

/// Some days as they are shown.
pub struct View<'a> {
    /// Whose calendars.
    pub seen: &'a Seen,
    /// Which days.
    pub span: &'a Span,
    /// What takes place.
    pub found: &'a [Occurrence],
    /// What is going on.
    pub fetch: Fetch,
}

impl View<'_> {
    /// The message.
    #[must_use]
    pub fn message(&self) -> Message {
        let (seen, person) = (self.seen, &self.seen.person);
        let today = person.today(seen.now);
        let heading = capitalised(&self.span.in_words(today));
        let mut text = Text::new().plain("📅 ").bold(heading);
        let (from, _) = bounds(self.span, person.zone);
        if !is_kept(seen.now, from) {
            text = text.line().plain(not_kept(person, seen.now));
        }
        if seen.has_any() {
            text = text.line().plain(seen.freshness(self.fetch));
        }
        let (not_seen, remedies) = seen.not_seen();
        text = text.then(not_seen);
        let room = LONGEST.saturating_sub(text.length() + BELOW);
        text = text.then(self.days(room));
        self.with_buttons(Message::new(text), remedies)
    }

    /// The days, as far as this many units go.
    fn days(&self, room: usize) -> Text {
        let zone = self.seen.person.zone;
        let one_day = self.span.first() == self.span.last();
        let (mut text, mut shown, mut quiet, mut left_out) = (Text::new(), 0_usize, vec![], 0_usize);
        for day in self.span.each_day() {
            let (from, until) = (midnight(zone, day), midnight(zone, day + Days::new(1)));
            let mut here: Vec<&Occurrence> =
                self.found.iter().filter(|occurrence| occurrence.touches(zone, from, until)).collect();
            here.sort_by_key(|occurrence| !occurrence.is_all_day());
            if here.is_empty() {
                quiet.push(day);
                continue;
            }
            let mut of_day = Text::new().gap();
            if !one_day {
                of_day = of_day.bold(day.format("%A %-d %B").to_string()).line();
            }
            let mut is_first = true;
            for alike in together(here, zone) {
                let entry = self.entry(&alike, day);
                if left_out > 0 || text.length() + of_day.length() + entry.length() > room {
                    left_out += 1;
                    continue;
                }
                of_day = if is_first { of_day } else { of_day.line() }.then(entry);
                is_first = false;
                shown += 1;
            }
            if !is_first {
                text = text.then(of_day);
            }
        }
        if left_out > 0 {
            text = text.gap().plain(format!(
                "… and {left_out} more. Ask for less at once, like /agenda friday afternoon, to see all of it."
            ));
        }
        if self.seen.looked_at() == 0 {
            let none_chosen = self.seen.has_none_chosen();
            return if none_chosen {
                text.gap().plain("None of your calendars is chosen. Choose some with /calendars.")
            } else {
                text
            };
        }
        // Of what is not kept nothing can be said.
        if !is_kept(self.seen.now, bounds(self.span, zone).0) {
            return text;
        }
        match (quiet.as_slice(), one_day) {
            ([], _) => text,
            (_, true) => text.gap().plain("Nothing is on."),
            (quiet, false) if shown == 0 && quiet.len() > 1 => text.gap().plain("Nothing is on."),
            (quiet, false) if quiet.len() > 7 => {
                text.gap().plain(format!("Nothing on the other {} days.", quiet.len()))
            }
            (quiet, false) => text.gap().plain(format!("Nothing on {}.", names(quiet))),
        }
    }

    /// One line for what is in one calendar, or alike in several.
    fn entry(&self, alike: &[&Occurrence], day: NaiveDate) -> Text {
        let Some(occurrence) = alike.first() else { return Text::new() };
        let content = &occurrence.content;
        let declined = content.answer == Some(Answer::Declined);
        let mark = match content.answer {
            Some(Answer::Declined) => "✗ ",
            Some(Answer::Tentative) => "? ",
            Some(Answer::Open) => "✉ ",
            _ if content.tentative => "? ",
            _ => "",
        };
        let mut text = Text::new().plain(format!("{}  {mark}", self.time(occurrence, day)));
        let calendar = self.seen.calendar_of(occurrence);
        let title = match (clean(&content.title).is_empty(), calendar) {
            (false, _) => content.title.as_str(),
            (true, Some(calendar)) if calendar.content.only_busy => "busy",
            (true, _) => "(no title)",
        };
        text = if declined { text.theirs(title, 80) } else { text.theirs_bold(title, 80) };
        let mut notes = vec![];
        if declined {
            notes.push("declined".to_owned());
        } else if !content.busy && !occurrence.is_all_day() {
            notes.push("shown as free".to_owned());
        }
        notes.extend(alike.iter().find_map(|occurrence| self.elsewhere(occurrence, day)));
        if !notes.is_empty() {
            text = text.plain(format!(" ({})", notes.join(", ")));
        }
        let place = clean(&content.place);
        if !declined && !place.is_empty() {
            text = text.plain(" · ").theirs(&place, 60);
        }
        if self.seen.looked_at() > 1 {
            let mut named: Vec<&str> = vec![];
            for calendar in alike.iter().filter_map(|occurrence| self.seen.calendar_of(occurrence)) {
                let title = calendar.content.title.as_str();
                if !named.contains(&title) {
                    text = text.plain(if named.is_empty() { " · " } else { ", " }).theirs_italic(title, 30);
                    named.push(title);
                }
            }
        }
        text
    }

    /// When it is, as far as it touches this day.
    fn time(&self, occurrence: &Occurrence, day: NaiveDate) -> String {
        let zone = self.seen.person.zone;
        if let Some((first, last)) = occurrence.days() {
            return if first == last {
                "All day".to_owned()
            } else {
                format!("Day {} of {}", (day - first).num_days() + 1, (last - first).num_days() + 1)
            };
        }
        let (start, end) = occurrence.bounds(zone);
        let (start, end) = (start.with_timezone(&zone), end.with_timezone(&zone));
        let clock = |at: &DateTime<Tz>| at.format("%H:%M").to_string();
        let mut text = match (start.date_naive() == day, end.date_naive() == day) {
            (true, true) if start == end => clock(&start),
            (true, true) => format!("{}–{}", clock(&start), clock(&end)),
            (true, false) if end == midnight(zone, day + Days::new(1)) => format!("{}–24:00", clock(&start)),
            (true, false) => format!("{}–{} {}", clock(&start), end.format("%a"), clock(&end)),
            (false, true) => format!("until {}", clock(&end)),
            (false, false) => "All day".to_owned(),
        };
        // In the night in which a clock goes back, two o'clock comes twice.
        if start.date_naive() == end.date_naive() && start.offset() != end.offset() {
            let _ = write!(text, " ({} min)", (end - start).num_minutes());
        }
        text
    }

    /// What the clock shows where it was made, if that is another time than here: the clock of the time that stands before it.
    fn elsewhere(&self, occurrence: &Occurrence, day: NaiveDate) -> Option<String> {
        let zone = self.seen.person.zone;
        let is_here = |at: DateTime<Utc>| at.with_timezone(&zone).date_naive() == day;
        let (start, end) = occurrence.bounds(zone);
        let time = if is_here(start) { &occurrence.start } else { &occurrence.end };
        let EntryTime::Moment { at, zone: name } = time else { return None };
        // Of a day in the middle no time is said.
        if !is_here(start) && !is_here(end) {
            return None;
        }
        let there = named(name.as_deref(), zone);
        let (here, local) = (at.with_timezone(&zone), at.with_timezone(&there));
        if here.naive_local() == local.naive_local() {
            return None;
        }
        let day = if here.date_naive() == local.date_naive() { "" } else { "%a " };
        let place = there.name().rsplit('/').next().unwrap_or(there.name()).replace('_', " ");
        Some(format!("{} in {place}", local.format(&format!("{day}%H:%M"))))
    }

    fn with_buttons(&self, message: Message, remedies: Vec<Vec<Button>>) -> Message {
        let to = |action, span: &Span| carry(Press::new(COMMAND.name, action), span, None);
        let length = Days::new(u64::try_from((self.span.last() - self.span.first()).num_days()).unwrap_or(0) + 1);
        let days = |first: Option<NaiveDate>, last: Option<NaiveDate>| Span::days(first?, last?);
        let before = days(self.span.first().checked_sub_days(length), self.span.last().checked_sub_days(length));
        let after = days(self.span.first().checked_add_days(length), self.span.last().checked_add_days(length));
        let mut turns = vec![];
        if let Some(before) = &before {
            turns.push(Button::press(&format!("◀ {}", short(before)), to(OPEN, before)));
        }
        if let Some(after) = &after {
            turns.push(Button::press(&format!("{} ▶", short(after)), to(OPEN, after)));
        }
        let mut others = vec![];
        if picture::can_show(self.span) && !self.found.is_empty() {
            others.push(Button::press("🖼 Picture", to(PICTURE, self.span)));
        }
        if self.seen.accounts.iter().any(SeenAccount::can_be_read) {
            others.push(Button::press("↻ Refresh", to(REFRESH, self.span)));
            others.push(Button::press("Calendars", Press::new(calendars::COMMAND.name, calendars::OPEN)));
        }
        remedies.into_iter().fold(message.row(turns).row(others), Message::row)
    }
}

/// "Mon 23 Nov", or "23–29 Nov".
fn short(span: &Span) -> String {
    let (first, last) = (span.first(), span.last());
    if first == last {
        return first.format("%a %-d %b").to_string();
    }
    let begin = if first.month() == last.month() { first.format("%-d") } else { first.format("%-d %b") };
    format!("{begin}–{}", last.format("%-d %b"))
}

/// "Monday, Tuesday and Sunday".
fn names(days: &[NaiveDate]) -> String {
    let name = |day: &NaiveDate| day.format("%A").to_string();
    match days {
        [] => String::new(),
        [only] => name(only),
        [before @ .., last] => {
            format!("{} and {}", before.iter().map(name).collect::<Vec<_>>().join(", "), name(last))
        }
    }
}

/// With a capital at the beginning.
pub fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
