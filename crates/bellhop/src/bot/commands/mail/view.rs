//! An opened mail as a message: a pure function of what was fetched.

use bellhop_domain::IntegrationId;
use bellhop_providers::FullMessage;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::entry::{address, sender, subject};
use super::place::Place;
use super::{ATTACHMENT, COMMAND, TURN};
use crate::bot::commands::inbox;
use crate::bot::message::{Button, Message};
use crate::bot::person::Person;
use crate::bot::press::Press;
use crate::bot::text::{Text, shorten};
use crate::letter::pages::{Pages, Quotes};
use crate::letter::{Letter, attachment};

/// Attachments that get a button.
const MOST_ATTACHMENTS: usize = 8;

/// The longest name of a file on a button, in UTF-16 units: its kind and size follow.
const LONGEST_NAME: usize = 24;

/// Receivers that are named.
const MOST_RECEIVERS: usize = 3;

/// An opened mail.
pub struct View<'a> {
    /// The mail as it was fetched.
    pub mail: &'a FullMessage,
    /// The same, read.
    pub letter: &'a Letter,
    /// Whose it is.
    pub integration: IntegrationId,
    /// The account's name, where there are several.
    pub account: Option<&'a str>,
    /// What stands for the mail in buttons.
    pub handle: i64,
    /// Where in it somebody is.
    pub place: Place,
    /// Who reads it.
    pub person: &'a Person,
    /// When it is shown.
    pub now: DateTime<Utc>,
}

impl View<'_> {
    /// The message.
    #[must_use]
    pub fn message(&self) -> Message {
        let page = Pages::of(self.letter, self.place.quotes).page(self.place.page);
        let mut text = self.heading();
        if page.of > 1 {
            text = text.line().plain(format!("Page {} of {}", page.number + 1, page.of));
        }
        text = text.gap();
        text = if page.text == Text::new() { text.plain(self.instead_of_text()) } else { text.then(page.text) };
        if self.letter.is_cut && page.number + 1 == page.of {
            text = text.gap().plain("This mail goes on. Open it in your mail program to read the rest.");
        }
        let more = self.letter.attachments.len().saturating_sub(MOST_ATTACHMENTS);
        if more > 0 {
            let files = if more == 1 { "attachment" } else { "attachments" };
            text = text.gap().plain(format!("{more} more {files} can be opened in your mail program."));
        }
        let mut message = Message::new(text);
        let turn = |place: Place| self.press(TURN).number(place.number());
        let mut pages = vec![];
        if page.number > 0 {
            let place = Place { page: page.number - 1, ..self.place };
            pages.push(Button::press(&format!("◀ Page {}", page.number), turn(place)));
        }
        if page.number + 1 < page.of {
            let place = Place { page: page.number + 1, ..self.place };
            pages.push(Button::press(&format!("Page {} ▶", page.number + 2), turn(place)));
        }
        message = message.row(pages);
        for (index, attached) in self.letter.attachments.iter().enumerate().take(MOST_ATTACHMENTS) {
            if attached.is_sendable {
                let press = self.press(ATTACHMENT).number(u32::try_from(index).unwrap_or(u32::MAX));
                message = message.row(vec![Button::press(&attachment_label(attached), press)]);
            }
        }
        message.row(self.last_row(page.hides_quotes))
    }

    /// What stands where there is no text: why, as far as it is known.
    fn instead_of_text(&self) -> &'static str {
        let has = |kind: &str| self.letter.attachments.iter().any(|attached| attached.kind == kind);
        if has(attachment::ENCRYPTED) {
            "(This mail is encrypted or signed as a whole, so I cannot read it. Open it in your mail program.)"
        } else if has(attachment::OUTLOOK) {
            "(This mail is in Outlook's own format, which I cannot read. Open it in your mail program.)"
        } else if self.letter.is_cut || !self.letter.attachments.is_empty() {
            "(no text)"
        } else {
            "(This mail is empty.)"
        }
    }

    fn heading(&self) -> Text {
        let mail = self.mail;
        let text = Text::new().plain("✉️ ").theirs_bold(&subject(exposed(mail.subject.as_ref())), 250);
        let mut text = text.line().plain("From ").then(from(exposed(mail.from.as_ref())));
        for (label, header) in [("To ", &mail.to), ("Cc ", &mail.cc)] {
            let header = exposed(header.as_ref());
            if !header.trim().is_empty() {
                text = text.line().plain(label).then(receivers(header));
            }
        }
        let when = mail.internal_date.map(|at| self.person.at(self.now, at));
        if let Some(when) = when {
            text = text.line().plain(when);
        }
        match self.account {
            Some(name) => text.plain(" · 📬 ").theirs(name, 80),
            None => text,
        }
    }

    fn press(&self, action: char) -> Press {
        Press::new(COMMAND.name, action).about(self.integration).item(self.handle)
    }

    fn last_row(&self, hides_quotes: bool) -> Vec<Button> {
        let mut row = vec![];
        let quotes = match self.place.quotes {
            Quotes::Folded => hides_quotes.then_some(("Show quoted", Quotes::Shown)),
            Quotes::Shown => Some(("Hide quoted", Quotes::Folded)),
        };
        if let Some((label, quotes)) = quotes {
            let place = Place { page: 0, quotes, ..self.place };
            row.push(Button::press(label, self.press(TURN).number(place.number())));
        }
        row.extend(back(self.integration, self.place));
        row
    }
}

/// The button back to the list, where there is a list to go back to.
pub fn back(integration: IntegrationId, place: Place) -> Option<Button> {
    let page = place.inbox_page?;
    let press = Press::new(inbox::COMMAND.name, inbox::OPEN).about(integration).number(page);
    Some(Button::press("◀ Inbox", press))
}

fn attachment_label(attached: &crate::letter::Attachment) -> String {
    let is_risky = attachment::is_risky(attached.kind);
    let mark = if is_risky { "⚠️" } else { "📎" };
    let name = attachment::shorten(&attached.name, LONGEST_NAME);
    let size = attachment::size(attached.size_bytes);
    // Where the name says what kind it is, its ending does so more exactly.
    let says_kind = name.contains('.') && !is_risky;
    if says_kind { format!("{mark} {name} · {size}") } else { format!("{mark} {name} · {} · {size}", attached.kind) }
}

/// Who wrote, by name and address: a name is whatever its bearer likes.
fn from(header: &str) -> Text {
    let name = sender(header);
    let text = Text::new().theirs(&name, 100);
    match address(header).filter(|address| !address.is_empty() && *address != name) {
        Some(address) => text.plain(" · ").theirs(address, 100),
        None => text,
    }
}

/// Who gets a mail: the first few by name, the rest by number.
fn receivers(header: &str) -> Text {
    let all = addresses(header);
    let mut text = Text::new();
    for (index, address) in all.iter().take(MOST_RECEIVERS).enumerate() {
        text = if index > 0 { text.plain(", ") } else { text };
        text = text.theirs(&sender(address), 40);
    }
    match all.len().saturating_sub(MOST_RECEIVERS) {
        0 => text,
        1 => text.plain(" and 1 more"),
        more => text.plain(format!(" and {more} more")),
    }
}

/// The addresses of a header: parted by commas that are not quoted.
fn addresses(header: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = header.split(move |character| {
        let parts = character == ',' && !quoted;
        quoted ^= character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        parts
    });
    parts.map(str::trim).filter(|address| !address.is_empty()).collect()
}

/// A header, shortened before anybody looks at it.
fn exposed(header: Option<&SecretString>) -> &str {
    header.map(ExposeSecret::expose_secret).unwrap_or_default()
}

/// The words under a file: from which mail it is.
#[must_use]
pub fn caption(mail: &FullMessage) -> Text {
    Text::new().plain("From ").theirs(&shorten(&subject(exposed(mail.subject.as_ref())), 150), 150)
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
