//! HTML as lines of text, as a person sees it in a mail program: without what is hidden, with what structure means.
//!
//! Only the tokenizer of a browser is used, and no tree is built: building one takes time that grows with the square of
//! the depth, and hostile mail nests a hundred thousand deep. The elements that are open are a list of bounded length,
//! so nothing recurses. Tables are read cell after cell, since in mail most are there for the layout.

use std::collections::BTreeSet;

use html5gum::{DefaultEmitter, EndTag, StartTag, Token, Tokenizer};

use super::lines::{DEEPEST, Lines};
use super::links;
use super::style::{Sight, Visibility};
use elements::{ends_with, is_answered_mail, is_block, is_for_head, is_paragraph, is_table_part, is_unseen, is_void};
use flow::{Flow, Inherited};

mod elements;
mod flow;
mod visible;

/// The most HTML that is read, in bytes. A long newsletter has a tenth of it; pictures written into the text have more.
pub const MOST_BYTES: usize = 1024 * 1024;

/// How many elements may be open within each other. What lies deeper is read as if it lay there.
const DEEPEST_ELEMENT: usize = 200;

/// The most pictures within the text that are noticed.
const MOST_PICTURES: usize = 200;

/// The longest words that stand for a picture.
const LONGEST_ALT: usize = 300;

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    /// The text.
    pub lines: Lines,
    /// The ids of attached pictures that the text shows.
    pub pictures: BTreeSet<String>,
}

/// Reads HTML. Where everything in it is hidden, what is hidden is read: a mail is not called empty for its sender's sake.
#[must_use]
pub fn read(html: &str) -> Reading {
    let seen = read_as(html, Reader::default());
    if seen.lines.characters() > 0 || seen.lines.is_cut {
        return seen;
    }
    read_as(html, Reader { reveals: true, ..Reader::default() })
}

fn read_as(html: &str, mut reader: Reader) -> Reading {
    let beginning = crate::letter::beginning(html, MOST_BYTES);
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    reader.is_cut = beginning.len() < html.len();
    for token in Tokenizer::new_with_emitter(beginning, emitter).flatten() {
        match token {
            Token::StartTag(tag) => reader.start(&tag),
            Token::EndTag(tag) => reader.end(&tag),
            Token::String(text) => {
                let inherited = reader.inherited();
                reader.flow.text(&String::from_utf8_lossy(&text.value), inherited);
            }
            Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
        if reader.flow.is_full() {
            reader.is_cut = true;
            break;
        }
    }
    reader.close_down_to(0);
    let mut lines = reader.flow.finish();
    lines.is_cut |= reader.is_cut;
    Reading { lines, pictures: reader.pictures }
}

#[derive(Debug, Default)]
struct Reader {
    flow: Flow,
    open: Vec<Element>,
    /// How many elements are open beyond the deepest that is kept.
    beyond: usize,
    /// What hides the text beyond, and how many of its name are open within each other.
    unseen_beyond: Option<(Vec<u8>, usize)>,
    /// Whether what is hidden is read too.
    reveals: bool,
    pictures: BTreeSet<String>,
    is_cut: bool,
    /// The host that was named last: a newsletter counts every tap at the same one.
    mentioned: Option<String>,
}

#[derive(Debug)]
struct Element {
    name: Vec<u8>,
    inherited: Inherited,
    /// Where it leads, and where its words begin.
    link: Option<(String, usize)>,
    /// The number of the next item, for a numbered list.
    next_item: Option<i32>,
}

impl Reader {
    fn inherited(&self) -> Inherited {
        let mut inherited = self.open.last().map(|element| element.inherited).unwrap_or_default();
        if self.unseen_beyond.is_some() {
            inherited.sight = Sight::OUT;
        }
        inherited
    }

    /// Counts an element that is not kept, and remembers where hidden text begins.
    fn start_beyond(&mut self, name: &[u8], style: Visibility) {
        self.beyond += 1;
        match &mut self.unseen_beyond {
            Some((hidden, _)) if ends_with(hidden, name) => self.unseen_beyond = None,
            Some((hidden, open)) => *open += usize::from(hidden.as_slice() == name),
            None => {}
        }
        let is_seen = !is_unseen(name) && self.inherited().sight.within(style).is_seen();
        if self.unseen_beyond.is_none() && !is_seen {
            self.unseen_beyond = Some((name.to_owned(), 1));
        }
    }

    fn end_beyond(&mut self, name: &[u8]) {
        self.beyond -= 1;
        if let Some((hidden, open)) = &mut self.unseen_beyond
            && hidden.as_slice() == name
        {
            *open -= 1;
            if *open == 0 {
                self.unseen_beyond = None;
            }
        }
    }

    fn start(&mut self, tag: &StartTag<()>) {
        let name = tag.name.as_slice();
        match name {
            b"br" => return self.flow.line_break(self.inherited()),
            b"hr" => return self.flow.rule(self.inherited()),
            b"img" => return self.picture(tag),
            // Mail passed on brings these along in its midst.
            b"body" | b"html" => return self.close_head(),
            _ if is_void(name) => return,
            _ => self.close_implied(name),
        }
        self.begin(name);
        let style = visible::style_of(tag, self.reveals);
        if self.open.len() >= DEEPEST_ELEMENT {
            return self.start_beyond(name, style);
        }
        let mut inherited = self.inherited();
        let attribute = |name: &[u8]| tag.attributes.get(name).map(|value| String::from_utf8_lossy(&value.value));
        inherited.sight = if is_unseen(name) { Sight::OUT } else { inherited.sight.within(style) };
        inherited.keeps_spaces |= name == b"pre";
        let said = |name: &[u8]| attribute(name).map(|value| value.to_ascii_lowercase()).unwrap_or_default();
        inherited.marked |=
            is_answered_mail(&said(b"class"), &said(b"id")) || (name == b"blockquote" && said(b"type") == "cite");
        // Without a line beside it, a mark or an introduction, it is an indented block of the writer's own.
        let is_indented = style.is_borderless && !inherited.marked && !self.flow.introduces_quote();
        if name == b"blockquote" && !is_indented {
            inherited.depth = (inherited.depth + 1).min(DEEPEST);
        }
        let link = (name == b"a").then(|| attribute(b"href")).flatten();
        let link = link.map(|address| (address.into_owned(), self.flow.words_so_far()));
        let first_item = || attribute(b"start").and_then(|start| start.trim().parse().ok()).unwrap_or(1);
        let next_item = (name == b"ol").then(first_item);
        self.open.push(Element { name: name.to_owned(), inherited, link, next_item });
    }

    /// What the beginning of an element does to the lines.
    fn begin(&mut self, name: &[u8]) {
        match name {
            b"td" | b"th" => self.flow.cell(),
            b"li" => {
                let bullet = self.bullet();
                self.flow.item(bullet);
            }
            _ => self.part(name),
        }
    }

    /// What the beginning or the end of a block does to the lines. A list within an item is part of its list.
    fn part(&mut self, name: &[u8]) {
        let is_inner_list = matches!(name, b"ul" | b"ol") && self.open.iter().any(|element| element.name == b"li");
        if is_paragraph(name) && !is_inner_list {
            self.flow.paragraph();
        } else if is_block(name) || is_inner_list {
            self.flow.block();
        }
    }

    fn end(&mut self, tag: &EndTag<()>) {
        let name = tag.name.as_slice();
        if name == b"br" {
            return self.flow.line_break(self.inherited());
        }
        if is_void(name) {
            return;
        }
        if self.beyond > 0 {
            return self.end_beyond(name);
        }
        // A stray end within a cell closes nothing outside of its table.
        let stops = |open: &[u8]| is_table_part(open) && !is_table_part(name);
        let found = self.open.iter().rposition(|element| element.name == name || stops(&element.name));
        if let Some(index) = found
            && self.open.get(index).is_some_and(|element| element.name == name)
        {
            self.close_down_to(index);
        }
    }

    /// Closes what has no end of its own: a paragraph ends where a block begins, an item where the next one does.
    fn close_implied(&mut self, name: &[u8]) {
        let (closes, within): (&[&[u8]], &[&[u8]]) = match name {
            b"li" => (&[b"li"], &[b"ul", b"ol", b"table"]),
            b"dt" | b"dd" => (&[b"dt", b"dd"], &[b"dl", b"table"]),
            b"td" | b"th" => (&[b"td", b"th"], &[b"table"]),
            b"tr" => (&[b"tr", b"td", b"th"], &[b"table"]),
            b"tbody" | b"thead" | b"tfoot" => (&[b"tbody", b"thead", b"tfoot", b"tr", b"td", b"th"], &[b"table"]),
            b"option" => (&[b"option"], &[b"select"]),
            b"a" => (&[b"a"], &[b"table", b"td", b"th"]),
            _ if is_block(name) || is_paragraph(name) => (&[b"p"], &[b"table", b"td", b"th"]),
            _ => (&[], &[]),
        };
        if !is_for_head(name) {
            self.close_head();
        }
        if closes.is_empty() {
            return;
        }
        let inner =
            self.open.iter().rposition(|element| within.contains(&element.name.as_slice())).map_or(0, |at| at + 1);
        let ends_here = |element: &Element| closes.contains(&element.name.as_slice());
        if let Some(index) = self.open.iter().skip(inner).position(ends_here) {
            self.close_down_to(inner + index);
        }
    }

    /// A head that was never closed must not hide the mail.
    fn close_head(&mut self) {
        if let Some(index) = self.open.iter().take(3).position(|element| element.name == b"head") {
            self.close_down_to(index);
        }
    }

    fn close_down_to(&mut self, index: usize) {
        self.beyond = 0;
        self.unseen_beyond = None;
        while self.open.len() > index {
            let Some(element) = self.open.pop() else { return };
            if let Some((address, begin)) = element.link {
                let words = self.flow.words_since(begin);
                // Words that are an address themselves are never left without the true one.
                let is_news = |said: &String| self.mentioned.as_ref() != Some(said) || links::names_a_host(&words);
                let said = links::mention(&address, &words).filter(is_news);
                if let Some(said) = said {
                    self.flow.append(&format!(" ({said})"));
                    self.mentioned = Some(said);
                }
            }
            match element.name.as_slice() {
                b"li" => self.flow.end_item(),
                name => self.part(name),
            }
        }
    }

    /// What an item of the innermost list begins with.
    fn bullet(&mut self) -> String {
        let is_list = |element: &&mut Element| matches!(element.name.as_slice(), b"ul" | b"ol");
        let lists = self.open.iter().filter(|element| matches!(element.name.as_slice(), b"ul" | b"ol")).count();
        let list = self.open.iter_mut().rev().find(is_list);
        match list.and_then(|list| list.next_item.as_mut()) {
            Some(next) => {
                let bullet = format!("{next}. ");
                *next = next.saturating_add(1);
                bullet
            }
            None if lists > 1 => "◦ ".to_owned(),
            None => "• ".to_owned(),
        }
    }

    fn picture(&mut self, tag: &StartTag<()>) {
        let attribute = |name: &[u8]| tag.attributes.get(name).map(|value| String::from_utf8_lossy(&value.value));
        if let Some(source) = attribute(b"src")
            && let Some(id) = source.trim().strip_prefix("cid:")
            && self.pictures.len() < MOST_PICTURES
        {
            self.pictures.insert(id.chars().take(LONGEST_ALT).collect());
        }
        // One point wide: there to count who reads.
        let is_dot = |name: &[u8]| attribute(name).is_some_and(|size| matches!(size.trim(), "0" | "1"));
        if !Sight::default().within(visible::style_of(tag, self.reveals)).is_seen()
            || is_dot(b"width")
            || is_dot(b"height")
        {
            return;
        }
        let Some(words) = attribute(b"alt") else { return };
        let words = words.trim();
        let is_file = [".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg"]
            .iter()
            .any(|ending| words.to_ascii_lowercase().ends_with(ending));
        if !words.is_empty() && !is_file {
            let words: String = words.chars().take(LONGEST_ALT).collect();
            let inherited = Inherited { keeps_spaces: false, ..self.inherited() };
            self.flow.text(&words, inherited);
        }
    }
}

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
