//! Carrying updates to the webhook.
//!
//! <https://core.telegram.org/bots/api#setwebhook>: "an HTTPS POST request to the specified URL, containing a JSON-serialized Update. In case of an
//! unsuccessful request (a request with response HTTP status code different from 2XY), we will repeat the request". A chat's messages go
//! one after the other, and so do a person's presses; messages and presses, and different chats, go at the same time. What is due, and when, is decided in `updates.rs` and `webhook.rs`.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, redirect::Policy};
use serde_json::Value;
use tokio::task::JoinSet;

use super::{methods, parameters::Parameters, webhook::Delivery};
use crate::Sandbox;

/// How long an answer may take. Telegram publishes no figure.
const ANSWER_SECONDS: u64 = 60;

/// How often back-offs are looked at: the clock may be moved from outside.
const LOOK_MILLISECONDS: u64 = 200;

/// An answer that calls a method is read up to here.
const ANSWER_BYTES: usize = 1024 * 1024;

/// Delivers for as long as the sandbox lives.
pub async fn deliver_updates(sandbox: Arc<Sandbox>) {
    let mut client = None;
    let mut on_the_way = JoinSet::new();
    loop {
        let rung = sandbox.updates_bell.notified();
        tokio::pin!(rung);
        // Enrolled before looking, so that nothing rings unheard in between.
        rung.as_mut().enable();
        let (due, something_waits) = take_due(&sandbox);
        for parcel in due {
            // Made when it is first needed: most sandboxes never call anybody.
            let client = client.get_or_insert_with(make_client).clone();
            on_the_way.spawn(deliver(Arc::clone(&sandbox), client, parcel));
        }
        tokio::select! {
            () = rung => {}
            Some(_) = on_the_way.join_next() => {}
            () = tokio::time::sleep(Duration::from_millis(LOOK_MILLISECONDS)), if something_waits => {}
        }
    }
}

/// What one attempt carries.
struct Parcel {
    ticket: u64,
    update_id: i64,
    attempt: u32,
    url: url::Url,
    secret_token: Option<String>,
    body: String,
}

fn take_due(sandbox: &Sandbox) -> (Vec<Parcel>, bool) {
    let now = sandbox.clock.now();
    let mut state = sandbox.state();
    let updates = &mut state.telegram.updates;
    let Some(webhook) = updates.webhook.clone() else { return (Vec::new(), false) };
    let due = updates.take_due(now);
    let parcels = due
        .into_iter()
        .filter_map(|ticket| {
            let pending = updates.find(ticket)?;
            pending.in_flight = true;
            Some(Parcel {
                ticket,
                update_id: pending.id,
                attempt: pending.failures + 1,
                url: webhook.url.clone(),
                secret_token: webhook.secret_token.clone(),
                body: pending.update.to_string(),
            })
        })
        .collect();
    (parcels, updates.waiting().any(|pending| !pending.in_flight))
}

/// Redirects are not followed: <https://core.telegram.org/bots/faq#i-39m-having-problems-with-webhooks>, "Redirects are not supported".
fn make_client() -> Option<Client> {
    // A second sandbox in the same process finds it installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(ANSWER_SECONDS))
        .build()
        .inspect_err(|error| tracing::error!(%error, "no client for webhooks"))
        .ok()
}

async fn deliver(sandbox: Arc<Sandbox>, client: Option<Client>, parcel: Parcel) {
    let mut delivery = Delivery {
        update_id: parcel.update_id,
        at: sandbox.clock.now(),
        attempt: parcel.attempt,
        status: None,
        error: None,
        method: None,
        method_ok: None,
    };
    let ticket = parcel.ticket;
    match post(client, parcel).await {
        Err(error) => delivery.error = Some(error),
        Ok((status, call)) => {
            delivery.status = Some(status.as_u16());
            if !status.is_success() {
                delivery.error = Some(format!("Wrong response from the webhook: {status}"));
            } else if let Some((method, parameters)) = call {
                let answered = methods::call(&sandbox, &mut sandbox.state(), &method, &parameters);
                delivery.method_ok = Some(answered.is_ok());
                delivery.method = Some(method);
            }
        }
    }
    {
        let mut state = sandbox.state();
        state.ledger.updates_delivered += 1;
        state.ledger.updates_confirmed += u64::from(delivery.error.is_none());
        state.telegram.updates.settle(ticket, delivery, sandbox.clock.now());
    }
    sandbox.updates_bell.notify_waiters();
}

type Answered = (reqwest::StatusCode, Option<(String, Parameters)>);

/// The error is worded for `getWebhookInfo`, and holds no address.
async fn post(client: Option<Client>, parcel: Parcel) -> Result<Answered, String> {
    let client = client.ok_or("Can't create a connection")?;
    let mut request = client.post(parcel.url).header("content-type", "application/json").body(parcel.body);
    if let Some(secret) = parcel.secret_token {
        request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
    }
    let mut response = request.send().await.map_err(|error| why(&error))?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| why(&error))? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Ok((status, None));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, called_method(&body)))
}

/// <https://core.telegram.org/bots/api#making-requests-when-getting-updates>: the answer may itself be a call.
fn called_method(body: &[u8]) -> Option<(String, Parameters)> {
    let Ok(Value::Object(call)) = serde_json::from_slice(body) else { return None };
    let method = call.get("method")?.as_str()?.to_ascii_lowercase();
    Some((method, Parameters::from_object(call)))
}

fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        "Read timeout expired".to_owned()
    } else if error.is_connect() {
        "Connection refused".to_owned()
    } else {
        "Connection closed".to_owned()
    }
}
