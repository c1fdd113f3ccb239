//! `bellhop erase`: destroying the key of an integration, and with it everything personal.

use bellhop_domain::{Command, IntegrationId};
use bellhop_store::{Actor, Context, Request};
use clap::Args;

use crate::app::App;
use crate::cli::Failure;

/// What to erase.
#[derive(Debug, Args)]
pub struct EraseArguments {
    /// The integration. It must be disconnected, and its revocation answered or given up.
    #[arg(long)]
    integration: IntegrationId,
    /// Confirms that nothing can be brought back.
    #[arg(long)]
    yes: bool,
}

/// Erases.
pub async fn run(arguments: EraseArguments, app: &App) -> Result<(), Failure> {
    let integration = arguments.integration;
    let tenant =
        app.store.tenant_of(integration).await?.ok_or_else(|| {
            Failure::new("there is no integration with this id; `bellhop audit integrations` lists them")
        })?;
    if !arguments.yes {
        return Err(Failure::new(format!(
            "this destroys everything personal of {integration} for good; repeat it with --yes if that is meant"
        )));
    }
    let context = Context::new(tenant, Actor::Operator, app.new_command());
    let executed = app.store.execute(&Request::new(context, app.clock.now(), integration, Command::Erase)).await?;
    if executed.events.is_empty() {
        say!("{integration} had been erased before.");
    } else {
        say!("{integration} is erased. Its events remain and still verify.");
    }
    Ok(())
}
