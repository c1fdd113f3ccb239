use std::time::{Duration, Instant};

use bellhop_providers::MailPart;
use proptest::prelude::*;

use super::fold::Kind;
use super::pages::{PAGE_LINES, PAGE_UNITS, Pages, Quotes};
use super::*;
use crate::bot::text::Text;
use crate::bot::text::tests::{hostile, hostile_lines, read_as_telegram};

/// Everything a letter shows: all its pages with what is attached, each as Telegram would read it and within its bounds.
fn shown(letter: &Letter, quotes: Quotes) -> Result<Vec<String>, String> {
    let pages = Pages::of(letter, quotes);
    let shown = (0..pages.count()).map(|number| {
        let page = pages.page(number);
        let lines = page.text.html().split('\n').count();
        if page.text.length() > PAGE_UNITS || lines > PAGE_LINES || page.number != number {
            return Err(format!("page {number} has {} units and {lines} lines", page.text.length()));
        }
        let mut text = Text::new().plain("From: somebody").gap().then(page.text);
        for attached in &letter.attachments {
            text = text.line().theirs(&attached.name, 60).plain(format!(" ({})", attached.kind));
        }
        read_as_telegram(&text.html())
    });
    shown.collect()
}

#[test]
fn telegram_accepts_all_odd_mail_and_people_can_read_it() {
    for specimen in corpus::specimens() {
        let name = specimen.name;
        let begun = Instant::now();
        let mail = mime::read(&specimen.raw);
        let letter = Letter::read(&mail);
        let pages = shown(&letter, Quotes::Folded).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(begun.elapsed() < Duration::from_secs(20), "{name} takes {:?}", begun.elapsed());
        shown(&letter, Quotes::Shown).unwrap_or_else(|error| panic!("{name}, with quotations: {error}"));
        for words in specimen.shows {
            assert!(pages[0].contains(words), "{name} does not say {words:?}: {:.800}", pages[0]);
        }
        for words in specimen.hides {
            assert!(!pages[0].contains(words), "{name} says {words:?}: {:.800}", pages[0]);
        }
    }
}

#[test]
fn what_was_left_out_of_a_huge_mail_is_said() {
    let letter = Letter::read(&mime::message(vec![mime::part(None, "text/plain", "A line.\n".repeat(100_000).into())]));
    assert!(letter.is_cut);
    assert!(Pages::of(&letter, Quotes::Folded).count() <= 150);
    let letter = Letter::read(&mime::message(vec![mime::part(None, "text/plain", b"A line.".to_vec())]));
    assert!(!letter.is_cut);
}

#[test]
fn text_that_is_kept_apart_is_asked_for_and_attachments_are_not() {
    let stored = |mime_type: &str, disposition| MailPart {
        content: PartContent::Stored { attachment_id: "x".to_owned().into() },
        disposition,
        ..mime::part(None, mime_type, vec![])
    };
    let mail = mime::message(vec![
        stored("text/html", Disposition::Unsaid),
        stored("text/plain", Disposition::Attachment),
        stored("application/pdf", Disposition::Unsaid),
        mime::part(None, "text/plain", b"here".to_vec()),
    ]);
    assert_eq!(stored_texts(&mail), [0]);
    assert_eq!(Letter::read(&mail).attachments.len(), 3, "what was not fetched can be asked for");
}

#[test]
fn parts_that_lead_in_circles_or_nowhere_end() {
    let mut parts = vec![mime::part(None, "multipart/mixed", vec![])];
    parts.extend((0..300).map(|index| mime::part(Some(index), "multipart/mixed", vec![])));
    parts.push(mime::part(Some(300), "text/plain", b"deep".to_vec()));
    let letter = Letter::read(&mime::message(parts));
    assert!(letter.is_cut, "what lies too deep is missed, and that is said");
    let circle = vec![mime::part(Some(0), "multipart/mixed", vec![]), mime::part(Some(9), "text/plain", vec![])];
    assert_eq!(Letter::read(&mime::message(circle)), Letter::default());
}

fn parts() -> impl Strategy<Value = Vec<MailPart>> {
    let kinds = prop::sample::select(vec![
        "text/plain",
        "text/html",
        "multipart/mixed",
        "multipart/alternative",
        "multipart/related",
        "message/rfc822",
        "application/pdf",
        "image/png",
        "",
        "text",
        "x/y",
    ]);
    let content = prop_oneof![
        hostile_lines().prop_map(String::into_bytes),
        tags().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..200),
    ];
    let charset =
        prop::option::of(prop::sample::select(vec!["utf-8", "utf-16", "koi8-r", "iso-2022-jp", "gb18030", "x"]));
    let part = (kinds, content, charset, prop::option::of(hostile()), 0_usize..12, 0_u8..3);
    prop::collection::vec(part, 0..12).prop_map(|parts| {
        parts
            .into_iter()
            .enumerate()
            .map(|(index, (kind, content, charset, name, parent, disposition))| MailPart {
                charset: charset.map(str::to_owned),
                file_name: name.clone().map(Into::into),
                content_id: name.map(Into::into),
                disposition: [Disposition::Inline, Disposition::Attachment, Disposition::Unsaid]
                    [usize::from(disposition)],
                ..mime::part((index > 0).then_some(parent % index.max(1)), kind, content)
            })
            .collect()
    })
}

/// Soup of tags and words.
fn tags() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        hostile(),
        prop::sample::select(vec![
            "<div>",
            "</div>",
            "<p>",
            "</p>",
            "<table><tr><td>",
            "</td></tr></table>",
            "<blockquote>",
            "</blockquote>",
            "<blockquote type=cite>",
            "<div class=gmail_quote>",
            "<ul><li>",
            "</ul>",
            "<ol start=99999999999><li>",
            "<br>",
            "<br>",
            "<hr>",
            "<pre>",
            "</pre>",
            "<a href=\"https://x.example/\">",
            "</a>",
            "<img alt=\"picture\">",
            "<img src=cid:1 alt='>'>",
            "<p style='display:none'>",
            "<head>",
            "<body>",
            "<script>",
            "</script>",
            "<!--",
            "-->",
            "<![CDATA[",
            "&amp;",
            "&#1114112;",
            "<td",
            "On Fri, 20 Nov 2026 Ben wrote:<br>",
            "---------- Forwarded message ---------<br>",
            "-----Original Message-----<br>",
            "From: a<br>Sent: b<br>To: c<br>",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn telegram_accepts_any_mail(parts in parts(), subject in prop::option::of(hostile())) {
        let mut mail = mime::message(parts);
        mail.subject = subject.map(Into::into);
        let letter = Letter::read(&mail);
        for quotes in [Quotes::Folded, Quotes::Shown] {
            shown(&letter, quotes).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn any_bytes_on_the_wire_are_a_mail(raw in prop::collection::vec(any::<u8>(), 0..600)) {
        shown(&Letter::read(&mime::read(&raw)), Quotes::Folded).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn no_word_is_lost_between_pages(words in prop::collection::vec("[a-z]{1,9}( |\n|\n\n|[.] )", 1..900)) {
        let text = words.concat();
        let letter = Letter::read(&mime::message(vec![mime::part(None, "text/plain", text.clone().into_bytes())]));
        let pages = Pages::of(&letter, Quotes::Folded);
        let texts: Vec<_> = (0..pages.count()).map(|number| pages.page(number).text.html()).collect();
        let read = texts.join("\n");
        let (read, sent): (Vec<_>, Vec<_>) = (read.split_whitespace().collect(), text.split_whitespace().collect());
        prop_assert_eq!(read, sent);
    }

    #[test]
    fn nothing_is_folded_where_nothing_else_is_said(text in tags()) {
        let letter = Letter::read(&mime::message(vec![mime::part(None, "text/html", text.into_bytes())]));
        let kinds: Vec<_> = letter.passages.iter().map(|passage| passage.kind).collect();
        prop_assert!(!kinds.contains(&Kind::Folded) || kinds.contains(&Kind::Said));
    }
}

#[test]
fn photos_can_be_had_and_logos_are_left_out() {
    let picture = |id: &str, size_bytes| MailPart {
        content_id: Some(id.to_owned().into()),
        disposition: Disposition::Inline,
        size_bytes,
        ..mime::part(None, "image/jpeg", vec![1])
    };
    let html = b"Hello <img src=cid:logo> <img src=cid:chart>".to_vec();
    let mail = mime::message(vec![
        mime::part(None, "text/html", html),
        picture("logo", 4_000),
        picture("chart", 400_000),
        picture("photo", 4_000),
    ]);
    let listed: Vec<_> = Letter::read(&mail).attachments.iter().map(|attached| attached.part).collect();
    assert_eq!(listed, [2, 3]);
}

#[test]
fn each_mail_within_a_mail_is_folded_by_itself() {
    let text = |parent, text: &str| mime::part(Some(parent), "text/plain", text.as_bytes().to_vec());
    let enclosed = || mime::part(Some(0), "message/rfc822", vec![]);
    let mail = mime::message(vec![
        mime::part(None, "multipart/mixed", vec![]),
        text(0, "See both mails."),
        enclosed(),
        text(2, "Fine.\n\n-----Original Message-----\nFrom: Ben\n\nShall we?"),
        enclosed(),
        text(4, "The contract ends on Friday, sign now"),
    ]);
    let letter = Letter::read(&mail);
    let of = |kind| letter.passages.iter().filter(move |passage| passage.kind == kind).flat_map(|one| &one.lines);
    let said: Vec<_> = of(Kind::Said).filter(|line| !line.is_empty()).map(String::as_str).collect();
    let last = "The contract ends on Friday, sign now";
    assert_eq!(said, ["See both mails.", "Attached mail:", "Fine.", "Attached mail:", last]);
    assert!(of(Kind::Folded).any(|line| line == "Shall we?"));
}
