//! The page on which a person allows or refuses, and the page for requests that cannot be trusted.
//!
//! Plain HTML forms without scripts, so that a test drives them with nothing but HTTP.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Account, Google, asked::AuthorizationRequest, scopes};

/// One form: hidden `request`, radio `account`, checkboxes `scope`, buttons `decision` = `allow` | `deny`.
pub fn consent(google: &Google, id: &str, asked: &AuthorizationRequest) -> Markup {
    let hinted = google
        .accounts
        .values()
        .find(|account| asked.login_hint.as_deref().is_some_and(|hint| account.is_called(hint)))
        .or_else(|| google.accounts.values().next())
        .map(|account| account.name.as_str());
    let (sign_in, others): (Vec<_>, Vec<_>) = asked.scopes.iter().partition(|scope| scopes::is_sign_in(scope));
    // Only once it is known who is asked can the page tell what they allowed before.
    let grant = asked.login_hint.as_ref().and(hinted).and_then(|account| google.grants.get(account));
    let (before, optional): (Vec<&String>, Vec<&String>) =
        others.into_iter().partition(|scope| grant.is_some_and(|grant| grant.scopes.contains(*scope)));
    let destination =
        url::Url::parse(&asked.redirect_uri).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    layout(
        "Sign in",
        &html! {
            p.brand { span.dot {} "Sandbox sign-in" span.note { "not Google" } }
            h1 { strong { (google.client_id) } " wants access to your account" }
            p.soft { "Afterwards you return to " strong { (destination) } "." }
            form method="post" action="/o/oauth2/v2/auth/decision" {
                input type="hidden" name="request" value=(id);
                fieldset {
                    legend { "Choose an account" }
                    @for account in google.accounts.values() {
                        (account_row(account, hinted == Some(account.name.as_str())))
                    }
                }
                fieldset {
                    legend { "Select what it can access" }
                    @for scope in sign_in {
                        div.row.fixed {
                            span.tick { "✓" }
                            span.words { (scopes::in_words(scope)) small { (scope) } }
                        }
                    }
                    @for scope in before {
                        div.row.fixed {
                            input type="hidden" name="scope" value=(scope);
                            span.tick { "✓" }
                            span.words { (scopes::in_words(scope)) small { "allowed before · " (scope) } }
                        }
                    }
                    @for scope in optional {
                        label.row {
                            input type="checkbox" name="scope" value=(scope) checked;
                            span.words { (scopes::in_words(scope)) small { (scope) } }
                        }
                    }
                }
                div.buttons {
                    button.quiet type="submit" name="decision" value="deny" { "Refuse" }
                    button type="submit" name="decision" value="allow" { "Allow" }
                }
            }
        },
    )
}

fn account_row(account: &Account, chosen: bool) -> Markup {
    let initial: String = account.display_name.chars().take(1).collect();
    html! {
        label.row {
            input type="radio" name="account" value=(account.name) checked[chosen];
            span.face { (initial) }
            span.words { (account.display_name) small { (account.email) } }
        }
    }
}

/// Google's "Error 400" page.
pub fn error(status: u16, error: &str, text: &str) -> Markup {
    layout(
        "Access blocked",
        &html! {
            p.brand { span.dot {} "Sandbox sign-in" span.note { "not Google" } }
            h1 { "Access blocked: this app's request is invalid" }
            p { (text) }
            p.soft { "Error " (status) ": " code { (error) } }
        },
    )
}

fn layout(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · sandbox" }
                style { (PreEscaped(STYLE)) }
            }
            body { main { (content) } }
        }
    }
}

const STYLE: &str = include_str!("consent_page.css");
