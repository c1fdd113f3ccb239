//! Five faults that the checks must find every single time, each with its interleaving forced by a script.
//!
//! A chaos run that ends well says something only if the same checks go red where a promise is really broken. Each control
//! is played twice: with its fault switched on in every serving process, when one certain finding must be broken, and
//! without, when everything must hold, so that the finding is due to the fault and not to the script. Nothing here waits
//! for luck: a script holds a row, cuts a connection or stops a process until the other side has come where it must be.

mod fold;
mod held;
mod jobs;
mod lease;
mod order;
mod refresh;

use std::fmt;

use tokio::time::Instant;

use crate::api::Api;
use crate::house::House;
use crate::invariants::{Answer, Chronicle, Deed, Moment, Report, check};
use crate::plan::Plan;
use crate::servers::PrivateServers;
use crate::trouble::{Story, Trouble, ensure};
use crate::wait::until;

/// What a serving process says when it has a fault.
const WARNING: &str = "this process has a fault on purpose";

/// One of the five.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Control {
    /// What a run writes is written whether or not it still holds its job.
    LeaseFencingOff,
    /// Readers of the log go by position alone, and do not wait for transactions that are under way.
    PositionOrder,
    /// The jobs that events cause are written after those events were committed, in a transaction of their own.
    JobsOutsideTransaction,
    /// States are folded as if no job had ever been buried.
    FoldWithoutJobBuried,
    /// Access is refreshed whoever holds the refresh lease.
    RefreshWithoutLease,
}

/// Plays these one after the other, printed as it goes. Answers whether the checks saw each.
pub async fn run(servers: &PrivateServers, controls: &[Control]) -> bool {
    let plan = House::plan().on(servers.addresses());
    let mut seen = 0;
    for control in controls {
        let began = Instant::now();
        match Box::pin(control.prove(&plan)).await {
            Ok(found) => {
                println!("{found} ({:.0} s)", began.elapsed().as_secs_f64());
                seen += 1;
            }
            Err(trouble) => println!("FAILED  {trouble}"),
        }
    }
    seen == controls.len()
}

/// What a control came to where the checks can see.
#[derive(Debug, Clone)]
pub struct Found {
    control: Control,
    words: String,
}

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, finding) = (self.control.name(), self.control.finding());
        write!(formatter, "{name}: found, as it must be: {finding}: {}", self.words)
    }
}

impl Control {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::LeaseFencingOff,
        Self::PositionOrder,
        Self::JobsOutsideTransaction,
        Self::FoldWithoutJobBuried,
        Self::RefreshWithoutLease,
    ];

    /// The name it is switched on by; Bellhop has the same.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeaseFencingOff => "lease-fencing-off",
            Self::PositionOrder => "position-order",
            Self::JobsOutsideTransaction => "jobs-outside-transaction",
            Self::FoldWithoutJobBuried => "fold-without-job-buried",
            Self::RefreshWithoutLease => "refresh-without-lease",
        }
    }

    /// The control of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|control| control.name() == name)
    }

    /// What must be broken with its fault. Others may be broken too.
    pub const fn finding(self) -> &'static str {
        match self {
            Self::LeaseFencingOff => "written_under_lease",
            Self::PositionOrder => "tallies",
            Self::JobsOutsideTransaction => "rebuild_jobs",
            Self::FoldWithoutJobBuried => "audit_verify",
            Self::RefreshWithoutLease => "refresh_token_once",
        }
    }

    /// Plays it in a house of such a plan with its fault and in another without. Trouble where the checks do not see the
    /// fault, or see something where there is none.
    pub async fn prove(self, plan: &Plan) -> Story<Found> {
        let broken = self.play(plan, true).await?;
        let finding = broken.finding(self.finding()).filter(|finding| !finding.holds());
        let finding = finding.ok_or_else(|| {
            let (name, expected) = (self.name(), self.finding());
            Trouble::new(format!("the checks are blind to {name}: {expected} holds with it\n{broken}"))
        })?;
        let words = finding.details.first().map_or("", |words| words.trim()).replace('\n', " ");
        let sound = self.play(plan, false).await?;
        let name = self.name();
        ensure(sound.holds(), format_args!("the script of {name} does harm without its fault\n{sound}"))?;
        Ok(Found { control: self, words })
    }

    /// Plays its script in a house of such a plan and checks that house.
    pub async fn play(self, plan: &Plan, with_fault: bool) -> Story<Report> {
        let mut house = plan.clone().quiet().build().await?;
        if with_fault {
            house.set("NEGATIVE_CONTROL", self.name());
        }
        let played = self.play_in(&mut house, with_fault).await;
        let is_as_it_must = played.as_ref().is_ok_and(|report| report.holds() != with_fault);
        if !is_as_it_must {
            house.print_last_words();
        }
        played
    }

    async fn play_in(self, house: &mut House, with_fault: bool) -> Story<Report> {
        let mut chronicle = Chronicle::begin(house).await?;
        let chronicle = &mut chronicle;
        let served = match self {
            Self::LeaseFencingOff => lease::play(house, chronicle).await?,
            Self::PositionOrder => order::play(house, chronicle).await?,
            Self::JobsOutsideTransaction => jobs::play(house, chronicle).await?,
            Self::FoldWithoutJobBuried => fold::play(house, chronicle).await?,
            Self::RefreshWithoutLease => refresh::play(house, chronicle).await?,
        };
        for name in served {
            let warned = house.log_of(name).contains(WARNING);
            ensure(warned == with_fault, format_args!("{name} has a fault: {warned}, and should: {with_fault}"))?;
        }
        at_rest(house).await?;
        check(house, chronicle).await
    }
}

/// Somebody's program ends a connection, and is promised it.
async fn disconnect(house: &House, chronicle: &mut Chronicle, program: &Api, integration: &str) -> Story {
    let asked_at = Moment::of(house)?;
    let answer = program.delete(&format!("v1/integrations/{integration}")).await?;
    ensure(answer.status.is_success(), format_args!("not disconnected: {} {}", answer.status, answer.text))?;
    chronicle.asked(Deed::Disconnect { integration: integration.parse()? }, asked_at, Answer::Accepted);
    Ok(())
}

/// Waits until no job is due and none is running.
async fn at_rest(house: &House) -> Story {
    until("every job that is due to be done", async || {
        let now = house.now().await?.to_rfc3339();
        let busy =
            format!("select count(*) from jobs where state = 'open' and (lease is not null or due_at <= '{now}')");
        Ok((house.database.number(&busy).await? == 0).then_some(()))
    })
    .await
}

/// Waits until the log holds events of this type.
async fn logged(house: &House, name: &str) -> Story {
    let count = format!("select count(*) from events where type = '{name}'");
    until(&format!("{name} in the log"), async || Ok((house.database.number(&count).await? > 0).then_some(()))).await
}
