//! Looking through stored mail in memory, for when the provider cannot be asked: the part of Gmail's own language that
//! sender, subject and snippet can answer. What they cannot answer is named, so that nobody takes a guess for an answer.
//! <https://support.google.com/mail/answer/7190>

use bellhop_store::MailContent;

/// The most words of a question that are looked at.
const MOST_TERMS: usize = 24;

/// The longest question that is looked at, in characters.
const LONGEST: usize = 500;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Anywhere(String),
    From(String),
    Subject(String),
    Unread(bool),
    Not(Box<Term>),
}

impl Term {
    fn holds(&self, content: &Lowered) -> bool {
        match self {
            Self::Anywhere(words) => {
                [&content.from, &content.subject, &content.snippet].iter().any(|text| text.contains(words))
            }
            Self::From(words) => content.from.contains(words),
            Self::Subject(words) => content.subject.contains(words),
            Self::Unread(unread) => content.unread == *unread,
            Self::Not(term) => !term.holds(content),
        }
    }
}

struct Lowered {
    from: String,
    subject: String,
    snippet: String,
    unread: bool,
}

/// What somebody looks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    terms: Vec<Term>,
    /// What cannot be told from what is stored, as it was written.
    pub unanswerable: Vec<String>,
}

impl Question {
    /// Reads a question.
    #[must_use]
    pub fn read(said: &str) -> Self {
        let said: String = said.chars().take(LONGEST).collect();
        let mut question = Self::default();
        for word in words(&said).into_iter().take(MOST_TERMS) {
            match term(&word) {
                Read::Term(term) => question.terms.push(term),
                Read::Unanswerable => question.unanswerable.push(word),
                Read::Nothing => {}
            }
        }
        question
    }

    /// Whether a stored mail is one of those looked for. Nothing is, where nothing of the question can be told.
    #[must_use]
    pub fn finds(&self, content: &MailContent) -> bool {
        let content = Lowered {
            from: content.from.to_lowercase(),
            subject: content.subject.to_lowercase(),
            snippet: content.snippet.to_lowercase(),
            unread: content.unread,
        };
        !self.terms.is_empty() && self.terms.iter().all(|term| term.holds(&content))
    }
}

enum Read {
    Term(Term),
    Unanswerable,
    Nothing,
}

fn term(word: &str) -> Read {
    if let Some(rest) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
        return match term(rest) {
            Read::Term(term) => Read::Term(Term::Not(Box::new(term))),
            other => other,
        };
    }
    let bare = |text: &str| text.trim_matches(|one| matches!(one, '"' | '(' | ')' | '+')).to_lowercase();
    let text = bare(word);
    if text.is_empty() {
        return Read::Nothing;
    }
    if matches!(word, "OR" | "AROUND" | "|") || word.contains(['{', '}']) {
        return Read::Unanswerable;
    }
    if word == "AND" {
        return Read::Nothing;
    }
    let Some((name, value)) = word.split_once(':').filter(|(name, _)| name.chars().all(char::is_alphabetic)) else {
        return Read::Term(Term::Anywhere(text));
    };
    let value = bare(value);
    match (name.to_lowercase().as_str(), value.as_str()) {
        ("", _) => Read::Term(Term::Anywhere(text)),
        (_, "") | ("in", "inbox" | "anywhere") => Read::Nothing,
        ("from", _) => Read::Term(Term::From(value)),
        ("subject", _) => Read::Term(Term::Subject(value)),
        ("is", "unread") => Read::Term(Term::Unread(true)),
        ("is", "read") => Read::Term(Term::Unread(false)),
        _ => Read::Unanswerable,
    }
}

/// Words, where what is quoted is one.
fn words(said: &str) -> Vec<String> {
    let mut quoted = false;
    let parts = said.split(move |character: char| {
        quoted ^= character == '"';
        character.is_whitespace() && !quoted
    });
    parts.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bot::text::tests::hostile;

    fn mail() -> MailContent {
        MailContent {
            from: "Anna Meier <anna@example.org>".to_owned(),
            subject: "Invoice for November".to_owned(),
            snippet: "Dear Ben, please find the invoice attached".to_owned(),
            unread: true,
        }
    }

    #[test]
    fn what_can_be_told_is_told() {
        for found in [
            "anna",
            "ANNA invoice",
            "from:anna",
            "from:anna@example.org subject:november",
            "\"please find\"",
            "subject:\"invoice for\"",
            "is:unread in:inbox dear",
            "anna -newsletter",
            "-from:bob invoice",
            "(invoice)",
        ] {
            let question = Question::read(found);
            assert!(question.finds(&mail()) && question.unanswerable.is_empty(), "{found}: {question:?}");
        }
        for missed in
            ["bob", "from:invoice", "subject:anna", "is:read", "-anna", "\"find please\"", "", "-", "\"\"", "in:inbox"]
        {
            assert!(!Question::read(missed).finds(&mail()), "{missed}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_named() {
        let question = Question::read("from:anna has:attachment before:2026/1/1 larger:5M");
        assert_eq!(question.unanswerable, ["has:attachment", "before:2026/1/1", "larger:5M"]);
        assert!(question.finds(&mail()));
        assert!(!Question::read("has:attachment").finds(&mail()), "everything would be found");
    }

    proptest! {
        #[test]
        fn anything_can_be_asked(said in hostile()) {
            let _ = Question::read(&said).finds(&mail());
        }
    }
}
