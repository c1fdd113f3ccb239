use bellhop_domain::IntegrationId;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::bot::text::tests::{hostile, hostile_lines, read_as_telegram};
use crate::letter::{corpus, mime};

fn shown(mail: &FullMessage, place: Place) -> Message {
    let (letter, person) = (Letter::read(mail), Person::unknown());
    let integration = IntegrationId::new(Uuid::from_u128(1));
    let now = DateTime::UNIX_EPOCH;
    let account = Some("ada@mail.example");
    View { mail, letter: &letter, integration, account, handle: 7, place, person: &person, now }.message()
}

fn labels(message: &Message) -> Vec<&str> {
    let label = |button| match button {
        &Button::Press { ref label, .. } | &Button::Link { ref label, .. } => label.as_str(),
    };
    message.buttons.iter().flatten().map(label).collect()
}

fn read(raw: &[u8]) -> FullMessage {
    let mut mail = mime::read(raw);
    mail.from = Some("Anna <anna@example.org>".to_owned().into());
    mail.to = Some("\"Meier, Ben\" <ben@example.org>, cy@example.org, D <d@x.example>, e@x.example".to_owned().into());
    mail.internal_date = Some(DateTime::UNIX_EPOCH);
    mail
}

#[test]
fn a_mail_says_what_it_is_before_what_it_says() {
    let mail = read(&corpus::mail("Subject: Plans\r\nContent-Type: text/plain\r\n", "Here they are."));
    let message = shown(&mail, Place::beginning(Some(2)));
    assert_eq!(
        read_as_telegram(&message.text.html()).unwrap(),
        "✉️ Plans\nFrom Anna · anna@example.org\nTo Meier, Ben, cy@example.org, D and 1 more\n00:00 UTC, 1 Jan · 📬 \
         ada@mail.example\n\nHere they are."
    );
    assert_eq!(labels(&message), ["◀ Inbox"]);
    assert!(labels(&shown(&mail, Place::beginning(None))).is_empty(), "from a search the list is above");
}

#[test]
fn a_long_mail_has_pages_and_what_was_said_before_can_be_asked_for() {
    let body =
        format!("{}\r\n\r\nOn 20 Nov 2026 Ben wrote:\r\n{}", "My words. ".repeat(600), "> his words\r\n".repeat(300));
    let mail = read(&corpus::mail("Subject: Plans\r\nContent-Type: text/plain\r\n", body));
    let first = shown(&mail, Place::beginning(Some(0)));
    assert!(read_as_telegram(&first.text.html()).unwrap().contains("\nPage 1 of 3\n"));
    assert_eq!(labels(&first), ["Page 2 ▶", "Show quoted", "◀ Inbox"]);
    let middle = shown(&mail, Place { page: 1, quotes: Quotes::Shown, inbox_page: None });
    assert_eq!(labels(&middle), ["◀ Page 1", "Page 3 ▶", "Hide quoted"]);
}

#[test]
fn attachments_are_buttons_that_say_what_they_are() {
    let part = |name: &str, size_bytes| bellhop_providers::MailPart {
        file_name: Some(name.to_owned().into()),
        size_bytes,
        ..mime::part(None, "application/octet-stream", vec![0])
    };
    let mail = mime::message(vec![part("report of the year before last.pdf", 34_000), part("invoice.pdf.exe", 90)]);
    let message = shown(&mail, Place::beginning(None));
    assert_eq!(labels(&message), ["📎 report of the year….pdf · 34 kB", "⚠️ invoice.pdf.exe · program · 90 bytes"]);
    assert!(message.text.html().ends_with("(no text)"));
    let many = mime::message((0..20).map(|number| part(&format!("{number}.txt"), 1)).collect());
    let message = shown(&many, Place::beginning(None));
    assert_eq!(message.buttons.len(), MOST_ATTACHMENTS);
    assert!(message.text.html().contains("12 more attachments"));
}

#[test]
fn all_odd_mail_is_shown_whole_with_its_heading() {
    for specimen in corpus::specimens() {
        let mut mail = mime::read(&specimen.raw);
        for header in [&mut mail.from, &mut mail.to, &mut mail.cc] {
            *header = Some(format!("{} <b>\u{202e}", "Somebody <s@x.example>, ".repeat(600)).into());
        }
        let message = shown(&mail, Place::beginning(Some(0)));
        read_as_telegram(&message.text.html()).unwrap_or_else(|error| panic!("{}: {error}", specimen.name));
        assert!(message.text.length() <= 4096, "{}: the page and its heading fit together", specimen.name);
    }
}

proptest! {
    #[test]
    fn any_heading_is_accepted_and_leaves_room_for_the_page(
        subject in hostile(), from in hostile(), to in hostile(), cc in hostile(), body in hostile_lines(), times in 1_usize..60
    ) {
        let mut mail = mime::message(vec![mime::part(None, "text/plain", body.repeat(times).into_bytes())]);
        let long = |text: String| Some(text.repeat(times).into());
        (mail.subject, mail.from, mail.to, mail.cc) = (long(subject), long(from), long(to), long(cc));
        mail.internal_date = Some(DateTime::UNIX_EPOCH);
        let message = shown(&mail, Place::beginning(Some(0)));
        read_as_telegram(&message.text.html()).map_err(TestCaseError::fail)?;
        prop_assert!(message.text.length() <= 4096);
        for button in labels(&message) {
            prop_assert!(!button.trim().is_empty());
        }
    }
}

#[test]
fn a_comment_cannot_stand_in_for_the_sender() {
    let mut mail = read(&corpus::mail("Subject: Plans\r\nContent-Type: text/plain\r\n", "Here they are."));
    for (header, line) in [
        (
            "evil@x.example (Bank <security@bank.example>)",
            "From (unclear) evil@x.example (Bank <security@bank.example>)",
        ),
        ("security\u{ff20}bank.example <evil@x.example>", "From evil@x.example"),
        ("Ada <ada@x.example>", "From Ada · ada@x.example"),
    ] {
        mail.from = Some(header.to_owned().into());
        let text = read_as_telegram(&shown(&mail, Place::beginning(None)).text.html()).unwrap();
        assert_eq!(text.lines().nth(1), Some(line));
    }
}

#[test]
fn mail_that_only_other_programs_can_read_is_not_called_empty() {
    for (mime_type, words) in [
        ("application/pkcs7-mime", "encrypted or signed"),
        ("application/pgp-encrypted", "encrypted or signed"),
        ("application/ms-tnef", "Outlook's own format"),
    ] {
        let text =
            shown(&mime::message(vec![mime::part(None, mime_type, vec![0])]), Place::beginning(None)).text.html();
        assert!(text.contains(words) && text.contains("mail program"), "{text}");
    }
    let cut = FullMessage { is_cut: true, ..mime::message(vec![]) };
    let text = shown(&cut, Place::beginning(None)).text.html();
    assert!(!text.contains("empty") && text.contains("goes on"), "{text}");
}

#[test]
fn a_page_that_can_run_is_not_a_harmless_picture() {
    let part = bellhop_providers::MailPart {
        file_name: Some("plan.svg".to_owned().into()),
        ..mime::part(None, "image/svg+xml", vec![0])
    };
    assert_eq!(labels(&shown(&mime::message(vec![part]), Place::beginning(None))), ["⚠️ plan.svg · web page · 1 byte"]);
}
