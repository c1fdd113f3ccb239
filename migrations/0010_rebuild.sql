-- Views are rebuilt beside the live rows, under the next version, while everything runs; then the pointer moves. The
-- serving role still cannot write `view_versions`: it can have a known view's pointer moved forward, and nothing else.

create function move_view(of_view text, to_version integer) returns boolean
language plpgsql security definer set search_path = pg_catalog, public as $$
begin
    -- Whoever writes rows of views shares this lock ("view row" in ASCII), so that none is on its way to the version that is
    -- being left. Held by the caller already, who has caught up under it.
    perform pg_advisory_xact_lock(x'7669657720726f77'::bigint);
    update view_versions set live = to_version where view = of_view and live < to_version;
    return found;
end $$;
comment on function move_view is 'Makes a later version of a view the live one. False where there is no such view or the version is not later.';
revoke all on function move_view(text, integer) from public;

comment on table checkpoints is 'How far each reader of the log has come, as the pair (xid, position). A reader that starts again starts with an empty view; one that is being rebuilt has a second row until its version is live.';
