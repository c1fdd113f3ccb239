//! Five hundred dead letters taken up again by an operator whose machine dies half-way.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};

use bellhop_tests::{House, Story, Trouble, ensure, until, until_within};

use super::PATIENCE_FOR_MANY;
use crate::events;

/// How many letters lie there.
const LETTERS: usize = 500;

/// Fault injection: as many notices as there are to be letters, each held by a run that is gone, as two before it.
async fn queue_notices(house: &House) -> Story {
    let now = house.now().await?.to_rfc3339();
    let sql = format!(
        r#"insert into jobs (id, tenant, integration, kind, queue, single, payload, state, due_at, opened_by, crashes,
               lease, leased_until)
           select gen_random_uuid(), tenant, id, 'notify_owner', 'notify', false,
               '{{"kind":"notify_owner","notice":{{"notice":"job_buried","kind":"fetch_mail","reason":"internal"}}}}',
               'open', '{now}', gen_random_uuid(), 2, gen_random_uuid(), now() - interval '1 second'
           from (select *, row_number() over () - 1 as turn, count(*) over () as count from integrations) i
           join generate_series(1, {LETTERS}) as number on number % i.count = i.turn"#
    );
    let queued = house.database.tamper(&sql).await?;
    ensure(queued == LETTERS as u64, format_args!("{queued} notices are queued"))
}

async fn count(house: &House, event: &str) -> Story<usize> {
    Ok(usize::try_from(house.database.number(&format!("select count(*) from events where type = '{event}'")).await?)?)
}

#[tokio::test]
async fn a_replay_of_five_hundred_letters_that_is_killed_half_way_and_run_again_has_five_hundred_effects() -> Story {
    let house = House::open().await?;
    let program = house.program(&house.api_key("assistant").await?);
    for account in ["alice", "bob", "carol"] {
        house.connect_by_api(&program, account).await?;
    }
    queue_notices(&house).await?;
    until_within(PATIENCE_FOR_MANY, "every notice to be a dead letter", async || {
        Ok((count(&house, "JobBuried").await? == LETTERS).then_some(()))
    })
    .await?;
    assert_eq!(count(&house, "OwnerNotified").await?, 0);

    let mut first = replay(&house)?;
    until("the first replay to be half-way", async || {
        ensure(first.try_wait()?.is_none(), "the replay was done before it could be killed")?;
        Ok((count(&house, "JobReplayed").await? >= LETTERS / 5).then_some(()))
    })
    .await?;
    first.kill()?;
    first.wait()?;
    let replayed = count(&house, "JobReplayed").await?;
    ensure(replayed < LETTERS, "there is nothing left for the second replay")?;
    // Where the workers were quicker at an account too often, it says so, and does only what is left when it is run again.
    let mut again = 0;
    while !replay(&house)?.wait()?.success() {
        again += 1;
        ensure(again < 5, "the letters cannot be taken up")?;
    }
    until_within(PATIENCE_FOR_MANY, "every notice to be dealt with", async || {
        let open = "select count(*) from jobs where kind = 'notify_owner' and state <> 'done'";
        Ok((house.database.number(open).await? == 0).then_some(()))
    })
    .await?;
    let (mut replayed, mut effects) = (0, vec![]);
    for row in house.integrations().await? {
        let integration = row["integration"].as_str().unwrap_or_default();
        let all = ["audit", "query", "--integration", integration, "--json", "--limit", "10000"];
        let log = house.command(&all).await?.json_lines()?;
        replayed += events(&log, "JobReplayed").len();
        effects.extend(events(&log, "OwnerNotified").iter().map(|event| event["job"].to_string()));
    }
    let jobs: BTreeSet<_> = effects.iter().collect();
    assert_eq!((replayed, effects.len(), jobs.len()), (LETTERS, LETTERS, LETTERS), "each is dealt with once");
    // Once more: nothing is left to be done.
    let third = house.command(&["dead", "replay", "--all", "--because", "to be sure"]).await?;
    assert!(third.out.contains("no such dead letters"), "{}", third.out);
    house.end().await
}

/// Begins to take up every letter.
fn replay(house: &House) -> Story<Child> {
    let program = bellhop_tests::program("bellhop")?;
    let arguments = ["dead", "replay", "--all", "--because", "Telegram is well again", "--operator", "Olga"];
    let begun = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(house.settings())
        .current_dir(house.folder())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    begun.map_err(Trouble::from)
}
