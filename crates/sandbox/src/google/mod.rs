//! The stand-in Google: who has an account, what was granted, which tokens live.
//!
//! One client program is known. Rules about single requests live beside the endpoint they guard
//! (`authorize`, `token`, `identity`, `gmail`); this file only keeps the state they share.

pub mod answers;
pub mod asked;
pub mod authorize;
pub mod calendar;
pub mod compose;
pub mod consent_page;
pub mod errors;
pub mod gmail;
pub mod history;
pub mod identity;
pub mod labels;
pub mod lively;
pub mod mailbox;
pub mod mime;
pub mod odd;
pub mod payload;
pub mod query;
pub mod quota;
pub mod refusal;
pub mod revoke;
pub mod scopes;
pub mod send;
pub mod token;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use self::{answers::AnswerFaults, mailbox::Mailbox, quota::Quotas};
use crate::Settings;

/// Google kills the oldest refresh token of an account and client beyond this many, without a word.
/// <https://developers.google.com/identity/protocols/oauth2#expiration>
pub const LIVE_REFRESH_TOKENS: usize = 100;

/// Everything Google remembers.
#[derive(Debug)]
pub struct Google {
    pub client_id: String,
    pub client_secret: String,
    pub redirect_uris: BTreeSet<String>,
    pub issuer: String,
    pub accounts: BTreeMap<String, Account>,
    pub requests: HashMap<String, asked::AuthorizationRequest>,
    pub codes: HashMap<String, token::Code>,
    pub access_tokens: HashMap<String, AccessToken>,
    pub refresh_tokens: HashMap<String, RefreshToken>,
    pub grants: BTreeMap<String, Grant>,
    pub answers: AnswerFaults,
    pub access_token_seconds: u32,
    pub rotate_refresh_tokens: bool,
    pub quotas: Quotas,
    /// By id; who sees which is in their `entries`.
    pub calendars: BTreeMap<String, calendar::Calendar>,
    /// Counts changes of calendar lists, for their sync tokens.
    pub list_changes: u64,
    /// Sync tokens of calendar lists from an earlier generation are answered with 410.
    pub list_generation: u64,
    /// Pages of calendars, events and instances are never larger.
    pub calendar_page_size: Option<usize>,
    /// Pages of mails and history are never larger.
    pub mail_page_size: Option<usize>,
    issued: u64,
}

/// A person with a Google account.
#[derive(Debug)]
pub struct Account {
    /// How the control API calls it.
    pub name: String,
    pub sub: String,
    pub email: String,
    pub display_name: String,
    pub mailbox: Mailbox,
    pub legacy: Legacy,
}

/// Makes every consent of an account wider than what is asked, as grants from before the narrow scopes existed are.
#[derive(Debug, Default, Clone)]
pub struct Legacy {
    pub adds: BTreeSet<String>,
    /// Narrow scopes that the wide ones stand for.
    pub instead_of: BTreeSet<String>,
}

impl Legacy {
    pub fn widen(&self, granted: &mut BTreeSet<String>) {
        granted.retain(|scope| !self.instead_of.contains(scope));
        granted.extend(self.adds.iter().cloned());
    }
}

/// What one account allowed the client, over all its consents. Ends as a whole when revoked.
#[derive(Debug, Default, Clone)]
pub struct Grant {
    pub scopes: BTreeSet<String>,
    /// A refresh token was handed out in this grant; the next one needs `prompt=consent`.
    pub offline: bool,
}

/// A live access token.
#[derive(Debug, Clone)]
pub struct AccessToken {
    pub account: String,
    pub scopes: BTreeSet<String>,
    pub expires_at: DateTime<Utc>,
    /// The code it came from, directly or by refreshing: a code used twice ends it.
    pub code: String,
}

/// A live refresh token.
#[derive(Debug, Clone)]
pub struct RefreshToken {
    pub account: String,
    pub scopes: BTreeSet<String>,
    pub code: String,
    /// Counts up over all tokens, so that the oldest is known.
    pub serial: u64,
}

impl Google {
    pub fn new(settings: &Settings, origin: &str, now: DateTime<Utc>) -> Self {
        Self {
            client_id: settings.google_client_id.clone(),
            client_secret: settings.google_client_secret.clone(),
            redirect_uris: settings.redirect_uris.iter().cloned().collect(),
            issuer: settings.google_issuer.clone().unwrap_or_else(|| origin.to_owned()),
            accounts: lively::accounts(settings.seed, settings.mails, now),
            requests: HashMap::new(),
            codes: HashMap::new(),
            access_tokens: HashMap::new(),
            refresh_tokens: HashMap::new(),
            grants: BTreeMap::new(),
            answers: AnswerFaults::default(),
            access_token_seconds: settings.access_token_seconds,
            rotate_refresh_tokens: false,
            quotas: Quotas::default(),
            calendars: calendar::lively::calendars(now),
            list_changes: 1,
            list_generation: 0,
            calendar_page_size: None,
            mail_page_size: None,
            issued: 0,
        }
    }

    pub fn issue_access_token(
        &mut self,
        account: &str,
        scopes: BTreeSet<String>,
        code: &str,
        now: DateTime<Utc>,
    ) -> String {
        let raw = raw("sandbox-access");
        let expires_at = now + TimeDelta::seconds(self.access_token_seconds.into());
        let token = AccessToken { account: account.to_owned(), scopes, expires_at, code: code.to_owned() };
        self.access_tokens.insert(raw.clone(), token);
        raw
    }

    /// Issues one more and, beyond the limit, silently kills the account's oldest.
    pub fn issue_refresh_token(&mut self, account: &str, scopes: BTreeSet<String>, code: &str) -> String {
        let raw = raw("sandbox-refresh");
        self.issued += 1;
        let token = RefreshToken { account: account.to_owned(), scopes, code: code.to_owned(), serial: self.issued };
        self.refresh_tokens.insert(raw.clone(), token);
        let mut live: Vec<_> = self
            .refresh_tokens
            .iter()
            .filter(|(_, token)| token.account == account)
            .map(|(raw, token)| (token.serial, raw.clone()))
            .collect();
        live.sort_unstable();
        for (_, oldest) in live.iter().rev().skip(LIVE_REFRESH_TOKENS) {
            self.refresh_tokens.remove(oldest);
        }
        raw
    }

    /// Ends everything that account allowed the client. Answers whether there was anything to end.
    pub fn end_grant(&mut self, account: &str) -> bool {
        self.refresh_tokens.retain(|_, token| token.account != account);
        self.access_tokens.retain(|_, token| token.account != account);
        self.codes.retain(|_, code| code.account != account || code.used);
        self.grants.remove(account).is_some()
    }

    /// The account a token in use belongs to; expired access tokens count as unknown.
    pub fn account_of(&self, token: &str, now: DateTime<Utc>) -> Option<String> {
        if let Some(refresh) = self.refresh_tokens.get(token) {
            return Some(refresh.account.clone());
        }
        self.live_access_token(token, now).map(|access| access.account.clone())
    }

    pub fn live_access_token(&self, token: &str, now: DateTime<Utc>) -> Option<&AccessToken> {
        self.access_tokens.get(token).filter(|access| access.expires_at > now)
    }
}

/// An unmistakable stand-in for a secret.
pub fn raw(kind: &str) -> String {
    format!("{kind}-{}", uuid::Uuid::new_v4().simple())
}
