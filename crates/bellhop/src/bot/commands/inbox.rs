//! `/inbox`: the newest mail, a page at a time, at once and with its age; what is older than a minute is fetched anew and
//! the same message edited when it lands (`live.rs`).
//!
//! The view is a pure function from a page to a message. How mail is fetched is not known here.

use bellhop_domain::{Capability, IntegrationId, Status};
use bellhop_store::{InboxMessage, InboxPage, LiveMessage, Shows};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

use super::mail::entry::Entry;
use super::{Command, NOT_YOURS, OLD_BUTTON, Toast, accounts, connect, mail};
use crate::bot::account::Account;
use crate::bot::fresh::{Fetch, News, is_stale};
use crate::bot::message::{Button, Message};
use crate::bot::person::Person;
use crate::bot::press::Press;
use crate::bot::text::Text;
use crate::bot::visit::{Desk, Failure, Visit};
use crate::bot::when::ago;
use crate::breakers::{self, Service};

/// The command.
pub const COMMAND: Command = Command {
    name: "inbox",
    summary: "Your newest mail",
    also: &["mails", "email", "messages", "new"],
    run: inbox,
    press,
};

/// The press that opens an account's inbox or turns to a page.
pub const OPEN: char = 'o';

/// The press that opens an account's inbox in a message of its own, where the pressed one should stay.
pub const OPEN_ANEW: char = 'n';

/// The press that asks for news.
const REFRESH: char = 'r';

/// The press that asks for another account.
const CHOOSE: char = 'c';

/// Mails on a page: what a phone shows without much scrolling.
const PAGE: i64 = 6;

/// The longest snippet, in UTF-16 units.
const LONGEST_SNIPPET: usize = 160;

fn inbox<'a>(visit: &'a Visit<'a>, _: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let accounts = Account::all(&visit.desk.app.store, visit.desk.tenant, visit.owner).await?;
        match accounts.as_slice() {
            [] => visit.say(accounts::none()).await.map(|_| ()),
            [only] => open(visit, only, 0, false).await.map(|_| ()),
            several => visit.say(chooser(several)).await.map(|_| ()),
        }
    })
}

fn press<'a>(visit: &'a Visit<'a>, press: &'a Press) -> BoxFuture<'a, Result<Toast, Failure>> {
    Box::pin(async move {
        let store = &visit.desk.app.store;
        if press.action == CHOOSE {
            let accounts = Account::all(store, visit.desk.tenant, visit.owner).await?;
            visit.show(&if accounts.is_empty() { accounts::none() } else { chooser(&accounts) }).await?;
            return Ok(None);
        }
        if !matches!(press.action, OPEN | OPEN_ANEW | REFRESH) {
            return Ok(Some(OLD_BUTTON.to_owned()));
        }
        match visit.own(press.integration).await? {
            Some(row) if row.status.is_linked() => {
                let account = Account::of(store, row).await?;
                let anew = Visit { message: None, ..*visit };
                let visit = if press.action == OPEN_ANEW { &anew } else { visit };
                let news = open(visit, &account, press.number, press.action == REFRESH).await?;
                Ok(if press.action == REFRESH { news.said() } else { None })
            }
            _ => Ok(Some(NOT_YOURS.to_owned())),
        }
    })
}

/// Shows a page and, where it is not fresh, has it brought up to date.
async fn open(visit: &Visit<'_>, account: &Account, number: u32, refresh: bool) -> Result<News, Failure> {
    let desk = visit.desk;
    let asked_at = desk.app.clock.now();
    let (number, page) = load(desk, account.id(), number).await?;
    let stale = is_stale(page.checked_at, asked_at, refresh);
    let can_be_read = account.row.status.is_usable() && account.row.can(Capability::Mail);
    let fetch = if stale && can_be_read {
        crate::actions::ask_for_mail(&desk.app, desk.tenant, account.id()).await?;
        let provider = account.row.provider;
        let held = breakers::held(&desk.app, desk.tenant, provider, &[Service::Mail], account.id()).await;
        if held.is_some() { Fetch::Held } else { Fetch::Asked }
    } else {
        Fetch::Settled
    };
    mail::remember(desk, account, &page.messages).await?;
    let shown = page.stored;
    let has_others = has_others(desk, account).await?;
    let person = visit.person().await?;
    let view = View { account, person: &person, page: &page, number, fetch, has_others, now: asked_at };
    let message_id = visit.show(&view.message()).await?;
    if fetch != Fetch::Settled {
        let page = i32::try_from(number).unwrap_or(0);
        let live = LiveMessage {
            chat_id: visit.chat,
            message_id,
            owner: visit.owner,
            shows: Shows::Inbox { integration: account.id(), page },
            asked_at,
            shown,
        };
        desk.app.store.put_live_message(desk.tenant, &live).await?;
        desk.live.notify_one();
    }
    Ok(News::of(stale, can_be_read))
}

/// What a message that shows this page says now.
pub async fn current(
    desk: &Desk,
    account: &Account,
    number: u32,
    fetch: Fetch,
) -> Result<Message, bellhop_store::StoreError> {
    let (number, page) = load(desk, account.id(), number).await?;
    mail::remember(desk, account, &page.messages).await?;
    let has_others = has_others(desk, account).await?;
    let person = Person::of(&desk.app.store, desk.tenant, account.row.owner).await?;
    let now = desk.app.clock.now();
    Ok(View { account, person: &person, page: &page, number, fetch, has_others, now }.message())
}

/// A page, or the last one where mail has gone since the button was made.
async fn load(
    desk: &Desk,
    integration: IntegrationId,
    number: u32,
) -> Result<(u32, InboxPage), bellhop_store::StoreError> {
    let store = &desk.app.store;
    let page = store.inbox_page(desk.tenant, integration, i64::from(number) * PAGE, PAGE).await?;
    let last = last_page(page.total);
    if number <= last {
        return Ok((number, page));
    }
    Ok((last, store.inbox_page(desk.tenant, integration, i64::from(last) * PAGE, PAGE).await?))
}

/// Whether the owner has another account to look at.
async fn has_others(desk: &Desk, account: &Account) -> Result<bool, bellhop_store::StoreError> {
    let rows = desk.app.store.integrations(desk.tenant, Some(account.row.owner)).await?;
    Ok(rows.iter().any(|row| row.id != account.id() && row.status.is_linked()))
}

fn last_page(total: i64) -> u32 {
    u32::try_from((total - 1).max(0) / PAGE).unwrap_or(u32::MAX)
}

fn chooser(accounts: &[Account]) -> Message {
    let message = Message::new(Text::new().plain("Whose inbox?"));
    accounts.iter().fold(message, |message, account| {
        let press = Press::new(COMMAND.name, OPEN).about(account.id());
        message.row(vec![Button::press(&account.name(), press)])
    })
}

/// A page of an inbox as it is shown.
pub struct View<'a> {
    /// Whose.
    pub account: &'a Account,
    /// Who looks at it.
    pub person: &'a Person,
    /// What is stored.
    pub page: &'a InboxPage,
    /// Which page, from 0.
    pub number: u32,
    /// What is going on.
    pub fetch: Fetch,
    /// Whether there is another account to look at.
    pub has_others: bool,
    /// When it is shown.
    pub now: DateTime<Utc>,
}

impl View<'_> {
    /// The message.
    #[must_use]
    pub fn message(&self) -> Message {
        let row = &self.account.row;
        let mut text = Text::new().plain(self.freshness()).line().plain("📬 ").theirs_bold(&self.account.name(), 80);
        if !self.page.messages.is_empty() {
            let first = i64::from(self.number) * PAGE + 1;
            let last = first + i64::try_from(self.page.messages.len()).unwrap_or(0) - 1;
            text = text.plain(format!(" · {first}–{last} of {}", self.page.total));
            if self.has_others {
                text = text.plain(" in this inbox");
            }
        }
        if row.status != Status::Degraded
            && let Some(trouble) = self.account.trouble()
        {
            text = text.line().plain("⚠️ ").plain(trouble);
        }
        for (number, message) in self.numbered() {
            let entry = Entry { number, message, longest_snippet: LONGEST_SNIPPET };
            text = text.gap().then(entry.text(self.person, self.now));
        }
        if self.page.messages.is_empty() && self.page.checked_at.is_some() && row.can(Capability::Mail) {
            text = text.gap().plain("The inbox is empty.");
        }
        self.with_buttons(Message::new(text))
    }

    /// The first line: how old the answer is, and what is being done about it.
    fn freshness(&self) -> String {
        if !self.account.row.can(Capability::Mail) {
            let remedy = self.account.remedy(None);
            return format!("I am not allowed to read this account's mail. To change that, tap “{remedy}”.");
        }
        let Some(checked) = self.page.checked_at else {
            return match self.fetch {
                Fetch::Settled => "This mail has never been fetched to the end.".to_owned(),
                Fetch::Asked if self.page.stored == 0 => "Fetching your mail for the first time…".to_owned(),
                Fetch::Asked => format!("Fetching your mail for the first time: {} so far…", self.page.stored),
                Fetch::Late | Fetch::Held => format!(
                    "Still fetching your mail for the first time: {} so far. Tap Refresh to look again.",
                    self.page.total
                ),
            };
        };
        let age = format!("Checked at {} ({}).", self.person.at(self.now, checked), ago(self.now, checked));
        let provider = self.account.row.provider.title();
        match self.fetch {
            Fetch::Settled => age,
            Fetch::Asked => format!("{age} Looking for news…"),
            Fetch::Late => format!("{age} {provider} has not answered yet; tap Refresh to try again."),
            Fetch::Held => {
                format!("{age} {provider} does not answer at the moment; I go on by myself as soon as it does.")
            }
        }
    }

    /// The mails of the page with their numbers in the whole inbox, from 1. `/mail` takes them too, and asks in whose inbox they
    /// count where there are several.
    fn numbered(&self) -> impl Iterator<Item = (u32, &InboxMessage)> {
        let before = self.number.saturating_mul(u32::try_from(PAGE).unwrap_or(1));
        (before.saturating_add(1)..).zip(&self.page.messages)
    }

    fn with_buttons(&self, message: Message) -> Message {
        let row = &self.account.row;
        let to = |action, number| Press::new(COMMAND.name, action).about(row.id).number(number);
        let mut pages = vec![];
        if self.number > 0 {
            pages.push(Button::press("◀ Newer", to(OPEN, self.number - 1)));
        }
        if self.number < last_page(self.page.total) {
            pages.push(Button::press("Older ▶", to(OPEN, self.number + 1)));
        }
        let mut others = vec![];
        if row.status.is_usable() && row.can(Capability::Mail) {
            others.push(Button::press("↻ Refresh", to(REFRESH, self.number)));
        }
        if row.status == Status::Expired || !row.can(Capability::Mail) {
            let mend = Press::new(connect::COMMAND.name, connect::MEND).about(row.id);
            others.push(Button::press(&self.account.remedy(None), mend));
        }
        if self.has_others {
            others.push(Button::press("Other account", Press::new(COMMAND.name, CHOOSE)));
        }
        let open =
            self.numbered().map(|(number, message)| mail::opener(self.account, message, number, Some(self.number)));
        // Without access a mail cannot be opened, and a button that always fails is worse than none.
        let can_open = row.status.is_usable() && row.can(Capability::Mail);
        message.row(if can_open { open.collect() } else { vec![] }).row(pages).row(others)
    }
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
