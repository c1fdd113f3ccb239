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

/// A request that changes an integration and may come more than once.
pub struct Repeatable {
    /// The same for each repeat.
    pub command: CommandId,
    /// The integration.
    pub row: IntegrationRow,
    /// Whether the caller named it, so that repeats can be told.
    pub is_named: bool,
}

/// The `Idempotency-Key` of a request. One that cannot be taken as it is meant is refused: a caller who sends it relies on
/// it.
fn idempotency_key(request: &Request) -> Result<Option<&str>, Problem> {
    let mut values = request.headers().get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = std::str::from_utf8(value.as_bytes()).ok().filter(|text| {
        (1..=LONGEST_IDEMPOTENCY_KEY).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    });
    match (text, values.next()) {
        (Some(text), None) => Ok(Some(text)),
        _ => Err(ProblemCode::InvalidParameter.into()),
    }
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

    /// Begins what a caller does to one of its integrations, perhaps again.
    pub async fn repeatable(&self, site: &Site, request: &Request, id: Uuid) -> Result<Repeatable, Problem> {
        let key = idempotency_key(request)?;
        let command = self.command(site, key);
        Ok(Repeatable { command, row: self.integration(site, id).await?, is_named: key.is_some() })
    }

    /// What ties a request to its repeats: a name of the caller's own choice.
    fn command(&self, site: &Site, idempotency_key: Option<&str>) -> CommandId {
        let Some(text) = idempotency_key else { return site.app.new_command() };
        // Keys of different programs are told apart too.
        let space = Uuid::new_v5(&self.0.tenant.uuid(), self.0.id.as_bytes());
        CommandId::new(Uuid::new_v5(&space, text.as_bytes()))
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
    fn an_idempotency_key_that_cannot_be_relied_on_is_refused() {
        let read = |values: &[&[u8]]| {
            let mut request = Request::default();
            for value in values {
                let value = poem::http::HeaderValue::from_bytes(value).unwrap();
                request.headers_mut().append("idempotency-key", value);
            }
            idempotency_key(&request).map(|key| key.map(str::to_owned)).map_err(|problem| problem.status().as_u16())
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[b"order 7 ~ once"]), Ok(Some("order 7 ~ once".to_owned())));
        assert_eq!(read(&[&[b'x'; 255]]), Ok(Some("x".repeat(255))));
        for values in [&["é".as_bytes()][..], &[b"\xff"], &[b""], &[b"a\tb"], &[&[b'x'; 256]], &[b"a", b"b"]] {
            assert_eq!(read(values), Err(400), "{values:?}");
        }
    }

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
