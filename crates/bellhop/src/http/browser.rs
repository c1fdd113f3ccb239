//! The cookie by which a browser on the connect walk is recognised.
//!
//! `SameSite=Lax`, as it must come along when the provider sends the browser back. On plain http, which is loopback only,
//! neither the `__Host-` prefix nor `Secure`: Safari refuses them there.

use poem::Request;
use poem::http::header::{COOKIE, ORIGIN, USER_AGENT};
use secrecy::{ExposeSecret, SecretString};

use super::page::origin_of;
use crate::app::App;

const NAME: &str = "bellhop_connect";

/// How long a browser is remembered: longer than any walk, so that its last page can be reloaded.
const LIFETIME_SECONDS: u32 = 3600;

/// The longest value that is looked at: ours have 43 characters.
const LONGEST: usize = 128;

fn is_secure(app: &App) -> bool {
    app.settings.public_base_url.scheme() == "https"
}

fn name(app: &App) -> String {
    if is_secure(app) { format!("__Host-{NAME}") } else { NAME.to_owned() }
}

/// What this browser was given, if it brings it.
pub fn cookie_of(app: &App, request: &Request) -> Option<SecretString> {
    let name = name(app);
    request
        .headers()
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, value)| *known == name && !value.is_empty() && value.len() <= LONGEST)
        .map(|(_, value)| value.into())
}

/// The `Set-Cookie` header that gives it.
pub fn set_cookie(app: &App, cookie: &SecretString) -> String {
    let secure = if is_secure(app) { "; Secure" } else { "" };
    let (name, value) = (name(app), cookie.expose_secret());
    format!("{name}={value}; Path=/; Max-Age={LIFETIME_SECONDS}; HttpOnly; SameSite=Lax{secure}")
}

/// Whether a form was sent by another site's page. Its owner could otherwise send people to the provider who have never
/// seen our page. Browsers say so in `Sec-Fetch-Site`; older ones only where the page comes from, in `Origin`. Those that say
/// neither are let through, and so are programs.
pub fn is_cross_site(app: &App, request: &Request) -> bool {
    let headers = request.headers();
    if let Some(site) = headers.get("sec-fetch-site") {
        return site.as_bytes() != b"same-origin" && site.as_bytes() != b"none";
    }
    let ours = origin_of(&app.settings.public_base_url);
    // Our own pages say `null`, as they send no referrer: <https://fetch.spec.whatwg.org/#append-a-request-origin-header>
    headers.get(ORIGIN).is_some_and(|origin| origin.as_bytes() != b"null" && origin.as_bytes() != ours.as_bytes())
}

/// Whether a browser says that a form was sent by a page of ours. Those that say nothing may be at anybody's.
pub fn is_surely_ours(request: &Request) -> bool {
    request.headers().get("sec-fetch-site").is_some_and(|site| site.as_bytes() == b"same-origin")
}

/// Whether the page is most likely shown inside another app, where providers refuse to sign anybody in. Android's web views
/// say `wv` (<https://developer.chrome.com/docs/multidevice/user-agent>), Telegram names itself there, and those of iPhones
/// leave out the `Safari/` that every browser of theirs says. It only changes what is said first: a guess may be wrong.
pub fn is_inside_an_app(request: &Request) -> bool {
    let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let is_apple = agent.contains("iPhone") || agent.contains("iPad");
    agent.contains("; wv)") || agent.contains("Telegram") || (is_apple && !agent.contains("Safari/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_inside_another_app_is_told_from_one_that_is_not() {
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
        let android = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (agent, is_inside) in [
            (format!("{phone} Mobile/15E148"), true),
            (format!("{phone} Version/18.5 Mobile/15E148 Safari/604.1"), false),
            (format!("{phone} CriOS/142.0.0.0 Mobile/15E148 Safari/604.1"), false),
            (
                format!("Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) {android} Chrome/142.0.0.0 Mobile Safari/537.36"),
                true,
            ),
            (
                format!(
                    "Mozilla/5.0 (Linux; Android 15) {android} Chrome/142.0.0.0 Safari/537.36 Telegram-Android/12.1"
                ),
                true,
            ),
            (format!("Mozilla/5.0 (Linux; Android 10; K) {android} Chrome/142.0.0.0 Mobile Safari/537.36"), false),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0".to_owned(), false),
            (String::new(), false),
        ] {
            let request = Request::builder().header("user-agent", &agent).finish();
            assert_eq!(is_inside_an_app(&request), is_inside, "{agent}");
        }
    }
}
