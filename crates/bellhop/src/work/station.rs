//! A worker of apalis on a queue of the belt, kept alive whatever becomes of Redis.
//!
//! Its workers die with every trouble of Redis: a restart, a flush, a stall, an entry they cannot read. Each is started
//! again here, under a name that was never used before. Nothing that must survive may live in a worker's own futures:
//! they are dropped with it.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use apalis::prelude::{BackendExt, Monitor, PollSnapshot, PollStrategy, WorkerBuilder, WorkerBuilderExt};
use bellhop_domain::Queue;
use serde_json::Value;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::work::belt::Belt;
use crate::work::run_slots;

/// How often a worker that found nothing looks again.
const POLL_EVERY: Duration = Duration::from_millis(30);

/// The pause before a worker is started again, growing with each quick failure.
const RESTART_PAUSE: Duration = Duration::from_millis(250);

/// A worker that ends sooner than this failed quickly.
const QUICK: Duration = Duration::from_secs(10);

/// After how many quick failures in a row, with Redis well, what is on the belt must be at fault.
const QUICK_FAILURES_UNTIL_EMPTIED: u32 = 5;

/// How long Redis has to answer whether it carries, and how long to leave it alone where it does not.
const PATIENCE: Duration = Duration::from_secs(2);
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Has what comes off the belt of this queue taken, until the process stops. `boot` is an id that no other process has;
/// `take` is waited for, but may be dropped half-way.
pub async fn attend<T, F>(belt: Belt, queue: Queue, boot: Uuid, stop: CancellationToken, take: T)
where
    T: Fn(Value) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let starts = Arc::new(AtomicU64::new(0));
    let gate = Gate { belt: belt.clone(), queue, passed: Arc::default() };
    while !stop.is_cancelled() {
        let (belt, gate, starts, take) = (belt.clone(), gate.clone(), Arc::clone(&starts), take.clone());
        let until = stop.clone();
        let monitor = Monitor::new().should_restart(move |_, _| !until.is_cancelled()).register(move |_| {
            // A name is never used twice: apalis would refuse it until the old one had missed its heartbeats.
            let name = format!("{boot}-{}", starts.fetch_add(1, Ordering::Relaxed));
            let (gate, known, registered) = (gate.clone(), name.clone(), belt.clone());
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
                    let (belt, known) = (registered.clone(), known.clone());
                    async move {
                        // Only tidiness: what fails here fails the next look at the belt too.
                        let _ = belt.let_expire(queue, &known).await;
                        Ok(())
                    }
                })
                .poll_with_strategy(SteadyPoll::every(POLL_EVERY));
            WorkerBuilder::new(name).backend(backend).concurrency(run_slots(queue)).build(take.clone())
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

/// What a worker passes before it starts: it is held back until the belt carries.
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
        sleep(RESTART_PAUSE * failures.min(QUICK_FAILURES_UNTIL_EMPTIED)).await;
        while self.belt.probe(PATIENCE).await.is_err() {
            sleep(ASK_AGAIN).await;
        }
        let emptied = failures >= QUICK_FAILURES_UNTIL_EMPTIED && self.belt.empty(self.queue).await.is_ok();
        if emptied {
            tracing::warn!(queue = %self.queue, "the belt could not be read and was emptied; its jobs are dispatched again");
        }
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        passed.last = Some(Instant::now());
        if emptied {
            passed.quick_failures = 0;
        }
    }

    /// How many workers in a row have failed quickly, up to the one that is about to start.
    fn quick_failures(&self) -> u32 {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        let quick = passed.last.is_some_and(|last| last.elapsed() < QUICK);
        passed.quick_failures = if quick { passed.quick_failures + 1 } else { 0 };
        passed.quick_failures
    }
}

/// Looks for entries at a steady pace, whatever came of the last look.
struct SteadyPoll(Interval);

impl SteadyPoll {
    /// Looks this often.
    fn every(period: Duration) -> Self {
        let mut interval = interval(period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self(interval)
    }
}

impl PollStrategy for SteadyPoll {
    fn poll_drive(&mut self, context: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        // Polled until it is pending, so that the waker is registered for the next tick. The library's own interval
        // leaves a fresh timer unpolled and sleeps until something else happens.
        let mut ticked = Poll::Pending;
        while Pin::new(&mut self.0).poll_tick(context).is_ready() {
            ticked = Poll::Ready(Some(()));
        }
        ticked
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::task::{Wake, Waker};

    use bellhop_domain::{JobId, TenantId};
    use redis::aio::MultiplexedConnection;
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::*;
    use crate::work::belt::Entry;

    /// A belt of its own, with a worker that reports what it takes.
    struct Station {
        belt: Belt,
        installation: Uuid,
        redis: MultiplexedConnection,
        taken: mpsc::UnboundedReceiver<Value>,
        stop: CancellationToken,
        attended: tokio::task::JoinHandle<()>,
    }

    const QUEUE: Queue = Queue::Notify;

    /// How long one start of a worker takes at the most, and how long it takes to give a belt up.
    const SOON: Duration = Duration::from_secs(3);
    const IN_THE_END: Duration = Duration::from_secs(20);

    impl Station {
        async fn open() -> Self {
            #[expect(clippy::disallowed_methods, reason = "the test's own settings")]
            let url = std::env::var("REDIS_URL").expect("REDIS_URL is not set; run ./ops/test");
            let installation = Uuid::new_v4();
            let belt = Belt::open(&url.clone().into(), installation).unwrap();
            let redis = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
            let (report, taken) = mpsc::unbounded_channel();
            let stop = CancellationToken::new();
            let take = move |entry: Value| {
                let report = report.clone();
                async move {
                    let _ = report.send(entry);
                }
            };
            let attended = tokio::spawn(attend(belt.clone(), QUEUE, Uuid::new_v4(), stop.clone(), take));
            Self { belt, installation, redis, taken, stop, attended }
        }

        fn key(&self, part: &str) -> String {
            format!("bellhop:{}:{QUEUE}:{part}", self.installation)
        }

        async fn ask(&mut self, command: &[&str]) -> redis::Value {
            let (name, arguments) = command.split_first().unwrap();
            redis::cmd(name).arg(arguments).query_async(&mut self.redis).await.unwrap()
        }

        async fn keys(&mut self) -> Vec<String> {
            let pattern = format!("bellhop:{}:*", self.installation);
            redis::cmd("KEYS").arg(pattern).query_async(&mut self.redis).await.unwrap()
        }

        /// What a flush does, to this belt alone.
        async fn flush(&mut self) {
            for key in self.keys().await {
                self.ask(&["DEL", &key]).await;
            }
        }

        /// The relay's part: the entry goes round until somebody takes it.
        async fn carries_within(&mut self, limit: Duration) {
            let end = Instant::now() + limit;
            while Instant::now() < end {
                let entry = entry();
                if self.belt.push(QUEUE, vec![entry]).await.is_ok() {
                    let expected = serde_json::to_value(entry).unwrap();
                    while let Ok(Some(taken)) = timeout(Duration::from_millis(500), self.taken.recv()).await {
                        if taken == expected {
                            return;
                        }
                    }
                }
                sleep(Duration::from_millis(100)).await;
            }
            panic!("the belt carries nothing any more");
        }

        async fn close(mut self) {
            self.stop.cancel();
            timeout(Duration::from_secs(5), &mut self.attended).await.expect("it ends when it is told to").unwrap();
            self.flush().await;
        }
    }

    fn entry() -> Entry {
        Entry { tenant: TenantId::new(Uuid::new_v4()), job: JobId::new(Uuid::new_v4()), dispatch: Uuid::new_v4() }
    }

    #[tokio::test]
    async fn every_entry_is_taken_once_and_nothing_of_it_stays() {
        let mut station = Station::open().await;
        let again = entry();
        let entries = [again, again, entry()];
        station.belt.push(QUEUE, entries.to_vec()).await.unwrap();
        let mut left: Vec<Value> = entries.iter().map(|entry| serde_json::to_value(entry).unwrap()).collect();
        while !left.is_empty() {
            let taken = timeout(Duration::from_secs(5), station.taken.recv()).await.unwrap().unwrap();
            let place = left.iter().position(|entry| *entry == taken).expect("nothing is taken twice");
            left.remove(place);
        }
        let (mut swept, mut looks) = (0, 0);
        while swept < entries.len() {
            assert!(looks < 100, "what is finished is never swept");
            swept += station.belt.sweep(QUEUE).await.unwrap();
            looks += 1;
            sleep(Duration::from_millis(50)).await;
        }
        let load = station.belt.load(QUEUE).await.unwrap();
        assert_eq!((load.waiting, load.kept, load.workers), (0, 0, 1));
        let left: Vec<String> = station.keys().await.into_iter().filter(|key| !key.contains(":workers")).collect();
        assert_eq!(left, Vec::<String>::new());
        station.close().await;
    }

    #[tokio::test]
    async fn a_flushed_belt_carries_again_by_itself() {
        let mut station = Station::open().await;
        station.carries_within(SOON).await;
        for _ in 0..2 {
            station.flush().await;
            station.carries_within(SOON).await;
        }
        station.close().await;
    }

    #[tokio::test]
    async fn nonsense_on_the_belt_does_not_stop_it() {
        let mut station = Station::open().await;
        station.carries_within(SOON).await;
        let active = station.key("active");
        station.ask(&["RPUSH", &active, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "not even an id"]).await;
        station.carries_within(SOON).await;
        station.close().await;
    }

    #[tokio::test]
    async fn a_belt_that_cannot_be_read_at_all_is_emptied() {
        for scheduled in [false, true] {
            let mut station = Station::open().await;
            station.carries_within(IN_THE_END).await;
            if scheduled {
                let key = station.key("scheduled");
                let script = "for i = 1, 9000 do redis.call('ZADD', KEYS[1], 1, 'x' .. i) end";
                station.ask(&["EVAL", script, "1", &key]).await;
            } else {
                let key = station.key("active");
                station.ask(&["SET", &key, "no list"]).await;
            }
            station.carries_within(IN_THE_END).await;
            station.close().await;
        }
    }

    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_look_that_came_late_is_followed_by_another() {
        let woken = Arc::new(Woken(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let mut poll = SteadyPoll::every(Duration::from_millis(5));
        let _ = poll.poll_drive(&mut context, &PollSnapshot::default());
        // Redis was stalled for several periods: the timer has run out when the look ends.
        sleep(Duration::from_millis(40)).await;
        woken.0.store(0, Ordering::Relaxed);
        assert!(poll.poll_drive(&mut context, &PollSnapshot::default()).is_ready());
        sleep(Duration::from_millis(40)).await;
        assert!(woken.0.load(Ordering::Relaxed) > 0, "nobody would have looked again");
    }
}
