use std::time::{Duration, Instant};

use super::*;
use crate::letter::lines::Line;

fn text(html: &str) -> String {
    let lines: Vec<_> = read(html).lines.kept.into_iter().map(|line| line.text).collect();
    lines.join("\n")
}

fn line(depth: u8, marked: bool, text: &str) -> Line {
    Line { marked, ..Line::new(depth, text) }
}

#[test]
fn structure_becomes_lines() {
    for (html, lines) in [
        ("a<br>b<br/>c</br>d", "a\nb\nc\nd"),
        ("<p>a<p>b</p>c", "a\n\nb\n\nc"),
        ("<div>a</div><div>b<div>c</div></div>d", "a\nb\nc\nd"),
        ("<div>a</div><div><br></div><div>b</div>", "a\n\nb"),
        ("<h1>Title</h1>text  with\n\n  white&nbsp;space", "Title\n\ntext with white space"),
        ("a <b>b</b>, <i>c</i>d", "a b, cd"),
        ("<pre>one\n  two</pre>", "one\ntwo"),
        ("a<hr>b", "a\n———\nb"),
        ("<table><tr><th>Day<th>Price<tr><td>Mon<td>5 €</table>", "Day · Price\nMon · 5 €"),
        ("<table><tr><td><div>left</div></td><td><p>right</p></td></tr></table>", "left\n\nright"),
        ("<dl><dt>term<dd>meaning</dl>", "term\nmeaning"),
        ("<ul><li><p>one</p></li><li></li><li>two</li></ul>", "• one\n\n• two"),
        ("a<wbr>b<o:p></o:p>c", "abc"),
    ] {
        assert_eq!(text(html), lines, "{html}");
    }
}

#[test]
fn a_row_of_long_cells_is_not_one_line() {
    let cell = "words ".repeat(15);
    assert_eq!(read(&format!("<table><tr><td>{cell}<td>{cell}</table>")).lines.kept.len(), 2);
}

#[test]
fn what_cannot_be_seen_is_not_read() {
    for html in [
        "<div style='display:none'>x<div>x</div></div>seen",
        "<span style='font-size:0'>x</span>seen",
        "<p hidden>x</p>seen",
        "<noscript>x</noscript><select><option>x</select><template>x</template>seen",
        "<table><tr style='display:none'><td>x<tr><td>seen</table>",
        "<ul><li style='display:none'>x<li>seen</ul>",
        "<img alt=x width=1 height=1><img alt='x.png'><img alt=x style='display:none'>seen",
        "<!--[if mso]>x<![endif]-->seen",
    ] {
        assert_eq!(text(html).trim_start_matches("• "), "seen", "{html}");
    }
    assert_eq!(text("<td style='font-size:0'><b style='font-size:14px'>seen</b></td>"), "seen");
    assert_eq!(text("<div style='display:none'><html><body>x</body></html></div>seen"), "seen");
}

#[test]
fn a_link_says_where_it_leads_where_its_words_do_not() {
    let counter = format!("https://click.example/{}", "x".repeat(90));
    assert_eq!(text(&format!("<a href='{counter}'>One</a>, <a href='{counter}'>two</a>")), "One (click.example), two");
    assert_eq!(text("<a href='https://a.example/'>a.example</a>"), "a.example");
    assert_eq!(text("<a href='https://a.example/x'><div>News</div></a>next"), "News (https://a.example/x)\nnext");
    assert_eq!(text("<a href='https://a.example/'><img src=x></a>next"), "next");
    assert_eq!(text("<a href='https://a.example/'><img src=x alt=Shop></a>"), "Shop (https://a.example/)");
}

#[test]
fn pictures_of_the_text_are_known() {
    let pictures = read("<img src=' cid:logo@x '><img src='https://x.example/p.png'><IMG SRC=cid:two>").pictures;
    assert_eq!(pictures.into_iter().collect::<Vec<_>>(), ["logo@x", "two"]);
}

#[test]
fn quotations_are_marked_as_their_programs_do() {
    let lines = read(
        "<div>Yes</div><div class=\"gmail_quote\"><div class=\"gmail_attr\">On Friday Ben wrote:</div>\
         <blockquote class=\"gmail_quote\">Really?<blockquote>Maybe</blockquote></blockquote></div>",
    );
    let said: Vec<_> = lines.lines.kept.into_iter().filter(|line| !line.is_empty()).collect();
    assert_eq!(
        said,
        [
            line(0, false, "Yes"),
            line(0, true, "On Friday Ben wrote:"),
            line(1, true, "Really?"),
            line(2, true, "Maybe"),
        ]
    );
}

#[test]
fn depth_and_length_cost_no_more_than_their_size() {
    let deep = format!("{}x", "<div><b><table><td>".repeat(50_000));
    let flat = "<p>x</b></table>".repeat(60_000);
    let attributes = format!("<p {}>x", "a b c ".repeat(100_000));
    let links = "<a href='https://a.example/'>x<a href='https://b.example/'>y".repeat(10_000);
    for html in [deep, flat, attributes, links] {
        let begun = Instant::now();
        assert!(read(&html).lines.characters() > 0);
        assert!(begun.elapsed() < Duration::from_secs(15), "{:.40} takes {:?}", html, begun.elapsed());
    }
}

#[test]
fn more_than_is_read_is_said_to_be_cut() {
    assert!(read(&format!("{}x", " ".repeat(MOST_BYTES))).lines.is_cut);
    assert!(read(&"<p>many words</p>".repeat(20_000)).lines.is_cut);
    assert!(!read("<p>few</p>").lines.is_cut);
}

#[test]
fn text_behind_many_lines_is_never_lost_in_silence() {
    assert!(read(&format!("{}<p>PAY BY FRIDAY</p>", "word<br>".repeat(9_000))).lines.is_cut);
    let html = format!("{}<p>PAY</p>", "<br>".repeat(8_100));
    assert_eq!(text(&html).trim(), "PAY", "empty lines take nobody's room");
}

#[test]
fn what_is_undone_inside_can_be_seen() {
    for html in [
        "<div style='color:#fff;background-color:#fff'><p style='color:#000'>seen</p></div>",
        "<table><tr><td style='background:#1a73e8;color:#1a73e8'><a style='color:#fff'>seen</a></table>",
        "<p style='display:none;display:block'>seen</p>",
        "<table><tr><td style='font-size:0'><p style='font:16px/20px Arial'>seen</p></table>",
        "<div style='visibility:hidden'><p style='visibility:visible'>seen</p></div>",
        "<p style='left:-999px'>seen</p>",
        "<p hidden style='display:block'>seen</p>",
    ] {
        assert_eq!(text(&format!("{html}<p>too</p>")), "seen\n\ntoo", "{html}");
    }
    for html in [
        "<p style='display:none!important;display:block'>x</p>",
        "<p style='color:#fff;background:#fff'>x<b>x</b></p>",
        "<p style='font:0/0 a'>x</p>",
        "<p style='visibility:hidden'>x</p>",
        "<p style='position:absolute;left:-999px'>x</p>",
    ] {
        assert_eq!(text(&format!("{html}<p>seen</p>")), "seen", "{html}");
    }
}

#[test]
fn a_mail_that_hides_all_it_says_is_read_all_the_same() {
    assert_eq!(text("<style>p{color:red}</style><p style='display:none'>Pay <b>100</b> EUR</p>"), "Pay 100 EUR");
    assert_eq!(text("<script>x</script>"), "");
}

#[test]
fn what_is_hidden_stays_hidden_however_deep_it_lies() {
    let deep = "<div>".repeat(205);
    assert_eq!(
        text(&format!(
            "seen{deep}<style>p{{color:red}}</style><p style=display:none>HIDDEN<p>and<div style=display:none>\
             <div>HIDDEN</div>HIDDEN</div>this"
        ))
        .split_whitespace()
        .collect::<Vec<_>>(),
        ["seen", "and", "this"]
    );
}

#[test]
fn words_that_are_an_address_are_never_left_without_the_true_one() {
    let evil = "https://evil.example/";
    assert_eq!(
        text(&format!("<a href={evil}>Click</a> or <a href={evil}>https://bank.example/login</a>")),
        "Click (https://evil.example/) or https://bank.example/login (https://evil.example/)"
    );
}
