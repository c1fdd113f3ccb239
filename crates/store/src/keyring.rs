//! Sealing and opening: the master key, the data keys it wraps, and the envelope every secret is kept in.
//!
//! Without this file a dump of the database would read like a list of people's mail. No SQL may enter here, and no key may
//! leave: key types can be neither printed nor serialised.
//!
//! An envelope is `version (1) | key id (8) | nonce (24) | ciphertext and tag`. The associated data binds it to its
//! [`Place`] and key, so that a row moved elsewhere does not open.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bellhop_domain::{IntegrationId, OwnerId, TenantId};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use rand::Rng;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use thiserror::Error;
use uuid::Uuid;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const KEY_ID: usize = 8;
const NONCE: usize = 24;
const HEADER: usize = 1 + KEY_ID + NONCE;

/// The text is no master key. Make one with `openssl rand -base64 32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the master key must be 32 bytes in base64; make one with `openssl rand -base64 32`")]
pub struct InvalidMasterKey;

/// What was sealed could not be opened: another key, another place, or damage. Trying again cannot help; an operator must
/// find out which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a sealed value could not be opened: wrong key, wrong place or damaged")]
pub struct CannotOpen;

/// Where a sealed value belongs. A value opens in no other place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    tenant: TenantId,
    holder: Uuid,
    field: &'static str,
    generation: i64,
}

impl Place {
    /// A field of an integration, of a generation where the field has them, else 0.
    #[must_use]
    pub fn integration(tenant: TenantId, integration: IntegrationId, field: &'static str, generation: i64) -> Self {
        Self { tenant, holder: integration.uuid(), field, generation }
    }

    /// A field of an owner; `number` tells rows of the same field apart.
    #[must_use]
    pub fn owner(tenant: TenantId, owner: OwnerId, field: &'static str, number: i64) -> Self {
        Self { tenant, holder: owner.uuid(), field, generation: number }
    }

    fn associated_data(&self, key_id: [u8; KEY_ID]) -> Vec<u8> {
        let mut data = Vec::with_capacity(64);
        data.push(VERSION);
        data.extend_from_slice(self.tenant.uuid().as_bytes());
        data.extend_from_slice(self.holder.as_bytes());
        data.extend_from_slice(&self.generation.to_be_bytes());
        data.extend_from_slice(&key_id);
        data.extend_from_slice(self.field.as_bytes());
        data
    }
}

/// A key of 32 bytes with its id, erased from memory when dropped.
struct Key {
    bytes: Zeroizing<[u8; 32]>,
    id: [u8; KEY_ID],
}

impl Key {
    fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        let mut id = [0; KEY_ID];
        id.copy_from_slice(&expand(&bytes, b"bellhop key id")[..KEY_ID]);
        Self { bytes, id }
    }

    fn seal(&self, place: &Place, plain: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let mut nonce = [0; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload { msg: plain, aad: &place.associated_data(self.id) };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).map_err(|_| CannotOpen)?;
        let mut envelope = Vec::with_capacity(HEADER + sealed.len());
        envelope.push(VERSION);
        envelope.extend_from_slice(&self.id);
        envelope.extend_from_slice(&nonce);
        envelope.extend_from_slice(&sealed);
        Ok(envelope)
    }

    fn open(&self, place: &Place, envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        let (header, sealed) = envelope.split_at_checked(HEADER).ok_or(CannotOpen)?;
        let nonce: [u8; NONCE] = header[1 + KEY_ID..].try_into().map_err(|_| CannotOpen)?;
        if header[0] != VERSION || header[1..=KEY_ID] != self.id {
            return Err(CannotOpen);
        }
        let payload = Payload { msg: sealed, aad: &place.associated_data(self.id) };
        self.cipher().decrypt(&XNonce::from(nonce), payload).map(Zeroizing::new).map_err(|_| CannotOpen)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.bytes).into())
    }
}

/// The key of one integration or owner. Destroying its wrapped row is erasure.
pub struct DataKey(Key);

impl DataKey {
    /// Seals a value for this place.
    ///
    /// # Errors
    /// Only where the value is too large for the cipher (256 GiB).
    pub fn seal(&self, place: &Place, plain: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        self.0.seal(place, plain)
    }

    /// Opens a value that was sealed for this place.
    ///
    /// # Errors
    /// [`CannotOpen`] where key, place or content differ.
    pub fn open(&self, place: &Place, envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotOpen> {
        self.0.open(place, envelope)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DataKey(secret)")
    }
}

/// What a keyed hash is for: hashes for different purposes cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Recognising a provider's account without keeping its subject.
    Subject,
    /// Naming a provider's account where nothing may lead back to it.
    Pseudonym,
    /// Recognising a refresh token without keeping it in clear.
    RefreshToken,
    /// Saying in the log which cursor was reached.
    Cursor,
    /// Naming a calendar without its id, which is an address.
    Calendar,
    /// Deriving the finish code that only the right browser can show.
    FinishCode,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Subject => b"bellhop subject",
            Self::Pseudonym => b"bellhop pseudonym",
            Self::RefreshToken => b"bellhop refresh token",
            Self::Cursor => b"bellhop cursor",
            Self::Calendar => b"bellhop calendar",
            Self::FinishCode => b"bellhop finish code",
        }
    }
}

/// The master key and what is derived from it.
pub struct Keyring {
    master: Key,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Keyring(secret)")
    }
}

impl Keyring {
    /// Reads the master key: 32 bytes in base64.
    ///
    /// # Errors
    /// [`InvalidMasterKey`] says how to make one.
    pub fn new(master_key: &SecretString) -> Result<Self, InvalidMasterKey> {
        let decoded = Zeroizing::new(STANDARD.decode(master_key.expose_secret().trim()).map_err(|_| InvalidMasterKey)?);
        let mut bytes = Zeroizing::new([0; 32]);
        if decoded.len() != bytes.len() {
            return Err(InvalidMasterKey);
        }
        bytes.copy_from_slice(&decoded);
        Ok(Self { master: Key::new(bytes) })
    }

    /// Makes a data key for this holder and wraps it for storage.
    ///
    /// # Errors
    /// As [`DataKey::seal`].
    pub fn make_data_key(&self, place: &Place) -> Result<(DataKey, Vec<u8>), CannotOpen> {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::rng().fill_bytes(&mut *bytes);
        let wrapped = self.master.seal(place, &*bytes)?;
        Ok((DataKey(Key::new(bytes)), wrapped))
    }

    /// A sealed value by which this master key is known again.
    ///
    /// # Errors
    /// As [`DataKey::seal`].
    pub fn seal_check(&self) -> Result<Vec<u8>, CannotOpen> {
        self.master.seal(&check_place(), b"bellhop")
    }

    /// Whether a sealed value was made by this master key.
    #[must_use]
    pub fn is_own_check(&self, sealed: &[u8]) -> bool {
        self.master.open(&check_place(), sealed).is_ok()
    }

    /// Unwraps a stored data key.
    ///
    /// # Errors
    /// [`CannotOpen`] where the master key is another one or the row was moved.
    pub fn unwrap_data_key(&self, place: &Place, wrapped: &[u8]) -> Result<DataKey, CannotOpen> {
        let plain = self.master.open(place, wrapped)?;
        let mut bytes = Zeroizing::new([0; 32]);
        if plain.len() != bytes.len() {
            return Err(CannotOpen);
        }
        bytes.copy_from_slice(&plain);
        Ok(DataKey(Key::new(bytes)))
    }

    /// A keyed hash: the same for the same parts, and useless without the master key. The parts are told apart by length.
    #[must_use]
    pub fn keyed_hash(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let key = expand(&self.master.bytes, purpose.label());
        // An HMAC takes a key of any length, so that this cannot fail; the empty hash would match nothing.
        let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&*key) else {
            return [0; 32];
        };
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

fn check_place() -> Place {
    Place { tenant: TenantId::new(Uuid::nil()), holder: Uuid::nil(), field: "master key", generation: 0 }
}

/// A plain SHA-256, for random values of 256 bits that need no key: states, cookies, links, API keys.
#[must_use]
pub fn plain_hash(value: &[u8]) -> [u8; 32] {
    Sha256::digest(value).into()
}

fn expand(key: &[u8; 32], label: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    // RFC 5869 section 2.3: fails only for more than 255 blocks; this is one.
    let _ = Hkdf::<Sha256>::new(None, key).expand(label, &mut *derived);
    derived
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        Keyring::new(&STANDARD.encode([7; 32]).into()).unwrap()
    }

    fn place(generation: i64) -> Place {
        let id = Uuid::from_u128(9);
        Place::integration(TenantId::new(id), IntegrationId::new(id), "tokens", generation)
    }

    #[test]
    fn a_sealed_value_opens_in_its_place_and_in_no_other() {
        let (key, _) = keyring().make_data_key(&place(0)).unwrap();
        let envelope = key.seal(&place(1), b"plain").unwrap();
        assert_eq!(&**key.open(&place(1), &envelope).unwrap(), b"plain");
        let id = Uuid::from_u128(9);
        let other = Uuid::from_u128(8);
        for elsewhere in [
            place(2),
            Place::integration(TenantId::new(other), IntegrationId::new(id), "tokens", 1),
            Place::integration(TenantId::new(id), IntegrationId::new(other), "tokens", 1),
            Place::integration(TenantId::new(id), IntegrationId::new(id), "account", 1),
        ] {
            assert_eq!(key.open(&elsewhere, &envelope).unwrap_err(), CannotOpen);
        }
    }

    #[test]
    fn damage_and_other_keys_are_noticed() {
        let (key, wrapped) = keyring().make_data_key(&place(0)).unwrap();
        let envelope = key.seal(&place(1), b"plain").unwrap();
        for index in 0..envelope.len() {
            let mut damaged = envelope.clone();
            damaged[index] ^= 1;
            assert!(key.open(&place(1), &damaged).is_err(), "byte {index}");
        }
        for length in 0..envelope.len() {
            assert!(key.open(&place(1), &envelope[..length]).is_err(), "cut at {length}");
        }
        let (other, _) = keyring().make_data_key(&place(0)).unwrap();
        assert!(other.open(&place(1), &envelope).is_err());
        let stranger = Keyring::new(&STANDARD.encode([8; 32]).into()).unwrap();
        let check = keyring().seal_check().unwrap();
        assert!(keyring().is_own_check(&check) && !stranger.is_own_check(&check));
        assert!(stranger.unwrap_data_key(&place(0), &wrapped).is_err());
        let again = keyring().unwrap_data_key(&place(0), &wrapped).unwrap();
        assert_eq!(&**again.open(&place(1), &envelope).unwrap(), b"plain");
    }

    #[test]
    fn two_seals_of_one_value_differ() {
        let (key, _) = keyring().make_data_key(&place(0)).unwrap();
        assert_ne!(key.seal(&place(1), b"plain").unwrap(), key.seal(&place(1), b"plain").unwrap());
    }

    #[test]
    fn a_master_key_of_another_length_is_refused_with_the_way_to_make_one() {
        for text in ["", "short", "====", &STANDARD.encode([1; 31]), &STANDARD.encode([1; 33])] {
            let error = Keyring::new(&text.to_owned().into()).unwrap_err();
            assert!(error.to_string().contains("openssl rand -base64 32"));
        }
    }

    #[test]
    fn keyed_hashes_differ_by_purpose_and_by_where_parts_end() {
        let keys = keyring();
        let hash = keys.keyed_hash(Purpose::Subject, &[b"ab", b"c"]);
        assert_eq!(hash, keys.keyed_hash(Purpose::Subject, &[b"ab", b"c"]));
        assert_ne!(hash, keys.keyed_hash(Purpose::Subject, &[b"a", b"bc"]));
        assert_ne!(hash, keys.keyed_hash(Purpose::Cursor, &[b"ab", b"c"]));
    }
}
