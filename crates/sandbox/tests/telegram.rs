//! The Bot API, asked rightly and wrongly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use std::time::{Duration, Instant};

use bellhop_sandbox::Settings;
use drive::{Drive, start, start_with, text};
use serde_json::{Value, json};

const ADA: i64 = 1001;

/// A sandbox in which Ada has written to the bot once, and the bot has heard it.
async fn chatting() -> Drive {
    let drive = start().await;
    let said = drive.say(ADA, "/start").await;
    let next = said["update_id"].as_i64().unwrap() + 1;
    drive.bot_ok("getUpdates", json!({ "offset": next })).await;
    drive
}

async fn send(drive: &Drive, text: &str) -> i64 {
    let sent = drive.bot_ok("sendMessage", json!({ "chat_id": ADA, "text": text })).await;
    sent["message_id"].as_i64().unwrap()
}

#[tokio::test]
async fn a_wrong_token_or_method_is_refused() {
    let drive = start().await;
    let wrong = drive.post("/botwrong/getMe").send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert_eq!(wrong.json::<Value>().await.unwrap()["description"], "Unauthorized");
    assert_eq!(drive.bot("makeCoffee", json!({})).await.0, 404);
    assert_eq!(drive.bot("GETME", json!({})).await.0, 200, "method names are case-insensitive");
}

#[tokio::test]
async fn parameters_come_as_query_form_json_or_multipart() {
    let drive = chatting().await;
    let path = "/botsandbox-bot-token/sendMessage";
    let query = drive.get(path).query(&[("chat_id", "1001"), ("text", "by query")]).send().await.unwrap();
    assert_eq!(query.status(), 200);
    let keyboard = r#"{"inline_keyboard":[[{"text":"A","callback_data":"a"}]]}"#;
    let form = [("chat_id", "1001"), ("text", "by form"), ("reply_markup", keyboard)];
    let form: Value = drive.post(path).form(&form).send().await.unwrap().json().await.unwrap();
    assert_eq!(form["result"]["reply_markup"]["inline_keyboard"][0][0]["callback_data"], "a");
    let parts = reqwest::multipart::Form::new().text("chat_id", "1001").text("text", "by multipart");
    let multipart: Value = drive.post(path).multipart(parts).send().await.unwrap().json().await.unwrap();
    assert_eq!(multipart["result"]["text"], "by multipart");
    let broken = drive.post(path).header("content-type", "application/json").body("{").send().await.unwrap();
    assert_eq!(broken.status(), 400);
}

#[tokio::test]
async fn messages_that_telegram_refuses_are_refused_in_its_words() {
    let drive = chatting().await;
    let long = "a".repeat(4097);
    // Each of these counts two UTF-16 code units.
    let wide = "🎂".repeat(2049);
    for (body, description) in [
        (json!({ "text": "x" }), "Bad Request: chat_id is empty"),
        (json!({ "chat_id": ADA }), "Bad Request: message text is empty"),
        (json!({ "chat_id": ADA, "text": " \n " }), "Bad Request: message text is empty"),
        (json!({ "chat_id": ADA, "text": "<b> </b>", "parse_mode": "HTML" }), "Bad Request: message text is empty"),
        (json!({ "chat_id": 77, "text": "x" }), "Bad Request: chat not found"),
        (json!({ "chat_id": ADA, "text": long }), "Bad Request: message is too long"),
        (json!({ "chat_id": ADA, "text": wide }), "Bad Request: message is too long"),
        (json!({ "chat_id": ADA, "text": "x", "parse_mode": "BBCode" }), "Bad Request: unsupported parse_mode"),
        (
            json!({ "chat_id": ADA, "text": "x", "reply_parameters": { "message_id": 999 } }),
            "Bad Request: message to be replied not found",
        ),
    ] {
        assert_eq!(drive.bot_refusal("sendMessage", body.clone()).await, description, "{body}");
    }
    assert_eq!(drive.bot("sendMessage", json!({ "chat_id": ADA, "text": "🎂".repeat(2048) })).await.0, 200);
    let marked = format!("<b>{}</b>", "a".repeat(4096));
    let fits = json!({ "chat_id": ADA, "text": marked, "parse_mode": "HTML" });
    assert_eq!(drive.bot("sendMessage", fits).await.0, 200, "measured after the markup is read");
}

#[tokio::test]
async fn html_is_read_as_strictly_as_telegram_does() {
    let drive = chatting().await;
    for (text, why) in [
        ("<b>open", "Can't find end tag corresponding to start tag \"b\""),
        ("<b><i>x</b></i>", "Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\""),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<p>x</p>", "Unsupported start tag \"p\" at byte offset 0"),
        ("a < b", "Unsupported start tag \"\" at byte offset 2"),
        ("1 <3", "Unclosed start tag at byte offset 2"),
        ("<a href>x</a>", "Expected equal sign in declaration of an attribute of the tag \"a\" at byte offset 0"),
        ("<span class=\"x\">y</span>", "Tag \"span\" must have class \"tg-spoiler\" at byte offset 0"),
    ] {
        let body = json!({ "chat_id": ADA, "text": text, "parse_mode": "HTML" });
        let description = drive.bot_refusal("sendMessage", body).await;
        assert_eq!(description, format!("Bad Request: can't parse entities: {why}"));
    }
    let source = "  <b>Bold <i>both</i></b> 🎂 <a href=\"https://x.example/?a=1&amp;b=2\">link</a> \
                  <code>a &lt; b</code> <blockquote expandable>q</blockquote> AT&T <tg-spoiler>s</tg-spoiler> \
                  <pre><code class=\"language-rust\">fn</code></pre> /help.";
    let body = json!({ "chat_id": ADA, "text": source, "parse_mode": "HTML" });
    let sent = drive.bot_ok("sendMessage", body).await;
    assert_eq!(sent["text"], "Bold both 🎂 link a < b q AT&T s fn /help.");
    let entities = sent["entities"].as_array().unwrap();
    let of = |kind: &str| entities.iter().find(|entity| entity["type"] == kind).unwrap();
    assert_eq!((of("bold")["offset"].as_u64(), of("bold")["length"].as_u64()), (Some(0), Some(9)));
    assert_eq!(of("italic")["offset"], 5);
    assert_eq!(of("text_link")["offset"], 13, "the cake counts two");
    assert_eq!(of("text_link")["url"], "https://x.example/?a=1&b=2");
    assert_eq!(of("pre")["language"], "rust");
    assert_eq!(of("expandable_blockquote")["length"], 1);
    assert_eq!(of("bot_command")["length"], 5);
    let transcript = drive.see("telegram/people/1001/messages").await;
    let html = text(&transcript["messages"][1], "html");
    assert!(html.starts_with("<b>Bold <i>both</i></b> 🎂 <a href=\"https://x.example/?a=1&amp;b=2\""), "{html}");
    assert!(html.contains("<code>a &lt; b</code>") && html.contains("AT&amp;T"));
}

#[tokio::test]
async fn buttons_that_telegram_refuses_are_refused() {
    let drive = chatting().await;
    let send = async |button: Value| {
        let markup = json!({ "inline_keyboard": [[button]] });
        drive.bot("sendMessage", json!({ "chat_id": ADA, "text": "x", "reply_markup": markup })).await
    };
    for (button, description) in [
        (json!({ "text": "A", "callback_data": "" }), "Bad Request: BUTTON_DATA_INVALID"),
        (json!({ "text": "A", "callback_data": "ä".repeat(33) }), "Bad Request: BUTTON_DATA_INVALID"),
        (
            json!({ "text": "A" }),
            "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            json!({ "text": "A", "url": "http://localhost:8080/" }),
            "Bad Request: inline keyboard button URL 'http://localhost:8080/' is invalid: Wrong HTTP URL",
        ),
        (
            json!({ "text": "A", "url": "javascript:alert(1)" }),
            "Bad Request: inline keyboard button URL 'javascript:alert(1)' is invalid: Wrong HTTP URL",
        ),
    ] {
        let (status, body) = send(button.clone()).await;
        assert_eq!((status, text(&body, "description")), (400, description), "{button}");
    }
    assert_eq!(send(json!({ "text": "A", "callback_data": "a".repeat(64) })).await.0, 200);
    assert_eq!(send(json!({ "text": "A", "url": "http://127.0.0.1:8080/connect?x=1" })).await.0, 200);
}

#[tokio::test]
async fn editing_changes_in_place_and_says_no_as_telegram_does() {
    let drive = chatting().await;
    let keyboard = json!({ "inline_keyboard": [[{ "text": "A", "callback_data": "a" }]] });
    let id = send(&drive, "first").await;
    let edit = |text: &str| json!({ "chat_id": ADA, "message_id": id, "text": text });
    let edited = drive.bot_ok("editMessageText", edit("second")).await;
    assert_eq!(edited["text"], "second");
    assert!(edited["edit_date"].is_i64());
    let not_modified = drive.bot_refusal("editMessageText", edit("second")).await;
    assert!(not_modified.starts_with("Bad Request: message is not modified: specified new message content"));
    let same_text = json!({ "chat_id": ADA, "message_id": id, "text": "second", "reply_markup": keyboard });
    drive.bot_ok("editMessageText", same_text).await;
    let bare = drive.bot_ok("editMessageText", edit("third")).await;
    assert!(bare.get("reply_markup").is_none(), "an edit without a keyboard removes it");
    let markup = json!({ "chat_id": ADA, "message_id": id, "reply_markup": keyboard });
    drive.bot_ok("editMessageReplyMarkup", markup.clone()).await;
    assert!(drive.bot_refusal("editMessageReplyMarkup", markup).await.contains("message is not modified"));

    for (body, description) in [
        (json!({ "chat_id": ADA, "text": "x" }), "Bad Request: message identifier is not specified"),
        (json!({ "chat_id": ADA, "message_id": 999, "text": "x" }), "Bad Request: message to edit not found"),
        (json!({ "chat_id": ADA, "message_id": 1, "text": "x" }), "Bad Request: message can't be edited"),
        (json!({ "chat_id": 5, "message_id": id, "text": "x" }), "Bad Request: chat not found"),
        (edit(&"a".repeat(4097)), "Bad Request: MESSAGE_TOO_LONG"),
        (edit(""), "Bad Request: message text is empty"),
    ] {
        assert_eq!(drive.bot_refusal("editMessageText", body).await, description);
    }
    let transcript = drive.see("telegram/people/1001/messages").await;
    let message = &transcript["messages"][1];
    assert_eq!((message["text"].as_str(), message["edits"].as_u64()), (Some("third"), Some(4)));
    assert_eq!(message["earlier_texts"], json!(["first", "second"]));
    assert_eq!(message["buttons"][0][0]["text"], "A");
    let ledger = drive.see("ledger").await;
    assert_eq!(ledger["telegram"]["messages_sent"]["1001"], 1);
    assert_eq!(ledger["telegram"]["messages_edited"]["1001"], 4);
}

#[tokio::test]
async fn deleting_works_once() {
    let drive = chatting().await;
    let id = send(&drive, "gone soon").await;
    let body = json!({ "chat_id": ADA, "message_id": id });
    drive.bot_ok("deleteMessage", body.clone()).await;
    assert_eq!(drive.bot_refusal("deleteMessage", body).await, "Bad Request: message to delete not found");
    let transcript = drive.see("telegram/people/1001/messages").await;
    assert_eq!(transcript["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn somebody_who_blocked_the_bot_gets_nothing() {
    let drive = chatting().await;
    drive.control("telegram/people/1001/block", json!({})).await;
    let (status, body) = drive.bot("sendMessage", json!({ "chat_id": ADA, "text": "x" })).await;
    assert_eq!((status, text(&body, "description")), (403, "Forbidden: bot was blocked by the user"));
    let updates = drive.bot_ok("getUpdates", json!({})).await;
    assert_eq!(updates[0]["my_chat_member"]["new_chat_member"]["status"], "kicked");
    drive.control("telegram/people/1001/unblock", json!({})).await;
    send(&drive, "hello again").await;
}

#[tokio::test]
async fn a_button_press_becomes_a_query_that_can_be_answered() {
    let drive = chatting().await;
    let keyboard = json!({ "inline_keyboard": [[
        { "text": "Yes", "callback_data": "answer:yes" },
        { "text": "Open", "url": "https://x.example/" },
    ]] });
    let body = json!({ "chat_id": ADA, "text": "Sure?", "reply_markup": keyboard });
    let id = drive.bot_ok("sendMessage", body).await["message_id"].clone();
    let opened = drive.control("telegram/people/1001/press", json!({ "message_id": id, "button": "Open" })).await;
    assert_eq!(opened, json!({ "url": "https://x.example/", "update_id": null }));
    drive.control("telegram/people/1001/press", json!({ "message_id": id, "button": "Yes" })).await;
    let updates = drive.bot_ok("getUpdates", json!({})).await;
    let query = &updates[0]["callback_query"];
    assert_eq!(query["data"], "answer:yes");
    assert_eq!(query["from"]["id"], ADA);
    assert_eq!(query["message"]["message_id"], id);
    let answer = json!({ "callback_query_id": query["id"], "text": "Done" });
    drive.bot_ok("answerCallbackQuery", answer).await;
    let transcript = drive.see("telegram/people/1001/messages").await;
    assert_eq!(transcript["notices"][0]["text"], "Done");
    let ledger = drive.see("ledger").await;
    let id_of_query = text(query, "id");
    assert_eq!(ledger["telegram"]["presses_answered"], json!({ id_of_query: 1 }));
    let update =
        json!({ "update_id": updates[0]["update_id"], "kind": "callback_query", "chat": ADA, "query": id_of_query });
    let made = ledger["telegram"]["updates"].as_array().unwrap();
    assert_eq!(made.last(), Some(&update));
    assert!(made.iter().any(|made| made["kind"] == "message" && made["chat"] == ADA && made["query"].is_null()));

    let unknown = drive.bot_refusal("answerCallbackQuery", json!({ "callback_query_id": "1" })).await;
    assert_eq!(unknown, "Bad Request: query is too old and response timeout expired or query ID is invalid");
    let long = json!({ "callback_query_id": query["id"], "text": "a".repeat(201) });
    assert_eq!(drive.bot_refusal("answerCallbackQuery", long).await, "Bad Request: MESSAGE_TOO_LONG");
    let gone = json!({ "message_id": id, "data": "answer:old" });
    let refused = drive.post("/sandbox/telegram/people/1001/press").json(&gone).send().await.unwrap();
    assert_eq!(refused.status(), 400);
    let stale = json!({ "message_id": id, "data": "answer:old", "force": true });
    drive.control("telegram/people/1001/press", stale).await;
}

#[tokio::test]
async fn updates_repeat_until_an_offset_confirms_them() {
    let drive = start().await;
    for text in ["one", "two", "three"] {
        drive.say(ADA, text).await;
    }
    let get = async |body: Value| drive.bot_ok("getUpdates", body).await;
    let ids = |updates: &Value| -> Vec<i64> {
        updates.as_array().unwrap().iter().map(|update| update["update_id"].as_i64().unwrap()).collect()
    };
    let first = ids(&get(json!({})).await);
    assert_eq!(first.len(), 3);
    assert_eq!(ids(&get(json!({})).await), first, "not confirmed, so repeated");
    assert_eq!(ids(&get(json!({ "limit": 1 })).await), first[..1]);
    assert_eq!(ids(&get(json!({ "offset": first[1] })).await), first[1..]);
    assert_eq!(ids(&get(json!({ "offset": -1 })).await), first[2..], "a negative offset counts from the end");
    assert_eq!(ids(&get(json!({ "offset": first[2] + 1 })).await), Vec::<i64>::new());

    drive.control(&format!("telegram/updates/{}/repeat", first[0]), json!({})).await;
    assert_eq!(ids(&get(json!({ "offset": first[2] + 1 })).await), first[..1], "once more on command");
    assert_eq!(ids(&get(json!({ "offset": first[2] + 1 })).await), Vec::<i64>::new());
    let raw = json!({ "update_id": first[2] + 50, "poll": {} });
    drive.control("telegram/updates", raw).await;
    assert_eq!(ids(&get(json!({})).await), [first[2] + 50]);
}

#[tokio::test]
async fn only_allowed_kinds_are_queued_from_then_on() {
    let drive = chatting().await;
    drive.bot_ok("getUpdates", json!({ "allowed_updates": ["callback_query"] })).await;
    assert_eq!(drive.say(ADA, "unheard").await["update_id"], Value::Null);
    drive.bot_ok("getUpdates", json!({ "allowed_updates": [] })).await;
    assert!(drive.say(ADA, "heard").await["update_id"].is_i64());
}

#[tokio::test]
async fn long_polling_waits_and_answers_at_once_when_something_comes() {
    let drive = chatting().await;
    let began = Instant::now();
    let empty = drive.bot_ok("getUpdates", json!({ "timeout": 1 })).await;
    assert_eq!(empty, json!([]));
    assert!(began.elapsed() >= Duration::from_millis(950));

    let began = Instant::now();
    let (updates, _) = tokio::join!(drive.bot_ok("getUpdates", json!({ "timeout": 20 })), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        drive.say(ADA, "hello").await
    });
    assert_eq!(updates[0]["message"]["text"], "hello");
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_second_poller_ends_the_first_with_a_conflict() {
    let drive = chatting().await;
    // On a busy machine the first may arrive long after it was sent.
    let others = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            drive.bot_ok("getUpdates", json!({})).await;
        }
    };
    let first = tokio::select! {
        first = drive.bot("getUpdates", json!({ "timeout": 20 })) => first,
        () = others => unreachable!(),
    };
    assert_eq!(first.0, 409);
    assert_eq!(
        text(&first.1, "description"),
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    );
}

#[tokio::test]
async fn a_webhook_shuts_polling_out() {
    let drive = chatting().await;
    for (url, secret, description) in [
        ("http://x.example/", "s", "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"),
        (
            "https://x.example:8444/",
            "s",
            "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
        ),
        ("https://x.example/", "not allowed", "Bad Request: secret token contains unallowed characters"),
    ] {
        let refused = drive.bot_refusal("setWebhook", json!({ "url": url, "secret_token": secret })).await;
        assert_eq!(refused, description);
    }
    drive.bot_ok("setWebhook", json!({ "url": "https://x.example:8443/hook", "secret_token": "abc_-1" })).await;
    assert_eq!(drive.bot("getUpdates", json!({})).await.0, 409);
    drive.say(ADA, "waiting").await;
    let info = drive.bot_ok("getWebhookInfo", json!({})).await;
    assert_eq!(
        (info["url"].as_str(), info["pending_update_count"].as_u64()),
        (Some("https://x.example:8443/hook"), Some(1))
    );
    drive.bot_ok("deleteWebhook", json!({ "drop_pending_updates": true })).await;
    assert_eq!(drive.bot_ok("getUpdates", json!({})).await, json!([]));
}

#[tokio::test]
async fn a_flood_is_told_to_wait() {
    let drive = chatting().await;
    let mut refused = None;
    for number in 0..25 {
        let body = json!({ "chat_id": ADA, "text": format!("message {number}") });
        let (status, body) = drive.bot("sendMessage", body).await;
        if status != 200 {
            refused = Some((number, status, body));
            break;
        }
    }
    let (number, status, body) = refused.unwrap();
    assert!(number >= 20, "a burst of 20 passes");
    assert_eq!(status, 429);
    let seconds = body["parameters"]["retry_after"].as_u64().unwrap();
    assert_eq!(text(&body, "description"), format!("Too Many Requests: retry after {seconds}"));
    drive.control("telegram/limits", json!({ "enabled": false })).await;
    for _ in 0..60 {
        send(&drive, "unlimited").await;
    }
    drive.control("telegram/limits", json!({ "overall_per_second": 2.0 })).await;
    let mut statuses = Vec::new();
    for number in 0..4 {
        drive.say(2000 + number, "/start").await;
        let body = json!({ "chat_id": 2000 + number, "text": "x" });
        statuses.push(drive.bot("sendMessage", body).await.0);
    }
    assert_eq!(statuses[3], 429, "over all chats: {statuses:?}");
}

#[tokio::test]
async fn commands_are_checked_and_kept_by_scope() {
    let drive = start().await;
    for (command, description, refusal) in [
        ("Inbox", "x", "Bad Request: BOT_COMMAND_INVALID"),
        ("in-box", "x", "Bad Request: BOT_COMMAND_INVALID"),
        ("inbox", "", "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID"),
    ] {
        let body = json!({ "commands": [{ "command": command, "description": description }] });
        assert_eq!(drive.bot_refusal("setMyCommands", body).await, refusal);
    }
    let commands = json!([{ "command": "inbox", "description": "Your mail" }]);
    let private = json!({ "type": "all_private_chats" });
    drive.bot_ok("setMyCommands", json!({ "commands": commands, "scope": private })).await;
    assert_eq!(drive.bot_ok("getMyCommands", json!({})).await, json!([]));
    assert_eq!(drive.bot_ok("getMyCommands", json!({ "scope": private })).await, commands);
    drive.bot_ok("deleteMyCommands", json!({ "scope": private })).await;
    assert_eq!(drive.bot_ok("getMyCommands", json!({ "scope": private })).await, json!([]));
}

#[tokio::test]
async fn in_a_group_the_bot_hears_only_what_is_meant_for_it() {
    let drive = start().await;
    let say = async |text: &str| {
        drive.control("telegram/groups/-500/messages", json!({ "from": ADA, "text": text, "title": "Friends" })).await
    };
    assert_eq!(say("just talking").await["update_id"], Value::Null);
    assert!(say("/connect").await["update_id"].is_i64());
    assert!(say("hi @bellhop_sandbox_bot").await["update_id"].is_i64());
    let updates = drive.bot_ok("getUpdates", json!({})).await;
    assert_eq!(updates[0]["message"]["chat"]["type"], "group");
    assert_eq!(updates[0]["message"]["from"]["id"], ADA);
    let body = json!({ "chat_id": -500, "text": "Hello all" });
    drive.bot_ok("sendMessage", body).await;
}

#[tokio::test]
async fn typing_shows_and_wrong_actions_are_refused() {
    let drive = chatting().await;
    drive.bot_ok("sendChatAction", json!({ "chat_id": ADA, "action": "typing" })).await;
    assert_eq!(drive.see("telegram/people/1001/messages").await["typing"], true);
    send(&drive, "done").await;
    assert_eq!(drive.see("telegram/people/1001/messages").await["typing"], false);
    let wrong = drive.bot_refusal("sendChatAction", json!({ "chat_id": ADA, "action": "dancing" })).await;
    assert_eq!(wrong, "Bad Request: wrong parameter action in request");
}

#[tokio::test]
async fn unconfirmed_updates_are_kept_for_a_day() {
    let file = std::env::temp_dir().join(format!("sandbox-updates-clock-{}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let drive = start_with(Settings { clock_offset_file: Some(file.clone()), ..Settings::default() }).await;
    drive.say(ADA, "old").await;
    std::fs::write(&file, (25 * 3600 * 1000).to_string()).unwrap();
    assert_eq!(drive.bot_ok("getUpdates", json!({})).await, json!([]));
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn a_sandbox_started_anew_repeats_no_update_id() {
    let file = std::env::temp_dir().join(format!("sandbox-restart-clock-{}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let settings = Settings { clock_offset_file: Some(file.clone()), ..Settings::default() };
    let first = start_with(settings.clone()).await.say(ADA, "before").await["update_id"].as_i64().unwrap();
    std::fs::write(&file, "2000").unwrap();
    let later = start_with(settings).await.say(ADA, "after").await["update_id"].as_i64().unwrap();
    assert!(later > first, "{later} comes after {first}");
    assert!(u32::try_from(later).is_ok(), "what clients take for an update id");
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn old_messages_stay_and_old_presses_go_unanswered() {
    let file = std::env::temp_dir().join(format!("sandbox-age-clock-{}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let drive = start_with(Settings { clock_offset_file: Some(file.clone()), ..Settings::default() }).await;
    drive.say(ADA, "/start").await;
    let keyboard = json!({ "inline_keyboard": [[{ "text": "A", "callback_data": "a" }]] });
    let body = json!({ "chat_id": ADA, "text": "x", "reply_markup": keyboard });
    let id = drive.bot_ok("sendMessage", body).await["message_id"].clone();
    let pressed = drive.control("telegram/people/1001/press", json!({ "message_id": id, "data": "a" })).await;
    std::fs::write(&file, (11 * 60 * 1000).to_string()).unwrap();
    let late = json!({ "callback_query_id": pressed["callback_query_id"] });
    assert!(drive.bot_refusal("answerCallbackQuery", late).await.contains("query is too old"));
    std::fs::write(&file, (49 * 3600 * 1000).to_string()).unwrap();
    let refused = drive.bot_refusal("deleteMessage", json!({ "chat_id": ADA, "message_id": id })).await;
    assert_eq!(refused, "Bad Request: message can't be deleted");
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn too_many_of_anything_is_refused() {
    let drive = chatting().await;
    let button = json!({ "text": "A", "callback_data": "a" });
    let markup = json!({ "inline_keyboard": vec![vec![button; 4]; 26] });
    let body = json!({ "chat_id": ADA, "text": "x", "reply_markup": markup });
    assert_eq!(drive.bot_refusal("sendMessage", body).await, "Bad Request: reply markup is too long");
    let command = json!({ "command": "a", "description": "b" });
    let body = json!({ "commands": vec![command; 101] });
    assert_eq!(drive.bot_refusal("setMyCommands", body).await, "Bad Request: BOT_COMMANDS_TOO_MUCH");
    for (method, field, longest) in
        [("setMyDescription", "description", 512), ("setMyShortDescription", "short_description", 120)]
    {
        drive.bot_ok(method, json!({ field: "a".repeat(longest) })).await;
        assert_eq!(drive.bot(method, json!({ field: "a".repeat(longest + 1) })).await.0, 400);
    }
}

#[tokio::test]
async fn absurd_numbers_do_no_harm() {
    let drive = chatting().await;
    let entity = json!({ "type": "bold", "offset": u64::MAX, "length": 5 });
    let body = json!({ "chat_id": ADA, "text": "x", "entities": [entity] });
    assert!(drive.bot_refusal("sendMessage", body).await.contains("can't parse entities"));
    drive.control("telegram/updates", json!({ "update_id": i64::MAX })).await;
    for body in [json!({ "offset": i64::MIN }), json!({ "timeout": -5, "limit": -1 }), json!({ "offset": "x" })] {
        drive.bot_ok("getUpdates", body).await;
    }
    drive.say(i64::MAX, "hello").await;
    assert_eq!(
        drive.bot_refusal("editMessageText", json!({ "chat_id": i64::MIN, "message_id": i64::MIN, "text": "x" })).await,
        "Bad Request: message identifier is not specified"
    );
}
