//! The worker role: apalis takes entries off the belt and asks for their runs; while the belt is away, `direct.rs` does.
//!
//! apalis is told of nothing but success. Its workers die with every trouble of Redis and are started again here, each
//! under a name that was never used before; the runs they had asked for go on, for they are tasks of their own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use apalis::prelude::{BackendExt, Monitor, WorkerBuilder, WorkerBuilderExt};
use bellhop_domain::Queue;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::App;
use crate::work::belt::{Belt, Entry, POLL_INTERVAL, SteadyPoll};
use crate::work::run::Runs;
use crate::work::{direct, run_slots};

/// How often the belt is asked whether it carries, how long it has to answer, and after how many failures in a row it
/// counts as away.
const ASK_EVERY: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);
const FAILURES_UNTIL_AWAY: u32 = 2;

/// The pause before a worker of apalis is started again, growing with each quick failure.
const RESTART_PAUSE: Duration = Duration::from_millis(250);

/// A worker that ends sooner than this failed quickly.
const QUICK: Duration = Duration::from_secs(10);

/// After how many quick failures in a row, with Redis well, what is on the belt must be at fault.
const QUICK_FAILURES_UNTIL_CLEARED: u32 = 5;

/// How long the workers of apalis have to end once the runs have.
const CLOSING: Duration = Duration::from_secs(1);

/// Runs jobs until the process stops; then gives the runs time to end and hands back the rest.
pub async fn run(app: App, stop: CancellationToken) {
    let Some(belt) = Belt::of_installation(&app, &stop).await else { return };
    let runs = Runs::new(app.clone());
    let boot = app.new_id();
    let (say_away, away) = watch::channel(false);
    let mut tasks = JoinSet::new();
    let mut takers = JoinSet::new();
    tasks.spawn(watch_belt(belt.clone(), say_away, stop.clone()));
    for queue in Queue::ALL {
        tasks.spawn(serve(belt.clone(), runs.clone(), queue, boot, stop.clone()));
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

/// Keeps a worker of apalis on a queue until the process stops.
async fn serve(belt: Belt, runs: Runs, queue: Queue, boot: Uuid, stop: CancellationToken) {
    let starts = Arc::new(AtomicU64::new(0));
    let gate = Gate { belt: belt.clone(), queue, passed: Arc::default() };
    while !stop.is_cancelled() {
        let (belt, runs, gate, starts) = (belt.clone(), runs.clone(), gate.clone(), Arc::clone(&starts));
        let (until, until_stopped) = (stop.clone(), stop.clone());
        let monitor = Monitor::new().should_restart(move |_, _| !until.is_cancelled()).register(move |_| {
            // A name is never used twice: apalis would refuse it until the old one had missed its heartbeats.
            let name = format!("{boot}-{}", starts.fetch_add(1, Ordering::Relaxed));
            let (gate, known, belt) = (gate.clone(), name.clone(), belt.clone());
            let backend = belt
                .storage(queue)
                .before_start(move |_| {
                    let gate = gate.clone();
                    async move {
                        gate.pass().await;
                        Ok(())
                    }
                })
                .after_start(move |_| {
                    let (belt, known) = (belt.clone(), known.clone());
                    async move {
                        // Only tidiness: what fails here fails the next look at the belt too.
                        let _ = belt.let_expire(queue, &known).await;
                        Ok(())
                    }
                })
                .poll_with_strategy(SteadyPoll::every(POLL_INTERVAL));
            let (runs, stop) = (runs.clone(), until_stopped.clone());
            WorkerBuilder::new(name)
                .backend(backend)
                .concurrency(run_slots(queue))
                .build(move |entry: Value| take(entry, queue, runs.clone(), stop.clone()))
        });
        let context = monitor.context();
        let mut running = std::pin::pin!(monitor.run());
        tokio::select! {
            _ = &mut running => {}
            () = stop.cancelled() => {
                let _ = context.shutdown();
                let _ = running.await;
                return;
            }
        }
        tracing::warn!(%queue, "the belt's worker ended and is started again");
        sleep(RESTART_PAUSE).await;
    }
}

/// Asks for the run of one entry and waits for its end. Whatever comes of it, apalis sees success.
async fn take(entry: Value, queue: Queue, runs: Runs, stop: CancellationToken) {
    let entry: Entry = match serde_json::from_value(entry) {
        Ok(entry) => entry,
        Err(_) => {
            tracing::warn!(%queue, "there was something on the belt that is no entry");
            return;
        }
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

/// What a worker of apalis passes before it starts: it is held back until the belt carries.
#[derive(Clone)]
struct Gate {
    belt: Belt,
    queue: Queue,
    passed: Arc<Mutex<Passed>>,
}

#[derive(Debug, Default)]
struct Passed {
    last: Option<Instant>,
    quick_failures: u32,
}

impl Gate {
    async fn pass(&self) {
        let failures = self.quick_failures();
        sleep(RESTART_PAUSE * failures.min(QUICK_FAILURES_UNTIL_CLEARED)).await;
        while self.belt.probe(PATIENCE).await.is_err() {
            sleep(ASK_EVERY).await;
        }
        if failures >= QUICK_FAILURES_UNTIL_CLEARED && self.belt.clear(self.queue).await.is_ok() {
            tracing::warn!(queue = %self.queue, "the belt could not be read and was emptied; its jobs are dispatched again");
            self.passed.lock().unwrap_or_else(PoisonError::into_inner).quick_failures = 0;
        }
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).last = Some(Instant::now());
    }

    /// How often in a row a worker has failed quickly, the one that is about to start being the next try.
    fn quick_failures(&self) -> u32 {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let quick = passed.last.is_some_and(|last| last.elapsed() < QUICK);
        passed.quick_failures = if quick { passed.quick_failures + 1 } else { 0 };
        passed.quick_failures
    }
}
