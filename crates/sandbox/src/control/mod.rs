//! The control API under `/sandbox/`: what tests, demos and strangers turn to make things happen.
//!
//! JSON in, JSON out; a wrong field is refused, so that a typing error is never a silent success. The manual in `manual.txt` is what
//! `--help` and `GET /sandbox` show, and names every route.

mod calendar;
mod google;
mod mails;
mod telegram;
mod telegram_things;
mod webhook;

use std::sync::Arc;

use poem::{Body, IntoEndpoint, Response, get, handler, http::StatusCode, post, web::Data};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    Sandbox,
    answer::{self, Refused},
    faults::Fault,
    ledger, secrets,
};

/// Every route with an example.
pub const MANUAL: &str = include_str!("manual.txt");

pub fn routes() -> impl IntoEndpoint {
    calendar::routes()
        .at("/", get(front))
        .at("/ledger", get(show_ledger).delete(reset_ledger))
        .at("/secrets", get(show_secrets))
        .at("/clock", get(show_clock))
        .at("/faults", get(show_faults).post(add_fault).delete(clear_faults))
        .at("/google/settings", get(google::show_settings).post(google::change_settings))
        .at("/google/answers", get(google::show_answers).post(google::add_answer_fault).delete(google::clear_answers))
        .at("/google/accounts", get(google::accounts).post(google::add_account))
        .at("/google/accounts/:name/legacy", post(google::make_legacy))
        .at("/google/accounts/:name", get(google::show_account))
        .at("/google/accounts/:name/scopes", post(google::change_scopes))
        .at("/google/accounts/:name/revoke", post(google::revoke))
        .at("/google/accounts/:name/expire-access-tokens", post(google::expire_access_tokens))
        .at("/google/accounts/:name/forget-history", post(mails::forget_history))
        .at("/google/accounts/:name/mails", get(mails::list).post(mails::arrive))
        .at("/google/accounts/:name/mails/raw", post(mails::import))
        .at("/google/accounts/:name/mails/:id", get(mails::show).delete(mails::delete))
        .at("/google/accounts/:name/mails/:id/:act", post(mails::label))
        .at("/google/accounts/:name/forget-sync-tokens", post(calendar::forget_all_sync))
        .at("/telegram/people", get(telegram::people))
        .at("/telegram/people/:user/messages", get(telegram::transcript).post(telegram::write))
        .at("/telegram/people/:user/press", post(telegram::press_button))
        .at("/telegram/people/:user/block", post(telegram::block))
        .at("/telegram/people/:user/unblock", post(telegram::unblock))
        .at("/telegram/people/:user", post(telegram::introduce))
        .at("/telegram/groups/:chat", post(telegram::found_group))
        .at("/telegram/people/:user/:kind", post(telegram_things::send))
        .at("/telegram/groups/:chat/:kind", post(telegram_things::send))
        .at("/telegram/files/:id", get(telegram_things::download))
        .at("/telegram/webhook", get(webhook::show).post(webhook::change).delete(webhook::forget))
        .at("/telegram/webhook/advance", post(webhook::advance))
        .at("/telegram/groups/:chat/messages", get(telegram::transcript).post(telegram::write_in_group))
        .at("/telegram/groups/:chat/press", post(telegram::press_in_group))
        .at("/telegram/updates", get(telegram::updates).post(telegram::inject))
        .at("/telegram/updates/:id/repeat", post(telegram::repeat))
        .at("/telegram/limits", get(telegram::limits).post(telegram::set_limits))
}

/// The manual; `/` shows it too.
#[handler]
fn front() -> Response {
    answer::text(StatusCode::OK, MANUAL)
}

#[handler]
fn show_ledger(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    answer::ok(&ledger::view(sandbox, &sandbox.state()))
}

#[handler]
fn reset_ledger(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    sandbox.state().ledger = ledger::Ledger::default();
    done()
}

#[handler]
fn show_secrets(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    answer::ok(&secrets::view(&sandbox.state()))
}

#[handler]
fn show_clock(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    answer::ok(&json!({
        "now": sandbox.clock.now(),
        "offset_milliseconds": sandbox.clock.offset().num_milliseconds(),
    }))
}

#[handler]
fn show_faults(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let now = sandbox.clock.now();
    answer::ok(&json!(sandbox.state().faults.pending(now)))
}

#[handler]
async fn add_fault(body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let fault: Fault = read(body).await?;
    if fault.one_in == 0 {
        return Err(wrong("`one_in` counts from 1"));
    }
    let now = sandbox.clock.now();
    sandbox.state().faults.add(fault, now);
    Ok(done())
}

#[handler]
fn clear_faults(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    sandbox.state().faults.clear();
    done()
}

/// A JSON body of exactly the expected form; an empty body counts as `{}`.
async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refused> {
    let bytes = body.into_bytes().await.map_err(|error| wrong(&error.to_string()))?;
    let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
    serde_json::from_slice(bytes).map_err(|error| wrong(&error.to_string()))
}

fn wrong(text: &str) -> Refused {
    answer::json(StatusCode::BAD_REQUEST, &json!({ "error": text })).into()
}

fn missing(what: &str) -> Refused {
    answer::json(StatusCode::NOT_FOUND, &json!({ "error": format!("no such {what}") })).into()
}

fn done() -> Response {
    answer::ok(&json!({ "done": true }))
}
