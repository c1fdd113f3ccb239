//! Where updates come in, whether they are fetched or brought: each is written down, sealed, before Telegram hears that it
//! arrived.
//!
//! Without this file the two ways would differ in what they keep, and switching between them would lose an update or handle
//! one twice. What an update means is handled in `dispatch.rs`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bellhop_domain::OwnerId;
use bellhop_store::{NewUpdate, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use teloxide::Bot;
use tokio::sync::Notify;

use super::incoming::{self, Incoming, Sender};
use super::say::Speaker;
use super::strangers::{self, Refused};
use super::visit::{Desk, Failure, Turns};
use crate::app::App;

/// How long an answer waits in all where Telegram asks to slow down, before its update is put back.
const PATIENCE: Duration = Duration::from_secs(20);

/// Finds out who the bot is and whose tenant everybody on Telegram belongs to.
pub async fn open_desk(app: &App, bot: &Bot) -> Result<Desk, Failure> {
    Ok(Desk {
        app: app.clone(),
        speaker: Speaker::new(bot.clone(), PATIENCE),
        username: super::username(bot).await?,
        tenant: app.default_tenant().await?,
        turns: Turns::default(),
        live: Notify::new(),
    })
}

/// What is kept of an update until it is handled. Has no `Debug`: it is what somebody wrote.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Absent where an earlier release wrote it down.
    #[serde(default)]
    user: Option<i64>,
    #[serde(default)]
    name: Option<String>,
    /// What it says.
    #[serde(flatten)]
    pub incoming: Incoming,
}

impl Kept {
    fn new(sender: Sender, incoming: Incoming) -> Self {
        Self { user: Some(sender.user), name: Some(sender.name), incoming }
    }

    /// Who sent it. None where an earlier release wrote it down, which had asked already whether they may.
    #[must_use]
    pub fn sender(&self) -> Option<Sender> {
        Some(Sender { user: self.user?, name: self.name.clone()? })
    }
}

/// Writes updates down.
pub struct Intake {
    desk: Arc<Desk>,
    refused: Arc<Refused>,
    repeats: Mutex<Repeats>,
}

impl Intake {
    /// An intake for this bot.
    #[must_use]
    pub fn new(desk: Arc<Desk>) -> Self {
        Self { desk, refused: Arc::default(), repeats: Mutex::default() }
    }

    /// Writes updates down, all or none, and says so to whoever handles them in this process. Answers the last of their
    /// ids; an update without one cannot be told from its repeats and is nothing. After an error Telegram must not hear
    /// that they arrived, so that it sends them again.
    pub async fn take_in(&self, updates: &[Value]) -> Result<Option<i64>, StoreError> {
        let written = self.write_down(updates).await?;
        if self.repeats.lock().unwrap_or_else(PoisonError::into_inner).are_news(&written) {
            tracing::info!(
                updates = written.updates,
                "all updates that came were known already; where nobody is answered, another bot's ids are in this database"
            );
        }
        self.desk.app.written_down.notify_one();
        Ok(written.last)
    }

    async fn write_down(&self, updates: &[Value]) -> Result<Written, StoreError> {
        let desk = &self.desk;
        let mut fresh = vec![];
        let mut strangers = vec![];
        for update in updates {
            let Some(update_id) = incoming::update_id(update) else { continue };
            let content = match incoming::read(update, &desk.username) {
                None => None,
                Some((sender, incoming)) if is_allowed(desk, &sender) => content_of(desk, sender, incoming).await?,
                Some((sender, incoming)) => {
                    strangers.push((update_id, sender, incoming));
                    None
                }
            };
            fresh.push(NewUpdate { update_id, content });
        }
        let last = fresh.iter().map(|update| update.update_id).max();
        let new = desk.app.store.write_down_updates(desk.tenant, &fresh, desk.app.clock.now()).await?;
        let written = Written { last, updates: fresh.len(), new: new.len() };
        strangers.retain(|(update_id, ..)| new.contains(update_id));
        if !strangers.is_empty() {
            let (desk, refused) = (Arc::clone(desk), Arc::clone(&self.refused));
            tokio::spawn(async move {
                for (_, sender, incoming) in strangers {
                    strangers::refuse(&desk, &refused, &sender, &incoming).await;
                }
            });
        }
        Ok(written)
    }
}

/// What came of a batch.
#[derive(Debug, Clone, Copy)]
struct Written {
    /// The last of its ids.
    last: Option<i64>,
    /// How many updates there were.
    updates: usize,
    /// How many of them had not been written down before.
    new: usize,
}

/// Batches in which nothing is new: a repeat or two is no wonder, but ids that another bot used before look the same, and
/// that bot is never answered.
#[derive(Debug, Default)]
struct Repeats {
    told: bool,
}

impl Repeats {
    /// Whether this batch, and none since the last one with something new, consists of repeats.
    fn are_news(&mut self, written: &Written) -> bool {
        let repeats = written.updates > 0 && written.new == 0;
        let news = repeats && !self.told;
        self.told = repeats;
        news
    }
}

/// Whether this process may answer somebody.
#[must_use]
pub fn is_allowed(desk: &Desk, sender: &Sender) -> bool {
    u64::try_from(sender.user).is_ok_and(|user| desk.app.settings.telegram.allows(user))
}

/// Whose an update is and what of it is kept. Nothing, where a person's key cannot be opened: one person's trouble must not
/// stop everybody's updates.
async fn content_of(desk: &Desk, sender: Sender, incoming: Incoming) -> Result<Option<(OwnerId, Vec<u8>)>, StoreError> {
    let store = &desk.app.store;
    let known = async {
        let owner = store.telegram_person(desk.tenant, sender.user, OwnerId::new(desk.app.new_id())).await?;
        store.owner_key(desk.tenant, owner).await?;
        Ok(owner)
    };
    match known.await {
        Ok(owner) => Ok(serde_json::to_vec(&Kept::new(sender, incoming)).ok().map(|plain| (owner, plain))),
        Err(error @ StoreError::CannotOpen(_)) => {
            tracing::error!(%error, "an update was ignored: its sender's key cannot be opened");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_kept_can_be_read_again_and_what_an_earlier_release_kept_too() {
        let of = |kind: &str, content: Value| json!({ "update_id": 1, kind: content });
        let (ada, chat) = (json!({ "id": 1001, "first_name": "Ada" }), json!({ "id": -5, "type": "private" }));
        let message = json!({ "chat": chat, "from": ada });
        let mut located = message.clone();
        located["location"] = json!({ "latitude": 52.52, "longitude": -13.405 });
        let mut said = message.clone();
        said["text"] = "/search from:bob".into();
        let mut pictured = message.clone();
        pictured["photo"] = json!([]);
        let pressed =
            json!({ "id": "77", "from": ada, "data": "x", "message": { "message_id": 4, "date": 1, "chat": chat } });
        let left = json!({ "chat": chat, "from": ada, "new_chat_member": { "status": "kicked" } });
        let updates = [("message", located), ("message", said), ("message", pictured), ("callback_query", pressed)];
        for (kind, content) in updates.into_iter().chain([("my_chat_member", left)]) {
            let (sender, incoming) = incoming::read(&of(kind, content), "bellhop_bot").unwrap();
            let kept = serde_json::to_vec(&Kept::new(sender.clone(), incoming.clone())).unwrap();
            let read: Kept = serde_json::from_slice(&kept).unwrap();
            assert!(read.sender() == Some(sender) && read.incoming == incoming, "{kind}");
            let earlier: Kept = serde_json::from_slice(&serde_json::to_vec(&incoming).unwrap()).unwrap();
            assert!(earlier.sender().is_none() && earlier.incoming == incoming, "{kind}");
        }
    }

    #[test]
    fn a_run_of_known_updates_is_noticed_once() {
        let mut repeats = Repeats::default();
        let news = [(2, 0), (1, 0), (3, 1), (1, 0), (0, 0)]
            .map(|(updates, new)| repeats.are_news(&Written { last: None, updates, new }));
        assert_eq!(news, [true, false, false, true, false]);
    }
}
