//! Reading `parse_mode=HTML` as strictly as Telegram does.
//!
//! <https://core.telegram.org/bots/api#html-style>: a short list of tags, every `<` starts one, all must be closed in order.
//! A lenient reader here would hide every message that the real one refuses.

use super::entities::Entity;

/// An opened tag that waits for its end.
struct Open {
    name: String,
    offset: usize,
    entity: Option<Entity>,
}

/// Text and entities, or what follows `can't parse entities: `.
pub fn parse(source: &str) -> Result<(String, Vec<Entity>), String> {
    let mut reader = Reader { source, at: 0, text: String::new(), length: 0 };
    let mut stack: Vec<Open> = Vec::new();
    let mut entities = Vec::new();
    while let Some(character) = reader.peek() {
        let begin = reader.at;
        match character {
            '<' if reader.source[begin..].starts_with("</") => {
                close(&mut reader, &mut stack, &mut entities)?;
            }
            '<' => stack.push(reader.start_tag()?),
            '&' => {
                let decoded = reader.entity();
                reader.push(decoded);
            }
            other => {
                reader.at += other.len_utf8();
                reader.push(other);
            }
        }
    }
    if let Some(open) = stack.last() {
        return Err(format!("Can't find end tag corresponding to start tag \"{}\"", open.name));
    }
    entities.sort_by_key(|entity: &Entity| (entity.offset, std::cmp::Reverse(entity.length)));
    Ok((reader.text, entities))
}

fn close(reader: &mut Reader<'_>, stack: &mut Vec<Open>, entities: &mut Vec<Entity>) -> Result<(), String> {
    let begin = reader.at;
    let rest = &reader.source[begin + 2..];
    let Some(end) = rest.find('>') else {
        return Err(format!("Unclosed end tag at byte offset {begin}"));
    };
    let name = rest[..end].trim().to_lowercase();
    reader.at = begin + 2 + end + 1;
    let Some(open) = stack.pop() else {
        return Err(format!("Unexpected end tag at byte offset {begin}"));
    };
    if !name.is_empty() && name != open.name {
        return Err(format!(
            "Unmatched end tag at byte offset {begin}, expected \"</{}>\", found \"</{name}>\"",
            open.name
        ));
    }
    let Some(mut entity) = open.entity.filter(|_| reader.length > open.offset) else {
        return Ok(());
    };
    entity.offset = open.offset;
    entity.length = reader.length - open.offset;
    // <pre><code class="language-…"> is one entity with a language.
    let parent = stack.last_mut().filter(|parent| parent.name == "pre" && parent.offset == open.offset);
    if let (Some(parent), "code") = (parent, open.name.as_str())
        && let Some(pre) = &mut parent.entity
    {
        pre.language = entity.language;
        return Ok(());
    }
    if entity.kind == "code" {
        entity.language = None;
    }
    entities.push(entity);
    Ok(())
}

struct Reader<'a> {
    source: &'a str,
    at: usize,
    text: String,
    length: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.source[self.at..].chars().next()
    }

    fn push(&mut self, character: char) {
        self.text.push(character);
        self.length += character.len_utf16();
    }

    /// The four named entities and numeric ones; any other `&` stands for itself.
    fn entity(&mut self) -> char {
        let rest = &self.source[self.at..];
        for (name, character) in [("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&'), ("&quot;", '"')] {
            if rest.starts_with(name) {
                self.at += name.len();
                return character;
            }
        }
        let numeric = rest.strip_prefix("&#").and_then(|digits| {
            let end = digits.find(';').filter(|end| (1..=8).contains(end))?;
            let number = match digits[..end].strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits[..end].parse().ok()?,
            };
            Some((char::from_u32(number).filter(|character| *character != '\0')?, end + 3))
        });
        let (character, bytes) = numeric.unwrap_or(('&', 1));
        self.at += bytes;
        character
    }

    fn start_tag(&mut self) -> Result<Open, String> {
        let begin = self.at;
        let unclosed = || format!("Unclosed start tag at byte offset {begin}");
        let rest = &self.source[begin + 1..];
        let name_end = rest.find(|c: char| c.is_whitespace() || c == '>').ok_or_else(unclosed)?;
        let name = rest[..name_end].to_lowercase();
        self.at = begin + 1 + name_end;
        let kind = kind_of(&name).ok_or_else(|| format!("Unsupported start tag \"{name}\" at byte offset {begin}"))?;
        let mut entity = Entity::new(kind, 0, 0);
        let mut is_spoiler = name != "span";
        while let Some((attribute, value)) = self.attribute(begin, &name)? {
            match (name.as_str(), attribute.as_str()) {
                ("a", "href") => entity.url = url::Url::parse(&value).ok().map(String::from),
                ("code", "class") => entity.language = value.strip_prefix("language-").map(str::to_owned),
                ("span", "class") => is_spoiler = value == "tg-spoiler",
                ("tg-emoji", "emoji-id") => entity.custom_emoji_id = Some(value),
                ("blockquote", "expandable") => "expandable_blockquote".clone_into(&mut entity.kind),
                _ => {}
            }
        }
        if !is_spoiler {
            return Err(format!("Tag \"span\" must have class \"tg-spoiler\" at byte offset {begin}"));
        }
        if name == "tg-emoji" && entity.custom_emoji_id.is_none() {
            return Err(format!("Tag \"tg-emoji\" must have a valid \"emoji-id\" attribute at byte offset {begin}"));
        }
        // A link without a usable address is shown as plain text.
        let keep = name != "a" || entity.url.is_some();
        Ok(Open { name, offset: self.length, entity: keep.then_some(entity) })
    }

    /// The next attribute, or `None` after the closing `>`.
    fn attribute(&mut self, begin: usize, tag: &str) -> Result<Option<(String, String)>, String> {
        let unclosed = || format!("Unclosed start tag at byte offset {begin}");
        self.at += self.source[self.at..].len() - self.source[self.at..].trim_start().len();
        let rest = &self.source[self.at..];
        if rest.starts_with('>') {
            self.at += 1;
            return Ok(None);
        }
        let name_end = rest.find(|c: char| c.is_whitespace() || c == '=' || c == '>').ok_or_else(unclosed)?;
        let name = rest[..name_end].to_lowercase();
        if name.is_empty() {
            return Err(format!("Empty attribute name in the tag \"{tag}\" at byte offset {begin}"));
        }
        self.at += name_end;
        let rest = self.source[self.at..].trim_start();
        let Some(value) = rest.strip_prefix('=') else {
            if tag == "blockquote" && name == "expandable" {
                return Ok(Some((name, String::new())));
            }
            return Err(format!(
                "Expected equal sign in declaration of an attribute of the tag \"{tag}\" at byte offset {begin}"
            ));
        };
        let value = value.trim_start();
        self.at = self.source.len() - value.len();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (raw, consumed) = if let Some(quote) = quote {
            let end = value[1..].find(quote).ok_or_else(unclosed)?;
            (&value[1..=end], end + 2)
        } else {
            let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
            let end = value.find(|c: char| !is_bare(c)).ok_or_else(unclosed)?;
            if end == 0 {
                return Err(format!("Unexpected end of name token at byte offset {}", self.at));
            }
            (&value[..end], end)
        };
        self.at += consumed;
        Ok(Some((name, decode(raw))))
    }
}

fn decode(text: &str) -> String {
    let mut reader = Reader { source: text, at: 0, text: String::new(), length: 0 };
    while let Some(character) = reader.peek() {
        if character == '&' {
            let decoded = reader.entity();
            reader.push(decoded);
        } else {
            reader.at += character.len_utf8();
            reader.push(character);
        }
    }
    reader.text
}

fn kind_of(tag: &str) -> Option<&'static str> {
    Some(match tag {
        "b" | "strong" => "bold",
        "i" | "em" => "italic",
        "u" | "ins" => "underline",
        "s" | "strike" | "del" => "strikethrough",
        "span" | "tg-spoiler" => "spoiler",
        "a" => "text_link",
        "code" => "code",
        "pre" => "pre",
        "blockquote" => "blockquote",
        "tg-emoji" => "custom_emoji",
        _ => return None,
    })
}
