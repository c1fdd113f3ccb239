use chrono::TimeZone;
use chrono_tz::Europe::Berlin;
use proptest::prelude::*;

use super::*;

/// A Wednesday, at ten in Berlin.
fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 18, 9, 0, 0).unwrap()
}

/// What was understood, in one line.
fn understood(text: &str) -> String {
    let days = |span: &Span| {
        let days = if span.first() == span.last() {
            span.first().to_string()
        } else {
            format!("{}..{}", span.first(), span.last())
        };
        span.hours().map_or(days.clone(), |hours| format!("{days} {}", hours.as_written()))
    };
    match understand(text, now(), Berlin) {
        Understood::Agenda(span) => format!("agenda {}", days(&span)),
        Understood::Free { span, at_least: None } => format!("free {}", days(&span)),
        Understood::Free { span, at_least: Some(minutes) } => format!("free {} for {minutes}", days(&span)),
        Understood::Search(Query { from, words, since, unread, attached }) => {
            let from = from.map(|from| format!(" from:{from}")).unwrap_or_default();
            let words = if words.is_empty() { String::new() } else { format!(" words:{}", words.join(",")) };
            let since = since.map(|since| format!(" since:{}", days(&since))).unwrap_or_default();
            let unread = if unread { " unread" } else { "" };
            let attached = if attached { " attached" } else { "" };
            format!("search{from}{words}{since}{unread}{attached}")
        }
        Understood::Mail(number) => format!("mail {number}").trim_end().to_owned(),
        Understood::WorkingHours(hours) => format!("working hours {hours}"),
        Understood::ZoneOf(place) => format!("zone of {place}"),
        Understood::TimeZone(place) => format!("timezone {place}").trim_end().to_owned(),
        Understood::Misread(why) => format!("misread {why:?}"),
        Understood::Unclear { near } => format!("unclear {}", near.join(",")).trim_end().to_owned(),
        other => format!("{other:?}").to_lowercase(),
    }
}

#[track_caller]
fn table(rows: &[(&str, &str)]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(text, expected)| {
            let understood = understood(text);
            (understood != *expected).then(|| format!("{text:?}: {understood}, not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn questions_about_the_calendar() {
    table(&[
        ("what's on tomorrow?", "agenda 2026-11-19"),
        ("What\u{2019}s on tomorrow", "agenda 2026-11-19"),
        ("WHATS ON TOMORROW???", "agenda 2026-11-19"),
        ("whats on tommorow", "agenda 2026-11-19"),
        ("whatsontomorrow", "agenda 2026-11-19"),
        ("what's on?", "agenda 2026-11-18"),
        ("what is on for friday", "agenda 2026-11-20"),
        ("tomorrow", "agenda 2026-11-19"),
        ("tomorrow?", "agenda 2026-11-19"),
        ("and tomorrow?", "agenda 2026-11-19"),
        ("\u{1f4c5} tomorrow \u{1f64f}", "agenda 2026-11-19"),
        ("friday afternoon", "agenda 2026-11-20 12:00–18:00"),
        ("tonight", "agenda 2026-11-18 18:00–24:00"),
        ("27.11.", "agenda 2026-11-27"),
        ("next week", "agenda 2026-11-23..2026-11-29"),
        ("nextweek", "agenda 2026-11-23..2026-11-29"),
        ("my week", "agenda 2026-11-18..2026-11-24"),
        ("show me my week", "agenda 2026-11-18..2026-11-24"),
        ("show me my calendar for next week please", "agenda 2026-11-23..2026-11-29"),
        ("show my calander", "agenda 2026-11-18"),
        ("agenda", "agenda 2026-11-18"),
        ("agenda wensday", "agenda 2026-11-18"),
        ("my schedule on monday", "agenda 2026-11-23"),
        ("what do I have on friday?", "agenda 2026-11-20"),
        ("what have i got on next tue", "agenda 2026-11-24"),
        ("what do i have planned this weekend", "agenda 2026-11-21..2026-11-22"),
        ("Do I have any meetings tomorrow morning?", "agenda 2026-11-19 06:00–12:00"),
        ("do i have anything on thursday", "agenda 2026-11-19"),
        ("any meetings today?", "agenda 2026-11-18"),
        ("how many meetings do i have tomorrow", "agenda 2026-11-19"),
        ("anything planned for the weekend?", "agenda 2026-11-21..2026-11-22"),
        ("what does my day look like", "agenda 2026-11-18"),
        ("how does my week look?", "agenda 2026-11-18..2026-11-24"),
        ("how's tomorrow looking", "agenda 2026-11-19"),
        ("what about friday", "agenda 2026-11-20"),
        ("what am i doing tomorrow evening", "agenda 2026-11-19 18:00–24:00"),
        ("when is my next meeting?", "agenda 2026-11-18..2026-11-24"),
        ("can you tell me what's on my calendar tomorrow?", "agenda 2026-11-19"),
        ("hey bellhop, what's happening on 12 may?", "agenda 2027-05-12"),
        ("what's up tomorrow", "agenda 2026-11-19"),
        ("what's in my calendar between monday and wednesday", "agenda 2026-11-23..2026-11-25"),
        ("what's my schedule like tomorrow", "agenda 2026-11-19"),
        ("got anything tomorrow?", "agenda 2026-11-19"),
        ("who am I meeting tomorrow", "agenda 2026-11-19"),
        ("what time is my next meeting", "agenda 2026-11-18..2026-11-24"),
        ("what was on last friday", "agenda 2026-11-13"),
        ("monday 9-12", "agenda 2026-11-23 09:00–12:00"),
        ("was steht morgen an?", "agenda 2026-11-19"),
        ("Was habe ich nächste Woche vor?", "agenda 2026-11-23..2026-11-29"),
        ("meine Termine heute", "agenda 2026-11-18"),
        ("\u{202e}tomorrow\u{202c}", "agenda 2026-11-19"),
        ("to\u{200b}morrow", "agenda 2026-11-19"),
    ]);
}

#[test]
fn questions_about_free_time() {
    table(&[
        ("am i free friday afternoon?", "free 2026-11-20 12:00–18:00"),
        ("Am I free on Friday?", "free 2026-11-20"),
        ("am I free tomorrow at 3", "free 2026-11-19 15:00–16:00"),
        ("am i free at 15:30", "free 2026-11-18 15:30–16:30"),
        ("am i busy tomorrow", "free 2026-11-19"),
        ("am i available between 2 and 4 on thursday", "free 2026-11-19 14:00–16:00"),
        ("am I free for lunch tomorrow?", "free 2026-11-19 12:00–14:00"),
        ("free tomorrow?", "free 2026-11-19"),
        ("free?", "free 2026-11-18"),
        ("is friday free", "free 2026-11-20"),
        ("when am i free", "free 2026-11-18..2026-11-24"),
        ("when am i free next week", "free 2026-11-23..2026-11-29"),
        ("when am I free for 90 minutes next week?", "free 2026-11-23..2026-11-29 for 90"),
        ("find me a free slot of 30 min this week", "free 2026-11-16..2026-11-22 for 30"),
        ("find half an hour free tomorrow", "free 2026-11-19 for 30"),
        ("2 hours free tomorrow", "free 2026-11-19 for 120"),
        ("a 30 min slot on friday after 3pm", "free 2026-11-20 15:00–24:00 for 30"),
        ("any free time this afternoon?", "free 2026-11-18 12:00–18:00"),
        ("do i have time tomorrow morning", "free 2026-11-19 06:00–12:00"),
        ("find time for a meeting next week", "free 2026-11-23..2026-11-29"),
        ("when can we meet next week", "free 2026-11-23..2026-11-29"),
        ("free slots", "free 2026-11-18..2026-11-24"),
        ("am i free in 2 hours", "free 2026-11-18 12:00–13:00"),
        ("am i free right now?", "free 2026-11-18 10:00–11:00"),
        ("got time on friday?", "free 2026-11-20"),
        ("any time on friday for a coffee?", "free 2026-11-20"),
        ("how busy am i next week", "free 2026-11-23..2026-11-29"),
        ("bin ich am Freitag frei?", "free 2026-11-20"),
        ("am i free for 30 hours tomorrow", "misread LengthOutOfRange"),
        ("find 90 minutes on thursday morning", "free 2026-11-19 06:00–12:00 for 90"),
        ("find me an hour next week", "free 2026-11-23..2026-11-29 for 60"),
        ("i need 2 hours on friday", "free 2026-11-20 for 120"),
        ("when do i have 45 min?", "free 2026-11-18..2026-11-24 for 45"),
        ("am i free wednesday from 7 to 9 am", "free 2026-11-25 07:00–09:00"),
        ("am i free today from 7 to 9 am", "free 2026-11-18 07:00–09:00"),
    ]);
}

#[test]
fn questions_about_mail() {
    table(&[
        ("any new mail?", "inbox"),
        ("anynewmail", "inbox"),
        ("mail", "inbox"),
        ("my emails", "inbox"),
        ("check my inbox", "inbox"),
        ("show me my mails please", "inbox"),
        ("do i have new emails", "inbox"),
        ("unread messages", "search unread"),
        ("unread mail?", "search unread"),
        ("what's new in my inbox", "inbox"),
        ("habe ich neue Mails?", "inbox"),
        ("any mail from Anna?", "search from:Anna"),
        ("any e-mails from anna smith today?", "search from:anna smith since:2026-11-18"),
        ("mail from anna@example.com", "search from:anna@example.com"),
        ("anything from Zo\u{eb}?", "search from:Zo\u{eb}"),
        ("did anna write back", "search from:anna"),
        ("Has O\u{2019}Brien replied yet?", "search from:O'Brien"),
        ("what did Anna say about the offsite?", "search from:Anna words:offsite"),
        ("find the invoice from Acme last week", "search from:Acme words:invoice since:2026-11-09..2026-11-15"),
        ("search for offsite", "search words:offsite"),
        ("emails about the offsite", "search words:offsite"),
        ("emails about the offsite from Anna", "search from:Anna words:offsite"),
        ("messages from Anna about the budget 2027", "search from:Anna words:budget,2027"),
        ("invoice from acme", "search from:acme words:invoice"),
        ("where is the contract from Acme GmbH", "search from:Acme GmbH words:contract"),
        ("any mail since monday?", "search since:2026-11-16..2026-11-18"),
        ("emails from yesterday", "search since:2026-11-17"),
        ("yesterday's mail", "search since:2026-11-17"),
        ("mails from Anna on friday", "search from:Anna since:2026-11-13"),
        ("find flight booking", "search words:flight,booking"),
        ("mail from Anna May", "search from:Anna May"),
        ("emails from may", "search since:2026-05-01..2026-05-31"),
        ("Mails von Anna", "search from:Anna"),
        ("unread", "search unread"),
        ("any unread?", "search unread"),
        ("how many unread mails do i have?", "search unread"),
        ("how many new emails are there", "inbox"),
        ("did I get anything from Priya today?", "search from:Priya since:2026-11-18"),
        ("do i have anything from Anna", "search from:Anna"),
        ("is there anything new from acme?", "search from:acme"),
        ("open mail 3", "mail 3"),
        ("mail number 3", "mail 3"),
        ("read my last mail", "mail"),
        ("open the newest email please", "mail"),
        ("any mail since january", "misread TooLong"),
        ("any mail on 30.2.?", "misread NoSuchDay"),
    ]);
}

#[test]
fn everything_else_there_is_a_command_for() {
    table(&[
        ("hi", "hello"),
        ("Hello!", "hello"),
        ("hey there", "hello"),
        ("good morning", "hello"),
        ("Guten Morgen", "hello"),
        ("thanks!", "thanks"),
        ("thank you so much", "thanks"),
        ("Danke", "thanks"),
        ("help", "help"),
        ("what can you do?", "help"),
        ("how does this work", "help"),
        ("i'm in Lisbon", "timezone Lisbon"),
        ("I am in S\u{e3}o Paulo now", "timezone S\u{e3}o Paulo"),
        ("I live in the Netherlands", "timezone Netherlands"),
        ("my time zone is Asia/Tokyo", "timezone Asia/Tokyo"),
        ("set my timezone to UTC+2", "timezone UTC+2"),
        ("timezone", "timezone"),
        ("what's my time zone", "timezone"),
        ("my timezone is wrong", "timezone"),
        ("what time is it", "timezone"),
        ("ok", "noted"),
        ("Okay, great!", "noted"),
        ("got it", "noted"),
        ("yes", "yesorno"),
        ("no", "yesorno"),
        ("set my working hours to 9-17", "working hours 9 - 17"),
        ("my working hours are 8am to 4pm", "working hours 8 am to 4 pm"),
        ("change my working hours", "settings"),
        ("settings", "settings"),
        ("change my settings", "settings"),
        ("my accounts", "accounts"),
        ("which accounts are connected?", "accounts"),
        ("connect my google account", "connect"),
        ("add another account", "connect"),
        ("how do i connect my calendar", "connect"),
        ("calendars", "calendars"),
        ("which calendars do you see?", "calendars"),
        ("disconnect", "disconnect"),
        ("Disconnect my account", "disconnect"),
        ("i want to disconnect", "disconnect"),
        ("how do I disconnect my google account?", "disconnect"),
    ]);
}

#[test]
fn what_must_not_be_understood() {
    table(&[
        ("", "unclear"),
        ("   ", "unclear"),
        ("\u{1f980}", "unclear"),
        ("?", "unclear"),
        ("\u{202e}\u{200b}", "unclear"),
        ("don't disconnect", "unclear disconnect"),
        ("Don\u{2019}t disconnect my account!", "unclear disconnect,accounts"),
        ("i was disconnected", "unclear"),
        ("never delete my account", "unclear accounts"),
        ("free beer", "unclear free"),
        ("I mailed Anna", "unclear inbox"),
        ("mail Anna", "unclear inbox"),
        ("i don't want to disconnect", "unclear disconnect"),
        ("see you on monday", "unclear agenda"),
        ("remind me tomorrow to call anna", "unclear agenda"),
        ("90 min", "unclear free"),
        ("remind me tomorrow", "unclear agenda"),
        ("mail 3 people", "unclear inbox"),
        ("mail 49123456", "unclear inbox"),
        ("i work from home", "unclear"),
        ("send a mail to anna tomorrow", "unclear inbox,agenda"),
        ("delete the mail from Anna", "unclear inbox"),
        ("the mail from Anna was rude", "unclear inbox"),
        ("tomorrow never dies", "unclear agenda"),
        ("cancel my meeting tomorrow", "unclear agenda"),
        ("schedule a call with Anna on friday", "unclear agenda"),
        ("move friday's meeting to monday", "unclear agenda"),
        ("i'm in a meeting", "unclear agenda"),
        ("i'm in love", "unclear"),
        ("i'm in", "unclear"),
        ("i am free tomorrow evening, promise", "unclear free,agenda"),
        ("may i ask something", "unclear"),
        ("march on", "unclear"),
        ("what is the meaning of it all", "unclear"),
        ("'; drop table mail; --", "unclear inbox"),
        ("<b>hi</b>", "unclear"),
        ("what's on 30.2.?", "misread NoSuchDay"),
        ("agenda 99.99.", "misread NoSuchDay"),
        ("what's on in 99999 days", "misread TooFar"),
    ]);
    assert_eq!(understood(&"what's on tomorrow ".repeat(500)), "unclear");
    assert_eq!(understood(&"a".repeat(100_000)), "unclear");
}

proptest! {
    #[test]
    fn whatever_is_typed_nothing_falls_and_spans_are_bounded(
        text in "\\PC{0,120}",
        pieces in proptest::collection::vec(
            proptest::sample::select(vec![
                "what", "is", "on", "my", "am", "i", "free", "find", "mail", "from", "about", "since", "anna", "did", "write", "next", "last",
                "week", "in", "2", "weeks", "monday", "to", "30.2.", "12.5.", "may", "may", "im", "lisbon", "time", "zone", "hours", "for", "the",
                "disconnect", "dont", "please", "tomorrow", "at", "3", "and", "-", "\u{202e}", "\u{df}", "1h30", "thanks",
            ]),
            0..14,
        ),
        seconds in -5_000_000_000_i64..10_000_000_000,
        zone in proptest::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
    ) {
        let now = DateTime::from_timestamp(seconds, 0).unwrap();
        for text in [text, pieces.join(" "), pieces.concat()] {
            let span = match understand(&text, now, zone) {
                Understood::Agenda(span) | Understood::Free { span, .. } => Some(span),
                Understood::Search(query) => {
                    prop_assert!(query != Query::default());
                    prop_assert!(query.words.len() <= 8);
                    query.since
                }
                Understood::Unclear { near } => {
                    prop_assert!(near.len() <= SUGGESTIONS);
                    None
                }
                _ => None,
            };
            if let Some(span) = span {
                prop_assert!(span.first() <= span.last());
                prop_assert!(span.each_day().count() <= 62);
            }
        }
    }

    #[test]
    fn no_word_before_it_turns_a_refusal_into_a_disconnect(no in proptest::sample::select(vec!["don't", "do not", "never", "dont", "please don't", "why did you"])) {
        let disconnect = |text: &str| understand(text, now(), Berlin) == Understood::Disconnect;
        let said = format!("{no} disconnect");
        prop_assert!(!disconnect(&said));
        let said = format!("{no} disconnect my google account");
        prop_assert!(!disconnect(&said));
    }
}

#[test]
fn a_question_about_a_zone_changes_none_and_abbreviations_are_no_whereabouts() {
    table(&[
        ("what timezone is Tokyo?", "zone of Tokyo"),
        ("what time zone is new york", "zone of new york"),
        ("timezone in Tokyo?", "zone of Tokyo"),
        ("timezone in Tokyo", "zone of Tokyo"),
        ("is my timezone Berlin?", "zone of Berlin"),
        ("do you know the timezone of Tokyo", "zone of Tokyo"),
        ("can you set my timezone to Tokyo?", "timezone Tokyo"),
        ("my timezone is Tokyo", "timezone Tokyo"),
        ("I am in Tokyo?", "zone of Tokyo"),
        ("timezone Tokyo", "timezone Tokyo"),
        ("I work in ICT", "unclear"),
        ("i work in art", "unclear"),
        ("i work in met", "unclear"),
        ("I'm in cat", "unclear"),
    ]);
}

#[test]
fn mail_is_searched_only_where_it_is_meant_and_never_the_other_way_round() {
    table(&[
        ("where is my meeting tomorrow", "agenda 2026-11-19"),
        ("where is my next meeting", "agenda 2026-11-18..2026-11-24"),
        ("where is the mail from anna", "search from:anna"),
        ("show unread mail from anna", "search from:anna unread"),
        ("any mail from anna with attachment", "search from:anna attached"),
        ("find mail from anna with an attachment", "search from:anna attached"),
    ]);
    for unclear in [
        "where are you",
        "look up the weather tomorrow",
        "what did anna send me tomorrow",
        "find mail not from anna",
        "find mail to anna",
        "any mail from everyone but anna",
    ] {
        let understood = understood(unclear);
        assert!(understood.starts_with("unclear"), "{unclear}: {understood}");
    }
}

#[test]
fn midnight_begins_a_day_and_ends_it() {
    table(&[
        ("am i free after midnight", "free 2026-11-18 00:00\u{2013}24:00"),
        ("am i free from midnight to 6am", "free 2026-11-19 00:00\u{2013}06:00"),
        ("am i free at midnight", "free 2026-11-19 00:00\u{2013}01:00"),
        ("am i free from noon to midnight", "free 2026-11-18 12:00\u{2013}24:00"),
    ]);
}
