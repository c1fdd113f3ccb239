//! Everything that the findings are about, read at one moment: the log and what is derived from it, what the witness saw,
//! and the other side's ledger.
//!
//! Only reading, and only by the columns that the migrations describe. What follows from it is in the files of findings.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::chronicle::{Chronicle, Deed, Fault, Moment};
use super::outside::Outside;
use super::witness::{self, Begun, Opening, Refreshing, Run, Turn, Writing};
use crate::house::House;
use crate::trouble::Story;

/// An event as it lies in the log.
#[derive(Debug, Clone, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: Uuid,
    /// Its stream.
    pub stream: Uuid,
    /// Its place there.
    pub version: i64,
    /// Its type.
    pub kind: String,
    /// What it says.
    pub payload: Value,
    /// Which job wrote it, if one did.
    pub by_job: Option<Uuid>,
    /// By which command.
    pub command: Uuid,
    /// When, by the house's clock.
    pub time: DateTime<Utc>,
    /// The writing transaction.
    pub xid: i64,
    /// Whether it names the hash of the one before it.
    pub is_linked: bool,
}

impl Event {
    /// An id in what it says.
    pub fn uuid(&self, field: &str) -> Option<Uuid> {
        self.payload[field].as_str().and_then(|text| text.parse().ok())
    }

    /// A number in what it says.
    pub fn number(&self, field: &str) -> i64 {
        self.payload[field].as_i64().unwrap_or_default()
    }

    /// A word in what it says.
    pub fn word(&self, field: &str) -> &str {
        self.payload[field].as_str().unwrap_or_default()
    }
}

/// A state row.
#[derive(Debug, Clone, Deserialize)]
pub struct State {
    /// Of which stream.
    pub stream: Uuid,
    /// How many events it reflects.
    pub version: i64,
    /// Whether it has the hash of the last one.
    pub is_linked: bool,
}

/// A remembered command.
#[derive(Debug, Clone, Deserialize)]
pub struct Command {
    /// Its id.
    pub id: Uuid,
    /// What it came to.
    pub events: Vec<Uuid>,
}

/// A job row.
#[derive(Debug, Clone, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// What it does.
    pub kind: String,
    /// `open`, `dead` or `done`.
    pub state: String,
    /// When it is due, by the house's clock.
    pub due_at: DateTime<Utc>,
    /// Why it failed the last time.
    pub reason: Option<String>,
    /// Whether a run holds it.
    pub is_running: bool,
    /// Whether that run's lease has run out.
    pub is_lapsed: bool,
    /// For how long a run has held it, in seconds.
    pub running_seconds: Option<f64>,
}

/// Where an integration stands.
#[derive(Debug, Clone, Deserialize)]
pub struct Integration {
    /// Its id and stream.
    pub id: Uuid,
    /// Whose.
    pub owner: Uuid,
    /// `active` and so on.
    pub status: String,
    /// The provider's scopes.
    pub scopes: BTreeSet<String>,
    /// What these allow.
    pub granted: BTreeSet<String>,
}

impl Integration {
    /// Whether calls can be made for it.
    pub fn is_usable(&self) -> bool {
        matches!(self.status.as_str(), "active" | "degraded" | "error")
    }

    /// Whether mail, or calendars, are kept up to date.
    pub fn keeps(&self, capability: &str) -> bool {
        matches!(self.status.as_str(), "active" | "degraded") && self.granted.contains(capability)
    }
}

/// What is stored of somebody's mail.
#[derive(Debug, Clone, Deserialize)]
pub struct Mail {
    /// Of which integration.
    pub integration: Uuid,
    /// The provider's ids.
    pub ids: BTreeSet<String>,
    /// Whether a fetch has recorded batches and not ended.
    pub is_under_way: bool,
}

/// What is stored of a primary calendar that was chosen.
#[derive(Debug, Clone, Deserialize)]
pub struct Calendar {
    /// Of which integration.
    pub integration: Uuid,
    /// The provider's ids.
    pub ids: BTreeSet<String>,
    /// Whether it has been read to its end, and could be.
    pub is_read: bool,
}

/// An update that was written down.
#[derive(Debug, Clone, Deserialize)]
pub struct Update {
    /// Telegram's id.
    pub update_id: i64,
    /// How it ended: `done`, `ignored`, `gave_up`.
    pub outcome: Option<String>,
    /// How often handling began.
    pub starts: i64,
    /// When it was written down, by the house's clock.
    pub received_at: DateTime<Utc>,
    /// When it ended.
    pub handled_at: Option<DateTime<Utc>>,
}

/// A person on Telegram.
#[derive(Debug, Clone, Deserialize)]
pub struct Person {
    /// As the log knows them.
    pub owner: Uuid,
    /// Their private chat.
    pub chat_id: Option<i64>,
    /// Whether they have blocked the bot.
    pub blocked: bool,
}

/// A walk as far as it has come.
#[derive(Debug, Clone, Deserialize)]
pub struct Walk {
    /// Its id.
    pub id: Uuid,
    /// Whether the browser came back.
    pub has_returned: bool,
}

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
        let tallies: Vec<Tally> = rows(from, TALLIES).await?;
        Ok(Self {
            now: Moment::of(house)?,
            faults: chronicle.faults.clone(),
            events: rows(from, EVENTS).await?,
            states: rows(from, STATES).await?,
            commands: rows(from, "select id, events from commands").await?,
            jobs: rows(from, JOBS).await?,
            integrations: rows(from, INTEGRATIONS).await?,
            tallies: tallies.into_iter().map(|tally| (tally.kind, tally.events)).collect(),
            mail: rows(from, MAIL).await?,
            calendars: rows(from, CALENDARS).await?,
            updates: rows(from, UPDATES).await?,
            people: rows(from, "select owner, chat_id, blocked from telegram_people").await?,
            walks: rows(from, WALKS).await?,
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

const EVENTS: &str = "
    select event_id as id, stream, version, type as kind, convert_from(payload, 'utf8')::jsonb as payload,
           case when m -> 'actor' ->> 'kind' = 'job' then m -> 'actor' ->> 'id' end as by_job, m ->> 'command' as command,
           time, xid::text::bigint as xid,
           previous_hash = coalesce(
               lag(hash) over (partition by stream order by version), decode(repeat('00', 32), 'hex')) as is_linked
    from events, lateral (select convert_from(metadata, 'utf8')::jsonb as m) as metadata
    order by stream, version";

const STATES: &str = "
    select s.stream, s.version,
           s.last_hash = coalesce(
               (select e.hash from events e where e.stream = s.stream order by e.version desc limit 1),
               decode(repeat('00', 32), 'hex')) as is_linked
    from states s";

const JOBS: &str = "
    select j.id, j.kind, j.state, j.due_at, j.reason, j.lease is not null as is_running,
           coalesce(j.leased_until < clock_timestamp(), false) as is_lapsed,
           extract(epoch from clock_timestamp() - r.started_at) as running_seconds
    from jobs j left join witness.runs r on r.lease = j.lease
    order by j.id";

const INTEGRATIONS: &str = "
    select id, owner, status, scopes, granted from integrations
    join view_versions on view = 'integrations' and live = view_version
    order by id";

const TALLIES: &str = "
    select type as kind, sum(events)::bigint as events from tallies
    join view_versions on view = 'tallies' and live = view_version
    group by type";

const MAIL: &str = "
    select s.integration, s.batches > 0 as is_under_way,
           coalesce((select jsonb_agg(m.message_id) from mail_messages m where m.integration = s.integration), '[]') as ids
    from mail_syncs s order by s.integration";

const CALENDARS: &str = "
    select c.integration, c.readable and c.checked_at is not null as is_read,
           coalesce((
               select jsonb_agg(e.entry_id) from calendar_entries e
               where e.integration = c.integration and e.calendar = c.calendar), '[]') as ids
    from calendars c where c.chosen and c.is_primary order by c.integration";

const UPDATES: &str = "
    select update_id, outcome, starts, received_at, handled_at from telegram_updates order by update_id";

const WALKS: &str = "
    select id, returned_at is not null or outcome is not null as has_returned from authorization_attempts";
