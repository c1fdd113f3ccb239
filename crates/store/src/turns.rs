//! Whose turn it is to change a stream, within this process.
//!
//! The version of a stream is what keeps decisions right. Taking turns keeps them from being made in vain: without it, fifty
//! callers of one stream decide at once, one wins, and the others start again until some give up.

use std::collections::BTreeSet;
use std::sync::Arc;

use bellhop_domain::IntegrationId;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// How many streams can be changed at once before two that have nothing to do with each other wait for each other.
const STRIPES: usize = 256;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Turns(Arc<[Arc<Mutex<()>>]>);

impl Turns {
    /// Everybody's turn.
    pub fn new() -> Self {
        Self((0..STRIPES).map(|_| Arc::default()).collect())
    }

    /// Waits for the turn on these streams, in the same order as everybody else. It ends when the answer is dropped.
    pub async fn take(&self, streams: impl Iterator<Item = IntegrationId>) -> Vec<OwnedMutexGuard<()>> {
        let stripes: BTreeSet<usize> = streams.map(stripe).collect();
        let mut held = vec![];
        for stripe in stripes {
            if let Some(turn) = self.0.get(stripe) {
                held.push(Arc::clone(turn).lock_owned().await);
            }
        }
        held
    }
}

fn stripe(stream: IntegrationId) -> usize {
    usize::try_from(stream.uuid().as_u128() % STRIPES as u128).unwrap_or(0)
}
