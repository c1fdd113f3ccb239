//! Updates: what the bot has not yet heard, and how it asks for it.
//!
//! <https://core.telegram.org/bots/api#getting-updates>: an update is repeated until a later offset confirms it, is kept for a day, and only one
//! `getUpdates` may wait at a time. Asking and being called exclude each other, but share this queue, so that switching loses
//! nothing; being called is `webhook.rs` and `delivery.rs`.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{
    methods::{Answer, Refusal},
    parameters::Parameters,
    webhook::{Deliveries, Webhook},
};
use crate::Sandbox;

/// <https://core.telegram.org/bots/api#getting-updates>: "will not be kept longer than 24 hours".
const KEEP_HOURS: i64 = 24;

/// The server's own bound on long polling.
const LONGEST_WAIT_SECONDS: u64 = 50;

/// Kinds that come only when they are asked for by name.
/// <https://core.telegram.org/bots/api#getupdates>
const ON_REQUEST: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

/// Kinds that wait for each other where they are of one chat.
const MESSAGES: [&str; 4] = ["message", "edited_message", "channel_post", "edited_channel_post"];

/// The queue, in order of update ids.
#[derive(Debug)]
pub struct Updates {
    queue: VecDeque<Pending>,
    /// Copies to be delivered once more, whatever the offset says.
    repeats: VecDeque<Pending>,
    /// Everything ever made, for repeats on command.
    made: BTreeMap<i64, Value>,
    next_id: i64,
    next_ticket: u64,
    allowed: Vec<String>,
    /// Grows with each `getUpdates`: one that waits and sees it grow has been replaced.
    generation: u64,
    pub webhook: Option<Webhook>,
    pub deliveries: Deliveries,
}

/// An update that waits.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Tells a repeat from the update itself, which have the same id.
    pub ticket: u64,
    pub id: i64,
    pub at: DateTime<Utc>,
    pub update: Value,
    /// Deliveries to the webhook that failed.
    pub failures: u32,
    /// The webhook is left alone with it until then.
    pub retry_at: Option<DateTime<Utc>>,
    pub in_flight: bool,
}

impl Pending {
    /// The queue it waits in, by kind and by chat or person; what has none may overtake and be overtaken. Telegram's own
    /// server queues the messages of a chat together and every other kind apart, so that a press which was not accepted
    /// is overtaken by the next message. <https://github.com/tdlib/telegram-bot-api>, `Client.cpp`, `webhook_queue_id`
    fn lane(&self) -> Option<(&str, i64)> {
        let (kind, content) = self.update.as_object()?.iter().find(|(name, _)| *name != "update_id")?;
        let place = [&content["chat"], &content["from"]].iter().find_map(|place| place["id"].as_i64())?;
        Some((if MESSAGES.contains(&kind.as_str()) { "message" } else { kind }, place))
    }
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
            next_ticket: 0,
            allowed: Vec::new(),
            generation: 0,
            webhook: None,
            deliveries: Deliveries::default(),
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
        let place = self.queue.partition_point(|queued| queued.id <= id);
        let pending = self.pending_of(id, update, now);
        self.queue.insert(place, pending);
        id
    }

    /// Delivers an update once more, even though it was confirmed.
    pub fn repeat(&mut self, id: i64, now: DateTime<Utc>) -> bool {
        let Some(update) = self.made.get(&id).cloned() else { return false };
        let pending = self.pending_of(id, update, now);
        self.repeats.push_back(pending);
        true
    }

    /// Every update ever made, without what it says: who must be answered, and how often.
    pub fn summaries(&self) -> Vec<Value> {
        let summary = |(id, update): (&i64, &Value)| {
            let (kind, content) = update.as_object()?.iter().find(|(name, _)| *name != "update_id")?;
            let chat = [&content["chat"]["id"], &content["message"]["chat"]["id"]].into_iter().find_map(Value::as_i64);
            let query = (kind == "callback_query").then_some(&content["id"]);
            Some(json!({ "update_id": id, "kind": kind, "chat": chat, "query": query }))
        };
        self.made.iter().filter_map(summary).collect()
    }

    fn pending_of(&mut self, id: i64, update: Value, at: DateTime<Utc>) -> Pending {
        self.next_ticket += 1;
        Pending { ticket: self.next_ticket, id, at, update, failures: 0, retry_at: None, in_flight: false }
    }

    pub fn pending(&self) -> usize {
        self.queue.len() + self.repeats.len()
    }

    /// What waits, repeats first.
    pub fn waiting(&self) -> impl Iterator<Item = &Pending> {
        self.repeats.iter().chain(&self.queue)
    }

    pub fn waiting_mut(&mut self) -> impl Iterator<Item = &mut Pending> {
        self.repeats.iter_mut().chain(&mut self.queue)
    }

    /// What may be delivered to the webhook now: the oldest of each queue, at most `limit` at a time in all.
    pub fn deliverable(&mut self, limit: usize, now: DateTime<Utc>) -> Vec<u64> {
        self.forget_old(now);
        let room = limit.saturating_sub(self.waiting().filter(|pending| pending.in_flight).count());
        let mut lanes = HashSet::new();
        let first_in_its_queue = self.waiting().filter(|pending| pending.lane().is_none_or(|lane| lanes.insert(lane)));
        let free =
            first_in_its_queue.filter(|pending| !pending.in_flight && pending.retry_at.is_none_or(|at| at <= now));
        free.take(room).map(|pending| pending.ticket).collect()
    }

    pub fn find(&mut self, ticket: u64) -> Option<&mut Pending> {
        self.waiting_mut().find(|pending| pending.ticket == ticket)
    }

    pub fn remove(&mut self, ticket: u64) {
        self.queue.retain(|pending| pending.ticket != ticket);
        self.repeats.retain(|pending| pending.ticket != ticket);
    }

    pub fn drop_all(&mut self) {
        self.queue.clear();
        self.repeats.clear();
    }

    /// An empty list means all kinds but those that come only on request; left out, the earlier list stays.
    pub fn allow(&mut self, kinds: Option<&Value>) -> Result<(), Refusal> {
        let Some(kinds) = kinds else { return Ok(()) };
        let not_a_list = || Refusal::bad_request("can't parse allowed updates: array of strings expected");
        let kinds = kinds.as_array().ok_or_else(not_a_list)?;
        self.allowed = kinds
            .iter()
            .map(|kind| kind.as_str().map(str::to_owned).ok_or_else(not_a_list))
            .collect::<Result<_, _>>()?;
        Ok(())
    }

    pub fn allowed(&self) -> &[String] {
        &self.allowed
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
            self.queue.retain(|pending| pending.id >= offset);
        }
        u64::try_from(before - self.queue.len()).unwrap_or_default()
    }

    fn forget_old(&mut self, now: DateTime<Utc>) {
        self.queue.retain(|pending| now - pending.at < TimeDelta::hours(KEEP_HOURS));
    }

    fn take(&mut self, limit: usize, now: DateTime<Utc>) -> Vec<Value> {
        self.forget_old(now);
        let mut batch: Vec<Value> = Vec::new();
        while batch.len() < limit
            && let Some(repeat) = self.repeats.pop_front()
        {
            batch.push(repeat.update);
        }
        let room = limit - batch.len();
        batch.extend(self.queue.iter().take(room).map(|pending| pending.update.clone()));
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
        // Counts for updates made from now on.
        updates.allow(allowed.as_ref())?;
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
