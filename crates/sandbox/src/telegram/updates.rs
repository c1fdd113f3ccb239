//! Updates: what the bot has not yet heard, and the two ways to hear it.
//!
//! <https://core.telegram.org/bots/api#getting-updates>: an update is repeated until a later offset confirms it, is kept for a day, and only one
//! `getUpdates` may wait at a time. A webhook is remembered and shuts polling out, but nothing is delivered to it yet.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    Telegram,
    methods::{Answer, Refusal},
    parameters::Parameters,
};
use crate::{Sandbox, State};

/// <https://core.telegram.org/bots/api#getting-updates>: "will not be kept longer than 24 hours".
const KEEP_HOURS: i64 = 24;

/// The server's own bound on long polling.
const LONGEST_WAIT_SECONDS: u64 = 50;

/// Kinds that come only when they are asked for by name.
/// <https://core.telegram.org/bots/api#getupdates>
const ON_REQUEST: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

/// The queue, in order of update ids.
#[derive(Debug)]
pub struct Updates {
    queue: VecDeque<(i64, DateTime<Utc>, Value)>,
    /// Copies to be delivered once more, whatever the offset says.
    repeats: VecDeque<Value>,
    /// Everything ever made, for repeats on command.
    made: BTreeMap<i64, Value>,
    next_id: i64,
    allowed: Vec<String>,
    /// Grows with each `getUpdates`: one that waits and sees it grow has been replaced.
    generation: u64,
    pub webhook: Option<Webhook>,
}

#[derive(Debug, Clone)]
pub struct Webhook {
    pub url: String,
    pub secret_token: Option<String>,
    pub max_connections: i64,
}

impl Updates {
    /// Ids begin at the second it is: nothing is kept over a restart, and whoever remembers the ids of an earlier life would
    /// take new updates for repeats.
    pub fn beginning(now: DateTime<Utc>) -> Self {
        Self {
            queue: VecDeque::new(),
            repeats: VecDeque::new(),
            made: BTreeMap::new(),
            next_id: now.timestamp(),
            allowed: Vec::new(),
            generation: 0,
            webhook: None,
        }
    }

    /// Queues an update of a kind, unless the bot did not ask for that kind. Answers its id.
    pub fn push(&mut self, kind: &str, content: &Value, now: DateTime<Utc>) -> Option<i64> {
        let wanted = if self.allowed.is_empty() {
            !ON_REQUEST.contains(&kind)
        } else {
            self.allowed.iter().any(|allowed| allowed == kind)
        };
        wanted.then(|| {
            let id = self.next_id;
            let mut update = json!({ "update_id": id });
            update[kind] = content.clone();
            self.inject(update, now)
        })
    }

    /// Queues an update as it is; without an id it gets the next one.
    pub fn inject(&mut self, mut update: Value, now: DateTime<Utc>) -> i64 {
        let id = update["update_id"].as_i64().unwrap_or(self.next_id);
        update["update_id"] = id.into();
        self.next_id = self.next_id.max(id.saturating_add(1));
        self.made.insert(id, update.clone());
        let place = self.queue.partition_point(|(queued, ..)| *queued <= id);
        self.queue.insert(place, (id, now, update));
        id
    }

    /// Delivers an update once more, even though it was confirmed.
    pub fn repeat(&mut self, id: i64) -> bool {
        let Some(update) = self.made.get(&id) else { return false };
        self.repeats.push_back(update.clone());
        true
    }

    pub fn pending(&self) -> usize {
        self.queue.len() + self.repeats.len()
    }

    pub fn queued(&self) -> Vec<&Value> {
        self.repeats.iter().chain(self.queue.iter().map(|(_, _, update)| update)).collect()
    }

    /// Drops what the offset confirms: everything below it, or all but the last few where it is negative.
    fn confirm(&mut self, offset: i64) -> u64 {
        let before = self.queue.len();
        if offset < 0 {
            let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            while self.queue.len() > keep {
                self.queue.pop_front();
            }
        } else {
            self.queue.retain(|(id, ..)| *id >= offset);
        }
        u64::try_from(before - self.queue.len()).unwrap_or_default()
    }

    fn take(&mut self, limit: usize, now: DateTime<Utc>) -> Vec<Value> {
        self.queue.retain(|(_, at, _)| now - *at < TimeDelta::hours(KEEP_HOURS));
        let mut batch: Vec<Value> = Vec::new();
        while batch.len() < limit
            && let Some(repeat) = self.repeats.pop_front()
        {
            batch.push(repeat);
        }
        let room = limit - batch.len();
        batch.extend(self.queue.iter().take(room).map(|(_, _, update)| update.clone()));
        batch
    }
}

pub async fn get_updates(sandbox: &Sandbox, parameters: &Parameters) -> Answer {
    let limit = parameters.integer("limit").filter(|limit| (1..=100).contains(limit)).unwrap_or(100);
    let limit = usize::try_from(limit).unwrap_or(100);
    let wait = u64::try_from(parameters.integer("timeout").unwrap_or_default()).unwrap_or_default();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(wait.min(LONGEST_WAIT_SECONDS));
    let allowed = parameters.structure("allowed_updates")?;
    let mine = {
        let mut state = sandbox.state();
        let state = &mut *state;
        let updates = &mut state.telegram.updates;
        if updates.webhook.is_some() {
            return Err(conflict(
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
            ));
        }
        // Counts for updates made from now on; left out, the earlier list stays.
        if let Some(Value::Array(kinds)) = allowed {
            updates.allowed = kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        }
        if let Some(offset) = parameters.integer("offset").filter(|offset| *offset != 0) {
            state.ledger.updates_confirmed += updates.confirm(offset);
        }
        updates.generation += 1;
        updates.generation
    };
    // Whoever still waits finds the generation changed and gives up.
    sandbox.updates_bell.notify_waiters();
    loop {
        let rung = sandbox.updates_bell.notified();
        tokio::pin!(rung);
        // Enrolled before looking, so that nothing rings unheard in between.
        rung.as_mut().enable();
        {
            let mut state = sandbox.state();
            let state = &mut *state;
            let updates = &mut state.telegram.updates;
            if updates.webhook.is_some() {
                return Err(conflict("terminated by setWebhook request"));
            }
            if updates.generation != mine {
                state.ledger.poll_conflicts += 1;
                return Err(conflict(
                    "terminated by other getUpdates request; make sure that only one bot instance is running",
                ));
            }
            let batch = updates.take(limit, sandbox.clock.now());
            if !batch.is_empty() || tokio::time::Instant::now() >= deadline {
                state.ledger.updates_delivered += u64::try_from(batch.len()).unwrap_or_default();
                return Ok(batch.into());
            }
        }
        let _ = tokio::time::timeout_at(deadline, rung).await;
    }
}

fn conflict(text: &str) -> Refusal {
    Refusal::new(409, &format!("Conflict: {text}"))
}

/// HTTPS on ports 80, 88, 443 or 8443; the secret is 1 to 256 of `A-Z a-z 0-9 _ -`.
/// <https://core.telegram.org/bots/api#setwebhook>
pub fn set_webhook(state: &mut State, parameters: &Parameters) -> Answer {
    let text = parameters.text("url").unwrap_or_default();
    if text.is_empty() {
        return Ok(delete_webhook(state, parameters));
    }
    let url = url::Url::parse(&text).map_err(|_| Refusal::bad_request("bad webhook: invalid webhook URL specified"))?;
    if url.scheme() != "https" {
        return Err(Refusal::bad_request("bad webhook: An HTTPS URL must be provided for webhook"));
    }
    if !matches!(url.port_or_known_default(), Some(80 | 88 | 443 | 8443)) {
        return Err(Refusal::bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"));
    }
    let secret_token = parameters.text("secret_token").filter(|secret| !secret.is_empty());
    if let Some(secret) = &secret_token {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if secret.len() > 256 || !secret.bytes().all(allowed) {
            return Err(Refusal::bad_request("secret token contains unallowed characters"));
        }
    }
    let allowed = parameters.structure("allowed_updates")?;
    drop_pending(&mut state.telegram, parameters);
    let updates = &mut state.telegram.updates;
    if let Some(Value::Array(kinds)) = allowed {
        updates.allowed = kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    let max_connections = parameters.integer("max_connections").unwrap_or(40).clamp(1, 100);
    updates.webhook = Some(Webhook { url: url.into(), secret_token, max_connections });
    Ok(true.into())
}

pub fn delete_webhook(state: &mut State, parameters: &Parameters) -> Value {
    drop_pending(&mut state.telegram, parameters);
    state.telegram.updates.webhook = None;
    true.into()
}

fn drop_pending(telegram: &mut Telegram, parameters: &Parameters) {
    if parameters.flag("drop_pending_updates") {
        telegram.updates.queue.clear();
        telegram.updates.repeats.clear();
    }
}

pub fn webhook_info(telegram: &Telegram) -> Value {
    let updates = &telegram.updates;
    let mut info = json!({
        "url": updates.webhook.as_ref().map(|webhook| webhook.url.as_str()).unwrap_or_default(),
        "has_custom_certificate": false,
        "pending_update_count": updates.pending(),
    });
    if let Some(webhook) = &updates.webhook {
        info["max_connections"] = webhook.max_connections.into();
    }
    if !updates.allowed.is_empty() {
        info["allowed_updates"] = json!(updates.allowed);
    }
    info
}
