//! A mail as one of a list: in the inbox and among what was found.

use bellhop_store::InboxMessage;
use chrono::{DateTime, Utc};
use unicode_normalization::UnicodeNormalization;

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
            .theirs(&sender(&content.from), 60)
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

/// The name in a From header, or the address where there is no name or the name poses as another address. A header that
/// can be read in two ways is shown whole.
#[must_use]
pub fn sender(from: &str) -> String {
    match mailbox(from) {
        Mailbox::Nobody => "(no sender)".to_owned(),
        Mailbox::Bare(address) => address.to_owned(),
        Mailbox::Unclear(whole) => format!("(unclear) {whole}"),
        Mailbox::Named(name, address) => {
            let poses = name.nfkc().any(|one| matches!(one, '@' | '<' | '>')) && name != address;
            if clean(&name).is_empty() || poses { address.to_owned() } else { name }
        }
    }
}

/// The address in a From header, where a name may stand before it.
#[must_use]
pub fn address(from: &str) -> Option<&str> {
    match mailbox(from) {
        Mailbox::Named(_, address) => Some(address),
        _ => None,
    }
}

/// Who a header names (RFC 5322, section 3.4).
enum Mailbox<'a> {
    Nobody,
    /// An address alone.
    Bare(&'a str),
    /// A name, perhaps an empty one, and an address.
    Named(String, &'a str),
    /// Perhaps one address, perhaps another: headers are decoded before they get here, so that a name or a comment may
    /// hold what looks like the marks around an address.
    Unclear(&'a str),
}

fn mailbox(header: &str) -> Mailbox<'_> {
    let header = header.trim();
    if header.is_empty() {
        return Mailbox::Nobody;
    }
    let Some((name, address)) = header.rsplit_once('<') else {
        return if header.contains('>') { Mailbox::Unclear(header) } else { Mailbox::Bare(header) };
    };
    // Comments end in a bracket of their own: what ends in this one ends in the true address.
    let Some(address) = address.strip_suffix('>').map(str::trim).filter(|address| !address.contains(['>', '"', '(']))
    else {
        return Mailbox::Unclear(header);
    };
    let name = name.trim();
    match unquoted(name) {
        Some(name) => Mailbox::Named(name.trim().to_owned(), address),
        None if name.contains(['<', '>']) => Mailbox::Unclear(header),
        None => Mailbox::Named(name.trim_matches('"').trim().to_owned(), address),
    }
}

/// What one quoted string says.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let (mut said, mut escaped) = (String::with_capacity(inner.len()), false);
    for one in inner.chars() {
        match one {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return None,
            _ => {
                escaped = false;
                said.push(one);
            }
        }
    }
    (!escaped).then_some(said)
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
            ("\"Bank <security@bank.example>\" <evil@x.example>", "evil@x.example"),
            ("security\u{ff20}bank.example <evil@x.example>", "evil@x.example"),
            ("\"Ada \\\"Countess\\\" L.\" <ada@x.example>", "Ada \"Countess\" L."),
        ] {
            assert_eq!(sender(from), shown, "{from}");
        }
    }

    #[test]
    fn a_sender_that_can_be_read_in_two_ways_is_shown_whole() {
        for from in [
            "evil@x.example (Bank <security@bank.example>)",
            "evil@x.example (<security@bank.example>)",
            "<evil@x.example> <security@bank.example>",
            "A <security@bank.example> ( <evil@x.example> ())",
            "\"a\" <evil@x.example> \"b\" <security@bank.example>",
            "\" <evil@x.example> (\" <security@bank.example>)",
        ] {
            assert_eq!(sender(from), format!("(unclear) {from}"));
        }
    }
}
