//! What the bot and people say to each other, as it is read on a phone: every command with right and wrong input, plain
//! questions, buttons that are too old, other people's and hostile words.
//!
//! What a calendar or a mailbox means is told in stories of its own; here it is enough that the right thing is shown to
//! the right person, and that every answer says what happened and what to do next.

mod buttons;
mod commands;
mod company;
mod hostile;
mod questions;

use bellhop_tests::{House, Message, Person, Story, Trouble, Walk, ensure};
use serde_json::json;

/// A house in which nobody waits for Telegram's limits: these stories are about what is said.
async fn talkative() -> Story<House> {
    let house = House::open().await?;
    house.sandbox.post("telegram/limits", json!({ "enabled": false })).await?;
    Ok(house)
}

/// Somebody with an account whose mail and calendar are there.
async fn connected(house: &House, id: i64, name: &str, account: &str) -> Story<Walk> {
    let mut walk = house.walker(id, name)?;
    walk.connect(account).await?;
    whole(&walk.person, "/agenda", "Checked at").await?;
    whole(&walk.person, "/inbox", "Checked at").await?;
    Ok(walk)
}

/// Says something, and waits until the answer has become such.
async fn whole(person: &Person, words: &str, part: &str) -> Story<Message> {
    person.ask(words, part, |message| message.says(part)).await
}

/// Says something; answers the first thing that is said to it.
async fn answer(person: &Person, words: &str) -> Story<Message> {
    person.ask(words, "an answer", |_| true).await
}

/// What `/settings` says without the clock in it, which goes on.
fn settled(message: &Message) -> &str {
    message.text.find("Working hours").map_or("", |at| &message.text[at..])
}

/// Trouble unless an answer says all of this.
fn says(message: &Message, parts: &[&str]) -> Story {
    for part in parts {
        ensure(message.says(part), format_args!("no {part:?} in {:?}", message.text))?;
    }
    Ok(())
}

/// Trouble unless everything that the bot has said to somebody can be read on a phone, and can do nothing but be read.
async fn is_tidy(person: &Person) -> Story {
    let commands: Vec<String> = person.menu().await?.into_iter().map(|(name, _)| format!("/{name}")).collect();
    for message in person.heard().await? {
        for text in message.earlier_texts.iter().chain([&message.text]) {
            reads_well(text)?;
        }
        for row in &message.buttons {
            let wide = row.len() > 4 && row.iter().any(|button| button.text.chars().count() > 3);
            ensure(!wide && row.len() <= 6, format_args!("a row too wide for a phone: {row:?}"))?;
            for button in row {
                reads_well(&button.text)?;
                ensure(button.text.chars().count() <= 48, format_args!("a label too long: {:?}", button.text))?;
            }
        }
        // Whatever came from outside is text, so nothing but our own markup and plain addresses is left of it.
        for tag in message.html.split('<').skip(1) {
            let name = tag.trim_start_matches('/').split([' ', '>']).next().unwrap_or_default();
            let plain = matches!(name, "b" | "i" | "blockquote" | "br" | "strong" | "em" | "span");
            let address =
                tag.starts_with("/a>") || tag.starts_with("a href=\"http") || tag.starts_with("a class=\"command\"");
            ensure(plain || address, format_args!("<{tag} in {:?}", message.text))?;
        }
        for entity in message.entities.as_array().into_iter().flatten() {
            ensure(entity["type"] != "text_link", format_args!("a link behind words: {:?}", message.text))?;
            if entity["type"] == "bot_command" {
                let command = cut(&message.text, entity)?;
                let ours = commands.contains(&command);
                ensure(ours, format_args!("{command} can be tapped in {:?}", message.text))?;
            }
        }
    }
    Ok(())
}

/// The words that an entity covers, which Telegram counts in UTF-16.
fn cut(text: &str, entity: &serde_json::Value) -> Story<String> {
    let number = |name: &str| entity[name].as_u64().and_then(|number| usize::try_from(number).ok());
    let (Some(from), Some(length)) = (number("offset"), number("length")) else {
        return Err(Trouble::new(format!("an entity without a place: {entity}")));
    };
    let units: Vec<u16> = text.encode_utf16().skip(from).take(length).collect();
    Ok(String::from_utf16_lossy(&units))
}

/// Trouble where a text has holes, or characters that nobody sees and that turn others around.
fn reads_well(text: &str) -> Story {
    ensure(!text.contains("\n\n\n"), format_args!("a hole in {text:?}"))?;
    ensure(text == text.trim_end(), format_args!("something invisible at the end of {text:?}"))?;
    ensure(!text.contains("\u{201c}\u{201d}"), format_args!("nothing is quoted in {text:?}"))?;
    let unseen = |letter: char| {
        (letter.is_control() && letter != '\n')
            || matches!(letter, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{feff}' | '\u{ad}')
    };
    ensure(!text.contains(unseen), format_args!("invisible characters in {text:?}"))?;
    let mut open = 0_i32;
    for letter in text.chars() {
        open += match letter {
            '\u{2066}'..='\u{2068}' => 1,
            '\u{2069}' => -1,
            '\n' => {
                ensure(open == 0, format_args!("a line turned around beyond its end in {text:?}"))?;
                0
            }
            _ => 0,
        };
        ensure(open >= 0, format_args!("isolates do not pair in {text:?}"))?;
    }
    ensure(open == 0, format_args!("isolates do not pair in {text:?}"))
}
