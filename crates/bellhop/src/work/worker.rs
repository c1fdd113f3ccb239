//! The worker role: entries that come off the belt become runs; while the belt is away, `direct.rs` makes them.
//!
//! Whatever becomes of a run, apalis is told of nothing but success: what a failure means is decided in `settle.rs`.

use std::time::Duration;

use bellhop_domain::Queue;
use bellhop_store::Presence;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::work::belt::{Belt, Entry};
use crate::work::run::Runs;
use crate::work::{direct, presence, station};

/// How often the belt is asked whether it carries, how long it has to answer, and after how many failures in a row it
/// counts as away.
const ASK_EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);
const FAILURES_UNTIL_AWAY: u32 = 2;

/// How long the workers of apalis have to end once the runs have.
const CLOSING: Duration = Duration::from_secs(1);

/// Runs jobs until the process stops; then gives the runs time to end and hands back the rest.
pub async fn run(app: App, stop: CancellationToken) {
    let Some(belt) = Belt::of_installation(&app, &stop).await else { return };
    let boot = app.new_id();
    let runs = Runs::new(app.clone(), Presence::new(boot));
    // To the very end, with whatever is still running then.
    let mut showing = JoinSet::new();
    showing.spawn(presence::show(app.clone(), runs.presence()));
    let (say_away, away) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let mut takers = JoinSet::new();
    tasks.spawn(watch_belt(belt.clone(), say_away, stop.clone()));
    for queue in Queue::ALL {
        let (runs_of_queue, until) = (runs.clone(), stop.clone());
        let take_entry = move |entry| take(entry, queue, runs_of_queue.clone(), until.clone());
        tasks.spawn(station::attend(belt.clone(), queue, boot, stop.clone(), take_entry));
        takers.spawn(direct::run(app.clone(), runs.clone(), queue, away.clone(), stop.clone()));
    }
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        // None of them ends by itself: the process must not go on with a queue that nobody serves.
        Some(_) = tasks.join_next() => tracing::error!("a part of the worker ended"),
        Some(_) = takers.join_next() => tracing::error!("a part of the worker ended"),
    }
    // What a taker has just started must be among the runs before these are waited for.
    let _ = timeout(CLOSING, async { while takers.join_next().await.is_some() {} }).await;
    runs.finish().await;
    let _ = timeout(CLOSING, async { while tasks.join_next().await.is_some() {} }).await;
}

/// Says whether the belt is away, until the process stops.
async fn watch_belt(belt: Belt, away: watch::Sender<bool>, stop: CancellationToken) {
    let mut failures = 0;
    loop {
        match belt.probe(PATIENCE).await {
            Ok(()) => {
                failures = 0;
                if away.send_replace(false) {
                    tracing::info!("the belt is back");
                }
            }
            Err(error) => {
                failures += 1;
                if failures >= FAILURES_UNTIL_AWAY && !away.send_replace(true) {
                    tracing::warn!(%error, "the belt is away; due jobs are taken straight from Postgres");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(ASK_EVERY) => {}
        }
    }
}

/// Asks for the run of one entry and waits for its end.
async fn take(entry: Value, queue: Queue, runs: Runs, stop: CancellationToken) {
    let Ok(entry) = serde_json::from_value::<Entry>(entry) else {
        tracing::warn!(%queue, "there was something on the belt that is no entry");
        return;
    };
    let slot = tokio::select! {
        () = stop.cancelled() => return,
        slot = runs.slot(queue) => slot,
    };
    let Some(slot) = slot else { return };
    if !stop.is_cancelled() {
        let _ = runs.begin(entry, slot).await;
    }
}
