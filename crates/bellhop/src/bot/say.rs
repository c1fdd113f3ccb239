//! The thin layer that sends: paced, patient with "slow down", and with errors that hold no address, as Telegram's
//! addresses carry the token. What a message says is decided elsewhere.
//!
//! Telegram has no idempotency key. What a crash means for each kind of message:
//! - an edit is repeated without harm: the same again is "not modified", which is success here;
//! - the answer to a press is lost at worst: the button stops turning by itself;
//! - a new message may arrive twice where whoever sends it tries again after a crash, or not at all where they do not.
//!   `dispatch.rs`, `strangers.rs` and `jobs/notify_owner.rs` say which, and why.

use std::time::Duration;

use teloxide::payloads::{
    AnswerCallbackQuery, AnswerCallbackQuerySetters, EditMessageText, EditMessageTextSetters, SendChatAction,
    SendDocument, SendDocumentSetters, SendMessage, SendMessageSetters, SendPhoto, SendPhotoSetters,
};
use teloxide::types::{CallbackQueryId, ChatAction, ChatId, InputFile, LinkPreviewOptions, MessageId, ParseMode};
use teloxide::{ApiError, Bot, RequestError};
use thiserror::Error;

use super::least::{self, Anything, Sent};
use super::message::Message;
use super::pace;
use super::text::shorten;

/// How long one call may take. Shorter than what the client allows for listening.
const CALL: Duration = Duration::from_secs(20);

/// How long a call may take that carries a file. The client allows no more.
const UPLOAD: Duration = Duration::from_secs(39);

/// The longest words under a picture or a file. <https://core.telegram.org/bots/api#sendphoto>
const LONGEST_CAPTION: usize = 1024;

/// How often an edit is tried again where Telegram did not answer.
const EDIT_AGAIN: [Duration; 3] = [Duration::from_millis(300), Duration::from_secs(1), Duration::from_secs(3)];

/// The longest answer to a press. <https://core.telegram.org/bots/api#answercallbackquery>
const LONGEST_ANSWER: usize = 200;

/// Why Telegram did not do what it was asked. Says nothing about the request, whose address carries the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Trouble {
    /// Nobody could be connected to, so nothing was asked. Try again later, as often as it takes.
    #[error("Telegram could not be reached")]
    Unreachable,
    /// No usable answer came: it may have been done all the same. Try again a few times at most; each may be a copy.
    #[error("Telegram gave no usable answer")]
    NoAnswer,
    /// Too fast. Wait this long.
    #[error("Telegram asks to slow down")]
    SlowDown(Duration),
    /// The person has blocked the bot or deleted the chat. Write no more until they write.
    #[error("the person has blocked the bot")]
    Blocked,
    /// The message to be edited is gone or can no longer be edited. Send a new one.
    #[error("the message can no longer be edited")]
    Gone,
    /// Somebody else listens for this bot, or a webhook is set. Wait.
    #[error("another listener has this bot")]
    Conflict,
    /// The token is wrong. The operator must mend it.
    #[error("Telegram does not know this token")]
    Unauthorized,
    /// Telegram refused the content. Repeating it cannot help; this is a fault of ours.
    #[error("Telegram refused the request")]
    Refused,
}

impl From<&RequestError> for Trouble {
    fn from(error: &RequestError) -> Self {
        match error {
            RequestError::RetryAfter(seconds) => Self::SlowDown(seconds.duration()),
            RequestError::Network(error) if error.is_connect() => Self::Unreachable,
            RequestError::Network(_) | RequestError::InvalidJson { .. } | RequestError::Io(_) => Self::NoAnswer,
            RequestError::MigrateToChatId(_) => Self::Gone,
            RequestError::Api(error) => Self::from(error),
        }
    }
}

impl From<&ApiError> for Trouble {
    fn from(error: &ApiError) -> Self {
        match error {
            ApiError::BotBlocked
            | ApiError::UserDeactivated
            | ApiError::ChatNotFound
            | ApiError::BotKicked
            | ApiError::BotKickedFromSupergroup
            | ApiError::CantInitiateConversation
            | ApiError::CantTalkWithBots
            | ApiError::GroupDeactivated => Self::Blocked,
            ApiError::MessageToEditNotFound | ApiError::MessageCantBeEdited | ApiError::MessageIdInvalid => Self::Gone,
            ApiError::TerminatedByOtherGetUpdates | ApiError::CantGetUpdates => Self::Conflict,
            ApiError::InvalidToken => Self::Unauthorized,
            // The status is not kept, but descriptions begin with its name.
            ApiError::Unknown(text) if text.starts_with("Forbidden") => Self::Blocked,
            ApiError::Unknown(text) if text.starts_with("Conflict") => Self::Conflict,
            ApiError::Unknown(text) if text.starts_with("Unauthorized") => Self::Unauthorized,
            ApiError::Unknown(text) if !text.starts_with("Bad Request") => Self::NoAnswer,
            _ => Self::Refused,
        }
    }
}

/// Sends messages for one bot.
#[derive(Debug, Clone)]
pub struct Speaker {
    bot: Bot,
    patience: Duration,
}

impl Speaker {
    /// A speaker that waits for this long in all where Telegram asks to slow down, before it says so.
    #[must_use]
    pub fn new(bot: Bot, patience: Duration) -> Self {
        Self { bot, patience }
    }

    /// The same bot's speaker that waits for nobody.
    #[must_use]
    pub fn impatient(&self) -> Self {
        Self { patience: Duration::ZERO, ..self.clone() }
    }

    /// Sends a message and answers its id.
    pub async fn send(&self, chat: i64, message: &Message) -> Result<i32, Trouble> {
        let (html, keyboard) = (message.text.html(), message.keyboard());
        let attempt = || {
            let text = SendMessage::new(ChatId(chat), html.clone())
                .parse_mode(ParseMode::Html)
                .link_preview_options(no_previews());
            let text = if message.buttons.is_empty() { text } else { text.reply_markup(keyboard.clone()) };
            let request = least::call(&self.bot, text);
            async move { request.await.map(|sent: Sent| sent.message_id) }
        };
        self.patiently(chat, attempt).await
    }

    /// Makes a message we sent say something else.
    pub async fn edit(&self, chat: i64, id: i32, message: &Message) -> Result<(), Trouble> {
        let (html, keyboard) = (message.text.html(), message.keyboard());
        let attempt = || {
            let text = EditMessageText::new(ChatId(chat), MessageId(id), html.clone())
                .parse_mode(ParseMode::Html)
                .link_preview_options(no_previews())
                .reply_markup(keyboard.clone());
            let request = least::call(&self.bot, text);
            async move {
                match request.await {
                    Ok(Anything) | Err(RequestError::Api(ApiError::MessageNotModified)) => Ok(()),
                    Err(error) => Err(error),
                }
            }
        };
        let mut pauses = EDIT_AGAIN.into_iter();
        loop {
            let edited = self.patiently(chat, attempt).await;
            match (edited, pauses.next()) {
                (Err(Trouble::Unreachable | Trouble::NoAnswer), Some(pause)) => tokio::time::sleep(pause).await,
                (edited, _) => return edited,
            }
        }
    }

    /// Sends a picture with words under it and answers its id.
    pub async fn send_picture(&self, chat: i64, png: Vec<u8>, message: &Message) -> Result<i32, Trouble> {
        let picture = InputFile::memory(png).file_name("agenda.png");
        let attempt = || {
            let photo = SendPhoto::new(ChatId(chat), picture.clone())
                .caption(message.text.html_within(LONGEST_CAPTION))
                .parse_mode(ParseMode::Html);
            let photo = if message.buttons.is_empty() { photo } else { photo.reply_markup(message.keyboard()) };
            let request = least::call_with_files(&self.bot, photo);
            async move { request.await.map(|sent: Sent| sent.message_id) }
        };
        self.patiently_within(UPLOAD, chat, attempt).await
    }

    /// Sends a file with words under it and answers its id.
    pub async fn send_file(&self, chat: i64, name: &str, content: Vec<u8>, message: &Message) -> Result<i32, Trouble> {
        let file = InputFile::memory(content).file_name(name.to_owned());
        let attempt = || {
            let document = SendDocument::new(ChatId(chat), file.clone())
                .caption(message.text.html_within(LONGEST_CAPTION))
                .parse_mode(ParseMode::Html);
            let document =
                if message.buttons.is_empty() { document } else { document.reply_markup(message.keyboard()) };
            let request = least::call_with_files(&self.bot, document);
            async move { request.await.map(|sent: Sent| sent.message_id) }
        };
        self.patiently_within(UPLOAD, chat, attempt).await
    }

    /// Shows for a few seconds that something is being made. What goes wrong here is nobody's loss.
    pub async fn show_activity(&self, chat: i64, activity: ChatAction) {
        let request = least::call::<_, Anything>(&self.bot, SendChatAction::new(ChatId(chat), activity));
        if let Err(trouble) = within(CALL, request.into_future()).await {
            tracing::debug!(%trouble, "it was not shown that something is being made");
        }
    }

    /// Ends the turning of a pressed button, with a word where there is one. What goes wrong here is nobody's loss.
    pub async fn answer_press(&self, query: &str, words: Option<&str>) {
        let mut answer = AnswerCallbackQuery::new(CallbackQueryId(query.to_owned()));
        if let Some(words) = words {
            answer = answer.text(shorten(words, LONGEST_ANSWER)).show_alert(true);
        }
        let request = least::call::<_, Anything>(&self.bot, answer);
        if let Err(trouble) = within(CALL, request.into_future()).await {
            tracing::debug!(%trouble, "a press was not answered");
        }
    }

    async fn patiently<T, F>(&self, chat: i64, attempt: impl Fn() -> F) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, RequestError>>,
    {
        self.patiently_within(CALL, chat, attempt).await
    }

    async fn patiently_within<T, F>(&self, limit: Duration, chat: i64, attempt: impl Fn() -> F) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, RequestError>>,
    {
        let mut waited = Duration::ZERO;
        loop {
            pace::wait(chat).await;
            match within(limit, attempt()).await {
                Err(Trouble::SlowDown(pause)) if waited + pause <= self.patience => {
                    waited += pause;
                    tokio::time::sleep(pause).await;
                }
                answered => return answered,
            }
        }
    }
}

/// Makes a call within this time and takes the address out of what went wrong.
pub async fn within<T>(limit: Duration, call: impl Future<Output = Result<T, RequestError>>) -> Result<T, Trouble> {
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Trouble::from(&error)),
        // Connecting has a shorter limit of its own.
        Err(_) => Err(Trouble::NoAnswer),
    }
}

/// Previews are fetched by a crawler, which would open one-time links before the person does.
fn no_previews() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::stand_in::Telegram;
    use crate::bot::text::Text;

    #[tokio::test]
    async fn a_lost_answer_is_told_from_a_call_that_was_never_made() {
        let hello = Text::new().plain("Hello").into();
        let cut_off = Telegram::answering(|_, _| None).await;
        let sent = Speaker::new(cut_off.bot.clone(), Duration::ZERO).send(1, &hello).await;
        assert_eq!(sent, Err(Trouble::NoAnswer));
        assert_eq!(cut_off.called(), ["sendmessage"]);
        let sent = Speaker::new(Telegram::out_of_reach().await, Duration::ZERO).send(1, &hello).await;
        assert_eq!(sent, Err(Trouble::Unreachable));
    }

    #[test]
    fn what_telegram_says_becomes_something_to_do() {
        let said = |text: &str| Trouble::from(&ApiError::Unknown(text.to_owned()));
        assert_eq!(said("Internal Server Error"), Trouble::NoAnswer);
        assert_eq!(said("Something: nobody has heard of yet"), Trouble::NoAnswer);
        assert_eq!(said("Forbidden: bot was blocked in some new way"), Trouble::Blocked);
        assert_eq!(said("Conflict: can't use getUpdates method while webhook is active"), Trouble::Conflict);
        assert_eq!(said("Bad Request: BUTTON_SOMETHING"), Trouble::Refused);
        assert_eq!(Trouble::from(&ApiError::CantParseEntities("x".to_owned())), Trouble::Refused);
        let slow = RequestError::RetryAfter(teloxide::types::Seconds::from_seconds(7));
        assert_eq!(Trouble::from(&slow), Trouble::SlowDown(Duration::from_secs(7)));
    }
}
