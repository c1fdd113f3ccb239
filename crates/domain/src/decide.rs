//! Every decision about an integration, in one match: what a command makes happen, given what has happened.
//!
//! A repeat returns no events. A business no is a [`Refusal`]. Nothing here does I/O or asks for the time.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::command::{Command, Extent, Refreshed, Refusal};
use crate::event::Event;
use crate::follow::fetch;
use crate::id::{AttemptId, Generation, JobId};
use crate::integration::{Integration, Status};
use crate::job::{JobKind, Payload};
use crate::provider::{Capabilities, Capability};
use crate::reason::{Delivery, JobFailure, RevocationPlan};

impl Integration {
    /// What this command makes happen now.
    ///
    /// # Errors
    /// A [`Refusal`] says what is wrong in words for the person who asked; the command must not be repeated unchanged.
    pub fn decide(&self, command: Command, at: DateTime<Utc>) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::StartAuthorization { owner, provider, attempt, asked } => {
                self.refuse_if_ended()?;
                if self.attempt == Some(attempt) {
                    return Ok(vec![]);
                }
                Ok(vec![Event::AuthorizationStarted { owner, provider, attempt, asked }])
            }
            Command::FailAuthorization { attempt, reason } => {
                Ok(self.during(attempt, Event::AuthorizationFailed { attempt, reason }))
            }
            // Said even where a newer walk has begun: that somebody else came back is worth knowing of any walk. A walk whose
            // finish code was taken is rejected once.
            Command::RejectLink { attempt } => match self.status {
                Status::New => Err(Refusal::UnknownAttempt),
                _ if self.rejected.contains(&attempt) => Ok(vec![]),
                _ => Ok(vec![Event::LinkRejected { attempt }]),
            },
            Command::GrantAccess { attempt, asked, grant } => {
                self.refuse_if_ended()?;
                if self.status == Status::New {
                    return Err(Refusal::UnknownAttempt);
                }
                let missing = asked.difference(&grant.granted).copied().collect();
                Ok(vec![Event::AccessGranted {
                    attempt,
                    generation: self.generation.next(),
                    scopes: grant.scopes,
                    granted: grant.granted,
                    missing,
                    issued_at: at,
                    expires_at: grant.expires_at,
                    refreshable: grant.refreshable,
                }])
            }
            Command::RecordRefresh(Refreshed { from, expires_at, rotated, extent }) => {
                // Even after access was declared expired: a good token set that arrives late is still good.
                if self.generation != from || !self.status.is_linked() {
                    return Ok(vec![]);
                }
                Ok(self.refreshed(expires_at, rotated, extent, at))
            }
            Command::RecordRefreshFailure { from, reason } => {
                Ok(self.if_current(from, || vec![Event::RefreshFailed { reason }]))
            }
            Command::ExpireAccess { from, reason } => {
                Ok(self.if_current(from, || vec![Event::AccessExpired { reason }]))
            }
            Command::ReduceAccess { lost, scopes } => {
                self.refuse_if_ended()?;
                let left = self.scopes.difference(&scopes).cloned().collect();
                Ok(self.reduced(&[lost].into(), left).into_iter().collect())
            }
            Command::RecordMail { mode, added, updated, removed, cursor } => {
                let is_news = [added, updated, removed].iter().any(|count| *count > 0);
                let news = is_news.then_some(Event::MailFetched { mode, added, updated, removed, cursor });
                self.fetched(Capability::Mail, news)
            }
            Command::RecordCalendar { calendar, mode, added, updated, removed, cursor } => {
                self.refuse_if_ended()?;
                let is_news = [added, updated, removed].iter().any(|count| *count > 0);
                let news = Event::CalendarFetched { calendar, mode, added, updated, removed, cursor };
                Ok(is_news.then_some(news).into_iter().collect())
            }
            Command::EndCalendarFetch => self.fetched(Capability::Calendar, None),
            Command::RecordNotification { job, notice, delivery } => {
                // It ended between the saying and now: whoever has just heard of it must not be left with that.
                let is_over = notice.is_of_trouble() && !self.is_in_trouble() && self.status.is_usable();
                let over = is_over && delivery == Delivery::Sent;
                Ok(vec![Event::OwnerNotified { job, notice, delivery, over }])
            }
            Command::RecordRevocation { job, outcome } => Ok(vec![Event::AccessRevoked { job, outcome }]),
            Command::FailJob { job, kind, attempt, reason } => {
                Ok(vec![Event::JobFailed { job, kind, attempt, reason }])
            }
            Command::ReportOutage { kind, reason } => Ok(self.report_outage(kind, reason).into_iter().collect()),
            Command::BuryJob { job, payload, attempts, reason } => Ok(self.bury(job, payload, attempts, reason)),
            Command::ReplayJob { job } => {
                let Some(payload) = self.dead.get(&job) else {
                    return Err(Refusal::NoSuchDeadLetter);
                };
                if self.is_superseded(payload) {
                    return Ok(vec![Event::JobDiscarded { job, kind: payload.kind(), superseded: true }]);
                }
                Ok(vec![Event::JobReplayed { job, payload: payload.clone() }])
            }
            Command::DiscardJob { job } => {
                let Some(payload) = self.dead.get(&job) else {
                    return Err(Refusal::NoSuchDeadLetter);
                };
                Ok(vec![Event::JobDiscarded { job, kind: payload.kind(), superseded: false }])
            }
            Command::Disconnect { shared_account } => Ok(self.disconnect(shared_account)),
            Command::Erase => match self.status {
                Status::New => Err(Refusal::NotFound),
                Status::Erased => Ok(vec![]),
                Status::Failed | Status::Disconnected if self.revoking => Err(Refusal::RevocationOpen),
                Status::Failed | Status::Disconnected => Ok(vec![Event::Erased { generation: self.generation.next() }]),
                Status::Pending | Status::Active | Status::Degraded | Status::Expired | Status::Error => {
                    Err(Refusal::StillConnected)
                }
            },
        }
    }

    fn refuse_if_ended(&self) -> Result<(), Refusal> {
        match self.status {
            Status::Disconnected => Err(Refusal::Disconnected),
            Status::Erased => Err(Refusal::Erased),
            Status::New
            | Status::Pending
            | Status::Failed
            | Status::Active
            | Status::Degraded
            | Status::Expired
            | Status::Error => Ok(()),
        }
    }

    /// The event, if this walk is the one under way; a walk that has ended stays ended.
    fn during(&self, attempt: AttemptId, event: Event) -> Vec<Event> {
        if self.attempt == Some(attempt) { vec![event] } else { vec![] }
    }

    /// The generation is the fence: what was found out about an older token set changes nothing.
    fn if_current(&self, from: Generation, events: impl FnOnce() -> Vec<Event>) -> Vec<Event> {
        if self.generation == from && self.status.is_usable() { events() } else { vec![] }
    }

    fn refreshed(
        &self,
        expires_at: Option<DateTime<Utc>>,
        rotated: bool,
        extent: Option<Extent>,
        at: DateTime<Utc>,
    ) -> Vec<Event> {
        let generation = self.generation.next();
        let mut events = vec![Event::AccessRefreshed { generation, issued_at: at, expires_at, rotated }];
        let mut granted = self.granted.clone();
        if let Some(extent) = extent {
            // More than was granted is not taken: nobody was asked for it here.
            granted.retain(|capability| extent.granted.contains(capability));
            events.extend(self.reduced(&(&self.granted - &granted), extent.scopes));
        }
        events.extend(self.end_of_outage(JobKind::RefreshAccess));
        if matches!(self.status, Status::Error | Status::Expired) {
            events.push(Event::AccessRecovered { granted, tell: false });
        }
        self.with_word_of_the_end(events)
    }

    /// What is granted so far turns out not to be; nothing where it is known to be missing.
    fn reduced(&self, lost: &Capabilities, scopes: BTreeSet<String>) -> Option<Event> {
        let is_news = self.status.is_linked() && !self.granted.is_disjoint(lost);
        is_news.then(|| Event::AccessReduced { scopes, granted: &self.granted - lost, missing: &self.missing | lost })
    }

    /// A fetch that ended well, with its news where there was any.
    fn fetched(&self, capability: Capability, news: Option<Event>) -> Result<Vec<Event>, Refusal> {
        self.refuse_if_ended()?;
        let mut events: Vec<Event> = news.into_iter().collect();
        // Quiet success ends reported trouble too: that of this fetch alone, and never trouble with refreshing.
        let kind = fetch(capability).kind();
        events.extend(self.end_of_outage(kind));
        if self.failing.contains(&kind) && self.status != Status::Error && self.status.is_usable() {
            events.push(Event::AccessRecovered { granted: [capability].into(), tell: false });
        }
        Ok(self.with_word_of_the_end(events))
    }

    /// What is held back is said once; it is no news where access has ended, as then nothing is done in any case.
    fn report_outage(&self, kind: JobKind, reason: JobFailure) -> Option<Event> {
        let is_news = kind.is_single() && self.status.is_usable() && !self.held.contains(&kind);
        // One message tells of the provider, whatever else it stops.
        is_news.then(|| Event::OutageBegan { kind, reason, alert: !self.is_in_trouble() })
    }

    fn end_of_outage(&self, kind: JobKind) -> Option<Event> {
        self.held.contains(&kind).then_some(Event::OutageEnded { kind, tell: false })
    }

    /// Of events that end trouble, the last one tells, where that was all and the owner had heard of it.
    fn with_word_of_the_end(&self, mut events: Vec<Event>) -> Vec<Event> {
        if !self.heard {
            return events;
        }
        let mut after = self.clone();
        for event in &events {
            after.take_in(event);
        }
        let is_over = !after.is_in_trouble();
        if let Some(Event::OutageEnded { tell, .. } | Event::AccessRecovered { tell, .. }) = events.last_mut() {
            *tell = is_over;
        }
        events
    }

    fn bury(&self, job: JobId, payload: Payload, attempts: u32, reason: JobFailure) -> Vec<Event> {
        if self.dead.contains_key(&job) || self.status == Status::Erased {
            return vec![];
        }
        // A letter about a letter that could not be delivered helps nobody.
        // An outage takes many kinds at once: one message tells of it, and another only of what outlasts that.
        let others_are_held = self.held.iter().any(|kind| *kind != payload.kind());
        let alert = self.told.is_empty() && !others_are_held && !matches!(payload, Payload::NotifyOwner { .. });
        vec![Event::JobBuried { job, payload, attempts, reason, alert }]
    }

    fn is_superseded(&self, payload: &Payload) -> bool {
        match payload {
            Payload::RefreshAccess { generation } => *generation != self.generation || !self.status.is_usable(),
            Payload::FetchMail => self.cannot(Capability::Mail),
            Payload::FetchCalendar => self.cannot(Capability::Calendar),
            Payload::RevokeAccess { .. } | Payload::NotifyOwner { .. } => self.status == Status::Erased,
        }
    }

    fn cannot(&self, capability: Capability) -> bool {
        !self.status.is_usable() || !self.granted.contains(&capability)
    }

    fn disconnect(&self, shared_account: bool) -> Vec<Event> {
        let revocation = match self.status {
            Status::New | Status::Failed | Status::Disconnected | Status::Erased => return vec![],
            Status::Pending => RevocationPlan::Nothing,
            Status::Active | Status::Degraded | Status::Expired | Status::Error if shared_account => {
                RevocationPlan::SharedAccount
            }
            Status::Active | Status::Degraded | Status::Expired | Status::Error => RevocationPlan::Revoke,
        };
        vec![Event::Disconnected { generation: self.generation.next(), revocation }]
    }
}
