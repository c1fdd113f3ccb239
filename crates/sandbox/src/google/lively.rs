//! Made-up people and their mail: lively enough for a demo, nasty enough for a test.
//!
//! Newsletters, invoices, threads, hostile HTML, right-to-left and emoji subjects, subjects that are far too long or missing.
//! The same seed gives the same mails; times count back from the moment the server starts. Nobody in here exists.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Account, Legacy,
    compose::{Attachment, Draft},
    mailbox::{Mailbox, Message},
    odd,
};

/// The accounts: name, `sub`, address, display name.
const PEOPLE: [(&str, &str, &str, &str); 3] = [
    ("alice", "100000000000000000011", "alice@sandbox.example", "Alice Sandström"),
    ("bob", "100000000000000000022", "bob@sandbox.example", "Bob Okafor"),
    ("carol", "100000000000000000033", "carol@sandbox.example", "Carol Méndez"),
];

/// Alice's inbox is as full as the settings say; the others have these many mails.
const INBOX_OF_OTHERS: [usize; 2] = [64, 23];

const SENDERS: [(&str, &str); 14] = [
    ("Anna Virtanen", "anna@harbour.example"),
    ("Jonas Weber", "jonas.weber@mill.example"),
    ("Priya Raman", "priya@raman.example"),
    ("Lighthouse Weekly", "news@lighthouse.example"),
    ("Corner Bakery", "orders@bakery.example"),
    ("City Library", "no-reply@library.example"),
    ("Northern Railways", "tickets@railways.example"),
    ("Billing at Cloudberry", "billing@cloudberry.example"),
    ("דנה לוי", "dana@levi.example"),
    ("山田 花子", "hanako@yamada.example"),
    ("<b>Bold</b> & Sons", "sales@bold.example"),
    ("Mallory_*[x](http://evil.example)", "mallory@evil.example"),
    ("\"Quoted, Comma\"", "comma@quoted.example"),
    ("", "bare-address@nobody.example"),
];

/// Subject and text; `{n}` becomes a number.
const MAILS: [(&str, &str); 24] = [
    ("Lunch on Thursday?", "Hi! The new place by the harbour has a table at half past twelve. Shall I take it?"),
    (
        "Invoice {n} from Cloudberry",
        "Your invoice {n} over 19.00 EUR is due in 14 days. Thank you for staying with us.",
    ),
    (
        "Lighthouse Weekly #{n}: the long way round",
        "This week: a keeper who paints, three recipes with fennel, and why fog has a smell.",
    ),
    ("Your order {n} is ready", "Two rye loaves and a cinnamon knot are waiting for you until six o'clock."),
    ("Book {n} is due back soon", "The book you borrowed is due in three days. You can renew it once more online."),
    ("Ticket {n}: coach 7, seat 41", "Your train leaves at 08:12 from platform 4. Show this ticket on your phone."),
    ("Re: the broken heating", "The plumber comes tomorrow between nine and eleven. Could you let him in?"),
    (
        "Minutes of Monday's meeting",
        "Attached are the minutes. Please send corrections by Wednesday & mind section 3 <draft>.",
    ),
    ("<script>alert('{n}')</script> Win a prize", "<img src=x onerror=alert(1)> Click now & win <b>big</b>!"),
    (
        "</b></i>&amp; *unclosed _markup_ [link](http://evil.example) `{n}`",
        "Entities &lt; &gt; &amp; &#x41; and <a href=\"javascript:alert(1)\">a link</a>.",
    ),
    ("שלום, מה שלומך? {n}", "היי, רציתי לשאול אם ניפגש השבוע."),
    ("مرحبا بكم في العدد {n}", "أهلا وسهلا، هذا هو العدد الجديد من نشرتنا."),
    ("\u{202e}desrever si siht {n}\u{202c} careful", "This subject carries a right-to-left override."),
    ("🎉🎂 Party number {n}! 👩‍👩‍👧‍👦🏳️‍🌈", "Bring cake 🍰. Family 👨‍👩‍👧 welcome, and flags 🇫🇮🇪🇪."),
    ("お知らせ: 会議室の変更 ({n})", "会議室は三階に変更されました。"),
    ("", "This mail has an empty subject. The answer to your question {n} is yes."),
    ("{missing}", "This mail has no subject header at all."),
    ("{long}", "This subject goes on for a very long time."),
    ("Photos from the lake", "Forty pictures, two of them sharp. The dog is in all of them."),
    ("Your parcel {n} was handed to a neighbour", "It is with the neighbour on the second floor."),
    (
        "Security notice: new sign-in",
        "A new device signed in to your account. If this was you, there is nothing to do.",
    ),
    (
        "Question about the translation, page {n}",
        "I am not sure about the second paragraph. Do you mean the tide or the time?",
    ),
    ("  Spaces   and\ttabs  ", "The subject has more white space than it needs."),
    ("Zero\u{200b}width and soft\u{ad}hyphen {n}", "Invisible characters\u{200b} hide\u{feff} in here."),
];

/// Deterministic numbers (splitmix64), so that mails stay the same whatever library comes or goes.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let sides = u64::try_from(sides.max(1)).unwrap_or(1);
        usize::try_from(mixed % sides).unwrap_or_default()
    }
}

pub fn accounts(seed: u64, mails: usize, now: DateTime<Utc>) -> BTreeMap<String, Account> {
    let inboxes = std::iter::once(mails).chain(INBOX_OF_OTHERS);
    PEOPLE
        .iter()
        .zip(inboxes)
        .zip(1_u64..)
        .map(|(((name, sub, email, display_name), inbox), number)| {
            let mut account = Account {
                name: (*name).to_owned(),
                sub: (*sub).to_owned(),
                email: (*email).to_owned(),
                display_name: (*display_name).to_owned(),
                mailbox: Mailbox::new(0x018c_0000_0000_0000 + number * 0x0000_0100_0000_0000 + 77 * number),
                legacy: Legacy::default(),
            };
            fill(&mut account, &mut Dice(seed.wrapping_mul(31).wrapping_add(number)), inbox, now);
            ((*name).to_owned(), account)
        })
        .collect()
}

/// Somebody new, with nothing in the mailbox.
pub fn stranger(number: u64, name: &str, email: &str, display_name: &str) -> Account {
    Account {
        name: name.to_owned(),
        sub: format!("1000000000000{number:08}"),
        email: email.to_owned(),
        display_name: display_name.to_owned(),
        mailbox: Mailbox::new(0x018c_0000_0000_0000 + number * 0x0000_0100_0000_0000),
        legacy: Legacy::default(),
    }
}

fn fill(account: &mut Account, dice: &mut Dice, inbox: usize, now: DateTime<Utc>) {
    let batches: [(usize, &[&str]); 5] = [
        (inbox, &["INBOX"]),
        (inbox / 4, &[]),
        (inbox / 5, &["SENT"]),
        (inbox / 25, &["SPAM"]),
        (inbox / 40, &["TRASH"]),
    ];
    let mut drafts: Vec<(TimeDelta, &[&str], usize)> = Vec::new();
    for (count, labels) in batches {
        // Denser towards now, as inboxes are; the youngest is a few minutes old.
        let mut minutes: i64 = 3;
        for number in 0..count {
            drafts.push((TimeDelta::minutes(minutes), labels, number));
            minutes += 7 + i64::try_from(dice.roll(40 + number * 3)).unwrap_or_default();
        }
    }
    // Oldest first, so that ids and history ids grow with time.
    drafts.sort_by_key(|(age, _, _)| std::cmp::Reverse(*age));
    let mut thread: Option<(String, String)> = None;
    for (age, labels, number) in drafts {
        let replies = thread.as_ref().filter(|_| dice.roll(6) == 0).cloned();
        let (message, subject) = compose(account, dice, labels, number, now - age, replies);
        if !subject.is_empty() && !subject.starts_with('{') {
            thread = Some((message.thread_id.clone(), subject));
        }
        account.mailbox.add(message);
    }
    let own_labels = [("Label_1", "Receipts"), ("Label_2", "Travel/Boat trips")];
    account.mailbox.own_labels = own_labels.map(|(id, name)| (id.to_owned(), name.to_owned())).into();
    account.mailbox.settle();
}

/// A mail, and the subject that replies to it take up.
fn compose(
    account: &mut Account,
    dice: &mut Dice,
    labels: &[&str],
    number: usize,
    at: DateTime<Utc>,
    replies_to: Option<(String, String)>,
) -> (Message, String) {
    let id = account.mailbox.new_id();
    let own = (account.display_name.clone(), account.email.clone());
    let other = SENDERS[dice.roll(SENDERS.len())];
    let other = (other.0.to_owned(), other.1.to_owned());
    let (from, to) = if labels.contains(&"SENT") { (own, other) } else { (other, own) };
    // The first few walk through the list, so that even a small inbox has every oddity.
    let pick = if number < MAILS.len() { number } else { dice.roll(MAILS.len()) };
    let (subject, text) = MAILS[pick];
    let reference = 1_000 + dice.roll(9_000);
    let mut subject = subject.replace("{n}", &reference.to_string());
    let mut text = text.replace("{n}", &reference.to_string());
    let mut thread_id = id.clone();
    if let Some((thread, earlier)) = replies_to {
        thread_id = thread;
        subject = if earlier.starts_with("Re: ") { earlier } else { format!("Re: {earlier}") };
        text = format!("Thanks, that works for me.\r\n\r\n> {text}");
    }
    let message_id = format!("<{id}@{}>", from.1.split('@').nth(1).unwrap_or_default());
    let inbox = labels.contains(&"INBOX");
    let mut labels: BTreeSet<String> = labels.iter().map(|label| (*label).to_owned()).collect();
    if inbox && number < 40 && dice.roll(3) == 0 {
        labels.insert("UNREAD".to_owned());
    }
    // After those of the list come the oddities, once each.
    let oddity = number.checked_sub(MAILS.len()).filter(|oddity| inbox && *oddity < odd::COUNT);
    if let Some(oddity) = oddity {
        let (from, to, date) = (mailbox_name(&from), mailbox_name(&to), at.to_rfc2822());
        let envelope = odd::Envelope { from: &from, to: &to, date: &date, message_id: &message_id };
        return (Message::new(id, odd::mail(oddity, &envelope), labels, at), String::new());
    }
    let mut headers = vec![
        ("From".to_owned(), mailbox_name(&from)),
        ("To".to_owned(), mailbox_name(&to)),
        ("Date".to_owned(), at.to_rfc2822()),
        ("Message-ID".to_owned(), message_id),
    ];
    match subject.as_str() {
        "{missing}" => {}
        "{long}" => headers.push(("Subject".to_owned(), "A very long subject that never seems to end, ".repeat(24))),
        _ => headers.push(("Subject".to_owned(), subject.clone())),
    }
    if subject.contains("Weekly") || subject.contains("order") {
        labels.insert("CATEGORY_PROMOTIONS".to_owned());
    }
    let html = (dice.roll(3) > 0).then(|| hostile_html(&text));
    let attachments = attachments(&subject, &reference.to_string());
    if !attachments.is_empty() {
        labels.insert("Label_1".to_owned());
    }
    let draft = Draft { headers, text, html, attachments };
    let mut message = Message::new(id.clone(), draft.bytes(&id), labels, at);
    message.thread_id = thread_id;
    (message, subject)
}

/// What comes with which subject.
fn attachments(subject: &str, reference: &str) -> Vec<Attachment> {
    let attachment = |filename: &str, kind: &str, content: Vec<u8>| Attachment {
        filename: filename.to_owned(),
        kind: kind.to_owned(),
        content,
    };
    if subject.starts_with("Invoice") {
        let pdf = odd::pdf(&format!("Invoice {reference}: 19.00 EUR, due in 14 days"));
        return vec![attachment(&format!("Invoice {reference}.pdf"), "application/pdf", pdf)];
    }
    if subject.starts_with("Minutes") {
        let minutes = "1. Who was there\r\n2. The crane\r\n3. <draft>\r\n".as_bytes().to_vec();
        return vec![
            attachment("Protokoll – Montag.txt", "text/plain; charset=utf-8", minutes),
            attachment("empty.bin", "application/octet-stream", Vec::new()),
        ];
    }
    Vec::new()
}

/// `Name <address>`, quoted where RFC 5322 asks for it.
pub fn mailbox_name((name, address): &(String, String)) -> String {
    if name.is_empty() {
        return address.clone();
    }
    if name.starts_with('"') || !name.contains([',', '<', '>', '(', ')', '[', ']', '*', ':', ';', '@']) {
        return format!("{name} <{address}>");
    }
    format!("\"{}\" <{address}>", name.replace('"', "\\\""))
}

/// What newsletters send: styles, trackers, scripts, tags that are never closed.
fn hostile_html(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<html><head><style>body{{display:none}}</style><script>document.title='x'</script></head>\
         <body onload=\"alert(1)\"><table><tr><td><p>{escaped}<br>\
         <img src=\"http://tracker.example/p.gif\" width=1 height=1><div><a href=\"javascript:void(0)\">more</a>\
         <!-- never closed <b>"
    )
}
