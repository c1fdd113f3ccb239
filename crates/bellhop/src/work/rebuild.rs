//! The belt emptied and filled again from the job table, and whether it carries what the table says.
//!
//! Never needed for safety, as the belt loses nothing that is not dispatched again: it is for an operator who wants a
//! clean one now. Only this installation's part of Redis is touched.

use std::collections::HashSet;

use bellhop_domain::Queue;

use crate::app::App;
use crate::work::belt::Belt;
use crate::work::relay::{self, RelayError};

/// Empties the belt and puts on it what is due, as far as there is room. Answers how many entries wait on it then.
pub async fn refill(app: &App) -> Result<usize, RelayError> {
    let belt = belt(app).await?;
    for queue in Queue::ALL {
        belt.empty(queue).await?;
    }
    // Afterwards: what a relay marked meanwhile may have been thrown away with the rest. Where it was not, its entry
    // starts nothing and the next one does.
    app.store.forget_marks().await?;
    let mut waiting = 0;
    for queue in Queue::ALL {
        relay::dispatch(app, &belt, queue).await?;
        waiting += belt.load(queue).await?.waiting;
    }
    Ok(waiting)
}

/// The first thing on the belt that is not as the job table says, or is missing from it. Running relays and workers are no
/// difference: what is on its way counts for neither side.
pub async fn compare(app: &App) -> Result<Option<String>, RelayError> {
    let belt = belt(app).await?;
    for queue in Queue::ALL {
        let before = belt.carried(queue).await?;
        let marked = app.store.marked(queue).await?;
        let after = belt.carried(queue).await?;
        if after.unreadable > 0 {
            return Ok(Some(format!("{queue}: {} entries cannot be read", after.unreadable)));
        }
        let valid: HashSet<_> = marked.iter().map(|row| (row.job, row.dispatch)).collect();
        // What was taken and started between the looks does not lie there any more.
        let stale = before
            .waiting
            .iter()
            .find(|entry| !valid.contains(&(entry.job, entry.dispatch)) && after.waiting.contains(entry));
        if let Some(entry) = stale {
            return Ok(Some(format!("{queue}: the belt carries {} under a dispatch that starts nothing", entry.job)));
        }
        let carried: HashSet<_> = [&before, &after]
            .into_iter()
            .flat_map(|carried| carried.waiting.iter().chain(&carried.taken))
            .map(|entry| (entry.job, entry.dispatch))
            .collect();
        let lost = marked.iter().find(|row| row.is_old && !carried.contains(&(row.job, row.dispatch)));
        if let Some(row) = lost {
            return Ok(Some(format!("{queue}: {} should be on the belt", row.job)));
        }
    }
    Ok(None)
}

async fn belt(app: &App) -> Result<Belt, RelayError> {
    let installation = app.store.installation().await?;
    Ok(Belt::open(&app.settings.redis_url, installation)?)
}
