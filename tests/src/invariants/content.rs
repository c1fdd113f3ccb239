//! What is stored of mail and calendars against what lies at the provider, and against what the log says came and went.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::facts::{Event, Facts};
use super::report::Finding;

/// How many messages are kept of an inbox: the newest.
const NEWEST: usize = 1_000;

/// What was over before this long ago need not be stored any more. A little less than Bellhop's month, in which days are
/// whole and zones differ.
const SURELY_KEPT: TimeDelta = TimeDelta::days(25);

/// What is found about content.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let accounts = account_of_streams(facts);
    vec![mail_agrees(facts, &accounts), mail_counts(facts), calendar_agrees(facts, &accounts), calendar_counts(facts)]
}

/// Whose account each stream holds.
fn account_of_streams(facts: &Facts) -> BTreeMap<Uuid, &str> {
    let accounts = facts.streams_of_accounts();
    accounts
        .into_iter()
        .flat_map(|(account, streams)| streams.into_iter().map(move |stream| (stream, account)))
        .collect()
}

/// The first few of these that are in one set and not in the other, in words.
fn difference(stored: &BTreeSet<&str>, outside: &BTreeSet<&str>) -> Option<String> {
    let some = |ids: Vec<&&str>| {
        let shown: Vec<&str> = ids.iter().take(3).map(|id| **id).collect();
        format!("{} ({})", ids.len(), shown.join(", "))
    };
    let missing: Vec<&&str> = outside.difference(stored).collect();
    let surplus: Vec<&&str> = stored.difference(outside).collect();
    match (missing.is_empty(), surplus.is_empty()) {
        (true, true) => None,
        (false, true) => Some(format!("lacks {}", some(missing))),
        (true, false) => Some(format!("has {} that are gone", some(surplus))),
        (false, false) => Some(format!("lacks {} and has {} that are gone", some(missing), some(surplus))),
    }
}

/// The stored inbox is the provider's, of everybody whose mail is kept up to date; of others nothing is stored that was not
/// stored before.
fn mail_agrees(facts: &Facts, accounts: &BTreeMap<Uuid, &str>) -> Finding {
    let mut wrong = vec![];
    for row in facts.integrations.iter().filter(|row| row.keeps("mail")) {
        let Some(account) = accounts.get(&row.id) else {
            wrong.push(format!("stream {}: nobody consented to it", row.id));
            continue;
        };
        let none = BTreeSet::new();
        let stored = facts.mail.iter().find(|mail| mail.integration == row.id).map_or(&none, |mail| &mail.ids);
        let stored: BTreeSet<&str> = stored.iter().map(String::as_str).collect();
        let inbox = facts.outside.inbox(account);
        if stored.len() <= NEWEST
            && inbox.len() <= NEWEST
            && let Some(words) = difference(&stored, &inbox)
        {
            wrong.push(format!("stream {} ({account}): the stored mail {words}", row.id));
        }
    }
    let ended = facts.integrations.iter().filter(|row| matches!(row.status.as_str(), "disconnected" | "erased"));
    for row in ended {
        if facts.mail.iter().any(|mail| mail.integration == row.id && !mail.ids.is_empty()) {
            wrong.push(format!("stream {}: is {} and has mail stored", row.id, row.status));
        }
    }
    Finding::of("mail_agrees", wrong)
}

/// Added minus removed since mail was last forgotten, if these events keep a capability or take it away.
fn since_forgotten<'a>(events: &[&'a Event], capability: &str) -> Vec<&'a Event> {
    let forgets = |event: &&&Event| {
        let keeps =
            event.payload["granted"].as_array().is_some_and(|granted| granted.iter().any(|one| one == capability));
        matches!(event.kind.as_str(), "AccessGranted" | "AccessReduced") && !keeps
    };
    let from = events.iter().rposition(|event| forgets(&event)).unwrap_or(0);
    events[from..].to_vec()
}

fn came_and_went(event: &Event) -> i64 {
    event.number("added") - event.number("removed")
}

/// What the log says came and went of somebody's mail adds up to what is stored. A fetch that records what another has
/// recorded already would count it twice. One under way has recorded more than the log has heard of.
fn mail_counts(facts: &Facts) -> Finding {
    let streams = facts.streams();
    let mut wrong = vec![];
    for mail in facts.mail.iter().filter(|mail| !mail.is_under_way) {
        let events = streams.get(&mail.integration).map_or(&[][..], Vec::as_slice);
        let fetched = since_forgotten(events, "mail").into_iter().filter(|event| event.kind == "MailFetched");
        let told: i64 = fetched.map(came_and_went).sum();
        let stored = i64::try_from(mail.ids.len()).unwrap_or(i64::MAX);
        if told != stored {
            wrong.push(format!("stream {}: {told} mails by the log, {stored} stored", mail.integration));
        }
    }
    Finding::of("mail_counts", wrong)
}

/// The stored primary calendar is the provider's, of everybody whose calendars are kept up to date.
fn calendar_agrees(facts: &Facts, accounts: &BTreeMap<Uuid, &str>) -> Finding {
    let mut wrong = vec![];
    for row in facts.integrations.iter().filter(|row| row.keeps("calendar")) {
        let Some(account) = accounts.get(&row.id) else { continue };
        let Some(calendar) = facts.calendars.iter().find(|calendar| calendar.integration == row.id) else {
            // Its owner may have chosen others.
            continue;
        };
        let events = facts.outside.calendars.get(*account).map_or(&[][..], Vec::as_slice);
        let (surely, perhaps) = to_be_stored(events, facts.now.app - SURELY_KEPT);
        let stored: BTreeSet<&str> = calendar.ids.iter().map(String::as_str).collect();
        let seen: BTreeSet<&str> = stored.difference(&perhaps).copied().collect();
        if !calendar.is_read {
            wrong.push(format!("stream {} ({account}): the primary calendar has not been read", row.id));
        } else if let Some(words) = difference(&seen, &surely.difference(&stored).copied().collect()) {
            wrong.push(format!("stream {} ({account}): the stored calendar {words}", row.id));
        }
    }
    Finding::of("calendar_agrees", wrong)
}

/// The ids of the events that must be stored, and of all that may be: series that may be over, what was over long ago, and
/// what was cancelled of a series that is still there.
fn to_be_stored(events: &[Value], since: DateTime<Utc>) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let id = |event: &'_ Value| -> Option<String> { event["id"].as_str().map(str::to_owned) };
    let is_gone = |event: &Value| event["status"] == "cancelled" && event["recurringEventId"].is_null();
    let gone: BTreeSet<String> = events.iter().filter(|event| is_gone(event)).filter_map(id).collect();
    let (mut surely, mut perhaps) = (BTreeSet::new(), BTreeSet::new());
    for event in events {
        let (Some(id), series) = (event["id"].as_str(), event["recurringEventId"].as_str()) else { continue };
        if gone.contains(id) || series.is_some_and(|series| gone.contains(series)) {
            continue;
        }
        perhaps.insert(id);
        let is_single = event["recurrence"].is_null() && series.is_none();
        if is_single && ends_at(event).is_some_and(|end| end > since) {
            surely.insert(id);
        }
    }
    (surely, perhaps)
}

fn ends_at(event: &Value) -> Option<DateTime<Utc>> {
    let end = &event["end"];
    if let Some(moment) = end["dateTime"].as_str() {
        return Some(DateTime::parse_from_rfc3339(moment).ok()?.to_utc());
    }
    let day: chrono::NaiveDate = end["date"].as_str()?.parse().ok()?;
    Some(day.and_time(chrono::NaiveTime::MIN).and_utc())
}

/// What the log says came and went of somebody's calendars adds up to no less than is stored: what was over a month ago goes
/// without a word.
fn calendar_counts(facts: &Facts) -> Finding {
    let streams = facts.streams();
    let mut wrong = vec![];
    for calendar in facts.calendars.iter().filter(|calendar| calendar.is_read) {
        let events = streams.get(&calendar.integration).map_or(&[][..], Vec::as_slice);
        let fetched = since_forgotten(events, "calendar").into_iter().filter(|event| event.kind == "CalendarFetched");
        let told: i64 = fetched.map(came_and_went).sum();
        let stored = i64::try_from(calendar.ids.len()).unwrap_or(i64::MAX);
        if told < stored {
            wrong.push(format!("stream {}: {told} entries by the log, {stored} stored", calendar.integration));
        }
    }
    Finding::of("calendar_counts", wrong)
}
