//! Writing made-up events: days counted from today, times on the clocks of any zone.
//!
//! Only how an event is put into a calendar; which ones there are is in `lively.rs`.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::{
    Calendar,
    change::Writer,
    event::{Person, instance_id},
    moment::{Moment, on_the_clock},
};

/// Writes events as one person, counting days from today on that person's wall.
pub struct Pen<'a> {
    pub calendar: &'a mut Calendar,
    pub writer: Writer,
    pub today: NaiveDate,
    number: u32,
}

impl<'a> Pen<'a> {
    pub fn new(calendar: &'a mut Calendar, (email, name): (&str, &str), now: DateTime<Utc>) -> Self {
        let today = now.with_timezone(&calendar.zone).date_naive();
        // What is there was written a while ago.
        let at = now - TimeDelta::days(9);
        let person = Person { email: email.to_owned(), name: name.to_owned() };
        Self { calendar, writer: Writer { person, at }, today, number: 0 }
    }

    fn date(&self, days: i64) -> NaiveDate {
        let count = Days::new(days.unsigned_abs());
        let moved = if days < 0 { self.today.checked_sub_days(count) } else { self.today.checked_add_days(count) };
        moved.unwrap_or(self.today)
    }

    /// The first such weekday from that many days on.
    pub fn weekday(&self, days: i64, wanted: Weekday) -> i64 {
        let from = self.date(days).weekday();
        days + i64::from((7 + wanted.num_days_from_monday() - from.num_days_from_monday()) % 7)
    }

    /// Ids stay the same from start to start.
    fn put(&mut self, mut event: Value, times: (Value, Value)) -> String {
        self.number += 1;
        let name: String = self.calendar.summary.bytes().filter(u8::is_ascii_lowercase).map(digit).take(8).collect();
        let id = format!("{name}{:05}", self.number);
        event["start"] = times.0;
        event["end"] = times.1;
        let fields = event.as_object().cloned().unwrap_or_default();
        self.calendar.insert(Some(id.clone()), fields, &self.writer).ok();
        id
    }

    /// On that day at `hh:mm` on the clocks of a zone, for so many minutes.
    pub fn meeting(&mut self, days: i64, at: &str, minutes: i64, zone: Tz, event: Value) -> String {
        let wall = self.date(days).and_time(clock_time(at));
        let start = on_the_clock(zone, wall);
        let end = Moment::At(start + TimeDelta::minutes(minutes), zone).view(zone);
        self.put(event, (Moment::At(start, zone).view(zone), end))
    }

    pub fn all_day(&mut self, days: i64, length: i64, event: Value) -> String {
        let times =
            (json!({ "date": self.date(days).to_string() }), json!({ "date": self.date(days + length).to_string() }));
        self.put(event, times)
    }

    /// The instance of a series on the first day from `days` on that has one.
    pub fn instance(&self, series: &str, days: i64) -> Option<Moment> {
        let zone = self.calendar.zone;
        let from = on_the_clock(zone, self.date(days).and_time(NaiveTime::MIN));
        let event = self.calendar.events.get(series)?;
        let starts = event.series(zone)?.starts_before(from + TimeDelta::days(60), zone);
        starts.into_iter().find(|start| start.instant(zone) >= from)
    }

    /// Makes an event somebody else's, to which the calendar's owner was invited.
    pub fn invited(&mut self, event: &str, (email, name): (&str, &str)) {
        if let Some(event) = self.calendar.events.get_mut(event) {
            let person = Person { email: email.to_owned(), name: name.to_owned() };
            event.creator = person.clone();
            event.organizer = person;
        }
    }

    pub fn cancel_instance(&mut self, series: &str, days: i64) {
        if let Some(original) = self.instance(series, days) {
            self.calendar.cancel(&instance_id(series, original), self.writer.at).ok();
        }
    }

    /// Moves one instance by so many minutes and tells why.
    pub fn move_instance(&mut self, series: &str, days: i64, minutes: i64, summary: &str) {
        let Some(Moment::At(start, zone)) = self.instance(series, days) else { return };
        let id = instance_id(series, Moment::At(start, zone));
        let Some(mut fields) = self.calendar.find(&id).map(|occurrence| occurrence.complete_fields()) else { return };
        let length = self.calendar.events.get(series).map_or(TimeDelta::zero(), |event| event.length(zone));
        let moved = start + TimeDelta::minutes(minutes);
        fields.insert("start".to_owned(), Moment::At(moved, zone).view(zone));
        fields.insert("end".to_owned(), Moment::At(moved + length, zone).view(zone));
        fields.insert("summary".to_owned(), summary.into());
        self.calendar.replace(&id, fields, self.writer.at).ok();
    }
}

fn digit(byte: u8) -> char {
    char::from(if byte > b'v' { b'v' } else { byte })
}

fn clock_time(text: &str) -> NaiveTime {
    NaiveTime::parse_from_str(text, "%H:%M").unwrap_or(NaiveTime::MIN)
}
