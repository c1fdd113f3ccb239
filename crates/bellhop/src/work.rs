//! The way of a job from its row to its end: relay, belt, worker, run, settlement.
//!
//! Postgres decides and Redis carries. Anything here may die at any moment, be stopped for a minute or happen twice; what
//! keeps that harmless are the compare-and-sets of `bellhop_store`, never something remembered here.
//!
//! ```text
//! relay.rs    due rows -> belt; jobs of the dead back; housekeeping
//! belt.rs     what Redis carries, and how apalis-redis is set
//! station.rs  a worker of apalis on each queue, kept alive
//! worker.rs   what comes off the belt -> runs; direct.rs in its stead while the belt is away
//! run.rs      one run: its slot, its lease, its handler
//! presence.rs that the process of the runs lives
//! settle.rs   what a verdict means for the row
//! rebuild.rs  the belt emptied and filled again, for the operator
//! ```

pub mod belt;
mod direct;
mod presence;
pub mod rebuild;
pub mod relay;
mod run;
mod settle;
mod station;
mod trouble;
pub mod worker;

use std::time::Duration;

use bellhop_domain::Queue;
use redis::Client;
use secrecy::ExposeSecret;

use crate::app::App;

/// How long Redis has to answer whether it can be reached.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many runs of a queue one process has at the same time. A queue of its own keeps a slow mailbox from delaying a
/// refresh.
const fn run_slots(queue: Queue) -> usize {
    match queue {
        Queue::Access => 8,
        Queue::Fetch | Queue::Notify => 4,
    }
}

/// Whether Redis takes a write at this moment. One that is out of memory or read-only carries nothing, though it answers.
pub async fn is_belt_reachable(app: &App) -> bool {
    let ask = async {
        let client = Client::open(app.settings.redis_url.expose_secret())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        belt::write_probe(&mut connection).await
    };
    matches!(tokio::time::timeout(PATIENCE, ask).await, Ok(Ok(())))
}
