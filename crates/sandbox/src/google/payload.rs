//! A mail's parts as Gmail shows them, and the attachments that come on request.
//!
//! <https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages#messagepart> and
//! <https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages.attachments/get>.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE};
use poem::{Request, Response, handler, web::Data, web::Path};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{errors, gmail, mime::Part, quota, scopes};
use crate::{
    Sandbox,
    answer::{self, Refused},
};

/// Text beyond this many bytes comes as an attachment too: "the body data is sent as a separate attachment". Google names no
/// number.
const INLINE_BYTES: usize = 512 * 1024;

impl Part {
    fn is_container(&self) -> bool {
        self.kind.starts_with("multipart/")
    }

    /// Whether its content has to be asked for separately.
    pub fn is_separate(&self) -> bool {
        !self.is_container()
            && (!self.filename.is_empty() || !self.kind.starts_with("text/") || self.content.len() > INLINE_BYTES)
    }

    /// Whether people would call it an attachment.
    pub fn is_attachment(&self) -> bool {
        !self.filename.is_empty()
    }

    pub fn view(&self, message: &str) -> Value {
        let headers: Vec<Value> =
            self.headers.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        let mut body = json!({ "size": self.content.len() });
        if self.is_separate() {
            body["attachmentId"] = attachment_id(message, &self.id).into();
        } else if !self.content.is_empty() {
            body["data"] = URL_SAFE.encode(&self.content).into();
        }
        let mut view = json!({
            "partId": self.id,
            "mimeType": self.kind,
            "filename": self.filename,
            "headers": headers,
            "body": body,
        });
        if !self.parts.is_empty() {
            view["parts"] = self.parts.iter().map(|part| part.view(message)).collect();
        }
        view
    }
}

/// Names a part of a message, differently each time it is asked for, as Google's do: they are no key to remember.
fn attachment_id(message: &str, part: &str) -> String {
    let salt = uuid::Uuid::new_v4().simple().to_string();
    let plain = format!("{message}/{part}");
    let veiled: Vec<u8> = plain.bytes().zip(veil(&salt)).map(|(byte, mask)| byte ^ mask).collect();
    // Google's are hundreds of characters long: nobody may hope to fit one anywhere.
    let padding = format!("{salt}{salt}{salt}{salt}");
    URL_SAFE.encode([salt.as_bytes(), padding.as_bytes(), &veiled].concat())
}

fn veil(salt: &str) -> impl Iterator<Item = u8> {
    let salt = salt.to_owned();
    (0_u32..).flat_map(move |block| Sha256::digest(format!("{salt}{block}")))
}

/// The part that an id names, if it is one of this message.
fn named_part(id: &str, message: &str) -> Option<String> {
    let bytes = URL_SAFE.decode(id).ok()?;
    let salt = std::str::from_utf8(bytes.get(..32)?).ok()?;
    let plain: Vec<u8> = bytes.get(160..)?.iter().zip(veil(salt)).map(|(byte, mask)| byte ^ mask).collect();
    let plain = String::from_utf8(plain).ok()?;
    Some(plain.strip_prefix(message)?.strip_prefix('/')?.to_owned())
}

#[handler]
pub fn attachment(
    request: &Request,
    Path((user, id, attachment)): Path<(String, String, String)>,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    gmail::parameters(request, &[])?;
    let mut state = sandbox.state();
    let caller = gmail::caller(sandbox, &mut state, request, &user, &scopes::READ_MAIL, quota::ATTACHMENT)?;
    let message = caller.account.mailbox.messages.get(&id).ok_or_else(errors::not_found)?;
    let invalid = || errors::invalid_argument("Invalid attachment token");
    let part = named_part(&attachment, &id).ok_or_else(invalid)?;
    let parsed = message.parsed();
    let part = parsed.walk().into_iter().find(|found| found.id == part && found.is_separate()).ok_or_else(invalid)?;
    Ok(answer::ok(&json!({ "size": part.content.len(), "data": URL_SAFE.encode(&part.content) })))
}
