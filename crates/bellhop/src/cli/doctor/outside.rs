//! Whether Google and Telegram can be reached from here, and what they must be told.

use std::collections::BTreeSet;

use bellhop_providers::Endpoint;
use futures::future::join_all;
use teloxide::Bot;

use super::{Findings, PATIENCE};
use crate::bot;
use crate::bot::say::Trouble;
use crate::config::{Examined, TelegramSettings};

/// What Bellhop itself calls; the consent page is the browser's to reach.
const CALLED: [Endpoint; 5] =
    [Endpoint::Token, Endpoint::Revoke, Endpoint::Userinfo, Endpoint::Mail, Endpoint::Calendar];

/// The settings that say where Google is, and whether it may be there.
const ADDRESSES: [&str; 8] = [
    "ALLOW_PROVIDER_OVERRIDES",
    "GOOGLE_BASE_URL",
    "GOOGLE_AUTHORIZE_URL",
    "GOOGLE_TOKEN_URL",
    "GOOGLE_REVOKE_URL",
    "GOOGLE_USERINFO_URL",
    "GOOGLE_GMAIL_URL",
    "GOOGLE_CALENDAR_URL",
];

/// Looks at Google.
pub async fn google(examined: &Examined, findings: &mut Findings) {
    let Some(google) = &examined.google else { return };
    if !google.enabled {
        return Findings::note("Google", "switched off by PROVIDER_GOOGLE_ENABLED; disconnecting still works");
    }
    if google.credentials.is_none() && !examined.errors.concern(&["GOOGLE_CLIENT_SECRET"]) {
        findings.wrong("Google", "set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET, or PROVIDER_GOOGLE_ENABLED=false");
    }
    if examined.errors.concern(&ADDRESSES) {
        Findings::note("Google", "not looked for: its addresses come first");
    } else {
        let addresses = CALLED.into_iter().filter_map(|endpoint| google.description.endpoints.get(endpoint));
        let hosts = addresses.filter_map(|address| Some((address.host_str()?, address.port_or_known_default()?)));
        reach("Google", hosts.collect(), findings).await;
    }
    if let Some(redirect) = examined.public_base_url.as_ref().and_then(|base| base.join("oauth/google/callback").ok()) {
        Findings::note("Google", &format!("the client must list this redirect URI, exactly: {redirect}"));
    }
}

/// A connection is enough to know: a request would need a person's token.
async fn reach(what: &str, hosts: BTreeSet<(&str, u16)>, findings: &mut Findings) {
    let tried = join_all(hosts.into_iter().map(async |(host, port)| {
        let connecting = tokio::net::TcpStream::connect((host.trim_matches(['[', ']']), port));
        (format!("{host}:{port}"), matches!(tokio::time::timeout(PATIENCE, connecting).await, Ok(Ok(_))))
    }));
    let (reached, missed): (Vec<_>, Vec<_>) = tried.await.into_iter().partition(|(_, is_reached)| *is_reached);
    let names = |hosts: Vec<(String, bool)>| hosts.into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
    if !reached.is_empty() {
        Findings::good(what, &format!("reached at {}", names(reached)));
    }
    if !missed.is_empty() {
        let mend = "does its name resolve, and does a firewall let us out?";
        findings.wrong(what, &format!("cannot be reached from here at {}; {mend}", names(missed)));
    }
}

/// Looks at Telegram.
pub async fn telegram(examined: &Examined, findings: &mut Findings) {
    let Some(telegram) = &examined.telegram else { return };
    // The token goes to no address that may not be allowed.
    if examined.errors.concern(&["ALLOW_PROVIDER_OVERRIDES", "TELEGRAM_API_URL", "TELEGRAM_BOT_TOKEN"]) {
        return Findings::note("Telegram", "not asked: its settings come first");
    }
    let Some(token) = &telegram.token else {
        return Findings::note("Telegram", "no TELEGRAM_BOT_TOKEN: there is no bot and nobody is notified");
    };
    let bot = bot::client(token, &telegram.api_url);
    match tokio::time::timeout(PATIENCE, bot::username(&bot)).await {
        Ok(Ok(name)) => {
            Findings::good("Telegram", &format!("the bot is @{name}"));
            if examined.errors.concern(&["TELEGRAM_WEBHOOK_URL", "TELEGRAM_WEBHOOK_SECRET"]) {
                Findings::note("Telegram's updates", "not looked at: the settings of the webhook come first");
            } else {
                updates(telegram, &bot, findings).await;
            }
        }
        Ok(Err(Trouble::Unauthorized)) => {
            findings.wrong("Telegram", "refused TELEGRAM_BOT_TOKEN; ask @BotFather");
        }
        Ok(Err(_)) | Err(_) => findings.wrong("Telegram", "cannot be reached from here; is TELEGRAM_API_URL right?"),
    }
}

/// Which way updates come, and whether that is what Telegram thinks too.
async fn updates(telegram: &TelegramSettings, bot: &Bot, findings: &mut Findings) {
    let what = "Telegram's updates";
    let Ok(Ok(info)) = tokio::time::timeout(PATIENCE, bot::webhook::info(bot)).await else {
        return findings.wrong(what, "Telegram does not say how they come; try again");
    };
    match &telegram.webhook {
        None if info.url.is_empty() => Findings::good(what, "are fetched"),
        None => {
            Findings::note(
                what,
                "are brought to a webhook now; `bellhop serve` with the bot role fetches them instead",
            );
        }
        Some(webhook) if !bot::webhook::is_set(&info, &webhook.url) => {
            Findings::note(what, "are not brought to the webhook yet; `bellhop serve` with the bot role sees to it");
        }
        Some(_) => {
            let waiting = info.pending_update_count;
            Findings::good(what, &format!("are brought to the webhook at TELEGRAM_WEBHOOK_URL; {waiting} wait"));
            if info.last_error_date.is_some() && waiting > 0 {
                findings.wrong(what, "Telegram could not deliver; is TELEGRAM_WEBHOOK_URL reached from the Internet?");
            }
        }
    }
}
