//! Pictures and documents, both ways, asked rightly and wrongly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use std::io::Cursor;

use base64::{Engine, engine::general_purpose::STANDARD};
use drive::{Drive, start, text};
use image::{DynamicImage, ImageFormat};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

const ADA: i64 = 1001;

async fn chatting() -> Drive {
    let drive = start().await;
    drive.say(ADA, "/start").await;
    drive.control("telegram/limits", json!({ "enabled": false })).await;
    drive
}

fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(width, height).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    picture(width, height, ImageFormat::Png)
}

fn file(bytes: &[u8], name: &str) -> Part {
    Part::bytes(bytes.to_vec()).file_name(name.to_owned())
}

async fn call(drive: &Drive, method: &str, form: Form) -> (u16, Value) {
    let path = format!("/botsandbox-bot-token/{method}");
    let response = drive.post(&path).multipart(form).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn refusal(drive: &Drive, method: &str, form: Form) -> String {
    let (_, body) = call(drive, method, form).await;
    assert_eq!(body["ok"], false, "{body}");
    text(&body, "description").to_owned()
}

fn to_ada() -> Form {
    Form::new().text("chat_id", "1001")
}

async fn send_photo(drive: &Drive, bytes: &[u8]) -> Value {
    let (_, body) = call(drive, "sendPhoto", to_ada().part("photo", file(bytes, "p.png"))).await;
    assert_eq!(body["ok"], true, "{body}");
    body["result"].clone()
}

#[tokio::test]
async fn a_photo_is_sent_shown_and_fetched_again() {
    let drive = chatting().await;
    let bytes = png(40, 30);
    let keyboard = r#"{"inline_keyboard":[[{"text":"Next","callback_data":"next"}]]}"#;
    let form = to_ada()
        .text("photo", "attach://week")
        .text("caption", "<b>Your week</b> &amp; more")
        .text("parse_mode", "HTML")
        .text("reply_markup", keyboard)
        .part("week", file(&bytes, "week.png"));
    let (_, sent) = call(&drive, "sendPhoto", form).await;
    let sent = &sent["result"];
    assert_eq!((sent["caption"].as_str(), sent.get("text")), (Some("Your week & more"), None));
    assert_eq!(sent["caption_entities"][0]["type"], "bold");
    assert_eq!(sent["reply_markup"]["inline_keyboard"][0][0]["text"], "Next");
    let photo = &sent["photo"][0];
    assert_eq!((photo["width"].as_u64(), photo["height"].as_u64()), (Some(40), Some(30)));
    assert_eq!(photo["file_size"], bytes.len());

    let found = drive.bot_ok("getFile", json!({ "file_id": photo["file_id"] })).await;
    let path = format!("/file/botsandbox-bot-token/{}", text(&found, "file_path"));
    let fetched = drive.get(&path).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(fetched, bytes, "the very bytes");
    assert_eq!(drive.get(&path.replace("sandbox-bot-token", "other")).send().await.unwrap().status(), 401);
    assert_eq!(drive.get("/file/botsandbox-bot-token/photos/none").send().await.unwrap().status(), 404);
    assert_eq!(drive.bot_refusal("getFile", json!({ "file_id": "none" })).await, "Bad Request: invalid file_id");

    let transcript = drive.see("telegram/people/1001/messages").await;
    let bubble = &transcript["messages"][1];
    assert_eq!((bubble["text"].as_str(), text(&bubble["media"], "kind")), (Some("Your week & more"), "photo"));
    let shown = drive.get(text(&bubble["media"], "address")).send().await.unwrap();
    assert_eq!(shown.headers()["content-type"], "image/png");
    assert_eq!(shown.bytes().await.unwrap(), bytes);

    let again = json!({ "chat_id": ADA, "photo": photo["file_id"] });
    assert_eq!(drive.bot_ok("sendPhoto", again).await["photo"][0]["file_id"], photo["file_id"], "known by its id");
    let jpeg = picture(20, 10, ImageFormat::Jpeg);
    assert_eq!(send_photo(&drive, &jpeg).await["photo"][0]["width"], 20);
}

/// <https://core.telegram.org/bots/api#sendphoto>
#[tokio::test]
async fn what_is_no_photo_to_telegram_is_refused() {
    let drive = chatting().await;
    let cut_short = &png(400, 300)[..60];
    let mut garbled = picture(400, 300, ImageFormat::Png);
    let middle = garbled.len() / 2;
    garbled[middle..middle + 8].fill(0xff);
    let too_heavy = vec![0; 10 * 1024 * 1024 + 1];
    let heavy = "Bad Request: file of size 10485761 bytes is too big for a photo; the maximum size is 10485760 bytes";
    let dimensions = "Bad Request: PHOTO_INVALID_DIMENSIONS";
    for (bytes, description) in [
        (&b"GIF89a"[..], "Bad Request: IMAGE_PROCESS_FAILED"),
        (b"<svg/>", "Bad Request: IMAGE_PROCESS_FAILED"),
        (cut_short, "Bad Request: IMAGE_PROCESS_FAILED"),
        (&garbled, "Bad Request: IMAGE_PROCESS_FAILED"),
        (b"", "Bad Request: file must be non-empty"),
        (&too_heavy, heavy),
        (&png(9990, 500), dimensions),
        (&png(210, 10), dimensions),
        (&png(10, 210), dimensions),
    ] {
        let form = to_ada().part("photo", file(bytes, "p.png"));
        assert_eq!(refusal(&drive, "sendPhoto", form).await, description);
    }
    send_photo(&drive, &png(200, 10)).await;
    send_photo(&drive, &png(9500, 500)).await;
    for (photo, description) in [
        (None, "Bad Request: there is no photo in the request"),
        (Some("attach://nothing"), "Bad Request: there is no photo in the request"),
        (Some("no-such-id"), "Bad Request: wrong file identifier/HTTP URL specified"),
        (Some("https://x.example/p.png"), "Bad Request: failed to get HTTP URL content"),
    ] {
        let body = json!({ "chat_id": ADA, "photo": photo });
        assert_eq!(drive.bot_refusal("sendPhoto", body).await, description);
    }
    assert_eq!(
        refusal(&drive, "sendPhoto", Form::new().text("chat_id", "77").part("photo", file(&png(9, 9), "p"))).await,
        "Bad Request: chat not found"
    );
}

#[tokio::test]
async fn captions_are_measured_and_read_like_texts() {
    let drive = chatting().await;
    let photo = send_photo(&drive, &png(9, 9)).await["photo"][0]["file_id"].clone();
    let with = |caption: String| json!({ "chat_id": ADA, "photo": photo, "caption": caption, "parse_mode": "HTML" });
    drive.bot_ok("sendPhoto", with(format!("<b>{}</b>", "a".repeat(1024)))).await;
    let long = drive.bot_refusal("sendPhoto", with("🎂".repeat(513))).await;
    assert_eq!(long, "Bad Request: message caption is too long", "each cake counts two");
    let open = drive.bot_refusal("sendPhoto", with("<b>x".to_owned())).await;
    assert!(open.starts_with("Bad Request: can't parse entities: "), "{open}");
}

#[tokio::test]
async fn a_document_keeps_its_name_and_bytes() {
    let drive = chatting().await;
    let part = file(b"BEGIN:VCALENDAR", "../etc/Rechnung März.ics").mime_str("text/calendar").unwrap();
    let (_, sent) = call(&drive, "sendDocument", to_ada().part("document", part).text("caption", "Here")).await;
    let document = &sent["result"]["document"];
    assert_eq!(text(document, "file_name"), "Rechnung März.ics", "never a path");
    assert_eq!(text(document, "mime_type"), "text/calendar");
    assert_eq!(sent["result"]["caption"], "Here");
    let shown = drive.see("telegram/people/1001/messages").await["messages"][1]["media"].clone();
    let answer = drive.get(text(&shown, "address")).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/octet-stream", "nothing that was sent runs in a page");
    assert_eq!(answer.bytes().await.unwrap(), &b"BEGIN:VCALENDAR"[..]);

    let as_photo = json!({ "chat_id": ADA, "photo": document["file_id"] });
    assert_eq!(drive.bot_refusal("sendPhoto", as_photo).await, "Bad Request: can't use file of type Document as Photo");
    assert_eq!(
        drive.bot_refusal("sendDocument", json!({ "chat_id": ADA })).await,
        "Bad Request: there is no document in the request"
    );
    let empty = to_ada().part("document", file(b"", "x"));
    assert_eq!(refusal(&drive, "sendDocument", empty).await, "Bad Request: file must be non-empty");
}

/// <https://core.telegram.org/bots/api#sending-files>: 50 MB.
#[tokio::test]
async fn a_document_may_have_fifty_megabytes_and_not_one_byte_more() {
    let drive = chatting().await;
    let limit = 50 * 1024 * 1024;
    let (status, body) =
        call(&drive, "sendDocument", to_ada().part("document", file(&vec![7; limit + 1], "x.bin"))).await;
    assert_eq!((status, text(&body, "description")), (413, "Request Entity Too Large"));
    let (status, body) = call(&drive, "sendDocument", to_ada().part("document", file(&vec![7; limit], "x.bin"))).await;
    assert_eq!(status, 200, "{body}");
    let id = &body["result"]["document"]["file_id"];
    assert_eq!(
        drive.bot_refusal("getFile", json!({ "file_id": id })).await,
        "Bad Request: file is too big",
        "a bot downloads 20 MB at most"
    );
}

#[tokio::test]
async fn a_photo_is_exchanged_in_place() {
    let drive = chatting().await;
    let sent = send_photo(&drive, &png(40, 30)).await;
    let id = sent["message_id"].as_i64().unwrap();
    let edit = |bytes: &[u8], media: Value| {
        Form::new()
            .text("chat_id", "1001")
            .text("message_id", id.to_string())
            .text("media", media.to_string())
            .part("new", file(bytes, "new.png"))
    };
    let next = json!({ "type": "photo", "media": "attach://new", "caption": "<i>next</i>", "parse_mode": "HTML" });
    let (_, edited) = call(&drive, "editMessageMedia", edit(&png(50, 30), next.clone())).await;
    assert_eq!(edited["result"]["photo"][0]["width"], 50, "{edited}");
    assert_eq!(edited["result"]["caption_entities"][0]["type"], "italic");
    let again = refusal(&drive, "editMessageMedia", edit(&png(50, 30), next)).await;
    assert!(again.starts_with("Bad Request: message is not modified"), "{again}");

    let what = "Bad Request: can't parse InputMedia: ";
    for (media, description) in [
        (
            json!({ "type": "photo", "media": "attach://old" }),
            "Bad Request: there is no photo in the request".to_owned(),
        ),
        (json!({ "type": "photo" }), "Bad Request: there is no photo in the request".to_owned()),
        (json!({ "type": "picture", "media": "attach://new" }), format!("{what}invalid type specified")),
        (json!("photo"), format!("{what}Object expected")),
    ] {
        assert_eq!(refusal(&drive, "editMessageMedia", edit(&png(9, 9), media)).await, description);
    }
    let not_a_picture = json!({ "type": "photo", "media": "attach://new" });
    assert_eq!(
        refusal(&drive, "editMessageMedia", edit(b"GIF89a", not_a_picture.clone())).await,
        "Bad Request: IMAGE_PROCESS_FAILED"
    );
    let text_edit = json!({ "chat_id": ADA, "message_id": id, "text": "words" });
    assert_eq!(
        drive.bot_refusal("editMessageText", text_edit).await,
        "Bad Request: there is no text in the message to edit"
    );
    let caption = json!({ "chat_id": ADA, "message_id": id, "caption": "other words" });
    assert_eq!(drive.bot_ok("editMessageCaption", caption.clone()).await["caption"], "other words");
    assert!(drive.bot_refusal("editMessageCaption", caption).await.contains("message is not modified"));

    let words = drive.bot_ok("sendMessage", json!({ "chat_id": ADA, "text": "words" })).await["message_id"].clone();
    let caption = json!({ "chat_id": ADA, "message_id": words, "caption": "x" });
    assert_eq!(
        drive.bot_refusal("editMessageCaption", caption).await,
        "Bad Request: there is no caption in the message to edit"
    );
    let becomes_photo = Form::new()
        .text("chat_id", "1001")
        .text("message_id", words.to_string())
        .text("media", not_a_picture.to_string())
        .part("new", file(&png(9, 9), "new.png"));
    let (_, edited) = call(&drive, "editMessageMedia", becomes_photo).await;
    assert_eq!(edited["result"]["photo"][0]["width"], 9, "media can be added to a text");
}

#[tokio::test]
async fn people_send_things_too() {
    let drive = start().await;
    let send = async |kind: &str, body: Value| drive.control(&format!("telegram/people/1001/{kind}"), body).await;
    send("location", json!({ "latitude": -33.8568, "longitude": 151.2153 })).await;
    send("photo", json!({ "base64": STANDARD.encode(png(30, 20)), "caption": "look" })).await;
    send("document", json!({ "file_name": "a.txt" })).await;
    send("voice", json!({})).await;
    send("sticker", json!({})).await;
    let updates = drive.bot_ok("getUpdates", json!({})).await;
    let message = |index: usize| updates[index]["message"].clone();
    assert_eq!(message(0)["location"], json!({ "latitude": -33.8568, "longitude": 151.2153 }));
    assert_eq!((message(1)["photo"][0]["width"].as_u64(), message(1)["caption"].as_str()), (Some(30), Some("look")));
    assert_eq!(message(2)["document"]["file_name"], "a.txt");
    assert_eq!(message(3)["voice"]["duration"], 1);
    assert_eq!(message(4)["sticker"]["emoji"], "👍");
    assert!((0..5).all(|index| message(index).get("text").is_none()));
    let found = drive.bot_ok("getFile", json!({ "file_id": message(2)["document"]["file_id"] })).await;
    assert_eq!(text(&found, "file_path").rsplit_once('.').unwrap().1, "txt");
    for (kind, body, status) in [
        ("location", json!({ "latitude": 91 }), 400),
        ("photo", json!({ "base64": STANDARD.encode("no picture") }), 400),
        ("photo", json!({ "base64": "%" }), 400),
        ("dance", json!({}), 404),
        ("location", json!({ "lat": 1 }), 400),
    ] {
        let response = drive.post(&format!("/sandbox/telegram/people/1001/{kind}")).json(&body).send().await.unwrap();
        assert_eq!(response.status(), status, "{kind} {body}");
    }
}
