//! The webhook: what may be set, what is told about it, and what came of each delivery.
//!
//! <https://core.telegram.org/bots/api#setwebhook>. One exception to the real rules, so that a program on the same machine needs no
//! certificate: plain HTTP is taken where the host is loopback, on any port. Hosts are looked up at delivery, not when the webhook is
//! set. Carrying updates there is `delivery.rs`.

use std::collections::{BTreeSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};
use url::{Host, Url};

use super::{
    Telegram,
    methods::{Answer, Refusal},
    parameters::Parameters,
    updates::Updates,
};

/// <https://core.telegram.org/bots/api#setwebhook>: "Ports currently supported for webhooks: 443, 80, 88, 8443."
const PORTS: [u16; 4] = [80, 88, 443, 8443];

/// Longest `secret_token`, in characters.
const SECRET_LENGTH: usize = 256;

/// First and longest pause after a failure. Telegram says "a reasonable amount of attempts" and publishes no figures.
const FIRST_PAUSE_SECONDS: i64 = 1;
const LONGEST_PAUSE_SECONDS: i64 = 64;

/// Deliveries that are remembered.
const REMEMBERED: usize = 1000;

/// Where updates go instead of waiting to be asked for.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub url: Url,
    pub secret_token: Option<String>,
    /// Deliveries at the same time.
    pub max_connections: usize,
    pub last_error: Option<(DateTime<Utc>, String)>,
}

/// What is known of deliveries, and what the control API asked of them.
#[derive(Debug, Default)]
pub struct Deliveries {
    /// Nothing is delivered but what is let go.
    pub held: bool,
    /// Tickets that were let go one by one.
    pub let_go: BTreeSet<u64>,
    /// So many of the next accepted updates come a second time.
    pub twice: u32,
    made: VecDeque<Delivery>,
}

/// One attempt.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    pub update_id: i64,
    pub at: DateTime<Utc>,
    /// 1 for the first.
    pub attempt: u32,
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// Why it did not count.
    pub error: Option<String>,
    /// The Bot API method that the answer called, and whether it worked.
    pub method: Option<String>,
    pub method_ok: Option<bool>,
}

impl Deliveries {
    pub fn clear(&mut self) {
        self.made.clear();
    }
}

impl Updates {
    /// Writes an attempt down: accepted, the update is done; otherwise it waits, and waits longer each time.
    pub fn settle(&mut self, ticket: u64, delivery: Delivery, now: DateTime<Utc>) {
        if let (Some(webhook), Some(error)) = (&mut self.webhook, &delivery.error) {
            webhook.last_error = Some((now, error.clone()));
        }
        let (id, failed) = (delivery.update_id, delivery.error.is_some());
        if self.deliveries.made.len() == REMEMBERED {
            self.deliveries.made.pop_front();
        }
        self.deliveries.made.push_back(delivery);
        if !failed {
            self.remove(ticket);
            if self.deliveries.twice > 0 {
                self.deliveries.twice -= 1;
                self.repeat(id, now);
            }
        } else if let Some(pending) = self.find(ticket) {
            let pause = FIRST_PAUSE_SECONDS << pending.failures.min(6);
            pending.in_flight = false;
            pending.failures += 1;
            pending.retry_at = Some(now + TimeDelta::seconds(pause.min(LONGEST_PAUSE_SECONDS)));
        }
    }

    /// Nobody waits for a back-off to end any more.
    pub fn hurry(&mut self) {
        for pending in self.waiting_mut() {
            pending.retry_at = None;
        }
    }

    /// Ends every back-off; where deliveries are held, the oldest update of each queue is let go once.
    pub fn advance(&mut self, now: DateTime<Utc>) {
        self.hurry();
        if let (true, Some(webhook)) = (self.deliveries.held, &self.webhook) {
            let limit = webhook.max_connections;
            self.deliveries.let_go = self.deliverable(limit, now).into_iter().collect();
        }
    }

    /// What is to be delivered now.
    pub fn take_due(&mut self, now: DateTime<Utc>) -> Vec<u64> {
        let Some(webhook) = &self.webhook else { return Vec::new() };
        let limit = webhook.max_connections;
        let mut due = self.deliverable(limit, now);
        if self.deliveries.held {
            due.retain(|ticket| self.deliveries.let_go.contains(ticket));
        }
        self.deliveries.let_go.clear();
        due
    }

    /// Whether nothing can happen without something new: nobody is on the way, and nothing is due.
    pub fn is_idle(&mut self, now: DateTime<Utc>) -> bool {
        let nothing_due = self.webhook.is_none()
            || if self.deliveries.held {
                self.deliveries.let_go.is_empty()
            } else {
                self.deliverable(1, now).is_empty()
            };
        nothing_due && !self.waiting().any(|pending| pending.in_flight)
    }
}

/// HTTPS on four ports; the secret is 1 to 256 of `A-Z a-z 0-9 _ -`. An empty address removes the webhook.
/// <https://core.telegram.org/bots/api#setwebhook>
pub fn set(telegram: &mut Telegram, parameters: &Parameters) -> Answer {
    let text = parameters.text("url").unwrap_or_default();
    if text.is_empty() {
        return Ok(delete(telegram, parameters));
    }
    let url = Url::parse(&text).map_err(|_| bad_webhook("invalid webhook URL specified"))?;
    if !(url.scheme() == "http" && is_loopback(&url)) {
        if url.scheme() != "https" {
            return Err(bad_webhook("An HTTPS URL must be provided for webhook"));
        }
        if url.port_or_known_default().is_none_or(|port| !PORTS.contains(&port)) {
            return Err(bad_webhook("Webhook can be set up only on ports 80, 88, 443 or 8443"));
        }
    }
    let secret_token = parameters.text("secret_token").filter(|secret| !secret.is_empty());
    if let Some(secret) = &secret_token {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if !secret.bytes().all(allowed) {
            return Err(Refusal::bad_request("secret token contains unallowed characters"));
        }
        if secret.len() > SECRET_LENGTH {
            return Err(Refusal::bad_request("secret token is too long"));
        }
    }
    // "1-100. Defaults to 40."; what lies outside is moved to the nearest.
    let max_connections = parameters.integer("max_connections").unwrap_or(40).clamp(1, 100);
    let max_connections = usize::try_from(max_connections).unwrap_or(40);
    let allowed = parameters.structure("allowed_updates")?;
    telegram.updates.allow(allowed.as_ref())?;
    drop_pending(telegram, parameters);
    telegram.updates.hurry();
    telegram.updates.webhook = Some(Webhook { url, secret_token, max_connections, last_error: None });
    Ok(true.into())
}

fn bad_webhook(why: &str) -> Refusal {
    Refusal::bad_request(&format!("bad webhook: {why}"))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

pub fn delete(telegram: &mut Telegram, parameters: &Parameters) -> Value {
    drop_pending(telegram, parameters);
    telegram.updates.webhook = None;
    true.into()
}

fn drop_pending(telegram: &mut Telegram, parameters: &Parameters) {
    if parameters.flag("drop_pending_updates") {
        telegram.updates.drop_all();
    }
}

/// <https://core.telegram.org/bots/api#webhookinfo>
pub fn info(telegram: &Telegram) -> Value {
    let updates = &telegram.updates;
    let mut info = json!({
        "url": updates.webhook.as_ref().map(|webhook| webhook.url.as_str()).unwrap_or_default(),
        "has_custom_certificate": false,
        "pending_update_count": updates.pending(),
    });
    if let Some(webhook) = &updates.webhook {
        info["max_connections"] = webhook.max_connections.into();
        if let Some((at, message)) = &webhook.last_error {
            info["last_error_date"] = at.timestamp().into();
            info["last_error_message"] = message.clone().into();
        }
    }
    if !updates.allowed().is_empty() {
        info["allowed_updates"] = json!(updates.allowed());
    }
    info
}

/// Everything at once, as `GET /sandbox/telegram/webhook` gives it.
pub fn view(telegram: &Telegram) -> Value {
    let updates = &telegram.updates;
    let waiting: Vec<Value> = updates
        .waiting()
        .map(|pending| {
            json!({
                "update_id": pending.id,
                "failures": pending.failures,
                "retry_at": pending.retry_at,
                "in_flight": pending.in_flight,
            })
        })
        .collect();
    json!({
        "info": info(telegram),
        "hold": updates.deliveries.held,
        "twice": updates.deliveries.twice,
        "waiting": waiting,
        "deliveries": updates.deliveries.made,
    })
}
