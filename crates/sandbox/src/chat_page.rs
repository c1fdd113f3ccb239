//! `/chat`: a Telegram chat with the bot, in the browser.
//!
//! For people who try the demo by hand. The page holds no rules of its own: it reads and acts through the control API only.

use poem::{Response, handler, http::StatusCode};

use crate::answer;

#[handler]
pub fn show() -> Response {
    answer::page(StatusCode::OK, maud::PreEscaped(include_str!("chat_page.html").to_owned()))
}
