//! What is derived from the one secret of a walk, the 256 random bits in its browser's cookie.
//!
//! State and nonce are hashes of it, as `OpenID` Connect Core 1.0, section 15.5.2 suggests for the nonce, so that the same
//! browser can be sent on its way again and no other can. The finish code is an HMAC under a key of the server, so that
//! it shows up only where both the cookie and this server are.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bellhop_domain::AttemptId;
use bellhop_store::{Keyring, Purpose, plain_hash};
use secrecy::{ExposeSecret, SecretString};

/// Telegram takes no more than this in a `start` payload, of `A-Za-z0-9_-`.
const LONGEST_FINISH_CODE: usize = 64;

/// The cookie for a browser that pressed the button of this page. The page does not show the cookie itself.
pub fn cookie_of_page(page: &SecretString) -> SecretString {
    URL_SAFE_NO_PAD.encode(labelled("bellhop page", page)).into()
}

/// The state that goes to the provider and comes back.
pub fn state_of(cookie: &SecretString) -> SecretString {
    URL_SAFE_NO_PAD.encode(labelled("bellhop state", cookie)).into()
}

/// The bytes of the nonce, as they are kept.
pub fn nonce_hash_of(cookie: &SecretString) -> [u8; 32] {
    labelled("bellhop nonce", cookie)
}

/// The nonce as the provider gets it and puts it into the ID token.
pub fn nonce_of(nonce_hash: &[u8; 32]) -> SecretString {
    URL_SAFE_NO_PAD.encode(nonce_hash).into()
}

/// The code with which the initiator finishes a walk.
pub fn finish_code_of(keyring: &Keyring, attempt: AttemptId, cookie: &SecretString) -> SecretString {
    let attempt = attempt.uuid();
    let parts = [attempt.as_bytes().as_slice(), cookie.expose_secret().as_bytes()];
    URL_SAFE_NO_PAD.encode(keyring.keyed_hash(Purpose::FinishCode, &parts)).into()
}

/// Whether a text could be a finish code at all.
pub fn is_finish_code(text: &str) -> bool {
    (1..=LONGEST_FINISH_CODE).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// What a secret is looked up by.
pub fn hash_of(secret: &SecretString) -> [u8; 32] {
    plain_hash(secret.expose_secret().as_bytes())
}

fn labelled(label: &str, secret: &SecretString) -> [u8; 32] {
    plain_hash(format!("{label} {}", secret.expose_secret()).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring() -> Keyring {
        Keyring::new(&base64::engine::general_purpose::STANDARD.encode([7; 32]).into()).unwrap()
    }

    #[test]
    fn a_finish_code_fits_into_a_telegram_link() {
        let attempt = AttemptId::new(uuid::Uuid::from_u128(1));
        let code = finish_code_of(&keyring(), attempt, &"cookie".into());
        assert!(is_finish_code(code.expose_secret()), "{}", code.expose_secret());
        for text in ["", "a b", "a/b", "é", "a=", &"a".repeat(65)] {
            assert!(!is_finish_code(text), "{text:?}");
        }
    }

    #[test]
    fn a_finish_code_belongs_to_one_walk_one_cookie_and_one_server() {
        let attempt = |number| AttemptId::new(uuid::Uuid::from_u128(number));
        let other = Keyring::new(&base64::engine::general_purpose::STANDARD.encode([8; 32]).into()).unwrap();
        let codes = [
            finish_code_of(&keyring(), attempt(1), &"cookie".into()),
            finish_code_of(&keyring(), attempt(2), &"cookie".into()),
            finish_code_of(&keyring(), attempt(1), &"other".into()),
            finish_code_of(&other, attempt(1), &"cookie".into()),
        ];
        let distinct: std::collections::BTreeSet<&str> = codes.iter().map(ExposeSecret::expose_secret).collect();
        assert_eq!(distinct.len(), codes.len());
    }

    #[test]
    fn state_nonce_and_cookie_are_never_alike() {
        let cookie: SecretString = "cookie".into();
        let (state, nonce) = (state_of(&cookie), nonce_of(&nonce_hash_of(&cookie)));
        assert_ne!(state.expose_secret(), nonce.expose_secret());
        assert_eq!(state.expose_secret().len(), 43);
        assert_eq!(state.expose_secret(), state_of(&cookie).expose_secret());
    }
}
