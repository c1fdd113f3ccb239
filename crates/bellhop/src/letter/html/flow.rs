//! Runs of text put into lines: white space folded, breaks where blocks begin and end, bullets, and marks between cells.

use crate::letter::fold::introduces_quote;
use crate::letter::lines::{Line, Lines};
use crate::letter::style::Sight;

/// A line this long is not continued by the next cell of its row, in characters.
const LONG_LINE: usize = 60;

/// The most words of one link that are looked at, in bytes.
const LONGEST_WORDS: usize = 400;

/// What text takes over from the elements around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inherited {
    /// Whether people can see it.
    pub sight: Sight,
    /// White space in it counts.
    pub keeps_spaces: bool,
    /// How often it is quoted.
    pub depth: u8,
    /// The program that wrote it marked it as the mail that is answered.
    pub marked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Gap {
    #[default]
    None,
    Line,
    Paragraph,
}

/// Lines in the making.
#[derive(Debug, Default)]
pub struct Flow {
    lines: Lines,
    line: Line,
    /// What is to come before the next word.
    gap: Gap,
    space: bool,
    cell: bool,
    bullet: Option<String>,
    /// All words of the text so far, of which links look at their own.
    words: String,
}

impl Flow {
    /// Whether nothing more is taken.
    pub fn is_full(&self) -> bool {
        self.lines.is_full()
    }

    /// Some text.
    pub fn text(&mut self, text: &str, inherited: Inherited) {
        if !inherited.sight.is_seen() || self.is_full() {
            return;
        }
        for character in text.chars() {
            if character == '\n' && inherited.keeps_spaces {
                self.line_break(inherited);
            } else if character.is_whitespace() {
                self.space = true;
            } else {
                self.character(character, inherited);
            }
        }
    }

    /// A block begins or ends.
    pub fn block(&mut self) {
        self.gap = self.gap.max(Gap::Line);
    }

    /// A paragraph begins or ends.
    pub fn paragraph(&mut self) {
        self.gap = Gap::Paragraph;
    }

    /// A line ends here.
    pub fn line_break(&mut self, inherited: Inherited) {
        if inherited.sight.is_out() {
            return;
        }
        self.apply_gap();
        if self.line.text.is_empty() {
            (self.line.depth, self.line.marked) = (inherited.depth, inherited.marked);
        }
        self.end_line();
    }

    /// A rule across the text.
    pub fn rule(&mut self, inherited: Inherited) {
        self.block();
        self.text("———", inherited);
        self.block();
    }

    /// A cell of a table begins.
    pub fn cell(&mut self) {
        if self.line.text.chars().nth(LONG_LINE).is_some() {
            self.block();
        }
        self.cell = true;
    }

    /// An item of a list begins.
    pub fn item(&mut self, bullet: String) {
        self.block();
        self.bullet = Some(bullet);
    }

    /// An item of a list ends.
    pub fn end_item(&mut self) {
        self.block();
        self.bullet = None;
    }

    /// Whether the last line introduces a quotation.
    pub fn introduces_quote(&self) -> bool {
        let last = Some(&self.line).filter(|line| !line.text.is_empty());
        let last = last.or_else(|| self.lines.kept.iter().rev().take(3).find(|line| !line.is_empty()));
        last.is_some_and(|line| introduces_quote(line.text.trim()))
    }

    /// Words right behind the last one.
    pub fn append(&mut self, words: &str) {
        if self.line.text.is_empty() {
            self.lines.append(words);
        } else {
            self.line.text.push_str(words);
        }
    }

    /// How much has been said.
    pub fn words_so_far(&self) -> usize {
        self.words.len()
    }

    /// What has been said since, as much of it as is looked at.
    pub fn words_since(&self, begin: usize) -> String {
        let words = self.words.get(begin..).unwrap_or_default();
        crate::letter::beginning(words, LONGEST_WORDS).to_owned()
    }

    /// The lines.
    pub fn finish(mut self) -> Lines {
        if !self.line.text.is_empty() {
            self.end_line();
        }
        self.lines
    }

    fn character(&mut self, character: char, inherited: Inherited) {
        self.apply_gap();
        if self.line.text.is_empty() {
            (self.line.depth, self.line.marked) = (inherited.depth, inherited.marked);
        } else if self.cell {
            self.say(" · ");
        } else if self.space {
            self.say(" ");
        }
        (self.space, self.cell) = (false, false);
        if let Some(bullet) = self.bullet.take() {
            self.line.text.push_str(&bullet);
        }
        self.line.text.push(character);
        self.words.push(character);
    }

    fn say(&mut self, between: &str) {
        self.line.text.push_str(between);
        self.words.push_str(between);
    }

    fn apply_gap(&mut self) {
        let gap = std::mem::take(&mut self.gap);
        if gap == Gap::None {
            return;
        }
        (self.space, self.cell) = (false, false);
        if !self.line.text.is_empty() {
            self.end_line();
        }
        let says_something = |line: &Line| !line.text.is_empty();
        if gap == Gap::Paragraph && self.lines.kept.last().is_some_and(says_something) {
            self.lines.push(Line::default());
        }
    }

    fn end_line(&mut self) {
        (self.space, self.cell) = (false, false);
        self.words.push(' ');
        self.lines.push(std::mem::take(&mut self.line));
    }
}
