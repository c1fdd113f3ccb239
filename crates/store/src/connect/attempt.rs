//! A walk under way: what is known of it, what it keeps sealed, and the statements that take each of its secrets once.

use bellhop_domain::{AttemptId, Capabilities, IntegrationId, OwnerId, Provider, TenantId};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::{capabilities, provider};
use crate::Store;
use crate::error::StoreError;
use crate::keyring::{DataKey, Place};

/// A walk under way, or one that ended less than a day ago.
#[derive(Clone)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// Whose tenant.
    pub tenant: TenantId,
    /// Who began it.
    pub owner: OwnerId,
    /// What will be connected.
    pub integration: IntegrationId,
    /// Whether that existed before and is being mended.
    pub reconnects: bool,
    /// What the person is asked for, where it is not everything.
    pub asked: Option<Capabilities>,
    /// Where.
    pub provider: Provider,
    /// SHA-256 of the browser's cookie.
    pub cookie_hash: [u8; 32],
    /// What the ID token must carry, as `base64url` of these bytes.
    pub nonce_hash: [u8; 32],
    /// The exact redirect URI.
    pub redirect_uri: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When the state ends.
    pub expires_at: DateTime<Utc>,
    /// When the state was taken.
    pub returned_at: Option<DateTime<Utc>>,
    /// SHA-256 of the finish code, while there is one.
    pub finish_hash: Option<[u8; 32]>,
    /// When the finish code ends.
    pub finish_expires_at: Option<DateTime<Utc>>,
    /// When the finish code was taken.
    pub finished_at: Option<DateTime<Utc>>,
    /// When the exchange was about to be sent.
    pub exchange_started_at: Option<DateTime<Utc>>,
    /// How it ended.
    pub outcome: Option<String>,
    sealed_verifier: Vec<u8>,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Attempt").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a browser brought back from the provider, ready to be kept.
#[derive(Debug, Clone)]
pub struct BroughtBack {
    /// The authorization code, sealed.
    pub sealed_code: Vec<u8>,
    /// SHA-256 of the finish code.
    pub finish_hash: [u8; 32],
    /// When the finish code ends.
    pub finish_expires_at: DateTime<Utc>,
}

/// What the one exchange of a walk is made with.
#[derive(Debug)]
pub struct ExchangeSecrets {
    /// The authorization code.
    pub code: SecretString,
    /// The PKCE verifier.
    pub verifier: SecretString,
}

struct Row {
    id: Uuid,
    tenant: Uuid,
    owner: Uuid,
    integration: Uuid,
    reconnects: bool,
    asked: Option<Vec<String>>,
    provider: String,
    cookie_hash: Vec<u8>,
    nonce_hash: Vec<u8>,
    redirect_uri: String,
    sealed_verifier: Vec<u8>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    returned_at: Option<DateTime<Utc>>,
    finish_hash: Option<Vec<u8>>,
    finish_expires_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    exchange_started_at: Option<DateTime<Utc>>,
    outcome: Option<String>,
}

impl TryFrom<Row> for Attempt {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: AttemptId::new(row.id),
            tenant: TenantId::new(row.tenant),
            owner: OwnerId::new(row.owner),
            integration: IntegrationId::new(row.integration),
            reconnects: row.reconnects,
            asked: capabilities(row.asked)?,
            provider: provider(&row.provider)?,
            cookie_hash: hash(row.cookie_hash)?,
            nonce_hash: hash(row.nonce_hash)?,
            redirect_uri: row.redirect_uri,
            created_at: row.created_at,
            expires_at: row.expires_at,
            returned_at: row.returned_at,
            finish_hash: row.finish_hash.map(hash).transpose()?,
            finish_expires_at: row.finish_expires_at,
            finished_at: row.finished_at,
            exchange_started_at: row.exchange_started_at,
            outcome: row.outcome,
            sealed_verifier: row.sealed_verifier,
        })
    }
}

fn hash(bytes: Vec<u8>) -> Result<[u8; 32], StoreError> {
    bytes.try_into().map_err(|_| StoreError::Unreadable("a hash"))
}

/// Where a secret of a walk belongs: its integration and, by the first eight bytes of the random id, the walk itself.
fn place(tenant: TenantId, integration: IntegrationId, attempt: AttemptId, field: &'static str) -> Place {
    let (number, _) = attempt.uuid().as_u64_pair();
    Place::integration(tenant, integration, field, number.cast_signed())
}

/// Seals the PKCE verifier of a walk.
pub fn seal_verifier(
    key: &DataKey,
    tenant: TenantId,
    integration: IntegrationId,
    attempt: AttemptId,
    verifier: &SecretString,
) -> Result<Vec<u8>, StoreError> {
    Ok(key.seal(&place(tenant, integration, attempt, "verifier"), verifier.expose_secret().as_bytes())?)
}

fn open(key: &DataKey, place: &Place, sealed: &[u8]) -> Result<SecretString, StoreError> {
    let plain = key.open(place, sealed)?;
    let text = std::str::from_utf8(&plain).map_err(|_| StoreError::Unreadable("a secret of a walk"))?;
    Ok(text.into())
}

impl Attempt {
    /// Seals the code that the browser brought back.
    pub fn seal_code(&self, key: &DataKey, code: &SecretString) -> Result<Vec<u8>, StoreError> {
        Ok(key.seal(&self.place("code"), code.expose_secret().as_bytes())?)
    }

    /// Opens the PKCE verifier.
    pub fn open_verifier(&self, key: &DataKey) -> Result<SecretString, StoreError> {
        open(key, &self.place("verifier"), &self.sealed_verifier)
    }

    fn place(&self, field: &'static str) -> Place {
        place(self.tenant, self.integration, self.id, field)
    }
}

impl Store {
    /// The walk with this hash of its state, its cookie or its finish code. Compare the hash with the one that is meant.
    pub async fn find_attempt(&self, hash: [u8; 32]) -> Result<Option<Attempt>, StoreError> {
        let found = sqlx::query!(r#"select tenant as "tenant!", id as "id!" from find_attempt($1)"#, hash.as_slice())
            .fetch_optional(&self.pool)
            .await?;
        match found {
            Some(found) => self.attempt(TenantId::new(found.tenant), AttemptId::new(found.id)).await,
            None => Ok(None),
        }
    }

    /// One walk.
    pub async fn attempt(&self, tenant: TenantId, attempt: AttemptId) -> Result<Option<Attempt>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let row = sqlx::query_as!(
            Row,
            "select id, tenant, owner, integration, reconnects, asked, provider, cookie_hash, nonce_hash, redirect_uri,
                 sealed_verifier, created_at, expires_at, returned_at, finish_hash, finish_expires_at, finished_at,
                 exchange_started_at, outcome
             from authorization_attempts
             where id = $1",
            attempt.uuid()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        row.map(Attempt::try_from).transpose()
    }

    /// Takes the state of a walk, with what the browser brought back; without a code where the provider said no. False:
    /// it had been taken or had ended.
    pub async fn take_state(
        &self,
        attempt: &Attempt,
        state_hash: [u8; 32],
        brought: Option<&BroughtBack>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[attempt.tenant]).await?;
        let taken = sqlx::query_scalar!(
            "update authorization_attempts
             set returned_at = $3, sealed_code = $4, finish_hash = $5, finish_expires_at = $6
             where id = $1 and state_hash = $2 and returned_at is null and outcome is null and expires_at > $3
             returning id",
            attempt.id.uuid(),
            state_hash.as_slice(),
            now,
            brought.map(|brought| brought.sealed_code.as_slice()),
            brought.map(|brought| brought.finish_hash.as_slice()),
            brought.map(|brought| brought.finish_expires_at)
        )
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(taken.is_some())
    }

    /// Takes the finish code of a walk. False: it had been taken or had ended.
    pub async fn take_finish_code(
        &self,
        attempt: &Attempt,
        finish_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[attempt.tenant]).await?;
        let taken = sqlx::query_scalar!(
            "update authorization_attempts
             set finished_at = $3
             where id = $1 and finish_hash = $2 and finished_at is null and outcome is null and finish_expires_at > $3
             returning id",
            attempt.id.uuid(),
            finish_hash.as_slice(),
            now
        )
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(taken.is_some())
    }

    /// Forgets the code of a walk whose finish code somebody other than the initiator brought: it cannot be exchanged any
    /// more. True as often as it is repeated before the walk has ended. False: the exchange has begun, the walk has ended,
    /// or the finish code is too old.
    pub async fn discard_code(
        &self,
        attempt: &Attempt,
        finish_hash: [u8; 32],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[attempt.tenant]).await?;
        let discarded = sqlx::query_scalar!(
            "update authorization_attempts
             set finished_at = coalesce(finished_at, $3), sealed_code = null
             where id = $1 and finish_hash = $2 and exchange_started_at is null and outcome is null
               and (sealed_code is null or finish_expires_at > $3)
             returning id",
            attempt.id.uuid(),
            finish_hash.as_slice(),
            now
        )
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(discarded.is_some())
    }

    /// Writes down that the code of a walk is about to be exchanged, and hands out what that takes: once. The code is
    /// forgotten in the same statement.
    pub async fn begin_exchange(
        &self,
        attempt: &Attempt,
        key: &DataKey,
        now: DateTime<Utc>,
    ) -> Result<Option<ExchangeSecrets>, StoreError> {
        let mut transaction = self.begin(&[attempt.tenant]).await?;
        let sealed_code = sqlx::query_scalar!(
            r#"with before as (
                 select id, sealed_code from authorization_attempts
                 where id = $1 and exchange_started_at is null and outcome is null and sealed_code is not null
                 for update
             )
             update authorization_attempts as attempt
             set exchange_started_at = $2, sealed_code = null
             from before
             where attempt.id = before.id
             returning before.sealed_code as "sealed_code!""#,
            attempt.id.uuid(),
            now
        )
        .fetch_optional(&mut *transaction)
        .await?;
        transaction.commit().await?;
        let Some(sealed_code) = sealed_code else { return Ok(None) };
        let code = open(key, &attempt.place("code"), &sealed_code)?;
        Ok(Some(ExchangeSecrets { code, verifier: attempt.open_verifier(key)? }))
    }
}
