//! `/start`: a welcome, or the last step of connecting.
//!
//! A finish code comes back to whoever began; what that means is decided in `connect/finish.rs`. Here are only the words.

use bellhop_domain::{AuthorizationFailure, Capabilities, Capability, IntegrationId, Provider};
use bellhop_store::Actor;
use futures::future::BoxFuture;
use secrecy::ExposeSecret;

use super::{Command, OLD_BUTTON, Toast, agenda, connect, help};
use crate::bot::account::{Account, allow, in_part, in_words};
use crate::bot::commands::inbox;
use crate::bot::message::{Button, Message};
use crate::bot::press::Press;
use crate::bot::text::Text;
use crate::bot::visit::{Failure, Visit};
use crate::connect::Finish;

/// What the button in a group sends along.
pub const CONNECT: &str = "connect";

/// The command.
pub const COMMAND: Command = Command { name: "start", summary: "", also: &["hello", "hi", "begin"], run: start, press };

/// The press that opens the calendar below the message that says that it can be read.
const OPEN_CALENDAR: char = 'a';

fn start<'a>(visit: &'a Visit<'a>, payload: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        match payload {
            "" => {
                let accounts = Account::all(&visit.desk.app.store, visit.desk.tenant, visit.owner).await?;
                visit.say(welcome(!accounts.is_empty())).await.map(|_| ())
            }
            CONNECT => connect::offer(visit).await,
            code => finish(visit, code).await,
        }
    })
}

fn press<'a>(visit: &'a Visit<'a>, press: &'a Press) -> BoxFuture<'a, Result<Toast, Failure>> {
    Box::pin(async move {
        if press.action != OPEN_CALENDAR {
            return Ok(Some(OLD_BUTTON.to_owned()));
        }
        let anew = Visit { message: None, ..*visit };
        (agenda::COMMAND.run)(&anew, "").await.map(|()| None)
    })
}

/// Ends a walk. The exchange can take a while, so something is said first and then made into the result.
async fn finish(visit: &Visit<'_>, code: &str) -> Result<(), Failure> {
    let shown = visit.say(Text::new().plain("Finishing… I am asking for access now.")).await?;
    let desk = visit.desk;
    let actor = Actor::Owner(visit.owner);
    let finish = crate::connect::finish(&desk.app, desk.tenant, visit.owner, actor, code).await;
    let message = match &finish {
        Ok(finish) => finished(finish),
        Err(_) => interrupted(),
    };
    desk.speaker.edit(visit.chat, shown, &message).await?;
    finish?;
    Ok(())
}

fn welcome(is_connected: bool) -> Message {
    let text = Text::new()
        .bold("Hello, I am Bellhop.")
        .gap()
        .plain(
            "I keep an eye on your mail and your calendar and show them to you here. I can only read: nothing is sent, moved \
             or deleted.",
        )
        .gap()
        .then(help::list());
    if is_connected {
        return text.into();
    }
    let text = text.gap().plain("Connecting takes a minute and can be undone at any time.");
    Message::new(text).row(vec![Button::press("Connect Google", Press::new(connect::COMMAND.name, connect::OFFER))])
}

fn interrupted() -> Message {
    Text::new().plain("That was interrupted on my side. I am trying again…").into()
}

/// How a walk ended, in words.
#[must_use]
pub fn finished(finish: &Finish) -> Message {
    match finish {
        Finish::Connected { integration, email, asked, missing, reconnected } => {
            let name = email.as_ref().map_or("Your account", |email| email.expose_secret());
            let text = match asked {
                None => Text::new().plain("✅ ").theirs_bold(name, 80).plain(if *reconnected {
                    " is connected again."
                } else {
                    " is connected."
                }),
                Some(asked) => added(name, asked, missing),
            };
            with_access(*integration, text, asked.as_ref(), missing)
        }
        Finish::Failed { provider, reason, reconnects, accounts } => {
            let mut text = Text::new().plain("❌ ").plain(failed(*provider, *reason));
            if let Some((expected, came)) = accounts {
                text = text.gap().plain("Expected: ").theirs(expected, 80).line().plain("Chosen: ").theirs(came, 80);
            }
            // The same account again, unless it is gone.
            let again = match reconnects.filter(|_| *reason != AuthorizationFailure::Disconnected) {
                Some(integration) => Press::new(connect::COMMAND.name, connect::MEND).about(integration),
                None => Press::new(connect::COMMAND.name, connect::OFFER),
            };
            Message::new(text).row(vec![Button::press("Try again", again)])
        }
        Finish::UnknownCode => Message::new(Text::new().plain(
            "This finish link is not valid any more: it works once and for five minutes. Send /accounts to see whether \
             the account is connected already, or start again.",
        ))
        .row(vec![Button::press("Start again", Press::new(connect::COMMAND.name, connect::OFFER))]),
        Finish::NotYours => Text::new()
            .bold("Nothing was connected.")
            .line()
            .plain(
                "That link was made for somebody else, so I have thrown it away. If somebody sent it to you: it would \
                 have let them read your mail.",
            )
            .line()
            .plain("To connect your own account, send /connect.")
            .into(),
    }
}

/// What came of asking for something alone.
fn added(name: &str, asked: &Capabilities, missing: &Capabilities) -> Text {
    let gained: Capabilities = asked.difference(missing).copied().collect();
    let lost: Capabilities = missing.difference(asked).copied().collect();
    let text = if gained.is_empty() {
        Text::new().plain("Nothing new was allowed for ").theirs_bold(name, 80).plain(".")
    } else {
        Text::new()
            .plain(format!("✅ I can read {} now: ", in_words(&gained, " and ")))
            .theirs_bold(name, 80)
            .plain(".")
    };
    if lost.is_empty() {
        return text;
    }
    text.line().plain(format!("⚠️ Meanwhile the permission to read {} has ended.", in_words(&lost, " and ")))
}

/// What can be done with the access there is now, and the one button for what is missing.
fn with_access(
    integration: IntegrationId,
    mut text: Text,
    asked: Option<&Capabilities>,
    missing: &Capabilities,
) -> Message {
    let given = |capability| asked.is_none_or(|asked| asked.contains(&capability)) && !missing.contains(&capability);
    let mut buttons = vec![];
    if given(Capability::Mail) {
        text = text.line().plain("I am fetching your newest mail now.");
        let open = Press::new(inbox::COMMAND.name, inbox::OPEN_ANEW).about(integration);
        buttons.push(Button::press("Open the inbox", open));
    }
    if given(Capability::Calendar) {
        buttons.push(Button::press("Open the calendar", Press::new(COMMAND.name, OPEN_CALENDAR)));
    }
    let message = |text| Message::new(text).row(buttons);
    if missing.is_empty() {
        return message(text);
    }
    let mend = Press::new(connect::COMMAND.name, connect::MEND).about(integration);
    message(text.line().plain(in_part(missing))).row(vec![Button::press(&allow(missing), mend)])
}

/// Why a walk ended without access, and what to do.
fn failed(provider: Provider, reason: AuthorizationFailure) -> String {
    let name = provider.title();
    match reason {
        AuthorizationFailure::Denied => format!("You said no at {name}, so nothing was connected."),
        AuthorizationFailure::ProviderError => format!("{name} reported a problem of its own. Please try again."),
        AuthorizationFailure::Abandoned => "That took longer than the link lives. Please start again.".to_owned(),
        AuthorizationFailure::WrongIssuer | AuthorizationFailure::InvalidIdentity => {
            format!("The answer did not prove that it came from {name}, so I did not accept it. Please try again.")
        }
        AuthorizationFailure::ProviderUnavailable => {
            format!("{name} could not be reached just now. Please try again in a few minutes.")
        }
        AuthorizationFailure::ExchangeTimedOut => {
            format!("{name} took too long to answer, and I do not know whether it worked. A fresh link settles it.")
        }
        AuthorizationFailure::InvalidCode => format!("{name} did not accept the consent any more. Please start again."),
        AuthorizationFailure::InvalidClient | AuthorizationFailure::NotConfigured => {
            format!("The way I am registered with {name} is at fault. Please tell whoever runs this bot.")
        }
        AuthorizationFailure::MissingAccessToken | AuthorizationFailure::MalformedAnswer => {
            format!("{name} sent an answer that I could not use. Please try again.")
        }
        AuthorizationFailure::ProviderDisabled => format!("Connecting {name} is switched off here at the moment."),
        AuthorizationFailure::AlreadyConnected => {
            "You had connected this account before; its access has been brought up to date.".to_owned()
        }
        AuthorizationFailure::WrongAccount => {
            "You chose another account than the one to be mended, so I changed nothing. Try again and choose the first \
             one below, or send /connect to add the other."
                .to_owned()
        }
        AuthorizationFailure::Disconnected => {
            "The account was disconnected while you were away, so I changed nothing. Send /connect to connect it again."
                .to_owned()
        }
    }
}
