//! What this process itself has spent, and what it has under way.
//!
//! Always counted, so that it is there when Redis is not, and so that Redis can be told again what it forgot. Alone it knows
//! nothing of other processes: then each keeps to its share.

use std::collections::HashMap;
use std::time::Duration;

use bellhop_store::Pseudonym;
use chrono::{DateTime, Utc};

use super::need::{Api, Lack, LackOf, Need};
use super::window::{Span, Window};

/// How long to wait where too many calls are under way: any of them may end at any moment.
pub const WHILE_UNDER_WAY: Duration = Duration::from_secs(5);

/// From how many mailboxes on those that have been quiet are forgotten.
const SWEEP_FROM: usize = 256;

/// What this process has spent.
#[derive(Debug, Default)]
pub struct Memory {
    projects: HashMap<Api, Window>,
    mailboxes: HashMap<(Api, Pseudonym), Mailbox>,
    sweep_at: usize,
}

#[derive(Debug)]
struct Mailbox {
    /// How its window is cut.
    span: Span,
    spent: Window,
    under_way: u32,
}

impl Memory {
    /// What is spent of the need's two windows: everybody's, the mailbox's.
    pub fn spent(&self, need: &Need) -> [Window; 2] {
        let project = self.projects.get(&need.api).cloned().unwrap_or_default();
        let mailbox = self.mailboxes.get(&(need.api, need.about)).map(|mailbox| mailbox.spent.clone());
        [project, mailbox.unwrap_or_default()]
    }

    /// Whether there is too little of this process's share for this, and of what.
    pub fn lack(&self, need: &Need, processes: u32, now: DateTime<Utc>) -> Option<Lack> {
        if self.places(need, processes) == 0 {
            return Some(Lack { of: LackOf::Calls, after: WHILE_UNDER_WAY });
        }
        let [project, mailbox] = self.spent(need);
        // A share may have shrunk since a call was made to measure: one that takes all of it is better than none for ever.
        let shares = need.limits().map(|limit| limit.share(processes).max(need.units.min(limit.allowed)));
        need.lack([&project, &mailbox], shares, now)
    }

    /// How many calls of this process's share may begin, of those that are wanted.
    pub fn places(&self, need: &Need, processes: u32) -> u32 {
        let under_way = self.mailboxes.get(&(need.api, need.about)).map_or(0, |mailbox| mailbox.under_way);
        (need.at_once / processes.max(1)).max(1).saturating_sub(under_way).min(need.wanted)
    }

    /// Spends, and begins calls.
    pub fn begin(&mut self, need: &Need, places: u32, now: DateTime<Utc>) {
        self.sweep(now);
        self.projects.entry(need.api).or_default().spend(need.project.span, now, need.units);
        let span = need.mailbox.span;
        let mailbox = self.mailboxes.entry((need.api, need.about));
        let mailbox = mailbox.or_insert_with(|| Mailbox { span, spent: Window::default(), under_way: 0 });
        mailbox.spent.spend(span, now, need.units);
        mailbox.under_way += places;
    }

    /// Ends calls that were begun then. None: they were not made at all.
    pub fn end(&mut self, need: &Need, places: u32, then: DateTime<Utc>, now: Option<DateTime<Utc>>) {
        let close = |window: &mut Window, span| match now {
            Some(now) => window.settle(span, then, now, need.units),
            None => window.give_back(span, then, need.units),
        };
        if let Some(project) = self.projects.get_mut(&need.api) {
            close(project, need.project.span);
        }
        if let Some(mailbox) = self.mailboxes.get_mut(&(need.api, need.about)) {
            close(&mut mailbox.spent, need.mailbox.span);
            mailbox.under_way = mailbox.under_way.saturating_sub(places);
        }
    }

    /// Forgets mailboxes that have been quiet, of whatever API: each is judged by its own window.
    fn sweep(&mut self, now: DateTime<Utc>) {
        if self.mailboxes.len() < self.sweep_at.max(SWEEP_FROM) {
            return;
        }
        self.mailboxes.retain(|_, mailbox| mailbox.under_way > 0 || !mailbox.spent.is_spent(mailbox.span, now));
        self.sweep_at = self.mailboxes.len() * 2;
    }
}

#[cfg(test)]
mod tests {
    use bellhop_domain::Provider;
    use bellhop_providers::Operation;
    use chrono::TimeDelta;
    use uuid::Uuid;

    use super::super::need::{Ask, Urgency};
    use super::*;

    fn need(about: u128, operation: Operation, count: usize) -> Need {
        let google = bellhop_providers::google(None).unwrap();
        let quota = google.quota_of(operation).unwrap();
        let about = Pseudonym::new(Uuid::from_u128(about));
        let api = Api { provider: Provider::Google, name: quota.api };
        Need::of(api, quota, &Ask { about, operation, count, at_once: 4, urgency: Urgency::Background })
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    #[test]
    fn a_process_keeps_to_its_share_of_units_and_of_calls() {
        let mut memory = Memory::default();
        let batch = need(1, Operation::MailGet, 50);
        let mut begun = 0;
        while memory.lack(&batch, 2, now()).is_none() {
            let places = memory.places(&batch, 2);
            memory.begin(&batch, places, now());
            memory.end(&batch, places, now(), Some(now()));
            begun += 1;
        }
        assert_eq!(begun, 2, "half of 4,800 units");
        assert_eq!(memory.lack(&batch, 2, now()).unwrap().of, LackOf::Mailbox);
        assert_eq!(memory.lack(&need(2, Operation::MailGet, 50), 2, now()), None, "another mailbox has its own");
        let list = need(3, Operation::MailList, 1);
        for _ in 0..3 {
            assert_eq!(memory.places(&list, 2), 1);
            memory.begin(&list, 1, now());
        }
        assert_eq!(memory.lack(&list, 2, now()).unwrap().of, LackOf::Calls);
        memory.end(&list, 1, now(), None);
        assert_eq!(memory.lack(&list, 2, now()), None);
    }

    #[test]
    fn a_batch_that_became_larger_than_the_share_is_made_alone() {
        let mut memory = Memory::default();
        let batch = need(1, Operation::MailGet, 50);
        assert_eq!(memory.lack(&batch, 100, now()), None);
        memory.begin(&batch, 1, now());
        memory.end(&batch, 1, now(), Some(now()));
        assert!(memory.lack(&batch, 100, now()).is_some());
    }

    #[test]
    fn mailboxes_that_are_quiet_are_forgotten_whichever_api_grows() {
        let mut memory = Memory::default();
        let spend = |memory: &mut Memory, number: u32, operation, at| {
            let one = need(number.into(), operation, 1);
            memory.begin(&one, 1, at);
            memory.end(&one, 1, at, Some(at));
        };
        for number in 0..200 {
            spend(&mut memory, number, Operation::CalendarEvents, now());
        }
        let later = now() + TimeDelta::minutes(2);
        for number in 0..100 {
            spend(&mut memory, number, Operation::MailList, later);
        }
        assert_eq!(memory.mailboxes.len(), 100);
    }

    #[test]
    fn mailboxes_that_are_quiet_are_forgotten() {
        let mut memory = Memory::default();
        for number in 0..1_000 {
            let at = now() + TimeDelta::seconds(number);
            let list = need(number.unsigned_abs().into(), Operation::MailList, 1);
            memory.begin(&list, 1, at);
            if number != 7 {
                memory.end(&list, 1, at, Some(at));
            }
        }
        assert!(memory.mailboxes.len() < 300, "{}", memory.mailboxes.len());
        let held = need(7, Operation::MailList, 1);
        assert_eq!(memory.mailboxes[&(held.api, held.about)].under_way, 1);
    }
}
