-- Who may see what. Every table that holds something of a tenant's carries the tenant's id and is guarded by row-level
-- security that also binds the tables' owner. A transaction names the tenants it acts for in `app.tenants`, for itself
-- only; a transaction that names none sees nothing. It is a set, because several callers' work may commit together.

create function app_tenants() returns uuid[]
language sql stable parallel safe
return coalesce(nullif(current_setting('app.tenants', true), ''), '{}')::uuid[];
comment on function app_tenants() is 'The tenants this transaction acts for.';

-- One row that names this installation. The belt's keys carry it, so that two installations can share a Redis.
create table installation (
    only_one boolean primary key default true check (only_one),
    id uuid not null default gen_random_uuid(),
    created_at timestamptz not null default now()
);
comment on table installation is 'Names this installation. Never cleared.';
insert into installation default values;

create table tenants (
    id uuid primary key default gen_random_uuid(),
    name text not null unique check (name <> ''),
    created_at timestamptz not null default now()
);
comment on table tenants is 'Who shares nothing with anybody else. Added by an operator, never cleared.';
insert into tenants (name) values ('default');

-- An owner is a random id. Who that is in Telegram is said in `telegram_people`, which can be erased.
create table owners (
    id uuid primary key,
    tenant uuid not null references tenants,
    kind text not null check (kind in ('telegram', 'api')),
    created_at timestamptz not null default now()
);
comment on table owners is 'People and programs that connect accounts. Kept, as the log names them; says nothing about them.';
create index owners_by_tenant on owners (tenant);

-- A key is shown once and stored as a hash. Each belongs to an owner of its own, the API actor.
create table api_keys (
    id uuid primary key,
    tenant uuid not null references tenants,
    owner uuid not null unique references owners,
    name text not null check (name <> ''),
    hash bytea not null check (octet_length(hash) = 32),
    return_url text,
    created_at timestamptz not null default now(),
    revoked_at timestamptz,
    unique (tenant, name)
);
comment on table api_keys is 'Programs that may call the API. Added and revoked by an operator; revoked ones are kept for the audit.';
comment on column api_keys.hash is 'SHA-256 of the secret part; the secret is random, so that no slow hash is needed.';
comment on column api_keys.return_url is 'Where a browser is sent with the finish code.';
