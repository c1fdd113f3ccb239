//! Text as people type it, cut into plain words: lower case, without accents, one kind of apostrophe and of dash, the slips of
//! fingers mended in the words that matter, and everything invisible gone.
//!
//! Every rule is written for these words, so that no rule has to think of `Tomorrow?`, `tomorow` or `übermorgen`. Each word
//! keeps what was typed, because a name is searched for as it was written. What words mean is not known here.

use strsim::osa_distance;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::vocabulary::{ALSO, GLUED, MENDED, SUFFIXES, is_month, is_weekday};

/// The most characters that are looked at; a question is shorter.
pub const LONGEST: usize = 300;

/// The most characters of one word that are looked at.
const LONGEST_WORD: usize = 64;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As it was typed, without punctuation around it.
    pub typed: String,
    /// In the form that rules are written for.
    pub plain: String,
}

impl Word {
    fn plain(plain: &str) -> Self {
        Self { typed: plain.to_owned(), plain: plain.to_owned() }
    }

    /// Whether it is this word or any of these.
    pub fn is(&self, any: &[&str]) -> bool {
        any.contains(&self.plain.as_str())
    }
}

/// Cuts text into words. `None` if it is longer than anybody's question.
pub fn words(text: &str) -> Option<Vec<Word>> {
    if text.chars().nth(LONGEST).is_some() {
        return None;
    }
    let visible: String = text.chars().filter(|letter| !invisible(*letter)).map(separated).collect();
    Some(visible.split_whitespace().flat_map(cut).collect())
}

/// Whether a character only steers how others are shown.
fn invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// A character of a word, in one of its spellings, or a space.
fn separated(letter: char) -> char {
    match letter {
        '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2bc}' | '\u{b4}' | '`' | '\u{ff07}' => '\'',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' | '~' => '-',
        '.' | ':' | '/' | '-' | '+' | '@' | '_' | '\'' | ',' | '\u{bd}' => letter,
        letter if letter.is_alphanumeric() || is_combining_mark(letter) => letter,
        _ => ' ',
    }
}

/// One piece between spaces as one or more words.
fn cut(piece: &str) -> Vec<Word> {
    let piece: String = piece.chars().take(LONGEST_WORD).collect();
    if piece.chars().all(|letter| letter == '-') {
        return vec![Word::plain("-")];
    }
    let plain = fold(&piece);
    // A comma parts words, except in 1,5.
    if let Some((left, right)) = piece.split_once(',')
        && !(left.ends_with(|letter: char| letter.is_ascii_digit())
            && right.starts_with(|letter: char| letter.is_ascii_digit()))
    {
        return [left, right].into_iter().filter(|side| !side.is_empty()).flat_map(cut).collect();
    }
    if plain.contains('@') {
        return trimmed(&piece, &plain).into_iter().collect();
    }
    if let Some(parts) = ranged(&plain) {
        return parts.into_iter().flat_map(|part| cut(&part)).collect();
    }
    let Some(word) = trimmed(&piece, &plain) else { return Vec::new() };
    if let Some(parts) = apart(&word.plain) {
        return parts.iter().map(|part| Word::plain(part)).collect();
    }
    if word.plain.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-') {
        if let Some(parts) = unglued(&word.plain) {
            return parts.into_iter().map(|part| Word { typed: part.to_owned(), plain: mended(part) }).collect();
        }
        return vec![Word { plain: mended(&word.plain), ..word }];
    }
    vec![word]
}

/// Lower case, without accents, digits of other scripts as ours, without the apostrophes of contractions.
fn fold(piece: &str) -> String {
    let halves = piece.replace('\u{bd}', ".5");
    let folded: String =
        halves.nfkd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase).collect();
    let folded: String = folded.replace('\u{df}', "ss").chars().map(|letter| digit(letter).unwrap_or(letter)).collect();
    let trimmed = folded.trim_end_matches(['.', ',', ':', '/', '-', '_']);
    let folded = match trimmed.strip_suffix("'s") {
        // "Anna's mail", "what's on": what it belongs to, or an "is" that no rule needs.
        Some(owner) if !owner.is_empty() => owner.to_owned(),
        _ => folded,
    };
    folded.replace('\'', "")
}

/// The digits of the other scripts that keyboards of phones write.
fn digit(letter: char) -> Option<char> {
    let zero =
        [0x660_u32, 0x6f0, 0x966, 0x9e6].into_iter().find(|zero| (*zero..*zero + 10).contains(&u32::from(letter)))?;
    char::from_digit(u32::from(letter) - zero, 10)
}

/// Without the punctuation around it. `None` if nothing is left. A dot after a digit stays: it makes `12.` a day.
fn trimmed(piece: &str, plain: &str) -> Option<Word> {
    const AROUND: [char; 8] = ['.', ':', '/', '-', '+', '_', '\'', ','];
    let dotted = plain.trim_start_matches(&AROUND[1..]).trim_end_matches(&AROUND[1..]);
    let bare = dotted.trim_end_matches('.');
    let plain = if bare.ends_with(|letter: char| letter.is_ascii_digit()) && dotted.len() > bare.len() {
        format!("{bare}.")
    } else {
        bare.to_owned()
    };
    let plain = match plain.strip_prefix('.') {
        Some(half) if half.starts_with(|letter: char| letter.is_ascii_digit()) => format!("0.{half}"),
        _ => plain.trim_start_matches('.').to_owned(),
    };
    if plain.is_empty() {
        return None;
    }
    let plain = plain.replace("a.m", "am").replace("p.m", "pm");
    let typed = piece.trim_matches(|letter| AROUND.contains(&letter)).to_owned();
    Some(Word { typed, plain })
}

/// `9-17`, `12.-14.5.` and `mon-wed` as two words and a dash; nothing else with a dash in it.
fn ranged(plain: &str) -> Option<[String; 3]> {
    let (left, right) = plain.split_once('-')?;
    if left.is_empty() || right.is_empty() || right.contains('-') {
        return None;
    }
    let end_of_range = |side: &str| {
        let word = side.trim_matches('.');
        side.starts_with(|letter: char| letter.is_ascii_digit()) || is_weekday(word) || is_month(word)
    };
    (end_of_range(left) && end_of_range(right)).then(|| [left.to_owned(), "-".to_owned(), right.to_owned()])
}

/// `3pm`, `90min`, `12th` and `12may` as a number and a word, `1h30` as three words.
fn apart(plain: &str) -> Option<Vec<String>> {
    if !plain.starts_with(|letter: char| letter.is_ascii_digit())
        || !plain.ends_with(|letter: char| letter.is_alphanumeric())
    {
        return None;
    }
    let mut parts: Vec<String> = Vec::new();
    for letter in plain.chars() {
        match parts.last_mut() {
            Some(part) if part.ends_with(char::is_alphabetic) == letter.is_alphabetic() => part.push(letter),
            _ => parts.push(letter.to_string()),
        }
    }
    let known =
        |part: &String| !part.starts_with(char::is_alphabetic) || SUFFIXES.contains(&part.as_str()) || is_month(part);
    (parts.len() > 1 && parts.iter().all(known)).then_some(parts)
}

/// `nextweek`, `whatsontomorrow`: words that somebody wrote without spaces, if all of it are words that rules know.
fn unglued(plain: &str) -> Option<Vec<&str>> {
    if plain.len() < 6 || known(plain) {
        return None;
    }
    // The longest known words that end at each letter, from the left: the fewest words win.
    let mut best: Vec<Option<Vec<&str>>> = vec![None; plain.len() + 1];
    best[0] = Some(Vec::new());
    for end in 2..=plain.len() {
        for begin in 0..end - 1 {
            let part = &plain[begin..end];
            if !GLUED.contains(&part) {
                continue;
            }
            if let Some(before) = &best[begin]
                && best[end].as_ref().is_none_or(|found| found.len() > before.len() + 1)
            {
                let mut parts = before.clone();
                parts.push(part);
                best[end] = Some(parts);
            }
        }
    }
    best.pop()?.filter(|parts| parts.len() > 1)
}

fn known(plain: &str) -> bool {
    GLUED.contains(&plain) || MENDED.contains(&plain) || ALSO.iter().any(|(other, _)| *other == plain)
}

/// The word that rules know for this one: another spelling, another language, or a slip of the finger.
fn mended(plain: &str) -> String {
    let also = |plain: &str| ALSO.iter().find(|(other, _)| *other == plain).map_or(plain, |(_, word)| word).to_owned();
    // A short word is near to everything; it must match.
    if plain.len() < 5 || known(plain) {
        return also(plain);
    }
    let slips = |word: &&'static str| {
        let allowed = if word.len() >= 8 { 2 } else { 1 };
        let distance = osa_distance(plain, word);
        // A slip is seldom in the first letter, and other words are.
        (distance <= allowed && plain.as_bytes().first() == word.as_bytes().first()).then_some((distance, *word))
    };
    also(MENDED.iter().filter_map(slips).min().map_or(plain, |(_, word)| word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Vec<String> {
        words(text).unwrap().into_iter().map(|word| word.plain).collect()
    }

    #[test]
    fn words_are_plain_however_they_are_typed() {
        for (text, expected) in [
            ("What\u{2019}s on TOMORROW?!", &["what", "on", "tomorrow"][..]),
            ("\u{fc}bermorgen", &["overmorrow"]),
            ("tommorow wensday calender", &["tomorrow", "wednesday", "calendar"]),
            ("9\u{2013}17", &["9", "-", "17"]),
            ("9:00 \u{2014} 17:30", &["9:00", "-", "17:30"]),
            ("12.-14.5.", &["12.", "-", "14.5."]),
            ("mon-wed", &["mon", "-", "wed"]),
            ("2026-12-01", &["2026-12-01"]),
            ("3pm 3 p.m. 90min 12th 1h30", &["3", "pm", "3", "pm", "90", "min", "12", "th", "1", "h", "30"]),
            ("1,5h tomorrow,friday", &["1,5", "h", "tomorrow", "friday"]),
            ("\u{bd} hour", &["0.5", "hours"]),
            ("nextweek whatsontomorrow", &["next", "week", "what", "on", "tomorrow"]),
            ("\u{661}\u{662}.\u{665}.", &["12.5."]),
            ("\u{ff11}\u{ff12}.\u{ff15}.", &["12.5."]),
            ("to\u{200b}mor\u{202e}row \u{1f600}", &["tomorrow"]),
            ("anna@example.com!", &["anna@example.com"]),
            ("  \t\n ", &[]),
            ("?!...", &[]),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn a_name_is_kept_as_it_was_typed() {
        let typed: Vec<String> =
            words("O\u{2019}Brien, Zo\u{eb}!").unwrap().into_iter().map(|word| word.typed).collect();
        assert_eq!(typed, ["O'Brien", "Zo\u{eb}"]);
    }

    #[test]
    fn words_that_are_only_like_known_ones_stay_what_they_are() {
        for word in ["match", "money", "greeting", "mayday", "monkey", "weekly", "connection", "disconnected", "march"]
        {
            assert_eq!(plain(word), [word], "{word}");
        }
    }

    #[test]
    fn nobody_asks_a_question_this_long() {
        assert!(words(&"a ".repeat(LONGEST)).is_none());
        assert!(words(&"a".repeat(LONGEST)).is_some());
    }
}
