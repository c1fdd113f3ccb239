//! Not faster than Telegram allows, for all of this process together.
//!
//! Telegram takes about thirty messages a second from a bot and about one a second into a chat, with short bursts
//! (<https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>). Asking for less than is allowed is
//! kinder than being refused; other processes of the same bot are why refusals must be honoured all the same.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const OVERALL: Rate = Rate { interval: Duration::from_millis(50), burst: 10 };
const CHAT: Rate = Rate { interval: Duration::from_millis(1_050), burst: 5 };

/// Chats remembered at most; those that have been quiet go first.
const CHATS: usize = 10_000;

#[derive(Clone, Copy)]
struct Rate {
    interval: Duration,
    burst: u32,
}

/// When the next message would be due if they were sent evenly.
#[derive(Clone, Copy)]
struct Slot(Instant);

impl Slot {
    /// Takes a place in line and answers when it comes up.
    fn take(&mut self, rate: Rate, now: Instant) -> Instant {
        let even = self.0.max(now);
        self.0 = even + rate.interval;
        let ahead = rate.interval * rate.burst.saturating_sub(1);
        even.checked_sub(ahead).map_or(now, |early| early.max(now))
    }
}

/// The limits are the bot's, and a process has one bot: the listener and the jobs of a process share this.
static PACE: LazyLock<Pace> = LazyLock::new(Pace::new);

struct Pace {
    overall: Mutex<Slot>,
    chats: Mutex<HashMap<i64, Slot>>,
}

impl Pace {
    fn new() -> Self {
        Self { overall: Mutex::new(Slot(Instant::now())), chats: Mutex::default() }
    }

    fn take(&self, chat: i64, now: Instant) -> Instant {
        let mut chats = self.chats.lock().unwrap_or_else(PoisonError::into_inner);
        if chats.len() >= CHATS {
            chats.retain(|_, slot| slot.0 > now);
        }
        let of_chat = chats.entry(chat).or_insert(Slot(now)).take(CHAT, now);
        drop(chats);
        let overall = self.overall.lock().unwrap_or_else(PoisonError::into_inner).take(OVERALL, now);
        of_chat.max(overall)
    }
}

/// Waits until a message may be sent into this chat.
pub async fn wait(chat: i64) {
    tokio::time::sleep_until(PACE.take(chat, Instant::now())).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_takes_a_burst_at_once_and_then_one_a_second() {
        let pace = Pace::new();
        let now = Instant::now();
        let waits: Vec<_> = (0..7).map(|_| pace.take(1, now) - now).collect();
        assert!(waits[..5].iter().all(Duration::is_zero), "{waits:?}");
        assert_eq!(waits[5], CHAT.interval);
        assert_eq!(waits[6], CHAT.interval * 2);
        assert_eq!(pace.take(2, now), now, "another chat need not wait");
        assert_eq!(pace.take(1, now + Duration::from_mins(1)), now + Duration::from_mins(1));
    }

    #[test]
    fn all_chats_together_stay_below_thirty_a_second() {
        let pace = Pace::new();
        let now = Instant::now();
        let within_a_second = (0..100).filter(|chat| pace.take(*chat, now) < now + Duration::from_secs(1)).count();
        assert!(within_a_second <= 30, "{within_a_second}");
    }
}
