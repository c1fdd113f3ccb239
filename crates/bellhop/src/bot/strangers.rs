//! People who may not use this bot: one polite refusal, and nothing kept about them.
//!
//! A crash may lose the refusal and never repeats it: to try again it would have to be remembered whom it was for.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bellhop_domain::OwnerId;
use bellhop_store::Actor;

use super::incoming::{Incoming, Sender, What};
use super::message::Message;
use super::text::Text;
use super::visit::Desk;

/// A stranger who keeps writing is answered once in this time.
const AGAIN: Duration = Duration::from_mins(10);

/// Strangers held in memory at most; the earliest are forgotten first.
const REMEMBERED: usize = 1_000;

const WORDS: &str = "I am sorry, this bot is private and may be used by invited people only. If you should be one of them, \
                     ask whoever runs it to add your Telegram id:";

/// Whom this process has refused, and when.
#[derive(Debug, Default)]
pub struct Refused(Mutex<HashMap<i64, Instant>>);

impl Refused {
    /// Whether this person is to be answered now.
    fn is_due(&self, user: i64, now: Instant) -> bool {
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.get(&user).is_some_and(|at| now.duration_since(*at) < AGAIN) {
            return false;
        }
        if refused.len() >= REMEMBERED {
            refused.retain(|_, at| now.duration_since(*at) < AGAIN);
        }
        if refused.len() >= REMEMBERED {
            refused.clear();
        }
        refused.insert(user, now);
        true
    }
}

/// Refuses a stranger.
pub async fn refuse(desk: &Desk, refused: &Refused, sender: &Sender, incoming: &Incoming) {
    if let What::Command { name, rest } = &incoming.what
        && name == "start"
        && !rest.is_empty()
    {
        discard(desk, rest).await;
    }
    if let What::Press { query, .. } = &incoming.what {
        desk.speaker.answer_press(query, Some("This bot is private.")).await;
    }
    // A group is not told who may do what.
    let is_answer = incoming.private && !matches!(incoming.what, What::Blocked | What::Unblocked);
    if !is_answer || !refused.is_due(sender.user, Instant::now()) {
        return;
    }
    let message: Message = Text::new().plain(WORDS).line().bold(sender.user.to_string()).into();
    if let Err(trouble) = desk.speaker.send(incoming.chat, &message).await {
        tracing::debug!(%trouble, "a stranger was not answered");
    }
}

/// A finish code in a stranger's hands is worthless to whoever began the walk: it is thrown away, as for anybody who is not
/// the initiator.
async fn discard(desk: &Desk, code: &str) {
    let nobody = OwnerId::new(desk.app.new_id());
    if let Err(error) = crate::connect::finish(&desk.app, desk.tenant, nobody, Actor::Bellhop, code).await {
        tracing::warn!(%error, "a finish code in a stranger's hands was not thrown away");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_who_keeps_writing_is_answered_once() {
        let refused = Refused::default();
        let now = Instant::now();
        assert!(refused.is_due(1, now));
        assert!(!refused.is_due(1, now + Duration::from_mins(1)));
        assert!(refused.is_due(2, now));
        assert!(refused.is_due(1, now + AGAIN));
        for user in 0..5_000 {
            refused.is_due(user, now);
        }
        assert!(refused.0.lock().unwrap().len() <= REMEMBERED);
    }
}
