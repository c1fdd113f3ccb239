-- Calendars as a sealed cache beside the mail, what people have settled for themselves, and what the chat needs to know
-- which message a button stands for. Nothing here is part of the log.

create table calendars (
    integration uuid not null,
    calendar bigint not null,
    tenant uuid not null references tenants,
    chosen boolean not null,
    choice integer not null default 0,
    listed uuid not null,
    is_primary boolean not null,
    readable boolean not null default true,
    checked_at timestamptz,
    sealed bytea not null,
    sealed_progress bytea,
    primary key (integration, calendar)
);
comment on table calendars is 'The calendars of an account. Derived from the provider but for the choice. Deleted by a disconnect.';
comment on column calendars.calendar is 'A keyed hash of the provider''s id, which is an address.';
comment on column calendars.chosen is 'Whether its owner wants to see it: at first the primary calendar alone. A setting, not a fact about the account.';
comment on column calendars.choice is 'Raised by each change of mind: what was read for an earlier choice is not written under a later one.';
comment on column calendars.listed is 'The fetch that last saw it in the list; the end of a fetch removes what it did not see.';
comment on column calendars.readable is 'Whether the provider let us read it the last time: answers say what they could not look at.';
comment on column calendars.checked_at is 'When it was last read to its end; none since it was chosen.';
comment on column calendars.sealed is 'Id, title, time zone and rights.';
comment on column calendars.sealed_progress is 'Sync token and, while a fetch is under way, page token and counts. Dropping it makes the next fetch read the calendar from its beginning.';

create table calendar_entries (
    integration uuid not null,
    calendar bigint not null,
    entry_id text not null,
    series text,
    tenant uuid not null references tenants,
    starts_at timestamptz not null,
    ends_at timestamptz,
    sync uuid not null,
    sealed bytea not null,
    primary key (integration, calendar, entry_id),
    foreign key (integration, calendar) references calendars on delete cascade
);
comment on table calendar_entries is 'Events, series and exceptions to them, sealed. Cleared with their calendar, and a month after they are over.';
comment on column calendar_entries.series is 'The series it is an exception to, by the provider''s id: exceptions go with their series.';
comment on column calendar_entries.starts_at is 'The earliest moment it can matter, for finding it: an all-day event begins earlier somewhere, an exception where it was moved from.';
comment on column calendar_entries.ends_at is 'The latest moment it can matter; none for a series without an end.';
comment on column calendar_entries.sync is 'The fetch that last saw it; a full fetch removes what it did not see.';
create index calendar_entries_by_series on calendar_entries (integration, series) where series is not null;
create index calendar_entries_by_time on calendar_entries (integration, starts_at);

create table calendar_syncs (
    integration uuid primary key,
    tenant uuid not null references tenants,
    stored integer not null default 0,
    checked_at timestamptz
);
comment on table calendar_syncs is 'How old the stored calendars are. Deleted by a disconnect.';
comment on column calendar_syncs.stored is 'Entries stored by the fetch under way, for the progress that people see.';
comment on column calendar_syncs.checked_at is 'When a fetch of every chosen calendar last ended well, news or not.';

create table owner_settings (
    owner uuid primary key references owners,
    tenant uuid not null references tenants,
    sealed bytea not null
);
comment on table owner_settings is 'Time zone, working hours and the like, sealed under the owner''s key. Deleted when the last of the owner''s integrations is erased.';

create table shown_mail (
    integration uuid not null,
    handle bigint not null,
    tenant uuid not null references tenants,
    message_id text not null,
    shown_at timestamptz not null,
    primary key (integration, handle)
);
comment on table shown_mail is 'Which message a button opens: a button has room for a handle, not for a provider''s id. Swept a month after it was last shown; deleted by a disconnect.';
create index shown_mail_by_age on shown_mail (shown_at);

-- What a link asks the person for; null for everything.
alter table connect_links add column asked text[];
comment on column connect_links.asked is 'The capabilities to ask for, where it is not all of them: a missing one alone.';
alter table authorization_attempts add column asked text[];
comment on column authorization_attempts.asked is 'As in the link it began with.';

-- A message can wait for all of somebody's calendars, and then shows what its view says.
alter table live_messages drop constraint live_messages_shows_check;
alter table live_messages add constraint live_messages_shows_check check (shows in ('inbox', 'revocation', 'calendar'));
alter table live_messages alter column integration drop not null;
alter table live_messages add column view jsonb;
alter table live_messages add constraint live_messages_about_check
    check ((integration is null) = (shows = 'calendar') and (view is null) = (shows <> 'calendar'));
comment on column live_messages.integration is 'The account it is about; none for one that waits for all of its owner''s calendars.';
comment on column live_messages.view is 'Days and parts of days that the message shows. Nothing personal.';

call isolate('calendars');
call isolate('calendar_entries');
call isolate('calendar_syncs');
call isolate('owner_settings');
call isolate('shown_mail');

create or replace procedure grant_serving(role_name text)
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
        'live_messages, calendars, calendar_entries, calendar_syncs, owner_settings, shown_mail to %I', role_name);
    execute format('grant execute on all functions in schema public to %I', role_name);
    execute format('revoke execute on function rewrite_log_after_restore() from %I', role_name);
end $$;
revoke all on procedure grant_serving(text) from public;
