//! Rows as the findings need them, and the queries that yield them.
//!
//! By the columns that the migrations describe, and nothing else of Bellhop.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

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
    #[serde(rename = "update_id")]
    pub id: i64,
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

/// Every event, with whether it names the hash of the one before it.
pub const EVENTS: &str = "
    select event_id as id, stream, version, type as kind, convert_from(payload, 'utf8')::jsonb as payload,
           case when m -> 'actor' ->> 'kind' = 'job' then m -> 'actor' ->> 'id' end as by_job, m ->> 'command' as command,
           time, xid::text::bigint as xid,
           previous_hash = coalesce(
               lag(hash) over (partition by stream order by version), decode(repeat('00', 32), 'hex')) as is_linked
    from events, lateral (select convert_from(metadata, 'utf8')::jsonb as m) as metadata
    order by stream, version";

/// State rows, with whether they name the hash of the last event.
pub const STATES: &str = "
    select s.stream, s.version,
           s.last_hash = coalesce(
               (select e.hash from events e where e.stream = s.stream order by e.version desc limit 1),
               decode(repeat('00', 32), 'hex')) as is_linked
    from states s";

/// Job rows, with how long the run that holds one has been at it.
pub const JOBS: &str = "
    select j.id, j.kind, j.state, j.due_at, j.reason, j.lease is not null as is_running,
           coalesce(j.leased_until < clock_timestamp(), false) as is_lapsed,
           extract(epoch from clock_timestamp() - r.started_at) as running_seconds
    from jobs j left join witness.runs r on r.lease = j.lease
    order by j.id";

/// The live view of integrations.
pub const INTEGRATIONS: &str = "
    select id, owner, status, scopes, granted from integrations
    join view_versions on view = 'integrations' and live = view_version
    order by id";

/// The live tallies over all tenants.
pub const TALLIES: &str = "
    select type as kind, sum(events)::bigint as events from tallies
    join view_versions on view = 'tallies' and live = view_version
    group by type";

/// Stored mail by integration.
pub const MAIL: &str = "
    select s.integration, s.batches > 0 as is_under_way,
           coalesce((select jsonb_agg(m.message_id) from mail_messages m where m.integration = s.integration), '[]') as ids
    from mail_syncs s order by s.integration";

/// Stored entries of primary calendars that were chosen.
pub const CALENDARS: &str = "
    select c.integration, c.readable and c.checked_at is not null as is_read,
           coalesce((
               select jsonb_agg(e.entry_id) from calendar_entries e
               where e.integration = c.integration and e.calendar = c.calendar), '[]') as ids
    from calendars c where c.chosen and c.is_primary order by c.integration";

/// Updates.
pub const UPDATES: &str = "
    select update_id, outcome, starts, received_at, handled_at from telegram_updates order by update_id";

/// Walks.
pub const WALKS: &str = "
    select id, returned_at is not null or outcome is not null as has_returned from authorization_attempts";
