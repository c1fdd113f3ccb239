//! Made-up calendars: meetings in five zones, series with exceptions across clock changes, everything that is awkward to show.
//!
//! Times are relative to the moment the server starts, so that there is always a yesterday and a tomorrow. Nobody in here exists;
//! who they are is in `google/lively.rs`.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, NaiveDate, Utc, Weekday};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::{Calendar, Color, Entry, Role, pen::Pen};

pub const TEAM: &str = "harbour-team@group.calendar.sandbox.example";
pub const HOLIDAYS: &str = "en.harbour#holiday@group.v.calendar.sandbox.example";
const CHOIR: &str = "choir@group.calendar.sandbox.example";
const OLD_PROJECT: &str = "old-project@group.calendar.sandbox.example";

const ALICE: (&str, &str) = ("alice@sandbox.example", "Alice Sandström");
const BOB: (&str, &str) = ("bob@sandbox.example", "Bob Okafor");
const CAROL: (&str, &str) = ("carol@sandbox.example", "Carol Méndez");

const BLUE: Color = Color { id: "14", background: "#9fe1e7" };
const GREEN: Color = Color { id: "8", background: "#16a765" };
const YELLOW: Color = Color { id: "12", background: "#fad165" };
const GREY: Color = Color { id: "19", background: "#c2c2c2" };

pub fn calendars(now: DateTime<Utc>) -> BTreeMap<String, Calendar> {
    let mut alice = primary("alice", ALICE, Tz::Europe__Helsinki, now);
    let mut bob = primary("bob", BOB, Tz::America__New_York, now);
    let mut carol = primary("carol", CAROL, Tz::Europe__Madrid, now);
    // Alice sees when Bob is busy, and has Carol's calendar in her list but out of sight.
    bob.entries.insert("alice".to_owned(), Entry { color: GREY, ..entry(Role::FreeBusyReader) });
    carol.entries.insert("alice".to_owned(), Entry { hidden: true, color: GREY, ..entry(Role::Reader) });
    fill_alice(&mut alice, now);
    fill_bob(&mut bob, now);
    fill_carol(&mut carol, now);
    let mut team = shared(
        TEAM,
        "Harbour team",
        "Where the team meets, and who is away.",
        now,
        &[("alice", Role::Owner), ("bob", Role::Writer), ("carol", Role::Reader)],
    );
    if let Some(entry) = team.entries.get_mut("bob") {
        entry.summary_override = Some("Harbour (Finland)".to_owned());
    }
    fill_team(&mut team, now);
    let readers = [("alice", Role::Reader), ("bob", Role::Reader), ("carol", Role::Reader)];
    let mut holidays = shared(HOLIDAYS, "Holidays of the harbour", "Days on which nobody works.", now, &readers);
    fill_holidays(&mut holidays, now);
    let mut choir = shared(CHOIR, "Choir \u{1f3b6} كورال", "", now, &[("alice", Role::Owner), ("carol", Role::Writer)]);
    fill_choir(&mut choir, now);
    let mut old = shared(OLD_PROJECT, "Old project", "", now, &[("alice", Role::Writer)]);
    for entry in old.entries.values_mut() {
        entry.deleted = true;
    }
    [alice, bob, carol, team, holidays, choir, old].map(|calendar| (calendar.id.clone(), calendar)).into()
}

fn entry(role: Role) -> Entry {
    Entry {
        role,
        primary: false,
        selected: true,
        hidden: false,
        deleted: false,
        summary_override: None,
        color: BLUE,
        changed: 1,
    }
}

fn calendar(id: &str, summary: &str, zone: Tz, now: DateTime<Utc>) -> Calendar {
    Calendar {
        id: id.to_owned(),
        summary: summary.to_owned(),
        description: String::new(),
        zone,
        owner: None,
        entries: BTreeMap::new(),
        events: BTreeMap::new(),
        changes: 0,
        generation: 0,
        updated: now,
    }
}

/// Somebody's own calendar, with nothing in it.
pub fn primary(account: &str, (email, _): (&str, &str), zone: Tz, now: DateTime<Utc>) -> Calendar {
    let own = Entry { primary: true, ..entry(Role::Owner) };
    Calendar {
        owner: Some(email.to_owned()),
        entries: BTreeMap::from([(account.to_owned(), own)]),
        // A primary calendar is called as its owner's address until somebody names it.
        ..calendar(email, email, zone, now)
    }
}

fn shared(id: &str, summary: &str, description: &str, now: DateTime<Utc>, access: &[(&str, Role)]) -> Calendar {
    let entries = access.iter().map(|(account, role)| {
        let color = if *role == Role::Reader { YELLOW } else { GREEN };
        ((*account).to_owned(), Entry { color, ..entry(*role) })
    });
    Calendar {
        description: description.to_owned(),
        entries: entries.collect(),
        ..calendar(id, summary, Tz::Europe__Helsinki, now)
    }
}

fn with(people: &[((&str, &str), &str)]) -> Value {
    people
        .iter()
        .map(|((email, name), answer)| json!({ "email": email, "displayName": name, "responseStatus": answer }))
        .collect()
}

fn fill_alice(calendar: &mut Calendar, now: DateTime<Utc>) {
    let helsinki = Tz::Europe__Helsinki;
    let mut pen = Pen::new(calendar, ALICE, now);
    // Across two clock changes, whenever the server starts: it began half a year ago and does not end.
    let first = pen.weekday(-182, Weekday::Tue);
    let stand_up = pen.meeting(
        first,
        "09:30",
        15,
        helsinki,
        json!({
            "summary": "Stand-up with the harbour crew",
            "location": "Pier 4",
            "attendees": with(&[(ALICE, "accepted"), (BOB, "accepted"), (CAROL, "tentative")]),
            "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=TU,TH"],
        }),
    );
    pen.move_instance(&stand_up, 1, 180, "Stand-up with the harbour crew (moved: the crane is being painted)");
    let moved = pen.instance(&stand_up, 1).map_or(1, |at| (at.wall().date() - pen.today).num_days());
    pen.cancel_instance(&stand_up, moved + 1);
    let first = pen.weekday(-91, Weekday::Wed);
    pen.meeting(
        first,
        "11:00",
        45,
        Tz::America__New_York,
        json!({
            "summary": "Weekly with New York",
            "description": "Eleven o'clock on their clocks, whatever ours say.",
            "attendees": with(&[(ALICE, "accepted"), (BOB, "accepted")]),
            "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=40"],
        }),
    );
    pen.meeting(
        -40,
        "08:00",
        30,
        helsinki,
        json!({
            "summary": "Invoices, once a month",
            "recurrence": ["RRULE:FREQ=MONTHLY;BYMONTHDAY=-1"],
        }),
    );
    pen.all_day(
        -3,
        1,
        json!({
            "summary": "Water Jonas's plants",
            "transparency": "transparent",
            "recurrence": ["RRULE:FREQ=DAILY;COUNT=12"],
        }),
    );
    across_zones(&mut pen);
    answered_and_not(&mut pen);
    long_and_whole_days(&mut pen);
    odd_titles(&mut pen);
    let gone = pen.meeting(2, "11:00", 30, helsinki, json!({ "summary": "Called off" }));
    pen.calendar.cancel(&gone, pen.writer.at).ok();
}

/// Meetings whose clocks are elsewhere, and what is on today.
fn across_zones(pen: &mut Pen<'_>) {
    let helsinki = Tz::Europe__Helsinki;
    for (days, at, minutes, zone, summary) in [
        (1, "15:00", 30, Tz::Europe__London, "Review with London"),
        (2, "16:30", 45, Tz::Asia__Kolkata, "Design with Bengaluru"),
        (3, "18:15", 60, Tz::Australia__Sydney, "Late call with Sydney"),
        (4, "09:00", 60, Tz::America__New_York, "Quarter plan with New York"),
        (6, "10:00", 25, Tz::Asia__Tokyo, "朝会 with 山田さん"),
    ] {
        pen.meeting(days, at, minutes, zone, json!({ "summary": summary }));
    }
    pen.meeting(
        0,
        "13:00",
        60,
        helsinki,
        json!({ "summary": "Lunch with Anna", "location": "The new place by the harbour" }),
    );
    pen.meeting(0, "16:00", 30, helsinki, json!({ "summary": "Ring the plumber" }));
    pen.meeting(0, "16:15", 45, helsinki, json!({ "summary": "Overlaps with the plumber" }));
}

/// What was accepted, declined, or left open; what blocks time, what does not, and what is nobody's business.
fn answered_and_not(pen: &mut Pen<'_>) {
    let helsinki = Tz::Europe__Helsinki;
    let declined = pen.meeting(
        1,
        "10:00",
        90,
        helsinki,
        json!({
            "summary": "All-hands nobody needs",
            "attendees": with(&[(ALICE, "declined"), (BOB, "accepted")]),
        }),
    );
    pen.meeting(
        1,
        "12:00",
        60,
        helsinki,
        json!({
            "summary": "Maybe: tasting at the bakery",
            "status": "tentative",
            "attendees": with(&[(ALICE, "tentative"), (CAROL, "accepted")]),
        }),
    );
    let open = pen.meeting(
        2,
        "13:00",
        60,
        helsinki,
        json!({
            "summary": "An invitation not answered yet",
            "attendees": with(&[(ALICE, "needsAction"), (BOB, "accepted")]),
        }),
    );
    pen.meeting(
        2,
        "09:00",
        480,
        helsinki,
        json!({ "summary": "At the office, free to talk", "transparency": "transparent" }),
    );
    pen.meeting(
        3,
        "08:30",
        30,
        helsinki,
        json!({ "summary": "Doctor's appointment", "visibility": "private", "description": "Blood test" }),
    );
    for invitation in [declined, open] {
        pen.invited(&invitation, BOB);
    }
}

/// Over midnight, over days, all day.
fn long_and_whole_days(pen: &mut Pen<'_>) {
    let helsinki = Tz::Europe__Helsinki;
    pen.meeting(5, "19:40", 735, helsinki, json!({ "summary": "Night train to Rovaniemi", "location": "Platform 9" }));
    pen.all_day(7, 3, json!({ "summary": "Conference in Lisbon", "location": "Centro de Congressos, Lisbon" }));
    pen.all_day(
        10,
        1,
        json!({ "summary": "Anna's birthday 🎂", "transparency": "transparent", "recurrence": ["RRULE:FREQ=YEARLY"] }),
    );
    pen.meeting(
        12,
        "00:00",
        1_440,
        helsinki,
        json!({ "summary": "Away, back in two weeks", "eventType": "outOfOffice" }),
    );
}

/// What nobody would type, and somebody does.
fn odd_titles(pen: &mut Pen<'_>) {
    let helsinki = Tz::Europe__Helsinki;
    for (days, at, event) in [
        (4, "11:00", json!({})),
        (4, "12:00", json!({ "summary": "שיחה עם דנה 📞", "location": "קפה הנמל" })),
        (
            4,
            "13:00",
            json!({ "summary": "<b>Bold</b> & <script>alert(1)</script> *stars* _lines_", "description": "<a href=\"javascript:alert(1)\">Join</a><br>Agenda:<ul><li>one<li>two" }),
        ),
        (4, "14:00", json!({ "summary": "\u{202e}backwards\u{202c} 👩‍👩‍👧‍👦🏳️‍🌈" })),
        (
            5,
            "10:00",
            json!({ "summary": "A title that does not know when to stop, ".repeat(20), "location": "x".repeat(300) }),
        ),
        (5, "10:00", json!({ "summary": "A point in time at the pier", "description": "Takes no time at all." })),
    ] {
        let minutes = if event["summary"] == "A point in time at the pier" { 0 } else { 30 };
        pen.meeting(days, at, minutes, helsinki, event);
    }
}

fn fill_bob(calendar: &mut Calendar, now: DateTime<Utc>) {
    let new_york = Tz::America__New_York;
    let mut pen = Pen::new(calendar, BOB, now);
    let first = pen.weekday(-63, Weekday::Mon);
    let series = pen.meeting(
        first,
        "08:30",
        30,
        new_york,
        json!({
            "summary": "Coffee with the desk",
            "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO,FR", "EXDATE;TZID=America/New_York:20200101T083000"],
        }),
    );
    pen.cancel_instance(&series, 3);
    pen.meeting(1, "10:00", 30, Tz::Europe__London, json!({ "summary": "London desk" }));
    pen.meeting(1, "17:00", 60, new_york, json!({ "summary": "Gym", "visibility": "private" }));
    pen.meeting(
        2,
        "14:00",
        45,
        new_york,
        json!({
            "summary": "With Alice and Carol",
            "attendees": with(&[(BOB, "accepted"), (ALICE, "accepted"), (CAROL, "needsAction")]),
        }),
    );
    pen.all_day(5, 2, json!({ "summary": "Away in Boston" }));
}

fn fill_carol(calendar: &mut Calendar, now: DateTime<Utc>) {
    let madrid = Tz::Europe__Madrid;
    let mut pen = Pen::new(calendar, CAROL, now);
    let first = pen.weekday(-30, Weekday::Thu);
    pen.meeting(
        first,
        "22:30",
        150,
        madrid,
        json!({
            "summary": "Late rehearsal",
            "description": "Past midnight, every other week.",
            "recurrence": ["RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=20"],
        }),
    );
    pen.meeting(1, "09:00", 60, madrid, json!({ "summary": "Dentista", "visibility": "private" }));
    pen.meeting(2, "18:00", 60, Tz::America__Mexico_City, json!({ "summary": "Llamada con la abuela" }));
}

fn fill_team(calendar: &mut Calendar, now: DateTime<Utc>) {
    let helsinki = Tz::Europe__Helsinki;
    let mut pen = Pen::new(calendar, ALICE, now);
    let first = pen.weekday(-56, Weekday::Fri);
    let friday = pen.meeting(
        first,
        "14:00",
        60,
        helsinki,
        json!({
            "summary": "Friday demo",
            "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=FR"],
        }),
    );
    pen.move_instance(&friday, 7, -1_440, "Friday demo, on a Thursday");
    pen.all_day(3, 5, json!({ "summary": "Jonas is away", "transparency": "transparent" }));
    pen.meeting(2, "15:00", 60, helsinki, json!({ "summary": "Salaries", "visibility": "private" }));
    pen.meeting(3, "10:00", 30, helsinki, json!({ "summary": "New crane: which colour?" }));
}

fn fill_holidays(calendar: &mut Calendar, now: DateTime<Utc>) {
    let owner = (HOLIDAYS, "Holidays of the harbour");
    let year = now.year();
    let mut pen = Pen::new(calendar, owner, now);
    for (name, month, day) in [
        ("New Year's Day", 1, 1),
        ("Harbour Day", 3, 19),
        ("May Day", 5, 1),
        ("Midsummer", 6, 21),
        ("All Lanterns", 11, 30),
        ("Midwinter", 12, 21),
        ("Christmas Day", 12, 25),
        ("Boxing Day", 12, 26),
    ] {
        for year in [year - 1, year, year + 1] {
            let Some(date) = NaiveDate::from_ymd_opt(year, month, day) else { continue };
            let days = (date - pen.today).num_days();
            pen.all_day(days, 1, json!({ "summary": name, "transparency": "transparent", "visibility": "public" }));
        }
    }
}

fn fill_choir(calendar: &mut Calendar, now: DateTime<Utc>) {
    let mut pen = Pen::new(calendar, ALICE, now);
    let first = pen.weekday(-20, Weekday::Mon);
    pen.meeting(
        first,
        "18:00",
        120,
        Tz::Europe__Helsinki,
        json!({
            "summary": "Choir practice 🎶",
            "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=24"],
        }),
    );
}
