//! Who an account belongs to.
//!
//! The subject, never the address: addresses are handed on to other people. The two ways to learn it are the ID token
//! (`identity_token.rs`) and, where there is none, asking userinfo with the access token.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    client::Client,
    error::{IdentityCheck, ProviderError},
    transport::TOKEN_ANSWER_LIMIT_BYTES,
};

/// A person's account at the provider. Cannot be printed.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The account, for good: 1 to 255 ASCII characters (OIDC Core 1.0, section 2).
    pub subject: SecretString,
    /// The address, to show; it may change.
    pub email: Option<SecretString>,
    /// Whether the provider vouches for the address.
    pub email_verified: bool,
    /// The name, to show; only where the profile was asked for.
    pub name: Option<SecretString>,
}

/// The claims about the person (OIDC Core 1.0, section 5.1), the same in both places.
#[derive(Deserialize)]
pub(crate) struct PersonalClaims {
    #[serde(default)]
    sub: Value,
    #[serde(default)]
    email: Value,
    #[serde(default)]
    email_verified: Value,
    #[serde(default)]
    name: Value,
}

impl PersonalClaims {
    pub(crate) fn identity(self) -> Result<Identity, ProviderError> {
        let subject = self.sub.as_str().unwrap_or_default();
        if subject.is_empty() || subject.len() > 255 || !subject.is_ascii() {
            return Err(ProviderError::InvalidIdentity(IdentityCheck::Subject));
        }
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(SecretString::from);
        Ok(Identity {
            subject: subject.into(),
            email: text(&self.email),
            // Some providers send the word instead of the value.
            email_verified: self.email_verified == true || self.email_verified == "true",
            name: text(&self.name),
        })
    }
}

impl Client {
    /// Asks whose access token this is (OIDC Core 1.0, section 5.3). Where there was an ID token too, the
    /// subjects must be the same (section 5.3.2): that comparison is the caller's.
    pub async fn userinfo(&self, access_token: &SecretString) -> Result<Identity, ProviderError> {
        let address = self.description.endpoints.current().userinfo.clone();
        let body = self.get(access_token, address, TOKEN_ANSWER_LIMIT_BYTES).await?;
        let claims: PersonalClaims = serde_json::from_slice(&body).map_err(|_| ProviderError::Malformed)?;
        claims.identity()
    }
}
