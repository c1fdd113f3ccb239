//! The walk through consent, as far as it must be remembered: one-time links and the walks that began with them.
//!
//! Links, states and finish codes are single use because each is taken by one statement that nobody can win twice. Secrets
//! are stored as hashes; what is needed again (the code, the verifier) is sealed under the integration's key. Whether a
//! walk may go on is decided elsewhere: here it is only looked up, taken and swept.
mod attempt;

use bellhop_domain::{AttemptId, Capabilities, Capability, IntegrationId, OwnerId, Provider, TenantId};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::Store;
use crate::error::StoreError;
use crate::keyring::Place;

pub use attempt::{Attempt, BroughtBack, ExchangeSecrets, seal_verifier};

/// A one-time link that opens a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectLink {
    /// SHA-256 of its token.
    pub hash: [u8; 32],
    /// Whose tenant.
    pub tenant: TenantId,
    /// Who connects.
    pub owner: OwnerId,
    /// Which provider.
    pub provider: Provider,
    /// The integration to mend, where it is not for a new account.
    pub reconnects: Option<IntegrationId>,
    /// What the person is asked for, where it is not everything.
    pub asked: Option<Capabilities>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When a walk began with it.
    pub used_at: Option<DateTime<Utc>>,
    /// What the program that asked wants back with the finish code, sealed: [`Store::seal_program_state`].
    pub sealed_program_state: Option<Vec<u8>>,
}

/// Where a program's state belongs: its owner and, by the first eight bytes of the hash, the link.
fn state_place(tenant: TenantId, owner: OwnerId, link_hash: [u8; 32]) -> Place {
    let number = link_hash.iter().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte));
    Place::owner(tenant, owner, "program state", number)
}

/// What a person is asked for, as its column has it.
pub(crate) fn names(asked: Option<&Capabilities>) -> Option<Vec<String>> {
    asked.map(|asked| asked.iter().map(|capability| capability.name().to_owned()).collect())
}

fn capabilities(names: Option<Vec<String>>) -> Result<Option<Capabilities>, StoreError> {
    let known = |name: &String| Capability::ALL.into_iter().find(|capability| capability.name() == name);
    let read = |names: Vec<String>| names.iter().map(known).collect::<Option<Capabilities>>();
    names.map(|names| read(names).ok_or(StoreError::Unreadable("what is asked for"))).transpose()
}

fn provider(name: &str) -> Result<Provider, StoreError> {
    name.parse().map_err(|_| StoreError::Unreadable("a provider"))
}

impl Store {
    /// Remembers a new link.
    pub async fn add_connect_link(&self, link: &ConnectLink) -> Result<(), StoreError> {
        let mut transaction = self.begin(&[link.tenant]).await?;
        sqlx::query!(
            "insert into connect_links (hash, tenant, owner, provider, reconnects, created_at, expires_at,
                 sealed_program_state, asked)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            link.hash.as_slice(),
            link.tenant.uuid(),
            link.owner.uuid(),
            link.provider.name(),
            link.reconnects.map(IntegrationId::uuid),
            link.created_at,
            link.expires_at,
            link.sealed_program_state,
            names(link.asked.as_ref()) as _
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The link with this hash of its token, used and ended ones too.
    pub async fn connect_link(&self, hash: [u8; 32]) -> Result<Option<ConnectLink>, StoreError> {
        let tenant = sqlx::query_scalar!("select find_connect_link($1)", hash.as_slice()).fetch_one(&self.pool).await?;
        let Some(tenant) = tenant.map(TenantId::new) else { return Ok(None) };
        let mut transaction = self.begin(&[tenant]).await?;
        let row = sqlx::query!(
            "select owner, provider, reconnects, asked, created_at, expires_at, used_at, sealed_program_state
             from connect_links
             where hash = $1",
            hash.as_slice()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        drop(transaction);
        row.map(|row| {
            Ok(ConnectLink {
                hash,
                tenant,
                owner: OwnerId::new(row.owner),
                provider: provider(&row.provider)?,
                reconnects: row.reconnects.map(IntegrationId::new),
                asked: capabilities(row.asked)?,
                created_at: row.created_at,
                expires_at: row.expires_at,
                used_at: row.used_at,
                sealed_program_state: row.sealed_program_state,
            })
        })
        .transpose()
    }

    /// Seals what a program wants back with the finish code of the link with this hash.
    pub async fn seal_program_state(
        &self,
        tenant: TenantId,
        owner: OwnerId,
        link_hash: [u8; 32],
        state: &SecretString,
    ) -> Result<Vec<u8>, StoreError> {
        let key = self.owner_key(tenant, owner).await?;
        Ok(key.seal(&state_place(tenant, owner, link_hash), state.expose_secret().as_bytes())?)
    }

    /// What the program that asked for this walk wants back with the finish code.
    pub async fn program_state(&self, attempt: &Attempt) -> Result<Option<SecretString>, StoreError> {
        let (tenant, owner) = (attempt.tenant, attempt.owner);
        let mut transaction = self.begin(&[tenant]).await?;
        // A walk and the use of its link are written with one time in one transaction.
        let links = sqlx::query!(
            r#"select hash, sealed_program_state as "sealed!" from connect_links
               where owner = $1 and provider = $2 and used_at = $3 and sealed_program_state is not null"#,
            owner.uuid(),
            attempt.provider.name(),
            attempt.created_at
        )
        .fetch_all(&mut *transaction)
        .await?;
        drop(transaction);
        // Two walks of one program in the same microsecond: better no state than the other's.
        let [link] = links.as_slice() else { return Ok(None) };
        let hash = link.hash.as_slice().try_into().map_err(|_| StoreError::Unreadable("the hash of a link"))?;
        let plain = self.owner_key(tenant, owner).await?.open(&state_place(tenant, owner, hash), &link.sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| StoreError::Unreadable("the state of a program"))?;
        Ok(Some(text.into()))
    }

    /// Walks that nobody came back from, or finished, in time.
    pub async fn abandoned_attempts(&self, now: DateTime<Utc>, wanted: i32) -> Result<Vec<Attempt>, StoreError> {
        let found =
            sqlx::query!(r#"select tenant as "tenant!", id as "id!" from abandoned_attempts($1, $2)"#, now, wanted)
                .fetch_all(&self.pool)
                .await?;
        let mut attempts = vec![];
        for found in found {
            attempts.extend(self.attempt(TenantId::new(found.tenant), AttemptId::new(found.id)).await?);
        }
        Ok(attempts)
    }

    /// Walks of a tenant whose exchange began before this and never came to an end: the process that made it died.
    pub async fn unanswered_exchanges(
        &self,
        tenant: TenantId,
        before: DateTime<Utc>,
        wanted: i64,
    ) -> Result<Vec<Attempt>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let ids = sqlx::query_scalar!(
            "select id from authorization_attempts
             where outcome is null and exchange_started_at < $1
             order by exchange_started_at
             limit $2",
            before,
            wanted
        )
        .fetch_all(&mut *transaction)
        .await?;
        drop(transaction);
        let mut attempts = vec![];
        for id in ids {
            attempts.extend(self.attempt(tenant, AttemptId::new(id)).await?);
        }
        Ok(attempts)
    }

    /// Deletes the links and the ended walks of a tenant that ended before this.
    pub async fn sweep_connect(&self, tenant: TenantId, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let links =
            sqlx::query!("delete from connect_links where expires_at < $1", before).execute(&mut *transaction).await?;
        let attempts = sqlx::query!(
            "delete from authorization_attempts
             where outcome is not null and coalesce(finish_expires_at, expires_at) < $1",
            before
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(links.rows_affected() + attempts.rows_affected())
    }
}
