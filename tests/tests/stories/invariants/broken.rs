//! Each promise broken from behind, one at a time, in one house whose processes have ended.

use std::collections::BTreeSet;
use std::iter;

use bellhop_tests::invariants::{Answer, Deed, Fault, FaultKind, Finding, Moment, Report, check, judge};
use bellhop_tests::{House, Story, Trouble, ensure};
use chrono::TimeDelta;
use serde_json::json;
use uuid::Uuid;

use super::breaches::{BREACHES, Breach};
use super::{Lived, live};

/// What the witness sees of the others being put back.
const SEEN: [&str; 5] =
    ["witness.runs", "witness.openings", "witness.turns", "witness.writings", "witness.refreshings"];

/// Puts tables back as they were, those of the witness last.
fn restored(tables: &[&str]) -> String {
    let again = |table: &str| {
        let kept = table.replace('.', "_");
        format!("delete from {table}; insert into {table} overriding system value select * from sound.{kept};")
    };
    tables.iter().chain(&SEEN).map(|table| again(table)).collect()
}

async fn restore(house: &House, tables: &[&str]) -> Story {
    house.database.tamper(&restored(tables)).await.map(drop)
}

/// Keeps a copy of every table that is going to be spoilt.
async fn keep(house: &House) -> Story {
    let tables: BTreeSet<&str> = BREACHES.iter().flat_map(|breach| breach.tables).chain(&SEEN).copied().collect();
    let copies = tables.iter().map(|table| format!("create table sound.{} as table {table};", table.replace('.', "_")));
    let sql: String = iter::once("create schema sound;".to_owned()).chain(copies).collect();
    house.database.tamper(&sql).await.map(drop)
}

fn must_break(finding: &str, how: &str, report: &Report) -> Story {
    let is_broken = report.finding(finding).is_some_and(|finding| !finding.holds() && !finding.details.is_empty());
    ensure(is_broken, format_args!("{finding} does not see: {how}\n{report}"))
}

#[tokio::test]
async fn each_promise_that_is_broken_is_named() -> Story {
    let mut lived = live().await?;
    lived.house.stop("bellhop").await?;
    let Lived { house, chronicle, .. } = &lived;
    let sound = judge(house, chronicle).await?;
    ensure(sound.holds(), &sound)?;
    keep(house).await?;
    let mut before = String::new();
    for Breach { finding, tables, sql } in BREACHES {
        house.database.tamper(&(before + sql)).await?;
        must_break(finding, sql, &judge(house, chronicle).await?)?;
        before = restored(tables);
    }
    house.database.tamper(&before).await?;
    let restored = judge(house, chronicle).await?;
    ensure(restored == sound, &restored)?;

    promised(&lived).await?;
    explained(&lived).await?;
    outside(&lived).await?;
    by_commands(&lived).await?;
    Ok(())
}

/// What was promised at a door and is not there, and what is there and was promised to nobody.
async fn promised(Lived { house, chronicle, integration }: &Lived) -> Story {
    let (at, integration, nobody) = (Moment::of(house)?, *integration, Uuid::new_v4());
    let late = Moment { app: at.app + TimeDelta::hours(1), ..at };
    let deeds = [
        (Deed::Connect { state: "never given out".to_owned() }, at),
        (Deed::Callback { state: "never given out".to_owned() }, at),
        (Deed::Disconnect { integration }, at),
        (Deed::Erase { integration }, at),
        (Deed::Refresh { integration, key: None }, late),
        (Deed::Refresh { integration, key: Some("once".to_owned()) }, late),
        (Deed::Update { update: 1 }, at),
        (Deed::Replay { job: nobody }, at),
        (Deed::Discard { job: nobody }, at),
    ];
    for (answer, missed) in [(Answer::Refused, 0), (Answer::Unknown, 0), (Answer::Accepted, deeds.len())] {
        let mut told = chronicle.clone();
        for (deed, at) in &deeds {
            told.asked(deed.clone(), *at, answer);
        }
        let report = judge(house, &told).await?;
        let found = report.finding("asked_once").map(|finding| finding.violations);
        ensure(found == Some(missed), format_args!("{answer:?}: {report}"))?;
    }
    let mut forgetful = chronicle.clone();
    for asked in forgetful.asked.iter_mut().filter(|asked| matches!(asked.deed, Deed::Replay { .. })) {
        asked.answer = Answer::Refused;
    }
    must_break("asked_once", "an effect that nobody was promised", &judge(house, &forgetful).await?)
}

/// A fault at the right time explains a fetch that failed too often, and one at another time does not.
async fn explained(Lived { house, chronicle, .. }: &Lived) -> Story {
    let failing = BREACHES.iter().find(|breach| breach.finding == "fetch_explained");
    let failing = failing.ok_or_else(|| Trouble::new("no such breach"))?;
    house.database.tamper(failing.sql).await?;
    // The failed runs are an hour ahead.
    let now = Moment::of(house)?;
    let ahead = |by| Moment { real: now.real + by, app: now.app + by };
    let then = ahead(TimeDelta::minutes(59));
    for (kind, target, at, explains) in [
        (FaultKind::Killed, "worker", then, true),
        (FaultKind::SlowDown, "/gmail/v1/users/me/messages", then, true),
        (FaultKind::SlowDown, "/bot/sendMessage", then, false),
        (FaultKind::UpdateRepeated, "bot", then, false),
        (FaultKind::Killed, "worker", now, false),
    ] {
        let mut told = chronicle.clone();
        let until = Moment { real: at.real + TimeDelta::minutes(1), app: at.app + TimeDelta::minutes(1) };
        told.faults.push(Fault { kind, target: target.to_owned(), from: at, until });
        let report = judge(house, &told).await?;
        let holds = report.finding("fetch_explained").is_some_and(Finding::holds);
        ensure(holds == explains, format_args!("{kind:?} of {target}: {report}"))?;
    }
    restore(house, failing.tables).await
}

/// What is spent or said at the other side cannot be taken back; so it is done last.
async fn outside(Lived { house, chronicle, .. }: &Lived) -> Story {
    let secrets = house.sandbox.secrets().await?;
    let client = reqwest::Client::new();
    let ask = async |fields: &[(&str, &str)]| {
        let body: String = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .append_pair("client_id", "sandbox-client")
            .append_pair("client_secret", "sandbox-secret")
            .finish();
        let request = client.post(house.sandbox.origin.join("token")?).body(body);
        request.header("content-type", "application/x-www-form-urlencoded").send().await?;
        Story::Ok(())
    };
    // Each that was replaced is brought once more.
    for token in secrets["refresh_tokens"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str) {
        ask(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await?;
    }
    let report = judge(house, chronicle).await?;
    must_break("refresh_token_once", "tokens brought again", &report)?;
    must_break("refreshed_under_lease", "tokens brought again", &report)?;
    ensure(report.figure("refresh_answers_lost").is_some_and(|count| count >= 1.0), &report)?;
    // A crash explains it where what the first use yielded was never recorded, and nowhere else.
    let mut told = chronicle.clone();
    told.broke(FaultKind::Killed, "worker", chronicle.began, Moment::of(house)?);
    must_break("refresh_token_once", "tokens brought again after a crash", &judge(house, &told).await?)?;
    house.database.tamper("update events set type = 'RefreshFailed' where type = 'AccessRefreshed'").await?;
    let lost = judge(house, &told).await?;
    ensure(lost.finding("refresh_token_once").is_some_and(Finding::holds), &lost)?;
    restore(house, &["events"]).await?;
    // Or where it was recorded so late that the lease had been taken once more.
    house
        .database
        .tamper(
            "insert into witness.refreshings (integration, generation, taken_at)
             select integration, generation, taken_at from witness.refreshings",
        )
        .await?;
    let late = judge(house, &told).await?;
    ensure(late.finding("refresh_token_once").is_some_and(Finding::holds), &late)?;
    must_break("refresh_token_once", "two leases and nothing broken", &judge(house, chronicle).await?)?;
    restore(house, &[]).await?;

    for code in secrets["codes"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str) {
        ask(&[("grant_type", "authorization_code"), ("code", code)]).await?;
    }
    must_break("code_once", "codes brought again", &judge(house, chronicle).await?)?;

    let ledger = house.sandbox.get("ledger").await?;
    let pressed = ledger["telegram"]["presses_answered"].as_object().and_then(|presses| presses.keys().next().cloned());
    for (method, body) in [
        ("answerCallbackQuery", json!({ "callback_query_id": pressed })),
        ("sendMessage", json!({ "chat_id": 1001, "text": "Once more." })),
        ("sendMessage", json!({ "chat_id": 1001, "text": "And once more." })),
    ] {
        let called = house.sandbox.origin.join(&format!("botsandbox-bot-token/{method}"))?;
        let answer =
            client.post(called).header("content-type", "application/json").body(body.to_string()).send().await?;
        ensure(answer.status().is_success(), answer.status())?;
    }
    let report = judge(house, chronicle).await?;
    must_break("press_once", "a press answered twice", &report)?;
    must_break("message_once", "messages that nobody asked for", &report)
}

/// What Bellhop's own commands find, each. Nothing of it is due, so that nobody waits for it.
async fn by_commands(Lived { house, chronicle, .. }: &Lived) -> Story {
    house
        .database
        .tamper(
            "update jobs set dispatch = gen_random_uuid(), dispatched_at = now() - interval '1 minute'
             where kind = 'fetch_calendar' and state = 'open';
             delete from jobs where kind = 'fetch_mail' and state = 'open';
             update integrations set status = 'failed'",
        )
        .await?;
    let report = check(house, chronicle).await?;
    for finding in ["audit_verify", "rebuild_jobs", "rebuild_views", "rebuild_belt"] {
        must_break(finding, "rows that were spoilt", &report)?;
    }
    Ok(())
}
