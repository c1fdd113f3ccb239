//! `bellhop doctor`: what is wrong with an installation, and what to do about it.

use std::time::Duration;

use bellhop_domain::Provider;
use bellhop_providers::Endpoint;
use bellhop_store::Store;
use teloxide::Bot;

use crate::app::App;
use crate::bot;
use crate::bot::say::Trouble;
use crate::cli::Failure;
use crate::config::{ConfigError, Settings};
use crate::work;

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How far our clock and Postgres's may be apart: leases and due times are read by different ones.
const CLOCKS_APART_SECONDS: f64 = 2.0;

/// Collects what was found and prints it as it comes.
#[derive(Default)]
struct Findings {
    wrong: usize,
}

impl Findings {
    fn good(what: &str, how: &str) {
        say!("ok    {what}: {how}");
    }

    fn wrong(&mut self, what: &str, mend: &str) {
        self.wrong += 1;
        say!("WRONG {what}: {mend}");
    }

    fn note(what: &str, how: &str) {
        say!("note  {what}: {how}");
    }
}

/// Looks at everything that does not need a change to be looked at.
pub async fn run(settings: Result<Settings, ConfigError>) -> Result<(), Failure> {
    let mut findings = Findings::default();
    match settings
        .map_err(|error| error.to_string())
        .and_then(|settings| App::new(settings).map_err(|error| error.to_string()))
    {
        Err(problem) => findings.wrong("settings", &problem),
        Ok(app) => {
            Findings::good("settings", "complete");
            database(&app.store, &mut findings).await;
            clock(&app, &mut findings).await;
            redis(&app, &mut findings).await;
            google(&app, &mut findings).await;
            telegram(&app, &mut findings).await;
        }
    }
    if findings.wrong == 0 { Ok(()) } else { Err(Failure::found(format!("{} to mend", findings.wrong))) }
}

async fn database(store: &Store, findings: &mut Findings) {
    match store.role_problem().await {
        Ok(None) => {
            Findings::good("database", "reached, migrated, and served as a role that cannot see around tenants");
        }
        Ok(Some(problem)) => findings.wrong("database", &problem.to_string()),
        Err(_) => findings.wrong("database", "cannot be reached; is it running, and is DATABASE_URL right?"),
    }
}

async fn clock(app: &App, findings: &mut Findings) {
    let Ok(theirs) = app.store.database_time().await else { return };
    let apart = (app.clock.now() - theirs).as_seconds_f64().abs();
    if apart <= CLOCKS_APART_SECONDS {
        Findings::good("clock", "agrees with Postgres");
    } else {
        findings.wrong("clock", &format!("is {apart:.0} s away from Postgres; synchronise both (NTP)"));
    }
}

async fn redis(app: &App, findings: &mut Findings) {
    if work::is_belt_reachable(app).await {
        Findings::good("Redis", "reached");
    } else {
        findings.wrong("Redis", "cannot be reached; jobs run more slowly until it is back; is REDIS_URL right?");
    }
}

async fn google(app: &App, findings: &mut Findings) {
    if !app.is_enabled(Provider::Google) {
        return Findings::note("Google", "switched off by PROVIDER_GOOGLE_ENABLED; disconnecting still works");
    }
    if !app.is_configured(Provider::Google) {
        return findings
            .wrong("Google", "set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET, or PROVIDER_GOOGLE_ENABLED=false");
    }
    let endpoints = &app.provider(Provider::Google).description().endpoints;
    for endpoint in [Endpoint::Token, Endpoint::Mail] {
        let Some(address) = endpoints.get(endpoint) else { continue };
        let Some(host) = address.host_str() else { continue };
        let port = address.port_or_known_default().unwrap_or(443);
        // A connection is enough to know: a request would need a person's token.
        let connecting = tokio::net::TcpStream::connect((host.trim_matches(['[', ']']), port));
        match tokio::time::timeout(PATIENCE, connecting).await {
            Ok(Ok(_)) => Findings::good("Google", &format!("{host}:{port} is reached")),
            Ok(Err(_)) | Err(_) => findings.wrong("Google", &format!("{host}:{port} cannot be reached from here")),
        }
    }
    let redirect = app.settings.public_base_url.join("oauth/google/callback");
    if let Ok(redirect) = redirect {
        Findings::note("Google", &format!("the client must list this redirect URI, exactly: {redirect}"));
    }
}

async fn telegram(app: &App, findings: &mut Findings) {
    let Some(bot) = &app.bot else {
        return Findings::note("Telegram", "no TELEGRAM_BOT_TOKEN: there is no bot and nobody is notified");
    };
    match tokio::time::timeout(PATIENCE, bot::username(bot)).await {
        Ok(Ok(name)) => {
            Findings::good("Telegram", &format!("the bot is @{name}"));
            updates(app, bot, findings).await;
        }
        Ok(Err(Trouble::Unauthorized)) => {
            findings.wrong("Telegram", "refused TELEGRAM_BOT_TOKEN; ask @BotFather");
        }
        Ok(Err(_)) | Err(_) => findings.wrong("Telegram", "cannot be reached from here; is TELEGRAM_API_URL right?"),
    }
}

/// Which way updates come, and whether that is what Telegram thinks too.
async fn updates(app: &App, bot: &Bot, findings: &mut Findings) {
    let what = "Telegram's updates";
    let Ok(Ok(info)) = tokio::time::timeout(PATIENCE, bot::webhook::info(bot)).await else {
        return findings.wrong(what, "Telegram does not say how they come; try again");
    };
    match &app.settings.telegram.webhook {
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
