//! `bellhop doctor`: what is wrong with an installation, and what to do about it.
//!
//! Nothing stops at the first fault: every setting is looked at, and then everything that the others still let be looked at.
//! What is wrong makes the exit code 3. What only waits, such as dead letters, is a note: it may be there in a house in order.

mod belt;
mod outside;
mod stored;

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

use crate::cli::Failure;
use crate::clock::Clock;
use crate::config::{ConfigError, Examined, Source};
use crate::telemetry;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Collects what was found and prints it as it comes.
#[derive(Default)]
struct Findings {
    wrong: usize,
}

impl Findings {
    fn good(what: &str, how: &str) {
        say!("ok    {what}: {how}");
    }

    fn wrong(&mut self, what: &str, mend: &str) {
        self.wrong += 1;
        say!("WRONG {what}: {mend}");
    }

    fn note(what: &str, how: &str) {
        say!("note  {what}: {how}");
    }
}

/// Looks at everything that does not need a change to be looked at.
pub async fn run(source: &Source) -> Result<(), Failure> {
    let mut findings = Findings::default();
    let (examined, clock) = (Examined::of(source), Clock::of_process());
    settings(&examined, &mut findings);
    let store = stored::look(&examined, &clock, &mut findings).await;
    belt::look(&examined, store.as_ref(), &clock, &mut findings).await;
    outside::google(&examined, &mut findings).await;
    outside::telegram(&examined, &mut findings).await;
    if findings.wrong == 0 { Ok(()) } else { Err(Failure::found(format!("{} to mend", findings.wrong))) }
}

fn settings(examined: &Examined, findings: &mut Findings) {
    let master_key = examined.keyring().err();
    let log_level = (!telemetry::understands(&examined.log_level)).then(|| {
        ConfigError::new(
            "LOG_LEVEL",
            "is not understood; expected info, another level, or a filter such as bellhop=debug",
        )
    });
    let before = findings.wrong;
    // A key whose file cannot be read is wrong once.
    let master_key = master_key.filter(|_| !examined.errors.concern(&["MASTER_KEY"]));
    for error in examined.errors.iter().chain(&master_key).chain(&log_level) {
        findings.wrong("settings", &error.to_string());
    }
    if findings.wrong == before {
        Findings::good("settings", "complete");
    }
}

/// A time as every line shows it.
fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
