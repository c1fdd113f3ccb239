//! Walks that nobody finishes: ended with their reason, and forgotten a day later.

use bellhop_domain::AuthorizationFailure;
use bellhop_store::{Actor, StoreError};
use chrono::TimeDelta;

use super::ending::{Ending, end};
use super::finish::EXCHANGE_LIMIT;
use crate::app::App;

/// How many walks are ended in one sweep; the next one takes the rest.
const BATCH: i32 = 200;

/// How long links and walks are kept after their end.
const KEPT: TimeDelta = TimeDelta::days(1);

/// Ends walks that were abandoned or whose exchange was never answered, and deletes what ended a day ago. Answers how many
/// were ended. May run in several processes at once.
pub async fn sweep(app: &App) -> Result<usize, StoreError> {
    let now = app.clock.now();
    let mut ended = 0;
    for attempt in app.store.abandoned_attempts(now, BATCH).await? {
        end(app, &attempt, Actor::Bellhop, Ending::Failed(AuthorizationFailure::Abandoned)).await?;
        ended += 1;
    }
    for tenant in app.store.tenants().await? {
        // Whoever made such an exchange has died: it would have ended by now.
        for attempt in app.store.unanswered_exchanges(tenant, now - EXCHANGE_LIMIT * 10, BATCH.into()).await? {
            end(app, &attempt, Actor::Bellhop, Ending::Failed(AuthorizationFailure::ExchangeTimedOut)).await?;
            ended += 1;
        }
        app.store.sweep_connect(tenant, now - KEPT).await?;
    }
    Ok(ended)
}
