//! Five faults that the checks of `tests/` must find, each switched on by name: a check that passes with one of them on
//! is blind, and its green means nothing.
//!
//! They are switches and not copies of the code they spoil, so that what is tried is the real thing with one line turned
//! round. The only state in this crate that is no argument: set once, before a process does anything, and read where a
//! fault is. Nothing of it is compiled without the cargo feature `negative-controls`, which release builds refuse.

use std::sync::OnceLock;

#[cfg(not(debug_assertions))]
compile_error!("the feature `negative-controls` is for tests: a release must not be able to break its own promises");

static SWITCHED_ON: OnceLock<NegativeControl> = OnceLock::new();

/// One of the five faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NegativeControl {
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

impl NegativeControl {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::LeaseFencingOff,
        Self::PositionOrder,
        Self::JobsOutsideTransaction,
        Self::FoldWithoutJobBuried,
        Self::RefreshWithoutLease,
    ];

    /// The name it is switched on by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeaseFencingOff => "lease-fencing-off",
            Self::PositionOrder => "position-order",
            Self::JobsOutsideTransaction => "jobs-outside-transaction",
            Self::FoldWithoutJobBuried => "fold-without-job-buried",
            Self::RefreshWithoutLease => "refresh-without-lease",
        }
    }

    /// The fault of this name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|control| control.name() == name)
    }

    /// Switches it on for the rest of this process. The first one stays.
    pub fn switch_on(self) {
        let _ = SWITCHED_ON.set(self);
    }

    /// Whether it was switched on in this process.
    #[must_use]
    pub fn is_on(self) -> bool {
        SWITCHED_ON.get() == Some(&self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_found_by_its_own_name_and_none_is_on_by_itself() {
        for control in NegativeControl::ALL {
            assert_eq!(NegativeControl::from_name(control.name()), Some(control));
            assert!(!control.is_on());
        }
        assert_eq!(NegativeControl::from_name("everything"), None);
    }
}
