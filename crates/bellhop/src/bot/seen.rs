//! What can be seen of somebody's calendars, and what cannot: for every answer that is made of them.
//!
//! An answer about free time that leaves out a calendar in silence is worse than none, so whoever answers also says what
//! it could not look at.

use std::collections::HashMap;

use bellhop_domain::{Capability, OwnerId, Status};
use bellhop_store::{Calendar, CalendarAge, LiveMessage, Shows, StoreError};
use chrono::{DateTime, Utc};

use super::account::Account;
use super::commands::connect;
use super::fresh::{Fetch, News, is_stale};
use super::message::Button;
use super::person::Person;
use super::press::Press;
use super::text::Text;
use super::visit::{Desk, Failure, Visit};
use super::when::ago;
use crate::calendar::occurrences::{Occurrence, between};
use crate::calendar::zones::named;

/// An account and its calendars.
pub struct SeenAccount {
    /// Whose.
    pub account: Account,
    /// All of its calendars.
    pub calendars: Vec<Calendar>,
    /// How old they are.
    pub age: CalendarAge,
}

impl SeenAccount {
    /// Whether its calendar can be asked for.
    #[must_use]
    pub fn can_be_read(&self) -> bool {
        self.account.row.status.is_usable() && self.account.row.can(Capability::Calendar)
    }

    /// Whether a calendar was chosen that has not been read since.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        self.calendars.iter().any(|calendar| calendar.chosen && calendar.checked_at.is_none())
    }

    /// Whether something of it is stored.
    #[must_use]
    pub fn was_read(&self) -> bool {
        self.account.row.can(Capability::Calendar) && self.age.checked_at.is_some()
    }
}

/// Everything that can be seen of somebody's calendars.
pub struct Seen {
    /// How they want their times.
    pub person: Person,
    /// Their accounts, in the order in which they were connected.
    pub accounts: Vec<SeenAccount>,
    /// When it was looked at.
    pub now: DateTime<Utc>,
}

impl Seen {
    /// Looks at what is stored.
    pub async fn load(desk: &Desk, owner: OwnerId) -> Result<Self, StoreError> {
        let store = &desk.app.store;
        let mut accounts = vec![];
        for account in Account::all(store, desk.tenant, owner).await? {
            let calendars = store.calendars(desk.tenant, account.id()).await?;
            let age = store.calendar_age(desk.tenant, account.id()).await?;
            accounts.push(SeenAccount { account, calendars, age });
        }
        Ok(Self { person: Person::of(store, desk.tenant, owner).await?, accounts, now: desk.app.clock.now() })
    }

    /// What takes place between two moments in the chosen calendars of all accounts, in order.
    pub async fn between(
        &self,
        desk: &Desk,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Occurrence>, StoreError> {
        let zone = self.person.zone;
        let mut found = vec![];
        for seen in self.accounts.iter().filter(|seen| seen.was_read()) {
            let integration = seen.account.id();
            let zones: HashMap<i64, _> = seen
                .calendars
                .iter()
                .map(|calendar| (calendar.handle, named(calendar.content.time_zone.as_deref(), zone)))
                .collect();
            let entries = desk.app.store.entries_between(desk.tenant, integration, from, until).await?;
            found.extend(between(integration, &entries, &zones, zone, (from, until)));
        }
        found.sort_by_key(|occurrence| {
            let (start, end) = occurrence.bounds(zone);
            (start, !occurrence.is_all_day(), end)
        });
        Ok(found)
    }

    /// The calendar of an occurrence.
    #[must_use]
    pub fn calendar_of(&self, occurrence: &Occurrence) -> Option<&Calendar> {
        let seen = self.accounts.iter().find(|seen| seen.account.id() == occurrence.integration)?;
        seen.calendars.iter().find(|calendar| calendar.handle == occurrence.calendar)
    }

    /// How many calendars are looked at.
    #[must_use]
    pub fn looked_at(&self) -> usize {
        let was_read = |calendar: &&Calendar| calendar.chosen && calendar.readable && calendar.checked_at.is_some();
        let read = self.accounts.iter().filter(|seen| seen.was_read());
        read.map(|seen| seen.calendars.iter().filter(was_read).count()).sum()
    }

    /// Whether there are calendars and none of them is chosen.
    #[must_use]
    pub fn has_none_chosen(&self) -> bool {
        let mut calendars = self.accounts.iter().filter(|seen| seen.was_read()).flat_map(|seen| &seen.calendars);
        calendars.next().is_some()
            && !self.accounts.iter().flat_map(|seen| &seen.calendars).any(|calendar| calendar.chosen)
    }

    /// When the oldest of what is shown was checked; never, while something is being read for the first time.
    #[must_use]
    pub fn checked_at(&self) -> Option<DateTime<Utc>> {
        let mut checked: Option<DateTime<Utc>> = None;
        for seen in self.accounts.iter().filter(|seen| seen.account.row.can(Capability::Calendar)) {
            match seen.age.checked_at {
                Some(at) => checked = Some(checked.map_or(at, |known| known.min(at))),
                None if seen.can_be_read() => return None,
                None => {}
            }
        }
        checked
    }

    /// Asks for news of what is not fresh. Whether anything was asked for.
    pub async fn ask_for_news(&self, desk: &Desk, refresh: bool) -> Result<bool, StoreError> {
        let mut asked = false;
        for seen in self.accounts.iter().filter(|seen| seen.can_be_read()) {
            if seen.has_unread() || is_stale(seen.age.checked_at, self.now, refresh) {
                crate::actions::ask_for_calendars(&desk.app, desk.tenant, seen.account.id()).await?;
                asked = true;
            }
        }
        Ok(asked)
    }

    /// What became of asking for news.
    #[must_use]
    pub fn news(&self, asked: bool) -> News {
        News::of(asked, self.accounts.iter().any(SeenAccount::can_be_read))
    }

    /// Whether everything that can be read was read after this.
    #[must_use]
    pub fn has_news_since(&self, asked_at: DateTime<Utc>) -> bool {
        self.accounts
            .iter()
            .filter(|seen| seen.can_be_read())
            .all(|seen| !seen.has_unread() && seen.age.checked_at.is_some_and(|checked| checked > asked_at))
    }

    /// How old the answer is, and what is being done about it.
    #[must_use]
    pub fn freshness(&self, fetch: Fetch) -> String {
        let Some(checked) = self.checked_at() else {
            return match fetch {
                Fetch::Settled => "Your calendar has never been read to the end.".to_owned(),
                Fetch::Asked => "Reading your calendar for the first time…".to_owned(),
                Fetch::Late | Fetch::Held => {
                    "Still reading your calendar for the first time. Tap Refresh to look again.".to_owned()
                }
            };
        };
        let age = format!("Checked at {} ({}).", self.person.at(self.now, checked), ago(self.now, checked));
        match fetch {
            Fetch::Settled => age,
            Fetch::Asked => format!("{age} Looking for news…"),
            Fetch::Late | Fetch::Held => format!("{age} No answer yet; tap Refresh to try again."),
        }
    }

    /// What could not be looked at, a line each, and the buttons that would mend it.
    #[must_use]
    pub fn not_seen(&self) -> (Text, Vec<Vec<Button>>) {
        let (mut text, mut buttons) = (Text::new(), vec![]);
        let several = self.accounts.len() > 1;
        for SeenAccount { account, calendars, age } in &self.accounts {
            for calendar in calendars.iter().filter(|calendar| calendar.chosen && age.checked_at.is_some()) {
                let why = match (calendar.readable, calendar.checked_at) {
                    (false, _) => format!("{} does not let me read it at the moment", account.row.provider.title()),
                    (true, None) => "I have not read it yet".to_owned(),
                    (true, Some(_)) => continue,
                };
                text = text.line().plain("⚠️ ").theirs(&calendar.content.title, 60).plain(format!(": {why}."));
            }
            let why = match account.row.status {
                Status::Expired => "access has ended, so this may be out of date",
                _ if !account.row.can(Capability::Calendar) => "I may not read this calendar",
                Status::Error => "something is failing, so this may be out of date",
                _ => continue,
            };
            text = text.line().plain("⚠️ ").theirs(&account.name(), 80).plain(format!(": {why}."));
            if account.needs_reconnecting() {
                let mend = Press::new(connect::COMMAND.name, connect::MEND).about(account.id());
                let name = account.name();
                buttons.push(vec![Button::press(&account.remedy(several.then_some(name.as_str())), mend)]);
            }
        }
        (text, buttons)
    }

    /// Whether any calendar can be shown at all.
    #[must_use]
    pub fn has_any(&self) -> bool {
        self.accounts.iter().any(|seen| seen.was_read() || seen.can_be_read())
    }
}

/// Remembers that a message waits for news, to be shown again by this press.
pub async fn wait(visit: &Visit<'_>, message_id: i32, press: &Press, asked_at: DateTime<Utc>) -> Result<(), Failure> {
    let desk = visit.desk;
    let live = LiveMessage {
        chat_id: visit.chat,
        message_id,
        owner: visit.owner,
        shows: Shows::Calendar { view: serde_json::Value::String(press.to_string()) },
        asked_at,
        shown: 0,
    };
    desk.app.store.put_live_message(desk.tenant, &live).await?;
    desk.live.notify_one();
    Ok(())
}
