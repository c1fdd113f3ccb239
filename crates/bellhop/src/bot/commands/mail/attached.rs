//! Sends an attachment on request. Nothing of it is kept: it goes from the provider through memory to the chat.

use std::convert::Infallible;
use std::time::Duration;

use bellhop_providers::{FullMessage, PartContent, ProviderError};
use secrecy::ExposeSecret;
use teloxide::types::ChatAction;

use super::Toast;
use super::fetch::{Fetch, Opened};
use super::trouble::Trouble;
use super::view::caption;
use crate::bot::account::Account;
use crate::bot::message::Message;
use crate::bot::visit::{Failure, Visit};
use crate::calls::CallError;
use crate::letter::{Attachment, attachment};

/// The most that is sent on, in bytes: what a phone takes without complaint, and well within Telegram's 50 MB.
const LIMIT_BYTES: usize = 20 * 1024 * 1024;

/// How often it is shown that a file is on its way: Telegram shows it for five seconds.
/// <https://core.telegram.org/bots/api#sendchataction>
const SHOW_AGAIN: Duration = Duration::from_secs(4);

/// Said where the mail no longer has what the button promised.
const NO_LONGER: &str = "This attachment is no longer there. Open the mail again to see what is.";

/// Sends an attachment. Answers what went wrong, if anything.
pub async fn send(visit: &Visit<'_>, account: &Account, id: &str, index: u32) -> Result<Toast, Failure> {
    tokio::select! {
        sent = fetch_and_send(visit, account, id, index) => sent,
        never = uploading(visit) => match never {},
    }
}

async fn fetch_and_send(visit: &Visit<'_>, account: &Account, id: &str, index: u32) -> Result<Toast, Failure> {
    let fetch = Fetch::begin_file(visit);
    let opened = match fetch.mail(account, id).await? {
        Ok(opened) => opened,
        Err(trouble) => return Ok(Some(trouble.words())),
    };
    let Opened { mail, letter, .. } = &opened;
    let attached = usize::try_from(index).ok().and_then(|index| letter.attachments.get(index));
    let Some(attached) = attached.filter(|attached| attached.is_sendable) else {
        return Ok(Some(NO_LONGER.to_owned()));
    };
    if attached.size_bytes > LIMIT_BYTES as u64 {
        return Ok(Some(too_large(attached)));
    }
    let content = match content(fetch, account, mail, attached).await {
        Ok(Some(content)) => content,
        Ok(None) => return Ok(Some(NO_LONGER.to_owned())),
        Err(CallError::Provider(ProviderError::TooLarge)) => return Ok(Some(too_large(attached))),
        Err(CallError::Provider(ProviderError::NotFound | ProviderError::Gone)) => {
            return Ok(Some(NO_LONGER.to_owned()));
        }
        Err(error) => return Ok(Some(Trouble::of(account, error)?.words())),
    };
    // Telegram takes no empty file.
    if content.is_empty() {
        return Ok(Some(format!("{} is empty.", attached.name)));
    }
    let words = Message::new(caption(mail));
    visit.desk.speaker.send_file(visit.chat, &attached.name, content, &words).await?;
    Ok(None)
}

fn too_large(attached: &Attachment) -> String {
    let (size, limit) = (attachment::size(attached.size_bytes), attachment::size(LIMIT_BYTES as u64));
    format!("{} has {size}; I can send files of up to {limit}. Open the mail in your mail program.", attached.name)
}

async fn content(
    fetch: Fetch<'_>,
    account: &Account,
    mail: &FullMessage,
    attached: &Attachment,
) -> Result<Option<Vec<u8>>, CallError> {
    match mail.parts.get(attached.part).map(|part| &part.content) {
        Some(PartContent::Inline(bytes)) => Ok(Some(bytes.expose_secret().to_vec())),
        Some(PartContent::Stored { attachment_id }) => {
            fetch.attachment(account, mail, attachment_id, LIMIT_BYTES).await.map(Some)
        }
        Some(PartContent::Empty) | None => Ok(None),
    }
}

/// Shows that a file is on its way, until it is dropped.
async fn uploading(visit: &Visit<'_>) -> Infallible {
    loop {
        visit.desk.speaker.show_activity(visit.chat, ChatAction::UploadDocument).await;
        tokio::time::sleep(SHOW_AGAIN).await;
    }
}
