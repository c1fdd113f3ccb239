//! The bot's role: one process listens, the others stand by.
//!
//! Whoever has the seat decides how updates come: they are brought to the webhook where one is set, and fetched otherwise.
//! Telegram forgets an update as soon as a later call confirms it, so every update is committed before the next call
//! (`intake.rs`); `dispatch.rs` handles.

use std::sync::Arc;
use std::time::Duration;

use bellhop_store::SessionLock;
use futures::future::BoxFuture;
use serde_json::Value;
use teloxide::Bot;
use teloxide::payloads::{DeleteWebhookSetters, SetMyCommandsSetters};
use teloxide::prelude::Requester;
use teloxide::requests::{JsonRequest, Request};
use teloxide::types::{BotCommand, BotCommandScope};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::commands::COMMANDS;
use super::intake::{Intake, open_desk};
use super::outage::{Outage, rest};
use super::say::{Trouble, within};
use super::visit::Desk;
use super::{LONG_POLL, dispatch, live, raw_updates, webhook};
use crate::app::App;

/// How often those who stand by look whether the seat is free, and its holder whether it still is theirs.
const SEAT: Duration = Duration::from_secs(2);

/// How long Postgres may take to say that the seat is still ours.
const CERTAIN: Duration = Duration::from_secs(3);

/// What a call that does not wait for updates may take.
const CALL: Duration = Duration::from_secs(15);

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

/// Asks whether this process still is the bot.
type HasSeat<'a> = dyn Fn() -> BoxFuture<'a, bool> + Sync + 'a;

/// Is the bot for as long as the seat can be kept.
async fn sit(app: &App, bot: &Bot, seat: SessionLock, stop: &CancellationToken) {
    // Ends everything below together, with the seat or with the process.
    let leave = stop.child_token();
    let seat = Mutex::new(seat);
    let has_seat = || -> BoxFuture<'_, bool> {
        Box::pin(async {
            let mut seat = seat.lock().await;
            if leave.is_cancelled() {
                return false;
            }
            if let Err(error) = seat.keep(CERTAIN).await {
                tracing::warn!(%error, "the bot has lost its seat");
                leave.cancel();
            }
            !leave.is_cancelled()
        })
    };
    let keep = async {
        loop {
            rest(SEAT, &leave).await;
            if !has_seat().await {
                return;
            }
        }
    };
    let work = async {
        let Some(desk) = prepare(app, bot, &leave).await else { return };
        tracing::info!(bot = desk.username, "the bot is listening");
        let desk = Arc::new(desk);
        let listening = hear(&desk, bot, &leave, &has_seat);
        let handling = dispatch::run(Arc::clone(&desk), &app.written_down, leave.clone());
        let showing = live::run(&desk, leave.clone());
        tokio::join!(listening, handling, showing, show_menu(bot, &leave));
    };
    tokio::join!(keep, work);
    seat.into_inner().leave().await;
}

/// Finds out who the bot is, as often as it takes.
async fn prepare(app: &App, bot: &Bot, stop: &CancellationToken) -> Option<Desk> {
    let mut outage = Outage::default();
    while !stop.is_cancelled() {
        match open_desk(app, bot).await {
            Ok(desk) => {
                outage.over("the bot could be set up");
                return Some(desk);
            }
            Err(failure) => rest(outage.pause(&failure, "the bot cannot be set up"), stop).await,
        }
    }
    None
}

/// Has updates come, the way that the settings say. Nothing that waits at Telegram is dropped at a switch, and what comes
/// both ways is known by its id.
async fn hear(desk: &Arc<Desk>, bot: &Bot, stop: &CancellationToken, has_seat: &HasSeat<'_>) {
    if let Some(webhook) = &desk.app.settings.telegram.webhook {
        return webhook::keep(&desk.app, bot, webhook, stop).await;
    }
    take_webhook_away(bot, stop).await;
    listen(desk, bot, stop, has_seat).await;
}

/// Tells Telegram that we come for updates ourselves.
async fn take_webhook_away(bot: &Bot, stop: &CancellationToken) {
    let mut outage = Outage::default();
    while !stop.is_cancelled() {
        match delete_webhook(bot).await {
            Ok(()) => return outage.over("Telegram could be told that updates are fetched"),
            Err(trouble) => {
                let pause = outage.pause(&trouble, "Telegram cannot be told that updates are fetched");
                rest(long_enough(pause, trouble), stop).await;
            }
        }
    }
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
            Err(trouble) => {
                let pause = outage.pause(&trouble, "the menu of commands cannot be set");
                rest(long_enough(pause, trouble), stop).await;
            }
        }
    }
}

/// A pause that is no shorter than Telegram asked for.
pub(super) fn long_enough(pause: Duration, trouble: Trouble) -> Duration {
    if let Trouble::SlowDown(asked) = trouble { pause.max(asked) } else { pause }
}

/// Fetches updates and writes them down.
async fn listen(desk: &Arc<Desk>, bot: &Bot, stop: &CancellationToken, has_seat: &HasSeat<'_>) {
    let intake = Intake::new(Arc::clone(desk));
    let mut offset = None;
    let mut outage = Outage::default();
    while !stop.is_cancelled() {
        let request = JsonRequest::new(bot.clone(), raw_updates::GetUpdates::after(offset));
        let answered = tokio::select! {
            () = stop.cancelled() => return,
            answered = within(LONG_POLL + CALL, request.send()) => answered,
        };
        let updates: Vec<Value> = match answered {
            Ok(updates) => updates,
            Err(trouble) => {
                let pause = outage.pause(&trouble, "Telegram cannot be listened to");
                rest(long_enough(pause, trouble), stop).await;
                // Perhaps somebody has set a webhook since we began. Where it is another listener, this changes nothing; where
                // it is the bot that has the seat now, its webhook must stay.
                if trouble == Trouble::Conflict
                    && !stop.is_cancelled()
                    && has_seat().await
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
        match intake.take_in(&updates).await {
            Ok(last) => {
                outage.over("Telegram can be listened to again");
                offset = last.map(|last| last + 1).or(offset);
            }
            // Not confirmed: Telegram sends them again.
            Err(error) => rest(outage.pause(&error, "updates cannot be written down"), stop).await,
        }
    }
}

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;
