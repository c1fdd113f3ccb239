//! Calendars: what changes at Google and comes, what is shown of it on whose clock, and what is chosen.
//!
//! Nobody's real date is assumed: nights in which clocks change are looked for from today on, and the house's clock is
//! moved there.

mod choice;
mod days;
mod exceptions;
mod lively;
mod sync;
mod trouble;

use bellhop_tests::{Diary, House, Message, Person, Story, Walk, until};
use chrono::{Datelike, Days, NaiveDate, TimeDelta, Weekday};
use chrono_tz::Tz;
use serde_json::{Value, json};

use crate::rested;

/// The pause between two looks at calendars that nobody asks about.
const POLL: TimeDelta = TimeDelta::seconds(301);

/// Pages of events, as the sandbox's ledger counts them.
const EVENTS: &str = "/calendar/v3/calendars/{calendar}/events";

/// A time on the clocks of a zone.
fn at(day: NaiveDate, clock: &str, zone: Tz) -> Value {
    json!({ "dateTime": format!("{day}T{clock}:00"), "timeZone": zone.name() })
}

/// An event on one day, by the clocks of a zone.
fn meeting(title: &str, day: NaiveDate, (from, until): (&str, &str), zone: Tz) -> Value {
    json!({ "summary": title, "start": at(day, from, zone), "end": at(day, until, zone) })
}

/// The same, on every day from that one on.
fn daily(title: &str, day: NaiveDate, hours: (&str, &str), zone: Tz) -> Value {
    let mut series = meeting(title, day, hours, zone);
    series["recurrence"] = json!(["RRULE:FREQ=DAILY"]);
    series
}

/// Whole days, the last one included.
fn whole_days(title: &str, first: NaiveDate, last: NaiveDate) -> Value {
    json!({ "summary": title, "start": { "date": first }, "end": { "date": last + Days::new(1) } })
}

/// The day that many days after another.
fn after(day: NaiveDate, days: i64) -> NaiveDate {
    day + TimeDelta::days(days)
}

/// The first such weekday after today in Helsinki that is at least two days away.
async fn next(house: &House, weekday: Weekday) -> Story<NaiveDate> {
    let today = house.now().await?.with_timezone(&Tz::Europe__Helsinki).date_naive();
    let mut day = after(today, 2);
    while day.weekday() != weekday {
        day = after(day, 1);
    }
    Ok(day)
}

/// Somebody goes the whole way with this account, and its calendar has been read once.
async fn connected(house: &House, account: &str) -> Story<(Walk, String)> {
    let mut walk = house.walker(1001, "Ada")?;
    let integration = joined(house, &mut walk, account).await?;
    Ok((walk, integration))
}

/// One more account of somebody, and its calendar has been read once.
async fn joined(house: &House, walk: &mut Walk, account: &str) -> Story<String> {
    walk.connect(account).await?;
    let integration = house.connected_integration().await?;
    let read =
        format!("select count(*) from calendar_syncs where integration = '{integration}' and checked_at is not null");
    until("the calendar to be read", async || Ok((house.database.number(&read).await? == 1).then_some(()))).await?;
    Ok(integration)
}

/// Lets the pause pass and waits until all calendars have been looked at again. A look that is under way may have passed by what
/// has just changed, and is not taken for that one.
async fn looked_again(house: &House) -> Story {
    rested(house).await?;
    let since = house.now().await? + POLL / 2;
    house.advance(POLL)?;
    let late = format!("select count(*) from calendar_syncs where checked_at < '{since}'");
    until("another look at the calendars", async || Ok((house.database.number(&late).await? == 0).then_some(()))).await
}

/// Whether an answer is whole: nothing is waited for any more.
fn is_settled(message: &Message) -> bool {
    message.says("Checked at") && !message.says("Looking for news")
}

/// What stands below the heading of an answer about one day.
fn lines(message: &Message) -> Vec<String> {
    let below = message.text.split_once("\n\n").map_or("", |(_, below)| below);
    below.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// What is on, on a day.
async fn agenda(person: &Person, day: NaiveDate) -> Story<Vec<String>> {
    let answer = person.ask(&format!("/agenda {day}"), &format!("the agenda of {day}"), is_settled).await?;
    let lines = lines(&answer);
    Ok(if lines == ["Nothing is on."] { vec![] } else { lines })
}

/// When somebody is free, in the words of the bot.
async fn free(person: &Person, asked: &str) -> Story<Vec<String>> {
    Ok(lines(&person.ask(&format!("/free {asked}"), &format!("free time: {asked}"), is_settled).await?))
}

/// Somebody settles where they are.
async fn moves_to(person: &Person, place: &str) -> Story {
    person
        .ask(&format!("/timezone {place}"), "the new zone", |message| message.says("Your times are now"))
        .await
        .map(drop)
}

/// How many pages of events were asked for, whatever came of it.
async fn pages(house: &House) -> Story<u64> {
    Ok(house.sandbox.ledger().await?.calls_of(EVENTS, None))
}

/// How many entries of calendars are stored.
async fn stored(house: &House) -> Story<i64> {
    house.database.number("select count(*) from calendar_entries").await
}

/// Five events on a day, by the hour, from ten on. Answers their ids.
async fn five_boats(diary: &Diary, day: NaiveDate) -> Story<Vec<String>> {
    let mut ids = vec![];
    for (name, hour) in ["Aurora", "Borealis", "Cassiopeia", "Draco", "Eridanus"].iter().zip(10..) {
        let hours = (format!("{hour}:00"), format!("{hour}:30"));
        let boat = meeting(&format!("Boat {name} lands"), day, (&hours.0, &hours.1), Tz::Europe__Helsinki);
        ids.push(diary.put(boat).await?);
    }
    Ok(ids)
}
