//! The bot: people's commands in Telegram and the answers.
//!
//! A command is one file in `commands/` and one line in its table. Updates are fetched (`listen.rs`) or brought
//! (`webhook.rs`), written down by `intake.rs`, and handled by `dispatch.rs`; every message is a value made of `text.rs`,
//! and `say.rs` sends it. How accounts are connected and mail is fetched is not known here.

pub mod account;
mod carried;
pub mod commands;
mod dispatch;
mod fresh;
mod incoming;
mod intake;
mod least;
pub mod listen;
mod live;
pub mod message;
mod outage;
mod pace;
mod person;
mod picture;
pub mod press;
mod questions;
mod raw_updates;
pub mod say;
mod seen;
#[cfg(test)]
mod stand_in;
mod strangers;
pub mod text;
pub mod understand;
mod unknown;
mod visit;
pub mod webhook;
mod when;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use teloxide::Bot;
use teloxide::payloads::GetMe;
use teloxide::requests::Request;
use tokio::sync::OnceCell;
use url::Url;

use self::least::Me;
use self::say::{Trouble, within};

/// How long Telegram holds a call open for updates.
pub const LONG_POLL: Duration = Duration::from_secs(25);

/// How long a connection may stay silent: longer than a call that waits for updates.
const SILENCE: Duration = Duration::from_secs(40);

/// A client for the Bot API at this address.
pub fn client(token: &SecretString, api_url: &Url) -> Bot {
    let http = teloxide::net::default_reqwest_settings()
        .timeout(SILENCE)
        // The address carries the token and must not be named to wherever a redirect leads.
        .referer(false)
        .build()
        // Fails only where TLS cannot be set up, which the start of the process has done.
        .unwrap_or_default();
    Bot::with_client(token.expose_secret(), http).set_api_url(api_url.clone())
}

/// The bot's name, for links into its chat. Asked once in the life of a process.
pub async fn username(bot: &Bot) -> Result<String, Trouble> {
    // A process has one bot, and Telegram does not rename it under way.
    static NAME: OnceCell<String> = OnceCell::const_new();
    let ask = || async {
        let me: Me = within(Duration::from_secs(15), least::call(bot, GetMe::new()).send()).await?;
        me.username.ok_or(Trouble::Refused)
    };
    NAME.get_or_try_init(ask).await.cloned()
}
