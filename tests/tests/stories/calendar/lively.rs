//! Everything that Bellhop shows of a lively account, held against the sandbox's own reading of the same calendars.

use std::collections::BTreeMap;

use bellhop_tests::{House, Message, Story, Trouble, ensure};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use super::{after, agenda, connected, is_settled, looked_again};

/// Days in one message.
const DAYS: i64 = 7;

/// What is on by day, each with when it is and what it is called.
type Diary = BTreeMap<NaiveDate, Vec<(String, String)>>;

/// A title as far as it can be compared: without what is cleaned away, and not to the end.
fn plain(title: &str) -> String {
    title.chars().filter(|character| character.is_alphanumeric()).take(24).collect()
}

/// What an event is called to this reader, and with what mark.
fn called(event: &Value, role: &str) -> String {
    let hidden = match role {
        "freeBusyReader" => true,
        "reader" | "writerWithoutPrivateAccess" => event["visibility"] == "private",
        _ => false,
    };
    let title = match event["summary"].as_str() {
        _ if role == "freeBusyReader" => "busy",
        Some(title) if !hidden && !title.is_empty() => title,
        _ => "(no title)",
    };
    let plain = plain(title);
    let own = event["attendees"].as_array().into_iter().flatten().find(|attendee| attendee["self"] == true);
    let answer = own.filter(|_| !hidden).and_then(|own| own["responseStatus"].as_str()).unwrap_or_default();
    let mark = match answer {
        "declined" => "✗",
        "needsAction" => "✉",
        "tentative" => "?",
        _ if event["status"] == "tentative" => "?",
        _ => "",
    };
    format!("{mark}{plain}")
}

/// The days that an event touches in a zone, and what stands before its title on each.
fn days(event: &Value, zone: Tz) -> Story<Vec<(NaiveDate, String)>> {
    if let (Some(first), Some(end)) = (event["start"]["date"].as_str(), event["end"]["date"].as_str()) {
        let (first, end): (NaiveDate, NaiveDate) = (first.parse()?, end.parse()?);
        let length = (end - first).num_days();
        let each = first.iter_days().take_while(|day| *day < end).zip(1..);
        let when = |number: i64| if length == 1 { "All day".to_owned() } else { format!("Day {number} of {length}") };
        return Ok(each.map(|(day, number)| (day, when(number))).collect());
    }
    let moment = |name: &str| -> Story<DateTime<Tz>> {
        let at = DateTime::parse_from_rfc3339(event[name]["dateTime"].as_str().unwrap_or_default())?;
        Ok(at.with_timezone(&zone))
    };
    let (start, end) = (moment("start")?, moment("end")?);
    let ends_at_midnight = end > start && end.time() == chrono::NaiveTime::MIN;
    let last = if ends_at_midnight { end.date_naive() - Days::new(1) } else { end.date_naive() };
    let clock = |at: &DateTime<Tz>| at.format("%H:%M").to_string();
    let when = |day: NaiveDate| match (start.date_naive() == day, end.date_naive() == day) {
        (true, true) if start == end => clock(&start),
        (true, true) => format!("{}–{}", clock(&start), clock(&end)),
        (true, false) if ends_at_midnight && last == day => format!("{}–24:00", clock(&start)),
        (true, false) => format!("{}–{} {}", clock(&start), end.format("%a"), clock(&end)),
        (false, true) => format!("until {}", clock(&end)),
        (false, false) => "All day".to_owned(),
    };
    Ok(start.date_naive().iter_days().take_while(|day| *day <= last).map(|day| (day, when(day))).collect())
}

/// What the sandbox says of all calendars in somebody's list that they did not hide.
async fn expected(house: &House, account: &str, zone: Tz, (from, until): (NaiveDate, NaiveDate)) -> Story<Diary> {
    let mut diary = Diary::new();
    let midnight = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc();
    for calendar in house.sandbox.calendars(account).await? {
        if calendar["hidden"] == true || calendar["deleted"] == true {
            continue;
        }
        let (id, role) = (calendar["id"].as_str().unwrap_or_default(), calendar["role"].as_str().unwrap_or_default());
        let window = (midnight(after(from, -2)), midnight(after(until, 2)));
        for event in house.sandbox.diary(account, id).occurrences(window.0, window.1).await? {
            for (day, when) in days(&event, zone)? {
                if (from..=until).contains(&day) {
                    diary.entry(day).or_default().push((when, called(&event, role)));
                }
            }
        }
    }
    Ok(diary)
}

/// What a message over several days shows, or over one.
fn shown(message: &Message, first: NaiveDate, days: i64) -> Story<Diary> {
    let mut diary = Diary::new();
    let headings: Vec<(String, NaiveDate)> =
        (0..days).map(|days| after(first, days)).map(|day| (day.format("%A %-d %B").to_string(), day)).collect();
    // One day stands above everything.
    let mut day = (days == 1).then_some(first);
    for line in message.text.lines().skip(2).filter(|line| !line.is_empty()) {
        if let Some((_, found)) = headings.iter().find(|(heading, _)| heading == line) {
            day = Some(*found);
        } else if line.starts_with("Nothing ") {
            day = None;
        } else {
            let (when, what) = line.split_once("  ").unwrap_or(("", line));
            // The length in the night of a clock change is not compared.
            let when = when.split(" (").next().unwrap_or(when);
            let mark = what.chars().next().filter(|mark| "✗?✉".contains(*mark));
            let title: String = mark.into_iter().map(String::from).chain([plain_of(what)]).collect();
            let day = day.ok_or_else(|| Trouble::new(format!("no day for {line:?}: {}", message.text)))?;
            diary.entry(day).or_default().push((when.to_owned(), title));
        }
    }
    Ok(diary)
}

/// The title in a line, without the notes behind it.
fn plain_of(what: &str) -> String {
    plain(what.trim_start_matches(['✗', '?', '✉', ' ']))
}

/// Trouble unless both name the same things at the same times. What is shown may say more behind a title.
fn agree(shown: &mut Diary, expected: &mut Diary) -> Story {
    for (day, wanted) in expected.iter_mut() {
        let there = shown.entry(*day).or_default();
        for (when, what) in wanted.drain(..) {
            let found = there.iter().position(|(at, called)| *at == when && called.starts_with(&what));
            let found = found
                .ok_or_else(|| Trouble::new(format!("on {day} there is no {what:?} at {when:?}, but {there:?}")))?;
            there.remove(found);
        }
    }
    let more: Vec<_> = shown.iter().filter(|(_, left)| !left.is_empty()).collect();
    ensure(more.is_empty(), format_args!("more is shown than there is: {more:?}"))
}

async fn is_shown_as_it_is(account: &str, own: Tz) -> Story {
    let house = House::open().await?;
    let (walk, _) = connected(&house, account).await?;
    let ada = &walk.person;
    let calendars = super::choice::choose_all(ada).await?;
    ensure(calendars > 2, format_args!("{account} has {calendars} calendars"))?;
    looked_again(&house).await?;
    for (zone, place) in [(own, ""), (Tz::Asia__Kolkata, "Kolkata")] {
        if !place.is_empty() {
            super::moves_to(ada, place).await?;
        }
        let today = house.now().await?.with_timezone(&zone).date_naive();
        let (first, last) = (after(today, -28), after(today, 12 * DAYS - 1));
        let mut expected = expected(&house, account, zone, (first, last)).await?;
        let entries: usize = expected.values().map(Vec::len).sum();
        ensure(entries > 30, format_args!("{entries} entries prove little"))?;
        let mut all = Diary::new();
        let mut week = first;
        let mut message =
            ada.ask(&format!("/agenda {week} to {}", after(week, DAYS - 1)), "the first week", is_settled).await?;
        loop {
            if message.says("more. Ask for a single day") {
                for day in (0..DAYS).map(|days| after(week, days)) {
                    let alone = ada.ask(&format!("/agenda {day}"), "a day alone", is_settled).await?;
                    ensure(!alone.says("more. Ask"), format_args!("not all is shown: {}", alone.text))?;
                    all.extend(shown(&alone, day, 1)?);
                }
            } else {
                all.extend(shown(&message, week, DAYS)?);
            }
            week = after(week, DAYS);
            if week > last {
                break;
            }
            let before = message.text.lines().next().unwrap_or_default().to_owned();
            ada.press(&message, "▶").await?;
            message = ada
                .sees_change(message.id, "the next week", |next| !next.text.starts_with(&before) && is_settled(next))
                .await?;
        }
        agree(&mut all, &mut expected)?;
    }
    // The days at the edges of what is kept are there as well.
    let now: DateTime<Utc> = house.now().await?;
    agenda(ada, (now + TimeDelta::days(90)).date_naive()).await?;
    house.end().await
}

#[tokio::test]
async fn everything_of_alice_is_shown_as_it_is() -> Story {
    is_shown_as_it_is("alice", Tz::Europe__Helsinki).await
}

#[tokio::test]
async fn everything_of_bob_is_shown_as_it_is() -> Story {
    is_shown_as_it_is("bob", Tz::America__New_York).await
}

#[tokio::test]
async fn everything_of_carol_is_shown_as_it_is() -> Story {
    is_shown_as_it_is("carol", Tz::Europe__Madrid).await
}
