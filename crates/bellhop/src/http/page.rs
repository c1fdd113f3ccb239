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

/// What a page that is done, or stopped, shows beside its colour: not everybody sees that.
const DONE: &str = r#"<svg class="sign" viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="21"/><path d="m15 25 6.5 6.5L34 18"/></svg>"#;
const STOPPED: &str = r#"<svg class="sign" viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="21"/><path d="M24 14v13m0 7v.01"/></svg>"#;

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(bellhop_store::plain_hash(STYLE.as_bytes())));

/// How a page feels, shown by a sign and its colour.
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
    /// Which of the steps of connecting it is, where it is one.
    pub step: Option<u8>,
    /// After how many seconds it is to be loaded again by itself, where news is on its way.
    pub again_after_seconds: Option<u8>,
    /// Whether it leads to the first page: all but that one do.
    pub leads_home: bool,
    /// Where its form leads beyond this site.
    pub form_leads_to: Vec<String>,
}

impl Page {
    /// A page without a form.
    pub fn new(status: StatusCode, tone: Tone, title: impl Into<String>, body: Markup) -> Self {
        let title = title.into();
        Self {
            status,
            title,
            body,
            tone,
            step: None,
            again_after_seconds: None,
            leads_home: true,
            form_leads_to: vec![],
        }
    }

    /// Frames it.
    pub fn respond(self) -> Response {
        let form_leads_to = [vec!["'self'".to_owned()], self.form_leads_to].concat().join(" ");
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; form-action {form_leads_to}; base-uri 'none'; \
             frame-ancestors 'none'",
            *STYLE_HASH
        );
        let (tone, sign) = match self.tone {
            Tone::Plain => ("plain", ""),
            Tone::Good => ("good", DONE),
            Tone::Stopped => ("stopped", STOPPED),
        };
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    @if let Some(seconds) = self.again_after_seconds { meta http-equiv="refresh" content=(seconds); }
                    title { (self.title) " · Bellhop" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header { (PreEscaped(BELL)) span { "Bellhop" } }
                    main class=(tone) {
                        (PreEscaped(sign))
                        @if let Some(step) = self.step { p class="step" { "Step " (step) " of 3" } }
                        h1 { (self.title) }
                        (self.body)
                    }
                    @if self.leads_home { footer { a href="/" { "What is Bellhop?" } } }
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

/// More, for those who ask: closed until it is tapped, without JavaScript.
pub fn more(question: &str, answer: &Markup) -> Markup {
    html! { details { summary { (question) } (answer) } }
}

/// Something to see before anything else is done.
pub fn notice(what: &Markup) -> Markup {
    html! { div class="notice" { (what) } }
}

/// An error of the routes, for somebody with a browser.
pub fn of_problem(problem: &Problem) -> Response {
    let (title, text) = in_plain_words(problem);
    let body = html! {
        p { (text) }
        @if problem.status().is_client_error() {
            p { "To connect an account, open the chat with the bot and send " code { "/connect" } "." }
        }
        a class="button" href="/" { "Go to the first page" }
    };
    Page { leads_home: false, ..Page::new(problem.status(), Tone::Stopped, title, body) }.respond()
}

/// What the codes say is for people who write programs.
fn in_plain_words(problem: &Problem) -> (&'static str, &'static str) {
    match problem.status() {
        StatusCode::NOT_FOUND => (
            "There is nothing at this address",
            "It may be mistyped, cut off, or no longer in use. Nothing was changed.",
        ),
        StatusCode::METHOD_NOT_ALLOWED => (
            "That does not work at this address",
            "Whatever sent you here used a method that this address does not take. Nothing was changed; you can go back.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => (
            "That was too large",
            "More was sent than anything here needs, so it was not read. Nothing was changed; you can go back.",
        ),
        StatusCode::REQUEST_TIMEOUT => (
            "That took too long to arrive",
            "Your connection may be slow or have been cut. Nothing was changed; go back and try once more.",
        ),
        status if status.is_client_error() => (
            "This cannot be read",
            "The address, or what was sent along, may be cut off or spoilt. Nothing was changed; you can go back.",
        ),
        _ => (
            "Something went wrong on our side",
            "You did nothing wrong, and nothing is lost. Wait a moment, then reload this page. If it stays like this, tell the \
             person who runs this Bellhop.",
        ),
    }
}
