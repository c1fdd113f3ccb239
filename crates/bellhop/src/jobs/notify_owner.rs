//! Telling an owner something they did not ask for: that access has ended, or that something keeps failing.
//!
//! The message is sent before it is recorded, so a crash in between sends it twice: hearing twice that an account needs
//! reconnecting is a nuisance, never hearing it is mail that silently stops. What is no longer so is not said at all.

use std::collections::BTreeSet;
use std::time::Duration;

use bellhop_domain::{Command, Delivery, Event, JobFailure, JobKind, Notice, Status};
use bellhop_store::{IntegrationRow, StoreError};
use chrono::TimeDelta;
use url::Url;

use super::{Effect, Run, Verdict};
use crate::app::App;
use crate::bot::account::{Account, expired, failing, in_part, keeps_failing, silent};
use crate::bot::commands::{accounts, connect};
use crate::bot::message::{Button, Message};
use crate::bot::press::Press;
use crate::bot::say::{Speaker, Trouble};
use crate::bot::text::Text;
use crate::connect::LinkFor;

/// How long to wait while the owner hears of the same outage about another account of theirs. It is said of this one too where it
/// outlasts that.
const WHILE_TOLD: Duration = Duration::from_mins(2);

/// How long after it has ended for one account an outage may last for another of the same provider: until its own breaker has been
/// tried, and its jobs have come round.
const ENDS_APART: TimeDelta = TimeDelta::minutes(3);

/// How many events of that time are looked at.
const LATELY: i64 = 100;

/// How long to wait where Telegram cannot be asked at all.
const AWAY: Duration = Duration::from_secs(30);

/// Sends the notice, if it is still true and there is somebody to send it to.
pub async fn run(notice: &Notice, app: &App, run: &Run) -> Verdict {
    match tell(notice, app, run).await {
        Ok(delivery) => {
            let notice = notice.clone();
            Verdict::Done(Effect::from(Command::RecordNotification { job: run.job, notice, delivery }))
        }
        Err(Untold::Later) => Verdict::wait(WHILE_TOLD),
        Err(Untold::Telegram(trouble)) => {
            let verdict = not_sent(trouble);
            let (integration, job) = (run.integration, run.job);
            match verdict {
                // The bot that listens says that Telegram is away; here it would be said again for every notice.
                Verdict::Wait { .. } => tracing::debug!(%integration, %job, %trouble, "a notice waits"),
                Verdict::Bury { .. } => tracing::error!(%integration, %job, %trouble, "Telegram refused a notice"),
                Verdict::Done(_) | Verdict::Again { .. } | Verdict::Retry { .. } => {
                    tracing::warn!(%integration, %job, %trouble, "a notice was not sent");
                }
            }
            verdict
        }
        Err(Untold::Store(error)) => {
            tracing::warn!(integration = %run.integration, job = %run.job, %error, "a notice was not sent");
            let reason =
                if matches!(error, StoreError::CannotOpen(_)) { JobFailure::Unreadable } else { JobFailure::Internal };
            Verdict::Retry { reason }
        }
    }
}

/// What Telegram's trouble means. An attempt is spent where the notice may have been sent; nothing was sent where Telegram is
/// away or does not take our token, and the owner must hear of it however long that lasts.
fn not_sent(trouble: Trouble) -> Verdict {
    match trouble {
        Trouble::SlowDown(after) => Verdict::wait(after),
        Trouble::Unreachable | Trouble::Unauthorized | Trouble::Conflict => Verdict::wait(AWAY),
        Trouble::NoAnswer | Trouble::Blocked => Verdict::Retry { reason: JobFailure::TelegramUnavailable },
        Trouble::Refused | Trouble::Gone => Verdict::Bury { reason: JobFailure::TelegramRefused },
    }
}

/// Why nobody was told.
enum Untold {
    /// Another notice says it.
    Later,
    Telegram(Trouble),
    Store(StoreError),
}

impl From<StoreError> for Untold {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn tell(notice: &Notice, app: &App, run: &Run) -> Result<Delivery, Untold> {
    let Some(row) = app.store.integration(run.tenant, run.integration).await? else { return Ok(Delivery::Outdated) };
    if !still_true(notice, app, &row).await? {
        return Ok(Delivery::Outdated);
    }
    let (Some(bot), Some(chat)) = (app.bot.clone(), app.store.chat_of(run.tenant, row.owner).await?) else {
        return Ok(Delivery::NoChat);
    };
    if is_said_already(notice, app, &row).await? {
        return Err(Untold::Later);
    }
    if chat.blocked {
        return Ok(Delivery::Blocked);
    }
    let owner = row.owner;
    let account = Account::of(&app.store, row).await?;
    let link = match notice {
        Notice::AccessExpired { .. } => link(app, &account).await?,
        Notice::AccessReduced { .. } | Notice::JobBuried { .. } | Notice::OutageBegan { .. } | Notice::TroubleOver => {
            None
        }
    };
    let left = match notice {
        Notice::TroubleOver => app.store.load(run.tenant, run.integration).await?.state.failing,
        _ => BTreeSet::new(),
    };
    // Waiting is the job's business: a run slot is not held for it.
    match Speaker::new(bot, Duration::ZERO).send(chat.id, &message(notice, &account, link, &left)).await {
        Ok(_) => Ok(Delivery::Sent),
        Err(Trouble::Blocked) => {
            app.store.mark_blocked(run.tenant, owner, true).await?;
            Ok(Delivery::Blocked)
        }
        Err(trouble) => Err(Untold::Telegram(trouble)),
    }
}

/// Whether what the notice says is still so.
async fn still_true(notice: &Notice, app: &App, row: &IntegrationRow) -> Result<bool, StoreError> {
    match notice {
        Notice::AccessExpired { .. } => Ok(row.status == Status::Expired),
        // Granted anew, or reduced further: that is said in words of its own.
        Notice::AccessReduced { missing } => {
            Ok(row.status.is_usable() && app.store.load(row.tenant, row.id).await?.state.missing == *missing)
        }
        // What a disconnect left undone at the provider stays true.
        Notice::JobBuried { kind: JobKind::RevokeAccess, .. } => Ok(row.status == Status::Disconnected),
        Notice::JobBuried { kind, .. } => {
            Ok(row.status.is_usable() && app.store.load(row.tenant, row.id).await?.state.told.contains(kind))
        }
        Notice::OutageBegan { .. } => {
            Ok(row.status.is_usable() && !app.store.load(row.tenant, row.id).await?.state.held.is_empty())
        }
        // Trouble that began meanwhile is said in words of its own.
        Notice::TroubleOver => {
            Ok(row.status.is_usable() && !app.store.load(row.tenant, row.id).await?.state.is_in_trouble())
        }
    }
}

/// Whether the owner hears of this outage about another account of theirs at the same provider: they have heard, or will, as of
/// several the first speaks that has something to say. One whose trouble was told before has not, nor has one whose notice was
/// given up.
async fn is_said_already(notice: &Notice, app: &App, row: &IntegrationRow) -> Result<bool, StoreError> {
    if !matches!(notice, Notice::OutageBegan { .. }) {
        return Ok(false);
    }
    for other in app.store.integrations(row.tenant, Some(row.owner)).await? {
        if other.id == row.id || other.provider != row.provider || !other.status.is_usable() {
            continue;
        }
        let state = app.store.load(other.tenant, other.id).await?.state;
        if state.held.is_empty() {
            if has_just_ended(app, &other).await? {
                return Ok(true);
            }
            continue;
        }
        if state.heard
            || (other.id < row.id && app.store.has_open_job(other.tenant, other.id, JobKind::NotifyOwner).await?)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether an outage of this account ended a moment ago: then that of another ends in a moment.
async fn has_just_ended(app: &App, account: &IntegrationRow) -> Result<bool, StoreError> {
    let since = app.clock.now() - ENDS_APART;
    let entries = app.store.audit(account.tenant, account.id, Some(since), LATELY).await?;
    Ok(entries.iter().any(|entry| matches!(entry.event, Event::OutageEnded { .. })))
}

/// A one-time link to reconnect, where that is possible at the moment.
async fn link(app: &App, account: &Account) -> Result<Option<Url>, StoreError> {
    let row = &account.row;
    if !(app.is_enabled(row.provider) && app.is_configured(row.provider)) {
        return Ok(None);
    }
    let wanted = LinkFor { tenant: row.tenant, owner: row.owner, provider: row.provider, reconnects: Some(row.id) };
    crate::connect::create_link(app, wanted).await.map(Some)
}

fn message(notice: &Notice, account: &Account, link: Option<Url>, left: &BTreeSet<JobKind>) -> Message {
    let provider = account.row.provider;
    match notice {
        Notice::AccessExpired { reason } => {
            let text = Text::new()
                .plain("🔴 ")
                .theirs_bold(&account.name(), 80)
                .plain(" needs to be connected again.")
                .gap()
                .plain(expired(provider, Some(*reason)))
                .plain(" Until then I show what I have stored.");
            let Some(link) = link else { return Message::new(text.gap().plain(connect::switched_off(provider))) };
            let text = text.gap().plain("The link works once and for ten minutes; later, ask for a new one.");
            let fresh = Press::new(connect::COMMAND.name, connect::MEND).about(account.id());
            Message::new(text)
                .row(vec![Button::link("Reconnect", link)])
                .row(vec![Button::press("Get a new link", fresh)])
        }
        Notice::AccessReduced { missing } => {
            let name = provider.title();
            let text = Text::new()
                .plain("🟡 ")
                .theirs_bold(&account.name(), 80)
                .line()
                .plain(in_part(missing))
                .plain(format!(
                    " {name} does not let me do more with the access that I have: it may have been taken back in your {name} \
                     account, or have come for a short while only."
                ));
            let mend = Press::new(connect::COMMAND.name, connect::MEND).about(account.id());
            Message::new(text).row(vec![Button::press(&account.remedy(None), mend)])
        }
        Notice::JobBuried { kind: JobKind::RevokeAccess, .. } => {
            let name = provider.title();
            Text::new()
                .plain("⚠️ ")
                .theirs_bold(&account.name(), 80)
                .plain(format!(
                    " is disconnected, but {name} did not confirm that my access is taken back, and I have \
                     stopped asking. Remove me among the connections in your {name} account to be sure. Whoever runs this bot \
                     has been told and can try again."
                ))
                .into()
        }
        Notice::OutageBegan { reason } => {
            let name = provider.title();
            Text::new()
                .plain("🟠 ")
                .theirs_bold(&account.name(), 80)
                .line()
                .plain(format!("For about ten minutes {name} has not let me do my work: {}.", silent(*reason)))
                .plain(" What I have stored of your mail and your calendar is still here, and says how old it is.")
                .gap()
                .plain(format!(
                    "I try again about every minute and go on by myself as soon as {name} answers. There is nothing for you to \
                     do; I will tell you when it is over."
                ))
                .into()
        }
        Notice::TroubleOver => {
            let text = Text::new().plain("✅ ").theirs_bold(&account.name(), 80).line().plain(format!(
                "{} answers again, and I am catching up with what came in meanwhile.",
                provider.title()
            ));
            let left = left.iter().filter_map(|kind| keeps_failing(*kind));
            left.fold(text, |text, words| text.line().plain(words)).into()
        }
        Notice::JobBuried { kind, reason } => {
            let what = match kind {
                JobKind::RefreshAccess => "I could not keep the access alive.",
                JobKind::FetchMail => "I could not fetch new mail.",
                JobKind::FetchCalendar => "I could not bring the calendar up to date.",
                JobKind::RevokeAccess | JobKind::NotifyOwner => "Something I do for this account failed.",
            };
            Text::new()
                .plain("🟠 ")
                .theirs_bold(&account.name(), 80)
                .line()
                .plain(what)
                .plain(" ")
                .plain(failing(provider, Some(*reason)))
                .gap()
                .plain(format!("Whoever runs this bot has been told. /{} shows how it is.", accounts::COMMAND.name))
                .into()
        }
    }
}

#[cfg(test)]
#[path = "notify_owner_tests.rs"]
mod tests;
