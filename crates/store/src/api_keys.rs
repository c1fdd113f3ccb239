//! API keys: which programs may call the API, as whom.
//!
//! Each key is an owner of its own, the API actor, so that what a program connects is told apart from what people connect.
//! Only hashes are here; comparing them is the caller's, in constant time.

use bellhop_domain::{CommandId, OwnerId, TenantId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::keyring::plain_hash;

/// A key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id, the public part.
    pub id: Uuid,
    /// Which tenant it may act for.
    pub tenant: TenantId,
    /// The API actor.
    pub owner: OwnerId,
    /// What the operator calls it.
    pub name: String,
    /// SHA-256 of the secret part.
    pub hash: [u8; 32],
    /// Where a browser is sent with the finish code.
    pub return_url: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

struct Row {
    id: Uuid,
    tenant: Uuid,
    owner: Uuid,
    name: String,
    hash: Vec<u8>,
    return_url: Option<String>,
    created_at: DateTime<Utc>,
    revoked_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for ApiKey {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            tenant: TenantId::new(row.tenant),
            owner: OwnerId::new(row.owner),
            name: row.name,
            hash: row.hash.try_into().map_err(|_| StoreError::Unreadable("the hash of an API key"))?,
            return_url: row.return_url,
            created_at: row.created_at,
            revoked_at: row.revoked_at,
        })
    }
}

impl Store {
    /// Remembers a key and its owner. False: the tenant has a key of that name, perhaps a revoked one.
    pub async fn add_api_key(&self, key: &ApiKey) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[key.tenant]).await?;
        sqlx::query!(
            "insert into owners (id, tenant, kind, created_at) values ($1, $2, 'api', $3)",
            key.owner.uuid(),
            key.tenant.uuid(),
            key.created_at
        )
        .execute(&mut *transaction)
        .await?;
        let added = sqlx::query!(
            "insert into api_keys (id, tenant, owner, name, hash, return_url, created_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (tenant, name) do nothing",
            key.id,
            key.tenant.uuid(),
            key.owner.uuid(),
            key.name,
            key.hash.as_slice(),
            key.return_url,
            key.created_at
        )
        .execute(&mut *transaction)
        .await?;
        if added.rows_affected() == 0 {
            // Its owner goes with it.
            transaction.rollback().await?;
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// The key of this id, revoked ones too.
    pub async fn api_key(&self, id: Uuid) -> Result<Option<ApiKey>, StoreError> {
        let tenant = sqlx::query_scalar!("select find_api_key($1)", id).fetch_one(&self.pool).await?;
        let Some(tenant) = tenant.map(TenantId::new) else { return Ok(None) };
        let mut transaction = self.begin(&[tenant]).await?;
        let row = sqlx::query_as!(
            Row,
            "select id, tenant, owner, name, hash, return_url, created_at, revoked_at
             from api_keys
             where id = $1",
            id
        )
        .fetch_optional(&mut *transaction)
        .await?;
        row.map(ApiKey::try_from).transpose()
    }

    /// The key whose actor this owner is; none for a person.
    pub async fn api_key_of(&self, tenant: TenantId, owner: OwnerId) -> Result<Option<ApiKey>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let row = sqlx::query_as!(
            Row,
            "select id, tenant, owner, name, hash, return_url, created_at, revoked_at
             from api_keys
             where owner = $1",
            owner.uuid()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        row.map(ApiKey::try_from).transpose()
    }

    /// The keys of a tenant by name, revoked ones too. A tenant has a handful.
    pub async fn api_keys(&self, tenant: TenantId) -> Result<Vec<ApiKey>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let rows = sqlx::query_as!(
            Row,
            "select id, tenant, owner, name, hash, return_url, created_at, revoked_at
             from api_keys
             where tenant = $1
             order by name",
            tenant.uuid()
        )
        .fetch_all(&mut *transaction)
        .await?;
        rows.into_iter().map(ApiKey::try_from).collect()
    }

    /// Revokes a key. False: there is none of this id, or it had been revoked.
    pub async fn revoke_api_key(&self, tenant: TenantId, id: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let revoked = sqlx::query!(
            "update api_keys
             set revoked_at = $2
             where id = $1 and revoked_at is null",
            id,
            now
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(revoked.rows_affected() > 0)
    }

    /// Writes down that a program asks for something that is no change of an integration, and answers when it first did
    /// so under this id. The same id for something else is [`StoreError::CommandReused`].
    pub async fn first_asked(
        &self,
        tenant: TenantId,
        command: CommandId,
        intent: &str,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, StoreError> {
        let request_hash = plain_hash(intent.as_bytes());
        let mut transaction = self.begin(&[tenant]).await?;
        sqlx::query!(
            "insert into commands (tenant, id, request_hash, events, at) values ($1, $2, $3, '{}', $4)
             on conflict (tenant, id) do nothing",
            tenant.uuid(),
            command.uuid(),
            request_hash.as_slice(),
            now
        )
        .execute(&mut *transaction)
        .await?;
        let first = sqlx::query!(
            "select request_hash, at from commands where tenant = $1 and id = $2",
            tenant.uuid(),
            command.uuid()
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        if first.request_hash != request_hash {
            return Err(StoreError::CommandReused);
        }
        Ok(first.at)
    }
}
