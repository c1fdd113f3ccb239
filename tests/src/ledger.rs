//! The sandbox's ledger: the other side's view, typed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// What the sandbox was asked and did since its start.
#[derive(Debug, Clone, Deserialize)]
pub struct Ledger {
    /// Now, by the shared clock.
    pub now: DateTime<Utc>,
    /// Every call, counted by path template and outcome.
    pub calls: Vec<Call>,
    /// Decisions on the consent page.
    pub authorizations: Vec<Authorization>,
    /// Requests to the token endpoint.
    pub token_requests: Vec<TokenRequest>,
    /// Grants that ended, and who ended them.
    pub revocations: Vec<Revocation>,
    /// Grants that live.
    pub grants: Vec<Grant>,
    /// Mailboxes by account.
    pub mails: BTreeMap<String, Mailbox>,
}

/// Calls that were alike.
#[derive(Debug, Clone, Deserialize)]
pub struct Call {
    /// `GET`, `POST` or `DELETE`.
    pub method: String,
    /// With its variable parts named.
    pub path: String,
    /// A status, `dropped` or `answer lost`.
    pub outcome: String,
    /// How many.
    pub count: u64,
}

/// A decision on the consent page.
#[derive(Debug, Clone, Deserialize)]
pub struct Authorization {
    /// Whose.
    pub account: String,
    /// `allow` or `deny`.
    pub decision: String,
}

/// A request to the token endpoint; tokens are fingerprints.
#[derive(Debug, Clone, Deserialize)]
pub struct TokenRequest {
    /// `authorization_code` or `refresh_token`.
    pub grant_type: String,
    /// `issued` or an error code.
    pub outcome: String,
    /// Whose.
    pub account: Option<String>,
    /// Which refresh token was brought.
    pub refresh_token_used: Option<String>,
    /// Which was given.
    pub refresh_token_issued: Option<String>,
}

/// A grant that ended.
#[derive(Debug, Clone, Deserialize)]
pub struct Revocation {
    /// `client` or `control`.
    pub by: String,
    /// Whose.
    pub account: Option<String>,
    /// `revoked` or why not.
    pub outcome: String,
}

/// A grant that lives.
#[derive(Debug, Clone, Deserialize)]
pub struct Grant {
    /// Whose.
    pub account: String,
    /// For what.
    pub scopes: Vec<String>,
    /// Which refresh tokens are good, as fingerprints.
    pub refresh_tokens: Vec<String>,
}

/// What lies in a mailbox.
#[derive(Debug, Clone, Deserialize)]
pub struct Mailbox {
    /// Ids of the inbox, newest first.
    pub inbox: Vec<String>,
}

impl Ledger {
    /// How many calls a path template got with this outcome, or with any.
    pub fn calls_of(&self, path: &str, outcome: Option<&str>) -> u64 {
        let alike = |call: &&Call| call.path == path && outcome.is_none_or(|outcome| call.outcome == outcome);
        self.calls.iter().filter(alike).map(|call| call.count).sum()
    }

    /// Requests to the token endpoint with this grant type.
    pub fn requests(&self, grant_type: &str) -> Vec<&TokenRequest> {
        self.token_requests.iter().filter(|request| request.grant_type == grant_type).collect()
    }

    /// Exchanges of a code.
    pub fn exchanges(&self) -> Vec<&TokenRequest> {
        self.requests("authorization_code")
    }

    /// Uses of a refresh token.
    pub fn refreshes(&self) -> Vec<&TokenRequest> {
        self.requests("refresh_token")
    }

    /// The live grant of an account.
    pub fn grant(&self, account: &str) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.account == account)
    }

    /// The ids in an account's inbox.
    pub fn inbox(&self, account: &str) -> &[String] {
        self.mails.get(account).map_or(&[], |mailbox| &mailbox.inbox)
    }
}
