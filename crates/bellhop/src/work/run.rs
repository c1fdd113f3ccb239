//! One run of a job: its slot, its lease, its handler, and what happens when the process is told to stop.
//!
//! A run lives in a task of its own, so that a lost belt cannot cancel it half-way. Its lease is renewed while it lives.
//! Losing the lease does not cancel the handler either: everything it still records is refused by the store, except a
//! token answer, which must not be lost.

use std::sync::Arc;
use std::time::Duration;

use bellhop_domain::{JobFailure, JobKind, Queue};
use bellhop_store::{Presence, StartedJob, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

use crate::app::App;
use crate::jobs::{self, Run, Verdict};
use crate::metrics::Way;
use crate::work::belt::Entry;
use crate::work::{run_slots, settle};

/// How often a lease is renewed. Somebody who is gone and has not renewed for eight seconds loses the job
/// (`bellhop_store`'s `runs.rs`), so that this and a try again are less.
const RENEW_EVERY: Duration = Duration::from_secs(4);

/// How soon a renewal that failed is tried again.
const RENEW_AGAIN: Duration = Duration::from_secs(2);

/// How long runs may go on after the process was told to stop. With handing back and closing it is 23 s.
const GRACE: Duration = Duration::from_secs(18);

/// How long handing back what is left may take.
const HAND_BACK: Duration = Duration::from_secs(3);

/// A place for one run. Dropping it makes room for the next.
pub type Slot = OwnedSemaphorePermit;

/// The runs of this process. Cheap to clone.
#[derive(Clone)]
pub struct Runs {
    app: App,
    presence: Presence,
    slots: [Arc<Semaphore>; Queue::ALL.len()],
    tasks: TaskTracker,
    handlers: TaskTracker,
    hand_back: CancellationToken,
}

impl Runs {
    /// No runs yet, of a process that is known by this.
    pub fn new(app: App, presence: Presence) -> Self {
        Self {
            app,
            presence,
            slots: Queue::ALL.map(|queue| Arc::new(Semaphore::new(run_slots(queue)))),
            tasks: TaskTracker::new(),
            handlers: TaskTracker::new(),
            hand_back: CancellationToken::new(),
        }
    }

    /// What they are marked with.
    pub fn presence(&self) -> Presence {
        self.presence
    }

    fn slots_of(&self, queue: Queue) -> &Arc<Semaphore> {
        &self.slots[queue as usize]
    }

    /// Waits for a place. None: the process is at its end.
    pub async fn slot(&self, queue: Queue) -> Option<Slot> {
        Arc::clone(self.slots_of(queue)).acquire_owned().await.ok()
    }

    /// The places that are free now.
    pub fn free_slots(&self, queue: Queue) -> Vec<Slot> {
        std::iter::from_fn(|| Arc::clone(self.slots_of(queue)).try_acquire_owned().ok()).collect()
    }

    /// Starts the run that an entry of the belt asks for, if it may still be started, and carries it out.
    pub fn begin(&self, entry: Entry, slot: Slot) -> JoinHandle<()> {
        let runs = self.clone();
        self.tasks.spawn(async move {
            let app = &runs.app;
            match app.store.start(entry.tenant, entry.job, entry.dispatch, runs.presence, app.clock.now()).await {
                Ok(Some(started)) => runs.carry_out(started, Way::Belt).await,
                // An old entry: the job was started, moved or closed since.
                Ok(None) => {}
                // It is dispatched again.
                Err(error) => tracing::warn!(job = %entry.job, %error, "a job could not be started"),
            }
            drop(slot);
        })
    }

    /// Carries out a run that was started without the belt.
    pub fn go_on(&self, started: StartedJob, slot: Slot) -> JoinHandle<()> {
        let runs = self.clone();
        self.tasks.spawn(async move {
            runs.carry_out(started, Way::Direct).await;
            drop(slot);
        })
    }

    async fn carry_out(&self, started: StartedJob, way: Way) {
        let run = run_of(started, way);
        let span = span_of(&run);
        let outcome = async {
            let work = async {
                let verdict = self.handle(&run).await;
                settle::settle(&self.app, &run, verdict).await
            };
            tokio::select! {
                outcome = work => outcome,
                () = self.hand_back.cancelled() => hand_back(&self.app, &run).await,
                never = keep_lease(&self.app, &run) => match never {},
            }
        }
        .instrument(span)
        .await;
        self.app.metrics.job(run.payload.kind(), outcome, way);
    }

    /// The handler in a task of its own, so that its panic is an answer like any other.
    async fn handle(&self, run: &Run) -> Verdict {
        let (for_app, for_run) = (self.app.clone(), run.clone());
        let handler = async move { jobs::handle(&for_app, &for_run).await };
        self.handlers.spawn(handler.instrument(Span::current())).await.unwrap_or_else(|_| {
            tracing::error!(job = %run.job, kind = %run.payload.kind(), "the handler of a job panicked");
            Verdict::Retry { reason: JobFailure::Internal }
        })
    }

    /// Waits for the runs under way, and hands back those that take too long. Nothing may be begun any more.
    pub async fn finish(&self) {
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_ok() {
            return;
        }
        tracing::info!(runs = self.tasks.len(), "handing back jobs that take longer");
        self.hand_back.cancel();
        self.handlers.close();
        // A handler whose job was handed back may be recording a token answer: it has what is left of the time.
        let _ = tokio::time::timeout(HAND_BACK, async { tokio::join!(self.tasks.wait(), self.handlers.wait()) }).await;
    }
}

/// A run as its handler sees it.
pub fn run_of(started: StartedJob, way: Way) -> Run {
    Run {
        tenant: started.tenant,
        integration: started.integration,
        job: started.job,
        opened_by: started.opened_by,
        payload: started.payload,
        lease: started.lease,
        attempt: started.attempt,
        way,
    }
}

/// Renews the lease for as long as this is waited for.
async fn keep_lease(app: &App, run: &Run) -> std::convert::Infallible {
    let mut pause = RENEW_EVERY;
    loop {
        tokio::time::sleep(pause).await;
        pause = match app.store.renew_lease(run.tenant, run.job, run.lease).await {
            Ok(true) => RENEW_EVERY,
            Ok(false) => {
                // Closed by an event, or taken by another run: what this one still records is refused.
                tracing::debug!(job = %run.job, "a run has lost its job");
                std::future::pending().await
            }
            Err(error) => {
                tracing::debug!(job = %run.job, %error, "a lease could not be renewed yet");
                RENEW_AGAIN
            }
        };
    }
}

/// The handler is not cancelled: it may hold a token answer. It ends with the process.
async fn hand_back(app: &App, run: &Run) -> &'static str {
    let handed_back: Result<bool, StoreError> = app.store.hand_back(run.tenant, run.job, run.lease).await;
    if let Err(error) = handed_back {
        tracing::warn!(job = %run.job, %error, "a job could not be handed back; it goes round when its lease runs out");
    }
    settle::LOST
}

fn span_of(run: &Run) -> Span {
    macro_rules! span {
        ($name:literal) => {
            tracing::info_span!($name, job = %run.job, integration = %run.integration, attempt = run.attempt)
        };
    }
    match run.payload.kind() {
        JobKind::RefreshAccess => span!("job.refresh_access"),
        JobKind::FetchMail => span!("job.fetch_mail"),
        JobKind::FetchCalendar => span!("job.fetch_calendar"),
        JobKind::RevokeAccess => span!("job.revoke_access"),
        JobKind::NotifyOwner => span!("job.notify_owner"),
    }
}
