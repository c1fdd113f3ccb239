//! The commands: one file each, and one line each in [`COMMANDS`], which `/help` and Telegram's own menu are made from.

pub mod accounts;
pub mod agenda;
pub mod calendars;
pub mod connect;
pub mod disconnect;
pub mod free;
pub mod help;
pub mod inbox;
pub mod mail;
pub mod search;
pub mod settings;
pub mod start;
pub mod timezone;

use futures::future::BoxFuture;

use super::press::{LONGEST_COMMAND, Press};
use super::visit::{Failure, Visit};

/// Every command, in the order in which people are shown them.
pub const COMMANDS: &[&Command] = &[
    &connect::COMMAND,
    &inbox::COMMAND,
    &mail::COMMAND,
    &search::COMMAND,
    &agenda::COMMAND,
    &free::COMMAND,
    &calendars::COMMAND,
    &timezone::COMMAND,
    &settings::COMMAND,
    &accounts::COMMAND,
    &disconnect::COMMAND,
    &help::COMMAND,
    &start::COMMAND,
];

/// What a press is answered with beside what it shows: a word, where one is needed.
pub type Toast = Option<String>;

/// One command.
pub struct Command {
    /// Its name, without the slash.
    pub name: &'static str,
    /// What it does, as the menu and `/help` say it; empty for one that is not listed.
    pub summary: &'static str,
    /// Words that people use for what it does.
    pub also: &'static [&'static str],
    /// Handles it, with what followed the name.
    pub run: for<'a> fn(&'a Visit<'a>, &'a str) -> BoxFuture<'a, Result<(), Failure>>,
    /// Handles a press on one of its buttons.
    pub press: for<'a> fn(&'a Visit<'a>, &'a Press) -> BoxFuture<'a, Result<Toast, Failure>>,
}

// A name that a button cannot carry, or that Telegram refuses, must not get as far as a running bot.
const _: () = {
    let mut index = 0;
    while index < COMMANDS.len() {
        assert!(COMMANDS[index].name.len() <= LONGEST_COMMAND, "a command's name is too long for its buttons");
        index += 1;
    }
};

/// The command of this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().copied().find(|command| command.name == name)
}

/// Said to a button that this release does not know.
pub const OLD_BUTTON: &str = "This button is from an older message and no longer works. Send /help to see what does.";

/// Said to a button about an account that the presser does not have, or no longer has.
pub const NOT_YOURS: &str = "That account is not one of yours, or no longer connected. Send /accounts to see yours.";

/// For commands without buttons.
fn no_buttons<'a>(_: &'a Visit<'a>, _: &'a Press) -> BoxFuture<'a, Result<Toast, Failure>> {
    Box::pin(async { Ok(Some(OLD_BUTTON.to_owned())) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telegram_takes_every_command() {
        for command in COMMANDS {
            assert!(
                !command.name.is_empty() && command.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
                "{}",
                command.name
            );
            assert!(command.summary.is_empty() || (3..=256).contains(&command.summary.len()), "{}", command.name);
            let alike = COMMANDS.iter().filter(|other| other.name == command.name).count();
            assert_eq!(alike, 1, "{} is there twice", command.name);
        }
    }
}
