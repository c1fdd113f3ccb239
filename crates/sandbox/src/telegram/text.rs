//! The text or caption of a message: markup read, white space cut, length measured.
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
/// <https://core.telegram.org/bots/api#sendmessage>: "1-4096 characters after entities parsing".
const TEXT_LENGTH: usize = 4096;

/// <https://core.telegram.org/bots/api#sendphoto>: "0-1024 characters after entities parsing".
const CAPTION_LENGTH: usize = 1024;

/// A text after its markup was read.
#[derive(Debug, Clone, Default)]
pub struct Formatted {
    pub text: String,
    pub entities: Vec<Entity>,
    pub source: String,
    pub parse_mode: Option<String>,
}

/// A text, which must say something.
pub fn text(parameters: &Parameters, too_long: &str) -> Result<Formatted, Refusal> {
    let formatted = formatted(parameters, "text", "entities")?;
    if formatted.text.is_empty() {
        return Err(Refusal::bad_request("message text is empty"));
    }
    if entities::length(&formatted.text) > TEXT_LENGTH {
        return Err(Refusal::bad_request(too_long));
    }
    Ok(formatted)
}

/// A caption, which may be empty.
pub fn caption(parameters: &Parameters) -> Result<Formatted, Refusal> {
    let formatted = formatted(parameters, "caption", "caption_entities")?;
    if entities::length(&formatted.text) > CAPTION_LENGTH {
        return Err(Refusal::bad_request("message caption is too long"));
    }
    Ok(formatted)
}

/// Reads the markup and cuts white space.
fn formatted(parameters: &Parameters, text: &str, entities: &str) -> Result<Formatted, Refusal> {
    let source = parameters.text(text).unwrap_or_default();
    let parse_mode = parameters.text("parse_mode").filter(|mode| !mode.is_empty());
    let cannot_parse = |why: &str| Refusal::bad_request(&format!("can't parse entities: {why}"));
    let (text, entities) = match parse_mode.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None => {
            let given = parameters.structure(entities)?.unwrap_or(Value::Array(Vec::new()));
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
    let entities = entities::recognise(&text, entities::nested_as_allowed(entities));
    Ok(Formatted { text, entities, source, parse_mode })
}
