//! The hash chain of a stream: what makes an edit of the log show.
//!
//! Only arithmetic over bytes. Who stores them and who checks them is elsewhere.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The hash before the first event of every stream.
pub const GENESIS: [u8; 32] = [0; 32];

/// What the hash of an event covers, exactly as stored.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// The hash of the event before it in the stream.
    pub previous: &'a [u8],
    /// The stream.
    pub stream: Uuid,
    /// Its place in the stream.
    pub version: i64,
    /// The event's type.
    pub name: &'a str,
    /// The version of the payload's schema.
    pub schema_version: i16,
    /// The event's id.
    pub event_id: Uuid,
    /// Its tenant.
    pub tenant: Uuid,
    /// Its time; only whole microseconds count, as Postgres keeps no more.
    pub time: DateTime<Utc>,
    /// The stored payload.
    pub payload: &'a [u8],
    /// The stored metadata.
    pub metadata: &'a [u8],
}

impl Link<'_> {
    /// SHA-256 over every field, each of variable length preceded by its length.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(b"bellhop event 1");
        for field in [
            self.previous,
            self.stream.as_bytes(),
            &self.version.to_be_bytes(),
            self.name.as_bytes(),
            &self.schema_version.to_be_bytes(),
            self.event_id.as_bytes(),
            self.tenant.as_bytes(),
            &self.time.timestamp_micros().to_be_bytes(),
            self.payload,
            self.metadata,
        ] {
            digest.update((field.len() as u64).to_be_bytes());
            digest.update(field);
        }
        digest.finalize().into()
    }
}
