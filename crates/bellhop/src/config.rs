//! The settings: every one, what it means, and where it comes from. Nothing else reads the environment.
//!
//! Values come from the environment or, where it has none, from a `.env` file in the working directory or above. A secret may
//! also be in a file that `NAME_FILE` names. Values are checked once, at the start; an error says what to do and never
//! repeats a value, as it may be a secret put in the wrong place.

mod google;
mod quotas;
mod telegram;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::str::FromStr;

use bellhop_store::DatabaseAddress;
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use url::Url;

pub use google::GoogleSettings;
pub use quotas::LEAST_REQUESTS;
pub use telegram::{TelegramSettings, WebhookSettings};

/// One setting, as `bellhop --help` and the README describe it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The name in the environment.
    pub name: &'static str,
    /// Whether it may also be given as a file.
    pub secret: bool,
    /// What it is without one, in words.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
}

macro_rules! settings {
    ($($name:literal $(($secret:ident))?, $default:literal, $help:literal;)*) => {
        &[$(Setting { name: $name, secret: settings!(@ $($secret)?), default: $default, help: $help }),*]
    };
    (@ secret) => { true };
    (@) => { false };
}

/// Every setting.
pub const SETTINGS: &[Setting] = settings! {
    "DATABASE_URL" (secret), "required", "Postgres, as the role that serves: neither owner of the tables nor superuser.";
    "MIGRATE_DATABASE_URL" (secret), "none", "Postgres, as the role that owns the tables. Only `bellhop migrate` uses it.";
    "REDIS_URL" (secret), "redis://127.0.0.1:6379", "Redis, the conveyor belt of jobs. Holds nothing that could be lost.";
    "LISTEN_ADDR", "127.0.0.1:8080", "Address and port that HTTP is served on.";
    "PUBLIC_BASE_URL", "http://LISTEN_ADDR", "How browsers reach Bellhop: https, or http on loopback.";
    "MASTER_KEY" (secret), "required", "32 bytes in base64 that wrap every data key. Make one with `openssl rand -base64 32`.";
    "GOOGLE_CLIENT_ID", "none", "The OAuth client registered with Google.";
    "GOOGLE_CLIENT_SECRET" (secret), "none", "Its secret.";
    "PROVIDER_GOOGLE_ENABLED", "true", "`false` refuses new connections to Google; disconnecting still works.";
    "GOOGLE_QUOTAS", "Google's for new projects", "What Google allows your project where that is different, for example `gmail.mailbox=15000/60s, gmail.get=5`: for `gmail` and `calendar` the units in a time of `project` and `mailbox`, calls `at_once` for a mailbox, and what each of `profile list get history attachment` or `calendars events` costs. Give all processes the same.";
    "PROVIDER_CALLERS", "1", "How many processes with the role worker or bot there are. While Redis is away each keeps to that part of what providers allow, or to a smaller one if Redis has seen more of them.";
    "TELEGRAM_BOT_TOKEN" (secret), "none", "The bot's token. Without one there is no bot and nobody is notified. Read by http, worker and bot, as the two below.";
    "TELEGRAM_API_URL", "https://api.telegram.org", "Where the Bot API is.";
    "TELEGRAM_LINK_URL", "https://t.me", "What links into the chat begin with.";
    "TELEGRAM_ALLOWED_USERS", "everybody", "Telegram user ids that may use the bot, separated by commas. Read by bot, and by http where a webhook is set: give it to both.";
    "TELEGRAM_WEBHOOK_URL", "none", "Where Telegram brings updates to, such as https://bellhop.example.org/telegram. Read by http, which serves its path, and by bot, which tells Telegram: give it to both. Without it updates are fetched.";
    "TELEGRAM_WEBHOOK_SECRET" (secret), "none", "What each delivery proves itself with: 1 to 256 of A-Z a-z 0-9 _ -. Required with TELEGRAM_WEBHOOK_URL, in the same processes.";
    "LOG_FORMAT", "text", "`text` or `json`.";
    "LOG_LEVEL", "info", "`error`, `warn`, `info`, `debug` or a tracing filter such as `bellhop=debug`.";
    "ALLOW_PROVIDER_OVERRIDES", "false", "`true` allows addresses other than the provider's own below and in TELEGRAM_API_URL and TELEGRAM_LINK_URL, and any port and plain http on loopback in TELEGRAM_WEBHOOK_URL.";
    "GOOGLE_BASE_URL", "Google's own", "One origin that serves every Google path, for a stand-in.";
    "GOOGLE_ISSUER", "https://accounts.google.com", "Who must have issued the ID token.";
    "GOOGLE_AUTHORIZE_URL", "Google's own", "The consent page alone.";
    "GOOGLE_TOKEN_URL", "Google's own", "The token endpoint alone.";
    "GOOGLE_REVOKE_URL", "Google's own", "The revocation endpoint alone.";
    "GOOGLE_USERINFO_URL", "Google's own", "The userinfo endpoint alone.";
    "GOOGLE_GMAIL_URL", "Google's own", "The Gmail API alone, ending in `gmail/v1/`.";
    "GOOGLE_CALENDAR_URL", "Google's own", "The calendar API alone, ending in `calendar/v3/`.";
};

/// A setting that is missing or makes no sense. Tell the operator and stop.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name}: {problem}")]
pub struct ConfigError {
    /// Which setting.
    pub name: String,
    /// What is wrong and what to do.
    pub problem: String,
}

impl ConfigError {
    pub(crate) fn new(name: &str, problem: impl Into<String>) -> Self {
        Self { name: name.to_owned(), problem: problem.into() }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// Everything that can be set, checked. Prints next to nothing of itself: the address of a database carries its password.
#[derive(Clone)]
pub struct Settings {
    /// Postgres as the serving role.
    pub database: DatabaseAddress,
    /// Postgres as the owner, for migrating.
    pub migrate_database: Option<DatabaseAddress>,
    /// Redis.
    pub redis_url: SecretString,
    /// Where HTTP is served.
    pub listen: SocketAddr,
    /// How browsers reach it.
    pub public_base_url: Url,
    /// The master key, unchecked: not every command needs one.
    pub master_key: Option<SecretString>,
    /// Google.
    pub google: GoogleSettings,
    /// How many processes call providers, at least.
    pub provider_callers: u32,
    /// Telegram.
    pub telegram: TelegramSettings,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Which log lines there are.
    pub log_level: String,
}

/// Where values come from: the environment first, then `.env`.
pub struct Source {
    dotenv: BTreeMap<String, String>,
    environment: fn(&str) -> Option<String>,
}

impl Source {
    /// The process's environment and the `.env` file of the working directory, or of the nearest folder above it that has one.
    pub fn process() -> Result<Self, ConfigError> {
        let mut dotenv = BTreeMap::new();
        match dotenvy::dotenv_iter() {
            Ok(lines) => {
                for line in lines {
                    let (name, value) = line.map_err(|_| ConfigError::new(".env", "a line is not NAME=value"))?;
                    dotenv.insert(name, value);
                }
            }
            Err(dotenvy::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => return Err(ConfigError::new(".env", "the file cannot be read")),
        }
        #[expect(clippy::disallowed_methods, reason = "this is where settings are read, once")]
        let environment = |name: &str| std::env::var(name).ok();
        Ok(Self { dotenv, environment })
    }

    /// Fixed values, for tests.
    #[cfg(test)]
    pub fn fixed(values: &[(&str, &str)]) -> Self {
        let dotenv = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { dotenv, environment: |_| None }
    }

    /// The value of a setting. An empty one counts as not given.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let value = (self.environment)(name).or_else(|| self.dotenv.get(name).cloned())?;
        let value = value.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// A secret: the value, or what is in the file that `NAME_FILE` names.
    pub(crate) fn secret(&self, name: &str) -> Result<Option<SecretString>, ConfigError> {
        let file_name = format!("{name}_FILE");
        match (self.text(name), self.text(&file_name)) {
            (Some(_), Some(_)) => {
                Err(ConfigError::new(name, format!("both {name} and {file_name} are set; keep one of them")))
            }
            (Some(value), None) => Ok(Some(value.into())),
            (None, Some(path)) => {
                let content = std::fs::read_to_string(&path).map_err(|error| {
                    ConfigError::new(&file_name, format!("the file cannot be read: {}", error.kind()))
                })?;
                let content = content.trim();
                if content.is_empty() {
                    return Err(ConfigError::new(&file_name, "the file is empty"));
                }
                Ok(Some(content.to_owned().into()))
            }
            (None, None) => Ok(None),
        }
    }

    pub(crate) fn parse<T: FromStr>(&self, name: &str, expected: &str) -> Result<Option<T>, ConfigError> {
        self.text(name)
            .map(|text| text.parse().map_err(|_| ConfigError::new(name, format!("expected {expected}"))))
            .transpose()
    }

    pub(crate) fn flag(&self, name: &str, otherwise: bool) -> Result<bool, ConfigError> {
        match self.text(name).map(|text| text.to_ascii_lowercase()).as_deref() {
            None => Ok(otherwise),
            Some("true" | "1" | "yes" | "on") => Ok(true),
            Some("false" | "0" | "no" | "off") => Ok(false),
            Some(_) => Err(ConfigError::new(name, "expected true or false")),
        }
    }

    /// An address that secrets are sent to, or that people are sent to.
    pub(crate) fn address(&self, name: &str) -> Result<Option<Url>, ConfigError> {
        let address: Option<Url> = self.parse(name, "an address such as https://example.org")?;
        match address {
            Some(address) if !bellhop_providers::is_acceptable_address(&address) => {
                Err(ConfigError::new(name, "must be https, or http on loopback, without user, password or query"))
            }
            address => Ok(address),
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Settings").field("listen", &self.listen).finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads and checks every setting.
    pub fn read(source: &Source) -> Result<Self, ConfigError> {
        let overrides = source.flag("ALLOW_PROVIDER_OVERRIDES", false)?;
        let listen: SocketAddr = source
            .parse("LISTEN_ADDR", "an address and port such as 127.0.0.1:8080")?
            .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
        let public_base_url = match source.address("PUBLIC_BASE_URL")? {
            Some(address) if address.path() != "/" => {
                return Err(ConfigError::new(
                    "PUBLIC_BASE_URL",
                    "must be an origin such as https://bellhop.example.org, without a path",
                ));
            }
            Some(address) => address,
            None => Url::parse(&format!("http://{listen}"))
                .ok()
                .filter(bellhop_providers::is_acceptable_address)
                .ok_or_else(|| ConfigError::new("PUBLIC_BASE_URL", "is required where LISTEN_ADDR is not loopback"))?,
        };
        Ok(Self {
            database: database(source, "DATABASE_URL")?.ok_or_else(|| {
                ConfigError::new("DATABASE_URL", "is required: postgres://role:password@host/database")
            })?,
            migrate_database: database(source, "MIGRATE_DATABASE_URL")?,
            redis_url: redis(source)?,
            listen,
            public_base_url,
            master_key: source.secret("MASTER_KEY")?,
            google: GoogleSettings::read(source, overrides)?,
            provider_callers: quotas::callers(source)?,
            telegram: TelegramSettings::read(source, overrides)?,
            log_format: match source.text("LOG_FORMAT").as_deref() {
                None | Some("text") => LogFormat::Text,
                Some("json") => LogFormat::Json,
                Some(_) => return Err(ConfigError::new("LOG_FORMAT", "expected text or json")),
            },
            log_level: source.text("LOG_LEVEL").unwrap_or_else(|| "info".to_owned()),
        })
    }
}

fn database(source: &Source, name: &str) -> Result<Option<DatabaseAddress>, ConfigError> {
    let Some(address) = source.secret(name)? else { return Ok(None) };
    let expected = || ConfigError::new(name, "expected postgres://role:password@host:port/database");
    // The library takes any scheme for Postgres.
    if !["postgres://", "postgresql://"].iter().any(|scheme| address.expose_secret().starts_with(scheme)) {
        return Err(expected());
    }
    DatabaseAddress::from_str(address.expose_secret()).map(Some).map_err(|_| expected())
}

fn redis(source: &Source) -> Result<SecretString, ConfigError> {
    let address = source.secret("REDIS_URL")?.unwrap_or_else(|| "redis://127.0.0.1:6379".to_owned().into());
    redis::Client::open(address.expose_secret())
        .map_err(|_| ConfigError::new("REDIS_URL", "expected redis://user:password@host:port/number"))?;
    Ok(address)
}

pub(crate) fn refused_override(name: &str) -> ConfigError {
    ConfigError::new(name, "is not the provider's own address; set ALLOW_PROVIDER_OVERRIDES=true if that is meant")
}

/// The settings as `bellhop --help` lists them.
#[must_use]
pub fn help() -> String {
    let mut text = String::from("Settings, from the environment or a .env file:\n");
    for setting in SETTINGS {
        let file = if setting.secret { " (or _FILE)" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {}{file}\n      {} [{}]", setting.name, setting.help, setting.default);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &[(&str, &str)] = &[("DATABASE_URL", "postgres://app@127.0.0.1/bellhop")];

    fn with(more: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        Settings::read(&Source::fixed(&[LEAST, more].concat()))
    }

    #[test]
    fn the_least_that_is_needed_is_a_database() {
        let settings = with(&[]).unwrap();
        assert_eq!(settings.public_base_url.as_str(), "http://127.0.0.1:8080/");
        assert!(Settings::read(&Source::fixed(&[])).unwrap_err().to_string().starts_with("DATABASE_URL: is required"));
    }

    #[test]
    fn another_address_than_the_providers_own_needs_permission() {
        for name in ["GOOGLE_BASE_URL", "GOOGLE_TOKEN_URL", "TELEGRAM_API_URL", "TELEGRAM_LINK_URL"] {
            let error = with(&[(name, "http://127.0.0.1:9")]).unwrap_err();
            assert_eq!(error.name, name);
            assert!(error.problem.contains("ALLOW_PROVIDER_OVERRIDES=true"));
            with(&[(name, "http://127.0.0.1:9"), ("ALLOW_PROVIDER_OVERRIDES", "true")]).unwrap();
        }
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for name in ["GOOGLE_BASE_URL", "TELEGRAM_API_URL", "PUBLIC_BASE_URL"] {
            let error = with(&[(name, "http://example.org"), ("ALLOW_PROVIDER_OVERRIDES", "true")]).unwrap_err();
            assert_eq!(error.name, name);
        }
        assert_eq!(with(&[("LISTEN_ADDR", "0.0.0.0:80")]).unwrap_err().name, "PUBLIC_BASE_URL");
        assert_eq!(with(&[("PUBLIC_BASE_URL", "https://example.org/bellhop")]).unwrap_err().name, "PUBLIC_BASE_URL");
    }

    #[test]
    fn an_error_never_repeats_the_value() {
        for (name, value) in [
            ("DATABASE_URL", "hunter2://hunter2"),
            ("REDIS_URL", "hunter2"),
            ("LISTEN_ADDR", "hunter2"),
            ("GOOGLE_BASE_URL", "hunter2"),
            ("PROVIDER_GOOGLE_ENABLED", "hunter2"),
            ("TELEGRAM_ALLOWED_USERS", "hunter2"),
            ("MASTER_KEY_FILE", "/hunter2"),
        ] {
            let error = with(&[(name, value)]).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn every_setting_is_in_the_help_and_in_the_readme() {
        let readme = include_str!("../../../README.md");
        for setting in SETTINGS {
            assert!(help().contains(setting.name));
            assert!(readme.contains(&format!("`{}`", setting.name)), "README.md does not name {}", setting.name);
        }
    }
}
