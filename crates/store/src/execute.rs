//! The one way to change an integration: load its state, let the domain decide, commit the unit, and decide again where
//! somebody else was faster.

use std::time::Duration;

use bellhop_domain::{At, Command, EventId, Integration, IntegrationId, RecordedEvent, STATE_SHAPE, TenantId};
use chrono::{DateTime, SubsecRound, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;

use crate::Store;
use crate::error::{CommitError, ExecuteError, StoreError};
use crate::keyring::plain_hash;
use crate::unit::{Append, Change, Context, Settlement, UnitOfWork, event_id};

/// How often a decision is made anew because a stream moved on.
const DECISIONS: u32 = 16;

/// The longest pause before the second decision; later ones may be longer by as much each.
const PAUSE: Duration = Duration::from_millis(10);

/// A request to change one or more integrations at once.
#[derive(Debug, Clone)]
pub struct Request {
    /// On whose behalf and why.
    pub context: Context,
    /// When.
    pub at: DateTime<Utc>,
    /// What, in order. No integration twice.
    pub commands: Vec<(IntegrationId, Command)>,
    /// The run this belongs to, if any: then all of it is written only while the run holds its job.
    pub settlement: Option<Settlement>,
    /// Rows written with the events.
    pub changes: Vec<Change>,
    /// Whether rows and settlement are written only where the commands make something happen: a late token answer must
    /// not reach the vault without its event.
    pub needs_events: bool,
    /// What the caller was asked to do, where the commands also carry findings of its own: a repeat is recognised by this.
    pub intent: Option<String>,
}

impl Request {
    /// A request for one command.
    #[must_use]
    pub fn new(context: Context, at: DateTime<Utc>, integration: IntegrationId, command: Command) -> Self {
        Self {
            context,
            at,
            commands: vec![(integration, command)],
            settlement: None,
            changes: vec![],
            needs_events: false,
            intent: None,
        }
    }

    fn hash(&self) -> [u8; 32] {
        match &self.intent {
            Some(intent) => plain_hash(intent.as_bytes()),
            None => plain_hash(&serde_json::to_vec(&self.commands).unwrap_or_default()),
        }
    }
}

/// What a request came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// The events, in the order in which they happened. None: it had been so already.
    pub events: Vec<RecordedEvent>,
    /// Whether the command had been carried out before; the events are those of the first time.
    pub repeated: bool,
}

/// A state as loaded: what a decision is made on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The state.
    pub state: Integration,
    /// How many events it reflects.
    pub version: i64,
}

impl Store {
    /// Carries out a request: once, however often it is repeated under the same command id.
    pub async fn execute(&self, request: &Request) -> Result<Executed, ExecuteError> {
        let request_hash = request.hash();
        let at = request.at.trunc_subsecs(6);
        let _turns = self.turns.take(request.commands.iter().map(|(integration, _)| *integration)).await;
        for decision in 0..DECISIONS {
            if let Some(executed) = self.executed_before(request, request_hash).await? {
                return Ok(executed);
            }
            let unit = self.decide(request, request_hash, at).await?;
            let only_rows = unit.appends.is_empty();
            if only_rows && (request.needs_events || (unit.changes.is_empty() && unit.settlement.is_none())) {
                return Ok(Executed { events: vec![], repeated: false });
            }
            let events = recorded(&unit);
            match self.commits.commit(unit).await {
                Ok(()) => return Ok(Executed { events, repeated: false }),
                // Decided on something that is no longer so, or another caller carried out the same command meanwhile.
                // Turns are taken within this process only; another one's are left some room, more each time.
                Err(CommitError::Conflict) => {
                    tokio::time::sleep(rand::random_range(Duration::ZERO..PAUSE * (decision + 1))).await;
                }
                Err(error) => return Err(StoreError::from(error).into()),
            }
        }
        Err(StoreError::Contended.into())
    }

    async fn decide(
        &self,
        request: &Request,
        request_hash: [u8; 32],
        at: DateTime<Utc>,
    ) -> Result<UnitOfWork, ExecuteError> {
        let mut appends = vec![];
        for (integration, command) in &request.commands {
            let mut loaded = self.load(request.context.tenant, *integration).await?;
            let sink = EventSink::default();
            loaded.state.handle(command.clone(), &At(at), &sink).await?;
            let events: Vec<_> = sink
                .collect()
                .await
                .into_iter()
                .enumerate()
                .map(|(index, event)| (event_id(request.context.command, *integration, index), event))
                .collect();
            if !events.is_empty() {
                appends.push(Append { stream: *integration, expected: loaded.version, events, state: loaded.state });
            }
        }
        // Sealed for another generation than the one that was taken: they would not be found. To be sealed anew.
        for change in &request.changes {
            if let Change::PutTokens { integration, generation, .. } = change
                && appends.iter().any(|append| append.stream == *integration && append.state.generation != *generation)
            {
                return Err(StoreError::Contended.into());
            }
        }
        Ok(UnitOfWork {
            context: request.context.clone(),
            request_hash,
            at,
            appends,
            settlement: request.settlement,
            changes: request.changes.clone(),
        })
    }

    /// The state of an integration: from its row, or folded from the log where the row has an older shape.
    pub async fn load(&self, tenant: TenantId, integration: IntegrationId) -> Result<Loaded, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let row = sqlx::query!("select version, shape, state from states where stream = $1", integration.uuid())
            .fetch_optional(&mut *transaction)
            .await?;
        drop(transaction);
        let Some(row) = row else {
            return Ok(Loaded { state: Integration::default(), version: 0 });
        };
        if row.shape > STATE_SHAPE {
            return Err(StoreError::Unreadable("a state written by a newer release"));
        }
        if row.shape == STATE_SHAPE {
            let state = serde_json::from_value(row.state).map_err(|_| StoreError::Unreadable("a state"))?;
            return Ok(Loaded { state, version: row.version });
        }
        let events = self.stream(tenant, integration).await?;
        let mut state = Integration::default();
        for recorded in &events {
            state.take_in(&recorded.event);
        }
        Ok(Loaded { state, version: events.last().map_or(0, |last| last.version) })
    }

    async fn executed_before(
        &self,
        request: &Request,
        request_hash: [u8; 32],
    ) -> Result<Option<Executed>, ExecuteError> {
        let context = &request.context;
        let mut transaction = self.begin(&[context.tenant]).await?;
        let row = sqlx::query!(
            "select request_hash, events from commands where tenant = $1 and id = $2",
            context.tenant.uuid(),
            context.command.uuid()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        drop(transaction);
        let Some(row) = row else { return Ok(None) };
        if row.request_hash != request_hash {
            return Err(StoreError::CommandReused.into());
        }
        let ids: Vec<EventId> = row.events.into_iter().map(EventId::new).collect();
        let events = self.events_by_id(context.tenant, &ids).await?;
        Ok(Some(Executed { events, repeated: true }))
    }
}

fn recorded(unit: &UnitOfWork) -> Vec<RecordedEvent> {
    let mut events = vec![];
    for append in &unit.appends {
        for (version, (id, event)) in (append.expected + 1..).zip(&append.events) {
            events.push(RecordedEvent {
                id: *id,
                integration: append.stream,
                tenant: unit.context.tenant,
                version,
                at: unit.at,
                event: event.clone(),
            });
        }
    }
    events
}
