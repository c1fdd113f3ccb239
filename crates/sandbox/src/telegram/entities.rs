//! Entities: which part of a text is bold, a link, a command.
//!
//! <https://core.telegram.org/bots/api#messageentity>. Offsets and lengths count UTF-16 code units, which is the whole
//! difficulty. Reading markup is `html.rs`.

use maud::{Markup, Render, html};
use serde::{Deserialize, Serialize};

/// A stretch of text with a meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    #[serde(rename = "type")]
    pub kind: String,
    pub offset: usize,
    pub length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_emoji_id: Option<String>,
}

impl Entity {
    pub fn new(kind: &str, offset: usize, length: usize) -> Self {
        Self { kind: kind.to_owned(), offset, length, url: None, language: None, custom_emoji_id: None }
    }

    pub fn end(&self) -> usize {
        self.offset.saturating_add(self.length)
    }
}

/// The length Telegram counts.
pub fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Cuts white space at both ends, as Telegram does, and moves the entities along.
pub fn trim(text: &str, entities: Vec<Entity>) -> (String, Vec<Entity>) {
    let start = length(text) - length(text.trim_start());
    let trimmed = text.trim();
    let end = start + length(trimmed);
    let entities = entities
        .into_iter()
        .filter_map(|mut entity| {
            let from = entity.offset.max(start);
            let to = entity.end().min(end);
            entity.offset = from.checked_sub(start)?;
            entity.length = to.checked_sub(from).filter(|length| *length > 0)?;
            Some(entity)
        })
        .collect();
    (trimmed.to_owned(), entities)
}

/// Drops what may not lie inside something else, and cuts styles around code. Telegram does not refuse either.
///
/// <https://core.telegram.org/bots/api#formatting-options>: "pre and code entities can't contain other entities", "blockquote and
/// `expandable_blockquote` entities can't be nested", and links, custom emoji and the like "can't contain each other"; "bold, italic,
/// underline, strikethrough, and spoiler entities can contain and can be part of any other entities, except pre and code".
pub fn nested_as_allowed(entities: Vec<Entity>) -> Vec<Entity> {
    let (styles, mut others): (Vec<Entity>, Vec<Entity>) =
        entities.into_iter().partition(|entity| Nesting::of(&entity.kind) == Nesting::Style);
    others.sort_by_key(|entity| (entity.offset, std::cmp::Reverse(entity.length), Nesting::of(&entity.kind)));
    let mut kept: Vec<Entity> = Vec::new();
    for entity in others {
        let fits = |outer: &Entity| {
            let is_quote = |entity: &Entity| Nesting::of(&entity.kind) == Nesting::Quote;
            entity.offset >= outer.end() || (is_quote(outer) && !is_quote(&entity))
        };
        if kept.iter().all(fits) {
            kept.push(entity);
        }
    }
    let code: Vec<(usize, usize)> = kept
        .iter()
        .filter(|entity| Nesting::of(&entity.kind) == Nesting::Code)
        .map(|entity| (entity.offset, entity.end()))
        .collect();
    for style in styles {
        let mut at = style.offset;
        for (start, end) in code.iter().chain([&(style.end(), usize::MAX)]) {
            let upto = (*start).min(style.end());
            if upto > at {
                kept.push(Entity { offset: at, length: upto - at, ..style.clone() });
            }
            at = at.max(*end);
        }
    }
    kept.sort_by_key(|entity| (entity.offset, std::cmp::Reverse(entity.length), Nesting::of(&entity.kind)));
    kept
}

/// Which rule of nesting a kind follows, the outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nesting {
    Quote,
    Code,
    Other,
    Style,
}

impl Nesting {
    fn of(kind: &str) -> Self {
        match kind {
            "blockquote" | "expandable_blockquote" => Self::Quote,
            "code" | "pre" => Self::Code,
            "bold" | "italic" | "underline" | "strikethrough" | "spoiler" => Self::Style,
            _ => Self::Other,
        }
    }
}

/// Adds what Telegram recognises on its own: commands, links and mentions outside code and links.
pub fn recognise(text: &str, mut entities: Vec<Entity>) -> Vec<Entity> {
    let mut offset = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        // "see /help." names the command /help.
        let bare = word.trim_end().trim_end_matches(['.', ',', ')', '!', '?', ':', ';']);
        let found = if is_command(bare) {
            Some(("bot_command", length(bare)))
        } else if bare.starts_with("http://") || bare.starts_with("https://") {
            Some(("url", length(bare)))
        } else if is_mention(bare) {
            Some(("mention", length(bare)))
        } else {
            None
        };
        if let Some((kind, length)) = found {
            let own = Entity::new(kind, offset, length);
            let taken = entities.iter().any(|entity| {
                matches!(entity.kind.as_str(), "code" | "pre" | "text_link")
                    && entity.offset < own.end()
                    && own.offset < entity.end()
            });
            if !taken {
                entities.push(own);
            }
        }
        offset += length(word);
    }
    entities.sort_by_key(|entity| (entity.offset, std::cmp::Reverse(entity.length)));
    entities
}

fn is_command(word: &str) -> bool {
    let Some(rest) = word.strip_prefix('/') else { return false };
    let name = rest.split('@').next().unwrap_or_default();
    (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_mention(word: &str) -> bool {
    word.strip_prefix('@').is_some_and(|name| {
        (3..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// The text as HTML that is safe to show: everything escaped, tags only from entities.
pub fn to_html(text: &str, entities: &[Entity]) -> String {
    let units: Vec<u16> = text.encode_utf16().collect();
    render(&units, 0, units.len(), entities).into_string()
}

/// Walks one level; what lies inside an entity is the next level. Overlaps are clipped, so the result is always well-formed.
fn render(units: &[u16], from: usize, to: usize, entities: &[Entity]) -> Markup {
    let mut at = from;
    let mut index = 0;
    let mut out = String::new();
    while let Some(entity) = entities.get(index) {
        index += 1;
        let start = entity.offset.clamp(at, to);
        let end = entity.end().clamp(start, to);
        if end == start {
            continue;
        }
        out.push_str(&plain(units, at, start));
        let inner_count = entities[index..].iter().take_while(|inner| inner.offset < end).count();
        let inner = render(units, start, end, &entities[index..index + inner_count]);
        out.push_str(&wrap(entity, &inner, &plain_text(units, start, end)).into_string());
        index += inner_count;
        at = end;
    }
    out.push_str(&plain(units, at, to));
    maud::PreEscaped(out)
}

fn plain_text(units: &[u16], from: usize, to: usize) -> String {
    String::from_utf16_lossy(units.get(from..to).unwrap_or_default())
}

fn plain(units: &[u16], from: usize, to: usize) -> String {
    plain_text(units, from, to).render().into_string()
}

fn wrap(entity: &Entity, inner: &Markup, text: &str) -> Markup {
    let link = |href: &str| html! { a href=(href) target="_blank" rel="noopener noreferrer" { (inner) } };
    match entity.kind.as_str() {
        "bold" => html! { b { (inner) } },
        "italic" => html! { i { (inner) } },
        "underline" => html! { u { (inner) } },
        "strikethrough" => html! { s { (inner) } },
        "spoiler" => html! { span.spoiler { (inner) } },
        "code" => html! { code { (inner) } },
        "pre" => html! { pre { (inner) } },
        "blockquote" => html! { blockquote { (inner) } },
        "expandable_blockquote" => html! { blockquote.expandable { (inner) } },
        "bot_command" => html! { a.command href="#" data-command=(text) { (inner) } },
        "url" => link(text),
        "text_link" => link(entity.url.as_deref().filter(|url| is_web(url)).unwrap_or("#")),
        _ => inner.clone(),
    }
}

fn is_web(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://") || url.starts_with("tg://")
}
