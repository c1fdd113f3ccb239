//! Names, titles, places, subjects and words that want to be something else: markup, commands, orders to turn the line
//! around, towers of marks, walls of text.

use bellhop_tests::{House, Message, Person, Story, Trouble, ensure, until};
use chrono::TimeDelta;
use futures::future::try_join_all;
use serde_json::json;

use super::{answer, connected, is_tidy, talkative, whole};

/// What is put wherever people can put words.
fn hostile() -> Vec<String> {
    [
        "<b>bold</b> <script>alert(1)</script> <img src=x onerror=alert(1)>",
        "</b></i></blockquote><a href=\"https://evil.example\">tap</a> &lt;&amp;&#x41;",
        "\u{202e}desrever\u{202c} \u{2066}\u{2067}left open \u{2069}\u{2069}\u{2069}",
        "zero\u{200b}width\u{feff} soft\u{ad}hyphen \u{200e}\u{200f}",
        "/disconnect /evil_command now@other_bot /start abc",
        "*stars* _lines_ `ticks` [link](https://evil.example) ||spoiler|| ~gone~",
        "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}\u{309}\u{30a}\u{30b}\u{30c}\u{30d}\u{30e}\u{30f}algo",
        "👩‍👩‍👧‍👦🏳️‍🌈🇫🇮🇪🇪👨🏿‍🚀 \u{1f9d1}\u{200d}\u{200d}\u{200d}\u{200d}",
        "one\ntwo\r\nthree\u{2028}four\u{85}five\u{0}\u{7}",
        "שלום (עולם) مرحبا 123 <b>",
        "{{7*7}} ${7*7} %n%s%x '; drop table events; --",
        "tg://user?id=1001 https://evil.example/?a=<b> mailto:a@b",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(["W".repeat(10_000), "😀".repeat(5_000), " ".repeat(3), "\u{200b}".repeat(50)])
    .collect()
}

#[tokio::test]
async fn whatever_is_written_behind_a_command_is_answered_as_words() -> Story {
    let house = talkative().await?;
    let mut people = vec![];
    for (id, account) in [(1001, "alice"), (1002, "bob"), (1003, "carol")] {
        let mut person = connected(&house, id, "Ada", account).await?.person;
        // Their name is hostile as well.
        person.name = hostile()[0].chars().take(60).collect();
        people.push(person);
    }
    // The bot says one thing a second to one person, so several bear it side by side.
    let share = hostile().len().div_ceil(people.len());
    let all = hostile();
    let asking = people.iter().zip(all.chunks(share)).map(|(person, words)| asks_everything(person, words));
    try_join_all(asking).await?;
    for person in &people {
        is_tidy(person).await?;
    }
    still_connected(&house, 3).await?;
    house.end().await
}

/// Writes all of this behind each command, and by itself, and waits until each was answered.
async fn asks_everything(person: &Person, all: &[String]) -> Story {
    let menu = person.menu().await?;
    for words in all {
        // As much as Telegram lets somebody send.
        let words: String = words.replace('\u{0}', "").chars().take(2_000).collect();
        let before = person.heard().await?.len();
        let mut asked = 0;
        for said in menu.iter().map(|(name, _)| format!("/{name} {words}")).chain([words.clone()]) {
            if !said.trim().is_empty() {
                person.say(&said).await?;
                asked += 1;
            }
        }
        // One a second at the most, so each is waited for by itself.
        for answered in 1..=asked {
            let what = format!("{answered} of {asked} answers to {words:?}");
            until(&what, async || Ok((person.heard().await?.len() >= before + answered).then_some(()))).await?;
        }
    }
    for message in person.heard().await? {
        ensure(message.text.chars().count() > 10, format_args!("no answer: {:?}", message.text))?;
    }
    Ok(())
}

/// Trouble unless so many accounts are what they were.
async fn still_connected(house: &House, accounts: i64) -> Story {
    let active = house.database.number("select count(*) from integrations where status = 'active'").await?;
    ensure(active == accounts, "words disconnected an account")
}

#[tokio::test]
async fn whatever_stands_in_calendars_and_mails_is_shown_as_words() -> Story {
    let house = talkative().await?;
    let now = house.now().await?;
    for (number, words) in (0_i64..).zip(hostile()) {
        let start = now + TimeDelta::minutes(number);
        let moment =
            |at: chrono::DateTime<chrono::Utc>| json!({ "dateTime": at.to_rfc3339(), "timeZone": "Asia/Tokyo" });
        let words = words.replace('\u{0}', "");
        let event = json!({
            "summary": words, "location": words, "description": words,
            "start": moment(start), "end": moment(start + TimeDelta::minutes(30)),
        });
        house.sandbox.post("google/accounts/bob/calendars/primary/events", event).await?;
        let line = words.replace(['\n', '\r', '\u{2028}', '\u{85}', '\u{7}'], " ");
        let from =
            format!("\"{}\" <x{number}@hostile.example>", line.replace('"', "").chars().take(200).collect::<String>());
        let mail = json!({ "from": from, "subject": line, "text": words, "html": words });
        house.sandbox.post("google/accounts/bob/mails", mail).await?;
    }
    let title = hostile()[0].clone();
    house
        .sandbox
        .post("google/accounts/bob/calendars/primary", json!({ "summary": title, "summary_override": title }))
        .await?;
    let ada = connected(&house, 1001, "Ada", "bob").await?.person;
    whole(&ada, "/settings 0-24", "00:00").await?;

    let agenda = answer(&ada, "/agenda week").await?;
    ensure(agenda.says("<script>alert(1)</script>"), format_args!("as words: {}", agenda.text))?;
    assert_eq!(ada.tap(&agenda, "Picture").await?, "");
    ada.sees_after(agenda.id, "a picture", |message| message.media["kind"] == "photo").await?;
    for words in ["/free week", "/free today", "/calendars", "/accounts", "my week", "am i free tomorrow?", "/agenda"] {
        answer(&ada, words).await?;
    }
    let mut page = answer(&ada, "/inbox").await?;
    let mut opened = 0;
    for _ in 0..3 {
        let numbered = page.buttons.iter().flatten().filter(|button| button.text.parse::<u32>().is_ok());
        for data in numbered.filter_map(|button| button.callback_data.as_deref()) {
            let shown = ada.sees("what is open", |message| message.id == page.id).await?;
            ada.tap_data(page.id, data).await?;
            let another = |message: &Message| message.text.starts_with('✉') && message.text != shown.text;
            ada.sees_change(page.id, "a mail", |message| another(message) && message.button("Inbox").is_some()).await?;
            opened += 1;
        }
        let older = page.button("Older").and_then(|button| button.callback_data.as_deref());
        ada.tap_data(page.id, older.ok_or_else(|| Trouble::new("no older mail"))?).await?;
        let heading = page.text.clone();
        page = ada.sees_change(page.id, "older mail", |message| message.says("📬") && message.text != heading).await?;
    }
    assert!(opened > 16, "{opened}");
    whole(&ada, "/search from:hostile.example", "hostile").await?;
    is_tidy(&ada).await?;
    still_connected(&house, 1).await?;
    house.end().await
}
