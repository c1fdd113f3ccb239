//! Turns the bytes of a text part into text.
//!
//! The declared character set is a hint, not the truth: Gmail is said to hand text parts over as UTF-8 while their
//! headers still name the old set, other senders declare what they do not use, and some declare nothing.

use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Text of any bytes; never fails. What cannot be read becomes U+FFFD.
///
/// In this order:
/// 1. UTF-16 and ISO-2022-JP, where they are declared and the bytes show it (a NUL, an escape): such bytes are valid
///    UTF-8 too.
/// 2. UTF-8, where the bytes are valid, whatever is declared: text in another set hardly ever is.
/// 3. The declared set, if we know it (<https://encoding.spec.whatwg.org/#names-and-labels>).
/// 4. UTF-8, if it is declared or most of what is not ASCII is valid; else windows-1252, in which every byte is
///    something.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn utf_8_is_read_as_utf_8_whatever_is_declared() {
        for charset in
            [None, Some("utf-8"), Some("iso-8859-1"), Some("ISO-2022-JP"), Some("utf-16"), Some("x-own"), Some("")]
        {
            for text in ["Grüße aus Łódź", "会議", "plain", "👩‍👩‍👧 שלום", ""] {
                assert_eq!(decode_text(text.as_bytes(), charset), text, "{charset:?}");
            }
        }
        assert_eq!(decode_text("\u{feff}Grüße".as_bytes(), Some("utf-8")), "Grüße");
    }

    #[test]
    fn a_declared_set_is_used_where_the_bytes_are_no_utf_8() {
        for (bytes, charset, text) in [
            (&b"Gr\xfc\xdfe"[..], "iso-8859-1", "Grüße"),
            (b"\x80 12", "windows-1252", "€ 12"),
            (b"\xf0\xd2\xc9\xd7\xc5\xd4", "KOI8-R", "Привет"),
            (b"\x83\x65\x83\x58\x83\x67", " shift_jis ", "テスト"),
            (b"\xc4\xe3\xba\xc3", "gb2312", "你好"),
            (b"\xb1\xe6", "iso-8859-2", "ąć"),
        ] {
            assert_eq!(decode_text(bytes, Some(charset)), text, "{charset}");
        }
    }

    #[test]
    fn seven_bit_and_wide_text_is_not_mistaken_for_utf_8() {
        assert_eq!(decode_text(b"\x1b$B2q5D\x1b(B!", Some("iso-2022-jp")), "会議!");
        // An escape within what has been turned into UTF-8 already.
        assert_eq!(decode_text("会\x1b議".as_bytes(), Some("iso-2022-jp")), "会\x1b議");
        assert_eq!(decode_text(b"h\0i\0", Some("utf-16")), "hi");
        assert_eq!(decode_text(b"\0h\0i", Some("utf-16be")), "hi");
        // The byte order mark is believed over the label.
        assert_eq!(decode_text(b"\xfe\xff\0h\0i", Some("utf-16")), "hi");
        // Sets that browsers refuse to read are shown as they are.
        assert_eq!(decode_text(b"~{VPND~}", Some("hz-gb-2312")), "~{VPND~}");
        assert_eq!(decode_text(b"Gr+APwA3w-e", Some("utf-7")), "Gr+APwA3w-e");
    }

    #[test]
    fn undeclared_text_is_guessed() {
        for charset in [None, Some("x-own"), Some("hz-gb-2312")] {
            assert_eq!(decode_text(b"Gr\xfc\xdfe", charset), "Grüße", "{charset:?}");
            // UTF-8 that was cut within its last character.
            assert_eq!(
                decode_text(b"Gr\xc3\xbc\xc3\x9fe aus \xc5\x81\xc3", charset),
                "Grüße aus Ł\u{fffd}",
                "{charset:?}"
            );
        }
        assert_eq!(decode_text(b"Gr\xfc\xdfe", Some("utf-8")), "Gr\u{fffd}\u{fffd}e");
    }

    proptest! {
        #[test]
        fn any_bytes_become_text(bytes: Vec<u8>, charset in any::<Option<usize>>()) {
            const LABELS: [&str; 8] =
                ["utf-8", "utf-16le", "iso-2022-jp", "gb18030", "big5", "euc-kr", "x-user-defined", "hz-gb-2312"];
            let charset = charset.map(|choice| LABELS[choice % LABELS.len()]);
            let text = decode_text(&bytes, charset);
            prop_assert_eq!(decode_text(text.as_bytes(), None), text.trim_start_matches('\u{feff}'));
        }
    }
}
