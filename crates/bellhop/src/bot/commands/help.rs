//! `/help`: what can be asked, made from the table of commands.

use futures::future::BoxFuture;

use super::{COMMANDS, Command, no_buttons};
use crate::bot::text::Text;
use crate::bot::visit::{Failure, Visit};

/// The command.
pub const COMMAND: Command =
    Command { name: "help", summary: "What I can do", also: &["commands", "menu"], run: help, press: no_buttons };

fn help<'a>(visit: &'a Visit<'a>, _: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(async move {
        let text = Text::new()
            .bold("What I can do")
            .line()
            .then(list())
            .gap()
            .plain("Or just ask: \u{201c}what's on tomorrow?\u{201d}, \u{201c}am I free on friday afternoon?\u{201d}, \u{201c}any mail from Anna?\u{201d}")
            .gap()
            .plain("I only read, and only what you connect.");
        visit.say(text).await.map(|_| ())
    })
}

/// Every listed command with what it does.
#[must_use]
pub fn list() -> Text {
    let lines: Vec<_> = COMMANDS
        .iter()
        .filter(|command| !command.summary.is_empty())
        .map(|command| format!("/{} – {}", command.name, command.summary))
        .collect();
    Text::new().plain(lines.join("\n"))
}
