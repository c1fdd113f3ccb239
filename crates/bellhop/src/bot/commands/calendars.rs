//! `/calendars`: which calendars an agenda and free time are made of. A tap chooses one or leaves it out.

use bellhop_domain::Capability;
use futures::future::BoxFuture;

use super::{Command, NOT_YOURS, OLD_BUTTON, Toast, accounts};
use crate::bot::message::{Button, Message};
use crate::bot::press::Press;
use crate::bot::seen::Seen;
use crate::bot::text::Text;
use crate::bot::visit::{Failure, Visit};

/// The command.
pub const COMMAND: Command = Command {
    name: "calendars",
    summary: "Choose which calendars count",
    also: &["calenders", "choose"],
    run: |visit, _| Box::pin(async move { open(visit).await.map(|_| ()) }),
    press,
};

/// The press that shows the list.
pub const OPEN: char = 'o';

/// The press that chooses a calendar (1) or leaves it out (0): the same press twice is one choice.
const CHOOSE: char = 'c';

/// The most calendars that get a button. Telegram takes a hundred.
const MOST: usize = 60;

fn press<'a>(visit: &'a Visit<'a>, press: &'a Press) -> BoxFuture<'a, Result<Toast, Failure>> {
    Box::pin(async move {
        match (press.action, press.item) {
            (OPEN, _) => open(visit).await.map(|_| None),
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
    let chosen = press.number == 1;
    let toast = if store.choose_calendar(tenant, row.id, handle, chosen).await? {
        if chosen {
            crate::actions::ask_for_calendars(&visit.desk.app, tenant, row.id).await?;
        }
        None
    } else {
        Some("That calendar is no longer in the account. Here are those that are.".to_owned())
    };
    open(visit).await?;
    Ok(toast)
}

async fn open(visit: &Visit<'_>) -> Result<i32, Failure> {
    let seen = Seen::load(visit.desk, visit.owner).await?;
    visit.show(&list(&seen)).await
}

/// The list with its buttons.
#[must_use]
pub fn list(seen: &Seen) -> Message {
    if seen.accounts.is_empty() {
        return accounts::none();
    }
    let (not_seen, remedies) = seen.not_seen();
    let text = Text::new()
        .bold("Your calendars")
        .line()
        .plain("Tap one to choose it or to leave it out. /agenda and /free look at the chosen ones.");
    let mut message = Message::new(text);
    let several = seen.accounts.len() > 1;
    let mut shown = 0;
    for account in seen.accounts.iter().filter(|seen| seen.account.row.can(Capability::Calendar)) {
        if account.calendars.is_empty() {
            message.text = message
                .text
                .gap()
                .theirs_bold(&account.account.name(), 80)
                .plain(": the list of calendars has not come yet. Send /calendars again in a moment.");
        }
        for calendar in &account.calendars {
            if shown == MOST {
                message.text = message.text.gap().plain(format!("Only the first {MOST} have a button."));
            }
            shown += 1;
            if shown > MOST {
                continue;
            }
            let mark = match (calendar.chosen, calendar.readable) {
                (true, true) => "✅",
                (true, false) => "⚠️",
                (false, _) => "▫️",
            };
            let whose = if several { format!(" · {}", account.account.name()) } else { String::new() };
            let press = Press::new(COMMAND.name, CHOOSE)
                .about(account.account.id())
                .number(u32::from(!calendar.chosen))
                .item(calendar.handle);
            message = message.row(vec![Button::press(&format!("{mark} {}{whose}", calendar.content.title), press)]);
        }
    }
    message.text = message.text.then(not_seen);
    remedies.into_iter().fold(message, Message::row)
}
