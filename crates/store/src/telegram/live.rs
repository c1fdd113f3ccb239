//! Messages that show something still under way and are edited when it lands.
//!
//! A row per message, so that a restart does not leave somebody waiting for an edit that never comes.

use bellhop_domain::{IntegrationId, OwnerId, Status, TenantId};
use chrono::{DateTime, Utc};

use crate::Store;
use crate::error::StoreError;

/// What a message waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shows {
    /// A page of an inbox, for a fetch.
    Inbox {
        /// Which account's.
        integration: IntegrationId,
        /// Which page, from 0.
        page: i32,
    },
    /// The end of a connection, for the provider's answer to the revocation.
    Revocation {
        /// Of which account.
        integration: IntegrationId,
    },
    /// Days of all of somebody's calendars, for the fetches of those that were asked.
    Calendar {
        /// Days and parts of days, as the bot wrote them. Nothing personal.
        view: serde_json::Value,
    },
}

impl Shows {
    /// The name in columns and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Inbox { .. } => "inbox",
            Self::Revocation { .. } => "revocation",
            Self::Calendar { .. } => "calendar",
        }
    }
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveMessage {
    /// In which chat.
    pub chat_id: i64,
    /// Which message.
    pub message_id: i32,
    /// Whose chat it is.
    pub owner: OwnerId,
    /// What it waits for.
    pub shows: Shows,
    /// Since when, by the application's clock.
    pub asked_at: DateTime<Utc>,
    /// How many messages of a first fetch it shows.
    pub shown: i32,
}

/// A waiting message beside what it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveState {
    /// The message.
    pub message: LiveMessage,
    /// Where its integration stands.
    pub status: Option<Status>,
    /// When a fetch last ended well.
    pub checked_at: Option<DateTime<Utc>>,
    /// Messages stored by the fetch under way.
    pub stored: i32,
}

impl Store {
    /// Remembers that a message waits. A message waits for one thing at a time: the latest.
    pub async fn put_live_message(&self, tenant: TenantId, message: &LiveMessage) -> Result<(), StoreError> {
        let (integration, page, view) = match &message.shows {
            Shows::Inbox { integration, page } => (Some(integration.uuid()), *page, None),
            Shows::Revocation { integration } => (Some(integration.uuid()), 0, None),
            Shows::Calendar { view } => (None, 0, Some(view)),
        };
        let mut transaction = self.begin(&[tenant]).await?;
        sqlx::query!(
            "insert into live_messages (chat_id, message_id, tenant, owner, integration, shows, page, asked_at, shown, view)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
             on conflict (tenant, chat_id, message_id) do update
             set integration = excluded.integration, shows = excluded.shows, page = excluded.page,
                 asked_at = excluded.asked_at, shown = excluded.shown, view = excluded.view",
            message.chat_id,
            message.message_id,
            tenant.uuid(),
            message.owner.uuid(),
            integration,
            message.shows.name(),
            page,
            message.asked_at,
            message.shown,
            view
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Every message that waits, with what it waits for. There are few: none waits longer than two minutes.
    pub async fn live_messages(&self, tenant: TenantId) -> Result<Vec<LiveState>, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let rows = sqlx::query!(
            r#"select l.chat_id, l.message_id, l.owner, l.integration, l.shows, l.page, l.asked_at, l.shown, l.view,
                   i.status as "status?", s.checked_at as "checked_at?", s.stored as "stored?"
               from live_messages l
               left join mail_syncs s on s.integration = l.integration
               left join (integrations i join view_versions v on v.view = 'integrations' and v.live = i.view_version)
                   on i.id = l.integration
               where l.tenant = $1
               order by l.asked_at"#,
            tenant.uuid()
        )
        .fetch_all(&mut *transaction)
        .await?;
        let waiting = rows.into_iter().filter_map(|row| {
            let shows = match (row.shows.as_str(), row.integration.map(IntegrationId::new), row.view) {
                ("revocation", Some(integration), _) => Shows::Revocation { integration },
                ("inbox", Some(integration), _) => Shows::Inbox { integration, page: row.page },
                ("calendar", None, Some(view)) => Shows::Calendar { view },
                // Written by a release that knows more than this one.
                _ => return None,
            };
            Some(LiveState {
                message: LiveMessage {
                    chat_id: row.chat_id,
                    message_id: row.message_id,
                    owner: OwnerId::new(row.owner),
                    shows,
                    asked_at: row.asked_at,
                    shown: row.shown,
                },
                status: row.status.as_deref().and_then(Status::from_name),
                checked_at: row.checked_at,
                stored: row.stored.unwrap_or(0),
            })
        });
        Ok(waiting.collect())
    }

    /// Takes a message off the list, if it still waits for the same: the person may have turned the page meanwhile.
    pub async fn take_live_message(&self, tenant: TenantId, message: &LiveMessage) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        let taken = sqlx::query!(
            "delete from live_messages where tenant = $1 and chat_id = $2 and message_id = $3 and asked_at = $4",
            tenant.uuid(),
            message.chat_id,
            message.message_id,
            message.asked_at
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(taken.rows_affected() == 1)
    }

    /// A message that shows something else now waits for nothing.
    pub async fn forget_live_message(&self, tenant: TenantId, chat_id: i64, message_id: i32) -> Result<(), StoreError> {
        let mut transaction = self.begin(&[tenant]).await?;
        sqlx::query!(
            "delete from live_messages where tenant = $1 and chat_id = $2 and message_id = $3",
            tenant.uuid(),
            chat_id,
            message_id
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(())
    }
}
