//! Undoes what mail and Gmail do to text: encoded words in headers, HTML escapes in snippets.
//!
//! What cannot be undone stays as it is: a strange subject is better than none. Making text safe to show is not done
//! here but where it is shown.

use base64::{Engine, engine::general_purpose::STANDARD};
use encoding_rs::Encoding;

/// Decodes the encoded words of a header (RFC 2047, section 2), each by itself and only if all of it can be read. Gmail
/// mostly sends headers decoded already; text without such words passes unchanged.
pub(crate) fn decode_header(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, candidate) = rest.split_at(start);
        let Some((word, remaining)) = read_word(candidate) else {
            decoded.push_str(before);
            decoded.push_str("=?");
            rest = &candidate[2..];
            after_word = false;
            continue;
        };
        // White space between two encoded words only folds the line (RFC 2047, section 6.2).
        if !(after_word && before.trim().is_empty()) {
            decoded.push_str(before);
        }
        decoded.push_str(&word);
        rest = remaining;
        after_word = true;
    }
    decoded.push_str(rest);
    decoded
}

/// Reads `=?charset?encoding?text?=` at the start; gives the word and what follows it.
fn read_word(text: &str) -> Option<(String, &str)> {
    let mut parts = text.strip_prefix("=?")?.splitn(3, '?');
    let (charset, encoding, content) = (parts.next()?, parts.next()?, parts.next()?);
    let (content, remaining) = content.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => STANDARD.decode(content).ok()?,
        "Q" | "q" => decode_quoted(content)?,
        _ => return None,
    };
    // A language may follow the charset after an asterisk (RFC 2231, section 5).
    let charset = charset.split('*').next()?.to_ascii_lowercase();
    let word = match charset.as_str() {
        "utf-8" | "us-ascii" => String::from_utf8(bytes).ok()?,
        "iso-8859-1" => bytes.into_iter().map(char::from).collect(),
        label => Encoding::for_label_no_replacement(label.as_bytes())?
            .decode_without_bom_handling_and_without_replacement(&bytes)?
            .into_owned(),
    };
    Some((word, remaining))
}

/// The Q encoding (RFC 2047, section 4.2).
fn decode_quoted(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'_' => b' ',
            b'=' => {
                let (high, low) = (char::from(rest.next()?).to_digit(16)?, char::from(rest.next()?).to_digit(16)?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    Some(bytes)
}

/// Turns the escapes Gmail puts into snippets back into characters: `&amp; &lt; &gt; &quot; &apos; &nbsp;` and numbers.
/// Once only: what was written as `&amp;lt;` is the text `&lt;`.
pub(crate) fn unescape_html(text: &str) -> String {
    // The longest escape there is: `&#x10FFFF;`.
    const LONGEST: usize = 10;
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        let escape = rest.bytes().take(LONGEST).position(|byte| byte == b';').map(|end| &rest[1..end]);
        if let Some((escape, character)) = escape.and_then(|escape| Some((escape, read_escape(escape)?))) {
            plain.push(character);
            rest = &rest[escape.len() + 2..];
        } else {
            plain.push('&');
            rest = &rest[1..];
        }
    }
    plain.push_str(rest);
    plain
}

fn read_escape(escape: &str) -> Option<char> {
    match escape {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = escape.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|character| *character != '\0')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_words_become_text() {
        for (header, text) in [
            ("Plain", "Plain"),
            ("Grüße, schon lesbar", "Grüße, schon lesbar"),
            ("=?UTF-8?B?R3LDvMOfZQ==?=", "Grüße"),
            ("=?utf-8?q?Gr=C3=BC=C3=9Fe_aus?= =?utf-8?Q?_Ulm?=", "Grüße aus Ulm"),
            ("=?ISO-8859-1*de?Q?Gr=FC=DFe?= <a@b.example>", "Grüße <a@b.example>"),
            ("Re: =?utf-8?Q?a?= b =?utf-8?Q?c?=", "Re: a b c"),
            ("=?koi8-r?B?8A==?=", "П"),
            ("=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?=", "会議"),
        ] {
            assert_eq!(decode_header(header), text);
        }
    }

    #[test]
    fn what_is_no_encoded_word_stays_as_it_is() {
        for header in [
            "=?",
            "=?utf-8?B?",
            "=?utf-8?B?%%?=",
            "=?utf-8?Q?=G1?=",
            "=?utf-8?Q?=FF?=",
            "=?x-own?B?8A==?=",
            "=?gb18030?Q?=FF?=",
            "=?hz-gb-2312?Q?a?=",
            "a=?b",
        ] {
            assert_eq!(decode_header(header), header);
        }
        assert_eq!(decode_header("=?x =?utf-8?Q?a?="), "=?x a");
    }

    #[test]
    fn snippets_lose_their_escapes_once() {
        for (escaped, plain) in [
            ("Tom &amp; Anna&#39;s &lt;b&gt; &quot;x&quot;", "Tom & Anna's <b> \"x\""),
            ("&amp;lt;", "&lt;"),
            ("&#x1F600;&#228;", "😀ä"),
            ("AT&T; R&D & more &", "AT&T; R&D & more &"),
            ("&#0;&#xD800;&#99999999;", "&#0;&#xD800;&#99999999;"),
            ("&ü;&", "&ü;&"),
        ] {
            assert_eq!(unescape_html(escaped), plain);
        }
    }
}
