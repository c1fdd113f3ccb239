-- Due jobs in turns: the longest due of each tenant first, then the second of each, and so on. One that queues thousands
-- delays its own and nobody else's.

create index jobs_due_by_tenant on jobs (tenant, queue, due_at, id) where state = 'open' and lease is null;
drop index jobs_due;

create or replace function due_jobs(of_queue text, known_kinds text[], app_now timestamptz, wanted integer)
returns table (tenant uuid, id uuid)
language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select due.tenant, due.id
    from tenants t
    cross join lateral (
        select j.tenant, j.id, j.due_at, row_number() over (order by j.due_at, j.id) as turn
        from jobs j
        where j.tenant = t.id and j.state = 'open' and j.lease is null and j.queue = of_queue
          and j.kind = any (known_kinds) and j.due_at <= app_now
          and (j.dispatched_at is null or j.dispatched_at < now() - interval '10 seconds')
        order by j.due_at, j.id
        limit wanted
    ) as due
    order by due.turn, due.due_at, due.id
    limit wanted;
end;
comment on function due_jobs is
    'Jobs of kinds the caller knows that are due and not on the belt, or on it for more than ten seconds without a start; tenants take turns.';
