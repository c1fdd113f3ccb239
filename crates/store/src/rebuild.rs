//! Deriving again what is derived: job rows mended in place, views built beside the live ones, both from the log alone and
//! while everything runs.
//!
//! Without it a row that a fault, a restored dump or an older release left wrong would stay wrong. Nothing here decides
//! what is right: that is the domain's fold ([`folded`]), and [`crate::verify`] compares with the same one. Whatever cannot
//! be read ends a rebuild before anything is changed.
//!
//! One rebuild runs at a time, on a connection of its own whose session holds an advisory lock: when the process dies, the
//! lock goes with the last statement it could have sent.

mod dispatches;
pub(crate) mod folded;
mod jobs;
mod views;

use bellhop_domain::{IntegrationId, STATE_SHAPE, TenantId};
use sqlx::{Connection, PgConnection, Postgres, Transaction};
use thiserror::Error;

use crate::Store;
use crate::error::StoreError;
use crate::verify::{BrokenChain, read_chain};

pub use dispatches::Marked;
pub use jobs::MendedJobs;
pub use views::RebuiltViews;

pub(crate) use jobs::{orphan, stored_jobs};

use self::folded::Folded;

/// The advisory lock of whoever writes rows of views, in shared mode, and of the switch to a rebuilt version alone: "view
/// row" in ASCII, as in the function `move_view`.
pub(crate) const VIEW_ROWS: i64 = 0x7669_6577_2072_6f77;

/// The advisory lock of the one rebuild at a time: "rebuilds" in ASCII.
const REBUILDS: i64 = 0x7265_6275_696c_6473;

/// How many streams are listed at once.
const PAGE: i64 = 500;

/// Why something was not rebuilt. What was there before is still in place.
#[derive(Debug, Error)]
pub enum RebuildError {
    /// The log itself was edited. Restore it from a backup; until then nothing can be derived from it.
    #[error("{0}; nothing is derived from such a log")]
    Chain(#[from] BrokenChain),
    /// A stream cannot be read by this release. Use the release that wrote it.
    #[error("{integration}: {error}")]
    Stream {
        /// Which stream.
        integration: IntegrationId,
        /// What is wrong with it.
        error: StoreError,
    },
    /// Writers did not let the switch have its turn. Try again.
    #[error(
        "the rebuilt views could not be switched to, as a writer did not end in time; the old ones stay, try again"
    )]
    NoTurn,
    /// It failed technically.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for RebuildError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The turn to rebuild. It ends with [`Rebuild::end`], or with its connection when the process dies.
#[derive(Debug)]
pub struct Rebuild {
    connection: PgConnection,
}

impl Store {
    /// Takes the turn to rebuild. None while another rebuild is under way.
    pub async fn begin_rebuild(&self) -> Result<Option<Rebuild>, StoreError> {
        let mut connection = PgConnection::connect_with(&self.pool.connect_options()).await?;
        let taken = sqlx::query_scalar!(r#"select pg_try_advisory_lock($1) as "taken!""#, REBUILDS)
            .fetch_one(&mut connection)
            .await?;
        Ok(taken.then_some(Rebuild { connection }))
    }
}

impl Rebuild {
    /// Gives the turn back at once. Dropped, it is free as soon as Postgres notices.
    pub async fn end(mut self) {
        // Where this fails the connection is gone, and the lock with it.
        let _ = sqlx::query_scalar!("select pg_advisory_unlock($1)", REBUILDS).fetch_one(&mut self.connection).await;
    }
}

/// Every tenant there is.
async fn every_tenant(transaction: &mut Transaction<'_, Postgres>) -> Result<Vec<TenantId>, sqlx::Error> {
    let tenants =
        sqlx::query_scalar!(r#"select t as "tenant!" from all_tenants() as t"#).fetch_all(&mut **transaction).await?;
    Ok(tenants.into_iter().map(TenantId::new).collect())
}

/// The next streams of a tenant, by id. A stream without a state row has lost it: see [`stream_without_state`].
pub(crate) async fn streams_after(
    transaction: &mut Transaction<'_, Postgres>,
    tenant: TenantId,
    after: Option<IntegrationId>,
) -> Result<Vec<IntegrationId>, sqlx::Error> {
    let streams = sqlx::query_scalar!(
        "select stream from states
         where tenant = $1 and stream > coalesce($2, '00000000-0000-0000-0000-000000000000'::uuid)
         order by stream
         limit $3",
        tenant.uuid(),
        after.map(IntegrationId::uuid),
        PAGE
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(streams.into_iter().map(IntegrationId::new).collect())
}

/// A stream of the tenants acted for that has events and no state row: its end cannot be proven any more.
pub(crate) async fn stream_without_state(
    transaction: &mut Transaction<'_, Postgres>,
) -> Result<Option<IntegrationId>, sqlx::Error> {
    let stream = sqlx::query_scalar!(
        "select stream from events
         where version = 1 and not exists (select from states where states.stream = events.stream)
         order by stream
         limit 1"
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(stream.map(IntegrationId::new))
}

/// What the log says of a stream, or why it cannot be told.
async fn fold(transaction: &mut Transaction<'_, Postgres>, integration: IntegrationId) -> Result<Folded, RebuildError> {
    let unreadable = |error| RebuildError::Stream { integration, error };
    let shape = sqlx::query_scalar!("select shape from states where stream = $1", integration.uuid())
        .fetch_optional(&mut **transaction)
        .await?;
    if shape.is_some_and(|shape| shape > STATE_SHAPE) {
        // That release may derive more from the same events than this one knows.
        return Err(unreadable(StoreError::Unreadable("a state written by a newer release")));
    }
    let events = read_chain(transaction, integration).await.map_err(|error| match error {
        StoreError::Unreadable(_) => unreadable(error),
        error => error.into(),
    })??;
    Ok(Folded::of(integration, &events))
}

/// Refuses where a stream of the tenants acted for has lost its state row.
async fn refuse_lost_states(transaction: &mut Transaction<'_, Postgres>) -> Result<(), RebuildError> {
    match stream_without_state(transaction).await? {
        // Its chain says where it ends, and that nothing vouches for it.
        Some(integration) => fold(transaction, integration).await.map(drop),
        None => Ok(()),
    }
}
