//! The client: a description, our credentials with that provider, and the way to send.
//!
//! What it can say is spread over the files of its subjects: `oauth.rs`, `identity.rs`, `mail.rs`, `mail_full.rs`,
//! `calendar.rs`.

use oauth2::ClientId;
use reqwest::{RequestBuilder, header::ACCEPT};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    description::Description,
    error::ProviderError,
    refusal::accept_api,
    transport::{Timeouts, Transport},
};

/// What the provider knows us by.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The client id; public.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
}

/// Speaks to one provider. Cheap to clone; keep one for the life of the process, it holds the connections.
#[derive(Clone)]
pub struct Client {
    pub(crate) description: Description,
    pub(crate) transport: Transport,
    credentials: Option<Credentials>,
}

impl Client {
    /// A client for the described provider.
    ///
    /// Without credentials it can still revoke and read (so that people can disconnect from a provider that was
    /// switched off); the calls that need them answer [`ProviderError::Misconfigured`]. The same error comes from here
    /// when TLS cannot be set up.
    pub fn new(
        description: Description,
        credentials: Option<Credentials>,
        timeouts: Timeouts,
    ) -> Result<Self, ProviderError> {
        Ok(Self { description, credentials, transport: Transport::new(timeouts)? })
    }

    /// Whom it speaks to.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    pub(crate) fn credentials(&self) -> Result<&Credentials, ProviderError> {
        self.credentials.as_ref().ok_or(ProviderError::Misconfigured)
    }

    pub(crate) fn client_id(&self) -> Result<ClientId, ProviderError> {
        Ok(ClientId::new(self.credentials()?.client_id.clone()))
    }

    /// Asks an API something with an access token (RFC 6750, section 2.1) and hands back the body of a yes.
    pub(crate) async fn get(
        &self,
        access_token: &SecretString,
        address: Url,
        limit_bytes: usize,
    ) -> Result<Vec<u8>, ProviderError> {
        self.send_get(self.ask(access_token, address), limit_bytes).await
    }

    /// The same for an answer of many megabytes, which may take longer.
    pub(crate) async fn download(
        &self,
        access_token: &SecretString,
        address: Url,
        limit_bytes: usize,
    ) -> Result<Vec<u8>, ProviderError> {
        let request = self.ask(access_token, address).timeout(self.transport.timeouts().download);
        self.send_get(request, limit_bytes).await
    }

    fn ask(&self, access_token: &SecretString, address: Url) -> RequestBuilder {
        self.transport
            .requests()
            .get(address)
            .bearer_auth(access_token.expose_secret())
            .header(ACCEPT, "application/json")
    }

    async fn send_get(&self, request: RequestBuilder, limit_bytes: usize) -> Result<Vec<u8>, ProviderError> {
        let request = request.build().map_err(|_| ProviderError::Misconfigured)?;
        let answer = self.transport.send(request, limit_bytes).await?;
        accept_api(answer, &self.description.refusal_reasons)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").field("provider", &self.description.provider).finish_non_exhaustive()
    }
}

/// An address below a base. What comes from outside is escaped; what would climb out of its place, or vanish from it,
/// is no name of anything.
pub(crate) fn address_below(base: &Url, path: &[&str], query: &[(&str, &str)]) -> Result<Url, ProviderError> {
    // Control characters are dropped from an address: a tab between two dots would leave two dots.
    let is_sound = |segment: &&str| !matches!(*segment, "" | "." | "..") && !segment.chars().any(char::is_control);
    if !path.iter().all(is_sound) {
        return Err(ProviderError::NotFound);
    }
    let mut address = base.clone();
    address.path_segments_mut().map_err(|()| ProviderError::Misconfigured)?.pop_if_empty().extend(path);
    if !query.is_empty() {
        address.query_pairs_mut().extend_pairs(query);
    }
    Ok(address)
}
