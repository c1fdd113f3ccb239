//! The lines of a mail's text, before anybody decides which of them to show: what reading HTML and reading plain text come
//! to alike, so that quotations are found in one way only.
//!
//! What a line says is as it came; making it safe to show is done where it is shown.

use crate::bot::text::{cut, length};

/// The most text that is taken from one mail, in UTF-16 units: some forty messages, more than anybody reads in a chat.
pub const MOST_UNITS: usize = 100_000;

/// The most lines that are taken from one mail.
pub const MOST_LINES: usize = 8_000;

/// The deepest quotation that is told from the one around it.
pub const DEEPEST: u8 = 9;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// How often it was quoted, as far as its own marks say.
    pub depth: u8,
    /// Whether the mail program that wrote it marked it as the mail that is answered or passed on.
    pub marked: bool,
    /// Whether another mail begins here, or this one goes on behind another.
    pub opens: bool,
    /// What it says.
    pub text: String,
}

impl Line {
    /// A line of this depth.
    #[must_use]
    pub fn new(depth: u8, text: impl Into<String>) -> Self {
        Self { depth, marked: false, opens: false, text: text.into() }
    }

    /// Whether there is nothing on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.chars().all(char::is_whitespace)
    }

    /// Whether it is quoted, by its own marks or those of the program that wrote it.
    #[must_use]
    pub fn is_quoted(&self) -> bool {
        self.depth > 0 || self.marked
    }
}

/// Lines, as many as are taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines {
    /// The lines.
    pub kept: Vec<Line>,
    /// Whether there was more.
    pub is_cut: bool,
    units: usize,
}

impl Lines {
    /// Nothing of what there would have been.
    #[must_use]
    pub fn left_out() -> Self {
        Self { is_cut: true, ..Self::default() }
    }

    /// One more line, where there is room. Empty lines in a row are one: thousands of them would take the room of words.
    pub fn push(&mut self, mut line: Line) {
        let is_alike = |last: &Line| last.is_empty() && (last.depth, last.marked) == (line.depth, line.marked);
        if line.is_empty() && !line.opens && self.kept.last().is_some_and(is_alike) {
            return;
        }
        if self.is_full() {
            self.is_cut |= !line.is_empty();
            return;
        }
        let room = MOST_UNITS - self.units;
        if length(&line.text) > room {
            line.text.truncate(cut(&line.text, room).len());
            self.is_cut = true;
        }
        self.units += length(&line.text) + 1;
        self.kept.push(line);
    }

    /// Words behind the last line that says something, where there is room.
    pub fn append(&mut self, words: &str) {
        if self.is_full() {
            return;
        }
        if let Some(line) = self.kept.iter_mut().rev().take(4).find(|line| !line.is_empty()) {
            line.text.push_str(words);
            self.units += length(words);
        }
    }

    /// Whether nothing more is taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.units >= MOST_UNITS || self.kept.len() >= MOST_LINES
    }

    /// How much there is to read: characters that are not white space.
    #[must_use]
    pub fn characters(&self) -> usize {
        self.kept.iter().map(|line| line.text.chars().filter(|one| !one.is_whitespace()).count()).sum()
    }
}
