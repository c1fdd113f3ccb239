//! Control of what people send besides words, and of files.
//!
//! Apart from `telegram.rs`, because each kind has a body of its own.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use poem::{
    Body, Response, handler,
    web::{Data, Path},
};
use serde::Deserialize;

use super::{missing, read, telegram::ring, wrong};
use crate::{
    Sandbox,
    answer::Refused,
    telegram::{
        Telegram,
        content::{Content, Place},
        files::Kind,
        people::Saying,
        picture,
    },
};

/// What is sent; which fields mean something depends on the kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Thing {
    /// In groups: user id of whoever sends it.
    from: Option<i64>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    /// The key's label.
    button: Option<String>,
    #[serde(default)]
    caption: String,
    /// The file in base64; a small made-up one where left out.
    base64: Option<String>,
    file_name: Option<String>,
    mime_type: Option<String>,
    reply_to: Option<i64>,
    /// For `out-of-reach`.
    message_id: Option<i64>,
}

impl Thing {
    fn place(&self) -> Result<Place, Refused> {
        let sample = Place::default();
        let latitude = self.latitude.unwrap_or(sample.latitude);
        let longitude = self.longitude.unwrap_or(sample.longitude);
        let place = Place { latitude, longitude };
        if place.exists() { Ok(place) } else { Err(wrong("latitude is -90 to 90, longitude -180 to 180")) }
    }

    fn bytes(&self, sample: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>, Refused> {
        match &self.base64 {
            None => Ok(sample()),
            Some(text) => STANDARD.decode(text).map_err(|_| wrong("`base64` is not base64")),
        }
    }
}

/// `location`, `photo`, `document`, `voice`, `sticker`, `key` (of the reply keyboard) and `out-of-reach`, for people and groups alike.
#[handler]
pub async fn send(
    Path((chat, kind)): Path<(i64, String)>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let thing: Thing = read(body).await?;
    let from = thing.from.unwrap_or(chat);
    if from <= 0 {
        return Err(wrong("say by `from` who sends it"));
    }
    let now = sandbox.clock.now();
    ring(sandbox, || {
        let telegram = &mut sandbox.state().telegram;
        match kind.as_str() {
            "out-of-reach" => {
                let id = thing.message_id.ok_or_else(|| wrong("say which message by `message_id`"))?;
                telegram.put_out_of_reach(chat, id).map_err(Refused::from)
            }
            "key" => {
                let label = thing.button.as_deref().ok_or_else(|| wrong("name the key by `button`"))?;
                telegram.press_key(chat, from, label, thing.place()?, now).map_err(Refused::from)
            }
            kind => {
                let content = content(telegram, kind, &thing)?;
                telegram.know(from, None, None);
                if chat < 0 {
                    telegram.open_chat(chat, Some("Group"));
                }
                let Thing { caption: text, reply_to, .. } = thing;
                telegram.write(Saying { chat_id: chat, from, text, content, reply_to }, now).map_err(Refused::from)
            }
        }
    })
}

fn content(telegram: &mut Telegram, kind: &str, thing: &Thing) -> Result<Content, Refused> {
    let named = |sample: &str| thing.file_name.clone().unwrap_or_else(|| sample.to_owned());
    let typed = |sample: &str| thing.mime_type.clone().unwrap_or_else(|| sample.to_owned());
    let files = &mut telegram.files;
    let file = match kind {
        "location" => return Ok(Content::Location(thing.place()?)),
        "photo" | "sticker" => {
            let bytes = thing.bytes(picture::sample)?;
            let size = picture::look(&bytes).ok_or_else(|| wrong("that is no PNG or JPEG"))?;
            let kind = if kind == "photo" { Kind::Photo } else { Kind::Sticker };
            files.keep(kind, &named("photo.png"), &typed("image/png"), &bytes, Some(size))
        }
        "document" => {
            let bytes = thing.bytes(|| b"A made-up document.\n".to_vec())?;
            files.keep(Kind::Document, &named("document.txt"), &typed("text/plain"), &bytes, None)
        }
        "voice" => {
            let bytes = thing.bytes(|| b"OggS".to_vec())?;
            files.keep(Kind::Voice, &named("voice.ogg"), &typed("audio/ogg"), &bytes, None)
        }
        _ => return Err(missing("kind of thing to send")),
    };
    Ok(Content::of(file))
}

/// A file as it was sent, whatever its size; the API's own way is `getFile`.
#[handler]
pub fn download(Path(id): Path<String>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let state = sandbox.state();
    state.telegram.files.get(&id).map(crate::telegram::files::File::download).ok_or_else(|| missing("file"))
}
