use proptest::prelude::{any, prop_assert, proptest};
use secrecy::ExposeSecret;
use serde_json::json;

use super::*;
use crate::{any_json::any_json, mail_answer::read};

fn message(payload: &Value) -> FullMessage {
    let body = json!({"id": "m", "payload": payload}).to_string();
    read::<FullMessageAnswer<'_>>(body.as_bytes()).unwrap().message("m").unwrap()
}

fn only_part(payload: &Value) -> MailPart {
    let mut message = message(payload);
    assert_eq!((message.parts.len(), message.is_cut), (1, false));
    message.parts.remove(0)
}

fn inline(part: &MailPart) -> Option<&[u8]> {
    match &part.content {
        PartContent::Inline(bytes) => Some(bytes.expose_secret()),
        PartContent::Stored { .. } | PartContent::Empty => None,
    }
}

#[test]
fn the_bytes_are_read_in_every_spelling_of_base64() {
    for data in ["Pz8_fn5-", "Pz8/fn5+", "Pz8_\r\nfn5-"] {
        assert_eq!(inline(&only_part(&json!({"body": {"data": data}}))), Some(&b"???~~~"[..]), "{data}");
    }
    for data in ["YQ", "YQ==", "YQ="] {
        assert_eq!(inline(&only_part(&json!({"body": {"data": data}}))), Some(&b"a"[..]), "{data}");
    }
    for data in [json!(""), json!("%"), json!("a"), json!(7), json!(null), json!("Grüße")] {
        let part = only_part(&json!({"mimeType": "text/plain", "body": {"data": data, "size": 3}}));
        assert!(matches!(part.content, PartContent::Empty), "{data}");
        assert_eq!(part.size_bytes, 3);
    }
}

#[test]
fn a_part_says_what_it_is() {
    let part = only_part(&json!({
        "mimeType": "Application/PDF", "filename": "Rechnung März.pdf",
        "headers": [
            {"name": "content-type", "value": "application/pdf; name=\"x; charset=no\"; Charset = \"KOI8-R\""},
            {"name": "Content-Disposition", "value": "ATTACHMENT; filename=x"},
            {"name": "Content-Id", "value": " <image1@x.example> "},
            {"name": 7}, "odd", null
        ],
        "body": {"attachmentId": "ANGjdJ8", "size": "25000", "data": "YQ"}
    }));
    assert_eq!((part.mime_type.as_str(), part.disposition), ("application/pdf", Disposition::Attachment));
    assert_eq!(part.file_name.unwrap().expose_secret(), "Rechnung März.pdf");
    assert_eq!(part.content_id.unwrap().expose_secret(), "image1@x.example");
    assert_eq!(part.size_bytes, 25_000);
    let PartContent::Stored { attachment_id } = part.content else { panic!("is kept by the provider") };
    assert_eq!(attachment_id.expose_secret(), "ANGjdJ8");

    for (odd, charset) in [
        ("text/plain; charset=utf-8; format=flowed", Some("utf-8")),
        ("text/plain; charset='UTF-8'", Some("utf-8")),
        ("text/plain; charset=", None),
        ("text/plain; charset=\"a b\"", None),
        ("text/plain; charset=ü", None),
        ("charset=utf-8", None),
        ("", None),
    ] {
        let part = only_part(&json!({"headers": [{"name": "Content-Type", "value": odd}]}));
        assert_eq!(part.charset.as_deref(), charset, "{odd}");
    }
    for odd in
        [json!(null), json!(7), json!(""), json!("text"), json!("te xt/plain"), json!("ü/ü"), json!("a/".repeat(200))]
    {
        let part = only_part(&json!({"mimeType": odd}));
        assert_eq!((part.mime_type.as_str(), part.disposition), ("application/octet-stream", Disposition::Unsaid));
    }
}

#[test]
fn names_and_headers_are_bounded() {
    let part = only_part(&json!({"filename": "ü".repeat(100_000)}));
    assert_eq!(part.file_name.unwrap().expose_secret().chars().count(), FILE_NAME_LIMIT_CHARACTERS);
    assert!(only_part(&json!({"filename": ""})).file_name.is_none());
    let message = message(&json!({"headers": [{"name": "Subject", "value": "=?".repeat(1_000_000)}]}));
    assert_eq!(message.subject.unwrap().expose_secret().chars().count(), HEADER_LIMIT_CHARACTERS);
}

#[test]
fn parts_keep_their_order_and_whose_they_are() {
    let text = |kind: &str| json!({"mimeType": kind, "body": {"data": "YQ"}});
    let message = message(&json!({"mimeType": "multipart/mixed", "parts": [
        {"mimeType": "multipart/alternative", "parts": [text("text/plain"), text("text/html")]},
        {"mimeType": "message/rfc822", "filename": "forwarded.eml", "parts": [text("text/calendar")]},
        "odd", null, [],
        text("image/png")
    ]}));
    let tree: Vec<_> = message.parts.iter().map(|part| (part.mime_type.as_str(), part.parent)).collect();
    assert_eq!(
        tree,
        [
            ("multipart/mixed", None),
            ("multipart/alternative", Some(0)),
            ("text/plain", Some(1)),
            ("text/html", Some(1)),
            ("message/rfc822", Some(0)),
            ("text/calendar", Some(4)),
            ("image/png", Some(0)),
        ]
    );
    let within = |parent| message.parts_in(parent).map(|(place, _)| place).collect::<Vec<_>>();
    assert_eq!((within(None), within(Some(0)), within(Some(1))), (vec![0], vec![1, 4, 6], vec![2, 3]));
    assert!(!message.is_cut);
}

#[test]
fn a_message_may_lack_everything_but_its_id() {
    for payload in [json!(null), json!(7), json!("payload"), json!([])] {
        let message = message(&payload);
        assert!(message.parts.is_empty() && !message.is_cut && message.from.is_none(), "{payload}");
    }
    assert!(matches!(only_part(&json!({"parts": 7, "headers": 7, "body": 7})).content, PartContent::Empty));
    let other = read::<FullMessageAnswer<'_>>(br#"{"id":"n"}"#).unwrap();
    assert_eq!(other.message("m").unwrap_err(), ProviderError::Malformed);
}

#[test]
fn a_message_as_deep_as_the_sea_is_read_down_to_a_limit() {
    let nested = |depth: usize| {
        let (open, close) = (r#"{"mimeType":"multipart/mixed","parts":["#.repeat(depth - 1), "]}".repeat(depth - 1));
        let body = format!(r#"{{"id":"m","payload":{open}{{"mimeType":"text/plain"}}{close}}}"#);
        read::<FullMessageAnswer<'_>>(body.as_bytes()).unwrap().message("m").unwrap()
    };
    let deepest = nested(PART_DEPTH_LIMIT);
    assert_eq!((deepest.parts.len(), deepest.is_cut), (PART_DEPTH_LIMIT, false));
    for depth in [PART_DEPTH_LIMIT + 1, 200, 100_000] {
        let message = nested(depth);
        assert_eq!((message.parts.len(), message.is_cut), (PART_DEPTH_LIMIT, true), "{depth}");
    }
}

#[test]
fn a_message_of_very_many_parts_is_read_up_to_a_limit() {
    let wide = |count: usize| message(&json!({"parts": vec![json!({"mimeType": "text/plain"}); count]}));
    let full = wide(PART_COUNT_LIMIT - 1);
    assert_eq!((full.parts.len(), full.is_cut), (PART_COUNT_LIMIT, false));
    let over = wide(PART_COUNT_LIMIT);
    assert_eq!((over.parts.len(), over.is_cut), (PART_COUNT_LIMIT, true));
}

#[test]
fn an_attachment_is_its_bytes_or_nothing_at_all() {
    let content = |body: Value| read::<AttachmentAnswer>(body.to_string().as_bytes()).unwrap().content();
    assert_eq!(content(json!({"data": "YWI=", "size": 2})), Ok(b"ab".to_vec()));
    assert_eq!(content(json!({"size": 0})), Ok(Vec::new()));
    assert_eq!(content(json!({"data": ""})), Ok(Vec::new()));
    for body in [json!({}), json!({"size": 2}), json!({"data": "%"}), json!({"data": 7})] {
        assert_eq!(content(body.clone()), Err(ProviderError::Malformed), "{body}");
    }
}

const NAMES: &[&str] = &[
    "id",
    "payload",
    "parts",
    "parts",
    "parts",
    "mimeType",
    "filename",
    "headers",
    "name",
    "value",
    "body",
    "size",
    "data",
    "attachmentId",
    "labelIds",
    "snippet",
    "internalDate",
    "threadId",
];
const TEXTS: &[&str] = &[
    "m",
    "text/plain",
    "multipart/alternative",
    "YQ==",
    "-_-_",
    "Content-Type",
    "Subject",
    "text/plain; charset=utf-8",
    "=?utf-8?B?w7w=?=",
    "=?utf-8?Q?",
    "&#0;&amp;",
    "1795176000000",
];

proptest! {
    #[test]
    fn no_message_breaks_what_is_promised_of_its_parts(payload in any_json(NAMES, TEXTS), rest in any_json(NAMES, TEXTS)) {
        let body = json!({"id": "m", "payload": payload, "labelIds": rest, "snippet": rest, "internalDate": rest}).to_string();
        let message = read::<FullMessageAnswer<'_>>(body.as_bytes()).unwrap().message("m").unwrap();
        for (place, part) in message.parts.iter().enumerate() {
            prop_assert!(part.parent.is_none_or(|parent| parent < place));
            prop_assert!(part.parent.is_none() == (place == 0));
            prop_assert!(part.mime_type.contains('/'));
        }
    }

    #[test]
    fn no_body_panics(body in any_json(NAMES, TEXTS), bytes in any::<Vec<u8>>()) {
        for body in [body.to_string().into_bytes(), bytes] {
            let _ = read::<FullMessageAnswer<'_>>(&body).map(|answer| answer.message("m"));
            let _ = read::<AttachmentAnswer>(&body).map(|answer| answer.content());
        }
    }
}
