//! What an operator does with dead letters: replays or discards them, or finds out what that would come to.
//!
//! Each is a command to its integration, under an id that every repeat of it has too. Nothing else may change a letter.

use bellhop_domain::{Command, CommandId, Event, Integration, JobId, Refusal};
use bellhop_store::{Actor, Context, ExecuteError, JobRow, JobState, OperatorWords, Request, event_id};
use futures::StreamExt;
use uuid::Uuid;

use super::{Act, reason_of, unknown};
use crate::app::App;
use crate::cli::Failure;

/// How many acts are under way at once. They share commits.
const AT_ONCE: usize = 16;

/// What an operator does with a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
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

/// Does it with each, and says of each what came of it.
pub(super) async fn carry_out(app: &App, deed: Deed, act: Act) -> Result<(), Failure> {
    if !act.all && !act.which.is_everything() {
        return Err(Failure::not_understood(
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
            complain!("bellhop: {}", unknown(job));
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
                complain!("bellhop: {}: {failure}", row.job);
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
