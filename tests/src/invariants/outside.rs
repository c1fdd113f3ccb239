//! The sandbox's own ledger, as far as it says what Bellhop must agree with.
//!
//! Never derived from anything of Bellhop's.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::house::House;
use crate::trouble::Story;

/// What the other side was asked and did.
#[derive(Debug, Clone, Deserialize)]
pub struct Outside {
    /// Decisions on the consent page.
    pub authorizations: Vec<Authorization>,
    /// Requests to the token endpoint, in their order.
    pub token_requests: Vec<TokenRequest>,
    /// Grants that ended.
    pub revocations: Vec<Revocation>,
    /// Grants that live.
    pub grants: Vec<Grant>,
    /// Mailboxes by account.
    pub mails: BTreeMap<String, Mailbox>,
    /// The chats.
    pub telegram: Telegram,
    /// Primary calendars by account: every event ever put in, as the provider shows it to its owner.
    #[serde(skip)]
    pub calendars: BTreeMap<String, Vec<Value>>,
}

/// A decision on the consent page.
#[derive(Debug, Clone, Deserialize)]
pub struct Authorization {
    /// Whose.
    pub account: String,
    /// `allow` or `deny`.
    pub decision: String,
    /// The first 16 hexadecimal digits of the SHA-256 of the walk's state.
    pub state_fingerprint: Option<String>,
}

/// A request to the token endpoint. Secrets are fingerprints.
#[derive(Debug, Clone, Deserialize)]
pub struct TokenRequest {
    /// When, by the house's clock.
    pub at: DateTime<Utc>,
    /// `authorization_code` or `refresh_token`.
    pub grant_type: String,
    /// `issued` or an error code.
    pub outcome: String,
    /// Whose.
    pub account: Option<String>,
    /// Which code was brought.
    pub code_used: Option<String>,
    /// Which refresh token was brought.
    pub refresh_token_used: Option<String>,
    /// Which was given.
    pub refresh_token_issued: Option<String>,
    /// A fault kept the answer back.
    pub answer_lost: bool,
}

impl TokenRequest {
    /// Whether tokens were given.
    pub fn is_issued(&self) -> bool {
        self.outcome == "issued"
    }
}

/// A grant that ended.
#[derive(Debug, Clone, Deserialize)]
pub struct Revocation {
    /// When, by the house's clock.
    pub at: DateTime<Utc>,
    /// Whose.
    pub account: Option<String>,
}

/// A grant that lives.
#[derive(Debug, Clone, Deserialize)]
pub struct Grant {
    /// Whose.
    pub account: String,
    /// For what.
    pub scopes: BTreeSet<String>,
}

/// What lies in a mailbox.
#[derive(Debug, Clone, Deserialize)]
pub struct Mailbox {
    /// Ids of the inbox, newest first.
    pub inbox: Vec<String>,
}

/// What the bot did.
#[derive(Debug, Clone, Deserialize)]
pub struct Telegram {
    /// New messages by chat.
    pub messages_sent: BTreeMap<String, u64>,
    /// Answers to presses, by query.
    pub presses_answered: BTreeMap<String, u64>,
    /// Every update ever made.
    pub updates: Vec<Update>,
}

/// Something that the bot was told.
#[derive(Debug, Clone, Deserialize)]
pub struct Update {
    /// Telegram's id.
    #[serde(rename = "update_id")]
    pub id: i64,
    /// `message`, `callback_query` and the like.
    pub kind: String,
    /// Where; a private chat has the person's own id, which is positive.
    pub chat: Option<i64>,
    /// The query to be answered, where it is a press.
    pub query: Option<String>,
}

impl Outside {
    /// Reads the ledger, and the calendars of everybody who ever consented.
    pub async fn of(house: &House) -> Story<Self> {
        let mut outside: Self = serde_json::from_value(house.sandbox.get("ledger").await?)?;
        outside.name_owners_of_dead_tokens();
        let accounts: BTreeSet<String> = outside.authorizations.iter().map(|one| one.account.clone()).collect();
        for account in accounts {
            let path = format!("google/accounts/{account}/calendars/primary/events");
            let events = house.sandbox.get(&path).await?;
            outside.calendars.insert(account, events.as_array().cloned().unwrap_or_default());
        }
        Ok(outside)
    }

    /// A token that is not good any more is nobody's to the sandbox: whose it was, it said when it gave it out.
    fn name_owners_of_dead_tokens(&mut self) {
        let given = |request: &TokenRequest| Some((request.refresh_token_issued.clone()?, request.account.clone()?));
        let owners: BTreeMap<String, String> = self.token_requests.iter().filter_map(given).collect();
        for request in &mut self.token_requests {
            let owner = request.refresh_token_used.as_ref().and_then(|token| owners.get(token));
            request.account = request.account.take().or_else(|| owner.cloned());
        }
    }

    /// The ids in an account's inbox.
    pub fn inbox(&self, account: &str) -> BTreeSet<&str> {
        self.mails.get(account).map(|mailbox| mailbox.inbox.iter().map(String::as_str).collect()).unwrap_or_default()
    }
}
