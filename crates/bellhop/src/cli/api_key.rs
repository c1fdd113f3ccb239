//! `bellhop api-key`: keys for programs. A key is printed once, when it is made; only its hash is kept.

use bellhop_domain::{OwnerId, TenantId};
use bellhop_store::{ApiKey, DEFAULT_TENANT, plain_hash};
use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde_json::json;
use url::Url;
use uuid::Uuid;

use crate::app::App;
use crate::cli::Failure;
use crate::http::key_text;

/// The longest name of a key: it is shown on the connect pages.
const LONGEST_NAME: usize = 64;

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// Make a key and print it, once.
    Add {
        /// What people see on the connect page: the name of the program.
        name: String,
        /// Which tenant it acts for.
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
        /// Where browsers are sent with the finish code: https, or http on loopback.
        #[arg(long, value_name = "URL")]
        return_url: Option<Url>,
    },
    /// List the keys of a tenant.
    List {
        /// Which tenant.
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
        /// One JSON object a line instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key. What it connected stays connected.
    Revoke {
        /// Its name or its id.
        key: String,
        /// Which tenant.
        #[arg(long, default_value = DEFAULT_TENANT)]
        tenant: String,
    },
}

/// Does it.
pub async fn run(command: ApiKeyCommand, app: &App) -> Result<(), Failure> {
    match command {
        ApiKeyCommand::Add { name, tenant, return_url } => add(app, &name, &tenant, return_url).await,
        ApiKeyCommand::List { tenant, json } => list(app, &tenant, json).await,
        ApiKeyCommand::Revoke { key, tenant } => revoke(app, &key, &tenant).await,
    }
}

async fn add(app: &App, name: &str, tenant: &str, return_url: Option<Url>) -> Result<(), Failure> {
    let name = checked_name(name)?;
    let return_url = return_url.map(checked_return_url).transpose()?;
    let tenant = tenant_named(app, tenant).await?;
    let (id, secret) = (app.new_id(), app.new_secret());
    let key = ApiKey {
        id,
        tenant,
        owner: OwnerId::new(app.new_id()),
        name: name.to_owned(),
        hash: plain_hash(secret.as_bytes()),
        return_url: return_url.map(Into::into),
        created_at: app.clock.now(),
        revoked_at: None,
    };
    if !app.store.add_api_key(&key).await? {
        return Err(Failure::new(format!("there is a key called {name} already; choose another name")));
    }
    say!("{}", key_text(id, &secret));
    complain!("This is the only time the key is shown. Send it as `Authorization: Bearer …`.");
    Ok(())
}

async fn list(app: &App, tenant: &str, json: bool) -> Result<(), Failure> {
    let tenant = tenant_named(app, tenant).await?;
    let keys = app.store.api_keys(tenant).await?;
    for key in &keys {
        say!("{}", if json { as_json(key).to_string() } else { as_line(key) });
    }
    if keys.is_empty() && !json {
        say!("There are no keys; `bellhop api-key add` makes one.");
    }
    Ok(())
}

/// Everything but the hash, which would let a stolen list be tried against stolen keys.
fn as_json(key: &ApiKey) -> serde_json::Value {
    json!({
        "key": key.id, "tenant": key.tenant, "owner": key.owner, "name": key.name, "return_url": key.return_url,
        "created_at": key.created_at, "revoked_at": key.revoked_at,
    })
}

fn as_line(key: &ApiKey) -> String {
    let at = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M UTC");
    let state = key.revoked_at.map_or_else(|| "good".to_owned(), |revoked| format!("revoked {}", at(revoked)));
    let address = key.return_url.as_deref().unwrap_or("-");
    format!("{}  {}  {state}  {}  {address}", key.id, at(key.created_at), key.name)
}

async fn revoke(app: &App, wanted: &str, tenant: &str) -> Result<(), Failure> {
    let tenant = tenant_named(app, tenant).await?;
    let id = Uuid::try_parse(wanted).ok();
    let keys = app.store.api_keys(tenant).await?;
    let key = keys.into_iter().find(|key| Some(key.id) == id || key.name == wanted);
    let key = key.ok_or_else(|| Failure::new("there is no such key; `bellhop api-key list` names them"))?;
    if app.store.revoke_api_key(tenant, key.id, app.clock.now()).await? {
        say!("revoked {}", key.name);
    } else {
        say!("{} had been revoked already", key.name);
    }
    Ok(())
}

async fn tenant_named(app: &App, name: &str) -> Result<TenantId, Failure> {
    app.store.tenant_named(name).await?.ok_or_else(|| Failure::new(format!("there is no tenant called {name}")))
}

fn checked_name(name: &str) -> Result<&str, Failure> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Failure::not_understood(format!("a name has 1 to {LONGEST_NAME} characters, on one line")));
    }
    Ok(name)
}

fn checked_return_url(address: Url) -> Result<Url, Failure> {
    let mut bare = address.clone();
    // A query of the program's own is welcome; the finish code is added to it.
    bare.set_query(None);
    if !bellhop_providers::is_acceptable_address(&bare) {
        return Err(Failure::not_understood(
            "a return URL is https, or http on loopback, without user, password or fragment",
        ));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_only_sent_to_https_or_to_this_machine() {
        for (address, good) in [
            ("https://example.org/back", true),
            ("https://example.org/back?app=1", true),
            ("http://127.0.0.1:9000/back", true),
            ("http://localhost/back", true),
            ("http://example.org/back", false),
            ("https://user@example.org/", false),
            ("https://example.org/#part", false),
            ("javascript:alert(1)", false),
            ("data:text/html,x", false),
        ] {
            assert_eq!(checked_return_url(address.parse().unwrap()).is_ok(), good, "{address}");
        }
    }

    #[test]
    fn a_name_fits_on_one_line() {
        assert_eq!(checked_name("  Assistant ").unwrap(), "Assistant");
        for name in ["", " ", "a\nb", &"x".repeat(65)] {
            assert!(checked_name(name).is_err());
        }
    }
}
