//! `bellhop dead`: the jobs that were given up, and what an operator may do about them.
//!
//! Every act is an event of the integration, with the operator's name and reason sealed beside it. An act that was carried
//! out before, by whomever, does nothing and says so, so that a list of replays can be repeated after a crash half-way.
//!
//! Exit codes: 0 done, or there was nothing left to do; 1 something could not be done, the rest was; 2 the command was not
//! understood.

use bellhop_domain::{Command, CommandId, Event, Integration, JobFailure, JobId, JobKind, Refusal, TenantId};
use bellhop_store::{Actor, Context, ExecuteError, JobRow, JobState, LetterFilter, OperatorWords, Request, event_id};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use futures::StreamExt;
use uuid::Uuid;

use crate::app::App;
use crate::cli::Failure;

/// How many acts are under way at once. They share commits.
const AT_ONCE: usize = 16;

/// What can be asked about dead letters, and done with them.
#[derive(Debug, Subcommand)]
pub enum DeadCommand {
    /// What lies there, grouped by cause.
    List {
        #[command(flatten)]
        which: Which,
        /// At most this many letters; causes are always counted in full.
        #[arg(long, default_value_t = 100)]
        limit: i64,
        /// One JSON object instead of tables.
        #[arg(long)]
        json: bool,
    },
    /// Everything about one job, and what happened to it.
    Show {
        /// Which job.
        job: JobId,
        /// One JSON object instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Take letters up again: they are due at once, with all their attempts.
    Replay(Act),
    /// Close letters for good, undone.
    Discard(Act),
}

/// Which letters are meant.
#[derive(Debug, Args)]
pub struct Which {
    /// Only of this tenant, by name; of all tenants without it.
    #[arg(long)]
    tenant: Option<String>,
    /// Only of this kind, such as `fetch_mail`.
    #[arg(long)]
    kind: Option<JobKind>,
    /// Only what died of this, such as `request_refused`.
    #[arg(long, value_parser = reason)]
    reason: Option<JobFailure>,
}

/// What is to be done with which letters, by whom and why.
#[derive(Debug, Args)]
pub struct Act {
    /// Which jobs.
    #[arg(value_name = "JOB", required_unless_present = "all", conflicts_with = "all")]
    jobs: Vec<JobId>,
    /// Every letter, or those that --tenant, --kind and --reason leave.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    which: Which,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Why, in your own words. Kept sealed beside the event.
    #[arg(long, value_name = "WHY", required_unless_present = "dry_run", value_parser = words)]
    because: Option<String>,
    /// Who you are. Kept sealed beside the event.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "operator")]
    operator: String,
}

fn reason(text: &str) -> Result<JobFailure, String> {
    JobFailure::from_name(text)
        .ok_or_else(|| format!("expected one of {}", JobFailure::ALL.map(JobFailure::name).join(", ")))
}

fn words(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() { Err("say why, in a few words") } else { Ok(text.to_owned()) }
}

/// Carries out the command.
pub async fn run(command: DeadCommand, app: &App) -> Result<(), Failure> {
    match command {
        DeadCommand::List { which, limit, json } => list(app, &which, limit, json).await,
        DeadCommand::Show { job, json } => show(app, job, json).await,
        DeadCommand::Replay(act) => carry_out(app, Deed::Replay, act).await,
        DeadCommand::Discard(act) => carry_out(app, Deed::Discard, act).await,
    }
}

impl Which {
    async fn filter(&self, app: &App) -> Result<LetterFilter, Failure> {
        let tenants = match &self.tenant {
            None => app.store.tenants().await?,
            Some(name) => {
                let tenant: Option<TenantId> = app.store.tenant_named(name).await?;
                vec![tenant.ok_or_else(|| Failure::new(format!("there is no tenant called {name}")))?]
            }
        };
        Ok(LetterFilter { tenants, kind: self.kind, reason: self.reason })
    }

    fn is_everything(&self) -> bool {
        self.tenant.is_none() && self.kind.is_none() && self.reason.is_none()
    }
}

async fn list(app: &App, which: &Which, limit: i64, json: bool) -> Result<(), Failure> {
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

async fn show(app: &App, job: JobId, json: bool) -> Result<(), Failure> {
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

fn reason_of(row: &JobRow) -> &'static str {
    row.reason.map_or("-", JobFailure::name)
}

fn unknown(job: JobId) -> Failure {
    Failure::new(format!("there is no job {job}; it may have been swept. `bellhop dead list` shows what lies there"))
}

/// What an operator does with a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deed {
    Replay,
    Discard,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Replayed,
    Discarded,
    /// The work had been done another way; replaying only closed the letter.
    Superseded,
    /// It was no letter any more.
    NothingToDo(JobState),
}

impl Deed {
    const fn name(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Discard => "discard",
        }
    }

    const fn command(self, job: JobId) -> Command {
        match self {
            Self::Replay => Command::ReplayJob { job },
            Self::Discard => Command::DiscardJob { job },
        }
    }

    /// The same for every repetition of this deed on this life of the job, so that a repeat is recognised.
    fn command_id(self, row: &JobRow) -> CommandId {
        CommandId::new(Uuid::new_v5(&row.job.uuid(), format!("{}/{}", self.name(), row.lineage).as_bytes()))
    }
}

impl Effect {
    fn of(event: &Event) -> Option<Self> {
        match event {
            Event::JobReplayed { .. } => Some(Self::Replayed),
            Event::JobDiscarded { superseded: true, .. } => Some(Self::Superseded),
            Event::JobDiscarded { superseded: false, .. } => Some(Self::Discarded),
            _ => None,
        }
    }

    fn say(self, row: &JobRow, dry_run: bool) -> String {
        let would = if dry_run { "would be " } else { "" };
        let what = match self {
            Self::Replayed => format!("{would}replayed"),
            Self::Discarded => format!("{would}discarded"),
            Self::Superseded => format!("already done another way, {would}closed"),
            Self::NothingToDo(JobState::Done) => "already done, nothing to do".to_owned(),
            Self::NothingToDo(JobState::Open) => "already taken up again, nothing to do".to_owned(),
            Self::NothingToDo(JobState::Dead) => "no letter any more, nothing to do".to_owned(),
        };
        format!("{}  {:<16} {:<20} {what}", row.job, row.kind.name(), reason_of(row))
    }
}

/// A deed with its doer.
struct Deeds<'a> {
    app: &'a App,
    deed: Deed,
    words: Option<OperatorWords>,
}

async fn carry_out(app: &App, deed: Deed, act: Act) -> Result<(), Failure> {
    if !act.all && !act.which.is_everything() {
        return Err(Failure::new(
            "--tenant, --kind and --reason choose among --all letters; leave them out or the jobs",
        ));
    }
    let (mut rows, mut failed) = (vec![], 0_usize);
    if act.all {
        rows = app.store.dead_letters(&act.which.filter(app).await?, i64::MAX).await?;
    }
    for job in act.jobs {
        if let Some(row) = app.store.job(job).await? {
            rows.push(row);
        } else {
            eprintln!("bellhop: {}", unknown(job));
            failed += 1;
        }
    }
    if rows.is_empty() && failed == 0 {
        say!("There are no such dead letters.");
    }
    let words = if act.dry_run { None } else { act.because.map(|reason| OperatorWords { name: act.operator, reason }) };
    let deeds = Deeds { app, deed, words };
    let mut effects = futures::stream::iter(&rows).map(|row| deeds.carry_out(row)).buffered(AT_ONCE);
    for row in &rows {
        match effects.next().await {
            Some(Ok(effect)) => say!("{}", effect.say(row, deeds.words.is_none())),
            Some(Err(failure)) => {
                eprintln!("bellhop: {}: {failure}", row.job);
                failed += 1;
            }
            None => break,
        }
    }
    if failed > 0 {
        return Err(Failure::new(format!("{failed} could not be done; the same command again does only what is left")));
    }
    Ok(())
}

impl Deeds<'_> {
    /// Does it, or finds out what it would come to.
    async fn carry_out(&self, row: &JobRow) -> Result<Effect, Failure> {
        match &self.words {
            _ if row.state != JobState::Dead => Ok(Effect::NothingToDo(row.state)),
            None => self.try_out(row).await,
            Some(words) => self.act(row, words).await,
        }
    }

    async fn try_out(&self, row: &JobRow) -> Result<Effect, Failure> {
        let state: Integration = self.app.store.load(row.tenant, row.integration).await?.state;
        match state.decide(self.deed.command(row.job), self.app.clock.now()) {
            Ok(events) => Ok(events.iter().find_map(Effect::of).unwrap_or(Effect::NothingToDo(row.state))),
            Err(Refusal::NoSuchDeadLetter) => Ok(Effect::NothingToDo(row.state)),
            Err(refusal) => Err(Failure::new(refusal.to_string())),
        }
    }

    async fn act(&self, row: &JobRow, words: &OperatorWords) -> Result<Effect, Failure> {
        let store = &self.app.store;
        let key = store
            .integration_key(row.tenant, row.integration)
            .await?
            .ok_or_else(|| Failure::new("the integration was erased"))?;
        let command = self.deed.command_id(row);
        let words = words.seal(&key, row.tenant, row.integration, event_id(command, row.integration, 0))?;
        let context = Context::new(row.tenant, Actor::Operator, command);
        let request = Request {
            changes: vec![words],
            needs_events: true,
            ..Request::new(context, self.app.clock.now(), row.integration, self.deed.command(row.job))
        };
        match store.execute(&request).await {
            Ok(executed) => {
                let effect = executed.events.iter().find_map(|recorded| Effect::of(&recorded.event));
                Ok(effect.unwrap_or(Effect::NothingToDo(row.state)))
            }
            // Somebody else has dealt with it since it was listed.
            Err(ExecuteError::Refused(Refusal::NoSuchDeadLetter)) => Ok(Effect::NothingToDo(row.state)),
            Err(error) => Err(error.into()),
        }
    }
}
