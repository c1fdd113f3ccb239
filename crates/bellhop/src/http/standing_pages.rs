//! The clean page that the callback leads to: how the walk of this browser stands, and the last step.
//!
//! `GET` changes nothing here either; the finish code is brought elsewhere.

use bellhop_domain::AuthorizationFailure;
use maud::{Markup, html};
use poem::http::StatusCode;
use poem::web::Data;
use poem::{Request, Response, handler};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Site;
use super::browser::cookie_of;
use super::connect_pages::{out_of_order, return_url, see_other, stopped, what_it_allows};
use super::page::{Page, Tone, button, more, notice};
use super::words::{self, Words};
use crate::connect::{self, Asker, Ending, LinkProblem, Stage, Walk, name_of};

/// How often a page looks for news that is due within seconds.
const AGAIN_AFTER_SECONDS: u8 = 4;

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
                p { "This takes a few seconds. The answer comes in the place where you finished, and this page shows it too." }
                (again("/connect/finish"))
            };
            let page = Page::new(StatusCode::OK, Tone::Plain, "Connecting…", body);
            Page { again_after_seconds: Some(AGAIN_AFTER_SECONDS), ..page }.respond()
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
            let reason = AuthorizationFailure::Abandoned;
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
                let how = match walk.asker {
                    Asker::Person { .. } => "In Telegram there is a button that asks for just that.",
                    Asker::Program { .. } => "To add it, connect the account once more and leave it ticked.",
                };
                words.text = format!(
                    "All done, with one gap: Bellhop may not {what}, as that was not ticked, or was taken back. {how}"
                );
            }
            if walk.attempt.reconnects && ending == Ending::Failed(AuthorizationFailure::Denied) {
                "That is fine: nothing changes, and what worked before goes on working. If it was a slip, start again."
                    .clone_into(&mut words.text);
            }
            ended(site, &walk.asker, back, words, reason).await
        }
    }
}

/// The last step: the initiator brings the code to where they asked for the link.
async fn to_finish(site: &Site, asker: &Asker, back: Option<Url>, provider: &str, code: &SecretString) -> Response {
    if let Some(mut back) = back {
        back.query_pairs_mut().append_pair("finish_code", code.expose_secret());
        return see_other(back.as_str());
    }
    let chat = site.bot_name.link(&site.app, Some(code.expose_secret())).await;
    let command = html! { code class="copy" { "/start " (code.expose_secret()) } };
    let warning = notice(&html! {
        p { strong { "Did somebody else send you the link?" } " Then do not finish. Close this page, and nothing is connected." }
    });
    let once = "It works once, for five minutes.";
    let body = html! {
        @match asker {
            Asker::Person { name } => {
                p {
                    (provider) " said yes. To be sure that it is you, finish in Telegram as "
                    (name_markup(name.as_ref())) "."
                }
                @if let Some(chat) = chat {
                    (button(&chat, "Finish in Telegram"))
                    p class="small" { "Press " strong { "Start" } " there. " (once) }
                    (warning)
                    (more("Nothing opens?", &html! {
                        p class="small" { "Open the chat with the bot yourself and send it this:" }
                        (command)
                    }))
                } @else {
                    p { "Open the chat with the bot and send it this:" }
                    (command)
                    p class="small" { (once) }
                    (warning)
                }
            }
            Asker::Program { name, .. } => {
                p { (provider) " said yes. Give this code to " strong { (name) } " to finish:" }
                code class="copy" { (code.expose_secret()) }
                p class="small" { (once) }
                (warning)
            }
        }
    };
    let step = matches!(asker, Asker::Person { .. }).then_some(3);
    Page { step, ..Page::new(StatusCode::OK, Tone::Plain, "One last step", body) }.respond()
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

fn name_markup(name: Option<&SecretString>) -> Markup {
    html! {
        @match name {
            Some(name) => strong { (name.expose_secret()) },
            None => "the person who asked for the link",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_only_text() {
        let page = name_markup(Some(&"</p><script>alert(1)</script>".into())).into_string();
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
    }

    #[test]
    fn a_program_gets_its_own_state_back() {
        let address = "https://example.org/a?b=c".to_owned();
        let program = Asker::Program { name: "x".to_owned(), return_url: Some(address) };
        let back = way_back(&program, Some(&"order 7&x".into())).unwrap();
        assert_eq!(back.as_str(), "https://example.org/a?b=c&state=order+7%26x");
    }
}
