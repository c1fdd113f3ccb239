//! The vault: data keys, sealed token sets and spares.
//!
//! Sealing happens before a unit of work is made and opening after a row was read: no key is held across a transaction.

use bellhop_domain::{Generation, IntegrationId, OwnerId, TenantId};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::Store;
use crate::error::StoreError;
use crate::keyring::{DataKey, Place};
use crate::unit::Change;

const TOKENS: &str = "tokens";

/// A token set in memory. Cannot be printed or serialised by accident.
#[derive(Clone)]
pub struct Tokens {
    /// The access token.
    pub access: SecretString,
    /// The refresh token, where there is one.
    pub refresh: Option<SecretString>,
    /// When the access token was issued.
    pub issued_at: DateTime<Utc>,
    /// When it ends, where the provider said so.
    pub expires_at: Option<DateTime<Utc>>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tokens").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A token set as sealed. Private: nothing else may serialise a token.
#[derive(Serialize, Deserialize)]
struct SealedTokens<'a> {
    access: std::borrow::Cow<'a, str>,
    refresh: Option<std::borrow::Cow<'a, str>>,
    issued_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
}

/// A token answer that came too late to be the current one, and may yet be needed.
#[derive(Debug, Clone)]
pub struct Spare {
    /// Which it is, for [`Change::RemoveSpare`].
    pub id: i64,
    /// What it holds.
    pub tokens: Tokens,
}

impl Store {
    /// The data key of an integration; none after its erasure.
    pub async fn integration_key(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
    ) -> Result<Option<DataKey>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let wrapped =
            sqlx::query_scalar!("select wrapped from keys.integration_keys where integration = $1", integration.uuid())
                .fetch_optional(&mut *transaction)
                .await?;
        drop(transaction);
        let place = Place::integration(tenant, integration, "key", 0);
        Ok(wrapped.map(|wrapped| self.keyring.unwrap_data_key(&place, &wrapped)).transpose()?)
    }

    /// Makes the data key of a new integration, to be written with its first event.
    pub fn make_integration_key(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
    ) -> Result<(DataKey, Change), StoreError> {
        let (key, wrapped) = self.keyring.make_data_key(&Place::integration(tenant, integration, "key", 0))?;
        Ok((key, Change::PutIntegrationKey { integration, wrapped }))
    }

    /// The data key of an owner, made if there is none yet.
    pub async fn owner_key(&self, tenant: TenantId, owner: OwnerId) -> Result<DataKey, StoreError> {
        let place = Place::owner(tenant, owner, "key", 0);
        let mut transaction = self.begin(&[tenant]).await?;
        let known = sqlx::query_scalar!("select wrapped from keys.owner_keys where owner = $1", owner.uuid())
            .fetch_optional(&mut *transaction)
            .await?;
        if let Some(wrapped) = known {
            return Ok(self.keyring.unwrap_data_key(&place, &wrapped)?);
        }
        let (_, fresh) = self.keyring.make_data_key(&place)?;
        // Two may make one at the same time: the first one stays.
        let wrapped = sqlx::query_scalar!(
            "insert into keys.owner_keys (owner, tenant, wrapped) values ($1, $2, $3)
             on conflict (owner) do update set owner = excluded.owner
             returning wrapped",
            owner.uuid(),
            tenant.uuid(),
            fresh
        )
        .fetch_one(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(self.keyring.unwrap_data_key(&place, &wrapped)?)
    }

    /// Seals a token set as the given generation of an integration.
    pub async fn seal_tokens(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        generation: Generation,
        tokens: &Tokens,
    ) -> Result<Change, StoreError> {
        let sealed = self.seal_token_set(tenant, integration, TOKENS, generation, tokens).await?;
        Ok(Change::PutTokens { integration, generation, sealed })
    }

    async fn seal_token_set(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        field: &'static str,
        generation: Generation,
        tokens: &Tokens,
    ) -> Result<Vec<u8>, StoreError> {
        let key = self.integration_key(tenant, integration).await?.ok_or(StoreError::Unreadable("an erased key"))?;
        let plain = SealedTokens {
            access: tokens.access.expose_secret().into(),
            refresh: tokens.refresh.as_ref().map(|token| token.expose_secret().into()),
            issued_at: tokens.issued_at,
            expires_at: tokens.expires_at,
        };
        let plain = Zeroizing::new(serde_json::to_vec(&plain).map_err(|_| StoreError::Unreadable("a token set"))?);
        Ok(key.seal(&Place::integration(tenant, integration, field, generation.number()), &plain)?)
    }

    /// The token set of the highest generation, if there is one.
    pub async fn tokens(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
    ) -> Result<Option<(Generation, Tokens)>, StoreError> {
        let Some(key) = self.integration_key(tenant, integration).await? else { return Ok(None) };
        let mut transaction = self.begin(&[tenant]).await?;
        let row = sqlx::query!(
            "select generation, sealed from vault where integration = $1 order by generation desc limit 1",
            integration.uuid()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        drop(transaction);
        row.map(|row| {
            let place = Place::integration(tenant, integration, TOKENS, row.generation);
            Ok((Generation::new(row.generation), open_tokens(&key, &place, &row.sealed)?))
        })
        .transpose()
    }

    /// Keeps a token answer whose generation had already been taken, unless the connection was ended meanwhile: then it is
    /// dropped.
    pub async fn keep_spare(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        generation: Generation,
        tokens: &Tokens,
    ) -> Result<(), StoreError> {
        let sealed = self.seal_token_set(tenant, integration, "spare", generation, tokens).await?;
        let mut transaction = self.begin(&[tenant]).await?;
        sqlx::query!(
            "insert into vault_spares (integration, generation, tenant, sealed)
             select stream, $2, $3, $4 from states
             where stream = $1 and state ->> 'status' in ('active', 'degraded', 'expired', 'error')
             for share",
            integration.uuid(),
            generation.number(),
            tenant.uuid(),
            sealed
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The newest spare, if there is one. It goes with the unit of work that records it: see [`Change::RemoveSpare`].
    pub async fn spare(&self, tenant: TenantId, integration: IntegrationId) -> Result<Option<Spare>, StoreError> {
        let Some(key) = self.integration_key(tenant, integration).await? else { return Ok(None) };
        let mut transaction = self.begin(&[tenant]).await?;
        let row = sqlx::query!(
            "select id, generation, sealed from vault_spares where integration = $1 order by id desc limit 1",
            integration.uuid()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        row.map(|row| {
            let place = Place::integration(tenant, integration, "spare", row.generation);
            Ok(Spare { id: row.id, tokens: open_tokens(&key, &place, &row.sealed)? })
        })
        .transpose()
    }
}

fn open_tokens(key: &DataKey, place: &Place, sealed: &[u8]) -> Result<Tokens, StoreError> {
    let plain = key.open(place, sealed)?;
    let tokens: SealedTokens<'_> = serde_json::from_slice(&plain).map_err(|_| StoreError::Unreadable("a token set"))?;
    Ok(Tokens {
        access: tokens.access.into_owned().into(),
        refresh: tokens.refresh.map(|token| token.into_owned().into()),
        issued_at: tokens.issued_at,
        expires_at: tokens.expires_at,
    })
}
