//! `bellhop audit`: who did what to which account and when, and the proof that nobody edited the answer.

use std::str::FromStr;

use bellhop_domain::IntegrationId;
use bellhop_store::AuditEntry;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use clap::{Subcommand, value_parser};

use crate::app::App;
use crate::cli::Failure;

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// The events of one account, oldest first, with who did it, why and when.
    Query {
        /// Which integration.
        #[arg(long)]
        integration: IntegrationId,
        /// Only events since then: `2026-01-31`, `2026-01-31T12:00:00Z`, or `90m`, `24h`, `7d` ago.
        #[arg(long)]
        since: Option<Since>,
        /// At most this many; where there are more, standard error says so.
        #[arg(long, default_value_t = 1_000, value_parser = value_parser!(i64).range(1..))]
        limit: i64,
        /// One JSON object a line instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Every integration there is: id, provider, state and when it was connected.
    Integrations {
        /// One JSON object a line instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Check every hash chain, and that states, views and jobs are what the log says.
    Verify,
}

/// Answers.
pub async fn run(command: AuditCommand, app: &App) -> Result<(), Failure> {
    match command {
        AuditCommand::Query { integration, since, limit, json } => {
            query(app, integration, since.map(|since| since.moment(app.clock.now())), limit, json).await
        }
        AuditCommand::Integrations { json } => integrations(app, json).await,
        AuditCommand::Verify => verify(app).await,
    }
}

async fn query(
    app: &App,
    integration: IntegrationId,
    since: Option<DateTime<Utc>>,
    limit: i64,
    json: bool,
) -> Result<(), Failure> {
    let tenant =
        app.store.tenant_of(integration).await?.ok_or_else(|| {
            Failure::new("there is no integration with this id; `bellhop audit integrations` lists them")
        })?;
    // One more than is shown: an answer that is cut short must not look whole to an auditor.
    let entries = app.store.audit(tenant, integration, since, limit.saturating_add(1)).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    for entry in entries.iter().take(shown) {
        say!("{}", if json { as_json(entry)? } else { as_line(entry)? });
    }
    if entries.len() > shown {
        complain!("bellhop: these are the first {limit} and there are more; a larger --limit shows them");
    }
    Ok(())
}

fn as_json(entry: &AuditEntry) -> Result<String, Failure> {
    serde_json::to_string(entry).map_err(|_| Failure::new("an event cannot be shown"))
}

fn as_line(entry: &AuditEntry) -> Result<String, Failure> {
    let fields = serde_json::to_value(&entry.event).map_err(|_| Failure::new("an event cannot be shown"))?;
    let details: Vec<String> = fields
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| *name != "event" && !value.is_null())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let actor = serde_json::to_value(entry.actor).map_err(|_| Failure::new("an actor cannot be shown"))?;
    let actor = actor.get("kind").and_then(|kind| kind.as_str()).unwrap_or("?").to_owned();
    let operator = entry.operator.as_ref().map(|words| format!(" ({}: {})", words.name, words.reason));
    Ok(format!(
        "{:>5}  {}  {:<21} by {actor}{}  {}",
        entry.version,
        entry.time.format("%Y-%m-%d %H:%M:%S%.3f UTC"),
        entry.event.name(),
        operator.unwrap_or_default(),
        details.join(" ")
    ))
}

async fn integrations(app: &App, json: bool) -> Result<(), Failure> {
    let mut shown = 0;
    for tenant in app.store.tenants().await? {
        for integration in app.store.streams(tenant).await? {
            let Some(row) = app.store.integration(tenant, integration).await? else { continue };
            shown += 1;
            if json {
                let line = serde_json::json!({
                    "integration": row.id, "tenant": row.tenant, "owner": row.owner, "provider": row.provider,
                    "state": row.status, "reason": row.reason, "connected_at": row.connected_at,
                });
                say!("{line}");
            } else {
                let connected = row.connected_at.map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string());
                say!(
                    "{}  {:<8} {:<12} {}",
                    row.id,
                    row.provider.name(),
                    row.status.name(),
                    connected.as_deref().unwrap_or("never connected")
                );
            }
        }
    }
    if shown == 0 && !json {
        say!("There are no integrations.");
    }
    Ok(())
}

async fn verify(app: &App) -> Result<(), Failure> {
    let (mut streams, mut events) = (0, 0);
    for tenant in app.store.tenants().await? {
        let verified = app.store.verify(tenant).await?.map_err(|difference| Failure::found(difference.to_string()))?;
        streams += verified.streams;
        events += verified.events;
    }
    say!("{events} events in {streams} streams: every chain holds; states, views and jobs are what the log says.");
    Ok(())
}

/// A moment as people write it.
#[derive(Debug, Clone, Copy)]
pub enum Since {
    /// This moment itself.
    At(DateTime<Utc>),
    /// So long before now.
    Ago(TimeDelta),
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(moment.with_timezone(&Utc)));
        }
        if let Ok(date) = text.parse::<NaiveDate>() {
            return Ok(Self::At(date.and_time(chrono::NaiveTime::MIN).and_utc()));
        }
        ago(text).map(Self::Ago).ok_or("expected 2026-01-31, 2026-01-31T12:00:00Z, or 90m, 24h or 7d ago")
    }
}

impl Since {
    /// What it means now. There is no log from before 1970, and Postgres does not know every time that can be written.
    fn moment(self, now: DateTime<Utc>) -> DateTime<Utc> {
        let moment = match self {
            Self::At(moment) => Some(moment),
            Self::Ago(ago) => now.checked_sub_signed(ago),
        };
        moment.unwrap_or(DateTime::UNIX_EPOCH).max(DateTime::UNIX_EPOCH)
    }
}

fn ago(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let number: i64 = text.strip_suffix(unit)?.parse().ok()?;
    match unit {
        's' => TimeDelta::try_seconds(number),
        'm' => TimeDelta::try_minutes(number),
        'h' => TimeDelta::try_hours(number),
        'd' => TimeDelta::try_days(number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_understood_as_people_write_it() {
        let now = DateTime::parse_from_rfc3339("2026-03-01T12:00:00Z").unwrap().with_timezone(&Utc);
        for (text, expected) in [
            ("2026-01-31", "2026-01-31T00:00:00Z"),
            ("2026-01-31T12:00:00+01:00", "2026-01-31T11:00:00Z"),
            ("90m", "2026-03-01T10:30:00Z"),
            ("7d", "2026-02-22T12:00:00Z"),
        ] {
            assert_eq!(text.parse::<Since>().unwrap().moment(now).to_rfc3339(), expected.replace('Z', "+00:00"));
        }
        for text in ["", "d", "-", "yesterday", "99999999999999999999d", "9223372036854775807d", "1é"] {
            assert!(text.parse::<Since>().is_err(), "{text}");
        }
        for text in ["5000000d", "99999999999d", "-4800-01-01"] {
            assert_eq!(text.parse::<Since>().unwrap().moment(now), DateTime::UNIX_EPOCH, "{text}: since ever");
        }
    }
}
