//! What a message carries besides its words.
//!
//! <https://core.telegram.org/bots/api#message>. One list of kinds, so that the API's view and the chat page's cannot fall apart.

use serde::Deserialize;
use serde_json::{Value, json};

use super::files::{File, Kind};

/// The text of a message is its caption, unless it is a text and nothing else.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Text,
    Photo(Media),
    Document(Media),
    /// Length in seconds.
    Voice(Media, u32),
    /// The emoji it stands for.
    Sticker(Media, String),
    Location(Place),
}

/// A file, by what the views need of it.
#[derive(Debug, Clone)]
pub struct Media {
    file: File,
}

/// Degrees, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub latitude: f64,
    pub longitude: f64,
}

impl Default for Place {
    /// Berlin, Alexanderplatz.
    fn default() -> Self {
        Self { latitude: 52.521_9, longitude: 13.413_2 }
    }
}

impl Place {
    /// Whether it is on the globe.
    pub fn exists(&self) -> bool {
        self.latitude.abs() <= 90.0 && self.longitude.abs() <= 180.0
    }
}

impl PartialEq for Media {
    /// The same bytes are the same picture, however often they were sent.
    fn eq(&self, other: &Self) -> bool {
        self.file.bytes == other.file.bytes && self.file.name == other.file.name
    }
}

impl Content {
    /// A file as what it was kept as.
    pub fn of(file: File) -> Self {
        match file.kind {
            Kind::Photo => Self::Photo(Media { file }),
            Kind::Document => Self::Document(Media { file }),
            Kind::Voice => Self::Voice(Media { file }, 1),
            Kind::Sticker => Self::Sticker(Media { file }, "👍".to_owned()),
        }
    }

    /// Whether the text is a caption, which such a message can have.
    pub fn takes_caption(&self) -> bool {
        matches!(self, Self::Photo(_) | Self::Document(_) | Self::Voice(..))
    }

    /// Adds what the Bot API shows of it.
    pub fn add_to(&self, view: &mut Value) {
        match self {
            Self::Text => {}
            Self::Photo(media) => {
                let mut photo = media.file.view();
                add_size(&mut photo, &media.file);
                // Telegram adds smaller sizes before it; clients take the largest.
                view["photo"] = json!([photo]);
            }
            Self::Document(media) => view["document"] = named(&media.file),
            Self::Voice(media, seconds) => {
                let mut voice = media.file.view();
                voice["duration"] = (*seconds).into();
                voice["mime_type"] = media.file.mime_type.clone().into();
                view["voice"] = voice;
            }
            Self::Sticker(media, emoji) => {
                let mut sticker = media.file.view();
                add_size(&mut sticker, &media.file);
                sticker["type"] = "regular".into();
                sticker["is_animated"] = false.into();
                sticker["is_video"] = false.into();
                sticker["emoji"] = emoji.clone().into();
                view["sticker"] = sticker;
            }
            Self::Location(place) => {
                view["location"] = json!({ "latitude": place.latitude, "longitude": place.longitude });
            }
        }
    }

    /// What the transcript shows of it; null for a text.
    pub fn bubble(&self) -> Value {
        match self {
            Self::Text => Value::Null,
            Self::Photo(media) => {
                let mut view = shown("photo", &media.file);
                add_size(&mut view, &media.file);
                view
            }
            Self::Document(media) => shown("document", &media.file),
            Self::Voice(media, seconds) => {
                let mut view = shown("voice", &media.file);
                view["duration"] = (*seconds).into();
                view
            }
            Self::Sticker(media, emoji) => {
                let mut view = shown("sticker", &media.file);
                view["emoji"] = emoji.clone().into();
                view
            }
            Self::Location(place) => {
                json!({ "kind": "location", "latitude": place.latitude, "longitude": place.longitude })
            }
        }
    }
}

fn named(file: &File) -> Value {
    let mut view = file.view();
    view["file_name"] = file.name.clone().into();
    view["mime_type"] = file.mime_type.clone().into();
    view
}

fn shown(kind: &str, file: &File) -> Value {
    let mut view = named(file);
    view["kind"] = kind.into();
    view["address"] = format!("/sandbox/telegram/files/{}", file.id).into();
    view
}

fn add_size(view: &mut Value, file: &File) {
    if let Some(size) = file.size {
        view["width"] = size.width.into();
        view["height"] = size.height.into();
    }
}
