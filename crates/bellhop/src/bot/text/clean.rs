//! Somebody else's words, made safe to stand among ours: what each character does to the rest of a message, and where a
//! text may be cut. Nothing here knows markup.

use unicode_normalization::char::is_combining_mark;

/// What stands for what was cut off.
pub const CUT: char = '…';

/// Invisible, and the end of what Telegram takes for a command.
pub const WORD_JOINER: char = '\u{2060}';

/// The most lines of a block. A thousand letters on a thousand lines would be a screen nobody scrolls past.
pub const MOST_LINES: usize = 120;

/// How many marks of those scripts that set several on a letter may sit on one: Hebrew with points and accents, Tibetan and
/// Burmese syllables need up to five.
const MARKS_OF_OTHER_SCRIPTS: usize = 6;

/// How many marks may sit on one letter. Vietnamese needs two; towers of them cover the lines above.
pub const MARKS: usize = 3;

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
        if marks > if is_general_mark(character) { MARKS } else { MARKS_OF_OTHER_SCRIPTS } {
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

/// Lines of readable text: each [`clean`], at most one empty line between two, none before the first or after the last.
#[must_use]
pub fn clean_block(text: &str) -> String {
    let (mut block, mut lines, mut gap) = (String::with_capacity(text.len()), 0, false);
    let ends_line =
        |character| matches!(character, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    // Half of "\r\n" would look like an empty line.
    for line in text.replace("\r\n", "\n").split(ends_line) {
        let line = clean(line);
        if line.is_empty() {
            gap = true;
            continue;
        }
        if lines >= MOST_LINES {
            block.push('\n');
            block.push(CUT);
            break;
        }
        if lines > 0 {
            block.push_str(if gap { "\n\n" } else { "\n" });
        }
        block.push_str(&line);
        lines += if gap && lines > 0 { 2 } else { 1 };
        gap = false;
    }
    block
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
#[must_use]
pub fn cut(text: &str, units: usize) -> &str {
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
pub fn is_dropped(character: char) -> bool {
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
    is_general_mark(character) || is_combining_mark(character)
}

/// Marks of no script in particular, and what modifies an emoji.
fn is_general_mark(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

pub fn runs_right_to_left(character: char) -> bool {
    matches!(character,
        '\u{590}'..='\u{8ff}' | '\u{200e}' | '\u{200f}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}
