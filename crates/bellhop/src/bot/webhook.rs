//! Updates that Telegram brings: the address is set and kept set by whoever has the bot's seat, and what arrives there is
//! taken in by whoever serves HTTP.
//!
//! Neither waits for the other: what is brought before it can be written down is refused, and Telegram brings it again.
//! HTTP itself is spoken in `http/telegram.rs`.

use std::sync::Arc;
use std::time::Duration;

use bellhop_store::StoreError;
use serde_json::Value;
use teloxide::requests::{JsonRequest, Request};
use teloxide::{ApiError, Bot, RequestError};
use thiserror::Error;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::incoming;
use super::intake::{Intake, open_desk};
use super::listen::long_enough;
use super::outage::{Outage, rest};
use super::raw_updates::{GetWebhookInfo, KINDS, SetWebhook, WebhookInfo};
use super::say::{Trouble, within};
use super::text::shorten;
use super::visit::Failure;
use crate::app::App;
use crate::config::WebhookSettings;
use crate::metrics::Metrics;

/// How often to look whether Telegram still has our address, and how it fares with it.
const LOOK: Duration = Duration::from_secs(30);

/// How long one call may take.
const CALL: Duration = Duration::from_secs(15);

/// The most that is logged of why Telegram could not deliver, or refused the address.
const LONGEST_REASON: usize = 160;

/// Why an update was not taken in.
#[derive(Debug, Error)]
pub enum NotTaken {
    /// It has no id. Bringing it again cannot help.
    #[error("it is no update")]
    NoUpdate,
    /// It cannot be found out yet which bot this is. Have it brought again.
    #[error(transparent)]
    Telegram(Trouble),
    /// It could not be written down. Have it brought again.
    #[error(transparent)]
    Store(StoreError),
}

impl From<Failure> for NotTaken {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => Self::Store(error),
            Failure::Telegram(trouble) => Self::Telegram(trouble),
        }
    }
}

/// Takes in what is brought to this process.
pub struct Reception {
    app: App,
    bot: Bot,
    /// Made with the first update: while HTTP is being set up, database and Telegram may still be away.
    intake: OnceCell<Intake>,
}

impl Reception {
    /// A reception for this bot.
    #[must_use]
    pub fn new(app: App, bot: Bot) -> Self {
        Self { app, bot, intake: OnceCell::new() }
    }

    /// Writes an update down. Telegram may hear that it arrived only after this has answered without an error.
    pub async fn take_in(&self, update: Value) -> Result<(), NotTaken> {
        if incoming::update_id(&update).is_none() {
            return Err(NotTaken::NoUpdate);
        }
        let open = || async { Ok(Intake::new(Arc::new(open_desk(&self.app, &self.bot).await?))) };
        let intake = self.intake.get_or_try_init(open).await.map_err(|failure: Failure| NotTaken::from(failure))?;
        intake.take_in(&[update]).await.map(|_| ()).map_err(NotTaken::Store)
    }
}

/// What Telegram says about how updates come.
pub async fn info(bot: &Bot) -> Result<WebhookInfo, Trouble> {
    within(CALL, JsonRequest::new(bot.clone(), GetWebhookInfo {}).send()).await
}

/// Whether this is where Telegram brings updates, of every kind that is asked for.
#[must_use]
pub fn is_set(info: &WebhookInfo, url: &Url) -> bool {
    let mut kinds: Vec<&str> = info.allowed_updates.iter().flatten().map(String::as_str).collect();
    kinds.sort_unstable();
    let mut wanted = KINDS;
    wanted.sort_unstable();
    Url::parse(&info.url).is_ok_and(|set| set == *url) && kinds == wanted
}

/// Sets the address and keeps it set until it is told to stop.
pub async fn keep(app: &App, bot: &Bot, webhook: &WebhookSettings, stop: &CancellationToken) {
    watch_over(app, bot, webhook, stop).await;
    // Whoever has the seat next says how many wait.
    app.metrics.telegram_pending(0);
}

async fn watch_over(app: &App, bot: &Bot, webhook: &WebhookSettings, stop: &CancellationToken) {
    let mut watch = Watch { bot, webhook, metrics: &app.metrics, is_set: false, failed_at: None, told: None };
    let mut outage = Outage::default();
    while !stop.is_cancelled() {
        let looked = tokio::select! {
            () = stop.cancelled() => return,
            looked = watch.look() => looked,
        };
        match looked {
            Ok(()) => {
                outage.over("the webhook could be looked after again");
                rest(LOOK, stop).await;
            }
            Err(error) => {
                let pause = outage.pause(&error, "the webhook cannot be looked after");
                let pause = if let NotKept::Telegram(trouble) = error { long_enough(pause, trouble) } else { pause };
                rest(pause, stop).await;
            }
        }
    }
}

/// Why the address could not be looked after.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum NotKept {
    /// Telegram failed. Try again.
    #[error(transparent)]
    Telegram(#[from] Trouble),
    /// Telegram does not take the address, in its own words. The operator must mend it; a name may also come to be known.
    #[error("Telegram refused TELEGRAM_WEBHOOK_URL: {0:?}")]
    Refused(String),
}

impl NotKept {
    /// Of a webhook that was not set. What Telegram says against an address is kept, and nothing else: it holds no secret.
    fn of(error: &RequestError) -> Self {
        let said = match error {
            RequestError::Api(ApiError::Unknown(text)) => text.clone(),
            RequestError::Api(known) => known.to_string(),
            _ => String::new(),
        };
        match said.split_once("bad webhook: ") {
            Some((_, reason)) => Self::Refused(shorten(reason, LONGEST_REASON)),
            None => Self::Telegram(error.into()),
        }
    }
}

/// Looking after the address.
struct Watch<'a> {
    bot: &'a Bot,
    webhook: &'a WebhookSettings,
    metrics: &'a Metrics,
    is_set: bool,
    /// When a delivery last failed, as far as we know.
    failed_at: Option<i64>,
    /// The failure that was logged and is not known to be over.
    told: Option<String>,
}

impl Watch<'_> {
    async fn look(&mut self) -> Result<(), NotKept> {
        let info = info(self.bot).await?;
        self.metrics.telegram_pending(info.pending_update_count);
        if self.is_set {
            self.note(&info);
        } else {
            // Of the time before us.
            self.failed_at = info.last_error_date;
        }
        if !self.is_set || !is_set(&info, &self.webhook.url) {
            self.set().await?;
        }
        Ok(())
    }

    /// At the start whatever Telegram says, as it does not say which secret it has.
    async fn set(&mut self) -> Result<(), NotKept> {
        let payload = SetWebhook::at(&self.webhook.url, &self.webhook.secret);
        let call = JsonRequest::new(self.bot.clone(), payload).send();
        let answered = tokio::time::timeout(CALL, call).await.map_err(|_| Trouble::NoAnswer)?;
        answered.map_err(|error| NotKept::of(&error))?;
        if self.is_set {
            tracing::warn!("somebody had changed how updates come; Telegram brings them to the webhook again");
        } else {
            tracing::info!("Telegram brings updates to the webhook");
        }
        self.is_set = true;
        Ok(())
    }

    /// Says that deliveries fail, and counts it: once for each reason until they arrive again.
    fn note(&mut self, info: &WebhookInfo) {
        if info.last_error_date.is_some() && info.last_error_date != self.failed_at {
            self.failed_at = info.last_error_date;
            self.metrics.telegram_delivery_failed();
            let reason = shorten(info.last_error_message.as_deref().unwrap_or_default(), LONGEST_REASON);
            if self.told.as_ref() != Some(&reason) {
                let pending = info.pending_update_count;
                tracing::warn!(?reason, pending, "Telegram cannot deliver to TELEGRAM_WEBHOOK_URL and tries again");
                self.told = Some(reason);
            }
        } else if info.pending_update_count == 0 && self.told.take().is_some() {
            tracing::info!("Telegram can deliver again");
        }
    }
}

#[cfg(test)]
#[path = "webhook_tests.rs"]
mod tests;
