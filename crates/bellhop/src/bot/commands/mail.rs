//! `/mail`: one mail, readable. The newest, one by its number in the inbox, or the newest from or about somebody.
//!
//! The body is fetched when somebody asks and kept nowhere: turning a page fetches it again. How a mail becomes text is in
//! `letter.rs`; how it is shown is a pure function in `mail/view.rs`.

pub mod attached;
pub mod entry;
pub mod place;
pub mod trouble;
pub mod view;

use bellhop_domain::Capability;
use bellhop_providers::{FullMessage, PartContent, ProviderError};
use bellhop_store::{InboxMessage, StoreError, mail_handle};
use futures::future::BoxFuture;

use super::search::stored::Question;
use super::{Command, NOT_YOURS, OLD_BUTTON, Toast, accounts, connect};
use crate::bot::account::Account;
use crate::bot::message::{Button, Message};
use crate::bot::press::Press;
use crate::bot::text::Text;
use crate::bot::visit::{Desk, Failure, Visit};
use crate::calls::{CallError, Caller};
use crate::letter::{Letter, stored_texts};
use place::Place;
use trouble::{Remedy, Trouble};
use view::View;

/// The command.
pub const COMMAND: Command = Command {
    name: "mail",
    summary: "Read a mail: the newest, a number of the inbox, or a name",
    also: &["read", "open", "letter", "message"],
    run: mail,
    press,
};

/// The press that opens a mail of a list.
pub const OPEN: char = 'o';

/// The press that turns to another page of an open mail.
const TURN: char = 'p';

/// The press that sends an attachment.
const ATTACHMENT: char = 'a';

/// Stored mails that are looked through: as many as a first fetch brings.
pub const STORED: i64 = 1_000;

/// The largest text that is fetched by itself. Only its beginning is shown, but a character set needs all of it.
const LARGEST_TEXT_BYTES: usize = 12 * 1024 * 1024;

/// Said to a button for a mail that was listed too long ago.
const TOO_OLD: &str =
    "That list is more than 30 days old and I no longer know which mail was meant. Send /inbox for a new one.";

/// Which mail somebody wants.
#[derive(Debug, PartialEq, Eq)]
enum Wanted<'a> {
    /// By its place among the newest, from 1.
    Number(i64),
    /// The newest that matches.
    Words(&'a str),
}

impl<'a> Wanted<'a> {
    fn of(said: &'a str) -> Self {
        match said.trim().trim_start_matches('#') {
            "" => Self::Number(1),
            // A longer number is a telephone's or an invoice's.
            digits if digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Self::Number(digits.parse().unwrap_or(0))
            }
            words => Self::Words(words),
        }
    }
}

/// A mail as it was fetched, and read.
pub struct Opened {
    /// As it was fetched.
    pub mail: FullMessage,
    /// Read.
    pub letter: Letter,
}

fn mail<'a>(visit: &'a Visit<'a>, said: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let desk = visit.desk;
        let accounts = Account::all(&desk.app.store, desk.tenant, visit.owner).await?;
        if accounts.is_empty() {
            return visit.say(accounts::none()).await.map(|_| ());
        }
        let wanted = Wanted::of(said);
        let most = match wanted {
            Wanted::Number(number) => number,
            Wanted::Words(_) => STORED,
        };
        let (stored, total) = newest(desk, &accounts, most).await?;
        let found = match wanted {
            Wanted::Number(number) => usize::try_from(number - 1).ok().and_then(|index| stored.get(index)),
            Wanted::Words(words) => {
                let question = Question::read(words);
                stored.iter().find(|(_, message)| question.finds(&message.content))
            }
        };
        match found {
            Some((account, message)) => {
                remember(desk, account, std::slice::from_ref(message)).await?;
                open(visit, account, &message.message_id, Place::beginning(Some(0))).await
            }
            None => visit.say(not_found(&wanted, total)).await.map(|_| ()),
        }
    })
}

fn press<'a>(visit: &'a Visit<'a>, press: &'a Press) -> BoxFuture<'a, Result<Toast, Failure>> {
    Box::pin(async move {
        let desk = visit.desk;
        let Some(row) = visit.own(press.integration).await?.filter(|row| row.status.is_linked()) else {
            return Ok(Some(NOT_YOURS.to_owned()));
        };
        let account = Account::of(&desk.app.store, row).await?;
        let Some(handle) = press.item else { return Ok(Some(OLD_BUTTON.to_owned())) };
        let Some(id) = desk.app.store.shown_mail(desk.tenant, account.id(), handle).await? else {
            return Ok(Some(TOO_OLD.to_owned()));
        };
        let place = Place::of(press.number);
        match press.action {
            OPEN => {
                // A list that cannot be gone back to stays where it is.
                let anew = Visit { message: None, ..*visit };
                let visit = if place.inbox_page.is_none() { &anew } else { visit };
                open(visit, &account, &id, place).await?;
                Ok(None)
            }
            TURN => turn(visit, &account, &id, place).await,
            ATTACHMENT => attached::send(visit, &account, &id, press.number).await,
            _ => Ok(Some(OLD_BUTTON.to_owned())),
        }
    })
}

/// The newest stored mails of all accounts, newest first, and how many there are in all.
async fn newest<'a>(
    desk: &Desk,
    accounts: &'a [Account],
    most: i64,
) -> Result<(Vec<(&'a Account, InboxMessage)>, i64), StoreError> {
    let (mut stored, mut total) = (vec![], 0);
    for account in accounts.iter().filter(|account| account.row.can(Capability::Mail)) {
        let page = desk.app.store.inbox_page(desk.tenant, account.id(), 0, most.clamp(1, STORED)).await?;
        total += page.total;
        stored.extend(page.messages.into_iter().map(|message| (account, message)));
    }
    stored.sort_by_key(|(_, message)| std::cmp::Reverse(message.received_at));
    Ok((stored, total))
}

fn not_found(wanted: &Wanted<'_>, total: i64) -> Text {
    let text = Text::new();
    match wanted {
        _ if total == 0 => text.plain("I have no mail of yours yet. Send /inbox to see how far fetching it has come."),
        Wanted::Number(_) => text.plain(format!(
            "There is no mail with that number: I have {total}. Send /mail for the newest, or /mail 3 for the third."
        )),
        Wanted::Words(words) => text
            .plain(format!("None of the {} newest mails is from or about ", total.min(STORED)))
            .theirs_bold(words, 100)
            .plain(". To look through all of them, send /search with the same words."),
    }
}

/// Remembers which mails the buttons of a list mean. Before the list is shown, so that none of them is dead.
pub async fn remember(desk: &Desk, account: &Account, messages: &[InboxMessage]) -> Result<(), StoreError> {
    let ids: Vec<String> = messages.iter().map(|message| message.message_id.clone()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    desk.app.store.remember_shown_mail(desk.tenant, account.id(), &ids, desk.app.clock.now()).await
}

/// The button that opens a mail of a list.
#[must_use]
pub fn opener(account: &Account, message: &InboxMessage, number: u32, inbox_page: Option<u32>) -> Button {
    let press = Press::new(COMMAND.name, OPEN).about(account.id()).item(mail_handle(&message.message_id));
    Button::press(&number.to_string(), press.number(Place::beginning(inbox_page).number()))
}

/// Opens a mail: says at once that it is being fetched, then shows it in the same message.
async fn open(visit: &Visit<'_>, account: &Account, id: &str, place: Place) -> Result<(), Failure> {
    let waiting = visit.show(&Text::new().plain("Fetching the mail…").into()).await?;
    visit.give_up_turn();
    let shown = match fetch(visit, account, id).await {
        Ok(opened) => show(visit, account, &opened, place).await?,
        Err(error) => failed(account, id, &Trouble::of(account, error)?, place),
    };
    Visit { message: Some(waiting), ..*visit }.show(&shown).await.map(|_| ())
}

/// Turns to another page, where it can be fetched. Otherwise the page that is shown stays.
async fn turn(visit: &Visit<'_>, account: &Account, id: &str, place: Place) -> Result<Toast, Failure> {
    visit.give_up_turn();
    match fetch(visit, account, id).await {
        Ok(opened) => {
            let message = show(visit, account, &opened, place).await?;
            visit.show(&message).await?;
            Ok(None)
        }
        Err(error) => Ok(Some(Trouble::of(account, error)?.words())),
    }
}

async fn show(visit: &Visit<'_>, account: &Account, opened: &Opened, place: Place) -> Result<Message, Failure> {
    let desk = visit.desk;
    remember_opened(desk, account, &opened.mail.id).await?;
    let linked = desk.app.store.integrations(desk.tenant, Some(visit.owner)).await?;
    let has_others = linked.iter().filter(|row| row.status.is_linked()).count() > 1;
    let name = account.name();
    let view = View {
        mail: &opened.mail,
        letter: &opened.letter,
        integration: account.id(),
        account: has_others.then_some(name.as_str()),
        handle: mail_handle(&opened.mail.id),
        place,
        person: &visit.person().await?,
        now: desk.app.clock.now(),
    };
    Ok(view.message())
}

/// The buttons of an open mail work for as long as those of a list.
async fn remember_opened(desk: &Desk, account: &Account, id: &str) -> Result<(), StoreError> {
    let ids = [id.to_owned()];
    desk.app.store.remember_shown_mail(desk.tenant, account.id(), &ids, desk.app.clock.now()).await
}

/// Fetches a mail and reads it.
async fn fetch(visit: &Visit<'_>, account: &Account, id: &str) -> Result<Opened, CallError> {
    let mut caller = Caller::open(&visit.desk.app, visit.context("token"), account.id()).await?;
    let fetched = caller.call(|client, token| {
        let id = id.to_owned();
        async move { client.message_full(&token, &id).await }
    });
    let mut mail = fetched.await?;
    for index in stored_texts(&mail) {
        let Some(part) = mail.parts.get_mut(index) else { continue };
        let PartContent::Stored { attachment_id } = &part.content else { continue };
        let text = caller.call(|client, token| {
            let (id, attachment) = (id.to_owned(), attachment_id.clone());
            async move { client.attachment(&token, &id, &attachment, LARGEST_TEXT_BYTES).await }
        });
        match text.await {
            Ok(text) => part.content = PartContent::Inline(text.into()),
            // It stays an attachment.
            Err(CallError::Provider(ProviderError::TooLarge | ProviderError::NotFound)) => {}
            Err(error) => return Err(error),
        }
    }
    // A mail may be as large as its sender liked, and others are waiting for their answers.
    let read = tokio::task::spawn_blocking(move || {
        let letter = Letter::read(&mail);
        Opened { mail, letter }
    });
    read.await.map_err(|_| ProviderError::Malformed.into())
}

fn failed(account: &Account, id: &str, trouble: &Trouble, place: Place) -> Message {
    let mut row = vec![];
    match trouble.remedy {
        Remedy::Again => {
            let press = Press::new(COMMAND.name, TURN).about(account.id()).item(mail_handle(id));
            row.push(Button::press("↻ Try again", press.number(place.number())));
        }
        Remedy::Mend => {
            let mend = Press::new(connect::COMMAND.name, connect::MEND).about(account.id());
            row.push(Button::press(&account.remedy(None), mend));
        }
        Remedy::Nothing => {}
    }
    row.extend(view::back(account.id(), place));
    Message::new(Text::new().plain("I could not fetch this mail. ").plain(trouble.words())).row(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_command_is_a_number_or_words() {
        for (said, wanted) in [
            ("", Wanted::Number(1)),
            ("  ", Wanted::Number(1)),
            ("3", Wanted::Number(3)),
            ("#12", Wanted::Number(12)),
            ("0", Wanted::Number(0)),
            ("4930123456", Wanted::Words("4930123456")),
            ("-1", Wanted::Words("-1")),
            ("anna", Wanted::Words("anna")),
        ] {
            assert_eq!(Wanted::of(said), wanted, "{said:?}");
        }
    }
}
