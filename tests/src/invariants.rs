//! What must hold of a house whatever was broken in it, checked from outside once it has come to rest.
//!
//! Without this a chaos run would prove that nothing crashed, not that nothing was lost or done twice. A harness begins a
//! [`Chronicle`] before anything serves, notes in it whatever it breaks and asks for, lets the house [`settle`], and has it
//! [`check`]ed; what comes back is a [`Report`] of findings, each a guarantee by name with its violations in words, and
//! figures that are not judged.
//!
//! | file | what is held against what |
//! |---|---|
//! | `programs.rs` | the log against what is derived from it, by Bellhop's own commands |
//! | `log.rs` | the log against itself: versions, chains, commands, walks, generations; the reader's tallies against it |
//! | `jobs.rs` | jobs against the events that name them, and each event against the run that wrote it |
//! | `tokens.rs` | tokens, codes and grants against the sandbox's ledger |
//! | `content.rs` | stored mail and calendars against the sandbox's, and against what the log says came and went |
//! | `people.rs` | updates, presses, messages and notices against what the sandbox's Telegram saw |
//! | `asked.rs` | what was promised at the doors against the log |
//! | `fetches.rs` | fetches that took long against the faults of the chronicle |
//!
//! What no table remembers is seen by a witness, triggers of the test's own (`witness.rs`): who held a job when an event was
//! written, in which transaction a job row was made, how every run ended. So a run that writes after it has lost its
//! lease is found even where what it wrote was mended by the next one.
//!
//! All of it is read at one moment (`facts`) and judged by functions without I/O. The commands run without the
//! environment variable that switches a fault on in serving processes: whoever judges must be sound.

mod asked;
mod chronicle;
mod content;
mod facts;
mod fetches;
mod jobs;
mod log;
mod outside;
mod people;
mod programs;
mod report;
mod rest;
mod tokens;
mod witness;

pub use chronicle::{Answer, Asked, Chronicle, Deed, Fault, FaultKind, Moment};
pub use report::{Figure, Finding, Report};
pub use rest::settle;

use crate::house::House;
use crate::trouble::Story;

use facts::Facts;
use fetches::{Fetches, fetch_explained};
use witness::Ending;

/// Checks a house in which nothing is broken any more. Waits for it to come to rest, at the most until a minute after the last
/// fault; then it is judged as it is. A process with the role `relay` must be up, as it reads the log.
///
/// # Errors
/// Where the house cannot be looked at at all. What is wrong with it is in the report.
pub async fn check(house: &House, chronicle: &Chronicle) -> Story<Report> {
    rest::wait(house, chronicle).await?;
    let mut report = Report { findings: programs::findings(house).await?, figures: vec![] };
    let judged = judge(house, chronicle).await?;
    report.findings.extend(judged.findings);
    report.figures = judged.figures;
    Ok(report)
}

/// Judges a house as it is at this moment, without waiting for anything and without asking Bellhop's own commands.
///
/// # Errors
/// As [`check`].
pub async fn judge(house: &House, chronicle: &Chronicle) -> Story<Report> {
    let facts = Facts::of(house, chronicle).await?;
    let fetches = Fetches::of(&facts);
    let mut findings = log::findings(&facts);
    findings.extend(jobs::findings(&facts));
    findings.extend(tokens::findings(&facts));
    findings.extend(content::findings(&facts));
    findings.extend(people::findings(&facts));
    findings.push(asked::asked_once(&facts, chronicle));
    findings.push(fetch_explained(&facts, &fetches));
    Ok(Report { findings, figures: figures(&facts, chronicle, &fetches) })
}

/// What is counted and not judged.
fn figures(facts: &Facts, chronicle: &Chronicle, fetches: &Fetches) -> Vec<Figure> {
    let events = |kind: &str| facts.of_kind(kind).count();
    let runs = |ending: Ending| facts.runs.iter().filter(|run| run.ending == Some(ending)).count();
    let answer_lost = facts.of_kind("AccessExpired").filter(|event| event.word("reason") == "answer_lost").count();
    let counts = [
        ("faults", facts.faults.len()),
        ("commands_sent", chronicle.asked.len()),
        ("events", facts.events.len()),
        ("integrations", facts.integrations.len()),
        ("jobs", facts.openings.len()),
        ("runs", facts.runs.len()),
        ("runs_crashed", runs(Ending::Crashed)),
        ("runs_failed", runs(Ending::Failed)),
        ("runs_told_to_wait", runs(Ending::Waits)),
        ("jobs_buried", events("JobBuried")),
        ("jobs_replayed", events("JobReplayed")),
        ("refreshes", events("AccessRefreshed")),
        ("refresh_answers_lost", tokens::crash_windows(facts)),
        ("expired_answer_lost", answer_lost),
        ("updates", facts.updates.len()),
        ("updates_begun_again", facts.updates.iter().filter(|update| update.starts > 1).count()),
        ("fetches", fetches.ended),
    ];
    #[expect(clippy::cast_precision_loss, reason = "counts of a run of minutes")]
    let count = |(name, count): (&'static str, usize)| Figure { name, value: count as f64, unit: "" };
    let share = Figure { name: "fetches_within_three_attempts", value: fetches.share(), unit: "%" };
    counts.map(count).into_iter().chain([share]).collect()
}
