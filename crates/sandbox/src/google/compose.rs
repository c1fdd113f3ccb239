//! Writing a mail: headers, texts and attachments become the bytes of RFC 5322.
//!
//! For mails that the sandbox makes up; what a client sends or imports is kept byte for byte and never passes through here.

use base64::{Engine, engine::general_purpose::STANDARD};

/// RFC 5322 section 2.1.1.
const LONGEST_LINE: usize = 998;

/// A mail to be written.
#[derive(Debug, Default)]
pub struct Draft {
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub html: Option<String>,
    pub attachments: Vec<Attachment>,
}

#[derive(Debug, Clone)]
pub struct Attachment {
    pub filename: String,
    pub kind: String,
    pub content: Vec<u8>,
}

impl Draft {
    /// `name` tells this mail's boundaries from those of others.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let mut lines: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{name}: {}", encoded(value))).collect();
        lines.push("MIME-Version: 1.0".to_owned());
        if self.attachments.is_empty() {
            lines.extend(self.texts(name));
        } else {
            let boundary = format!("sandbox-mixed-{name}");
            lines.push(format!("Content-Type: multipart/mixed; boundary=\"{boundary}\""));
            lines.extend([String::new(), format!("--{boundary}")]);
            lines.extend(self.texts(name));
            for attachment in &self.attachments {
                lines.push(format!("--{boundary}"));
                lines.extend(attachment.lines());
            }
            lines.push(format!("--{boundary}--"));
        }
        lines.push(String::new());
        lines.join("\r\n").into_bytes()
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let Some(html) = &self.html else { return text("plain", &self.text) };
        let boundary = format!("sandbox-{name}");
        let mut lines = vec![format!("Content-Type: multipart/alternative; boundary=\"{boundary}\""), String::new()];
        for (kind, content) in [("plain", &self.text), ("html", html)] {
            lines.push(format!("--{boundary}"));
            lines.extend(text(kind, content));
        }
        lines.push(format!("--{boundary}--"));
        lines
    }
}

impl Attachment {
    fn lines(&self) -> Vec<String> {
        let kind: String = self.kind.chars().filter(|character| !character.is_control()).collect();
        let mut lines = vec![
            format!("Content-Type: {kind}"),
            format!("Content-Disposition: attachment; {}", filename(&self.filename)),
            "Content-Transfer-Encoding: base64".to_owned(),
            String::new(),
        ];
        lines.extend(base64_lines(&self.content));
        lines
    }
}

/// As RFC 2231 section 4 writes what is not plain ASCII.
fn filename(name: &str) -> String {
    if name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') && !name.contains(['"', '\\']) {
        return format!("filename=\"{name}\"");
    }
    let escaped: String = name
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    format!("filename*=utf-8''{escaped}")
}

fn text(kind: &str, content: &str) -> Vec<String> {
    let mut lines = vec![
        format!("Content-Type: text/{kind}; charset=utf-8"),
        "Content-Transfer-Encoding: base64".to_owned(),
        String::new(),
    ];
    lines.extend(base64_lines(content.as_bytes()));
    lines
}

/// At most 76 characters a line: RFC 2045 section 6.8.
fn base64_lines(content: &[u8]) -> impl Iterator<Item = String> {
    content.chunks(57).map(|chunk| STANDARD.encode(chunk))
}

/// Encoded words (RFC 2047) where a plain line would not keep the value as it is.
pub fn encoded(value: &str) -> String {
    let plain = value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if plain && value.trim() == value && value.len() < LONGEST_LINE - 80 && !value.contains("=?") {
        return value.to_owned();
    }
    let characters: Vec<char> = value.chars().collect();
    characters
        .chunks(10)
        .map(|chunk| format!("=?utf-8?B?{}?=", STANDARD.encode(chunk.iter().collect::<String>())))
        .collect::<Vec<_>>()
        .join("\r\n ")
}
