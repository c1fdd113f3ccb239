//! The text of a message: markup read, white space cut, length measured.
//!
//! <https://core.telegram.org/bots/api#formatting-options>

use serde_json::Value;

use super::{
    entities::{self, Entity},
    html,
    methods::Refusal,
    parameters::Parameters,
};

/// Characters of a text after its markup is read, in UTF-16 code units.
const TEXT_LENGTH: usize = 4096;

/// A text after its markup was read.
pub struct Formatted {
    pub text: String,
    pub entities: Vec<Entity>,
    pub source: String,
    pub parse_mode: Option<String>,
}

/// Reads the markup, cuts white space and measures what is left.
pub fn formatted(parameters: &Parameters, too_long: &str) -> Result<Formatted, Refusal> {
    let source = parameters.text("text").unwrap_or_default();
    let parse_mode = parameters.text("parse_mode").filter(|mode| !mode.is_empty());
    let cannot_parse = |why: &str| Refusal::bad_request(&format!("can't parse entities: {why}"));
    let (text, entities) = match parse_mode.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None => {
            let given = parameters.structure("entities")?.unwrap_or(Value::Array(Vec::new()));
            let given: Vec<Entity> =
                serde_json::from_value(given).map_err(|_| cannot_parse("Can't parse entities JSON object"))?;
            if given.iter().any(|entity| entity.end() > entities::length(&source)) {
                return Err(cannot_parse("entity out of the text's bounds"));
            }
            (source.clone(), given)
        }
        Some("html") => html::parse(&source).map_err(|why| cannot_parse(&why))?,
        Some("markdown" | "markdownv2") => {
            return Err(cannot_parse("Markdown is not supported by this stand-in; use HTML"));
        }
        Some(_) => return Err(Refusal::bad_request("unsupported parse_mode")),
    };
    let (text, entities) = entities::trim(&text, entities);
    if text.is_empty() {
        return Err(Refusal::bad_request("message text is empty"));
    }
    if entities::length(&text) > TEXT_LENGTH {
        return Err(Refusal::bad_request(too_long));
    }
    let entities = entities::recognise(&text, entities);
    Ok(Formatted { text, entities, source, parse_mode })
}
