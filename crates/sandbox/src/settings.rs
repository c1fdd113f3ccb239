//! What the sandbox can be told at start, each with its documented default.
//!
//! Everything that a test changes half-way belongs to the control API instead (`control/`).

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;

use crate::control::MANUAL;

/// A stand-in Google (sign-in, userinfo, revoke, Gmail, Calendar) and Telegram Bot API on one address.
///
/// Point a program's base addresses at it, open /chat in a browser to be the person on Telegram, and
/// drive everything else over the control API under /sandbox/. Nothing is kept: state lives in memory.
#[derive(Debug, Clone, Parser)]
#[command(name = "bellhop-sandbox", version, after_long_help = MANUAL)]
pub struct Settings {
    /// Address to listen on; port 0 takes a free one, printed as `listening on http://…`.
    #[arg(long, env = "SANDBOX_LISTEN", default_value_t = default_listen())]
    pub listen: SocketAddr,

    /// The one OAuth client that Google knows.
    #[arg(long, env = "SANDBOX_GOOGLE_CLIENT_ID", default_value = CLIENT_ID)]
    pub google_client_id: String,

    /// Its secret.
    #[arg(long, env = "SANDBOX_GOOGLE_CLIENT_SECRET", default_value = CLIENT_SECRET)]
    pub google_client_secret: String,

    /// A redirect URI registered for that client, compared byte for byte; may be given several times,
    /// and more can be registered later over the control API.
    #[arg(long = "redirect-uri", env = "SANDBOX_REDIRECT_URIS", value_delimiter = ',', default_value = REDIRECT_URI)]
    pub redirect_uris: Vec<String>,

    /// `iss` of ID tokens and of the answer to the redirect URI [default: the sandbox's own origin].
    #[arg(long, env = "SANDBOX_GOOGLE_ISSUER")]
    pub google_issuer: Option<String>,

    /// The bot's token: the Bot API is served at `/bot<token>/<method>`.
    #[arg(long, env = "SANDBOX_TELEGRAM_BOT_TOKEN", default_value = BOT_TOKEN)]
    pub telegram_bot_token: String,

    /// The bot's user name, without the at sign; `/<name>?start=…` opens the chat page.
    #[arg(long, env = "SANDBOX_BOT_USERNAME", default_value = BOT_USERNAME)]
    pub bot_username: String,

    /// Mails in the inbox of the first account (alice); the others have fewer.
    #[arg(long, env = "SANDBOX_MAILS", default_value_t = MAILS)]
    pub mails: usize,

    /// Seconds an access token lives.
    #[arg(long, env = "SANDBOX_ACCESS_TOKEN_SECONDS", default_value_t = ACCESS_TOKEN_SECONDS)]
    pub access_token_seconds: u32,

    /// File with a decimal number of milliseconds to add to the system clock, read again at each use;
    /// missing or empty counts as 0.
    #[arg(long, env = "CLOCK_OFFSET_FILE")]
    pub clock_offset_file: Option<PathBuf>,

    /// Seed of the made-up mails: the same seed gives the same mails.
    #[arg(long, env = "SANDBOX_SEED", default_value_t = SEED)]
    pub seed: u64,
}

const CLIENT_ID: &str = "sandbox-client";
const CLIENT_SECRET: &str = "sandbox-secret";
const REDIRECT_URI: &str = "http://127.0.0.1:8080/oauth/google/callback";
const BOT_TOKEN: &str = "sandbox-bot-token";
const BOT_USERNAME: &str = "bellhop_sandbox_bot";
const MAILS: usize = 125;
const ACCESS_TOKEN_SECONDS: u32 = 3600;
const SEED: u64 = 7;

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8090))
}

impl Default for Settings {
    /// The documented defaults, without looking at the environment.
    fn default() -> Self {
        Self {
            listen: default_listen(),
            google_client_id: CLIENT_ID.to_owned(),
            google_client_secret: CLIENT_SECRET.to_owned(),
            redirect_uris: vec![REDIRECT_URI.to_owned()],
            google_issuer: None,
            telegram_bot_token: BOT_TOKEN.to_owned(),
            bot_username: BOT_USERNAME.to_owned(),
            mails: MAILS,
            access_token_seconds: ACCESS_TOKEN_SECONDS,
            clock_offset_file: None,
            seed: SEED,
        }
    }
}
