//! The only place that sends anything: one connection pool, hard limits, no redirects.
//!
//! Every token goes through here. So what would carry one astray is switched off: redirects are answers, not
//! directions, proxies named by the environment are ignored, and nothing is sent twice on its own. The errors of the HTTP library
//! name addresses, so none of them leaves this file.

use std::time::Duration;

use reqwest::{Request, Response, StatusCode, header::HeaderMap, redirect, retry};

use crate::error::ProviderError;

/// The largest answer read from the authorize side: token, revoke and userinfo endpoints. In bytes.
pub const TOKEN_ANSWER_LIMIT_BYTES: usize = 1024 * 1024;

/// The largest answer read from an API. In bytes. One Gmail message may hold 25 MB, but we only ask for metadata.
pub const API_ANSWER_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// How long we wait for a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands, TLS included. Default 3 s.
    pub connect: Duration,
    /// Until the whole answer is read, connecting included. Default 10 s: must stay below the 30 s lease of a refresh, or
    /// two processes could refresh one account at once.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: Duration::from_secs(10) }
    }
}

/// A complete answer of whatever status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone)]
pub(crate) struct Transport(reqwest::Client);

impl Transport {
    pub(crate) fn new(timeouts: Timeouts) -> Result<Self, ProviderError> {
        reqwest::Client::builder()
            .user_agent(concat!("bellhop/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .build()
            .map(Self)
            .map_err(|_| ProviderError::Misconfigured)
    }

    pub(crate) fn requests(&self) -> &reqwest::Client {
        &self.0
    }

    /// Sends one request and reads its answer up to a limit.
    pub(crate) async fn send(&self, request: Request, limit_bytes: usize) -> Result<Answer, ProviderError> {
        let mut response = self.0.execute(request).await.map_err(|error| translate(&error))?;
        let body = read(&mut response, limit_bytes).await?;
        Ok(Answer { status: response.status(), headers: std::mem::take(response.headers_mut()), body })
    }
}

async fn read(response: &mut Response, limit_bytes: usize) -> Result<Vec<u8>, ProviderError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| translate(&error))? {
        if body.len() + chunk.len() > limit_bytes {
            return Err(ProviderError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn translate(error: &reqwest::Error) -> ProviderError {
    // A connection that timed out is both: it is asked first, because then nothing was sent.
    if error.is_connect() {
        ProviderError::Unreachable
    } else if error.is_timeout() {
        ProviderError::Timeout
    } else if error.is_builder() {
        ProviderError::Misconfigured
    } else {
        ProviderError::ConnectionLost
    }
}
