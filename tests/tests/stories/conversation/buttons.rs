//! Buttons that are too old, garbled, gone, or pressed twice: each press is answered, and settles what it shows.

use bellhop_tests::{House, Person, Story, Trouble, ensure, until};
use chrono::TimeDelta;
use serde_json::json;

use super::{answer, connected, is_tidy, says, settled, talkative};

/// What a press says that nothing can be done with.
const OLD: &str = "This button is from an older message and no longer works. Send /help to see what does.";

#[tokio::test]
async fn a_button_under_a_message_that_is_out_of_reach_answers_in_a_new_one() -> Story {
    let house = talkative().await?;
    let ada = connected(&house, 1001, "Ada", "bob").await?.person;
    for (words, button, part) in [
        ("/agenda tomorrow", "◀", "📅 Today, "),
        ("/agenda tomorrow", "Refresh", "📅 Tomorrow, "),
        ("/free tomorrow", "Agenda", "📅 Tomorrow, "),
        ("/inbox", "Older", "📬 bob@"),
        ("/settings", "Sun", "Fri, Sun"),
        ("/calendars", "Holidays", "Your calendars"),
        ("/timezone springfield", "Oregon", "America/Los_Angeles"),
        ("/agenda week", "Calendars", "Your calendars"),
        ("/disconnect", "No", "stays connected"),
    ] {
        let old = answer(&ada, words).await?;
        ada.puts_out_of_reach(&old).await?;
        if button == "Refresh" {
            // Any sooner, and it would only be said that there was a look a moment ago.
            house.advance(TimeDelta::seconds(10))?;
        }
        assert_eq!(ada.tap(&old, button).await?, "", "{words}: {button}");
        let new = ada.sees_after(old.id, &format!("{words}: {button}"), |message| message.says(part)).await?;
        ensure(new.edits == 0 || new.id != old.id, "an old message stays as it was")?;
        let now = ada.sees("the old message", |message| message.id == old.id).await?;
        assert_eq!(now.text, old.text, "{words}");
    }
    is_tidy(&ada).await?;
    house.end().await
}

/// The bot takes a message back, as an operator may with the bot's token.
async fn delete(house: &House, person: &Person, message: i64) -> Story {
    let address = house.sandbox.origin.join("botsandbox-bot-token/deleteMessage")?;
    let body = json!({ "chat_id": person.id, "message_id": message });
    let answer = reqwest::Client::new().post(address).json(&body).send().await?;
    ensure(answer.status().is_success(), format_args!("not deleted: {}", answer.status()))
}

#[tokio::test]
async fn a_button_under_a_message_that_is_gone_answers_in_a_new_one() -> Story {
    let house = talkative().await?;
    let ada = connected(&house, 1001, "Ada", "bob").await?.person;
    let agenda = answer(&ada, "/agenda tomorrow").await?;
    let refresh = agenda.presses().first().cloned().ok_or_else(|| Trouble::new("no button"))?;
    delete(&house, &ada, agenda.id).await?;
    assert_eq!(ada.tap_data(agenda.id, &refresh).await?, "");
    ada.sees_after(agenda.id, "the agenda anew", |message| message.text.starts_with("📅 Today")).await?;
    house.end().await
}

#[tokio::test]
async fn what_another_release_or_nobody_wrote_is_said_to_be_old_and_changes_nothing() -> Story {
    let house = talkative().await?;
    let ada = connected(&house, 1001, "Ada", "bob").await?.person;
    let help = answer(&ada, "/help").await?;
    let (said, settings) = (ada.heard().await?.len(), answer(&ada, "/settings").await?);
    for garbled in [
        " ",
        "x",
        "inbox",
        "inbox.p",
        "inbox.pp..0",
        "inbox.z..0",
        "nothing.o..0",
        "help.o..0",
        "accounts.o..0",
        "agenda.z..1",
        "agenda.o..4294967295",
        "agenda.o..00",
        "free.o..1.__________8",
        "calendars.c..1",
        "settings.w..14",
        "settings.q..1",
        "timezone.s..0",
        "timezone.s..0.AAAAAAAAAAA",
        "start.z..0",
        "inbox|page|2",
        "{\"page\":2}",
        "\u{202e}.o..0",
        "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀",
    ] {
        assert_eq!(ada.tap_data(help.id, garbled).await?, OLD, "{garbled}");
    }
    // About an account that nobody has, or that is not named.
    let nobodys = "AAAAAAAAAAAAAAAAAAAAAA";
    for about in ["inbox.o", "inbox.r", "mail.o", "calendars.c", "disconnect.y", "connect.m"] {
        let told = ada.tap_data(help.id, &format!("{about}.{nobodys}.1.AAAAAAAAAAA")).await?;
        ensure(told == OLD || told.contains("not one of yours"), format_args!("{about}: {told:?}"))?;
    }
    let heard = ada.heard().await?;
    assert_eq!(
        heard.iter().map(|message| message.edits).sum::<u64>(),
        edits_before(&heard, help.id),
        "nothing was edited"
    );
    assert_eq!(heard.len(), said + 1, "nothing was said but the settings");
    assert_eq!(settled(&answer(&ada, "/settings").await?), settled(&settings));
    is_tidy(&ada).await?;
    house.end().await
}

/// Edits of what was said before a message.
fn edits_before(heard: &[bellhop_tests::Message], id: i64) -> u64 {
    heard.iter().filter(|message| message.id < id).map(|message| message.edits).sum()
}

#[tokio::test]
async fn a_press_that_telegram_repeats_does_not_undo_what_came_after_it() -> Story {
    let house = talkative().await?;
    let ada = connected(&house, 1001, "Ada", "bob").await?.person;
    let settings = answer(&ada, "/settings").await?;
    let pressed = ada.press(&settings, "Sat").await?;
    let with = ada.sees_change(settings.id, "Saturday", |message| message.says("Fri, Sat")).await?;
    ada.tap(&with, "Sat").await?;
    let without = ada.sees_change(settings.id, "no Saturday", |message| message.says("Monday to Friday")).await?;
    for _ in 0..3 {
        house.sandbox.repeat_update(pressed.update_id.unwrap_or_default()).await?;
    }
    says(&answer(&ada, "/settings").await?, &["Monday to Friday"])?;
    let now = ada.sees("the message", |message| message.id == settings.id).await?;
    assert_eq!((now.text, now.edits), (without.text, without.edits));
    house.end().await
}

#[tokio::test]
async fn settings_survive_a_crash_between_them_and_their_answer() -> Story {
    let mut house = talkative().await?;
    let ada = connected(&house, 1001, "Ada", "bob").await?.person;
    says(&answer(&ada, "/settings 8-16").await?, &["08:00–16:00"])?;
    let settings = answer(&ada, "/settings").await?;
    // Telegram is slow to take the edit, and the process dies meanwhile.
    house.sandbox.fault(json!({ "path": "/bot/editMessageText", "delay_ms": 120_000 })).await?;
    ada.press(&settings, "Sun").await?;
    until("the edit to be under way", async || Ok((house.sandbox.faults_to_come().await? == 0).then_some(()))).await?;
    house.kill("bellhop")?;
    house.database.let_leases_run_out().await?;
    house.serve("bellhop", &[]).await?;
    let shown = |message: &bellhop_tests::Message| message.says("Fri, Sun") && message.says("08:00–16:00");
    ada.sees_change(settings.id, "what was tapped", shown).await?;
    says(&answer(&ada, "/settings").await?, &["08:00–16:00", "Fri, Sun", "30 minutes or more"])?;
    house.end().await
}
