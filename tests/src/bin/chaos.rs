//! Chaos from the command line: `ops/chaos` sets the machine up and hands over to this program.
//!
//! It starts a Postgres and a Redis of its own, as it breaks them, and is repeatable by its seed. Exit codes: 0 everything
//! held, 1 something did not, 2 the arguments were not understood.

use std::process::ExitCode;
use std::time::Duration;

use bellhop_tests::chaos::controls::{self, Control};
use bellhop_tests::{PrivateServers, Story, chaos};
use rand::RngExt;
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "usage: chaos [--minutes N | --seconds N] [--seed N] [--control NAME | --control all]...";

/// How long a storm is in the whole form, which is what nobody asks for in particular: a storm and then every control.
const LENGTH: Duration = Duration::from_mins(10);

/// What is to be done.
struct Wanted {
    /// How long to break everything at once, if at all.
    storm: Option<Duration>,
    seed: u64,
    /// Which negative controls to play.
    controls: Vec<Control>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(wanted) = wanted(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let ended = tokio::select! {
        ended = run(&wanted) => ended,
        // Everything that was started ends with the future that started it.
        stopped = interruption() => stopped.map(|()| ExitCode::from(130)),
    };
    ended.unwrap_or_else(|trouble| {
        eprintln!("\nFAILED: {trouble}");
        ExitCode::FAILURE
    })
}

async fn run(wanted: &Wanted) -> Story<ExitCode> {
    let servers = PrivateServers::start().await?;
    let mut held = true;
    if let Some(length) = wanted.storm {
        held &= Box::pin(chaos::run(&servers, wanted.seed, length)).await?;
    }
    held &= Box::pin(controls::run(&servers, &wanted.controls)).await;
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn wanted(arguments: &[String]) -> Option<Wanted> {
    let mut wanted = Wanted { storm: None, seed: rand::rng().random_range(0..1_000_000), controls: vec![] };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return None };
        match name.as_str() {
            "--minutes" => wanted.storm = Some(Duration::from_secs(value.parse::<u64>().ok()?.checked_mul(60)?)),
            "--seconds" => wanted.storm = Some(Duration::from_secs(value.parse().ok()?)),
            "--seed" => wanted.seed = value.parse().ok()?,
            "--control" if value == "all" => wanted.controls.extend(Control::ALL),
            "--control" => wanted.controls.push(Control::from_name(value)?),
            _ => return None,
        }
    }
    if wanted.storm.is_none() && wanted.controls.is_empty() {
        (wanted.storm, wanted.controls) = (Some(LENGTH), Control::ALL.to_vec());
    }
    let possible = chaos::SHORTEST..=Duration::from_hours(24);
    wanted.storm.is_none_or(|length| possible.contains(&length)).then_some(wanted)
}

async fn interruption() -> Story {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    println!("\nstopping");
    Ok(())
}
