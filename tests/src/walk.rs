//! The walk through consent as one person takes it, whole or step by step.

use serde_json::json;
use url::Url;

use crate::api::Api;
use crate::browser::{Browser, Page};
use crate::chat::{Message, Person};
use crate::house::House;
use crate::trouble::{Story, Trouble, ensure};

/// The scope that lets mail be read.
pub const MAIL_SCOPE: &str = "https://www.googleapis.com/auth/gmail.readonly";

/// The scope that lets calendars be read.
pub const CALENDAR_SCOPE: &str = "https://www.googleapis.com/auth/calendar.readonly";

/// What somebody does on the consent page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent<'a> {
    /// Allows everything.
    All,
    /// Unticks one scope and allows the rest.
    Without(&'a str),
    /// Unticks every scope and allows that.
    Bare,
    /// Refuses.
    Deny,
}

/// A person with a browser, on the way through consent.
pub struct Walk {
    /// Who.
    pub person: Person,
    /// With which browser.
    pub browser: Browser,
}

impl House {
    /// A person who opens their links in a browser of their own.
    pub fn walker(&self, id: i64, name: &str) -> Story<Walk> {
        Ok(Walk { person: self.person(id, name), browser: self.browser()? })
    }

    /// The id of the newest integration that is connected, as the auditor sees it.
    pub async fn connected_integration(&self) -> Story<String> {
        let integrations = self.integrations().await?;
        let connected = integrations.iter().filter(|row| row["connected_at"].is_string());
        let newest = connected.max_by_key(|row| row["connected_at"].as_str().map(str::to_owned));
        let id = newest.and_then(|row| row["integration"].as_str().map(str::to_owned));
        id.ok_or_else(|| Trouble::new(format!("nothing is connected: {integrations:?}")))
    }
}

impl House {
    /// A new API key of the default tenant.
    pub async fn api_key(&self, name: &str) -> Story<String> {
        Ok(self.command(&["api-key", "add", name]).await?.out.trim().to_owned())
    }

    /// A program connects an account with somebody's browser; answers the integration's id.
    pub async fn connect_by_api(&self, api: &Api, account: &str) -> Story<String> {
        let asked = api.get("oauth/google/authorize").await?;
        asked.expect(200)?;
        let mut walk = self.walker(1, "Nobody")?;
        let consent = walk.to_consent(&Url::parse(&asked.field("connect_url")?)?).await?;
        let page = walk.decide(&consent, account, Consent::All).await?;
        let code = page.finish_code().ok_or_else(|| Trouble::new(format!("no code for a program: {}", page.text())))?;
        let finished = api.post("oauth/google/finish", Some(json!({ "finish_code": code }))).await?;
        let id = finished.expect(200)?["integration"]["id"].as_str();
        id.map(str::to_owned).ok_or_else(|| Trouble::new(finished.text.clone()))
    }
}

impl Walk {
    /// Asks the bot for a link.
    pub async fn link(&self) -> Story<Url> {
        let answer = self.person.ask("/connect", "a link to connect with", |message| message.link().is_some()).await?;
        ensure(
            answer.link_preview_options["is_disabled"] == true || answer.buttons.iter().flatten().count() > 0,
            "a link must not be previewed",
        )?;
        answer.link().ok_or_else(|| Trouble::new("no link"))
    }

    /// Opens the link and goes on to the provider's consent page.
    pub async fn to_consent(&mut self, link: &Url) -> Story<Page> {
        let page = self.browser.open(link).await?;
        page.expect(200, &[])?;
        let consent = self.browser.submit(&page).await?;
        ensure(
            consent.url.path() == "/o/oauth2/v2/auth" && consent.status == 200,
            format_args!(
                "expected the consent page, got {} at {}: {}",
                consent.status,
                consent.url.path(),
                consent.text()
            ),
        )?;
        Ok(consent)
    }

    /// Decides on the consent page; answers the page that the browser is brought back to.
    pub async fn decide(&mut self, consent: &Page, account: &str, decision: Consent<'_>) -> Story<Page> {
        let (form, fields) = decision_fields(consent, account, decision)?;
        self.browser.send(consent, &form, &fields).await
    }

    /// Decides on the consent page and stops before the browser follows back; answers the callback's address.
    pub async fn decide_and_stop(&mut self, consent: &Page, account: &str, decision: Consent<'_>) -> Story<Url> {
        let (form, fields) = decision_fields(consent, account, decision)?;
        let answer = self.browser.send_only(consent, &form, &fields).await?;
        Ok(answer.url.join(answer.header("location"))?)
    }

    /// Everything up to the page that offers to finish in Telegram; answers the finish code.
    pub async fn to_finish(&mut self, account: &str, decision: Consent<'_>) -> Story<String> {
        let link = self.link().await?;
        let consent = self.to_consent(&link).await?;
        let page = self.decide(&consent, account, decision).await?;
        page.expect(200, &[])?;
        page.finish_code().ok_or_else(|| Trouble::new(format!("no finish code on the page: {}", page.text())))
    }

    /// Brings the finish code to the bot and waits for such an answer.
    pub async fn finish(&self, code: &str, what: &str, is_it: impl Fn(&Message) -> bool) -> Story<Message> {
        self.person.ask(&format!("/start {code}"), what, is_it).await
    }

    /// The whole walk; answers the message that says it is done.
    pub async fn connect(&mut self, account: &str) -> Story<Message> {
        let code = self.to_finish(account, Consent::All).await?;
        let address = format!("{account}@");
        self.finish(&code, "the account to be connected", |message| message.says(&address)).await
    }
}

fn decision_fields(
    consent: &Page,
    account: &str,
    decision: Consent<'_>,
) -> Story<(crate::markup::Form, Vec<(String, String)>)> {
    let form = consent.forms().into_iter().next().ok_or_else(|| Trouble::new("a consent page without a form"))?;
    let mut fields: Vec<(String, String)> = form.fields.iter().filter(|(name, _)| name != "account").cloned().collect();
    match decision {
        Consent::Without(scope) => fields.retain(|(name, value)| name != "scope" || value != scope),
        Consent::Bare => fields.retain(|(name, _)| name != "scope"),
        Consent::All | Consent::Deny => {}
    }
    fields.push(("account".to_owned(), account.to_owned()));
    let word = if decision == Consent::Deny { "deny" } else { "allow" };
    fields.push(("decision".to_owned(), word.to_owned()));
    Ok((form, fields))
}
