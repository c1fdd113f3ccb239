//! `/free`: when somebody is free on a day or some days, over all chosen calendars, within their working hours or the hours
//! they ask about.

use bellhop_domain::OwnerId;
use bellhop_store::StoreError;
use chrono::{DateTime, Datelike, Days, NaiveDate, TimeDelta, Utc};
use futures::future::BoxFuture;

use super::{Command, OLD_BUTTON, Toast, accounts, agenda};
use crate::bot::carried::{carried, carry};
use crate::bot::fresh::{Fetch, News};
use crate::bot::message::{Button, Message};
use crate::bot::press::Press;
use crate::bot::seen::{Seen, wait};
use crate::bot::text::Text;
use crate::bot::understand::dates;
use crate::bot::understand::span::Span;
use crate::bot::visit::{Desk, Failure, Visit};
use crate::calendar::free::{Stretch, slots};
use crate::calendar::is_kept;
use crate::calendar::occurrences::Occurrence;

/// The command.
pub const COMMAND: Command = Command {
    name: "free",
    summary: "When you are free: friday afternoon, next week 90 min",
    also: &["available", "availability", "slots", "busy"],
    run: free,
    press,
};

/// The press that looks at some days.
pub const OPEN: char = 'o';

/// The press that asks for news of them.
const REFRESH: char = 'r';

fn free<'a>(visit: &'a Visit<'a>, said: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let person = visit.person().await?;
        let now = visit.desk.app.clock.now();
        match dates::read_with_length(said, now, person.zone) {
            Ok((span, at_least)) => {
                let today = person.today(now);
                let week = || Span::days(today, today + Days::new(6)).unwrap_or_else(|| Span::day(today));
                open(visit, &span.unwrap_or_else(week), at_least, false).await.map(|_| ())
            }
            Err(misread) => visit.say(Text::new().plain(misread.to_string())).await.map(|_| ()),
        }
    })
}

fn press<'a>(visit: &'a Visit<'a>, press: &'a Press) -> BoxFuture<'a, Result<Toast, Failure>> {
    Box::pin(async move {
        match (press.action, carried(press)) {
            (OPEN, Some((span, at_least))) => open(visit, &span, at_least, false).await.map(|_| None),
            (REFRESH, Some((span, at_least))) => Ok(open(visit, &span, at_least, true).await?.said()),
            _ => Ok(Some(OLD_BUTTON.to_owned())),
        }
    })
}

/// Says when they are free and, where that is not fresh, has it brought up to date.
pub async fn open(visit: &Visit<'_>, span: &Span, at_least: Option<u32>, refresh: bool) -> Result<News, Failure> {
    let desk = visit.desk;
    let seen = Seen::load(desk, visit.owner).await?;
    let asked_at = seen.now;
    let asked = seen.ask_for_news(desk, refresh).await?;
    let fetch = if asked { Fetch::Asked } else { Fetch::Settled };
    let message_id = visit.show(&shown(desk, &seen, span, at_least, fetch).await?).await?;
    if asked {
        wait(visit, message_id, &carry(Press::new(COMMAND.name, OPEN), span, at_least), asked_at).await?;
    }
    Ok(seen.news(asked))
}

/// What a message that says when somebody is free says now.
pub async fn current(
    desk: &Desk,
    owner: OwnerId,
    span: &Span,
    at_least: Option<u32>,
    fetch: Fetch,
) -> Result<Message, StoreError> {
    shown(desk, &Seen::load(desk, owner).await?, span, at_least, fetch).await
}

async fn shown(
    desk: &Desk,
    seen: &Seen,
    span: &Span,
    at_least: Option<u32>,
    fetch: Fetch,
) -> Result<Message, StoreError> {
    if seen.accounts.is_empty() {
        return Ok(accounts::none());
    }
    let (from, until) = agenda::bounds(span, seen.person.zone);
    let found = seen.between(desk, from, until).await?;
    Ok(View { seen, span, found: &found, at_least, fetch }.message())
}

/// Free time as it is shown.
pub struct View<'a> {
    /// Whose calendars.
    pub seen: &'a Seen,
    /// Which days, and perhaps which hours.
    pub span: &'a Span,
    /// What takes place.
    pub found: &'a [Occurrence],
    /// The shortest slot asked for, in minutes; their own setting where none was.
    pub at_least: Option<u32>,
    /// What is going on.
    pub fetch: Fetch,
}

impl View<'_> {
    /// The message.
    #[must_use]
    pub fn message(&self) -> Message {
        let (seen, person) = (self.seen, &self.seen.person);
        let mut text = Text::new().plain("🕑 ").bold("Free ").bold(self.asked());
        let (from, _) = agenda::bounds(self.span, person.zone);
        if !is_kept(seen.now, from) {
            text = text.line().plain(agenda::not_kept(person, seen.now));
        }
        if seen.has_any() {
            text = text.line().plain(seen.freshness(self.fetch));
        }
        let (not_seen, remedies) = seen.not_seen();
        text = text.then(not_seen);
        if seen.checked_at().is_some() {
            text = text.gap().then(self.answer());
        }
        let again = |action| carry(Press::new(COMMAND.name, action), self.span, self.at_least);
        let look = carry(Press::new(agenda::COMMAND.name, agenda::OPEN), self.span, None);
        let message =
            Message::new(text).row(vec![Button::press("↻ Refresh", again(REFRESH)), Button::press("Agenda", look)]);
        remedies.into_iter().fold(message, Message::row)
    }

    /// What was understood: which days, which hours, how long at least, over how many calendars.
    fn asked(&self) -> String {
        let person = &self.seen.person;
        let hours = match self.span.hours() {
            Some(_) => String::new(),
            None => format!(", {}", person.working_hours.as_written()),
        };
        let days = self.span.in_words(person.today(self.seen.now));
        let calendars = match self.seen.looked_at() {
            0 => "no calendar".to_owned(),
            1 => "your calendar".to_owned(),
            several => format!("{several} calendars"),
        };
        format!("{days}{hours}, {} or more, by {calendars}", lasting(i64::from(self.minutes())))
    }

    fn minutes(&self) -> u32 {
        self.at_least.unwrap_or(self.seen.person.slot_minutes)
    }

    fn answer(&self) -> Text {
        let person = &self.seen.person;
        if self.seen.looked_at() == 0 {
            return Text::new().plain(if self.seen.has_none_chosen() {
                "None of your calendars is chosen, so I cannot tell. Choose some with /calendars."
            } else {
                "There is no calendar that I could look at, so I cannot tell."
            });
        }
        let stretches = self.stretches();
        let at_least = TimeDelta::minutes(i64::from(self.minutes()));
        let busy: Vec<Stretch> = self
            .found
            .iter()
            .filter(|occurrence| occurrence.takes_time())
            .map(|occurrence| occurrence.bounds(person.zone))
            .collect();
        let free = slots(&stretches, &busy, at_least);
        if stretches.is_empty() {
            let is_over = agenda::bounds(self.span, person.zone).1 <= self.seen.now
                || self.days_that_count().any(|day| day == person.today(self.seen.now));
            return Text::new().plain(if is_over {
                "That is over already. Ask for another day, like /free monday, or for other hours."
            } else {
                "There is no working day of yours in that. /settings shows which are."
            });
        }
        if free == stretches {
            return Text::new().plain("All of it: nothing takes your time.").line().then(self.listed(&free));
        }
        if free.is_empty() {
            return Text::new().plain("Nothing is left free there. Try a shorter time, or other days.");
        }
        self.listed(&free)
    }

    /// The hours that count, of each day that does, from now on.
    fn stretches(&self) -> Vec<Stretch> {
        let person = &self.seen.person;
        let mut stretches = vec![];
        for day in self.days_that_count() {
            let hours = self.span.hours().unwrap_or(person.working_hours);
            stretches.extend(Span::day(day).only(hours).windows(person.zone));
        }
        let now = next_minutes(self.seen.now);
        stretches.iter().map(|(from, until)| ((*from).max(now), *until)).filter(|(from, until)| from < until).collect()
    }

    /// The working days. Whoever asks about one day, or names the hours, means every day.
    fn days_that_count(&self) -> impl Iterator<Item = NaiveDate> {
        let all = self.span.first() == self.span.last() || self.span.hours().is_some();
        let works = self.seen.person.working_days;
        self.span.each_day().filter(move |day| all || works[day.weekday().num_days_from_monday() as usize])
    }

    fn listed(&self, free: &[Stretch]) -> Text {
        let zone = self.seen.person.zone;
        let one_day = self.span.first() == self.span.last();
        let (mut text, mut shown) = (Text::new(), None);
        for (from, until) in free {
            let (begin, end) = (from.with_timezone(&zone), until.with_timezone(&zone));
            let day = begin.date_naive();
            if shown != Some(day) {
                text = if shown.is_none() { text } else { text.line() };
                if !one_day {
                    text = text.bold(day.format("%A %-d %B").to_string()).line();
                }
                shown = Some(day);
            }
            let end = if end.date_naive() == day { end.format("%H:%M").to_string() } else { "24:00".to_owned() };
            let lasts = lasting((*until - *from).num_minutes());
            text = text.plain(format!("{}–{end}  ({lasts})", begin.format("%H:%M"))).line();
        }
        text
    }
}

/// A free time that begins in the middle of a minute begins for people at the next five.
fn next_minutes(now: DateTime<Utc>) -> DateTime<Utc> {
    let past = now.timestamp().rem_euclid(300);
    let whole = now.timestamp() + if past == 0 { 0 } else { 300 - past };
    DateTime::from_timestamp(whole, 0).unwrap_or(now)
}

/// "45 min", "2 h", "1 h 30 min".
fn lasting(minutes: i64) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
