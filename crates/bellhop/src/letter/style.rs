//! What a style attribute says about whether people can see what is inside. Newsletters hide a first line for the list of
//! mails, and senders of junk hide what filters should read.
//!
//! Style sheets are not read: what only a class hides is shown. Text that cannot be seen for its colour is recognised
//! where one element sets both colours alike.

use std::collections::BTreeMap;

/// The longest style that is read, in bytes.
const LONGEST: usize = 4 * 1024;

/// A colour, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Red, green and blue.
    Plain([u8; 3]),
    /// Some other colour, or a picture: nobody can say that letters of it cannot be seen.
    Other,
}

impl Paint {
    /// A colour as attributes write it, in small letters.
    #[must_use]
    pub fn of(value: &str) -> Self {
        colour(value).map_or(Self::Other, Self::Plain)
    }
}

/// What a style says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Visibility {
    /// Nothing inside can be seen, whatever it says for itself: shifted away, transparent, or without room.
    pub hides: bool,
    /// Whether it is taken out of the page with everything inside, where the style says whether it is.
    pub is_out: Option<bool>,
    /// Whether letters are too small to be seen, where the style says how big they are. What is inside may say otherwise.
    pub is_tiny: Option<bool>,
    /// Whether it takes room and is not drawn, where the style says whether it is. What is inside may say otherwise.
    pub is_invisible: Option<bool>,
    /// The colour of letters.
    pub ink: Option<Paint>,
    /// The colour behind them.
    pub ground: Option<Paint>,
    /// Whether it says that there is no line around or beside.
    pub is_borderless: bool,
}

/// Whether people can see text, by the styles of all elements around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sight {
    is_out: bool,
    is_tiny: bool,
    is_invisible: bool,
    /// The colour that letters and what is behind them share.
    disguise: Option<Paint>,
}

impl Sight {
    /// What cannot be seen whatever is inside.
    pub const OUT: Self = Self { is_out: true, is_tiny: false, is_invisible: false, disguise: None };

    /// Whether text can be seen.
    #[must_use]
    pub fn is_seen(self) -> bool {
        self == Self::default()
    }

    /// Whether nothing inside can be seen or takes room.
    #[must_use]
    pub fn is_out(self) -> bool {
        self.is_out
    }

    /// What can be seen inside an element of this style.
    #[must_use]
    pub fn within(self, style: Visibility) -> Self {
        let disguise = match (style.ink, style.ground) {
            (None, None) => self.disguise,
            (Some(ink), Some(ground)) => Some(ink).filter(|ink| *ink == ground),
            (Some(one), None) | (None, Some(one)) => self.disguise.filter(|around| *around == one),
        };
        Self {
            is_out: self.is_out || style.hides || style.is_out == Some(true),
            is_tiny: style.is_tiny.unwrap_or(self.is_tiny),
            is_invisible: style.is_invisible.unwrap_or(self.is_invisible),
            disguise: disguise.filter(|paint| *paint != Paint::Other),
        }
    }
}

/// Reads the style attribute of an element.
#[must_use]
pub fn visibility(style: &str) -> Visibility {
    let end = style.char_indices().map(|(index, one)| index + one.len_utf8()).take_while(|end| *end <= LONGEST).last();
    let style = style[..end.unwrap_or(0)].to_ascii_lowercase();
    let declared = declarations(&style);
    let get = |property: &str| declared.get(property).copied();
    let is_far = |property| get(property).and_then(number).is_some_and(|(offset, _)| offset <= -900.0);
    let is_placed = get("position").is_some_and(|value| value != "static");
    let is_flat = |property| get(property).and_then(number).is_some_and(|(size, _)| size.abs() < 0.01);
    let is_clipped = get("overflow") == Some("hidden");
    let is_transparent = get("opacity").is_some_and(|value| value.parse::<f32>().is_ok_and(|opacity| opacity <= 0.01));
    let has_picture = get("background-image").is_some_and(|value| value != "none");
    Visibility {
        hides: is_transparent
            || is_far("text-indent")
            || is_far("margin-left")
            || (is_placed && (is_far("left") || is_far("top")))
            || (is_clipped && ["height", "max-height", "width", "max-width"].into_iter().any(is_flat)),
        is_out: get("display").map(|value| value == "none"),
        is_tiny: get("font-size").map(|value| number(value).is_some_and(is_tiny)),
        is_invisible: get("visibility")
            .filter(|value| *value != "inherit")
            .map(|value| matches!(value, "hidden" | "collapse")),
        ink: get("color").filter(|value| *value != "inherit").map(Paint::of),
        ground: if has_picture { Some(Paint::Other) } else { get("background-color").and_then(ground) },
        is_borderless: get("border").is_some_and(|value| value.starts_with("none") || value.starts_with('0'))
            && !declared.keys().any(|property| property.starts_with("border-left")),
    }
}

/// What is declared for each property: the last word counts, and before it the last that calls itself important.
fn declarations(style: &str) -> BTreeMap<&str, &str> {
    let all: Vec<_> = style
        .split(';')
        .filter_map(|declaration| declaration.split_once(':'))
        .map(|(property, value)| {
            let (value, is_important) = value.split_once('!').map_or((value, false), |(value, _)| (value, true));
            let (property, value) = (property.trim(), value.trim());
            match property {
                "font" => ("font-size", size_of_font(value), is_important),
                "background" => ("background-color", value, is_important),
                _ => (property, value, is_important),
            }
        })
        .collect();
    let rank = |wanted: bool| all.iter().filter(move |(.., is_important)| *is_important == wanted);
    rank(false).chain(rank(true)).map(|(property, value, _)| (*property, *value)).collect()
}

/// The size in a declaration of a whole font: the one number with a unit, or what stands before the height of lines.
fn size_of_font(value: &str) -> &str {
    let size = value.split_whitespace().find_map(|word| match word.split_once('/') {
        Some((size, _)) => Some(size),
        None => number(word).filter(|(size, unit)| !unit.is_empty() || *size < 0.01).map(|_| word),
    });
    size.unwrap_or_default()
}

fn ground(value: &str) -> Option<Paint> {
    if matches!(value, "" | "none" | "transparent" | "inherit" | "initial") {
        return None;
    }
    if value.contains("url(") || value.contains("gradient(") {
        return Some(Paint::Other);
    }
    let plain = colour(value).or_else(|| value.split_whitespace().find_map(colour));
    Some(plain.map_or(Paint::Other, Paint::Plain))
}

fn is_tiny((size, unit): (f32, &str)) -> bool {
    match unit {
        "em" | "rem" => size <= 0.1,
        "%" => size <= 10.0,
        _ => size <= 1.0,
    }
}

/// A number and its unit.
fn number(value: &str) -> Option<(f32, &str)> {
    let end = value.find(|one: char| !matches!(one, '0'..='9' | '.' | '-' | '+')).unwrap_or(value.len());
    let (digits, unit) = value.split_at(end);
    Some((digits.parse().ok()?, unit.trim()))
}

fn colour(value: &str) -> Option<[u8; 3]> {
    match value {
        "white" => return Some([255; 3]),
        "black" => return Some([0; 3]),
        _ => {}
    }
    if let Some(digits) = value.strip_prefix('#') {
        let digit = |index: usize| digits.get(index..=index).and_then(|one| u8::from_str_radix(one, 16).ok());
        return match digits.len() {
            3 => Some([digit(0)? * 17, digit(1)? * 17, digit(2)? * 17]),
            6 => Some([digit(0)? * 16 + digit(1)?, digit(2)? * 16 + digit(3)?, digit(4)? * 16 + digit(5)?]),
            _ => None,
        };
    }
    let mut parts = value.strip_prefix("rgb(")?.strip_suffix(')')?.split(',').map(|part| part.trim().parse().ok());
    Some([parts.next()??, parts.next()??, parts.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_cannot_see_is_recognised() {
        for hidden in [
            "display:none",
            "DISPLAY : None !important",
            "color:red;visibility:hidden",
            "opacity:0",
            "max-height:0px;overflow:hidden",
            "overflow: hidden; height: 0",
            "text-indent:-9999px",
            "color:#fff;background-color:#FFFFFF",
            "background:white;color:rgb(255, 255, 255)",
        ] {
            assert!(!Sight::default().within(visibility(hidden)).is_seen(), "{hidden}");
        }
        for tiny in ["font-size:0", "font-size:1px", "font-size: 0.1em", "font-size:0.0pt"] {
            assert_eq!(visibility(tiny).is_tiny, Some(true), "{tiny}");
        }
    }

    #[test]
    fn what_people_can_see_is_left_alone() {
        for seen in [
            "",
            "display:block",
            "height:0",
            "max-height:0",
            "overflow:hidden",
            "opacity:0.5",
            "color:#fff",
            "color:#fff;background:#000",
            "color:#fff;background:#fff url(sky.png)",
            "text-indent:-1em",
            ";;;:::",
            "font-size:large",
            "color:#é1;background:#é1",
        ] {
            let said = visibility(seen);
            assert!(!said.hides && said.is_tiny != Some(true), "{seen}");
            assert!(Sight::default().within(said).is_seen(), "{seen}");
        }
    }
}
