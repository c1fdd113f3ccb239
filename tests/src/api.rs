//! A program that calls Bellhop's API with a key.

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;
use url::Url;

use crate::evidence::Evidence;
use crate::trouble::{Story, Trouble, ensure};

/// A program, or a caller without a key.
#[derive(Debug, Clone)]
pub struct Api {
    client: Client,
    origin: Url,
    key: Option<String>,
    evidence: Evidence,
}

/// What the API answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The media type.
    pub content_type: String,
    /// How many seconds to wait before asking again, where that is said.
    pub retry_after: Option<u64>,
    /// The body, if it is JSON.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// Trouble unless it has this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Story<&Value> {
        ensure(self.status.as_u16() == status, format_args!("expected {status}, got {}: {}", self.status, self.text))?;
        Ok(&self.body)
    }

    /// Trouble unless it is a problem document of this status (RFC 9457).
    #[track_caller]
    pub fn expect_problem(&self, status: u16) -> Story<&Value> {
        self.expect(status)?;
        let typed = self.content_type.starts_with("application/problem+json");
        let names_status = self.body["status"] == status && self.body["title"].is_string();
        ensure(typed && names_status, format_args!("no problem document: {} {}", self.content_type, self.text))?;
        Ok(&self.body)
    }

    /// A text field of the body.
    #[track_caller]
    pub fn field(&self, name: &str) -> Story<String> {
        let field = self.body[name].as_str().map(str::to_owned);
        field.ok_or_else(|| Trouble::new(format!("no {name} in {}", self.text)))
    }
}

impl Api {
    /// A caller of the house at this address.
    pub fn new(client: Client, origin: Url, key: Option<String>, evidence: Evidence) -> Self {
        Self { client, origin, key, evidence }
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Story<Answer> {
        self.call(Method::GET, path, None).await
    }

    /// `POST` with a JSON body, or none.
    pub async fn post(&self, path: &str, body: Option<Value>) -> Story<Answer> {
        self.call(Method::POST, path, body).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Story<Answer> {
        self.call(Method::DELETE, path, None).await
    }

    /// A request without a body under a name of the caller's own, so that it can be repeated.
    pub async fn once(&self, method: Method, path: &str, idempotency_key: &str) -> Story<Answer> {
        let request = self.request(method, path)?.header("idempotency-key", idempotency_key);
        self.answered(path, request).await
    }

    /// `POST` as Telegram brings an update, with this secret and whatever body.
    pub async fn deliver(&self, path: &str, secret: Option<&str>, body: &str) -> Story<Answer> {
        let mut request = self.client.post(self.origin.join(path)?).header("content-type", "application/json");
        if let Some(secret) = secret {
            request = request.header("x-telegram-bot-api-secret-token", secret);
        }
        self.answered(path, request.body(body.to_owned())).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Story<Answer> {
        let mut request = self.request(method, path)?;
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.answered(path, request).await
    }

    fn request(&self, method: Method, path: &str) -> Story<RequestBuilder> {
        let request = self.client.request(method, self.origin.join(path)?);
        Ok(if let Some(key) = &self.key { request.bearer_auth(key) } else { request })
    }

    async fn answered(&self, path: &str, request: RequestBuilder) -> Story<Answer> {
        let answer = request.send().await?;
        let status = answer.status();
        let content_type = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let retry_after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let text = answer.text().await?;
        if !status.is_success() {
            self.evidence.keep_page(path, text.clone());
        }
        Ok(Answer { status, content_type, retry_after, body: serde_json::from_str(&text).unwrap_or_default(), text })
    }
}
