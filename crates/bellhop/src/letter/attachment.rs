//! Attachments in words: a name that cannot deceive, what kind of thing it is, and how big.

use crate::bot::text::{clean, cut, length};

/// The longest name that is shown, in UTF-16 units.
pub const LONGEST_NAME: usize = 60;

/// The longest ending of a name that is kept when the rest is cut, in UTF-16 units.
const LONGEST_ENDING: usize = 12;

/// The name of a file: without folders, orders to turn around or anything else that hides what it is. Nameless ones are
/// numbered.
#[must_use]
pub fn file_name(given: &str, mime_type: &str, number: usize) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = clean(last)
        .chars()
        .filter(|one| !matches!(one, '\u{200c}' | '\u{200d}' | '\u{200e}' | '\u{200f}' | '\u{61c}'))
        .filter(|one| !matches!(one, '"' | '<' | '>' | '|' | '*' | '?' | ':'))
        .collect();
    let name = name.trim().trim_end_matches('.').trim_end();
    if name.is_empty() { format!("attachment-{number}{}", ending_of(mime_type)) } else { shorten(name, LONGEST_NAME) }
}

/// A name of at most this many units, with the ending kept: what a file does depends on it.
#[must_use]
pub fn shorten(name: &str, longest: usize) -> String {
    if length(name) <= longest {
        return name.to_owned();
    }
    let ending = name.rfind('.').map(|dot| &name[dot..]).filter(|ending| length(ending) <= LONGEST_ENDING);
    let ending = ending.unwrap_or_default();
    let room = longest.saturating_sub(length(ending) + 1);
    format!("{}…{ending}", cut(name, room).trim_end())
}

fn ending_of(mime_type: &str) -> &'static str {
    match mime_type.to_ascii_lowercase().as_str() {
        "application/pdf" => ".pdf",
        "image/png" => ".png",
        "image/jpeg" => ".jpg",
        "image/gif" => ".gif",
        "text/calendar" => ".ics",
        "text/plain" => ".txt",
        "text/html" => ".html",
        "text/csv" => ".csv",
        "application/zip" => ".zip",
        "message/rfc822" => ".eml",
        _ => "",
    }
}

/// What kind of thing a file is, by its ending first: that is what a computer goes by.
#[must_use]
pub fn kind(name: &str, mime_type: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    let by_name = match ending.as_str() {
        "pdf" => "PDF",
        "doc" | "docx" | "odt" | "rtf" | "pages" => "document",
        "xls" | "xlsx" | "ods" | "csv" | "numbers" => "spreadsheet",
        "ppt" | "pptx" | "odp" | "key" => "presentation",
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "heic" | "bmp" | "tif" | "tiff" | "svg" => "picture",
        "mp3" | "m4a" | "wav" | "ogg" | "flac" | "opus" => "sound",
        "mp4" | "mov" | "avi" | "mkv" | "webm" => "video",
        "zip" | "7z" | "rar" | "gz" | "tar" | "bz2" | "xz" => "archive",
        "ics" => "invitation",
        "vcf" => "contact",
        "eml" | "msg" => "mail",
        "html" | "htm" => "web page",
        "txt" | "md" | "log" => "text",
        "exe" | "msi" | "bat" | "cmd" | "com" | "scr" | "js" | "jse" | "vbs" | "vbe" | "wsf" | "ps1" | "jar"
        | "apk" | "dmg" | "pkg" | "lnk" | "hta" | "reg" | "iso" | "cpl" | "sh" => "program",
        "p7s" | "asc" | "sig" => "signature",
        "dat" if name.eq_ignore_ascii_case("winmail.dat") => "Outlook's own format",
        _ => "",
    };
    if !by_name.is_empty() {
        return by_name;
    }
    let mime_type = mime_type.to_ascii_lowercase();
    let family = mime_type.split('/').next().unwrap_or_default();
    match (family, mime_type.as_str()) {
        (_, "application/pdf") => "PDF",
        (_, "text/calendar") => "invitation",
        (_, "application/ms-tnef") => "Outlook's own format",
        ("message", _) => "mail",
        ("image", _) => "picture",
        ("audio", _) => "sound",
        ("video", _) => "video",
        ("text", _) => "text",
        _ => "file",
    }
}

/// A size as people say it: "12 bytes", "3.4 kB", "20 MB".
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} byte{}", if bytes == 1 { "" } else { "s" });
    }
    // In tenths, rounded down.
    let (mut tenths, mut unit) = (bytes / 100, 0);
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or("TB");
    if tenths < 100 { format!("{}.{} {unit}", tenths / 10, tenths % 10) } else { format!("{} {unit}", tenths / 10) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bot::text::tests::hostile;

    #[test]
    fn a_name_cannot_pretend_to_be_another() {
        for (given, shown) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\photo.jpg", "photo.jpg"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("a\r\nb.txt", "a b.txt"),
            ("", "attachment-2.pdf"),
            ("///", "attachment-2.pdf"),
            ("\u{202e}", "attachment-2.pdf"),
            ("trailing...", "trailing"),
        ] {
            assert_eq!(file_name(given, "application/pdf", 2), shown, "{given:?}");
        }
    }

    #[test]
    fn the_ending_of_a_long_name_stays_visible() {
        let name = file_name(&format!("{}.pdf.exe", "holiday ".repeat(40)), "application/pdf", 1);
        assert!(name.ends_with("….exe") && length(&name) <= LONGEST_NAME, "{name}");
        assert_eq!(kind(&name, "application/pdf"), "program");
    }

    #[test]
    fn kinds_and_sizes_are_in_peoples_words() {
        assert_eq!(kind("a.docx", "application/octet-stream"), "document");
        assert_eq!(kind("winmail.dat", "application/octet-stream"), "Outlook's own format");
        assert_eq!(kind("noname", "IMAGE/PNG"), "picture");
        assert_eq!(kind("noname", "x"), "file");
        for (bytes, words) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (12_345, "12 kB"),
            (999_499, "999 kB"),
            (999_999, "999 kB"),
            (1_000_000, "1.0 MB"),
            (20_971_520, "20 MB"),
            (u64::MAX, "18446744 TB"),
        ] {
            assert_eq!(size(bytes), words);
        }
    }

    proptest! {
        #[test]
        fn any_name_is_short_and_one_line(given in hostile(), mime_type in ".{0,20}") {
            let name = file_name(&given, &mime_type, 1);
            prop_assert!(!name.is_empty() && length(&name) <= LONGEST_NAME);
            prop_assert!(!name.contains(['/', '\\', '\n']) && !name.chars().any(char::is_control));
            prop_assert!(!kind(&name, &mime_type).is_empty());
        }
    }
}
