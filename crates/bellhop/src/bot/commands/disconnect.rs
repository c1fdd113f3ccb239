//! `/disconnect`: asks first, ends the connection, and says what became of the access at the provider.

use bellhop_domain::{Event, Provider, RevocationOutcome, RevocationPlan};
use bellhop_store::{AuditEntry, ExecuteError, LiveMessage, Shows};
use futures::future::BoxFuture;

use super::{Command, NOT_YOURS, OLD_BUTTON, Toast, accounts};
use crate::actions::RevocationEnd;
use crate::bot::account::Account;
use crate::bot::message::{Button, Message};
use crate::bot::press::Press;
use crate::bot::text::Text;
use crate::bot::visit::{Failure, Visit};

/// The command.
pub const COMMAND: Command = Command {
    name: "disconnect",
    summary: "Disconnect an account and delete what I stored of it",
    also: &["remove", "delete", "unlink", "logout", "revoke", "stop"],
    run: disconnect,
    press,
};

/// The press that names the account.
const ASK: char = 'a';

/// The press that means it.
const CONFIRM: char = 'y';

/// The press that does not.
const KEEP: char = 'n';

fn disconnect<'a>(visit: &'a Visit<'a>, said: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let accounts = Account::all(&visit.desk.app.store, visit.desk.tenant, visit.owner).await?;
        visit.say(asked(&accounts, said)).await.map(|_| ())
    })
}

fn press<'a>(visit: &'a Visit<'a>, press: &'a Press) -> BoxFuture<'a, Result<Toast, Failure>> {
    Box::pin(async move {
        if !matches!(press.action, ASK | CONFIRM | KEEP) {
            return Ok(Some(OLD_BUTTON.to_owned()));
        }
        let Some(row) = visit.own(press.integration).await? else { return Ok(Some(NOT_YOURS.to_owned())) };
        let account = Account::of(&visit.desk.app.store, row).await?;
        match press.action {
            CONFIRM => end(visit, &account).await,
            _ if !account.row.status.is_linked() => Ok(Some("This account is disconnected already.".to_owned())),
            ASK => visit.show(&question(&account)).await.map(|_| None),
            _ => visit.show(&kept(&account)).await.map(|_| None),
        }
    })
}

/// Ends the connection. The same press handled again is the same command and says the same.
async fn end(visit: &Visit<'_>, account: &Account) -> Result<Toast, Failure> {
    let desk = visit.desk;
    let asked_at = desk.app.clock.now();
    let ended = crate::actions::disconnect(&desk.app, visit.context("disconnect"), account.id()).await;
    let ended = match ended {
        Ok(ended) => ended,
        Err(ExecuteError::Refused(refusal)) => return Ok(Some(refusal.to_string())),
        Err(ExecuteError::Store(error)) => return Err(error.into()),
    };
    let progress = match ended.plan {
        // Pressed again after the revocation had ended.
        RevocationPlan::Revoke => match ended.end {
            None => Revocation::Underway,
            Some(RevocationEnd::Answered(outcome)) => Revocation::Done(outcome),
            Some(RevocationEnd::GivenUp) => Revocation::Failed,
        },
        RevocationPlan::SharedAccount => Revocation::Shared,
        RevocationPlan::Nothing => Revocation::Nothing,
    };
    let message_id = visit.show(&ended_message(account, progress)).await?;
    if progress == Revocation::Underway {
        let live = LiveMessage {
            chat_id: visit.chat,
            message_id,
            owner: visit.owner,
            shows: Shows::Revocation { integration: account.id() },
            asked_at,
            shown: 0,
        };
        desk.app.store.put_live_message(desk.tenant, &live).await?;
        desk.live.notify_one();
    }
    Ok(None)
}

/// The question whether to disconnect the account that is meant, or which one. Whoever names an account that they do not have is
/// not asked about another as if they had named that.
fn asked(accounts: &[Account], said: &str) -> Message {
    let said = said.trim().to_lowercase();
    let is_meant =
        |account: &&Account| account.name().to_lowercase().contains(&said) || account.row.provider.name() == said;
    let named: Vec<&Account> = if said.chars().any(char::is_alphanumeric) {
        accounts.iter().filter(is_meant).collect()
    } else {
        accounts.iter().collect()
    };
    match (accounts, named.as_slice()) {
        ([], _) => accounts::none(),
        (_, [only]) => question(only),
        (_, []) => {
            chooser(accounts, Text::new().plain("No account of yours is called ").theirs_bold(&said, 60).plain(". "))
        }
        _ => chooser(accounts, Text::new()),
    }
}

fn chooser(accounts: &[Account], before: Text) -> Message {
    let message = Message::new(before.plain("Which account shall I disconnect? I will ask once more."));
    accounts.iter().fold(message, |message, account| {
        let press = Press::new(COMMAND.name, ASK).about(account.id());
        message.row(vec![Button::press(&account.name(), press)])
    })
}

fn question(account: &Account) -> Message {
    let name = account.name();
    let provider = account.row.provider.title();
    let text = Text::new().plain("Disconnect ").theirs_bold(&name, 80).plain("?").gap().plain(format!(
        "I delete the mail and the keys I keep of it and ask {provider} to take back my access. Your mail at \
             {provider} stays as it is."
    ));
    Message::new(text)
        .row(vec![Button::press(
            &format!("Yes, disconnect {name}"),
            Press::new(COMMAND.name, CONFIRM).about(account.id()),
        )])
        .row(vec![Button::press("No, keep it", Press::new(COMMAND.name, KEEP).about(account.id()))])
}

fn kept(account: &Account) -> Message {
    Text::new().theirs_bold(&account.name(), 80).plain(" stays connected.").into()
}

/// What became of the access at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// The provider is being asked.
    Underway,
    /// It has not answered within two minutes.
    Late,
    /// It answered.
    Done(RevocationOutcome),
    /// It was asked in vain until the job was given up.
    Failed,
    /// It was not asked, as another connection uses the same account.
    Shared,
    /// There was nothing to take back.
    Nothing,
}

/// What the log says became of a revocation, if it has come to an end.
#[must_use]
pub fn outcome(log: &[AuditEntry]) -> Option<Revocation> {
    log.iter().rev().find_map(|entry| match &entry.event {
        Event::AccessRevoked { outcome, .. } => Some(Revocation::Done(*outcome)),
        Event::JobBuried { payload, .. } if payload.kind() == bellhop_domain::JobKind::RevokeAccess => {
            Some(Revocation::Failed)
        }
        _ => None,
    })
}

/// The message after a disconnect.
#[must_use]
pub fn ended_message(account: &Account, revocation: Revocation) -> Message {
    let text =
        Text::new().theirs_bold(&account.name(), 80).plain(" is disconnected, and what I stored of it is deleted.");
    text.line().plain(at_provider(account.row.provider, revocation)).into()
}

fn at_provider(provider: Provider, revocation: Revocation) -> String {
    let name = provider.title();
    match revocation {
        Revocation::Underway => format!("Asking {name} to take back my access…"),
        Revocation::Late => format!(
            "{name} has not confirmed yet that my access is taken back. I keep asking; you can also remove me yourself \
             among the connections in your {name} account."
        ),
        Revocation::Done(RevocationOutcome::Revoked) => format!("✅ {name} confirmed that my access is taken back."),
        Revocation::Done(RevocationOutcome::AlreadyInvalid) => {
            format!("✅ {name} says that my access had ended before.")
        }
        Revocation::Done(RevocationOutcome::KeptForAnother) => format!(
            "The access at {name} itself stays, because the same account has been connected again in the meantime."
        ),
        Revocation::Failed => format!(
            "⚠️ {name} did not confirm that my access is taken back, and I have stopped asking. Remove me \
             among the connections in your {name} account to be sure. Whoever runs this bot knows and can try again."
        ),
        Revocation::Shared => format!(
            "The access at {name} itself stays, because another connection here uses the same account and would end with \
             it. It ends when the last of them is disconnected."
        ),
        Revocation::Nothing => format!("There was no access left to take back at {name}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::text::tests::read_as_telegram;

    #[test]
    fn the_account_that_was_named_is_asked_about_and_no_other() {
        let (ada, ben) = (Account::invented(1, "ada@mail.example"), Account::invented(2, "ben@work.example"));
        let said = |accounts: &[Account], said: &str| read_as_telegram(&asked(accounts, said).text.html()).unwrap();
        let both = [ada.clone(), ben];
        assert!(said(&both, "").starts_with("Which account shall I disconnect?"));
        assert!(said(&both, " Ben ").starts_with("Disconnect ben@work.example?"));
        assert!(said(&both, "example").starts_with("Which account shall I disconnect?"));
        assert!(said(&both, "Google").starts_with("Which account shall I disconnect?"), "both are of Google");
        assert!(
            said(&both, "\u{200b}?").starts_with("Which account shall I disconnect?"),
            "nothing that could be repeated"
        );
        let nobody = "No account of yours is called zoe. Which account shall I disconnect?";
        assert!(said(&both, "zoe").starts_with(nobody));
        let only = [ada];
        assert!(said(&only, "zoe").starts_with(nobody), "not asked about Ada's instead");
        assert!(said(&only, "").starts_with("Disconnect ada@mail.example?"));
    }
}
