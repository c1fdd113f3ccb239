//! Whole mails: their parts and attachments, what is sent, what is found, and bytes that are no mail at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test says what went wrong by failing")]

mod drive;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use drive::{Drive, GMAIL, start, text};
use reqwest::Response;
use serde_json::{Value, json};

const SEND: &str = "https://www.googleapis.com/auth/gmail.send";

async fn connected() -> (Drive, String) {
    let drive = start().await;
    let token = drive.token_for("alice", &[GMAIL, SEND]).await;
    (drive, token)
}

async fn import(drive: &Drive, raw: &[u8]) -> String {
    let response = drive.post("/sandbox/google/accounts/alice/mails/raw").body(raw.to_vec()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    text(&response.json().await.unwrap(), "id").to_owned()
}

async fn send(drive: &Drive, token: &str, body: Value) -> (u16, Value) {
    answer(drive.post("/gmail/v1/users/me/messages/send").bearer_auth(token).json(&body).send().await.unwrap()).await
}

async fn answer(response: Response) -> (u16, Value) {
    (response.status().as_u16(), response.json().await.unwrap())
}

fn data(body: &Value) -> Vec<u8> {
    URL_SAFE.decode(text(body, "data")).unwrap()
}

fn header<'a>(message: &'a Value, name: &str) -> Option<&'a str> {
    let headers = message["payload"]["headers"].as_array().unwrap();
    headers.iter().find(|header| text(header, "name").eq_ignore_ascii_case(name)).map(|header| text(header, "value"))
}

#[tokio::test]
async fn a_mail_is_taken_apart_part_by_part() {
    let (drive, token) = connected().await;
    let raw = b"From: a@x.example\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n\
        --m\r\nContent-Type: multipart/alternative; boundary=n\r\n\r\n--n\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\nSch=F6n\r\n--n\r\nContent-Type: text/html\r\n\r\n<p>Sch&ouml;n\r\n--n--\r\n\
        --m\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"a b.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBE\r\nRg==\r\n--m--\r\n";
    let id = import(&drive, raw).await;
    let (_, message) = drive.gmail(&token, &format!("messages/{id}")).await;
    let root = &message["payload"];
    assert_eq!((text(root, "partId"), text(root, "mimeType")), ("", "multipart/mixed"));
    assert_eq!(root["body"], json!({ "size": 0 }));
    assert_eq!(header(&message, "Subject"), Some("Grüße"));
    let plain = &root["parts"][0]["parts"][0];
    assert_eq!((text(plain, "partId"), text(plain, "mimeType"), text(plain, "filename")), ("0.0", "text/plain", ""));
    assert_eq!(data(&plain["body"]), b"Sch\xf6n", "in its own character set, without its transfer encoding");
    assert_eq!(plain["headers"][0], json!({ "name": "Content-Type", "value": "text/plain; charset=iso-8859-1" }));
    assert_eq!(text(&root["parts"][0]["parts"][1], "mimeType"), "text/html");
    let attached = &root["parts"][1];
    assert_eq!((text(attached, "partId"), text(attached, "filename")), ("1", "a b.pdf"));
    assert_eq!(attached["body"]["size"], 4);
    assert!(attached["body"].get("data").is_none());
    let (_, back) = drive.gmail(&token, &format!("messages/{id}?format=raw")).await;
    assert_eq!(URL_SAFE.decode(text(&back, "raw")).unwrap(), raw, "byte for byte");
    assert_eq!(back["sizeEstimate"], raw.len());
    assert_eq!(message["snippet"], "Schön");
}

#[tokio::test]
async fn attachments_come_on_request_under_ids_that_change() {
    let (drive, token) = connected().await;
    let content = b"%PDF-1.4 not really".to_vec();
    let mail = json!({ "subject": "With a file", "text": "See file.", "attachments": [
        { "filename": "Rechnung \u{2600}.pdf", "kind": "application/pdf", "data": STANDARD.encode(&content) },
    ] });
    let id = text(&drive.control("google/accounts/alice/mails", mail).await, "id").to_owned();
    let attachment = async || {
        let (_, message) = drive.gmail(&token, &format!("messages/{id}")).await;
        let part = message["payload"]["parts"][1].clone();
        assert_eq!(text(&part, "filename"), "Rechnung \u{2600}.pdf");
        text(&part["body"], "attachmentId").to_owned()
    };
    let (one, other) = (attachment().await, attachment().await);
    assert_ne!(one, other);
    for attachment in [&one, &other] {
        let (status, body) = drive.gmail(&token, &format!("messages/{id}/attachments/{attachment}")).await;
        assert_eq!((status, body["size"].as_u64()), (200, Some(content.len() as u64)));
        assert_eq!(data(&body), content);
    }
    let another = text(&drive.control("google/accounts/alice/mails", json!({ "text": "x" })).await, "id").to_owned();
    for (path, status) in [
        (format!("messages/{another}/attachments/{one}"), 400),
        (format!("messages/{id}/attachments/made-up"), 400),
        (format!("messages/0000000000000000/attachments/{one}"), 404),
    ] {
        assert_eq!(drive.gmail(&token, &path).await.0, status, "{path}");
    }
    let calendar = drive.token_for("bob", &[SEND]).await;
    assert_eq!(drive.gmail(&calendar, &format!("messages/{id}/attachments/{one}")).await.0, 403);
    let big = json!({ "text": "long ".repeat(200_000) });
    let big = text(&drive.control("google/accounts/alice/mails", big).await, "id").to_owned();
    let (_, message) = drive.gmail(&token, &format!("messages/{big}")).await;
    let body = &message["payload"]["body"];
    assert!(body.get("data").is_none(), "a long text is an attachment too");
    let (_, body) = drive.gmail(&token, &format!("messages/{big}/attachments/{}", text(body, "attachmentId"))).await;
    assert_eq!(data(&body).len(), 1_000_000);
}

#[tokio::test]
async fn any_bytes_can_arrive_and_be_read() {
    let (drive, token) = connected().await;
    let huge = [b"Content-Type: text/plain\r\n\r\n".to_vec(), vec![b'x'; 10_000_000]].concat();
    let nested = b"Content-Type: message/rfc822\n\n".repeat(20_000);
    for raw in [
        &b""[..],
        b"\0\xff\xfe",
        b"no header at all",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n--x--",
        b"Subject: =?utf-8?B?////?=\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        &huge,
        &nested,
    ] {
        let id = import(&drive, raw).await;
        for format in ["full", "raw", "metadata", "minimal"] {
            let (status, message) = drive.gmail(&token, &format!("messages/{id}?format={format}")).await;
            assert_eq!((status, text(&message, "id")), (200, id.as_str()));
        }
        drive.see(&format!("google/accounts/alice/mails/{id}")).await;
    }
    assert_eq!(drive.gmail(&token, "messages?q=anything").await.0, 200);
    drive.see("secrets").await;
}

#[tokio::test]
async fn what_is_sent_lies_in_sent_and_arrives() {
    let (drive, token) = connected().await;
    let raw = "To: Bob <bob@sandbox.example>\r\nBcc: carol@sandbox.example\r\nSubject: Hello\r\nMessage-ID: <chosen@bellhop.example>\r\n\r\nHi Bob";
    let (status, sent) = send(&drive, &token, json!({ "raw": URL_SAFE_NO_PAD.encode(raw) })).await;
    assert_eq!((status, &sent["labelIds"]), (200, &json!(["SENT"])));
    let id = text(&sent, "id");
    assert_eq!(text(&sent, "threadId"), id);
    let (_, message) = drive.gmail(&token, &format!("messages/{id}")).await;
    assert_eq!(header(&message, "Message-ID"), Some("<chosen@bellhop.example>"));
    assert_eq!(header(&message, "From"), Some("Alice Sandström <alice@sandbox.example>"));
    assert!(header(&message, "Date").is_some() && header(&message, "Bcc").is_some());
    // Before a retry, a client looks whether it was sent.
    let (_, found) = drive.gmail(&token, "messages?q=rfc822msgid:chosen@bellhop.example").await;
    assert_eq!(found["messages"], json!([{ "id": id, "threadId": id }]));
    for name in ["bob", "carol"] {
        let token = drive.token_for(name, &[GMAIL]).await;
        let (_, found) =
            drive.gmail(&token, "messages?q=rfc822msgid:chosen@bellhop.example%20in:inbox%20is:unread").await;
        let (_, message) = drive.gmail(&token, &format!("messages/{}", text(&found["messages"][0], "id"))).await;
        assert_eq!(header(&message, "Bcc"), None, "nobody learns of the blind copy");
    }
    let ledger = drive.see("ledger").await;
    assert_eq!(ledger["mails_sent"][0]["recipients"], json!(["bob@sandbox.example", "carol@sandbox.example"]));

    let forged = "From: Bob <bob@sandbox.example>\r\nTo: alice@sandbox.example\r\n\r\nTo myself";
    let (_, sent) = send(&drive, &token, json!({ "raw": URL_SAFE.encode(forged) })).await;
    assert_eq!(sent["labelIds"], json!(["INBOX", "SENT", "UNREAD"]));
    let (_, message) = drive.gmail(&token, &format!("messages/{}", text(&sent, "id"))).await;
    assert_eq!(header(&message, "From"), Some("Alice Sandström <alice@sandbox.example>"), "nobody sends as another");
}

#[tokio::test]
async fn an_answer_joins_its_thread_only_if_it_is_one() {
    let (drive, token) = connected().await;
    let mail = json!({ "subject": "Plans", "from": "Bob <bob@sandbox.example>" });
    let id = text(&drive.control("google/accounts/alice/mails", mail).await, "id").to_owned();
    let answer = |subject: &str, reference: &str| {
        let raw = format!(
            "To: bob@sandbox.example\r\nSubject: {subject}\r\nIn-Reply-To: {reference}\r\nReferences: {reference}\r\n\r\nYes"
        );
        URL_SAFE.encode(raw)
    };
    let message_id = format!("<{id}@sandbox.example>");
    for (raw, thread, joins) in [
        (answer("Re: Plans", &message_id), Some(&id), true),
        (answer("Re: Plans", &message_id), None, true),
        (answer("Something else", &message_id), Some(&id), false),
        (answer("Re: Plans", "<other@x.example>"), Some(&id), false),
    ] {
        let (status, sent) = send(&drive, &token, json!({ "raw": raw, "threadId": thread })).await;
        assert_eq!((status, text(&sent, "threadId") == id), (200, joins));
    }
    let unknown = json!({ "raw": answer("Re: Plans", &message_id), "threadId": "0000000000000000" });
    assert_eq!(send(&drive, &token, unknown).await.0, 404);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let (drive, token) = connected().await;
    let encoded = |raw: &str| json!({ "raw": URL_SAFE.encode(raw) });
    for body in [
        json!({}),
        json!({ "raw": 7 }),
        json!({ "raw": "not+base64/url" }),
        json!({ "raw": STANDARD.encode([0xfb, 0xff, 0xfe]) }),
        encoded("Subject: To nobody\r\n\r\nx"),
        encoded("To: nowhere\r\n\r\nx"),
        encoded("To: a@b.example\r\nCc: c@@d.example\r\n\r\nx"),
        encoded(""),
    ] {
        let (status, answer) = send(&drive, &token, body.clone()).await;
        assert_eq!((status, text(&answer["error"], "status")), (400, "INVALID_ARGUMENT"), "{body}");
    }
    let reader = drive.token_for("bob", &[GMAIL]).await;
    let (status, answer) = send(&drive, &reader, encoded("To: a@b.example\r\n\r\nx")).await;
    assert_eq!((status, text(&answer["error"]["errors"][0], "reason")), (403, "insufficientPermissions"));
    assert_eq!(drive.see("ledger").await["mails_sent"], json!([]));
}

#[tokio::test]
async fn large_mails_are_uploaded() {
    let (drive, token) = connected().await;
    let raw = format!(
        "To: bob@sandbox.example\r\nSubject: Large\r\nContent-Type: text/plain\r\n\r\n{}",
        "x".repeat(6_000_000)
    );
    let path = "/upload/gmail/v1/users/me/messages/send";
    let post = async |query: &str, kind: &str, body: String| {
        let request = drive.post(&format!("{path}?{query}")).bearer_auth(&token).header("Content-Type", kind);
        answer(request.body(body).send().await.unwrap()).await
    };
    let (status, sent) = post("uploadType=media", "message/rfc822", raw.clone()).await;
    assert_eq!(status, 200, "{sent}");
    let (_, message) = drive.gmail(&token, &format!("messages/{}?format=minimal", text(&sent, "id"))).await;
    assert!(message["sizeEstimate"].as_u64().unwrap() > 6_000_000);
    let two = String::from(
        "--b\r\nContent-Type: application/json\r\n\r\n{\"threadId\": null}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nTo: bob@sandbox.example\r\nSubject: Two parts\r\n\r\nx\r\n--b--\r\n",
    );
    let (status, sent) = post("uploadType=multipart", "multipart/related; boundary=b", two.clone()).await;
    assert_eq!(status, 200, "{sent}");
    let (_, message) = drive.gmail(&token, &format!("messages/{}", text(&sent, "id"))).await;
    assert_eq!(header(&message, "Subject"), Some("Two parts"));
    for (query, kind, body) in [
        ("uploadType=media", "text/plain", raw.clone()),
        ("uploadType=multipart", "multipart/related; boundary=c", two),
        ("uploadType=resumable", "message/rfc822", raw.clone()),
        ("", "message/rfc822", raw),
    ] {
        assert_eq!(post(query, kind, body).await.0, 400, "{query} {kind}");
    }
    let huge = format!("To: bob@sandbox.example\r\n\r\n{}", "x".repeat(36_700_160));
    assert_eq!(post("uploadType=media", "message/rfc822", huge).await.0, 413);
}

#[tokio::test]
async fn labels_have_names_and_counts() {
    let (drive, token) = connected().await;
    let (_, list) = drive.gmail(&token, "labels").await;
    let names: Vec<&str> = list["labels"].as_array().unwrap().iter().map(|label| text(label, "name")).collect();
    assert!(names.contains(&"INBOX") && names.contains(&"Receipts") && names.contains(&"Travel/Boat trips"));
    let (_, inbox) = drive.gmail(&token, "labels/INBOX").await;
    assert_eq!((inbox["messagesTotal"].as_u64(), text(&inbox, "type")), (Some(125), "system"));
    assert_eq!(drive.gmail(&token, "labels/Label_99").await.0, 404);
    assert_eq!(drive.gmail(&token, "messages?labelIds=Label_99").await.0, 400);
    let (_, receipts) = drive.gmail(&token, "messages?q=label:receipts%20has:attachment%20filename:pdf").await;
    let id = text(&receipts["messages"][0], "id");
    let (_, invoice) = drive.gmail(&token, &format!("messages/{id}")).await;
    let part = invoice["payload"]["parts"].as_array().unwrap().last().unwrap();
    let path = format!("messages/{id}/attachments/{}", text(&part["body"], "attachmentId"));
    let pdf = data(&drive.gmail(&token, &path).await.1);
    assert!(pdf.starts_with(b"%PDF-1.4") && pdf.ends_with(b"%%EOF\n"));
}

#[tokio::test]
async fn pages_can_be_capped_to_force_paging() {
    let (drive, token) = connected().await;
    drive.control("google/settings", json!({ "mail_page_size": 2 })).await;
    let (_, page) = drive.gmail(&token, "messages?maxResults=500").await;
    assert_eq!(page["messages"].as_array().unwrap().len(), 2);
    assert!(page["nextPageToken"].is_string());
    drive.control("google/settings", json!({ "mail_page_size": null })).await;
    let (_, page) = drive.gmail(&token, "messages?maxResults=50").await;
    assert_eq!(page["messages"].as_array().unwrap().len(), 50);
}
