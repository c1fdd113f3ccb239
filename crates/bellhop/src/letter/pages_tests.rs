use super::*;
use crate::letter::fold::Passage;

fn letter(passages: &[(Kind, String)]) -> Letter {
    let passages =
        passages.iter().map(|(kind, text)| Passage { kind: *kind, lines: text.lines().map(str::to_owned).collect() });
    Letter { passages: passages.collect(), ..Letter::default() }
}

#[test]
fn a_short_letter_is_one_page_with_everything() {
    let letter = letter(&[
        (Kind::Said, "Yes.\n\n\n\n".to_owned()),
        (Kind::Folded, "On Friday Ben wrote:\nShall we?".to_owned()),
    ]);
    let page = Pages::of(&letter, Quotes::Folded).page(0);
    assert_eq!(page.text.html(), "Yes.\n<blockquote expandable>On Friday Ben wrote:\nShall we?</blockquote>");
    assert_eq!((page.number, page.of, page.hides_quotes), (0, 1, false));
}

#[test]
fn a_long_quotation_is_a_line_until_it_is_asked_for() {
    let letter = letter(&[(Kind::Said, "Yes.".to_owned()), (Kind::Folded, "so it was said\n".repeat(300))]);
    let folded = Pages::of(&letter, Quotes::Folded).page(0);
    assert_eq!(folded.text.html(), "Yes.\n⋯ 300 quoted lines");
    assert!(folded.hides_quotes && folded.of == 1);
    let shown = Pages::of(&letter, Quotes::Shown).page(0);
    assert!(!shown.hides_quotes && shown.of > 1);
    assert!(shown.text.html().contains("<blockquote>so it was said\n"));
}

#[test]
fn pages_end_between_paragraphs_where_they_can() {
    let paragraph = format!("{}end.\n\n", "words and words ".repeat(40));
    let letter = letter(&[(Kind::Said, paragraph.repeat(20))]);
    let first = Pages::of(&letter, Quotes::Folded).page(0);
    assert!(first.of > 3 && first.text.html().ends_with("end."));
    assert!(Pages::of(&letter, Quotes::Folded).page(1).text.html().starts_with("words"));
    assert_eq!(Pages::of(&letter, Quotes::Folded).page(99).number, first.of - 1, "a page that is gone is the last");
}

#[test]
fn a_line_longer_than_a_page_is_divided_between_sentences() {
    let letter = letter(&[(Kind::Said, "This sentence is one of many. ".repeat(400))]);
    let first = Pages::of(&letter, Quotes::Folded).page(0);
    assert!(first.text.html().ends_with("many."), "{}", first.text.html());
    assert!(first.text.length() > WELL_FILLED);
}

#[test]
fn a_letter_without_words_is_one_empty_page() {
    let empty = Pages::of(&letter(&[]), Quotes::Folded).page(5);
    assert_eq!((empty.text, empty.number, empty.of), (Text::new(), 0, 1));
}
