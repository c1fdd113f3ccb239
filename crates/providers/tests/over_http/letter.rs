//! Reading one message with its body, its attachments, and searching for it.

use std::time::Duration;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use bellhop_providers::{
    Disposition, MESSAGE_ANSWER_LIMIT_BYTES, MailPage, MailPart, PartContent, ProviderError, SEARCH_LIMIT_CHARACTERS,
    Timeouts, decode_text,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::server::{Asked, StandIn, Then, answer, broken, client_at, impatient_client_of};

fn token() -> SecretString {
    "access".into()
}

fn query(asked: &Asked) -> String {
    let pairs: Vec<String> = asked.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(" ")
}

fn text(part: &MailPart) -> String {
    let PartContent::Inline(bytes) = &part.content else { panic!("the text is there") };
    decode_text(bytes.expose_secret(), part.charset.as_deref())
}

#[tokio::test]
async fn a_message_comes_with_its_texts_and_the_names_of_its_attachments() {
    let body = json!({
        "id": "m1", "threadId": "t1", "labelIds": ["INBOX", "UNREAD"], "snippet": "Hallo Anna &amp; Ben",
        "historyId": "4711", "internalDate": "1795176000000", "sizeEstimate": 30000,
        "payload": {
            "partId": "", "mimeType": "multipart/mixed", "filename": "",
            "headers": [
                {"name": "From", "value": "=?utf-8?Q?J=C3=BCrgen?= <juergen@example.com>"},
                {"name": "To", "value": "anna@example.com"}, {"name": "CC", "value": "ben@example.com"},
                {"name": "reply-to", "value": "office@example.com"},
                {"name": "Date", "value": "Fri, 20 Nov 2026 12:00:00 +0100"},
                {"name": "Subject", "value": "=?ISO-2022-JP?B?GyRCMnE1RBsoQg==?="},
                {"name": "Message-Id", "value": "<1@example.com>"},
                {"name": "Subject", "value": "a second one is not believed"}
            ],
            "body": {"size": 0},
            "parts": [
                {"partId": "0", "mimeType": "multipart/alternative", "body": {"size": 0}, "parts": [
                    {"partId": "0.0", "mimeType": "text/plain", "body": {"size": 7, "data": URL_SAFE.encode("Grüße")},
                     "headers": [{"name": "Content-Type", "value": "text/plain; charset=\"iso-8859-1\""}]},
                    {"partId": "0.1", "mimeType": "text/html",
                     "body": {"size": 9, "data": URL_SAFE_NO_PAD.encode(b"<p>Gr\xfc\xdfe")},
                     "headers": [{"name": "Content-Type", "value": "text/html; charset=iso-8859-1"}]}
                ]},
                {"partId": "1", "mimeType": "application/pdf", "filename": "Rechnung.pdf",
                 "headers": [{"name": "Content-Disposition", "value": "attachment; filename=\"Rechnung.pdf\""}],
                 "body": {"attachmentId": "ANGjdJ_8w", "size": 25000}}
            ]
        }
    });
    let google = StandIn::telling(answer(200, body)).await;
    let message = google.client().message_full(&token(), "m1").await.unwrap();
    let said = |value: &Option<SecretString>| value.as_ref().map(|value| value.expose_secret().to_owned()).unwrap();
    assert_eq!((message.id.as_str(), message.thread_id.as_deref()), ("m1", Some("t1")));
    assert_eq!(message.label_ids, ["INBOX", "UNREAD"]);
    assert_eq!(message.internal_date.unwrap().timestamp(), 1_795_176_000);
    assert_eq!(said(&message.snippet), "Hallo Anna & Ben");
    assert_eq!(said(&message.from), "Jürgen <juergen@example.com>");
    assert_eq!((said(&message.to), said(&message.cc)), ("anna@example.com".into(), "ben@example.com".into()));
    assert_eq!(said(&message.reply_to), "office@example.com");
    assert_eq!((said(&message.subject), said(&message.message_id)), ("会議".into(), "<1@example.com>".into()));
    assert_eq!(said(&message.date), "Fri, 20 Nov 2026 12:00:00 +0100");
    let [mixed, alternative, plain, html, pdf] = &message.parts[..] else { panic!("five parts") };
    assert!(matches!(mixed.content, PartContent::Empty) && matches!(alternative.content, PartContent::Empty));
    assert_eq!((text(plain), text(html)), ("Grüße".into(), "<p>Grüße".into()));
    assert_eq!((plain.parent, html.parent, pdf.parent), (Some(1), Some(1), Some(0)));
    assert_eq!((pdf.disposition, pdf.size_bytes), (Disposition::Attachment, 25_000));
    assert_eq!(said(&pdf.file_name), "Rechnung.pdf");
    assert!(
        matches!(&pdf.content, PartContent::Stored { attachment_id } if attachment_id.expose_secret() == "ANGjdJ_8w")
    );
    assert!(!message.is_cut);
    let asked = google.asked_once();
    assert_eq!((asked.path.as_str(), query(&asked).as_str()), ("/gmail/v1/users/me/messages/m1", "format=full"));
    assert_eq!(asked.headers["authorization"], "Bearer access");
}

#[tokio::test]
async fn a_message_is_read_up_to_its_limit() {
    let body = |length: usize| {
        let message = r#"{"id":"m","payload":{"mimeType":"text/plain","body":{"data":"YQ"}}}"#;
        format!("{message}{}", " ".repeat(length - message.len()))
    };
    let full = StandIn::telling(answer(200, body(MESSAGE_ANSWER_LIMIT_BYTES))).await;
    assert_eq!(text(&full.client().message_full(&token(), "m").await.unwrap().parts[0]), "a");
    let over = StandIn::telling(answer(200, body(MESSAGE_ANSWER_LIMIT_BYTES + 1))).await;
    assert_eq!(over.client().message_full(&token(), "m").await.unwrap_err(), ProviderError::TooLarge);
}

#[tokio::test]
async fn a_message_that_is_no_message_is_an_error_and_one_that_is_gone_is_missing() {
    for body in ["", "{}", "[]", r#"{"id":"n"}"#, r#"{"id":7}"#, "<html>"] {
        let google = StandIn::telling(answer(200, body)).await;
        assert_eq!(google.client().message_full(&token(), "m").await.unwrap_err(), ProviderError::Malformed, "{body}");
    }
    let google = StandIn::telling(answer(404, "")).await;
    let client = google.client();
    assert_eq!(client.message_full(&token(), "m").await.unwrap_err(), ProviderError::NotFound);
    assert_eq!(client.attachment(&token(), "m", &token(), 9).await.unwrap_err(), ProviderError::NotFound);
    let asked = google.asked().len();
    assert_eq!(client.message_full(&token(), "..").await.unwrap_err(), ProviderError::NotFound);
    assert_eq!(client.attachment(&token(), "m", &"".into(), 9).await.unwrap_err(), ProviderError::NotFound);
    assert_eq!(google.asked().len(), asked);
}

#[tokio::test]
async fn an_attachment_is_handed_over_byte_by_byte_up_to_a_limit() {
    let bytes: Vec<u8> = (0..=255_u8).cycle().take(10_001).collect();
    let spellings = [
        URL_SAFE.encode(&bytes),
        URL_SAFE_NO_PAD.encode(&bytes),
        STANDARD.encode(&bytes),
        URL_SAFE.encode(&bytes).replace('=', "\\u003d"),
    ];
    for data in spellings {
        let google = StandIn::telling(answer(200, format!(r#"{{"size":10001,"data":"{data}"}}"#))).await;
        let client = google.client();
        assert_eq!(client.attachment(&token(), "m", &"ANG/?j".into(), 10_001).await.unwrap(), bytes);
        let asked = google.asked_once();
        assert_eq!(asked.path, "/gmail/v1/users/me/messages/m/attachments/ANG%2F%3Fj");
        for limit in [10_000, 9_000, 100, 0] {
            let error = client.attachment(&token(), "m", &token(), limit).await.unwrap_err();
            assert_eq!(error, ProviderError::TooLarge, "{limit}");
        }
    }
}

#[tokio::test]
async fn what_is_large_may_take_longer_than_what_is_small() {
    let timeouts =
        Timeouts { total: Duration::from_millis(200), download: Duration::from_secs(30), ..Timeouts::default() };
    let silent = broken(Then::Hang("")).await;
    let client = client_at(&format!("http://{silent}"), timeouts);
    assert_eq!(client.mail_profile(&token()).await.unwrap_err(), ProviderError::Timeout);
    let (message, attachment) = (token(), token());
    let still_waiting = tokio::time::timeout(Duration::from_millis(600), client.message_full(&message, "m")).await;
    assert!(still_waiting.is_err());
    let still_waiting =
        tokio::time::timeout(Duration::from_millis(600), client.attachment(&message, "m", &attachment, 9)).await;
    assert!(still_waiting.is_err());
    // And it does end by itself.
    let impatient = impatient_client_of(silent);
    let given_up = tokio::time::timeout(Duration::from_secs(8), impatient.message_full(&message, "m")).await;
    assert_eq!(given_up.expect("the client gives up by itself").unwrap_err(), ProviderError::Timeout);
}

#[tokio::test]
async fn a_search_is_asked_in_gmails_own_words() {
    let body = json!({"messages": [{"id": "b"}, {"id": "a"}], "nextPageToken": "2", "resultSizeEstimate": 201});
    let google = StandIn::telling(answer(200, body)).await;
    let client = google.client();
    let page = client.search_messages(&token(), "from:anna \"a&b\" ümlaut", Some("1"), 10).await.unwrap();
    assert_eq!(page, MailPage { ids: vec!["b".into(), "a".into()], next_page_token: Some("2".into()) });
    let asked = google.asked_once();
    assert_eq!(asked.path, "/gmail/v1/users/me/messages");
    assert_eq!(query(&asked), "q=from:anna \"a&b\" ümlaut maxResults=10 pageToken=1");

    client.search_messages(&token(), &"ü".repeat(5_000), None, 9_000).await.unwrap();
    let asked = &google.asked()[1];
    assert_eq!(asked.query[0].1.chars().count(), SEARCH_LIMIT_CHARACTERS);
    assert_eq!(asked.query[1].1, "500");
}
