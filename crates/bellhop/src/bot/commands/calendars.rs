//! `/calendars`: which calendars an agenda and free time are made of. A tap chooses one or leaves it out.

use bellhop_domain::Capability;
use bellhop_store::Calendar;
use futures::future::BoxFuture;

use super::{Command, NOT_YOURS, OLD_BUTTON, Toast, accounts};
use crate::bot::account::Account;
use crate::bot::message::{Button, Message};
use crate::bot::press::Press;
use crate::bot::seen::{Seen, wait};
use crate::bot::text::Text;
use crate::bot::visit::{Failure, Visit};

/// The command.
pub const COMMAND: Command = Command {
    name: "calendars",
    summary: "Choose which calendars count",
    also: &["calenders", "choose"],
    run: |visit, _| Box::pin(async move { open(visit, 0).await.map(|_| ()) }),
    press,
};

/// The press that shows the list.
pub const OPEN: char = 'o';

/// The press that chooses a calendar or leaves it out: the same press twice is one choice. See [`Tap`].
const CHOOSE: char = 'c';

/// The most calendars on a page. Telegram takes a hundred buttons.
const PAGE: usize = 60;

/// What a button for a calendar means, as the number that it carries.
struct Tap {
    /// Whether the calendar is chosen or left out.
    chosen: bool,
    /// The page it is on, from 0.
    page: u32,
}

impl Tap {
    fn number(&self) -> u32 {
        self.page.saturating_mul(2) | u32::from(self.chosen)
    }

    fn of(number: u32) -> Self {
        Self { chosen: number & 1 == 1, page: number / 2 }
    }
}

fn press<'a>(visit: &'a Visit<'a>, press: &'a Press) -> BoxFuture<'a, Result<Toast, Failure>> {
    Box::pin(async move {
        match (press.action, press.item) {
            (OPEN, _) => open(visit, press.number).await.map(|_| None),
            (CHOOSE, Some(handle)) => choose(visit, press, handle).await,
            _ => Ok(Some(OLD_BUTTON.to_owned())),
        }
    })
}

async fn choose(visit: &Visit<'_>, press: &Press, handle: i64) -> Result<Toast, Failure> {
    let (store, tenant) = (&visit.desk.app.store, visit.desk.tenant);
    let Some(row) = visit.own(press.integration).await?.filter(|row| row.status.is_linked()) else {
        return Ok(Some(NOT_YOURS.to_owned()));
    };
    let Tap { chosen, page } = Tap::of(press.number);
    let asked_at = visit.desk.app.clock.now();
    let is_there = store.choose_calendar(tenant, row.id, handle, chosen).await?;
    let toast = if is_there {
        if chosen {
            crate::actions::ask_for_calendars(&visit.desk.app, tenant, row.id).await?;
        }
        None
    } else {
        Some("That calendar is no longer in the account. Here are those that are.".to_owned())
    };
    let seen = Seen::load(visit.desk, visit.owner).await?;
    let message_id = visit.show(&list(&seen, page)).await?;
    // What has not been read yet is said here, and must not stand here once it has.
    if awaits_reading(&seen) {
        wait(visit, message_id, &Press::new(COMMAND.name, OPEN).number(page), asked_at).await?;
    }
    Ok(toast)
}

async fn open(visit: &Visit<'_>, page: u32) -> Result<i32, Failure> {
    let seen = Seen::load(visit.desk, visit.owner).await?;
    visit.show(&list(&seen, page)).await
}

/// Whether a chosen calendar is still to be read.
#[must_use]
pub fn awaits_reading(seen: &Seen) -> bool {
    seen.accounts.iter().any(|seen| seen.can_be_read() && seen.has_unread())
}

/// A page of the list with its buttons; the last one where there is no such page.
#[must_use]
pub fn list(seen: &Seen, page: u32) -> Message {
    if seen.accounts.is_empty() {
        return accounts::none();
    }
    let (not_seen, remedies) = seen.not_seen();
    let readable = || seen.accounts.iter().filter(|seen| seen.account.row.can(Capability::Calendar));
    let all: Vec<(&Account, &Calendar)> =
        readable().flat_map(|seen| seen.calendars.iter().map(|calendar| (&seen.account, calendar))).collect();
    let mut text = Text::new().bold("Your calendars");
    if !all.is_empty() {
        text = text.line().plain("Tap one to choose it or to leave it out. /agenda and /free look at the chosen ones.");
    }
    for account in readable().filter(|seen| seen.calendars.is_empty()) {
        text = text
            .gap()
            .theirs_bold(&account.account.name(), 80)
            .plain(": the list of calendars has not come yet. Send /calendars again in a moment.");
    }
    let last = all.len().saturating_sub(1) / PAGE;
    let page = usize::try_from(page).map_or(last, |page| page.min(last));
    let shown = all.chunks(PAGE).nth(page).unwrap_or_default();
    if last > 0 {
        let first = page * PAGE + 1;
        text = text.gap().plain(format!("{first}–{} of {}", first + shown.len() - 1, all.len()));
    }
    let page = u32::try_from(page).unwrap_or(0);
    let mut message = Message::new(text.then(not_seen));
    for (account, calendar) in shown {
        let mark = match (calendar.chosen, calendar.readable) {
            (true, true) => "✅",
            (true, false) => "⚠️",
            (false, _) => "▫️",
        };
        let whose = if seen.accounts.len() > 1 { format!(" · {}", account.name()) } else { String::new() };
        let press = Press::new(COMMAND.name, CHOOSE)
            .about(account.id())
            .number(Tap { chosen: !calendar.chosen, page }.number())
            .item(calendar.handle);
        message = message.row(vec![Button::press(&format!("{mark} {}{whose}", calendar.content.title), press)]);
    }
    let to = |page| Press::new(COMMAND.name, OPEN).number(page);
    let mut pages = vec![];
    if page > 0 {
        pages.push(Button::press("◀ Back", to(page - 1)));
    }
    if usize::try_from(page).is_ok_and(|page| page < last) {
        pages.push(Button::press("More ▶", to(page + 1)));
    }
    remedies.into_iter().fold(message.row(pages), Message::row)
}

#[cfg(test)]
#[path = "calendars_tests.rs"]
mod tests;
