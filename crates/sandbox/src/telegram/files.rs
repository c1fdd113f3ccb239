//! Files: what was sent as a photo or document, and how it is fetched again.
//!
//! <https://core.telegram.org/bots/api#getfile>. Telegram encodes photos anew; here the bytes stay as they were sent, so that a test
//! can read what the program really made.

use std::collections::{BTreeMap, VecDeque};

use poem::{
    Response,
    http::{StatusCode, header},
};
use serde_json::{Value, json};

use super::{
    Telegram,
    methods::{Answer, Refusal},
    parameters::Parameters,
    picture::{self, Size},
};
use crate::answer;

/// <https://core.telegram.org/bots/api#sending-files>: "10 MB max size for photos, 50 MB for other files".
const DOCUMENT_BYTES: usize = 50 * 1024 * 1024;

/// <https://core.telegram.org/bots/api#getfile>: "bots can download files of up to 20MB in size".
const DOWNLOAD_BYTES: usize = 20 * 1024 * 1024;

/// What is kept in all; the oldest go first.
const KEPT_BYTES: usize = 256 * 1024 * 1024;

/// A part of a multipart body.
#[derive(Debug)]
pub struct Upload {
    pub file_name: String,
    pub mime_type: Option<String>,
    pub bytes: std::sync::Arc<[u8]>,
    /// Set for methods that take photos; `None` where it is no picture.
    pub picture: Option<Size>,
}

/// Where a file comes from.
#[derive(Debug)]
pub enum Source<'a> {
    Uploaded(&'a Upload),
    /// A `file_id`.
    Known(&'a str),
}

/// What a file is sent as; Telegram never takes the id of one kind for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Photo,
    Document,
    Voice,
    Sticker,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Photo => "Photo",
            Self::Document => "Document",
            Self::Voice => "VoiceNote",
            Self::Sticker => "Sticker",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Photo => "photos",
            Self::Document => "documents",
            Self::Voice => "voice",
            Self::Sticker => "stickers",
        }
    }
}

/// A file that Telegram has.
#[derive(Debug, Clone)]
pub struct File {
    pub id: String,
    /// `file_path` of the API.
    pub path: String,
    pub kind: Kind,
    pub name: String,
    pub mime_type: String,
    pub bytes: std::sync::Arc<[u8]>,
    pub size: Option<Size>,
}

/// All of them, by id.
#[derive(Debug, Default)]
pub struct Files {
    by_id: BTreeMap<String, File>,
    order: VecDeque<String>,
    made: u64,
}

impl Files {
    pub fn get(&self, id: &str) -> Option<&File> {
        self.by_id.get(id)
    }

    pub fn keep(&mut self, kind: Kind, name: &str, mime_type: &str, bytes: &[u8], size: Option<Size>) -> File {
        self.made += 1;
        // Of the letters that real ids are made of, and one that no other kind of id here has.
        let id = format!("SandboxFile{}{:06}", kind.name(), self.made);
        let extension = name.rsplit_once('.').map(|(_, extension)| extension).unwrap_or_default();
        let is_plain = (1..=8).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let extension = if is_plain { format!(".{extension}") } else { String::new() };
        let file = File {
            path: format!("{}/file_{}{extension}", kind.folder(), self.made),
            id: id.clone(),
            kind,
            name: name.to_owned(),
            mime_type: mime_type.to_owned(),
            bytes: bytes.into(),
            size,
        };
        self.by_id.insert(id.clone(), file.clone());
        self.order.push_back(id);
        while self.by_id.values().map(|file| file.bytes.len()).sum::<usize>() > KEPT_BYTES
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_id.remove(&oldest);
        }
        file
    }

    /// A photo that keeps every rule of `picture.rs`.
    pub fn photo(&mut self, source: &Source<'_>) -> Result<File, Refusal> {
        let upload = match source {
            Source::Known(id) => return self.known(id, Kind::Photo),
            Source::Uploaded(upload) => upload,
        };
        not_empty(upload)?;
        let bytes = upload.bytes.len();
        if bytes > picture::PHOTO_BYTES {
            let limit = picture::PHOTO_BYTES;
            let why = format!("file of size {bytes} bytes is too big for a photo; the maximum size is {limit} bytes");
            return Err(Refusal::bad_request(&why));
        }
        let size = upload.picture.ok_or_else(|| Refusal::bad_request("IMAGE_PROCESS_FAILED"))?;
        picture::check(size)?;
        let is_png = upload.bytes.starts_with(b"\x89PNG");
        let (name, mime_type) = if is_png { ("photo.png", "image/png") } else { ("photo.jpg", "image/jpeg") };
        Ok(self.keep(Kind::Photo, name, mime_type, &upload.bytes, Some(size)))
    }

    pub fn document(&mut self, source: &Source<'_>) -> Result<File, Refusal> {
        let upload = match source {
            Source::Known(id) => return self.known(id, Kind::Document),
            Source::Uploaded(upload) => upload,
        };
        not_empty(upload)?;
        if upload.bytes.len() > DOCUMENT_BYTES {
            return Err(Refusal::new(413, "Request Entity Too Large"));
        }
        // Only the last part of a path, as Telegram cleans names.
        let name = upload.file_name.rsplit(['/', '\\']).next().filter(|name| !name.is_empty()).unwrap_or("document");
        let mime_type = upload.mime_type.as_deref().unwrap_or("application/octet-stream");
        Ok(self.keep(Kind::Document, name, mime_type, &upload.bytes, None))
    }

    fn known(&self, id: &str, kind: Kind) -> Result<File, Refusal> {
        let wrong = "wrong file identifier/HTTP URL specified";
        let file = self.get(id).ok_or_else(|| Refusal::bad_request(wrong))?;
        if file.kind != kind {
            let (is, asked) = (file.kind.name(), kind.name());
            return Err(Refusal::bad_request(&format!("can't use file of type {is} as {asked}")));
        }
        Ok(file.clone())
    }
}

fn not_empty(upload: &Upload) -> Result<(), Refusal> {
    if upload.bytes.is_empty() { Err(Refusal::bad_request("file must be non-empty")) } else { Ok(()) }
}

impl File {
    /// What every kind of file shows of itself.
    pub fn view(&self) -> Value {
        json!({ "file_id": self.id, "file_unique_id": self.unique_id(), "file_size": self.bytes.len() })
    }

    fn unique_id(&self) -> String {
        let number: String = self.id.chars().filter(char::is_ascii_digit).collect();
        format!("Unique{number}")
    }

    /// As it is served, to the bot and to the chat page.
    pub fn download(&self) -> Response {
        // Whatever was sent must not run in a page of ours.
        Response::builder()
            .status(StatusCode::OK)
            .content_type(if self.size.is_some() { &self.mime_type } else { "application/octet-stream" })
            .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox")
            .body(self.bytes.to_vec())
    }
}

/// <https://core.telegram.org/bots/api#getfile>
pub fn get_file(telegram: &Telegram, parameters: &Parameters) -> Answer {
    let id = parameters.text("file_id").unwrap_or_default();
    if id.is_empty() {
        return Err(Refusal::bad_request("file_id not specified"));
    }
    let file = telegram.files.get(&id).ok_or_else(|| Refusal::bad_request("invalid file_id"))?;
    if file.bytes.len() > DOWNLOAD_BYTES {
        return Err(Refusal::bad_request("file is too big"));
    }
    let mut view = file.view();
    view["file_path"] = file.path.clone().into();
    Ok(view)
}

/// `/file/bot<token>/<file_path>`.
pub fn download(telegram: &Telegram, path: &str) -> Option<Response> {
    let (token, path) = path.strip_prefix("/file/bot")?.split_once('/')?;
    if token != telegram.token {
        return Some(Refusal::new(401, "Unauthorized").into_response());
    }
    let file = telegram.files.by_id.values().find(|file| file.path == path && file.bytes.len() <= DOWNLOAD_BYTES);
    Some(file.map_or_else(|| answer::text(StatusCode::NOT_FOUND, "Not Found"), File::download))
}
