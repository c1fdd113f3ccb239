//! What the bot is called, asked of Telegram once and remembered: links into the chat need it.
//!
//! Pages work without it, so a Telegram that does not answer costs a page three seconds, and only every half minute.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::app::App;

const PATIENCE: Duration = Duration::from_secs(3);
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// The bot's username, once known.
#[derive(Debug, Clone, Default)]
pub struct BotName(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    name: Option<String>,
    asked_at: Option<Instant>,
}

impl BotName {
    async fn get(&self, app: &App) -> Option<String> {
        let bot = app.bot.as_ref()?;
        let mut known = self.0.lock().await;
        if known.name.is_some() || known.asked_at.is_some_and(|asked_at| asked_at.elapsed() < ASK_AGAIN_AFTER) {
            return known.name.clone();
        }
        if let Ok(Ok(name)) = timeout(PATIENCE, crate::bot::username(bot)).await {
            known.name = Some(name).filter(|name| is_username(name));
        } else {
            tracing::info!("Telegram does not say what the bot is called; pages show the command instead of a button");
        }
        known.asked_at = Some(Instant::now());
        known.name.clone()
    }

    /// A link into the private chat with the bot, which brings `start` along where there is one.
    pub async fn link(&self, app: &App, start: Option<&str>) -> Option<Url> {
        let name = self.get(app).await?;
        let mut link = app.settings.telegram.link_url.clone();
        link.path_segments_mut().ok()?.pop_if_empty().push(&name);
        if let Some(start) = start {
            link.query_pairs_mut().append_pair("start", start);
        }
        Some(link)
    }
}

fn is_username(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
