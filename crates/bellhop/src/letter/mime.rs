//! Raw mail as the provider would hand it over, for the tests: parsed by a library that has nothing to do with ours.

use bellhop_providers::{Disposition, FullMessage, MailPart, PartContent};
use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};
use secrecy::SecretSlice;

/// A message of these parts alone.
pub fn message(parts: Vec<MailPart>) -> FullMessage {
    FullMessage {
        id: "m".to_owned(),
        thread_id: None,
        label_ids: vec![],
        internal_date: None,
        snippet: None,
        from: None,
        to: None,
        cc: None,
        reply_to: None,
        date: None,
        subject: None,
        message_id: None,
        parts,
        is_cut: false,
    }
}

/// A part with this content.
pub fn part(parent: Option<usize>, mime_type: &str, content: Vec<u8>) -> MailPart {
    MailPart {
        parent,
        mime_type: mime_type.to_owned(),
        charset: None,
        disposition: Disposition::Unsaid,
        file_name: None,
        content_id: None,
        size_bytes: content.len() as u64,
        content: PartContent::Inline(SecretSlice::from(content)),
    }
}

/// A raw mail. Nothing where the library sees no mail in it.
pub fn read(raw: &[u8]) -> FullMessage {
    let mut full = message(vec![]);
    if let Some(parsed) = MessageParser::default().parse(raw) {
        full.subject = parsed.subject().map(|subject| subject.to_owned().into());
        add(&parsed, 0, None, 0, &mut full);
    }
    full
}

fn add(message: &Message<'_>, id: u32, parent: Option<usize>, depth: usize, full: &mut FullMessage) {
    let Some(part) = message.part(id) else { return };
    if depth > 31 || full.parts.len() >= 500 {
        full.is_cut = true;
        return;
    }
    let index = full.parts.len();
    full.parts.push(converted(part, parent));
    match &part.body {
        PartType::Multipart(inner) => inner.iter().for_each(|id| add(message, *id, Some(index), depth + 1, full)),
        PartType::Message(inner) => add(inner, 0, Some(index), depth + 1, full),
        _ => {}
    }
}

fn converted(source: &MessagePart<'_>, parent: Option<usize>) -> MailPart {
    let kind = source.content_type().map(|kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()).to_ascii_lowercase(),
        None => kind.ctype().to_ascii_lowercase(),
    });
    let (default, bytes): (_, Option<Vec<u8>>) = match &source.body {
        PartType::Text(text) => ("text/plain", Some(text.as_bytes().to_vec())),
        PartType::Html(text) => ("text/html", Some(text.as_bytes().to_vec())),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => ("application/octet-stream", Some(bytes.to_vec())),
        PartType::Message(_) => ("message/rfc822", None),
        PartType::Multipart(_) => ("multipart/mixed", None),
    };
    let mut converted = part(parent, &kind.unwrap_or_else(|| default.to_owned()), bytes.clone().unwrap_or_default());
    if bytes.is_none() {
        converted.content = PartContent::Empty;
    }
    converted.disposition = match source.content_disposition() {
        Some(said) if said.is_attachment() => Disposition::Attachment,
        Some(said) if said.is_inline() => Disposition::Inline,
        _ => Disposition::Unsaid,
    };
    converted.file_name = source.attachment_name().map(|name| name.to_owned().into());
    converted.content_id = source.content_id().map(|id| id.to_owned().into());
    converted
}
