//! `bellhop disconnect`: ending a connection for its owner, such as one whose API key is gone.

use bellhop_domain::{IntegrationId, RevocationPlan};
use bellhop_store::{Actor, Context, OperatorWords, event_id};
use clap::Args;

use crate::actions::{self, Disconnection, RevocationEnd};
use crate::app::App;
use crate::cli::Failure;
use crate::cli::words::{operator, words};

/// What to disconnect, and who says so why.
#[derive(Debug, Args)]
pub struct DisconnectArguments {
    /// The integration.
    #[arg(long)]
    integration: IntegrationId,
    /// Why, for the auditor. Sealed.
    #[arg(long, value_name = "WHY", value_parser = words)]
    because: String,
    /// Who acts. Sealed.
    #[arg(long, value_name = "NAME", env = "USER", hide_env_values = true, default_value = "operator", value_parser = operator)]
    operator: String,
}

/// Disconnects.
pub async fn run(arguments: DisconnectArguments, app: &App) -> Result<(), Failure> {
    let integration = arguments.integration;
    let tenant =
        app.store.tenant_of(integration).await?.ok_or_else(|| {
            Failure::new("there is no integration with this id; `bellhop audit integrations` lists them")
        })?;
    let key = app
        .store
        .integration_key(tenant, integration)
        .await?
        .ok_or_else(|| Failure::new("the integration was erased"))?;
    let context = Context::new(tenant, Actor::Operator, app.new_command());
    let words = OperatorWords { name: arguments.operator, reason: arguments.because };
    let words = words.seal(&key, tenant, integration, event_id(context.command, integration, 0))?;
    let Disconnection { plan, end } = actions::disconnect_with(app, context, integration, vec![words]).await?;
    let grant = match (plan, end) {
        (RevocationPlan::Revoke, None) => "a job asks the provider to revoke the grant",
        (RevocationPlan::Revoke, Some(RevocationEnd::Answered(_))) => "the provider was asked to revoke the grant",
        (RevocationPlan::Revoke, Some(RevocationEnd::GivenUp)) => {
            "the grant could not be revoked: `bellhop dead list --kind revoke_access`"
        }
        (RevocationPlan::SharedAccount, _) => "the grant stays, because another connection holds the same account",
        (RevocationPlan::Nothing, _) => "there was no grant to revoke",
    };
    say!("{integration} is disconnected; {grant}.");
    Ok(())
}
