//! Whether what somebody wrote is an event.
//!
//! <https://developers.google.com/workspace/calendar/api/v3/reference/events#resource>. Pure: JSON and a zone go in, checked
//! fields or a refusal come out. What it replaces is known to `change.rs`, not here.

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::{
    errors,
    moment::{Moment, Unreadable},
    recurrence::Series,
};
use crate::answer::Refused;

/// What a field must hold.
#[derive(Clone, Copy)]
enum Holds {
    Text,
    Flag,
    Number,
    Object,
    List,
    OneOf(&'static [&'static str]),
}

/// What people may write.
const WRITABLE: [(&str, Holds); 30] = [
    ("summary", Holds::Text),
    ("description", Holds::Text),
    ("location", Holds::Text),
    ("colorId", Holds::Text),
    ("start", Holds::Object),
    ("end", Holds::Object),
    ("endTimeUnspecified", Holds::Flag),
    ("recurrence", Holds::List),
    ("attendees", Holds::List),
    ("attendeesOmitted", Holds::Flag),
    ("anyoneCanAddSelf", Holds::Flag),
    ("attachments", Holds::List),
    ("conferenceData", Holds::Object),
    ("extendedProperties", Holds::Object),
    ("gadget", Holds::Object),
    ("guestsCanInviteOthers", Holds::Flag),
    ("guestsCanModify", Holds::Flag),
    ("guestsCanSeeOtherGuests", Holds::Flag),
    ("reminders", Holds::Object),
    ("sequence", Holds::Number),
    ("source", Holds::Object),
    ("status", Holds::OneOf(&["confirmed", "tentative", "cancelled"])),
    ("transparency", Holds::OneOf(&["opaque", "transparent"])),
    ("visibility", Holds::OneOf(&["default", "public", "private", "confidential"])),
    // "fromGmail: this type of event cannot be created."
    ("eventType", Holds::OneOf(&["default", "birthday", "focusTime", "outOfOffice", "workingLocation"])),
    ("birthdayProperties", Holds::Object),
    ("focusTimeProperties", Holds::Object),
    ("outOfOfficeProperties", Holds::Object),
    ("workingLocationProperties", Holds::Object),
    ("eventLabelId", Holds::Text),
];

/// What comes back when somebody sends a whole resource again, and is not looked at.
const READ_ONLY: [&str; 15] = [
    "kind",
    "etag",
    "id",
    "iCalUID",
    "htmlLink",
    "hangoutLink",
    "created",
    "updated",
    "creator",
    "organizer",
    "recurringEventId",
    "originalStartTime",
    "locked",
    "privateCopy",
    "eventLabelVersion",
];

const RESPONSES: [&str; 4] = ["needsAction", "declined", "tentative", "accepted"];

/// Most attendees an event may have: <https://support.google.com/calendar/answer/37161>.
const MOST_ATTENDEES: usize = 200;

/// What was written, with everything that cannot be written left out. Wrong names and types are refused.
pub fn written(body: &[u8]) -> Result<Map<String, Value>, Refused> {
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return Err(errors::bad_request("Parse Error")) };
    let mut fields = Map::new();
    for (name, value) in body {
        let Some((_, holds)) = WRITABLE.iter().find(|(known, _)| *known == name) else {
            if READ_ONLY.contains(&name.as_str()) {
                continue;
            }
            return Err(errors::invalid(&format!("Invalid JSON payload received. Unknown name \"{name}\"")));
        };
        if !value.is_null() && !holds.accepts(&value) {
            return Err(errors::invalid(&format!("Invalid value for: {name}")));
        }
        fields.insert(name, value);
    }
    Ok(fields)
}

/// Patch semantics: objects are merged, lists and values replaced, `null` removes.
/// <https://developers.google.com/workspace/calendar/api/guides/performance#patch>
pub fn merge(into: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match (into.get_mut(&name), value) {
            (_, Value::Null) => {
                into.remove(&name);
            }
            (Some(Value::Object(old)), Value::Object(new)) => merge(old, new),
            (_, value) => {
                into.insert(name, value);
            }
        }
    }
}

/// A complete event, in the one spelling in which it is kept.
pub fn complete(mut fields: Map<String, Value>, zone: Tz, in_series: bool) -> Result<Map<String, Value>, Refused> {
    fields.retain(|_, value| !value.is_null());
    let start = moment(&fields, "start", zone)?;
    let end = moment(&fields, "end", zone)?;
    if start.is_day() != end.is_day() {
        return Err(errors::invalid("Start and end times must either both be date or both be dateTime."));
    }
    // The end of a day is exclusive, so a day needs another one; a time may be a point.
    if end.instant(zone) < start.instant(zone) || (start.is_day() && start == end) {
        return Err(errors::time_range_empty("end"));
    }
    if fields.contains_key("recurrence") {
        recurs(&mut fields, start, in_series)?;
    }
    for name in ["start", "end"] {
        let shown = if name == "start" { start } else { end };
        let own = match shown {
            Moment::At(_, own) => own,
            Moment::Day(_) => zone,
        };
        fields.insert(name.to_owned(), shown.view(own));
    }
    attendees(&mut fields)?;
    Ok(fields)
}

fn moment(fields: &Map<String, Value>, name: &str, zone: Tz) -> Result<Moment, Refused> {
    Moment::parse(fields.get(name), zone).map_err(|problem| match problem {
        Unreadable::Missing => errors::required(&format!("Missing {name} time.")),
        Unreadable::Invalid => errors::invalid(&format!("Invalid {name} time.")),
        Unreadable::NoZone => errors::required(&format!("Missing time zone definition for {name} time.")),
        Unreadable::UnknownZone => errors::invalid(&format!("Invalid time zone definition for {name} time.")),
    })
}

fn recurs(fields: &mut Map<String, Value>, start: Moment, in_series: bool) -> Result<(), Refused> {
    let lines: Vec<String> = fields
        .get("recurrence")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|line| line.as_str().map(str::to_owned).ok_or_else(|| errors::invalid("Invalid value for: recurrence")))
        .collect::<Result<_, _>>()?;
    if lines.is_empty() {
        fields.remove("recurrence");
        return Ok(());
    }
    if in_series {
        return Err(errors::invalid("Cannot turn an instance of a recurring event into a recurring event itself."));
    }
    // "For recurring events this field is required and specifies the time zone in which the recurrence is expanded."
    for name in ["start", "end"] {
        if !start.is_day() && fields.get(name).is_none_or(|time| time["timeZone"].is_null()) {
            return Err(errors::required(&format!("Missing time zone definition for {name} time.")));
        }
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    Series::parse(&lines, start).map(drop).map_err(|problem| errors::invalid(&problem))
}

/// Each with an address and an answer; what Google works out by itself is dropped.
fn attendees(fields: &mut Map<String, Value>) -> Result<(), Refused> {
    let Some(Value::Array(attendees)) = fields.get_mut("attendees") else { return Ok(()) };
    if attendees.len() > MOST_ATTENDEES {
        return Err(errors::invalid("Too many attendees."));
    }
    for attendee in attendees.iter_mut() {
        let Some(attendee) = attendee.as_object_mut() else { return Err(errors::invalid("Invalid attendee.")) };
        attendee.remove("self");
        attendee.remove("organizer");
        match attendee.get("email").and_then(Value::as_str) {
            None => return Err(errors::required("Missing attendee email.")),
            Some(email) if !is_address(email) => return Err(errors::invalid("Invalid attendee email.")),
            Some(_) => {}
        }
        let response = attendee.entry("responseStatus").or_insert_with(|| "needsAction".into());
        if !response.as_str().is_some_and(|response| RESPONSES.contains(&response)) {
            return Err(errors::invalid("Invalid attendee response status."));
        }
    }
    if attendees.is_empty() {
        fields.remove("attendees");
    }
    Ok(())
}

fn is_address(text: &str) -> bool {
    let spaced = text.chars().any(|character| character.is_whitespace() || character.is_control());
    text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty()) && !spaced
}

/// "characters allowed in the ID are those used in base32hex encoding, i.e. lowercase letters a-v and digits 0-9 …
/// the length of the ID must be between 5 and 1024 characters".
pub fn chosen_id(body: &[u8]) -> Result<Option<String>, Refused> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    match body.get("id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id))
            if (5..=1024).contains(&id.len()) && id.bytes().all(|byte| matches!(byte, b'a'..=b'v' | b'0'..=b'9')) =>
        {
            Ok(Some(id.clone()))
        }
        Some(_) => Err(errors::invalid("Invalid resource id value.")),
    }
}

impl Holds {
    fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_string(),
            Self::Flag => value.is_boolean(),
            Self::Number => value.is_u64(),
            Self::Object => value.is_object(),
            Self::List => value.is_array(),
            Self::OneOf(known) => value.as_str().is_some_and(|text| known.contains(&text)),
        }
    }
}
