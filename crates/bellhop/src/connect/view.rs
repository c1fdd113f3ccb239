//! How a walk stands, for the pages: who asked for it, and what the browser that makes it should see. Changes nothing.

use bellhop_domain::{Capabilities, OwnerId, TenantId};
use bellhop_store::{Attempt, StoreError};
use secrecy::SecretString;

use super::Ending;
use super::secrets::{finish_code_of, hash_of};
use crate::app::App;

/// Who asked for a connection.
#[derive(Debug, Clone)]
pub enum Asker {
    /// Somebody on Telegram, by the name they go by there.
    Person {
        /// The name, where it is known.
        name: Option<SecretString>,
    },
    /// A program.
    Program {
        /// What the operator calls it.
        name: String,
        /// Where browsers are sent with the finish code.
        return_url: Option<String>,
    },
}

/// What the browser of a walk should see.
#[derive(Debug, Clone)]
pub enum Stage {
    /// The provider has not answered yet.
    AtProvider,
    /// The initiator can finish with this code.
    ToFinish {
        /// The code.
        code: SecretString,
    },
    /// It is being finished, or nobody knows how that ended.
    Finishing,
    /// Nobody finished in time.
    Expired,
    /// It is over.
    Ended {
        /// How.
        ending: Ending,
        /// What was asked for and not given.
        missing: Capabilities,
    },
}

/// A walk as its browser sees it.
#[derive(Debug)]
pub struct Walk {
    /// The walk.
    pub attempt: Attempt,
    /// Who asked for it.
    pub asker: Asker,
    /// What to show.
    pub stage: Stage,
}

/// Who this owner is, as the pages name them.
pub async fn asker_of(app: &App, tenant: TenantId, owner: OwnerId) -> Result<Asker, StoreError> {
    if let Some(key) = app.store.api_key_of(tenant, owner).await? {
        return Ok(Asker::Program { name: key.name, return_url: key.return_url });
    }
    Ok(Asker::Person { name: app.store.telegram_name_of(tenant, owner).await? })
}

/// The walk of this browser, if it makes one.
pub async fn walk_of(app: &App, cookie: Option<&SecretString>) -> Result<Option<Walk>, StoreError> {
    let Some(cookie) = cookie else { return Ok(None) };
    let hash = hash_of(cookie);
    let attempt = app.store.find_attempt(hash).await?.filter(|attempt| attempt.cookie_hash == hash);
    let Some(attempt) = attempt else { return Ok(None) };
    let asker = asker_of(app, attempt.tenant, attempt.owner).await?;
    let stage = stage_of(app, &attempt, cookie).await?;
    Ok(Some(Walk { attempt, asker, stage }))
}

async fn stage_of(app: &App, attempt: &Attempt, cookie: &SecretString) -> Result<Stage, StoreError> {
    if let Some(outcome) = &attempt.outcome {
        let ending = outcome.parse()?;
        let missing = match ending {
            Ending::Connected(integration) | Ending::AlreadyConnected(integration) => {
                app.store.load(attempt.tenant, integration).await?.state.missing
            }
            Ending::Rejected | Ending::Failed(_) => Capabilities::new(),
        };
        return Ok(Stage::Ended { ending, missing });
    }
    if attempt.finished_at.is_some() {
        return Ok(Stage::Finishing);
    }
    let now = app.clock.now();
    Ok(match attempt.finish_expires_at {
        Some(end) if now < end => Stage::ToFinish { code: finish_code_of(app.store.keyring(), attempt.id, cookie) },
        None if now < attempt.expires_at => Stage::AtProvider,
        Some(_) | None => Stage::Expired,
    })
}
