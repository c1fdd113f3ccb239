//! The page at `/`: what Bellhop is, for somebody who came without a link.

use maud::html;
use poem::http::StatusCode;
use poem::web::Data;
use poem::{Response, handler};

use super::Site;
use super::page::{Page, Tone, button};

/// What Bellhop is, and the way to its bot.
#[handler]
pub async fn home(Data(site): Data<&Site>) -> Response {
    let chat = site.bot_name.link(&site.app, None).await;
    let body = html! {
        p { "Bellhop connects your Google account and brings your mail to you in Telegram. It only reads: it never sends, \
             changes or deletes anything." }
        @if let Some(chat) = chat {
            p { "Everything begins in the chat with the bot." }
            (button(&chat, "Open the bot in Telegram"))
            p class="small" { "Send " code { "/connect" } " there, and it answers with a link for you alone." }
        } @else {
            p { "Everything begins in the chat with its bot in Telegram: send " code { "/connect" } " there, and it answers \
                 with a link for you alone." }
        }
        p class="small" { "For programs: " a href="/docs" { "the documentation of the API" } "." }
    };
    Page::new(StatusCode::OK, Tone::Plain, "Your mail, brought to your chat", body).respond()
}
