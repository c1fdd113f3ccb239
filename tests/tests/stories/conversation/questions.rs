//! Plain questions, asked as people ask them and answered by the command they mean.

use bellhop_tests::{Story, ensure};
use serde_json::json;

use super::{answer, connected, is_tidy, says, talkative, whole};

#[tokio::test]
async fn plain_questions_are_answered_as_the_commands_they_mean() -> Story {
    let house = talkative().await?;
    let ada = connected(&house, 1001, "Ada", "alice").await?.person;
    for (question, parts) in [
        ("what's on tomorrow?", &["📅 Tomorrow, "][..]),
        ("WHATS ON TOMMOROW???", &["📅 Tomorrow, "]),
        ("tomorrow", &["📅 Tomorrow, "]),
        ("what do I have on friday?", &["📅 ", "Friday "]),
        ("my week", &["📅 ", " to "]),
        ("was steht morgen an?", &["📅 Tomorrow, "]),
        ("am i free friday afternoon?", &["🕑 Free ", "Friday ", "12:00–18:00"]),
        ("when am I free for 90 minutes next week?", &["🕑 Free Monday ", "1 h 30 min or more"]),
        ("am i free for 30 hours tomorrow", &["between 1 minute and 24 hours"]),
        ("what's on 30.2.?", &["There is no such day"]),
        ("any new mail?", &["📬 alice@sandbox.example"]),
        ("my accounts", &["Your account at"]),
        ("which calendars do you see?", &["Your calendars"]),
        ("change my settings", &["Your settings"]),
        ("what time is it", &["Europe/Helsinki, where it is"]),
        ("how do i connect my calendar", &["Connect an account"]),
        ("conect pls", &["Connect an account"]),
        ("what can you do?", &["What I can do", "any mail from Anna?"]),
        ("hi", &["Hello, I am Bellhop."]),
        ("thanks!", &["You are welcome."]),
    ] {
        says(&answer(&ada, question).await?, parts)?;
    }
    whole(&ada, "any mail from Anna?", "Anna Virtanen").await?;
    whole(&ada, "find the invoice from Cloudberry", "from:Cloudberry invoice").await?;
    let moved = answer(&ada, "i'm in Lisbon").await?;
    says(&moved, &["Your times are now those of Lisbon, Portugal: Europe/Lisbon"])?;
    ensure(moved.button("Back to Europe/Helsinki").is_some(), "a slip is taken back by a tap")?;
    says(&answer(&ada, "I live in Springfield").await?, &["Which one?"])?;
    is_tidy(&ada).await?;
    house.end().await
}

#[tokio::test]
async fn what_is_not_understood_gets_the_nearest_and_does_nothing() -> Story {
    let house = talkative().await?;
    let ada = connected(&house, 1001, "Ada", "bob").await?.person;
    for (words, parts) in [
        ("90 min", &["I did not understand that.", "/free –"][..]),
        ("cancel my meeting tomorrow", &["I did not understand that.", "/agenda –"]),
        ("send a mail to anna tomorrow", &["I did not understand that.", "/inbox –"]),
        ("don't disconnect", &["I did not understand that.", "/disconnect –"]),
        ("what is the meaning of it all", &["I did not understand that.", "/help"]),
        ("🦀", &["I did not understand that.", "/help"]),
        ("?", &["I did not understand that.", "/help"]),
    ] {
        says(&answer(&ada, words).await?, parts)?;
    }
    let disconnect = answer(&ada, "disconnect my account").await?;
    ensure(disconnect.button("No").is_some(), "words alone disconnect nothing")?;
    for thing in ["photo", "voice", "sticker", "document"] {
        let sent = ada.send(thing, json!({})).await?;
        let said = ada.sees_after(sent.message_id.unwrap_or_default(), "an answer", |_| true).await?;
        says(&said, &["words and locations", "/help"])?;
    }
    is_tidy(&ada).await?;
    house.end().await
}
