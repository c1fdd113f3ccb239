//! Updates that are brought instead of fetched: the whole way over a webhook, switching between the two ways, and what is
//! refused.

use bellhop_tests::{House, Message, Person, Story, Trouble, ensure, until};
use serde_json::{Value, json};

use crate::{all_handled, mail_agrees};

const PATH: &str = "hooks/telegram-7";
const SECRET: &str = "stand-in_Secret-of-the-webhook";

/// From now on Bellhops of this house have updates brought to them.
fn set_webhook(house: &mut House) -> Story {
    let url = house.origin.join(PATH)?;
    house.set("TELEGRAM_WEBHOOK_URL", url.as_str());
    house.set("TELEGRAM_WEBHOOK_SECRET", SECRET);
    house.keep_secret(SECRET);
    Ok(())
}

/// From now on they fetch them.
fn set_polling(house: &mut House) {
    house.set("TELEGRAM_WEBHOOK_URL", "");
    house.set("TELEGRAM_WEBHOOK_SECRET", "");
}

async fn with_webhook() -> Story<House> {
    let mut house = House::plan().build().await?;
    set_webhook(&mut house)?;
    house.serve("bellhop", &[]).await?;
    Ok(house)
}

/// What Telegram knows of the webhook and of its deliveries.
async fn at_telegram(house: &House) -> Story<Value> {
    house.sandbox.get("telegram/webhook").await
}

/// Waits until updates come this way, as Telegram sees it.
async fn comes(house: &House, is_brought: bool) -> Story {
    until("Telegram to know which way updates come", async || {
        let url = at_telegram(house).await?["info"]["url"].as_str().unwrap_or_default().to_owned();
        Ok((url.ends_with(PATH) == is_brought && url.is_empty() != is_brought).then_some(()))
    })
    .await
}

/// Has Telegram try again what it could not deliver, until nothing waits there.
async fn all_delivered(house: &House) -> Story {
    until("everything to be delivered", async || {
        house.sandbox.post("telegram/webhook/advance", json!({})).await?;
        let waiting = at_telegram(house).await?["info"]["pending_update_count"].clone();
        Ok((waiting == 0).then_some(()))
    })
    .await
}

/// How often updates were fetched.
async fn fetches(house: &House) -> Story<u64> {
    Ok(house.sandbox.ledger().await?.calls_of("/bot/getUpdates", None))
}

fn is_help(message: &Message) -> bool {
    message.says("/inbox") && message.says("/disconnect")
}

/// How often the bot has said what it can do.
async fn helped(person: &Person) -> Story<usize> {
    Ok(person.heard().await?.iter().filter(|message| is_help(message)).count())
}

#[tokio::test]
async fn everything_in_the_chat_works_over_a_webhook() -> Story {
    let house = with_webhook().await?;
    comes(&house, true).await?;
    let mut walk = house.walker(1001, "Ada")?;
    walk.connect("alice").await?;
    mail_agrees(&house, "alice").await?;
    let inbox = crate::inbox(&walk.person, 125).await?;
    walk.person.press(&inbox, "Older").await?;
    walk.person.sees_change(inbox.id, "the next page", |message| message.says("7–12 of 125")).await?;
    assert_eq!(fetches(&house).await?, 0, "nothing is fetched");
    let doctor = house.command(&["doctor"]).await?;
    assert!(doctor.out.contains("brought to the webhook"), "{}", doctor.out);
    assert!(!doctor.out.contains(SECRET));

    // Delivered once more: known, taken, and answered by nobody.
    let said = walk.person.say("/help").await?;
    walk.person.sees_after(said.message_id.unwrap_or_default(), "help", is_help).await?;
    house.sandbox.repeat_update(said.update_id.unwrap_or_default()).await?;
    all_delivered(&house).await?;
    walk.person.ask("/accounts", "the answer to what came later", |message| message.says("alice@")).await?;
    assert_eq!(helped(&walk.person).await?, 1);
    house.end().await
}

#[tokio::test]
async fn switching_between_fetching_and_a_webhook_answers_every_message_once() -> Story {
    let mut house = House::open().await?;
    let person = house.person(1001, "Ada");
    person.ask("/help", "an answer to what was fetched", is_help).await?;
    ensure(fetches(&house).await? > 0, "updates are fetched")?;
    assert!(house.command(&["doctor"]).await?.out.contains("are fetched"));
    let mut words = 1;
    for is_brought in [true, false, true, false] {
        person.say("/help").await?;
        let (stopped, said) = tokio::join!(house.stop("bellhop"), person.say("/help"));
        stopped?;
        said?;
        person.say("/help").await?;
        if is_brought {
            set_webhook(&mut house)?;
        } else {
            set_polling(&mut house);
        }
        house.start("bellhop", &[])?;
        person.say("/help").await?;
        house.is_ready("bellhop").await?;
        comes(&house, is_brought).await?;
        person.say("/help").await?;
        words += 5;
        if is_brought {
            all_delivered(&house).await?;
        }
        until("every message to be answered", async || Ok((helped(&person).await? >= words).then_some(()))).await?;
    }
    // Nothing is under way any more, and nothing was answered twice.
    person.ask("/accounts", "the answer to what came last", |message| message.says("No account")).await?;
    assert_eq!(helped(&person).await?, words);
    let begun = house.database.number("select sum(starts) from telegram_updates").await?;
    assert_eq!(usize::try_from(begun)?, words + 1, "each was taken up once");
    house.end().await
}

#[tokio::test]
async fn a_delivery_with_the_wrong_secret_changes_nothing() -> Story {
    let house = with_webhook().await?;
    comes(&house, true).await?;
    let person = house.person(1001, "Ada");
    person.ask("/help", "an answer", is_help).await?;
    let rows = "select count(*) from telegram_updates";
    let before = house.database.number(rows).await?;
    let forged = json!({ "update_id": 99_999_999, "message": {
        "message_id": 1, "date": 1, "text": "/help",
        "chat": { "id": 1001, "type": "private" }, "from": { "id": 1001, "is_bot": false, "first_name": "Ada" } } });
    let stranger = house.stranger();
    for secret in [None, Some(""), Some("wrong"), Some(&SECRET[1..])] {
        let refused = stranger.deliver(PATH, secret, &forged.to_string()).await?;
        assert_eq!(refused.expect_problem(403)?["code"], "not_telegram");
    }
    assert_eq!(house.database.number(rows).await?, before);
    // With the right one only what has an id is taken; what makes no sense is taken and forgotten.
    for nonsense in ["", "{", "[]", r#"{"message":{}}"#] {
        let refused = stranger.deliver(PATH, Some(SECRET), nonsense).await?;
        assert_eq!(refused.expect_problem(400)?["code"], "invalid_body");
    }
    assert_eq!(stranger.deliver(PATH, Some(SECRET), r#"{"update_id":3,"new":{"thing":1}}"#).await?.status, 200);
    assert_eq!(house.database.number("select count(*) from telegram_updates where outcome = 'ignored'").await?, 1);
    house.end().await
}

#[tokio::test]
async fn what_is_brought_while_postgres_is_away_is_brought_again() -> Story {
    let mut house = House::plan().gated().build().await?;
    set_webhook(&mut house)?;
    house.serve("bellhop", &[]).await?;
    comes(&house, true).await?;
    let person = house.person(1001, "Ada");
    person.ask("/help", "an answer", is_help).await?;
    all_handled(&house).await?;
    let gate = house.postgres_gate.as_ref().ok_or_else(|| Trouble::new("a house without gates"))?;
    gate.shut();
    let said = person.say("/accounts").await?;
    until("the delivery to be refused", async || {
        let deliveries = at_telegram(&house).await?["deliveries"].clone();
        let refused = deliveries.as_array().into_iter().flatten().any(|delivery| delivery["status"] == 503);
        Ok(refused.then_some(()))
    })
    .await?;
    gate.open();
    all_delivered(&house).await?;
    person
        .sees_after(said.message_id.unwrap_or_default(), "the answer after all", |message| message.says("No account"))
        .await?;
    house.end().await
}

#[tokio::test]
async fn whom_the_bot_may_answer_is_its_own_process_to_say() -> Story {
    let mut house = House::plan().build().await?;
    set_webhook(&mut house)?;
    house.serve("pages", &["http"]).await?;
    house.set("TELEGRAM_ALLOWED_USERS", "1001");
    house.serve("bot", &["bot"]).await?;
    comes(&house, true).await?;
    let (ada, mallory) = (house.person(1001, "Ada"), house.person(2002, "Mallory"));
    mallory.ask("/connect", "a refusal", |message| message.says("private") && message.says("2002")).await?;
    ada.ask("/help", "an answer", is_help).await?;
    // Told once, and never answered.
    mallory.say("/help").await?;
    let group = house.group(-1077, "Walkers").await?;
    group.say(&mallory, "/connect").await?;
    all_delivered(&house).await?;
    all_handled(&house).await?;
    assert_eq!(mallory.heard().await?.len(), 1);
    assert_eq!(group.heard().await?.len(), 0);
    house.end().await
}

#[tokio::test]
async fn what_comes_again_says_nothing_new_about_a_person() -> Story {
    let house = with_webhook().await?;
    comes(&house, true).await?;
    let person = house.person(1001, "Ada");
    person.ask("/help", "an answer", is_help).await?;
    let stranger = house.stranger();
    let from = |name: &str| json!({ "id": 1001, "is_bot": false, "first_name": name });
    let chat = json!({ "id": 1001, "type": "private" });
    let renamed = json!({ "update_id": 99_999_998, "message": {
        "message_id": 5_000, "date": 1, "text": "/help", "chat": chat, "from": from("Ada L.") } });
    let blocked = json!({ "update_id": 99_999_999, "my_chat_member": {
        "date": 1, "chat": chat, "from": from("Ada L."), "new_chat_member": { "status": "kicked" } } });
    let has_blocked = "select count(*) from telegram_people where blocked";
    for (update, expected) in [(&renamed, 0), (&blocked, 1), (&blocked, 1), (&renamed, 1)] {
        assert_eq!(stranger.deliver(PATH, Some(SECRET), &update.to_string()).await?.status, 200);
        all_handled(&house).await?;
        assert_eq!(house.database.number(has_blocked).await?, expected, "{update}");
    }
    house.end().await
}

#[tokio::test]
async fn the_process_that_serves_pages_takes_updates_in_for_the_one_that_is_the_bot() -> Story {
    let mut house = House::plan().build().await?;
    set_webhook(&mut house)?;
    house.serve("pages", &["http"]).await?;
    house.serve("bot", &["bot"]).await?;
    comes(&house, true).await?;
    let person = house.person(1001, "Ada");
    person.ask("/help", "an answer", is_help).await?;
    all_handled(&house).await?;
    // The bot away: what is brought is kept, and answered when it is back.
    house.kill("bot")?;
    let said = person.say("/accounts").await?;
    all_delivered(&house).await?;
    ensure(!person.heard().await?.iter().any(|message| message.says("No account")), "nobody can have answered")?;
    house.serve("bot", &["bot"]).await?;
    person
        .sees_after(said.message_id.unwrap_or_default(), "the answer after all", |message| message.says("No account"))
        .await?;
    house.end().await
}
