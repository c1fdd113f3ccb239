//! Jobs: opened with their event, held by one run at a time, ended once or buried with a reason, and none left lying.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::TimeDelta;
use uuid::Uuid;

use super::facts::{Event, Facts};
use super::report::Finding;

/// For how long a job may be due before it is late.
const LATE: TimeDelta = TimeDelta::seconds(60);

/// For how long one run may hold a job of a house at rest, in seconds.
const LONGEST_RUN_SECONDS: f64 = 120.0;

/// What is found about jobs.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    vec![
        job_once(facts),
        job_attempts(facts),
        job_reason(facts),
        job_opened_with_event(facts),
        written_under_lease(facts),
        nothing_overdue(facts),
        no_lease_left(facts),
    ]
}

/// Where the events that name a job leave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    Dead,
    Over,
}

impl Life {
    /// What comes of this event in such a life; none where it cannot happen.
    fn after(self, kind: &str) -> Option<Self> {
        match (self, kind) {
            (Self::Open, "OwnerNotified" | "AccessRevoked") | (Self::Dead, "JobDiscarded") => Some(Self::Over),
            (Self::Open, "JobBuried") => Some(Self::Dead),
            (Self::Open, "JobFailed") | (Self::Dead, "JobReplayed") => Some(Self::Open),
            _ => None,
        }
    }
}

/// The events of one stream that name a job, by that job.
fn by_job<'a>(events: &[&'a Event]) -> BTreeMap<Uuid, Vec<&'a Event>> {
    let mut named: BTreeMap<Uuid, Vec<&Event>> = BTreeMap::new();
    for event in events {
        if let Some(job) = event.uuid("job") {
            named.entry(job).or_default().push(event);
        }
    }
    named
}

/// A job ends by one event, or is buried; a burial is taken up again or discarded once. Nothing is said of a job that has
/// ended.
fn job_once(facts: &Facts) -> Finding {
    let mut wrong = vec![];
    for (stream, events) in facts.streams() {
        for (job, events) in by_job(&events) {
            let mut life = Life::Open;
            for event in events {
                let (kind, version) = (&event.kind, event.version);
                match life.after(kind) {
                    Some(next) => life = next,
                    None => wrong.push(format!(
                        "job {job}: {kind} at version {version} of stream {stream} (event {}), when it was {}",
                        event.id,
                        match life {
                            Life::Open => "open",
                            Life::Dead => "buried",
                            Life::Over => "over",
                        }
                    )),
                }
            }
        }
    }
    Finding::of("job_once", wrong)
}

/// Failed attempts of one life are 1, 2, 3 and so on. A recurring job begins again at 1 after a run that went well, which
/// need not leave an event. A burial says how many attempts were made.
fn job_attempts(facts: &Facts) -> Finding {
    let mut wrong = vec![];
    for (stream, events) in facts.streams() {
        for (job, events) in by_job(&events) {
            let mut failed = 0;
            for event in events {
                let place = || format!("at version {} of stream {stream}", event.version);
                match event.kind.as_str() {
                    "JobFailed" => {
                        let attempt = event.number("attempt");
                        let began_again = attempt == 1 && event.word("kind").starts_with("fetch_");
                        if attempt != failed + 1 && !began_again {
                            wrong.push(format!("job {job}: attempt {attempt} follows {failed} {}", place()));
                        }
                        failed = attempt;
                    }
                    "JobBuried" => {
                        let attempts = event.number("attempts");
                        let is_fetch =
                            event.payload["payload"]["kind"].as_str().unwrap_or_default().starts_with("fetch_");
                        if attempts != failed + 1 && !(is_fetch && attempts == 1) {
                            wrong
                                .push(format!("job {job}: buried after {attempts}, with {failed} failed, {}", place()));
                        }
                        failed = 0;
                    }
                    _ => {}
                }
            }
        }
    }
    Finding::of("job_attempts", wrong)
}

/// A dead letter says why, and the log knows of it.
fn job_reason(facts: &Facts) -> Finding {
    let buried: HashSet<Uuid> = facts.of_kind("JobBuried").filter_map(|event| event.uuid("job")).collect();
    let dead = facts.jobs.iter().filter(|job| job.state == "dead");
    let wrong = dead.filter_map(|job| match &job.reason {
        None => Some(format!("job {}: is dead without a reason", job.id)),
        Some(_) if !buried.contains(&job.id) => Some(format!("job {}: is dead and was never buried", job.id)),
        Some(_) => None,
    });
    Finding::of("job_reason", wrong.collect())
}

/// Every job row was made in the transaction of the event that opened it. One that was made afterwards would have been lost
/// by a crash in between.
fn job_opened_with_event(facts: &Facts) -> Finding {
    let transactions: HashMap<Uuid, i64> = facts.events.iter().map(|event| (event.id, event.xid)).collect();
    let wrong = facts.openings.iter().filter_map(|opening| match transactions.get(&opening.opened_by) {
        None => Some(format!("job {}: its event {} is not in the log", opening.job, opening.opened_by)),
        Some(xid) if *xid != opening.xid => {
            Some(format!("job {}: was not made with its event {}", opening.job, opening.opened_by))
        }
        Some(_) => None,
    });
    Finding::of("job_opened_with_event", wrong.collect())
}

/// What a run wrote about its job, it wrote while it held it. A command id tells which lease its run had; the witness
/// knows whose lease was on the row. A token answer alone needs none: it is fenced by its generation.
fn written_under_lease(facts: &Facts) -> Finding {
    let settled_by = settlements(facts);
    let events: HashMap<Uuid, &Event> = facts.events.iter().map(|event| (event.id, event)).collect();
    let mut wrong = vec![];
    for writing in &facts.writings {
        let Some((event, job)) = events.get(&writing.event).and_then(|event| Some((event, event.by_job?))) else {
            continue;
        };
        let what = format!("job {job}: {} at version {} of stream {}", event.kind, event.version, event.stream);
        match (settled_by.get(&event.command), writing.lease) {
            (Some(run), Some(holder)) if *run == holder => {}
            (Some(run), Some(holder)) => {
                wrong.push(format!("{what} was written by run {run} while {holder} held the job"));
            }
            (Some(run), None) => wrong.push(format!("{what} was written by run {run}, which had lost the job")),
            (None, _) if is_settlement(&event.kind) => {
                wrong.push(format!("{what} was written by a run that never was"));
            }
            (None, None) if event.kind == "CalendarFetched" => {
                wrong.push(format!("{what} was written while nobody held the job"));
            }
            (None, _) => {}
        }
    }
    Finding::of("written_under_lease", wrong)
}

/// Events that only ever come with the end of a run.
fn is_settlement(kind: &str) -> bool {
    matches!(kind, "MailFetched" | "JobFailed" | "JobBuried" | "OwnerNotified" | "AccessRevoked")
}

/// The command by which each run would settle, whatever its verdict, with the lease of that run: how Bellhop derives them
/// is part of what makes a repeated settlement one.
fn settlements(facts: &Facts) -> HashMap<Uuid, Uuid> {
    let verdicts = ["done", "again", "wait", "retry", "bury"].map(|verdict| format!("settle/{verdict}"));
    let of_run = |lease: Uuid| verdicts.each_ref().map(|step| (Uuid::new_v5(&lease, step.as_bytes()), lease));
    facts.runs.iter().flat_map(|run| of_run(run.lease)).collect()
}

/// No job has been due for a minute without being run.
fn nothing_overdue(facts: &Facts) -> Finding {
    let late =
        facts.jobs.iter().filter(|job| job.state == "open" && !job.is_running && job.due_at < facts.now.app - LATE);
    let words = late.map(|job| {
        let seconds = (facts.now.app - job.due_at).num_seconds();
        format!("job {}: {} has been due for {seconds} s", job.id, job.kind)
    });
    Finding::of("nothing_overdue", words.collect())
}

/// No job is held by a run that is gone, or that goes on for ever.
fn no_lease_left(facts: &Facts) -> Finding {
    let wrong = facts.jobs.iter().filter(|job| job.is_running).filter_map(|job| {
        let seconds = job.running_seconds.unwrap_or_default();
        match (job.state.as_str(), job.is_lapsed) {
            ("open", false) if seconds <= LONGEST_RUN_SECONDS => None,
            ("open", false) => Some(format!("job {}: {} has been running for {seconds:.0} s", job.id, job.kind)),
            ("open", true) => Some(format!("job {}: the lease of its {} ran out and is still there", job.id, job.kind)),
            (state, _) => Some(format!("job {}: is {state} and held", job.id)),
        }
    });
    Finding::of("no_lease_left", wrong.collect())
}
