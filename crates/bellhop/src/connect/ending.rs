//! How a walk ended, as its row remembers it for the page and for a repeated message; and the one way to end it without
//! access.

use std::fmt;
use std::str::FromStr;

use bellhop_domain::{AuthorizationFailure, Command, IntegrationId};
use bellhop_store::{Actor, Attempt, Change, Context, ExecuteError, Request, StoreError};

use crate::app::App;

/// Says in the log of the process that a walk ended without access.
pub fn note(attempt: &Attempt, ending: Ending) {
    let (integration, provider) = (attempt.integration, attempt.provider);
    tracing::info!(%integration, %provider, reason = %ending, "a walk through consent ended without access");
}

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Access was granted to this integration, new or mended.
    Connected(IntegrationId),
    /// Access was granted to this integration, which its owner had before.
    AlreadyConnected(IntegrationId),
    /// Somebody other than the initiator brought the finish code.
    Rejected,
    /// It ended without access.
    Failed(AuthorizationFailure),
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected(integration) => write!(formatter, "connected {integration}"),
            Self::AlreadyConnected(integration) => write!(formatter, "already_connected {integration}"),
            Self::Rejected => formatter.write_str("rejected"),
            Self::Failed(reason) => formatter.write_str(&name_of(*reason)),
        }
    }
}

impl FromStr for Ending {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let unreadable = || StoreError::Unreadable("the ending of a walk");
        match text.split_once(' ') {
            Some(("connected", integration)) => integration.parse().map(Self::Connected).map_err(|_| unreadable()),
            Some(("already_connected", integration)) => {
                integration.parse().map(Self::AlreadyConnected).map_err(|_| unreadable())
            }
            Some(_) => Err(unreadable()),
            None if text == "rejected" => Ok(Self::Rejected),
            None => serde_json::from_value(text.into()).map(Self::Failed).map_err(|_| unreadable()),
        }
    }
}

/// The name of a failure, as the log and the API have it.
#[must_use]
pub fn name_of(reason: AuthorizationFailure) -> String {
    // The enum's JSON is its name; a word cannot fail to be written.
    serde_json::to_value(reason).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Ends a walk without access. Whoever ended it before wins; repeating it changes nothing. The log of the process hears of
/// it from the caller, who knows more.
pub async fn end(app: &App, attempt: &Attempt, actor: Actor, ending: Ending) -> Result<(), StoreError> {
    let command = match ending {
        Ending::Failed(reason) => Command::FailAuthorization { attempt: attempt.id, reason },
        Ending::Rejected => Command::RejectLink { attempt: attempt.id },
        // Endings with access are written by the grant itself.
        Ending::Connected(_) | Ending::AlreadyConnected(_) => return Ok(()),
    };
    let context = Context { correlation: attempt.id.uuid(), ..Context::new(attempt.tenant, actor, app.new_command()) };
    let request = Request {
        changes: vec![Change::EndAttempt { attempt: attempt.id, outcome: ending.to_string() }],
        ..Request::new(context, app.clock.now(), attempt.integration, command)
    };
    match app.store.execute(&request).await {
        Ok(_) => Ok(()),
        // Neither command is ever refused; a walk that cannot be ended is swept like one that was abandoned.
        Err(ExecuteError::Refused(_)) => Err(StoreError::Unreadable("a walk that cannot be ended")),
        Err(ExecuteError::Store(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_read_as_it_was_written() {
        let integration = IntegrationId::new(uuid::Uuid::from_u128(7));
        for ending in [
            Ending::Connected(integration),
            Ending::AlreadyConnected(integration),
            Ending::Rejected,
            Ending::Failed(AuthorizationFailure::Denied),
            Ending::Failed(AuthorizationFailure::ExchangeTimedOut),
        ] {
            assert_eq!(ending.to_string().parse::<Ending>().unwrap(), ending);
        }
        for text in ["", "connected", "connected x", "other", "a b"] {
            assert!(text.parse::<Ending>().is_err(), "{text:?}");
        }
    }
}
