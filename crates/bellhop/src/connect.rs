//! The walk through consent: a link, a page, the provider, a callback, and the finish by the one who began.
//!
//! State and PKCE do not protect a link that is started in one place and opened in another; the last step does. Pages
//! and routes are in `http/`, words of the chat in `bot/`; this module knows neither.

mod callback;
mod ending;
mod finish;
mod grant;
mod link;
mod mask;
mod secrets;
mod start;
mod sweep;
mod view;

use bellhop_domain::{
    AuthorizationFailure, Capabilities, Capability, IntegrationId, OwnerId, Provider, Status, TenantId,
};
use bellhop_store::IntegrationRow;
use chrono::TimeDelta;
use secrecy::SecretString;

use crate::app::App;

pub use callback::{Callback, InvalidState, ProviderAnswer, receive};
pub use ending::{Ending, name_of};
pub use finish::{finish, program_state_of};
pub use link::{LinkProblem, create_link, create_link_with, look_at_link};
pub use start::begin;
pub use sweep::sweep;
pub use view::{Asker, Stage, Walk, asker_of, walk_of};

/// How long a link can be opened.
pub const LINK_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// How long the provider may take to send the browser back.
pub const STATE_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// How long the finish code can be brought.
pub const FINISH_LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// What Bellhop wants of every account: everything it can read. What is not given of it is missing.
#[must_use]
pub fn wanted() -> Capabilities {
    Capability::ALL.into()
}

/// What a person is asked for by a link or a walk: everything, where it does not say less.
#[must_use]
pub fn asked_for(asked: Option<&Capabilities>) -> Capabilities {
    asked.cloned().unwrap_or_else(wanted)
}

/// What is wanted of an account and may not be done now.
#[must_use]
pub fn missing(row: &IntegrationRow) -> Capabilities {
    Capability::ALL.into_iter().filter(|capability| row.missing.contains(capability.name())).collect()
}

/// What is missing of an account that is well otherwise, and can be asked for alone. None where everything is asked for: an
/// account whose access has ended, or that may do nothing at all.
#[must_use]
pub fn missing_alone(row: &IntegrationRow) -> Option<Capabilities> {
    let missing = missing(row);
    let is_all_else_well = row.status == Status::Degraded && !row.granted.is_empty();
    (is_all_else_well && !missing.is_empty()).then_some(missing)
}

/// An address that browsers reach this Bellhop at. The path begins without a slash.
#[must_use]
pub fn public_address(app: &App, path: &str) -> String {
    format!("{}/{path}", app.settings.public_base_url.as_str().trim_end_matches('/'))
}

/// Where a provider sends browsers back to: one address each.
#[must_use]
pub fn redirect_uri(app: &App, provider: Provider) -> String {
    public_address(app, &format!("oauth/{}/callback", provider.name()))
}

/// How the last step of a walk ended, for the chat or the program that brought the finish code.
#[derive(Debug, Clone)]
pub enum Finish {
    /// Access was granted.
    Connected {
        /// The integration that has it now.
        integration: IntegrationId,
        /// The account's address, where the provider named one.
        email: Option<SecretString>,
        /// What this walk asked for, where it was not everything.
        asked: Option<Capabilities>,
        /// What is wanted and may not be done now: what the person did not allow, and what a provider took back that was
        /// asked for the rest alone.
        missing: Capabilities,
        /// Whether it was an account the owner had connected before.
        reconnected: bool,
    },
    /// The walk ended without access; a fresh link is needed.
    Failed {
        /// Whose consent it was.
        provider: Provider,
        /// Why.
        reason: AuthorizationFailure,
        /// The integration that was to be mended, where it is not for a new account.
        reconnects: Option<IntegrationId>,
        /// For a wrong account: the address that was expected and the one that came, both masked.
        accounts: Option<(String, String)>,
    },
    /// The code is unknown, used or too old.
    UnknownCode,
    /// Somebody else began this walk. It is over, and nothing was exchanged.
    NotYours,
}

/// For whom a link is made and what it will do. A link that mends an account which is well but for something missing asks for
/// that alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkFor {
    /// Whose tenant.
    pub tenant: TenantId,
    /// Who connects.
    pub owner: OwnerId,
    /// Which provider.
    pub provider: Provider,
    /// The integration to mend, where it is not for a new account.
    pub reconnects: Option<IntegrationId>,
}
