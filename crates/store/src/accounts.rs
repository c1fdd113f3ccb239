//! Whose account an integration holds: its address and name, sealed, the keyed hash by which it is recognised again, and the
//! name by which it is known outside.

use std::collections::{BTreeMap, BTreeSet};

use bellhop_domain::{IntegrationId, Provider, TenantId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::Store;
use crate::error::StoreError;
use crate::keyring::{DataKey, Place, Purpose};
use crate::unit::Change;

const ACCOUNT: &str = "account";

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

/// An account of a provider under a name for places outside of Postgres: the same for every integration that holds it, in
/// whatever tenant.
///
/// Not the stored hash of its subject, though made of it. What is kept elsewhere has its own backups and other readers, and may
/// outlive an erasure: with a copy of the hash, whoever has an old dump of the database could say whose account was asked about and
/// when, and that two tenants hold the same. Only the master key leads from one to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pseudonym(Uuid);

impl Pseudonym {
    /// As it was read where it is kept.
    #[must_use]
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// As it is kept.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

/// The turn to disconnect an account. Dropping it lets the next one go on.
#[derive(Debug)]
pub struct SubjectLock {
    _transaction: sqlx::Transaction<'static, sqlx::Postgres>,
}

impl Store {
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

    /// The pseudonym of the account that an integration holds. It never changes: an integration holds one account all its life.
    /// None: it holds none any more.
    pub async fn pseudonym_of(
        &self,
        tenant: TenantId,
        integration: IntegrationId,
    ) -> Result<Option<Pseudonym>, StoreError> {
        Ok(self.subject_of(tenant, integration).await?.map(|hash| self.pseudonym(&hash)))
    }

    /// Which integrations hold the accounts of these pseudonyms, in any tenant, or are about to let go of them.
    ///
    /// Reads the hashes of all accounts, as no other way leads back: for an operator who asks, not for what is done often.
    pub async fn holders_of_pseudonyms(
        &self,
        pseudonyms: &BTreeSet<Pseudonym>,
    ) -> Result<BTreeMap<Pseudonym, BTreeSet<IntegrationId>>, StoreError> {
        let tenants = self.tenants().await?;
        let mut transaction = self.begin(&tenants).await?;
        let rows = sqlx::query!("select integration, subject_hash from subjects").fetch_all(&mut *transaction).await?;
        drop(transaction);
        let mut holders = BTreeMap::<_, BTreeSet<_>>::new();
        for row in rows {
            let pseudonym = self.pseudonym(&row.subject_hash);
            if pseudonyms.contains(&pseudonym) {
                holders.entry(pseudonym).or_default().insert(IntegrationId::new(row.integration));
            }
        }
        Ok(holders)
    }

    fn pseudonym(&self, subject_hash: &[u8]) -> Pseudonym {
        let mut name = [0; 16];
        name.copy_from_slice(&self.keyring.keyed_hash(Purpose::Pseudonym, &[subject_hash])[..16]);
        Pseudonym(Uuid::from_bytes(name))
    }
}
