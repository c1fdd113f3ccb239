//! Reads an ID token (OIDC Core 1.0, section 3.1.3.7).
//!
//! Only for tokens that came straight from the token endpoint over TLS: point 6 of that section then lets the connection
//! vouch for the issuer in place of the signature. A token from anywhere else must never come here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    client::Client,
    error::{IdentityCheck, ProviderError},
    identity::{Identity, PersonalClaims},
    number::whole,
};

/// How far the provider's clock and ours may disagree.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// What an ID token must say to be ours.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Who may have issued it.
    pub issuers: &'a [String],
    /// Our client id.
    pub audience: &'a str,
    /// What was sent along to the consent page.
    pub nonce: &'a SecretString,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: Value,
    #[serde(default)]
    aud: Value,
    #[serde(default)]
    azp: Value,
    #[serde(default)]
    exp: Value,
    #[serde(default)]
    iat: Value,
    #[serde(default)]
    nonce: Value,
    #[serde(flatten)]
    person: PersonalClaims,
}

impl Client {
    /// Reads an ID token of this provider that was issued to us: see [`verify_id_token`].
    pub fn verify_id_token(
        &self,
        id_token: &SecretString,
        nonce: &SecretString,
        now: DateTime<Utc>,
    ) -> Result<Identity, ProviderError> {
        let audience = &self.credentials()?.client_id;
        verify_id_token(id_token, Expected { issuers: &self.description.issuers, audience, nonce }, now)
    }
}

/// Reads an ID token that came straight from the token endpoint: issuer, audience, authorized party, expiry, time of
/// issue (each with a minute's leeway) and nonce. The error names the check that failed.
pub fn verify_id_token(
    id_token: &SecretString,
    expected: Expected<'_>,
    now: DateTime<Utc>,
) -> Result<Identity, ProviderError> {
    let claims = read_claims(id_token.expose_secret()).ok_or(ProviderError::InvalidIdentity(IdentityCheck::Form))?;
    match first_failure(&claims, expected, now) {
        Some(check) => Err(ProviderError::InvalidIdentity(check)),
        None => claims.person.identity(),
    }
}

/// The payload of a JWS in compact form (RFC 7515, section 7.1).
fn read_claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()
}

fn first_failure(claims: &Claims, expected: Expected<'_>, now: DateTime<Utc>) -> Option<IdentityCheck> {
    let audiences: Vec<&str> = match &claims.aud {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let authorized_party = match &claims.azp {
        Value::Null => audiences.len() == 1,
        azp => *azp == expected.audience,
    };
    let time = |claim: &Value| whole(claim).and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    let (Some(expires_at), Some(issued_at)) = (time(&claims.exp), time(&claims.iat)) else {
        return Some(IdentityCheck::Form);
    };
    let checks = [
        (expected.issuers.iter().any(|issuer| claims.iss == **issuer), IdentityCheck::Issuer),
        (audiences.contains(&expected.audience), IdentityCheck::Audience),
        (authorized_party, IdentityCheck::AuthorizedParty),
        (now < expires_at + LEEWAY, IdentityCheck::Expiry),
        (issued_at <= now + LEEWAY && issued_at <= expires_at, IdentityCheck::IssuedAt),
        // Whoever could time this comparison would have to own the token endpoint.
        (claims.nonce == *expected.nonce.expose_secret(), IdentityCheck::Nonce),
    ];
    checks.into_iter().find_map(|(holds, check)| (!holds).then_some(check))
}
