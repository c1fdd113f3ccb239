-- Jobs live here, not in Redis: a row is opened by the transaction of the event that causes it and ended by an event.
--
--   open --dispatched--> (on the belt) --started under a lease--> running --settled--> done, open again, or dead
--
-- Due times are the application's clock; leases are Postgres's.
create table jobs (
    id uuid primary key,
    tenant uuid not null references tenants,
    integration uuid not null,
    kind text not null,
    subject text not null default '',
    queue text not null,
    single boolean not null,
    payload jsonb not null,
    state text not null check (state in ('open', 'dead', 'done')),
    due_at timestamptz not null,
    not_before timestamptz,
    opened_by uuid not null,
    attempts integer not null default 0 check (attempts >= 0),
    crashes integer not null default 0 check (crashes >= 0),
    lineage integer not null default 1,
    reason text,
    requested boolean not null default false,
    dispatch uuid,
    dispatched_at timestamptz,
    lease uuid,
    leased_until timestamptz,
    ended_at timestamptz,
    check ((lease is null) = (leased_until is null)),
    check ((dispatch is null) = (dispatched_at is null)),
    check (state = 'open' or lease is null)
);
comment on table jobs is 'What is to be done. Derived from the log as to ids, kinds and payloads. Done rows are swept after seven days.';
comment on column jobs.single is 'Whether the integration has at most one open job of this kind and subject.';
comment on column jobs.not_before is 'Set by a wait we were told of and by the pause after a failure: nobody who asks for sooner gets it sooner than this. Cleared by a run that ends well and by a replay.';
comment on column jobs.attempts is 'Failed attempts of the current lineage; waiting for a rate limit is none.';
comment on column jobs.crashes is 'Runs in a row that ended without a result.';
comment on column jobs.lineage is 'Raised by each replay.';
comment on column jobs.requested is 'Somebody asked for it sooner while it was running: it is due again at once when the run ends.';
comment on column jobs.dispatch is 'What the belt carries beside the id. A start with another one does nothing.';
comment on column jobs.lease is 'The run that holds the job. A run settles only under its own lease.';

create unique index jobs_one_open on jobs (integration, kind, subject) where state = 'open' and single;
create index jobs_due on jobs (queue, due_at) where state = 'open' and lease is null;
create index jobs_running on jobs (leased_until) where lease is not null;
create index jobs_of_integration on jobs (integration, kind) where state <> 'done';
create index jobs_ended on jobs (ended_at) where state = 'done';
