//! Which owner a Telegram user is, what they are called and where they can be written to.
//!
//! Telegram's ids live in one erasable table; the log knows owners only.

use bellhop_domain::{OwnerId, TenantId};
use secrecy::SecretString;

use crate::Store;
use crate::error::StoreError;
use crate::keyring::Place;

/// The private chat with a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chat {
    /// Telegram's id of the chat.
    pub id: i64,
    /// Whether the person has blocked the bot or deleted the chat.
    pub blocked: bool,
}

fn name_place(tenant: TenantId, owner: OwnerId) -> Place {
    Place::owner(tenant, owner, "telegram name", 0)
}

impl Store {
    /// The owner that a Telegram user is. Somebody new becomes `fresh`; where two calls come at once, one of them wins
    /// and both answer alike.
    pub async fn telegram_person(&self, tenant: TenantId, user_id: i64, fresh: OwnerId) -> Result<OwnerId, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let known = sqlx::query_scalar!(
            "select owner from telegram_people where tenant = $1 and user_id = $2",
            tenant.uuid(),
            user_id
        )
        .fetch_optional(&mut *transaction)
        .await?;
        if let Some(owner) = known {
            return Ok(OwnerId::new(owner));
        }
        sqlx::query!("insert into owners (id, tenant, kind) values ($1, $2, 'telegram')", fresh.uuid(), tenant.uuid())
            .execute(&mut *transaction)
            .await?;
        // Waits for another transaction that is adding the same person, and then finds that it is too late.
        let added = sqlx::query!(
            "insert into telegram_people (tenant, user_id, owner) values ($1, $2, $3)
             on conflict (tenant, user_id) do nothing",
            tenant.uuid(),
            user_id,
            fresh.uuid()
        )
        .execute(&mut *transaction)
        .await?;
        if added.rows_affected() == 1 {
            transaction.commit().await?;
            return Ok(fresh);
        }
        // The owner made in vain goes with the transaction.
        transaction.rollback().await?;
        let mut transaction = self.begin(&[tenant]).await?;
        let owner = sqlx::query_scalar!(
            "select owner from telegram_people where tenant = $1 and user_id = $2",
            tenant.uuid(),
            user_id
        )
        .fetch_one(&mut *transaction)
        .await?;
        Ok(OwnerId::new(owner))
    }

    /// Remembers what a person is called and, where they wrote in their private chat, which chat that is. Whoever writes
    /// there has not blocked the bot.
    pub async fn remember_telegram_person(
        &self,
        tenant: TenantId,
        owner: OwnerId,
        chat_id: Option<i64>,
        name: &str,
    ) -> Result<(), StoreError> {
        let key = self.owner_key(tenant, owner).await?;
        let place = name_place(tenant, owner);
        let mut transaction = self.begin(&[tenant]).await?;
        let known = sqlx::query!(
            "select chat_id, sealed_name, blocked from telegram_people where tenant = $1 and owner = $2",
            tenant.uuid(),
            owner.uuid()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(known) = known else { return Ok(()) };
        let known_name = known.sealed_name.and_then(|sealed| key.open(&place, &sealed).ok());
        let same_name = known_name.is_some_and(|known| **known == *name.as_bytes());
        let same_chat = chat_id.is_none() || (known.chat_id == chat_id && !known.blocked);
        if same_name && same_chat {
            return Ok(());
        }
        let sealed = key.seal(&place, name.as_bytes())?;
        sqlx::query!(
            "update telegram_people
             set sealed_name = $3, chat_id = coalesce($4, chat_id), blocked = blocked and $4::bigint is null
             where tenant = $1 and owner = $2",
            tenant.uuid(),
            owner.uuid(),
            sealed,
            chat_id
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// What an owner is called on Telegram, if they came from there and it can still be opened.
    pub async fn telegram_name_of(&self, tenant: TenantId, owner: OwnerId) -> Result<Option<SecretString>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let sealed = sqlx::query_scalar!(
            "select sealed_name from telegram_people where tenant = $1 and owner = $2",
            tenant.uuid(),
            owner.uuid()
        )
        .fetch_optional(&mut *transaction)
        .await?
        .flatten();
        drop(transaction);
        let Some(sealed) = sealed else { return Ok(None) };
        let plain = self.owner_key(tenant, owner).await?.open(&name_place(tenant, owner), &sealed)?;
        let name = std::str::from_utf8(&plain).map_err(|_| StoreError::Unreadable("a name"))?;
        Ok(Some(name.to_owned().into()))
    }

    /// The private chat with an owner, if there is one.
    pub async fn chat_of(&self, tenant: TenantId, owner: OwnerId) -> Result<Option<Chat>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let row = sqlx::query!(
            r#"select chat_id as "id!", blocked from telegram_people
               where tenant = $1 and owner = $2 and chat_id is not null"#,
            tenant.uuid(),
            owner.uuid()
        )
        .fetch_optional(&mut *transaction)
        .await?;
        Ok(row.map(|row| Chat { id: row.id, blocked: row.blocked }))
    }

    /// Remembers whether a person has blocked the bot.
    pub async fn mark_blocked(&self, tenant: TenantId, owner: OwnerId, blocked: bool) -> Result<(), StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        sqlx::query!(
            "update telegram_people set blocked = $3 where tenant = $1 and owner = $2 and blocked <> $3",
            tenant.uuid(),
            owner.uuid(),
            blocked
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
