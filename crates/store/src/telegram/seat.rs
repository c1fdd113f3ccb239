//! The one seat of the bot: whoever holds it listens, everybody else stands by.
//!
//! Two processes that poll Telegram at once throw each other out.

use crate::Store;
use crate::error::StoreError;
use crate::session_lock::SessionLock;

/// The number that the lock goes by in this database: "bot seat" in ASCII.
const LOCK: i64 = 0x626f_7420_7365_6174;

impl Store {
    /// Takes the seat, if it is free. Whoever cannot keep it stops listening.
    pub async fn take_bot_seat(&self) -> Result<Option<SessionLock>, StoreError> {
        self.take_session_lock(LOCK).await
    }
}
