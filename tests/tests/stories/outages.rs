//! Redis or Postgres away: what still works, what waits, and what is said.

use bellhop_tests::{Gate, House, Story, Trouble, ensure, until};
use chrono::TimeDelta;

use crate::{UNTIL_REFRESH, comes_to, inbox, logged, mail_agrees, rested};

fn redis(house: &House) -> Story<&Gate> {
    house.redis_gate.as_ref().ok_or_else(|| Trouble::new("a house without gates"))
}

fn postgres(house: &House) -> Story<&Gate> {
    house.postgres_gate.as_ref().ok_or_else(|| Trouble::new("a house without gates"))
}

#[tokio::test]
async fn without_redis_everything_works_straight_from_postgres() -> Story {
    let house = House::plan().without_redis().open().await?;
    let ready = house.stranger().get("health/ready").await?;
    assert_eq!(ready.expect(200)?["degraded"], serde_json::json!(["redis"]));
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("alice").await?;
    let integration = house.connected_integration().await?;
    inbox(&walk.person, 125).await?;
    house.advance(UNTIL_REFRESH)?;
    logged(&house, &integration, "AccessRefreshed", 1).await?;
    comes_to(&house, "jobs_total", &[("way", "direct")], 2.0).await?;
    assert!(house.counted("jobs_total", &[("way", "belt")]).await? < 1.0);
    let doctor = house.try_command(&["doctor"]).await?;
    assert_eq!(doctor.code, Some(3));
    assert!(doctor.out.contains("Redis"), "{}", doctor.out);
    house.end().await
}

#[tokio::test]
async fn a_redis_that_goes_and_comes_back_is_used_again() -> Story {
    let house = House::plan().gated().open().await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    mail_agrees(&house, "bob").await?;
    redis(&house)?.shut();
    house.sandbox.mail_arrives("bob", "A <a@sender.example>", "While the belt is away", "Hello.").await?;
    house.advance(TimeDelta::minutes(6))?;
    mail_agrees(&house, "bob").await?;
    comes_to(&house, "jobs_total", &[("way", "direct")], 1.0).await?;

    let belt = house.counted("jobs_total", &[("way", "belt")]).await?;
    redis(&house)?.open();
    until("the belt to carry jobs again", async || {
        house.advance(TimeDelta::minutes(6))?;
        rested(&house).await?;
        Ok((house.counted("jobs_total", &[("way", "belt")]).await? > belt).then_some(()))
    })
    .await?;
    house.end().await
}

#[tokio::test]
async fn nobody_without_a_key_learns_of_an_outage() -> Story {
    let house = House::plan().gated().open().await?;
    let paths = ["v1/integrations", "oauth/google/status", "oauth/google/authorize"];
    let id = "v1/integrations/00000000-0000-4000-8000-000000000000";
    for outage in ["none", "Redis", "Postgres"] {
        match outage {
            "Redis" => redis(&house)?.shut(),
            "Postgres" => postgres(&house)?.shut(),
            _ => {}
        }
        let wrong = ["", "nonsense", "bellhop_x_y"].map(|key| house.program(key));
        for caller in [house.stranger()].iter().chain(&wrong) {
            for path in paths {
                assert_eq!(caller.get(path).await?.expect_problem(401)?["code"], "unauthorized", "{outage}");
            }
            caller.delete(id).await?.expect_problem(401)?;
            caller.post(&format!("{id}/refresh"), None).await?.expect_problem(401)?;
            caller
                .post("oauth/google/finish", Some(serde_json::json!({ "finish_code": "x" })))
                .await?
                .expect_problem(401)?;
        }
    }
    // A key that could be real cannot be checked now: that is an outage, and no fault of ours.
    let plausible = house.program(&format!("bellhop_{}_{}", "0".repeat(32), "A".repeat(43)));
    plausible.get("v1/integrations").await?.expect_problem(503)?;
    house.stranger().get("health/ready").await?.expect_problem(503)?;
    house.stranger().get("health/live").await?.expect(200)?;
    let mut browser = house.browser()?;
    browser.open(&house.origin.join("connect/something")?).await?.expect(503, &["moment"])?;

    postgres(&house)?.open();
    redis(&house)?.open();
    until("everything to be well again", async || {
        let ready = house.stranger().get("health/ready").await?;
        Ok((ready.status == 200 && ready.body["status"] == "ok").then_some(()))
    })
    .await?;
    plausible.get("v1/integrations").await?.expect_problem(401)?;
    house.end().await
}

#[tokio::test]
async fn a_postgres_that_goes_and_comes_back_loses_nothing() -> Story {
    let house = House::plan().gated().open().await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("bob").await?;
    mail_agrees(&house, "bob").await?;
    postgres(&house)?.shut();
    // Not confirmed to Telegram before it is written down.
    let said = walk.person.say("/accounts").await?;
    house.sandbox.mail_arrives("bob", "A <a@sender.example>", "While Postgres is away", "Hello.").await?;
    house.advance(TimeDelta::minutes(6))?;
    until("the outage to be noticed", async || {
        Ok((house.stranger().get("health/ready").await?.status == 503).then_some(()))
    })
    .await?;
    postgres(&house)?.open();
    walk.person
        .sees_after(said.message_id.unwrap_or_default(), "the answer after all", |message| message.says("bob@"))
        .await?;
    mail_agrees(&house, "bob").await?;
    house.end().await
}

#[tokio::test]
async fn without_postgres_at_the_start_http_answers_and_serving_begins_by_itself_later() -> Story {
    let mut house = House::plan().gated().build().await?;
    let key = house.api_key("assistant").await?;
    postgres(&house)?.shut();
    house.start("bellhop", &[])?;
    let (stranger, program) = (house.stranger(), house.program(&key));
    until("HTTP to answer", async || {
        let answer = stranger.get("health/live").await;
        Ok(answer.is_ok_and(|answer| answer.status == 200).then_some(()))
    })
    .await?;
    // Twice: it neither ends nor changes its mind while it waits.
    let person = house.person(1001, "Ada");
    let said = person.say("/start").await?;
    for _ in 0..2 {
        stranger.get("health/live").await?.expect(200)?;
        stranger.get("health/ready").await?.expect_problem(503)?;
        for path in ["v1/integrations", "oauth/google/status", "oauth/google/authorize"] {
            assert_eq!(stranger.get(path).await?.expect_problem(401)?["code"], "unauthorized");
            assert_eq!(house.program("nonsense").get(path).await?.expect_problem(401)?["code"], "unauthorized");
        }
        program.get("v1/integrations").await?.expect_problem(503)?;
    }
    ensure(!house.log_of("bellhop").contains("serving"), "it serves from a database that it cannot reach")?;

    postgres(&house)?.open();
    house.is_ready("bellhop").await?;
    program.get("v1/integrations").await?.expect(200)?;
    person
        .sees_after(said.message_id.unwrap_or_default(), "the answer after all", |message| message.says("Bellhop"))
        .await?;
    house.walker(1001, "Ada")?.connect("bob").await?;
    mail_agrees(&house, "bob").await?;
    house.end().await
}
