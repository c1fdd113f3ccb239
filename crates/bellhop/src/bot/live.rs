//! Edits messages that wait for something when it lands, and says so where it does not.
//!
//! A crash between an edit and its row repeats the edit, which changes nothing. A message whose news cannot be shown
//! keeps its row until its two minutes are over.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bellhop_domain::{IntegrationId, OwnerId, Status};
use bellhop_store::{LiveMessage, LiveState, Shows, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::account::Account;
use super::carried::carried;
use super::commands::disconnect::{self, Revocation};
use super::commands::inbox;
use super::commands::{agenda, calendars, free};
use super::fresh::Fetch;
use super::press::Press;
use super::say::{Speaker, Trouble};
use super::seen::Seen;
use super::visit::{Desk, Failure};

/// How often to look while a message waits.
const LOOK: Duration = Duration::from_secs(1);

/// How often to look while none does, for rows that a process before this one has left.
const LOOK_FOR_LEFTOVERS: Duration = Duration::from_secs(15);

/// How long a message waits.
const WAIT: TimeDelta = TimeDelta::minutes(2);

/// How much progress is worth an edit.
const STEP: i32 = 50;

/// People attended at once: one whose chat is slow keeps nobody else waiting.
const AT_ONCE: usize = 8;

/// What is to be done about a waiting message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Show how far it has come.
    Progress,
    /// Show how it ended.
    Settle(Fetch),
}

/// Looks after waiting messages until it is told to stop.
pub async fn run(desk: &Desk, stop: CancellationToken) {
    let showing = Showing { desk, speaker: desk.speaker.impatient(), resting: Mutex::default() };
    let mut failing = false;
    let mut waiting = true;
    loop {
        let pause = if waiting { LOOK } else { LOOK_FOR_LEFTOVERS };
        tokio::select! {
            () = stop.cancelled() => return,
            () = desk.live.notified(), if !waiting => {}
            () = tokio::time::sleep(pause) => {}
        }
        match showing.look().await {
            Ok(still_waiting) => (waiting, failing) = (still_waiting, false),
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "messages that wait for news are not looked after");
                }
                failing = true;
            }
        }
    }
}

/// What becomes of a message that could not be brought up to date.
#[derive(Debug, PartialEq, Eq)]
enum Miss {
    /// The next look tries again, for everybody where it is the store that is away.
    Again,
    /// The chat wants no edit for this long.
    Rest(Duration),
    /// It is left as it is.
    Leave,
}

impl Miss {
    fn of(failure: &Failure, is_over: bool) -> Self {
        match failure {
            Failure::Store(error) if error.is_outage() => Self::Again,
            Failure::Telegram(Trouble::Unreachable | Trouble::NoAnswer) if !is_over => Self::Again,
            Failure::Telegram(Trouble::SlowDown(pause)) if !is_over => Self::Rest(*pause),
            Failure::Store(_) | Failure::Telegram(_) => Self::Leave,
        }
    }
}

/// Attends to different people at once. The first failure is told when everybody has been seen.
async fn each<F>(people: HashSet<OwnerId>, attend: impl Fn(OwnerId) -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let mut failed = Ok(());
    let mut attended = futures::stream::iter(people.into_iter().map(attend)).buffer_unordered(AT_ONCE);
    while let Some(done) = attended.next().await {
        failed = failed.and(done);
    }
    failed
}

/// Looking after messages.
struct Showing<'a> {
    desk: &'a Desk,
    /// Waits for nobody: whoever asks to slow down is left alone until then, while others are looked after.
    speaker: Speaker,
    /// Chats that asked to slow down, and until when.
    resting: Mutex<HashMap<i64, Instant>>,
}

impl Showing<'_> {
    /// One look at every waiting message. Whether any still waits.
    async fn look(&self) -> Result<bool, StoreError> {
        let states = self.desk.app.store.live_messages(self.desk.tenant).await?;
        let people = states.iter().map(|state| state.message.owner).collect();
        each(people, |owner| self.attend(owner)).await?;
        Ok(!states.is_empty())
    }

    /// Looks at one person's messages again, when it is their turn, and edits those that have news.
    async fn attend(&self, owner: OwnerId) -> Result<(), StoreError> {
        let desk = self.desk;
        // Whoever is being answered right now is looked after next time.
        let Some(_turn) = desk.turns.take(owner) else { return Ok(()) };
        let now = desk.app.clock.now();
        let states = desk.app.store.live_messages(desk.tenant).await?;
        for state in states.iter().filter(|state| state.message.owner == owner) {
            let message = &state.message;
            if self.is_resting(message.chat_id) {
                continue;
            }
            let done = match &message.shows {
                Shows::Inbox { integration, page } => self.show_inbox(state, *integration, *page, now).await,
                Shows::Revocation { integration } => self.show_revocation(message, *integration, now).await,
                Shows::Calendar { view } => self.show_calendar(message, view, now).await,
            };
            let ended = match done {
                Ok(ended) => ended,
                Err(failure) => match Miss::of(&failure, is_over(message, now)) {
                    Miss::Again => match failure {
                        Failure::Store(error) => return Err(error),
                        Failure::Telegram(_) => false,
                    },
                    Miss::Rest(pause) => {
                        self.rest(message.chat_id, pause);
                        false
                    }
                    Miss::Leave => {
                        if !matches!(failure, Failure::Telegram(Trouble::Blocked | Trouble::Gone)) {
                            tracing::error!(shows = message.shows.name(), %failure, "a message stays out of date");
                        }
                        true
                    }
                },
            };
            if ended {
                desk.app.store.take_live_message(desk.tenant, message).await?;
            }
        }
        Ok(())
    }

    fn rest(&self, chat: i64, pause: Duration) {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).insert(chat, Instant::now() + pause);
    }

    fn is_resting(&self, chat: i64) -> bool {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|_, until| *until > Instant::now());
        resting.contains_key(&chat)
    }

    async fn show_inbox(
        &self,
        state: &LiveState,
        integration: IntegrationId,
        page: i32,
        now: DateTime<Utc>,
    ) -> Result<bool, Failure> {
        let (desk, message) = (self.desk, &state.message);
        let Some(turn) = turn_of(state, now) else { return Ok(false) };
        let row = desk.app.store.integration(desk.tenant, integration).await?;
        let Some(row) = row.filter(|row| row.status.is_linked()) else { return Ok(true) };
        let account = Account::of(&desk.app.store, row).await?;
        let fetch = match turn {
            Turn::Progress => Fetch::Asked,
            Turn::Settle(fetch) => fetch,
        };
        let view = inbox::current(desk, &account, u32::try_from(page).unwrap_or(0), fetch).await?;
        self.speaker.edit(message.chat_id, message.message_id, &view).await?;
        if turn == Turn::Progress {
            let shown = LiveMessage { shown: state.stored, ..message.clone() };
            desk.app.store.put_live_message(desk.tenant, &shown).await?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Shows days again, once every calendar that was asked has answered, or when that takes too long.
    async fn show_calendar(&self, message: &LiveMessage, view: &Value, now: DateTime<Utc>) -> Result<bool, Failure> {
        let (desk, owner) = (self.desk, message.owner);
        // Written by a release that knows more than this one.
        let Some(press) = view.as_str().and_then(Press::read) else { return Ok(true) };
        let seen = Seen::load(desk, owner).await?;
        if press.command == calendars::COMMAND.name {
            let is_settled = !calendars::awaits_reading(&seen) || is_over(message, now);
            if is_settled {
                let list = calendars::list(&seen, press.number);
                self.speaker.edit(message.chat_id, message.message_id, &list).await?;
            }
            return Ok(is_settled);
        }
        let fetch = if seen.has_news_since(message.asked_at) {
            Fetch::Settled
        } else if is_over(message, now) {
            Fetch::Late
        } else {
            return Ok(false);
        };
        let Some((span, at_least)) = carried(&press) else { return Ok(true) };
        let shown = if press.command == free::COMMAND.name {
            free::current(desk, owner, &span, at_least, fetch).await?
        } else {
            agenda::current(desk, owner, &span, fetch).await?
        };
        self.speaker.edit(message.chat_id, message.message_id, &shown).await?;
        Ok(true)
    }

    async fn show_revocation(
        &self,
        message: &LiveMessage,
        integration: IntegrationId,
        now: DateTime<Utc>,
    ) -> Result<bool, Failure> {
        let desk = self.desk;
        // The disconnect itself may carry a slightly earlier time than the row.
        let since = message.asked_at - TimeDelta::minutes(1);
        let log = desk.app.store.audit(desk.tenant, integration, Some(since), 100).await?;
        let revocation = match disconnect::outcome(&log) {
            Some(outcome) => outcome,
            None if is_over(message, now) => Revocation::Late,
            None => return Ok(false),
        };
        let Some(row) = desk.app.store.integration(desk.tenant, integration).await? else { return Ok(true) };
        let account = Account::of(&desk.app.store, row).await?;
        self.speaker
            .edit(message.chat_id, message.message_id, &disconnect::ended_message(&account, revocation))
            .await?;
        Ok(true)
    }
}

fn is_over(message: &LiveMessage, now: DateTime<Utc>) -> bool {
    now - message.asked_at > WAIT
}

/// What a waiting inbox needs, if anything.
fn turn_of(state: &LiveState, now: DateTime<Utc>) -> Option<Turn> {
    let landed = state.checked_at.is_some_and(|checked| checked > state.message.asked_at);
    let usable = state.status.is_some_and(Status::is_usable);
    if landed || !usable {
        return Some(Turn::Settle(Fetch::Settled));
    }
    if is_over(&state.message, now) {
        return Some(Turn::Settle(Fetch::Late));
    }
    let first_fetch = state.checked_at.is_none();
    (first_fetch && state.stored >= state.message.shown.saturating_add(STEP)).then_some(Turn::Progress)
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
