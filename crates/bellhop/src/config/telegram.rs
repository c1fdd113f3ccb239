//! Telegram's settings: the bot, who may use it, and how its updates come.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{ConfigError, ConfigErrors, Source, refused_override};

/// The first part of every path that is served otherwise. A webhook there would take it away, or never hear anything.
const TAKEN: [&str; 8] = ["", "connect", "docs", "health", "metrics", "oauth", "openapi.json", "v1"];

/// Ports that Telegram delivers to. <https://core.telegram.org/bots/api#setwebhook>
const PORTS: [u16; 4] = [443, 80, 88, 8443];

/// The longest secret that Telegram takes. <https://core.telegram.org/bots/api#setwebhook>
const LONGEST_SECRET: usize = 256;

/// How the bot speaks to Telegram.
#[derive(Debug, Clone)]
pub struct TelegramSettings {
    /// The bot's token; without one there is no bot.
    pub token: Option<SecretString>,
    /// Where the Bot API is.
    pub api_url: Url,
    /// What links into the chat begin with.
    pub link_url: Url,
    /// Who may use it; everybody, if not said.
    pub allowed_users: Option<BTreeSet<u64>>,
    /// Where Telegram brings updates to; without it they are fetched.
    pub webhook: Option<WebhookSettings>,
}

/// How Telegram brings updates.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// To which address. Its path is served.
    pub url: Url,
    /// What each delivery proves itself with.
    pub secret: SecretString,
}

impl TelegramSettings {
    /// Reads what can be read.
    pub(super) fn read(source: &Source, overrides: bool, errors: &mut ConfigErrors) -> Option<Self> {
        // Links into the chat carry the finish code: neither address is changed by accident.
        let mut address = |name: &str, own: &str| {
            let own = errors.heed(Url::parse(own).map_err(|_| ConfigError::new(name, "is unusable")))?;
            let address = errors.heed(source.address(name)).flatten().unwrap_or_else(|| own.clone());
            if address != own && !overrides {
                errors.add(refused_override(name));
            }
            Some(address)
        };
        let api_url = address("TELEGRAM_API_URL", "https://api.telegram.org")?;
        let link_url = address("TELEGRAM_LINK_URL", "https://t.me")?;
        let allowed_users = errors.heed(allowed_users(source)).flatten();
        let token = errors.heed(source.secret("TELEGRAM_BOT_TOKEN")).flatten();
        let webhook = WebhookSettings::read(source, overrides, errors);
        if webhook.is_some() && token.is_none() {
            // Otherwise whoever serves pages would answer every delivery as if there were no such address.
            let problem = "is required with TELEGRAM_WEBHOOK_URL, in every process that reads it";
            errors.add(ConfigError::new("TELEGRAM_BOT_TOKEN", problem));
        }
        Some(Self { token, api_url, link_url, allowed_users, webhook })
    }

    /// Whether this Telegram user may use the bot.
    #[must_use]
    pub fn allows(&self, user: u64) -> bool {
        self.allowed_users.as_ref().is_none_or(|allowed| allowed.contains(&user))
    }
}

fn allowed_users(source: &Source) -> Result<Option<BTreeSet<u64>>, ConfigError> {
    let name = "TELEGRAM_ALLOWED_USERS";
    let Some(list) = source.text(name) else { return Ok(None) };
    let ids = list.split(',').map(str::trim).filter(|id| !id.is_empty());
    ids.map(|id| id.parse().map_err(|_| ConfigError::new(name, "expected numeric user ids")))
        .collect::<Result<_, _>>()
        .map(Some)
}

impl WebhookSettings {
    fn read(source: &Source, overrides: bool, errors: &mut ConfigErrors) -> Option<Self> {
        let (url_name, secret_name) = ("TELEGRAM_WEBHOOK_URL", "TELEGRAM_WEBHOOK_SECRET");
        let url = errors.heed(source.address(url_name)).flatten();
        let secret = errors.heed(source.secret(secret_name)).flatten();
        if url.is_some() && secret.is_none() {
            let problem = "is required with TELEGRAM_WEBHOOK_URL; make one with `openssl rand -hex 32`";
            errors.add(ConfigError::new(secret_name, problem));
        }
        if url.is_none() && secret.is_some() {
            errors.add(ConfigError::new(url_name, "is required with TELEGRAM_WEBHOOK_SECRET"));
        }
        if let Some(problem) = url.as_ref().and_then(|url| url_problem(url, overrides)) {
            errors.add(ConfigError::new(url_name, problem));
        }
        if secret.as_ref().is_some_and(|secret| !is_taken_by_telegram(secret)) {
            errors.add(ConfigError::new(secret_name, "expected 1 to 256 of A-Z a-z 0-9 _ -"));
        }
        Some(Self { url: url?, secret: secret? })
    }
}

/// Why Telegram would not deliver there, or we would not hear of it.
fn url_problem(url: &Url, overrides: bool) -> Option<&'static str> {
    if url.scheme() != "https" && !overrides {
        return Some("must be https: Telegram delivers to nothing else");
    }
    if !url.port_or_known_default().is_some_and(|port| PORTS.contains(&port)) && !overrides {
        return Some("must have port 443, 80, 88 or 8443: Telegram delivers to no other");
    }
    let first = url.path_segments().and_then(|mut segments| segments.next());
    let is_taken = first.is_none_or(|first| TAKEN.contains(&first));
    is_taken.then_some("must have a path of its own, such as https://bellhop.example.org/telegram")
}

fn is_taken_by_telegram(secret: &SecretString) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let text = secret.expose_secret();
    (1..=LONGEST_SECRET).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://bellhop.example/telegram";

    fn webhook(url: &str, secret: &str, overrides: bool) -> Result<Option<WebhookSettings>, ConfigError> {
        let values = [("TELEGRAM_WEBHOOK_URL", url), ("TELEGRAM_WEBHOOK_SECRET", secret)];
        let mut errors = ConfigErrors::default();
        let read = WebhookSettings::read(&Source::fixed(&values), overrides, &mut errors);
        if errors.is_empty() { Ok(read) } else { Err(errors.only()) }
    }

    #[test]
    fn a_webhook_needs_an_address_and_a_secret() {
        assert!(webhook("", "", false).unwrap().is_none());
        let set = webhook(URL, "a-B_9", false).unwrap().unwrap();
        assert_eq!((set.url.as_str(), set.secret.expose_secret()), (URL, "a-B_9"));
        assert_eq!(webhook(URL, "", false).unwrap_err().name, "TELEGRAM_WEBHOOK_SECRET");
        assert_eq!(webhook("", "a", false).unwrap_err().name, "TELEGRAM_WEBHOOK_URL");
    }

    #[test]
    fn a_webhook_without_a_bot_is_refused() {
        let least = [("TELEGRAM_WEBHOOK_URL", URL), ("TELEGRAM_WEBHOOK_SECRET", "a")];
        let read = |more: &[(&str, &str)]| {
            let mut errors = ConfigErrors::default();
            let read = TelegramSettings::read(&Source::fixed(&[&least, more].concat()), false, &mut errors);
            if errors.is_empty() { Ok(read.unwrap()) } else { Err(errors.only()) }
        };
        assert_eq!(read(&[]).unwrap_err().name, "TELEGRAM_BOT_TOKEN");
        assert!(read(&[("TELEGRAM_BOT_TOKEN", "1:stand-in")]).unwrap().webhook.is_some());
    }

    #[test]
    fn an_address_that_telegram_cannot_deliver_to_is_refused() {
        for url in ["http://127.0.0.1:8080/telegram", "https://bellhop.example:8080/telegram"] {
            assert_eq!(webhook(url, "a", false).unwrap_err().name, "TELEGRAM_WEBHOOK_URL", "{url}");
            assert!(webhook(url, "a", true).is_ok(), "{url}");
        }
        for url in ["http://bellhop.example/telegram", "https://a:b@bellhop.example/t", "https://bellhop.example/t?a=b"]
        {
            assert_eq!(webhook(url, "a", true).unwrap_err().name, "TELEGRAM_WEBHOOK_URL", "{url}");
        }
        assert!(webhook("https://bellhop.example:8443/telegram", "a", false).is_ok());
    }

    #[test]
    fn an_address_that_is_served_otherwise_is_refused() {
        for taken in TAKEN {
            for path in [taken.to_owned(), format!("{taken}/"), format!("{taken}/telegram")] {
                let url = format!("https://bellhop.example/{path}");
                assert_eq!(webhook(&url, "a", false).unwrap_err().name, "TELEGRAM_WEBHOOK_URL", "{url}");
            }
        }
    }

    #[test]
    fn a_secret_that_telegram_does_not_take_is_refused_and_not_repeated() {
        for secret in ["hunter 2", "hunter2é", "hunter2=", &"hunter2".repeat(40)] {
            let error = webhook(URL, secret, false).unwrap_err();
            assert_eq!(error.name, "TELEGRAM_WEBHOOK_SECRET");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        assert!(webhook(URL, &"x".repeat(256), false).is_ok());
    }
}
