//! A mail as people read it in a chat: its own words without what it repeats, in pages that Telegram accepts, and its
//! attachments by names that cannot deceive. Without this, half of all mail would be an answer buried in markup, layout
//! and everything that was said before.
//!
//! Pure: from a message as the provider hands it over to values. Whatever comes is read: every step is bounded in length,
//! depth and time, and what was left out is said. Nothing in here asks anybody for anything.

pub mod attachment;
pub mod fold;
pub mod html;
pub mod lines;
pub mod links;
pub mod pages;
pub mod plain;
pub mod style;

use std::collections::BTreeSet;

use bellhop_providers::{Disposition, FullMessage, MailPart, PART_DEPTH_LIMIT, PartContent, decode_text};
use secrecy::ExposeSecret;

use fold::Passage;
use lines::{Line, Lines};
use plain::Flowed;

/// Plain text of fewer characters beside much more HTML says nothing by itself.
const STUB: usize = 40;

/// Plain text of fewer characters is looked through for a hint to look elsewhere.
const SHORT: usize = 400;

/// How many times more the HTML has to say, where the plain text is a stub.
const TIMES_MORE: usize = 4;

/// Texts that are fetched although the provider hands them over apart from their mail.
const MOST_STORED_TEXTS: usize = 4;

/// The largest picture within the text that is taken for a logo and not listed, in bytes. A photo has more.
const LARGEST_LOGO_BYTES: u64 = 32 * 1024;

/// What plain text says that is there only for those who cannot see the mail itself.
const STUBS: &[&str] = &[
    "view this email",
    "view in browser",
    "view in your browser",
    "view online",
    "in your browser",
    "html",
    "im browser",
    "online ansehen",
    "navigateur",
    "version en ligne",
    "navegador",
    "nel browser",
    "in uw browser",
    "przegląda",
];

/// A mail that has been read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Letter {
    /// Its text.
    pub passages: Vec<Passage>,
    /// Whether it has more text than is taken from one mail.
    pub is_cut: bool,
    /// What is attached, in the order of the mail.
    pub attachments: Vec<Attachment>,
}

/// Something attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its place in [`FullMessage::parts`].
    pub part: usize,
    /// What it is called, safe to show and as the name of a file.
    pub name: String,
    /// What kind of thing it is.
    pub kind: &'static str,
    /// How big it is, by the provider's word.
    pub size_bytes: u64,
    /// Whether there is anything to send: a mail within the mail is read out instead.
    pub is_sendable: bool,
}

impl Letter {
    /// Reads a mail.
    #[must_use]
    pub fn read(mail: &FullMessage) -> Self {
        let mut reader = Reader { mail, attached: vec![], pictures: BTreeSet::new() };
        let outermost: Vec<_> = mail.parts_in(None).map(|(index, _)| index).collect();
        let body = reader.each(&outermost, 0);
        let has_text = body.characters() > 0;
        let subject = mail.subject.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
        Self {
            passages: fold::fold(&body.kept, fold::is_forward_subject(subject)),
            is_cut: body.is_cut || mail.is_cut,
            attachments: reader.attachments(has_text),
        }
    }
}

/// The parts that are text of the mail but are kept by the provider apart from it, as large ones may be: to be fetched and
/// put in their place before the mail is read.
#[must_use]
pub fn stored_texts(mail: &FullMessage) -> Vec<usize> {
    let is_stored = |part: &MailPart| matches!(part.content, PartContent::Stored { .. });
    let texts = mail.parts.iter().enumerate().filter(|(_, part)| is_text(part) && is_stored(part));
    texts.map(|(index, _)| index).take(MOST_STORED_TEXTS).collect()
}

struct Reader<'a> {
    mail: &'a FullMessage,
    attached: Vec<usize>,
    /// The ids of pictures that the text shows.
    pictures: BTreeSet<String>,
}

impl Reader<'_> {
    /// The text of parts that follow each other.
    fn each(&mut self, parts: &[usize], depth: usize) -> Lines {
        let mut all = Lines::default();
        for index in parts {
            let lines = self.part(*index, depth);
            if lines.characters() == 0 {
                all.is_cut |= lines.is_cut;
                continue;
            }
            if !all.kept.is_empty() {
                // What stands behind an enclosed mail is not part of it.
                let opens = all.kept.iter().any(|line| line.opens);
                all.push(Line { opens, ..Line::default() });
            }
            all.is_cut |= lines.is_cut;
            lines.kept.into_iter().for_each(|line| all.push(line));
        }
        all
    }

    /// The text of a part. What is not text is attached.
    fn part(&mut self, index: usize, depth: usize) -> Lines {
        let Some(part) = self.mail.parts.get(index).filter(|_| depth <= PART_DEPTH_LIMIT) else {
            return Lines::left_out();
        };
        let inner: Vec<_> = self.mail.parts_in(Some(index)).map(|(inner, _)| inner).collect();
        match part.mime_type.as_str() {
            "multipart/alternative" => self.alternative(&inner, depth + 1),
            container if container.starts_with("multipart/") => self.each(&inner, depth + 1),
            container if container.starts_with("message/") => {
                self.attached.push(index);
                enclosed(container, self.each(&inner, depth + 1))
            }
            // Written for mail programs that run programs of the sender's.
            "text/x-amp-html" => Lines::default(),
            kind if is_text(part) && has_content(part) => self.text(part, kind != "text/html"),
            _ if is_nothing(part) => Lines::default(),
            _ => {
                self.attached.push(index);
                Lines::default()
            }
        }
    }

    fn text(&mut self, part: &MailPart, is_plain: bool) -> Lines {
        let PartContent::Inline(bytes) = &part.content else { return Lines::default() };
        let text = decode_text(bytes.expose_secret(), part.charset.as_deref());
        if is_plain && !is_html(&text) {
            let flowed = if plain::seems_flowed(&text) { Flowed::Yes } else { Flowed::No };
            return plain::read(&text, flowed);
        }
        let reading = html::read(&text);
        self.pictures.extend(reading.pictures);
        reading.lines
    }

    /// Plain text, unless it says nothing and another kind does.
    fn alternative(&mut self, parts: &[usize], depth: usize) -> Lines {
        let mut plain: Option<Lines> = None;
        let mut other: Option<Lines> = None;
        for index in parts {
            let is_plain = self.mail.parts.get(*index).is_some_and(|part| part.mime_type == "text/plain");
            let lines = self.part(*index, depth);
            let kept = if is_plain { &mut plain } else { &mut other };
            // The last of a kind is the best of it (RFC 2046, section 5.1.4), unless it is empty.
            if kept.as_ref().is_none_or(|kept| kept.characters() == 0) || lines.characters() > 0 {
                *kept = Some(lines);
            }
        }
        match (plain, other) {
            (Some(plain), Some(other)) if is_stub(&plain, &other) => other,
            (Some(plain), _) => plain,
            (None, other) => other.unwrap_or_default(),
        }
    }

    fn attachments(&self, has_text: bool) -> Vec<Attachment> {
        let parts = self.attached.iter().filter_map(|index| Some((*index, self.mail.parts.get(*index)?)));
        let listed = parts.filter(|(_, part)| !(has_text && self.is_within_text(part)));
        listed.enumerate().map(|(number, (index, part))| attachment_of(index, part, number + 1)).collect()
    }

    /// Whether a part is a small picture that the text shows: a logo, mostly.
    fn is_within_text(&self, part: &MailPart) -> bool {
        let Some(id) = &part.content_id else { return false };
        let is_small = part.size_bytes <= LARGEST_LOGO_BYTES;
        is_small && self.pictures.contains(id.expose_secret()) && part.mime_type.starts_with("image/")
    }
}

fn attachment_of(index: usize, part: &MailPart, number: usize) -> Attachment {
    let given = part.file_name.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
    let name = attachment::file_name(given, &part.mime_type, number);
    Attachment {
        part: index,
        kind: attachment::kind(&name, &part.mime_type),
        name,
        size_bytes: part.size_bytes,
        is_sendable: !matches!(part.content, PartContent::Empty),
    }
}

/// Whether a part is text that is shown within the mail.
fn is_text(part: &MailPart) -> bool {
    let is_named = part.file_name.as_ref().is_some_and(|name| !name.expose_secret().is_empty());
    let is_attached =
        part.disposition == Disposition::Attachment || (is_named && part.disposition == Disposition::Unsaid);
    let kind = part.mime_type.as_str();
    matches!(kind, "text/plain" | "text/html" | "text" | "text/enriched" | "text/markdown" | "") && !is_attached
}

fn has_content(part: &MailPart) -> bool {
    !matches!(part.content, PartContent::Stored { .. })
}

/// Whether there is nothing to a part, not even a name.
fn is_nothing(part: &MailPart) -> bool {
    matches!(part.content, PartContent::Empty) && part.file_name.is_none() && part.size_bytes == 0
}

/// Text of a mail within a mail, or of a report on one, under a heading: it is not the words of whoever sent it on.
fn enclosed(kind: &str, lines: Lines) -> Lines {
    if lines.characters() == 0 {
        return lines;
    }
    let mut parted = Lines::default();
    parted.is_cut = lines.is_cut;
    let heading = if matches!(kind, "message/rfc822" | "message/global") { "Attached mail:" } else { "———" };
    parted.push(Line { opens: true, ..Line::new(0, heading) });
    for (index, line) in lines.kept.into_iter().enumerate() {
        parted.push(Line { opens: line.opens || index == 0, ..line });
    }
    parted
}

/// Whether plain text is there for form's sake only, beside another kind that has more to say.
fn is_stub(plain: &Lines, other: &Lines) -> bool {
    let (said, more) = (plain.characters(), other.characters());
    if said == 0 {
        return more > 0;
    }
    if said > SHORT || more < said.saturating_mul(TIMES_MORE) {
        return false;
    }
    let text: Vec<_> = plain.kept.iter().map(|line| line.text.to_lowercase()).collect();
    said < STUB || STUBS.iter().any(|hint| text.iter().any(|line| line.contains(hint)))
}

/// Whether text that calls itself plain is HTML.
fn is_html(text: &str) -> bool {
    let begin = beginning(text.trim_start(), 20).to_ascii_lowercase();
    ["<!doctype html", "<html"].iter().any(|sign| begin.starts_with(sign))
}

/// The longest beginning of at most this many bytes.
fn beginning(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
pub mod corpus;
#[cfg(test)]
pub mod mime;
#[cfg(test)]
#[path = "letter/letter_tests.rs"]
mod tests;
