//! The only place that sends anything: one connection pool, hard limits, no redirects.
//!
//! Every token goes through here. So what would carry one astray is switched off: redirects are answers, not
//! directions, proxies named by the environment are ignored, and nothing is sent twice on its own. The errors of the
//! HTTP library name addresses, so none of them leaves this file.

use std::time::Duration;

use reqwest::{Request, Response, StatusCode, header::HeaderMap, redirect, retry};

use crate::error::ProviderError;

/// The largest answer read from the authorize side: token, revoke and userinfo endpoints. In bytes.
pub const TOKEN_ANSWER_LIMIT_BYTES: usize = 1024 * 1024;

/// The largest answer read from an API. In bytes. One Gmail message may hold 25 MB, but we only ask for metadata.
pub const API_ANSWER_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// The largest message that is read with its body. In bytes, as it is sent over: text of about 17 MB in base64.
/// Attachments are not in it, so only somebody who writes to do harm gets there.
pub const MESSAGE_ANSWER_LIMIT_BYTES: usize = 24 * 1024 * 1024;

/// The largest page of a calendar's events that is read. In bytes. Room for 250 events of 128 KB, which is what one
/// with a long description and hundreds of people takes.
pub const CALENDAR_ANSWER_LIMIT_BYTES: usize = 32 * 1024 * 1024;

/// How long we wait for a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection stands, TLS included. Default 3 s.
    pub connect: Duration,
    /// Until the whole answer is read, connecting included. Default 10 s: must stay below the 30 s lease of a refresh,
    /// or two processes could refresh one account at once.
    pub total: Duration,
    /// Until a whole message or attachment is read, connecting included. Default 60 s.
    pub download: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: Duration::from_secs(10), download: Duration::from_mins(1) }
    }
}

/// A complete answer of whatever status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone)]
pub(crate) struct Transport {
    requests: reqwest::Client,
    timeouts: Timeouts,
}

impl Transport {
    pub(crate) fn new(timeouts: Timeouts) -> Result<Self, ProviderError> {
        let requests = reqwest::Client::builder()
            .user_agent(concat!("bellhop/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(timeouts.connect)
            .timeout(timeouts.total)
            .build()
            .map_err(|_| ProviderError::Misconfigured)?;
        Ok(Self { requests, timeouts })
    }

    pub(crate) fn requests(&self) -> &reqwest::Client {
        &self.requests
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Sends one request and reads its answer up to a limit.
    pub(crate) async fn send(&self, request: Request, limit_bytes: usize) -> Result<Answer, ProviderError> {
        let mut response = self.requests.execute(request).await.map_err(|error| translate(&error))?;
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
