//! Fetches a mail while somebody waits for it: within a time that people wait, and a few at a time, as a whole mail is held in
//! memory. What a failure means for the person is said in `trouble.rs`.

use std::time::Duration;

use bellhop_providers::{FullMessage, Operation, PartContent, ProviderError};
use bellhop_store::StoreError;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::trouble::Trouble;
use crate::bot::account::Account;
use crate::bot::visit::Visit;
use crate::calls::{CallError, Caller};
use crate::letter::{Letter, stored_texts};
use crate::limits::Urgency;

/// How long a provider has to answer somebody who waits in the chat.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long it has for an attachment: a file is expected to take its time.
const PATIENCE_FOR_FILES: Duration = Duration::from_mins(1);

/// The largest text that is fetched by itself. Only its beginning is shown, but a character set needs all of it.
const LARGEST_TEXT_BYTES: usize = 12 * 1024 * 1024;

/// A mail as it was fetched, and read. As long as it lives it takes one of the few places for whole mails.
pub struct Opened<'a> {
    /// As it was fetched.
    pub mail: FullMessage,
    /// Read.
    pub letter: Letter,
    _place: SemaphorePermit<'a>,
}

/// Everything that is asked of providers for one request.
#[derive(Clone, Copy)]
pub struct Fetch<'a> {
    visit: &'a Visit<'a>,
    deadline: Instant,
    for_file: bool,
}

impl<'a> Fetch<'a> {
    /// Begins to fetch a mail to read.
    pub fn begin(visit: &'a Visit<'a>) -> Self {
        Self { visit, deadline: Instant::now() + PATIENCE, for_file: false }
    }

    /// Begins to fetch an attachment.
    pub fn begin_file(visit: &'a Visit<'a>) -> Self {
        Self { visit, deadline: Instant::now() + PATIENCE_FOR_FILES, for_file: true }
    }

    /// The mail, or why there is none.
    pub async fn mail(self, account: &Account, id: &str) -> Result<Result<Opened<'a>, Trouble>, StoreError> {
        let Some(place) = self.visit.desk.turns.fetch_by(self.deadline).await else { return Ok(Err(Trouble::busy())) };
        match self.read(account, id).await {
            Ok((mail, letter)) => Ok(Ok(Opened { mail, letter, _place: place })),
            Err(error) => Trouble::of(account, error).map(Err),
        }
    }

    async fn read(self, account: &Account, id: &str) -> Result<(FullMessage, Letter), CallError> {
        let mut caller = self.caller(account).await?;
        let fetched = caller.call(Operation::MailGet, |client, token| {
            let id = id.to_owned();
            by(self.deadline, async move { client.message_full(&token, &id).await })
        });
        let mut mail = fetched.await?;
        for index in stored_texts(&mail) {
            // Whoever wants a file reads no text.
            let Some(part) = mail.parts.get_mut(index).filter(|_| !self.for_file) else { continue };
            let PartContent::Stored { attachment_id } = &part.content else { continue };
            let text = caller.call(Operation::MailAttachment, |client, token| {
                let (id, attachment) = (id.to_owned(), attachment_id.clone());
                by(self.deadline, async move { client.attachment(&token, &id, &attachment, LARGEST_TEXT_BYTES).await })
            });
            match text.await {
                Ok(text) => part.content = PartContent::Inline(text.into()),
                // It stays an attachment.
                Err(CallError::Provider(ProviderError::TooLarge | ProviderError::NotFound)) => {}
                Err(error) => return Err(error),
            }
        }
        // A mail may be as large as its sender liked, and others are waiting for their answers.
        let read = tokio::task::spawn_blocking(move || {
            let letter = Letter::read(&mail);
            (mail, letter)
        });
        read.await.map_err(|_| ProviderError::Malformed.into())
    }

    /// What an attachment of this mail holds, up to this size.
    pub async fn attachment(
        self,
        account: &Account,
        mail: &FullMessage,
        attachment: &secrecy::SecretString,
        limit_bytes: usize,
    ) -> Result<Vec<u8>, CallError> {
        let mut caller = self.caller(account).await?;
        let bytes = caller.call(Operation::MailAttachment, |client, token| {
            let (message, attachment) = (mail.id.clone(), attachment.clone());
            by(self.deadline, async move { client.attachment(&token, &message, &attachment, limit_bytes).await })
        });
        bytes.await
    }

    async fn caller(self, account: &Account) -> Result<Caller<'a>, CallError> {
        let urgency = Urgency::Person { by: self.deadline };
        Caller::open(&self.visit.desk.app, self.visit.context("token"), account.id(), urgency).await
    }
}

/// Makes a call that has to be answered by then. Only the call is cut off: a new token that is being recorded meanwhile would
/// be lost.
pub async fn by<T>(
    deadline: Instant,
    call: impl Future<Output = Result<T, ProviderError>>,
) -> Result<T, ProviderError> {
    tokio::time::timeout_at(deadline, call).await.unwrap_or(Err(ProviderError::Timeout))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_is_not_answered_in_time_is_given_up() {
        let never = std::future::pending::<Result<(), ProviderError>>();
        assert!(matches!(by(Instant::now(), never).await, Err(ProviderError::Timeout)));
        assert!(by(Instant::now() + PATIENCE, async { Ok(1) }).await.is_ok());
    }
}
