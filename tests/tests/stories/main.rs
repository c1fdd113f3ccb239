//! Stories across the whole house, each told through the doors that people use.
//!
//! One program, so that it is linked once; each story has a house of its own, so that they run side by side. Every story
//! ends with `House::end`: the log proves what is derived from it, and nothing secret lies anywhere.

mod breakers;
mod calendar;
mod connecting;
mod conversation;
mod disconnecting;
mod doors;
mod exchanging;
mod fetching;
mod invariants;
mod jobs;
mod limits;
mod mail;
mod operating;
mod outages;
mod rebuilding;
mod refreshing;
mod repeats;
mod scopes;
mod secrecy;
mod supervision;
mod webhook;
mod wrong_turns;

use bellhop_tests::{House, Message, Person, Story, Walk, ensure, until};
use serde_json::Value;

/// How far time must move for an hour-long token to be due for its refresh: lead and jitter are behind it, and the token
/// is still good.
const UNTIL_REFRESH: chrono::TimeDelta = chrono::TimeDelta::minutes(51);

/// The names of the events, oldest first.
fn names(log: &[Value]) -> Vec<&str> {
    log.iter().filter_map(|entry| entry["event"]["event"].as_str()).collect()
}

/// The events of this name.
fn events<'a>(log: &'a [Value], name: &str) -> Vec<&'a Value> {
    log.iter().map(|entry| &entry["event"]).filter(|event| event["event"] == name).collect()
}

/// Waits until the log of an integration holds this many events of a name.
async fn logged(house: &House, integration: &str, name: &str, count: usize) -> Story<Vec<Value>> {
    let what = format!("{count} {name} in the log");
    until(&what, async || {
        let log = house.audit(integration).await?;
        Ok((events(&log, name).len() >= count).then_some(log))
    })
    .await
}

/// Waits until what is stored of an account's inbox is what lies there, and its fetch has been recorded.
async fn mail_agrees(house: &House, account: &str) -> Story {
    until(&format!("the stored mail to be what lies in the inbox of {account}"), async || {
        let mut inbox = house.sandbox.ledger().await?.inbox(account).to_vec();
        let rows = house.database.rows("select message_id from mail_messages").await?;
        let mut stored: Vec<_> = rows.iter().filter_map(|row| row["message_id"].as_str().map(str::to_owned)).collect();
        let resting = "select count(*) from jobs where kind = 'fetch_mail' and state = 'open' and lease is not null";
        inbox.sort();
        stored.sort();
        Ok((inbox == stored && house.database.number(resting).await? == 0).then_some(()))
    })
    .await
}

/// Trouble unless the connected integrations and their scopes are the grants that the sandbox knows.
async fn grants_agree(house: &House) -> Story {
    let scopes = |value: &Value| {
        let scopes = value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        scopes.collect::<std::collections::BTreeSet<_>>()
    };
    let connected = "select scopes from integrations where status in ('active', 'degraded', 'error')";
    let mut ours: Vec<_> = house.database.rows(connected).await?.iter().map(|row| scopes(&row["scopes"])).collect();
    let ledger = house.sandbox.ledger().await?;
    let mut theirs: Vec<_> = ledger.grants.into_iter().map(|grant| grant.scopes.into_iter().collect()).collect();
    ours.sort();
    theirs.sort();
    ensure(ours == theirs, format_args!("the views say {ours:?} and the sandbox {theirs:?}"))
}

/// Opens the inbox and waits until all of it is shown.
async fn inbox(person: &Person, mails: usize) -> Story<Message> {
    person.ask("/inbox", "the whole inbox", |message| message.says(&format!("of {mails}"))).await
}

/// The state of one integration, as the auditor sees it.
async fn state_of(house: &House, integration: &str) -> Story<String> {
    let rows = house.integrations().await?;
    let row = rows.iter().find(|row| row["integration"] == integration);
    Ok(row.and_then(|row| row["state"].as_str()).unwrap_or_default().to_owned())
}

/// How many events there are in all streams.
async fn events_in_all(house: &House) -> Story<i64> {
    house.database.number("select count(*) from events").await
}

/// Waits until everything that is due has been done. What ends only after the clock was moved is due again too late.
async fn rested(house: &House) -> Story {
    until("what is due to be done", async || {
        let now = house.now().await?;
        let at_work =
            format!("select count(*) from jobs where state = 'open' and (lease is not null or due_at <= '{now}')");
        Ok((house.database.number(&at_work).await? == 0).then_some(()))
    })
    .await
}

/// Waits until every update that was written down has been handled. An answer is seen a moment before that, and whoever dies
/// in between answers again.
async fn all_handled(house: &House) -> Story {
    let waiting = "select count(*) from telegram_updates where handled_at is null";
    until("everything to be handled", async || Ok((house.database.number(waiting).await? == 0).then_some(()))).await
}

/// Waits until so much of this has been counted. A run is counted a moment after what it did can be seen.
async fn comes_to(house: &House, name: &str, labels: &[(&str, &str)], least: f64) -> Story {
    until(&format!("{name} {labels:?} to come to {least}"), async || {
        Ok((house.counted(name, labels).await? >= least).then_some(()))
    })
    .await
}

/// The newest walk ended for this reason, as the log says.
async fn ended_because(house: &House, reason: &str) -> Story {
    until(&format!("a walk to have ended as {reason}"), async || {
        for row in house.integrations().await? {
            let log = house.audit(row["integration"].as_str().unwrap_or_default()).await?;
            if events(&log, "AuthorizationFailed").iter().any(|event| event["reason"] == reason) {
                return Ok(Some(()));
            }
        }
        Ok(None)
    })
    .await
}

/// How many requests the token endpoint got.
async fn exchanges(house: &House) -> Story<u64> {
    Ok(house.sandbox.ledger().await?.calls_of("/token", None))
}

/// After a wrong turn the right way is still open.
async fn connects_at_last(house: House, mut walk: Walk) -> Story {
    walk.connect("alice").await?;
    mail_agrees(&house, "alice").await?;
    house.end().await
}
