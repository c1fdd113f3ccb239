//! What a person has settled for themselves, sealed under their own key.
//!
//! Values only: what they mean, and what counts where nothing is settled, is decided where they are used.

use bellhop_domain::{OwnerId, TenantId};
use serde::{Deserialize, Serialize};

use crate::Store;
use crate::error::StoreError;
use crate::keyring::Place;

/// A person's settings; what is absent was never settled. Has no `Debug`: it says where somebody lives.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnerSettings {
    /// Their time zone, by its IANA name.
    pub time_zone: Option<String>,
    /// When their working day begins and ends, in minutes after midnight; 1440 is the end of the day.
    pub working_hours: Option<(u16, u16)>,
    /// The days they work, Monday first.
    pub working_days: Option<[bool; 7]>,
    /// The shortest free slot worth mentioning.
    pub slot_minutes: Option<u32>,
}

fn settings_place(tenant: TenantId, owner: OwnerId) -> Place {
    Place::owner(tenant, owner, "settings", 0)
}

impl Store {
    /// What an owner has settled. What cannot be opened any more counts as nothing settled.
    pub async fn owner_settings(&self, tenant: TenantId, owner: OwnerId) -> Result<OwnerSettings, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let sealed = sqlx::query_scalar!("select sealed from owner_settings where owner = $1", owner.uuid())
            .fetch_optional(&mut *transaction)
            .await?;
        drop(transaction);
        let Some(sealed) = sealed else { return Ok(OwnerSettings::default()) };
        let plain = self.owner_key(tenant, owner).await?.open(&settings_place(tenant, owner), &sealed);
        let settings = plain.ok().and_then(|plain| serde_json::from_slice(&plain).ok());
        if settings.is_none() {
            tracing::error!(%owner, "somebody's settings cannot be opened and count as none");
        }
        Ok(settings.unwrap_or_default())
    }

    /// Puts these settings in the place of those before.
    pub async fn put_owner_settings(
        &self,
        tenant: TenantId,
        owner: OwnerId,
        settings: &OwnerSettings,
    ) -> Result<(), StoreError> {
        let plain = serde_json::to_vec(settings).map_err(|_| StoreError::Unreadable("settings"))?;
        let sealed = self.owner_key(tenant, owner).await?.seal(&settings_place(tenant, owner), &plain)?;
        let mut transaction = self.begin(&[tenant]).await?;
        sqlx::query!(
            "insert into owner_settings (owner, tenant, sealed) values ($1, $2, $3)
             on conflict (owner) do update set sealed = excluded.sealed",
            owner.uuid(),
            tenant.uuid(),
            sealed
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
