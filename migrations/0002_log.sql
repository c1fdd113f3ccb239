-- The log is the truth; everything else in this database can be thrown away and derived from it, but for what is sealed.
--
-- Payload and metadata are kept as the exact bytes that were hashed. Each event's hash covers its stream, version, type,
-- id, tenant, time, payload, metadata and the hash before it in the same stream, so that an edit shows.
create table events (
    position bigint generated always as identity primary key,
    xid xid8 not null default pg_current_xact_id(),
    tenant uuid not null references tenants,
    stream uuid not null,
    version bigint not null check (version > 0),
    event_id uuid not null unique,
    type text not null,
    schema_version smallint not null,
    payload bytea not null,
    metadata bytea not null,
    time timestamptz not null,
    previous_hash bytea not null check (octet_length(previous_hash) = 32),
    hash bytea not null check (octet_length(hash) = 32),
    unique (stream, version)
);
comment on table events is 'What happened, in order per stream. Append only: the serving role may neither change nor delete. Never cleared.';
comment on column events.xid is 'The writing transaction. Readers order by (xid, position) and stop at the oldest transaction still open; position alone loses events.';
comment on column events.time is 'When it happened, by the application''s clock, in microseconds.';
create index events_in_reading_order on events (xid, position);
create index events_by_tenant_and_time on events (tenant, time);

-- What commands load instead of folding a long stream. Written in the transaction of the events.
create table states (
    stream uuid primary key,
    tenant uuid not null references tenants,
    version bigint not null check (version >= 0),
    shape integer not null,
    state jsonb not null,
    last_hash bytea not null check (octet_length(last_hash) = 32)
);
comment on table states is 'The folded state of each stream. Derived: a row of an older shape is folded again.';

-- A repeated command answers as the first time.
create table commands (
    tenant uuid not null references tenants,
    id uuid not null,
    request_hash bytea not null check (octet_length(request_hash) = 32),
    events uuid[] not null,
    at timestamptz not null,
    primary key (tenant, id)
);
comment on table commands is 'What each command came to. Swept after thirty days.';
create index commands_by_age on commands (at);

-- Operators'' free words about an event, sealed under the integration''s key, so that they can be erased.
create table event_reasons (
    event_id uuid primary key,
    tenant uuid not null references tenants,
    integration uuid not null,
    sealed bytea not null
);
comment on table event_reasons is 'Who of the operators acted and why, in their words, sealed. Goes unreadable with the integration''s key.';

-- How far each reader of the log has come. Moves in the transaction of what the reader writes.
create table checkpoints (
    reader text primary key,
    xid xid8 not null,
    position bigint not null
);
comment on table checkpoints is 'How far each reader of the log has come, as the pair (xid, position). A reader that starts again starts with an empty view.';

-- Which version of each derived table is being read. A rebuild writes beside the live rows and then moves this.
create table view_versions (
    view text primary key,
    live integer not null
);
comment on table view_versions is 'Which version of each view is live.';
insert into view_versions (view, live) values ('integrations', 1), ('tallies', 1);

create table integrations (
    view_version integer not null,
    id uuid not null,
    tenant uuid not null references tenants,
    owner uuid not null references owners,
    provider text not null,
    status text not null,
    generation bigint not null,
    scopes text[] not null,
    granted text[] not null,
    missing text[] not null,
    expires_at timestamptz,
    refreshed_at timestamptz,
    connected_at timestamptz,
    reason text,
    version bigint not null,
    primary key (view_version, id)
);
comment on table integrations is 'Where each integration stands: what the bot and the API read. Written with the events; derived.';
comment on column integrations.reason is 'Why it failed, expired or is in error, while it is.';
comment on column integrations.version is 'The version of the stream this row reflects.';
create index integrations_by_owner on integrations (view_version, tenant, owner);

create table tallies (
    view_version integer not null,
    tenant uuid not null references tenants,
    type text not null,
    events bigint not null,
    last_at timestamptz not null,
    primary key (view_version, tenant, type)
);
comment on table tallies is 'How many events of each type there have been, by a checkpointed reader of the log; derived.';
