//! `/accounts`: every connected account, how it is, and what would mend it.

use std::collections::BTreeSet;

use bellhop_domain::{Capability, JobFailure, JobKind, Status};
use bellhop_store::Calendar;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;

use super::{Command, connect, no_buttons};
use crate::app::App;
use crate::bot::account::{Account, keeps_failing, silent};
use crate::bot::message::{Button, Message};
use crate::bot::person::Person;
use crate::bot::press::Press;
use crate::bot::text::Text;
use crate::bot::visit::{Failure, Visit};
use crate::bot::when::ago;
use crate::breakers::{self, Service};
use crate::held::HeldBy;

/// The command.
pub const COMMAND: Command = Command {
    name: "accounts",
    summary: "Your connected accounts and how they are",
    also: &["status", "account", "connections"],
    run: accounts,
    press: no_buttons,
};

fn accounts<'a>(visit: &'a Visit<'a>, _: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let desk = visit.desk;
        let accounts = Account::all(&desk.app.store, desk.tenant, visit.owner).await?;
        let now = desk.app.clock.now();
        let person = visit.person().await?;
        let mut message = Message::new(heading(accounts.len(), &person, now));
        for account in &accounts {
            let newest = desk.app.store.inbox_page(desk.tenant, account.id(), 0, 1).await?;
            let entry = Entry {
                account,
                stored: newest.total,
                newest: newest.messages.first().map(|message| message.received_at),
                checked_at: newest.checked_at,
                calendars: desk.app.store.calendars(desk.tenant, account.id()).await?,
                calendars_checked_at: desk.app.store.calendar_age(desk.tenant, account.id()).await?.checked_at,
                failing: desk.app.store.load(desk.tenant, account.id()).await?.state.failing,
                held: outage(&desk.app, account).await,
                person: &person,
            };
            message.text = message.text.gap().then(entry.text(now));
            if account.needs_reconnecting() && desk.can_connect(account.row.provider) {
                let link = desk.connect_link(visit.owner, account.row.provider, Some(account.id())).await?;
                let name = account.name();
                let label = account.remedy((accounts.len() > 1).then_some(name.as_str()));
                message = message.row(vec![Button::link(&label, link)]);
            }
        }
        if accounts.is_empty() {
            message = none();
        } else if !message.buttons.is_empty() {
            message.text =
                message.text.gap().plain("Such a button works once and for ten minutes; /accounts makes a new one.");
        }
        visit.say(message).await.map(|_| ())
    })
}

/// Since when the provider is left alone, as it keeps failing, and how.
async fn outage(app: &App, account: &Account) -> Option<(DateTime<Utc>, JobFailure)> {
    let row = &account.row;
    if !row.status.is_usable() {
        return None;
    }
    match breakers::held(app, row.tenant, row.provider, &Service::ALL, row.id).await?.by {
        HeldBy::Breaker { since, reason } => Some((since, reason)),
        HeldBy::Quota => None,
    }
}

/// Says when it is, which all times below are told from.
fn heading(accounts: usize, person: &Person, now: DateTime<Utc>) -> Text {
    let whose = if accounts == 1 { "Your account" } else { "Your accounts" };
    Text::new().bold(whose).plain(format!(" at {}", person.at(now, now)))
}

/// Said where nothing is connected.
#[must_use]
pub fn none() -> Message {
    Message::new(Text::new().plain("No account is connected yet."))
        .row(vec![Button::press("Connect Google", Press::new(connect::COMMAND.name, connect::OFFER))])
}

struct Entry<'a> {
    account: &'a Account,
    stored: i64,
    newest: Option<DateTime<Utc>>,
    checked_at: Option<DateTime<Utc>>,
    calendars: Vec<Calendar>,
    calendars_checked_at: Option<DateTime<Utc>>,
    failing: BTreeSet<JobKind>,
    held: Option<(DateTime<Utc>, JobFailure)>,
    person: &'a Person,
}

impl Entry<'_> {
    fn text(&self, now: DateTime<Utc>) -> Text {
        let row = &self.account.row;
        let mut text = Text::new().theirs_bold(&self.account.name(), 80).line().plain(format!(
            "{} ({})",
            if row.status == Status::Active && self.held.is_some() {
                "🟠 connected, but not answered at the moment"
            } else if row.status == Status::Active && !self.failing.is_empty() {
                "🟠 connected, but something is failing"
            } else {
                self.account.status()
            },
            row.provider.title()
        ));
        if let Some(trouble) = self.account.trouble() {
            text = text.line().plain(trouble);
        }
        if let Some((since, reason)) = self.held {
            let provider = row.provider.title();
            text = text.line().plain(format!(
                "{provider} has been failing since {}: {}. I try again about every minute and go on by myself.",
                self.person.at(now, since),
                silent(reason)
            ));
        }
        for words in self.failing.iter().filter_map(|kind| keeps_failing(*kind)) {
            text = text.line().plain(words);
        }
        if row.status.is_usable()
            && let Some(renewed) = row.refreshed_at.max(row.connected_at)
        {
            text = text.line().plain(format!("Access renewed {}", ago(now, renewed)));
        }
        if row.can(Capability::Mail) {
            text = text.line().plain(match self.checked_at {
                Some(checked) => format!("Mail: {} stored, checked {}", self.stored, ago(now, checked)),
                None if row.status.is_usable() => {
                    format!("Mail: being fetched for the first time, {} so far", self.stored)
                }
                None => format!("Mail: {} stored, never fetched to the end", self.stored),
            });
            if let Some(newest) = self.newest {
                text = text.plain(format!(", newest {}", ago(now, newest)));
            }
        }
        if row.can(Capability::Calendar) {
            let chosen = self.calendars.iter().filter(|calendar| calendar.chosen).count();
            text = text.line().plain(match self.calendars_checked_at {
                Some(checked) => {
                    format!("Calendar: {chosen} of {} chosen, checked {}", self.calendars.len(), ago(now, checked))
                }
                None if row.status.is_usable() => "Calendar: being fetched for the first time".to_owned(),
                None => "Calendar: never fetched to the end".to_owned(),
            });
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn a_list_of_accounts_says_of_which_day_it_is() {
        let now = Utc.with_ymd_and_hms(2026, 11, 20, 13, 16, 0).unwrap();
        assert_eq!(
            heading(1, &Person::unknown(), now),
            Text::new().bold("Your account").plain(" at 13:16 UTC, 20 Nov")
        );
        assert_eq!(
            heading(2, &Person::unknown(), now),
            Text::new().bold("Your accounts").plain(" at 13:16 UTC, 20 Nov")
        );
    }
}
