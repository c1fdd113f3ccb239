//! What was broken, asked for and done in a run, counted: so that a run which did next to nothing does not look like one
//! that found nothing.

use std::collections::BTreeMap;
use std::fmt;

use crate::house::House;
use crate::invariants::{Answer, Chronicle, Deed};
use crate::trouble::Story;

/// Counts of one run.
pub struct Summary {
    faults: BTreeMap<String, usize>,
    asked: BTreeMap<&'static str, [usize; 3]>,
    events: Vec<(String, i64)>,
}

impl Summary {
    /// Counts what the record holds and the log has come to.
    pub async fn of(house: &House, chronicle: &Chronicle) -> Story<Self> {
        let mut faults = BTreeMap::<_, usize>::new();
        for fault in &chronicle.faults {
            *faults.entry(format!("{:?}", fault.kind)).or_default() += 1;
        }
        let mut asked = BTreeMap::<_, [usize; 3]>::new();
        for entry in &chronicle.asked {
            let place = match entry.answer {
                Answer::Accepted => 0,
                Answer::Refused => 1,
                Answer::Unknown => 2,
            };
            asked.entry(name(&entry.deed)).or_default()[place] += 1;
        }
        let rows =
            house.database.rows("select type, count(*) as count from events group by type order by type").await?;
        let events = rows
            .iter()
            .map(|row| (row["type"].as_str().unwrap_or_default().to_owned(), row["count"].as_i64().unwrap_or_default()))
            .collect();
        Ok(Self { faults, asked, events })
    }
}

const fn name(deed: &Deed) -> &'static str {
    match deed {
        Deed::Connect { .. } => "connect",
        Deed::Callback { .. } => "callback",
        Deed::Disconnect { .. } => "disconnect",
        Deed::Refresh { .. } => "refresh",
        Deed::Erase { .. } => "erase",
        Deed::Update { .. } => "update",
        Deed::Replay { .. } => "replay",
        Deed::Discard { .. } => "discard",
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |parts: Vec<String>| parts.join(", ");
        let faults = self.faults.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        let asked = self.asked.iter().map(|(deed, [accepted, refused, unknown])| {
            format!("{deed} {accepted} accepted, {refused} refused, {unknown} without an answer")
        });
        let events = self.events.iter().map(|(name, count)| format!("{name} {count}")).collect();
        writeln!(formatter, "broken: {}", list(faults))?;
        writeln!(formatter, "asked for: {}", asked.collect::<Vec<_>>().join("; "))?;
        writeln!(formatter, "in the log: {}", list(events))
    }
}
