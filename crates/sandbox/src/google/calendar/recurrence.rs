//! When a series takes place: `recurrence` lines become starts, on the clock of the event's own zone.
//!
//! <https://developers.google.com/workspace/calendar/api/concepts/events-calendars#recurring_events> and RFC 5545 section 3.8.5. Rules
//! are expanded on wall-clock time and only then become instants, so that ten o'clock stays ten o'clock when clocks change.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use rrule::{RRule, RRuleSet, Unvalidated};

use super::moment::{Moment, on_the_clock};

/// Occurrences beyond this many are not looked at: a series may be endless. Enough for a hundred years of days.
const MOST: usize = 40_000;

/// A series, checked and ready to expand.
#[derive(Debug, Clone)]
pub struct Series {
    start: Moment,
    rules: Vec<RRuleSet>,
    excluded_rules: Vec<RRuleSet>,
    added: Vec<Moment>,
    removed: Vec<Moment>,
}

impl Series {
    /// Reads the lines of `recurrence`. `Err` says what is wrong with them.
    pub fn parse(lines: &[&str], start: Moment) -> Result<Self, String> {
        let mut series =
            Self { start, rules: Vec::new(), excluded_rules: Vec::new(), added: Vec::new(), removed: Vec::new() };
        for line in lines {
            let wrong = || format!("Invalid recurrence rule: {line}");
            let (head, value) = line.split_once(':').ok_or_else(wrong)?;
            let mut head = head.split(';');
            let name = head.next().unwrap_or_default().to_ascii_uppercase();
            match name.as_str() {
                "RRULE" => series.rules.push(rule(value, start).ok_or_else(wrong)?),
                "EXRULE" => series.excluded_rules.push(rule(value, start).ok_or_else(wrong)?),
                "RDATE" | "EXDATE" => {
                    let zone = head.find_map(|parameter| parameter.strip_prefix("TZID="));
                    let dates = dates(value, zone, start).ok_or_else(wrong)?;
                    if name == "RDATE" { series.added.extend(dates) } else { series.removed.extend(dates) }
                }
                // "DTSTART and DTEND lines are not allowed in this field".
                _ => return Err(wrong()),
            }
        }
        Ok(series)
    }

    /// Every start before an instant, in order, as somebody in `zone` counts days.
    pub fn starts_before(&self, until: DateTime<Utc>, zone: Tz) -> Vec<Moment> {
        // Wall clocks are at most 14 hours ahead; what is too late is dropped below.
        let wall_end = until.naive_utc() + TimeDelta::hours(15);
        let expand = |rules: &[RRuleSet]| -> Vec<Moment> {
            let walls = rules.iter().flat_map(|rules| {
                rules.into_iter().map(|at| at.naive_utc()).take_while(|wall| *wall < wall_end).take(MOST)
            });
            walls.map(|wall| self.start.at_wall(wall)).collect()
        };
        let mut starts = expand(&self.rules);
        if self.rules.is_empty() {
            starts.push(self.start);
        }
        starts.extend(&self.added);
        let excluded = expand(&self.excluded_rules);
        let gone = |start: &Moment| self.removed.iter().chain(&excluded).any(|removed| removed.same(*start));
        starts.retain(|start| start.instant(zone) < until && !gone(start));
        starts.sort_by_key(|start| start.instant(zone));
        starts.dedup_by(|one, other| one.same(*other));
        starts
    }

    /// Whether the series has an occurrence that begins exactly then.
    pub fn takes_place_at(&self, moment: Moment, zone: Tz) -> bool {
        let after = moment.instant(zone) + TimeDelta::seconds(1);
        self.starts_before(after, zone).last().is_some_and(|last| last.same(moment))
    }
}

/// A rule on wall-clock time, which is counted as if it were UTC.
fn rule(text: &str, start: Moment) -> Option<RRuleSet> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in text.split(';').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        pairs.push((name.to_ascii_uppercase(), value.to_ascii_uppercase()));
    }
    let has = |name: &str| pairs.iter().any(|(given, _)| given == name);
    // Either or neither, never both: RFC 5545 section 3.3.10.
    if has("COUNT") && has("UNTIL") {
        return None;
    }
    let frequency = pairs.iter().find(|(name, _)| name == "FREQ").map(|(_, value)| value.as_str())?;
    if !matches!(frequency, "DAILY" | "WEEKLY" | "MONTHLY" | "YEARLY") {
        return None;
    }
    for (name, value) in &mut pairs {
        if name == "UNTIL" {
            *value = until(value, start)?.format("%Y%m%dT%H%M%SZ").to_string();
        }
    }
    let text = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(";");
    let first = start.wall().and_utc().with_timezone(&rrule::Tz::UTC);
    text.parse::<RRule<Unvalidated>>().ok()?.build(first).ok().map(RRuleSet::limit)
}

/// `UNTIL` as the wall clock of the event's zone shows it; a day counts to its end.
fn until(text: &str, start: Moment) -> Option<NaiveDateTime> {
    let end_of_day = NaiveTime::from_hms_opt(23, 59, 59)?;
    if let Some(date) = date(text) {
        return Some(if start.is_day() { date.and_time(NaiveTime::MIN) } else { date.and_time(end_of_day) });
    }
    match (start, text.strip_suffix('Z')) {
        (Moment::At(_, zone), Some(utc)) => Some(time(utc)?.and_utc().with_timezone(&zone).naive_local()),
        (_, utc) => time(utc.unwrap_or(text)),
    }
}

/// The comma-separated dates of an `RDATE` or `EXDATE` line, of the same kind as the start.
fn dates(text: &str, zone: Option<&str>, start: Moment) -> Option<Vec<Moment>> {
    let named: Option<Tz> = match zone {
        None => None,
        Some(name) => Some(name.parse().ok()?),
    };
    text.split(',')
        .map(|one| match start {
            Moment::Day(_) => date(one).map(Moment::Day),
            Moment::At(_, own) => {
                let instant = match one.strip_suffix('Z') {
                    Some(utc) => time(utc)?.and_utc(),
                    None => on_the_clock(named.unwrap_or(own), time(one)?),
                };
                Some(Moment::At(instant, own))
            }
        })
        .collect()
}

fn date(text: &str) -> Option<NaiveDate> {
    let shaped = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    shaped.then(|| NaiveDate::parse_from_str(text, "%Y%m%d").ok())?
}

fn time(text: &str) -> Option<NaiveDateTime> {
    (text.len() == 15).then(|| NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").ok())?
}
