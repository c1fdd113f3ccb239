//! The door that Telegram brings updates to, at whatever path the operator has chosen.
//!
//! It stands before all routes, because its path is no pattern and because Telegram's updates may be larger than anything
//! else that comes in. A success is answered only once the update is written down; everything else is brought again.

use poem::http::header::ALLOW;
use poem::http::{HeaderName, HeaderValue, Method, StatusCode};
use poem::{Endpoint, IntoResponse, Request, Response};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use super::guard::{bound_body, keep_to_itself};
use super::problem::{Problem, ProblemCode};
use crate::app::App;
use crate::bot::webhook::{NotTaken, Reception};

/// What a delivery proves itself with. <https://core.telegram.org/bots/api#setwebhook>
const SECRET: HeaderName = HeaderName::from_static("x-telegram-bot-api-secret-token");

/// The largest update read, in bytes. A message has few thousand characters, but its links and the message that it answers
/// come along. One that was too large would be brought again for a day and hold up its chat's next messages.
const LARGEST_UPDATE: usize = 1024 * 1024;

/// All routes, and Telegram's door before them where updates are brought.
pub struct Door<E> {
    open: Option<Open>,
    routes: E,
}

struct Open {
    path: String,
    secret_hash: [u8; 32],
    reception: Reception,
}

impl<E> Door<E> {
    /// A door as the settings say, before these routes.
    pub fn before(routes: E, app: &App) -> Self {
        let open = app.settings.telegram.webhook.as_ref().zip(app.bot.as_ref()).map(|(webhook, bot)| Open {
            path: webhook.url.path().to_owned(),
            secret_hash: bellhop_store::plain_hash(webhook.secret.expose_secret().as_bytes()),
            reception: Reception::new(app.clone(), bot.clone()),
        });
        Self { open, routes }
    }
}

impl<E: Endpoint<Output = Response>> Endpoint for Door<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        match &self.open {
            Some(open) if request.uri().path() == open.path => {
                let answered = open.take_in(request).await;
                let mut answer = answered.map_or_else(Problem::into_response, |()| StatusCode::OK.into_response());
                if answer.status() == StatusCode::METHOD_NOT_ALLOWED {
                    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
                }
                Ok(keep_to_itself(answer))
            }
            _ => self.routes.call(request).await,
        }
    }
}

impl Open {
    async fn take_in(&self, mut request: Request) -> Result<(), Problem> {
        if request.method() != Method::POST {
            return Err(ProblemCode::MethodNotAllowed.into());
        }
        // Before anything is read, so that nobody else makes us work.
        if !self.is_telegram(&request) {
            tracing::debug!("a delivery without the secret of the webhook was refused");
            return Err(ProblemCode::NotTelegram.into());
        }
        bound_body(&mut request, LARGEST_UPDATE).await?;
        let body = request.take_body().into_bytes().await.map_err(|_| ProblemCode::InvalidBody)?;
        let update = serde_json::from_slice(&body).map_err(|_| ProblemCode::InvalidBody)?;
        self.reception.take_in(update).await.map_err(Problem::from)
    }

    /// Whether it has the secret. Hashes are compared, and in constant time, so that neither the length of what was sent
    /// nor how much of it is right can be measured.
    fn is_telegram(&self, request: &Request) -> bool {
        let mut sent = request.headers().get_all(SECRET).iter();
        match (sent.next(), sent.next()) {
            (Some(secret), None) => bool::from(bellhop_store::plain_hash(secret.as_bytes()).ct_eq(&self.secret_hash)),
            _ => false,
        }
    }
}

impl From<NotTaken> for Problem {
    fn from(error: NotTaken) -> Self {
        match error {
            NotTaken::NoUpdate => ProblemCode::InvalidBody.into(),
            NotTaken::Telegram(trouble) => {
                tracing::warn!(%trouble, "an update was not taken in: it is not known yet which bot this is");
                ProblemCode::TelegramUnavailable.into()
            }
            NotTaken::Store(error) => error.into(),
        }
    }
}
