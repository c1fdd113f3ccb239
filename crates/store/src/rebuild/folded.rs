//! What the log says of one stream: its state, its row in the view, and its jobs with all that their rows need to be
//! written again.
//!
//! Pure, and shared by whoever compares and whoever mends, so that the two cannot differ about what is right.

use std::collections::{BTreeMap, HashMap};

use bellhop_domain::{
    Event, EventId, Integration, IntegrationId, Job, JobFailure, JobId, JobKind, Jobs, Payload, RecordedEvent, follow,
};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::error::StoreError;
use crate::integrations::IntegrationRow;
use crate::jobs::JobState;

/// What the log says of one stream.
#[derive(Debug)]
pub struct Folded {
    /// How many events it has.
    pub version: i64,
    /// Its state.
    pub state: Integration,
    /// Its row in the view of integrations; none before it has an owner.
    pub view: Option<IntegrationRow>,
    /// Its open jobs and dead letters.
    pub jobs: BTreeMap<JobId, FoldedJob>,
}

/// A job that is open or dead.
#[derive(Debug)]
pub struct FoldedJob {
    /// As it was opened, or taken up again.
    pub job: Job,
    /// The event that opened it.
    pub opened_by: EventId,
    /// 1, and one more for each replay.
    pub lineage: i32,
    /// How it was given up, if it is a dead letter.
    pub burial: Option<Burial>,
}

/// How a job was given up.
#[derive(Debug, Clone, Copy)]
pub struct Burial {
    /// When.
    pub at: DateTime<Utc>,
    /// After how many attempts.
    pub attempts: u32,
    /// Why.
    pub reason: JobFailure,
}

impl FoldedJob {
    /// Where its row should stand.
    pub const fn state(&self) -> JobState {
        if self.burial.is_some() { JobState::Dead } else { JobState::Open }
    }
}

impl Folded {
    /// Folds all events of a stream, in order.
    pub fn of(integration: IntegrationId, events: &[RecordedEvent]) -> Self {
        let (mut state, mut jobs) = (Integration::default(), Jobs::default());
        let mut opened_by: HashMap<JobId, EventId> = HashMap::new();
        let mut burials: HashMap<JobId, Burial> = HashMap::new();
        let mut replays: HashMap<JobId, i32> = HashMap::new();
        let mut connected_at = None;
        for recorded in events {
            opened_by.extend(follow(recorded).open.into_iter().map(|job| (job.id, recorded.id)));
            match &recorded.event {
                Event::AccessGranted { issued_at, .. } => connected_at = Some(*issued_at),
                Event::JobBuried { job, attempts, reason, .. } => {
                    burials.insert(*job, Burial { at: recorded.at, attempts: *attempts, reason: *reason });
                }
                Event::JobReplayed { job, .. } => *replays.entry(*job).or_default() += 1,
                _ => {}
            }
            state.take_in(&recorded.event);
            jobs.take_in(recorded);
        }
        let tenant = events.first().map(|first| first.tenant);
        let view = tenant.and_then(|tenant| IntegrationRow::of(integration, tenant, &state, connected_at));
        let told = |job: Job, burial: Option<Burial>| {
            let lineage = 1 + replays.get(&job.id).copied().unwrap_or(0);
            let opened_by = opened_by.get(&job.id).copied()?;
            Some((job.id, FoldedJob { job, opened_by, lineage, burial }))
        };
        let open = jobs.open.into_values().filter_map(|job| told(job, None));
        let dead = jobs.dead.into_values().filter_map(|job| {
            let burial = burials.get(&job.id).copied();
            told(job, burial)
        });
        let jobs = open.chain(dead).collect();
        Self { version: events.last().map_or(0, |last| last.version), state, view, jobs }
    }
}

/// A row of the job table, as far as the log has a say in it.
#[derive(Debug)]
pub struct StoredJob {
    /// Which job.
    pub id: JobId,
    /// Whose.
    pub integration: IntegrationId,
    /// What it does, by name: perhaps one that a newer release knows.
    pub kind: String,
    /// Which part of the integration it is about.
    pub subject: String,
    /// Where it waits.
    pub queue: String,
    /// Whether there is one at a time.
    pub single: bool,
    /// What it needs to know.
    pub payload: Value,
    /// Where it stands.
    pub state: String,
}

impl StoredJob {
    /// Due times, attempts and leases belong to the table: only what the job is.
    fn is_as_opened(&self, job: &Job) -> bool {
        let kind = job.payload.kind();
        self.integration == job.integration
            && self.kind == kind.name()
            && self.subject == job.payload.subject()
            && self.queue == kind.queue().name()
            && self.single == kind.is_single()
            && serde_json::from_value::<Payload>(self.payload.clone()).is_ok_and(|payload| payload == job.payload)
    }
}

/// A row that is not as the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Which job.
    pub job: JobId,
    /// What the log says of it.
    pub what: What,
    /// In words.
    pub words: String,
}

/// What is to become of a misfit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It should be open or dead, and is not there or stands elsewhere.
    Missing,
    /// It stands where it should and is another job.
    Changed,
    /// The log knows no open job and no dead letter of this id.
    Surplus,
}

/// Every row of a stream that is not as the log says. `stored` holds its open and dead rows, and every row, wherever it
/// stands, that has the id of one of `folded`.
pub fn misfits(folded: &BTreeMap<JobId, FoldedJob>, stored: &[StoredJob]) -> Result<Vec<Misfit>, StoreError> {
    let mut misfits = vec![];
    for (id, told) in folded {
        let (kind, state) = (told.job.payload.kind(), told.state().name());
        match stored.iter().find(|row| row.id == *id) {
            Some(row) if row.state == state && row.is_as_opened(&told.job) => {}
            Some(row) if row.state == state => {
                let words = format!("{kind} {id} is not as it was opened");
                misfits.push(Misfit { job: *id, what: What::Changed, words });
            }
            _ => {
                let words = format!("{kind} {id} should be {state}");
                misfits.push(Misfit { job: *id, what: What::Missing, words });
            }
        }
    }
    for row in stored.iter().filter(|row| !folded.contains_key(&row.id)) {
        if row.kind.parse::<JobKind>().is_err() {
            // A newer release opened it, from events that mean more to it.
            return Err(StoreError::Unreadable("a job of a kind that this release does not know"));
        }
        let words = format!("{} {} should not be {}", row.kind, row.id, row.state);
        misfits.push(Misfit { job: row.id, what: What::Surplus, words });
    }
    Ok(misfits)
}
