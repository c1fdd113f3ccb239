//! A letter in pages, each within what Telegram takes together with a heading.
//!
//! Where everything fits on one page nothing is taken away: what has been said before is there, folded by Telegram itself.
//! In longer mail it would make a page of two lines into ten, so it is one line until somebody asks for it.

use super::Letter;
use super::fold::Kind;
use crate::bot::text::{Text, clean, cut, length};

/// The most of a page, in UTF-16 units. The rest of Telegram's 4,096 is for the heading and what is said below.
pub const PAGE_UNITS: usize = 2_800;

/// The most lines of a page: more is scrolled past.
pub const PAGE_LINES: usize = 80;

/// What a line takes besides its words: its end, and what isolates it.
const AROUND: usize = 3;

/// A page ends at an empty line where that leaves no more than this part of it unused.
const WELL_FILLED: usize = PAGE_UNITS * 6 / 10;

/// What becomes of what has been said before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quotes {
    /// It is folded away.
    Folded,
    /// It is shown.
    Shown,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What it says; empty where the letter has no text.
    pub text: Text,
    /// Which one it is, from 0.
    pub number: usize,
    /// How many there are, at least 1.
    pub of: usize,
    /// Whether something has been folded away that can be asked for.
    pub hides_quotes: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Said,
    Quote,
    Folded,
    Note,
}

#[derive(Debug, Clone)]
struct Row {
    shape: Shape,
    text: String,
}

impl Row {
    fn units(&self) -> usize {
        length(&self.text) + AROUND
    }
}

/// A letter in pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pages {
    texts: Vec<Text>,
    hides_quotes: bool,
}

impl Pages {
    /// Divides a letter into pages.
    #[must_use]
    pub fn of(letter: &Letter, quotes: Quotes) -> Self {
        let whole = rows(letter, Shape::Folded);
        let fits = whole.len() <= PAGE_LINES && whole.iter().map(Row::units).sum::<usize>() <= PAGE_UNITS;
        let has_folded = letter.passages.iter().any(|passage| passage.kind == Kind::Folded);
        let rows = match quotes {
            _ if fits => whole,
            Quotes::Shown => rows(letter, Shape::Quote),
            Quotes::Folded => rows(letter, Shape::Note),
        };
        let texts = paginate(rows).iter().map(|rows| write(rows)).collect();
        Self { texts, hides_quotes: has_folded && !fits && quotes == Quotes::Folded }
    }

    /// How many there are, at least 1.
    #[must_use]
    pub fn count(&self) -> usize {
        self.texts.len().max(1)
    }

    /// A page, or the last one where there are fewer.
    #[must_use]
    pub fn page(&self, wanted: usize) -> Page {
        let number = wanted.min(self.count() - 1);
        let text = self.texts.get(number).cloned().unwrap_or_default();
        Page { text, number, of: self.count(), hides_quotes: self.hides_quotes }
    }
}

/// The rows of a letter, cleaned, with what is folded in this shape. No two empty ones follow each other.
fn rows(letter: &Letter, folded: Shape) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for passage in &letter.passages {
        let shape = match passage.kind {
            Kind::Said => Shape::Said,
            Kind::Quote => Shape::Quote,
            Kind::Folded => folded,
        };
        if shape == Shape::Note {
            let count = passage.lines.iter().filter(|line| !line.trim().is_empty()).count();
            let words = if count == 1 { "line" } else { "lines" };
            rows.push(Row { shape, text: format!("⋯ {count} quoted {words}") });
            continue;
        }
        let begin = rows.len();
        for line in passage.lines.iter().flat_map(|line| line.split(['\n', '\r', '\u{2028}', '\u{2029}'])) {
            let text = clean(line);
            let follows_words = rows.len() > begin && rows.last().is_some_and(|row| !row.text.is_empty());
            if !text.is_empty() || follows_words {
                rows.push(Row { shape, text });
            }
        }
        while rows.len() > begin && rows.last().is_some_and(|row| row.text.is_empty()) {
            rows.pop();
        }
    }
    rows
}

fn paginate(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut pages = Filling::default();
    for row in rows {
        pages.add(row);
    }
    pages.turn();
    pages.done
}

#[derive(Default)]
struct Filling {
    done: Vec<Vec<Row>>,
    page: Vec<Row>,
    units: usize,
}

impl Filling {
    fn add(&mut self, mut row: Row) {
        loop {
            if self.page.is_empty() && row.text.is_empty() {
                return;
            }
            if self.page.len() < PAGE_LINES && self.units + row.units() <= PAGE_UNITS {
                self.units += row.units();
                self.page.push(row);
                return;
            }
            let is_long = row.units() > PAGE_UNITS / 2;
            if self.page.len() < PAGE_LINES && is_long {
                let room = PAGE_UNITS.saturating_sub(self.units + AROUND);
                let (text, rest) = split(&row.text, room);
                let rest = Row { shape: row.shape, text: rest.to_owned() };
                if !text.is_empty() {
                    self.page.push(Row { shape: row.shape, text: text.to_owned() });
                    row = rest;
                }
                self.turn();
                continue;
            }
            self.turn_at_gap();
        }
    }

    /// Ends the page at its last empty line, where enough of it stays.
    fn turn_at_gap(&mut self) {
        let (mut units, mut gap) = (0, None);
        for (index, row) in self.page.iter().enumerate() {
            if row.text.is_empty() && units >= WELL_FILLED {
                gap = Some(index);
            }
            units += row.units();
        }
        let rest = gap.map(|gap| self.page.split_off(gap)).unwrap_or_default();
        self.turn();
        for row in rest.into_iter().skip(1) {
            self.units += row.units();
            self.page.push(row);
        }
    }

    fn turn(&mut self) {
        while self.page.last().is_some_and(|row| row.text.is_empty()) {
            self.page.pop();
        }
        if !self.page.is_empty() {
            self.done.push(std::mem::take(&mut self.page));
        }
        self.page.clear();
        self.units = 0;
    }
}

/// A line divided at the end of a sentence or a word, the first part of at most this many units. Nothing comes first where
/// there is no good place.
fn split(line: &str, room: usize) -> (&str, &str) {
    let first = cut(line, room);
    if first.len() == line.len() {
        return (line, "");
    }
    let late_enough = |end: &usize| *end > first.len() / 2;
    let sentence = first.rfind(". ").map(|end| end + 1).filter(late_enough);
    let end = sentence.or_else(|| first.rfind(' ').filter(late_enough)).unwrap_or(first.len());
    if room < 200 {
        return ("", line);
    }
    let (first, rest) = line.split_at(end);
    (first.trim_end(), rest.trim_start())
}

fn write(rows: &[Row]) -> Text {
    let mut text = Text::new();
    for (index, rows) in rows.chunk_by(|one, next| one.shape == next.shape).enumerate() {
        if index > 0 {
            text = text.line();
        }
        let lines: Vec<_> = rows.iter().map(|row| row.text.as_str()).collect();
        let (lines, longest) = (lines.join("\n"), usize::MAX);
        text = match rows.first().map(|row| row.shape) {
            Some(Shape::Quote) => text.theirs_quote(&lines, longest),
            Some(Shape::Folded) => text.theirs_folded(&lines, longest),
            Some(Shape::Note) => text.plain(lines),
            Some(Shape::Said) | None => text.theirs_block(&lines, longest),
        };
    }
    text
}

#[cfg(test)]
#[path = "pages_tests.rs"]
mod tests;
