//! Fifty accounts of five tenants: ten of people who use the chat, and forty that programs connected.

use std::sync::{Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt};
use serde_json::json;
use uuid::Uuid;

use super::stage::Stage;
use crate::api::Api;
use crate::chat::Person;
use crate::diary::Diary;
use crate::house::House;
use crate::trouble::{Story, Trouble};

/// People in the chat, who are all of the default tenant.
const PEOPLE: usize = 10;

/// Other tenants, the keys of each, and the accounts of each key.
const TENANTS: usize = 4;
const KEYS: usize = 2;
const ACCOUNTS: usize = 5;

/// The Telegram id of the first person.
const FIRST_PERSON: i64 = 5_001;

/// What lies in each mailbox and calendar before anything happens.
const MAILS: usize = 6;
const ENTRIES: usize = 2;

/// How many accounts are connected at once.
const CONNECTED_AT_ONCE: usize = 5;

/// Whoever an account belongs to.
pub enum Door {
    /// Somebody on Telegram.
    Chat(Person),
    /// A program with an API key.
    Program(Api),
}

/// An account with its owner.
pub struct Guest {
    /// Its name at the sandbox's Google.
    pub account: String,
    /// Its primary calendar.
    pub diary: Diary,
    /// How its owner comes in.
    pub door: Door,
    integration: Mutex<Option<Uuid>>,
}

impl Guest {
    /// The integration, once it is connected.
    pub fn integration(&self) -> Option<Uuid> {
        *self.integration.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the integration.
    pub fn is_connected_as(&self, integration: Uuid) {
        *self.integration.lock().unwrap_or_else(PoisonError::into_inner) = Some(integration);
    }

    /// The person, where this is one.
    pub fn person(&self) -> Option<&Person> {
        match &self.door {
            Door::Chat(person) => Some(person),
            Door::Program(_) => None,
        }
    }

    /// The program, where this is one.
    pub fn program(&self) -> Option<&Api> {
        match &self.door {
            Door::Program(api) => Some(api),
            Door::Chat(_) => None,
        }
    }
}

impl Stage<'_> {
    /// Makes accounts, tenants and keys, and connects everything. Somebody must be serving.
    pub async fn receive_guests(&self) -> Story<Vec<Guest>> {
        let house = &self.house;
        let mut doors = vec![];
        for (number, id) in (0..PEOPLE).zip(FIRST_PERSON..) {
            doors.push(Door::Chat(house.person(id, &format!("Guest {number}"))));
        }
        for tenant in 0..TENANTS {
            let name = format!("tenant-{tenant}");
            add_tenant(house, &name).await?;
            for key in 0..KEYS {
                let key = house.command(&["api-key", "add", &format!("program-{key}"), "--tenant", &name]).await?;
                let program = house.program(key.out.trim());
                doors.extend((0..ACCOUNTS).map(|_| Door::Program(program.clone())));
            }
        }
        let guests = futures::stream::iter(doors.into_iter().enumerate())
            .map(|(number, door)| self.receive(number, door))
            .buffered(CONNECTED_AT_ONCE);
        guests.try_collect().await
    }

    async fn receive(&self, number: usize, door: Door) -> Story<Guest> {
        let account = format!("guest{number:02}");
        let sandbox = &self.house.sandbox;
        let diary = sandbox.newcomer(&account, "Europe/Helsinki").await?;
        for mail in 0..MAILS {
            sandbox.mail_arrives(&account, "A <a@sender.example>", &format!("Before {mail}"), "Hello.").await?;
        }
        for _ in 0..ENTRIES {
            diary.put(self.entry("Planned before")?).await?;
        }
        let guest = Guest { account, diary, door, integration: Mutex::default() };
        self.connect(&guest).await?;
        guest.integration().ok_or_else(|| Trouble::new(format!("{} is not connected", guest.account)))?;
        Ok(guest)
    }

    /// Something in a calendar, an hour from now.
    pub fn entry(&self, summary: &str) -> Story<serde_json::Value> {
        let start = self.now()?.app + chrono::TimeDelta::hours(1);
        let end = start + chrono::TimeDelta::minutes(30);
        let moment =
            |at: chrono::DateTime<chrono::Utc>| json!({ "dateTime": at.format("%Y-%m-%dT%H:%M:%SZ").to_string() });
        Ok(json!({ "summary": summary, "start": moment(start), "end": moment(end) }))
    }
}

/// Bellhop has no command for it yet: an operator adds a row.
async fn add_tenant(house: &House, name: &str) -> Story {
    let id = Uuid::new_v4();
    let sql = format!(
        "select set_config('app.tenants', '{{{id}}}', false); insert into tenants (id, name) values ('{id}', '{name}')"
    );
    house.database.tamper(&sql).await.map(drop)
}
