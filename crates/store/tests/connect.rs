//! Links, states, finish codes and codes work once, whoever else tries at the same moment.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail by panicking")]

mod support;

use bellhop_domain::{AttemptId, Capability, Command, IntegrationId, OwnerId, Provider, TenantId};
use bellhop_store::{
    ApiKey, Attempt, BroughtBack, Change, ConnectLink, DataKey, ExecuteError, NewAttempt, Request, Store, StoreError,
    plain_hash, seal_verifier,
};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use support::{Database, both, context, default_tenant, new_command, new_owner, noon};
use tokio::task::JoinSet;
use uuid::Uuid;

/// How many try at once.
const RIVALS: usize = 12;

struct Scene {
    database: Database,
    store: Store,
    tenant: TenantId,
    owner: OwnerId,
}

impl Scene {
    async fn set() -> Self {
        let database = Database::create().await;
        let store = database.store();
        let tenant = default_tenant(&store).await;
        let owner = new_owner(&database, tenant).await;
        Self { database, store, tenant, owner }
    }

    /// Links that are called after it carry a program's state.
    async fn program_state(&self, token: &str) -> Option<Vec<u8>> {
        let state = token.strip_prefix("program ")?.into();
        let hash = plain_hash(token.as_bytes());
        Some(self.store.seal_program_state(self.tenant, self.owner, hash, &state).await.unwrap())
    }

    async fn link(&self, token: &str, at: DateTime<Utc>) -> ConnectLink {
        let link = ConnectLink {
            hash: plain_hash(token.as_bytes()),
            tenant: self.tenant,
            owner: self.owner,
            provider: Provider::Google,
            reconnects: None,
            asked: token.starts_with("calendar").then(|| [Capability::Calendar].into()),
            created_at: at,
            expires_at: at + TimeDelta::minutes(10),
            used_at: None,
            sealed_program_state: self.program_state(token).await,
        };
        self.store.add_connect_link(&link).await.unwrap();
        link
    }

    /// The request that begins a walk with this link, with the key of its integration.
    fn start(&self, link: &ConnectLink, name: &str, at: DateTime<Utc>) -> (AttemptId, DataKey, Request) {
        let integration = IntegrationId::new(Uuid::new_v4());
        let id = AttemptId::new(Uuid::new_v4());
        let (key, put_key) = self.store.make_integration_key(self.tenant, integration).unwrap();
        let verifier = format!("verifier {name}").into();
        let attempt = NewAttempt {
            id,
            link_hash: link.hash,
            owner: self.owner,
            integration,
            reconnects: false,
            asked: link.asked.clone(),
            provider: Provider::Google,
            state_hash: plain_hash(format!("state {name}").as_bytes()),
            cookie_hash: plain_hash(format!("cookie {name}").as_bytes()),
            nonce_hash: plain_hash(format!("nonce {name}").as_bytes()),
            redirect_uri: "http://127.0.0.1/oauth/google/callback".to_owned(),
            sealed_verifier: seal_verifier(&key, self.tenant, integration, id, &verifier).unwrap(),
            created_at: at,
            expires_at: at + TimeDelta::minutes(10),
        };
        let command =
            Command::StartAuthorization { owner: self.owner, provider: Provider::Google, attempt: id, asked: both() };
        let request = Request {
            changes: vec![put_key, Change::BeginAttempt(Box::new(attempt))],
            needs_events: true,
            ..Request::new(context(self.tenant), at, integration, command)
        };
        (id, key, request)
    }

    async fn walk(&self, name: &str, at: DateTime<Utc>) -> (Attempt, DataKey) {
        let link = self.link(name, at).await;
        let (id, key, request) = self.start(&link, name, at);
        self.store.execute(&request).await.unwrap();
        (self.store.attempt(self.tenant, id).await.unwrap().unwrap(), key)
    }

    /// A walk whose browser has come back.
    async fn returned(&self, name: &str, at: DateTime<Utc>) -> (Attempt, DataKey) {
        let (attempt, key) = self.walk(name, at).await;
        let brought = brought(&attempt, &key, name, at);
        assert!(self.store.take_state(&attempt, state(name), Some(&brought), at).await.unwrap());
        (self.store.attempt(self.tenant, attempt.id).await.unwrap().unwrap(), key)
    }

    async fn count(&self, table: &str) -> i64 {
        let mut owner = self.database.owner().await;
        let sql = format!("select count(*) from {table}");
        sqlx::query("select set_config('app.tenants', $1, false)")
            .bind(format!("{{{}}}", self.tenant))
            .execute(&mut owner)
            .await
            .unwrap();
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut owner).await.unwrap()
    }

    async fn end(self) {
        drop(self.store);
        self.database.drop().await;
    }
}

fn state(name: &str) -> [u8; 32] {
    plain_hash(format!("state {name}").as_bytes())
}

fn finish(name: &str) -> [u8; 32] {
    plain_hash(format!("finish {name}").as_bytes())
}

fn brought(attempt: &Attempt, key: &DataKey, name: &str, at: DateTime<Utc>) -> BroughtBack {
    BroughtBack {
        sealed_code: attempt.seal_code(key, &format!("code {name}").into()).unwrap(),
        finish_hash: finish(name),
        finish_expires_at: at + TimeDelta::minutes(5),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_begins_one_walk_however_many_press_at_once() {
    let scene = Scene::set().await;
    let link = scene.link("link", noon()).await;
    let mut rivals = JoinSet::new();
    for number in 0..RIVALS {
        let (_, _, request) = scene.start(&link, &number.to_string(), noon());
        let store = scene.store.clone();
        rivals.spawn(async move { store.execute(&request).await });
    }
    let results = rivals.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for error in results.into_iter().filter_map(Result::err) {
        assert!(matches!(error, ExecuteError::Store(StoreError::Contended)), "{error}");
    }
    assert_eq!(scene.count("authorization_attempts").await, 1);
    assert_eq!(scene.count("events").await, 1);
    assert_eq!(scene.count("keys.integration_keys").await, 1);
    assert_eq!(scene.store.connect_link(link.hash).await.unwrap().unwrap().used_at, Some(noon()));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_begins_one_walk_among_many_that_begin_at_once() {
    let scene = Scene::set().await;
    for round in 0..12 {
        let link = scene.link(&format!("link {round}"), noon()).await;
        let mut others = JoinSet::new();
        let mut rivals = JoinSet::new();
        // What others begin keeps the lanes busy, so that rivals wait and are taken together.
        for number in 0..24 {
            let other = scene.link(&format!("other {round} {number}"), noon()).await;
            let (_, _, request) = scene.start(&other, &format!("other {round} {number}"), noon());
            let store = scene.store.clone();
            others.spawn(async move { store.execute(&request).await });
        }
        for number in 0..6 {
            let (_, _, request) = scene.start(&link, &format!("rival {round} {number}"), noon());
            let store = scene.store.clone();
            rivals.spawn(async move { store.execute(&request).await });
        }
        let won = rivals.join_all().await.into_iter().flatten().count();
        assert_eq!(won, 1, "in round {round}");
        assert!(others.join_all().await.into_iter().all(|other| other.is_ok()), "in round {round}");
    }
    scene.end().await;
}

#[tokio::test]
async fn what_a_link_asks_for_goes_along_with_its_walk() {
    let scene = Scene::set().await;
    for (name, asked) in [("calendar alone", Some([Capability::Calendar].into())), ("everything", None)] {
        let (attempt, _) = scene.walk(name, noon()).await;
        assert_eq!(attempt.asked, asked, "{name}");
        let link = scene.store.connect_link(plain_hash(name.as_bytes())).await.unwrap().unwrap();
        assert_eq!(link.asked, asked, "{name}");
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_taken_once() {
    let scene = Scene::set().await;
    let (attempt, key) = scene.walk("walk", noon()).await;
    let mut rivals = JoinSet::new();
    for number in 0..RIVALS {
        let brought = brought(&attempt, &key, &number.to_string(), noon());
        let (store, attempt) = (scene.store.clone(), attempt.clone());
        rivals.spawn(async move { store.take_state(&attempt, state("walk"), Some(&brought), noon()).await.unwrap() });
    }
    assert_eq!(rivals.join_all().await.into_iter().filter(|taken| *taken).count(), 1);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_is_not_taken_late_nor_by_another_state() {
    let scene = Scene::set().await;
    let (attempt, _) = scene.walk("walk", noon()).await;
    let late = noon() + TimeDelta::minutes(10);
    assert!(!scene.store.take_state(&attempt, state("walk"), None, late).await.unwrap());
    assert!(!scene.store.take_state(&attempt, state("other"), None, noon()).await.unwrap());
    assert!(scene.store.take_state(&attempt, state("walk"), None, noon()).await.unwrap());
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finish_code_is_taken_once_and_not_after_five_minutes() {
    let scene = Scene::set().await;
    let (attempt, _) = scene.returned("walk", noon()).await;
    let late = noon() + TimeDelta::minutes(5);
    assert!(!scene.store.take_finish_code(&attempt, finish("walk"), late).await.unwrap());
    assert!(!scene.store.take_finish_code(&attempt, state("walk"), noon()).await.unwrap());
    let mut rivals = JoinSet::new();
    for _ in 0..RIVALS {
        let (store, attempt) = (scene.store.clone(), attempt.clone());
        rivals.spawn(async move { store.take_finish_code(&attempt, finish("walk"), noon()).await.unwrap() });
    }
    assert_eq!(rivals.join_all().await.into_iter().filter(|taken| *taken).count(), 1);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_handed_out_for_one_exchange_and_then_forgotten() {
    let scene = Scene::set().await;
    let (attempt, key) = scene.returned("walk", noon()).await;
    let key = std::sync::Arc::new(key);
    let mut rivals = JoinSet::new();
    for _ in 0..RIVALS {
        let (store, attempt, key) = (scene.store.clone(), attempt.clone(), key.clone());
        rivals.spawn(async move { store.begin_exchange(&attempt, &key, noon()).await.unwrap() });
    }
    let secrets: Vec<_> = rivals.join_all().await.into_iter().flatten().collect();
    assert_eq!(secrets.len(), 1);
    assert_eq!(secrets[0].code.expose_secret(), "code walk");
    assert_eq!(secrets[0].verifier.expose_secret(), "verifier walk");
    assert_eq!(scene.count("authorization_attempts where sealed_code is not null").await, 0);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_either_exchanged_or_discarded() {
    let scene = Scene::set().await;
    let later = noon() + TimeDelta::minutes(5);
    let discard =
        async |attempt: &Attempt, name, at| scene.store.discard_code(attempt, finish(name), at).await.unwrap();

    let (stolen, key) = scene.returned("stolen", noon()).await;
    assert!(!discard(&stolen, "other", noon()).await);
    assert!(discard(&stolen, "stolen", noon()).await);
    assert!(scene.store.begin_exchange(&stolen, &key, noon()).await.unwrap().is_none());
    // A crash before the walk was ended: the message is handled again, however late.
    assert!(discard(&stolen, "stolen", later).await);

    let (used, key) = scene.returned("used", noon()).await;
    assert!(scene.store.begin_exchange(&used, &key, noon()).await.unwrap().is_some());
    assert!(!discard(&used, "used", noon()).await);

    let (late, _) = scene.returned("late", noon()).await;
    assert!(!discard(&late, "late", later).await);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_knows_the_state_of_the_program_that_asked_and_no_other() {
    let scene = Scene::set().await;
    let state = async |attempt: &Attempt| {
        let state = scene.store.program_state(attempt).await.unwrap();
        state.map(|state| state.expose_secret().to_owned())
    };
    let later = noon() + TimeDelta::seconds(1);
    let (first, _) = scene.walk("program order 7", noon()).await;
    let (second, _) = scene.walk("program order 8", later).await;
    let (without, _) = scene.walk("without", later + TimeDelta::seconds(1)).await;
    assert_eq!(state(&first).await.as_deref(), Some("order 7"));
    assert_eq!(state(&second).await.as_deref(), Some("order 8"));
    assert_eq!(state(&without).await, None);
    // At the very same moment nobody can say whose it is.
    let (twin, _) = scene.walk("program order 9", noon()).await;
    assert_eq!(state(&twin).await, None);
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_is_found_by_its_state_its_cookie_and_its_finish_code_alone() {
    let scene = Scene::set().await;
    let (attempt, _) = scene.returned("walk", noon()).await;
    scene.returned("other", noon()).await;
    for hash in [state("walk"), plain_hash(b"cookie walk"), finish("walk")] {
        assert_eq!(scene.store.find_attempt(hash).await.unwrap().unwrap().id, attempt.id);
    }
    for hash in [plain_hash(b"nonce walk"), plain_hash(b"walk"), [0; 32]] {
        assert!(scene.store.find_attempt(hash).await.unwrap().is_none());
    }
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_verifier_opens_for_its_own_walk_only() {
    let scene = Scene::set().await;
    let (one, key) = scene.walk("one", noon()).await;
    let (other, other_key) = scene.walk("other", noon()).await;
    let mut owner = scene.database.owner().await;
    sqlx::query("select set_config('app.tenants', $1, false)")
        .bind(format!("{{{}}}", scene.tenant))
        .execute(&mut owner)
        .await
        .unwrap();
    sqlx::query(
        "update authorization_attempts as a set sealed_verifier = b.sealed_verifier
         from authorization_attempts as b where a.id = $1 and b.id = $2",
    )
    .bind(one.id.uuid())
    .bind(other.id.uuid())
    .execute(&mut owner)
    .await
    .unwrap();
    drop(owner);
    let moved = scene.store.attempt(scene.tenant, one.id).await.unwrap().unwrap();
    assert!(moved.open_verifier(&key).is_err() && moved.open_verifier(&other_key).is_err());
    assert_eq!(other.open_verifier(&other_key).unwrap().expose_secret(), "verifier other");
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn walks_that_nobody_finishes_are_found_and_swept_a_day_later() {
    let scene = Scene::set().await;
    let (waiting, _) = scene.walk("waiting", noon()).await;
    let (returned, _) = scene.returned("returned", noon()).await;
    let (exchanging, key) = scene.returned("exchanging", noon()).await;
    scene.store.begin_exchange(&exchanging, &key, noon()).await.unwrap().unwrap();
    let found = async |minutes| {
        let found = scene.store.abandoned_attempts(noon() + TimeDelta::minutes(minutes), 10).await.unwrap();
        found.into_iter().map(|attempt| attempt.id).collect::<Vec<_>>()
    };
    assert_eq!(found(1).await, []);
    assert_eq!(found(6).await, [returned.id]);
    let mut both = found(11).await;
    both.sort_unstable();
    let mut expected = vec![waiting.id, returned.id];
    expected.sort_unstable();
    assert_eq!(both, expected);
    let unanswered = async |minutes| {
        let before = noon() + TimeDelta::minutes(minutes);
        scene.store.unanswered_exchanges(scene.tenant, before, 10).await.unwrap()
    };
    assert!(unanswered(0).await.is_empty());
    assert_eq!(unanswered(1).await[0].id, exchanging.id);
    // What has not ended is not deleted, whatever its age; links are.
    let tomorrow = noon() + TimeDelta::days(1);
    assert_eq!(scene.store.sweep_connect(scene.tenant, tomorrow).await.unwrap(), 3);
    for attempt in [waiting, returned, exchanging] {
        let reason = bellhop_domain::AuthorizationFailure::Abandoned;
        let command = Command::FailAuthorization { attempt: attempt.id, reason };
        let request = Request {
            changes: vec![Change::EndAttempt { attempt: attempt.id, outcome: "abandoned".to_owned() }],
            ..Request::new(context(scene.tenant), noon(), attempt.integration, command)
        };
        scene.store.execute(&request).await.unwrap();
    }
    assert_eq!(scene.store.sweep_connect(scene.tenant, tomorrow).await.unwrap(), 3);
    scene.end().await;
}

fn key(tenant: TenantId, name: &str) -> ApiKey {
    ApiKey {
        id: Uuid::new_v4(),
        tenant,
        owner: OwnerId::new(Uuid::new_v4()),
        name: name.to_owned(),
        hash: plain_hash(name.as_bytes()),
        return_url: Some("https://example.org/back".to_owned()),
        created_at: noon(),
        revoked_at: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_an_owner_of_its_own_and_stays_known_when_revoked() {
    let scene = Scene::set().await;
    let one = key(scene.tenant, "one");
    assert!(scene.store.add_api_key(&one).await.unwrap());
    let namesake = key(scene.tenant, "one");
    assert!(!scene.store.add_api_key(&namesake).await.unwrap());
    assert_eq!(scene.count("owners where kind = 'api'").await, 1);
    assert_eq!(scene.store.api_key(one.id).await.unwrap().unwrap(), one);
    assert_eq!(scene.store.api_key(namesake.id).await.unwrap(), None);
    assert_eq!(scene.store.api_key_of(scene.tenant, one.owner).await.unwrap().unwrap().id, one.id);
    assert_eq!(scene.store.api_key_of(scene.tenant, scene.owner).await.unwrap(), None);
    let elsewhere = support::another_tenant(&scene.database, "elsewhere").await;
    assert!(!scene.store.revoke_api_key(elsewhere, one.id, noon()).await.unwrap());
    assert!(scene.store.revoke_api_key(scene.tenant, one.id, noon()).await.unwrap());
    assert!(!scene.store.revoke_api_key(scene.tenant, one.id, noon()).await.unwrap());
    assert_eq!(scene.store.api_key(one.id).await.unwrap().unwrap().revoked_at, Some(noon()));
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_question_is_dated_by_the_first_time() {
    let scene = Scene::set().await;
    let command = new_command();
    let later = noon() + TimeDelta::hours(1);
    let asked = async |intent, at| scene.store.first_asked(scene.tenant, command, intent, at).await;
    assert_eq!(asked("refresh a", noon()).await.unwrap(), noon());
    assert_eq!(asked("refresh a", later).await.unwrap(), noon());
    assert!(matches!(asked("refresh b", later).await, Err(StoreError::CommandReused)));
    scene.end().await;
}
