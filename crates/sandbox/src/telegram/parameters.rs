//! Parameters of a Bot API call, however they came.
//!
//! <https://core.telegram.org/bots/api#making-requests>: query string, form, JSON or multipart. In all but JSON every value is
//! a text, so a number may come as `"12"` and an object as a text that holds JSON.

use std::collections::HashMap;

use poem::{
    Body, FromRequest, Request,
    http::Method,
    web::{Multipart, RequestBody},
};
use serde_json::{Map, Value};

use super::{
    files::{Source, Upload},
    methods::Refusal,
    picture,
};
use crate::fields::Fields;

/// A document of 50 MB, and room for what comes with it.
pub const BODY_BYTES: usize = 51 * 1024 * 1024;

/// Named values, and files by the name of their part.
#[derive(Debug, Default)]
pub struct Parameters {
    values: Map<String, Value>,
    uploads: HashMap<String, Upload>,
}

impl Parameters {
    /// Query first; the body overrides it.
    pub async fn read(request: &Request, body: Body) -> Result<Self, Refusal> {
        let query = Fields::parse(request.uri().query().unwrap_or_default().as_bytes());
        let mut values = texts(query);
        if request.method() == Method::GET {
            return Ok(Self::from_object(values));
        }
        let kind = request.content_type().unwrap_or_default().to_ascii_lowercase();
        let bytes =
            body.into_bytes_limit(BODY_BYTES).await.map_err(|_| Refusal::new(413, "Request Entity Too Large"))?;
        if kind.starts_with("multipart/form-data") {
            let mut read = multipart(request, Body::from_bytes(bytes)).await?;
            values.append(&mut read.values);
            return Ok(Self { values, uploads: read.uploads });
        }
        if kind.starts_with("application/json") {
            if !bytes.is_empty() {
                match serde_json::from_slice(&bytes) {
                    Ok(Value::Object(object)) => values.extend(object),
                    _ => return Err(Refusal::bad_request("can't parse JSON object")),
                }
            }
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            values.extend(texts(Fields::parse(&bytes)));
        }
        Ok(Self::from_object(values))
    }

    /// Parameters that came some other way: in the answer of a webhook, or inside another parameter.
    pub fn from_object(values: Map<String, Value>) -> Self {
        Self { values, uploads: HashMap::new() }
    }

    /// Decodes what was uploaded, away from everything that must stay quick.
    pub async fn look_at_pictures(self) -> Self {
        let Self { values, mut uploads } = self;
        let look = tokio::task::spawn_blocking(move || {
            for upload in uploads.values_mut() {
                upload.picture = picture::look(&upload.bytes);
            }
            uploads
        });
        Self { values, uploads: look.await.unwrap_or_default() }
    }

    /// A file, in one of the three ways of <https://core.telegram.org/bots/api#sending-files>: uploaded in the part of this name or in
    /// the one that `attach://` names, or known by its `file_id`. Nothing is fetched from the web.
    pub fn file<'a>(&'a self, name: &str, given: Option<&'a str>) -> Result<Source<'a>, Refusal> {
        if let Some(upload) = self.uploads.get(name).filter(|_| given.is_none()) {
            return Ok(Source::Uploaded(upload));
        }
        let missing = || Refusal::bad_request(&format!("there is no {name} in the request"));
        let text = given.or_else(|| self.get(name)?.as_str()).filter(|text| !text.is_empty()).ok_or_else(missing)?;
        if let Some(part) = text.strip_prefix("attach://") {
            return self.uploads.get(part).map(Source::Uploaded).ok_or_else(missing);
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return Err(Refusal::bad_request("failed to get HTTP URL content"));
        }
        Ok(Source::Known(text))
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    pub fn text(&self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub fn flag(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes"),
            Some(Value::Number(number)) => number.as_i64() == Some(1),
            _ => false,
        }
    }

    /// An object or list, directly or as a text that holds JSON.
    pub fn structure(&self, name: &str) -> Result<Option<Value>, Refusal> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| Refusal::bad_request(&format!("can't parse {} JSON object", name.replace('_', " ")))),
            Some(value) => Ok(Some(value.clone())),
        }
    }
}

fn texts(fields: Fields) -> Map<String, Value> {
    fields.into_pairs().into_iter().map(|(name, value)| (name, Value::String(value))).collect()
}

async fn multipart(request: &Request, body: Body) -> Result<Parameters, Refusal> {
    let broken = || Refusal::bad_request("can't parse multipart body");
    let mut read = Parameters::default();
    let mut body = RequestBody::new(body);
    let mut parts = Multipart::from_request(request, &mut body).await.map_err(|_| broken())?;
    while let Some(part) = parts.next_field().await.map_err(|_| broken())? {
        let Some(name) = part.name().map(str::to_owned) else { continue };
        let file_name = part.file_name().map(str::to_owned);
        let mime_type = part.content_type().map(str::to_owned);
        let bytes = part.bytes().await.map_err(|_| broken())?;
        if let Some(file_name) = file_name {
            read.uploads.insert(name, Upload { file_name, mime_type, bytes: bytes.into(), picture: None });
        } else {
            read.values.insert(name, Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(read)
}
