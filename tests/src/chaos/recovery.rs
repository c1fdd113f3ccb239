//! How long after each fault everything works again, measured by probes that run all the time.
//!
//! Recovered is a house, after a fault, once a program was answered that asked after its end, and a person whose question
//! came after its end was answered and had their mail fetched for it: HTTP, bot, relay, a worker, both servers and the
//! provider have all done their part. Time in which nobody could have answered does not count: while the one process of
//! a role is stopped, or Postgres is away.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};

use super::blows::Process;
use crate::invariants::{Fault, FaultKind};

/// How soon everything should work again, in 99 of 100 cases.
const AIM_SECONDS: f64 = 15.0;

/// A way to see that something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// A program reads what it connected.
    Read,
    /// A person asks for their inbox: the chat answers, and the fetch that this asks for ends well.
    Question,
}

/// A probe that came back well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// Which.
    pub probe: Probe,
    /// When it was sent.
    pub from: DateTime<Utc>,
    /// When it was back.
    pub until: DateTime<Utc>,
}

/// How long it took after each fault, in seconds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Recovery {
    /// Without the time in which another fault let nobody answer.
    clear: Vec<f64>,
    /// With it.
    whole: Vec<f64>,
    by_kind: BTreeMap<FaultKind, Vec<f64>>,
    /// Those that took longer than the aim.
    slow: Vec<String>,
    /// Faults after which no probe came back.
    pub never: Vec<String>,
}

impl Recovery {
    /// What these probes say about these faults.
    pub fn of(faults: &[Fault], beats: &[Beat]) -> Self {
        let mut recovery = Self::default();
        for (number, fault) in faults.iter().enumerate() {
            if !fault.kind.can_fail_a_run() {
                continue;
            }
            let end = fault.until.real;
            let first = |probe| {
                let fresh = beats.iter().filter(|beat| beat.probe == probe && beat.from >= end);
                fresh.map(|beat| beat.until).min()
            };
            let (Some(read), Some(question)) = (first(Probe::Read), first(Probe::Question)) else {
                recovery.never.push(format!("{:?} of {} at {}", fault.kind, fault.target, fault.from.real));
                continue;
            };
            let recovered = read.max(question);
            let others = faults.iter().enumerate().filter(|(other, fault)| *other != number && stops_everything(fault));
            let others = others.map(|(_, other)| (other.from.real, other.until.real));
            let whole = seconds(end, recovered);
            let clear = whole - covered(end, recovered, others.collect());
            if clear > AIM_SECONDS {
                let from = fault.from.real.format("%H:%M:%S");
                recovery.slow.push(format!("{clear:.1} s after {:?} of {} at {from}", fault.kind, fault.target));
            }
            recovery.whole.push(whole);
            recovery.clear.push(clear);
            recovery.by_kind.entry(fault.kind).or_default().push(clear);
        }
        recovery
    }
}

/// Whether no probe can come back while this lasts. Of workers there are two.
fn stops_everything(fault: &Fault) -> bool {
    match fault.kind {
        FaultKind::PostgresRestarted | FaultKind::PostgresAway => true,
        FaultKind::Stopped => {
            Process::ALL.iter().any(|process| process.name() == fault.target && !Process::WORKERS.contains(process))
        }
        _ => false,
    }
}

fn seconds(from: DateTime<Utc>, until: DateTime<Utc>) -> f64 {
    (until - from).as_seconds_f64().max(0.0)
}

/// How much of a stretch of time lies within any of these.
fn covered(from: DateTime<Utc>, until: DateTime<Utc>, mut within: Vec<(DateTime<Utc>, DateTime<Utc>)>) -> f64 {
    within.sort();
    let (mut at, mut sum) = (from, 0.0);
    for (begin, end) in within {
        let (begin, end) = (begin.max(at), end.min(until));
        if begin < end {
            sum += seconds(begin, end);
            at = end;
        }
    }
    sum
}

/// The value that so many of a hundred do not exceed.
fn percentile(values: &[f64], hundredth: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * hundredth).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or_default()
}

impl fmt::Display for Recovery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p99 = percentile(&self.clear, 99);
        let aim = if p99 <= AIM_SECONDS { "met" } else { "missed" };
        writeln!(
            formatter,
            "recovery after {} faults: p50 {:.1} s, p99 {p99:.1} s (the aim of {AIM_SECONDS} s is {aim}); with the time \
             in which another fault let nobody answer p50 {:.1} s, p99 {:.1} s",
            self.clear.len(),
            percentile(&self.clear, 50),
            percentile(&self.whole, 50),
            percentile(&self.whole, 99),
        )?;
        for (kind, values) in &self.by_kind {
            let (median, longest) = (percentile(values, 50), percentile(values, 100));
            let kind = format!("{kind:?}");
            writeln!(formatter, "  {kind:<18} {:>3}  p50 {median:>5.1} s  longest {longest:>5.1} s", values.len())?;
        }
        self.slow.iter().try_for_each(|slow| writeln!(formatter, "  slow: {slow}"))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::invariants::Moment;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    fn fault(kind: FaultKind, from: i64, until: i64) -> Fault {
        let moment = |second| Moment { real: at(second), app: at(second) };
        let target = if kind == FaultKind::Stopped { "http" } else { "worker-1" };
        Fault { kind, target: target.to_owned(), from: moment(from), until: moment(until) }
    }

    fn beat(probe: Probe, from: i64, until: i64) -> Beat {
        Beat { probe, from: at(from), until: at(until) }
    }

    #[test]
    fn a_house_has_recovered_once_both_probes_that_began_after_the_fault_are_back() {
        let beats = [
            beat(Probe::Read, 9, 12),
            beat(Probe::Read, 11, 13),
            beat(Probe::Question, 10, 17),
            beat(Probe::Question, 12, 15),
        ];
        let recovery = Recovery::of(&[fault(FaultKind::Killed, 4, 10)], &beats);
        assert_eq!((recovery.whole, recovery.clear), (vec![5.0], vec![5.0]));
        let never = Recovery::of(&[fault(FaultKind::Killed, 4, 12), fault(FaultKind::Killed, 4, 20)], &beats);
        assert_eq!(never.never.len(), 2, "the read began before either ended");
    }

    #[test]
    fn time_in_which_nobody_can_answer_does_not_count() {
        let faults = [
            fault(FaultKind::Killed, 4, 10),
            fault(FaultKind::Stopped, 12, 16),
            fault(FaultKind::PostgresRestarted, 14, 18),
            fault(FaultKind::RedisPaused, 18, 19),
            fault(FaultKind::UpdateRepeated, 1, 1),
        ];
        let beats = [beat(Probe::Read, 19, 19), beat(Probe::Question, 19, 20)];
        let recovery = Recovery::of(&faults, &beats);
        assert_eq!(recovery.whole, [10.0, 4.0, 2.0, 1.0]);
        assert_eq!(recovery.clear, [4.0, 2.0, 2.0, 1.0]);
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(
            vec![percentile(&values, 50), percentile(&values, 99), percentile(&values, 100)],
            [100.0, 198.0, 200.0]
        );
        assert_eq!(vec![percentile(&[3.0], 50), percentile(&[], 99)], [3.0, 0.0]);
    }
}
