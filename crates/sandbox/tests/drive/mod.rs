//! Driving a sandbox over HTTP as any stranger would: nothing here knows its insides.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;

use bellhop_sandbox::{Running, Settings};
use reqwest::{Client, RequestBuilder, Response, redirect::Policy};
use serde_json::{Value, json};

pub const REDIRECT: &str = "http://127.0.0.1:8080/oauth/google/callback";
pub const GMAIL: &str = "https://www.googleapis.com/auth/gmail.readonly";
pub const CALENDAR: &str = "https://www.googleapis.com/auth/calendar.readonly";
/// A verifier and its S256 challenge: the example of RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub struct Drive {
    pub running: Running,
    pub client: Client,
}

pub async fn start() -> Drive {
    start_with(Settings::default()).await
}

pub async fn start_with(settings: Settings) -> Drive {
    // A second test in the same process finds it installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = Settings { listen: ([127, 0, 0, 1], 0).into(), ..settings };
    let running = bellhop_sandbox::start(settings).await.unwrap();
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    Drive { running, client }
}

impl Drive {
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.origin())
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path))
    }

    /// A control call that must succeed.
    pub async fn control(&self, path: &str, body: Value) -> Value {
        let response = self.post(&format!("/sandbox/{path}")).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 200, "control call {path}");
        response.json().await.unwrap()
    }

    pub async fn see(&self, path: &str) -> Value {
        self.get(&format!("/sandbox/{path}")).send().await.unwrap().json().await.unwrap()
    }

    /// A Bot API call: status and body.
    pub async fn bot(&self, method: &str, body: Value) -> (u16, Value) {
        let path = format!("/botsandbox-bot-token/{method}");
        let response = self.post(&path).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The description of a refusal.
    pub async fn bot_refusal(&self, method: &str, body: Value) -> String {
        let (status, body) = self.bot(method, body).await;
        assert_eq!(body["ok"], false, "{method} should have been refused: {body}");
        assert_eq!(u64::from(status), body["error_code"].as_u64().unwrap());
        body["description"].as_str().unwrap().to_owned()
    }

    pub async fn bot_ok(&self, method: &str, body: Value) -> Value {
        let (_, body) = self.bot(method, body).await;
        assert_eq!(body["ok"], true, "{method}: {body}");
        body["result"].clone()
    }

    pub async fn say(&self, user: i64, text: &str) -> Value {
        self.control(&format!("telegram/people/{user}/messages"), json!({ "text": text })).await
    }

    /// The good authorization request; tests change single parameters.
    pub fn authorization() -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("client_id", "sandbox-client".to_owned()),
            ("redirect_uri", REDIRECT.to_owned()),
            ("response_type", "code".to_owned()),
            ("scope", format!("openid email {GMAIL} {CALENDAR}")),
            ("state", "the-state".to_owned()),
            ("nonce", "the-nonce".to_owned()),
            ("code_challenge", CHALLENGE.to_owned()),
            ("code_challenge_method", "S256".to_owned()),
            ("access_type", "offline".to_owned()),
        ])
    }

    pub async fn authorize(&self, asked: &BTreeMap<&'static str, String>) -> Response {
        self.get("/o/oauth2/v2/auth").query(asked).send().await.unwrap()
    }

    /// Opens the consent page and answers its hidden `request` field.
    pub async fn consent_request(&self, asked: &BTreeMap<&'static str, String>) -> String {
        let response = self.authorize(asked).await;
        assert_eq!(response.status(), 200);
        let page = response.text().await.unwrap();
        let (_, rest) = page.split_once("name=\"request\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// Where the decision sends the browser, as a map.
    pub async fn decide(
        &self,
        request: &str,
        account: &str,
        scopes: &[&str],
        decision: &str,
    ) -> BTreeMap<String, String> {
        let mut form = vec![("request", request), ("account", account), ("decision", decision)];
        form.extend(scopes.iter().map(|scope| ("scope", *scope)));
        let response = self.post("/o/oauth2/v2/auth/decision").form(&form).send().await.unwrap();
        assert_eq!(response.status(), 303);
        location(&response)
    }

    /// A fresh code for alice with everything ticked.
    pub async fn code(&self) -> String {
        self.code_for("alice", &Self::authorization()).await
    }

    pub async fn code_for(&self, account: &str, asked: &BTreeMap<&'static str, String>) -> String {
        let request = self.consent_request(asked).await;
        self.decide(&request, account, &[GMAIL, CALENDAR], "allow").await["code"].clone()
    }

    /// The good exchange; tests change single parameters.
    pub fn exchange(code: &str) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", REDIRECT.to_owned()),
            ("client_id", "sandbox-client".to_owned()),
            ("client_secret", "sandbox-secret".to_owned()),
            ("code_verifier", VERIFIER.to_owned()),
        ])
    }

    pub async fn token(&self, form: &BTreeMap<&'static str, String>) -> (u16, Value) {
        let response = self.post("/token").form(form).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Tokens of a fresh grant.
    pub async fn connect(&self) -> Value {
        let (status, tokens) = self.token(&Self::exchange(&self.code().await)).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    pub async fn refresh(&self, token: &str) -> (u16, Value) {
        let form = BTreeMap::from([
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", token.to_owned()),
            ("client_id", "sandbox-client".to_owned()),
            ("client_secret", "sandbox-secret".to_owned()),
        ]);
        self.token(&form).await
    }

    /// An access token of one account for just these scopes.
    pub async fn token_for(&self, account: &str, scopes: &[&str]) -> String {
        let mut asked = Self::authorization();
        asked.insert("scope", scopes.join(" "));
        let request = self.consent_request(&asked).await;
        let back = self.decide(&request, account, scopes, "allow").await;
        let (status, tokens) = self.token(&Self::exchange(&back["code"])).await;
        assert_eq!(status, 200, "{tokens}");
        text(&tokens, "access_token").to_owned()
    }

    /// Reads from the Calendar API: status and body.
    pub async fn calendar(&self, token: &str, path: &str) -> (u16, Value) {
        let response = self.get(&format!("/calendar/v3/{path}")).bearer_auth(token).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    /// Writes to the Calendar API, with status and body of the answer.
    pub async fn write(&self, token: &str, method: reqwest::Method, path: &str, body: &Value) -> (u16, Value) {
        let request = self.client.request(method, self.url(&format!("/calendar/v3/{path}")));
        let response = request.bearer_auth(token).json(body).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    pub async fn gmail(&self, token: &str, path: &str) -> (u16, Value) {
        let response = self.get(&format!("/gmail/v1/users/me/{path}")).bearer_auth(token).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

pub fn location(response: &Response) -> BTreeMap<String, String> {
    let location = response.headers()["location"].to_str().unwrap();
    let url = url::Url::parse(location).unwrap();
    assert!(location.starts_with(REDIRECT), "{location}");
    url.query_pairs().into_owned().collect()
}

pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name} in {value}"))
}
