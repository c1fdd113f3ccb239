//! People, what they sent and what waits to be shown to them, as the bot relies on it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use std::time::Duration;

use bellhop_domain::{Command, FetchMode, OwnerId, Status, TenantId};
use bellhop_store::{
    Change, ClaimedUpdate, LiveMessage, MailContent, MailProgress, NewUpdate, Request, Shows, Store, Underway,
    UpdateOutcome,
};
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use support::{Database, connected, context, default_tenant, new_owner, noon};
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(30);

/// How long a holder of the seat waits for Postgres.
const SEAT: Duration = Duration::from_secs(3);

fn fresh() -> OwnerId {
    OwnerId::new(Uuid::new_v4())
}

fn update(update_id: i64, owner: OwnerId) -> NewUpdate {
    NewUpdate { update_id, content: Some((owner, format!("what {update_id} says").into_bytes())) }
}

fn ids(claimed: &[ClaimedUpdate]) -> Vec<i64> {
    claimed.iter().map(|update| update.update_id).collect()
}

async fn person(store: &Store, tenant: TenantId, user_id: i64) -> OwnerId {
    store.telegram_person(tenant, user_id, fresh()).await.unwrap()
}

async fn finish(store: &Store, tenant: TenantId, update: &ClaimedUpdate) -> bool {
    store.finish_update(tenant, update.update_id, update.starts, UpdateOutcome::Done, noon()).await.unwrap()
}

/// Counts rows as the serving role sees them.
async fn count(store: &Store, tenant: TenantId, table_and_condition: &str) -> i64 {
    let mut transaction = store.pool().begin().await.unwrap();
    sqlx::query("select set_config('app.tenants', $1, true)")
        .bind(format!("{{{tenant}}}"))
        .execute(&mut *transaction)
        .await
        .unwrap();
    let sql = format!("select count(*) from {table_and_condition}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut *transaction).await.unwrap()
}

#[tokio::test]
async fn somebody_who_comes_in_two_ways_at_once_is_one_owner() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { person(&store, tenant, 1001).await })
        })
        .collect();
    let mut owners = vec![];
    for task in tasks {
        owners.push(task.await.unwrap());
    }
    assert!(owners.iter().all(|owner| *owner == owners[0]), "{owners:?}");
    assert_eq!(person(&store, tenant, 1001).await, owners[0]);
    assert_ne!(person(&store, tenant, 1002).await, owners[0]);
    assert_eq!(count(&store, tenant, "owners").await, 2, "no owner is left over");
    database.drop().await;
}

#[tokio::test]
async fn a_name_and_a_chat_are_remembered_and_the_name_is_sealed() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = person(&store, tenant, 1001).await;
    assert!(store.chat_of(tenant, owner).await.unwrap().is_none());
    assert!(store.telegram_name_of(tenant, owner).await.unwrap().is_none());
    store.remember_telegram_person(tenant, owner, None, "Ada").await.unwrap();
    assert!(store.chat_of(tenant, owner).await.unwrap().is_none(), "a group is no private chat");
    store.remember_telegram_person(tenant, owner, Some(1001), "Ada L").await.unwrap();
    store.remember_telegram_person(tenant, owner, None, "Ada L").await.unwrap();
    let name = store.telegram_name_of(tenant, owner).await.unwrap().unwrap();
    assert_eq!(name.expose_secret(), "Ada L");
    assert_eq!(count(&store, tenant, "telegram_people where position('Ada'::bytea in sealed_name) > 0").await, 0);
    let chat = store.chat_of(tenant, owner).await.unwrap().unwrap();
    assert_eq!((chat.id, chat.blocked), (1001, false));

    store.mark_blocked(tenant, owner, true).await.unwrap();
    store.remember_telegram_person(tenant, owner, None, "Ada L").await.unwrap();
    assert!(store.chat_of(tenant, owner).await.unwrap().unwrap().blocked, "writing in a group takes nothing back");
    store.remember_telegram_person(tenant, owner, Some(1001), "Ada L").await.unwrap();
    assert!(!store.chat_of(tenant, owner).await.unwrap().unwrap().blocked, "whoever writes has not blocked the bot");
    database.drop().await;
}

#[tokio::test]
async fn a_repeated_update_is_known_before_and_after_it_was_handled() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = person(&store, tenant, 1001).await;
    let ignored = NewUpdate { update_id: 3, content: None };
    let updates = [update(1, owner), update(2, owner), ignored];
    assert_eq!(store.write_down_updates(tenant, &updates, noon()).await.unwrap(), [1, 2, 3]);
    assert!(store.write_down_updates(tenant, &updates, noon()).await.unwrap().is_empty());
    let claimed = store.claim_updates(tenant, 10, LEASE, &[]).await.unwrap();
    assert_eq!(claimed[0].content.as_ref().unwrap().as_slice(), b"what 1 says");
    assert!(finish(&store, tenant, &claimed[0]).await);
    assert!(!finish(&store, tenant, &claimed[0]).await, "once");
    assert!(store.write_down_updates(tenant, &updates[..1], noon()).await.unwrap().is_empty());
    assert_eq!(ids(&store.claim_updates(tenant, 10, LEASE, &[]).await.unwrap()), [2]);
    database.drop().await;
}

#[tokio::test]
async fn what_an_update_says_is_sealed_and_gone_once_it_was_handled() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = person(&store, tenant, 1001).await;
    store.write_down_updates(tenant, &[update(1, owner)], noon()).await.unwrap();
    assert_eq!(count(&store, tenant, "telegram_updates where position('says'::bytea in sealed) > 0").await, 0);
    assert_eq!(count(&store, tenant, "telegram_updates where sealed is not null").await, 1);
    let claimed = store.claim_updates(tenant, 1, LEASE, &[]).await.unwrap();
    finish(&store, tenant, &claimed[0]).await;
    assert_eq!(count(&store, tenant, "telegram_updates where sealed is not null").await, 0);
    assert_eq!(store.sweep_updates(tenant, noon()).await.unwrap(), 0);
    assert_eq!(store.sweep_updates(tenant, noon() + TimeDelta::seconds(1)).await.unwrap(), 1);
    database.drop().await;
}

#[tokio::test]
async fn one_person_waits_for_their_turn_and_nobody_waits_for_another() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let (ada, bob) = (person(&store, tenant, 1).await, person(&store, tenant, 2).await);
    let updates = [update(10, ada), update(11, ada), update(12, bob), update(13, ada), update(14, bob)];
    store.write_down_updates(tenant, &updates, noon()).await.unwrap();
    let first = store.claim_updates(tenant, 10, LEASE, &[]).await.unwrap();
    assert_eq!(ids(&first), [10, 12]);
    assert!(store.claim_updates(tenant, 10, LEASE, &[]).await.unwrap().is_empty(), "both are being answered");
    finish(&store, tenant, &first[0]).await;
    assert_eq!(ids(&store.claim_updates(tenant, 10, LEASE, &[]).await.unwrap()), [11]);
    finish(&store, tenant, &first[1]).await;
    assert_eq!(ids(&store.claim_updates(tenant, 10, LEASE, &[]).await.unwrap()), [14]);
    database.drop().await;
}

#[tokio::test]
async fn whoever_holds_an_update_does_not_take_it_up_again_though_its_lease_ran_out() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let (ada, bob) = (person(&store, tenant, 1).await, person(&store, tenant, 2).await);
    store.write_down_updates(tenant, &[update(10, ada), update(11, ada), update(12, bob)], noon()).await.unwrap();
    let claimed = store.claim_updates(tenant, 1, Duration::ZERO, &[]).await.unwrap();
    assert_eq!((ids(&claimed), claimed[0].starts), (vec![10], 1));
    assert_eq!(
        ids(&store.claim_updates(tenant, 10, LEASE, &[10]).await.unwrap()),
        [12],
        "nor what is to come after it"
    );
    let taken_over = store.claim_updates(tenant, 10, LEASE, &[12]).await.unwrap();
    assert_eq!((ids(&taken_over), taken_over[0].starts), (vec![10], 2), "somebody else may");
    database.drop().await;
}

#[tokio::test]
async fn claims_made_at_once_never_overlap_and_keep_everybodys_order() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let mut updates = vec![];
    for user in 0..5 {
        let owner = person(&store, tenant, user).await;
        updates.extend((0..6).map(|turn| update(turn * 5 + user, owner)));
    }
    store.write_down_updates(tenant, &updates, noon()).await.unwrap();
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut mine = vec![];
                while count(&store, tenant, "telegram_updates where handled_at is null").await > 0 {
                    for update in store.claim_updates(tenant, 2, LEASE, &[]).await.unwrap() {
                        assert_eq!(update.starts, 1);
                        // Among those handled before, none of the same person may be later than this one.
                        let later = format!(
                            "telegram_updates where owner = '{}' and update_id > {} and handled_at is not null",
                            update.owner, update.update_id
                        );
                        assert_eq!(count(&store, tenant, &later).await, 0);
                        assert!(finish(&store, tenant, &update).await);
                        mine.push(update.update_id);
                    }
                }
                mine
            })
        })
        .collect();
    let mut all = vec![];
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, (0..30).collect::<Vec<_>>());
    database.drop().await;
}

#[tokio::test]
async fn what_a_crash_left_is_handled_again_and_the_first_start_has_no_say_any_more() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = person(&store, tenant, 1).await;
    store.write_down_updates(tenant, &[update(1, owner), update(2, owner)], noon()).await.unwrap();
    // A lease of no length has run out by the time anybody looks.
    let crashed = store.claim_updates(tenant, 1, Duration::ZERO, &[]).await.unwrap();
    let again = store.claim_updates(tenant, 10, LEASE, &[]).await.unwrap();
    assert_eq!((ids(&again), again[0].starts), (vec![1], 2));
    assert!(!finish(&store, tenant, &crashed[0]).await);
    store.renew_updates(tenant, &[(1, crashed[0].starts)], Duration::ZERO).await.unwrap();
    assert!(store.claim_updates(tenant, 10, LEASE, &[]).await.unwrap().is_empty(), "a lost lease renews nothing");
    store.renew_updates(tenant, &[(1, again[0].starts)], Duration::ZERO).await.unwrap();
    let third = store.claim_updates(tenant, 10, LEASE, &[]).await.unwrap();
    assert_eq!(third[0].starts, 3);
    assert!(finish(&store, tenant, &third[0]).await);
    database.drop().await;
}

#[tokio::test]
async fn an_outage_costs_no_start_and_a_failure_does() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = person(&store, tenant, 1).await;
    store.write_down_updates(tenant, &[update(1, owner), update(2, owner)], noon()).await.unwrap();
    let start_and_put_back = async |counts| {
        let claimed = store.claim_updates(tenant, 10, LEASE, &[]).await.unwrap();
        assert_eq!(ids(&claimed), [1]);
        store.put_back_update(tenant, 1, claimed[0].starts, Duration::ZERO, counts).await.unwrap();
        claimed[0].starts
    };
    for (counts, start) in [(false, 1), (false, 1), (true, 1), (true, 2), (false, 3), (true, 3)] {
        assert_eq!(start_and_put_back(counts).await, start);
    }
    store.put_back_update(tenant, 1, 3, LEASE, true).await.unwrap();
    assert!(
        store.claim_updates(tenant, 10, LEASE, &[]).await.unwrap().is_empty(),
        "it rests, and the next waits its turn"
    );
    database.drop().await;
}

#[tokio::test]
async fn a_damaged_key_costs_its_owner_an_update_and_nobody_else() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let (ada, bob) = (person(&store, tenant, 1).await, person(&store, tenant, 2).await);
    store.write_down_updates(tenant, &[update(1, ada), update(2, bob)], noon()).await.unwrap();
    let mut owner = database.owner().await;
    sqlx::query("select set_config('app.tenants', $1, false)")
        .bind(format!("{{{tenant}}}"))
        .execute(&mut owner)
        .await
        .unwrap();
    let damage = "update keys.owner_keys set wrapped = 'damaged' where owner = $1";
    assert_eq!(sqlx::query(damage).bind(ada.uuid()).execute(&mut owner).await.unwrap().rows_affected(), 1);
    let claimed = store.claim_updates(tenant, 10, LEASE, &[]).await.unwrap();
    assert_eq!(ids(&claimed), [1, 2]);
    assert!(claimed[0].content.is_none());
    assert_eq!(claimed[1].content.as_ref().unwrap().as_slice(), b"what 2 says");
    database.drop().await;
}

#[tokio::test]
async fn a_seat_whose_connection_has_fallen_silent_is_not_kept() {
    let database = Database::create().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let through = database.serving.clone().host("127.0.0.1").port(listener.local_addr().unwrap().port());
    let postgres = format!("{}:{}", database.serving.get_host(), database.serving.get_port());
    // Nobody hangs up: the connection just carries nothing any more, as when a line is cut.
    let wire = tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = tokio::net::TcpStream::connect(postgres).await.unwrap();
        let (cut, mut is_cut) = tokio::sync::oneshot::channel::<()>();
        let carrying = tokio::spawn(async move {
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                _ = &mut is_cut => {}
            }
            (near, far)
        });
        (cut, carrying)
    });
    let store = Store::open(through, support::keyring());
    let mut seat = store.take_bot_seat().await.unwrap().unwrap();
    seat.keep(SEAT).await.unwrap();
    let (cut, carrying) = wire.await.unwrap();
    cut.send(()).unwrap();
    let ends = carrying.await.unwrap();
    let patience = Duration::from_secs(10);
    assert!(tokio::time::timeout(patience, seat.keep(SEAT)).await.expect("it must not hang").is_err());
    tokio::time::timeout(patience, seat.leave()).await.expect("nor on leaving");
    drop(ends);
    database.drop().await;
}

#[tokio::test]
async fn the_seat_is_free_again_when_its_holder_is_gone() {
    let database = Database::create().await;
    let (one, other) = (database.store(), database.store());
    let mut seat = one.take_bot_seat().await.unwrap().unwrap();
    seat.keep(SEAT).await.unwrap();
    assert!(other.take_bot_seat().await.unwrap().is_none());
    assert!(one.take_bot_seat().await.unwrap().is_none(), "not twice in one process either");
    drop(seat);
    let mut taken = None;
    for _ in 0..100 {
        taken = other.take_bot_seat().await.unwrap();
        if taken.is_some() {
            break;
        }
        tokio::task::yield_now().await;
    }
    taken.unwrap().leave().await;
    database.drop().await;
}

#[tokio::test]
async fn a_waiting_message_is_taken_only_as_long_as_it_waits_for_the_same() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let integration = connected(&store, tenant, owner, noon()).await;
    let waiting = LiveMessage {
        chat_id: 5,
        message_id: 6,
        owner,
        shows: Shows::Inbox { integration, page: 2 },
        asked_at: noon(),
        shown: 0,
    };
    store.put_live_message(tenant, &waiting).await.unwrap();
    let states = store.live_messages(tenant).await.unwrap();
    assert_eq!(states[0].message, waiting);
    assert_eq!((states[0].status, states[0].checked_at, states[0].stored), (Some(Status::Active), None, 0));
    let turned = LiveMessage {
        shows: Shows::Inbox { integration, page: 3 },
        asked_at: noon() + TimeDelta::seconds(1),
        ..waiting.clone()
    };
    store.put_live_message(tenant, &turned).await.unwrap();
    assert!(!store.take_live_message(tenant, &waiting).await.unwrap());
    assert!(store.take_live_message(tenant, &turned).await.unwrap());
    let ended = LiveMessage { shows: Shows::Revocation { integration }, ..turned };
    store.put_live_message(tenant, &ended).await.unwrap();
    assert_eq!(store.live_messages(tenant).await.unwrap()[0].message.shows, Shows::Revocation { integration });
    store.forget_live_message(tenant, 5, 6).await.unwrap();
    assert!(store.live_messages(tenant).await.unwrap().is_empty());
    database.drop().await;
}

#[tokio::test]
async fn a_page_of_the_inbox_is_newest_first_and_says_how_old_it_is() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let owner = new_owner(&database, tenant).await;
    let integration = connected(&store, tenant, owner, noon()).await;
    let empty = store.inbox_page(tenant, integration, 0, 5).await.unwrap();
    assert!(empty.checked_at.is_none() && empty.messages.is_empty() && empty.total == 0);

    let key = store.integration_key(tenant, integration).await.unwrap().unwrap();
    let row = |number: i64| {
        let content = MailContent {
            from: "Ada".to_owned(),
            subject: format!("Mail {number}"),
            snippet: String::new(),
            unread: number % 2 == 0,
        };
        let received_at = noon() + TimeDelta::minutes(number);
        content.seal(&key, tenant, integration, format!("id{number}"), received_at).unwrap()
    };
    let sync = Uuid::new_v4();
    let underway = Underway {
        sync,
        reaches: Some(9),
        page_token: None,
        listed: 12,
        added: 12,
        updated: 0,
        removed: 0,
        batches: 1,
    };
    let record = async |underway: Option<Underway>, checked_at, mut rows: Vec<Change>| {
        rows.push(MailProgress { cursor: None, underway }.seal(&key, tenant, integration, checked_at).unwrap());
        let command =
            Command::RecordMail { mode: FetchMode::Full, added: 1, updated: 0, removed: 0, cursor: String::new() };
        let request = Request { changes: rows, ..Request::new(context(tenant), noon(), integration, command) };
        store.execute(&request).await.unwrap();
    };
    let rows = (0..12).map(row).collect();
    record(Some(underway), None, vec![Change::PutMail { integration, sync, rows }]).await;
    let page = store.inbox_page(tenant, integration, 5, 5).await.unwrap();
    let subjects: Vec<_> = page.messages.iter().map(|message| message.content.subject.as_str()).collect();
    assert_eq!(subjects, ["Mail 6", "Mail 5", "Mail 4", "Mail 3", "Mail 2"]);
    assert!(page.messages[0].content.unread && !page.messages[1].content.unread);
    assert_eq!((page.total, page.stored, page.batches, page.checked_at), (12, 12, 1, None));

    let checked_at = noon() + TimeDelta::seconds(30);
    record(None, Some(checked_at), vec![]).await;
    let page = store.inbox_page(tenant, integration, 0, 1).await.unwrap();
    assert_eq!((page.checked_at, page.stored, page.total), (Some(checked_at), 0, 12));
    database.drop().await;
}
