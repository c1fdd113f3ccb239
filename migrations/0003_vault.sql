-- What must not be read: tokens, addresses, names. Every row is sealed (XChaCha20-Poly1305) under a data key of its
-- integration or owner, with associated data that binds it to its place. The data keys are wrapped by the master key and
-- live in a schema of their own, which dumps leave out: `pg_dump --exclude-schema=keys`. Destroying a key is erasure.
create schema keys;

-- A value sealed under the master key when the first process began to serve: a process with another key refuses to start,
-- instead of finding out from every row that it cannot open.
create table keys.master_check (
    only_one boolean primary key default true check (only_one),
    sealed bytea not null
);
comment on table keys.master_check is 'Proves that the master key is the one this database was sealed with. Never cleared.';

create table keys.integration_keys (
    integration uuid primary key,
    tenant uuid not null references tenants,
    wrapped bytea not null
);
comment on table keys.integration_keys is 'One wrapped data key per integration. Deleted by erasure.';

create table keys.owner_keys (
    owner uuid primary key references owners,
    tenant uuid not null references tenants,
    wrapped bytea not null
);
comment on table keys.owner_keys is 'One wrapped data key per owner. Deleted when the owner is erased.';

create table vault (
    integration uuid not null,
    generation bigint not null,
    tenant uuid not null references tenants,
    sealed bytea not null,
    primary key (integration, generation)
);
comment on table vault is 'Token sets. A new generation replaces the one before in the transaction of its event; cleared once the grant is revoked.';

-- A token answer that arrived when its generation had already been taken. Tried before anyone is declared expired.
create table vault_spares (
    id bigint generated always as identity primary key,
    integration uuid not null,
    generation bigint not null,
    tenant uuid not null references tenants,
    sealed bytea not null
);
comment on table vault_spares is 'Token answers that came too late to be the current ones. Cleared by a new grant, a disconnect or by being tried.';
create index vault_spares_by_integration on vault_spares (integration);

-- Single flight. The fingerprint outlives a crash: a lease that ended without an outcome tells the next holder that this
-- very refresh token may have been spent.
create table refresh_leases (
    integration uuid primary key,
    tenant uuid not null references tenants,
    lease uuid,
    until timestamptz not null,
    generation bigint not null,
    fingerprint bytea not null
);
comment on table refresh_leases is 'Who is refreshing, until when, with which refresh token (as a keyed hash). Cleared of its intent by the outcome.';

create table accounts (
    integration uuid primary key,
    tenant uuid not null references tenants,
    sealed bytea not null
);
comment on table accounts is 'Address and name of the connected account, sealed. Deleted by erasure.';

create table subjects (
    integration uuid primary key,
    tenant uuid not null references tenants,
    owner uuid not null references owners,
    provider text not null,
    subject_hash bytea not null check (octet_length(subject_hash) = 32),
    released boolean not null default false
);
comment on table subjects is 'Which account an integration holds, as a keyed hash of the provider''s subject. Deleted once a disconnect and its revocation are done.';
comment on column subjects.released is 'Disconnected, with the revocation still to come: it no longer holds the account, but must not end another''s hold on it.';
create index subjects_by_hash on subjects (provider, subject_hash);
-- Two walks of one owner that finish with the same new account at the same instant make one integration: the second is
-- worked out again and finds the first.
create unique index subjects_once_an_owner on subjects (tenant, owner, provider, subject_hash) where not released;
