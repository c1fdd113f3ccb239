//! What a style attribute says about whether people can see what is inside. Newsletters hide a first line for the list of
//! mails, and senders of junk hide what filters should read.
//!
//! Style sheets are not read: what only a class hides is shown. Text that cannot be seen for its colour is recognised
//! where one element sets both colours alike.

/// The longest style that is read, in bytes.
const LONGEST: usize = 4 * 1024;

/// What a style says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Visibility {
    /// Nothing inside can be seen, whatever it says for itself.
    pub hides: bool,
    /// Whether letters are too small to be seen, where the style says how big they are. What is inside may say otherwise.
    pub is_tiny: Option<bool>,
}

/// Reads the style attribute of an element.
#[must_use]
pub fn visibility(style: &str) -> Visibility {
    let mut said = Visibility::default();
    let (mut clipped, mut flat, mut ink, mut ground) = (false, false, None, None);
    let end = style.char_indices().map(|(index, one)| index + one.len_utf8()).take_while(|end| *end <= LONGEST).last();
    let style = style[..end.unwrap_or(0)].to_ascii_lowercase();
    for declaration in style.split(';') {
        let Some((property, value)) = declaration.split_once(':') else { continue };
        let value = value.trim().trim_end_matches("!important").trim();
        match property.trim() {
            "display" => said.hides |= value == "none",
            "visibility" => said.hides |= matches!(value, "hidden" | "collapse"),
            "opacity" => said.hides |= value.parse::<f32>().is_ok_and(|opacity| opacity <= 0.01),
            "text-indent" | "left" | "top" | "margin-left" => {
                said.hides |= number(value).is_some_and(|(offset, _)| offset <= -900.0);
            }
            "height" | "max-height" | "width" | "max-width" => {
                flat |= number(value).is_some_and(|(size, _)| size.abs() < 0.01);
            }
            "overflow" => clipped = value == "hidden",
            "font-size" => said.is_tiny = Some(number(value).is_some_and(is_tiny)),
            "color" => ink = colour(value),
            "background-color" => ground = colour(value),
            "background" => ground = value.split_whitespace().find_map(colour),
            _ => {}
        }
    }
    said.hides |= flat && clipped;
    said.hides |= ink.is_some() && ink == ground && !style.contains("url(") && !style.contains("gradient(");
    said
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
            assert!(visibility(hidden).hides, "{hidden}");
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
        }
    }
}
