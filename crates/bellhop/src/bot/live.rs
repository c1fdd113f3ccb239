//! Edits messages that wait for something when it lands, and says so where it does not.
//!
//! A crash between an edit and its row repeats the edit, which changes nothing. A message whose news cannot be shown
//! keeps its row until its two minutes are over.

use std::collections::HashSet;
use std::time::Duration;

use bellhop_domain::Status;
use bellhop_store::{LiveMessage, LiveState, Shows};
use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::account::Account;
use super::commands::disconnect::{self, Revocation};
use super::commands::inbox::{self, Fetch};
use super::say::Trouble;
use super::visit::{Desk, Failure};

/// How often to look while a message waits.
const LOOK: Duration = Duration::from_secs(1);

/// How often to look while none does, for rows that a process before this one has left.
const LOOK_FOR_LEFTOVERS: Duration = Duration::from_secs(15);

/// How long a message waits.
const WAIT: TimeDelta = TimeDelta::minutes(2);

/// How much progress is worth an edit.
const STEP: i32 = 50;

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
    let mut failing = false;
    let mut waiting = true;
    loop {
        let pause = if waiting { LOOK } else { LOOK_FOR_LEFTOVERS };
        tokio::select! {
            () = stop.cancelled() => return,
            () = desk.live.notified(), if !waiting => {}
            () = tokio::time::sleep(pause) => {}
        }
        match look(desk).await {
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

/// One look at every waiting message. Whether any still waits.
async fn look(desk: &Desk) -> Result<bool, Failure> {
    let states = desk.app.store.live_messages(desk.tenant).await?;
    let mut seen = HashSet::new();
    for state in &states {
        // One edit for each person and look: their turn is theirs, and Telegram's limits are for each chat.
        if !seen.insert(state.message.owner) {
            continue;
        }
        // Whoever is being answered right now is looked after next time.
        let Some(_turn) = desk.turns.take(state.message.owner) else { continue };
        attend(desk, &state.message).await?;
    }
    Ok(!states.is_empty())
}

/// Looks at one person's messages again, now that it is their turn, and edits those that have news.
async fn attend(desk: &Desk, first: &LiveMessage) -> Result<(), Failure> {
    let now = desk.app.clock.now();
    let states = desk.app.store.live_messages(desk.tenant).await?;
    for state in states.iter().filter(|state| state.message.owner == first.owner) {
        let done = match state.message.shows {
            Shows::Inbox { page } => show_inbox(desk, state, u32::try_from(page).unwrap_or(0), now).await,
            Shows::Revocation => show_revocation(desk, &state.message, now).await,
        };
        match done {
            Ok(true) => {
                desk.app.store.take_live_message(desk.tenant, &state.message).await?;
            }
            Ok(false) => {}
            Err(Failure::Telegram(Trouble::Unreachable | Trouble::NoAnswer | Trouble::SlowDown(_)))
                if !is_over(&state.message, now) => {}
            Err(Failure::Telegram(trouble)) => {
                if trouble == Trouble::Refused {
                    tracing::error!(%trouble, "a message could not be brought up to date");
                }
                desk.app.store.take_live_message(desk.tenant, &state.message).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
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

async fn show_inbox(desk: &Desk, state: &LiveState, page: u32, now: DateTime<Utc>) -> Result<bool, Failure> {
    let message = &state.message;
    let Some(turn) = turn_of(state, now) else { return Ok(false) };
    let row = desk.app.store.integration(desk.tenant, message.integration).await?;
    let Some(row) = row.filter(|row| row.status.is_linked()) else { return Ok(true) };
    let account = Account::of(&desk.app.store, row).await?;
    let fetch = match turn {
        Turn::Progress => Fetch::Asked,
        Turn::Settle(fetch) => fetch,
    };
    let view = inbox::current(desk, &account, page, fetch).await?;
    desk.speaker.edit(message.chat_id, message.message_id, &view).await?;
    if turn == Turn::Progress {
        let shown = LiveMessage { shown: state.stored, ..message.clone() };
        desk.app.store.put_live_message(desk.tenant, &shown).await?;
        return Ok(false);
    }
    Ok(true)
}

async fn show_revocation(desk: &Desk, message: &LiveMessage, now: DateTime<Utc>) -> Result<bool, Failure> {
    // The disconnect itself may carry a slightly earlier time than the row.
    let since = message.asked_at - TimeDelta::minutes(1);
    let log = desk.app.store.audit(desk.tenant, message.integration, Some(since), 100).await?;
    let revocation = match disconnect::outcome(&log) {
        Some(outcome) => outcome,
        None if is_over(message, now) => Revocation::Late,
        None => return Ok(false),
    };
    let Some(row) = desk.app.store.integration(desk.tenant, message.integration).await? else { return Ok(true) };
    let account = Account::of(&desk.app.store, row).await?;
    desk.speaker.edit(message.chat_id, message.message_id, &disconnect::ended_message(&account, revocation)).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use bellhop_domain::{IntegrationId, OwnerId};
    use chrono::TimeZone;
    use uuid::Uuid;

    use super::*;

    fn asked() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
    }

    fn waiting(status: Status, checked_after: Option<i64>, stored: i32) -> LiveState {
        LiveState {
            message: LiveMessage {
                chat_id: 1,
                message_id: 2,
                owner: OwnerId::new(Uuid::nil()),
                integration: IntegrationId::new(Uuid::nil()),
                shows: Shows::Inbox { page: 0 },
                asked_at: asked(),
                shown: 0,
            },
            status: Some(status),
            checked_at: checked_after.map(|seconds| asked() + TimeDelta::seconds(seconds)),
            stored,
        }
    }

    #[test]
    fn a_fetch_that_landed_settles_the_message_and_an_older_one_does_not() {
        let now = asked() + TimeDelta::seconds(5);
        assert_eq!(turn_of(&waiting(Status::Active, Some(2), 0), now), Some(Turn::Settle(Fetch::Settled)));
        assert_eq!(turn_of(&waiting(Status::Active, Some(-30), 0), now), None);
    }

    #[test]
    fn a_first_fetch_shows_its_progress_in_steps() {
        let now = asked() + TimeDelta::seconds(5);
        assert_eq!(turn_of(&waiting(Status::Active, None, 49), now), None);
        assert_eq!(turn_of(&waiting(Status::Active, None, 50), now), Some(Turn::Progress));
        assert_eq!(turn_of(&waiting(Status::Active, Some(-30), 500), now), None, "later fetches are short");
    }

    #[test]
    fn what_cannot_land_any_more_is_not_waited_for() {
        let now = asked() + TimeDelta::seconds(5);
        assert_eq!(turn_of(&waiting(Status::Expired, None, 0), now), Some(Turn::Settle(Fetch::Settled)));
        let late = asked() + TimeDelta::seconds(121);
        assert_eq!(turn_of(&waiting(Status::Active, Some(-30), 0), late), Some(Turn::Settle(Fetch::Late)));
    }
}
