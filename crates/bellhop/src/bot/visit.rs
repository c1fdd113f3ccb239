//! What a command is handed: who is there, in which chat, and how to answer them.
//!
//! A [`Desk`] is the same for everybody; a [`Visit`] is one person's one request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bellhop_domain::{CommandId, IntegrationId, OwnerId, Provider, TenantId};
use bellhop_store::{Actor, Context, IntegrationRow, StoreError};
use thiserror::Error;
use tokio::sync::{Mutex as Turn, Notify, OwnedMutexGuard, Semaphore, SemaphorePermit};
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use super::message::Message;
use super::person::Person;
use super::say::{Speaker, Trouble};
use super::text::Text;
use crate::app::App;
use crate::connect::LinkFor;

/// Whole mails held in memory at once.
const FETCHES_AT_ONCE: usize = 4;

/// The most messages that are remembered as sent while somebody waits.
const MOST_MEANWHILE: usize = 1_000;

/// How long a press may stay unanswered. Telegram gives no figure for when an answer is too late; some have seen ten
/// seconds.
const PRESS_PATIENCE: Duration = Duration::from_secs(3);

/// Why a request was not handled to its end.
#[derive(Debug, Error)]
pub enum Failure {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Telegram failed.
    #[error(transparent)]
    Telegram(#[from] Trouble),
}

/// When a request that was not handled to its end is begun again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Again {
    /// After how long.
    pub after: Duration,
    /// Whether the start is one of the few that a request has. An outage that kept it from doing anything costs none.
    pub counts: bool,
}

/// How long to wait after Telegram gave no answer, by the starts so far. Each start may send a copy, so there are few of
/// them, and far enough apart for most outages to end in between.
const AFTER_NO_ANSWER: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(30), Duration::from_mins(2)];

/// The pause where waiting changes little.
const AT_ONCE: Duration = Duration::from_secs(1);

impl Failure {
    /// When it is tried again, after it was begun this often.
    #[must_use]
    pub fn again(&self, starts: i32) -> Again {
        let (after, counts) = match self {
            Self::Store(error) if error.is_outage() => (Duration::from_secs(3), false),
            Self::Telegram(Trouble::Unreachable | Trouble::Conflict) => (Duration::from_secs(5), false),
            Self::Telegram(Trouble::SlowDown(pause)) => (*pause, false),
            Self::Telegram(Trouble::Unauthorized) => (Duration::from_mins(1), false),
            Self::Telegram(Trouble::NoAnswer) => {
                let before = usize::try_from(starts).unwrap_or(0).saturating_sub(1);
                (AFTER_NO_ANSWER.get(before).or(AFTER_NO_ANSWER.last()).copied().unwrap_or(AT_ONCE), true)
            }
            Self::Store(_) | Self::Telegram(Trouble::Blocked | Trouble::Gone | Trouble::Refused) => (AT_ONCE, true),
        };
        Again { after, counts }
    }
}

/// One at a time for each person, so that an edit that lands does not undo the page they have just turned to; and a few at
/// a time of all people where a whole mail is held in memory.
#[derive(Debug)]
pub struct Turns {
    of_owners: Mutex<HashMap<OwnerId, Arc<Turn<()>>>>,
    /// For whole mails and attachments. Each may take a hundred megabytes while it is read.
    fetching: Semaphore,
    /// What was sent while somebody waits, by update: begun again, the same message is used again.
    meanwhile: Mutex<HashMap<i64, i32>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { of_owners: Mutex::default(), fetching: Semaphore::new(FETCHES_AT_ONCE), meanwhile: Mutex::default() }
    }
}

impl Turns {
    fn of(&self, owner: OwnerId) -> Arc<Turn<()>> {
        let mut turns = self.of_owners.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(owner).or_default())
    }

    /// Waits for the person's turn.
    pub async fn wait(&self, owner: OwnerId) -> OwnedMutexGuard<()> {
        self.of(owner).lock_owned().await
    }

    /// Takes the person's turn, if nothing else is going on with them.
    pub fn take(&self, owner: OwnerId) -> Option<OwnedMutexGuard<()>> {
        self.of(owner).try_lock_owned().ok()
    }

    /// Waits until then for one of the few places to hold a whole mail; `None` if there was none.
    pub async fn fetch_by(&self, deadline: Instant) -> Option<SemaphorePermit<'_>> {
        tokio::time::timeout_at(deadline, self.fetching.acquire()).await.ok()?.ok()
    }

    fn sent_meanwhile(&self, update_id: i64) -> Option<i32> {
        self.meanwhile.lock().unwrap_or_else(PoisonError::into_inner).get(&update_id).copied()
    }

    fn remember_meanwhile(&self, update_id: i64, message: i32) {
        let mut meanwhile = self.meanwhile.lock().unwrap_or_else(PoisonError::into_inner);
        // What is left here belongs to updates that were given up.
        if meanwhile.len() >= MOST_MEANWHILE {
            meanwhile.clear();
        }
        meanwhile.insert(update_id, message);
    }

    fn forget_meanwhile(&self, update_id: i64) {
        self.meanwhile.lock().unwrap_or_else(PoisonError::into_inner).remove(&update_id);
    }
}

/// Everything that commands share.
pub struct Desk {
    /// The program.
    pub app: App,
    /// How to say something.
    pub speaker: Speaker,
    /// The tenant of everybody on Telegram.
    pub tenant: TenantId,
    /// The bot's name.
    pub username: String,
    /// Whose turn it is.
    pub turns: Turns,
    /// Rung where a message begins to wait for news.
    pub live: Notify,
}

impl Desk {
    /// A link that opens the private chat with the bot.
    #[must_use]
    pub fn chat_link(&self, start: Option<&str>) -> Url {
        let mut link = self.app.settings.telegram.link_url.clone();
        if let Ok(mut segments) = link.path_segments_mut() {
            segments.pop_if_empty().push(&self.username);
        }
        if let Some(start) = start {
            link.query_pairs_mut().append_pair("start", start);
        }
        link
    }

    /// A one-time link to connect a provider for this owner, or to mend an account of theirs.
    pub async fn connect_link(
        &self,
        owner: OwnerId,
        provider: Provider,
        reconnects: Option<IntegrationId>,
    ) -> Result<Url, StoreError> {
        let wanted = LinkFor { tenant: self.tenant, owner, provider, reconnects };
        crate::connect::create_link(&self.app, wanted).await
    }

    /// Whether new connections to this provider can be made.
    #[must_use]
    pub fn can_connect(&self, provider: Provider) -> bool {
        self.app.is_enabled(provider) && self.app.is_configured(provider)
    }
}

/// One request of one person.
pub struct Visit<'a> {
    /// What everybody shares.
    pub desk: &'a Desk,
    /// Who it is. A press counts for whoever pressed.
    pub owner: OwnerId,
    /// The update that brought them.
    pub update_id: i64,
    /// Where to answer.
    pub chat: i64,
    /// The message whose button was pressed, where it can be edited.
    pub message: Option<i32>,
}

impl Visit<'_> {
    /// Sends a new message.
    pub async fn say(&self, message: impl Into<Message>) -> Result<i32, Failure> {
        Ok(self.desk.speaker.send(self.chat, &message.into()).await?)
    }

    /// Shows this in the message whose button was pressed, or in a new one. Answers where it is now. The message waits
    /// for nothing any more: a command that wants it to says so afterwards.
    pub async fn show(&self, message: &Message) -> Result<i32, Failure> {
        let Some(id) = self.message else { return Ok(self.desk.speaker.send(self.chat, message).await?) };
        self.desk.app.store.forget_live_message(self.desk.tenant, self.chat, id).await?;
        match self.desk.speaker.edit(self.chat, id, message).await {
            Ok(()) => Ok(id),
            Err(Trouble::Gone) => Ok(self.desk.speaker.send(self.chat, message).await?),
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// How this person wants their times.
    pub async fn person(&self) -> Result<Person, Failure> {
        Ok(Person::of(&self.desk.app.store, self.desk.tenant, self.owner).await?)
    }

    /// One of this person's own accounts; nothing for anybody else's.
    pub async fn own(&self, integration: Option<IntegrationId>) -> Result<Option<IntegrationRow>, Failure> {
        let Some(integration) = integration else { return Ok(None) };
        let row = self.desk.app.store.integration(self.desk.tenant, integration).await?;
        Ok(row.filter(|row| row.owner == self.owner))
    }

    /// Says at once that something takes a while, and makes that into what came of it. It says so too where nothing came of
    /// it: begun again, this request uses the same message again.
    pub async fn show_after(
        &self,
        meanwhile: &Message,
        work: impl Future<Output = Result<Message, Failure>>,
    ) -> Result<(), Failure> {
        let turns = &self.desk.turns;
        let message = self.message.or_else(|| turns.sent_meanwhile(self.update_id));
        let waiting = Visit { message, ..*self }.show(meanwhile).await?;
        turns.remember_meanwhile(self.update_id, waiting);
        let answering = Visit { message: Some(waiting), ..*self };
        let shown = match work.await {
            Ok(answer) => answering.show(&answer).await.map(|_| ()),
            Err(failure) => Err(failure),
        };
        if shown.is_ok() {
            turns.forget_meanwhile(self.update_id);
            return shown;
        }
        let broken = Text::new().plain("Something of mine failed, so this has not worked yet.").into();
        if let Err(trouble) = self.desk.speaker.edit(self.chat, waiting, &broken).await {
            tracing::debug!(%trouble, "it was not said that an answer is late");
        }
        shown
    }

    /// Answers a press with what handling it came to. A press that takes longer is answered before, as Telegram takes no
    /// late answers, and what went wrong is then said in a message.
    pub async fn answer_press(
        &self,
        query: &str,
        handling: impl Future<Output = Result<Option<String>, Failure>>,
    ) -> Result<(), Failure> {
        let speaker = &self.desk.speaker;
        tokio::pin!(handling);
        if let Ok(handled) = tokio::time::timeout(PRESS_PATIENCE, &mut handling).await {
            speaker.answer_press(query, handled.as_ref().ok().and_then(Option::as_deref)).await;
            return handled.map(|_| ());
        }
        let ((), handled) = tokio::join!(speaker.answer_press(query, None), handling);
        match handled? {
            Some(words) => self.say(Text::new().plain(words)).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// The context of what this request changes. The same update handled again is the same command.
    #[must_use]
    pub fn context(&self, step: &str) -> Context {
        let name = format!("update {} {step}", self.update_id);
        let command = CommandId::new(Uuid::new_v5(&self.owner.uuid(), name.as_bytes()));
        Context::new(self.desk.tenant, Actor::Owner(self.owner), command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_been_done_is_not_begun_again_for_ever() {
        let again = |trouble| Failure::Telegram(trouble).again(1);
        assert!(again(Trouble::NoAnswer).counts, "a copy each time");
        assert!(again(Trouble::Refused).counts);
        for nothing_was_done in [Trouble::Unreachable, Trouble::SlowDown(Duration::from_secs(9)), Trouble::Unauthorized]
        {
            assert!(!again(nothing_was_done).counts, "{nothing_was_done:?}");
        }
        assert!(!Failure::Store(StoreError::Closed).again(1).counts);
        assert!(Failure::Store(StoreError::Unreadable("a row")).again(1).counts);
        let pauses: Vec<_> =
            (1..5).map(|starts| Failure::Telegram(Trouble::NoAnswer).again(starts).after.as_secs()).collect();
        assert_eq!(pauses, [5, 30, 120, 120]);
    }
}
