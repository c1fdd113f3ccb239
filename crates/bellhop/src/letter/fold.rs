//! What of a mail is its own, and what it repeats of the mails before it. Most mail is an answer with everything said so
//! far underneath; people want to read the answer. Mail that is passed on is the content and is never folded away.
//!
//! Recognised by the marks of mail programs, and by the lines they write above a quotation, in the languages listed in
//! `fold/phrases.rs`. Where a mail has nothing of its own, nothing is folded.

use super::lines::Line;

mod phrases;

pub use phrases::{introduces_quote, is_forward_subject};

/// A quotation between two of the mail's own lines stays where it is up to this many lines: it is what is answered.
const SHORT_QUOTE: usize = 5;

/// The most lines over which an introduction is broken.
const INTRODUCTION_LINES: usize = 4;

/// What a passage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The mail's own words, or those it passes on.
    Said,
    /// A quotation that is needed to understand the rest.
    Quote,
    /// A quotation of what has been said before.
    Folded,
}

/// Lines that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// What they are.
    pub kind: Kind,
    /// What they say. Quotations within a quotation begin with `>`.
    pub lines: Vec<String>,
}

/// Divides lines into passages, each mail within the mail by itself. `is_forward`: the subject says that the mail passes
/// another one on.
#[must_use]
pub fn fold(lines: &[Line], is_forward: bool) -> Vec<Passage> {
    let mut all: Vec<Passage> = Vec::new();
    for (number, mail) in lines.chunk_by(|_, next| !next.opens).enumerate() {
        for passage in fold_one(mail, is_forward && number == 0) {
            match all.last_mut() {
                Some(last) if last.kind == Kind::Said && passage.kind == Kind::Said => last.lines.extend(passage.lines),
                _ => all.push(passage),
            }
        }
    }
    all
}

fn fold_one(lines: &[Line], is_forward: bool) -> Vec<Passage> {
    let mut folding = Folding { lines, answers: answers(lines), is_forward, found: vec![], at: 0 };
    while folding.at < lines.len() {
        folding.step();
    }
    let mut found = folding.found;
    let has_own = |span: &Span| span.kind == Kind::Said && !is_blank(span.of(lines));
    if !found.iter().any(has_own) {
        found.iter_mut().filter(|span| span.kind == Kind::Folded).for_each(|span| span.kind = Kind::Quote);
    }
    // What is answered in between stays; what nothing of the mail's own follows is folded, however short.
    let last_own = found.iter().rposition(has_own).unwrap_or(0);
    for (index, span) in found.iter_mut().enumerate() {
        let count = span.of(lines).iter().filter(|line| !line.is_empty()).count();
        if index < last_own && span.kind == Kind::Folded && count <= SHORT_QUOTE {
            span.kind = Kind::Quote;
        }
    }
    passages(lines, &found)
}

/// Where a passage is.
#[derive(Debug, Clone, Copy)]
struct Span {
    kind: Kind,
    begin: usize,
    end: usize,
}

impl Span {
    fn of(self, lines: &[Line]) -> &[Line] {
        lines.get(self.begin..self.end).unwrap_or_default()
    }
}

struct Folding<'a> {
    lines: &'a [Line],
    /// Which lines are answers between quotations, although their program marked them.
    answers: Vec<bool>,
    is_forward: bool,
    found: Vec<Span>,
    at: usize,
}

impl Folding<'_> {
    fn step(&mut self) {
        let (at, end) = (self.at, self.lines.len());
        let Some(line) = self.lines.get(at) else { return };
        let text = line.text.trim();
        if line.is_empty() {
            return self.take(Kind::Said, at + 1);
        }
        if phrases::introduces_forward(text) {
            return self.pass_on(end);
        }
        if line.depth == 0 && (phrases::introduces_original(text) || self.is_header_block(at)) {
            let is_content = self.is_forward || !self.has_own();
            return if is_content { self.pass_on(end) } else { self.take(Kind::Folded, end) };
        }
        if line.depth == 0
            && let Some(after) = self.introduction(at)
        {
            let next = self.next_words(after);
            match next.and_then(|next| Some((next, self.lines.get(next)?))) {
                Some((_, next)) if phrases::introduces_forward(next.text.trim()) => return self.pass_on(end),
                Some((next, _)) if self.is_quoted(next) => return self.take(Kind::Folded, self.end_of_quote(next)),
                _ if self.has_own() && self.is_header_of_mail(at, after) => return self.take(Kind::Folded, end),
                _ => {}
            }
        }
        if self.is_quoted(at) {
            return self.take(Kind::Folded, self.end_of_quote(at));
        }
        self.take(Kind::Said, at + 1);
    }

    /// Everything to the end is content.
    fn pass_on(&mut self, end: usize) {
        while self.at < end {
            let is_quote = |line: &Line| line.depth > 0;
            let begin = self.lines.get(self.at).is_some_and(is_quote);
            let same = |line: &Line| line.is_empty() || is_quote(line) == begin;
            let after = (self.at..end).find(|index| !self.lines.get(*index).is_some_and(same)).unwrap_or(end);
            self.take(if begin { Kind::Quote } else { Kind::Said }, after);
        }
    }

    fn take(&mut self, kind: Kind, end: usize) {
        match self.found.last_mut() {
            Some(last) if last.kind == kind => last.end = end,
            _ => self.found.push(Span { kind, begin: self.at, end }),
        }
        self.at = end;
    }

    fn has_own(&self) -> bool {
        self.found.iter().any(|span| span.kind == Kind::Said && !is_blank(span.of(self.lines)))
    }

    fn next_words(&self, from: usize) -> Option<usize> {
        (from..self.lines.len()).find(|index| self.lines.get(*index).is_some_and(|line| !line.is_empty()))
    }

    /// Where the quotation that begins here ends. Empty lines within it belong to it, those after it do not matter.
    fn end_of_quote(&self, from: usize) -> usize {
        let ends =
            |index: &usize| self.lines.get(*index).is_some_and(|line| !line.is_empty()) && !self.is_quoted(*index);
        (from..self.lines.len()).find(ends).unwrap_or(self.lines.len())
    }

    fn is_quoted(&self, index: usize) -> bool {
        let is_answer = self.answers.get(index).copied().unwrap_or_default();
        self.lines.get(index).is_some_and(Line::is_quoted) && !is_answer
    }

    /// Where the introduction that begins here ends, if one does: "On … wrote:", perhaps broken over a few lines.
    fn introduction(&self, at: usize) -> Option<usize> {
        let mut said = String::new();
        for index in at..(at + INTRODUCTION_LINES).min(self.lines.len()) {
            let line = self.lines.get(index)?;
            if line.is_empty() || line.depth > 0 {
                return None;
            }
            said.push_str(line.text.trim());
            if phrases::introduces_quote(&said) {
                return Some(index + 1);
            }
            said.push(' ');
        }
        None
    }

    /// Whether an introduction says at what time or from which address: a sentence that only looks like one does not.
    fn is_header_of_mail(&self, begin: usize, end: usize) -> bool {
        let lines = self.lines.get(begin..end).unwrap_or_default();
        lines.iter().any(|line| line.text.contains('@') || phrases::has_time(&line.text))
    }

    /// Whether the header of a mail is repeated here: who, then at least two of when, to whom and about what. Itineraries
    /// have those too, but neither a subject nor addresses.
    fn is_header_block(&self, at: usize) -> bool {
        let Some(from) = self.lines.get(at).map(|line| line.text.trim()).filter(|line| phrases::is_from(line)) else {
            return false;
        };
        let next = self.lines.iter().skip(at + 1).filter(|line| !line.is_empty()).take(6);
        let headers: Vec<_> = next.map(|line| line.text.trim()).filter(|line| phrases::is_header(line)).collect();
        let is_of_mail = |line: &&str| line.contains('@') || phrases::is_subject(line);
        headers.len() >= 2 && (from.contains('@') || headers.iter().any(is_of_mail))
    }
}

/// Which lines are answers that somebody wrote between quotations, inside what their program marks as a whole: words of
/// no depth behind a quotation, where nothing but an introduction stood before the first.
fn answers(lines: &[Line]) -> Vec<bool> {
    let (mut before, mut has_quote, mut is_whole, mut last) = (0, false, false, "");
    let mut answers = vec![false; lines.len()];
    for (line, answer) in lines.iter().zip(&mut answers).filter(|(line, _)| !line.is_empty()) {
        if !line.is_quoted() {
            (before, has_quote, is_whole) = (0, false, false);
        } else if line.depth > 0 {
            is_whole |= !has_quote && before > 0 && (before > INTRODUCTION_LINES || !last.ends_with(':'));
            has_quote = true;
        } else if has_quote {
            *answer = !is_whole && !phrases::introduces_quote(line.text.trim());
        } else {
            (before, last) = (before + 1, line.text.trim());
        }
    }
    answers
}

fn is_blank(lines: &[Line]) -> bool {
    lines.iter().all(|line| line.is_empty() || phrases::is_ornament(line.text.trim()))
}

fn passages(lines: &[Line], found: &[Span]) -> Vec<Passage> {
    let mut passages: Vec<Passage> = Vec::new();
    for span in found {
        let own = span.of(lines);
        if own.iter().all(Line::is_empty) {
            continue;
        }
        // The outermost marks are what the quotation's own shape says.
        let outer = u8::from(span.kind != Kind::Said);
        let text = own.iter().map(|line| match usize::from(line.depth.saturating_sub(outer)) {
            0 => line.text.clone(),
            deeper => format!("{} {}", ">".repeat(deeper), line.text),
        });
        match passages.last_mut() {
            Some(last) if last.kind == span.kind => last.lines.extend(text),
            _ => passages.push(Passage { kind: span.kind, lines: text.collect() }),
        }
    }
    passages
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
