//! Plain text as lines: quotation marks counted, lines that were broken for the way joined again, files that were written
//! into the text named instead of shown.

use super::lines::{DEEPEST, Line, Lines};
use super::links;

/// The most plain text that is read, in bytes.
pub const MOST_BYTES: usize = 512 * 1024;

/// The longest name of a file within the text, in characters.
const LONGEST_NAME: usize = 80;

/// Whether lines were broken for the way (RFC 3676).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flowed {
    /// Lines are as they were written.
    #[default]
    No,
    /// A line that ends in a space goes on in the next.
    Yes,
    /// The same, and that space is not part of the text: `DelSp=yes`.
    WithoutSpace,
}

/// Reads plain text.
#[must_use]
pub fn read(text: &str, flowed: Flowed) -> Lines {
    let beginning = super::beginning(text, MOST_BYTES);
    let mut lines = Lines::default();
    let mut open: Option<Line> = None;
    let mut after_quote = false;
    let mut source = beginning.lines().flat_map(|line| line.split('\r')).peekable();
    while let Some(raw) = source.next() {
        if lines.is_full() {
            lines.is_cut = true;
            break;
        }
        if let Some(name) = encoded_file(raw)
            && source.peek().is_some_and(|next| is_encoded(next))
        {
            // A file without its end must not take the rest of the mail with it.
            while source.next_if(|line| is_encoded(line)).is_some() {}
            let _ = source.next_if(|line| line.trim_end() == "end");
            flush(&mut open, &mut lines);
            lines.push(Line::new(0, format!("[{name}]")));
            continue;
        }
        // Mailboxes in a file mark lines that begin like the next mail: no quotation, unless there is one around.
        let is_escape =
            raw.starts_with(">From ") && !after_quote && !source.peek().is_some_and(|next| next.starts_with('>'));
        let (depth, rest) = quoted(if is_escape { &raw[1..] } else { raw }, flowed);
        after_quote = depth > 0;
        let is_signature = rest == "-- ";
        let goes_on = flowed != Flowed::No && rest.ends_with(' ') && !is_signature;
        let rest =
            if goes_on && flowed == Flowed::WithoutSpace { rest.strip_suffix(' ').unwrap_or(rest) } else { rest };
        let rest = links::without_monsters(rest);
        match &mut open {
            Some(line) if line.depth == depth && !is_signature => line.text.push_str(&rest),
            _ => {
                flush(&mut open, &mut lines);
                open = Some(Line::new(depth, rest));
            }
        }
        if !goes_on {
            flush(&mut open, &mut lines);
        }
    }
    flush(&mut open, &mut lines);
    lines.is_cut |= beginning.len() < text.len();
    lines
}

/// Whether lines look as if they were broken for the way, which providers do not say: of those about as long as a line may
/// be, most end in one space.
#[must_use]
pub fn seems_flowed(text: &str) -> bool {
    let long = super::beginning(text, MOST_BYTES).lines().filter(|line| (60..=80).contains(&line.trim_end().len()));
    let (mut all, mut broken) = (0_usize, 0_usize);
    for line in long.take(200) {
        all += 1;
        broken += usize::from(line.ends_with(' ') && !line.ends_with("  "));
    }
    broken >= 2 && broken * 2 > all
}

fn flush(open: &mut Option<Line>, lines: &mut Lines) {
    if let Some(line) = open.take() {
        lines.push(line);
    }
}

/// How often a line is quoted, and what it says.
fn quoted(line: &str, flowed: Flowed) -> (u8, &str) {
    let (mut depth, mut rest) = (0_u8, line);
    while let Some(inner) = rest.strip_prefix('>') {
        depth = depth.saturating_add(1);
        rest = inner;
        // Flowed text puts no space between marks; everybody else may.
        if flowed == Flowed::No && rest.trim_start().starts_with('>') {
            rest = rest.trim_start();
        }
    }
    // One space is stuffing (RFC 3676, section 4.4) or what parts marks from text.
    if flowed != Flowed::No || depth > 0 {
        rest = rest.strip_prefix(' ').unwrap_or(rest);
    }
    (depth.min(DEEPEST), rest)
}

/// The name of a file whose uuencoded content begins here.
fn encoded_file(line: &str) -> Option<String> {
    let (mode, name) = line.strip_prefix("begin ")?.trim_end().split_once(' ')?;
    let is_mode = matches!(mode.len(), 3 | 4) && mode.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    (is_mode && !name.trim().is_empty()).then(|| name.trim().chars().take(LONGEST_NAME).collect())
}

/// Whether a line is uuencoded: its first character says how many bytes follow, four characters for three of them.
fn is_encoded(line: &str) -> bool {
    let line = line.trim_end_matches('\r');
    let Some(first @ 0x20..=0x60) = line.bytes().next() else { return false };
    let bytes = usize::from((first - 0x20) & 0x3f);
    line.bytes().all(|one| matches!(one, 0x20..=0x60)) && line.len().abs_diff(1 + bytes.div_ceil(3) * 4) <= 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str, flowed: Flowed) -> Vec<(u8, String)> {
        read(text, flowed).kept.into_iter().map(|line| (line.depth, line.text)).collect()
    }

    fn line(depth: u8, text: &str) -> (u8, String) {
        (depth, text.to_owned())
    }

    #[test]
    fn marks_of_quotation_are_counted_and_taken_away() {
        let text = "Yes.\r\n> Really?\r\n> > Maybe\r\n>>> No\r\n>\r\nBye";
        let lines = [line(0, "Yes."), line(1, "Really?"), line(2, "Maybe"), line(3, "No"), line(1, ""), line(0, "Bye")];
        assert_eq!(said(text, Flowed::No), lines);
    }

    #[test]
    fn lines_broken_for_the_way_are_joined_again() {
        let text = "This is \none line. \n> and this \n> another\n From here\n-- \nAnna";
        let lines = [line(0, "This is one line. "), line(1, "and this another"), line(0, "From here"), line(0, "-- ")];
        assert_eq!(said(text, Flowed::Yes)[..4], lines);
        assert_eq!(said("a \nb", Flowed::WithoutSpace), [line(0, "ab")]);
        assert_eq!(said("a \nb", Flowed::No).len(), 2, "nobody said that lines were broken");
    }

    #[test]
    fn broken_lines_are_recognised_by_their_spaces() {
        let broken = "A line that is about as long as a line may be on its way to people, \n".repeat(3);
        assert!(seems_flowed(&broken));
        assert!(!seems_flowed(&broken.replace(", \n", ",\n")));
        assert!(!seems_flowed("short \nlines \n"));
    }

    #[test]
    fn a_file_written_into_the_text_is_named() {
        let text = "Look:\nbegin 644 cat.gif\n#0V%T\n`\nend\nNice?";
        assert_eq!(said(text, Flowed::No), [line(0, "Look:"), line(0, "[cat.gif]"), line(0, "Nice?")]);
        assert_eq!(said("begin 100 days of rain\nstarts now", Flowed::No).len(), 2, "that was a sentence");
    }

    #[test]
    fn a_file_within_the_text_ends_where_its_lines_do() {
        assert_eq!(
            said("begin 644 cat.gif\n#0V%T\nThe real text\nend of it", Flowed::No),
            [line(0, "[cat.gif]"), line(0, "The real text"), line(0, "end of it")]
        );
        let sentence =
            format!("begin 1000 kilometres away\nM{}\nand more", "orning has broken and ".repeat(3).split_at(60).0);
        assert_eq!(said(&sentence, Flowed::No).len(), 3, "that was a sentence");
    }

    #[test]
    fn the_mark_of_an_old_mailbox_is_no_quotation() {
        assert_eq!(said("Hi\n>From here on\nwe walk", Flowed::No)[1], line(0, "From here on"));
        assert_eq!(said("Hi\n>From Ben\n>to Ada", Flowed::No)[1], line(1, "From Ben"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).{0,400}", flowed in prop::sample::select(vec![Flowed::No, Flowed::Yes, Flowed::WithoutSpace])) {
            let lines = read(&text, flowed);
            prop_assert!(!lines.is_cut);
        }
    }
}
