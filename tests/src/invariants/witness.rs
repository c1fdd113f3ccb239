//! A witness in the database: triggers that write down, in the transaction in which it happens, what no row remembers.
//!
//! Job rows forget their runs, and the log names the command of an event but not who held the job when it was written. So a
//! run that writes after it has lost its lease leaves a database that looks sound once the next fetch has mended it, and a
//! job that was opened after its event looks like any other. The witness sees both. It changes nothing that Bellhop reads,
//! is owned by the owner of the tables, and Bellhop cannot tell that it is there.

use serde::Deserialize;
use uuid::Uuid;

use chrono::{DateTime, Utc};

use crate::house::House;
use crate::trouble::Story;

/// How a run ended. Whether an event of the same transaction ended the job is in [`Turn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Its lease ran out.
    Crashed,
    /// An attempt was spent.
    Failed,
    /// The job ended under it, or with it.
    Ended,
    /// It was told to wait.
    Waits,
    /// A recurring job rests: it went well.
    Rests,
    /// It let go: handed back, or about to be ended by an event.
    Released,
}

/// A run of a job.
#[derive(Debug, Clone, Deserialize)]
pub struct Run {
    /// Which job.
    pub job: Uuid,
    /// What it does.
    pub kind: String,
    /// Under which lease.
    pub lease: Uuid,
    /// When it was started, by the machine's clock.
    pub started_at: DateTime<Utc>,
    /// When it ended; none while it holds the job.
    pub ended_at: Option<DateTime<Utc>>,
    /// In which transaction it ended.
    pub ended_in: Option<i64>,
    /// How it ended.
    pub ending: Option<Ending>,
}

/// A job row that was made.
#[derive(Debug, Clone, Deserialize)]
pub struct Opening {
    /// Which job.
    pub job: Uuid,
    /// The event it says it was opened by.
    pub opened_by: Uuid,
    /// In which transaction.
    pub xid: i64,
}

/// A job row that changed its state.
#[derive(Debug, Clone, Deserialize)]
pub struct Turn {
    /// Which job.
    pub job: Uuid,
    /// What it became: `open`, `dead` or `done`.
    pub state: String,
    /// In which transaction.
    pub xid: i64,
}

/// An event that was written.
#[derive(Debug, Clone, Deserialize)]
pub struct Writing {
    /// Which event.
    pub event: Uuid,
    /// Whose lease was at that moment on the row of the job that wrote it; none where nobody's was, and where no job wrote it.
    pub lease: Option<Uuid>,
    /// When, by the machine's clock. The event itself says when it happened, which may be long before.
    pub written_at: DateTime<Utc>,
}

/// A walk that began.
#[derive(Debug, Clone, Deserialize)]
pub struct Begun {
    /// Which walk.
    pub attempt: Uuid,
    /// SHA-256 of its state, in hexadecimal.
    pub state: String,
}

/// A refresh lease that was taken.
#[derive(Debug, Clone, Deserialize)]
pub struct Refreshing {
    /// Of which integration.
    pub integration: Uuid,
    /// For which generation.
    pub generation: i64,
    /// When, by the machine's clock.
    pub taken_at: DateTime<Utc>,
    /// Until when somebody else still had it; none where nobody had.
    pub held_until: Option<DateTime<Utc>>,
}

/// Puts the witness into a house's database. Once.
pub async fn install(house: &House) -> Story {
    house.database.tamper(TRIGGERS).await.map(drop)
}

/// Runs, by when they started.
pub const RUNS: &str = "select job, kind, lease, started_at, ended_at, ended_in::text::bigint as ended_in, ending
                        from witness.runs order by number";

/// Rows of jobs that were made.
pub const OPENINGS: &str = "select job, opened_by, xid::text::bigint as xid from witness.openings order by number";

/// Changes of state of jobs.
pub const TURNS: &str = "select job, state, xid::text::bigint as xid from witness.turns order by number";

/// Events that were written.
pub const WRITINGS: &str = "select event, lease, written_at from witness.writings order by number";

/// Walks that began.
pub const WALKS: &str = "select attempt, state from witness.walks order by attempt";

/// Refresh leases that were taken.
pub const REFRESHINGS: &str =
    "select integration, generation, taken_at, held_until from witness.refreshings order by number";

const TRIGGERS: &str = r"
create schema witness;
create table witness.runs (
    number bigint generated always as identity primary key,
    job uuid not null,
    kind text not null,
    lease uuid not null unique,
    started_at timestamptz not null default clock_timestamp(),
    ended_at timestamptz,
    ended_in xid8,
    ending text
);
create table witness.openings (
    number bigint generated always as identity primary key,
    job uuid not null,
    opened_by uuid not null,
    xid xid8 not null default pg_current_xact_id()
);
create table witness.turns (
    number bigint generated always as identity primary key,
    job uuid not null,
    state text not null,
    xid xid8 not null default pg_current_xact_id()
);
create table witness.writings (
    number bigint generated always as identity primary key,
    event uuid not null,
    lease uuid,
    written_at timestamptz not null default clock_timestamp()
);
create table witness.walks (
    attempt uuid primary key,
    state text not null
);

create table witness.refreshings (
    number bigint generated always as identity primary key,
    integration uuid not null,
    generation bigint not null,
    taken_at timestamptz not null default clock_timestamp(),
    held_until timestamptz
);
-- What runs already.
insert into witness.runs (job, kind, lease) select id, kind, lease from jobs where lease is not null;

create function witness.job_opened() returns trigger
language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    insert into witness.openings (job, opened_by) values (new.id, new.opened_by);
    return null;
end $$;

create function witness.job_turned() returns trigger
language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    insert into witness.turns (job, state) values (new.id, new.state);
    return null;
end $$;

create function witness.lease_moved() returns trigger
language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    if old.lease is not null then
        update witness.runs
        set ended_at = clock_timestamp(),
            ended_in = pg_current_xact_id(),
            ending = case
                when new.crashes > old.crashes then 'crashed'
                when new.attempts > old.attempts then 'failed'
                when new.state <> 'open' then 'ended'
                when new.due_at = old.due_at then 'released'
                when new.not_before is not null then 'waits'
                else 'rests'
            end
        where lease = old.lease;
    end if;
    if new.lease is not null then
        insert into witness.runs (job, kind, lease) values (new.id, new.kind, new.lease) on conflict do nothing;
    end if;
    return null;
end $$;

create function witness.event_written() returns trigger
language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    actor jsonb := convert_from(new.metadata, 'utf8')::jsonb -> 'actor';
begin
    insert into witness.writings (event, lease)
    values (
        new.event_id,
        case when actor ->> 'kind' = 'job' then (select j.lease from jobs j where j.id = (actor ->> 'id')::uuid) end);
    return null;
end $$;

create function witness.walk_begun() returns trigger
language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    insert into witness.walks (attempt, state) values (new.id, encode(new.state_hash, 'hex')) on conflict do nothing;
    return null;
end $$;

create function witness.refresh_taken() returns trigger
language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    if tg_op = 'INSERT' then
        insert into witness.refreshings (integration, generation) values (new.integration, new.generation);
    elsif new.lease is distinct from old.lease then
        insert into witness.refreshings (integration, generation, held_until)
        values (new.integration, new.generation, case when old.lease is not null then old.until end);
    end if;
    return null;
end $$;

create trigger witness_opened after insert on jobs for each row execute function witness.job_opened();
create trigger witness_turned after update of state on jobs for each row
    when (old.state is distinct from new.state) execute function witness.job_turned();
create trigger witness_lease after update of lease on jobs for each row
    when (old.lease is distinct from new.lease) execute function witness.lease_moved();
create trigger witness_event after insert on events for each row execute function witness.event_written();
create trigger witness_refresh after insert or update on refresh_leases for each row
    when (new.lease is not null) execute function witness.refresh_taken();
create trigger witness_walk after insert on authorization_attempts for each row execute function witness.walk_begun();
";
