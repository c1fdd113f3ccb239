//! `bellhop breakers`: what is left alone at the moment as it keeps failing, since when, and when it is tried again.

use bellhop_store::StoredBreaker;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use serde_json::json;

use crate::app::App;
use crate::breakers::breaker::{Admission, Breaker};
use crate::cli::Failure;

/// What is shown.
#[derive(Debug, Args)]
pub struct BreakersArguments {
    /// One JSON object a line instead of sentences.
    #[arg(long)]
    json: bool,
}

/// Shows every breaker that remembers a failure: first those of providers, which hold back all of their accounts.
pub async fn run(arguments: BreakersArguments, app: &App) -> Result<(), Failure> {
    let (mut of_providers, mut of_accounts) = (vec![], vec![]);
    for tenant in app.store.tenants().await? {
        let rows = app.store.breakers(tenant).await?;
        let (accounts, providers) = rows.into_iter().partition::<Vec<_>, _>(|row| row.integration.is_some());
        // The same for every tenant.
        of_providers = providers;
        of_accounts.extend(accounts);
    }
    let now = app.clock.now();
    let mut shown = 0;
    for row in of_providers.into_iter().chain(of_accounts) {
        let Ok(breaker) = serde_json::from_value::<Breaker>(row.state.clone()) else {
            shown += 1;
            if arguments.json {
                say!("{}", unreadable_as_json(&row));
            } else {
                say!("{}: written by a newer release, which this one cannot read", name(&row));
            }
            continue;
        };
        if breaker.is_calm(now) {
            continue;
        }
        shown += 1;
        if arguments.json {
            say!("{}", as_json(&row, &breaker, now));
        } else {
            say!("{}", as_line(&row, &breaker, now));
        }
    }
    if shown == 0 && !arguments.json {
        say!("every provider answers");
    }
    Ok(())
}

fn as_json(row: &StoredBreaker, breaker: &Breaker, now: DateTime<Utc>) -> serde_json::Value {
    json!({
        "provider": row.provider,
        "service": row.service,
        "integration": row.integration,
        "state": state(breaker, now),
        "failures": breaker.failures(now),
        "since": breaker.open().map(|open| open.since),
        "reason": breaker.open().map(|open| open.reason),
        "retry_at": breaker.open().map(|open| open.retry_at),
    })
}

fn unreadable_as_json(row: &StoredBreaker) -> serde_json::Value {
    json!({
        "provider": row.provider,
        "service": row.service,
        "integration": row.integration,
        "state": "unreadable",
    })
}

/// Whose breaker it is.
fn name(row: &StoredBreaker) -> String {
    let account = row.integration.map(|integration| format!(" about {integration}")).unwrap_or_default();
    format!("{} {}{account}", row.provider, row.service)
}

fn as_line(row: &StoredBreaker, breaker: &Breaker, now: DateTime<Utc>) -> String {
    let what = format!("{}: {}", name(row), state(breaker, now));
    let at = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    match breaker.open() {
        Some(open) => {
            let reason = open.reason.name();
            format!("{what} since {}, {reason}, tried again from {}", at(open.since), at(open.retry_at))
        }
        None => format!("{what}, {} of the last answers were failures", breaker.failures(now)),
    }
}

/// The state by the name that breakers' states have everywhere.
fn state(breaker: &Breaker, now: DateTime<Utc>) -> &'static str {
    match (breaker.open(), breaker.admit(now)) {
        (None, _) => "closed",
        (Some(open), _) if open.is_probed(now) => "half open",
        (Some(_), Admission::Probe { .. }) => "half open",
        (Some(_), Admission::Free | Admission::Held { .. }) => "open",
    }
}
