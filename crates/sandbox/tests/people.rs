//! What people on the stand-in Telegram see and do, beyond writing: keys, old messages, groups, and who is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use drive::{Drive, start, text};
use serde_json::{Value, json};

const ADA: i64 = 1001;

async fn chatting() -> Drive {
    let drive = start().await;
    let said = drive.say(ADA, "/start").await;
    let next = said["update_id"].as_i64().unwrap() + 1;
    drive.bot_ok("getUpdates", json!({ "offset": next })).await;
    drive
}

async fn send(drive: &Drive, chat: i64, markup: Value) -> Value {
    drive.bot_ok("sendMessage", json!({ "chat_id": chat, "text": "x", "reply_markup": markup })).await
}

async fn keyboard(drive: &Drive) -> Value {
    drive.see("telegram/people/1001/messages").await["reply_keyboard"].clone()
}

/// The status of a control call that must fail.
async fn failing(drive: &Drive, path: &str, body: Value) -> u16 {
    let status = drive.post(&format!("/sandbox/{path}")).json(&body).send().await.unwrap().status();
    assert!(!status.is_success(), "{path}");
    status.as_u16()
}

/// The newest update, and what it says.
async fn newest(drive: &Drive, kind: &str) -> Value {
    let updates = drive.bot_ok("getUpdates", json!({ "offset": -1 })).await;
    updates[0][kind].clone()
}

#[tokio::test]
async fn a_key_that_asks_for_the_place_sends_it() {
    let drive = chatting().await;
    let keys = json!({
        "keyboard": [[{ "text": "Where I am", "request_location": true }], ["Not now"]],
        "one_time_keyboard": true,
        "input_field_placeholder": "Or write a city",
    });
    send(&drive, ADA, keys).await;
    let shown = keyboard(&drive).await;
    assert_eq!(shown["rows"][0][0], json!({ "text": "Where I am", "request_location": true }));
    assert_eq!(shown["placeholder"], "Or write a city");
    let press = json!({ "button": "Where I am", "latitude": 40.7, "longitude": -74.0 });
    drive.control("telegram/people/1001/key", press.clone()).await;
    let message = newest(&drive, "message").await;
    assert_eq!(message["location"], json!({ "latitude": 40.7, "longitude": -74.0 }));
    assert_eq!((message.get("text"), message["from"]["id"].as_i64()), (None, Some(ADA)));
    assert_eq!(keyboard(&drive).await, Value::Null, "made for one time");
    assert_eq!(failing(&drive, "telegram/people/1001/key", press).await, 400);
}

#[tokio::test]
async fn a_plain_key_writes_its_text_and_stays_until_it_is_taken_away() {
    let drive = chatting().await;
    send(&drive, ADA, json!({ "keyboard": [["Yes", "No"]] })).await;
    drive.control("telegram/people/1001/key", json!({ "button": "No" })).await;
    assert_eq!(newest(&drive, "message").await["text"], "No");
    assert_eq!(keyboard(&drive).await["rows"][0][1]["text"], "No");
    drive.bot_ok("sendMessage", json!({ "chat_id": ADA, "text": "no markup changes nothing" })).await;
    assert!(keyboard(&drive).await.is_object());
    send(&drive, ADA, json!({ "remove_keyboard": true })).await;
    assert_eq!(keyboard(&drive).await, Value::Null);
}

/// <https://core.telegram.org/bots/api#keyboardbutton>
#[tokio::test]
async fn keys_that_telegram_refuses_are_refused() {
    let drive = chatting().await;
    drive.control("telegram/groups/-500/messages", json!({ "from": ADA, "text": "/hi" })).await;
    let rows = "Bad Request: field \"keyboard\" of the ReplyKeyboardMarkup must be an Array of Arrays";
    let cannot = "Bad Request: can't parse keyboard button: ";
    let private = "Bad Request: location can be requested in private chats only".to_owned();
    for (chat, keys, description) in [
        (ADA, json!("x"), rows.to_owned()),
        (ADA, json!(["x"]), rows.to_owned()),
        (ADA, json!([[""]]), format!("{cannot}Keyboard button text must be non-empty")),
        (ADA, json!([[{ "text": " " }]]), format!("{cannot}Keyboard button text must be non-empty")),
        (ADA, json!([[{}]]), format!("{cannot}Field \"text\" must be of type String")),
        (-500, json!([[{ "text": "x", "request_location": true }]]), private),
    ] {
        let body = json!({ "chat_id": chat, "text": "x", "reply_markup": { "keyboard": keys } });
        assert_eq!(drive.bot_refusal("sendMessage", body).await, description, "{keys}");
    }
    send(&drive, -500, json!({ "keyboard": [["x"]] })).await;
    let body = json!({ "chat_id": ADA, "text": "x", "reply_markup": [] });
    assert_eq!(drive.bot_refusal("sendMessage", body).await, "Bad Request: object expected as reply markup");
}

/// <https://core.telegram.org/bots/api#updating-messages>: "without `reply_markup` or with inline keyboards".
#[tokio::test]
async fn a_message_that_came_with_keys_stays_as_it_is() {
    let drive = chatting().await;
    for markup in [json!({ "keyboard": [["x"]] }), json!({ "remove_keyboard": true }), json!({ "force_reply": true })] {
        let id = send(&drive, ADA, markup.clone()).await["message_id"].clone();
        let body = json!({ "chat_id": ADA, "message_id": id, "text": "y" });
        assert_eq!(
            drive.bot_refusal("editMessageText", body).await,
            "Bad Request: message can't be edited",
            "{markup}"
        );
    }
    let id = send(&drive, ADA, json!({})).await["message_id"].clone();
    let body = json!({ "chat_id": ADA, "message_id": id, "text": "y", "reply_markup": { "keyboard": [["x"]] } });
    assert_eq!(drive.bot_refusal("editMessageText", body).await, "Bad Request: inline keyboard expected");
}

/// <https://core.telegram.org/bots/api#inaccessiblemessage>
#[tokio::test]
async fn a_button_of_a_message_out_of_reach_comes_with_date_zero() {
    let drive = chatting().await;
    let buttons = json!({ "inline_keyboard": [[{ "text": "A", "callback_data": "a" }]] });
    let id = send(&drive, ADA, buttons.clone()).await["message_id"].clone();
    drive.control("telegram/people/1001/out-of-reach", json!({ "message_id": id })).await;
    let unreachable = json!({ "chat": { "id": ADA, "type": "private", "first_name": "Ada", "username": "ada" },
        "message_id": id, "date": 0 });
    drive.control("telegram/people/1001/press", json!({ "message_id": id, "button": "A" })).await;
    assert_eq!(newest(&drive, "callback_query").await["message"], unreachable);
    let body = json!({ "chat_id": ADA, "message_id": id, "text": "y" });
    assert_eq!(drive.bot_refusal("editMessageText", body).await, "Bad Request: message to edit not found");
    let seen = drive.see("telegram/people/1001/messages").await["messages"][1].clone();
    assert_eq!((seen["inaccessible"].as_bool(), text(&seen, "text")), (Some(true), "x"), "people still see it");

    let id = send(&drive, ADA, buttons).await["message_id"].clone();
    drive.bot_ok("deleteMessage", json!({ "chat_id": ADA, "message_id": id })).await;
    let stale = json!({ "message_id": id, "data": "a", "force": true });
    drive.control("telegram/people/1001/press", stale).await;
    let query = newest(&drive, "callback_query").await;
    assert_eq!((query["message"]["date"].as_i64(), text(&query, "data")), (Some(0), "a"), "deleted, but still shown");
    assert_eq!(failing(&drive, "telegram/people/1001/press", json!({ "message_id": id, "data": "a" })).await, 400);
    let never = json!({ "message_id": 999, "data": "a", "force": true });
    assert_eq!(failing(&drive, "telegram/people/1001/press", never).await, 400);
}

/// <https://core.telegram.org/bots/features#privacy-mode>
#[tokio::test]
async fn in_a_group_the_bot_hears_answers_to_itself() {
    let drive = start().await;
    let say = async |body: Value| drive.control("telegram/groups/-500/messages", body).await;
    say(json!({ "from": ADA, "text": "/hi", "title": "Friends" })).await;
    let own = drive.bot_ok("sendMessage", json!({ "chat_id": -500, "text": "?" })).await["message_id"].clone();
    let said = say(json!({ "from": 1002, "text": "just talking" })).await;
    assert_eq!(said["update_id"], Value::Null);
    let to_ben = say(json!({ "from": ADA, "text": "indeed", "reply_to": said["message_id"] })).await;
    assert_eq!(to_ben["update_id"], Value::Null);
    assert!(say(json!({ "from": ADA, "text": "an answer", "reply_to": own })).await["update_id"].is_i64());
    let message = newest(&drive, "message").await;
    assert_eq!(message["reply_to_message"]["message_id"], own);
    assert_eq!(
        drive.control("telegram/groups/-500/location", json!({ "from": ADA })).await["update_id"],
        Value::Null,
        "nobody addressed it"
    );
    assert_eq!(failing(&drive, "telegram/groups/-500/location", json!({})).await, 400, "somebody must send it");
    let body = json!({ "from": ADA, "text": "x", "reply_to": 999 });
    assert_eq!(failing(&drive, "telegram/groups/-500/messages", body).await, 400);
}

#[tokio::test]
async fn people_and_groups_can_be_added_before_they_write() {
    let drive = start().await;
    drive.control("telegram/people/1100", json!({ "first_name": "Zoë", "username": "zoe" })).await;
    drive.control("telegram/groups/-600", json!({ "title": "Friends" })).await;
    let known = drive.see("telegram/people").await;
    let chats = known["chats"].as_array().unwrap();
    let named = |id: i64| chats.iter().find(|chat| chat["chat_id"] == id).unwrap()["name"].clone();
    assert_eq!((named(1100), named(-600)), (json!("Zoë"), json!("Friends")));
    assert_eq!(drive.bot("sendMessage", json!({ "chat_id": 1100, "text": "x" })).await.0, 400, "nobody wrote yet");
    assert_eq!(failing(&drive, "telegram/people/-1", json!({})).await, 400);
    assert_eq!(failing(&drive, "telegram/groups/1", json!({ "title": "x" })).await, 400);
    drive.say(1100, "/start").await;
    drive.bot_ok("sendMessage", json!({ "chat_id": 1100, "text": "  hello\nyou " })).await;
    let known = drive.see("telegram/people").await;
    let chat = known["chats"].as_array().unwrap().iter().find(|chat| chat["chat_id"] == 1100).unwrap().clone();
    assert_eq!((text(&chat["last"], "text"), chat["messages_from_bot"].as_u64()), ("hello you", Some(1)));
}

/// <https://core.telegram.org/bots/api#determining-list-of-commands>
#[tokio::test]
async fn a_chat_shows_the_commands_of_the_narrowest_scope() {
    let drive = chatting().await;
    let set = async |name: &str, scope: Value| {
        let commands = json!([{ "command": name, "description": "x" }]);
        drive.bot_ok("setMyCommands", json!({ "commands": commands, "scope": scope })).await;
    };
    let shown = async |chat: &str| {
        let transcript = drive.see(&format!("telegram/{chat}/messages")).await;
        transcript["commands"][0]["command"].as_str().unwrap_or("none").to_owned()
    };
    assert_eq!(shown("people/1001").await, "none");
    set("all", json!({ "type": "default" })).await;
    set("private", json!({ "type": "all_private_chats" })).await;
    set("ben", json!({ "type": "chat", "chat_id": 1002 })).await;
    assert_eq!(shown("people/1001").await, "private");
    assert_eq!(shown("people/1002").await, "ben");
    assert_eq!(shown("groups/-500").await, "all");
    let cannot = "Bad Request: can't parse BotCommandScope: ";
    for (scope, language, description) in [
        (json!({ "type": "everybody" }), "", format!("{cannot}Unsupported type specified")),
        (json!({}), "", format!("{cannot}Can't find field \"type\"")),
        (json!({ "type": "chat" }), "", format!("{cannot}Can't find field \"chat_id\"")),
        (json!({ "type": "default" }), "german", "Bad Request: invalid language code specified".to_owned()),
    ] {
        let body = json!({ "commands": [], "scope": scope, "language_code": language });
        assert_eq!(drive.bot_refusal("setMyCommands", body).await, description, "{scope} {language}");
    }
}

/// <https://core.telegram.org/bots/api#formatting-options>: what may lie inside what.
#[tokio::test]
async fn entities_nest_as_telegram_lets_them() {
    let drive = chatting().await;
    let entities = async |html: &str| -> Vec<String> {
        let body = json!({ "chat_id": ADA, "text": html, "parse_mode": "HTML" });
        let sent = drive.bot_ok("sendMessage", body).await;
        let list = sent["entities"].as_array().cloned().unwrap_or_default();
        list.iter().map(|one| format!("{} {}+{}", text(one, "type"), one["offset"], one["length"])).collect()
    };
    for (html, expected) in [
        ("<b>a<i>b<u>c<s>d</s></u></i></b>", &["bold 0+4", "italic 1+3", "underline 2+2", "strikethrough 3+1"][..]),
        ("<blockquote>a<b>b</b> <code>c</code></blockquote>", &["blockquote 0+4", "bold 1+1", "code 3+1"]),
        ("<blockquote expandable>a</blockquote>", &["expandable_blockquote 0+1"]),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", &["blockquote 0+2"]),
        ("<code>a<b>b</b></code>", &["code 0+2"]),
        ("<b>a<code>b</code>c</b>", &["bold 0+1", "code 1+1", "bold 2+1"]),
        ("<pre>a<a href=\"https://x.example/\">b</a></pre>", &["pre 0+2"]),
        ("<a href=\"https://x.example/\">a<code>b</code></a>", &["text_link 0+2"]),
        ("<a href=\"https://x.example/\"><b>a</b></a>", &["text_link 0+1", "bold 0+1"]),
        ("<tg-spoiler>a<u>b</u></tg-spoiler>", &["spoiler 0+2", "underline 1+1"]),
    ] {
        assert_eq!(entities(html).await, expected, "{html}");
    }
}
