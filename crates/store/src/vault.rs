//! The vault: data keys, sealed token sets, spares, account names, and the lease that lets one process refresh at a time.
//!
//! Sealing happens before a unit of work is made and opening after a row was read: no key is held across a transaction.
//! The lease is no lock: what makes a late answer harmless is the generation, checked when the answer is recorded.

use std::time::Duration;

use bellhop_domain::{Generation, IntegrationId, OwnerId, Provider, TenantId};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Store;
use crate::error::StoreError;
use crate::keyring::{DataKey, Place, Purpose};
use crate::unit::Change;

const TOKENS: &str = "tokens";
const ACCOUNT: &str = "account";

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

/// The turn to disconnect an account. Dropping it lets the next one go on.
#[derive(Debug)]
pub struct SubjectLock {
    _transaction: sqlx::Transaction<'static, sqlx::Postgres>,
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

/// Who an account belongs to, as its provider says.
#[derive(Clone)]
pub struct Account {
    /// The address people know it by.
    pub email: Option<SecretString>,
    /// Its display name.
    pub name: Option<SecretString>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Account(secret)")
    }
}

#[derive(Serialize, Deserialize)]
struct SealedAccount {
    email: Option<String>,
    name: Option<String>,
}

/// How an attempt to take the refresh lease ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefreshLease {
    /// It is ours until its end.
    Taken {
        /// Whether an earlier holder used this very refresh token and its outcome is unknown.
        in_doubt: bool,
    },
    /// Somebody else has it.
    Held {
        /// For how long at the most.
        remaining: Duration,
    },
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

    /// Seals who an account belongs to, under the key of its integration.
    pub fn seal_account(
        key: &DataKey,
        tenant: TenantId,
        integration: IntegrationId,
        account: &Account,
    ) -> Result<Change, StoreError> {
        let plain = SealedAccount {
            email: account.email.as_ref().map(|text| text.expose_secret().to_owned()),
            name: account.name.as_ref().map(|text| text.expose_secret().to_owned()),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&plain).map_err(|_| StoreError::Unreadable("an account"))?);
        let sealed = key.seal(&Place::integration(tenant, integration, ACCOUNT, 0), &plain)?;
        Ok(Change::PutAccount { integration, sealed })
    }

    /// Who an account belongs to, if it was ever connected and not erased.
    pub async fn account(&self, tenant: TenantId, integration: IntegrationId) -> Result<Option<Account>, StoreError> {
        let Some(key) = self.integration_key(tenant, integration).await? else { return Ok(None) };
        let mut transaction = self.begin(&[tenant]).await?;
        let sealed = sqlx::query_scalar!("select sealed from accounts where integration = $1", integration.uuid())
            .fetch_optional(&mut *transaction)
            .await?;
        drop(transaction);
        let Some(sealed) = sealed else { return Ok(None) };
        let plain = key.open(&Place::integration(tenant, integration, ACCOUNT, 0), &sealed)?;
        let account: SealedAccount =
            serde_json::from_slice(&plain).map_err(|_| StoreError::Unreadable("an account"))?;
        Ok(Some(Account { email: account.email.map(Into::into), name: account.name.map(Into::into) }))
    }

    /// The keyed hash by which an account of a provider is recognised.
    #[must_use]
    pub fn subject_hash(&self, provider: Provider, subject: &SecretString) -> [u8; 32] {
        self.keyring.keyed_hash(Purpose::Subject, &[provider.name().as_bytes(), subject.expose_secret().as_bytes()])
    }

    /// Which integrations hold this account, in any tenant.
    pub async fn holders_of_subject(
        &self,
        provider: Provider,
        subject_hash: &[u8; 32],
    ) -> Result<Vec<(TenantId, IntegrationId)>, StoreError> {
        let rows = sqlx::query!(
            r#"select tenant as "tenant!", integration as "integration!" from holders_of_subject($1, $2)"#,
            provider.name(),
            subject_hash.as_slice()
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| (TenantId::new(row.tenant), IntegrationId::new(row.integration))).collect())
    }

    /// Keeps everybody else who disconnects this account waiting for as long as the answer lives: of two who hold it, the
    /// second must see that it is the last.
    pub async fn lock_subject(&self, subject_hash: &[u8; 32]) -> Result<SubjectLock, StoreError> {
        let mut number = [0; 8];
        number.copy_from_slice(&subject_hash[..8]);
        let mut transaction = self.begin(&[]).await?;
        sqlx::query_scalar!(
            r#"select 1 as "one!" from (select pg_advisory_xact_lock($1)) as locked"#,
            i64::from_be_bytes(number)
        )
        .fetch_one(&mut *transaction)
        .await?;
        Ok(SubjectLock { _transaction: transaction })
    }

    /// The hash of the account that an integration holds.
    pub async fn subject_of(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
    ) -> Result<Option<[u8; 32]>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let hash = sqlx::query_scalar!("select subject_hash from subjects where integration = $1", integration.uuid())
            .fetch_optional(&mut *transaction)
            .await?;
        Ok(hash.and_then(|hash| hash.try_into().ok()))
    }

    /// Takes the refresh lease of an integration for this long, by Postgres's clock, and writes down which refresh token
    /// is about to be used.
    pub async fn take_refresh_lease(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        generation: Generation,
        refresh_token: &SecretString,
        lease: Uuid,
        hold: Duration,
    ) -> Result<RefreshLease, StoreError> {
        let fingerprint = self.keyring.keyed_hash(Purpose::RefreshToken, &[refresh_token.expose_secret().as_bytes()]);
        let hold_seconds = hold.as_secs_f64();
        let mut transaction = self.begin(&[tenant]).await?;
        let before = sqlx::query!(
            r#"select lease, fingerprint, extract(epoch from until - clock_timestamp())::float8 as "remaining!"
               from refresh_leases where integration = $1 for update"#,
            integration.uuid()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(before) = &before
            && before.lease.is_some()
            && before.remaining > 0.0
        {
            return Ok(RefreshLease::Held { remaining: Duration::from_secs_f64(before.remaining) });
        }
        let taken = sqlx::query!(
            "insert into refresh_leases (integration, tenant, lease, until, generation, fingerprint)
             values ($1, $2, $3, clock_timestamp() + make_interval(secs => $4), $5, $6)
             on conflict (integration) do update
             set lease = excluded.lease, until = excluded.until, generation = excluded.generation,
                 fingerprint = excluded.fingerprint
             where refresh_leases.lease is null or refresh_leases.until < clock_timestamp()",
            integration.uuid(),
            tenant.uuid(),
            lease,
            hold_seconds,
            generation.number(),
            fingerprint.as_slice()
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        if taken.rows_affected() == 0 {
            // Two came at once to a row that did not exist yet; the other was first.
            return Ok(RefreshLease::Held { remaining: hold });
        }
        Ok(RefreshLease::Taken { in_doubt: before.is_some_and(|before| before.fingerprint == fingerprint) })
    }

    /// Lets go of the lease after a call whose outcome is known. What was written down about the token goes too, unless
    /// the outcome is in doubt: then the next holder must know.
    pub async fn end_refresh_lease(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
        lease: Uuid,
        in_doubt: bool,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        if in_doubt {
            sqlx::query!(
                "update refresh_leases set lease = null where integration = $1 and lease = $2",
                integration.uuid(),
                lease
            )
            .execute(&mut *transaction)
            .await?;
        } else {
            sqlx::query!("delete from refresh_leases where integration = $1 and lease = $2", integration.uuid(), lease)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
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
