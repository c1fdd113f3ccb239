-- Row-level security for every table above that holds something of a tenant's, the few functions that look up ids before
-- a tenant is known, and what the serving role may do. A later migration that adds a table calls `isolate` for it and
-- replaces `grant_serving`.

create procedure isolate(relation regclass)
language plpgsql as $$
begin
    execute format('alter table %s enable row level security', relation);
    execute format('alter table %s force row level security', relation);
    -- The sub-select makes the planner read the setting once a statement, not once a row.
    execute format(
        'create policy tenant on %s using (tenant = any ((select app_tenants())::uuid[]))', relation);
    -- FORCE binds the owner too; the look-up functions below run as the owner and read across tenants.
    execute format('create policy lookup on %s for select to %I using (true)', relation, current_user);
end $$;
comment on procedure isolate is 'Guards a table with a `tenant` column.';

call isolate('owners');
call isolate('api_keys');
call isolate('events');
call isolate('states');
call isolate('commands');
call isolate('event_reasons');
call isolate('integrations');
call isolate('tallies');
call isolate('keys.integration_keys');
call isolate('keys.owner_keys');
call isolate('vault');
call isolate('vault_spares');
call isolate('refresh_leases');
call isolate('accounts');
call isolate('subjects');
call isolate('jobs');
call isolate('connect_links');
call isolate('authorization_attempts');
call isolate('mail_messages');
call isolate('mail_syncs');
call isolate('telegram_people');
call isolate('telegram_updates');
call isolate('live_messages');

alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenant on tenants using (id = any ((select app_tenants())::uuid[]));
do $$ begin
    execute format('create policy lookup on tenants for select to %I using (true)', current_user);
end $$;

-- Look-ups before a tenant is known. They return ids and nothing else.

create function find_tenant(tenant_name text) returns uuid
language sql stable security definer set search_path = pg_catalog, public
return (select id from tenants where name = tenant_name);

create function all_tenants() returns setof uuid
language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select id from tenants order by created_at, id;
end;

create function find_integration(wanted uuid) returns uuid
language sql stable security definer set search_path = pg_catalog, public
return (select tenant from states where stream = wanted);
comment on function find_integration is 'The tenant of an integration.';

create function find_job(wanted uuid) returns uuid
language sql stable security definer set search_path = pg_catalog, public
return (select tenant from jobs where id = wanted);
comment on function find_job is 'The tenant of a job.';

create function find_api_key(wanted uuid) returns uuid
language sql stable security definer set search_path = pg_catalog, public
return (select tenant from api_keys where id = wanted);
comment on function find_api_key is 'The tenant of an API key.';

create function find_connect_link(wanted bytea) returns uuid
language sql stable security definer set search_path = pg_catalog, public
return (select tenant from connect_links where hash = wanted);
comment on function find_connect_link is 'The tenant of a connect link.';

create function find_attempt(wanted bytea) returns table (tenant uuid, id uuid)
language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select a.tenant, a.id from authorization_attempts a
    where a.state_hash = wanted or a.cookie_hash = wanted or a.finish_hash = wanted;
end;
comment on function find_attempt is 'The attempt with this hash of its state, cookie or finish code: the three are never alike.';

create function holders_of_subject(of_provider text, wanted bytea) returns table (tenant uuid, integration uuid)
language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select s.tenant, s.integration from subjects s
    where s.provider = of_provider and s.subject_hash = wanted and not s.released;
end;
comment on function holders_of_subject is 'Which integrations hold this account, in any tenant: revoking for one ends it for all.';

create function due_jobs(of_queue text, known_kinds text[], app_now timestamptz, wanted integer)
returns table (tenant uuid, id uuid)
language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select j.tenant, j.id from jobs j
    where j.state = 'open' and j.lease is null and j.queue = of_queue and j.kind = any (known_kinds)
      and j.due_at <= app_now
      and (j.dispatched_at is null or j.dispatched_at < now() - interval '10 seconds')
    order by j.due_at, j.id
    limit wanted;
end;
comment on function due_jobs is
    'Jobs of kinds the caller knows that are due and not on the belt, or on it for more than ten seconds without a start.';

create function lapsed_jobs(wanted integer) returns table (tenant uuid, id uuid)
language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select j.tenant, j.id from jobs j
    where j.lease is not null and j.leased_until < now()
    order by j.leased_until
    limit wanted;
end;
comment on function lapsed_jobs is 'Jobs whose run ended without a result.';

create function abandoned_attempts(app_now timestamptz, wanted integer) returns table (tenant uuid, id uuid)
language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select a.tenant, a.id from authorization_attempts a
    where a.outcome is null and a.exchange_started_at is null
      and coalesce(a.finish_expires_at, a.expires_at) < app_now
    order by a.expires_at
    limit wanted;
end;
comment on function abandoned_attempts is 'Walks that nobody came back from in time.';

create function read_log(after_xid xid8, after_position bigint, wanted integer)
returns table (xid xid8, "position" bigint, tenant uuid, event_id uuid)
language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select e.xid, e.position, e.tenant, e.event_id from events e
    where (e.xid, e.position) > (after_xid, after_position)
      and e.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by e.xid, e.position
    limit wanted;
end;
comment on function read_log is 'The next events in reading order, as far as no open transaction can still write before them.';

create function log_is_ahead() returns boolean
language sql stable security definer set search_path = pg_catalog, public
return exists (select from events where xid >= pg_snapshot_xmax(pg_current_snapshot()));
comment on function log_is_ahead is 'Whether the log holds transactions this cluster has not reached: a dump from elsewhere was restored.';

-- What the serving role may do. Called by `bellhop migrate` after every migration.
create procedure grant_serving(role_name text)
language plpgsql as $$
begin
    execute format('grant usage on schema public, keys to %I', role_name);
    -- The log and the installation are read and, for the log, appended to; never changed.
    execute format('grant select on installation, view_versions, tenants, _sqlx_migrations to %I', role_name);
    execute format('grant select, insert on events, event_reasons, owners, tenants, keys.master_check to %I', role_name);
    execute format(
        'grant select, insert, update, delete on states, commands, checkpoints, integrations, tallies, api_keys, '
        'keys.integration_keys, keys.owner_keys, vault, vault_spares, refresh_leases, accounts, subjects, jobs, '
        'connect_links, authorization_attempts, mail_messages, mail_syncs, telegram_people, telegram_updates, '
        'live_messages to %I', role_name);
    execute format('grant execute on all functions in schema public to %I', role_name);
    execute format('revoke execute on function rewrite_log_after_restore() from %I', role_name);
end $$;
revoke all on all functions in schema public from public;
revoke all on all procedures in schema public from public;

-- After a dump was restored into another cluster. Events keep their reading order under one old transaction number, and
-- readers start anew. Only the owner may call it.
do $$ begin
    execute format('create policy restore on events for update to %I using (true) with check (true)', current_user);
    execute format('create policy restore on tallies for delete to %I using (true)', current_user);
end $$;
create function rewrite_log_after_restore() returns bigint
language plpgsql as $$
declare
    rewritten bigint;
begin
    -- Positions follow the order in which events could be read, so that one number for all keeps that order.
    create temporary table reading_order on commit drop as
        select event_id, row_number() over (order by xid, position) as place from events;
    alter table events alter column position drop identity;
    update events set position = -reading_order.place, xid = '3'
    from reading_order where reading_order.event_id = events.event_id;
    update events set position = -position where position < 0;
    get diagnostics rewritten = row_count;
    alter table events alter column position add generated always as identity;
    perform setval(pg_get_serial_sequence('events', 'position'), greatest(rewritten, 1), rewritten > 0);
    delete from checkpoints;
    -- Derived by readers of the log, which start anew.
    delete from tallies;
    return rewritten;
end $$;
revoke all on function rewrite_log_after_restore() from public;
