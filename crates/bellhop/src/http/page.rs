//! The one frame of every page: readable on a phone, dark and light, without JavaScript and without third parties.
//!
//! A policy with the hash of the page's only style sheet lets nothing else load or run. Text enters through `maud`, which
//! escapes it.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use poem::Response;
use poem::http::StatusCode;
use url::Url;

use super::problem::Problem;

const STYLE: &str = include_str!("page.css");

/// A bell, drawn here so that nothing needs to be loaded.
const BELL: &str = r#"<svg class="bell" viewBox="0 0 48 48" aria-hidden="true"><path d="M6 36a18 18 0 0 1 36 0z"/><rect x="3" y="38" width="42" height="4" rx="2"/><circle cx="24" cy="14" r="3.5"/></svg>"#;

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(bellhop_store::plain_hash(STYLE.as_bytes())));

/// How a page feels, shown by the colour of its edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It goes on.
    Plain,
    /// It is done.
    Good,
    /// It stopped.
    Stopped,
}

/// A page before it is framed.
pub struct Page {
    /// The HTTP status.
    pub status: StatusCode,
    /// The heading.
    pub title: String,
    /// What is below it.
    pub body: Markup,
    /// How it feels.
    pub tone: Tone,
    /// Where its form leads beyond this site.
    pub form_leads_to: Vec<String>,
}

impl Page {
    /// A page without a form.
    pub fn new(status: StatusCode, tone: Tone, title: impl Into<String>, body: Markup) -> Self {
        Self { status, title: title.into(), body, tone, form_leads_to: vec![] }
    }

    /// Frames it.
    pub fn respond(self) -> Response {
        let form_leads_to = [vec!["'self'".to_owned()], self.form_leads_to].concat().join(" ");
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; form-action {form_leads_to}; base-uri 'none'; \
             frame-ancestors 'none'",
            *STYLE_HASH
        );
        let tone = match self.tone {
            Tone::Plain => "plain",
            Tone::Good => "good",
            Tone::Stopped => "stopped",
        };
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    title { (self.title) " · Bellhop" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header { (PreEscaped(BELL)) span { "Bellhop" } }
                    main class=(tone) {
                        h1 { (self.title) }
                        (self.body)
                    }
                }
            }
        };
        Response::builder()
            .status(self.status)
            .content_type("text/html; charset=utf-8")
            .header("content-security-policy", policy)
            .body(markup.into_string())
    }
}

/// The one thing to do next.
pub fn button(to: &Url, label: &str) -> Markup {
    html! { a class="button" href=(to) { (label) } }
}

/// The origin of an address, for a policy.
pub fn origin_of(address: &Url) -> String {
    address.origin().ascii_serialization()
}

/// An error of the routes, for somebody with a browser.
pub fn of_problem(problem: &Problem) -> Response {
    let (title, _) = problem.words();
    let body = html! {
        p { "Check the address, or start over: open the chat with the bot and send " code { "/connect" } "." }
        a class="button" href="/" { "What Bellhop is" }
    };
    Page::new(problem.status(), Tone::Stopped, title, body).respond()
}
