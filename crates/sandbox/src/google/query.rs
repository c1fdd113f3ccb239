//! Gmail's search language.
//!
//! <https://support.google.com/mail/answer/7190> and <https://developers.google.com/workspace/gmail/api/guides/filtering>. Words are
//! whole words, terms side by side must all hold, `OR` joins its two neighbours, `{}` any of those inside, `()` groups, `-` negates.

use chrono::{DateTime, Months, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::{Account, calendar::moment::on_the_clock, mailbox::Message};

/// Groups within groups beyond this are read as if they were not there.
const DEEPEST: usize = 20;

const OPERATORS: [&str; 24] = [
    "from",
    "to",
    "cc",
    "bcc",
    "deliveredto",
    "subject",
    "list",
    "filename",
    "has",
    "is",
    "in",
    "label",
    "category",
    "after",
    "before",
    "newer",
    "older",
    "newer_than",
    "older_than",
    "rfc822msgid",
    "larger",
    "smaller",
    "size",
    "around",
];

/// A search, taken apart once.
#[derive(Debug)]
pub struct Query {
    root: Term,
    now: DateTime<Utc>,
}

#[derive(Debug, Clone)]
enum Term {
    All(Vec<Term>),
    Any(Vec<Term>),
    Not(Box<Term>),
    /// An operator (empty for plain words) and what follows it.
    Is(String, String),
}

impl Query {
    pub fn parse(text: &str, now: DateTime<Utc>) -> Self {
        let mut reader = Reader { characters: text.chars().collect(), at: 0 };
        Self { root: reader.group(None, false, "", 0), now }
    }

    /// Whether spam and trash are asked for by name.
    pub fn looks_everywhere(&self) -> bool {
        self.root.any(&|operator, value| {
            matches!(operator, "in" | "is" | "label") && matches!(value, "anywhere" | "spam" | "trash")
        })
    }

    pub fn matches(&self, message: &Message, account: &Account) -> bool {
        self.holds(&self.root, message, account)
    }

    fn holds(&self, term: &Term, message: &Message, account: &Account) -> bool {
        match term {
            Term::All(terms) => terms.iter().all(|term| self.holds(term, message, account)),
            Term::Any(terms) => terms.iter().any(|term| self.holds(term, message, account)),
            Term::Not(term) => !self.holds(term, message, account),
            Term::Is(operator, value) => self.is(operator, value, message, account),
        }
    }

    fn is(&self, operator: &str, value: &str, message: &Message, account: &Account) -> bool {
        let header = |name: &str| message.header(name).unwrap_or_default();
        let labelled = |label: &str| message.labels.contains(&label.to_uppercase());
        let at = message.internal_date;
        let person = |name: &str| match value {
            "me" => contains(header(name), &account.email),
            _ => contains(header(name), value),
        };
        let kilobytes = |fallback: bool| bytes(value).map_or(fallback, |size| message.raw.len() > size);
        match operator {
            "from" => person("From"),
            "to" => person("To") || person("Cc") || person("Bcc"),
            "cc" => person("Cc"),
            "bcc" => person("Bcc"),
            "deliveredto" => person("Delivered-To"),
            "subject" => contains(header("Subject"), value),
            "list" => contains(header("List-Id"), value),
            "filename" => message.parsed().walk().iter().any(|part| contains(&part.filename, value)),
            "rfc822msgid" => header("Message-ID").trim_matches(['<', '>', ' ']) == value.trim_matches(['<', '>', ' ']),
            "has" => match value {
                "attachment" => message.has_attachment(),
                "userlabels" => message.labels.iter().any(|label| account.mailbox.own_labels.contains_key(label)),
                "nouserlabels" => !message.labels.iter().any(|label| account.mailbox.own_labels.contains_key(label)),
                _ => false,
            },
            "is" if value == "read" => !labelled("UNREAD"),
            "in" if matches!(value, "anywhere" | "all") => true,
            "in" if value == "drafts" => labelled("DRAFT"),
            "category" if value == "primary" => {
                labelled("CATEGORY_PERSONAL") || !message.labels.iter().any(|label| label.starts_with("CATEGORY_"))
            }
            "category" => labelled(&format!("CATEGORY_{value}")),
            "is" | "in" | "label" => labelled(value) || has_own_label(value, message, account),
            "after" | "newer" => moment(value).is_some_and(|time| at >= time),
            "before" | "older" => moment(value).is_some_and(|time| at < time),
            "newer_than" => self.ago(value).is_some_and(|time| at >= time),
            "older_than" => self.ago(value).is_some_and(|time| at < time),
            "larger" | "size" => kilobytes(false),
            "smaller" => !kilobytes(true),
            _ => {
                let parsed = message.parsed();
                ["Subject", "From", "To", "Cc"].iter().any(|name| contains(header(name), value))
                    || contains(&parsed.text, value)
                    || parsed.walk().iter().any(|part| contains(&part.filename, value))
            }
        }
    }

    /// `2d`, `3m` or `1y` before now.
    fn ago(&self, text: &str) -> Option<DateTime<Utc>> {
        let (unit, _) = text.char_indices().next_back().map(|(at, unit)| (unit, at))?;
        let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
        match unit {
            'd' => self.now.checked_sub_signed(TimeDelta::days(number.into())),
            'm' => self.now.checked_sub_months(Months::new(number)),
            'y' => self.now.checked_sub_months(Months::new(number.checked_mul(12)?)),
            _ => None,
        }
    }
}

impl Term {
    fn any(&self, test: &dyn Fn(&str, &str) -> bool) -> bool {
        match self {
            Self::All(terms) | Self::Any(terms) => terms.iter().any(|term| term.any(test)),
            Self::Not(_) => false,
            Self::Is(operator, value) => test(operator, value),
        }
    }
}

/// Goes through a search from left to right; whatever is not closed ends with the text.
struct Reader {
    characters: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn group(&mut self, end: Option<char>, any: bool, operator: &str, depth: usize) -> Term {
        let mut terms: Vec<Term> = Vec::new();
        let mut joins = false;
        while let Some(next) = self.peek() {
            if Some(next) == end {
                self.at += 1;
                break;
            }
            if next.is_whitespace() || matches!(next, ')' | '}') {
                self.at += 1;
                continue;
            }
            let negated = self.eat('-');
            let Some(term) = self.unit(operator, depth) else { continue };
            match &term {
                Term::Is(operator, word) if operator.is_empty() && word == "OR" && !negated => {
                    joins = !terms.is_empty();
                    continue;
                }
                Term::Is(operator, word) if operator.is_empty() && word == "AND" && !negated => continue,
                _ => {}
            }
            let term = if negated { Term::Not(Box::new(term)) } else { term };
            match terms.pop() {
                Some(Term::Any(mut either)) if joins => {
                    either.push(term);
                    terms.push(Term::Any(either));
                }
                Some(before) if joins => terms.push(Term::Any(vec![before, term])),
                before => terms.extend(before.into_iter().chain([term])),
            }
            joins = false;
        }
        if any { Term::Any(terms) } else { Term::All(terms) }
    }

    fn unit(&mut self, operator: &str, depth: usize) -> Option<Term> {
        if depth < DEEPEST {
            if self.eat('(') {
                return Some(self.group(Some(')'), false, operator, depth + 1));
            }
            if self.eat('{') {
                return Some(self.group(Some('}'), true, operator, depth + 1));
            }
        }
        if self.eat('"') {
            let phrase = self.until(|next| next == '"');
            self.eat('"');
            return Some(Term::Is(operator.to_owned(), phrase.to_lowercase()));
        }
        let word = self.until(|next| next.is_whitespace() || matches!(next, '(' | ')' | '{' | '}' | '"'));
        if word.is_empty() {
            self.at += 1;
            return None;
        }
        let known = word.split_once(':').filter(|(name, _)| OPERATORS.contains(&name.to_lowercase().as_str()));
        match known {
            Some((name, "")) => match self.peek() {
                Some('(' | '{' | '"') if depth < DEEPEST => self.unit(&name.to_lowercase(), depth + 1),
                _ => Some(Term::Is(String::new(), word.to_lowercase())),
            },
            // Ids keep their case.
            Some((name, value)) if name.eq_ignore_ascii_case("rfc822msgid") => {
                Some(Term::Is(name.to_lowercase(), value.to_owned()))
            }
            Some((name, value)) => Some(Term::Is(name.to_lowercase(), value.to_lowercase())),
            None if matches!(word.as_str(), "OR" | "AND") => Some(Term::Is(String::new(), word)),
            None => Some(Term::Is(operator.to_owned(), word.to_lowercase())),
        }
    }

    fn until(&mut self, end: impl Fn(char) -> bool) -> String {
        let found: String = self.characters.iter().skip(self.at).take_while(|next| !end(**next)).collect();
        self.at += found.chars().count();
        found
    }
}

/// Whether the words stand side by side in the text. Scripts that put no spaces between words are looked for anywhere.
fn contains(text: &str, wanted: &str) -> bool {
    let split = |text: &str| -> Vec<String> {
        let words = text.split(|character: char| !character.is_alphanumeric());
        words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let wanted_words = split(wanted);
    if wanted_words.is_empty() || wanted.chars().any(|character| ('\u{2e80}'..'\u{a000}').contains(&character)) {
        let wanted = wanted.trim();
        return !wanted.is_empty() && text.to_lowercase().contains(&wanted.to_lowercase());
    }
    split(text).windows(wanted_words.len()).any(|words| words == wanted_words)
}

/// By name: small letters, with hyphens for spaces and slashes.
fn has_own_label(value: &str, message: &Message, account: &Account) -> bool {
    let plain = |name: &str| name.to_lowercase().replace([' ', '/'], "-");
    message.labels.iter().filter_map(|id| account.mailbox.own_labels.get(id)).any(|name| plain(name) == plain(value))
}

/// `10M`, `500K` or a number of bytes.
fn bytes(text: &str) -> Option<usize> {
    let (digits, factor) = match text.char_indices().next_back()? {
        (at, 'k') => (text.get(..at)?, 1_024),
        (at, 'm') => (text.get(..at)?, 1_024 * 1_024),
        _ => (text, 1),
    };
    digits.parse::<usize>().ok()?.checked_mul(factor)
}

/// Seconds since 1970, or a date: "All dates used in the search query are interpreted as midnight on that date in the PST
/// timezone."
fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(seconds) = text.parse::<i64>() {
        return DateTime::from_timestamp(seconds, 0);
    }
    let text = text.replace('/', "-");
    let formats = ["%Y-%m-%d", "%m-%d-%Y"];
    let date = formats.iter().find_map(|format| NaiveDate::parse_from_str(&text, format).ok())?;
    // What chrono can name and a zone cannot move.
    let sane = NaiveDate::from_ymd_opt(1, 1, 1)?..NaiveDate::from_ymd_opt(9_999, 1, 1)?;
    sane.contains(&date).then(|| on_the_clock(chrono_tz::America::Los_Angeles, date.and_time(NaiveTime::MIN)))
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
