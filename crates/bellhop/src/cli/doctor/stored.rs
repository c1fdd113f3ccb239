//! What Postgres says: whether it can be served from, whether its clock agrees, and what waits for somebody.

use base64::Engine;
use bellhop_store::{Keyring, LetterFilter, RoleProblem, Store, StoreError};
use chrono::{DateTime, Utc};

use super::{Findings, moment};
use crate::cli::breakers;
use crate::clock::Clock;
use crate::config::Examined;

/// How far our clock and Postgres's may be apart: leases and due times are read by different ones.
const CLOCKS_APART_SECONDS: f64 = 2.0;

/// Looks; answers the store where more can be asked of it.
pub async fn look(examined: &Examined, clock: &Clock, findings: &mut Findings) -> Option<Store> {
    let Some(address) = examined.database.clone() else {
        Findings::note("database", "not looked at: DATABASE_URL comes first");
        return None;
    };
    let keyring = examined.keyring().ok();
    let has_key = keyring.is_some();
    let store = Store::open(address, keyring.or_else(no_key)?);
    let asked = if has_key { store.role_problem().await } else { store.keyless_role_problem().await };
    let problem = match asked {
        Ok(problem) => problem,
        Err(error) => {
            findings.wrong("database", &format!("{error}; is it running, and is DATABASE_URL right?"));
            return None;
        }
    };
    match &problem {
        Some(problem) => findings.wrong("database", &problem.to_string()),
        None => {
            Findings::good("database", "reached, migrated, and served as a role that cannot see around tenants");
        }
    }
    compare_clocks(&store, clock, findings).await;
    // Another schema answers nothing that could be trusted.
    if matches!(problem, Some(RoleProblem::NotMigrated | RoleProblem::Newer)) {
        return None;
    }
    if let Err(error) = letters(&store).await {
        findings.wrong("dead letters", &error.to_string());
    }
    if let Err(error) = left_alone(&store, clock.now()).await {
        findings.wrong("breakers", &error.to_string());
    }
    Some(store)
}

/// For looking at what needs no key, while there is none. Nothing may be sealed, opened or checked with it.
fn no_key() -> Option<Keyring> {
    let nothing = base64::engine::general_purpose::STANDARD.encode([0; 32]);
    Keyring::new(&nothing.into()).ok()
}

async fn compare_clocks(store: &Store, clock: &Clock, findings: &mut Findings) {
    let Ok(theirs) = store.database_time().await else { return };
    let apart = (clock.now() - theirs).as_seconds_f64().abs();
    if apart <= CLOCKS_APART_SECONDS {
        Findings::good("clock", "agrees with Postgres");
    } else {
        findings.wrong("clock", &format!("is {apart:.0} s away from Postgres; synchronise both (NTP)"));
    }
}

/// What was given up and waits for an operator.
async fn letters(store: &Store) -> Result<(), StoreError> {
    let everywhere = LetterFilter { tenants: store.tenants().await?, ..LetterFilter::default() };
    let causes = store.causes_of_death(&everywhere).await?;
    let Some(oldest) = causes.iter().map(|cause| cause.oldest).min() else {
        Findings::good("dead letters", "none");
        return Ok(());
    };
    let count: i64 = causes.iter().map(|cause| cause.count).sum();
    let waiting =
        format!("{count} since {}; `bellhop dead list` says of what, `dead replay` takes them up", moment(oldest));
    Findings::note("dead letters", &waiting);
    Ok(())
}

/// What is not asked at the moment, as it keeps failing. Mostly others' to mend.
async fn left_alone(store: &Store, now: DateTime<Utc>) -> Result<(), StoreError> {
    let open: Vec<_> = breakers::remembered(store).await?.into_iter().filter(breakers::Remembered::is_open).collect();
    let (accounts, providers): (Vec<_>, Vec<_>) = open.iter().partition(|breaker| breaker.row.integration.is_some());
    for breaker in providers {
        Findings::note("breakers", &breaker.say(now));
    }
    match accounts.len() {
        0 if open.is_empty() => Findings::good("breakers", "none is open"),
        0 => {}
        some => {
            Findings::note(
                "breakers",
                &format!("{some} of single accounts are open; `bellhop breakers` says which and why"),
            );
        }
    }
    Ok(())
}
