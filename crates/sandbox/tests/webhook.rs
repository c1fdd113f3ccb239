//! Updates brought to a webhook: what may be set, and how deliveries go right and wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bellhop_sandbox::Settings;
use drive::{Drive, start, start_with, text};
use poem::{Body, Request, Response, Server, handler, http::StatusCode, listener::TcpAcceptor, web::Data};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

const ADA: i64 = 1001;
const BEN: i64 = 1002;
const SECRET: &str = "Only_between-us1";

/// A bot that is called: what it heard, and what it will answer. Left to itself it answers 200.
#[derive(Default)]
struct Heard {
    updates: Vec<Value>,
    secrets: Vec<Option<String>>,
    answers: VecDeque<(u16, String)>,
    /// Chats whose calls wait until they are let go.
    slow: Option<(i64, Arc<tokio::sync::Notify>)>,
}

type Ear = Arc<Mutex<Heard>>;

#[handler]
async fn hear(request: &Request, body: Body, Data(ear): Data<&Ear>) -> Response {
    assert_eq!(request.content_type(), Some("application/json"));
    let update: Value = serde_json::from_slice(&body.into_bytes().await.unwrap()).unwrap();
    let secret = request.header("x-telegram-bot-api-secret-token").map(str::to_owned);
    let gate = {
        let mut heard = ear.lock().unwrap();
        heard.secrets.push(secret);
        heard.updates.push(update.clone());
        heard.slow.clone().filter(|(chat, _)| update["message"]["chat"]["id"] == *chat)
    };
    if let Some((_, gate)) = gate {
        gate.notified().await;
    }
    let (status, body) = ear.lock().unwrap().answers.pop_front().unwrap_or((200, String::new()));
    Response::builder().status(StatusCode::from_u16(status).unwrap()).body(body)
}

struct Bot {
    ear: Ear,
    url: String,
    server: JoinHandle<std::io::Result<()>>,
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Bot {
    async fn listen() -> Self {
        use poem::EndpointExt;
        let ear = Ear::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let server = Server::new_with_acceptor(TcpAcceptor::from_tokio(listener).unwrap());
        let server = tokio::spawn(server.run(hear.data(Arc::clone(&ear))));
        Self { ear, url, server }
    }

    fn will_answer(&self, answers: &[(u16, &str)]) {
        let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned()));
        self.ear.lock().unwrap().answers.extend(answers);
    }

    fn texts(&self) -> Vec<String> {
        let heard = self.ear.lock().unwrap();
        heard.updates.iter().map(|update| text(&update["message"], "text").to_owned()).collect()
    }
}

/// A sandbox that calls a bot.
async fn calling() -> (Drive, Bot) {
    let (drive, bot) = (start().await, Bot::listen().await);
    drive.bot_ok("setWebhook", json!({ "url": bot.url, "secret_token": SECRET })).await;
    (drive, bot)
}

/// From now on only `advance` delivers, one update of each queue at a time.
async fn hold(drive: &Drive) {
    drive.control("telegram/webhook", json!({ "hold": true })).await;
}

async fn advance(drive: &Drive) -> Value {
    drive.control("telegram/webhook/advance", json!({})).await
}

#[tokio::test]
async fn a_webhook_that_telegram_refuses_is_refused() {
    let drive = start().await;
    let https = "Bad Request: bad webhook: An HTTPS URL must be provided for webhook";
    let ports = "Bad Request: bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443";
    let unallowed = "Bad Request: secret token contains unallowed characters";
    for (body, description) in [
        (json!({ "url": "http://x.example/" }), https),
        (json!({ "url": "http://127.0.0.1.x.example/" }), https),
        (json!({ "url": "http://10.0.0.1/" }), https),
        (json!({ "url": "ftp://127.0.0.1/" }), https),
        (json!({ "url": "https://x.example:8080/" }), ports),
        (json!({ "url": "nowhere" }), "Bad Request: bad webhook: invalid webhook URL specified"),
        (json!({ "url": "https://x.example/", "secret_token": "a b" }), unallowed),
        (json!({ "url": "https://x.example/", "secret_token": "ä" }), unallowed),
        (
            json!({ "url": "https://x.example/", "secret_token": "a".repeat(257) }),
            "Bad Request: secret token is too long",
        ),
        (
            json!({ "url": "https://x.example/", "allowed_updates": "message" }),
            "Bad Request: can't parse allowed updates JSON object",
        ),
        (
            json!({ "url": "https://x.example/", "allowed_updates": [1] }),
            "Bad Request: can't parse allowed updates: array of strings expected",
        ),
    ] {
        assert_eq!(drive.bot_refusal("setWebhook", body.clone()).await, description, "{body}");
        assert_eq!(drive.bot_ok("getWebhookInfo", json!({})).await["url"], "", "{body}");
    }
    for url in ["http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "https://x.example:88/"] {
        let body = json!({ "url": url, "secret_token": "a".repeat(256), "max_connections": 500 });
        drive.bot_ok("setWebhook", body).await;
    }
    assert_eq!(drive.bot_ok("getWebhookInfo", json!({})).await["max_connections"], 100);
    drive.bot_ok("setWebhook", json!({ "url": "" })).await;
    assert_eq!(drive.bot_ok("getWebhookInfo", json!({})).await["url"], "", "an empty address removes it");
}

#[tokio::test]
async fn an_update_comes_once_with_the_secret() {
    let (drive, bot) = calling().await;
    let said = drive.say(ADA, "hello").await;
    let seen = advance(&drive).await;
    let heard = bot.ear.lock().unwrap();
    assert_eq!(heard.updates.len(), 1);
    assert_eq!(heard.updates[0]["update_id"], said["update_id"]);
    assert_eq!(heard.updates[0]["message"]["text"], "hello");
    assert_eq!(heard.secrets, [Some(SECRET.to_owned())]);
    let delivery = &seen["deliveries"][0];
    assert_eq!((delivery["status"].as_u64(), delivery["attempt"].as_u64()), (Some(200), Some(1)));
    assert_eq!(seen["info"]["pending_update_count"], 0);
    assert!(seen["info"].get("last_error_message").is_none());
}

#[tokio::test]
async fn without_a_secret_there_is_no_header() {
    let (drive, bot) = calling().await;
    drive.bot_ok("setWebhook", json!({ "url": bot.url })).await;
    drive.say(ADA, "hello").await;
    advance(&drive).await;
    assert_eq!(bot.ear.lock().unwrap().secrets, [None]);
}

#[tokio::test]
async fn what_is_not_accepted_comes_again_and_in_order() {
    let (drive, bot) = calling().await;
    bot.will_answer(&[(500, ""), (302, ""), (401, "")]);
    hold(&drive).await;
    for words in ["one", "two", "three"] {
        drive.say(ADA, words).await;
    }
    let seen = advance(&drive).await;
    assert_eq!(seen["waiting"].as_array().unwrap().len(), 3, "the first one holds the others back");
    assert_eq!(seen["info"]["last_error_message"], "Wrong response from the webhook: 500 Internal Server Error");
    assert!(seen["info"]["last_error_date"].is_i64());
    assert!(seen["waiting"][0]["retry_at"].is_string(), "and waits itself");
    assert_eq!(advance(&drive).await["info"]["last_error_message"], "Wrong response from the webhook: 302 Found");
    let seen = advance(&drive).await;
    assert_eq!(seen["waiting"][0]["failures"], 3);
    assert_eq!(bot.texts(), ["one", "one", "one"]);
    assert_eq!(advance(&drive).await["waiting"].as_array().unwrap().len(), 2);
    drive.control("telegram/webhook", json!({ "hold": false })).await;
    let seen = advance(&drive).await;
    assert_eq!(seen["waiting"], json!([]));
    assert_eq!(bot.texts(), ["one", "one", "one", "one", "two", "three"]);
    assert_eq!(seen["info"]["last_error_message"], "Wrong response from the webhook: 401 Unauthorized", "still told");
}

#[tokio::test]
async fn a_press_that_is_not_accepted_holds_back_presses_but_no_messages() {
    let (drive, bot) = calling().await;
    let keyboard = json!({ "inline_keyboard": [[{ "text": "Yes", "callback_data": "yes" }]] });
    drive.say(ADA, "one").await;
    advance(&drive).await;
    let sent = drive.bot_ok("sendMessage", json!({ "chat_id": ADA, "text": "?", "reply_markup": keyboard })).await;
    hold(&drive).await;
    bot.will_answer(&[(500, "")]);
    for _ in 0..2 {
        let press = json!({ "message_id": sent["message_id"], "button": "Yes" });
        drive.control(&format!("telegram/people/{ADA}/press"), press).await;
    }
    assert_eq!(advance(&drive).await["waiting"].as_array().unwrap().len(), 2, "the second press waits for the first");
    drive.say(ADA, "two").await;
    let seen = advance(&drive).await;
    let heard = bot.ear.lock().unwrap();
    let pressed = heard.updates.iter().filter(|update| update["callback_query"].is_object()).count();
    assert_eq!(pressed, 2, "the first, twice");
    assert!(heard.updates.iter().any(|update| update["message"]["text"] == "two"), "the message waits for neither");
    assert_eq!(seen["waiting"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_back_off_ends_by_the_clock() {
    let file = std::env::temp_dir().join(format!("sandbox-webhook-clock-{}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let drive = start_with(Settings { clock_offset_file: Some(file.clone()), ..Settings::default() }).await;
    let bot = Bot::listen().await;
    hold(&drive).await;
    // So many that the last pause cannot end by itself while this runs.
    bot.will_answer(&[(500, ""); 7]);
    drive.bot_ok("setWebhook", json!({ "url": bot.url })).await;
    drive.say(ADA, "hello").await;
    for _ in 0..7 {
        advance(&drive).await;
    }
    drive.control("telegram/webhook", json!({ "hold": false })).await;
    assert_eq!(bot.texts().len(), 7);
    std::fs::write(&file, "65000").unwrap();
    let accepted = async {
        while drive.see("telegram/webhook").await["waiting"] != json!([]) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), accepted).await.expect("due again after a minute");
    assert_eq!(bot.texts().len(), 8);
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test]
async fn a_slow_chat_holds_no_other_back() {
    let (drive, bot) = calling().await;
    let gate = Arc::new(tokio::sync::Notify::new());
    bot.ear.lock().unwrap().slow = Some((ADA, Arc::clone(&gate)));
    drive.say(ADA, "slow").await;
    drive.say(ADA, "after slow").await;
    drive.say(BEN, "quick").await;
    let both_heard = async {
        while bot.texts().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), both_heard).await.expect("Ben is heard while Ada waits");
    let mut heard = bot.texts();
    heard.sort();
    assert_eq!(heard, ["quick", "slow"]);
    bot.ear.lock().unwrap().slow = None;
    gate.notify_one();
    advance(&drive).await;
    assert_eq!(bot.texts().last().unwrap(), "after slow");
}

#[tokio::test]
async fn one_connection_means_one_at_a_time() {
    let (drive, bot) = calling().await;
    drive.bot_ok("setWebhook", json!({ "url": bot.url, "max_connections": 1 })).await;
    let gate = Arc::new(tokio::sync::Notify::new());
    bot.ear.lock().unwrap().slow = Some((ADA, Arc::clone(&gate)));
    drive.say(ADA, "slow").await;
    drive.say(BEN, "waits").await;
    let heard = async {
        while bot.texts().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), heard).await.unwrap();
    let waiting = drive.see("telegram/webhook").await["waiting"].clone();
    let flying = waiting.as_array().unwrap().iter().filter(|one| one["in_flight"] == true).count();
    assert_eq!((flying, bot.texts().len()), (1, 1));
    bot.ear.lock().unwrap().slow = None;
    gate.notify_one();
    advance(&drive).await;
    assert_eq!(bot.texts(), ["slow", "waits"]);
}

#[tokio::test]
async fn nobody_listening_is_told_and_nothing_is_lost() {
    let drive = start().await;
    drive.bot_ok("setWebhook", json!({ "url": "http://127.0.0.1:1/" })).await;
    drive.say(ADA, "anybody there?").await;
    let seen = advance(&drive).await;
    assert_eq!(seen["info"]["last_error_message"], "Connection refused");
    assert_eq!(seen["deliveries"][0]["status"], Value::Null);
    assert_eq!(drive.bot("getUpdates", json!({})).await.0, 409, "a webhook shuts polling out");
    drive.bot_ok("deleteWebhook", json!({})).await;
    let updates = drive.bot_ok("getUpdates", json!({})).await;
    assert_eq!(updates[0]["message"]["text"], "anybody there?");
}

#[tokio::test]
async fn switching_between_asking_and_being_called_loses_nothing() {
    let (drive, bot) = (start().await, Bot::listen().await);
    drive.say(ADA, "asked for, not confirmed").await;
    assert_eq!(drive.bot_ok("getUpdates", json!({})).await.as_array().unwrap().len(), 1);
    drive.bot_ok("setWebhook", json!({ "url": bot.url })).await;
    advance(&drive).await;
    assert_eq!(bot.texts(), ["asked for, not confirmed"]);
    hold(&drive).await;
    drive.say(ADA, "held").await;
    assert_eq!(drive.see("telegram/webhook").await["waiting"].as_array().unwrap().len(), 1);
    drive.bot_ok("deleteWebhook", json!({})).await;
    let updates = drive.bot_ok("getUpdates", json!({})).await;
    assert_eq!(updates[0]["message"]["text"], "held");
    drive.control("telegram/webhook", json!({ "hold": false })).await;
    drive.bot_ok("setWebhook", json!({ "url": bot.url, "drop_pending_updates": true })).await;
    advance(&drive).await;
    assert_eq!(bot.texts().len(), 1, "dropped on request");
}

#[tokio::test]
async fn setting_a_webhook_ends_whoever_waits_for_updates() {
    let drive = start().await;
    let began = Instant::now();
    let (waiting, _) = tokio::join!(drive.bot("getUpdates", json!({ "timeout": 30 })), async {
        // Long enough for whoever waits to have arrived.
        tokio::time::sleep(Duration::from_secs(2)).await;
        drive.bot_ok("setWebhook", json!({ "url": "http://127.0.0.1:1/" })).await
    });
    assert!(began.elapsed() < Duration::from_secs(15), "at once, not when its own wait ends");
    assert_eq!(waiting.0, 409);
    assert_eq!(text(&waiting.1, "description"), "Conflict: terminated by setWebhook request");
}

#[tokio::test]
async fn an_update_comes_twice_on_command() {
    let (drive, bot) = calling().await;
    drive.control("telegram/webhook", json!({ "twice": 1 })).await;
    let said = drive.say(ADA, "first").await;
    advance(&drive).await;
    drive.say(ADA, "second").await;
    advance(&drive).await;
    assert_eq!(bot.texts(), ["first", "first", "second"]);
    drive.control(&format!("telegram/updates/{}/repeat", said["update_id"]), json!({})).await;
    advance(&drive).await;
    assert_eq!(bot.texts(), ["first", "first", "second", "first"]);
}

#[tokio::test]
async fn only_allowed_kinds_come() {
    let (drive, bot) = calling().await;
    let body = json!({ "url": bot.url, "allowed_updates": ["callback_query"] });
    drive.bot_ok("setWebhook", body).await;
    drive.say(ADA, "unheard").await;
    assert_eq!(advance(&drive).await["info"]["allowed_updates"], json!(["callback_query"]));
    assert_eq!(bot.texts().len(), 0);
}

#[tokio::test]
async fn the_answer_may_call_a_method() {
    let (drive, bot) = calling().await;
    let call = json!({ "method": "sendMessage", "chat_id": ADA, "text": "at once" }).to_string();
    let wrong = json!({ "method": "sendMessage", "chat_id": ADA }).to_string();
    bot.will_answer(&[(200, &call), (200, &wrong), (200, "thanks")]);
    for words in ["one", "two", "three"] {
        drive.say(ADA, words).await;
    }
    let seen = advance(&drive).await;
    let answers: Vec<_> = seen["deliveries"].as_array().unwrap().iter().map(|one| one["method_ok"].clone()).collect();
    assert_eq!(answers, [json!(true), json!(false), Value::Null]);
    assert_eq!(seen["waiting"], json!([]), "a call that fails is not repeated");
    let transcript = drive.see("telegram/people/1001/messages").await;
    assert!(transcript["messages"].as_array().unwrap().iter().any(|message| message["text"] == "at once"));
}
