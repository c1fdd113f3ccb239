//! A browser without JavaScript: cookies, links, forms and redirects, one jar for each browser.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::header::{COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method, StatusCode, redirect::Policy};
use url::Url;

use crate::evidence::Evidence;
use crate::markup::{self, Form};
use crate::trouble::{Story, Trouble, ensure};

/// How many redirects a browser follows before it gives up.
const REDIRECTS: usize = 10;

/// A client that follows nothing and keeps nothing by itself.
pub fn http_client() -> Story<Client> {
    // Installed once for the process; a second time is no error.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().redirect(Policy::none()).timeout(Duration::from_mins(1)).no_proxy();
    // Longer unused, a connection may be closed by the other side at the moment it is used again.
    Ok(client.pool_idle_timeout(Duration::from_secs(10)).build()?)
}

/// Somebody's browser.
pub struct Browser {
    client: Client,
    /// By host: ports share cookies, as RFC 6265 section 8.5 says they do.
    cookies: BTreeMap<(String, String), String>,
    evidence: Evidence,
    /// Whose pages are kept for the canary scan.
    house: Url,
}

/// What a browser shows.
#[derive(Debug, Clone)]
pub struct Page {
    /// Where it is, after redirects.
    pub url: Url,
    /// With which status it was answered.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// As it was sent.
    pub body: String,
    /// Every address the browser was at on the way here, this one last.
    pub way: Vec<Url>,
}

impl Page {
    /// What a person reads on it.
    pub fn text(&self) -> String {
        markup::text(&self.body)
    }

    /// Its forms.
    pub fn forms(&self) -> Vec<Form> {
        markup::forms(&self.body)
    }

    /// Its links, absolute.
    pub fn links(&self) -> Vec<Url> {
        markup::links(&self.body).iter().filter_map(|link| self.url.join(link).ok()).collect()
    }

    /// The finish code: of the button into the chat, or shown for the program that asked.
    pub fn finish_code(&self) -> Option<String> {
        let in_link = self
            .links()
            .iter()
            .find_map(|link| link.query_pairs().find(|(name, _)| name == "start").map(|(_, code)| code.into_owned()));
        let is_for_a_program = self.text().contains("Give this code");
        in_link.or_else(|| markup::codes(&self.body).pop().filter(|_| is_for_a_program))
    }

    /// The value of a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Trouble unless it has this status and says all of this, in whatever case.
    #[track_caller]
    pub fn expect(&self, status: u16, words: &[&str]) -> Story {
        let text = self.text().to_lowercase();
        let missing: Vec<_> = words.iter().filter(|words| !text.contains(&words.to_lowercase())).collect();
        ensure(
            self.status.as_u16() == status && missing.is_empty(),
            format_args!(
                "expected {status} and {missing:?} on the page at {}, which says {}: {}",
                self.url.path(),
                self.status,
                self.text()
            ),
        )
    }
}

impl Browser {
    /// A browser that nobody has used.
    pub fn new(house: &Url, evidence: Evidence) -> Story<Self> {
        Ok(Self { client: http_client()?, cookies: BTreeMap::new(), evidence, house: house.clone() })
    }

    /// Goes to an address and follows redirects.
    pub async fn open(&mut self, url: &Url) -> Story<Page> {
        self.go(Method::GET, url.clone(), None, REDIRECTS).await
    }

    /// Goes to an address and stays there, whatever it answers.
    pub async fn open_only(&mut self, url: &Url) -> Story<Page> {
        self.go(Method::GET, url.clone(), None, 0).await
    }

    /// Sends the page's only form as it stands.
    pub async fn submit(&mut self, page: &Page) -> Story<Page> {
        let forms = page.forms();
        let form = forms.first().ok_or_else(|| Trouble::new(format!("a page without a form: {}", page.text())))?;
        self.send(page, form, &form.fields).await
    }

    /// Sends a form of the page with these fields.
    pub async fn send(&mut self, page: &Page, form: &Form, fields: &[(String, String)]) -> Story<Page> {
        self.send_following(page, form, fields, REDIRECTS).await
    }

    /// Sends a form of the page and stays where it goes.
    pub async fn send_only(&mut self, page: &Page, form: &Form, fields: &[(String, String)]) -> Story<Page> {
        self.send_following(page, form, fields, 0).await
    }

    async fn send_following(
        &mut self,
        page: &Page,
        form: &Form,
        fields: &[(String, String)],
        redirects: usize,
    ) -> Story<Page> {
        let mut url = if form.action.is_empty() { page.url.clone() } else { page.url.join(&form.action)? };
        if form.method == "post" {
            let origin = page.url.origin().ascii_serialization();
            return self.go(Method::POST, url, Some((fields.to_vec(), origin)), redirects).await;
        }
        url.query_pairs_mut().clear().extend_pairs(fields);
        self.go(Method::GET, url, None, redirects).await
    }

    async fn go(
        &mut self,
        mut method: Method,
        mut url: Url,
        mut form: Option<(Vec<(String, String)>, String)>,
        redirects: usize,
    ) -> Story<Page> {
        let mut way = vec![];
        loop {
            way.push(url.clone());
            keep_secrets_of(&self.evidence, &self.house, &url);
            let mut request = self.client.request(method.clone(), url.clone()).header(COOKIE, self.cookies_for(&url));
            if let Some((fields, origin)) = &form {
                request = request.header(ORIGIN, origin).form(fields);
            }
            let answer = request.send().await?;
            let (status, headers) = (answer.status(), answer.headers().clone());
            self.take_cookies(&url, &headers);
            let body = answer.text().await?;
            let page = Page { url: url.clone(), status, headers: headers.clone(), body, way: way.clone() };
            if self.is_of_the_house(&url) {
                self.keep(&page);
            }
            let onward = headers.get(LOCATION).and_then(|location| location.to_str().ok());
            match onward {
                Some(location) if status.is_redirection() && way.len() <= redirects => {
                    url = url.join(location)?;
                    if matches!(status, StatusCode::SEE_OTHER | StatusCode::FOUND | StatusCode::MOVED_PERMANENTLY) {
                        (method, form) = (Method::GET, None);
                    }
                }
                _ => return Ok(page),
            }
        }
    }

    /// What a page shows on purpose is no leak: its own address, to be opened elsewhere, and the finish code.
    fn keep(&self, page: &Page) {
        let code = page.finish_code().unwrap_or_default();
        let own = page.url.path_segments().into_iter().flatten().filter(|segment| segment.len() > 30);
        let mut body = page.body.clone();
        for shown in own.chain([code.as_str()]).filter(|shown| !shown.is_empty()) {
            body = body.replace(shown, "");
        }
        self.evidence.keep_page(page.url.path(), body);
        if !code.is_empty() {
            self.evidence.keep_secret(code);
        }
    }

    fn is_of_the_house(&self, url: &Url) -> bool {
        url.origin() == self.house.origin()
    }

    fn cookies_for(&self, url: &Url) -> String {
        let host = url.host_str().unwrap_or_default();
        let ours = self.cookies.iter().filter(|((of_host, _), _)| of_host == host);
        ours.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn take_cookies(&mut self, url: &Url, headers: &HeaderMap) {
        let host = url.host_str().unwrap_or_default();
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let mut parts = cookie.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            let ends = parts.any(|attribute| attribute.eq_ignore_ascii_case("Max-Age=0"));
            let key = (host.to_owned(), name.to_owned());
            if ends || value.is_empty() {
                self.cookies.remove(&key);
            } else {
                self.evidence.keep_secret(value);
                self.cookies.insert(key, value.to_owned());
            }
        }
    }
}

/// What an address carries that is nobody's business: states, nonces, codes and the tokens of links.
pub(crate) fn keep_secrets_of(evidence: &Evidence, house: &Url, url: &Url) {
    for (name, value) in url.query_pairs() {
        if ["state", "nonce", "code", "start"].contains(&&*name) {
            evidence.keep_secret(value);
        }
    }
    let segments = url.path_segments().into_iter().flatten();
    for segment in segments.filter(|segment| url.origin() == house.origin() && segment.len() > 30) {
        evidence.keep_secret(segment);
    }
}
