//! Attachments in words: a name that cannot deceive, what kind of thing it is, and how big.

use crate::bot::text::{clean, cut, length};

/// The longest name that is shown, in UTF-16 units.
pub const LONGEST_NAME: usize = 60;

/// The longest ending of a name that is kept when the rest is cut, in UTF-16 units.
const LONGEST_ENDING: usize = 12;

/// The kind of mail that only its receiver's mail program can open: S/MIME and `OpenPGP`.
pub const ENCRYPTED: &str = "encrypted mail";

/// The kind of what Outlook writes for other Outlooks.
pub const OUTLOOK: &str = "Outlook's own format";

/// The kind of what runs when it is opened.
const PROGRAM: &str = "program";

/// The kind of what a browser opens: scripts in it run, and forms in it ask for passwords.
const PAGE: &str = "web page";

/// Endings of what runs when it is opened, brings along what does, or leads to it: programs, scripts, shortcuts, images of
/// disks, and documents with macros.
const PROGRAMS: &[&str] = &[
    "exe",
    "msi",
    "bat",
    "cmd",
    "com",
    "scr",
    "js",
    "jse",
    "vbs",
    "vbe",
    "wsf",
    "ps1",
    "jar",
    "apk",
    "dmg",
    "pkg",
    "lnk",
    "hta",
    "reg",
    "iso",
    "cpl",
    "sh",
    "pif",
    "vb",
    "msc",
    "url",
    "chm",
    "jnlp",
    "img",
    "xll",
    "xlam",
    "docm",
    "dotm",
    "xlsm",
    "xltm",
    "xlsb",
    "pptm",
    "ppsm",
    "potm",
    "ppam",
    "app",
    "command",
    "py",
    "pyw",
    "pyz",
    "rb",
    "pl",
    "bash",
    "zsh",
    "csh",
    "fish",
    "run",
    "deb",
    "rpm",
    "msp",
    "mst",
    "msix",
    "appx",
    "appinstaller",
    "application",
    "gadget",
    "inf",
    "scf",
    "sct",
    "wsc",
    "wsh",
    "ws",
    "psm1",
    "psd1",
    "vhd",
    "vhdx",
    "library-ms",
    "search-ms",
    "settingcontent-ms",
    "website",
    "webloc",
    "desktop",
    "workflow",
    "terminal",
    "action",
    "scpt",
    "mde",
    "accde",
    "xbap",
];

/// Whether opening a kind of file deserves a second thought.
#[must_use]
pub fn is_risky(kind: &str) -> bool {
    matches!(kind, PROGRAM | PAGE)
}

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
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "heic" | "bmp" | "tif" | "tiff" => "picture",
        "mp3" | "m4a" | "wav" | "ogg" | "flac" | "opus" => "sound",
        "mp4" | "mov" | "avi" | "mkv" | "webm" => "video",
        "zip" | "7z" | "rar" | "gz" | "tar" | "bz2" | "xz" => "archive",
        "ics" => "invitation",
        "vcf" => "contact",
        "eml" | "msg" => "mail",
        "html" | "htm" | "xhtml" | "xht" | "shtml" | "mht" | "mhtml" | "svg" | "svgz" => PAGE,
        "txt" | "md" | "log" => "text",
        program if PROGRAMS.contains(&program) => PROGRAM,
        "p7m" => ENCRYPTED,
        "p7s" | "asc" | "sig" => "signature",
        "dat" if name.eq_ignore_ascii_case("winmail.dat") => OUTLOOK,
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
        (_, "application/ms-tnef" | "application/vnd.ms-tnef") => OUTLOOK,
        (
            _,
            "application/pkcs7-mime" | "application/x-pkcs7-mime" | "application/pgp-encrypted" | "multipart/encrypted",
        ) => ENCRYPTED,
        (_, "text/html" | "application/xhtml+xml" | "image/svg+xml") => PAGE,
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
        for name in ["a.pif", "a.vb", "a.msc", "a.url", "a.chm", "a.jnlp", "a.img", "a.xll", "a.docm", "a.xlsm", "a.py"]
        {
            assert_eq!(kind(name, "image/png"), "program", "{name}");
        }
        assert_eq!(kind("a.svg", "image/svg+xml"), "web page");
        assert_eq!(kind("smime.p7m", "application/octet-stream"), "encrypted mail");
        assert_eq!(kind("noname", "multipart/encrypted"), "encrypted mail");
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
