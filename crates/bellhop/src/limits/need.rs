//! What a call takes, and how much of what a provider allows may be taken for it. Pure.

use std::time::Duration;

use bellhop_domain::Provider;
use bellhop_providers::{Allowance, Operation, Quota};
use bellhop_store::Pseudonym;
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::window::{Span, Window};
use crate::config::LEAST_REQUESTS;

/// The part of every window, and of the calls at once, that work in the background may use, in percent. The rest is there
/// for people who wait.
const BACKGROUND_PERCENT: u64 = 80;

/// Whether somebody is waiting for the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Nobody: a job.
    Background,
    /// Somebody, until then at the longest.
    Person {
        /// Until when.
        by: Instant,
    },
}

/// Requests that somebody is about to make.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// About which account, whoever holds it.
    pub about: Pseudonym,
    /// What.
    pub operation: Operation,
    /// How many of them.
    pub count: usize,
    /// How many of them at the same time, if that may be.
    pub at_once: usize,
    /// For whom.
    pub urgency: Urgency,
}

/// One API of a provider, as keys and metrics name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Api {
    /// Whose.
    pub provider: Provider,
    /// Which.
    pub name: &'static str,
}

/// What may be taken of one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The window.
    pub span: Span,
    /// Units, over all processes.
    pub allowed: u64,
    /// What is left to each process, however many there are: a listing and what it lists must fit, or nothing would ever
    /// get on.
    least: u64,
}

impl Limit {
    fn of(allowance: Allowance, dearest: u32, urgency: Urgency) -> Self {
        let units = u64::from(allowance.units);
        let least = part(u64::from(dearest) * u64::from(LEAST_REQUESTS), Urgency::Background).min(units);
        Self { span: Span::of(allowance.window), allowed: part(units, urgency).max(least), least }
    }

    /// What one of so many processes may take where they cannot count together.
    pub fn share(&self, processes: u32) -> u64 {
        (self.allowed / u64::from(processes.max(1))).max(self.least)
    }
}

/// What calls take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Need {
    /// Of which API.
    pub api: Api,
    /// About which account, whoever holds it.
    pub about: Pseudonym,
    /// Units.
    pub units: u64,
    /// How many requests, and how many of them at the same time if that may be. At least one.
    pub count: u32,
    /// See there.
    pub wanted: u32,
    /// How many may be under way at the same time, over all processes.
    pub at_once: u32,
    /// What may be taken of everybody's window.
    pub project: Limit,
    /// What may be taken of the mailbox's.
    pub mailbox: Limit,
}

impl Need {
    /// What this takes of that quota.
    pub fn of(api: Api, quota: &Quota, ask: &Ask) -> Self {
        let count = u32::try_from(ask.count).unwrap_or(u32::MAX).max(1);
        let wanted = u32::try_from(ask.at_once).unwrap_or(u32::MAX).clamp(1, count);
        let at_once = part(u64::from(quota.at_once), ask.urgency).max(1);
        Self {
            api,
            about: ask.about,
            units: u64::from(count) * u64::from(quota.cost(ask.operation).unwrap_or(0)),
            count,
            wanted,
            at_once: u32::try_from(at_once).unwrap_or(u32::MAX),
            project: Limit::of(quota.project, quota.dearest(), ask.urgency),
            mailbox: Limit::of(quota.mailbox, quota.dearest(), ask.urgency),
        }
    }

    /// Both windows: everybody's, the mailbox's.
    pub fn limits(&self) -> [Limit; 2] {
        [self.project, self.mailbox]
    }

    /// How many requests like this one may be asked for together, so that they and what comes before them fit.
    pub fn most(&self, processes: u32) -> usize {
        let each = self.units / u64::from(self.count);
        let room = self.limits().map(|limit| limit.share(processes) / 2).into_iter().min().unwrap_or(0);
        room.checked_div(each).map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX).max(1))
    }

    /// How long what is spent now may be remembered.
    pub fn reach(&self) -> Duration {
        self.project.span.reach().max(self.mailbox.span.reach())
    }

    /// What these windows lack, with this many units allowed in each.
    pub fn lack(&self, spent: [&Window; 2], allowed: [u64; 2], now: DateTime<Utc>) -> Option<Lack> {
        let wait = |limit: Limit, window: &Window, allowed| window.wait(limit.span, now, self.units, allowed);
        let project = wait(self.project, spent[0], allowed[0]);
        let mailbox = wait(self.mailbox, spent[1], allowed[1]);
        match (project, mailbox) {
            (None, None) => None,
            (Some(after), mailbox) if mailbox.is_none_or(|mailbox| mailbox < after) => {
                Some(Lack { of: LackOf::Project, after })
            }
            (project, mailbox) => Some(Lack { of: LackOf::Mailbox, after: mailbox.or(project).unwrap_or_default() }),
        }
    }

    /// How long a job waits. A little longer than it must, each account differently, so that not all of them come back in
    /// the same moment: within a bucket where one mailbox is used up, over the window where everybody's is.
    pub fn patience(&self, lack: Lack) -> Duration {
        let spread = match lack.of {
            LackOf::Project => self.project.span.reach(),
            LackOf::Mailbox | LackOf::Calls => self.mailbox.span.step(),
        };
        let place = self.about.uuid().as_u128() % spread.as_millis().max(1);
        lack.after + Duration::from_millis(u64::try_from(place).unwrap_or(0))
    }
}

/// What there is not enough of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lack {
    /// Of what.
    pub of: LackOf,
    /// How long until there is, as far as is known.
    pub after: Duration,
}

/// What there can be too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LackOf {
    /// Units of everybody's window.
    Project,
    /// Units of the mailbox's window.
    Mailbox,
    /// Calls about one mailbox at the same time.
    Calls,
}

impl LackOf {
    /// The label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Mailbox => "mailbox",
            Self::Calls => "at_once",
        }
    }
}

fn part(whole: u64, urgency: Urgency) -> u64 {
    match urgency {
        Urgency::Background => whole * BACKGROUND_PERCENT / 100,
        Urgency::Person { .. } => whole,
    }
}

#[cfg(test)]
#[path = "need_tests.rs"]
mod tests;
