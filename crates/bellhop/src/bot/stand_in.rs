//! A Telegram of a few lines for the tests of this module: answers as it is told, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use base64::Engine;
use bellhop_domain::TenantId;
use serde_json::{Value, json};
use teloxide::Bot;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use url::Url;
use uuid::Uuid;

use super::say::Speaker;
use super::visit::{Desk, Turns};
use crate::app::App;
use crate::config::{Settings, Source};

/// What comes back for a call of this method, given how often it was made before. Nothing: the connection breaks off.
pub type Answer = fn(&str, usize) -> Option<Value>;

/// A server on a port of its own, gone with the test.
pub struct Telegram {
    pub bot: Bot,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

/// Takes everything.
#[expect(clippy::unnecessary_wraps, reason = "it is an Answer")]
pub fn takes_all(method: &str, _: usize) -> Option<Value> {
    Some(json!({ "ok": true, "result": match method {
        "getme" => json!({ "username": "bellhop_bot" }),
        "getupdates" => json!([]),
        "sendmessage" => json!({ "message_id": 7 }),
        _ => json!(true),
    } }))
}

/// A refusal in Telegram's words.
pub fn refusal(description: &str) -> Value {
    json!({ "ok": false, "error_code": 0, "description": description })
}

fn bot_at(address: &str) -> Bot {
    // A second test in the same process finds it installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    super::client(&"1:stand-in".to_owned().into(), &Url::parse(&format!("http://{address}")).unwrap())
}

impl Telegram {
    pub async fn answering(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bot = bot_at(&listener.local_addr().unwrap().to_string());
        let asked = Arc::new(Mutex::new(vec![]));
        let heard = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer, Arc::clone(&heard)));
            }
        });
        Self { bot, asked }
    }

    /// A bot whose Telegram nobody can connect to.
    pub async fn out_of_reach() -> Bot {
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        bot_at(&closed.to_string())
    }

    /// The methods that were called, in their order and in lower case.
    pub fn called(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(method, _)| method.clone()).collect()
    }

    /// What the nth call carried.
    pub fn body(&self, nth: usize) -> Value {
        self.asked.lock().unwrap()[nth].1.clone()
    }

    /// A desk whose store is out of reach.
    pub fn desk(&self) -> Desk {
        let key = base64::engine::general_purpose::STANDARD.encode([5; 32]);
        let values = [("DATABASE_URL", "postgres://app@127.0.0.1:1/none"), ("MASTER_KEY", &key)];
        let app = App::new(Settings::read(&Source::fixed(&values)).unwrap()).unwrap();
        Desk {
            app,
            speaker: Speaker::new(self.bot.clone(), std::time::Duration::from_secs(20)),
            tenant: TenantId::new(Uuid::nil()),
            username: "bellhop_bot".to_owned(),
            turns: Turns::default(),
            live: Notify::new(),
        }
    }
}

async fn serve(mut stream: TcpStream, answer: Answer, asked: Arc<Mutex<Vec<(String, Value)>>>) {
    let mut request = vec![];
    let (head, body) = loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.unwrap_or(0);
        if read == 0 {
            return;
        }
        request.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let path = head.split(' ').nth(1).unwrap_or_default();
    let method = path.rsplit('/').next().unwrap_or_default().to_lowercase();
    let before = {
        let mut asked = asked.lock().unwrap();
        asked.push((method.clone(), serde_json::from_str(&body).unwrap_or_default()));
        asked.iter().filter(|(earlier, _)| *earlier == method).count() - 1
    };
    let Some(answer) = answer(&method, before) else { return };
    let answer = answer.to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
    let _ = stream.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).as_bytes()).await;
}
