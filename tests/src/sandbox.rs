//! The sandbox's control API: what the world outside Bellhop can be made to do.

use std::path::Path;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use url::Url;

use crate::ledger::Ledger;
use crate::process::{Environment, Program};
use crate::trouble::{Story, Trouble};
use crate::wait::until;

/// A running sandbox, spoken to over HTTP.
#[derive(Debug, Clone)]
pub struct Sandbox {
    client: Client,
    /// `http://` and its address.
    pub origin: Url,
}

impl Sandbox {
    /// The sandbox at this address.
    pub fn at(origin: Url, client: Client) -> Self {
        Self { client, origin }
    }

    /// What it was asked and did.
    pub async fn ledger(&self) -> Story<Ledger> {
        Ok(serde_json::from_value(self.get("ledger").await?)?)
    }

    /// Every raw secret and everything personal it ever gave out.
    pub async fn secrets(&self) -> Story<Value> {
        self.get("secrets").await
    }

    /// Makes the next calls suffer; see `GET /sandbox` for the fields.
    pub async fn fault(&self, fault: Value) -> Story {
        self.post("faults", fault).await.map(drop)
    }

    /// The faults still to come.
    pub async fn faults_to_come(&self) -> Story<usize> {
        Ok(self.get("faults").await?.as_array().map_or(0, Vec::len))
    }

    /// Takes back every fault.
    pub async fn clear_faults(&self) -> Story {
        self.call(Method::DELETE, "faults", None).await.map(drop)
    }

    /// Spoils the next token answers.
    pub async fn spoil_answers(&self, fault: Value) -> Story {
        self.post("google/answers", fault).await.map(drop)
    }

    /// Changes how Google behaves from now on.
    pub async fn set_google(&self, settings: Value) -> Story {
        self.post("google/settings", settings).await.map(drop)
    }

    /// The person takes their permission back in their Google account.
    pub async fn revoke_at_google(&self, account: &str) -> Story {
        self.post(&format!("google/accounts/{account}/revoke"), json!({})).await.map(drop)
    }

    /// Every history cursor taken so far becomes too old.
    pub async fn forget_history(&self, account: &str) -> Story {
        self.post(&format!("google/accounts/{account}/forget-history"), json!({})).await.map(drop)
    }

    /// A mail arrives. Answers its id.
    pub async fn mail_arrives(&self, account: &str, from: &str, subject: &str, text: &str) -> Story<String> {
        let mail = json!({ "from": from, "subject": subject, "text": text });
        let arrived = self.post(&format!("google/accounts/{account}/mails"), mail).await?;
        Ok(arrived["id"].as_str().unwrap_or_default().to_owned())
    }

    /// A mail is deleted at Google.
    pub async fn delete_mail(&self, account: &str, id: &str) -> Story {
        self.call(Method::DELETE, &format!("google/accounts/{account}/mails/{id}"), None).await.map(drop)
    }

    /// The subjects of the inbox, newest first.
    pub async fn subjects(&self, account: &str) -> Story<Vec<String>> {
        let mails = self.get(&format!("google/accounts/{account}/mails")).await?;
        let in_inbox = |mail: &&Value| mail["labels"].as_array().is_some_and(|labels| labels.contains(&"INBOX".into()));
        let mails = mails.as_array().into_iter().flatten().filter(in_inbox);
        Ok(mails.map(|mail| mail["subject"].as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Telegram delivers an update once more.
    pub async fn repeat_update(&self, update: i64) -> Story {
        self.post(&format!("telegram/updates/{update}/repeat"), json!({})).await.map(drop)
    }

    /// Reads something of the control API.
    pub async fn get(&self, path: &str) -> Story<Value> {
        self.call(Method::GET, path, None).await
    }

    /// Asks something of the control API.
    pub async fn post(&self, path: &str, body: Value) -> Story<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Asks something of the control API in this way.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Story<Value> {
        let mut request = self.client.request(method, self.origin.join(&format!("sandbox/{path}"))?);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            return Err(Trouble::new(format!("the sandbox answers {status} to {path}: {text}")));
        }
        Ok(serde_json::from_str(&text)?)
    }
}

/// Starts a sandbox for the house at this address; answers it with its own.
pub async fn start_sandbox(folder: &Path, house: &Url, more: &[String]) -> Story<(Program, Url)> {
    let mut environment = Environment::new();
    environment.insert("CLOCK_OFFSET_FILE".to_owned(), folder.join("clock").display().to_string());
    let callback = house.join("oauth/google/callback")?;
    let mut arguments = ["--listen", "127.0.0.1:0", "--redirect-uri", callback.as_str()].map(str::to_owned).to_vec();
    arguments.extend(more.iter().cloned());
    let log = folder.join("sandbox.log");
    let mut program = Program::start("bellhop-sandbox", &arguments, &environment, folder, log)?;
    let origin = until("the sandbox to listen", async || {
        if let Some(status) = program.ended()? {
            return Err(Trouble::new(format!("the sandbox ended with {status}: {}", program.printed())));
        }
        let printed = program.printed();
        let said = printed.lines().find_map(|line| line.strip_prefix("listening on "));
        said.map(|origin| Ok(Url::parse(origin.trim())?)).transpose()
    })
    .await?;
    Ok((program, origin))
}
