//! Handles updates that were written down: different people at once, one person in their order.
//!
//! Answers are sent first and the update ended afterwards, so a crash in between answers twice: a double answer is a
//! nuisance, none at all is a dead bot. The one exception is the word that we gave up, which a crash may swallow: an update
//! that brings the process down must not get another chance to.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bellhop_store::{ClaimedUpdate, UpdateOutcome};
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::commands::{self, OLD_BUTTON, timezone};
use super::incoming::{Incoming, Sender, What};
use super::intake::{Kept, is_allowed};
use super::message::{Button, Message};
use super::press::Press;
use super::questions;
use super::say::Trouble;
use super::strangers::{self, Refused};
use super::text::Text;
use super::unknown;
use super::visit::{Desk, Failure, Visit};

/// Updates handled at once.
const AT_ONCE: usize = 32;

/// How long an update is held without a sign of life; what a crash has left is handled again after this.
const LEASE: Duration = Duration::from_secs(10);

/// How often a sign of life is given.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3);

/// How often to look without being told.
const LOOK: Duration = Duration::from_secs(1);

/// How long handling may take: an exchange of a code can need a minute.
const HANDLING: Duration = Duration::from_mins(2);

/// How often handling is begun before it is given up.
const STARTS: i32 = 3;

/// Said to a press anywhere else.
const ONLY_IN_PRIVATE: &str = "Only in our private chat.";

/// How long the updates in hand have to end after a stop.
const GRACE: Duration = Duration::from_secs(10);

/// Handles updates until it is told to stop. `written_down` is rung when there are new ones.
pub async fn run(desk: Arc<Desk>, written_down: &Notify, stop: CancellationToken) {
    let mut running: JoinSet<()> = JoinSet::new();
    let mut held: HashMap<Id, (i64, i32)> = HashMap::new();
    let refused = Arc::new(Refused::default());
    let mut signs = tokio::time::interval(SIGN_OF_LIFE);
    let mut failing = false;
    while !stop.is_cancelled() {
        let room = i64::try_from(AT_ONCE.saturating_sub(held.len())).unwrap_or(0);
        let holding: Vec<i64> = held.values().map(|(update_id, _)| *update_id).collect();
        let claimed =
            if room > 0 { desk.app.store.claim_updates(desk.tenant, room, LEASE, &holding).await } else { Ok(vec![]) };
        match claimed {
            Ok(updates) => {
                failing = false;
                for update in updates {
                    let (desk, refused) = (Arc::clone(&desk), Arc::clone(&refused));
                    let key = (update.update_id, update.starts);
                    let task = running.spawn(async move { Box::pin(take_up(&desk, &refused, update)).await });
                    held.insert(task.id(), key);
                }
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, "updates cannot be handled");
                }
                failing = true;
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            Some(ended) = running.join_next_with_id() => match ended {
                Ok((id, ())) => { held.remove(&id); }
                Err(error) => {
                    if let Some((update_id, starts)) = held.remove(&error.id()) {
                        tracing::error!(update_id, starts, "handling an update broke off");
                        put_back(&desk, update_id, starts, Duration::from_secs(1), true).await;
                    }
                }
            },
            _ = signs.tick() => {
                let alive: Vec<_> = held.values().copied().collect();
                if !alive.is_empty() && let Err(error) = desk.app.store.renew_updates(desk.tenant, &alive, LEASE).await {
                    tracing::debug!(%error, "updates in hand were not held on to");
                }
            }
            () = written_down.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    let _ = tokio::time::timeout(GRACE, async { while running.join_next().await.is_some() {} }).await;
}

/// Handles one update and settles it.
async fn take_up(desk: &Desk, refused: &Refused, update: ClaimedUpdate) {
    let (update_id, starts) = (update.update_id, update.starts);
    let kept = update.content.as_ref().and_then(|content| serde_json::from_slice::<Kept>(content).ok());
    let Some(kept) = kept else {
        // Its key is gone or damaged, or it was written down by a release that this one does not understand.
        tracing::error!(update_id, "an update cannot be read and was given up");
        end(desk, update_id, starts, UpdateOutcome::GaveUp).await;
        return;
    };
    let (sender, incoming) = (kept.sender(), kept.incoming);
    // Whoever took it in may be another process, which knows other settings than the one that answers.
    if let Some(stranger) = sender.as_ref().filter(|sender| !is_allowed(desk, sender)) {
        if end(desk, update_id, starts, UpdateOutcome::Ignored).await {
            strangers::refuse(desk, refused, stranger, &incoming).await;
        }
        return;
    }
    let visit = Visit {
        desk,
        owner: update.owner,
        update_id,
        chat: incoming.chat,
        message: match &incoming.what {
            What::Press { message, .. } => *message,
            _ => None,
        },
    };
    if starts > STARTS {
        if end(desk, update_id, starts, UpdateOutcome::GaveUp).await {
            tracing::error!(update_id, "an update was given up");
            apologise(&visit, &incoming).await;
        }
        return;
    }
    let handled = {
        let _turn = desk.turns.wait(update.owner).await;
        let handling = async {
            remember(&visit, sender.as_ref(), &incoming).await?;
            handle(&visit, &incoming).await
        };
        tokio::time::timeout(HANDLING, handling).await
    };
    match handled {
        Ok(Ok(())) => {
            end(desk, update_id, starts, UpdateOutcome::Done).await;
        }
        Ok(Err(failure)) => settle_failure(&visit, incoming.private, starts, &failure).await,
        Err(_) => {
            tracing::error!(update_id, starts, "handling an update took too long");
            put_back(desk, update_id, starts, Duration::from_secs(1), true).await;
        }
    }
}

/// What becomes of an update that was not handled to its end.
async fn settle_failure(visit: &Visit<'_>, private: bool, starts: i32, failure: &Failure) {
    let (desk, update_id) = (visit.desk, visit.update_id);
    if let Failure::Telegram(Trouble::Blocked) = failure {
        // A group that threw the bot out says nothing about the person's own chat.
        if private && let Err(error) = desk.app.store.mark_blocked(desk.tenant, visit.owner, true).await {
            tracing::warn!(%error, "it was not remembered that somebody has blocked the bot");
        }
        end(desk, update_id, starts, UpdateOutcome::Done).await;
        return;
    }
    let again = failure.again(starts);
    if again.counts {
        tracing::error!(update_id, starts, %failure, "an update was not handled");
    } else {
        tracing::warn!(update_id, %failure, "an update waits for an outage to end");
    }
    put_back(desk, update_id, starts, again.after, again.counts).await;
}

async fn end(desk: &Desk, update_id: i64, starts: i32, outcome: UpdateOutcome) -> bool {
    let at = desk.app.clock.now();
    // Where this fails the lease runs out and the update is handled once more.
    desk.app.store.finish_update(desk.tenant, update_id, starts, outcome, at).await.unwrap_or_else(|error| {
        tracing::warn!(update_id, %error, "an update was not ended");
        false
    })
}

async fn put_back(desk: &Desk, update_id: i64, starts: i32, after: Duration, counts: bool) {
    // Where this fails the lease runs out instead.
    if let Err(error) = desk.app.store.put_back_update(desk.tenant, update_id, starts, after, counts).await {
        tracing::debug!(update_id, %error, "an update was not put back");
    }
}

async fn apologise(visit: &Visit<'_>, incoming: &Incoming) {
    if let What::Press { query, .. } = &incoming.what {
        visit.desk.speaker.answer_press(query, None).await;
    }
    let sorry = Text::new().plain(
        "I am sorry: something of mine keeps failing with your last request, and I have stopped trying. Please try again \
         later, or another way round.",
    );
    if let Err(failure) = visit.say(sorry).await {
        tracing::debug!(%failure, "an apology was not sent");
    }
}

/// Remembers who somebody is. Here and not where updates come in, as they come in repeatedly and in any order, and an earlier
/// one must not undo what a later one has said.
async fn remember(visit: &Visit<'_>, sender: Option<&Sender>, incoming: &Incoming) -> Result<(), Failure> {
    let Some(sender) = sender.filter(|_| incoming.what != What::Blocked) else { return Ok(()) };
    let chat = incoming.private.then_some(incoming.chat);
    let store = &visit.desk.app.store;
    Ok(store.remember_telegram_person(visit.desk.tenant, visit.owner, chat, &sender.name).await?)
}

/// Handles what somebody sent.
async fn handle(visit: &Visit<'_>, incoming: &Incoming) -> Result<(), Failure> {
    match &incoming.what {
        What::Blocked => Ok(visit.desk.app.store.mark_blocked(visit.desk.tenant, visit.owner, true).await?),
        What::Unblocked => Ok(visit.desk.app.store.mark_blocked(visit.desk.tenant, visit.owner, false).await?),
        // No button of ours in a group comes back, but Telegram lets a client send a press that no button carries.
        What::Press { query, .. } if !incoming.private => {
            visit.desk.speaker.answer_press(query, Some(ONLY_IN_PRIVATE)).await;
            Ok(())
        }
        What::Press { query, data, .. } => press(visit, query, data).await,
        What::Command { name, .. } if !incoming.private => in_group(visit, name).await,
        What::Command { name, rest } => match commands::named(name) {
            Some(command) => (command.run)(visit, rest).await,
            None => visit.say(unknown::answer(name, true)).await.map(|_| ()),
        },
        What::Words(words) => questions::answer(visit, words).await,
        What::Location { latitude, longitude } => timezone::located(visit, *latitude, *longitude).await,
        What::Media => visit.say(unknown::media()).await.map(|_| ()),
    }
}

/// Every press is answered, whatever becomes of it: otherwise the button keeps turning.
async fn press(visit: &Visit<'_>, query: &str, data: &str) -> Result<(), Failure> {
    let press = Press::read(data).and_then(|press| Some((commands::named(&press.command)?, press)));
    let handling = async {
        match press {
            Some((command, press)) => (command.press)(visit, &press).await,
            None => Ok(Some(OLD_BUTTON.to_owned())),
        }
    };
    visit.answer_press(query, handling).await
}

/// Accounts, mail and calendars are nobody else's business: in a group there is only the way to the private chat.
async fn in_group(visit: &Visit<'_>, name: &str) -> Result<(), Failure> {
    if commands::named(name).is_none() {
        // Perhaps another bot's.
        return Ok(());
    }
    let start = (name == commands::connect::COMMAND.name).then_some(commands::start::CONNECT);
    let message =
        Message::new(Text::new().plain("I keep accounts, mail and calendars out of groups. Let us talk alone:"))
            .row(vec![Button::link("Open our private chat", visit.desk.chat_link(start))]);
    visit.say(message).await.map(|_| ())
}

#[cfg(test)]
#[path = "dispatch_tests.rs"]
mod tests;
