//! Views, built beside the live ones and switched to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bellhop_domain::{JobFailure, JobKind};
use bellhop_store::Difference;

use super::*;

const WRITERS: u128 = 8;

impl House {
    async fn catch_up_tallies(&self, events: i64) {
        let give_up = Instant::now() + PATIENCE;
        loop {
            while self.store.advance_tallies().await.unwrap() > 0 {}
            // Transactions of other tests in the same cluster hold the reader back.
            if self.store.tallies().await.unwrap().values().sum::<i64>() >= events {
                return;
            }
            assert!(Instant::now() < give_up, "events are not counted");
        }
    }

    async fn views_agree(&self) {
        for tenant in self.store.tenants().await.unwrap() {
            self.store.verify_views(tenant).await.unwrap().unwrap();
        }
    }

    fn fail(&self, integration: IntegrationId, number: u128) -> Request {
        let command = Command::FailJob {
            job: bellhop_domain::JobId::new(Uuid::from_u128(number)),
            kind: JobKind::FetchMail,
            attempt: 1,
            reason: JobFailure::ProviderTimeout,
        };
        Request::new(context(self.tenant), noon(), integration, command)
    }
}

#[tokio::test]
async fn views_are_built_from_the_log_alone_and_nothing_of_the_old_ones_stays() {
    let house = House::open().await;
    let elsewhere = another_tenant(&house.database, "elsewhere").await;
    house.another_account(elsewhere).await;
    let erased = house.another_account(house.tenant).await;
    house.execute(erased, Command::Disconnect { shared_account: true }).await;
    house.execute(erased, Command::Erase).await;
    house.catch_up_tallies(8).await;
    let shown = "select id, tenant, owner, provider, status, generation, scopes, granted, missing, expires_at,
                     refreshed_at, connected_at, reason, version
                 from integrations order by id";
    let (before, counted) = (house.rows(shown).await, house.store.tallies().await.unwrap());
    for change in [
        "update integrations set status = 'expired', connected_at = null",
        "update integrations set version = 1",
        "delete from integrations",
        "update integrations set id = gen_random_uuid()",
        "update tallies set events = events + 1",
        "delete from tallies",
        "insert into tallies select view_version, tenant, 'Unheard', events, last_at from tallies limit 1",
    ] {
        house.meddle(change).await;
        let verified = [house.store.verify_views(house.tenant).await, house.store.verify_views(elsewhere).await];
        let difference = verified.into_iter().find_map(|verified| verified.unwrap().err());
        assert_eq!(matches!(difference, Some(Difference::Tally(_))), change.contains("tallies"), "{change}");
        assert!(difference.is_some(), "{change}");
        let built = house.build().await.unwrap();
        assert_eq!(built.integrations, 3, "{change}");
        assert_eq!(house.rows(shown).await, before, "{change}");
        house.catch_up_tallies(8).await;
        assert_eq!(house.store.tallies().await.unwrap(), counted, "{change}");
        let versions = "select distinct view_version from integrations union select view_version from tallies";
        assert_eq!(house.rows(versions).await.len(), 1, "{change}");
        house.agrees().await;
    }
    // The reader of the log goes on from where the rebuilt view stands.
    house.execute(house.integration, Command::Disconnect { shared_account: true }).await;
    house.catch_up_tallies(9).await;
    assert_eq!(house.store.tallies().await.unwrap().values().sum::<i64>(), 9);
    assert_eq!(house.number("select count(*) from checkpoints").await, 1);
    house.agrees().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_while_a_view_is_built_is_in_it() {
    let house = House::open().await;
    let another = house.another_account(house.tenant).await;
    let (first, last) = (house.integration.min(another), house.integration.max(another));
    house.set_gate("integrations", &format!("new.view_version = 2 and new.id = '{last}'")).await;
    let gate = house.shut_gate().await;
    let mut rebuild = house.rebuild().await;
    let building = tokio::spawn(async move { rebuild.views().await });
    house.until_waiting(1, || building.is_finished()).await;
    // The first one is built already.
    house.execute(first, Command::Disconnect { shared_account: true }).await;
    let newcomer = house.another_account(house.tenant).await;
    gate.close().await.unwrap();
    assert_eq!(building.await.unwrap().unwrap().version, 2);
    let row = house.store.integration(house.tenant, first).await.unwrap().unwrap();
    assert_eq!(row.status, bellhop_domain::Status::Disconnected);
    assert!(house.store.integration(house.tenant, newcomer).await.unwrap().is_some());
    house.views_agree().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_switch_waits_for_a_writer_that_is_on_its_way_to_the_old_version() {
    let house = House::open().await;
    // The last thing a unit writes: its row in the view is written, and not committed.
    house.set_gate("commands", "true").await;
    let gate = house.shut_gate().await;
    let disconnect = {
        let (store, tenant, integration) = (house.store.clone(), house.tenant, house.integration);
        let command = Command::Disconnect { shared_account: true };
        tokio::spawn(async move {
            store.execute(&Request::new(context(tenant), noon(), integration, command)).await.unwrap();
        })
    };
    house.until_waiting(1, || false).await;
    let mut rebuild = house.rebuild().await;
    let building = tokio::spawn(async move { rebuild.views().await });
    house.until_waiting(2, || building.is_finished()).await;
    gate.close().await.unwrap();
    disconnect.await.unwrap();
    building.await.unwrap().unwrap();
    let row = house.store.integration(house.tenant, house.integration).await.unwrap().unwrap();
    assert_eq!(row.status, bellhop_domain::Status::Disconnected);
    house.views_agree().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_of_eight_writers_is_lost_by_rebuilds_under_their_hands() {
    let house = House::open().await;
    let done = Arc::new(AtomicBool::new(false));
    let mut writers = vec![];
    for writer in 0..WRITERS {
        let integration = house.another_account(house.tenant).await;
        let (store, done) = (house.store.clone(), Arc::clone(&done));
        let requests: Vec<_> = (0..1000).map(|turn| house.fail(integration, writer * 1000 + turn)).collect();
        writers.push(tokio::spawn(async move {
            for request in requests {
                if done.load(Ordering::SeqCst) {
                    break;
                }
                store.execute(&request).await.unwrap();
                store.advance_tallies().await.unwrap();
            }
        }));
    }
    for version in 2..=6 {
        assert_eq!(house.build().await.unwrap().version, version);
        house.views_agree().await;
    }
    done.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    house.agrees().await;
    let events = house.number("select count(*) from events").await;
    house.catch_up_tallies(events).await;
    assert_eq!(house.store.tallies().await.unwrap().values().sum::<i64>(), events);
    house.agrees().await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_that_died_half_way_is_begun_again_and_leaves_nothing_behind() {
    let house = House::open().await;
    let another = house.another_account(house.tenant).await;
    let (first, last) = (house.integration.min(another), house.integration.max(another));
    house.set_gate("integrations", &format!("new.view_version = 2 and new.id = '{last}'")).await;
    let gate = house.shut_gate().await;
    let mut rebuild = house.rebuild().await;
    let building = tokio::spawn(async move { rebuild.views().await });
    house.until_waiting(1, || building.is_finished()).await;
    building.abort();
    assert!(building.await.unwrap_err().is_cancelled());
    assert_eq!(house.number("select count(*) from integrations where view_version = 2").await, 1);
    house.agrees().await;
    // As if its view of the log had been another one.
    house
        .meddle(&format!("update integrations set status = 'expired' where view_version = 2 and id = '{first}'"))
        .await;
    house.meddle("insert into tallies select 2, tenant, 'Erased', 7, now() from integrations limit 1").await;
    gate.close().await.unwrap();
    house.meddle("drop trigger gate on integrations").await;
    let give_up = Instant::now() + PATIENCE;
    let mut rebuild = loop {
        if let Some(rebuild) = house.store.begin_rebuild().await.unwrap() {
            break rebuild;
        }
        assert!(Instant::now() < give_up, "the dead one keeps its turn");
    };
    assert_eq!(rebuild.views().await.unwrap().version, 2);
    assert_eq!(house.number("select count(*) from integrations").await, 2);
    house.agrees().await;
    house.close().await;
}

#[tokio::test]
async fn the_serving_role_can_only_have_a_known_view_moved_forward() {
    let house = House::open().await;
    let pool = house.store.pool();
    let error = sqlx::query("update view_versions set live = 2").execute(pool).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("42501"));
    let moved = |view: &'static str, version: i32| async move {
        let query = sqlx::query_scalar::<_, bool>("select move_view($1, $2)");
        query.bind(view).bind(version).fetch_one(pool).await.unwrap()
    };
    assert!(!moved("integrations", 1).await);
    assert!(!moved("integrations", 0).await);
    assert!(!moved("jobs", 2).await);
    assert!(moved("integrations", 2).await);
    assert_eq!(house.number("select sum(live) from view_versions").await, 3);
    house.close().await;
}
