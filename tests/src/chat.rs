//! Somebody on Telegram, alone or in a group: writes, sends, presses buttons, and reads what the bot shows.

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::sandbox::Sandbox;
use crate::trouble::{Story, Trouble};
use crate::wait::{PATIENCE, until, until_within};

/// A person in the private chat with the bot.
#[derive(Debug, Clone)]
pub struct Person {
    sandbox: Sandbox,
    /// The Telegram user id, which is the private chat's too.
    pub id: i64,
    /// The first name.
    pub name: String,
}

/// A message as it is visible now.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    /// Its id in the chat.
    #[serde(rename = "message_id")]
    pub id: i64,
    /// `bot` or `person`.
    pub from: String,
    /// What it says.
    pub text: String,
    /// How often it was edited.
    #[serde(default)]
    pub edits: u64,
    /// What it said before each edit.
    #[serde(default)]
    pub earlier_texts: Vec<String>,
    /// Rows of buttons under it.
    #[serde(default)]
    pub buttons: Vec<Vec<Button>>,
    /// What it says with its markup, as HTML that was made from what Telegram understood.
    #[serde(default)]
    pub html: String,
    /// What Telegram found in the text: commands, addresses, bold words.
    #[serde(default)]
    pub entities: Value,
    /// The picture, file or place that it carries.
    #[serde(default)]
    pub media: Value,
    /// Whether links are previewed.
    #[serde(default)]
    pub link_preview_options: Value,
}

/// A button under a message.
#[derive(Debug, Clone, Deserialize)]
pub struct Button {
    /// Its label.
    pub text: String,
    /// Where it leads, if it is a link.
    pub url: Option<String>,
    /// What it says to the bot, if it is not.
    pub callback_data: Option<String>,
}

/// What came of something written or pressed.
#[derive(Debug, Clone, Deserialize)]
pub struct Said {
    /// The message's id, where something was written.
    pub message_id: Option<i64>,
    /// The update that tells the bot.
    pub update_id: Option<i64>,
    /// What the bot answers, where a button was pressed.
    pub callback_query_id: Option<String>,
}

/// A group that the bot is in.
#[derive(Debug, Clone)]
pub struct Group {
    sandbox: Sandbox,
    /// The chat's id, which is negative.
    pub id: i64,
}

impl Message {
    /// The button of this label, or the first whose label contains it, in whatever case.
    pub fn button(&self, label: &str) -> Option<&Button> {
        let exact = self.buttons.iter().flatten().find(|button| button.text == label);
        let label = label.to_lowercase();
        exact.or_else(|| self.buttons.iter().flatten().find(|button| button.text.to_lowercase().contains(&label)))
    }

    /// The labels of its buttons.
    pub fn labels(&self) -> Vec<&str> {
        self.buttons.iter().flatten().map(|button| button.text.as_str()).collect()
    }

    /// What its buttons carry.
    pub fn presses(&self) -> Vec<String> {
        self.buttons.iter().flatten().filter_map(|button| button.callback_data.clone()).collect()
    }

    /// Where the first link button leads.
    pub fn link(&self) -> Option<Url> {
        self.buttons.iter().flatten().find_map(|button| Url::parse(button.url.as_deref()?).ok())
    }

    /// Whether it contains this, in whatever case.
    pub fn says(&self, words: &str) -> bool {
        self.text.to_lowercase().contains(&words.to_lowercase())
    }
}

impl Person {
    /// Somebody with this id and name.
    pub fn new(sandbox: Sandbox, id: i64, name: &str) -> Self {
        Self { sandbox, id, name: name.to_owned() }
    }

    /// Writes to the bot.
    pub async fn say(&self, text: &str) -> Story<Said> {
        let words = json!({ "text": text, "first_name": self.name });
        let said = self.sandbox.post(&format!("telegram/people/{}/messages", self.id), words).await?;
        Ok(serde_json::from_value(said)?)
    }

    /// Presses the button under a message whose label contains this.
    pub async fn press(&self, message: &Message, label: &str) -> Story<Said> {
        let button = message.button(label).ok_or_else(|| {
            Trouble::new(format!("no button like {label:?} under {:?}: {:?}", message.text, message.buttons))
        })?;
        let data = button.callback_data.as_deref();
        let data = data.ok_or_else(|| Trouble::new(format!("the button {:?} is a link", button.text)))?;
        self.press_data(message.id, data).await
    }

    /// Presses a button by its data, even if it is no longer there.
    pub async fn press_data(&self, message: i64, data: &str) -> Story<Said> {
        let press = json!({ "message_id": message, "data": data, "force": true });
        let pressed = self.sandbox.post(&format!("telegram/people/{}/press", self.id), press).await?;
        Ok(serde_json::from_value(pressed)?)
    }

    /// Sends something other than words: a `location`, a `photo`, a `voice`.
    pub async fn send(&self, kind: &str, thing: Value) -> Story<Said> {
        let sent = self.sandbox.post(&format!("telegram/people/{}/{kind}", self.id), thing).await?;
        Ok(serde_json::from_value(sent)?)
    }

    /// Presses the button under a message whose label contains this; answers what the press is answered with, which may be
    /// nothing but the end of waiting.
    pub async fn tap(&self, message: &Message, label: &str) -> Story<String> {
        let pressed = self.press(message, label).await?;
        self.told(&pressed).await
    }

    /// Presses a button by its data, even if it is no longer there; answers what the press is answered with.
    pub async fn tap_data(&self, message: i64, data: &str) -> Story<String> {
        let pressed = self.press_data(message, data).await?;
        self.told(&pressed).await
    }

    async fn told(&self, pressed: &Said) -> Story<String> {
        answer_of(&self.sandbox, &format!("people/{}", self.id), pressed).await
    }

    /// The bot can no longer reach a message of this chat, as happens to old ones.
    pub async fn puts_out_of_reach(&self, message: &Message) -> Story {
        self.send("out-of-reach", json!({ "message_id": message.id })).await.map(drop)
    }

    /// The commands in the menu of the chat, each with what it does.
    pub async fn menu(&self) -> Story<Vec<(String, String)>> {
        let transcript = self.sandbox.get(&format!("telegram/people/{}/messages", self.id)).await?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let commands = transcript["commands"].as_array().into_iter().flatten();
        Ok(commands.map(|command| (text(&command["command"]), text(&command["description"]))).collect())
    }

    /// Everything visible in the chat, oldest first.
    pub async fn messages(&self) -> Story<Vec<Message>> {
        messages_of(&self.sandbox, &format!("people/{}", self.id)).await
    }

    /// What the bot says in the chat, oldest first.
    pub async fn heard(&self) -> Story<Vec<Message>> {
        Ok(self.messages().await?.into_iter().filter(|message| message.from == "bot").collect())
    }

    /// Waits until the bot shows such a message anywhere in the chat.
    pub async fn sees(&self, what: &str, is_it: impl Fn(&Message) -> bool) -> Story<Message> {
        self.sees_after(0, what, is_it).await
    }

    /// Waits until the bot shows such a message below this one.
    pub async fn sees_after(&self, after: i64, what: &str, is_it: impl Fn(&Message) -> bool) -> Story<Message> {
        let seen = until_within(PATIENCE, what, async || {
            Ok(self.heard().await?.into_iter().find(|message| message.id > after && is_it(message)))
        })
        .await;
        match seen {
            Ok(message) => Ok(message),
            Err(trouble) => {
                Err(Trouble::new(format!("{trouble}\n  in {}'s chat:{}", self.name, self.transcript().await?)))
            }
        }
    }

    /// Writes, and waits for such an answer below.
    pub async fn ask(&self, words: &str, what: &str, is_it: impl Fn(&Message) -> bool) -> Story<Message> {
        let said = self.say(words).await?;
        self.sees_after(said.message_id.unwrap_or_default(), what, is_it).await
    }

    /// Waits until a message has become such.
    pub async fn sees_change(&self, message: i64, what: &str, is_it: impl Fn(&Message) -> bool) -> Story<Message> {
        self.sees(what, |seen| seen.id == message && is_it(seen)).await
    }

    /// The chat as text, for whoever reads a failure.
    async fn transcript(&self) -> Story<String> {
        let messages = self.messages().await?;
        let lines = messages.iter().map(|message| {
            let buttons: Vec<_> = message.buttons.iter().flatten().map(|button| button.text.as_str()).collect();
            format!("\n    {} {} ({} edits) {:?} {buttons:?}", message.id, message.from, message.edits, message.text)
        });
        Ok(lines.collect())
    }
}

impl Group {
    /// The group of this id.
    pub async fn found(sandbox: Sandbox, id: i64, title: &str) -> Story<Self> {
        sandbox.post(&format!("telegram/groups/{id}"), json!({ "title": title })).await?;
        Ok(Self { sandbox, id })
    }

    /// Somebody writes there.
    pub async fn say(&self, person: &Person, text: &str) -> Story<Said> {
        let words = json!({ "from": person.id, "first_name": person.name, "text": text });
        let said = self.sandbox.post(&format!("telegram/groups/{}/messages", self.id), words).await?;
        Ok(serde_json::from_value(said)?)
    }

    /// Somebody sends something other than words there.
    pub async fn send(&self, person: &Person, kind: &str, mut thing: Value) -> Story<Said> {
        thing["from"] = person.id.into();
        let sent = self.sandbox.post(&format!("telegram/groups/{}/{kind}", self.id), thing).await?;
        Ok(serde_json::from_value(sent)?)
    }

    /// Somebody presses a button there by its data, even if there is none; answers what the press is answered with.
    pub async fn tap_data(&self, person: &Person, message: i64, data: &str) -> Story<String> {
        let press = json!({ "message_id": message, "data": data, "force": true, "from": person.id });
        let pressed = self.sandbox.post(&format!("telegram/groups/{}/press", self.id), press).await?;
        answer_of(&self.sandbox, &format!("groups/{}", self.id), &serde_json::from_value(pressed)?).await
    }

    /// What the bot says there, oldest first.
    pub async fn heard(&self) -> Story<Vec<Message>> {
        let messages = messages_of(&self.sandbox, &format!("groups/{}", self.id)).await?;
        Ok(messages.into_iter().filter(|message| message.from == "bot").collect())
    }
}

async fn messages_of(sandbox: &Sandbox, chat: &str) -> Story<Vec<Message>> {
    let transcript = sandbox.get(&format!("telegram/{chat}/messages")).await?;
    Ok(serde_json::from_value(transcript["messages"].clone())?)
}

/// Waits until a press is answered, and says with what.
async fn answer_of(sandbox: &Sandbox, chat: &str, pressed: &Said) -> Story<String> {
    let query = pressed.callback_query_id.as_deref().unwrap_or_default();
    until("a press to be answered", async || {
        let transcript = sandbox.get(&format!("telegram/{chat}/messages")).await?;
        let notices = transcript["notices"].as_array().into_iter().flatten();
        let mut answers = notices.filter(|notice| notice["callback_query_id"] == query);
        Ok(answers.next().map(|notice| notice["text"].as_str().unwrap_or_default().to_owned()))
    })
    .await
}
