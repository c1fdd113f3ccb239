//! The jobs of any number of integrations, folded from their events: the proof that the job table can be thrown away.
//!
//! Only ids, kinds and payloads. Attempts, leases and later due times belong to the table and are not compared.

use std::collections::BTreeMap;

use crate::event::RecordedEvent;
use crate::follow::{Close, follow};
use crate::id::{IntegrationId, JobId};
use crate::job::Job;

/// Open jobs and dead letters as the log has them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Jobs {
    /// Jobs to be done.
    pub open: BTreeMap<JobId, Job>,
    /// Jobs that were given up.
    pub dead: BTreeMap<JobId, Job>,
}

impl Jobs {
    /// Takes in one more event. Events of one stream must come in the order of their versions.
    pub fn take_in(&mut self, recorded: &RecordedEvent) {
        let consequences = follow(recorded);
        for close in consequences.close {
            self.close(recorded.integration, close);
        }
        if let Some(job) = consequences.bury.and_then(|id| self.open.remove(&id)) {
            self.dead.insert(job.id, job);
        }
        if let Some(id) = consequences.discard {
            self.dead.remove(&id);
        }
        if let Some(mut job) = consequences.reopen.and_then(|id| self.dead.remove(&id)) {
            job.due_at = recorded.at;
            self.open.insert(job.id, job);
        }
        for job in consequences.open {
            if !self.has_single_like(&job) {
                self.open.insert(job.id, job);
            }
        }
    }

    fn close(&mut self, integration: IntegrationId, close: Close) {
        match close {
            Close::Job(id) => {
                self.open.remove(&id);
            }
            Close::Kind(kind) => {
                self.open.retain(|_, job| job.integration != integration || job.payload.kind() != kind);
            }
            Close::DeadKind(kind) => {
                self.dead.retain(|_, job| job.integration != integration || job.payload.kind() != kind);
            }
            Close::All => {
                self.open.retain(|_, job| job.integration != integration);
                self.dead.retain(|_, job| job.integration != integration);
            }
        }
    }

    fn has_single_like(&self, job: &Job) -> bool {
        let kind = job.payload.kind();
        kind.is_single()
            && self.open.values().any(|other| {
                other.integration == job.integration
                    && other.payload.kind() == kind
                    && other.payload.subject() == job.payload.subject()
            })
    }
}
