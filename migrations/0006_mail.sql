-- A sealed cache of mail, not part of the log: drop a cursor and it is fetched again. In clear are only the provider's
-- ids and times, for sorting. Deleted by a disconnect.
create table mail_messages (
    integration uuid not null,
    message_id text not null,
    tenant uuid not null references tenants,
    received_at timestamptz not null,
    sync uuid not null,
    sealed bytea not null,
    primary key (integration, message_id)
);
comment on table mail_messages is 'Sender, subject and snippet of each message in the inbox, sealed. Derived from the provider.';
comment on column mail_messages.sync is 'The fetch that last saw it; a full fetch removes what it did not see.';
create index mail_messages_newest_first on mail_messages (integration, received_at desc, message_id desc);

create table mail_syncs (
    integration uuid primary key,
    tenant uuid not null references tenants,
    sealed_progress bytea,
    batches integer not null default 0,
    stored integer not null default 0,
    checked_at timestamptz
);
comment on table mail_syncs is 'Cursor and progress of fetching mail. Dropping a row makes the next fetch start from the beginning.';
comment on column mail_syncs.sealed_progress is 'Cursor, page token and counts, sealed: page tokens are the provider''s words.';
comment on column mail_syncs.batches is 'Batches recorded by the fetch under way.';
comment on column mail_syncs.stored is 'Messages stored by the fetch under way, for the progress that people see.';
comment on column mail_syncs.checked_at is 'When a fetch last ended well, news or not: the age that answers state.';
