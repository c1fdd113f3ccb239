//! Leaving alone what keeps failing: breakers for each provider and for each account of it, shared by all processes.
//!
//! Every call about a connected account goes through a passage: [`enter`] before it, [`Passage::leave`] after it with what came
//! back. Without this file an outage is hammered by every job and every person at once, spends the attempts of all of them,
//! and ends with a heap of dead letters.
//!
//! A provider's mail, calendars and endpoints for tokens have a breaker each: while no token can be renewed, mail is fetched with
//! those that are good. A provider's breaker takes failures about more than one account to open, an account's own
//! only its own: one sick mailbox holds up nobody else. `breakers/breaker.rs` says when one opens and closes; what counts as
//! failing is in `breakers/answer.rs`; how processes share what they know in `breakers/view.rs`.

mod answer;
pub mod breaker;
mod view;

use std::time::Duration;

use bellhop_domain::{IntegrationId, JobFailure, Provider, TenantId};
use bellhop_providers::{Operation, ProviderError};
use bellhop_store::{BreakerKey, Pseudonym, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use self::answer::meaning;
use self::breaker::{Admission, Answer, Breaker, Call, Open, Turn, WHILE_PROBED};
pub use self::view::View;
use self::view::scope_of;
use crate::app::App;
use crate::held::{Held, HeldBy};

/// How long somebody waits for what they found out to be written down. It is written all the same.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a passage is asked for anew, where others were faster with a probe.
const TRIES: u32 = 3;

/// For how long an account that fails by itself leaves the probes of its provider to others: with its own failure it would say
/// of the provider what is true of itself alone.
const LEFT_TO_OTHERS: TimeDelta = TimeDelta::seconds(60);

/// Which part of a provider is called. Each fails apart from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Mail.
    Mail,
    /// Calendars.
    Calendar,
    /// Exchanging codes, refreshing and revoking.
    Tokens,
}

/// What an account's own breaker is called that takes in whatever APIs say of it: few calls are made about one account.
const APIS: &str = "api";

impl Service {
    /// Every service.
    pub const ALL: [Self; 3] = [Self::Mail, Self::Calendar, Self::Tokens];

    /// The one that an operation belongs to.
    #[must_use]
    pub const fn of(operation: Operation) -> Self {
        match operation {
            Operation::MailProfile
            | Operation::MailList
            | Operation::MailGet
            | Operation::MailHistory
            | Operation::MailAttachment => Self::Mail,
            Operation::CalendarList | Operation::CalendarEvents => Self::Calendar,
        }
    }

    /// The name in columns, metrics and listings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Calendar => "calendar",
            Self::Tokens => "tokens",
        }
    }

    const fn name_for_account(self) -> &'static str {
        match self {
            Self::Mail | Self::Calendar => APIS,
            Self::Tokens => self.name(),
        }
    }

    /// What is stored under this name, if it is one of ours.
    fn known(name: &str) -> Option<&'static str> {
        Self::ALL
            .into_iter()
            .flat_map(|service| [service.name(), service.name_for_account()])
            .find(|known| *known == name)
    }
}

/// One call to a provider. Dropped without [`Self::leave`], it says nothing about the provider and makes room for the next.
#[must_use]
pub struct Passage<'a> {
    app: &'a App,
    tenant: TenantId,
    began: DateTime<Utc>,
    entered: Instant,
    about: u32,
    /// Whose breakers hear of it, and which probe of theirs it is.
    doors: Vec<(BreakerKey, Option<Uuid>)>,
}

/// Asks to call a provider about this account. Nothing may be sent without a passage.
///
/// Where Postgres does not say how things stand, calls go through.
///
/// # Errors
/// Held back: the provider or this account of it keeps failing. Nothing was sent; ask again after the time named there.
pub async fn enter(
    app: &App,
    tenant: TenantId,
    provider: Provider,
    service: Service,
    integration: IntegrationId,
) -> Result<Passage<'_>, Held> {
    let keys = keys(tenant, provider, service, integration);
    if !app.breakers.look(app, tenant).await {
        return Ok(passage(app, tenant, integration, keys.map(|key| (key, None)).into()));
    }
    for _ in 0..TRIES {
        let known = keys.map(|key| app.breakers.breaker(&key));
        let wants_probe = admitted(&known, app.clock.now())?;
        // From here on what was begun ends with the passage, whatever becomes of the rest.
        let mut passage = passage(app, tenant, integration, keys.map(|key| (key, None)).into());
        match timeout(PATIENCE, passage.begin_probes(wants_probe)).await {
            Ok(Ok(true)) => return Ok(passage),
            Ok(Ok(false)) => passage.end_probes().await,
            // Dropped with what it may have begun.
            Ok(Err(_)) | Err(_) => break,
        }
    }
    let known = keys.map(|key| app.breakers.breaker(&key));
    Err(held_until(&known, app.clock.now() + WHILE_PROBED, app.clock.now()))
}

/// A passage to the endpoints for tokens for a call that is made in any case, as nobody can come back to it later: the exchange of a
/// code, and the return of what it gave where that cannot be kept. Nobody is held back, and what comes back is heard.
pub fn enter_regardless(app: &App, tenant: TenantId, provider: Provider, integration: IntegrationId) -> Passage<'_> {
    let door = BreakerKey { provider, service: Service::Tokens.name(), account: None };
    passage(app, tenant, integration, vec![(door, None)])
}

/// Whether calls about this account to one of these services are held back: for saying so, and for telling what a failure means.
/// Begins no probe.
pub async fn held(
    app: &App,
    tenant: TenantId,
    provider: Provider,
    services: &[Service],
    integration: IntegrationId,
) -> Option<Held> {
    if !app.breakers.look(app, tenant).await {
        return None;
    }
    let keys = services.iter().flat_map(|service| keys(tenant, provider, *service, integration));
    let breakers: Vec<Breaker> = keys.map(|key| app.breakers.breaker(&key)).collect();
    let until = breakers.iter().filter_map(Breaker::open).map(|open| open.retry_at).max()?;
    Some(held_until(&breakers, until, app.clock.now()))
}

/// Whether one of these services has failed since then so that calls about this account are held back: as far as is known, which
/// is what the last look or the last answer said.
pub fn has_failed_since(
    app: &App,
    tenant: TenantId,
    provider: Provider,
    services: &[Service],
    integration: IntegrationId,
    then: DateTime<Utc>,
) -> bool {
    let mut keys = services.iter().flat_map(|service| keys(tenant, provider, *service, integration));
    keys.any(|key| app.breakers.breaker(&key).open().is_some_and(|open| open.opened_at >= then))
}

fn keys(tenant: TenantId, provider: Provider, service: Service, integration: IntegrationId) -> [BreakerKey; 2] {
    let of_provider = BreakerKey { provider, service: service.name(), account: None };
    let account = Some((tenant, integration));
    [of_provider, BreakerKey { provider, service: service.name_for_account(), account }]
}

/// Which of the two, the provider's and the account's, want this call to be their probe.
fn admitted([provider, account]: &[Breaker; 2], now: DateTime<Utc>) -> Result<[bool; 2], Held> {
    let both = [provider.clone(), account.clone()];
    match (provider.admit(now), account.admit(now)) {
        (Admission::Held { until: one }, Admission::Held { until: other }) => {
            Err(held_until(&both, one.max(other), now))
        }
        (Admission::Held { until }, _) | (_, Admission::Held { until }) => Err(held_until(&both, until, now)),
        (Admission::Probe { overdue }, Admission::Probe { .. }) if overdue < LEFT_TO_OTHERS => {
            Err(held_until(&both, now + LEFT_TO_OTHERS - overdue, now))
        }
        (provider, account) => Ok([provider, account].map(|one| one != Admission::Free)),
    }
}

fn held_until(breakers: &[Breaker], until: DateTime<Utc>, now: DateTime<Utc>) -> Held {
    let open: Vec<&Open> = breakers.iter().filter_map(Breaker::open).collect();
    let after = (until - now).to_std().unwrap_or_default();
    let since = open.iter().map(|open| open.since).min().unwrap_or(now);
    let reason = open.first().map_or(JobFailure::ProviderUnavailable, |open| open.reason);
    Held { after, by: HeldBy::Breaker { since, reason } }
}

fn passage(
    app: &App,
    tenant: TenantId,
    integration: IntegrationId,
    doors: Vec<(BreakerKey, Option<Uuid>)>,
) -> Passage<'_> {
    let about = integration.uuid().as_fields().0;
    Passage { app, tenant, began: app.clock.now(), entered: Instant::now(), about, doors }
}

impl Passage<'_> {
    /// The account that is called about, where it is known: several integrations may hold it, and as one mailbox they count as one
    /// among those that take a provider's breaker to open.
    pub fn about(mut self, account: Pseudonym) -> Self {
        self.about = account.uuid().as_fields().0;
        self
    }

    /// Says what came back. Returns soon, and never fails: a call's answer counts whatever becomes of what it says about the
    /// provider.
    pub async fn leave(mut self, answer: Result<(), &ProviderError>) {
        let answer = meaning(answer, self.entered.elapsed());
        let doors = std::mem::take(&mut self.doors);
        // That a provider still fails says nothing about the account that happened to try.
        let is_of_provider = |(key, probe): &(BreakerKey, Option<Uuid>)| key.account.is_none() && probe.is_some();
        let probes_provider = doors.iter().any(is_of_provider) && answer != Answer::Works;
        let heard: Vec<_> = doors
            .into_iter()
            .filter(|(key, probe)| probe.is_some() || !(probes_provider && key.account.is_some()))
            .filter(|(key, probe)| probe.is_some() || self.is_news(key, answer))
            .collect();
        written(self.say(heard, answer)).await;
    }

    /// Whether there is anything to write: of a good answer only where there is trouble that it may end.
    fn is_news(&self, key: &BreakerKey, answer: Answer) -> bool {
        match answer {
            Answer::Works => !self.app.breakers.breaker(key).is_calm(self.app.clock.now()),
            Answer::Fails(_) => true,
            Answer::Unknown => false,
        }
    }

    /// `false`: somebody else has begun one meanwhile.
    async fn begin_probes(&mut self, wanted: [bool; 2]) -> Result<bool, StoreError> {
        for (door, wanted) in self.doors.iter_mut().zip(wanted) {
            if !wanted {
                continue;
            }
            let probe = self.app.new_id();
            // First: where the answer is lost it may have been begun, and ends with this passage.
            door.1 = Some(probe);
            if !self.app.breakers.begin_probe(self.app, self.tenant, door.0, probe).await? {
                door.1 = None;
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn end_probes(mut self) {
        let doors = std::mem::take(&mut self.doors);
        written(self.say(doors.into_iter().filter(|(_, probe)| probe.is_some()).collect(), Answer::Unknown)).await;
    }

    /// Has it written down what an answer says. That goes on where nobody waits for it any more.
    fn say(&self, doors: Vec<(BreakerKey, Option<Uuid>)>, answer: Answer) -> Option<JoinHandle<()>> {
        let runtime = Handle::try_current().ok().filter(|_| !doors.is_empty())?;
        let (app, tenant, began, about) = (self.app.clone(), self.tenant, self.began, self.about);
        Some(runtime.spawn(async move {
            for (key, probe) in doors {
                let call = Call { began, about, probe };
                match app.breakers.take_in(&app, tenant, key, call, answer).await {
                    Ok(turns) => turns.into_iter().for_each(|turn| tell(&app, &key, turn)),
                    Err(error) => tracing::debug!(%error, "what a provider answered could not be written down"),
                }
            }
        }))
    }
}

/// Waits for what is being written down, but not for long.
async fn written(saying: Option<JoinHandle<()>>) {
    if let Some(saying) = saying {
        let _ = timeout(PATIENCE, saying).await;
    }
}

impl Drop for Passage<'_> {
    /// Nobody waited for the answer: a probe makes room for another. Where that cannot be said any more, as the process ends, it
    /// runs out.
    fn drop(&mut self) {
        let probes = std::mem::take(&mut self.doors).into_iter().filter(|(_, probe)| probe.is_some()).collect();
        // Not waited for.
        drop(self.say(probes, Answer::Unknown));
    }
}

/// A turn is worth a line: it says why jobs wait.
fn tell(app: &App, key: &BreakerKey, turn: Turn) {
    let BreakerKey { provider, service, account } = *key;
    let integration = account.map(|(_, integration)| tracing::field::display(integration));
    app.metrics.breaker(provider, service, scope_of(key), turn);
    match turn {
        Turn::Opened => tracing::warn!(%provider, service, integration, "keeps failing and is left alone"),
        Turn::StayedOpen => tracing::debug!(%provider, service, integration, "still fails"),
        Turn::Closed => tracing::info!(%provider, service, integration, "answers again"),
    }
}
