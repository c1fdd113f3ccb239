//! `/connect`: a one-time link to a provider's consent.

use bellhop_domain::{IntegrationId, Provider, Status};
use futures::future::BoxFuture;
use url::Url;

use super::{Command, NOT_YOURS, OLD_BUTTON, Toast};
use crate::bot::account::{Account, in_part};
use crate::bot::message::{Button, Message};
use crate::bot::press::Press;
use crate::bot::text::Text;
use crate::bot::visit::{Failure, Visit};
use crate::connect::missing_alone;

/// The command.
pub const COMMAND: Command = Command {
    name: "connect",
    summary: "Connect a Google account",
    also: &["link", "add", "login", "google", "gmail"],
    run: |visit, _| Box::pin(offer(visit)),
    press,
};

/// The press that asks for a link to a new account.
pub const OFFER: char = 'o';

/// The press that asks for a link to mend an account.
pub const MEND: char = 'm';

/// Offers a link for each provider.
pub async fn offer(visit: &Visit<'_>) -> Result<(), Failure> {
    let mut links = vec![];
    for provider in Provider::ALL {
        if visit.desk.can_connect(provider) {
            links.push((provider, visit.desk.connect_link(visit.owner, provider, None).await?));
        }
    }
    let enabled = Provider::ALL.into_iter().any(|provider| visit.desk.app.is_enabled(provider));
    visit.say(invitation(links, enabled)).await.map(|_| ())
}

fn press<'a>(visit: &'a Visit<'a>, press: &'a Press) -> BoxFuture<'a, Result<Toast, Failure>> {
    Box::pin(async move {
        match (press.action, press.integration) {
            (OFFER, None) => offer(visit).await.map(|()| None),
            (MEND, Some(integration)) => mend(visit, integration).await,
            _ => Ok(Some(OLD_BUTTON.to_owned())),
        }
    })
}

/// Offers a fresh link for one account: the button under an old message.
async fn mend(visit: &Visit<'_>, integration: IntegrationId) -> Result<Toast, Failure> {
    let Some(row) = visit.own(Some(integration)).await? else { return Ok(Some(NOT_YOURS.to_owned())) };
    match row.status {
        Status::Active => return Ok(Some("This account is connected and well. There is nothing to mend.".to_owned())),
        Status::Disconnected | Status::Erased => {
            return Ok(Some("This account was disconnected. Send /connect to connect it again.".to_owned()));
        }
        Status::New | Status::Pending | Status::Failed | Status::Degraded | Status::Expired | Status::Error => {}
    }
    if !visit.desk.can_connect(row.provider) {
        return Ok(Some(switched_off(row.provider)));
    }
    let link = visit.desk.connect_link(visit.owner, row.provider, Some(integration)).await?;
    let account = Account::of(&visit.desk.app.store, row).await?;
    visit.say(mending(&account, link)).await?;
    Ok(None)
}

/// Said where a provider cannot be connected at the moment.
#[must_use]
pub fn switched_off(provider: Provider) -> String {
    format!(
        "Connecting {} is switched off here at the moment. Accounts that are connected go on working.",
        provider.title()
    )
}

fn invitation(links: Vec<(Provider, Url)>, enabled: bool) -> Message {
    if links.is_empty() {
        return Text::new()
            .plain(if enabled {
                "Whoever runs this bot has not finished setting it up: it is not registered with Google yet. Please ask \
                 them to run `bellhop doctor`."
                    .to_owned()
            } else {
                switched_off(Provider::Google)
            })
            .into();
    }
    let text = Text::new()
        .bold("Connect an account")
        .line()
        .plain("Tap the button, choose your account and say what I may read. Then you come back here.")
        .then(about_the_link());
    links.into_iter().fold(Message::new(text), |message, (provider, link)| {
        message.row(vec![Button::link(&format!("Connect {}", provider.title()), link)])
    })
}

fn mending(account: &Account, link: Url) -> Message {
    let (name, remedy) = (account.name(), account.remedy(None));
    let text = match missing_alone(&account.row) {
        Some(missing) => Text::new().theirs_bold(&name, 80).plain(": ").plain(in_part(&missing)).line().plain(
            "Tap the button, choose that same account and allow what is missing. Everything else stays as it is.",
        ),
        None => Text::new()
            .plain("Reconnect ")
            .theirs_bold(&name, 80)
            .line()
            .plain("Tap the button, choose that same account and leave every box ticked. Then you come back here."),
    };
    Message::new(text.then(about_the_link())).row(vec![Button::link(&remedy, link)])
}

/// In-app browsers can be web views, in which Google refuses to sign in.
fn about_the_link() -> Text {
    Text::new().plain(" The link is for you alone: it works once and for ten minutes.").gap().plain(
        "Should signing in be refused inside Telegram, open the page in your browser instead (⋮ or the compass).",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_button_and_never_in_the_text() {
        let link = Url::parse("https://bellhop.example/connect/abc").unwrap();
        let message = invitation(vec![(Provider::Google, link.clone())], true);
        assert!(!message.text.html().contains("bellhop.example"));
        assert_eq!(message.buttons, [[Button::link("Connect Google", link)]]);
    }

    #[test]
    fn what_cannot_be_connected_is_said_with_the_reason() {
        assert!(invitation(vec![], false).text.html().contains("switched off"));
        assert!(invitation(vec![], true).text.html().contains("bellhop doctor"));
    }
}
