//! Fetches, from the first run of each until it went well: how many attempts they took, and what explains those that took
//! more than three.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::chronicle::Fault;
use super::facts::Facts;
use super::report::Finding;
use super::witness::{Ending, Run};

/// Within how many attempts a fetch should be done.
const ATTEMPTS: usize = 3;

/// How the fetches of a house went.
#[derive(Debug, Clone, Default)]
pub struct Fetches {
    /// Those that came to an end: done, or given up.
    pub ended: usize,
    /// Those of them that were done within three attempts.
    pub in_time: usize,
    /// Runs of the others that failed, and what they were about.
    failures: Vec<Failure>,
}

#[derive(Debug, Clone)]
struct Failure {
    job: Uuid,
    kind: String,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Fetches {
    /// Puts the runs of every fetch together.
    pub fn of(facts: &Facts) -> Self {
        let buried: HashMap<(Uuid, i64), &str> =
            facts.turns.iter().map(|turn| ((turn.job, turn.xid), turn.state.as_str())).collect();
        let mut of_job: BTreeMap<Uuid, Vec<&Run>> = BTreeMap::new();
        for run in facts.runs.iter().filter(|run| run.kind.starts_with("fetch_")) {
            of_job.entry(run.job).or_default().push(run);
        }
        let mut fetches = Self::default();
        for runs in of_job.into_values() {
            let mut failures = vec![];
            for run in runs {
                let (Some(ending), Some(until), Some(xid)) = (run.ending, run.ended_at, run.ended_in) else { continue };
                let turn = buried.get(&(run.job, xid)).copied();
                if matches!(ending, Ending::Crashed | Ending::Failed) {
                    failures.push(Failure { job: run.job, kind: run.kind.clone(), from: run.started_at, until });
                }
                match (ending, turn) {
                    (_, Some("dead")) => fetches.end(std::mem::take(&mut failures), false),
                    (Ending::Rests, None) => fetches.end(std::mem::take(&mut failures), true),
                    // Closed by an event: nobody waits for it any more.
                    (_, Some(_)) => failures.clear(),
                    (_, None) => {}
                }
            }
        }
        fetches
    }

    fn end(&mut self, failures: Vec<Failure>, is_done: bool) {
        self.ended += 1;
        if is_done && failures.len() < ATTEMPTS {
            self.in_time += 1;
        } else {
            self.failures.extend(failures);
        }
    }

    /// How many of a hundred were done within three attempts.
    pub fn share(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts of a run of minutes")]
        let share = |part: usize, whole: usize| part as f64 / whole as f64;
        if self.ended == 0 { 100.0 } else { 100.0 * share(self.in_time, self.ended) }
    }
}

/// Every failed run of a fetch that was not done within three attempts overlaps with something that was broken.
pub fn fetch_explained(facts: &Facts, fetches: &Fetches) -> Finding {
    let unexplained = fetches.failures.iter().filter(|failure| {
        let can_fail_it = |fault: &Fault| fault.can_fail_a_fetch(&failure.kind);
        !facts.was_really_broken(can_fail_it, failure.from, failure.until)
    });
    let words = unexplained.map(|Failure { job, kind, from, until }| {
        let (from, until) = (from.format("%H:%M:%S%.3f"), until.format("%H:%M:%S%.3f"));
        format!("job {job}: {kind} failed between {from} and {until}, when nothing was broken")
    });
    Finding::of("fetch_explained", words.collect())
}
