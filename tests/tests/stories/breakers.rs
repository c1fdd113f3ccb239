//! A provider that keeps failing is left alone, by every process alike; what waits goes on by itself, and people hear of it once
//! and once when it is over.

use std::collections::BTreeSet;

use bellhop_tests::{Answer, Api, House, Ledger, Person, Story, Trouble, ensure, until};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{events, logged, state_of};

/// Lets everything below these paths fail until the faults are taken back.
async fn goes_away(house: &House, paths: &[&str]) -> Story {
    for path in paths {
        house.sandbox.fault(json!({ "path": path, "status": 503, "times": 1_000_000 })).await?;
    }
    Ok(())
}

const APIS: [&str; 2] = ["/gmail/", "/calendar/"];
const EVERYTHING: [&str; 3] = ["/gmail/", "/calendar/", "/token"];

/// Waits until nothing is due and nothing runs.
async fn settled(house: &House) -> Story {
    until("everything due to be done or to wait", async || {
        let now = house.now().await?.to_rfc3339();
        let busy =
            format!("select count(*) from jobs where state = 'open' and (lease is not null or due_at <= '{now}')");
        Ok((house.database.number(&busy).await? == 0).then_some(()))
    })
    .await
}

/// Lets time pass in steps, and everything happen that is due after each.
async fn passes(house: &House, times: u32, step: TimeDelta) -> Story {
    for _ in 0..times {
        house.advance(step)?;
        settled(house).await?;
    }
    Ok(())
}

fn a_minute() -> TimeDelta {
    TimeDelta::seconds(61)
}

/// How many breakers hold calls back: of providers, and of accounts.
async fn open(house: &House) -> Story<(i64, i64)> {
    let providers = "select count(*) from provider_breakers where open_since is not null";
    let accounts = "select count(*) from integration_breakers where open_since is not null";
    Ok((house.database.number(providers).await?, house.database.number(accounts).await?))
}

/// How many calls Google got for mail, calendars and tokens.
fn calls(ledger: &Ledger) -> u64 {
    let is_one = |path: &str| EVERYTHING.iter().any(|prefix| path.starts_with(prefix));
    ledger.calls.iter().filter(|call| is_one(&call.path)).map(|call| call.count).sum()
}

async fn call_count(house: &House) -> Story<u64> {
    Ok(calls(&house.sandbox.ledger().await?))
}

/// How many messages of the bot say this.
async fn told(person: &Person, words: &str) -> Story<usize> {
    Ok(person.heard().await?.iter().filter(|message| message.says(words)).count())
}

const OUTAGE: &str = "has not let me do my work";
const OVER: &str = "answers again";

/// Asks for a fresh token over HTTP.
async fn refresh(program: &Api, integration: &str) -> Story<Answer> {
    program.post(&format!("v1/integrations/{integration}/refresh"), None).await
}

/// An account connected by a program, and its refresh token, by which Google's trouble can be made to be about it alone.
async fn connected_alone(house: &House, program: &Api, account: &str) -> Story<(String, String)> {
    let before = refresh_tokens(house).await?;
    let integration = house.connect_by_api(program, account).await?;
    let new = refresh_tokens(house).await?.difference(&before).next().cloned();
    Ok((integration, new.ok_or_else(|| Trouble::new("no refresh token was issued"))?))
}

async fn refresh_tokens(house: &House) -> Story<BTreeSet<String>> {
    let secrets = house.sandbox.secrets().await?;
    let tokens = secrets["refresh_tokens"].as_array().into_iter().flatten();
    Ok(tokens.filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Refreshes in vain until the account is left alone; answers how many calls that took.
async fn until_left_alone(house: &House, program: &Api, integration: &str) -> Story<u64> {
    let before = token_calls(house).await?;
    for _ in 0..5 {
        let refused = refresh(program, integration).await?;
        expect_problem_of_provider(&refused)?;
        ensure(refused.retry_after.is_none(), "nobody knows yet for how long")?;
    }
    Ok(token_calls(house).await? - before)
}

/// How many calls the token endpoint got, answered or not.
async fn token_calls(house: &House) -> Story<u64> {
    Ok(house.sandbox.ledger().await?.calls_of("/token", None))
}

fn expect_problem_of_provider(answer: &Answer) -> Story {
    ensure(answer.expect_problem(502)?["code"] == "provider_failed", &answer.text)
}

/// Held back: the answer says until when.
fn expect_held(answer: &Answer) -> Story<u64> {
    expect_problem_of_provider(answer)?;
    answer.retry_after.ok_or_else(|| Trouble::new(format!("until when is not said: {}", answer.text)))
}

#[tokio::test]
async fn one_sick_account_is_left_alone_by_every_process_and_through_a_restart_and_holds_up_no_other() -> Story {
    let mut house = House::open().await?;
    house.serve("second", &["http"]).await?;
    let key = house.api_key("assistant").await?;
    let (first, second) = (house.program(&key), house.program_at(&house.origin_of("second")?, &key));
    let (sick, token) = connected_alone(&house, &first, "alice").await?;
    let well = house.connect_by_api(&first, "bob").await?;
    logged(&house, &sick, "MailFetched", 1).await?;
    settled(&house).await?;
    // The second has looked before: what it knows then must not be what it goes by later.
    refresh(&second, &well).await?.expect(200)?;
    house.sandbox.fault(json!({ "path": "/token", "contains": token, "status": 500, "times": 1_000_000 })).await?;
    assert_eq!(until_left_alone(&house, &first, &sick).await?, 5);
    assert_eq!(open(&house).await?, (0, 1));

    // The other process sees it within a second; then nothing is asked any more, whoever would.
    until("the second to know", async || Ok(refresh(&second, &sick).await?.retry_after)).await?;
    let asked = token_calls(&house).await?;
    for program in [&first, &second] {
        let wait = expect_held(&refresh(program, &sick).await?)?;
        assert!((1..=15).contains(&wait), "{wait}");
    }
    assert_eq!(token_calls(&house).await?, asked);
    refresh(&second, &well).await?.expect(200)?;
    let listed = house.command(&["breakers"]).await?.out;
    assert!(listed.contains(&format!("google tokens about {sick}: open since")), "{listed}");

    // One tries at a time, and later and later.
    for wait in [16, 31, 61, 61] {
        let before = token_calls(&house).await?;
        house.advance(TimeDelta::seconds(wait))?;
        expect_problem_of_provider(&refresh(&first, &sick).await?)?;
        expect_held(&refresh(&second, &sick).await?)?;
        assert_eq!(token_calls(&house).await?, before + 1);
    }
    // By now it is left alone for a minute, and a restart takes no longer on any machine.
    let asked = token_calls(&house).await?;
    house.stop("bellhop").await?;
    house.serve("bellhop", &[]).await?;
    expect_held(&refresh(&first, &sick).await?)?;
    assert_eq!(token_calls(&house).await?, asked);
    // The token that it has is good, and mail is fetched with it.
    house.sandbox.mail_arrives("alice", "Cy <cy@sender.example>", "Something new", "Read me.").await?;
    house.advance(TimeDelta::seconds(301))?;
    logged(&house, &sick, "MailFetched", 2).await?;
    expect_problem_of_provider(&refresh(&first, &sick).await?)?;

    house.sandbox.clear_faults().await?;
    expect_held(&refresh(&second, &sick).await?)?;
    house.advance(a_minute())?;
    for program in [&second, &first] {
        refresh(program, &sick).await?.expect(200)?;
    }
    assert!(!house.command(&["breakers"]).await?.out.contains("open"), "nothing is left alone any more");
    assert_eq!(open(&house).await?, (0, 0));
    ensure(house.counted("breaker_turns_total", &[("turn", "closed")]).await? >= 1.0, "turns are counted")?;
    house.end().await
}

#[tokio::test]
async fn a_probe_whose_process_dies_makes_room_for_another() -> Story {
    let mut house = House::open().await?;
    house.serve("second", &["http"]).await?;
    let key = house.api_key("assistant").await?;
    let (first, second) = (house.program(&key), house.program_at(&house.origin_of("second")?, &key));
    let integration = house.connect_by_api(&first, "bob").await?;
    settled(&house).await?;
    goes_away(&house, &["/token"]).await?;
    until_left_alone(&house, &first, &integration).await?;
    house.sandbox.clear_faults().await?;
    house.sandbox.fault(json!({ "path": "/token", "delay_ms": 60_000 })).await?;
    house.advance(TimeDelta::seconds(16))?;
    let path = format!("v1/integrations/{integration}/refresh");
    let probe = tokio::spawn(async move { second.post(&path, None).await });
    until("the probe to be under way", async || Ok((house.sandbox.faults_to_come().await? == 0).then_some(()))).await?;
    house.kill("second")?;
    probe.await?.expect_err("nobody is left to answer");
    house.database.let_leases_run_out().await?;
    expect_held(&refresh(&first, &integration).await?)?;
    house.advance(a_minute())?;
    refresh(&first, &integration).await?.expect(200)?;
    assert_eq!(open(&house).await?, (0, 0));
    house.end().await
}

#[tokio::test]
async fn one_sick_mailbox_that_is_connected_twice_is_still_one() -> Story {
    let house = House::open().await?;
    let program = house.program(&house.api_key("assistant").await?);
    house.connect_by_api(&program, "bob").await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    settled(&house).await?;
    goes_away(&house, &["/gmail/"]).await?;
    passes(&house, 1, TimeDelta::minutes(6)).await?;
    passes(&house, 3, TimeDelta::seconds(31)).await?;
    passes(&house, 1, TimeDelta::minutes(5)).await?;
    let ledger = house.sandbox.ledger().await?;
    let failed: u64 = ledger.calls.iter().filter(|call| call.outcome == "503").map(|call| call.count).sum();
    assert!(failed >= 6, "{failed} calls");
    assert_eq!(open(&house).await?.0, 0, "one mailbox says nothing of its provider");
    house.end().await
}

#[tokio::test]
async fn a_recovered_outage_of_ten_minutes_is_caught_up_within_five() -> Story {
    const ACCOUNTS: usize = 22;
    let house = House::open().await?;
    let key = house.api_key("assistant").await?;
    let program = house.program(&key);
    let guests: Vec<String> = (0..ACCOUNTS).map(|number| format!("guest{number}")).collect();
    for guest in &guests {
        house.sandbox.newcomer(guest, "UTC").await?;
    }
    for some in guests.chunks(3) {
        futures::future::try_join_all(some.iter().map(|guest| house.connect_by_api(&program, guest))).await?;
    }
    settled(&house).await?;
    let behind = async |since: &str| {
        let of =
            |table: &str| format!("select count(*) from {table} where checked_at is null or checked_at < '{since}'");
        Ok::<_, Trouble>(
            house.database.number(&of("mail_syncs")).await? + house.database.number(&of("calendar_syncs")).await?,
        )
    };
    // Late in the life of an hour's token, so that all of them come due in the outage.
    passes(&house, 1, TimeDelta::minutes(45)).await?;
    goes_away(&house, &EVERYTHING).await?;
    let before = call_count(&house).await?;
    passes(&house, 10, TimeDelta::minutes(1)).await?;
    let during = call_count(&house).await? - before;
    assert_eq!(open(&house).await?.0, 3, "mail, calendars and tokens");
    // Without a breaker each of the 66 jobs would have called four times.
    assert!(during < 80, "{during} calls in the outage");
    let spent = "select count(*) from jobs where state = 'open' and attempts > 3";
    assert_eq!(house.database.number(spent).await?, 0, "waiting and probing spend no attempt");

    house.sandbox.clear_faults().await?;
    let recovered = house.now().await?;
    let mut rest = 0;
    for step in 1..=20 {
        passes(&house, 1, TimeDelta::seconds(15)).await?;
        let refreshed = house.database.number("select count(*) from events where type = 'AccessRefreshed'").await?;
        let lag = behind(&recovered.to_rfc3339()).await?;
        rest = lag + i64::try_from(ACCOUNTS)? - refreshed;
        if rest == 0 {
            break;
        }
        ensure(step < 20, format_args!("{lag} fetches behind, {refreshed} refreshed"))?;
    }
    assert_eq!(rest, 0);
    let took = house.now().await? - recovered;
    assert!(took <= TimeDelta::minutes(5), "{took}");
    let bad = "select count(*) from events where type in ('JobBuried', 'AccessExpired')";
    assert_eq!(house.database.number(bad).await?, 0);
    assert_eq!(open(&house).await?, (0, 0));
    house.end().await
}

#[tokio::test]
async fn an_outage_is_told_once_whatever_it_stops_and_once_when_it_is_over() -> Story {
    let mut house = House::open().await?;
    house.serve("second", &["worker"]).await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("bob").await?;
    let integration = house.connected_integration().await?;
    logged(&house, &integration, "MailFetched", 1).await?;
    settled(&house).await?;
    let ada = &walk.person;

    // One that is over before anybody need hear of it.
    goes_away(&house, &APIS).await?;
    passes(&house, 1, TimeDelta::minutes(6)).await?;
    passes(&house, 3, TimeDelta::seconds(31)).await?;
    passes(&house, 1, TimeDelta::minutes(5)).await?;
    assert_eq!(open(&house).await?, (0, 1));
    house.sandbox.clear_faults().await?;
    passes(&house, 2, a_minute()).await?;
    assert_eq!(open(&house).await?, (0, 0));
    // Until every job has ended well, with all its attempts before it.
    passes(&house, 2, TimeDelta::minutes(6)).await?;
    assert_eq!((told(ada, OUTAGE).await?, told(ada, OVER).await?), (0, 0));

    for outages in 1..=2 {
        goes_away(&house, &APIS).await?;
        passes(&house, 1, TimeDelta::minutes(6)).await?;
        passes(&house, 3, TimeDelta::seconds(31)).await?;
        // What another process found out is seen within a second.
        until("an account that says how it is", async || {
            let accounts = ada.ask("/accounts", "how it is", |message| message.says("Access renewed")).await?;
            let says = accounts.says("not answered at the moment") && accounts.says("has been failing since");
            Ok(says.then_some(()))
        })
        .await?;
        passes(&house, 2, TimeDelta::minutes(6)).await?;
        passes(&house, 1, a_minute()).await?;
        ada.sees("the trouble", |message| message.says(OUTAGE)).await?;
        let stored = ada.ask("/inbox", "what is stored", |message| message.says("Checked at")).await?;
        assert!(stored.says("does not answer at the moment"), "{}", stored.text);
        passes(&house, 2, TimeDelta::minutes(6)).await?;
        assert_eq!((told(ada, OUTAGE).await?, told(ada, OVER).await?), (outages, outages - 1));
        let log = house.audit(&integration).await?;
        let kinds: BTreeSet<_> = events(&log, "OutageBegan").iter().map(|began| began["kind"].to_string()).collect();
        assert_eq!(kinds.len(), 2, "{kinds:?}");
        assert_eq!((state_of(&house, &integration).await?, events(&log, "JobBuried").len()), ("active".to_owned(), 0));

        house.sandbox.clear_faults().await?;
        passes(&house, 2, a_minute()).await?;
        ada.sees("that it is over", |message| message.says(OVER)).await?;
        passes(&house, 2, TimeDelta::minutes(6)).await?;
        assert_eq!((told(ada, OUTAGE).await?, told(ada, OVER).await?), (outages, outages));
        let well = ada.ask("/accounts", "how it is", |message| message.says("Access renewed")).await?;
        assert!(well.says("✅ connected") && !well.says("failing"), "{}", well.text);
    }
    house.end().await
}

#[tokio::test]
async fn somebody_with_two_accounts_hears_of_an_outage_once() -> Story {
    let house = House::open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    for account in ["bob", "carol"] {
        walk.connect(account).await?;
    }
    settled(&house).await?;
    goes_away(&house, &APIS).await?;
    passes(&house, 1, TimeDelta::minutes(6)).await?;
    passes(&house, 3, TimeDelta::seconds(31)).await?;
    // The breakers of the accounts may have been faster than those of the provider.
    ensure(open(&house).await? != (0, 0), "nothing is left alone")?;
    passes(&house, 3, TimeDelta::minutes(6)).await?;
    let began = "select count(distinct stream) from events where type = 'OutageBegan'";
    assert_eq!(house.database.number(began).await?, 2);
    walk.person.sees("the trouble", |message| message.says(OUTAGE)).await?;
    house.sandbox.clear_faults().await?;
    passes(&house, 4, a_minute()).await?;
    walk.person.sees("that it is over", |message| message.says(OVER)).await?;
    // What was not said of the other account is not said later either.
    passes(&house, 2, TimeDelta::minutes(3)).await?;
    assert_eq!((told(&walk.person, OUTAGE).await?, told(&walk.person, OVER).await?), (1, 1));
    let left = "select count(*) from jobs where kind = 'notify_owner' and state = 'open'";
    assert_eq!(house.database.number(left).await?, 0);
    house.end().await
}
