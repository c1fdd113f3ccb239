//! Parameters of a Bot API call, however they came.
//!
//! <https://core.telegram.org/bots/api#making-requests>: query string, form, JSON or multipart. In all but JSON every value is
//! a text, so a number may come as `"12"` and an object as a text that holds JSON.

use poem::{
    Body, FromRequest, Request,
    http::Method,
    web::{Multipart, RequestBody},
};
use serde_json::{Map, Value};

use super::methods::Refusal;
use crate::fields::Fields;

const BODY_BYTES: usize = 50 * 1024 * 1024;

/// Named values.
#[derive(Debug, Default)]
pub struct Parameters(Map<String, Value>);

impl Parameters {
    /// Query first; the body overrides it.
    pub async fn read(request: &Request, body: Body) -> Result<Self, Refusal> {
        let query = Fields::parse(request.uri().query().unwrap_or_default().as_bytes());
        let mut values = texts(query);
        if request.method() == Method::GET {
            return Ok(Self(values));
        }
        let kind = request.content_type().unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("multipart/form-data") {
            values.extend(multipart(request, body).await?);
            return Ok(Self(values));
        }
        let bytes =
            body.into_bytes_limit(BODY_BYTES).await.map_err(|_| Refusal::new(413, "Request Entity Too Large"))?;
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
        Ok(Self(values))
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
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

async fn multipart(request: &Request, body: Body) -> Result<Map<String, Value>, Refusal> {
    let broken = || Refusal::bad_request("can't parse multipart body");
    let mut values = Map::new();
    let mut body = RequestBody::new(body);
    let mut parts = Multipart::from_request(request, &mut body).await.map_err(|_| broken())?;
    while let Some(part) = parts.next_field().await.map_err(|_| broken())? {
        let Some(name) = part.name().map(str::to_owned) else { continue };
        // Files are read and forgotten: no method here keeps one.
        let is_file = part.file_name().is_some();
        let bytes = part.bytes().await.map_err(|_| broken())?;
        if !is_file {
            values.insert(name, Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok(values)
}
