//! A mail taken apart: its headers, its text, and the tree of its parts.
//!
//! RFC 5322 and RFC 2045 to 2047, read as leniently as mail is written: whatever the bytes are, something comes out. How the
//! tree is shown is Gmail's business (`payload.rs`).

use std::borrow::Cow;

use mail_parser::{
    Encoding, Message, MessageParser, MessagePart, MimeHeaders, PartType,
    decoders::{base64::base64_decode, quoted_printable::quoted_printable_decode},
    parsers::MessageStream,
};

/// Mails within mails beyond this many are not opened: taking them apart would take them apart one inside the other.
const MOST_NESTED_MAILS: usize = 50;
/// Parts within parts beyond this depth are left out.
const DEEPEST: usize = 40;

/// Everything about a mail that answers need.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The first readable text, of a plain part or of HTML without its tags.
    pub text: String,
    pub html: Option<String>,
    pub root: Part,
}

/// One part, with its transfer encoding undone.
#[derive(Debug, Default)]
pub struct Part {
    /// Where it is in the tree: empty for the mail itself, then `0`, `1`, `1.0`.
    pub id: String,
    /// In small letters: `text/plain`.
    pub kind: String,
    pub filename: String,
    /// In the order and spelling of the mail, folding and encoded words undone.
    pub headers: Vec<(String, String)>,
    /// As it was written, in its own character set; empty for a container.
    pub content: Vec<u8>,
    pub parts: Vec<Part>,
}

pub fn parse(raw: &[u8]) -> Parsed {
    let parsed = if mails_within(raw) > MOST_NESTED_MAILS { None } else { MessageParser::default().parse(raw) };
    let Some(message) = parsed else {
        return Parsed {
            text: String::from_utf8_lossy(raw).into_owned(),
            html: None,
            root: Part { kind: "text/plain".to_owned(), content: raw.to_vec(), ..Part::default() },
        };
    };
    let html = message.html_bodies().find_map(|part| match &part.body {
        PartType::Html(html) => Some(html.to_string()),
        _ => None,
    });
    let text = message.body_text(0).map(Cow::into_owned).unwrap_or_default();
    Parsed { text, html, root: mail(&message, String::new(), 0) }
}

fn mails_within(raw: &[u8]) -> usize {
    let slashes = raw.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let around = |at: usize| raw.get(at.checked_sub(7)?..at + 7);
    slashes.filter_map(around).filter(|kind| kind.eq_ignore_ascii_case(b"message/rfc822")).count()
}

fn mail(message: &Message<'_>, id: String, depth: usize) -> Part {
    message.parts.first().map_or_else(Part::default, |root| part(message, root, id, depth))
}

fn part(message: &Message<'_>, part: &MessagePart<'_>, id: String, depth: usize) -> Part {
    let child = |number: usize| if id.is_empty() { number.to_string() } else { format!("{id}.{number}") };
    let parts = match &part.body {
        _ if depth >= DEEPEST => Vec::new(),
        PartType::Multipart(children) => children
            .iter()
            .filter_map(|number| message.parts.get(usize::try_from(*number).ok()?))
            .enumerate()
            .map(|(number, inner)| self::part(message, inner, child(number), depth + 1))
            .collect(),
        PartType::Message(inner) => vec![mail(inner, child(0), depth + 1)],
        _ => Vec::new(),
    };
    Part {
        kind: kind(part),
        filename: part.attachment_name().unwrap_or_default().to_owned(),
        headers: headers(message, part),
        content: content(message, part),
        id,
        parts,
    }
}

fn kind(part: &MessagePart<'_>) -> String {
    match part.content_type().and_then(|kind| Some((kind.ctype(), kind.subtype()?))) {
        Some((kind, subtype)) => format!("{kind}/{subtype}").to_ascii_lowercase(),
        // Also what is written without a subtype: RFC 2045 section 5.2.
        None => "text/plain".to_owned(),
    }
}

fn slice<'x>(message: &'x Message<'_>, from: u32, to: u32) -> &'x [u8] {
    let range = usize::try_from(from).unwrap_or(usize::MAX)..usize::try_from(to).unwrap_or_default();
    message.raw_message.get(range).unwrap_or_default()
}

fn headers(message: &Message<'_>, part: &MessagePart<'_>) -> Vec<(String, String)> {
    part.headers
        .iter()
        .map(|header| {
            let name = slice(message, header.offset_field, header.offset_start);
            let name = String::from_utf8_lossy(name).trim().trim_end_matches(':').trim_end().to_owned();
            (name, header_text(slice(message, header.offset_start, header.offset_end)))
        })
        .collect()
}

/// A header's value on one line, encoded words (RFC 2047) undone.
pub fn header_text(raw: &[u8]) -> String {
    // The parser takes a value to end with its line.
    let mut line = raw.trim_ascii_end().to_vec();
    line.push(b'\n');
    MessageStream::new(&line).parse_unstructured().into_text().map(Cow::into_owned).unwrap_or_default()
}

fn content(message: &Message<'_>, part: &MessagePart<'_>) -> Vec<u8> {
    let raw = slice(message, part.offset_body, part.offset_end);
    match &part.body {
        PartType::Multipart(_) => Vec::new(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.to_vec(),
        PartType::Message(inner) if part.encoding != Encoding::None => inner.raw_message.to_vec(),
        _ => match part.encoding {
            Encoding::Base64 => base64_decode(raw).unwrap_or_else(|| raw.to_vec()),
            Encoding::QuotedPrintable => quoted_printable_decode(raw).unwrap_or_else(|| raw.to_vec()),
            Encoding::None => raw.to_vec(),
        },
    }
}

/// The addresses that a header of the mail itself names, however often it is there.
pub fn addresses(raw: &[u8], header: &str) -> Vec<String> {
    let Some(message) = MessageParser::default().parse_headers(raw) else { return Vec::new() };
    let named = message.parts.first().map(|part| part.headers.as_slice()).unwrap_or_default();
    let named = named.iter().filter(|found| found.name().eq_ignore_ascii_case(header));
    named
        .filter_map(|found| found.value().as_address())
        .flat_map(|address| address.iter())
        .map(|address| address.address().unwrap_or_default().to_owned())
        .collect()
}

impl Parsed {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.root.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Every part, outermost first.
    pub fn walk(&self) -> Vec<&Part> {
        let mut found = vec![&self.root];
        let mut next = 0;
        while let Some(part) = found.get(next).copied() {
            found.extend(&part.parts);
            next += 1;
        }
        found
    }
}

#[cfg(test)]
#[path = "mime_tests.rs"]
mod tests;
