//! Which chat and which message a call means.
//!
//! Every method that writes asks here, so that all of them refuse the same things in the same words.

use super::{
    Chat, Message, Telegram,
    methods::{Answer, Refusal},
    parameters::Parameters,
};

/// A bot can only write where somebody wrote first.
/// <https://core.telegram.org/bots/features#what-features-do-bots-have>
pub fn chat_to_write(telegram: &Telegram, parameters: &Parameters) -> Result<i64, Refusal> {
    let Some(text) = parameters.text("chat_id").filter(|text| !text.is_empty()) else {
        return Err(Refusal::bad_request("chat_id is empty"));
    };
    let chat = text
        .trim()
        .parse()
        .ok()
        .and_then(|id: i64| telegram.chats.get(&id))
        .ok_or_else(|| Refusal::bad_request("chat not found"))?;
    if chat.blocked {
        return Err(Refusal::new(403, "Forbidden: bot was blocked by the user"));
    }
    Ok(chat.id)
}

pub fn message_id(parameters: &Parameters) -> Result<i64, Refusal> {
    parameters
        .integer("message_id")
        .filter(|id| *id > 0)
        .ok_or_else(|| Refusal::bad_request("message identifier is not specified"))
}

pub fn message_to_edit(telegram: &Telegram, parameters: &Parameters) -> Result<(i64, usize), Refusal> {
    let id = message_id(parameters)?;
    let chat_id = chat_to_write(telegram, parameters)?;
    let messages = telegram.chats.get(&chat_id).map(|chat| chat.messages.as_slice()).unwrap_or_default();
    let index = messages
        .iter()
        .position(|message| message.id == id && !message.inaccessible)
        .ok_or_else(|| Refusal::bad_request("message to edit not found"))?;
    // One that came with keys in place of the keyboard, or took them away, stays as it is:
    // <https://core.telegram.org/bots/api#updating-messages>, "only possible to edit messages without reply_markup or with inline
    // keyboards".
    if messages[index].from.is_some() || messages[index].reply_interface.is_some() {
        return Err(Refusal::bad_request("message can't be edited"));
    }
    Ok((chat_id, index))
}

/// `reply_parameters`, or `reply_to_message_id` of older clients.
pub fn reply_target(telegram: &Telegram, chat_id: i64, parameters: &Parameters) -> Result<Option<i64>, Refusal> {
    let given = parameters.structure("reply_parameters")?;
    let lenient = given
        .as_ref()
        .and_then(|value| value["allow_sending_without_reply"].as_bool())
        .unwrap_or_else(|| parameters.flag("allow_sending_without_reply"));
    let Some(id) = given
        .as_ref()
        .and_then(|value| value["message_id"].as_i64())
        .or_else(|| parameters.integer("reply_to_message_id"))
    else {
        return Ok(None);
    };
    let there = telegram.chats.get(&chat_id).is_some_and(|chat| chat.messages.iter().any(|message| message.id == id));
    match (there, lenient) {
        (true, _) => Ok(Some(id)),
        (false, true) => Ok(None),
        (false, false) => Err(Refusal::bad_request("message to be replied not found")),
    }
}

impl Telegram {
    /// Puts a message into a chat and answers it as the API shows it.
    pub fn post(&mut self, chat_id: i64, message: Message) -> Answer {
        let not_found = || Refusal::bad_request("chat not found");
        let chat = self.chats.get_mut(&chat_id).ok_or_else(not_found)?;
        if message.from.is_none() {
            chat.busy_until = None;
        }
        chat.messages.push(message);
        chat.version += 1;
        let chat = self.chats.get(&chat_id).ok_or_else(not_found)?;
        let message = chat.messages.last().ok_or_else(not_found)?;
        Ok(self.message_view(chat, message))
    }

    /// A chat that exists from now on.
    pub fn open_chat(&mut self, id: i64, title: Option<&str>) -> &mut Chat {
        self.chats.entry(id).or_insert_with(|| Chat { id, title: title.map(str::to_owned), ..Chat::default() })
    }
}
