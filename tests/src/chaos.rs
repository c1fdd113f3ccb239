//! Chaos: the real programs under load while everything around them breaks, and afterwards the question what was lost.
//!
//! One seed makes the whole schedule of blows (`schedule.rs`), so that a run can be repeated; how the blows fall between
//! the steps of Bellhop is up to the machine. Time in the house passes [`PACE`] times as fast as outside. What must hold
//! afterwards is not said here but in [`crate::invariants`]; here the record is made that it judges by.

mod blows;
pub mod controls;
mod crew;
mod guests;
mod load;
mod recovery;
mod schedule;
mod settle;
mod stage;
mod strikes;
mod summary;
mod walks;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

pub use schedule::{SHORTEST, Schedule};
pub use stage::PACE;

use self::recovery::Recovery;
use self::stage::Stage;
use self::summary::Summary;
use crate::house::House;
use crate::invariants::{self, Chronicle};
use crate::servers::PrivateServers;
use crate::trouble::Story;

/// How long access tokens live: each is replaced at half its life, every thirty seconds outside.
const ACCESS_TOKEN_SECONDS: &str = "600";

/// One chaos from its beginning to its report, printed as it goes. Answers whether everything held; where not, the folder
/// with the logs and all tables is kept and named.
pub async fn run(servers: &PrivateServers, seed: u64, length: Duration) -> Story<bool> {
    let schedule = Schedule::of(seed, length);
    println!("seed {seed}\n{schedule}\ntime in the house passes {PACE} times as fast as outside\n");
    let began = Instant::now();
    let plan = House::plan().on(servers.addresses()).quiet();
    let house = plan.sandbox(&["--access-token-seconds", ACCESS_TOKEN_SECONDS]).build().await?;
    house.sandbox.set_google(json!({ "rotate_refresh_tokens": true })).await?;
    let chronicle = Chronicle::begin(&house).await?;
    let stage = Stage::new(house, servers, chronicle);
    let played = play(&stage, &schedule, began).await;
    let mut findings = stage.findings();
    if let Err(trouble) = &played {
        findings.push(format!("the run came to an early end: {trouble}"));
    }
    let beats = stage.beats();
    let (mut house, chronicle) = stage.close();
    let recovery = Recovery::of(&chronicle.faults, &beats);
    findings.extend(recovery.never.iter().map(|fault| format!("never seen to work again: {fault}")));
    if played.is_ok() {
        println!("{:>6.1} s  checking", began.elapsed().as_secs_f64());
        let report = invariants::check(&house, &chronicle).await?;
        println!("\n{}{report}{recovery}", Summary::of(&house, &chronicle).await?);
        findings.extend(report.broken().iter().map(|name| format!("{name} does not hold")));
    }
    for finding in &findings {
        println!("FAILED  {finding}");
    }
    if !findings.is_empty() {
        let folder = keep(&mut house, &chronicle).await?;
        println!("\nlogs, record and tables are in {}", folder.display());
        println!("once more: ops/chaos --seconds {} --seed {seed}", schedule.length.as_secs());
    }
    println!("\n{:.0} s in all", began.elapsed().as_secs_f64());
    Ok(findings.is_empty())
}

/// Everything up to the moment in which the house is at rest.
async fn play(stage: &Stage<'_>, schedule: &Schedule, began: Instant) -> Story {
    let say = |words: &str| println!("{:>6.1} s  {words}", began.elapsed().as_secs_f64());
    stage.muster().await?;
    let guests = stage.receive_guests().await?;
    say(&format!("{} accounts are connected; the storm begins", guests.len()));
    let storm = async {
        let done = stage.storm(schedule).await;
        say("the storm is over");
        // What is asked now says how soon everything works again.
        stage.house.sandbox.clear_faults().await?;
        stage.works_again().await?;
        stage.end();
        done?;
        stage.nothing_is_overdue().await
    };
    let (seconds, ()) = tokio::try_join!(storm, async {
        let meanwhile = (stage.load(&guests, schedule.seed), stage.keep_time(), stage.watch(), stage.supervise());
        tokio::try_join!(meanwhile.0, meanwhile.1, meanwhile.2, meanwhile.3).map(drop)
    })?;
    say(&format!("{seconds:.1} s after the last fault nothing was overdue"));
    stage.come_to_rest().await?;
    say("at rest");
    Ok(())
}

/// Keeps what helps to find out why.
async fn keep(house: &mut House, chronicle: &Chronicle) -> Story<PathBuf> {
    let folder = house.keep_folder();
    std::fs::write(folder.join("chronicle.json"), serde_json::to_string_pretty(chronicle)?)?;
    std::fs::write(folder.join("ledger.json"), house.sandbox.get("ledger").await?.to_string())?;
    let tables = house.database.dump().await?;
    let lines: Vec<String> = tables.iter().map(|(table, row)| format!("{table} {row}")).collect();
    std::fs::write(folder.join("tables.txt"), lines.join("\n"))?;
    Ok(folder)
}
