//! Names, titles, places, subjects and words that want to be something else: markup, commands, orders to turn the line
//! around, towers of marks, walls of text.

use bellhop_tests::{Story, ensure, until};
use chrono::TimeDelta;
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
    let mut walk = connected(&house, 1001, "Ada", "bob").await?;
    let menu = walk.person.menu().await?;
    // Their name is hostile as well, and the bot has heard it.
    walk.person.name = hostile()[0].chars().take(60).collect();
    for words in hostile() {
        // As much as Telegram lets somebody send.
        let words: String = words.replace('\u{0}', "").chars().take(2_000).collect();
        let before = walk.person.heard().await?.len();
        let mut asked = 0;
        for (name, _) in &menu {
            walk.person.say(&format!("/{name} {words}")).await?;
            asked += 1;
        }
        if !words.trim().is_empty() {
            walk.person.say(&words).await?;
            asked += 1;
        }
        let all = format!("{asked} answers to {words:?}");
        until(&all, async || Ok((walk.person.heard().await?.len() >= before + asked).then_some(()))).await?;
    }
    for message in walk.person.heard().await? {
        ensure(message.text.chars().count() > 10, format_args!("no answer: {:?}", message.text))?;
    }
    is_tidy(&walk.person).await?;
    says_still_connected(&house).await?;
    house.end().await
}

async fn says_still_connected(house: &bellhop_tests::House) -> Story {
    let active = house.database.number("select count(*) from integrations where status = 'active'").await?;
    ensure(active == 1, "words disconnected an account")
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
    for _ in 0..4 {
        for label in page.labels().into_iter().filter(|label| label.parse::<u32>().is_ok()).map(str::to_owned) {
            ada.tap(&page, &label).await?;
            let mail = ada
                .sees_change(page.id, "a mail", |message| {
                    message.text.starts_with('✉') && message.button("Inbox").is_some()
                })
                .await?;
            ada.tap(&mail, "Inbox").await?;
            ada.sees_change(page.id, "the inbox again", |message| message.says("📬")).await?;
            opened += 1;
        }
        let heading = page.text.clone();
        ada.tap(&page, "Older").await?;
        page = ada.sees_change(page.id, "older mail", |message| message.says("📬") && message.text != heading).await?;
    }
    assert!(opened > 16, "{opened}");
    whole(&ada, "/search from:hostile.example", "hostile").await?;
    is_tidy(&ada).await?;
    says_still_connected(&house).await?;
    house.end().await
}
