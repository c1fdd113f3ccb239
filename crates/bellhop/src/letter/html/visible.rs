//! What an element says of whether people can see it: its style, and the attributes that are older than styles.

use html5gum::StartTag;

use crate::letter::style::{Paint, Visibility, visibility};

/// What an element says of whether it can be seen; nothing of it where what is hidden is read too.
pub fn style_of(tag: &StartTag<()>, reveals: bool) -> Visibility {
    let attribute = |name: &[u8]| tag.attributes.get(name).map(|value| String::from_utf8_lossy(&value.value));
    let mut style = attribute(b"style").map(|style| visibility(&style)).unwrap_or_default();
    if reveals {
        return Visibility { is_borderless: style.is_borderless, ..Visibility::default() };
    }
    if tag.attributes.contains_key(b"hidden".as_slice()) {
        style.is_out.get_or_insert(true);
    }
    let paint = |name: &[u8]| attribute(name).map(|value| Paint::of(&value.trim().to_ascii_lowercase()));
    // Links have a colour of their own.
    let link = (tag.name.as_slice() == b"a").then_some(Paint::Other);
    style.ink = style.ink.or_else(|| paint(b"color")).or(link);
    let picture = attribute(b"background").map(|_| Paint::Other);
    style.ground = style.ground.or(picture).or_else(|| paint(b"bgcolor"));
    style
}
