//! `bellhop breakers`: what is left alone at the moment as it keeps failing, since when, and when it is tried again.

use bellhop_store::{Store, StoreError, StoredBreaker};
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
    let now = app.clock.now();
    let mut shown = 0;
    for remembered in remembered(&app.store).await? {
        if remembered.breaker.as_ref().is_some_and(|breaker| breaker.is_calm(now)) {
            continue;
        }
        shown += 1;
        if arguments.json {
            say!("{}", remembered.as_json(now));
        } else {
            say!("{}", remembered.say(now));
        }
    }
    if shown == 0 && !arguments.json {
        say!("every provider answers");
    }
    Ok(())
}

/// A breaker as it was last written down.
pub(super) struct Remembered {
    pub(super) row: StoredBreaker,
    /// None, if a newer release wrote it.
    breaker: Option<Breaker>,
}

/// All of them, each provider's first and otherwise in the order of their names.
pub(super) async fn remembered(store: &Store) -> Result<Vec<Remembered>, StoreError> {
    let (mut of_providers, mut of_accounts) = (vec![], vec![]);
    for tenant in store.tenants().await? {
        let rows = store.breakers(tenant).await?;
        let (accounts, providers) = rows.into_iter().partition::<Vec<_>, _>(|row| row.integration.is_some());
        // The same for every tenant.
        of_providers = providers;
        of_accounts.extend(accounts);
    }
    let mut rows: Vec<_> = of_providers.into_iter().chain(of_accounts).collect();
    rows.sort_by(|one, other| {
        let place = |row: &StoredBreaker| (row.integration, row.provider.name());
        place(one).cmp(&place(other)).then_with(|| one.service.cmp(&other.service))
    });
    let read = |row: StoredBreaker| Remembered { breaker: serde_json::from_value(row.state.clone()).ok(), row };
    Ok(rows.into_iter().map(read).collect())
}

impl Remembered {
    /// Whether it holds calls back.
    pub(super) fn is_open(&self) -> bool {
        self.breaker.as_ref().is_some_and(|breaker| breaker.open().is_some())
    }

    /// In a sentence.
    pub(super) fn say(&self, now: DateTime<Utc>) -> String {
        let Some(breaker) = &self.breaker else {
            return format!("{}: written by a newer release, which this one cannot read", name(&self.row));
        };
        as_line(&self.row, breaker, now)
    }

    fn as_json(&self, now: DateTime<Utc>) -> serde_json::Value {
        let open = self.breaker.as_ref().and_then(Breaker::open);
        json!({
            "provider": self.row.provider,
            "service": self.row.service,
            "integration": self.row.integration,
            "state": self.breaker.as_ref().map_or("unreadable", |breaker| state(breaker, now)),
            "failures": self.breaker.as_ref().map(|breaker| breaker.failures(now)),
            "since": open.map(|open| open.since),
            "reason": open.map(|open| open.reason),
            "retry_at": open.map(|open| open.retry_at),
        })
    }
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
