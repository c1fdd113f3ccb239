//! Reading the parameters of the Calendar API, and every way to get them wrong.
//!
//! <https://developers.google.com/workspace/calendar/api/v3/reference/events/list#parameters> and the published discovery
//! document, from which the names, types and limits are taken. Nothing in here knows a calendar.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::{errors, moment};
use crate::{
    answer::Refused,
    fields::{Fields, Repeated},
    ledger::fingerprint as fingerprint_of,
};

/// A parameter that may be given once.
pub fn one<'a>(fields: &'a Fields, name: &str) -> Result<Option<&'a str>, Refused> {
    fields
        .one(name)
        .map_err(|Repeated(name)| errors::parameter(&name, &format!("Parameter '{name}' is not repeatable.")))
}

/// `None` where it was left out.
pub fn flag(fields: &Fields, name: &str) -> Result<Option<bool>, Refused> {
    match one(fields, name)? {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(other) => {
            let text = format!("Invalid boolean value: '{other}'. Allowed values: [false, true]");
            Err(errors::parameter(name, &text))
        }
    }
}

/// A number from one up.
pub fn count(fields: &Fields, name: &str) -> Result<Option<usize>, Refused> {
    let Some(text) = one(fields, name)? else { return Ok(None) };
    match text.parse::<i32>().ok().and_then(|number| usize::try_from(number).ok()) {
        Some(number) if number > 0 => Ok(Some(number)),
        _ => {
            let text = format!("Invalid integer value: '{text}'. Values must be within the range: [1, 2147483647]");
            Err(errors::parameter(name, &text))
        }
    }
}

/// How many entries a page holds. A larger wish is cut, not refused: "The page size can never be larger than …", and the
/// discovery document has a least value but no greatest.
pub fn page_size(fields: &Fields, usual: usize, largest: usize, capped: Option<usize>) -> Result<usize, Refused> {
    let asked = count(fields, "maxResults")?.unwrap_or(usual).min(largest);
    Ok(capped.map_or(asked, |capped| asked.min(capped.max(1))))
}

/// "Must be an RFC3339 timestamp with mandatory time zone offset".
pub fn time(fields: &Fields, name: &str) -> Result<Option<DateTime<Utc>>, Refused> {
    let Some(text) = one(fields, name)? else { return Ok(None) };
    // A plus sign that was not escaped arrives as a space: no offset.
    let parsed = DateTime::parse_from_rfc3339(text).ok().filter(|_| !text.contains(' '));
    let parsed = parsed.ok_or_else(|| errors::bad_request(&format!("Bad Request: invalid {name}")))?;
    Ok(Some(moment::whole_seconds(parsed.to_utc())))
}

pub fn zone(fields: &Fields) -> Result<Option<Tz>, Refused> {
    let Some(text) = one(fields, "timeZone")? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| errors::parameter("timeZone", &format!("Invalid value for: timeZone: {text}")))
}

/// One of a few words.
pub fn word<'a>(fields: &'a Fields, name: &str, known: &[&str]) -> Result<Option<&'a str>, Refused> {
    match one(fields, name)? {
        Some(text) if !known.contains(&text) => Err(unknown_word(name, text, known)),
        found => Ok(found),
    }
}

pub fn unknown_word(name: &str, text: &str, known: &[&str]) -> Refused {
    errors::parameter(name, &format!("Invalid string value: '{text}'. Allowed values: [{}]", known.join(", ")))
}

/// Stands for the values of some parameters, so that a token can tell whether they are still the same. `false` counts as left out.
pub fn fingerprint(fields: &Fields, names: &[&str]) -> String {
    let mut pairs: Vec<String> = names
        .iter()
        .flat_map(|name| fields.all(name).map(move |value| format!("{name}={value}")))
        .filter(|pair| !pair.ends_with("=false") && !pair.ends_with('='))
        .collect();
    pairs.sort_unstable();
    fingerprint_of(&pairs.join("\n"))
}
