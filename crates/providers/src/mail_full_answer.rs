//! Gmail's JSON of a whole message, read leniently and without recursion.
//!
//! People send us what is in here: parts within parts, thousands of them, names of any length. So a part's inner parts
//! stay raw text until it is their turn, depth and number are bounded, and a part that cannot be read costs nothing but
//! itself.

use std::borrow::Cow;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use secrecy::{SecretSlice, SecretString};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    error::ProviderError,
    lenient::{bounded, lenient, lenient_list},
    mail_answer::{Header, date},
    mail_full::{Disposition, FullMessage, MailPart, PART_COUNT_LIMIT, PART_DEPTH_LIMIT, PartContent},
    mail_text::{decode_header, unescape_html},
    number::unsigned,
};

const HEADER_LIMIT_CHARACTERS: usize = 16_384;
const FILE_NAME_LIMIT_CHARACTERS: usize = 255;
/// RFC 6838, section 4.2: 127 characters on either side of the slash.
const MIME_TYPE_LIMIT_CHARACTERS: usize = 255;
const CHARSET_LIMIT_CHARACTERS: usize = 64;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FullMessageAnswer<'a> {
    id: String,
    #[serde(default, deserialize_with = "lenient")]
    thread_id: Option<String>,
    #[serde(default, deserialize_with = "lenient_list")]
    label_ids: Vec<String>,
    #[serde(default, deserialize_with = "lenient")]
    snippet: Option<String>,
    #[serde(default)]
    internal_date: Value,
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(default, deserialize_with = "lenient")]
    mime_type: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    filename: Option<String>,
    #[serde(default, deserialize_with = "lenient_list")]
    headers: Vec<Header>,
    #[serde(default, deserialize_with = "lenient")]
    body: Body,
    /// A list, unless it is something else.
    #[serde(borrow)]
    parts: Option<&'a RawValue>,
}

/// The outermost part again, for the message's own headers.
#[derive(Deserialize)]
struct Headers {
    #[serde(default, deserialize_with = "lenient_list")]
    headers: Vec<Header>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    #[serde(default)]
    size: Value,
    #[serde(default, deserialize_with = "lenient")]
    attachment_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    data: Option<String>,
}

impl FullMessageAnswer<'_> {
    /// The message, if the answer is about the one asked for.
    pub(crate) fn message(self, asked: &str) -> Result<FullMessage, ProviderError> {
        if self.id != asked {
            return Err(ProviderError::Malformed);
        }
        let headers = self
            .payload
            .and_then(|payload| serde_json::from_str::<Headers>(payload.get()).ok())
            .map(|payload| payload.headers)
            .unwrap_or_default();
        let header = |name| header(&headers, name).and_then(decoded);
        let (parts, is_cut) = flatten(self.payload);
        Ok(FullMessage {
            from: header("From"),
            to: header("To"),
            cc: header("Cc"),
            reply_to: header("Reply-To"),
            date: header("Date"),
            subject: header("Subject"),
            message_id: header("Message-ID"),
            thread_id: self.thread_id,
            label_ids: self.label_ids,
            internal_date: date(&self.internal_date),
            snippet: self.snippet.map(|snippet| unescape_html(&snippet).into()),
            id: self.id,
            parts,
            is_cut,
        })
    }
}

/// The parts in the order of the message, and whether any were left out.
fn flatten(payload: Option<&RawValue>) -> (Vec<MailPart>, bool) {
    struct Waiting<'a> {
        raw: &'a RawValue,
        parent: Option<usize>,
        depth: usize,
    }
    let mut parts = Vec::new();
    let mut is_cut = false;
    let mut waiting: Vec<Waiting<'_>> =
        payload.into_iter().map(|raw| Waiting { raw, parent: None, depth: 1 }).collect();
    while let Some(Waiting { raw, parent, depth }) = waiting.pop() {
        let Ok(part) = serde_json::from_str::<Part<'_>>(raw.get()) else {
            continue;
        };
        if parts.len() == PART_COUNT_LIMIT {
            return (parts, true);
        }
        let place = parts.len();
        let inner: Vec<&RawValue> =
            part.parts.and_then(|inner| serde_json::from_str(inner.get()).ok()).unwrap_or_default();
        parts.push(part.mail_part(parent));
        if depth == PART_DEPTH_LIMIT {
            is_cut |= !inner.is_empty();
        } else {
            // The last in is the first out: the first of them has to come next.
            waiting.extend(inner.into_iter().rev().map(|raw| Waiting { raw, parent: Some(place), depth: depth + 1 }));
        }
    }
    (parts, is_cut)
}

impl Part<'_> {
    fn mail_part(self, parent: Option<usize>) -> MailPart {
        let said = |name| header(&self.headers, name).unwrap_or_default();
        let disposition = said("Content-Disposition");
        let disposition = match disposition.split(';').next().unwrap_or_default().trim() {
            word if word.eq_ignore_ascii_case("inline") => Disposition::Inline,
            word if word.eq_ignore_ascii_case("attachment") => Disposition::Attachment,
            _ => Disposition::Unsaid,
        };
        let content_id = said("Content-ID").trim().trim_start_matches('<').trim_end_matches('>').to_owned();
        MailPart {
            parent,
            mime_type: mime_type(self.mime_type),
            charset: charset(said("Content-Type")),
            disposition,
            file_name: bounded(self.filename, FILE_NAME_LIMIT_CHARACTERS).map(SecretString::from),
            content_id: bounded(Some(content_id), HEADER_LIMIT_CHARACTERS).map(SecretString::from),
            size_bytes: unsigned(&self.body.size).unwrap_or_default(),
            content: self.body.content(),
        }
    }
}

impl Body {
    fn content(self) -> PartContent {
        if let Some(attachment_id) = self.attachment_id.filter(|id| !id.is_empty()) {
            return PartContent::Stored { attachment_id: attachment_id.into() };
        }
        match self.data.as_deref().and_then(decode_base64) {
            Some(bytes) if !bytes.is_empty() => PartContent::Inline(SecretSlice::from(bytes)),
            _ => PartContent::Empty,
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct AttachmentAnswer {
    #[serde(default, deserialize_with = "lenient")]
    data: Option<String>,
    #[serde(default)]
    size: Value,
}

impl AttachmentAnswer {
    /// The bytes. An empty attachment may come without any.
    pub(crate) fn content(&self) -> Result<Vec<u8>, ProviderError> {
        match &self.data {
            Some(data) => decode_base64(data).ok_or(ProviderError::Malformed),
            None if unsigned(&self.size) == Some(0) => Ok(Vec::new()),
            None => Err(ProviderError::Malformed),
        }
    }
}

/// Base64 in either alphabet (RFC 4648, sections 4 and 5), padded or not: Gmail documents the one for addresses
/// and leaves padding open, and stand-ins take what they have.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    const ANY_PADDING: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);
    let text: Cow<'_, str> = if text.contains(['+', '/', '\r', '\n']) {
        Cow::Owned(text.replace('+', "-").replace('/', "_").replace(['\r', '\n'], ""))
    } else {
        Cow::Borrowed(text)
    };
    ENGINE.decode(text.as_bytes()).ok()
}

fn header<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?.value.as_deref()
}

fn decoded(text: &str) -> Option<SecretString> {
    // Cut before decoding, which looks for words in what may be megabytes, and after.
    let cut = bounded(Some(text.to_owned()), 4 * HEADER_LIMIT_CHARACTERS)?;
    bounded(Some(decode_header(&cut)), HEADER_LIMIT_CHARACTERS).map(SecretString::from)
}

fn mime_type(said: Option<String>) -> String {
    let said = said.unwrap_or_default();
    let word = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_sound = word.len() <= MIME_TYPE_LIMIT_CHARACTERS && word.bytes().all(|byte| byte.is_ascii_graphic());
    // RFC 2046, section 4.5.1: what is not known is treated as bytes.
    if is_sound && word.contains('/') { word } else { "application/octet-stream".to_owned() }
}

/// The `charset` of a `Content-Type` (RFC 2045, section 5.1).
fn charset(content_type: &str) -> Option<String> {
    let parameter = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then_some(value)
    })?;
    let name = parameter.trim().trim_matches(['"', '\'']).trim();
    let is_sound = name.len() <= CHARSET_LIMIT_CHARACTERS && name.bytes().all(|byte| byte.is_ascii_graphic());
    (is_sound && !name.is_empty()).then(|| name.to_ascii_lowercase())
}

#[cfg(test)]
#[path = "mail_full_answer_tests.rs"]
mod tests;
