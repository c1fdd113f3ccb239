//! The one place that everything in a message passes through.
//!
//! A message is other people's words inside ours. Without this file a subject could close our tags, turn our lines
//! around, pose as a command to tap, or make a message so long that Telegram refuses it and the person sees nothing. A
//! [`Text`] is a list of runs; markup is only made when all of them are known, so that no cut can fall inside a tag, an
//! entity or a character. Nothing here knows what a message is about.

/// The longest text of a message, in UTF-16 units after its markup was read.
/// <https://core.telegram.org/bots/api#sendmessage>
pub const LONGEST: usize = 4096;

/// What stands for what was cut off.
const CUT: char = '…';

/// Isolate what follows, whichever way it runs, and end the isolation. <https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates>
const ISOLATE: char = '\u{2068}';
const END_ISOLATE: char = '\u{2069}';

/// Invisible, and the end of what Telegram takes for a command.
const WORD_JOINER: char = '\u{2060}';

/// How many marks may sit on one letter. Vietnamese needs two; towers of them cover the lines above.
const MARKS: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Bold,
    Italic,
}

impl Style {
    const fn tags(self) -> (&'static str, &'static str) {
        match self {
            Self::Plain => ("", ""),
            Self::Bold => ("<b>", "</b>"),
            Self::Italic => ("<i>", "</i>"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    style: Style,
    text: String,
    isolated: bool,
}

impl Run {
    fn length(&self) -> usize {
        length(&self.text) + if self.isolated { 2 } else { 0 }
    }

    fn write(&self, html: &mut String) {
        let (begin, end) = self.style.tags();
        html.push_str(begin);
        if self.isolated {
            html.push(ISOLATE);
        }
        for character in self.text.chars() {
            match character {
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                '&' => html.push_str("&amp;"),
                '"' => html.push_str("&quot;"),
                other => html.push(other),
            }
        }
        if self.isolated {
            html.push(END_ISOLATE);
        }
        html.push_str(end);
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

    /// The text in the Bot API's HTML, cut at Telegram's limit.
    #[must_use]
    pub fn html(&self) -> String {
        let whole: usize = self.runs.iter().map(Run::length).sum();
        let mut html = String::new();
        if whole <= LONGEST {
            self.runs.iter().for_each(|run| run.write(&mut html));
            return html;
        }
        let mut left = LONGEST - CUT.len_utf16();
        for run in &self.runs {
            if run.length() <= left {
                run.write(&mut html);
                left -= run.length();
                continue;
            }
            let room = left.saturating_sub(if run.isolated { 2 } else { 0 });
            let text = cut(&run.text, room).to_owned();
            if !text.is_empty() {
                Run { text, ..run.clone() }.write(&mut html);
            }
            break;
        }
        html.push(CUT);
        html
    }

    fn foreign(self, style: Style, text: &str, longest: usize) -> Self {
        let text = shorten(&clean(text), longest);
        let isolated = text.chars().any(runs_right_to_left);
        self.run(style, text, isolated)
    }

    fn run(mut self, style: Style, text: String, isolated: bool) -> Self {
        // An empty entity is nothing to Telegram either.
        if !text.is_empty() {
            self.runs.push(Run { style, text, isolated });
        }
        self
    }
}

/// Length as Telegram counts it.
#[must_use]
pub fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Somebody else's words for a place that knows no markup, such as a button: cleaned and cut.
#[must_use]
pub fn label(text: &str, longest: usize) -> String {
    shorten(&clean(text), longest)
}

/// One line of readable text: no control characters, no orders to turn the line around, no towers of marks, nothing
/// invisible, single spaces, and no command to be tapped by mistake.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut marks = 0;
    let mut characters = text.chars().filter(|character| !is_dropped(*character)).peekable();
    while let Some(character) = characters.next() {
        if is_space(character) {
            if !cleaned.is_empty() && !cleaned.ends_with(' ') {
                cleaned.push(' ');
            }
            continue;
        }
        // A joiner joins two characters or is filler: newsletters hide their padding that way.
        let between = !cleaned.is_empty() && !cleaned.ends_with([' ', '\u{200c}', '\u{200d}']);
        let followed = characters.peek().is_some_and(|next| !is_space(*next) && !is_joiner(*next));
        if is_joiner(character) && !(between && followed) {
            continue;
        }
        marks = if is_mark(character) { marks + 1 } else { 0 };
        if marks > MARKS {
            continue;
        }
        // As Telegram finds commands: not within a word, a path or an address.
        let may_begin = |last: char| !last.is_alphanumeric() && !matches!(last, '/' | '<' | '>' | '_');
        let begins_word = cleaned.chars().next_back().is_none_or(may_begin);
        let is_command = character == '/'
            && begins_word
            && characters.peek().is_some_and(|next| next.is_ascii_alphanumeric() || *next == '_');
        cleaned.push(character);
        if is_command {
            cleaned.push(WORD_JOINER);
        }
    }
    while cleaned.ends_with([' ', '\u{200c}', '\u{200d}']) {
        cleaned.pop();
    }
    cleaned
}

/// A text of at most this many UTF-16 units, with a mark where something was cut off.
#[must_use]
pub fn shorten(text: &str, longest: usize) -> String {
    if length(text) <= longest {
        return text.to_owned();
    }
    let mut short = cut(text, longest.saturating_sub(CUT.len_utf16())).trim_end().to_owned();
    short.push(CUT);
    short
}

/// The longest beginning of at most this many UTF-16 units that does not tear apart what is seen as one character.
fn cut(text: &str, units: usize) -> &str {
    let mut used = 0;
    let mut end = text.len();
    for (index, character) in text.char_indices() {
        used += character.len_utf16();
        if used > units {
            end = index;
            break;
        }
    }
    // Bounded: hostile text may consist of joiners alone.
    for _ in 0..16 {
        let (before, after) = text.split_at(end);
        let Some(last) = before.chars().next_back() else { break };
        let torn = is_joiner(last) || after.chars().next().is_some_and(|next| is_mark(next) || is_joiner(next));
        if !torn {
            break;
        }
        end -= last.len_utf8();
    }
    &text[..end]
}

/// Characters that carry no text and change how the rest is shown, or that Telegram takes out itself.
fn is_dropped(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
        // Embeddings, overrides and isolates: ours are set here, theirs are not balanced.
        | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e001f}')
        || u32::from(character) & 0xfffe == 0xfffe
}

/// White space, control characters, and what looks like nothing without being either.
fn is_space(character: char) -> bool {
    character.is_whitespace()
        || character.is_control()
        || matches!(character, '\u{2800}' | '\u{3164}' | '\u{115f}' | '\u{1160}' | '\u{ffa0}')
}

fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

/// Marks that sit on the character before them, and what modifies an emoji.
fn is_mark(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

fn runs_right_to_left(character: char) -> bool {
    matches!(character,
        '\u{590}'..='\u{8ff}' | '\u{200e}' | '\u{200f}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
#[path = "text_tests.rs"]
pub mod tests;
