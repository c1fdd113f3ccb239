//! The pages on which the connect walk begins: the link, the way out to the provider, and what to say where it leads nowhere.
//!
//! `GET` changes nothing here, however often and by whomever it is called. How a walk stands is in `standing_pages.rs`.

use bellhop_domain::Capability;
use bellhop_providers::Endpoint;
use bellhop_store::StoreError;
use maud::{Markup, html};
use poem::http::StatusCode;
use poem::web::{Data, Form, Path};
use poem::{Request, Response, handler};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use super::Site;
use super::browser::{cookie_of, is_cross_site, is_inside_an_app, is_surely_ours, set_cookie};
use super::page::{Page, Tone, button, more, notice, origin_of};
use super::words::{self, Words};
use crate::connect::{self, Asker, LinkProblem};

/// The longest token that is looked at: ours have 43 characters.
const LONGEST_TOKEN: usize = 128;

/// The length of the secret in a page's form.
const PAGE_SECRET: usize = 43;

/// What the form of a link's page sends.
#[derive(Deserialize)]
pub struct Pressed {
    /// The secret of the page, of which there is one for each time it was loaded.
    page: Option<SecretString>,
}

/// Who is asking for what. Changes nothing: crawlers open links too.
#[handler]
pub async fn link_page(Data(site): Data<&Site>, request: &Request, Path(token): Path<String>) -> Response {
    if token.len() > LONGEST_TOKEN {
        return stopped(site, words::of_link(LinkProblem::Unknown)).await;
    }
    match invitation(site, request, &token).await {
        Ok(response) => response,
        Err(error) => out_of_order(&error),
    }
}

async fn invitation(site: &Site, request: &Request, token: &str) -> Result<Response, StoreError> {
    let app = &site.app;
    let open = match connect::look_at_link(app, token, cookie_of(app, request).as_ref()).await? {
        Ok(open) => open,
        Err(problem) => return Ok(stopped(site, words::of_link(problem)).await),
    };
    let asker = connect::asker_of(app, open.link.tenant, open.link.owner).await?;
    let provider = open.link.provider;
    let mut form_leads_to: Vec<String> =
        app.provider(provider).description().endpoints.get(Endpoint::Authorize).map(origin_of).into_iter().collect();
    // A provider that asks nothing sends the browser straight through to there, and the policy covers that way too.
    form_leads_to.extend(return_url(&asker).as_ref().map(origin_of));
    let mends = open.link.reconnects.is_some();
    let out = way_out(provider.title(), &connect::public_address(app, &format!("connect/{token}")));
    let is_inside_an_app = is_inside_an_app(request);
    let is_person = matches!(asker, Asker::Person { .. });
    let body = html! {
        @if is_inside_an_app {
            (notice(&html! { p { strong { "You seem to be inside another app." } } (out) }))
        }
        p { (who_asks(&asker)) }
        h2 { "Bellhop will be able to" }
        (abilities(open.asked()))
        h2 { "It will never" }
        (never(&["send, change or delete anything"]))
        form method="post" {
            input type="hidden" name="page" value=(app.new_secret());
            button class="button" type="submit" { "Continue to " (provider.title()) }
        }
        p class="small" {
            (provider.title()) " asks for your consent next" @if is_person { "; then you finish in Telegram" } ". You can \
             disconnect at any time."
        }
        p class="small" { "You did not ask for this? Then close this page: nothing happens until you continue." }
        @if !is_inside_an_app {
            (more("Opened inside another app?", &out))
        }
    };
    let capabilities = open.asked();
    let title = if mends && capabilities != connect::wanted() {
        let what: Vec<_> = capabilities.into_iter().map(what_it_allows).collect();
        format!("Let Bellhop {} too", what.join(" and "))
    } else if mends {
        format!("Reconnect your {} account", provider.title())
    } else {
        format!("Connect your {} account", provider.title())
    };
    Ok(Page { form_leads_to, step: is_person.then_some(1), ..Page::new(StatusCode::OK, Tone::Plain, title, body) }
        .respond())
}

/// The button: the browser gets its cookie and is sent to the provider.
#[handler]
pub async fn begin(
    Data(site): Data<&Site>,
    request: &Request,
    Path(token): Path<String>,
    pressed: poem::Result<Form<Pressed>>,
) -> Response {
    if token.len() > LONGEST_TOKEN {
        return stopped(site, words::of_link(LinkProblem::Unknown)).await;
    }
    if is_cross_site(&site.app, request) {
        // Whoever sent the form, the person sees our page first.
        return see_other(&connect::public_address(&site.app, &format!("connect/{token}")));
    }
    // Only where the browser itself says that the page was ours: nobody else may choose what it is known by.
    let pressed = pressed.ok().filter(|_| is_surely_ours(request));
    let page = pressed.and_then(|Form(pressed)| pressed.page).filter(|page| page.expose_secret().len() == PAGE_SECRET);
    match connect::begin(&site.app, &token, cookie_of(&site.app, request), page.as_ref()).await {
        Ok(Ok(departure)) => {
            let mut response = see_other(departure.to.as_str());
            if let Ok(cookie) = set_cookie(&site.app, &departure.cookie).parse() {
                response.headers_mut().insert("set-cookie", cookie);
            }
            response
        }
        Ok(Err(problem)) => stopped(site, words::of_link(problem)).await,
        Err(error) => out_of_order(&error),
    }
}

/// A page for a browser of which nothing more is known: it says what happened and leads back to the chat.
pub async fn stopped(site: &Site, words: Words) -> Response {
    let chat = site.bot_name.link(&site.app, None).await;
    let body = html! {
        p { (words.text) }
        @if words.fresh_link {
            p { "For a fresh link, send " code { "/connect" } " to the bot, or go back to the program that sent you here." }
        }
        @if let Some(chat) = chat {
            (button(&chat, "Back to Telegram"))
        }
    };
    Page::new(words.status, words.tone, words.title, body).respond()
}

/// Our own side is away. Nothing was taken, so that reloading the page is all it needs.
pub fn out_of_order(error: &StoreError) -> Response {
    tracing::warn!(%error, "a page of the connect walk could not be shown");
    let body = html! {
        p { "Bellhop cannot reach its memory just now. Nothing is lost: wait a moment, then reload this page." }
        // The same address again, whichever it is.
        a class="button" href="" { "Try again" }
        p class="small" { "If it stays like this, tell the person who runs this Bellhop." }
    };
    let mut response = Page::new(StatusCode::SERVICE_UNAVAILABLE, Tone::Stopped, "Just a moment", body).respond();
    response.headers_mut().insert("retry-after", poem::http::HeaderValue::from_static("5"));
    response
}

/// A clean address to go on at, with a method that changes nothing.
pub fn see_other(to: &str) -> Response {
    Response::builder().status(StatusCode::SEE_OTHER).header("location", to).finish()
}

/// Where a program has its people sent back to.
pub fn return_url(asker: &Asker) -> Option<Url> {
    match asker {
        Asker::Program { return_url, .. } => return_url.as_deref()?.parse().ok(),
        Asker::Person { .. } => None,
    }
}

fn who_asks(asker: &Asker) -> Markup {
    match asker {
        Asker::Person { name: Some(name) } => html! {
            "It will be connected for " strong { (name.expose_secret()) } " on Telegram, who asked for this link, and for nobody else."
        },
        Asker::Person { name: None } => {
            html! { "It will be connected for the person on Telegram who asked for this link, and for nobody else." }
        }
        Asker::Program { name, .. } => {
            html! { "It will be connected for the program " strong { (name) } ", which asked for this link." }
        }
    }
}

/// How to leave the browser of another app. Providers refuse to sign anybody in there.
fn way_out(provider: &str, address: &str) -> Markup {
    html! {
        p class="small" {
            "Inside Telegram or another app, " (provider) " may refuse to sign you in. Open the app's menu (⋮ or the share \
             symbol) and choose “Open in browser”, or copy this address into your browser:"
        }
        code class="copy small" { (address) }
    }
}

/// What these capabilities allow, and what comes with every one.
pub fn abilities(capabilities: impl IntoIterator<Item = Capability>) -> Markup {
    html! {
        ul class="can" {
            @for capability in capabilities { li { (what_it_allows(capability)) } }
            li { "see the address of the account" }
        }
    }
}

/// What is out of the question.
pub fn never(what: &[&str]) -> Markup {
    html! { ul class="cannot" { @for what in what { li { (what) } } } }
}

/// What a capability allows, as people say it.
pub const fn what_it_allows(capability: Capability) -> &'static str {
    match capability {
        Capability::Mail => "read your mail",
        Capability::Calendar => "read your calendar",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_only_text() {
        let name = "</p><script>alert(1)</script><a href=\"javascript:1\">";
        let person = Asker::Person { name: Some(name.into()) };
        let program = Asker::Program { name: name.to_owned(), return_url: None };
        for page in [who_asks(&person), who_asks(&program)] {
            let page = page.into_string();
            assert!(!page.contains("<script") && !page.contains("<a ") && page.contains("&lt;script&gt;"), "{page}");
        }
    }

    #[test]
    fn only_a_program_is_gone_back_to_and_only_by_an_address() {
        let program = |address: &str| Asker::Program { name: "x".to_owned(), return_url: Some(address.to_owned()) };
        assert_eq!(return_url(&program("https://example.org/a?b=c")).unwrap().as_str(), "https://example.org/a?b=c");
        assert!(return_url(&program("nonsense")).is_none());
        assert!(return_url(&Asker::Person { name: None }).is_none());
    }
}
