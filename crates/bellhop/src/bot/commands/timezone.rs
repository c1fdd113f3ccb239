//! `/timezone`: where somebody's clock is: by a zone's name, by a place, or by the location they send.
//!
//! A press names its zone by a hash of the zone's name: the order in which zones are listed changes with the database of them.

use bellhop_store::mail_handle;
use chrono_tz::{TZ_VARIANTS, Tz};
use futures::future::BoxFuture;

use super::{Command, OLD_BUTTON, Toast};
use crate::bot::message::{Button, Message};
use crate::bot::person::{Person, ZoneFrom, unsettled};
use crate::bot::press::Press;
use crate::bot::text::{Text, clean};
use crate::bot::visit::{Failure, Visit};
use crate::places::{self, Found, Place};

/// The command.
pub const COMMAND: Command = Command {
    name: "timezone",
    summary: "Where you are: Lisbon, Asia/Tokyo, or send a location",
    also: &["zone", "clock", "tz", "time"],
    run: timezone,
    press,
};

/// The press that shows where somebody is.
pub const OPEN: char = 'o';

/// The press that settles a zone.
const SETTLE: char = 's';

/// The press that takes back what was settled.
const FORGET: char = 'f';

fn timezone<'a>(visit: &'a Visit<'a>, said: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(named(visit, said))
}

/// Settles the zone of a place, or asks which one is meant.
pub async fn named(visit: &Visit<'_>, said: &str) -> Result<(), Failure> {
    if clean(said).is_empty() {
        return open(visit).await;
    }
    match places::by_words(said) {
        Found::One(place) => settle(visit, place.zone, Some(&place.name)).await,
        Found::Several(places) => {
            let text = Text::new().plain("There are several of that name. Which one?");
            visit.say(offered(text, &places)).await.map(|_| ())
        }
        Found::Nothing { near } => {
            let text = Text::new()
                .plain("I do not know a place or time zone called ")
                .theirs_bold(&format!("\u{201c}{said}\u{201d}"), 60)
                .plain(if near.is_empty() {
                    ". Write a larger city nearby, like /timezone Lisbon, or send me a location."
                } else {
                    ". Did you mean one of these? You can also send me a location."
                });
            visit.say(offered(text, &near)).await.map(|_| ())
        }
    }
}

/// Settles the zone at a place on Earth.
pub async fn located(visit: &Visit<'_>, latitude: f64, longitude: f64) -> Result<(), Failure> {
    if let Some(zone) = places::by_coordinates(latitude, longitude) {
        return settle(visit, zone, None).await;
    }
    let text = Text::new().plain("I cannot tell the time zone there. Write it instead, like /timezone Lisbon.");
    visit.say(text).await.map(|_| ())
}

fn press<'a>(visit: &'a Visit<'a>, press: &'a Press) -> BoxFuture<'a, Result<Toast, Failure>> {
    Box::pin(async move {
        match press.action {
            OPEN => open(visit).await?,
            FORGET => {
                let (store, tenant) = (&visit.desk.app.store, visit.desk.tenant);
                let mut settings = store.owner_settings(tenant, visit.owner).await?;
                settings.time_zone = None;
                store.put_owner_settings(tenant, visit.owner, &settings).await?;
                open(visit).await?;
            }
            SETTLE => match press.item.and_then(zone_of) {
                Some(zone) => settle(visit, zone, None).await?,
                None => return Ok(Some(OLD_BUTTON.to_owned())),
            },
            _ => return Ok(Some(OLD_BUTTON.to_owned())),
        }
        Ok(None)
    })
}

async fn open(visit: &Visit<'_>) -> Result<(), Failure> {
    let person = visit.person().await?;
    let now = visit.desk.app.clock.now();
    let text = Text::new().plain(match person.zone_from {
        ZoneFrom::Settled => format!("Your times are those of {}.", places::describe(person.zone, now)),
        ZoneFrom::Calendar => {
            format!("Your calendar says that you are in {}, so I use that.", places::describe(person.zone, now))
        }
        ZoneFrom::Nobody => "I do not know where you are, so your times are in UTC.".to_owned(),
    });
    let text =
        text.gap().plain("To change that, write /timezone and a place, like /timezone Lisbon, or send me a location.");
    let mut message = Message::new(text);
    if person.zone_from == ZoneFrom::Settled {
        let otherwise = unsettled(&visit.desk.app.store, visit.desk.tenant, visit.owner).await?;
        message = message.row(vec![forgotten(otherwise)]);
    }
    visit.show(&message).await.map(|_| ())
}

/// Takes back what was settled, and says what counts then.
fn forgotten((zone, from): (Tz, ZoneFrom)) -> Button {
    let label = match from {
        ZoneFrom::Calendar => format!("My calendar's: {}", places::said(zone)),
        ZoneFrom::Settled | ZoneFrom::Nobody => "Back to UTC".to_owned(),
    };
    Button::press(&label, Press::new(COMMAND.name, FORGET))
}

async fn settle(visit: &Visit<'_>, zone: Tz, name: Option<&str>) -> Result<(), Failure> {
    let (store, tenant) = (&visit.desk.app.store, visit.desk.tenant);
    let before = visit.person().await?;
    let mut settings = store.owner_settings(tenant, visit.owner).await?;
    settings.time_zone = Some(zone.name().to_owned());
    store.put_owner_settings(tenant, visit.owner, &settings).await?;
    visit.show(&settled(&before, zone, name, visit.desk.app.clock.now())).await.map(|_| ())
}

fn settled(before: &Person, zone: Tz, name: Option<&str>, now: chrono::DateTime<chrono::Utc>) -> Message {
    let mut text = Text::new().plain("✅ Your times are now those of ");
    if let Some(name) = name.filter(|name| *name != places::said(zone)) {
        text = text.plain(format!("{name}: "));
    }
    let message = Message::new(text.plain(format!("{}.", places::describe(zone, now))));
    let back = match before.zone_from {
        _ if before.zone == zone => return message,
        ZoneFrom::Settled => Press::new(COMMAND.name, SETTLE).item(handle(before.zone)),
        ZoneFrom::Calendar => Press::new(COMMAND.name, FORGET),
        ZoneFrom::Nobody => return message,
    };
    message.row(vec![Button::press(&format!("Back to {}", places::said(before.zone)), back)])
}

fn offered(text: Text, places: &[Place]) -> Message {
    places.iter().fold(Message::new(text), |message, place| {
        let press = Press::new(COMMAND.name, SETTLE).item(handle(place.zone));
        message.row(vec![Button::press(&place.name, press)])
    })
}

/// What stands for a zone in a button.
fn handle(zone: Tz) -> i64 {
    mail_handle(zone.name())
}

fn zone_of(item: i64) -> Option<Tz> {
    TZ_VARIANTS.iter().copied().find(|zone| handle(*zone) == item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_has_a_button_of_its_own() {
        for zone in TZ_VARIANTS {
            assert_eq!(zone_of(handle(zone)), Some(zone));
        }
        assert_eq!(zone_of(0), None);
    }
}
