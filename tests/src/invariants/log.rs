//! The log itself: whole, in order, written once, and counted.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::facts::{Event, Facts};
use super::report::Finding;

/// What is found about the log.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    vec![
        stream_versions(facts),
        chain_links(facts),
        command_once(facts),
        walk_once(facts),
        ending_once(facts),
        generation_once(facts),
        tallies(facts),
    ]
}

/// Versions of every stream go 1, 2, 3 and end where the state row says.
fn stream_versions(facts: &Facts) -> Finding {
    let mut wrong = vec![];
    let mut last: BTreeMap<Uuid, i64> = BTreeMap::new();
    for (stream, events) in facts.streams() {
        for (expected, event) in (1..).zip(&events) {
            if event.version != expected {
                wrong.push(format!("stream {stream}: version {expected} is missing, {} follows", event.version));
                break;
            }
        }
        last.insert(stream, events.last().map_or(0, |event| event.version));
    }
    for state in &facts.states {
        let last = last.remove(&state.stream).unwrap_or(0);
        if last != state.version {
            wrong.push(format!("stream {}: ends at {last}, its state row at {}", state.stream, state.version));
        }
    }
    wrong.extend(last.keys().map(|stream| format!("stream {stream}: has no state row")));
    Finding::of("stream_versions", wrong)
}

/// Every event names the hash of the one before it, and the state row that of the last. That each hash is right is for
/// `bellhop audit verify` to say.
fn chain_links(facts: &Facts) -> Finding {
    let events = facts.events.iter().filter(|event| !event.is_linked);
    let events = events.map(|event| format!("stream {}: version {} hangs in the air", event.stream, event.version));
    let states = facts.states.iter().filter(|state| !state.is_linked);
    let states = states.map(|state| format!("stream {}: its state row names another last hash", state.stream));
    Finding::of("chain_links", events.chain(states).collect())
}

/// Every command has exactly the events that are remembered of it, and every event is of a remembered command: a command
/// that was carried out twice, in part or without being remembered shows.
fn command_once(facts: &Facts) -> Finding {
    let mut written: BTreeMap<Uuid, BTreeSet<Uuid>> = BTreeMap::new();
    for event in &facts.events {
        written.entry(event.command).or_default().insert(event.id);
    }
    let mut wrong = vec![];
    for command in &facts.commands {
        let written = written.remove(&command.id).unwrap_or_default();
        let remembered: BTreeSet<Uuid> = command.events.iter().copied().collect();
        for event in remembered.difference(&written) {
            wrong.push(format!("command {}: its event {event} is not in the log", command.id));
        }
        for event in written.difference(&remembered) {
            wrong.push(format!("command {}: wrote event {event} too", command.id));
        }
    }
    for (command, events) in written {
        wrong.extend(events.iter().map(|event| format!("event {event}: its command {command} is not remembered")));
    }
    Finding::of("command_once", wrong)
}

/// A walk begins once and yields access at most once, in whatever stream; in one stream it ends at most once.
fn walk_once(facts: &Facts) -> Finding {
    let mut wrong = vec![];
    let mut seen: BTreeMap<(Uuid, &str), u32> = BTreeMap::new();
    let mut endings: BTreeMap<(Uuid, Uuid), u32> = BTreeMap::new();
    for event in &facts.events {
        let Some(walk) = event.uuid("attempt") else { continue };
        if matches!(event.kind.as_str(), "AuthorizationStarted" | "AccessGranted" | "LinkRejected") {
            *seen.entry((walk, &event.kind)).or_default() += 1;
        }
        if matches!(event.kind.as_str(), "AccessGranted" | "AuthorizationFailed") {
            *endings.entry((event.stream, walk)).or_default() += 1;
        }
    }
    for ((walk, kind), count) in seen.iter().filter(|(_, count)| **count > 1) {
        wrong.push(format!("walk {walk}: {kind} {count} times"));
    }
    for ((stream, walk), count) in endings.iter().filter(|(_, count)| **count > 1) {
        wrong.push(format!("walk {walk}: ended {count} times in stream {stream}"));
    }
    Finding::of("walk_once", wrong)
}

/// A connection is disconnected once and erased once, and after that there is no more access to be had.
fn ending_once(facts: &Facts) -> Finding {
    let mut wrong = vec![];
    for (stream, events) in facts.streams() {
        for kind in ["Disconnected", "Erased"] {
            let of_kind: Vec<&&Event> = events.iter().filter(|event| event.kind == kind).collect();
            if of_kind.len() > 1 {
                wrong.push(format!("stream {stream}: {kind} {} times", of_kind.len()));
            }
            let Some(first) = of_kind.first() else { continue };
            let after = events.iter().filter(|event| event.version > first.version);
            let alive = ["AccessGranted", "AccessRefreshed", "MailFetched", "CalendarFetched"];
            for event in after.filter(|event| alive.contains(&event.kind.as_str())) {
                wrong.push(format!("stream {stream}: {} at version {} after {kind}", event.kind, event.version));
            }
        }
    }
    Finding::of("ending_once", wrong)
}

/// Token sets are numbered 1, 2, 3 in each stream: none is taken twice, and none is lost.
fn generation_once(facts: &Facts) -> Finding {
    let takes = ["AccessGranted", "AccessRefreshed", "Disconnected", "Erased"];
    let mut wrong = vec![];
    for (stream, events) in facts.streams() {
        let taking = events.iter().filter(|event| takes.contains(&event.kind.as_str()));
        for (expected, event) in (1..).zip(taking) {
            let generation = event.number("generation");
            if generation != expected {
                let (kind, version) = (&event.kind, event.version);
                wrong.push(format!(
                    "stream {stream}: {kind} at version {version} takes generation {generation}, not {expected}"
                ));
                break;
            }
        }
    }
    Finding::of("generation_once", wrong)
}

/// The reader of the log has counted every event once: one that it passed before it was committed would be missing.
fn tallies(facts: &Facts) -> Finding {
    let mut in_log: BTreeMap<&str, i64> = BTreeMap::new();
    for event in &facts.events {
        *in_log.entry(event.kind.as_str()).or_default() += 1;
    }
    let kinds: BTreeSet<&str> = in_log.keys().copied().chain(facts.tallies.keys().map(String::as_str)).collect();
    let wrong = kinds.into_iter().filter_map(|kind| {
        let (log, counted) = (in_log.get(kind).unwrap_or(&0), facts.tallies.get(kind).unwrap_or(&0));
        (log != counted).then(|| format!("{kind}: {log} in the log, {counted} counted"))
    });
    Finding::of("tallies", wrong.collect())
}
