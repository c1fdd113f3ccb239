//! The API: connecting for programs, and what they connected.
//!
//! The `OpenAPI` document follows from the signatures and comments below.

use bellhop_domain::{IntegrationId, Provider};
use bellhop_store::{Context, IntegrationRow};
use poem::web::Data;
use poem::{IntoResponse, Request, Response};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiResponse, OpenApi, Tags};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::Site;
use super::answers::{
    AuthorizeAnswer, Disconnected, FinishAnswer, FinishRequest, IntegrationAnswer, RefreshAnswer, State, StatusAnswer,
};
use super::browser::cookie_of;
use super::connect_pages::{out_of_order, see_other, stopped};
use super::key::{Caller, Repeatable};
use super::problem::documented::{self as operation, retry_after};
use super::problem::{Problem, ProblemCode, ProblemOf};
use super::words;
use crate::connect::{self, Callback, Finish, LinkFor, LinkProblem, ProviderAnswer};
use crate::{access, actions};

/// The introduction of the documentation, with the table of all codes.
pub fn description() -> String {
    format!("{INTRODUCTION}\n\n{}", operation::table())
}

const INTRODUCTION: &str = "Bellhop keeps the keys to people's accounts; programs use the accounts without ever \
holding a token.

**Keys.** Every call needs `Authorization: Bearer bellhop_…`, except health, metrics and the callback. An operator makes \
keys with `bellhop api-key add NAME --return-url URL`. A key sees the integrations it connected itself, and no others of \
its tenant: an integration of anybody else is answered with 404.

**Connecting.** `GET /oauth/google/authorize` answers a `connect_url`: send the person's browser there. After consent it \
comes to the key's `return_url` with `finish_code` (or `error`); bring that to `POST /oauth/google/finish` within five \
minutes. Only the key that asked for the link can finish it. A `state` of your own comes back with either, and with the \
answer of `finish`: tie it to the person's session, and refuse a code that arrives in another.

**Repeats.** Send an `Idempotency-Key` of your own, up to 255 printable ASCII characters, with `DELETE` and `refresh`: \
the same request under the same key has its effect once.

**Errors** are problem documents (RFC 9457) of type `application/problem+json`; branch on `code`.";

/// The longest state a program can have echoed.
const LONGEST_STATE: usize = 128;

const GOOGLE: Provider = Provider::Google;

#[derive(Tags)]
enum Tag {
    /// Connecting an account.
    Connect,
    /// What was connected.
    Integrations,
}

/// Connecting an account.
pub struct ConnectApi;

#[OpenApi(tag = "Tag::Connect")]
impl ConnectApi {
    /// Ask for a link that connects a Google account
    ///
    /// The link works once and for ten minutes. With `integration`, it mends that connection instead of making a new one; where
    /// only something is `missing`, it asks for that alone, and everything else goes on working meanwhile.
    #[oai(path = "/oauth/google/authorize", method = "get")]
    async fn authorize(
        &self,
        caller: Caller,
        Data(site): Data<&Site>,
        /// The integration to connect again.
        Query(integration): Query<Option<Uuid>>,
        /// Up to 128 printable ASCII characters of your own: they come back as `state` beside `finish_code`, so that you
        /// can tell whose code arrived.
        Query(state): Query<Option<String>>,
    ) -> Result<Json<AuthorizeAnswer>, ProblemOf<operation::Authorize>> {
        let state = state.map(checked_state).transpose()?;
        if !site.app.is_enabled(GOOGLE) {
            return Err(ProblemCode::ProviderDisabled.into());
        }
        if !site.app.is_configured(GOOGLE) {
            return Err(ProblemCode::ProviderNotConfigured.into());
        }
        let reconnects = match integration {
            Some(id) => Some(linked(&caller.integration(site, id).await?)?),
            None => None,
        };
        let (tenant, owner) = (caller.key().tenant, caller.key().owner);
        let expires_at = site.app.clock.now() + connect::LINK_LIFETIME;
        let link = {
            let wanted = LinkFor { tenant, owner, provider: GOOGLE, reconnects };
            connect::create_link_with(&site.app, wanted, state.as_ref()).await?
        };
        Ok(Json(AuthorizeAnswer { connect_url: link.into(), expires_at }))
    }

    /// Where Google sends the browser back to
    ///
    /// For browsers alone. Answers a redirect to a clean page, or a page that says what went wrong.
    #[oai(path = "/oauth/google/callback", method = "get")]
    async fn callback(
        &self,
        request: &Request,
        Data(site): Data<&Site>,
        /// What the browser left with.
        Query(state): Query<Option<String>>,
        /// What a yes carries.
        Query(code): Query<Option<String>>,
        /// What a no carries.
        Query(error): Query<Option<String>>,
        /// Who says so (RFC 9207).
        Query(iss): Query<Option<String>>,
    ) -> PageAnswer {
        let answer = ProviderAnswer { state: state.map(Into::into), code: code.map(Into::into), error, issuer: iss };
        let cookie = cookie_of(&site.app, request);
        PageAnswer(match connect::receive(&site.app, GOOGLE, &answer, cookie.as_ref()).await {
            Ok(Callback::Received) => see_other(&connect::public_address(&site.app, "connect/finish")),
            Ok(Callback::Refused(_)) if !site.app.is_enabled(GOOGLE) => {
                stopped(site, words::of_link(LinkProblem::ProviderDisabled)).await
            }
            Ok(Callback::Refused(invalid)) => stopped(site, words::of_state(invalid)).await,
            Err(error) => out_of_order(&error),
        })
    }

    /// Finish connecting
    ///
    /// Exchanges what Google gave, at most once. A code that another key or person began is discarded and ends their
    /// connection.
    #[oai(path = "/oauth/google/finish", method = "post")]
    async fn finish(
        &self,
        caller: Caller,
        Data(site): Data<&Site>,
        Json(body): Json<FinishRequest>,
    ) -> Result<Json<FinishAnswer>, ProblemOf<operation::Finish>> {
        let (tenant, owner) = (caller.key().tenant, caller.key().owner);
        match connect::finish(&site.app, tenant, owner, caller.actor(), &body.finish_code).await? {
            Finish::Connected { integration, reconnected, .. } => {
                let row = caller.integration(site, integration.uuid()).await?;
                let state = connect::program_state_of(&site.app, owner, &body.finish_code).await?;
                let state = state.map(|state| state.expose_secret().to_owned());
                Ok(Json(FinishAnswer { integration: shown(site, row).await?, reconnected, state }))
            }
            Finish::Failed { reason, accounts, .. } => Err(Problem::connect_failed(reason, accounts.as_ref()).into()),
            Finish::UnknownCode if !site.app.is_enabled(GOOGLE) => Err(ProblemCode::ProviderDisabled.into()),
            Finish::UnknownCode => Err(ProblemCode::UnknownFinishCode.into()),
            Finish::NotYours => Err(ProblemCode::NotYourFinishCode.into()),
        }
    }

    /// How the connection to Google stands
    ///
    /// Without `integration`, of the one that was connected last.
    #[oai(path = "/oauth/google/status", method = "get")]
    async fn status(
        &self,
        caller: Caller,
        Data(site): Data<&Site>,
        /// Which integration is meant.
        Query(integration): Query<Option<Uuid>>,
    ) -> Result<Json<StatusAnswer>, ProblemOf<operation::Look>> {
        let row = if let Some(id) = integration {
            Some(caller.integration(site, id).await?)
        } else {
            let rows = site.app.store.integrations(caller.key().tenant, Some(caller.key().owner)).await?;
            rows.into_iter()
                .filter(|row| row.provider == GOOGLE)
                .max_by_key(|row| (row.status.is_linked(), row.connected_at))
        };
        Ok(Json(StatusAnswer::of(row)))
    }
}

/// What was connected.
pub struct IntegrationsApi;

#[OpenApi(prefix_path = "/v1/integrations", tag = "Tag::Integrations")]
impl IntegrationsApi {
    /// List what this key connected
    ///
    /// With those being connected, and without those whose first connection failed.
    #[oai(path = "/", method = "get")]
    async fn list(
        &self,
        caller: Caller,
        Data(site): Data<&Site>,
    ) -> Result<Json<Vec<IntegrationAnswer>>, ProblemOf<operation::List>> {
        let rows = site.app.store.integrations(caller.key().tenant, Some(caller.key().owner)).await?;
        let mut answers = vec![];
        let is_listed = |row: &IntegrationRow| State::of(row.status).is_some_and(State::is_listed);
        for row in rows.into_iter().filter(is_listed) {
            answers.extend(IntegrationAnswer::of(&site.app, row).await?);
        }
        Ok(Json(answers))
    }

    /// Look at one integration
    #[oai(path = "/:id", method = "get")]
    async fn get(
        &self,
        caller: Caller,
        Data(site): Data<&Site>,
        /// The integration.
        Path(id): Path<Uuid>,
    ) -> Result<Json<IntegrationAnswer>, ProblemOf<operation::Look>> {
        let row = caller.integration(site, id).await?;
        Ok(Json(shown(site, row).await?))
    }

    /// Disconnect
    ///
    /// Ends the connection here at once and has the provider revoke the grant, unless another integration holds the same
    /// account. Works for a provider that is switched off, too. Repeating it changes nothing.
    #[oai(path = "/:id", method = "delete")]
    async fn disconnect(
        &self,
        caller: Caller,
        Data(site): Data<&Site>,
        /// The integration.
        Path(id): Path<Uuid>,
        request: &Request,
        /// Up to 255 printable ASCII characters; the same request under it has its effect once.
        #[oai(name = "Idempotency-Key")]
        _documented: Header<Option<String>>,
    ) -> Result<Disconnected, ProblemOf<operation::Disconnect>> {
        let Repeatable { command, row, .. } = caller.repeatable(site, request, id).await?;
        let disconnection = actions::disconnect(&site.app, caller.context(command), row.id).await?;
        Ok(Disconnected::of(id, row.provider, disconnection))
    }

    /// Replace the access token now
    ///
    /// Not needed in ordinary use: it happens by itself in time. Calls at the same time share one replacement.
    #[oai(path = "/:id/refresh", method = "post")]
    async fn refresh(
        &self,
        caller: Caller,
        Data(site): Data<&Site>,
        /// The integration.
        Path(id): Path<Uuid>,
        request: &Request,
        /// Up to 255 printable ASCII characters; the same request under it has its effect once.
        #[oai(name = "Idempotency-Key")]
        _documented: Header<Option<String>>,
    ) -> Result<Json<RefreshAnswer>, ProblemOf<operation::Refresh>> {
        let Repeatable { command, row, is_named } = caller.repeatable(site, request, id).await?;
        let integration = linked(&row)?;
        if is_named && was_done(site, &row, command).await? {
            return Ok(Json(RefreshAnswer { id, expires_at: row.expires_at }));
        }
        let refreshed = refresh_in_the_background(site, caller.context(command), integration).await?;
        Ok(Json(RefreshAnswer { id, expires_at: refreshed.expires_at }))
    }
}

/// In a task of its own: a caller that goes away must not take the provider's answer with it.
async fn refresh_in_the_background(
    site: &Site,
    context: Context,
    integration: IntegrationId,
) -> Result<access::Refreshed, Problem> {
    let app = site.app.clone();
    match tokio::spawn(async move { actions::refresh(&app, &context, integration).await }).await {
        Ok(refreshed) => Ok(refreshed?),
        Err(_) => Err(ProblemCode::Internal.into()),
    }
}

/// Whether access was replaced since this request was first made.
async fn was_done(site: &Site, row: &IntegrationRow, command: bellhop_domain::CommandId) -> Result<bool, Problem> {
    let intent = format!("refresh {}", row.id);
    let first = site.app.store.first_asked(row.tenant, command, &intent, site.app.clock.now()).await?;
    Ok(row.refreshed_at.max(row.connected_at).is_some_and(|at| at >= first))
}

fn checked_state(state: String) -> Result<SecretString, Problem> {
    let is_good = state.len() <= LONGEST_STATE && state.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_good { Ok(state.into()) } else { Err(ProblemCode::InvalidParameter.into()) }
}

fn linked(row: &IntegrationRow) -> Result<IntegrationId, Problem> {
    use bellhop_domain::Status;
    match row.status {
        Status::Active | Status::Degraded | Status::Expired | Status::Error => Ok(row.id),
        Status::Disconnected => Err(ProblemCode::IntegrationDisconnected.into()),
        Status::Erased => Err(ProblemCode::IntegrationErased.into()),
        Status::New | Status::Pending | Status::Failed => Err(ProblemCode::IntegrationNotConnected.into()),
    }
}

async fn shown(site: &Site, row: IntegrationRow) -> Result<IntegrationAnswer, Problem> {
    IntegrationAnswer::of(&site.app, row).await?.ok_or_else(|| ProblemCode::IntegrationNotFound.into())
}

/// A page, or the way to one.
struct PageAnswer(Response);

impl IntoResponse for PageAnswer {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for PageAnswer {
    fn meta() -> MetaResponses {
        let page = || vec![MetaMediaType { content_type: "text/html; charset=utf-8", schema: String::schema_ref() }];
        let documented = |status: Option<u16>, range: Option<&str>, description: &'static str, content| MetaResponse {
            description,
            status,
            status_range: range.map(str::to_owned),
            content,
            headers: if status == Some(503) { vec![retry_after()] } else { vec![] },
        };
        MetaResponses {
            responses: vec![
                documented(Some(303), None, "Taken in: a clean page says how things stand.", vec![]),
                documented(None, Some("4XX"), "Refused; nothing was changed.", page()),
                documented(Some(501), None, "The provider is switched off here; nothing was changed.", page()),
                documented(Some(503), None, "The database cannot be reached; the page can be reloaded.", page()),
            ],
        }
    }

    fn register(_registry: &mut Registry) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_short_and_printable() {
        for state in ["", "order 7 ~", &"x".repeat(128)] {
            assert!(checked_state(state.to_owned()).is_ok(), "{state:?}");
        }
        for state in ["a\nb", "é", &"x".repeat(129)] {
            assert!(checked_state(state.to_owned()).is_err(), "{state:?}");
        }
    }
}
