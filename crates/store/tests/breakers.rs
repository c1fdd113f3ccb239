//! Breakers are written by whoever has read them last, and seen by nobody else's tenant.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use bellhop_domain::{IntegrationId, Provider, TenantId};
use bellhop_store::{BreakerKey, BreakerState, Store};
use chrono::TimeDelta;
use serde_json::json;
use support::{Database, another_tenant, default_tenant, noon};
use uuid::Uuid;

fn key(account: Option<(TenantId, IntegrationId)>) -> BreakerKey {
    BreakerKey { provider: Provider::Google, service: "mail", account }
}

fn state(number: u32) -> BreakerState {
    BreakerState { state: json!({ "number": number }), open_since: (number > 1).then(noon), at: noon() }
}

async fn numbers(store: &Store, tenant: TenantId) -> Vec<(Option<IntegrationId>, u64)> {
    let rows = store.breakers(tenant).await.unwrap();
    rows.iter().map(|row| (row.integration, row.state["number"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn of_two_who_have_read_the_same_one_writes() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    for key in [key(None), key(Some((tenant, IntegrationId::new(Uuid::new_v4()))))] {
        let [first, second, third] = [(); 3].map(|()| Uuid::new_v4());
        assert!(store.put_breaker(&key, None, first, &state(1)).await.unwrap());
        assert!(!store.put_breaker(&key, None, second, &state(2)).await.unwrap(), "it is there already");
        assert!(store.put_breaker(&key, Some(first), second, &state(2)).await.unwrap());
        assert!(!store.put_breaker(&key, Some(first), third, &state(3)).await.unwrap());
        assert!(!store.remove_breaker(&key, first).await.unwrap());
        let row = store.breakers(tenant).await.unwrap().into_iter().find(|row| row.version == second).unwrap();
        assert_eq!((row.state, row.integration), (state(2).state, key.account.map(|(_, integration)| integration)));
        assert!(store.remove_breaker(&key, second).await.unwrap());
        assert!(!store.put_breaker(&key, Some(second), third, &state(3)).await.unwrap(), "it has gone meanwhile");
        assert!(store.breakers(tenant).await.unwrap().is_empty());
    }
    database.drop().await;
}

#[tokio::test]
async fn a_provider_is_everybodys_and_an_account_its_tenants_alone() {
    let database = Database::create().await;
    let store = database.store();
    let one = default_tenant(&store).await;
    let other = another_tenant(&database, "other").await;
    let integration = IntegrationId::new(Uuid::new_v4());
    let version = Uuid::new_v4();
    assert!(store.put_breaker(&key(None), None, Uuid::new_v4(), &state(1)).await.unwrap());
    assert!(store.put_breaker(&key(Some((one, integration))), None, version, &state(2)).await.unwrap());
    assert_eq!(numbers(&store, one).await, [(None, 1), (Some(integration), 2)]);
    assert_eq!(numbers(&store, other).await, [(None, 1)]);
    let theirs = key(Some((other, integration)));
    assert!(!store.put_breaker(&theirs, Some(version), Uuid::new_v4(), &state(3)).await.unwrap());
    assert!(!store.remove_breaker(&theirs, version).await.unwrap());
    database.drop().await;
}

#[tokio::test]
async fn what_nobody_has_touched_for_a_day_is_swept() {
    let database = Database::create().await;
    let store = database.store();
    let tenant = default_tenant(&store).await;
    let account = key(Some((tenant, IntegrationId::new(Uuid::new_v4()))));
    for key in [key(None), account] {
        assert!(store.put_breaker(&key, None, Uuid::new_v4(), &state(2)).await.unwrap());
    }
    assert_eq!(store.sweep_breakers(noon() + TimeDelta::hours(24)).await.unwrap(), 0);
    assert_eq!(store.sweep_breakers(noon() + TimeDelta::hours(25)).await.unwrap(), 2);
    assert!(store.breakers(tenant).await.unwrap().is_empty());
    database.drop().await;
}
