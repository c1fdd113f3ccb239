//! How a walk stands, for the pages: who asked for it, and what the browser that makes it should see. Changes nothing.

use bellhop_domain::{Capabilities, OwnerId, TenantId};
use bellhop_store::{ApiKey, Attempt, StoreError};
use secrecy::SecretString;

use super::Ending;
use super::link::is_withdrawn;
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
        /// Where browsers are sent with the finish code, while its key is good.
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
    /// The program that asked has lost its key since: nobody can finish.
    Withdrawn,
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
    /// What a program wants back with the finish code.
    pub program_state: Option<SecretString>,
    /// What to show.
    pub stage: Stage,
}

/// Who this owner is, as the pages name them.
pub async fn asker_of(app: &App, tenant: TenantId, owner: OwnerId) -> Result<Asker, StoreError> {
    if let Some(key) = app.store.api_key_of(tenant, owner).await? {
        return Ok(program(key));
    }
    Ok(Asker::Person { name: app.store.telegram_name_of(tenant, owner).await? })
}

/// Nobody is sent to a program whose key was revoked.
fn program(key: ApiKey) -> Asker {
    Asker::Program { name: key.name, return_url: key.return_url.filter(|_| key.revoked_at.is_none()) }
}

/// The walk of this browser, if it makes one.
pub async fn walk_of(app: &App, cookie: Option<&SecretString>) -> Result<Option<Walk>, StoreError> {
    let Some(cookie) = cookie else { return Ok(None) };
    let hash = hash_of(cookie);
    let attempt = app.store.find_attempt(hash).await?.filter(|attempt| attempt.cookie_hash == hash);
    let Some(attempt) = attempt else { return Ok(None) };
    let asker = asker_of(app, attempt.tenant, attempt.owner).await?;
    let program_state = match &asker {
        Asker::Program { return_url: Some(_), .. } => app.store.program_state(&attempt).await?,
        Asker::Program { return_url: None, .. } | Asker::Person { .. } => None,
    };
    let stage = stage_of(app, &attempt, cookie).await?;
    Ok(Some(Walk { attempt, asker, program_state, stage }))
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
    if is_withdrawn(app, attempt.tenant, attempt.owner).await? {
        return Ok(Stage::Withdrawn);
    }
    let now = app.clock.now();
    Ok(match attempt.finish_expires_at {
        Some(end) if now < end => Stage::ToFinish { code: finish_code_of(app.store.keyring(), attempt.id, cookie) },
        None if now < attempt.expires_at => Stage::AtProvider,
        Some(_) | None => Stage::Expired,
    })
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn nobody_is_sent_to_a_program_whose_key_was_revoked() {
        let good = ApiKey {
            id: Uuid::nil(),
            tenant: TenantId::new(Uuid::nil()),
            owner: OwnerId::new(Uuid::nil()),
            name: "assistant".to_owned(),
            hash: [0; 32],
            return_url: Some("https://example.org/back".to_owned()),
            created_at: DateTime::UNIX_EPOCH,
            revoked_at: None,
        };
        let revoked = ApiKey { revoked_at: Some(DateTime::UNIX_EPOCH), ..good.clone() };
        assert!(matches!(program(good), Asker::Program { return_url: Some(_), .. }));
        assert!(matches!(program(revoked), Asker::Program { return_url: None, .. }));
    }
}
