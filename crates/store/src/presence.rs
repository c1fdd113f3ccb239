//! By what a worker's process is known to be alive, sooner than by the leases of its runs.
//!
//! What it says counts only together with a lease that was not renewed lately: whoever has lost the session and still
//! renews is left alone.

use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::session_lock::SessionLock;

/// What the runs of one process are marked with: the advisory lock that it holds while it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence(i64);

impl Presence {
    /// Of a process that has this random id.
    #[must_use]
    pub fn new(process: Uuid) -> Self {
        Self(process.as_u64_pair().0.cast_signed())
    }

    pub(crate) fn number(self) -> i64 {
        self.0
    }
}

impl Store {
    /// Shows that a process is there, for as long as the answer is kept. None: an earlier session of its own still does.
    pub async fn show_presence(&self, presence: Presence) -> Result<Option<SessionLock>, StoreError> {
        self.take_session_lock(presence.number()).await
    }
}
