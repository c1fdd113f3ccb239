//! What operators say about themselves and their reasons, as far as it can be kept and shown on one line.

/// The most characters of it.
const LONGEST: usize = 500;

/// A reason or a name. Kept sealed and shown to the auditor, so that nothing in it may move a terminal's cursor.
pub fn words(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST || text.chars().any(char::is_control) {
        return Err(format!("expected 1 to {LONGEST} characters, on one line"));
    }
    Ok(text.to_owned())
}

/// Who acts. An environment that names nobody is no mistake of whoever types.
pub fn operator(text: &str) -> Result<String, String> {
    if text.is_empty() { Ok("operator".to_owned()) } else { words(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_not_named_is_an_operator() {
        assert_eq!(operator("").unwrap(), "operator");
        assert_eq!(operator(" Ada ").unwrap(), "Ada");
        assert!(operator("a\nb").is_err());
    }

    #[test]
    fn words_fit_on_one_line_and_are_not_nothing() {
        assert_eq!(words("  the owner asked ").unwrap(), "the owner asked");
        for text in ["", "  ", "a\nb", "\u{1b}[2J", &"x".repeat(501)] {
            assert!(words(text).is_err(), "{text:?}");
        }
    }
}
