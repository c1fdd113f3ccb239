//! The pages of the connect walk: the link, the way out to the provider, and the clean page that the callback leads to.
//!
//! `GET` changes nothing here, however often and by whomever it is called.

use bellhop_domain::Capability;
use bellhop_providers::Endpoint;
use bellhop_store::StoreError;
use maud::{Markup, html};
use poem::http::StatusCode;
use poem::web::{Data, Path};
use poem::{Request, Response, handler};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Site;
use super::browser::{cookie_of, is_cross_site, set_cookie};
use super::page::{Page, Tone, button, origin_of};
use super::words::{self, Words};
use crate::connect::{self, Asker, Ending, LinkProblem, Stage, Walk, name_of};

/// The longest token that is looked at: ours have 43 characters.
const LONGEST_TOKEN: usize = 128;

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
    let body = html! {
        p { (who_asks(&asker)) }
        p { "Bellhop will be able to" }
        ul {
            @for capability in connect::asked() { li { (what_it_allows(capability)) } }
            li { "see the address of the account" }
        }
        p { "It only reads. It never sends, changes or deletes anything, and you can disconnect at any time." }
        form method="post" {
            button class="button" type="submit" { "Continue to " (provider.title()) }
        }
        p class="small" { "Not you? Then close this page: nothing happens until you continue." }
        hr;
        p class="small" {
            "Did this open inside Telegram or another app? " (provider.title()) " may refuse to sign you in there. Use the \
             app's menu (⋮ or the share symbol) and choose “Open in browser”, or copy this address into your browser:"
        }
        code class="copy small" { (connect::public_address(app, &format!("connect/{token}"))) }
    };
    let title = if mends {
        format!("Reconnect your {} account", provider.title())
    } else {
        format!("Connect your {} account", provider.title())
    };
    Ok(Page { form_leads_to, ..Page::new(StatusCode::OK, Tone::Plain, title, body) }.respond())
}

/// The button: the browser gets its cookie and is sent to the provider.
#[handler]
pub async fn begin(Data(site): Data<&Site>, request: &Request, Path(token): Path<String>) -> Response {
    if token.len() > LONGEST_TOKEN {
        return stopped(site, words::of_link(LinkProblem::Unknown)).await;
    }
    if is_cross_site(&site.app, request) {
        // Whoever sent the form, the person sees our page first.
        return see_other(&connect::public_address(&site.app, &format!("connect/{token}")));
    }
    match connect::begin(&site.app, &token, cookie_of(&site.app, request)).await {
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

/// How the walk of this browser stands.
#[handler]
pub async fn finish_page(Data(site): Data<&Site>, request: &Request) -> Response {
    match connect::walk_of(&site.app, cookie_of(&site.app, request).as_ref()).await {
        Ok(Some(walk)) => standing(site, walk).await,
        Ok(None) => {
            let words = Words {
                status: StatusCode::NOT_FOUND,
                tone: Tone::Stopped,
                title: "Nothing to finish here".to_owned(),
                text: "This browser has no connection under way. If you began in another browser, go on there."
                    .to_owned(),
                fresh_link: true,
            };
            stopped(site, words).await
        }
        Err(error) => out_of_order(&error),
    }
}

async fn standing(site: &Site, walk: Walk) -> Response {
    let provider = walk.attempt.provider;
    let back = way_back(&walk.asker, walk.program_state.as_ref());
    match walk.stage {
        Stage::ToFinish { code } => to_finish(site, &walk.asker, back, provider.title(), &code).await,
        Stage::Finishing => {
            let body = html! {
                p { "This takes a few seconds. The answer comes in the place where you finished; this page shows it too \
                     once you reload it." }
                (again("/connect/finish"))
            };
            Page::new(StatusCode::OK, Tone::Plain, "Connecting…", body).respond()
        }
        Stage::AtProvider => {
            let text = format!("{} has not answered yet. Go on in its window, or start again.", provider.title());
            let words = Words {
                status: StatusCode::OK,
                tone: Tone::Plain,
                title: "Not there yet".to_owned(),
                text,
                fresh_link: true,
            };
            ended(site, &walk.asker, back, words, None).await
        }
        Stage::Expired => {
            let reason = bellhop_domain::AuthorizationFailure::Abandoned;
            let words = words::of_ending(provider, Ending::Failed(reason));
            ended(site, &walk.asker, back, words, Some(name_of(reason))).await
        }
        Stage::Withdrawn => ended(site, &walk.asker, back, words::of_link(LinkProblem::Ended), None).await,
        Stage::Ended { ending, missing } => {
            let reason = match ending {
                Ending::Connected(_) | Ending::AlreadyConnected(_) => None,
                Ending::Rejected | Ending::Failed(_) => Some(ending.to_string()),
            };
            let mut words = words::of_ending(provider, ending);
            if !missing.is_empty() {
                let what: Vec<_> = missing.into_iter().map(what_it_allows).collect();
                let what = what.join(" or ");
                words.text = format!(
                    "All done, with one gap: Bellhop may not {what}, as that was not ticked. To add it, connect the account \
                     once more and leave everything ticked."
                );
            }
            ended(site, &walk.asker, back, words, reason).await
        }
    }
}

/// The last step: the initiator brings the code to where they asked for the link.
async fn to_finish(site: &Site, asker: &Asker, back: Option<Url>, provider: &str, code: &SecretString) -> Response {
    let warning = html! {
        p class="small" {
            "Did somebody else send you the link? Then do not finish: close this page, and nothing is connected."
        }
    };
    if let Some(mut back) = back {
        back.query_pairs_mut().append_pair("finish_code", code.expose_secret());
        return see_other(back.as_str());
    }
    let chat = site.bot_name.link(&site.app, Some(code.expose_secret())).await;
    let command = html! { code class="copy" { "/start " (code.expose_secret()) } };
    let body = html! {
        @match asker {
            Asker::Person { name } => {
                p {
                    (provider) " said yes. To be sure that it is you, finish in Telegram as "
                    (name_markup(name.as_ref())) "."
                }
                @if let Some(chat) = chat {
                    (button(&chat, "Finish in Telegram"))
                    p class="small" { "Press " strong { "Start" } " there. If nothing opens, send this to the bot:" }
                } @else {
                    p { "Open the chat with the bot and send it this:" }
                }
                (command)
            }
            Asker::Program { name, .. } => {
                p { (provider) " said yes. Give this code to " strong { (name) } " to finish:" }
                code class="copy" { (code.expose_secret()) }
            }
        }
        p class="small" { "The code works once, for five minutes." }
        (warning)
    };
    Page::new(StatusCode::OK, Tone::Plain, "One last step", body).respond()
}

/// A walk that is over, with the way back to whoever asked for it.
async fn ended(site: &Site, asker: &Asker, back: Option<Url>, words: Words, reason: Option<String>) -> Response {
    let next = match asker {
        Asker::Person { .. } => {
            let chat = site.bot_name.link(&site.app, None).await;
            html! {
                @if words.fresh_link { p { "For a fresh link, send " code { "/connect" } " to the bot." } }
                @if let Some(chat) = chat { (button(&chat, "Back to Telegram")) }
            }
        }
        Asker::Program { name, .. } => {
            let back = back.map(|mut back| {
                if let Some(reason) = &reason {
                    back.query_pairs_mut().append_pair("error", reason);
                }
                back
            });
            html! {
                @if let Some(back) = back {
                    (button(&back, &format!("Back to {name}")))
                } @else if words.fresh_link {
                    p { "Start again from " strong { (name) } "." }
                }
            }
        }
    };
    let body = html! { p { (words.text) } (next) };
    Page::new(words.status, words.tone, words.title, body).respond()
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
    };
    let mut response = Page::new(StatusCode::SERVICE_UNAVAILABLE, Tone::Stopped, "Just a moment", body).respond();
    response.headers_mut().insert("retry-after", poem::http::HeaderValue::from_static("5"));
    response
}

/// A clean address to go on at, with a method that changes nothing.
pub fn see_other(to: &str) -> Response {
    Response::builder().status(StatusCode::SEE_OTHER).header("location", to).finish()
}

fn again(path: &str) -> Markup {
    html! { a class="button" href=(path) { "Look again" } }
}

/// Where a program's walk leads back to, with the program's state.
fn way_back(asker: &Asker, program_state: Option<&SecretString>) -> Option<Url> {
    let mut back = return_url(asker)?;
    if let Some(state) = program_state {
        back.query_pairs_mut().append_pair("state", state.expose_secret());
    }
    Some(back)
}

fn return_url(asker: &Asker) -> Option<Url> {
    match asker {
        Asker::Program { return_url, .. } => return_url.as_deref()?.parse().ok(),
        Asker::Person { .. } => None,
    }
}

fn name_markup(name: Option<&SecretString>) -> Markup {
    html! {
        @match name {
            Some(name) => strong { (name.expose_secret()) },
            None => "the person who asked for the link",
        }
    }
}

fn who_asks(asker: &Asker) -> Markup {
    match asker {
        Asker::Person { name: Some(name) } => html! {
            "It will belong to " strong { (name.expose_secret()) } " on Telegram, who asked for this link."
        },
        Asker::Person { name: None } => html! { "It will belong to the person on Telegram who asked for this link." },
        Asker::Program { name, .. } => {
            html! { "It will belong to the program " strong { (name) } ", which asked for this link." }
        }
    }
}

const fn what_it_allows(capability: Capability) -> &'static str {
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
        for page in [who_asks(&person), who_asks(&program), name_markup(Some(&name.into()))] {
            let page = page.into_string();
            assert!(!page.contains("<script") && !page.contains("<a ") && page.contains("&lt;script&gt;"), "{page}");
        }
    }

    #[test]
    fn only_a_program_is_gone_back_to_and_only_by_an_address() {
        let program = |address: &str| Asker::Program { name: "x".to_owned(), return_url: Some(address.to_owned()) };
        assert_eq!(return_url(&program("https://example.org/a?b=c")).unwrap().as_str(), "https://example.org/a?b=c");
        assert!(return_url(&program("nonsense")).is_none());
        let back = way_back(&program("https://example.org/a?b=c"), Some(&"order 7&x".into())).unwrap();
        assert_eq!(back.as_str(), "https://example.org/a?b=c&state=order+7%26x");
        assert!(return_url(&Asker::Person { name: None }).is_none());
    }
}
