//! The relay role: puts due jobs on the belt, takes jobs back from workers that are gone, and keeps house.
//!
//! Any number of relays may run: rows are marked by compare-and-set, and housekeeping is done by whoever has the turn.
//! Nothing is remembered here between two looks, so that a relay may die at any moment.

use std::time::Duration;

use bellhop_domain::{JobFailure, Queue};
use bellhop_store::StoreError;
use chrono::TimeDelta;
use thiserror::Error;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::connect;
use crate::jobs::Verdict;
use crate::metrics::Way;
use crate::work::belt::{Belt, BeltError, Entry};
use crate::work::run::run_of;
use crate::work::trouble::Trouble;
use crate::work::{run_slots, settle};

/// How often due jobs of a queue are looked for, and how soon again where the belt was just filled up.
const LOOK_EVERY: Duration = Duration::from_millis(200);
const LOOK_SOON: Duration = Duration::from_millis(20);

/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// How many entries may wait on the belt for each run slot: enough that no slot runs empty between two looks, few enough
/// that what became urgent does not wait behind them.
const WAITING_PER_SLOT: usize = 2;

/// The most that may wait on the belt of one queue. Many thousands at once would choke apalis-redis.
const WAITING_AT_MOST: usize = 1_000;

/// How many finished entries the belt keeps before it is swept out of turn.
const FINISHED_AT_MOST: usize = 500;

/// How often runs are looked for that nobody carries out any more, and how many at once.
const RECONCILE_EVERY: Duration = Duration::from_secs(2);
const RECONCILE_AT_ONCE: i32 = 100;

/// How long whoever still holds a job has to say so after Postgres was away: every lease may have run out meanwhile, and a job
/// taken from a run that lives is done twice. Longer than a renewal that failed takes to be tried again.
const RENEWED_FIRST: Duration = Duration::from_secs(10);

/// How often the house is kept, and on every how manieth turn old rows are thrown away.
const KEEP_HOUSE_EVERY: Duration = Duration::from_secs(5);
const SWEEP_EVERY_TURNS: u64 = 60;

/// How long handled updates are remembered, so that a repeat is known. Telegram itself keeps updates for a day.
const KEEP_UPDATES: TimeDelta = TimeDelta::days(7);

/// How many events one step of the tallies takes in at the most.
const TALLY_STEP: usize = 500;

/// Why a look came to nothing. Look again later.
#[derive(Debug, Error)]
pub enum RelayError {
    /// Postgres failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Redis failed.
    #[error(transparent)]
    Belt(#[from] BeltError),
}

/// Relays until the process stops.
pub async fn run(app: App, stop: CancellationToken) {
    let Some(belt) = Belt::of_installation(&app, &stop).await else { return };
    let work = async {
        tokio::join!(
            // Each at its own pace, so that neither a slow answer about one queue nor a full one holds up another.
            dispatch_for_ever(&app, &belt, Queue::Access),
            dispatch_for_ever(&app, &belt, Queue::Fetch),
            dispatch_for_ever(&app, &belt, Queue::Notify),
            reconcile_for_ever(&app),
            keep_house_for_ever(&app, &belt)
        );
    };
    // Dropped between two statements at the worst: a row marked and not pushed goes round again.
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

/// What a look at one queue came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Everything due is on the belt.
    Done,
    /// The belt was filled up: as soon as something is taken off it, more may be put on.
    Filled,
    /// The belt was full. Only workers can change that, and what waits keeps them busy meanwhile.
    NoRoom,
}

impl Look {
    const fn of(room: usize, dispatched: usize) -> Self {
        match (room, dispatched) {
            (0, _) => Self::NoRoom,
            (room, dispatched) if dispatched < room => Self::Done,
            _ => Self::Filled,
        }
    }

    const fn pause(self) -> Duration {
        match self {
            Self::Done | Self::NoRoom => LOOK_EVERY,
            Self::Filled => LOOK_SOON,
        }
    }
}

async fn dispatch_for_ever(app: &App, belt: &Belt, queue: Queue) {
    let mut trouble = Trouble::with(match queue {
        Queue::Access => "putting due jobs of the queue `access` on the belt",
        Queue::Fetch => "putting due jobs of the queue `fetch` on the belt",
        Queue::Notify => "putting due jobs of the queue `notify` on the belt",
    });
    loop {
        let pause = match dispatch(app, belt, queue).await {
            Ok(look) => {
                trouble.over();
                look.pause()
            }
            Err(error) => {
                trouble.met(&error);
                PAUSE
            }
        };
        sleep(pause).await;
    }
}

/// Fills the belt up.
pub(super) async fn dispatch(app: &App, belt: &Belt, queue: Queue) -> Result<Look, RelayError> {
    // Asked first: while the belt is away nothing is marked, so that whoever takes jobs directly finds them.
    let load = belt.load(queue).await?;
    if load.kept > load.waiting + FINISHED_AT_MOST {
        belt.sweep(queue).await?;
    }
    let may_wait = (WAITING_PER_SLOT * run_slots(queue) * load.workers.max(1)).min(WAITING_AT_MOST);
    let room = may_wait.saturating_sub(load.waiting);
    if room == 0 {
        return Ok(Look::NoRoom);
    }
    let dispatched = app.store.dispatch(queue, app.clock.now(), room).await?;
    if dispatched.is_empty() {
        return Ok(Look::Done);
    }
    let look = Look::of(room, dispatched.len());
    let entries = dispatched.into_iter().map(|marked| Entry {
        tenant: marked.tenant,
        job: marked.job,
        dispatch: marked.dispatch,
    });
    belt.push(queue, entries.collect()).await?;
    Ok(look)
}

async fn reconcile_for_ever(app: &App) {
    let mut trouble = Trouble::with("taking jobs back from workers that are gone");
    loop {
        match reconcile(app).await {
            Ok(()) => trouble.over(),
            Err(error) => {
                trouble.met(&error);
                while app.store.ping().await.is_err() {
                    sleep(RECONCILE_EVERY).await;
                }
                sleep(RENEWED_FIRST).await;
                continue;
            }
        }
        sleep(RECONCILE_EVERY).await;
    }
}

async fn reconcile(app: &App) -> Result<(), StoreError> {
    let reconciled = app.store.reconcile_lapsed(RECONCILE_AT_ONCE).await?;
    for job in &reconciled.released {
        tracing::warn!(%job, "a run ended without a result; the job goes round again");
    }
    for started in reconciled.poisoned {
        tracing::error!(job = %started.job, "a job ended without a result too often and is buried");
        let run = run_of(started, Way::Belt);
        settle::settle(app, &run, Verdict::Bury { reason: JobFailure::Poison }).await;
    }
    Ok(())
}

async fn keep_house_for_ever(app: &App, belt: &Belt) {
    let mut trouble = Trouble::with("keeping house");
    let mut sweeping = Trouble::with("sweeping the belt");
    let mut timer = interval(KEEP_HOUSE_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in 0_u64.. {
        timer.tick().await;
        match keep_house(app, turn % SWEEP_EVERY_TURNS == 0).await {
            Ok(()) => trouble.over(),
            Err(error) => trouble.met(&error),
        }
        match sweep_belt(belt).await {
            Ok(()) => sweeping.over(),
            Err(error) => sweeping.met(&error),
        }
    }
}

async fn keep_house(app: &App, sweep: bool) -> Result<(), StoreError> {
    if let Some(turn) = app.store.take_turn().await? {
        while app.store.advance_tallies().await? >= TALLY_STEP {}
        if sweep {
            let now = app.clock.now();
            app.store.sweep_done_jobs(now).await?;
            app.store.sweep_commands(now).await?;
            app.store.sweep_shown_mail(now).await?;
            app.store.sweep_breakers(now).await?;
            connect::sweep(app).await?;
            for tenant in app.store.tenants().await? {
                app.store.sweep_updates(tenant, now - KEEP_UPDATES).await?;
            }
        }
        drop(turn);
    }
    let tallies = app.store.tallies().await?;
    app.metrics.log_events(tallies.iter().map(|(name, events)| (name.as_str(), *events)));
    Ok(())
}

async fn sweep_belt(belt: &Belt) -> Result<(), BeltError> {
    for queue in Queue::ALL {
        belt.sweep(queue).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_belt_is_looked_at_no_more_often_than_one_with_nothing_to_do() {
        assert_eq!(Look::of(0, 0).pause(), LOOK_EVERY);
        assert_eq!(Look::of(20, 0).pause(), LOOK_EVERY);
        assert_eq!(Look::of(20, 19).pause(), LOOK_EVERY);
        assert_eq!(Look::of(20, 20).pause(), LOOK_SOON);
    }
}
