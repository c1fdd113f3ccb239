//! A worker that cannot reach Postgres for so long that its lease runs out, and comes back with an answer in its hands. That
//! one which wakes up can record no mail is told in `jobs.rs`; a token set, which the provider gives out once, is never
//! thrown away.

use bellhop_tests::{Gate, House, Story, Trouble, ensure, until};
use serde_json::json;

use crate::{UNTIL_REFRESH, events, logged, state_of};

const REFRESHING: &str = "select * from jobs where kind = 'refresh_access' and state = 'open'";

fn gate(house: &House) -> Story<&Gate> {
    house.postgres_gate.as_ref().ok_or_else(|| Trouble::new("a house without gates"))
}

/// An account whose refresh Google has answered, to a worker that is cut off from Postgres and whose job was taken back. All
/// others reach it.
async fn cut_off_with_the_answer(rotates: bool) -> Story<(House, String)> {
    let mut house = House::plan().gated().build().await?;
    house.serve("zombie", &["worker"]).await?;
    let direct = house.database.serving.to_string();
    house.set("DATABASE_URL", &direct);
    house.serve("front", &["http", "relay", "bot"]).await?;
    house.sandbox.set_google(json!({ "rotate_refresh_tokens": rotates })).await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    let integration = house.connected_integration().await?;
    logged(&house, &integration, "MailFetched", 1).await?;
    logged(&house, &integration, "CalendarFetched", 1).await?;
    house.sandbox.fault(json!({ "path": "/token", "delay_ms": 6_000 })).await?;
    house.advance(UNTIL_REFRESH)?;
    until("the refresh to be on its way to Google", async || {
        Ok((house.sandbox.faults_to_come().await? == 0).then_some(()))
    })
    .await?;
    gate(&house)?.shut();
    until("the worker to hold an answer that it cannot record", async || {
        Ok(house.log_of("zombie").contains("a token answer is not recorded yet").then_some(()))
    })
    .await?;
    house.database.let_leases_run_out().await?;
    until("the job to be taken back", async || {
        let rows = house.database.rows(REFRESHING).await?;
        Ok(rows.iter().any(|row| row["crashes"] == 1 && row["lease"].is_null()).then_some(()))
    })
    .await?;
    Ok((house, integration))
}

#[tokio::test]
async fn a_worker_that_comes_back_with_a_token_answer_records_it_although_its_job_was_taken_back() -> Story {
    let (mut house, integration) = cut_off_with_the_answer(true).await?;
    // Nobody sends the job out again meanwhile, and what lies on the belt already starts nothing.
    house.stop("front").await?;
    house.database.tamper("update jobs set dispatch = null, dispatched_at = null where state = 'open'").await?;
    gate(&house)?.open();
    let log = logged(&house, &integration, "AccessRefreshed", 1).await?;
    assert_eq!(events(&log, "AccessRefreshed").len(), 1);
    house.serve("front", &["http", "relay", "bot"]).await?;
    // The token that came with it is the one that is used next.
    house.advance(UNTIL_REFRESH)?;
    logged(&house, &integration, "AccessRefreshed", 2).await?;
    let ledger = house.sandbox.ledger().await?;
    let [first, second] = ledger.refreshes()[..] else {
        return Err(Trouble::new(format!("two refreshes were expected: {:?}", ledger.refreshes())));
    };
    assert_eq!(second.refresh_token_used, first.refresh_token_issued);
    assert_eq!(state_of(&house, &integration).await?, "active");
    house.end().await
}

#[tokio::test]
async fn a_token_answer_that_comes_after_anothers_is_kept_as_a_spare_and_changes_nothing_else() -> Story {
    let (mut house, integration) = cut_off_with_the_answer(false).await?;
    // It would take every other entry off the belt, and can start nothing.
    house.signal("zombie", "STOP")?;
    house.serve("second", &["worker"]).await?;
    logged(&house, &integration, "AccessRefreshed", 1).await?;
    house.stop("second").await?;
    let before = house.audit(&integration).await?;
    let row = house.database.rows(REFRESHING).await?;
    gate(&house)?.open();
    house.signal("zombie", "CONT")?;
    until("the late answer to be kept", async || {
        Ok((house.database.number("select count(*) from vault_spares").await? == 1).then_some(()))
    })
    .await?;
    ensure(house.audit(&integration).await? == before, "the late answer wrote something to the log")?;
    assert_eq!(house.database.rows(REFRESHING).await?, row, "the late run touched a row that is not its own");
    assert_eq!(state_of(&house, &integration).await?, "active");
    house.end().await
}
