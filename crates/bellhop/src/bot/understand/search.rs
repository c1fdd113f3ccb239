//! Which mail is looked for: `any mail from Anna?`, `find the invoice from Acme last week`, `did Anna write back?`.
//!
//! Only what begins like such a question is one. `mail Anna` and `delete the mail from Anna` ask for something else to be
//! done, and looking for mail would be no answer to them.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::dates::{Misread, Reading};
use super::days::Leaning;
use super::phrases::Query;
use super::vocabulary::is_month;
use super::words::Word;

/// The most words that are looked for.
const MOST_WORDS: usize = 8;

/// The most words that a name has.
const LONGEST_NAME: usize = 4;

/// What asks for a search by itself.
const VERBS: &[&str] = &["find", "search", "locate", "suche", "finde"];

/// What mail is called. The other words for it have become `mail` by now.
const MAIL: &[&str] = &["mail", "post", "thread", "threads", "gmail"];

/// What people get by mail and ask for without saying so.
const KINDS: &[&str] = &[
    "invoice",
    "invoices",
    "receipt",
    "receipts",
    "newsletter",
    "newsletters",
    "booking",
    "confirmation",
    "ticket",
    "tickets",
    "order",
    "letter",
    "reply",
    "contract",
    "bill",
    "bills",
    "rechnung",
    "attachment",
    "attachments",
    "invitation",
];

/// What may come before the word for mail without being looked for.
const BEFORE_MAIL: &[&str] = &[
    "any", "anything", "all", "the", "my", "new", "latest", "last", "recent", "unread", "do", "i", "have", "got",
    "did", "get", "is", "are", "there", "a", "an", "some", "which", "every", "what", "in", "inbox", "we", "received",
    "through", "for", "me", "habe", "ich", "neue", "von", "more", "other", "old", "older", "was", "gibt", "es", "up",
    "of",
];

/// What hangs on a mail.
const ATTACHED: &[&str] = &["attachment", "attachments"];

/// What turns a question into one that is not understood.
const OTHERWISE: &[&str] = &["not", "but", "except", "without", "to", "nicht", "ausser"];

/// What a name follows.
const FROM: &[&str] = &["from", "by", "von", "de"];

/// What the words to look for follow.
const ABOUT: &[&str] = &[
    "about",
    "regarding",
    "re",
    "concerning",
    "mentioning",
    "containing",
    "with",
    "saying",
    "called",
    "titled",
    "on",
    "subject",
    "uber",
    "wegen",
    "zu",
];

/// What is not looked for.
const NOT_SOUGHT: &[&str] = &[
    "the", "a", "an", "my", "our", "your", "that", "this", "of", "for", "me", "to", "in", "inbox", "mail", "please",
    "all", "any", "some", "and", "with", "out",
];

/// What makes it a statement about mail and no question for it.
const STATEMENTS: &[&str] =
    &["was", "is", "are", "were", "will", "can", "should", "must", "never", "dont", "not", "i", "you", "said"];

/// What people do by mail.
const WROTE: &[&str] = &[
    "write",
    "written",
    "wrote",
    "mail",
    "mailed",
    "emailed",
    "reply",
    "replied",
    "answer",
    "answered",
    "send",
    "sent",
    "respond",
    "responded",
    "get",
    "got",
    "say",
    "want",
];

/// The mail that is asked for; `None` if none is, an error if it is asked for on days that cannot be.
pub fn query(words: &[Word], now: DateTime<Utc>, zone: Tz) -> Option<Result<Query, Misread>> {
    let reading = Reading::of(words, now, zone, Leaning::Back, false);
    let (sought, since) = without_days(words, &reading);
    let query = did_somebody_write(sought).or_else(|| by_parts(sought, since.is_some()))?;
    let since = match since {
        None => None,
        Some(from_then_on) => match if from_then_on { reading.until_today() } else { reading.span() } {
            Ok(span) => span,
            Err(why) => return Some(Err(why)),
        },
    };
    // Nobody means mail that has not come yet: they ask about something else.
    let today = now.with_timezone(&zone).date_naive();
    if since.as_ref().is_some_and(|since| since.first() > today) {
        return None;
    }
    let query = Query { since, ..query };
    (query != Query::default()).then_some(Ok(query))
}

/// The words without the days at their beginning or end, and whether those days last until today; `None` without days.
/// Days in the middle are part of what is looked for, such as a title.
fn without_days<'a>(words: &'a [Word], reading: &Reading) -> (&'a [Word], Option<bool>) {
    // "Mail from Anna May": a month after a name is a name.
    let surname = matches!(words, [.., before, last]
        if is_month(&last.plain) && !before.is(&["from", "in", "since", "of", "during", "last", "this"]));
    if !reading.has_days() || surname {
        return (words, None);
    }
    let before_tail = reading.used.iter().rposition(|used| !used).map_or(0, |last| last + 1);
    if before_tail < words.len() {
        let lead = words[..before_tail].iter().rev();
        let small = lead
            .take_while(|word| word.is(&["on", "from", "in", "since", "after", "of", "during", "the", "for", "this"]))
            .count();
        let since = words[before_tail - small..].iter().take(small + 1).any(|word| word.is(&["since", "after"]));
        return (&words[..before_tail - small], Some(since));
    }
    let after_head = reading.used.iter().position(|used| !used).unwrap_or(0);
    if after_head > 0 { (&words[after_head..], Some(false)) } else { (words, None) }
}

/// `did Anna write back?`, `has Anna answered about the offsite?`, `what did Anna say?`
fn did_somebody_write(words: &[Word]) -> Option<Query> {
    let begin = match words {
        [what, did, ..] if what.is(&["what"]) && did.is(&["did", "has"]) => 2,
        [did, ..] if did.is(&["did", "has", "hat"]) => 1,
        _ => return None,
    };
    let verb = words.iter().position(|word| word.is(WROTE)).filter(|verb| *verb > begin)?;
    let name = &words[begin..verb];
    if name
        .iter()
        .any(|word| word.is(&["i", "we", "you", "my", "any", "anyone", "anybody", "someone", "somebody", "it", "the"]))
    {
        return None;
    }
    let rest = &words[verb + 1..];
    let about = rest.iter().position(|word| word.is(ABOUT));
    let (small, sought) = rest.split_at(about.unwrap_or(rest.len()));
    let known = |word: &Word| {
        word.is(&[
            "me",
            "us",
            "back",
            "to",
            "something",
            "anything",
            "yet",
            "mail",
            "a",
            "an",
            "in",
            "already",
            "my",
            "geschrieben",
        ]) || word.is(WROTE)
    };
    small.iter().all(known).then(|| Query { from: named(name), words: worth_seeking(sought), ..Query::default() })
}

/// `find X from Y about Z`, `any mail from Y about Z`, `invoice from Y`.
fn by_parts(words: &[Word], has_days: bool) -> Option<Query> {
    let verb = verb(words);
    let words = &words[verb..];
    // The opposite of what was said is worse than nothing.
    let verbatim = words.iter().take_while(|word| !word.is(ABOUT)).any(|word| word.is(OTHERWISE));
    if verbatim {
        return None;
    }
    let (kept, attached) = without_attachment(words);
    let words = &kept[..];
    let unread = words.iter().take_while(|word| !word.is(FROM) && !word.is(ABOUT)).any(|word| word.is(&["unread"]));
    let from = words.iter().position(|word| word.is(FROM));
    let about = words.iter().position(|word| word.is(ABOUT));
    let head = &words[..from.unwrap_or(words.len()).min(about.unwrap_or(words.len()))];
    let of_mail = head.iter().any(|word| word.is(MAIL));
    let of_kind = head.iter().any(|word| word.is(KINDS)) && from.is_some();
    let something = head.iter().any(|word| word.is(&["anything", "something", "news", "heard"])) && from.is_some()
        || words.len() > 3
            && words[..2].iter().all(|word| word.is(&["have", "i"]))
            && head.iter().any(|word| word.is(&["heard"]));
    let known =
        |word: &Word| word.is(BEFORE_MAIL) || word.is(MAIL) || word.is(&["something", "news", "heard", "anything"]);
    if verb == 0 {
        let asks =
            of_mail && head.iter().all(known) || of_kind && head.iter().all(|word| known(word) || word.is(KINDS));
        let asks = asks || something && head.iter().all(known);
        if !asks || from.is_none() && about.is_none() && !has_days && !attached {
            return None;
        }
    }
    if words.iter().skip(head.len()).any(|word| verb == 0 && word.is(STATEMENTS)) {
        return None;
    }
    // From whom until what about, or what about until from whom.
    let end_of = |begin: usize, other: Option<usize>| other.filter(|other| *other > begin).unwrap_or(words.len());
    let name = from.map_or(&[][..], |begin| &words[begin + 1..end_of(begin, about)]);
    let topic = about.map_or(&[][..], |begin| &words[begin + 1..end_of(begin, from)]);
    if from.is_some() && named(name).is_none() {
        return None;
    }
    let mut sought = if verb > 0 || of_kind { worth_seeking(head) } else { Vec::new() };
    sought.retain(|word| !unread || !word.eq_ignore_ascii_case("unread"));
    sought.extend(worth_seeking(topic));
    if about.is_some() && sought.is_empty() {
        return None;
    }
    sought.truncate(MOST_WORDS);
    Some(Query { from: named(name), words: sought, unread, attached, ..Query::default() })
}

/// Whether these words, until from whom or what about, name mail or what comes by mail.
fn names_mail(words: &[Word]) -> bool {
    words.iter().take_while(|word| !word.is(FROM) && !word.is(ABOUT)).any(|word| word.is(MAIL) || word.is(KINDS))
}

/// How many words ask for the search: `find`, `search for`, `look for`, `where is`.
fn verb(words: &[Word]) -> usize {
    let plain: Vec<&str> = words.iter().take(3).map(|word| word.plain.as_str()).collect();
    match plain.as_slice() {
        ["look" | "looking" | "search", "for" | "up", ..] => 2,
        ["where", "is" | "are", ..] if names_mail(&words[2..]) => 2,
        ["i", "am", "looking"] | ["im", "looking", "for"] => 3,
        [verb, ..] if VERBS.contains(verb) => 1,
        ["where", "the" | "my", ..] if names_mail(&words[1..]) => 1,
        _ => 0,
    }
}

/// The words without `with an attachment` at their end, and whether they ended so.
fn without_attachment(words: &[Word]) -> (Vec<Word>, bool) {
    let rest = match words {
        [rest @ .., with, article, what]
            if with.is(&["with"]) && article.is(&["a", "an", "any", "the"]) && what.is(ATTACHED) =>
        {
            rest
        }
        [rest @ .., with, what] if with.is(&["with"]) && what.is(ATTACHED) => rest,
        _ => return (words.to_vec(), false),
    };
    (rest.to_vec(), true)
}

/// A name or an address, as it was typed; `None` if there is none, or more than a name.
fn named(words: &[Word]) -> Option<String> {
    let small = words.iter().take_while(|word| word.is(&["the", "my", "a", "an"])).count();
    let name: Vec<&str> =
        words[small..].iter().map(|word| word.typed.strip_suffix("'s").unwrap_or(&word.typed)).collect();
    (1..=LONGEST_NAME).contains(&name.len()).then(|| name.join(" "))
}

/// The words that are worth looking for, as they were typed.
fn worth_seeking(words: &[Word]) -> Vec<String> {
    words
        .iter()
        .filter(|word| !word.is(NOT_SOUGHT) && !word.is(ABOUT))
        .take(MOST_WORDS)
        .map(|word| word.typed.clone())
        .collect()
}
