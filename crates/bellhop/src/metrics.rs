//! What is counted in this process. Names and labels are bounded and documented here; values never name a person.

use bellhop_domain::{JobKind, Provider};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::breakers::breaker::{Scope, Turn};

/// What can happen with OAuth, as `oauth_events_total` counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuthEvent {
    /// A browser was sent to the provider.
    AuthorizeStarted,
    /// The provider sent it back with an error.
    CallbackError,
    /// A callback came with a state that is unknown, used, expired, or another browser's or provider's.
    InvalidState,
    /// The code could not be exchanged.
    TokenExchangeFailed,
    /// The exchange was not answered in time.
    TokenExchangeTimeout,
    /// An answer carried no access token.
    MissingAccessToken,
    /// A token set was sealed into the vault.
    TokensStored,
    /// A refresh call is about to be made.
    RefreshStart,
    /// It worked.
    RefreshOk,
    /// It did not.
    RefreshFailed,
    /// Somebody else was refreshing and did not finish in time.
    RefreshLocked,
}

impl OAuthEvent {
    const ALL: [Self; 11] = [
        Self::AuthorizeStarted,
        Self::CallbackError,
        Self::InvalidState,
        Self::TokenExchangeFailed,
        Self::TokenExchangeTimeout,
        Self::MissingAccessToken,
        Self::TokensStored,
        Self::RefreshStart,
        Self::RefreshOk,
        Self::RefreshFailed,
        Self::RefreshLocked,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::AuthorizeStarted => "authorize_started",
            Self::CallbackError => "callback_error",
            Self::InvalidState => "invalid_state",
            Self::TokenExchangeFailed => "token_exchange_failed",
            Self::TokenExchangeTimeout => "token_exchange_timeout",
            Self::MissingAccessToken => "missing_access_token",
            Self::TokensStored => "tokens_stored",
            Self::RefreshStart => "refresh_start",
            Self::RefreshOk => "refresh_ok",
            Self::RefreshFailed => "refresh_failed",
            Self::RefreshLocked => "refresh_locked",
        }
    }
}

/// How a job came to its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Over the belt.
    Belt,
    /// Claimed straight from Postgres, the belt being away.
    Direct,
}

impl Way {
    /// The label.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Belt => "belt",
            Self::Direct => "direct",
        }
    }
}

/// The counters of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    oauth_events: IntCounterVec,
    jobs: IntCounterVec,
    breakers: IntCounterVec,
    log_events: IntGaugeVec,
    provider_units: IntCounterVec,
    provider_held: IntCounterVec,
    provider_shared: IntGauge,
    telegram_pending: IntGauge,
    telegram_failures: IntCounter,
}

impl Metrics {
    /// Registers every metric, each `oauth_events_total` at zero, so that a rate can be taken from the first scrape on.
    ///
    /// # Errors
    /// Only where two metrics of ours had the same name.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let oauth_events = IntCounterVec::new(
            Opts::new("oauth_events_total", "What happened with OAuth, by provider."),
            &["provider", "event"],
        )?;
        let jobs = IntCounterVec::new(
            Opts::new(
                "jobs_total",
                "Runs of jobs, by queue, kind, outcome (done, again, wait, retry, bury, lost) and way.",
            ),
            &["queue", "kind", "outcome", "way"],
        )?;
        let breakers = IntCounterVec::new(
            Opts::new(
                "breaker_turns_total",
                "Breakers that this process turned, by provider, service (mail, calendar, api, tokens), scope (provider, account) and turn \
                 (opened, stayed_open, closed).",
            ),
            &["provider", "service", "scope", "turn"],
        )?;
        registry.register(Box::new(breakers.clone()))?;
        let log_events = IntGaugeVec::new(
            Opts::new("log_events", "Events in the log by type, over all processes, as far as the reader has come."),
            &["type"],
        )?;
        let provider_units = IntCounterVec::new(
            Opts::new("provider_units_total", "Units of what providers allow that were spent, by provider and API."),
            &["provider", "api"],
        )?;
        let provider_held = IntCounterVec::new(
            Opts::new(
                "provider_calls_held_total",
                "Calls that were not made, by provider, API and reason (mailbox, project, at_once, breaker).",
            ),
            &["provider", "api", "reason"],
        )?;
        let provider_shared = IntGauge::new(
            "provider_limits_shared",
            "1 while all processes count together what providers allow, 0 while this one counts alone.",
        )?;
        let telegram_pending = IntGauge::new(
            "telegram_updates_pending",
            "Updates that Telegram has not brought to the webhook yet, as it last said to the process with the bot's seat.",
        )?;
        let telegram_failures = IntCounter::new(
            "telegram_webhook_failures_total",
            "Looks at which Telegram told of a new failure to deliver to the webhook.",
        )?;
        registry.register(Box::new(provider_units.clone()))?;
        registry.register(Box::new(provider_held.clone()))?;
        registry.register(Box::new(provider_shared.clone()))?;
        registry.register(Box::new(telegram_pending.clone()))?;
        registry.register(Box::new(telegram_failures.clone()))?;
        registry.register(Box::new(oauth_events.clone()))?;
        registry.register(Box::new(jobs.clone()))?;
        registry.register(Box::new(log_events.clone()))?;
        for provider in Provider::ALL {
            for event in OAuthEvent::ALL {
                oauth_events.with_label_values(&[provider.name(), event.name()]);
            }
        }
        Ok(Self {
            registry,
            oauth_events,
            jobs,
            breakers,
            log_events,
            provider_units,
            provider_held,
            provider_shared,
            telegram_pending,
            telegram_failures,
        })
    }

    /// Counts something that happened with OAuth.
    pub fn oauth(&self, provider: Provider, event: OAuthEvent) {
        self.oauth_events.with_label_values(&[provider.name(), event.name()]).inc();
    }

    /// Counts a run of a job.
    pub fn job(&self, kind: JobKind, outcome: &'static str, way: Way) {
        self.jobs.with_label_values(&[kind.queue().name(), kind.name(), outcome, way.name()]).inc();
    }

    /// Counts a turn of a breaker.
    pub fn breaker(&self, provider: Provider, service: &'static str, scope: Scope, turn: Turn) {
        self.breakers.with_label_values(&[provider.name(), service, scope.name(), turn.name()]).inc();
    }

    /// Takes over what the reader of the log has counted.
    pub fn log_events<'a>(&self, tallies: impl IntoIterator<Item = (&'a str, i64)>) {
        for (name, events) in tallies {
            self.log_events.with_label_values(&[name]).set(events);
        }
    }

    /// Counts units that were spent.
    pub fn units_spent(&self, provider: Provider, api: &str, units: u64) {
        self.provider_units.with_label_values(&[provider.name(), api]).inc_by(units);
    }

    /// Counts a call that was not made.
    pub fn call_held(&self, provider: Provider, api: &str, reason: &str) {
        self.provider_held.with_label_values(&[provider.name(), api, reason]).inc();
    }

    /// Takes over whether what providers allow is counted together.
    pub fn limits_shared(&self, are_shared: bool) {
        self.provider_shared.set(are_shared.into());
    }

    /// Takes over how many updates wait at Telegram.
    pub fn telegram_pending(&self, updates: i64) {
        self.telegram_pending.set(updates);
    }

    /// Counts that Telegram could not deliver.
    pub fn telegram_delivery_failed(&self) {
        self.telegram_failures.inc();
    }

    /// The text that Prometheus scrapes.
    ///
    /// # Errors
    /// Only where the encoder is broken.
    pub fn text(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
