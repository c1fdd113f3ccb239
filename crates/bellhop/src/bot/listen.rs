//! The bot's role: one process listens, the others stand by.
//!
//! Telegram forgets an update as soon as a later call confirms it, so every update is committed before the next call. The
//! listener only writes down; `dispatch.rs` handles.

use std::sync::Arc;
use std::time::Duration;

use bellhop_domain::OwnerId;
use bellhop_store::{BotSeat, NewUpdate, StoreError};
use serde_json::Value;
use teloxide::Bot;
use teloxide::payloads::{DeleteWebhookSetters, SetMyCommandsSetters};
use teloxide::prelude::Requester;
use teloxide::requests::{JsonRequest, Request};
use teloxide::types::{BotCommand, BotCommandScope};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::commands::COMMANDS;
use super::incoming::{self, Incoming, Sender};
use super::outage::{Outage, rest};
use super::say::{Speaker, Trouble, within};
use super::strangers::{self, Refused};
use super::visit::Desk;
use super::{LONG_POLL, dispatch, live, raw_updates};
use crate::app::App;

/// How often those who stand by look whether the seat is free, and its holder whether it still is theirs.
const SEAT: Duration = Duration::from_secs(2);

/// What a call that does not wait for updates may take.
const CALL: Duration = Duration::from_secs(15);

/// How long an answer waits in all where Telegram asks to slow down, before its update is put back.
const PATIENCE: Duration = Duration::from_secs(20);

/// Listens, answers and keeps messages up to date until it is told to stop. Without a token there is nothing to do.
pub async fn run(app: App, stop: CancellationToken) {
    let Some(bot) = app.bot.clone() else {
        tracing::info!("no TELEGRAM_BOT_TOKEN: there is no bot");
        stop.cancelled().await;
        return;
    };
    let mut outage = Outage::default();
    let mut standing_by = false;
    while !stop.is_cancelled() {
        match app.store.take_bot_seat().await {
            Ok(Some(seat)) => {
                outage.over("the database can be reached again");
                standing_by = false;
                Box::pin(sit(&app, &bot, seat, &stop)).await;
            }
            Ok(None) => {
                outage.over("the database can be reached again");
                if !standing_by {
                    tracing::info!("another process is the bot; standing by");
                }
                standing_by = true;
                rest(SEAT, &stop).await;
            }
            Err(error) => rest(outage.pause(&error, "the bot cannot take its seat"), &stop).await,
        }
    }
}

/// Is the bot for as long as the seat can be kept.
async fn sit(app: &App, bot: &Bot, mut seat: BotSeat, stop: &CancellationToken) {
    // Ends everything below together, with the seat or with the process.
    let leave = stop.child_token();
    let keep = async {
        loop {
            rest(SEAT, &leave).await;
            if leave.is_cancelled() {
                return;
            }
            if let Err(error) = seat.keep().await {
                tracing::warn!(%error, "the bot has lost its seat");
                leave.cancel();
            }
        }
    };
    let work = async {
        let Some(desk) = prepare(app, bot, &leave).await else { return };
        tracing::info!(bot = desk.username, "the bot is listening");
        let (desk, written_down) = (Arc::new(desk), Notify::new());
        let listening = listen(&desk, bot, &written_down, &leave);
        let handling = dispatch::run(Arc::clone(&desk), &written_down, leave.clone());
        let showing = live::run(&desk, leave.clone());
        tokio::join!(listening, handling, showing, show_menu(bot, &leave));
    };
    tokio::join!(keep, work);
    seat.leave().await;
}

/// Finds out who the bot is and tells Telegram that we come for updates ourselves.
async fn prepare(app: &App, bot: &Bot, stop: &CancellationToken) -> Option<Desk> {
    let mut outage = Outage::default();
    while !stop.is_cancelled() {
        match introduce(bot).await {
            Ok(username) => match app.default_tenant().await {
                Ok(tenant) => {
                    outage.over("the bot could be set up");
                    return Some(Desk {
                        app: app.clone(),
                        speaker: Speaker::new(bot.clone(), PATIENCE),
                        tenant,
                        username,
                        turns: super::visit::Turns::default(),
                        live: Notify::new(),
                    });
                }
                Err(error) => rest(outage.pause(&error, "the bot cannot be set up"), stop).await,
            },
            Err(trouble) => rest(outage.pause(&trouble, "the bot cannot be set up"), stop).await,
        }
    }
    None
}

async fn introduce(bot: &Bot) -> Result<String, Trouble> {
    let username = super::username(bot).await?;
    delete_webhook(bot).await?;
    Ok(username)
}

async fn delete_webhook(bot: &Bot) -> Result<(), Trouble> {
    within(CALL, bot.delete_webhook().drop_pending_updates(false).send()).await.map(|_| ())
}

/// Tells Telegram the commands, for the menu beside the input. People can do without it, so nothing waits for it.
async fn show_menu(bot: &Bot, stop: &CancellationToken) {
    let listed = COMMANDS.iter().filter(|command| !command.summary.is_empty());
    let menu: Vec<_> = listed.map(|command| BotCommand::new(command.name, command.summary)).collect();
    let mut outage = Outage::default();
    while !stop.is_cancelled() {
        match within(CALL, bot.set_my_commands(menu.clone()).scope(BotCommandScope::Default).send()).await {
            Ok(_) => return outage.over("the menu of commands could be set"),
            Err(Trouble::Refused) => {
                tracing::error!("Telegram refused the menu of commands; there is none, or an older one");
                return;
            }
            Err(trouble) => rest(outage.pause(&trouble, "the menu of commands cannot be set"), stop).await,
        }
    }
}

/// Fetches updates and writes them down.
async fn listen(desk: &Arc<Desk>, bot: &Bot, written_down: &Notify, stop: &CancellationToken) {
    let refused = Arc::new(Refused::default());
    let mut offset = None;
    let mut outage = Outage::default();
    let mut repeats = Repeats::default();
    while !stop.is_cancelled() {
        let request = JsonRequest::new(bot.clone(), raw_updates::GetUpdates::after(offset));
        let answered = tokio::select! {
            () = stop.cancelled() => return,
            answered = within(LONG_POLL + CALL, request.send()) => answered,
        };
        let updates: Vec<Value> = match answered {
            Ok(updates) => updates,
            Err(trouble) => {
                rest(outage.pause(&trouble, "Telegram cannot be listened to"), stop).await;
                // Perhaps somebody has set a webhook since we began. Where it is another listener, this changes nothing.
                if trouble == Trouble::Conflict
                    && let Err(trouble) = delete_webhook(bot).await
                {
                    tracing::debug!(%trouble, "a webhook could not be deleted");
                }
                continue;
            }
        };
        if updates.is_empty() {
            outage.over("Telegram can be listened to again");
            // All is confirmed. After a quiet week Telegram counts from anywhere, so no old offset is kept.
            offset = None;
            continue;
        }
        match write_down(desk, &refused, &updates).await {
            Ok(written) => {
                outage.over("Telegram can be listened to again");
                if repeats.are_news(&written) {
                    tracing::info!(
                        updates = written.updates,
                        "all updates that came were known already; where nobody is answered, another bot's ids are in this database"
                    );
                }
                offset = written.last.map(|last| last + 1).or(offset);
                written_down.notify_one();
            }
            // Not confirmed: Telegram sends them again.
            Err(error) => rest(outage.pause(&error, "updates cannot be written down"), stop).await,
        }
    }
}

/// What came of a batch.
#[derive(Debug, Clone, Copy)]
struct Written {
    /// The last of its ids.
    last: Option<i64>,
    /// How many updates there were.
    updates: usize,
    /// How many of them had not been written down before.
    new: usize,
}

/// Batches in which nothing is new: a repeat or two is no wonder, but ids that another bot used before look the same, and
/// that bot is never answered.
#[derive(Debug, Default)]
struct Repeats {
    told: bool,
}

impl Repeats {
    /// Whether this batch, and none since the last one with something new, consists of repeats.
    fn are_news(&mut self, written: &Written) -> bool {
        let repeats = written.updates > 0 && written.new == 0;
        let news = repeats && !self.told;
        self.told = repeats;
        news
    }
}

/// Writes updates down.
async fn write_down(desk: &Arc<Desk>, refused: &Arc<Refused>, updates: &[Value]) -> Result<Written, StoreError> {
    let mut fresh = vec![];
    let mut strangers = vec![];
    for update in updates {
        let Some(update_id) = incoming::update_id(update) else { continue };
        let content = match incoming::read(update, &desk.username) {
            None => None,
            Some((sender, incoming)) if is_allowed(desk, &sender) => content_of(desk, &sender, &incoming).await?,
            Some((sender, incoming)) => {
                strangers.push((update_id, sender, incoming));
                None
            }
        };
        fresh.push(NewUpdate { update_id, content });
    }
    let last = fresh.iter().map(|update| update.update_id).max();
    let new = desk.app.store.write_down_updates(desk.tenant, &fresh, desk.app.clock.now()).await?;
    let written = Written { last, updates: fresh.len(), new: new.len() };
    strangers.retain(|(update_id, ..)| new.contains(update_id));
    if !strangers.is_empty() {
        let (desk, refused) = (Arc::clone(desk), Arc::clone(refused));
        tokio::spawn(async move {
            for (_, sender, incoming) in strangers {
                strangers::refuse(&desk, &refused, &sender, &incoming).await;
            }
        });
    }
    Ok(written)
}

fn is_allowed(desk: &Desk, sender: &Sender) -> bool {
    u64::try_from(sender.user).is_ok_and(|user| desk.app.settings.telegram.allows(user))
}

/// Whose an update is and what of it is kept. Nothing, where a person's key cannot be opened: one person's trouble must not
/// stop everybody's updates.
async fn content_of(
    desk: &Desk,
    sender: &Sender,
    incoming: &Incoming,
) -> Result<Option<(OwnerId, Vec<u8>)>, StoreError> {
    let store = &desk.app.store;
    let known = async {
        let owner = store.telegram_person(desk.tenant, sender.user, OwnerId::new(desk.app.new_id())).await?;
        let chat = incoming.private.then_some(incoming.chat);
        store.remember_telegram_person(desk.tenant, owner, chat, &sender.name).await?;
        Ok(owner)
    };
    match known.await {
        Ok(owner) => Ok(serde_json::to_vec(incoming).ok().map(|plain| (owner, plain))),
        Err(error @ StoreError::CannotOpen(_)) => {
            tracing::error!(%error, "an update was ignored: its sender's key cannot be opened");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;
