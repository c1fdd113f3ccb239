use super::*;
use crate::letter::{html, plain};

fn of_plain(text: &str) -> Vec<(Kind, String)> {
    said(&plain::read(text, plain::Flowed::No).kept, false)
}

fn of_html(text: &str) -> Vec<(Kind, String)> {
    said(&html::read(text).lines.kept, false)
}

fn said(lines: &[Line], is_forward: bool) -> Vec<(Kind, String)> {
    fold(lines, is_forward)
        .into_iter()
        .map(|passage| (passage.kind, passage.lines.join("\n").trim().to_owned()))
        .collect()
}

/// What is left to read of a mail.
fn own(text: &str) -> String {
    let own = of_plain(text).into_iter().filter(|(kind, _)| *kind == Kind::Said).map(|(_, text)| text);
    own.collect::<Vec<_>>().join("|")
}

#[test]
fn an_answer_stands_without_what_it_answers() {
    for introduction in [
        "On Fri, Nov 20, 2026 at 9:00 AM Ben <ben@example.org> wrote:",
        "On Fri, Nov 20, 2026 at 9:00 AM Ben\n<ben@example.org> wrote:",
        "Am Fr., 20. Nov. 2026 um 09:00 Uhr schrieb Ben <ben@example.org>:",
        "Am 20.11.26 um 09:00 schrieb Ben:",
        "Le ven. 20 nov. 2026 à 09:00, Ben <ben@example.org> a écrit :",
        "El vie, 20 nov 2026 a las 9:00, Ben (<ben@example.org>) escribió:",
        "Il giorno ven 20 nov 2026 alle ore 09:00 Ben ha scritto:",
        "Em sex., 20 de nov. de 2026 às 09:00, Ben escreveu:",
        "Op vr 20 nov 2026 om 09:00 schreef Ben:",
        "W dniu 20.11.2026 o 09:00, Ben pisze:",
    ] {
        assert_eq!(own(&format!("Yes.\n\n{introduction}\n\n> Shall we?\n> Ben")), "Yes.", "{introduction}");
        assert_eq!(own(&format!("Yes.\n\n{introduction}\n\nShall we?\nBen")), "Yes.", "{introduction}, without marks");
    }
    for header in [
        "-----Original Message-----\nFrom: Ben\nSent: Friday\nTo: Anna\nSubject: Lunch",
        "-----Ursprüngliche Nachricht-----\nVon: Ben\nGesendet: Freitag\nAn: Anna\nBetreff: Essen",
        "________________________________\nFrom: Ben <ben@example.org>\nSent: Friday\nTo: Anna\nSubject: Lunch",
        "De : Ben\nEnvoyé : vendredi\nÀ : Anna\nObjet : Midi",
        "De: Ben\nEnviado el: viernes\nPara: Anna\nAsunto: Comida",
        "*From:* Ben\n*Sent:* Friday\n*To:* Anna\n*Subject:* Lunch",
    ] {
        let left = own(&format!("Yes.\n\n{header}\n\nShall we?"));
        assert_eq!(left.trim_end_matches('_').trim(), "Yes.", "{header}");
    }
}

#[test]
fn what_only_looks_like_an_introduction_is_read() {
    for text in [
        "On Monday Anna wrote:\nthe report",
        "Am Ende schrieb er alles auf:\neins\nzwei",
        "From: the heart\nto you all\nwith love",
        "The original message\nwas better",
        "Hi Ben,\nto: do\ndate: nice\nfrom: here on",
    ] {
        assert_eq!(own(text), text);
    }
}

#[test]
fn mail_that_is_passed_on_is_the_content() {
    for title in [
        "---------- Forwarded message ---------",
        "-------- Forwarded Message --------",
        "Begin forwarded message:",
        "-------- Weitergeleitete Nachricht --------",
        "Anfang der weitergeleiteten Nachricht:",
        "---------- Message transféré ----------",
        "Début du message transféré :",
        "---------- Mensaje reenviado ----------",
    ] {
        let text =
            format!("See below\n\n{title}\nFrom: Cy\nDate: Friday\nTo: Ben\nSubject: Plans\n\nThe plans\n> older");
        let all = of_plain(&text);
        assert!(all.iter().all(|(kind, _)| *kind != Kind::Folded), "{title}: {all:?}");
        let quoted = of_plain(&format!("See below\n\n> {title}\n> From: Cy\n>\n> The plans"));
        assert!(quoted.iter().all(|(kind, _)| *kind != Kind::Folded), "{title}: {quoted:?}");
    }
    let lines = plain::read("FYI\n\nFrom: Cy\nSent: Friday\nTo: Ben\nSubject: Plans\n\nThe plans", plain::Flowed::No);
    assert!(said(&lines.kept, true).iter().all(|(kind, _)| *kind == Kind::Said), "the subject says so");
    assert!(said(&lines.kept, false).iter().any(|(kind, _)| *kind == Kind::Folded));
    for subject in ["Fwd: Plans", "FW: Plans", "WG: Pläne", "TR : plans", "RV: planes"] {
        assert_eq!(is_forward_subject(subject), !subject.contains(" :"), "{subject}");
    }
}

#[test]
fn html_of_gmail_apple_and_outlook_is_folded() {
    for quotation in [
        "<div class=gmail_quote><div class=gmail_attr>On … Ben wrote:<br></div><blockquote class=gmail_quote>Shall we?</blockquote></div>",
        "<div>On 20 Nov 2026, at 09:00, Ben wrote:</div><br><blockquote type=cite><div>Shall we?</div></blockquote>",
        "<div class=moz-cite-prefix>Am 20.11.26 schrieb Ben:<br></div><blockquote type=cite>Shall we?</blockquote>",
        "<hr><div id=divRplyFwdMsg><b>From:</b> Ben<br><b>Sent:</b> Friday<br><b>To:</b> Anna<br><b>Subject:</b> Lunch</div><div>Shall we?</div>",
    ] {
        let passages = of_html(&format!("<div>Yes.</div><br>{quotation}"));
        let own: String =
            passages.iter().filter(|(kind, _)| *kind == Kind::Said).map(|(_, text)| text.as_str()).collect();
        assert_eq!(own.trim_end_matches('—').trim(), "Yes.", "{quotation}");
        assert!(passages.iter().any(|(kind, text)| *kind == Kind::Folded && text.contains("Shall we?")), "{quotation}");
    }
}

#[test]
fn what_is_answered_in_between_stays_in_its_place() {
    let found = of_plain("Hi\n> When?\nTomorrow.\n> Where?\n> Who?\nHere.\n\n> And then?\n");
    let kinds: Vec<_> = found.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [Kind::Said, Kind::Quote, Kind::Said, Kind::Quote, Kind::Said, Kind::Folded]);
    let long = "> line\n".repeat(20);
    assert_eq!(of_plain(&format!("{long}Agreed."))[0].0, Kind::Folded, "a long one above the answer is folded too");
}

#[test]
fn a_mail_of_quotations_alone_is_shown() {
    assert_eq!(of_plain("> one\n>> two"), [(Kind::Quote, "one\n> two".to_owned())]);
    let outlook = "From: Ben\nSent: Friday\nTo: Anna\n\nShall we?";
    assert_eq!(of_plain(outlook), [(Kind::Said, outlook.to_owned())]);
}

#[test]
fn itineraries_and_invitations_are_not_headers_of_mail() {
    for text in [
        "Dear Ada,\nyour booking is confirmed.\n\nFrom: Vienna\nTo: Paris\nDate: 12 May 2026\nSeat: 12A",
        "Hallo,\n\nVon: Wien Hbf\nAn: Graz\nDatum: 12. Mai 2026\nSitz 4",
        "Hi\n\nFrom: me\nWhen: Tuesday\nWhere: Room 5\nBring the contract.",
        "Hi\n\nOn 12 May 2026 the board met and wrote:\nWe agree.",
    ] {
        assert_eq!(own(text), text);
    }
    let addressed = "Yes.\n\nFrom: Ben <ben@example.org>\nDate: Friday\nTo: Anna\n\nShall we?";
    assert_eq!(own(addressed).trim(), "Yes.", "addresses make it a header");
}

#[test]
fn answers_between_quotations_of_gmail_are_own_words() {
    let attribution = "<div class=gmail_attr>On Fri, 20 Nov 2026 at 09:00 Ben wrote:<br></div>";
    let quote = |text: &str| format!("<blockquote class=gmail_quote>{text}</blockquote>");
    let (first, second) = (quote("Are you well?"), quote("What is to be done?"));
    let found = of_html(&format!(
        "<div>Hi, answers below.</div><div class=gmail_quote>{attribution}{first}<div>No, I am ill.</div>{second}\
         <div>Pay 100 EUR to Carl</div></div>"
    ));
    let own: Vec<_> = found.iter().filter(|(kind, _)| *kind == Kind::Said).map(|(_, text)| text.as_str()).collect();
    assert_eq!(own, ["Hi, answers below.", "No, I am ill.", "Pay 100 EUR to Carl"], "{found:?}");
    let whole = of_html(
        "<div>Yes.</div><div id=mail-editor-reference-message-container><div>Shall we?</div>\
         <blockquote>Ann said so</blockquote><div>Greetings, Ben</div></div>",
    );
    assert!(!whole.iter().any(|(kind, text)| *kind == Kind::Said && text.contains("Ben")), "{whole:?}");
}

#[test]
fn an_indented_block_is_own_words() {
    let style = "style='margin:0 0 0 40px;border:none;padding:0px'";
    let found = of_html(&format!("<div>Please pay:</div><blockquote {style}>IBAN 12</blockquote>"));
    assert!(found.iter().all(|(kind, _)| *kind == Kind::Said), "{found:?}");
    for quotation in [
        "<div>Yes.</div><blockquote style='border:none;border-left:1px solid'>Really?</blockquote>".to_owned(),
        format!("<div>Yes.</div><div>On 20 Nov 2026 Ben wrote:</div><blockquote {style}>Really?</blockquote>"),
    ] {
        assert!(of_html(&quotation).iter().any(|(kind, _)| *kind == Kind::Folded), "{quotation}");
    }
}
