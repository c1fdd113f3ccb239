//! A mail as one of a list: in the inbox and among what was found.

use bellhop_store::InboxMessage;
use chrono::{DateTime, Utc};

use crate::bot::person::Person;
use crate::bot::text::{Text, clean};

/// An entry of a list.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// Its number in the list, which the button that opens it says too.
    pub number: u32,
    /// What is known of the mail.
    pub message: &'a InboxMessage,
    /// The longest snippet, in UTF-16 units.
    pub longest_snippet: usize,
}

impl Entry<'_> {
    /// The entry.
    #[must_use]
    pub fn text(&self, person: &Person, now: DateTime<Utc>) -> Text {
        let content = &self.message.content;
        let subject = subject(&content.subject);
        let text = Text::new().plain(format!("{}. ", self.number));
        let text =
            if content.unread { text.plain("● ").theirs_bold(&subject, 120) } else { text.theirs(&subject, 120) };
        let text = text
            .line()
            .theirs(sender(&content.from), 60)
            .plain(format!(" · {}", person.at(now, self.message.received_at)));
        let snippet = Text::new().theirs_italic(&content.snippet, self.longest_snippet);
        if snippet == Text::new() { text } else { text.line().then(snippet) }
    }
}

/// A subject, or what stands for one.
#[must_use]
pub fn subject(subject: &str) -> String {
    match clean(subject) {
        empty if empty.is_empty() => "(no subject)".to_owned(),
        subject => subject,
    }
}

/// The name in a From header, or the address where there is no name or the name poses as another address.
#[must_use]
pub fn sender(from: &str) -> &str {
    let from = from.trim();
    let Some((name, address)) = from.rsplit_once('<') else {
        return if from.is_empty() { "(no sender)" } else { from };
    };
    let (name, address) = (name.trim().trim_matches('"').trim(), address.trim_end_matches('>').trim());
    if clean(name).is_empty() || (name.contains('@') && name != address) { address } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_a_name_unless_the_name_poses_as_an_address() {
        for (from, shown) in [
            ("Ada <ada@x.example>", "Ada"),
            ("\"Lovelace, Ada\" <ada@x.example>", "Lovelace, Ada"),
            ("<ada@x.example>", "ada@x.example"),
            ("\u{200b} <ada@x.example>", "ada@x.example"),
            ("ada@x.example", "ada@x.example"),
            ("security@bank.example <evil@x.example>", "evil@x.example"),
            ("", "(no sender)"),
        ] {
            assert_eq!(sender(from), shown, "{from}");
        }
    }
}
