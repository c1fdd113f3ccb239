//! What must hold of a house whatever was broken in it, checked from outside once it has settled.
//!
//! Without this a chaos run would prove that nothing crashed, not that nothing was lost or done twice.

mod chronicle;
mod programs;
mod report;
mod witness;

pub use chronicle::{Answer, Asked, Chronicle, Deed, Fault, FaultKind, Moment};
pub use report::{Figure, Finding, Report};

use crate::house::House;
use crate::trouble::Story;

/// Checks a house that has settled: faults are over, and what changed at the provider has been fetched.
pub async fn check(house: &House, _chronicle: &Chronicle) -> Story<Report> {
    let mut report = Report::default();
    report.findings.extend(programs::findings(house).await?);
    Ok(report)
}
