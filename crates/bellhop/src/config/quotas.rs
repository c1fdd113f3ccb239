//! What providers allow, where that differs from what they publish: older projects have other figures, and some were
//! granted more.
//!
//! One setting for each provider names what is different: `gmail.mailbox=15000/60s, gmail.get=5, calendar.at_once=2`.

use std::ops::RangeInclusive;
use std::time::Duration;

use bellhop_providers::{Allowance, Operation, Quota};

use super::{ConfigError, Source};

/// Requests of the most expensive kind that must fit into every window: a listing and what it lists, beside what is left
/// to people. With less, work would never get on.
pub const LEAST_REQUESTS: u32 = 5;

/// How long a window may be, in seconds.
const WINDOW_SECONDS: RangeInclusive<u64> = 1..=86_400;

/// How many calls at once may be allowed, and what one may cost.
const AT_ONCE: RangeInclusive<u32> = 1..=1_000;
const COST: RangeInclusive<u32> = 0..=1_000_000;

/// How many processes call providers.
pub(super) fn callers(source: &Source) -> Result<u32, ConfigError> {
    let name = "PROVIDER_CALLERS";
    match source.parse::<u32>(name, "a number of processes, such as 3")? {
        None => Ok(1),
        Some(callers) if (1..=1_000).contains(&callers) => Ok(callers),
        Some(_) => Err(ConfigError::new(name, "must be between 1 and 1000")),
    }
}

/// Reads what is different into these quotas.
pub(super) fn read(source: &Source, name: &str, quotas: &mut [Quota]) -> Result<(), ConfigError> {
    let text = source.text(name).unwrap_or_default();
    for (at, entry) in text.split(',').map(str::trim).enumerate().filter(|(_, entry)| !entry.is_empty()) {
        let wrong = |expected: &str| ConfigError::new(name, format!("entry {}: {expected}", at + 1));
        change(entry, quotas).map_err(|expected| wrong(&expected))?;
    }
    for quota in quotas {
        for (which, allowance) in [("project", quota.project), ("mailbox", quota.mailbox)] {
            let least = quota.dearest().saturating_mul(LEAST_REQUESTS);
            if allowance.units < least {
                let (api, times) = (quota.api, LEAST_REQUESTS);
                let problem = format!(
                    "{api}.{which} must be at least {times} times what the dearest request of {api} costs: {least}"
                );
                return Err(ConfigError::new(name, problem));
            }
        }
    }
    Ok(())
}

fn change(entry: &str, quotas: &mut [Quota]) -> Result<(), String> {
    let form = "expected api.what=value, for example gmail.mailbox=15000/60s or gmail.get=5";
    let (path, value) = entry.split_once('=').ok_or(form)?;
    let (api, what) = path.trim().split_once('.').ok_or(form)?;
    let apis: Vec<&str> = quotas.iter().map(|quota| quota.api).collect();
    let unknown = format!("there is no such API; there are {}", apis.join(", "));
    let quota = quotas.iter_mut().find(|quota| quota.api == api).ok_or(unknown)?;
    let value = value.trim();
    match what {
        "project" => quota.project = allowance(value)?,
        "mailbox" => quota.mailbox = allowance(value)?,
        "at_once" => quota.at_once = number(value, &AT_ONCE)?,
        _ => *cost(quota, what)? = number(value, &COST)?,
    }
    Ok(())
}

fn cost<'a>(quota: &'a mut Quota, what: &str) -> Result<&'a mut u32, String> {
    let operations: Vec<&str> = quota.costs.iter().map(|(operation, _)| operation.name()).collect();
    let unknown =
        format!("{} has nothing of this name; it has project, mailbox, at_once, {}", quota.api, operations.join(", "));
    let is_meant = |operation: Operation| operation.name() == what;
    quota.costs.iter_mut().find(|(operation, _)| is_meant(*operation)).map(|(_, units)| units).ok_or(unknown)
}

fn allowance(value: &str) -> Result<Allowance, String> {
    let form = || {
        let (least, most) = (WINDOW_SECONDS.start(), WINDOW_SECONDS.end());
        format!("expected units in a time, for example 15000/60s, of {least} to {most} seconds")
    };
    let (units, seconds) = value.split_once('/').ok_or_else(form)?;
    let seconds = seconds.trim().strip_suffix('s').and_then(|seconds| seconds.parse().ok());
    let seconds = seconds.filter(|seconds| WINDOW_SECONDS.contains(seconds)).ok_or_else(form)?;
    let units = units.trim().parse().map_err(|_| form())?;
    Ok(Allowance { units, window: Duration::from_secs(seconds) })
}

fn number(value: &str, within: &RangeInclusive<u32>) -> Result<u32, String> {
    let wrong = || format!("expected a number from {} to {}", within.start(), within.end());
    value.parse().ok().filter(|number| within.contains(number)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Result<Vec<Quota>, ConfigError> {
        let mut quotas = bellhop_providers::google(None).unwrap().quotas;
        read(&Source::fixed(&[("GOOGLE_QUOTAS", text)]), "GOOGLE_QUOTAS", &mut quotas)?;
        Ok(quotas)
    }

    #[test]
    fn what_is_not_named_stays_as_published() {
        let published = bellhop_providers::google(None).unwrap().quotas;
        assert_eq!(given("").unwrap(), published);
        let mut older = published.clone();
        older[0].mailbox.units = 15_000;
        older[0].at_once = 2;
        older[0].costs.iter_mut().find(|(operation, _)| *operation == Operation::MailGet).unwrap().1 = 5;
        older[1].project = Allowance { units: 500, window: Duration::from_secs(100) };
        let text = " gmail.mailbox = 15000 / 60s,gmail.get=5, gmail.at_once=2,, calendar.project=500/100s,";
        assert_eq!(given(text).unwrap(), older);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        for (text, says) in [
            ("gmail", "entry 1: expected api.what=value"),
            ("gmail.get", "entry 1: expected api.what=value"),
            ("gmail.get=5, mail=7", "entry 2: expected api.what=value"),
            ("outlook.mailbox=10000/600s", "entry 1: there is no such API; there are gmail, calendar"),
            ("gmail.send=100", "gmail has nothing of this name; it has project, mailbox, at_once, profile, list, get"),
            ("gmail.mailbox=15000", "for example 15000/60s"),
            ("gmail.mailbox=15000/60", "for example 15000/60s"),
            ("gmail.mailbox=-1/60s", "for example 15000/60s"),
            ("gmail.mailbox=15000/0s", "of 1 to 86400 seconds"),
            ("gmail.get=cheap", "expected a number from 0 to 1000000"),
            ("gmail.at_once=0", "expected a number from 1 to 1000"),
            (
                "gmail.mailbox=99/60s",
                "gmail.mailbox must be at least 5 times what the dearest request of gmail costs: 100",
            ),
            ("calendar.events=5000", "calendar.project must be at least 5 times"),
        ] {
            let error = given(text).unwrap_err().to_string();
            assert!(error.starts_with("GOOGLE_QUOTAS: ") && error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_value_is_never_repeated() {
        for text in
            ["hunter2", "hunter2.hunter2=hunter2", "gmail.hunter2=1", "gmail.get=hunter2", "gmail.mailbox=hunter2/60s"]
        {
            assert!(!given(text).unwrap_err().to_string().contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn there_is_at_least_one_process() {
        let callers = |text| callers(&Source::fixed(&[("PROVIDER_CALLERS", text)]));
        assert_eq!((callers("").unwrap(), callers("3").unwrap()), (1, 3));
        for text in ["0", "-1", "many", "1001"] {
            assert_eq!(callers(text).unwrap_err().name, "PROVIDER_CALLERS");
        }
    }
}
