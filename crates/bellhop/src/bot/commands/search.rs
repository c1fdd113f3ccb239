//! `/search`: mail that was not on the first pages of the inbox. Gmail is asked in its own words; where it cannot be, what
//! is stored is looked through, and the answer says so.
//!
//! A question is not kept: the answer stays in the chat, its buttons open what was found.

pub mod stored;
pub mod view;

use bellhop_domain::{Capability, Status};
use bellhop_providers::{Client, MailMetadata, Operation, ProviderError};
use bellhop_store::{InboxMessage, MailContent, StoreError};
use chrono::{DateTime, Utc};
use futures::future::{BoxFuture, join_all};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::mail::fetch::{PATIENCE, by};
use super::mail::trouble::Trouble;
use super::mail::{STORED, remember};
use super::{Command, accounts, no_buttons};
use crate::bot::account::Account;
use crate::bot::message::Message;
use crate::bot::text::Text;
use crate::bot::visit::{Failure, Visit};
use crate::calls::{CallError, Caller};
use crate::limits::Urgency;
use stored::Question;
use view::{How, Looked, View};

/// The command.
pub const COMMAND: Command = Command {
    name: "search",
    summary: "Look for mail: words, from:anna, has:attachment",
    also: &["find", "look", "where", "query"],
    run: search,
    press: no_buttons,
};

/// What is shown of all accounts together: more does not fit into one message.
const MOST: usize = 8;

fn search<'a>(visit: &'a Visit<'a>, said: &'a str) -> BoxFuture<'a, Result<(), Failure>> {
    Box::pin(typed(visit, said))
}

/// What somebody looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// In their words, to be repeated.
    pub said: String,
    /// In the words that Gmail searches by, but for when it came. <https://support.google.com/mail/answer/7190>
    pub question: String,
    /// From when until when it came, where they did not write that in Gmail's words themselves.
    pub came: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Wanted {
    /// All of it in Gmail's words. A date there is midnight in California; a moment is seconds since 1970
    /// (<https://developers.google.com/workspace/gmail/api/guides/filtering>).
    fn query(&self) -> String {
        let came = self.came.map(|(from, until)| format!("after:{} before:{}", from.timestamp(), until.timestamp()));
        [Some(self.question.clone()), came]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Looks for mail by what somebody typed behind the command.
pub async fn typed(visit: &Visit<'_>, said: &str) -> Result<(), Failure> {
    let said = said.trim().to_owned();
    ask(visit, &Wanted { question: said.clone(), said, came: None }).await
}

/// Looks for mail in all of a person's accounts and says what was found.
pub async fn ask(visit: &Visit<'_>, wanted: &Wanted) -> Result<(), Failure> {
    let desk = visit.desk;
    let accounts = Account::all(&desk.app.store, desk.tenant, visit.owner).await?;
    if accounts.is_empty() {
        return visit.say(accounts::none()).await.map(|_| ());
    }
    if wanted.said.is_empty() {
        let usage = "Send /search with what you look for, for example:\n/search invoice november\n/search from:anna \
                     has:attachment\n/search subject:\"summer party\" after:2026/5/1";
        return visit.say(Text::new().plain(usage)).await.map(|_| ());
    }
    let waiting = Text::new().plain("🔎 Searching for ").theirs_bold(&wanted.said, 100).plain("…");
    visit.show_after(&waiting.into(), found(visit, accounts, wanted)).await
}

/// What was found, as a message.
async fn found(visit: &Visit<'_>, mut accounts: Vec<Account>, wanted: &Wanted) -> Result<Message, Failure> {
    let desk = visit.desk;
    let left_out = accounts.split_off(accounts.len().min(MOST));
    let each = (MOST / accounts.len().max(1)).max(1);
    let looked = join_all(accounts.into_iter().map(|account| look(visit, account, wanted, each))).await;
    let looked = looked.into_iter().collect::<Result<Vec<_>, StoreError>>()?;
    for looked in &looked {
        remember(desk, &looked.account, &looked.found).await?;
    }
    let person = visit.person().await?;
    let now = desk.app.clock.now();
    let view = View { question: &wanted.said, looked: &looked, left_out: &left_out, person: &person, now };
    Ok(view.message())
}

/// Looks in one account, for at most this many mails.
async fn look(visit: &Visit<'_>, account: Account, wanted: &Wanted, most: usize) -> Result<Looked, StoreError> {
    if !account.row.can(Capability::Mail) {
        let how = How::Not(Trouble::not_allowed(&account));
        return Ok(Looked { account, how, found: vec![], has_more: false });
    }
    let error = if account.row.status == Status::Expired {
        CallError::Access(crate::access::AccessError::Expired)
    } else {
        let deadline = Instant::now() + PATIENCE;
        match ask_provider(visit, deadline, &account, &wanted.query(), most).await {
            Ok((found, has_more)) => return Ok(Looked { account, how: How::Asked, found, has_more }),
            Err(error) => error,
        }
    };
    let trouble = Trouble::of_search(&account, error)?;
    look_in_store(visit, account, wanted, most, trouble).await
}

async fn look_in_store(
    visit: &Visit<'_>,
    account: Account,
    wanted: &Wanted,
    most: usize,
    trouble: Trouble,
) -> Result<Looked, StoreError> {
    let desk = visit.desk;
    let page = desk.app.store.inbox_page(desk.tenant, account.id(), 0, STORED).await?;
    let question = Question::read(&wanted.question);
    let came = |at: DateTime<Utc>| wanted.came.is_none_or(|(from, until)| at >= from && at < until);
    // Where only days were named, everything of those days is meant.
    let only_days = wanted.question.is_empty();
    let mut found = page
        .messages
        .into_iter()
        .filter(|message| came(message.received_at) && (only_days || question.finds(&message.content)));
    let (total, checked_at) = (page.total.min(STORED), page.checked_at);
    let shown: Vec<_> = found.by_ref().take(most).collect();
    let has_more = found.next().is_some();
    let how = How::Stored { trouble, total, checked_at, unanswerable: question.unanswerable };
    Ok(Looked { account, how, found: shown, has_more })
}

/// What the provider finds, newest first, and whether there is more.
async fn ask_provider(
    visit: &Visit<'_>,
    deadline: Instant,
    account: &Account,
    question: &str,
    most: usize,
) -> Result<(Vec<InboxMessage>, bool), CallError> {
    let urgency = Urgency::Person { by: deadline };
    let mut caller = Caller::open(&visit.desk.app, visit.context("token"), account.id(), urgency).await?;
    let page = caller.call(Operation::MailList, |client, token| {
        let question = question.to_owned();
        let limit = u32::try_from(most).unwrap_or(1);
        by(deadline, async move { client.search_messages(&token, &question, None, limit).await })
    });
    let page = page.await?;
    let has_more = page.next_page_token.is_some() || page.ids.len() > most;
    let ids: Vec<String> = page.ids.into_iter().take(most).collect();
    let found = caller.each(Operation::MailGet, &ids, |client, token, id| by(deadline, about(client, token, id)));
    Ok((found.await?.into_iter().flatten().collect(), has_more))
}

/// What is known of a message, unless it was deleted since it was listed.
async fn about(client: Client, token: SecretString, id: String) -> Result<Option<InboxMessage>, ProviderError> {
    match client.message_metadata(&token, &id).await {
        Ok(metadata) => Ok(Some(listed(metadata))),
        Err(ProviderError::NotFound | ProviderError::Gone) => Ok(None),
        Err(error) => Err(error),
    }
}

fn listed(metadata: MailMetadata) -> InboxMessage {
    let text = |secret: Option<SecretString>| secret.map(|text| text.expose_secret().to_owned()).unwrap_or_default();
    InboxMessage {
        received_at: metadata.internal_date.unwrap_or(DateTime::UNIX_EPOCH),
        content: MailContent {
            unread: metadata.label_ids.iter().any(|label| label == "UNREAD"),
            from: text(metadata.from),
            subject: text(metadata.subject),
            snippet: text(metadata.snippet),
        },
        message_id: metadata.id,
    }
}
