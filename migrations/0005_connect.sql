-- The walk through consent. Every secret of it is stored as a hash, or sealed where it is needed again.
create table connect_links (
    hash bytea primary key check (octet_length(hash) = 32),
    tenant uuid not null references tenants,
    owner uuid not null references owners,
    provider text not null,
    reconnects uuid,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    sealed_program_state bytea
);
comment on table connect_links is 'One-time links that open the walk. Swept a day after they end.';
comment on column connect_links.reconnects is 'The integration to be mended, where the link is not for a new account.';
comment on column connect_links.sealed_program_state is
    'What the program that asked wants back with the finish code. Its own opaque text, which may be personal: sealed under the owner''s key.';

create table authorization_attempts (
    id uuid primary key,
    tenant uuid not null references tenants,
    owner uuid not null references owners,
    integration uuid not null,
    reconnects boolean not null,
    provider text not null,
    state_hash bytea not null unique check (octet_length(state_hash) = 32),
    cookie_hash bytea not null unique check (octet_length(cookie_hash) = 32),
    nonce_hash bytea not null check (octet_length(nonce_hash) = 32),
    redirect_uri text not null,
    sealed_verifier bytea not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    returned_at timestamptz,
    sealed_code bytea,
    finish_hash bytea unique check (octet_length(finish_hash) = 32),
    finish_expires_at timestamptz,
    finished_at timestamptz,
    exchange_started_at timestamptz,
    outcome text,
    check ((sealed_code is null) or (returned_at is not null))
);
comment on table authorization_attempts is 'Walks under way. Code and verifier are deleted once used; rows are swept a day after they end.';
comment on column authorization_attempts.returned_at is 'When the state was taken: once.';
comment on column authorization_attempts.finished_at is 'When the finish code was taken: once.';
comment on column authorization_attempts.exchange_started_at is 'The intent to exchange the code, written before it is sent: it is sent at most once.';
comment on column authorization_attempts.outcome is 'How it ended, for the page that the same browser sees again.';
create index authorization_attempts_by_age on authorization_attempts (expires_at);
