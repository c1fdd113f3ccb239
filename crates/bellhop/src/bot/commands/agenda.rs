//! `/agenda`: what takes place on a day or some days, in all chosen calendars, on the person's own clock.
//!
//! How the days look is in `agenda/view.rs`.

mod alike;
mod view;

use bellhop_domain::OwnerId;
use bellhop_store::StoreError;
use futures::future::BoxFuture;
use teloxide::types::ChatAction;
use tokio::sync::Semaphore;

pub use self::alike::together;
use self::view::capitalised;
pub use self::view::{View, bounds, not_kept};
use super::{Command, OLD_BUTTON, Toast, accounts};
use crate::bot::carried::{carried, carry};
use crate::bot::fresh::{Fetch, News};
use crate::bot::message::Message;
use crate::bot::picture;
use crate::bot::press::Press;
use crate::bot::seen::{Seen, wait};
use crate::bot::text::Text;
use crate::bot::understand::dates;
use crate::bot::understand::span::Span;
use crate::bot::visit::{Desk, Failure, Visit};

/// The command.
pub const COMMAND: Command = Command {
    name: "agenda",
    summary: "What is on: today, tomorrow, next week, 12.5.",
    also: &["calendar", "events", "meetings", "schedule", "today", "tomorrow", "week"],
    run: agenda,
    press,
};

/// The press that opens some days.
pub const OPEN: char = 'o';

/// The press that asks for news of them.
const REFRESH: char = 'r';

/// The press that asks for them as a picture.
const PICTURE: char = 'p';

/// Pictures drawn at once.
static DRAWING: Semaphore = Semaphore::const_new(2);

fn agenda<'a>(visit: &'a Visit<'a>, said: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let person = visit.person().await?;
        let now = visit.desk.app.clock.now();
        let span = match said {
            "" => Span::day(person.today(now)),
            said => match dates::read(said, now, person.zone) {
                Ok(span) => span,
                Err(misread) => {
                    let text = Text::new().plain(misread.to_string());
                    return visit.say(text).await.map(|_| ());
                }
            },
        };
        open(visit, &span, false).await.map(|_| ())
    })
}

fn press<'a>(visit: &'a Visit<'a>, press: &'a Press) -> BoxFuture<'a, Result<Toast, Failure>> {
    Box::pin(async move {
        match (press.action, carried(press)) {
            (OPEN, Some((span, _))) => open(visit, &span, false).await.map(|_| None),
            (REFRESH, Some((span, _))) => Ok(open(visit, &span, true).await?.said()),
            (PICTURE, Some((span, _))) => send_picture(visit, &span).await,
            _ => Ok(Some(OLD_BUTTON.to_owned())),
        }
    })
}

/// Shows some days and, where that is not fresh, has it brought up to date.
pub async fn open(visit: &Visit<'_>, span: &Span, refresh: bool) -> Result<News, Failure> {
    let desk = visit.desk;
    let seen = Seen::load(desk, visit.owner).await?;
    let asked_at = seen.now;
    let asked = seen.ask_for_news(desk, refresh).await?;
    let fetch = if asked { Fetch::Asked } else { Fetch::Settled };
    let message_id = visit.show(&shown(desk, &seen, span, fetch).await?).await?;
    if asked {
        wait(visit, message_id, &carry(Press::new(COMMAND.name, OPEN), span, None), asked_at).await?;
    }
    Ok(seen.news(asked))
}

/// Sends some days as a picture, in a message of its own.
async fn send_picture(visit: &Visit<'_>, span: &Span) -> Result<Toast, Failure> {
    let desk = visit.desk;
    let seen = Seen::load(desk, visit.owner).await?;
    if seen.accounts.is_empty() {
        return Ok(Some("No account is connected any more. Send /connect to connect one.".to_owned()));
    }
    desk.speaker.show_activity(visit.chat, ChatAction::UploadPhoto).await;
    let (from, until) = bounds(span, seen.person.zone);
    let found = seen.between(desk, from, until).await?;
    let heading = capitalised(&span.in_words(seen.person.today(seen.now)));
    let words =
        Text::new().plain("📅 ").bold(heading).line().plain(seen.freshness(Fetch::Settled)).then(seen.not_seen().0);
    let days = span.clone();
    // Drawing takes a while, and memory, and would hold up everybody else.
    let _turn = DRAWING.acquire().await;
    let drawn = tokio::task::spawn_blocking(move || picture::draw(&seen, &days, &found)).await;
    let Ok(Some(png)) = drawn else {
        return Ok(Some("I could not draw that. The text above has everything.".to_owned()));
    };
    desk.speaker.send_picture(visit.chat, png, &words.into()).await?;
    Ok(None)
}

/// What a message that shows these days says now.
pub async fn current(desk: &Desk, owner: OwnerId, span: &Span, fetch: Fetch) -> Result<Message, StoreError> {
    shown(desk, &Seen::load(desk, owner).await?, span, fetch).await
}

async fn shown(desk: &Desk, seen: &Seen, span: &Span, fetch: Fetch) -> Result<Message, StoreError> {
    if seen.accounts.is_empty() {
        return Ok(accounts::none());
    }
    let (from, until) = bounds(span, seen.person.zone);
    let found = seen.between(desk, from, until).await?;
    Ok(View { seen, span, found: &found, fetch }.message())
}
