-- Telegram's ids of people live here and nowhere else, so that erasing these rows forgets who an owner was.
create table telegram_people (
    user_id bigint not null,
    tenant uuid not null references tenants,
    owner uuid not null unique references owners,
    chat_id bigint,
    sealed_name bytea,
    blocked boolean not null default false,
    primary key (tenant, user_id)
);
comment on table telegram_people is 'Which owner a Telegram user is. Deleted by erasing the owner.';
comment on column telegram_people.chat_id is 'The private chat, once there is one.';
comment on column telegram_people.sealed_name is 'The name they go by, sealed under the owner''s key; shown to them on the connect pages.';

-- An update is written down before Telegram is told that it arrived.
create table telegram_updates (
    update_id bigint not null,
    tenant uuid not null references tenants,
    owner uuid references owners,
    sealed bytea,
    received_at timestamptz not null,
    handling_until timestamptz,
    starts integer not null default 0,
    handled_at timestamptz,
    outcome text check (outcome in ('done', 'ignored', 'gave_up')),
    primary key (tenant, update_id),
    check (handled_at is null or sealed is null)
);
comment on table telegram_updates is 'Updates by their id, so that a repeat is known. The body is sealed and deleted once handled; rows are swept after seven days.';
comment on column telegram_updates.starts is 'How often handling began; three without an end and it is given up, with a word to the person.';
create index telegram_updates_waiting on telegram_updates (update_id) where handled_at is null;

-- Messages that show something still under way and are edited in place when it lands.
create table live_messages (
    chat_id bigint not null,
    message_id integer not null,
    tenant uuid not null references tenants,
    owner uuid not null references owners,
    integration uuid not null,
    shows text not null check (shows in ('inbox', 'revocation')),
    page integer not null default 0,
    asked_at timestamptz not null,
    shown integer not null default 0,
    primary key (tenant, chat_id, message_id)
);
comment on table live_messages is 'Messages waiting for a fetch or a revocation. Cleared when the message has been edited, or after two minutes.';
comment on column live_messages.page is 'Which page of the inbox the message shows.';
comment on column live_messages.shown is 'How much progress the message shows, so that it is edited only when there is more.';
