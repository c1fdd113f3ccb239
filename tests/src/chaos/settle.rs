//! The end of a chaos: nothing is broken any more, and everything that is due is done.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::sleep;

use super::recovery::Recovery;
use super::stage::Stage;
use crate::trouble::{Story, Trouble};
use crate::wait::until_within;

/// How long after the last fault nothing may be overdue any more.
const SETTLED_WITHIN: TimeDelta = TimeDelta::seconds(60);

/// What is due for so long, by the house's clock, is overdue.
const OVERDUE: TimeDelta = TimeDelta::seconds(10);

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(500);

/// How long everybody may take to be ready after the last fault.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// How far the clock is moved at the end, and how often: every poll comes round, and every pause after a failure is over.
const LATER: TimeDelta = TimeDelta::minutes(6);
const TIMES: usize = 2;

/// At rest is a house in which nothing comes due for so long: longer than it takes to look at it.
const QUIET: TimeDelta = TimeDelta::minutes(2);

/// How often the clock is moved on for what is tried again.
const TRIES: usize = 8;

/// How long everything that has come due then may take.
const DRAINED_WITHIN: Duration = Duration::from_secs(90);

impl Stage<'_> {
    /// Waits until every fault has been followed by probes that came back, or for so long that it says enough.
    pub async fn works_again(&self) -> Story {
        let since = self.now()?.real;
        loop {
            let recovery = Recovery::of(&self.chronicle().faults, &self.beats());
            if recovery.never.is_empty() || self.now()?.real - since > SETTLED_WITHIN {
                return Ok(());
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until nothing is overdue; a finding where that takes too long. Answers the seconds since the last fault.
    pub async fn nothing_is_overdue(&self) -> Story<f64> {
        self.all_are_well(READY_WITHIN).await?;
        let last_fault = self.chronicle().last_fault().real;
        loop {
            let overdue = self.due_by(self.now()?.app - OVERDUE).await?;
            let since = self.now()?.real - last_fault;
            if since > SETTLED_WITHIN {
                let words = overdue.iter().take(5).map(ToString::to_string).collect::<Vec<_>>().join(" ");
                let seconds = since.num_seconds();
                self.finds(format!(
                    "{seconds} s after the last fault, and no sooner, it was known that {} jobs are overdue {words}",
                    overdue.len()
                ));
            }
            if overdue.is_empty() || since > SETTLED_WITHIN {
                return Ok(since.as_seconds_f64());
            }
            sleep(LOOK).await;
        }
    }

    /// Brings the house to rest: dead letters are replayed, and whatever comes due in the next minutes is done.
    pub async fn come_to_rest(&self) -> Story {
        self.replay_letters().await?;
        for _ in 0..TIMES {
            self.house.advance(LATER)?;
            self.drain().await?;
        }
        for _ in 0..TRIES {
            // What failed just now is tried again in a few seconds.
            if self.due_by(self.now()?.app + QUIET).await?.is_empty() {
                return Ok(());
            }
            self.house.advance(QUIET)?;
            self.drain().await?;
        }
        Err(Trouble::new("the house does not come to rest: something is tried again and again"))
    }

    /// Waits until everything due is done.
    async fn drain(&self) -> Story {
        until_within(DRAINED_WITHIN, "everything due to be done", async || {
            sleep(LOOK).await;
            Ok(self.due_by(self.now()?.app).await?.is_empty().then_some(()))
        })
        .await
    }

    /// Open jobs that are due by then, running or not.
    async fn due_by(&self, moment: DateTime<Utc>) -> Story<Vec<serde_json::Value>> {
        let sql = format!(
            "select id, kind, due_at, attempts, crashes, lease, leased_until, dispatched_at from jobs
             where state = 'open' and due_at <= '{}'",
            moment.to_rfc3339()
        );
        self.house.database.rows(&sql).await.map_err(|trouble| Trouble::new(format!("jobs cannot be seen: {trouble}")))
    }
}
