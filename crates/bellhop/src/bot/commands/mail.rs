//! `/mail`: one mail, readable. The newest, one by its number in the inbox, or the newest from or about somebody.
//!
//! The body is fetched when somebody asks and kept nowhere: turning a page fetches it again. How a mail becomes text is in
//! `letter.rs`; how it is shown is a pure function in `mail/view.rs`.

pub mod attached;
pub mod entry;
pub mod fetch;
pub mod place;
pub mod trouble;
pub mod view;

use bellhop_domain::Capability;
use bellhop_store::{InboxMessage, StoreError, mail_handle};
use futures::future::BoxFuture;

use super::search::{self, stored::Question};
use super::{Command, NOT_YOURS, OLD_BUTTON, Toast, accounts, connect};
use crate::bot::account::Account;
use crate::bot::message::{Button, Message};
use crate::bot::press::Press;
use crate::bot::text::Text;
use crate::bot::visit::{Desk, Failure, Visit};
use fetch::{Fetch, Opened};
use place::Place;
use trouble::{Remedy, Trouble};
use view::View;

/// The command.
pub const COMMAND: Command = Command {
    name: "mail",
    summary: "Read a mail: the newest, its number in /inbox, or a name",
    also: &["read", "open", "letter", "message"],
    run: mail,
    press,
};

/// The press that opens a mail of a list.
pub const OPEN: char = 'o';

/// The press that turns to another page of an open mail.
const TURN: char = 'p';

/// The press that opens a mail by its number in an account's inbox.
const NUMBERED: char = 'n';

/// The press that sends an attachment.
const ATTACHMENT: char = 'a';

/// Stored mails that are looked through: as many as a first fetch brings.
pub const STORED: i64 = 1_000;

/// Said to a button for a mail that was listed too long ago.
const TOO_OLD: &str =
    "That list is more than 30 days old and I no longer know which mail was meant. Send /inbox for a new one.";

/// Which mail somebody wants.
#[derive(Debug, PartialEq, Eq)]
enum Wanted<'a> {
    /// The newest of all.
    Newest,
    /// By its place in an inbox, from 1.
    Number(u32),
    /// The newest that matches.
    Words(&'a str),
}

impl<'a> Wanted<'a> {
    fn of(said: &'a str) -> Self {
        match said.trim().trim_start_matches('#') {
            "" => Self::Newest,
            // A longer number is a telephone's or an invoice's.
            digits if digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Self::Number(digits.parse().unwrap_or(0))
            }
            words => Self::Words(words),
        }
    }
}

fn mail<'a>(visit: &'a Visit<'a>, said: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let desk = visit.desk;
        let accounts = Account::all(&desk.app.store, desk.tenant, visit.owner).await?;
        if accounts.is_empty() {
            return visit.say(accounts::none()).await.map(|_| ());
        }
        let allowed = |account: &&Account| account.row.can(Capability::Mail);
        let readable: Vec<&Account> = accounts.iter().filter(allowed).collect();
        let wanted = Wanted::of(said);
        let most = match (&wanted, readable.as_slice()) {
            (_, []) => return visit.say(not_allowed(&accounts)).await.map(|_| ()),
            // An inbox counts its own mail only.
            (Wanted::Number(number), [_, _, ..]) if *number > 0 => {
                return visit.say(whose(&readable, *number)).await.map(|_| ());
            }
            (Wanted::Newest, _) => 1,
            (Wanted::Number(number), _) => i64::from(*number),
            (Wanted::Words(words), _) => {
                // What cannot be told from what is stored can be searched for.
                if !Question::read(words).unanswerable.is_empty() {
                    return search::typed(visit, words).await;
                }
                STORED
            }
        };
        let (stored, total) = newest(desk, &readable, most).await?;
        let found = match wanted {
            Wanted::Newest => stored.first(),
            Wanted::Number(number) => {
                usize::try_from(number).ok().and_then(|number| stored.get(number.checked_sub(1)?))
            }
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
            None => visit.say(not_found(&wanted, total).then(left_out(&accounts))).await.map(|_| ()),
        }
    })
}

/// Opens the mail that has this number in an account's inbox, counted from 1.
async fn open_numbered(visit: &Visit<'_>, account: &Account, number: u32) -> Result<(), Failure> {
    let desk = visit.desk;
    if !account.row.can(Capability::Mail) {
        return visit.show(&not_allowed(std::slice::from_ref(account))).await.map(|_| ());
    }
    let before = i64::from(number.saturating_sub(1));
    let page = desk.app.store.inbox_page(desk.tenant, account.id(), before, 1).await?;
    match page.messages.first() {
        Some(message) => {
            remember(desk, account, &page.messages).await?;
            open(visit, account, &message.message_id, Place::beginning(Some(0))).await
        }
        None => visit.show(&not_found(&Wanted::Number(number), page.total).into()).await.map(|_| ()),
    }
}

fn press<'a>(visit: &'a Visit<'a>, press: &'a Press) -> BoxFuture<'a, Result<Toast, Failure>> {
    Box::pin(async move {
        let desk = visit.desk;
        let Some(row) = visit.own(press.integration).await?.filter(|row| row.status.is_linked()) else {
            return Ok(Some(NOT_YOURS.to_owned()));
        };
        let account = Account::of(&desk.app.store, row).await?;
        if press.action == NUMBERED {
            return open_numbered(visit, &account, press.number).await.map(|()| None);
        }
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
    accounts: &[&'a Account],
    most: i64,
) -> Result<(Vec<(&'a Account, InboxMessage)>, i64), StoreError> {
    let (mut stored, mut total) = (vec![], 0);
    for account in accounts.iter().copied() {
        let page = desk.app.store.inbox_page(desk.tenant, account.id(), 0, most.clamp(1, STORED)).await?;
        total += page.total;
        stored.extend(page.messages.into_iter().map(|message| (account, message)));
    }
    stored.sort_by_key(|(_, message)| std::cmp::Reverse(message.received_at));
    Ok((stored, total))
}

/// Asks in whose inbox a number counts.
fn whose(accounts: &[&Account], number: u32) -> Message {
    let text = Text::new().plain(format!("Number {number} of whose inbox?"));
    accounts.iter().fold(Message::new(text), |message, account| {
        let press = Press::new(COMMAND.name, NUMBERED).about(account.id()).number(number);
        message.row(vec![Button::press(&account.name(), press)])
    })
}

/// Says that no account may be read, with what changes that.
fn not_allowed(accounts: &[Account]) -> Message {
    let several = accounts.len() > 1;
    let text = Text::new().plain(match accounts {
        [only] => Trouble::not_allowed(only).words(),
        _ => "I am not allowed to read the mail of any of your accounts.".to_owned(),
    });
    accounts.iter().fold(Message::new(text), |message, account| {
        let name = account.name();
        let mend = Press::new(connect::COMMAND.name, connect::MEND).about(account.id());
        message.row(vec![Button::press(&account.remedy(several.then_some(name.as_str())), mend)])
    })
}

/// Which accounts were not looked at, as their mail may not be read.
fn left_out(accounts: &[Account]) -> Text {
    accounts.iter().filter(|account| !account.row.can(Capability::Mail)).fold(Text::new(), |text, account| {
        text.line().plain("I am not allowed to read the mail of ").theirs(&account.name(), 80).plain(".")
    })
}

fn not_found(wanted: &Wanted<'_>, total: i64) -> Text {
    let text = Text::new();
    match wanted {
        _ if total == 0 => text.plain("I have no mail of yours yet. Send /inbox to see how far fetching it has come."),
        Wanted::Newest | Wanted::Number(_) => text.plain(format!(
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
    let fetched = async {
        match Fetch::begin(visit).mail(account, id).await? {
            Ok(opened) => show(visit, account, &opened, place).await,
            Err(trouble) => {
                let several = has_others(visit).await?;
                Ok(failed(account, id, &trouble, place, several))
            }
        }
    };
    let waiting = Text::new().plain("Fetching the mail…").into();
    // What is under way is large, and stands in whatever waits for it.
    Box::pin(visit.show_after(&waiting, fetched)).await
}

/// Turns to another page, where it can be fetched. Otherwise the page that is shown stays.
async fn turn(visit: &Visit<'_>, account: &Account, id: &str, place: Place) -> Result<Toast, Failure> {
    match Fetch::begin(visit).mail(account, id).await? {
        Ok(opened) => {
            let message = show(visit, account, &opened, place).await?;
            visit.show(&message).await?;
            Ok(None)
        }
        Err(trouble) => Ok(Some(trouble.words())),
    }
}

async fn show(visit: &Visit<'_>, account: &Account, opened: &Opened<'_>, place: Place) -> Result<Message, Failure> {
    let desk = visit.desk;
    remember_opened(desk, account, &opened.mail.id).await?;
    let has_others = has_others(visit).await?;
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

/// Whether the person has several accounts, so that it is said which one is meant.
async fn has_others(visit: &Visit<'_>) -> Result<bool, StoreError> {
    let linked = visit.desk.app.store.integrations(visit.desk.tenant, Some(visit.owner)).await?;
    Ok(linked.iter().filter(|row| row.status.is_linked()).count() > 1)
}

/// The buttons of an open mail work for as long as those of a list.
async fn remember_opened(desk: &Desk, account: &Account, id: &str) -> Result<(), StoreError> {
    let ids = [id.to_owned()];
    desk.app.store.remember_shown_mail(desk.tenant, account.id(), &ids, desk.app.clock.now()).await
}

fn failed(account: &Account, id: &str, trouble: &Trouble, place: Place, several: bool) -> Message {
    let name = account.name();
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
    let text = Text::new().plain("I could not fetch this mail");
    let text = if several { text.plain(" of ").theirs(&name, 80) } else { text };
    row.extend(view::back(account.id(), place));
    Message::new(text.plain(". ").plain(trouble.words())).row(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_command_is_a_number_or_words() {
        for (said, wanted) in [
            ("", Wanted::Newest),
            ("  ", Wanted::Newest),
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
