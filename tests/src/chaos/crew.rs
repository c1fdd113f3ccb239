//! The processes of the house, each started again at once when it dies, as a supervisor does.
//!
//! A process that ends without having been killed is a finding: whatever is away, Bellhop waits for it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use url::Url;

use super::blows::Process;
use super::stage::Stage;
use crate::house::Service;
use crate::invariants::FaultKind;
use crate::trouble::{Story, Trouble};
use crate::wait::until_within;

/// How often it is looked whether everybody lives.
const LOOK: Duration = Duration::from_millis(250);

/// How often a process that was started is asked whether it is ready, and how long one answer may take.
const ASK_AGAIN: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a process may take to become ready while others are being broken too.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// The processes that run.
#[derive(Default)]
pub struct Crew(BTreeMap<Process, Member>);

struct Member {
    service: Service,
    /// Which life of the process this is. What was begun with another says nothing about it.
    life: u32,
}

impl Crew {
    /// Which life of a process runs.
    pub fn life(&self, process: Process) -> u32 {
        self.0.get(&process).map_or(0, |member| member.life)
    }

    /// Sends a signal to one life of a process, if it still runs.
    pub fn signal(&self, process: Process, life: u32, signal: &str) -> Story {
        match self.0.get(&process) {
            Some(member) if member.life == life => member.service.program.signal(signal),
            _ => Ok(()),
        }
    }

    /// The services by process.
    pub fn into_services(self) -> BTreeMap<Process, Service> {
        self.0.into_iter().map(|(process, member)| (process, member.service)).collect()
    }

    fn kill(&mut self, process: Process) {
        if let Some(member) = self.0.get_mut(&process) {
            member.service.program.kill();
        }
    }

    fn origin(&self, process: Process) -> Option<Url> {
        Some(self.0.get(&process)?.service.origin.clone())
    }
}

impl Stage<'_> {
    /// Starts everybody and waits until they are ready.
    pub async fn muster(&self) -> Story {
        for process in Process::ALL {
            self.start(process)?;
        }
        for process in Process::ALL {
            self.is_ready(process, 1).await?;
        }
        Ok(())
    }

    /// `kill -9`, and a new process at once. The fault lasts until that is ready, or killed in its turn.
    pub async fn kill(&self, process: Process) -> Story {
        let from = self.now()?;
        self.crew().kill(process);
        let life = self.start(process)?;
        let ready = self.is_ready(process, life).await;
        self.broke(FaultKind::Killed, process.name(), from)?;
        ready
    }

    /// Starts the next life of a process.
    fn start(&self, process: Process) -> Story<u32> {
        let service = self.house.launch(process.name(), &[process.role()], process == Process::Http)?;
        let mut crew = self.crew();
        let life = crew.life(process) + 1;
        crew.0.insert(process, Member { service, life });
        Ok(life)
    }

    /// Waits until this life of a process is ready, or over.
    async fn is_ready(&self, process: Process, life: u32) -> Story {
        until_within(READY_WITHIN, &format!("{} to be ready", process.name()), async || {
            if self.crew().life(process) != life || self.is_answering(process).await {
                return Ok(Some(()));
            }
            sleep(ASK_AGAIN).await;
            Ok(None)
        })
        .await
    }

    async fn is_answering(&self, process: Process) -> bool {
        let Some(ready) = self.crew().origin(process).and_then(|origin| origin.join("health/ready").ok()) else {
            return false;
        };
        let answer = timeout(PATIENCE, self.house.client.get(ready).send()).await;
        answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status().is_success()))
    }

    /// Starts again whoever ended by themselves, and finds that they should not have. Until the load ends.
    pub async fn supervise(&self) -> Story {
        while !self.is_over() {
            sleep(LOOK).await;
            for process in Process::ALL {
                let ended = match self.crew().0.get_mut(&process) {
                    Some(member) => member.service.program.ended()?,
                    None => None,
                };
                if let Some(status) = ended {
                    self.finds(format!("{} ended by itself with {status}", process.name()));
                    self.start(process)?;
                }
            }
        }
        Ok(())
    }

    /// Lets everybody go on who was stopped, and waits until all are ready: the end of every fault.
    pub async fn all_are_well(&self, patience: Duration) -> Story {
        let since = Instant::now();
        for process in Process::ALL {
            let life = self.crew().life(process);
            self.crew().signal(process, life, "CONT")?;
            self.is_ready(process, life).await?;
        }
        if since.elapsed() > patience {
            return Err(Trouble::new(format!("it took {} s until everybody was ready", since.elapsed().as_secs())));
        }
        Ok(())
    }
}
