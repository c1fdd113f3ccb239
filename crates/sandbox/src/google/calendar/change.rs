//! Every way in which a calendar changes. Each takes the next change number, which is what sync tokens count.
//!
//! <https://developers.google.com/workspace/calendar/api/guides/recurringevents>. HTTP and the control API both come through here, so
//! that what "the other person" does is seen by a client exactly as what it does itself.

use chrono::{DateTime, Days, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::{
    Calendar, draft, errors,
    event::{Event, Exception, Occurrence, Person, instance_id},
    moment::Moment,
};
use crate::answer::Refused;

/// How far ahead a series that changes looks for instances that it loses.
const LOOK_AHEAD: TimeDelta = TimeDelta::days(1_100);

/// Who writes, and when.
pub struct Writer {
    pub person: Person,
    pub at: DateTime<Utc>,
}

impl Calendar {
    fn next_change(&mut self, at: DateTime<Utc>) -> u64 {
        self.changes += 1;
        self.updated = at;
        self.changes
    }

    /// What this id means: an event, or an instance that nobody touched yet.
    pub fn find(&self, id: &str) -> Option<Occurrence<'_>> {
        if let Some(event) = self.events.get(id) {
            return match &event.exception {
                None => event.whole(self.zone),
                Some(exception) => event.exceptional(self.events.get(&exception.series)?, self.zone),
            };
        }
        let (series, suffix) = id.rsplit_once('_')?;
        let series = self.events.get(series)?;
        let original = original_start(suffix, series.start(self.zone)?)?;
        let takes_place = series.series(self.zone)?.takes_place_at(original, self.zone);
        takes_place.then(|| series.instance(original, self.zone))
    }

    /// Puts a checked event in. The id must be new, also among what was deleted.
    pub fn insert(
        &mut self,
        id: Option<String>,
        fields: Map<String, Value>,
        writer: &Writer,
    ) -> Result<String, Refused> {
        let mut fields = draft::complete(fields, self.zone, false)?;
        let id = id.unwrap_or_else(new_id);
        if self.events.contains_key(&id) {
            return Err(errors::duplicate());
        }
        let changed = self.next_change(writer.at);
        let cancelled = take_status(&mut fields);
        let event = Event {
            sequence: take_sequence(&mut fields, 0)?,
            i_cal_uid: format!("{id}@google.com"),
            id: id.clone(),
            fields,
            exception: None,
            creator: writer.person.clone(),
            organizer: self.organizer(&writer.person),
            cancelled,
            created: writer.at,
            updated: writer.at,
            changed,
            vanished: Vec::new(),
        };
        self.events.insert(id.clone(), event);
        Ok(id)
    }

    /// On a shared calendar the calendar itself organises.
    fn organizer(&self, writer: &Person) -> Person {
        match &self.owner {
            Some(owner) if owner.eq_ignore_ascii_case(&writer.email) => writer.clone(),
            Some(owner) => Person { email: owner.clone(), name: String::new() },
            None => Person { email: self.id.clone(), name: self.summary.clone() },
        }
    }

    /// Gives an event, a series or one instance new fields as a whole.
    pub fn replace(&mut self, id: &str, fields: Map<String, Value>, at: DateTime<Utc>) -> Result<(), Refused> {
        let (exception, old) = {
            let occurrence = self.find(id).ok_or_else(errors::not_found)?;
            (occurrence.exception.clone(), occurrence.event.sequence)
        };
        let mut fields = draft::complete(fields, self.zone, exception.is_some())?;
        let sequence = take_sequence(&mut fields, old)?;
        let cancelled = take_status(&mut fields);
        match exception {
            Some(exception) => self.replace_instance(exception, fields, sequence, cancelled, at),
            None => self.replace_whole(id, fields, sequence, cancelled, at),
        }
    }

    fn replace_whole(
        &mut self,
        id: &str,
        fields: Map<String, Value>,
        sequence: u32,
        cancelled: bool,
        at: DateTime<Utc>,
    ) -> Result<(), Refused> {
        let zone = self.zone;
        let horizon = at + LOOK_AHEAD;
        let before = self.events.get(id).cloned().ok_or_else(errors::not_found)?;
        let changed = self.next_change(at);
        let mut after = before.clone();
        let moved = ["start", "end", "recurrence"].iter().any(|name| before.fields.get(*name) != fields.get(*name));
        after.fields = fields;
        after.sequence = if moved { sequence.max(before.sequence + 1) } else { sequence };
        after.cancelled = cancelled;
        after.updated = at;
        after.changed = changed;
        let starts =
            |event: &Event| event.series(zone).map_or(Vec::new(), |series| series.starts_before(horizon, zone));
        let (old, new) = if moved { (starts(&before), starts(&after)) } else { (Vec::new(), Vec::new()) };
        let lost = |start: &Moment| !new.iter().any(|kept| kept.same(*start));
        after.vanished.retain(|(start, _)| lost(start));
        after.vanished.extend(old.iter().copied().filter(lost).map(|start| (start, changed)));
        self.events.insert(id.to_owned(), after);
        for event in self.events.values_mut() {
            // What an exception inherits changed with its series; one whose place is gone goes with it.
            let Some(exception) = event.exception.as_ref().filter(|exception| exception.series == id) else { continue };
            event.cancelled |= moved && lost(&exception.original);
            event.changed = changed;
            event.updated = at;
        }
        Ok(())
    }

    fn replace_instance(
        &mut self,
        exception: Exception,
        mut fields: Map<String, Value>,
        sequence: u32,
        cancelled: bool,
        at: DateTime<Utc>,
    ) -> Result<(), Refused> {
        let changed = self.next_change(at);
        let series = self.events.get(&exception.series).ok_or_else(errors::not_found)?;
        let inherited = series.instance(exception.original, self.zone);
        // Only what differs is kept; what the series has and the instance lacks is kept as nothing.
        for name in inherited.fields.keys() {
            fields.entry(name.clone()).or_insert(Value::Null);
        }
        fields.retain(|name, value| {
            inherited.fields.get(name) != Some(value) || matches!(name.as_str(), "start" | "end")
        });
        let id = instance_id(&exception.series, exception.original);
        let created = self.events.get(&id).map_or(series.created, |event| event.created);
        let event = Event {
            id: id.clone(),
            fields,
            i_cal_uid: series.i_cal_uid.clone(),
            creator: series.creator.clone(),
            organizer: series.organizer.clone(),
            sequence,
            cancelled,
            created,
            updated: at,
            changed,
            vanished: Vec::new(),
            exception: Some(exception),
        };
        self.events.insert(id, event);
        Ok(())
    }

    /// Deletes an event, a whole series or one instance. Answers `false` where it was deleted already.
    pub fn cancel(&mut self, id: &str, at: DateTime<Utc>) -> Result<bool, Refused> {
        let (exception, cancelled, fields) = {
            let occurrence = self.find(id).ok_or_else(errors::not_found)?;
            (occurrence.exception.clone(), occurrence.cancelled, occurrence.complete_fields())
        };
        if cancelled {
            return Ok(false);
        }
        if let Some(exception) = exception {
            let sequence = self.events.get(&exception.series).map_or(0, |series| series.sequence);
            self.replace_instance(exception, fields, sequence, true, at)?;
            return Ok(true);
        }
        let changed = self.next_change(at);
        for event in self.events.values_mut() {
            if event.id == id || event.exception.as_ref().is_some_and(|exception| exception.series == id) {
                event.cancelled = true;
                event.updated = at;
                event.changed = changed;
            }
        }
        Ok(true)
    }
}

impl Occurrence<'_> {
    /// Its fields with its own times and status, as a client would send them back.
    pub fn complete_fields(&self) -> Map<String, Value> {
        let mut fields = self.fields.clone();
        for (name, moment) in [("start", self.start), ("end", self.end)] {
            let own = match moment {
                Moment::At(_, own) => own,
                Moment::Day(_) => chrono_tz::UTC,
            };
            fields.insert(name.to_owned(), moment.view(own));
        }
        if self.cancelled {
            fields.insert("status".to_owned(), "cancelled".into());
        }
        fields
    }
}

/// `cancelled` is not a field but a state.
fn take_status(fields: &mut Map<String, Value>) -> bool {
    let cancelled = fields.get("status").is_some_and(|status| status == "cancelled");
    if cancelled {
        fields.remove("status");
    }
    cancelled
}

fn take_sequence(fields: &mut Map<String, Value>, current: u32) -> Result<u32, Refused> {
    let Some(value) = fields.remove("sequence") else { return Ok(current) };
    let sequence = value.as_u64().and_then(|number| u32::try_from(number).ok());
    sequence.filter(|sequence| (current..u32::MAX).contains(sequence)).ok_or_else(|| {
        errors::invalid(
            "Invalid sequence value. The specified sequence number is below the current sequence number of the resource.",
        )
    })
}

/// The start that the end of an instance's id names.
fn original_start(suffix: &str, start: Moment) -> Option<Moment> {
    match start {
        Moment::Day(_) => {
            let date = chrono::NaiveDate::parse_from_str(suffix, "%Y%m%d").ok()?;
            // Days near the calendar's end cannot be told apart from nonsense.
            date.checked_add_days(Days::new(1)).map(|_| Moment::Day(date)).filter(|day| day.suffix() == suffix)
        }
        Moment::At(_, zone) => {
            let time = chrono::NaiveDateTime::parse_from_str(suffix, "%Y%m%dT%H%M%SZ").ok()?;
            Some(Moment::At(time.and_utc(), zone)).filter(|moment| moment.suffix() == suffix)
        }
    }
}

/// 26 characters of base32hex, as Google's own ids are.
fn new_id() -> String {
    let mut number = uuid::Uuid::new_v4().as_u128();
    let mut id = String::with_capacity(26);
    for _ in 0..26 {
        let digit = usize::try_from(number & 31).unwrap_or_default();
        id.push(char::from(b"0123456789abcdefghijklmnopqrstuv"[digit]));
        number >>= 5;
    }
    id
}
