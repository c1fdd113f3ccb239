//! Which of the five faults a serving process is to have, as `NEGATIVE_CONTROL` names it. Only with the cargo feature
//! `negative-controls`, which release builds refuse: it is no setting, and nothing else may read it.

use std::ffi::OsStr;

use bellhop_domain::NegativeControl;

use crate::cli::Failure;

const VARIABLE: &str = "NEGATIVE_CONTROL";

/// Switches on the fault that the environment names, and says so. Nothing without a name.
pub fn switch_on_as_told() -> Result<(), Failure> {
    let Some(name) = std::env::var_os(VARIABLE) else { return Ok(()) };
    let control = named(&name)?;
    control.switch_on();
    tracing::warn!(control = control.name(), "this process has a fault on purpose, for checks to find");
    Ok(())
}

/// A name that means nothing must not pass for a fault that was not found.
fn named(name: &OsStr) -> Result<NegativeControl, Failure> {
    name.to_str().and_then(NegativeControl::from_name).ok_or_else(|| {
        let known = NegativeControl::ALL.map(NegativeControl::name).join(", ");
        Failure::new(format!("{VARIABLE} names no negative control; there are {known}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_means_nothing_keeps_the_process_from_serving() {
        assert_eq!(named(OsStr::new("position-order")), Ok(NegativeControl::PositionOrder));
        for name in ["", "position", "POSITION-ORDER", "everything"] {
            let refusal = named(OsStr::new(name)).expect_err(name);
            assert!(refusal.to_string().contains("refresh-without-lease"), "{refusal}");
        }
    }
}
