//! A calendar at the sandbox's Google, changed as its owner or somebody they share it with would change it.

use chrono::{DateTime, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::sandbox::Sandbox;
use crate::trouble::{Story, Trouble};

/// A calendar of somebody's list.
#[derive(Debug, Clone)]
pub struct Diary {
    sandbox: Sandbox,
    account: String,
    path: String,
}

impl Sandbox {
    /// A calendar of an account's list, by its id or as `primary`.
    pub fn diary(&self, account: &str, calendar: &str) -> Diary {
        let calendar: String = form_urlencoded::byte_serialize(calendar.as_bytes()).collect();
        let path = format!("google/accounts/{account}/calendars/{calendar}");
        Diary { sandbox: self.clone(), account: account.to_owned(), path }
    }

    /// Somebody new at Google, with an empty mailbox, and with an empty calendar in this zone.
    pub async fn newcomer(&self, account: &str, zone: &str) -> Story<Diary> {
        let new = json!({
            "name": account,
            "email": format!("{account}@sandbox.example"),
            "display_name": format!("{account} of the harbour"),
            "time_zone": zone,
        });
        self.post("google/accounts", new).await?;
        Ok(self.diary(account, "primary"))
    }

    /// Every calendar of an account's list, hidden and deleted ones too.
    pub async fn calendars(&self, account: &str) -> Story<Vec<Value>> {
        let calendars = self.get(&format!("google/accounts/{account}/calendars")).await?;
        calendars.as_array().cloned().ok_or_else(|| Trouble::new("no list of calendars"))
    }
}

impl Diary {
    /// Whose list it is of.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Puts an event in, as the API takes it. Answers its id.
    pub async fn put(&self, event: Value) -> Story<String> {
        let event = self.sandbox.post(&format!("{}/events", self.path), event).await?;
        event["id"].as_str().map(str::to_owned).ok_or_else(|| Trouble::new("an event without an id"))
    }

    /// Changes these fields of an event, a series or one instance.
    pub async fn change(&self, event: &str, fields: Value) -> Story {
        self.sandbox.call(Method::PATCH, &format!("{}/events/{event}", self.path), Some(fields)).await.map(drop)
    }

    /// Moves an event, a series or one instance, as long as it was.
    pub async fn shift(&self, event: &str, minutes: i64) -> Story {
        let path = format!("{}/events/{event}/move", self.path);
        self.sandbox.post(&path, json!({ "minutes": minutes })).await.map(drop)
    }

    /// Deletes an event, a whole series or one instance.
    pub async fn delete(&self, event: &str) -> Story {
        self.sandbox.call(Method::DELETE, &format!("{}/events/{event}", self.path), None).await.map(drop)
    }

    /// Changes the calendar, or its place in this list; see `GET /sandbox` for the fields.
    pub async fn alter(&self, fields: Value) -> Story {
        self.sandbox.post(&self.path, fields).await.map(drop)
    }

    /// Every sync token of this calendar so far becomes too old.
    pub async fn forget_sync(&self) -> Story {
        self.sandbox.post(&format!("{}/forget-sync", self.path), json!({})).await.map(drop)
    }

    /// What takes place between two moments, series taken apart by the sandbox, without what was called off.
    pub async fn occurrences(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Story<Vec<Value>> {
        let moment = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M:%SZ");
        let path = format!("{}/occurrences?time_min={}&time_max={}", self.path, moment(from), moment(until));
        let mut occurrences = self.sandbox.get(&path).await?.as_array().cloned().unwrap_or_default();
        occurrences.retain(|occurrence| occurrence["status"] != "cancelled");
        Ok(occurrences)
    }
}
