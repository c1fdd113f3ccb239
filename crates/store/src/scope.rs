//! Transactions that say for which tenants they act. Every statement on a tenant's rows goes through one of these, or
//! sees nothing.

use bellhop_domain::TenantId;
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

/// Begins a transaction that acts for these tenants, and for no longer than itself.
pub async fn begin(pool: &PgPool, tenants: &[TenantId]) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    act_for(&mut transaction, tenants).await?;
    Ok(transaction)
}

/// Begins a transaction that sees one moment of the database, and changes nothing.
pub async fn begin_snapshot(
    pool: &PgPool,
    tenants: &[TenantId],
) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut transaction = pool.begin_with("begin isolation level repeatable read read only").await?;
    act_for(&mut transaction, tenants).await?;
    Ok(transaction)
}

/// Changes for which tenants an open transaction acts.
pub async fn act_for(transaction: &mut Transaction<'_, Postgres>, tenants: &[TenantId]) -> Result<(), sqlx::Error> {
    let tenants: Vec<Uuid> = tenants.iter().map(|tenant| tenant.uuid()).collect();
    sqlx::query_scalar!("select set_config('app.tenants', $1::uuid[]::text, true)", &tenants)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(())
}
