//! Reads one message with its body, and one of its attachments.
//!
//! Gmail has taken the message apart already and undone its transfer encodings; the parts are handed on as a flat list
//! that keeps the tree. Which part is worth reading is decided by whoever shows it, and so is what makes it safe to
//! show.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretSlice, SecretString};

use crate::{
    client::Client,
    error::ProviderError,
    mail::mailbox_address,
    mail_answer::read,
    mail_full_answer::{AttachmentAnswer, FullMessageAnswer},
    transport::MESSAGE_ANSWER_LIMIT_BYTES,
};

/// How deep parts are followed into one another. What lies deeper is left out.
pub const PART_DEPTH_LIMIT: usize = 32;

/// How many parts of a message are kept. Further ones are left out.
pub const PART_COUNT_LIMIT: usize = 500;

/// A message with its body. What people wrote cannot be printed; each header is cut to 16,384 characters.
#[derive(Clone, Debug)]
pub struct FullMessage {
    /// The message's id.
    pub id: String,
    /// The conversation it belongs to.
    pub thread_id: Option<String>,
    /// The labels it carries, by id (`INBOX`, `UNREAD`, ...).
    pub label_ids: Vec<String>,
    /// When the provider received it.
    pub internal_date: Option<DateTime<Utc>>,
    /// The first words of its text.
    pub snippet: Option<SecretString>,
    /// The `From` header, decoded.
    pub from: Option<SecretString>,
    /// The `To` header, decoded.
    pub to: Option<SecretString>,
    /// The `Cc` header, decoded.
    pub cc: Option<SecretString>,
    /// The `Reply-To` header, decoded.
    pub reply_to: Option<SecretString>,
    /// The `Date` header as its sender wrote it; may be anything.
    pub date: Option<SecretString>,
    /// The `Subject` header, decoded.
    pub subject: Option<SecretString>,
    /// The `Message-ID` header, angle brackets included.
    pub message_id: Option<SecretString>,
    /// The parts, each before those inside it and all in the order of the message. Empty where it has no body at all.
    pub parts: Vec<MailPart>,
    /// Whether parts were left out: more than [`PART_COUNT_LIMIT`], or deeper than [`PART_DEPTH_LIMIT`].
    pub is_cut: bool,
}

/// A part of a message: something to read, something attached, or a container of others.
#[derive(Clone, Debug)]
pub struct MailPart {
    /// Where in [`FullMessage::parts`] the part is that this one is in; `None` for the outermost. Always before this
    /// one.
    pub parent: Option<usize>,
    /// Its MIME type in small letters, without parameters: `multipart/alternative`, `text/html`, `message/rfc822`, ...
    pub mime_type: String,
    /// The character set it declares. Gmail is said to hand text over as UTF-8 whatever this says: see
    /// [`crate::decode_text`].
    pub charset: Option<String>,
    /// How its sender meant it to be shown.
    pub disposition: Disposition,
    /// What its sender called it, cut to 255 characters. Any text: not safe as a path.
    pub file_name: Option<SecretString>,
    /// What HTML calls it in a `cid:` address (RFC 2392), without angle brackets.
    pub content_id: Option<SecretString>,
    /// How large its content is, in bytes, by the provider's word.
    pub size_bytes: u64,
    /// Its content.
    pub content: PartContent,
}

/// How a part was meant to be shown (RFC 2183).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// Within the message.
    Inline,
    /// Beside it.
    Attachment,
    /// Its sender did not say.
    Unsaid,
}

/// What is in a part.
#[derive(Clone, Debug)]
pub enum PartContent {
    /// The bytes themselves, without transfer encoding; text in the character set of [`MailPart::charset`] or in UTF-8.
    Inline(SecretSlice<u8>),
    /// Kept by the provider: see [`Client::attachment`]. The name holds for a while only; ask for the message again
    /// rather than keep it.
    Stored {
        /// What to ask for.
        attachment_id: SecretString,
    },
    /// Nothing: a container, an empty part, or one whose content could not be read.
    Empty,
}

impl FullMessage {
    /// The parts directly inside a part, or the outermost one, in the order of the message; each with its place in
    /// [`FullMessage::parts`].
    pub fn parts_in(&self, parent: Option<usize>) -> impl Iterator<Item = (usize, &MailPart)> {
        self.parts.iter().enumerate().filter(move |(_, part)| part.parent == parent)
    }
}

impl Client {
    /// One message with its body (20 quota units)
    /// (<https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#Message>).
    ///
    /// [`ProviderError::NotFound`]: it was deleted. [`ProviderError::TooLarge`]: its text alone, as it is sent over,
    /// has more than [`MESSAGE_ANSWER_LIMIT_BYTES`]; attachments do not count. Say that it has to be read at the
    /// provider's. May take [`crate::Timeouts::download`].
    pub async fn message_full(&self, access_token: &SecretString, id: &str) -> Result<FullMessage, ProviderError> {
        let base = &self.description.endpoints.current().mail;
        let address = mailbox_address(base, &["messages", id], &[("format", "full")])?;
        let body = self.download(access_token, address, MESSAGE_ANSWER_LIMIT_BYTES).await?;
        read::<FullMessageAnswer<'_>>(&body)?.message(id)
    }

    /// One attachment's bytes, without transfer encoding, at most `limit_bytes` of them
    /// (<https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages.attachments/get>).
    ///
    /// [`ProviderError::TooLarge`]: it has more; reading stopped there. [`ProviderError::NotFound`]: the message was
    /// deleted, or the name is no longer good. May take [`crate::Timeouts::download`].
    pub async fn attachment(
        &self,
        access_token: &SecretString,
        message_id: &str,
        attachment_id: &SecretString,
        limit_bytes: usize,
    ) -> Result<Vec<u8>, ProviderError> {
        // What stands around the bytes: two names, a number, and at most two escaped signs at the end.
        const AROUND_BYTES: usize = 4096;
        let base = &self.description.endpoints.current().mail;
        let path = ["messages", message_id, "attachments", attachment_id.expose_secret()];
        let address = mailbox_address(base, &path, &[])?;
        // Base64 makes four characters of three bytes.
        let answer_limit = limit_bytes.div_ceil(3).saturating_mul(4).saturating_add(AROUND_BYTES);
        let body = self.download(access_token, address, answer_limit).await?;
        let content = read::<AttachmentAnswer>(&body)?.content()?;
        if content.len() > limit_bytes { Err(ProviderError::TooLarge) } else { Ok(content) }
    }
}
