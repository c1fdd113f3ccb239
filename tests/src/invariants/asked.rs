//! What was asked for through the doors, against what is in the log: everything that was promised, once.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::chronicle::{Answer, Chronicle, Deed};
use super::facts::Facts;
use super::report::Finding;

/// A deed with all that was answered to it.
struct Wish<'a> {
    deed: &'a Deed,
    accepted: usize,
    unknown: usize,
    first_asked: DateTime<Utc>,
}

impl Wish<'_> {
    /// How many effects there may be of a deed that is done once however often it is asked for.
    fn once(&self) -> (usize, usize) {
        (self.accepted.min(1), (self.accepted + self.unknown).min(1))
    }
}

/// Every command that was accepted has its effect, once; one whose answer was lost, at most once.
pub fn asked_once(facts: &Facts, chronicle: &Chronicle) -> Finding {
    let wrong = wishes(chronicle).into_iter().filter_map(|wish| missed(facts, &wish));
    Finding::of("asked_once", wrong.collect())
}

/// Every deed of the chronicle, once.
fn wishes(chronicle: &Chronicle) -> Vec<Wish<'_>> {
    let mut wishes: BTreeMap<&Deed, Wish<'_>> = BTreeMap::new();
    let mut each = vec![];
    for asked in &chronicle.asked {
        let mut wish = Wish { deed: &asked.deed, accepted: 0, unknown: 0, first_asked: asked.at.app };
        let count = |wish: &mut Wish<'_>| match asked.answer {
            Answer::Accepted => wish.accepted += 1,
            Answer::Unknown => wish.unknown += 1,
            Answer::Refused => {}
        };
        if matches!(asked.deed, Deed::Refresh { key: None, .. }) {
            // Asked again without a name, it is asked for anew.
            count(&mut wish);
            each.push(wish);
        } else {
            count(wishes.entry(&asked.deed).or_insert(wish));
        }
    }
    each.extend(wishes.into_values());
    each
}

/// What is wrong with the effects of a deed, if anything.
fn missed(facts: &Facts, wish: &Wish<'_>) -> Option<String> {
    let about = |stream: Uuid, kind: &str| facts.of_kind(kind).filter(|event| event.stream == stream).count();
    let (what, found, (least, most)) = match wish.deed {
        Deed::Connect { state } => {
            let walk = walk_of(facts, state);
            let granted = facts.of_kind("AccessGranted").filter(|event| event.uuid("attempt") == walk);
            let found = if walk.is_some() { granted.count() } else { 0 };
            (format!("walk {}: access granted", named(walk)), found, wish.once())
        }
        Deed::Callback { state } => {
            let walk = walk_of(facts, state);
            // Forgotten a day after it ended.
            let walk_row = facts.walks.iter().find(|row| Some(row.id) == walk);
            let found = usize::from(walk.is_some() && walk_row.is_none_or(|row| row.has_returned));
            (format!("walk {}: taken back from the provider", named(walk)), found, wish.once())
        }
        Deed::Disconnect { integration } => {
            let (least, _) = wish.once();
            // What was answered as done before need not have been asked for here.
            (format!("stream {integration}: disconnected"), about(*integration, "Disconnected"), (least, 1))
        }
        Deed::Erase { integration } => {
            (format!("stream {integration}: erased"), about(*integration, "Erased"), wish.once())
        }
        Deed::Refresh { integration, .. } => {
            let newer = facts.events.iter().filter(|event| {
                event.stream == *integration
                    && matches!(event.kind.as_str(), "AccessRefreshed" | "AccessGranted")
                    && event.time >= wish.first_asked
            });
            // Others may have refreshed it since.
            let asked_at = wish.first_asked.format("%H:%M:%S%.3f");
            let what = format!("stream {integration}: refreshed after {asked_at}");
            (what, newer.count(), (wish.accepted.min(1), usize::MAX))
        }
        Deed::Update { update } => {
            let found = facts.updates.iter().filter(|row| row.id == *update && row.outcome.is_some()).count();
            (format!("update {update}: handled"), found, (wish.accepted.min(1), 1))
        }
        Deed::Replay { job } => {
            let replayed = facts.of_kind("JobReplayed").filter(|event| event.uuid("job") == Some(*job)).count();
            let superseded = discarded(facts, *job, true);
            (format!("job {job}: replayed"), replayed + superseded, (wish.accepted, wish.accepted + wish.unknown))
        }
        Deed::Discard { job } => {
            let found = discarded(facts, *job, false);
            (format!("job {job}: discarded"), found, (wish.accepted, wish.accepted + wish.unknown))
        }
    };
    let expected = if least == most { least.to_string() } else { format!("{least} to {most}") };
    (!(least..=most).contains(&found)).then(|| format!("{what} {found} times, not {expected}"))
}

fn discarded(facts: &Facts, job: Uuid, is_superseded: bool) -> usize {
    let of_job = facts.of_kind("JobDiscarded").filter(|event| event.uuid("job") == Some(job));
    of_job.filter(|event| event.payload["superseded"] == is_superseded).count()
}

fn walk_of(facts: &Facts, state: &str) -> Option<Uuid> {
    facts.hash_of_state.get(state).and_then(|hash| facts.walk_of_state.get(hash)).copied()
}

fn named(walk: Option<Uuid>) -> String {
    walk.map_or_else(|| "that never began".to_owned(), |walk| walk.to_string())
}
