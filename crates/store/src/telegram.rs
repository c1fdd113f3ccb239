//! What is remembered about people on Telegram: who they are, what they sent and what still waits to be shown to them.
//!
//! Without this file a crash would swallow what somebody asked for. Everything personal is sealed under the owner's key;
//! nothing here knows how a message looks.

mod live;
mod people;
mod seat;
mod updates;

pub use live::{LiveMessage, LiveState, Shows};
pub use people::Chat;
pub use updates::{ClaimedUpdate, NewUpdate, UpdateOutcome};
