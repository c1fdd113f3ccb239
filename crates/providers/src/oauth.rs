//! The authorization code flow with PKCE, refreshing and revoking (RFC 6749, RFC 7636, RFC 7009).
//!
//! Each verb is one request, sent once. Whether it may be sent again, and what its answer does to an integration, is not
//! known here.

use std::{borrow::Cow, pin::Pin};

use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken, RequestTokenError,
    Scope, StandardRevocableToken, TokenUrl,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse},
};
use reqwest::Request;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    client::Client,
    description::ClientAuthentication,
    error::ProviderError,
    oauth_error::OAuthErrorCode,
    refusal::accept_oauth,
    token_answer::{TokenAnswer, WireAnswer},
    transport::{TOKEN_ANSWER_LIMIT_BYTES, Transport},
};

type OAuthClient = oauth2::Client<
    BasicErrorResponse,
    WireAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// One person's way to the consent page.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizeRequest<'a> {
    /// What comes back with the callback (RFC 6749, section 10.12). 256 random bits in base64url do.
    pub state: &'a SecretString,
    /// What comes back inside the ID token (OIDC Core 1.0, section 3.1.2.1).
    pub nonce: &'a SecretString,
    /// The PKCE verifier, 43 to 128 of `A-Za-z0-9-._~` (RFC 7636, section 4.1); only its S256 challenge is sent.
    pub verifier: &'a SecretString,
    /// Where the provider sends the browser back, character for character as registered.
    pub redirect_uri: &'a str,
    /// The scopes asked for: see [`crate::Description::scopes`].
    pub scopes: &'a [&'a str],
    /// The account to offer first, an address or a subject, for a reconnect.
    pub login_hint: Option<&'a SecretString>,
}

/// What came of giving a token back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The provider ended the grant. With Google the whole grant ends, not only this token.
    Revoked,
    /// The provider did not know the token (any more): the grant had ended before.
    AlreadyInvalid,
    /// The provider offers no revocation: tell the person where to remove the application by hand.
    NotOffered,
}

impl Client {
    /// The address to send the person's browser to. Sends nothing.
    pub fn authorize_url(&self, request: &AuthorizeRequest<'_>) -> Result<Url, ProviderError> {
        let verifier = checked_verifier(request.verifier)?;
        let redirect_uri = redirect_url(request.redirect_uri)?;
        let oauth = self.oauth()?;
        let state = || CsrfToken::new(request.state.expose_secret().to_owned());
        let mut authorize = oauth
            .authorize_url(state)
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .set_redirect_uri(Cow::Owned(redirect_uri))
            .add_scopes(request.scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
            .add_extra_param("nonce", request.nonce.expose_secret());
        for (name, value) in self.description.authorize_parameters {
            authorize = authorize.add_extra_param(*name, *value);
        }
        if let Some(hint) = request.login_hint {
            authorize = authorize.add_extra_param("login_hint", hint.expose_secret());
        }
        Ok(authorize.url().0)
    }

    /// Exchanges the callback's code. A code works once: after an error with an unknown outcome
    /// ([`ProviderError::is_outcome_unknown`]) offer a fresh link instead of trying again.
    pub async fn exchange_code(
        &self,
        code: &SecretString,
        verifier: &SecretString,
        redirect_uri: &str,
    ) -> Result<TokenAnswer, ProviderError> {
        let verifier = checked_verifier(verifier)?;
        let redirect_uri = redirect_url(redirect_uri)?;
        self.oauth()?
            .exchange_code(AuthorizationCode::new(code.expose_secret().to_owned()))
            .set_pkce_verifier(verifier)
            .set_redirect_uri(Cow::Owned(redirect_uri))
            .request_async(&self.transport)
            .await
            .map_err(|error| translate(&error))?
            .try_into()
    }

    /// Exchanges a refresh token. The answer may hold a new one that makes this one useless: store it before anything
    /// else. Scopes are not sent, which asks for those granted (RFC 6749, section 6).
    pub async fn refresh(&self, refresh_token: &SecretString) -> Result<TokenAnswer, ProviderError> {
        let refresh_token = RefreshToken::new(refresh_token.expose_secret().to_owned());
        self.oauth()?
            .exchange_refresh_token(&refresh_token)
            .request_async(&self.transport)
            .await
            .map_err(|error| translate(&error))?
            .try_into()
    }

    /// Gives a token back: refresh token or access token. May be repeated.
    ///
    /// The token travels in the form, never in the address, where logs would keep it. Google asks for no client
    /// authentication here (<https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke>).
    pub async fn revoke(&self, token: &SecretString) -> Result<Revocation, ProviderError> {
        let Some(address) = &self.description.endpoints.current().revoke else {
            return Ok(Revocation::NotOffered);
        };
        let request = self
            .transport
            .requests()
            .post(address.clone())
            .form(&[("token", token.expose_secret())])
            .build()
            .map_err(|_| ProviderError::Misconfigured)?;
        let answer = self.transport.send(request, TOKEN_ANSWER_LIMIT_BYTES).await?;
        match accept_oauth(answer) {
            Ok(_) => Ok(Revocation::Revoked),
            Err(ProviderError::InvalidGrant | ProviderError::Refused(OAuthErrorCode::InvalidToken)) => {
                Ok(Revocation::AlreadyInvalid)
            }
            Err(error) => Err(error),
        }
    }

    fn oauth(&self) -> Result<OAuthClient, ProviderError> {
        let addresses = self.description.endpoints.current();
        let authentication = match self.description.client_authentication {
            ClientAuthentication::RequestBody => AuthType::RequestBody,
            ClientAuthentication::BasicHeader => AuthType::BasicAuth,
        };
        let secret = self.credentials()?.client_secret.expose_secret();
        Ok(oauth2::Client::new(self.client_id()?)
            .set_client_secret(ClientSecret::new(secret.to_owned()))
            .set_auth_type(authentication)
            .set_auth_uri(AuthUrl::from_url(addresses.authorize.clone()))
            .set_token_uri(TokenUrl::from_url(addresses.token.clone())))
    }
}

/// Sends what oauth2 prepared. A type rather than a closure, because the boxed future can then be named and moved between
/// threads.
impl<'c> AsyncHttpClient<'c> for Transport {
    type Error = ProviderError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ProviderError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let request = Request::try_from(request).map_err(|_| ProviderError::Misconfigured)?;
            let answer = self.send(request, TOKEN_ANSWER_LIMIT_BYTES).await?;
            // A refusal is read here: oauth2 would keep its body in the error. Status and content type are left behind
            // on purpose: only the body decides from here on, so that a token in it is never lost to a label.
            Ok(HttpResponse::new(accept_oauth(answer)?))
        })
    }
}

fn translate(error: &RequestTokenError<ProviderError, BasicErrorResponse>) -> ProviderError {
    match error {
        RequestTokenError::Request(error) => *error,
        RequestTokenError::ServerResponse(_) | RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            ProviderError::Malformed
        }
    }
}

/// oauth2 panics over a verifier of the wrong length.
fn checked_verifier(verifier: &SecretString) -> Result<PkceCodeVerifier, ProviderError> {
    let text = verifier.expose_secret();
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if (43..=128).contains(&text.len()) && text.bytes().all(unreserved) {
        Ok(PkceCodeVerifier::new(text.to_owned()))
    } else {
        Err(ProviderError::Misconfigured)
    }
}

fn redirect_url(text: &str) -> Result<RedirectUrl, ProviderError> {
    RedirectUrl::new(text.to_owned()).map_err(|_| ProviderError::Misconfigured)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Timeouts, address::Endpoints, google};

    #[tokio::test]
    async fn a_provider_without_revocation_is_not_asked() {
        // Fails when another test of this process was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut description = google(None).unwrap();
        let mut addresses = description.endpoints.current().clone();
        addresses.revoke = None;
        description.endpoints = Endpoints::own(addresses);
        let client = Client::new(description, None, Timeouts::default()).unwrap();
        assert_eq!(client.revoke(&"token".into()).await, Ok(Revocation::NotOffered));
    }
}
