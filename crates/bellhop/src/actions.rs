//! What people and programs can have done to an integration, whichever door they come through: the chat, the API or the
//! command line.

use bellhop_domain::{
    Command, Event, IntegrationId, JobKind, Payload, RecordedEvent, Refusal, RevocationOutcome, RevocationPlan,
    TenantId,
};
use bellhop_store::{Change, Context, ExecuteError, Request, StoreError};

use crate::access::{self, AccessError, Refreshed};
use crate::app::App;

/// What a disconnect means at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disconnection {
    /// Whether the grant will be revoked there.
    pub plan: RevocationPlan,
    /// How the revocation ended, where the connection had been ended before and it has.
    pub end: Option<RevocationEnd>,
}

/// How a revocation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationEnd {
    /// The provider answered.
    Answered(RevocationOutcome),
    /// It was asked in vain, until the job was given up.
    GivenUp,
}

/// Ends a connection. Repeating it changes nothing.
pub async fn disconnect(
    app: &App,
    context: Context,
    integration: IntegrationId,
) -> Result<Disconnection, ExecuteError> {
    disconnect_with(app, context, integration, vec![]).await
}

/// Ends a connection, with rows that are written beside the event.
pub async fn disconnect_with(
    app: &App,
    context: Context,
    integration: IntegrationId,
    changes: Vec<Change>,
) -> Result<Disconnection, ExecuteError> {
    let tenant = context.tenant;
    let state = app.store.load(tenant, integration).await?.state;
    let Some(provider) = state.provider else { return Err(Refusal::NotFound.into()) };
    let subject = app.store.subject_of(tenant, integration).await?;
    // Of two holders who disconnect at once, one is the last, and its disconnect revokes.
    let mut turn = None;
    let shared_account = match subject {
        Some(subject) => {
            turn = Some(app.store.lock_subject(&subject).await?);
            let holders = app.store.holders_of_subject(provider, &subject).await?;
            holders.iter().any(|(_, holder)| *holder != integration)
        }
        None => false,
    };
    let request = Request {
        changes,
        needs_events: true,
        intent: Some(format!("disconnect {integration}")),
        ..Request::new(context, app.clock.now(), integration, Command::Disconnect { shared_account })
    };
    let executed = app.store.execute(&request).await?;
    drop(turn);
    if executed.events.is_empty() {
        // It had been ended before: say what came of it.
        return Ok(what_came_of_it(&app.store.stream(tenant, integration).await?));
    }
    Ok(what_came_of_it(&executed.events))
}

fn what_came_of_it(events: &[RecordedEvent]) -> Disconnection {
    let mut disconnection = Disconnection { plan: RevocationPlan::Nothing, end: None };
    for recorded in events {
        match &recorded.event {
            Event::Disconnected { revocation, .. } => disconnection = Disconnection { plan: *revocation, end: None },
            Event::AccessRevoked { outcome, .. } => disconnection.end = Some(RevocationEnd::Answered(*outcome)),
            Event::JobBuried { payload: Payload::RevokeAccess { .. }, .. } => {
                disconnection.end = Some(RevocationEnd::GivenUp);
            }
            Event::JobReplayed { payload: Payload::RevokeAccess { .. }, .. } => disconnection.end = None,
            _ => {}
        }
    }
    disconnection
}

/// Replaces the access token now.
pub async fn refresh(app: &App, context: &Context, integration: IntegrationId) -> Result<Refreshed, AccessError> {
    access::refresh_now(app, context, integration).await
}

/// Asks for the mail to be fetched as soon as possible.
pub async fn ask_for_mail(app: &App, tenant: TenantId, integration: IntegrationId) -> Result<(), StoreError> {
    app.store.request_sooner(tenant, integration, JobKind::FetchMail, app.clock.now()).await?;
    Ok(())
}

/// Asks for the calendars to be fetched as soon as possible.
pub async fn ask_for_calendars(app: &App, tenant: TenantId, integration: IntegrationId) -> Result<(), StoreError> {
    app.store.request_sooner(tenant, integration, JobKind::FetchCalendar, app.clock.now()).await?;
    Ok(())
}
