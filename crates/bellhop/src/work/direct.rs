//! Due jobs straight from Postgres while the belt is away: slower, within the same slots, and under the same leases.
//!
//! Nothing here may run while the belt carries: then every job goes over it.

use std::time::Duration;

use bellhop_domain::Queue;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::work::run::Runs;
use crate::work::trouble::Trouble;

/// How often to look for due jobs.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Takes due jobs of a queue whenever the belt is away, until the process stops.
pub async fn run(app: App, runs: Runs, queue: Queue, mut away: watch::Receiver<bool>, stop: CancellationToken) {
    let mut trouble = Trouble::with("taking due jobs from Postgres");
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            changed = away.wait_for(|away| *away) => if changed.is_err() { return },
        }
        match take(&app, &runs, queue).await {
            Ok(()) => trouble.over(),
            Err(error) => trouble.met(&error),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn take(app: &App, runs: &Runs, queue: Queue) -> Result<(), bellhop_store::StoreError> {
    let slots = runs.free_slots(queue);
    if slots.is_empty() {
        return Ok(());
    }
    let started = app.store.start_direct(queue, runs.presence(), app.clock.now(), slots.len()).await?;
    for (job, slot) in started.into_iter().zip(slots) {
        runs.go_on(job, slot);
    }
    Ok(())
}
