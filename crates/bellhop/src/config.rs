//! The settings: every one and what it means. Where values come from is in `config/source.rs`; nothing else reads them.
//!
//! Values are checked once, at the start and all together, so that an operator mends everything in one go. An error says what
//! to do and never repeats a value, as it may be a secret put in the wrong place.

mod error;
mod google;
mod quotas;
mod source;
mod telegram;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::str::FromStr;

use bellhop_store::{DatabaseAddress, Keyring};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use error::{ConfigError, ConfigErrors};
pub use google::GoogleSettings;
pub use quotas::LEAST_REQUESTS;
pub use source::Source;
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

impl std::fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Settings").field("listen", &self.listen).finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads and checks every setting. What is wrong is said of all of them at once.
    pub fn read(source: &Source) -> Result<Self, ConfigErrors> {
        Examined::of(source).settings()
    }
}

/// Every setting that could be read, and what is wrong with the others: for whoever goes on with what there is. One that
/// makes no sense counts as not given, and nothing is said of what follows from that alone.
pub struct Examined {
    /// What is wrong, in the order in which it was looked for.
    pub errors: ConfigErrors,
    /// Postgres as the serving role.
    pub database: Option<DatabaseAddress>,
    /// Redis.
    pub redis_url: Option<SecretString>,
    /// How browsers reach it.
    pub public_base_url: Option<Url>,
    /// Google.
    pub google: Option<GoogleSettings>,
    /// Telegram.
    pub telegram: Option<TelegramSettings>,
    master_key: Option<SecretString>,
    migrate_database: Option<DatabaseAddress>,
    listen: SocketAddr,
    provider_callers: u32,
    log_format: LogFormat,
    /// Which log lines there are, unchecked.
    pub log_level: String,
}

impl Examined {
    /// Looks at every setting.
    pub fn of(source: &Source) -> Self {
        let mut errors = source.errors.clone();
        // Of addresses that may be allowed or not, nothing is said before that is known.
        let overrides = errors.heed(source.flag("ALLOW_PROVIDER_OVERRIDES", false)).unwrap_or(true);
        let listen = errors.heed(source.parse("LISTEN_ADDR", "an address and port such as 127.0.0.1:8080"));
        let listen = listen.flatten().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
        let database = errors.heed(database(source, "DATABASE_URL")).flatten();
        if database.is_none() {
            errors.add(ConfigError::new("DATABASE_URL", "is required: postgres://role:password@host/database"));
        }
        Self {
            database,
            redis_url: errors.heed(redis(source)),
            public_base_url: errors.heed(public_base_url(source, listen)),
            master_key: errors.heed(source.secret("MASTER_KEY")).flatten(),
            google: GoogleSettings::read(source, overrides, &mut errors),
            telegram: TelegramSettings::read(source, overrides, &mut errors),
            migrate_database: errors.heed(self::database(source, "MIGRATE_DATABASE_URL")).flatten(),
            listen,
            provider_callers: errors.heed(quotas::callers(source)).unwrap_or(1),
            log_format: errors.heed(log_format(source)).unwrap_or(LogFormat::Text),
            log_level: source.text("LOG_LEVEL").unwrap_or_else(|| "info".to_owned()),
            errors,
        }
    }

    /// What opens everything that is sealed.
    pub fn keyring(&self) -> Result<Keyring, ConfigError> {
        keyring(self.master_key.as_ref())
    }

    fn settings(self) -> Result<Settings, ConfigErrors> {
        match self {
            Self {
                errors,
                database: Some(database),
                redis_url: Some(redis_url),
                public_base_url: Some(public_base_url),
                google: Some(google),
                telegram: Some(telegram),
                master_key,
                migrate_database,
                listen,
                provider_callers,
                log_format,
                log_level,
            } if errors.is_empty() => Ok(Settings {
                database,
                migrate_database,
                redis_url,
                listen,
                public_base_url,
                master_key,
                google,
                provider_callers,
                telegram,
                log_format,
                log_level,
            }),
            wrong => Err(wrong.errors),
        }
    }
}

/// The keyring of a master key that was set.
pub fn keyring(master_key: Option<&SecretString>) -> Result<Keyring, ConfigError> {
    let name = "MASTER_KEY";
    let required = "is required: 32 bytes in base64; make one with `openssl rand -base64 32`";
    let master_key = master_key.ok_or_else(|| ConfigError::new(name, required))?;
    Keyring::new(master_key).map_err(|error| ConfigError::new(name, error.to_string()))
}

fn public_base_url(source: &Source, listen: SocketAddr) -> Result<Url, ConfigError> {
    let name = "PUBLIC_BASE_URL";
    match source.address(name)? {
        Some(address) if address.path() != "/" => {
            Err(ConfigError::new(name, "must be an origin such as https://bellhop.example.org, without a path"))
        }
        Some(address) => Ok(address),
        None => Url::parse(&format!("http://{listen}"))
            .ok()
            .filter(bellhop_providers::is_acceptable_address)
            .ok_or_else(|| ConfigError::new(name, "is required where LISTEN_ADDR is not loopback")),
    }
}

fn log_format(source: &Source) -> Result<LogFormat, ConfigError> {
    match source.text("LOG_FORMAT").as_deref() {
        None | Some("text") => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some(_) => Err(ConfigError::new("LOG_FORMAT", "expected text or json")),
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
        Settings::read(&Source::fixed(&[LEAST, more].concat())).map_err(ConfigErrors::only)
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once_and_nothing_twice() {
        let wrong = [
            ("DATABASE_URL_FILE", "/nowhere"),
            ("LISTEN_ADDR", "here"),
            ("PUBLIC_BASE_URL", "there"),
            ("REDIS_URL", "nowhere"),
            ("MASTER_KEY_FILE", "/nowhere"),
            ("ALLOW_PROVIDER_OVERRIDES", "perhaps"),
            ("GOOGLE_BASE_URL", "http://127.0.0.1:9"),
            ("GOOGLE_TOKEN_URL", "the usual"),
            ("GOOGLE_MAIL_URL", "no setting of ours"),
            ("GOOGLE_QUOTAS", "plenty"),
            ("GOOGLE_CLIENT_SECRET_FILE", "/nowhere"),
            ("PROVIDER_GOOGLE_ENABLED", "sometimes"),
            ("PROVIDER_CALLERS", "0"),
            ("TELEGRAM_BOT_TOKEN_FILE", "/nowhere"),
            ("TELEGRAM_API_URL", "a wire"),
            ("TELEGRAM_ALLOWED_USERS", "Ada"),
            ("TELEGRAM_WEBHOOK_URL", "https://bellhop.example/telegram"),
            ("TELEGRAM_WEBHOOK_SECRET_FILE", "/nowhere"),
            ("LOG_FORMAT", "verse"),
        ];
        let errors = Settings::read(&Source::fixed(&wrong)).unwrap_err();
        let mut named: Vec<&str> = errors.iter().map(|error| error.name.as_str()).collect();
        named.sort_unstable();
        let mut expected: Vec<&str> = wrong.iter().map(|(name, _)| *name).collect();
        // An address that is well formed; whether it is allowed cannot be known. And what is no setting.
        expected.retain(|name| !["GOOGLE_BASE_URL", "GOOGLE_MAIL_URL", "TELEGRAM_WEBHOOK_URL"].contains(name));
        expected.sort_unstable();
        assert_eq!(named, expected);
        assert_eq!(errors.to_string().lines().count(), expected.len());
    }

    #[test]
    fn what_makes_sense_is_there_whatever_else_does_not() {
        let examined = Examined::of(&Source::fixed(&[
            ("LISTEN_ADDR", "0.0.0.0:80"),
            ("REDIS_URL", "redis://127.0.0.1:1"),
            ("GOOGLE_QUOTAS", "plenty"),
            ("GOOGLE_CLIENT_ID", "client"),
            ("GOOGLE_CLIENT_SECRET", "secret"),
            ("TELEGRAM_BOT_TOKEN", "1:token"),
        ]));
        let named: Vec<&str> = examined.errors.iter().map(|error| error.name.as_str()).collect();
        assert_eq!(named, ["DATABASE_URL", "PUBLIC_BASE_URL", "GOOGLE_QUOTAS"]);
        assert!(examined.database.is_none() && examined.public_base_url.is_none());
        assert!(examined.redis_url.is_some());
        assert!(examined.google.is_some_and(|google| google.credentials.is_some()));
        assert!(examined.telegram.is_some_and(|telegram| telegram.token.is_some()));
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
