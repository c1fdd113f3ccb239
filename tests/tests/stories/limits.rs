//! What a provider allows: kept to before it has to say so, whoever asks and from however many processes.
//!
//! The sandbox enforces what Google publishes, and counts by the house's clock; a refusal would be a 429 in its ledger.

use bellhop_tests::{Diary, House, Ledger, Message, Story, Trouble, ensure, until};
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::try_join_all;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{events, logged, mail_agrees};

/// The pause between two looks at an account that nobody asks about.
const POLL: TimeDelta = TimeDelta::seconds(301);

/// After this everything that was spent is forgotten, by Google and by Bellhop.
const UNTIL_FORGOTTEN: TimeDelta = TimeDelta::seconds(71);

/// Messages, as the ledger counts them.
const MESSAGE: &str = "/gmail/v1/users/{user}/messages/{id}";

/// No limits to speak of, of Bellhop's own.
const WITHOUT_LIMITS: &str = "gmail.project=4000000000/60s, gmail.mailbox=4000000000/60s, calendar.project=4000000000/60s, \
                              calendar.mailbox=4000000000/60s";

/// Google refuses what goes beyond what it publishes, and more than ten calls at once, which it does not.
async fn enforce(house: &House) -> Story {
    let quota = json!({
        "units_per_minute": 6_000,
        "project_units_per_minute": 1_200_000,
        "calendar_requests_per_minute": 600,
        "calendar_project_requests_per_minute": 10_000,
        "at_once": 10,
    });
    house.sandbox.set_google(json!({ "quota": quota })).await
}

/// How often Google said to slow down.
fn refused(ledger: &Ledger) -> u64 {
    ledger.calls.iter().filter(|call| call.outcome == "429").map(|call| call.count).sum()
}

/// Waits until no fetch runs and none is due: each has done what there was to do, or waits for its units.
async fn at_rest(house: &House) -> Story {
    until("every fetch to rest", async || {
        let now = house.now().await?;
        let busy = format!(
            "select count(*) from jobs where kind in ('fetch_mail', 'fetch_calendar') and state = 'open' \
             and (lease is not null or due_at <= '{now}')"
        );
        Ok((house.database.number(&busy).await? == 0).then_some(()))
    })
    .await
}

/// Lets time pass until this has been logged of an integration; answers how many minutes or so it took.
async fn passes_until_logged(house: &House, integration: &str, name: &str) -> Story<usize> {
    for waited in 0..30 {
        at_rest(house).await?;
        if !events(&house.audit(integration).await?, name).is_empty() {
            return Ok(waited);
        }
        house.advance(UNTIL_FORGOTTEN)?;
    }
    Err(Trouble::new(format!("half an hour without {name}")))
}

/// Trouble if Google had to say to slow down, or an attempt was spent.
async fn nobody_was_refused(house: &House) -> Story<Ledger> {
    let ledger = house.sandbox.ledger().await?;
    ensure(refused(&ledger) == 0, format_args!("{} calls were refused: {:?}", refused(&ledger), ledger.calls))?;
    let attempts = house.database.number("select coalesce(sum(attempts), 0)::bigint from jobs").await?;
    ensure(attempts == 0, format_args!("{attempts} attempts were spent"))?;
    Ok(ledger)
}

async fn mails_arrive(house: &House, account: &str, from: usize, count: usize) -> Story {
    for number in from..from + count {
        house.sandbox.mail_arrives(account, "Cy <cy@sender.example>", &format!("News {number}"), "Read me.").await?;
    }
    Ok(())
}

/// An hour's event, so many hours after the house was built.
fn event(number: usize, begin: DateTime<Utc>) -> Value {
    let start = begin + TimeDelta::hours(24 + i64::try_from(number).unwrap_or(0));
    let at = |at: DateTime<Utc>| json!({ "dateTime": at.format("%Y-%m-%dT%H:%M:%SZ").to_string() });
    json!({ "summary": format!("Boat {number} lands"), "start": at(start), "end": at(start + TimeDelta::minutes(30)) })
}

/// Puts events in. Answers their ids.
async fn put(diary: &Diary, count: usize, begin: DateTime<Utc>) -> Story<Vec<String>> {
    let mut ids = vec![];
    for number in 0..count {
        ids.push(diary.put(event(number, begin)).await?);
    }
    Ok(ids)
}

async fn entries(house: &House) -> Story<i64> {
    house.database.number("select count(*) from calendar_entries").await
}

#[tokio::test]
async fn an_hour_of_a_thousand_changes_meets_no_refusal_and_everything_arrives() -> Story {
    let house = House::open().await?;
    enforce(&house).await?;
    let begin = house.now().await?;
    let mut diaries = vec![];
    for account in ["dora", "emil"] {
        diaries.push(house.sandbox.newcomer(account, "Europe/Helsinki").await?);
    }
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("alice").await?;
    at_rest(&house).await?;
    let has_team = |message: &Message| message.button("Harbour team").is_some();
    let choice = walk.person.ask("/calendars", "the calendars", has_team).await?;
    walk.person.press(&choice, "Harbour team").await?;
    for account in ["dora", "emil"] {
        walk.connect(account).await?;
    }
    let chosen = "select count(*) from calendars where chosen";
    until("four calendars", async || Ok((house.database.number(chosen).await? == 4).then_some(()))).await?;
    diaries.push(house.sandbox.diary("alice", "primary"));
    diaries.push(house.sandbox.diary("alice", "harbour-team@group.calendar.sandbox.example"));
    at_rest(&house).await?;
    let before = entries(&house).await?;

    house.sandbox.set_google(json!({ "calendar_page_size": 10 })).await?;
    let (mut changes, mut left) = (0, 0);
    for step in 0..6 {
        let later = begin + TimeDelta::days(step * 40);
        let news = async |(at, diary): (usize, &Diary)| {
            let burst = if step == i64::try_from(at)? { 120 } else { 20 };
            let ids = put(diary, burst, later).await?;
            diary.shift(&ids[0], 15).await?;
            diary.delete(&ids[1]).await?;
            Story::Ok(ids.len())
        };
        for put in try_join_all(diaries.iter().enumerate().map(news)).await? {
            (changes, left) = (changes + put + 2, left + put - 1);
        }
        // In one of the ten minutes more arrives than a minute's units can fetch.
        let mails = if step == 2 { 320 } else { 3 };
        mails_arrive(&house, "dora", usize::try_from(step)? * 1_000, mails).await?;
        house.advance(TimeDelta::minutes(10))?;
        at_rest(&house).await?;
    }
    assert!(changes >= 900, "{changes}");
    for _ in 0..6 {
        house.advance(UNTIL_FORGOTTEN)?;
        at_rest(&house).await?;
    }
    assert_eq!(usize::try_from(entries(&house).await? - before)?, left);
    mail_of_all_agrees(&house, &["alice", "dora", "emil"]).await?;
    let ledger = nobody_was_refused(&house).await?;
    let requests = ledger.calls_of("/calendar/v3/calendars/{calendar}/events", Some("200"));
    assert!(usize::try_from(requests)? >= changes / 10, "{requests} requests for {changes} changes");
    assert!(ledger.calls_of(MESSAGE, Some("200")) >= 335, "{:?}", ledger.calls);
    let held = house.counted("provider_calls_held_total", &[("api", "gmail"), ("reason", "mailbox")]).await?;
    ensure(held >= 1.0, "the burst of mail was held back")?;
    house.end().await
}

#[tokio::test]
async fn a_burst_in_a_calendar_goes_on_where_it_was_held_back() -> Story {
    let house = House::plan().set("GOOGLE_QUOTAS", "calendar.mailbox=60/60s").open().await?;
    house.sandbox.set_google(json!({
        "quota": { "units_per_minute": 6_000, "calendar_requests_per_minute": 60, "at_once": 10 }, "calendar_page_size": 1,
    }))
    .await?;
    let diary = house.sandbox.newcomer("dora", "Europe/Helsinki").await?;
    house.walker(1001, "Ada")?.connect("dora").await?;
    at_rest(&house).await?;
    let begin = house.now().await?;
    put(&diary, 120, begin).await?;
    house.advance(POLL)?;
    for minutes in 1.. {
        at_rest(&house).await?;
        let arrived = entries(&house).await?;
        // A request a change: no more than 48 of 60 a minute are for work in the background.
        assert!(arrived <= 48 * minutes && minutes <= 8, "{arrived} after {minutes} minutes");
        if arrived == 120 {
            break;
        }
        house.advance(UNTIL_FORGOTTEN)?;
    }
    nobody_was_refused(&house).await?;
    house.end().await
}

/// Waits until what is stored is what lies in these inboxes.
async fn mail_of_all_agrees(house: &House, accounts: &[&str]) -> Story {
    until("the stored mail to be what lies in the inboxes", async || {
        let ledger = house.sandbox.ledger().await?;
        let lies: usize = accounts.iter().map(|account| ledger.inbox(account).len()).sum();
        Ok((house.database.number("select count(*) from mail_messages").await? == i64::try_from(lies)?).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_first_fetch_of_a_thousand_messages_takes_its_minutes_and_no_attempt() -> Story {
    let house = House::plan().sandbox(&["--mails", "1000"]).open().await?;
    enforce(&house).await?;
    house.walker(1001, "Ada")?.connect("alice").await?;
    let integration = house.connected_integration().await?;
    let minutes = passes_until_logged(&house, &integration, "MailFetched").await?;
    // 4,800 of 6,000 units are for work in the background: 240 messages a minute.
    assert!((4..=8).contains(&minutes), "{minutes} minutes");
    let log = house.audit(&integration).await?;
    assert_eq!(events(&log, "MailFetched")[0]["added"], 1_000);
    mail_agrees(&house, "alice").await?;
    let ledger = nobody_was_refused(&house).await?;
    assert_eq!(ledger.calls_of(MESSAGE, None), 1_000, "no message is fetched twice");
    let waits = house.counted("jobs_total", &[("kind", "fetch_mail"), ("outcome", "wait")]).await?;
    assert!(waits >= 4.0 && waits <= 3.0 * f64::from(u32::try_from(minutes)?), "{waits} waits in {minutes} minutes");
    let units = house.counted("provider_units_total", &[("provider", "google"), ("api", "gmail")]).await?;
    assert!((20_000.0..20_500.0).contains(&units), "{units}");

    let usage = house.command(&["usage", "--json"]).await?.json_lines()?;
    let gmail = &usage[0];
    assert_eq!(
        (&gmail["provider"], &gmail["api"], &gmail["shared"]),
        (&json!("google"), &json!("gmail"), &json!(true))
    );
    assert_eq!(
        (&gmail["project"]["allowed"], &gmail["mailbox"]["allowed"]),
        (&json!(1_200_000), &json!(6_000)),
        "{gmail}"
    );
    let used = gmail["project"]["used"].as_u64().unwrap_or_default();
    assert!((1_000..=4_800).contains(&used), "{gmail}");
    assert_eq!(gmail["mailboxes"], json!([{ "integrations": [integration], "used": used, "at_once": 0 }]));
    let words = house.command(&["usage"]).await?.out;
    assert!(words.contains(&format!("google gmail: {used} of 1200000 units in 60 s")), "{words}");
    assert!(words.contains(&format!("{integration}: {used} units, 0 calls at once")), "{words}");
    house.end().await
}

/// Whose the only mailbox is on which Gmail's units were just spent, as an operator is shown it.
async fn holders_of_the_mailbox(house: &House) -> Story<Value> {
    house.advance(POLL)?;
    at_rest(house).await?;
    let usage = house.command(&["usage", "--json"]).await?.json_lines()?;
    let mailboxes = usage[0]["mailboxes"].as_array().cloned().unwrap_or_default();
    ensure(mailboxes.len() == 1, format_args!("one account is one mailbox: {mailboxes:?}"))?;
    Ok(mailboxes[0]["integrations"].clone())
}

#[tokio::test]
async fn one_account_that_two_tenants_have_connected_is_one_mailbox() -> Story {
    let house = House::plan().redis_number(13).sandbox(&["--mails", "300"]).open().await?;
    enforce(&house).await?;
    let other = Uuid::new_v4();
    let tenant = format!(
        "select set_config('app.tenants', '{{{other}}}', false); insert into tenants (id, name) values ('{other}', 'other')"
    );
    house.database.tamper(&tenant).await?;
    let program = house.command(&["api-key", "add", "theirs", "--tenant", "other"]).await?;
    let program = house.program(program.out.trim());
    let theirs = house.connect_by_api(&program, "alice").await?;
    house.walker(1001, "Ada")?.connect("alice").await?;
    let ours = house.connected_integration().await?;
    for integration in [&ours, &theirs] {
        passes_until_logged(&house, integration, "MailFetched").await?;
    }
    // Both fetch everything, twice as much as one minute's units are for.
    let ledger = nobody_was_refused(&house).await?;
    assert_eq!(ledger.calls_of(MESSAGE, None), 600);
    let mut both = [&ours, &theirs];
    both.sort();
    assert_eq!(holders_of_the_mailbox(&house).await?, json!(both));

    // Nothing in Redis says whose it is.
    let mut redis = house.redis().await?.ok_or_else(|| Trouble::new("no Redis"))?;
    let mut names = keys_of(&mut redis, "*").await?;
    for mailboxes in keys_of(&mut redis, "*:mailboxes").await? {
        names.extend(redis::cmd("ZRANGE").arg(mailboxes).arg(0).arg(-1).query_async::<Vec<String>>(&mut redis).await?);
    }
    let hash = house.database.rows("select distinct encode(subject_hash, 'hex') as hash from subjects").await?;
    assert_eq!(hash.len(), 1, "{hash:?}");
    let hash = hash[0]["hash"].as_str().unwrap_or_default();
    assert!(names.iter().any(|name| name.contains(":gmail:mailbox:")), "{names:?}");
    for name in &names {
        let told = [&ours, &theirs].into_iter().any(|integration| name.contains(integration));
        assert!(!told && !name.replace('-', "").contains(&hash[..16]), "{name}");
    }

    // Whoever lets go of it is not shown any more, and it goes on as the others'.
    program.delete(&format!("v1/integrations/{theirs}")).await?.expect(200)?;
    until("one to be left", async || Ok((holders_of_the_mailbox(&house).await? == json!([ours])).then_some(())))
        .await?;
    house.end().await
}

#[tokio::test]
async fn somebody_who_asks_is_answered_while_a_fetch_waits_for_its_units() -> Story {
    let house = House::plan().sandbox(&["--mails", "1000"]).open().await?;
    enforce(&house).await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("alice").await?;
    let integration = house.connected_integration().await?;
    at_rest(&house).await?;
    house.sandbox.mail_arrives("alice", "Anna <anna@harbour.example>", "The pilot is late", "By an hour.").await?;
    let found =
        walk.person.ask("/search pilot", "what Google finds", |message| message.says("The pilot is late")).await?;
    assert!(!found.says("as much as it allows"), "{}", found.text);
    walk.person.press(&found, "1").await?;
    walk.person.sees_after(found.id, "the whole mail", |message| message.says("By an hour.")).await?;
    assert!(events(&house.audit(&integration).await?, "MailFetched").is_empty(), "the fetch still waits");
    nobody_was_refused(&house).await?;
    house.end().await
}

#[tokio::test]
async fn somebody_who_has_asked_for_all_there_is_hears_when_there_is_more() -> Story {
    let house = House::plan().set("GOOGLE_QUOTAS", "gmail.mailbox=600/60s").open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("alice").await?;
    // The first fetch waits for the second minute's units, and a fifth of the first's is left.
    at_rest(&house).await?;
    until("everything to be used up", async || {
        let answered = |message: &Message| !message.says("Searching for");
        let found = walk.person.ask("/search in:inbox", "an answer", answered).await?;
        Ok(found.says("as much as it allows").then_some(()))
    })
    .await?;
    let held = house.counted("provider_calls_held_total", &[("api", "gmail"), ("reason", "mailbox")]).await?;
    ensure(held >= 1.0, "the search was held back")?;
    // Once the fetch has all it needs, the window is the person's.
    let integration = house.connected_integration().await?;
    passes_until_logged(&house, &integration, "MailFetched").await?;
    house.advance(UNTIL_FORGOTTEN)?;
    at_rest(&house).await?;
    let answered = |message: &Message| !message.says("Searching for");
    let found = walk.person.ask("/search in:inbox", "an answer", answered).await?;
    assert!(!found.says("as much as it allows"), "{}", found.text);
    house.end().await
}

#[tokio::test]
async fn calls_about_one_mailbox_are_never_more_at_once_than_allowed() -> Story {
    let house = House::plan().sandbox(&["--mails", "40"]).set("GOOGLE_QUOTAS", "gmail.at_once=2").open().await?;
    house.sandbox.set_google(json!({ "quota": { "units_per_minute": 6_000, "at_once": 2 } })).await?;
    house.sandbox.fault(json!({ "path": "/gmail/v1/users/me/messages/", "delay_ms": 60, "times": 60 })).await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("alice").await?;
    let answered = |message: &Message| !message.says("Searching for");
    let found = walk.person.ask("/search in:inbox", "an answer", answered).await?;
    assert!(!found.says("as much as it allows"), "{}", found.text);
    mail_agrees(&house, "alice").await?;
    nobody_was_refused(&house).await?;
    house.end().await
}

/// A project that may spend as much as one mailbox, by Google's own count and by Bellhop's.
const SMALL_PROJECT: &str = "gmail.project=6000/60s";

/// Three people with a hundred and ten mails each, whose fetches all begin at once when there are workers.
async fn three_mailboxes(house: &mut House) -> Story {
    house
        .sandbox
        .set_google(json!({
            "quota": { "units_per_minute": 6_000, "project_units_per_minute": 6_000, "at_once": 10 },
        }))
        .await?;
    house.serve("front", &["http", "relay", "bot"]).await?;
    let mut walk = house.walker(1001, "Ada")?;
    for account in ["dora", "emil", "fay"] {
        house.sandbox.newcomer(account, "Europe/Helsinki").await?;
        mails_arrive(house, account, 0, 110).await?;
        walk.connect(account).await?;
    }
    Ok(())
}

/// Lets time pass until all mail is there.
async fn all_mail_comes(house: &House) -> Story {
    for _ in 0..20 {
        at_rest(house).await?;
        if house.database.number("select count(*) from mail_messages").await? == 330 {
            return Ok(());
        }
        house.advance(UNTIL_FORGOTTEN)?;
    }
    Err(Trouble::new("the mail does not come"))
}

#[tokio::test]
async fn two_workers_share_one_window() -> Story {
    let mut house = House::plan().set("GOOGLE_QUOTAS", SMALL_PROJECT).build().await?;
    three_mailboxes(&mut house).await?;
    house.start("one", &["worker"])?;
    house.start("two", &["worker"])?;
    all_mail_comes(&house).await?;
    mail_of_all_agrees(&house, &["dora", "emil", "fay"]).await?;
    nobody_was_refused(&house).await?;
    let held = house.counted("provider_calls_held_total", &[("api", "gmail"), ("reason", "project")]).await?;
    ensure(held >= 1.0, "more was asked for than the project may spend")?;
    until("both to have spent of it", async || {
        house.advance(POLL)?;
        at_rest(&house).await?;
        // Each says so from its first call on.
        Ok((house.counted("provider_limits_shared", &[]).await? >= 2.0).then_some(()))
    })
    .await?;
    nobody_was_refused(&house).await?;
    house.end().await
}

#[tokio::test]
async fn without_redis_each_process_keeps_to_its_share() -> Story {
    let plan = House::plan().without_redis().set("GOOGLE_QUOTAS", SMALL_PROJECT).set("PROVIDER_CALLERS", "3");
    let mut house = plan.build().await?;
    three_mailboxes(&mut house).await?;
    house.start("one", &["worker"])?;
    house.start("two", &["worker"])?;
    all_mail_comes(&house).await?;
    nobody_was_refused(&house).await?;
    assert!(house.counted("provider_limits_shared", &[]).await? < 1.0);
    let usage = house.command(&["usage", "--json"]).await?.json_lines()?;
    assert_eq!((&usage[0]["shared"], &usage[0]["project"]["used"]), (&json!(false), &Value::Null));
    assert!(house.command(&["usage"]).await?.out.contains("each process keeps to its share"));
    house.end().await
}

#[tokio::test]
async fn a_redis_that_forgets_or_goes_half_way_costs_no_refusal() -> Story {
    let house = House::plan().gated().redis_number(12).sandbox(&["--mails", "600"]).open().await?;
    enforce(&house).await?;
    let integration = {
        house.walker(1001, "Ada")?.connect("alice").await?;
        house.connected_integration().await?
    };
    let fetched = async |house: &House, what: &str, least: u64| {
        until(what, async || Ok((house.sandbox.ledger().await?.calls_of(MESSAGE, None) >= least).then_some(()))).await
    };
    // In the middle of a window it forgets; what this process spent still counts.
    fetched(&house, "the fetch to be under way", 60).await?;
    let mut redis = house.redis().await?.ok_or_else(|| Trouble::new("no Redis"))?;
    redis::cmd("FLUSHDB").exec_async(&mut redis).await?;
    at_rest(&house).await?;
    let before = house.sandbox.ledger().await?.calls_of(MESSAGE, None);
    assert!(before <= 240, "{before} messages in one window");
    // It goes, and comes back: the window goes on.
    let gate = house.redis_gate.as_ref().ok_or_else(|| Trouble::new("a house without gates"))?;
    house.advance(UNTIL_FORGOTTEN)?;
    fetched(&house, "the fetch to go on", before + 10).await?;
    gate.shut();
    at_rest(&house).await?;
    assert!(house.sandbox.ledger().await?.calls_of(MESSAGE, None) <= before + 240);
    gate.open();
    passes_until_logged(&house, &integration, "MailFetched").await?;
    until("everything to be counted together again", async || {
        house.advance(POLL)?;
        at_rest(&house).await?;
        Ok((house.counted("provider_limits_shared", &[]).await? >= 1.0).then_some(()))
    })
    .await?;
    nobody_was_refused(&house).await?;
    house.end().await
}

/// The keys of the counting, in a Redis of the house's own.
async fn keys_of(redis: &mut MultiplexedConnection, pattern: &str) -> Story<Vec<String>> {
    Ok(redis::cmd("KEYS").arg(format!("bellhop:*:limits:{pattern}")).query_async(redis).await?)
}

#[tokio::test]
async fn what_a_clock_that_was_ahead_wrote_down_holds_nobody_back() -> Story {
    let house = House::plan().redis_number(11).open().await?;
    let integration = {
        house.walker(1001, "Ada")?.connect("alice").await?;
        house.connected_integration().await?
    };
    passes_until_logged(&house, &integration, "MailFetched").await?;
    let mut redis = house.redis().await?.ok_or_else(|| Trouble::new("no Redis"))?;
    let windows = keys_of(&mut redis, "google:gmail:project:5000").await?;
    ensure(windows.len() == 1, "windows are named by their buckets' length")?;
    // An hour ahead, all that is allowed was spent in each minute, and the counting began then.
    let ahead = house.now().await?.timestamp_millis() + 3_600_000;
    for window in keys_of(&mut redis, "google:gmail:[pm][ra][oi]*:5000*").await? {
        let field = format!("{}:another", ahead / 5_000);
        redis::cmd("HSET").arg(window).arg(field).arg(1_200_000).exec_async(&mut redis).await?;
    }
    for since in keys_of(&mut redis, "google:gmail:since:*").await? {
        redis::cmd("SET").arg(since).arg(ahead).arg("KEEPTTL").exec_async(&mut redis).await?;
    }
    mails_arrive(&house, "alice", 0, 3).await?;
    house.advance(POLL)?;
    at_rest(&house).await?;
    mail_of_all_agrees(&house, &["alice"]).await?;
    let fields: Vec<String> = redis::cmd("HKEYS").arg(&windows[0]).query_async(&mut redis).await?;
    assert!(!fields.iter().any(|field| field.ends_with(":another")), "{fields:?}");
    let since = keys_of(&mut redis, "google:gmail:since:*").await?;
    let since: i64 = redis::cmd("GET").arg(&since[0]).query_async(&mut redis).await?;
    assert!(since <= house.now().await?.timestamp_millis(), "{since}");
    for key in keys_of(&mut redis, "*").await? {
        let lives: i64 = redis::cmd("TTL").arg(&key).query_async(&mut redis).await?;
        assert!(lives > 0, "{key} would never lapse");
    }
    house.end().await
}

#[tokio::test]
async fn without_limits_of_its_own_the_same_fetch_is_refused() -> Story {
    let house = House::plan().sandbox(&["--mails", "350"]).set("GOOGLE_QUOTAS", WITHOUT_LIMITS).open().await?;
    enforce(&house).await?;
    house.walker(1001, "Ada")?.connect("alice").await?;
    until("Google to say no", async || Ok((refused(&house.sandbox.ledger().await?) > 0).then_some(()))).await?;
    // How long it waits counts from when it has heard that.
    at_rest(&house).await?;
    house.advance(UNTIL_FORGOTTEN)?;
    let integration = house.connected_integration().await?;
    logged(&house, &integration, "MailFetched", 1).await?;
    house.end().await
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused_with_what_would_be_right() -> Story {
    let mut house = House::plan().build().await?;
    house.set("GOOGLE_QUOTAS", "gmail.mailbox=15000/60s, gmail.reading=5");
    let doctor = house.try_command(&["doctor"]).await?;
    assert_eq!(doctor.code, Some(3));
    assert!(
        doctor.out.contains("GOOGLE_QUOTAS: entry 2: gmail has nothing of this name; it has project"),
        "{}",
        doctor.out
    );
    let serve = house.try_command(&["serve"]).await?;
    assert_eq!(serve.code, Some(1));
    assert!(serve.words.contains("GOOGLE_QUOTAS: entry 2"), "{}", serve.words);
    house.set("GOOGLE_QUOTAS", "");
    house.set("PROVIDER_CALLERS", "none");
    let doctor = house.try_command(&["doctor"]).await?;
    assert!(doctor.out.contains("PROVIDER_CALLERS: expected a number of processes"), "{}", doctor.out);
    house.set("PROVIDER_CALLERS", "");
    house.close().await
}
