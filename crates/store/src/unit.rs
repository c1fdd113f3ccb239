//! A unit of work as a value: everything that one decision writes, before anything is written.
//!
//! Never a closure over an open transaction: a value can be batched with others, dropped when it loses, and tried again.
//! What an event causes (jobs, view rows, clean-up) is not listed here; the writer derives it from the events.

mod calendar;

use bellhop_domain::{
    AttemptId, Capabilities, CommandId, Event, EventId, Generation, Integration, IntegrationId, JobFailure, JobId,
    OwnerId, Provider, TenantId,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::calendar::{CalendarChange, CalendarRead, CalendarRow, EntryRow};

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Actor {
    /// The person who owns the integration, in the chat or the browser.
    Owner(OwnerId),
    /// A program, by its API key.
    ApiKey(Uuid),
    /// Somebody at the command line; who and why is sealed beside the event.
    Operator,
    /// A run of a job.
    Job(JobId),
    /// Bellhop's own housekeeping.
    Bellhop,
}

/// Who asks, on whose behalf and why: what the log keeps beside each event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Whose data it is.
    pub tenant: TenantId,
    /// Who acts.
    pub actor: Actor,
    /// The request. Repeating it repeats the answer.
    pub command: CommandId,
    /// What ties everything together that one outside request set off.
    pub correlation: Uuid,
    /// The event that led here, if one did.
    pub causation: Option<EventId>,
    /// The W3C trace context, where there is one.
    pub trace: Option<String>,
}

impl Context {
    /// A context that starts a correlation of its own.
    #[must_use]
    pub fn new(tenant: TenantId, actor: Actor, command: CommandId) -> Self {
        Self { tenant, actor, command, correlation: command.uuid(), causation: None, trace: None }
    }

    /// The same context for a further command of the same request.
    #[must_use]
    pub fn with_command(&self, command: CommandId) -> Self {
        Self { command, ..self.clone() }
    }
}

/// The metadata column of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Who acted.
    pub actor: Actor,
    /// By which command.
    pub command: CommandId,
    /// What it belongs to.
    pub correlation: Uuid,
    /// The event that led to it, if one did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub causation: Option<EventId>,
    /// The W3C trace context, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trace: Option<String>,
}

impl From<&Context> for Metadata {
    fn from(context: &Context) -> Self {
        Self {
            actor: context.actor,
            command: context.command,
            correlation: context.correlation,
            causation: context.causation,
            trace: context.trace.clone(),
        }
    }
}

/// The id of the `index`-th event that a command writes to a stream. Fixed before the first attempt to commit, so that an
/// earlier commit of our own is recognised.
#[must_use]
pub fn event_id(command: CommandId, stream: IntegrationId, index: usize) -> EventId {
    let name = format!("{stream}/{index}");
    EventId::new(Uuid::new_v5(&command.uuid(), name.as_bytes()))
}

/// What one stream gains.
#[derive(Debug, Clone)]
pub struct Append {
    /// Which stream.
    pub stream: IntegrationId,
    /// The version the decision was made on.
    pub expected: i64,
    /// What happened, with the ids it will have.
    pub events: Vec<(EventId, Event)>,
    /// The state after the events.
    pub state: Integration,
}

/// What becomes of the job whose run this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The run goes on: a batch on the way. Only the lease is checked.
    Underway,
    /// An event of this unit ends the job.
    Done,
    /// A recurring job rests until then.
    Again {
        /// When it is due again; at once, if somebody asked for it during the run.
        due_at: DateTime<Utc>,
    },
    /// The job waits, and this run does not count as an attempt.
    Wait {
        /// Until when.
        due_at: DateTime<Utc>,
    },
    /// The run failed and counts.
    Retry {
        /// When it is tried again.
        due_at: DateTime<Utc>,
        /// Why it failed.
        reason: JobFailure,
    },
    /// An event of this unit makes the job a dead letter.
    Bury {
        /// Why.
        reason: JobFailure,
    },
}

/// Ties a unit to a run: all of it is written only if the job is still open under this lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Whose state row orders this unit among all that could end the job.
    pub integration: IntegrationId,
    /// Whose run.
    pub job: JobId,
    /// Under which lease.
    pub lease: Uuid,
    /// What becomes of the job.
    pub outcome: Outcome,
}

/// One stored message.
#[derive(Debug, Clone)]
pub struct MailRow {
    /// The provider's id.
    pub message_id: String,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
    /// Sender, subject and snippet, sealed.
    pub sealed: Vec<u8>,
}

/// The start of a walk.
#[derive(Debug, Clone)]
pub struct NewAttempt {
    /// Its id.
    pub id: AttemptId,
    /// The link it began with.
    pub link_hash: [u8; 32],
    /// Who connects.
    pub owner: OwnerId,
    /// What will be connected.
    pub integration: IntegrationId,
    /// Whether that exists already and is being mended.
    pub reconnects: bool,
    /// What the person is asked for, where it is not everything.
    pub asked: Option<Capabilities>,
    /// Where.
    pub provider: Provider,
    /// SHA-256 of the state.
    pub state_hash: [u8; 32],
    /// SHA-256 of the browser's cookie.
    pub cookie_hash: [u8; 32],
    /// The hash whose base64url is the nonce.
    pub nonce_hash: [u8; 32],
    /// The exact redirect URI.
    pub redirect_uri: String,
    /// The PKCE verifier, sealed.
    pub sealed_verifier: Vec<u8>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When the state ends.
    pub expires_at: DateTime<Utc>,
}

/// A row outside the log that is written with the events.
#[derive(Debug, Clone)]
pub enum Change {
    /// The wrapped data key of a new integration.
    PutIntegrationKey {
        /// Which integration.
        integration: IntegrationId,
        /// The wrapped key.
        wrapped: Vec<u8>,
    },
    /// A token set; older generations go.
    PutTokens {
        /// Which integration.
        integration: IntegrationId,
        /// Which generation.
        generation: Generation,
        /// The sealed tokens.
        sealed: Vec<u8>,
    },
    /// A spare token answer that has become the current one.
    RemoveSpare {
        /// Which.
        id: i64,
    },
    /// The address and name of the account.
    PutAccount {
        /// Which integration.
        integration: IntegrationId,
        /// Sealed.
        sealed: Vec<u8>,
    },
    /// Which account an integration holds.
    PutSubject {
        /// Which integration.
        integration: IntegrationId,
        /// Whose.
        owner: OwnerId,
        /// Which provider.
        provider: Provider,
        /// The keyed hash of the subject.
        subject_hash: [u8; 32],
    },
    /// An operator's name and words about the first event of this unit.
    PutReason {
        /// Which integration.
        integration: IntegrationId,
        /// Which event.
        event: EventId,
        /// Sealed.
        sealed: Vec<u8>,
    },
    /// A refresh came to an outcome: nothing is in doubt any more.
    ClearRefreshIntent {
        /// Which integration.
        integration: IntegrationId,
    },
    /// A walk begins; its link must not have been used.
    BeginAttempt(Box<NewAttempt>),
    /// A walk ended; code and verifier go.
    EndAttempt {
        /// Which.
        attempt: AttemptId,
        /// How, for the page that the same browser sees again.
        outcome: String,
    },
    /// Messages as last seen.
    PutMail {
        /// Which integration.
        integration: IntegrationId,
        /// The fetch that saw them.
        sync: Uuid,
        /// The messages.
        rows: Vec<MailRow>,
    },
    /// Messages that are gone.
    RemoveMail {
        /// Which integration.
        integration: IntegrationId,
        /// The provider's ids.
        message_ids: Vec<String>,
    },
    /// Everything that a full fetch did not see.
    RemoveMailNotSeen {
        /// Which integration.
        integration: IntegrationId,
        /// The fetch.
        sync: Uuid,
    },
    /// Where the fetch of mail stands.
    PutMailProgress {
        /// Which integration.
        integration: IntegrationId,
        /// Cursor, page token and counts.
        sealed: Vec<u8>,
        /// Batches recorded by this fetch.
        batches: i32,
        /// Messages stored by this fetch.
        stored: i32,
        /// When it ended well; absent while it is under way.
        checked_at: Option<DateTime<Utc>>,
    },
    /// A row of the calendar cache.
    Calendar {
        /// Which integration.
        integration: IntegrationId,
        /// Which row.
        change: CalendarChange,
    },
}

/// Everything that one decision writes, all of it or nothing.
#[derive(Debug, Clone)]
pub struct UnitOfWork {
    /// On whose behalf and why.
    pub context: Context,
    /// SHA-256 of the request, to tell a repeat from a reused id.
    pub request_hash: [u8; 32],
    /// When it was decided.
    pub at: DateTime<Utc>,
    /// What the streams gain. No stream twice.
    pub appends: Vec<Append>,
    /// The run this belongs to, if any.
    pub settlement: Option<Settlement>,
    /// Rows outside the log.
    pub changes: Vec<Change>,
}

impl UnitOfWork {
    /// The streams it must have to itself: those it appends to, and the one whose events could end the job it settles.
    pub(crate) fn streams(&self) -> impl Iterator<Item = Uuid> {
        let settled = self.settlement.map(|settlement| settlement.integration);
        self.appends.iter().map(|append| append.stream).chain(settled).map(IntegrationId::uuid)
    }

    pub(crate) fn event_ids(&self) -> Vec<Uuid> {
        self.appends.iter().flat_map(|append| append.events.iter().map(|(id, _)| id.uuid())).collect()
    }
}
