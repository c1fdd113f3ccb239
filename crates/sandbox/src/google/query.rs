//! The part of Gmail's search language that clients lean on.
//!
//! <https://support.google.com/mail/answer/7190>: `rfc822msgid:`, `from:`, `to:`, `subject:`, `label:`, `in:`, `is:`, `after:`, `before:`,
//! plain words, and `-` in front of any of them. An operator that is not known counts as a plain word.

use chrono::{DateTime, NaiveDate, Utc};

use super::mailbox::Message;

/// Whether a message answers a search; all terms must hold.
pub fn matches(query: &str, message: &Message) -> bool {
    terms(query).iter().all(|term| match term.strip_prefix('-') {
        Some(negated) if !negated.is_empty() => !holds(negated, message),
        _ => holds(term, message),
    })
}

/// Splits at spaces outside double quotes; the quotes go.
fn terms(query: &str) -> Vec<String> {
    let mut terms = Vec::new();
    let mut term = String::new();
    let mut quoted = false;
    for character in query.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => terms.push(std::mem::take(&mut term)),
            other => term.push(other),
        }
    }
    terms.push(term);
    terms.retain(|term| !term.is_empty());
    terms
}

fn holds(term: &str, message: &Message) -> bool {
    let header = |name: &str| message.header(name).unwrap_or_default().to_lowercase();
    let labelled = |label: &str| message.labels.contains(&label.to_uppercase());
    let lower = term.to_lowercase();
    let Some((operator, value)) = lower.split_once(':') else {
        return header("from").contains(&lower)
            || header("subject").contains(&lower)
            || message.text.to_lowercase().contains(&lower);
    };
    match (operator, value) {
        ("rfc822msgid", id) => header("message-id").trim_matches(['<', '>']) == id.trim_matches(['<', '>']),
        ("from", text) => header("from").contains(text),
        ("to", text) => header("to").contains(text),
        ("subject", text) => header("subject").contains(text),
        ("in", "anywhere") => true,
        ("is", "read") => !labelled("UNREAD"),
        ("in" | "label" | "is", label) => labelled(label),
        ("after", time) => moment(time).is_some_and(|time| message.internal_date >= time),
        ("before", time) => moment(time).is_some_and(|time| message.internal_date < time),
        _ => header("subject").contains(&lower) || message.text.to_lowercase().contains(&lower),
    }
}

/// Seconds since 1970, or a date.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(seconds) = text.parse::<i64>() {
        return DateTime::from_timestamp(seconds, 0);
    }
    let date = NaiveDate::parse_from_str(&text.replace('/', "-"), "%Y-%m-%d").ok()?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc())
}
