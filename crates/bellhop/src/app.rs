//! What every part of the running program is handed: one value, made once.

use std::sync::Arc;

use bellhop_domain::{CommandId, Provider, TenantId};
use bellhop_providers::{Client, Timeouts};
use bellhop_store::Store;
use rand::Rng;
use teloxide::Bot;
use thiserror::Error;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::breakers;
use crate::clock::Clock;
use crate::config::{self, ConfigError, Settings};
use crate::limits::Limits;
use crate::metrics::Metrics;

/// Everything shared. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// What was set.
    pub settings: Settings,
    /// What is remembered.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
    /// What providers allow, and what of it is used.
    pub limits: Limits,
    /// The Bot API, where there is a bot.
    pub bot: Option<Bot>,
    /// How providers have been answering.
    pub breakers: breakers::View,
    /// Rung when this process has written updates down. A hint to look: another process may have, too.
    pub written_down: Arc<Notify>,
    google: Client,
}

/// Why the program cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A setting is missing or makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The metrics could not be registered.
    #[error("the metrics could not be registered")]
    Metrics(#[from] prometheus::Error),
    /// The client for a provider could not be made.
    #[error("no client for the provider: {0}")]
    Provider(#[from] bellhop_providers::ProviderError),
}

impl App {
    /// Puts everything together. Connects to nothing yet.
    pub fn new(settings: Settings) -> Result<Self, StartError> {
        let keyring = config::keyring(settings.master_key.as_ref())?;
        let store = Store::open(settings.database.clone(), keyring);
        let google =
            Client::new(settings.google.description.clone(), settings.google.credentials.clone(), Timeouts::default())?;
        let bot = settings.telegram.token.as_ref().map(|token| crate::bot::client(token, &settings.telegram.api_url));
        let written_down = Arc::default();
        let (clock, metrics, breakers) = (Clock::of_process(), Metrics::new()?, breakers::View::default());
        let limits = Limits::new(&settings, store.clone(), clock.clone(), metrics.clone(), Uuid::new_v4());
        Ok(Self { settings, store, clock, metrics, limits, bot, breakers, written_down, google })
    }

    /// How to speak to this provider.
    #[must_use]
    pub fn provider(&self, provider: Provider) -> &Client {
        match provider {
            Provider::Google => &self.google,
        }
    }

    /// Whether new connections to this provider are offered.
    #[must_use]
    pub fn is_enabled(&self, provider: Provider) -> bool {
        match provider {
            Provider::Google => self.settings.google.enabled,
        }
    }

    /// Whether this provider's client is configured.
    #[must_use]
    pub fn is_configured(&self, provider: Provider) -> bool {
        match provider {
            Provider::Google => self.settings.google.credentials.is_some(),
        }
    }

    /// A random identifier.
    #[must_use]
    #[expect(clippy::unused_self, reason = "randomness is the App's to give")]
    pub fn new_id(&self) -> Uuid {
        Uuid::new_v4()
    }

    /// An id for a command that nobody will repeat.
    #[must_use]
    pub fn new_command(&self) -> CommandId {
        CommandId::new(self.new_id())
    }

    /// 256 random bits in base64url: states, nonces, cookies, links and verifiers.
    #[must_use]
    #[expect(clippy::unused_self, reason = "randomness is the App's to give")]
    pub fn new_secret(&self) -> String {
        use base64::Engine;
        let mut bytes = [0; 32];
        rand::rng().fill_bytes(&mut bytes);
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The tenant of everybody who comes through Telegram.
    pub async fn default_tenant(&self) -> Result<TenantId, bellhop_store::StoreError> {
        self.store
            .tenant_named(bellhop_store::DEFAULT_TENANT)
            .await?
            .ok_or(bellhop_store::StoreError::Unreadable("the default tenant"))
    }
}
