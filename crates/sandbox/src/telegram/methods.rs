//! The Bot API's door: token, method name, and the shape of every answer.
//!
//! <https://core.telegram.org/bots/api#making-requests>. What a method does is decided in the file it belongs to.

use std::sync::Arc;

use poem::{
    Body, Request, Response, handler,
    http::{HeaderValue, Method, StatusCode, header},
    web::Data,
};
use serde_json::{Value, json};

use super::{files, media, messages, parameters::Parameters, presses, settings, updates, webhook};
use crate::{Sandbox, State, answer, control::MANUAL};

/// A call that Telegram turns down.
#[derive(Debug)]
pub struct Refusal {
    pub code: u16,
    pub description: String,
    pub retry_after: Option<u32>,
}

pub type Answer = Result<Value, Refusal>;

impl Refusal {
    pub fn new(code: u16, description: &str) -> Self {
        Self { code, description: description.to_owned(), retry_after: None }
    }

    pub fn bad_request(text: &str) -> Self {
        Self::new(400, &format!("Bad Request: {text}"))
    }

    pub fn into_response(self) -> Response {
        let mut body = json!({ "ok": false, "error_code": self.code, "description": self.description });
        if let Some(seconds) = self.retry_after {
            body["parameters"] = json!({ "retry_after": seconds });
        }
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = answer::json(status, &body);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Everything that no other route took: the manual at `/`, `/bot<token>/<method>`, and `/<bot user name>?start=…` as t.me has it.
#[handler]
pub async fn any(request: &Request, body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let path = request.uri().path();
    if path == "/" {
        return answer::text(StatusCode::OK, MANUAL);
    }
    if let Some(file) = files::download(&sandbox.state().telegram, path) {
        return file;
    }
    let Some((token, method)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/')) else {
        return deep_link(sandbox, request).unwrap_or_else(|| answer::text(StatusCode::NOT_FOUND, "Not Found"));
    };
    if token != sandbox.state().telegram.token {
        return Refusal::new(401, "Unauthorized").into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::POST) {
        return Refusal::new(405, "Method Not Allowed").into_response();
    }
    let answered = match Parameters::read(request, body).await {
        Err(refusal) => Err(refusal),
        Ok(parameters) => match method.to_ascii_lowercase().as_str() {
            "getupdates" => updates::get_updates(sandbox, &parameters).await,
            method @ ("sendphoto" | "editmessagemedia") => {
                let parameters = parameters.look_at_pictures().await;
                call(sandbox, &mut sandbox.state(), method, &parameters)
            }
            other => call(sandbox, &mut sandbox.state(), other, &parameters),
        },
    };
    // The webhook may have been set or taken away.
    sandbox.updates_bell.notify_waiters();
    match answered {
        Ok(result) => answer::ok(&json!({ "ok": true, "result": result })),
        Err(refusal) => refusal.into_response(),
    }
}

/// Every method that answers at once, by its name in lower case: names are case-insensitive.
pub fn call(sandbox: &Sandbox, state: &mut State, method: &str, parameters: &Parameters) -> Answer {
    let now = sandbox.clock.now();
    match method {
        "getme" => Ok(settings::get_me(&state.telegram)),
        "sendmessage" => messages::send(state, parameters, now),
        "sendphoto" => media::send(state, parameters, files::Kind::Photo, now),
        "senddocument" => media::send(state, parameters, files::Kind::Document, now),
        "editmessagemedia" => media::edit_media(state, parameters, now),
        "editmessagecaption" => media::edit_caption(state, parameters, now),
        "getfile" => files::get_file(&state.telegram, parameters),
        "editmessagetext" => messages::edit_text(state, parameters, now),
        "editmessagereplymarkup" => messages::edit_keyboard(state, parameters, now),
        "deletemessage" => messages::delete(state, parameters, now),
        "answercallbackquery" => presses::answer_callback(state, parameters, now),
        "sendchataction" => presses::chat_action(state, parameters, now),
        "setwebhook" => webhook::set(&mut state.telegram, parameters),
        "deletewebhook" => Ok(webhook::delete(&mut state.telegram, parameters)),
        "getwebhookinfo" => Ok(webhook::info(&state.telegram)),
        "setmycommands" => settings::set_commands(&mut state.telegram, parameters),
        "getmycommands" => settings::get_commands(&state.telegram, parameters),
        "deletemycommands" => settings::delete_commands(&mut state.telegram, parameters),
        "setmydescription" => settings::describe(&mut state.telegram, parameters, "description", 512),
        "setmyshortdescription" => settings::describe(&mut state.telegram, parameters, "short_description", 120),
        _ => Err(Refusal::new(404, "Not Found: method not found")),
    }
}

/// `https://t.me/<bot>?start=<payload>`: opens the chat. <https://core.telegram.org/bots/features#deep-linking>
fn deep_link(sandbox: &Sandbox, request: &Request) -> Option<Response> {
    let name = request.uri().path().trim_start_matches('/');
    if !name.eq_ignore_ascii_case(&sandbox.state().telegram.bot_username) {
        return None;
    }
    let query = crate::fields::Fields::parse(request.uri().query().unwrap_or_default().as_bytes());
    // Telegram opens the chat without a payload where the payload is not of the allowed form.
    let payload = query.first("start").filter(|payload| is_start_payload(payload));
    Some(answer::see_other(&match payload {
        Some(payload) => format!("/chat?start={payload}"),
        None => "/chat".to_owned(),
    }))
}

/// Up to 64 of `A-Z a-z 0-9 _ -`. <https://core.telegram.org/api/links#bot-links>
pub fn is_start_payload(payload: &str) -> bool {
    (1..=64).contains(&payload.len())
        && payload.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
