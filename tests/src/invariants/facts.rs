//! Everything that the findings are about, read at one moment: the log and what is derived from it, what the witness saw,
//! and the other side's ledger.
//!
//! Only reading. What follows from it is in the files of findings.

mod rows;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::chronicle::{Chronicle, Deed, Fault, Moment};
use super::outside::Outside;
use super::witness::{self, Begun, Opening, Refreshing, Run, Turn, Writing};
use crate::house::House;
use crate::trouble::Story;

pub use rows::{Calendar, Command, Event, Integration, Job, Mail, Person, State, Update, Walk};

/// Everything there is to be judged.
pub struct Facts {
    /// Now.
    pub now: Moment,
    /// The faults of the chronicle.
    pub faults: Vec<Fault>,
    /// Every event, by stream and version.
    pub events: Vec<Event>,
    /// State rows.
    pub states: Vec<State>,
    /// Remembered commands.
    pub commands: Vec<Command>,
    /// Job rows.
    pub jobs: Vec<Job>,
    /// The view of integrations.
    pub integrations: Vec<Integration>,
    /// Counted events by type, as the reader of the log has them.
    pub tallies: BTreeMap<String, i64>,
    /// Stored mail.
    pub mail: Vec<Mail>,
    /// Stored primary calendars.
    pub calendars: Vec<Calendar>,
    /// Updates.
    pub updates: Vec<Update>,
    /// People.
    pub people: Vec<Person>,
    /// Walks that are still remembered.
    pub walks: Vec<Walk>,
    /// What the witness saw of runs.
    pub runs: Vec<Run>,
    /// Of jobs that were opened.
    pub openings: Vec<Opening>,
    /// Of jobs that changed their state.
    pub turns: Vec<Turn>,
    /// Of events that were written.
    pub writings: Vec<Writing>,
    /// Of refresh leases.
    pub refreshings: Vec<Refreshing>,
    /// Walks by the SHA-256 of their state, in hexadecimal.
    pub walk_of_state: BTreeMap<String, Uuid>,
    /// SHA-256, in hexadecimal, of the states in the chronicle.
    pub hash_of_state: BTreeMap<String, String>,
    /// The other side.
    pub outside: Outside,
}

impl Facts {
    /// Reads everything: the database in one snapshot, the other side after it.
    pub async fn of(house: &House, chronicle: &Chronicle) -> Story<Self> {
        let mut connection = house.database.connection().await?;
        let from = &mut connection;
        sqlx::raw_sql("begin isolation level repeatable read read only").execute(&mut *from).await?;
        let walks_begun: Vec<Begun> = rows(from, witness::WALKS).await?;
        let tallies: Vec<Tally> = rows(from, rows::TALLIES).await?;
        Ok(Self {
            now: Moment::of(house)?,
            faults: chronicle.faults.clone(),
            events: rows(from, rows::EVENTS).await?,
            states: rows(from, rows::STATES).await?,
            commands: rows(from, "select id, events from commands").await?,
            jobs: rows(from, rows::JOBS).await?,
            integrations: rows(from, rows::INTEGRATIONS).await?,
            tallies: tallies.into_iter().map(|tally| (tally.kind, tally.events)).collect(),
            mail: rows(from, rows::MAIL).await?,
            calendars: rows(from, rows::CALENDARS).await?,
            updates: rows(from, rows::UPDATES).await?,
            people: rows(from, "select owner, chat_id, blocked from telegram_people").await?,
            walks: rows(from, rows::WALKS).await?,
            runs: rows(from, witness::RUNS).await?,
            openings: rows(from, witness::OPENINGS).await?,
            turns: rows(from, witness::TURNS).await?,
            writings: rows(from, witness::WRITINGS).await?,
            refreshings: rows(from, witness::REFRESHINGS).await?,
            walk_of_state: walks_begun.into_iter().map(|begun| (begun.state, begun.attempt)).collect(),
            hash_of_state: hashes(from, chronicle).await?,
            outside: Outside::of(house).await?,
        })
    }

    /// Streams with their events, in order.
    pub fn streams(&self) -> BTreeMap<Uuid, Vec<&Event>> {
        let mut streams: BTreeMap<Uuid, Vec<&Event>> = BTreeMap::new();
        for event in &self.events {
            streams.entry(event.stream).or_default().push(event);
        }
        streams
    }

    /// The events of this type.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Event> {
        self.events.iter().filter(move |event| event.kind == kind)
    }

    /// The streams that an account was ever granted to. Who consented is the sandbox's word, by the state of the walk.
    pub fn streams_of_accounts(&self) -> BTreeMap<&str, BTreeSet<Uuid>> {
        let granted: BTreeMap<Uuid, Uuid> =
            self.of_kind("AccessGranted").filter_map(|event| Some((event.uuid("attempt")?, event.stream))).collect();
        let mut streams: BTreeMap<&str, BTreeSet<Uuid>> = BTreeMap::new();
        for consent in self.outside.authorizations.iter().filter(|consent| consent.decision == "allow") {
            let of_account = streams.entry(consent.account.as_str()).or_default();
            let walk = consent.state_fingerprint.as_deref().and_then(|start| self.walk_beginning(start));
            of_account.extend(walk.and_then(|walk| granted.get(&walk)));
        }
        streams
    }

    /// The walk whose state has a hash that begins like this.
    fn walk_beginning(&self, start: &str) -> Option<Uuid> {
        let (hash, walk) = self.walk_of_state.range(start.to_owned()..).next()?;
        hash.starts_with(start).then_some(*walk)
    }

    /// Whether anything of this sort was broken at any time between these, by the house's clock.
    pub fn was_broken(&self, sort: impl Fn(&Fault) -> bool, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        let mut faults = self.faults.iter().filter(|fault| sort(fault));
        faults.any(|fault| fault.from.app <= until && from <= fault.until.app + AFTERMATH_IN_THE_HOUSE)
    }

    /// The same by the machine's clock.
    pub fn was_really_broken(&self, sort: impl Fn(&Fault) -> bool, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        let mut faults = self.faults.iter().filter(|fault| sort(fault));
        faults.any(|fault| fault.from.real <= until && from <= fault.until.real + AFTERMATH)
    }
}

/// For how long what was broken may show: connections that are found dead only when they are used.
const AFTERMATH: TimeDelta = TimeDelta::seconds(5);

/// The same where the house's clock is moved on all the time, as chaos does ten times as fast as the machine's.
const AFTERMATH_IN_THE_HOUSE: TimeDelta = TimeDelta::seconds(50);

#[derive(Deserialize)]
struct Tally {
    kind: String,
    events: i64,
}

/// The rows of a query, each made from one JSON object.
pub async fn rows<T: DeserializeOwned>(connection: &mut PgConnection, sql: &str) -> Story<Vec<T>> {
    let sql = format!("select to_jsonb(q)::text from ({sql}) q");
    let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(serde_json::from_str(row)?)).collect()
}

/// The hashes of the states that the chronicle names.
async fn hashes(connection: &mut PgConnection, chronicle: &Chronicle) -> Story<BTreeMap<String, String>> {
    let states = chronicle.asked.iter().filter_map(|asked| match &asked.deed {
        Deed::Connect { state } | Deed::Callback { state } => Some(state.clone()),
        _ => None,
    });
    let states: Vec<String> = states.collect();
    let sql = "select s, encode(sha256(convert_to(s, 'utf8')), 'hex') from unnest($1::text[]) as s";
    let hashes: Vec<(String, String)> = sqlx::query_as(sql).bind(&states).fetch_all(connection).await?;
    Ok(hashes.into_iter().collect())
}
