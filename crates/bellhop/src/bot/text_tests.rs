use proptest::prelude::*;

use super::clean::{MARKS, MOST_LINES, WORD_JOINER, is_dropped};
use super::*;

/// Reads a message as the Bot API documents its HTML, and answers the text without markup. An own reading, so that a
/// mistake of the writer is not repeated here: <https://core.telegram.org/bots/api#html-style>
pub fn read_as_telegram(html: &str) -> Result<String, String> {
    let (mut text, mut open, mut rest) = (String::new(), Vec::new(), html);
    while let Some(character) = rest.chars().next() {
        match character {
            '<' => {
                let end = rest.find('>').ok_or("a tag without an end")?;
                let tag = &rest[1..end];
                rest = &rest[end + 1..];
                match tag.strip_prefix('/') {
                    Some(name) if open.pop() == Some(name) => {}
                    Some(name) => return Err(format!("</{name}> closes nothing")),
                    // The one attribute there is: <https://core.telegram.org/bots/api#html-style>
                    None if tag == "blockquote expandable" => open.push("blockquote"),
                    None if matches!(tag, "b" | "i" | "u" | "s" | "code" | "pre" | "blockquote") => open.push(tag),
                    None => return Err(format!("<{tag}> is no tag")),
                }
            }
            '>' => return Err("a bare >".to_owned()),
            '&' => {
                let end = rest.find(';').ok_or("an entity without an end")?;
                text.push(match &rest[..=end] {
                    "&lt;" => '<',
                    "&gt;" => '>',
                    "&amp;" => '&',
                    "&quot;" => '"',
                    other => return Err(format!("{other} is no entity")),
                });
                rest = &rest[end + 1..];
            }
            other => {
                text.push(other);
                rest = &rest[other.len_utf8()..];
            }
        }
    }
    if let Some(name) = open.last() {
        return Err(format!("<{name}> is not closed"));
    }
    if text.trim().is_empty() {
        return Err("the text is empty".to_owned());
    }
    let units = text.encode_utf16().count();
    if units > 4096 {
        return Err(format!("{units} units"));
    }
    Ok(text)
}

/// What people and those who wish them ill put into mail.
pub fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        "\\PC{0,40}",
        ".{0,40}",
        any::<String>(),
        prop::sample::select(vec![
            "<b>",
            "</b>",
            "</i></b>",
            "<a href=\"http://x\">",
            "&lt;",
            "&amp",
            "&#0;",
            "<!--",
            "<script>",
            "\"'",
            "\u{202e}evil\u{202c}",
            "\u{2066}",
            "\u{2069}",
            "\u{2068}",
            "שלום",
            "مرحبا",
            "👩‍👩‍👧‍👦",
            "🏳️‍🌈",
            "🇩🇪",
            "\u{0}",
            "\u{8}",
            "\r\n\r\n",
            "\u{2028}",
            "\u{feff}",
            "\u{200b}",
            "\u{34f}\u{200c}\u{ad}",
            "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}",
            "/disconnect",
            " /start@bot",
            "@admin",
            "𝕏",
            "\u{10ffff}",
            "\u{fffe}",
            "\u{200d}\u{200d}\u{200d}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

/// Hostile text of many lines.
pub fn hostile_lines() -> impl Strategy<Value = String> {
    let end = prop::sample::select(vec!["\n", "\r\n", "\n\n\n\n", "\r", "\u{2028}", "\u{85}", " \n \u{200b}\n"]);
    prop::collection::vec((hostile(), end), 0..12)
        .prop_map(|lines| lines.into_iter().flat_map(|(line, end)| [line, end.to_owned()]).collect())
}

fn one(theirs: &str, longest: usize) -> Text {
    Text::new()
        .plain("Ours: ")
        .theirs_bold(theirs, longest)
        .line()
        .theirs(theirs, longest)
        .gap()
        .theirs_italic(theirs, longest)
}

proptest! {
    #[test]
    fn whatever_others_write_telegram_accepts_the_message(theirs in hostile(), longest in 0_usize..6_000) {
        let text = read_as_telegram(&one(&theirs, longest).html()).map_err(TestCaseError::fail)?;
        prop_assert!(text.starts_with("Ours:"));
    }

    #[test]
    fn lines_of_others_are_as_safe_as_a_line(theirs in hostile_lines(), longest in 0_usize..6_000, times in 1_usize..40) {
        let text = (0..times).fold(Text::new().plain("Ours:"), |text, _| {
            text.line().theirs_block(&theirs, longest).line().theirs_quote(&theirs, longest).line().theirs_folded(&theirs, longest)
        });
        let shown = read_as_telegram(&text.html()).map_err(TestCaseError::fail)?;
        prop_assert!(shown.starts_with("Ours:"));
        let isolates = |line: &str, mark| line.chars().filter(|one| *one == mark).count();
        for line in shown.lines() {
            prop_assert_eq!(isolates(line, ISOLATE), isolates(line, END_ISOLATE), "an isolation ends on its line");
        }
    }

    #[test]
    fn a_block_is_clean_lines_with_single_gaps(theirs in hostile_lines()) {
        let block = clean_block(&theirs);
        prop_assert!(!block.contains("\n\n\n") && block.trim() == block);
        prop_assert!(block.split('\n').count() <= MOST_LINES + 2);
        for line in block.split('\n') {
            prop_assert_eq!(clean(line), line);
        }
        prop_assert_eq!(clean_block(&block), block.clone(), "cleaning twice is cleaning once");
    }

    #[test]
    fn the_length_is_what_telegram_counts(theirs in hostile_lines()) {
        let text = Text::new().plain("Ours").theirs_block(&theirs, 900).theirs_bold(&theirs, 90);
        let shown = read_as_telegram(&text.html()).map_err(TestCaseError::fail)?;
        prop_assert_eq!(shown.encode_utf16().count(), text.length());
    }

    #[test]
    fn a_long_message_is_cut_where_nothing_tears(theirs in hostile(), times in 1_usize..200) {
        let many = (0..times).fold(Text::new().bold("Ours"), |text, _| text.line().then(one(&theirs, 4_000)));
        read_as_telegram(&many.html()).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn their_words_are_one_line_that_runs_our_way(theirs in hostile()) {
        let cleaned = clean(&theirs);
        prop_assert!(!cleaned.contains("  "));
        let is_unwanted = |one: char| one.is_control() || (is_dropped(one) && one != WORD_JOINER);
        prop_assert!(!cleaned.chars().any(is_unwanted));
        prop_assert_eq!(cleaned.trim(), &cleaned);
        prop_assert_eq!(clean(&cleaned), cleaned.clone(), "cleaning twice is cleaning once");
    }

    #[test]
    fn a_label_is_as_short_as_it_must_be(theirs in hostile(), longest in 1_usize..60) {
        prop_assert!(length(&label(&theirs, longest)) <= longest);
    }

    #[test]
    fn a_cut_leaves_a_beginning(theirs in hostile(), units in 0_usize..50) {
        let short = cut(&theirs, units);
        prop_assert!(theirs.starts_with(short) && length(short) <= units);
    }
}

#[test]
fn markup_in_their_words_is_shown_and_not_obeyed() {
    let html = Text::new().theirs("<b>5 > 3 & \"x\"</b>", 100).html();
    assert_eq!(html, "&lt;b&gt;5 &gt; 3 &amp; &quot;x&quot;&lt;/b&gt;");
}

#[test]
fn words_that_run_right_to_left_are_isolated_and_others_are_left_alone() {
    assert_eq!(Text::new().theirs("שלום", 9).html(), "\u{2068}שלום\u{2069}");
    assert_eq!(Text::new().theirs("hello", 9).html(), "hello");
    assert_eq!(clean("a\u{202e}b\u{2067}c"), "abc");
}

#[test]
fn lines_are_kept_and_each_is_isolated_by_itself() {
    let html = Text::new().theirs_quote("one\r\nשלום <b>\n\n\n\n/disconnect\n", 100).html();
    assert_eq!(html, "<blockquote>one\n\u{2068}שלום &lt;b&gt;\u{2069}\n\n/\u{2060}disconnect</blockquote>");
    assert_eq!(Text::new().theirs_folded("a\nb", 9).html(), "<blockquote expandable>a\nb</blockquote>");
    assert_eq!(clean_block(&"x\n".repeat(500)).lines().count(), MOST_LINES + 1);
}

#[test]
fn an_emoji_family_is_cut_off_as_a_whole() {
    assert_eq!(cut("ab👩‍👩‍👧", 5), "ab");
    assert_eq!(cut("ae\u{301}", 2), "a");
    assert_eq!(cut("a👍🏽", 3), "a");
}

#[test]
fn padding_and_towers_are_taken_away_and_real_writing_stays() {
    assert_eq!(clean("Deals \u{34f} \u{200c} \u{ad}\u{feff} \u{34f} today"), "Deals today");
    assert_eq!(clean("می\u{200c}خواهم"), "می\u{200c}خواهم");
    assert_eq!(clean("👩\u{200d}🚀"), "👩\u{200d}🚀");
    assert_eq!(clean("Việt Nam"), "Việt Nam");
    assert_eq!(clean(&format!("Z{}!", "\u{301}".repeat(50))), format!("Z{}!", "\u{301}".repeat(MARKS)));
}

#[test]
fn no_command_can_be_tapped_by_mistake() {
    assert_eq!(clean("/disconnect now"), "/\u{2060}disconnect now");
    assert_eq!(clean("and/or 1/2 https://x.example/a"), "and/or 1/2 https://x.example/a");
}

#[test]
fn what_was_cut_off_is_marked() {
    let html = Text::new().plain("x".repeat(5_000)).html();
    assert_eq!(html.chars().count(), LONGEST);
    assert!(html.ends_with(CUT));
    assert_eq!(label("abcdef", 4), "abc…");
}

#[test]
fn towers_of_marks_are_taken_away_in_every_script() {
    for mark in ['\u{e47}', '\u{5b0}', '\u{64b}', '\u{93f}'] {
        let tower = clean(&format!("x{}!", String::from(mark).repeat(50)));
        assert!(tower.chars().count() <= 10 && tower.ends_with('!'), "{tower}");
    }
    for real in ["ที่นี่", "שָׁלוֹם", "बुद्धि", "བསྒྲུབས", "ကြွေ့"]
    {
        assert_eq!(clean(real), real);
    }
}
