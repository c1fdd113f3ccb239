-- What keeps failing is left alone for a while, by every process alike. None of it is derived from the log: it says how a
-- provider has been answering lately, and is worth nothing a day later.

create table provider_breakers (
    provider text not null,
    service text not null,
    version uuid not null,
    state jsonb not null,
    open_since timestamptz,
    touched_at timestamptz not null,
    primary key (provider, service)
);
comment on table provider_breakers is 'How a provider has been answering, over all its accounts. No row: nothing has failed lately. Deleted when it answers again, swept a day after it was last touched.';
comment on column provider_breakers.service is 'What of the provider is meant: its endpoints for tokens fail apart from its APIs.';
comment on column provider_breakers.version is 'Changed by every write: whoever writes names the one they have read.';
comment on column provider_breakers.state is 'The last answers, which accounts they were about as a short hash, and when it is tried again.';
comment on column provider_breakers.open_since is 'Since when nothing but single attempts goes through; null while everything does.';
comment on column provider_breakers.touched_at is 'When it was last written, by the application''s clock.';

create table integration_breakers (
    integration uuid not null,
    service text not null,
    tenant uuid not null references tenants,
    provider text not null,
    version uuid not null,
    state jsonb not null,
    open_since timestamptz,
    touched_at timestamptz not null,
    primary key (integration, service)
);
comment on table integration_breakers is 'How a provider has been answering about one account: one that fails by itself is left alone by itself. Cleared as provider_breakers. Its columns mean the same.';
create index integration_breakers_by_tenant on integration_breakers (tenant);

call isolate('integration_breakers');

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
        'live_messages, calendars, calendar_entries, calendar_syncs, owner_settings, shown_mail, '
        'provider_breakers, integration_breakers to %I', role_name);
    execute format('grant execute on all functions in schema public to %I', role_name);
    execute format('revoke execute on function rewrite_log_after_restore() from %I', role_name);
end $$;
revoke all on procedure grant_serving(text) from public;
