//! Who calls the API: `Authorization: Bearer bellhop_<id>_<secret>`.
//!
//! A call without a key is refused before anything is asked of the database, so that an outage never answers for it.

use bellhop_domain::{CommandId, IntegrationId};
use bellhop_store::{Actor, ApiKey, Context, IntegrationRow, plain_hash};
use poem::Request;
use poem_openapi::SecurityScheme;
use poem_openapi::auth::Bearer;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::Site;
use super::problem::{Problem, ProblemCode};

/// What every key begins with, so that leaked ones can be searched for.
const PREFIX: &str = "bellhop_";

/// The longest key that is looked at: ours have 84 characters.
const LONGEST_KEY: usize = 128;

/// The longest `Idempotency-Key`.
const LONGEST_IDEMPOTENCY_KEY: usize = 255;

/// The key as a program holds it.
#[must_use]
pub fn text_of(id: Uuid, secret: &str) -> String {
    format!("{PREFIX}{}_{secret}", id.simple())
}

fn parse(text: &str) -> Option<(Uuid, &str)> {
    if text.len() > LONGEST_KEY {
        return None;
    }
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    Some((Uuid::try_parse(id).ok()?, secret))
}

/// An API key, made by an operator with `bellhop api-key add`. It sees the integrations that it connected itself, and no
/// others of its tenant.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", rename = "api_key", bearer_format = "bellhop_<id>_<secret>", checker = "check")]
pub struct Caller(ApiKey);

async fn check(request: &Request, bearer: Bearer) -> poem::Result<ApiKey> {
    let unauthorized = || Problem::from(ProblemCode::Unauthorized);
    let (id, secret) = parse(&bearer.token).ok_or_else(unauthorized)?;
    let site: &Site = request.data().ok_or_else(|| Problem::from(ProblemCode::Internal))?;
    let key = site.app.store.api_key(id).await.map_err(Problem::from)?.ok_or_else(unauthorized)?;
    let is_right = bool::from(key.hash.ct_eq(&plain_hash(secret.as_bytes())));
    if !is_right || key.revoked_at.is_some() {
        return Err(unauthorized().into());
    }
    Ok(key)
}

impl Caller {
    /// The key itself.
    pub fn key(&self) -> &ApiKey {
        &self.0
    }

    /// Who acts, for the log.
    pub fn actor(&self) -> Actor {
        Actor::ApiKey(self.0.id)
    }

    /// One of this caller's integrations. Somebody else's is as unknown as none.
    pub async fn integration(&self, site: &Site, id: Uuid) -> Result<IntegrationRow, Problem> {
        let row = site.app.store.integration(self.0.tenant, IntegrationId::new(id)).await?;
        row.filter(|row| row.owner == self.0.owner).ok_or_else(|| ProblemCode::IntegrationNotFound.into())
    }

    /// What ties a request to its repeats: a name of the caller's own choice, any text.
    pub fn command(&self, site: &Site, idempotency_key: Option<&str>) -> Result<CommandId, Problem> {
        let Some(text) = idempotency_key else { return Ok(site.app.new_command()) };
        if text.is_empty() || text.len() > LONGEST_IDEMPOTENCY_KEY {
            return Err(ProblemCode::InvalidParameter.into());
        }
        // Keys of different programs are told apart too.
        let space = Uuid::new_v5(&self.0.tenant.uuid(), self.0.id.as_bytes());
        Ok(CommandId::new(Uuid::new_v5(&space, text.as_bytes())))
    }

    /// The context of what this request changes.
    pub fn context(&self, command: CommandId) -> Context {
        Context::new(self.0.tenant, self.actor(), command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made() {
        let id = Uuid::from_u128(0xabc);
        for secret in ["plain", "with_underscore-and-dash", ""] {
            assert_eq!(parse(&text_of(id, secret)), Some((id, secret)));
        }
        let long = "x".repeat(LONGEST_KEY);
        for text in ["", "bellhop_", "bellhop_x_y", "other_00000000000000000000000000000abc_s", "bellhop__", &long] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
