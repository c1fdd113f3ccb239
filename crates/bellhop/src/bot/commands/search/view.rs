//! What was found as a message: a pure function of what each account answered.

use bellhop_store::InboxMessage;
use chrono::{DateTime, Utc};

use crate::bot::account::Account;
use crate::bot::commands::connect;
use crate::bot::commands::mail::entry::Entry;
use crate::bot::commands::mail::opener;
use crate::bot::commands::mail::trouble::{Remedy, Trouble};
use crate::bot::message::{Button, Message};
use crate::bot::person::Person;
use crate::bot::press::Press;
use crate::bot::text::Text;

/// Buttons next to each other.
const BUTTONS_IN_A_ROW: usize = 6;

/// The longest snippet of what was found, in UTF-16 units; shorter where several accounts answer.
const LONGEST_SNIPPET: usize = 140;

/// The most words that are named as not looked at.
const MOST_NAMED: usize = 4;

/// What came of looking in one account.
pub struct Looked {
    /// Where.
    pub account: Account,
    /// How.
    pub how: How,
    /// What was found, newest first.
    pub found: Vec<InboxMessage>,
    /// Whether there is more.
    pub has_more: bool,
}

/// How an account was looked through.
pub enum How {
    /// The provider was asked.
    Asked,
    /// It could not be, so what is stored was looked through.
    Stored {
        /// Why it could not be asked.
        trouble: Trouble,
        /// How many mails are stored.
        total: i64,
        /// When the provider was last looked at.
        checked_at: Option<DateTime<Utc>>,
        /// What of the question cannot be told from what is stored.
        unanswerable: Vec<String>,
    },
    /// It was not.
    Not(Trouble),
}

/// What was found.
pub struct View<'a> {
    /// What was looked for.
    pub question: &'a str,
    /// What came of it, account by account.
    pub looked: &'a [Looked],
    /// Accounts that were not looked in, as there are too many.
    pub left_out: &'a [Account],
    /// Who looks.
    pub person: &'a Person,
    /// When it is shown.
    pub now: DateTime<Utc>,
}

impl View<'_> {
    /// The message.
    #[must_use]
    pub fn message(&self) -> Message {
        let several = self.looked.len() > 1;
        let longest_snippet = if several { LONGEST_SNIPPET / 2 } else { LONGEST_SNIPPET };
        let mut text = Text::new().plain("🔎 ").theirs_bold(self.question, 100);
        let (mut openers, mut remedies, mut number) = (vec![], vec![], 0);
        for looked in self.looked {
            if several {
                text = text.gap().plain("📬 ").theirs_bold(&looked.account.name(), 60);
            }
            if let Some(note) = self.note(looked) {
                text = text.line().plain("⚠️ ").then(note);
            }
            for message in &looked.found {
                number += 1;
                let entry = Entry { number, message, longest_snippet };
                text = text.gap().then(entry.text(self.person, self.now));
                openers.push(opener(&looked.account, message, number, None));
            }
            let was_looked = !matches!(looked.how, How::Not(_));
            if looked.found.is_empty() && was_looked {
                text = text.gap().plain("Nothing found.");
            }
            if looked.has_more {
                text = text.gap().plain("There are more. Narrow it down: from:anna, subject:invoice, after:2026/10/1.");
            }
            remedies.extend(remedy(looked, several));
        }
        for (index, account) in self.left_out.iter().take(MOST_NAMED).enumerate() {
            text = if index == 0 { text.gap().plain("⚠️ Not searched: ") } else { text.plain(", ") };
            text = text.theirs(&account.name(), 60);
        }
        text = match self.left_out.len().saturating_sub(MOST_NAMED) {
            _ if self.left_out.is_empty() => text,
            0 => text.plain(". That is more accounts than I search at once."),
            more => text.plain(format!(" and {more} more. That is more accounts than I search at once.")),
        };
        let mut message = Message::new(text);
        for row in openers.chunks(BUTTONS_IN_A_ROW) {
            message = message.row(row.to_vec());
        }
        remedies.into_iter().fold(message, |message, remedy| message.row(vec![remedy]))
    }

    /// What has to be known about an answer that is not the provider's.
    fn note(&self, looked: &Looked) -> Option<Text> {
        let (trouble, total, checked_at, unanswerable) = match &looked.how {
            How::Asked => return None,
            How::Not(trouble) => return Some(Text::new().plain("Not searched. ").plain(trouble.words())),
            How::Stored { trouble, total, checked_at, unanswerable } => (trouble, *total, *checked_at, unanswerable),
        };
        let mails = if total == 1 { "newest mail".to_owned() } else { format!("{total} newest mails") };
        let checked = match checked_at {
            Some(at) => format!("checked {}", self.person.at(self.now, at)),
            None => "which are not all there yet".to_owned(),
        };
        let mut text = Text::new().plain(&trouble.what).plain(format!(
            " So I looked only through sender, subject and first words of the {mails} I have stored, {checked}."
        ));
        if !unanswerable.is_empty() {
            text = text.plain(" I could not look for ");
            for (index, word) in unanswerable.iter().take(MOST_NAMED).enumerate() {
                text = if index > 0 { text.plain(", ") } else { text };
                text = text.theirs(word, 40);
            }
            text = text.plain(" there.");
        }
        Some(text)
    }
}

fn remedy(looked: &Looked, several: bool) -> Option<Button> {
    let (How::Stored { trouble, .. } | How::Not(trouble)) = &looked.how else { return None };
    let mend = Press::new(connect::COMMAND.name, connect::MEND).about(looked.account.id());
    let name = looked.account.name();
    (trouble.remedy == Remedy::Mend)
        .then(|| Button::press(&looked.account.remedy(several.then_some(name.as_str())), mend))
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
