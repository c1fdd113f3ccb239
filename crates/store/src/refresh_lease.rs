//! The lease that lets one process refresh an integration at a time, and the memory of which refresh token it used.
//!
//! It is no lock: what makes a late answer harmless is the generation, checked when the answer is recorded.

use std::time::Duration;

use bellhop_domain::{Generation, IntegrationId, TenantId};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::Store;
use crate::error::StoreError;
use crate::keyring::Purpose;

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
