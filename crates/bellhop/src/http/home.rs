//! The page at `/`: what Bellhop is, who runs it, and what it can and cannot do, for somebody who came without a link.

use bellhop_domain::{Capability, Provider};
use maud::{Markup, html};
use poem::http::StatusCode;
use poem::web::Data;
use poem::{Response, handler};

use super::Site;
use super::connect_pages::{abilities, never};
use super::page::{Page, Tone, button};

/// What Bellhop is, and the way to its bot.
#[handler]
pub async fn home(Data(site): Data<&Site>) -> Response {
    let provider = Provider::Google.title();
    let host = site.app.settings.public_base_url.host_str().unwrap_or_default();
    let has_bot = site.app.bot.is_some();
    let body = html! {
        @if has_bot {
            p { "Ask in Telegram, and it brings what is in your account to your own chat." }
        } @else {
            p { "It keeps your account connected, and reads it for the programs that you allow to." }
        }
        (way_in(site).await)
        h2 { "With your consent it can" }
        (abilities(Capability::ALL))
        h2 { "It can never" }
        (never(&[
            "send, change or delete anything",
            &format!("see your password: you sign in at {provider}"),
            "show what is yours to anybody else who uses it",
        ]))
        h2 { "Who runs it" }
        p {
            "This Bellhop is self-hosted: somebody runs it on a server of their own, at " strong { (host) } ". It is not part \
             of " (provider) " or Telegram. What it keeps is encrypted, and whoever runs it holds the keys, so connect an \
             account only if you trust them."
        }
        h2 { "If you change your mind" }
        p {
            @if has_bot { "Send " code { "/disconnect" } " to the bot at any time. It gives" }
            @else { "Have the program that you came from disconnect it, at any time. Bellhop then gives" }
            " the permission back to " (provider) " and deletes what it has fetched."
        }
        a class="more" href="/docs" { "For programs: how to use the API" }
    };
    let title = format!("A bellhop for your {provider} account");
    Page { leads_home: false, ..Page::new(StatusCode::OK, Tone::Plain, title, body) }.respond()
}

async fn way_in(site: &Site) -> Markup {
    let answer = html! { "Send " code { "/connect" } " there, and it answers with a link for you alone." };
    match site.bot_name.link(&site.app, None).await {
        Some(chat) => html! {
            (button(&chat, "Open the bot in Telegram"))
            p class="small" { (answer) }
        },
        None if site.app.bot.is_some() => {
            html! { p { "Everything begins in the chat with its bot in Telegram. " (answer) } }
        }
        None => {
            html! { p { "This one has no bot. Accounts are connected by the programs that use it, which send you here." } }
        }
    }
}
