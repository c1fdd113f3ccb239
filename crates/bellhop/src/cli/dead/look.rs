//! What dead letters an operator is shown: all of them by cause, or one with its history. Only reading.

use bellhop_domain::{Event, JobId};
use chrono::{DateTime, Utc};

use super::{Which, reason_of, unknown};
use crate::app::App;
use crate::cli::Failure;

/// What lies there, grouped by cause.
pub(super) async fn list(app: &App, which: &Which, limit: i64, json: bool) -> Result<(), Failure> {
    let filter = which.filter(app).await?;
    let causes = app.store.causes_of_death(&filter).await?;
    let letters = app.store.dead_letters(&filter, limit).await?;
    if json {
        say!("{}", serde_json::json!({ "causes": causes, "letters": letters }));
        return Ok(());
    }
    if causes.is_empty() {
        say!("There are no dead letters.");
        return Ok(());
    }
    say!("{:>6}  {:<16} {:<20} {:<20}  {:<20}", "count", "kind", "reason", "oldest", "newest");
    for cause in &causes {
        say!(
            "{:>6}  {:<16} {:<20} {:<20}  {:<20}",
            cause.count,
            cause.kind.name(),
            cause.reason.name(),
            moment(cause.oldest),
            moment(cause.newest)
        );
    }
    say!("");
    say!("{:<36}  {:<16} {:<20} {:<20}  {:<8} integration", "job", "kind", "reason", "died", "attempts");
    for letter in &letters {
        say!(
            "{}  {:<16} {:<20} {:<20}  {:<8} {}",
            letter.job,
            letter.kind.name(),
            reason_of(letter),
            letter.ended_at.map(moment).unwrap_or_default(),
            letter.attempts,
            letter.integration
        );
    }
    let total: i64 = causes.iter().map(|cause| cause.count).sum();
    if total > i64::try_from(letters.len()).unwrap_or(i64::MAX) {
        say!("… of {total}; --limit shows more");
    }
    Ok(())
}

/// One job and what happened to it.
pub(super) async fn show(app: &App, job: JobId, json: bool) -> Result<(), Failure> {
    let row = app.store.job(job).await?.ok_or_else(|| unknown(job))?;
    let history: Vec<_> = app
        .store
        .audit(row.tenant, row.integration, None, i64::MAX)
        .await?
        .into_iter()
        .filter(|entry| entry.event_id.uuid() == row.opened_by || is_about(&entry.event, job))
        .collect();
    if json {
        say!("{}", serde_json::json!({ "job": row, "history": history }));
        return Ok(());
    }
    let payload = serde_json::to_string(&row.payload).map_err(|_| Failure::new("the job cannot be shown"))?;
    say!("job          {}", row.job);
    say!("integration  {}", row.integration);
    say!("tenant       {}", row.tenant);
    say!("kind         {}", row.kind);
    say!("payload      {payload}");
    say!("state        {}{}", row.state.name(), if row.running { ", running" } else { "" });
    say!("reason       {}", reason_of(&row));
    say!("attempts     {} failed, {} crashes in a row", row.attempts, row.crashes);
    say!("replayed     {} times", row.lineage - 1);
    say!("due          {}", moment(row.due_at));
    say!("ended        {}", row.ended_at.map_or_else(|| "no".to_owned(), moment));
    say!("");
    say!("what happened:");
    for entry in history {
        let operator = entry.operator.map(|words| format!(" by {}: {}", words.name, words.reason));
        say!(
            "  {}  {}{}{}",
            moment(entry.time),
            entry.event.name(),
            detail(&entry.event),
            operator.unwrap_or_default()
        );
    }
    Ok(())
}

fn is_about(event: &Event, job: JobId) -> bool {
    match event {
        Event::JobFailed { job: about, .. }
        | Event::JobBuried { job: about, .. }
        | Event::JobReplayed { job: about, .. }
        | Event::JobDiscarded { job: about, .. }
        | Event::OwnerNotified { job: about, .. }
        | Event::AccessRevoked { job: about, .. } => *about == job,
        Event::AuthorizationStarted { .. }
        | Event::AuthorizationFailed { .. }
        | Event::LinkRejected { .. }
        | Event::AccessGranted { .. }
        | Event::AccessRefreshed { .. }
        | Event::RefreshFailed { .. }
        | Event::AccessExpired { .. }
        | Event::AccessReduced { .. }
        | Event::AccessRecovered { .. }
        | Event::OutageBegan { .. }
        | Event::OutageEnded { .. }
        | Event::MailFetched { .. }
        | Event::CalendarFetched { .. }
        | Event::Disconnected { .. }
        | Event::Erased { .. } => false,
    }
}

fn detail(event: &Event) -> String {
    match event {
        Event::JobFailed { attempt, reason, .. } => format!(" attempt {attempt}, {}", reason.name()),
        Event::JobBuried { attempts, reason, .. } => format!(" after {attempts} attempts, {}", reason.name()),
        Event::JobDiscarded { superseded: true, .. } => " done another way".to_owned(),
        _ => String::new(),
    }
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%SZ").to_string()
}
