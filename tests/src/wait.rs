//! Waiting for something to be so, instead of waiting for a while.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::trouble::{Story, Trouble};

/// How long something may take on a busy machine before a story gives up. Success never waits for it.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// How long to leave the processors to the programs between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(40);

/// Looks until there is something to see.
pub async fn until<T>(what: &str, look: impl AsyncFnMut() -> Story<Option<T>>) -> Story<T> {
    until_within(PATIENCE, what, look).await
}

/// Looks until there is something to see, or so much time has passed.
pub async fn until_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Story<Option<T>>,
) -> Story<T> {
    let give_up = Instant::now() + patience;
    loop {
        if let Some(seen) = look().await? {
            return Ok(seen);
        }
        if Instant::now() >= give_up {
            return Err(Trouble::new(format!("waited {} s in vain for {what}", patience.as_secs())));
        }
        sleep(BETWEEN_LOOKS).await;
    }
}
