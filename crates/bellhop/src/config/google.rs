//! Google's settings: its client, and the addresses that a stand-in may take over.

use bellhop_providers::{Credentials, Description, Endpoint, google};
use secrecy::SecretString;

use super::{ConfigError, ConfigErrors, Source, quotas, refused_override};

/// How Bellhop speaks to Google.
#[derive(Debug, Clone)]
pub struct GoogleSettings {
    /// Whether new connections are offered.
    pub enabled: bool,
    /// The registered client, where it is configured.
    pub credentials: Option<Credentials>,
    /// Google, as data.
    pub description: Description,
}

const SINGLE_ADDRESSES: [(&str, Endpoint); 6] = [
    ("GOOGLE_AUTHORIZE_URL", Endpoint::Authorize),
    ("GOOGLE_TOKEN_URL", Endpoint::Token),
    ("GOOGLE_REVOKE_URL", Endpoint::Revoke),
    ("GOOGLE_USERINFO_URL", Endpoint::Userinfo),
    ("GOOGLE_GMAIL_URL", Endpoint::Mail),
    ("GOOGLE_CALENDAR_URL", Endpoint::Calendar),
];

impl GoogleSettings {
    /// Reads what can be read; nothing where Google itself cannot be described.
    pub(super) fn read(source: &Source, overrides: bool, errors: &mut ConfigErrors) -> Option<Self> {
        let base = errors.heed(source.address("GOOGLE_BASE_URL")).flatten();
        let described = google(base.as_ref()).map_err(|error| ConfigError::new("GOOGLE_BASE_URL", error.to_string()));
        let mut description = errors.heed(described)?;
        if !overrides && Endpoint::ALL.iter().any(|endpoint| !description.endpoints.is_providers_own(*endpoint)) {
            errors.add(refused_override("GOOGLE_BASE_URL"));
        }
        for (name, endpoint) in SINGLE_ADDRESSES {
            let Some(address) = errors.heed(source.address(name)).flatten() else { continue };
            let set = description.endpoints.set(endpoint, address);
            let set = errors.heed(set.map_err(|error| ConfigError::new(name, error.to_string())));
            if set.is_some() && !overrides && !description.endpoints.is_providers_own(endpoint) {
                errors.add(refused_override(name));
            }
        }
        if let Some(issuer) = source.text("GOOGLE_ISSUER")
            && !description.is_issuer(&issuer)
        {
            if !overrides {
                errors.add(refused_override("GOOGLE_ISSUER"));
            }
            description.issuers = vec![issuer];
        }
        errors.heed(quotas::read(source, "GOOGLE_QUOTAS", &mut description.quotas));
        let client_secret: Option<SecretString> = errors.heed(source.secret("GOOGLE_CLIENT_SECRET")).flatten();
        let credentials = source
            .text("GOOGLE_CLIENT_ID")
            .zip(client_secret)
            .map(|(client_id, client_secret)| Credentials { client_id, client_secret });
        let enabled = errors.heed(source.flag("PROVIDER_GOOGLE_ENABLED", true)).unwrap_or(true);
        Some(Self { enabled, credentials, description })
    }
}
