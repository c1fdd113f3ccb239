-- A worker that dies leaves runs behind whose leases have up to half a minute to live, and people wait meanwhile. Postgres
-- knows sooner: it ends the session of a dead process at once, and the advisory lock that the session held with it.

alter table jobs add column run_by bigint;
comment on column jobs.run_by is 'The advisory lock that the process of the run holds for as long as it lives. Written with each lease, and means nothing without one; null where nobody''s life says anything about the run.';

-- Beside the one of this name that processes of the release before still ask; a later migration may drop that.
create function lapsed_jobs(silent_until_end interval, wanted integer)
returns table (tenant uuid, id uuid, leased_until timestamptz)
language sql stable security definer set search_path = pg_catalog, public
begin atomic
    select j.tenant, j.id, j.leased_until from jobs j
    where j.lease is not null
      and (j.leased_until < now()
           or j.leased_until < now() + silent_until_end
              and j.run_by is not null
              -- Every session ended when Postgres did: those who live need a moment to come back.
              and pg_postmaster_start_time() < now() - interval '15 seconds'
              and j.run_by not in (
                  select l.classid::bigint << 32 | l.objid::bigint from pg_locks l
                  where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
                    and l.database = (select d.oid from pg_database d where d.datname = current_database())))
    order by j.leased_until
    limit wanted;
end;
comment on function lapsed_jobs(interval, integer) is 'Jobs whose run ended without a result: nobody renewed the lease to its end, or nobody did lately and the process is gone. `silent_until_end`: how much of a lease is left when it has not been renewed for too long.';
revoke all on function lapsed_jobs(interval, integer) from public;
