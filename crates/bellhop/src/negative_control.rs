//! Which of the five faults a serving process is to have, as `NEGATIVE_CONTROL` names it. Only with the cargo feature
//! `negative-controls`, which release builds refuse: it is no setting, and nothing else may read it.

use bellhop_domain::NegativeControl;

use crate::cli::Failure;

const VARIABLE: &str = "NEGATIVE_CONTROL";

/// Switches on the fault that the environment names, and says so. Nothing without a name.
pub fn switch_on_as_told() -> Result<(), Failure> {
    let Some(name) = std::env::var_os(VARIABLE) else { return Ok(()) };
    let Some(control) = name.to_str().and_then(NegativeControl::from_name) else {
        let known = NegativeControl::ALL.map(NegativeControl::name).join(", ");
        return Err(Failure::new(format!("{VARIABLE} names no negative control; there are {known}")));
    };
    control.switch_on();
    tracing::warn!(control = control.name(), "this process has a fault on purpose, for checks to find");
    Ok(())
}
