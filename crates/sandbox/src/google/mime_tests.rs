use super::*;

#[test]
fn whatever_the_bytes_are_something_comes_out() {
    let mut state = 7_u64;
    let mut roll = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let pieces: [&[u8]; 14] = [
        b"Content-Type: multipart/mixed; boundary=x\r\n",
        b"Content-Type: multipart/mixed; boundary=\"\r\n",
        b"Content-Type: message/rfc822\r\n\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"Subject: =?utf-8?B?4pi6?= =?x?Q?=ZZ?=\r\n",
        b"\r\n",
        b"\n",
        b"--x\r\n",
        b"--x--\r\n",
        b"=?utf-8?B?",
        b"\xff\xfe\x00",
        b"QUJD====",
        b"Content-Disposition: attachment; filename*0*=utf-8''%ff; filename*1=\"\r\n",
    ];
    for _ in 0..3_000 {
        let raw: Vec<u8> = (0..roll() % 24).flat_map(|_| pieces[roll() % pieces.len()]).copied().collect();
        let parsed = parse(&raw);
        assert!(!parsed.walk().is_empty());
        addresses(&raw, "To");
    }
}

#[test]
fn mails_within_mails_without_end_are_not_opened() {
    let parsed = parse(&b"Content-Type: message/rfc822\n\n".repeat(100_000));
    assert_eq!((parsed.root.kind.as_str(), parsed.root.parts.len()), ("text/plain", 0));
    let nested: String = (0..60)
        .flat_map(|level| [format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n")])
        .collect();
    let deepest = parse(nested.as_bytes()).walk().iter().map(|part| part.id.split('.').count()).max();
    assert!(deepest <= Some(DEEPEST));
}

#[test]
fn headers_keep_their_order_and_lose_their_folding() {
    let parsed = parse(
        b"Received: one\r\nX-Odd:two\r\n  three\r\nReceived: four\r\nsubject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n\r\nHello",
    );
    let headers: Vec<(&str, &str)> =
        parsed.root.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(headers, [("Received", "one"), ("X-Odd", "two three"), ("Received", "four"), ("subject", "Grüße")]);
    assert_eq!(parsed.text, "Hello");
}

#[test]
fn a_content_type_without_a_subtype_is_plain_text() {
    for written in ["", "Content-Type: gibberish\r\n", "Content-Type: text\r\n", "Content-Type: /\r\n"] {
        let parsed = parse(format!("{written}Subject: x\r\n\r\nStill readable").as_bytes());
        assert_eq!(parsed.root.kind, "text/plain", "{written}");
    }
}
