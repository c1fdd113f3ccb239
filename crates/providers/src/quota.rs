//! What a provider allows, as data: how much of each of its APIs, per project and per mailbox, and what a request costs.
//!
//! Only figures. Who counts, who waits and who goes first is decided by whoever calls; an answer that says "slow down"
//! is read in `refusal.rs`, however well the figures here were kept to.

use std::time::Duration;

/// What a request does, as far as its cost goes. A cost is of one request: a page is one, however much is on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// [`crate::Client::mail_profile`].
    MailProfile,
    /// A page of [`crate::Client::list_messages`] or [`crate::Client::search_messages`].
    MailList,
    /// One message, whole or not: [`crate::Client::message_metadata`], [`crate::Client::message_full`].
    MailGet,
    /// A page of [`crate::Client::history`].
    MailHistory,
    /// [`crate::Client::attachment`].
    MailAttachment,
    /// A page of [`crate::Client::calendars`].
    CalendarList,
    /// A page of [`crate::Client::calendar_events`].
    CalendarEvents,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 7] = [
        Self::MailProfile,
        Self::MailList,
        Self::MailGet,
        Self::MailHistory,
        Self::MailAttachment,
        Self::CalendarList,
        Self::CalendarEvents,
    ];

    /// The name in settings. Unique among the operations of any one API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MailProfile => "profile",
            Self::MailList => "list",
            Self::MailGet => "get",
            Self::MailHistory => "history",
            Self::MailAttachment => "attachment",
            Self::CalendarList => "calendars",
            Self::CalendarEvents => "events",
        }
    }
}

/// So many units in any time of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Units.
    pub units: u32,
    /// How long the window is that slides along with the time.
    pub window: Duration,
}

/// What one API of a provider allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The API's name in settings and metrics.
    pub api: &'static str,
    /// What everybody together may spend: everything that is asked as this client.
    pub project: Allowance,
    /// What may be spent on one mailbox: on one account of the provider, however many integrations hold it.
    pub mailbox: Allowance,
    /// How many requests about one mailbox may be under way at the same time.
    pub at_once: u32,
    /// What each of its operations costs, in units.
    pub costs: Vec<(Operation, u32)>,
}

impl Quota {
    /// What one request of this operation costs. None: it is another API's.
    #[must_use]
    pub fn cost(&self, operation: Operation) -> Option<u32> {
        self.costs.iter().find(|(known, _)| *known == operation).map(|(_, units)| *units)
    }

    /// What its most expensive operation costs.
    #[must_use]
    pub fn dearest(&self) -> u32 {
        self.costs.iter().map(|(_, units)| *units).max().unwrap_or(0)
    }
}
