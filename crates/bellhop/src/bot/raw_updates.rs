//! How updates come, with answers as they are: fetched, or brought to a webhook.
//!
//! The library's own types give up on what they do not know, and would have to be written down in its shape; this keeps
//! Telegram's JSON. Both ways ask for the same kinds, so that a switch between them changes nothing of what is heard.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use teloxide::requests::Payload;
use url::Url;

use super::LONG_POLL;

/// The kinds of updates that are asked for.
pub const KINDS: [&str; 3] = ["message", "callback_query", "my_chat_member"];

/// Deliveries under way at once. Each writes to Postgres, whose connections others need too.
const DELIVERIES: u8 = 8;

/// <https://core.telegram.org/bots/api#getupdates>
#[derive(Debug, Clone, Serialize)]
pub struct GetUpdates {
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<i64>,
    limit: u8,
    timeout: u64,
    allowed_updates: [&'static str; 3],
}

impl GetUpdates {
    /// Asks for the updates from this one on, and confirms those before it.
    #[must_use]
    pub fn after(offset: Option<i64>) -> Self {
        Self { offset, limit: 100, timeout: LONG_POLL.as_secs(), allowed_updates: KINDS }
    }
}

impl Payload for GetUpdates {
    type Output = Vec<Value>;

    const NAME: &'static str = "GetUpdates";
}

/// <https://core.telegram.org/bots/api#setwebhook>. Has no `Debug`: the secret is in it.
#[derive(Clone, Serialize)]
pub struct SetWebhook {
    url: String,
    secret_token: String,
    max_connections: u8,
    allowed_updates: [&'static str; 3],
    drop_pending_updates: bool,
}

impl SetWebhook {
    /// Has updates brought to this address, those that wait too, each with this secret.
    #[must_use]
    pub fn at(url: &Url, secret: &SecretString) -> Self {
        Self {
            url: url.to_string(),
            secret_token: secret.expose_secret().to_owned(),
            max_connections: DELIVERIES,
            allowed_updates: KINDS,
            drop_pending_updates: false,
        }
    }
}

impl Payload for SetWebhook {
    type Output = bool;

    const NAME: &'static str = "SetWebhook";
}

/// <https://core.telegram.org/bots/api#getwebhookinfo>
#[derive(Debug, Clone, Copy, Serialize)]
pub struct GetWebhookInfo {}

impl Payload for GetWebhookInfo {
    type Output = WebhookInfo;

    const NAME: &'static str = "GetWebhookInfo";
}

/// <https://core.telegram.org/bots/api#webhookinfo>, as far as it matters here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct WebhookInfo {
    /// Where updates are brought; empty where they are fetched.
    pub url: String,
    /// How many wait.
    pub pending_update_count: i64,
    /// When a delivery last failed, in seconds since 1970.
    pub last_error_date: Option<i64>,
    /// Why it did.
    pub last_error_message: Option<String>,
    /// Which kinds are brought; absent where none were named.
    pub allowed_updates: Option<Vec<String>>,
}
