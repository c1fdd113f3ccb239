//! What is true about an integration: the commands it takes, the events that happened, and the jobs those events cause.
//!
//! Everything here is a synchronous function of its arguments. No clock, no randomness, no database and no network may
//! enter this crate: a decision that cannot be replayed from the log is not a decision the log can prove.
//!
//! ```text
//! decide(state, command, at) -> events        decide.rs
//! apply(state, event)                         integration.rs
//! follow(recorded event) -> jobs to open and close   follow.rs
//! fold(events) -> the open jobs again         fold.rs
//! ```

mod command;
mod decide;
mod event;
mod fold;
mod follow;
mod id;
mod integration;
mod job;
#[cfg(feature = "negative-controls")]
mod negative_control;
mod provider;
mod reason;

pub use command::{Command, Extent, Grant, Refreshed, Refusal};
pub use event::{Event, FetchMode, RecordedEvent};
pub use fold::Jobs;
pub use follow::{Close, Consequences, follow};
pub use id::{AttemptId, CommandId, EventId, Generation, IntegrationId, JobId, OwnerId, ParseIdError, TenantId};
pub use integration::{At, Integration, STATE_SHAPE, Status};
pub use job::{Job, JobKind, Notice, Payload, Queue, refresh_lead, refresh_window};
#[cfg(feature = "negative-controls")]
pub use negative_control::NegativeControl;
pub use provider::{Capabilities, Capability, Provider, UnknownName};
pub use reason::{AuthorizationFailure, Delivery, ExpiryReason, JobFailure, RevocationOutcome, RevocationPlan};
