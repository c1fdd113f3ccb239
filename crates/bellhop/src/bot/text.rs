//! The one place that everything in a message passes through.
//!
//! A message is other people's words inside ours. Without this file a subject could close our tags, turn our lines
//! around, pose as a command to tap, or make a message so long that Telegram refuses it and the person sees nothing. A
//! [`Text`] is a list of runs; markup is only made when all of them are known, so that no cut can fall inside a tag, an
//! entity or a character. Nothing here knows what a message is about.

mod clean;

use clean::{CUT, runs_right_to_left};
pub use clean::{clean, clean_block, cut, label, length, shorten};

/// The longest text of a message, in UTF-16 units after its markup was read.
/// <https://core.telegram.org/bots/api#sendmessage>
pub const LONGEST: usize = 4096;

/// Isolate what follows, whichever way it runs, and end the isolation. <https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates>
const ISOLATE: char = '\u{2068}';
const END_ISOLATE: char = '\u{2069}';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Bold,
    Italic,
    Quote,
    Folded,
}

impl Style {
    /// <https://core.telegram.org/bots/api#html-style>
    const fn tags(self) -> (&'static str, &'static str) {
        match self {
            Self::Plain => ("", ""),
            Self::Bold => ("<b>", "</b>"),
            Self::Italic => ("<i>", "</i>"),
            Self::Quote => ("<blockquote>", "</blockquote>"),
            Self::Folded => ("<blockquote expandable>", "</blockquote>"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    style: Style,
    text: String,
    /// Whether somebody else wrote it. Each of its lines that may run right to left is isolated: an isolation ends with
    /// its line anyway.
    foreign: bool,
}

impl Run {
    /// What isolating this line adds to its length.
    fn around(&self, line: &str) -> usize {
        if self.foreign && line.chars().any(runs_right_to_left) { 2 } else { 0 }
    }

    fn length(&self) -> usize {
        length(&self.text) + self.text.split('\n').map(|line| self.around(line)).sum::<usize>()
    }

    /// The beginning of this run that takes at most this many units.
    fn cut(&self, units: usize) -> Self {
        let (mut text, mut left) = (String::new(), units);
        for (index, line) in self.text.split('\n').enumerate() {
            if index > 0 {
                let Some(less) = left.checked_sub(1) else { break };
                left = less;
                text.push('\n');
            }
            let around = self.around(line);
            let whole = length(line) + around;
            if whole > left {
                text.push_str(cut(line, left.saturating_sub(around)));
                break;
            }
            text.push_str(line);
            left -= whole;
        }
        text.truncate(text.trim_end_matches('\n').len());
        Self { text, ..*self }
    }

    fn write(&self, html: &mut String) {
        let (begin, end) = self.style.tags();
        html.push_str(begin);
        for (index, line) in self.text.split('\n').enumerate() {
            if index > 0 {
                html.push('\n');
            }
            let isolated = self.around(line) > 0;
            if isolated {
                html.push(ISOLATE);
            }
            escape(line, html);
            if isolated {
                html.push(END_ISOLATE);
            }
        }
        html.push_str(end);
    }
}

fn escape(text: &str, html: &mut String) {
    for character in text.chars() {
        match character {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
    }
}

/// The text of a message, built from left to right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    runs: Vec<Run>,
}

impl Text {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Our own words.
    #[must_use]
    pub fn plain(self, text: impl Into<String>) -> Self {
        self.run(Style::Plain, text.into(), false)
    }

    /// Our own words, bold.
    #[must_use]
    pub fn bold(self, text: impl Into<String>) -> Self {
        self.run(Style::Bold, text.into(), false)
    }

    /// Somebody else's words, cleaned and cut to this many UTF-16 units.
    #[must_use]
    pub fn theirs(self, text: &str, longest: usize) -> Self {
        self.foreign(Style::Plain, text, longest)
    }

    /// Somebody else's words, bold.
    #[must_use]
    pub fn theirs_bold(self, text: &str, longest: usize) -> Self {
        self.foreign(Style::Bold, text, longest)
    }

    /// Somebody else's words, italic.
    #[must_use]
    pub fn theirs_italic(self, text: &str, longest: usize) -> Self {
        self.foreign(Style::Italic, text, longest)
    }

    /// Somebody else's lines: each cleaned like a line of its own, at most one empty line between two of them, cut to this
    /// many UTF-16 units and [`clean::MOST_LINES`].
    #[must_use]
    pub fn theirs_block(self, text: &str, longest: usize) -> Self {
        self.block(Style::Plain, text, longest)
    }

    /// Somebody else's lines, as a quotation.
    #[must_use]
    pub fn theirs_quote(self, text: &str, longest: usize) -> Self {
        self.block(Style::Quote, text, longest)
    }

    /// Somebody else's lines, as a quotation that shows its first lines until it is tapped.
    #[must_use]
    pub fn theirs_folded(self, text: &str, longest: usize) -> Self {
        self.block(Style::Folded, text, longest)
    }

    /// A new line.
    #[must_use]
    pub fn line(self) -> Self {
        self.plain("\n")
    }

    /// An empty line.
    #[must_use]
    pub fn gap(self) -> Self {
        self.plain("\n\n")
    }

    /// Another text behind this one.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.runs.extend(other.runs);
        self
    }

    /// The text in the Bot API's HTML, cut at Telegram's limit for a message.
    #[must_use]
    pub fn html(&self) -> String {
        self.html_within(LONGEST)
    }

    /// The text in the Bot API's HTML, cut at this many UTF-16 units: a caption may be less long than a message.
    #[must_use]
    pub fn html_within(&self, longest: usize) -> String {
        let mut html = String::new();
        if self.length() <= longest {
            self.runs.iter().for_each(|run| run.write(&mut html));
            return html;
        }
        let mut left = longest.saturating_sub(CUT.len_utf16());
        for run in &self.runs {
            if run.length() <= left {
                run.write(&mut html);
                left -= run.length();
                continue;
            }
            let beginning = run.cut(left);
            if !beginning.text.is_empty() {
                beginning.write(&mut html);
            }
            break;
        }
        html.push(CUT);
        html
    }

    /// The length of the whole text as Telegram counts it.
    #[must_use]
    pub fn length(&self) -> usize {
        self.runs.iter().map(Run::length).sum()
    }

    fn foreign(self, style: Style, text: &str, longest: usize) -> Self {
        self.run(style, shorten(&clean(text), longest), true)
    }

    fn block(self, style: Style, text: &str, longest: usize) -> Self {
        self.run(style, shorten(&clean_block(text), longest), true)
    }

    fn run(mut self, style: Style, text: String, foreign: bool) -> Self {
        // An empty entity is nothing to Telegram either.
        if !text.is_empty() {
            self.runs.push(Run { style, text, foreign });
        }
        self
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
pub mod tests;
