//! What a bot says about itself: `getMe`, commands, descriptions.
//!
//! <https://core.telegram.org/bots/api#getme> and <https://core.telegram.org/bots/api#setmycommands>.

use serde_json::{Value, json};

use super::{
    Telegram,
    methods::{Answer, Refusal},
    parameters::Parameters,
};

const COMMANDS: usize = 100;

pub fn get_me(telegram: &Telegram) -> Value {
    let mut me = telegram.bot_user();
    me["can_join_groups"] = true.into();
    me["can_read_all_group_messages"] = false.into();
    me["supports_inline_queries"] = false.into();
    me["can_connect_to_business"] = false.into();
    me["has_main_web_app"] = false.into();
    me
}

/// Names of 1 to 32 lower-case letters, digits and underscores; descriptions of 1 to 256 characters; at most 100.
/// <https://core.telegram.org/bots/api#botcommand>
pub fn set_commands(telegram: &mut Telegram, parameters: &Parameters) -> Answer {
    let commands = parameters.structure("commands")?.unwrap_or_default();
    let Some(list) = commands.as_array() else {
        return Err(Refusal::bad_request("can't parse commands: array expected"));
    };
    if list.len() > COMMANDS {
        return Err(Refusal::bad_request("BOT_COMMANDS_TOO_MUCH"));
    }
    for command in list {
        let name = command["command"].as_str().unwrap_or_default();
        let description = command["description"].as_str().unwrap_or_default();
        let is_name = (1..=32).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_name {
            return Err(Refusal::bad_request("BOT_COMMAND_INVALID"));
        }
        if !(1..=256).contains(&description.chars().count()) {
            return Err(Refusal::bad_request("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
    }
    telegram.commands.insert(scope(parameters)?, commands);
    Ok(true.into())
}

pub fn get_commands(telegram: &Telegram, parameters: &Parameters) -> Answer {
    let commands = telegram.commands.get(&scope(parameters)?);
    Ok(commands.cloned().unwrap_or_else(|| json!([])))
}

pub fn delete_commands(telegram: &mut Telegram, parameters: &Parameters) -> Answer {
    telegram.commands.remove(&scope(parameters)?);
    Ok(true.into())
}

/// Scope and language as one key, `default` where neither is given.
/// <https://core.telegram.org/bots/api#botcommandscope>
fn scope(parameters: &Parameters) -> Result<String, Refusal> {
    let scope = parameters.structure("scope")?.unwrap_or_else(|| json!({ "type": "default" }));
    let cannot = |why: &str| Refusal::bad_request(&format!("can't parse BotCommandScope: {why}"));
    let kind = scope["type"].as_str().ok_or_else(|| cannot("Can't find field \"type\""))?;
    let needed: &[&str] = match kind {
        "default" | "all_private_chats" | "all_group_chats" | "all_chat_administrators" => &[],
        "chat" | "chat_administrators" => &["chat_id"],
        "chat_member" => &["chat_id", "user_id"],
        _ => return Err(cannot("Unsupported type specified")),
    };
    let mut key = kind.to_owned();
    for name in needed {
        let id = &scope[*name];
        let id = id.as_i64().or_else(|| id.as_str()?.parse().ok());
        let id = id.ok_or_else(|| cannot(&format!("Can't find field \"{name}\"")))?;
        key = format!("{key} {id}");
    }
    if let Some(language) = parameters.text("language_code").filter(|code| !code.is_empty()) {
        // "A two-letter ISO 639-1 language code": <https://core.telegram.org/bots/api#setmycommands>
        if language.len() != 2 || !language.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Err(Refusal::bad_request("invalid language code specified"));
        }
        key = format!("{key} [{language}]");
    }
    Ok(key)
}

/// `setMyDescription` (512 characters) and `setMyShortDescription` (120).
pub fn describe(telegram: &mut Telegram, parameters: &Parameters, field: &str, longest: usize) -> Answer {
    let text = parameters.text(field).unwrap_or_default();
    if text.chars().count() > longest {
        return Err(Refusal::bad_request(&format!("{field} is too long")));
    }
    telegram.descriptions.insert(field.to_owned(), text);
    Ok(true.into())
}
