//! Control of the stand-in Telegram: people, groups, updates, limits.

use std::sync::Arc;

use poem::{
    Body, Response, handler,
    web::{Data, Path},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{done, missing, read, wrong};
use crate::{
    Sandbox,
    answer::{self, Refused},
    telegram::{
        content::Content,
        limits::Rules,
        people::{Cannot, Saying},
    },
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    text: String,
    /// Id of the message it answers.
    reply_to: Option<i64>,
    first_name: Option<String>,
    username: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupWords {
    /// User id of the writer.
    from: i64,
    text: String,
    first_name: Option<String>,
    /// Id of the message it answers.
    reply_to: Option<i64>,
    /// The group's title, taken from the first message.
    title: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Press {
    message_id: i64,
    data: Option<String>,
    /// The button's label.
    button: Option<String>,
    /// Press `data` even where no such button is left.
    #[serde(default)]
    force: bool,
    /// In groups: user id of whoever presses.
    from: Option<i64>,
}

impl From<Cannot> for Refused {
    fn from(Cannot(text): Cannot) -> Self {
        wrong(&text)
    }
}

#[handler]
pub fn people(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let state = sandbox.state();
    let people: Vec<Value> = state
        .telegram
        .people
        .values()
        .map(|person| {
            json!({
                "id": person.id,
                "first_name": person.first_name,
                "username": person.username,
                "messages": state.telegram.chats.get(&person.id).map_or(0, |chat| chat.messages.len()),
            })
        })
        .collect();
    answer::ok(&json!({
        "bot_username": state.telegram.bot_username,
        "commands": state.telegram.commands.get("default"),
        "people": people,
        "chats": state.telegram.chat_list(sandbox.clock.now()),
    }))
}

/// Somebody who is known from now on, without having written yet.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Newcomer {
    first_name: Option<String>,
    username: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewGroup {
    title: String,
}

#[handler]
pub async fn introduce(
    Path(user): Path<i64>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let newcomer: Newcomer = read(body).await?;
    if user <= 0 {
        return Err(wrong("user ids are positive"));
    }
    let telegram = &mut sandbox.state().telegram;
    telegram.know(user, newcomer.first_name.as_deref(), newcomer.username.as_deref());
    Ok(answer::ok(&telegram.user(user)))
}

#[handler]
pub async fn found_group(
    Path(chat): Path<i64>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let group: NewGroup = read(body).await?;
    if chat >= 0 {
        return Err(wrong("group ids are negative"));
    }
    let telegram = &mut sandbox.state().telegram;
    telegram.open_chat(chat, Some(&group.title));
    Ok(answer::ok(&json!({ "chat_id": chat, "title": group.title })))
}

/// Both people and groups: the chat's id decides.
#[handler]
pub fn transcript(Path(chat): Path<i64>, Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let now = sandbox.clock.now();
    answer::ok(&sandbox.state().telegram.transcript(chat, now))
}

#[handler]
pub async fn write(Path(user): Path<i64>, body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let words: Words = read(body).await?;
    if user <= 0 {
        return Err(wrong("user ids are positive"));
    }
    ring(sandbox, || {
        let telegram = &mut sandbox.state().telegram;
        telegram.know(user, words.first_name.as_deref(), words.username.as_deref());
        let Words { text, reply_to, .. } = words;
        let saying = Saying { chat_id: user, from: user, text, content: Content::Text, reply_to };
        telegram.write(saying, sandbox.clock.now()).map_err(Refused::from)
    })
}

#[handler]
pub async fn write_in_group(
    Path(chat): Path<i64>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    let words: GroupWords = read(body).await?;
    if chat >= 0 {
        return Err(wrong("group ids are negative"));
    }
    ring(sandbox, || {
        let telegram = &mut sandbox.state().telegram;
        telegram.know(words.from, words.first_name.as_deref(), None);
        telegram.open_chat(chat, Some(words.title.as_deref().unwrap_or("Group")));
        let GroupWords { from, text, reply_to, .. } = words;
        let saying = Saying { chat_id: chat, from, text, content: Content::Text, reply_to };
        telegram.write(saying, sandbox.clock.now()).map_err(Refused::from)
    })
}

#[handler]
pub async fn press_button(
    Path(user): Path<i64>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    press_in_chat(sandbox, user, body).await
}

#[handler]
pub async fn press_in_group(
    Path(chat): Path<i64>,
    body: Body,
    Data(sandbox): Data<&Arc<Sandbox>>,
) -> Result<Response, Refused> {
    press_in_chat(sandbox, chat, body).await
}

async fn press_in_chat(sandbox: &Sandbox, chat: i64, body: Body) -> Result<Response, Refused> {
    let press: Press = read(body).await?;
    if press.data.is_none() && press.button.is_none() {
        return Err(wrong("name the button by `data` or by `button`"));
    }
    ring(sandbox, || {
        let telegram = &mut sandbox.state().telegram;
        telegram.press(chat, press.from.unwrap_or(chat), &press.into(), sandbox.clock.now()).map_err(Refused::from)
    })
}

impl From<Press> for crate::telegram::people::Press {
    fn from(press: Press) -> Self {
        Self { message_id: press.message_id, data: press.data, label: press.button, force: press.force }
    }
}

#[handler]
pub fn block(Path(user): Path<i64>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    set_blocked(sandbox, user, true)
}

#[handler]
pub fn unblock(Path(user): Path<i64>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    set_blocked(sandbox, user, false)
}

fn set_blocked(sandbox: &Sandbox, user: i64, blocked: bool) -> Result<Response, Refused> {
    ring(sandbox, || {
        sandbox.state().telegram.block(user, blocked, sandbox.clock.now());
        Ok(json!({ "blocked": blocked }))
    })
}

/// What the bot has not confirmed yet.
#[handler]
pub fn updates(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    let state = sandbox.state();
    let waiting: Vec<&Value> = state.telegram.updates.waiting().map(|pending| &pending.update).collect();
    answer::ok(&json!(waiting))
}

/// Any update, as it is; without `update_id` it gets the next one.
#[handler]
pub async fn inject(body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let update: Value = read(body).await?;
    if !update.is_object() {
        return Err(wrong("an update is an object"));
    }
    ring(sandbox, || {
        let id = sandbox.state().telegram.updates.inject(update, sandbox.clock.now());
        Ok(json!({ "update_id": id }))
    })
}

#[handler]
pub fn repeat(Path(id): Path<i64>, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    ring(sandbox, || {
        if sandbox.state().telegram.updates.repeat(id, sandbox.clock.now()) {
            Ok(json!({ "update_id": id }))
        } else {
            Err(missing("update"))
        }
    })
}

#[handler]
pub fn limits(Data(sandbox): Data<&Arc<Sandbox>>) -> Response {
    answer::ok(&json!(sandbox.state().telegram.limits.rules))
}

#[handler]
pub async fn set_limits(body: Body, Data(sandbox): Data<&Arc<Sandbox>>) -> Result<Response, Refused> {
    let rules: Rules = read(body).await?;
    sandbox.state().telegram.limits.set(rules);
    Ok(done())
}

/// Acts, then wakes whoever waits for updates.
pub(super) fn ring(sandbox: &Sandbox, act: impl FnOnce() -> Result<Value, Refused>) -> Result<Response, Refused> {
    let done = act()?;
    sandbox.updates_bell.notify_waiters();
    Ok(answer::ok(&done))
}
