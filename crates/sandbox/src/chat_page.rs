//! `/chat`: a Telegram with the bot in it, in the browser.
//!
//! For people who try the demo by hand. The page holds no rules of its own: it reads and acts through the control API only. It may run
//! scripts, as it plays Telegram itself, but only its own: the policy names them by their hashes, so that nothing a program sends could
//! ever run here, and pictures come from nowhere else.

use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, PreEscaped, html};
use poem::{
    Response, handler,
    http::{HeaderValue, StatusCode, header},
};
use sha2::{Digest, Sha256};

use crate::answer;

const BODY: &str = include_str!("chat_page/page.html");
const STYLE: &str = include_str!("chat_page/style.css");
const SCRIPT: &str = concat!(
    include_str!("chat_page/script/words.js"),
    include_str!("chat_page/script/bubbles.js"),
    include_str!("chat_page/script/room.js"),
    include_str!("chat_page/script/list.js"),
    include_str!("chat_page/script/compose.js"),
);

#[handler]
pub fn show() -> Response {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content";
                // An empty one, so that no browser asks for it.
                link rel="icon" href="data:,";
                title { "Chat · sandbox" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (PreEscaped(BODY))
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    let mut response = answer::page(StatusCode::OK, page);
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
        hash(SCRIPT),
        hash(STYLE)
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}
