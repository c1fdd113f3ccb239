//! What of everything that providers allow is used at this moment, for an operator.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use bellhop_domain::IntegrationId;
use bellhop_providers::{Allowance, Description, Quota};
use bellhop_store::{Pseudonym, StoreError};
use serde::Serialize;

use super::Limits;
use super::need::Api;
use super::shared::PATIENCE_OF_OPERATORS;
use super::window::{Span, Window};

/// How many mailboxes are looked at: those that were asked about last.
const LOOKED_AT: isize = 1_000;

/// One API of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiUsage {
    /// Whose.
    pub provider: &'static str,
    /// Which.
    pub api: &'static str,
    /// Whether all processes count together at this moment. Otherwise what is used is known to each of them alone, and is
    /// in its metrics.
    pub shared: bool,
    /// Units that everybody may spend, and how many were.
    pub project: Usage,
    /// Units that may be spent on each mailbox.
    pub mailbox: Usage,
    /// Calls about each mailbox that may be under way at the same time.
    pub at_once: u32,
    /// The busiest mailboxes, busiest first.
    pub mailboxes: Vec<MailboxUsage>,
}

/// A window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Units spent in it, counted as strictly as Bellhop does. None where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
    /// Units allowed.
    pub allowed: u32,
    /// How long it is.
    pub window_seconds: u64,
}

/// One mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MailboxUsage {
    /// Which integrations hold it. None: it is connected no longer.
    pub integrations: BTreeSet<IntegrationId>,
    /// Units spent on it in its window.
    pub used: u64,
    /// Calls about it that are under way.
    pub at_once: u32,
}

/// A mailbox as it is counted.
struct Busy {
    about: Pseudonym,
    used: u64,
    at_once: u32,
}

impl Limits {
    /// What of this provider's APIs is used, with this many of the busiest mailboxes of each.
    ///
    /// # Errors
    /// Whose the mailboxes are cannot be said, as Postgres does not answer.
    pub async fn usage(&self, of: &Description, mailboxes: usize) -> Result<Vec<ApiUsage>, StoreError> {
        let mut usage = vec![];
        for quota in &of.quotas {
            usage.push(self.usage_of(Api { provider: of.provider, name: quota.api }, quota, mailboxes).await?);
        }
        Ok(usage)
    }

    async fn usage_of(&self, api: Api, quota: &Quota, mailboxes: usize) -> Result<ApiUsage, StoreError> {
        let now = self.0.clock.now();
        let spans = [quota.project, quota.mailbox].map(|allowance| Span::of(allowance.window));
        let counted = match self.shared(PATIENCE_OF_OPERATORS).await {
            Ok(shared) => shared.counted(api, spans, LOOKED_AT, now).await.ok(),
            Err(_) => None,
        };
        let used = |allowance: Allowance, window: &Window| window.used(Span::of(allowance.window), now);
        let of_window = |allowance: Allowance, used| Usage {
            used,
            allowed: allowance.units,
            window_seconds: allowance.window.as_secs(),
        };
        let shared = counted.is_some();
        let project = counted.as_ref().map(|counted| used(quota.project, &counted.project));
        let counted = counted.map(|counted| counted.mailboxes).unwrap_or_default().into_iter();
        let mut busy: Vec<Busy> = counted
            .map(|(about, spent, at_once)| Busy { about, used: used(quota.mailbox, &spent), at_once })
            .filter(|mailbox| mailbox.used > 0 || mailbox.at_once > 0)
            .collect();
        busy.sort_by_key(|mailbox| (Reverse(mailbox.used), mailbox.about));
        busy.truncate(mailboxes);
        Ok(ApiUsage {
            provider: api.provider.name(),
            api: api.name,
            shared,
            project: of_window(quota.project, project),
            mailbox: of_window(quota.mailbox, None),
            at_once: quota.at_once,
            mailboxes: self.whose(busy).await?,
        })
    }

    /// Redis does not know whose mailboxes it counts.
    async fn whose(&self, busy: Vec<Busy>) -> Result<Vec<MailboxUsage>, StoreError> {
        if busy.is_empty() {
            return Ok(vec![]);
        }
        let mut holders =
            self.0.store.holders_of_pseudonyms(&busy.iter().map(|mailbox| mailbox.about).collect()).await?;
        let known = busy.into_iter().map(|Busy { about, used, at_once }| MailboxUsage {
            integrations: holders.remove(&about).unwrap_or_default(),
            used,
            at_once,
        });
        Ok(known.collect())
    }
}
