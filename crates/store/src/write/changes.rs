//! The rows outside the log: what a unit brings along, and what its events clear away.

use bellhop_domain::{Capabilities, Capability, Event, JobKind, RecordedEvent, RevocationPlan};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::connect::names;
use crate::error::CommitError;
use crate::unit::{Change, MailRow, NewAttempt, UnitOfWork};

/// Clears what these events end: the vault after a revocation, everything personal after an erasure.
pub async fn clean_up(
    transaction: &mut Transaction<'_, Postgres>,
    streams: &[Vec<RecordedEvent>],
) -> Result<(), CommitError> {
    for recorded in streams.iter().flatten() {
        let integration = recorded.integration.uuid();
        match &recorded.event {
            Event::AccessGranted { granted, .. } => {
                sqlx::query!("delete from vault_spares where integration = $1", integration)
                    .execute(&mut **transaction)
                    .await?;
                sqlx::query!("delete from refresh_leases where integration = $1", integration)
                    .execute(&mut **transaction)
                    .await?;
                forget_all_but(transaction, integration, granted).await?;
            }
            Event::AccessReduced { granted, .. } => forget_all_but(transaction, integration, granted).await?,
            Event::Disconnected { revocation, .. } => {
                forget_content(transaction, integration).await?;
                if *revocation != RevocationPlan::Revoke {
                    forget_tokens(transaction, integration).await?;
                }
            }
            Event::AccessRevoked { .. } | Event::JobDiscarded { kind: JobKind::RevokeAccess, .. } => {
                forget_tokens(transaction, integration).await?;
            }
            Event::Erased { .. } => {
                forget_content(transaction, integration).await?;
                forget_tokens(transaction, integration).await?;
                forget_person(transaction, integration).await?;
            }
            Event::AuthorizationStarted { .. }
            | Event::AuthorizationFailed { .. }
            | Event::LinkRejected { .. }
            | Event::AccessRefreshed { .. }
            | Event::RefreshFailed { .. }
            | Event::AccessExpired { .. }
            | Event::AccessRecovered { .. }
            | Event::OutageBegan { .. }
            | Event::OutageEnded { .. }
            | Event::MailFetched { .. }
            | Event::CalendarFetched { .. }
            | Event::OwnerNotified { .. }
            | Event::JobFailed { .. }
            | Event::JobBuried { .. }
            | Event::JobReplayed { .. }
            | Event::JobDiscarded { .. } => {}
        }
    }
    Ok(())
}

/// What may not be read any more is not kept either.
async fn forget_all_but(
    transaction: &mut Transaction<'_, Postgres>,
    integration: Uuid,
    granted: &Capabilities,
) -> Result<(), sqlx::Error> {
    if !granted.contains(&Capability::Calendar) {
        forget_calendars(transaction, integration).await?;
    }
    if !granted.contains(&Capability::Mail) {
        forget_mail(transaction, integration).await?;
    }
    Ok(())
}

async fn forget_content(transaction: &mut Transaction<'_, Postgres>, integration: Uuid) -> Result<(), sqlx::Error> {
    forget_mail(transaction, integration).await?;
    forget_calendars(transaction, integration).await?;
    sqlx::query!("delete from live_messages where integration = $1", integration).execute(&mut **transaction).await?;
    sqlx::query!("delete from vault_spares where integration = $1", integration).execute(&mut **transaction).await?;
    sqlx::query!("delete from refresh_leases where integration = $1", integration).execute(&mut **transaction).await?;
    sqlx::query!("update subjects set released = true where integration = $1", integration)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

async fn forget_mail(transaction: &mut Transaction<'_, Postgres>, integration: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from mail_messages where integration = $1", integration).execute(&mut **transaction).await?;
    sqlx::query!("delete from mail_syncs where integration = $1", integration).execute(&mut **transaction).await?;
    sqlx::query!("delete from shown_mail where integration = $1", integration).execute(&mut **transaction).await?;
    Ok(())
}

async fn forget_calendars(transaction: &mut Transaction<'_, Postgres>, integration: Uuid) -> Result<(), sqlx::Error> {
    // Their entries go with them.
    sqlx::query!("delete from calendars where integration = $1", integration).execute(&mut **transaction).await?;
    sqlx::query!("delete from calendar_syncs where integration = $1", integration).execute(&mut **transaction).await?;
    Ok(())
}

async fn forget_tokens(transaction: &mut Transaction<'_, Postgres>, integration: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from vault where integration = $1", integration).execute(&mut **transaction).await?;
    sqlx::query!("delete from subjects where integration = $1 and released", integration)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

async fn forget_person(transaction: &mut Transaction<'_, Postgres>, integration: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from accounts where integration = $1", integration).execute(&mut **transaction).await?;
    sqlx::query!("delete from authorization_attempts where integration = $1", integration)
        .execute(&mut **transaction)
        .await?;
    // With the last of somebody's accounts goes what they had settled for themselves.
    sqlx::query!(
        "delete from owner_settings
         using integrations i, view_versions v
         where v.view = 'integrations' and i.view_version = v.live and i.id = $1 and owner_settings.owner = i.owner
           and not exists (
               select from integrations other
               where other.view_version = v.live and other.owner = i.owner and other.id <> $1 and other.status <> 'erased'
           )",
        integration
    )
    .execute(&mut **transaction)
    .await?;
    sqlx::query!("delete from keys.integration_keys where integration = $1", integration)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

/// Writes what the units bring along.
pub async fn write(transaction: &mut Transaction<'_, Postgres>, units: &[&UnitOfWork]) -> Result<(), CommitError> {
    for unit in units {
        for change in &unit.changes {
            write_one(transaction, unit, change).await?;
        }
    }
    Ok(())
}

async fn write_one(
    transaction: &mut Transaction<'_, Postgres>,
    unit: &UnitOfWork,
    change: &Change,
) -> Result<(), sqlx::Error> {
    let tenant = unit.context.tenant.uuid();
    let query = match change {
        Change::PutIntegrationKey { integration, wrapped } => sqlx::query!(
            "insert into keys.integration_keys (integration, tenant, wrapped) values ($1, $2, $3)",
            integration.uuid(),
            tenant,
            wrapped
        ),
        Change::PutTokens { integration, generation, sealed } => {
            sqlx::query!(
                "insert into vault (integration, generation, tenant, sealed) values ($1, $2, $3, $4)",
                integration.uuid(),
                generation.number(),
                tenant,
                sealed
            )
            .execute(&mut **transaction)
            .await?;
            sqlx::query!(
                "delete from vault where integration = $1 and generation < $2",
                integration.uuid(),
                generation.number()
            )
        }
        Change::RemoveSpare { id } => sqlx::query!("delete from vault_spares where id = $1", id),
        Change::PutAccount { integration, sealed } => sqlx::query!(
            "insert into accounts (integration, tenant, sealed) values ($1, $2, $3)
             on conflict (integration) do update set sealed = excluded.sealed",
            integration.uuid(),
            tenant,
            sealed
        ),
        Change::PutSubject { integration, owner, provider, subject_hash } => sqlx::query!(
            "insert into subjects (integration, tenant, owner, provider, subject_hash) values ($1, $2, $3, $4, $5)
             on conflict (integration) do update set subject_hash = excluded.subject_hash",
            integration.uuid(),
            tenant,
            owner.uuid(),
            provider.name(),
            subject_hash.as_slice()
        ),
        Change::PutReason { integration, event, sealed } => sqlx::query!(
            "insert into event_reasons (event_id, tenant, integration, sealed) values ($1, $2, $3, $4)",
            event.uuid(),
            tenant,
            integration.uuid(),
            sealed
        ),
        Change::ClearRefreshIntent { integration } => {
            sqlx::query!("delete from refresh_leases where integration = $1", integration.uuid())
        }
        Change::BeginAttempt(attempt) => return begin_attempt(transaction, tenant, attempt).await,
        Change::EndAttempt { attempt, outcome } => sqlx::query!(
            "update authorization_attempts
             set outcome = coalesce(outcome, $2), sealed_code = null, sealed_verifier = ''
             where id = $1",
            attempt.uuid(),
            outcome
        ),
        Change::PutMail { integration, sync, rows } => {
            return put_mail(transaction, tenant, integration.uuid(), *sync, rows).await;
        }
        Change::RemoveMail { integration, message_ids } => sqlx::query!(
            "delete from mail_messages where integration = $1 and message_id = any ($2)",
            integration.uuid(),
            message_ids
        ),
        Change::RemoveMailNotSeen { integration, sync } => {
            sqlx::query!("delete from mail_messages where integration = $1 and sync <> $2", integration.uuid(), sync)
        }
        Change::PutMailProgress { integration, sealed, batches, stored, checked_at } => sqlx::query!(
            "insert into mail_syncs (integration, tenant, sealed_progress, batches, stored, checked_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (integration) do update
             set sealed_progress = excluded.sealed_progress, batches = excluded.batches, stored = excluded.stored,
                 checked_at = coalesce(excluded.checked_at, mail_syncs.checked_at)",
            integration.uuid(),
            tenant,
            sealed,
            *batches,
            *stored,
            *checked_at
        ),
        Change::Calendar { integration, change } => {
            return super::calendars::write(transaction, tenant, integration.uuid(), change).await;
        }
    };
    query.execute(&mut **transaction).await?;
    Ok(())
}

async fn begin_attempt(
    transaction: &mut Transaction<'_, Postgres>,
    tenant: Uuid,
    attempt: &NewAttempt,
) -> Result<(), sqlx::Error> {
    let used = sqlx::query!(
        "update connect_links set used_at = $2 where hash = $1 and used_at is null",
        attempt.link_hash.as_slice(),
        attempt.created_at
    )
    .execute(&mut **transaction)
    .await?;
    if used.rows_affected() != 1 {
        // Two of one batch. Nothing of it is written, and committed alone the second is told that the link is used.
        return Err(sqlx::Error::RowNotFound);
    }
    sqlx::query!(
        "insert into authorization_attempts (id, tenant, owner, integration, reconnects, provider, state_hash, cookie_hash,
             nonce_hash, redirect_uri, sealed_verifier, created_at, expires_at, asked)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        attempt.id.uuid(),
        tenant,
        attempt.owner.uuid(),
        attempt.integration.uuid(),
        attempt.reconnects,
        attempt.provider.name(),
        attempt.state_hash.as_slice(),
        attempt.cookie_hash.as_slice(),
        attempt.nonce_hash.as_slice(),
        attempt.redirect_uri,
        attempt.sealed_verifier,
        attempt.created_at,
        attempt.expires_at,
        names(attempt.asked.as_ref()) as _
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn put_mail(
    transaction: &mut Transaction<'_, Postgres>,
    tenant: Uuid,
    integration: Uuid,
    sync: Uuid,
    rows: &[MailRow],
) -> Result<(), sqlx::Error> {
    let ids: Vec<String> = rows.iter().map(|row| row.message_id.clone()).collect();
    let times: Vec<_> = rows.iter().map(|row| row.received_at).collect();
    let sealed: Vec<Vec<u8>> = rows.iter().map(|row| row.sealed.clone()).collect();
    sqlx::query!(
        "insert into mail_messages (integration, message_id, tenant, received_at, sync, sealed)
         select distinct on (message_id) $1::uuid, message_id, $2::uuid, received_at, $3::uuid, sealed
         from unnest($4::text[], $5::timestamptz[], $6::bytea[]) as new (message_id, received_at, sealed)
         on conflict (integration, message_id) do update
         set received_at = excluded.received_at, sync = excluded.sync, sealed = excluded.sealed",
        integration,
        tenant,
        sync,
        &ids,
        &times,
        &sealed
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
