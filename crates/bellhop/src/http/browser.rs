//! The cookie by which a browser on the connect walk is recognised.
//!
//! `SameSite=Lax`, as it must come along when the provider sends the browser back. On plain http, which is loopback only,
//! neither the `__Host-` prefix nor `Secure`: Safari refuses them there.

use poem::Request;
use poem::http::header::COOKIE;
use secrecy::{ExposeSecret, SecretString};

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
/// seen our page. Browsers that do not say are let through, and so are programs.
pub fn is_cross_site(request: &Request) -> bool {
    request
        .headers()
        .get("sec-fetch-site")
        .is_some_and(|site| site.as_bytes() != b"same-origin" && site.as_bytes() != b"none")
}
