//! Turns the bytes of a text part into text.
//!
//! The declared character set is a hint, not the truth: Gmail is said to hand text parts over as UTF-8 while their headers still name the
//! old set, other senders declare what they do not use, and some declare nothing.

use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Text of any bytes; never fails. What cannot be read becomes U+FFFD.
///
/// In this order:
/// 1. UTF-16 and ISO-2022-JP, where they are declared and the bytes show it (a NUL, an escape): such bytes are valid UTF-8 too.
/// 2. UTF-8, where the bytes are valid, whatever is declared: text in another set hardly ever is.
/// 3. The declared set, if we know it (<https://encoding.spec.whatwg.org/#names-and-labels>).
/// 4. UTF-8, if it is declared or most of what is not ASCII is valid; else windows-1252, in which every byte is something.
///
/// UTF-7 is shown as it is: what reads it can be made to read what nobody wrote.
///
/// ```
/// use bellhop_providers::decode_text;
/// assert_eq!(decode_text("Grüße".as_bytes(), Some("iso-8859-1")), "Grüße");
/// assert_eq!(decode_text(b"Gr\xfc\xdfe", Some("iso-8859-1")), "Grüße");
/// ```
#[must_use]
pub fn decode_text(bytes: &[u8], charset: Option<&str>) -> String {
    let declared = charset.and_then(|label| Encoding::for_label_no_replacement(label.trim().as_bytes()));
    let shows = |sign: u8| bytes.contains(&sign);
    if let Some(encoding) = declared {
        let is_wide = (encoding == UTF_16LE || encoding == UTF_16BE) && shows(0);
        let is_escaped = encoding == ISO_2022_JP && shows(0x1b) && bytes.is_ascii();
        if is_wide || is_escaped {
            return encoding.decode(bytes).0.into_owned();
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.trim_start_matches('\u{feff}').to_owned();
    }
    match declared {
        Some(encoding) if encoding != UTF_8 => encoding.decode(bytes).0.into_owned(),
        Some(_) => UTF_8.decode(bytes).0.into_owned(),
        None if is_mostly_utf_8(bytes) => UTF_8.decode(bytes).0.into_owned(),
        None => WINDOWS_1252.decode(bytes).0.into_owned(),
    }
}

/// Whether more characters beyond ASCII are valid than not: a text that was cut within one, say.
fn is_mostly_utf_8(bytes: &[u8]) -> bool {
    let (mut valid, mut invalid) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        valid += chunk.valid().chars().filter(|character| !character.is_ascii()).count();
        invalid += usize::from(!chunk.invalid().is_empty());
    }
    valid > invalid
}
