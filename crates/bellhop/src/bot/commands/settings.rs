//! `/settings`: what somebody has settled for themselves, all in one message that changes under their fingers.
//!
//! Every press carries what is to be settled, not a step: the same press twice settles the same.

use bellhop_store::OwnerSettings;
use futures::future::BoxFuture;

use super::{Command, OLD_BUTTON, Toast, calendars, timezone};
use crate::bot::message::{Button, Message};
use crate::bot::person::{Person, ZoneFrom};
use crate::bot::press::Press;
use crate::bot::text::Text;
use crate::bot::understand::dates::{self, Misread};
use crate::bot::understand::span::Hours;
use crate::bot::visit::{Failure, Visit};
use crate::places;

/// The command.
pub const COMMAND: Command = Command {
    name: "settings",
    summary: "Time zone, working hours and days",
    also: &["options", "preferences", "hours", "configure"],
    run: settings,
    press,
};

/// The press that shows them.
pub const OPEN: char = 'o';

/// The presses that settle: a day (twice its number, and one more if it is worked), the beginning and the end (in
/// minutes), the shortest slot.
const DAY: char = 'w';
const BEGIN: char = 'b';
const END: char = 'e';
const SLOT: char = 's';

/// The press that all days at once were settled by before days had one each: with two messages open, a tap in the one
/// undid what the other had settled. Such buttons are still in people's chats.
const DAYS: char = 'd';

/// The press on a label between two steps.
const LABEL: char = 'l';

/// The lengths that are offered, in minutes; any other can be written.
const SLOTS: [u32; 5] = [15, 30, 45, 60, 90];

/// How far a tap moves the beginning or the end, in minutes.
const STEP: u16 = 30;

const NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

fn settings<'a>(visit: &'a Visit<'a>, said: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        if said.is_empty() {
            return open(visit).await;
        }
        match written(said) {
            Ok(change) => {
                change_settings(visit, change).await?;
                open(visit).await
            }
            Err(misread) => visit.say(what_to_write(misread)).await.map(|_| ()),
        }
    })
}

/// Said to words that settle nothing.
fn what_to_write(misread: Misread) -> Text {
    let text = match misread {
        Misread::NoHours => Text::new().plain("I cannot read that."),
        misread => Text::new().plain(misread.to_string()),
    };
    text.gap().plain(
        "Here I understand working hours, like /settings 9-17, and the shortest free time worth mentioning, like \
         /settings 45 min. To change the days, send /settings and tap them.",
    )
}

/// What can be settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Hours(Hours),
    Days([bool; 7]),
    Slot(u32),
}

/// Hours or a length, as people write them.
fn written(said: &str) -> Result<Change, Misread> {
    match dates::hours(said) {
        Ok(hours) => Ok(Change::Hours(hours)),
        Err(Misread::NoHours) => dates::minutes(said).map(Change::Slot).map_err(|misread| match misread {
            Misread::NoLength => Misread::NoHours,
            other => other,
        }),
        Err(misread) => Err(misread),
    }
}

fn press<'a>(visit: &'a Visit<'a>, press: &'a Press) -> BoxFuture<'a, Result<Toast, Failure>> {
    Box::pin(async move {
        let person = visit.person().await?;
        let hours = person.working_hours;
        let minute = u16::try_from(press.number).unwrap_or(u16::MAX);
        let asked = match press.action {
            OPEN => None,
            DAY if press.number < 14 => {
                let mut days = person.working_days;
                days[press.number as usize / 2] = press.number % 2 == 1;
                Some(Change::Days(days))
            }
            DAYS => Some(Change::Days(std::array::from_fn(|day| press.number >> day & 1 == 1))),
            BEGIN | END => {
                let (from, until) =
                    if press.action == BEGIN { (minute, hours.until_minute()) } else { (hours.from_minute(), minute) };
                let Some(hours) = Hours::minutes(from, until) else {
                    return Ok(Some("A working day ends after it begins, so I left it as it was.".to_owned()));
                };
                Some(Change::Hours(hours))
            }
            SLOT => Some(Change::Slot(press.number.clamp(1, 24 * 60))),
            LABEL => return Ok(Some("Tap − or + beside it, or write for example /settings 9-17.".to_owned())),
            _ => return Ok(Some(OLD_BUTTON.to_owned())),
        };
        match asked {
            Some(Change::Days(days)) if !days.contains(&true) => {
                return Ok(Some("At least one day stays, so that there is something to look at.".to_owned()));
            }
            Some(change) => change_settings(visit, change).await?,
            None => {}
        }
        open(visit).await.map(|()| None)
    })
}

async fn change_settings(visit: &Visit<'_>, change: Change) -> Result<(), Failure> {
    let (store, tenant) = (&visit.desk.app.store, visit.desk.tenant);
    let settings = store.owner_settings(tenant, visit.owner).await?;
    let settings = match change {
        Change::Hours(hours) => {
            OwnerSettings { working_hours: Some((hours.from_minute(), hours.until_minute())), ..settings }
        }
        Change::Days(days) => OwnerSettings { working_days: Some(days), ..settings },
        Change::Slot(minutes) => OwnerSettings { slot_minutes: Some(minutes), ..settings },
    };
    Ok(store.put_owner_settings(tenant, visit.owner, &settings).await?)
}

async fn open(visit: &Visit<'_>) -> Result<(), Failure> {
    let person = visit.person().await?;
    visit.show(&shown(&person, visit.desk.app.clock.now())).await.map(|_| ())
}

/// The settings with their buttons.
fn shown(person: &Person, now: chrono::DateTime<chrono::Utc>) -> Message {
    let hours = person.working_hours;
    let zone = match person.zone_from {
        ZoneFrom::Settled => places::describe(person.zone, now),
        ZoneFrom::Calendar => format!("{} (from your calendar)", places::describe(person.zone, now)),
        ZoneFrom::Nobody => "UTC, as I do not know where you are".to_owned(),
    };
    let text = Text::new()
        .bold("Your settings")
        .line()
        .plain(format!("Time zone: {zone}"))
        .line()
        .plain(format!("Working hours: {}", hours.as_written()))
        .line()
        .plain(format!("Working days: {}", days_in_words(person.working_days)))
        .line()
        .plain(format!("Free time worth mentioning: {} minutes or more", person.slot_minutes))
        .gap()
        .plain("/free goes by these. Tap to change them, or write for example /settings 9-17 or /settings 45 min.");
    let set = |action, number| Press::new(COMMAND.name, action).number(number);
    let days = (0..7).map(|day| {
        let works = person.working_days[day];
        let mark = if works { "✅" } else { "▫️" };
        // At most 13.
        let number = u32::try_from(day).unwrap_or(0) * 2 + u32::from(!works);
        Button::press(&format!("{mark} {}", NAMES[day]), set(DAY, number))
    });
    let days: Vec<Button> = days.collect();
    let slots = SLOTS.iter().map(|minutes| {
        let mark = if *minutes == person.slot_minutes { "✅ " } else { "" };
        Button::press(&format!("{mark}{minutes} min"), set(SLOT, *minutes))
    });
    let slots: Vec<Button> = slots.collect();
    let row = |name: &str, action, at: u16| {
        let label = format!("{name} {:02}:{:02}", at / 60, at % 60);
        vec![
            Button::press("−30 min", set(action, u32::from(at.saturating_sub(STEP)))),
            Button::press(&label, Press::new(COMMAND.name, LABEL)),
            Button::press("+30 min", set(action, u32::from((at + STEP).min(24 * 60)))),
        ]
    };
    Message::new(text)
        .row(vec![
            Button::press("Time zone", Press::new(timezone::COMMAND.name, timezone::OPEN)),
            Button::press("Calendars", Press::new(calendars::COMMAND.name, calendars::OPEN)),
        ])
        .row(row("from", BEGIN, hours.from_minute()))
        .row(row("until", END, hours.until_minute()))
        .row(days[..4].to_vec())
        .row(days[4..].to_vec())
        .row(slots[..3].to_vec())
        .row(slots[3..].to_vec())
}

fn days_in_words(days: [bool; 7]) -> String {
    match days {
        [true, true, true, true, true, false, false] => "Monday to Friday".to_owned(),
        [true, true, true, true, true, true, true] => "every day".to_owned(),
        days => {
            let named = NAMES.iter().zip(days).filter(|(_, works)| *works).map(|(name, _)| *name);
            named.collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_lengths_are_understood_and_anything_else_says_what_is() {
        let hours = |from, until| Ok(Change::Hours(Hours::minutes(from, until).unwrap()));
        assert_eq!(written("9-17"), hours(540, 1020));
        assert_eq!(written("8am to 4pm"), hours(480, 960));
        assert_eq!(written("0-24"), hours(0, 1440));
        // As a question passes them on.
        assert_eq!(written("9 - 17"), hours(540, 1020));
        assert_eq!(written("8 am to 4 pm"), hours(480, 960));
        assert_eq!(written("45 min"), Ok(Change::Slot(45)));
        assert_eq!(written("1.5 h"), Ok(Change::Slot(90)));
        assert_eq!(written("blue"), Err(Misread::NoHours));
        assert!(written("17-9").is_err() && written("25:00-26:00").is_err() && written("0 min").is_err());
    }

    #[test]
    fn a_tap_settles_and_does_not_step() {
        let message = shown(&Person::unknown(), chrono::DateTime::UNIX_EPOCH);
        let press = |label: &str| {
            let button = message.buttons.iter().flatten().find(|button| match button {
                Button::Press { label: shown, .. } => shown.contains(label),
                Button::Link { .. } => false,
            });
            match button.unwrap() {
                Button::Press { press, .. } => (press.action, press.number),
                Button::Link { .. } => unreachable!(),
            }
        };
        assert_eq!(press("−30"), (BEGIN, 510));
        assert_eq!(press("Sat"), (DAY, 2 * 5 + 1));
        assert_eq!(press("Mon"), (DAY, 0));
        assert_eq!(press("45"), (SLOT, 45));
    }

    #[test]
    fn days_are_said_as_people_say_them() {
        assert_eq!(days_in_words([true; 7]), "every day");
        assert_eq!(days_in_words(std::array::from_fn(|day| day < 5)), "Monday to Friday");
        assert_eq!(days_in_words(std::array::from_fn(|day| day % 3 == 0)), "Mon, Thu, Sun");
    }
}
