//! Odd mail, written out byte by byte: what broken programs, careless people and those who wish others ill put on the wire.
//! Used by the tests of the letter and, through the whole house, by the stories; so it needs nothing but itself.

#![allow(dead_code, reason = "the stories use parts of it only")]

use std::fmt::Write;

/// A mail and what must become of it.
pub struct Specimen {
    /// What is odd about it.
    pub name: &'static str,
    /// The mail as it arrives.
    pub raw: Vec<u8>,
    /// What its first page or its attachments must say.
    pub shows: &'static [&'static str],
    /// What its first page must not say.
    pub hides: &'static [&'static str],
}

fn specimen(
    name: &'static str,
    raw: impl Into<Vec<u8>>,
    shows: &'static [&'static str],
    hides: &'static [&'static str],
) -> Specimen {
    Specimen { name, raw: raw.into(), shows, hides }
}

/// A mail with ordinary headers around this content.
pub fn mail(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut raw = format!(
        "From: Anna <anna@example.org>\r\nTo: Ben <ben@example.org>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <odd@example.org>\r\nMIME-Version: 1.0\r\n{headers}\r\n"
    )
    .into_bytes();
    raw.extend_from_slice(body.as_ref());
    raw
}

fn plain(body: &str) -> Vec<u8> {
    mail("Subject: Odd\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", body)
}

fn html(body: &str) -> Vec<u8> {
    mail("Subject: Odd\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", body)
}

fn encoded(charset: &str, bytes: &[u8]) -> Vec<u8> {
    let headers =
        format!("Subject: Odd\r\nContent-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: base64\r\n");
    mail(&headers, base64(bytes))
}

fn multipart(kind: &str, parts: &[&str]) -> Vec<u8> {
    let headers = format!("Subject: Odd\r\nContent-Type: multipart/{kind}; boundary=\"odd\"\r\n");
    let mut body = String::from("This is for programs that know no MIME.\r\n");
    for part in parts {
        body.push_str("--odd\r\n");
        body.push_str(part);
        body.push_str("\r\n");
    }
    body.push_str("--odd--\r\n");
    mail(&headers, body)
}

/// Bytes in base64, in lines of 76.
pub fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len() / 3 * 4 + bytes.len() / 57 * 2 + 8);
    for (index, three) in bytes.chunks(3).enumerate() {
        if index > 0 && index % 19 == 0 {
            text.push_str("\r\n");
        }
        let all = three.iter().fold(0_u32, |all, byte| all << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let sign = SIGNS[(all >> (18 - 6 * place) & 63) as usize];
            text.push(if place > three.len() { '=' } else { char::from(sign) });
        }
    }
    text
}

/// All of them.
pub fn specimens() -> Vec<Specimen> {
    [broken(), charsets(), multiparts(), markup(), hostile(), answers(), huge()].into_iter().flatten().collect()
}

fn broken() -> Vec<Specimen> {
    vec![
        specimen("no headers", "\r\nJust words.\r\n", &["Just words."], &[]),
        specimen("nothing at all", "", &[], &[]),
        specimen("no body", mail("Subject: Odd\r\n", ""), &[], &[]),
        specimen("only white space", plain(" \r\n\t\r\n\u{a0}\r\n\u{200b}"), &[], &[]),
        specimen(
            "lines end in LF alone",
            "Subject: Odd\nFrom: a@b.example\n\nfirst\nsecond\n",
            &["first\nsecond"],
            &[],
        ),
        specimen("headers that are none", "Nonsense\r\n: empty\r\nSubject\r\n\r\ntext\r\n", &[], &[]),
        specimen(
            "garbage for base64",
            mail(
                "Subject: Odd\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n",
                "%%%% this is !! no base64 \u{0}\u{1} ====\r\n",
            ),
            &[],
            &[],
        ),
        specimen(
            "broken quoted-printable",
            mail(
                "Subject: Odd\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n",
                "50=25 off=\r\n today =ZZ =9 =\r\n=F0=9F=8E=89 end =",
            ),
            &["off", "today"],
            &[],
        ),
        specimen(
            "an unknown transfer encoding",
            mail("Subject: Odd\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: x-rot13\r\n", "uryyb"),
            &["uryyb"],
            &[],
        ),
        specimen(
            "a boundary that never comes",
            mail("Subject: Odd\r\nContent-Type: multipart/mixed; boundary=never\r\n", "lost words"),
            &[],
            &[],
        ),
        specimen(
            "no boundary",
            mail("Subject: Odd\r\nContent-Type: multipart/mixed\r\n", "--x\r\n\r\nlost words"),
            &[],
            &[],
        ),
        specimen(
            "an unknown kind",
            mail("Subject: Odd\r\nContent-Type: chemical/x-pdb; name=\"molecule.pdb\"\r\n", "ATOM"),
            &[],
            &["ATOM"],
        ),
        specimen(
            "NUL and control characters",
            plain("a\u{0}b\u{1}\u{7}\u{8}\u{1b}[31mred\u{7f} end"),
            &["red", "end"],
            &[],
        ),
    ]
}

fn charsets() -> Vec<Specimen> {
    vec![
        specimen("KOI8-R", encoded("koi8-r", b"\xf0\xd2\xc9\xd7\xc5\xd4"), &["Привет"], &[]),
        specimen("GB18030", encoded("gb18030", b"\xc4\xe3\xba\xc3"), &["你好"], &[]),
        specimen("ISO-2022-JP", encoded("iso-2022-jp", b"\x1b$B$3$s$K$A$O\x1b(B"), &["こんにちは"], &[]),
        specimen("UTF-16 with its mark", encoded("utf-16", b"\xff\xfeH\0i\0\x03\x26"), &["Hi☃"], &[]),
        specimen("Latin-1 that says UTF-8", encoded("utf-8", b"Gr\xfc\xdfe"), &["Gr", "e"], &[]),
        specimen("UTF-8 that says Latin-1", encoded("iso-8859-1", "Grüße".as_bytes()), &["Gr"], &[]),
        specimen("an unknown character set", encoded("x-klingon", "plain enough".as_bytes()), &["plain enough"], &[]),
        specimen("UTF-7", encoded("utf-7", b"+ADw-script+AD4-"), &[], &[]),
        specimen(
            "headers in three character sets",
            mail(
                "Subject: =?koi8-r?B?8NLJ18XU?= =?gb18030?B?xOO6ww==?= =?utf-8?Q?=F0=9F=8E=89?= =?bad?X?y?=\r\nContent-Type: text/plain\r\n",
                "body",
            ),
            &["body"],
            &[],
        ),
    ]
}

fn multiparts() -> Vec<Specimen> {
    let pdf = "Content-Type: application/pdf; name=\"report.pdf\"\r\nContent-Disposition: attachment; filename=\"report.pdf\"\r\n\
               Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK";
    let logo = "Content-Type: image/png\r\nContent-ID: <logo@x>\r\nContent-Disposition: inline; filename=\"logo.png\"\r\n\
                Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=";
    vec![
        specimen(
            "plain beside HTML",
            multipart(
                "alternative",
                &[
                    "Content-Type: text/plain\r\n\r\nThe plain words.",
                    "Content-Type: text/html\r\n\r\n<p>The other words.</p>",
                ],
            ),
            &["The plain words."],
            &["The other words."],
        ),
        specimen(
            "a stub beside HTML",
            multipart(
                "alternative",
                &[
                    "Content-Type: text/plain\r\n\r\nView this email in your browser: https://news.example/1",
                    &format!("Content-Type: text/html\r\n\r\n<p>The news. {}</p>", "Something happened. ".repeat(40)),
                ],
            ),
            &["The news."],
            &["browser"],
        ),
        specimen(
            "empty plain beside HTML",
            multipart(
                "alternative",
                &["Content-Type: text/plain\r\n\r\n \r\n", "Content-Type: text/html\r\n\r\n<p>Words</p>"],
            ),
            &["Words"],
            &[],
        ),
        specimen(
            "a logo in the text and a report beside it",
            multipart(
                "mixed",
                &["Content-Type: text/html\r\n\r\n<p>See the report</p><img src=\"cid:logo@x\">", logo, pdf],
            ),
            &["See the report", "report.pdf"],
            &["logo.png"],
        ),
        specimen("only an attachment", multipart("mixed", &[pdf]), &["report.pdf"], &[]),
        specimen("only a picture within no text", multipart("related", &[logo]), &["logo.png"], &[]),
        specimen(
            "Outlook's own format",
            multipart(
                "mixed",
                &[
                    "Content-Type: text/plain\r\n\r\nSee attached.",
                    "Content-Type: application/ms-tnef; name=\"winmail.dat\"\r\nContent-Disposition: attachment; filename=\"winmail.dat\"\r\n\
                     Content-Transfer-Encoding: base64\r\n\r\neJ8+IgAA",
                ],
            ),
            &["See attached.", "winmail.dat"],
            &[],
        ),
        specimen(
            "a mail within the mail",
            multipart(
                "mixed",
                &[
                    "Content-Type: text/plain\r\n\r\nLook what came:",
                    "Content-Type: message/rfc822\r\n\r\nFrom: c@example.org\r\nSubject: Inner\r\nContent-Type: text/plain\r\n\r\nThe inner words.",
                ],
            ),
            &["Look what came:", "The inner words."],
            &[],
        ),
        specimen(
            "names that deceive",
            multipart(
                "mixed",
                &[
                    "Content-Type: text/plain\r\n\r\nOpen it!",
                    "Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''..%2F..%2Finvoice%E2%80%AEfdp.exe\r\n\r\nMZ",
                ],
            ),
            &["invoicefdp.exe"],
            &["../", "\u{202e}"],
        ),
        specimen("nested two hundred deep", nested(200), &[], &[]),
        specimen("nested ten deep", nested(10), &["the innermost words"], &[]),
    ]
}

fn nested(depth: usize) -> Vec<u8> {
    let mut body = String::new();
    for level in 1..depth {
        let _ = write!(body, "--b{}\r\nContent-Type: multipart/mixed; boundary=\"b{level}\"\r\n\r\n", level - 1);
    }
    let _ = write!(body, "--b{}\r\nContent-Type: text/plain\r\n\r\nthe innermost words\r\n", depth - 1);
    for level in (0..depth).rev() {
        let _ = write!(body, "--b{level}--\r\n");
    }
    mail("Subject: Odd\r\nContent-Type: multipart/mixed; boundary=\"b0\"\r\n", body)
}

fn markup() -> Vec<Specimen> {
    vec![
        specimen(
            "hidden first line and script",
            html(
                "<html><head><title>T</title><style>p{color:red}</style></head><body>\
                 <div style=\"display:none;font-size:1px\">secret preheader</div><script>alert('x')</script>\
                 <p>Seen</p><p hidden>unseen</p><!-- a comment --></body></html>",
            ),
            &["Seen"],
            &["secret", "alert", "color", "unseen", "comment"],
        ),
        specimen(
            "nested tables of a newsletter",
            html(
                "<table><tr><td><table><tr><td><img src=\"https://t.example/p.gif\" width=\"1\" height=\"1\" alt=\"pixel\">\
                 </td></tr><tr><td><h1>Weekly</h1></td></tr></table></td></tr><tr><td><table><tr><td>Left</td><td>Right</td></tr>\
                 </table><a href=\"https://click.example/?x=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\">Read on</a>\
                 </td></tr></table>",
            ),
            &["Weekly", "Left · Right", "Read on (click.example)"],
            &["pixel", "aaaa", "<", "|", "─"],
        ),
        specimen(
            "lists and unclosed tags",
            html("<ul><li>one<li>two<ul><li>inner</ul></ul><ol start=3><li>three<li>four</ol><b><i>open"),
            &["• one\n• two\n◦ inner", "3. three\n4. four", "open"],
            &[],
        ),
        specimen(
            "entities",
            html("Tom &amp; Anna &lt;b&gt; &nbsp;&copy; &#8364; &#x1F389; &unknown; &#0; &#xD800;"),
            &["Tom & Anna <b> © € 🎉 &unknown;"],
            &[],
        ),
        specimen("a head that never ends", html("<html><head><meta charset=utf-8><p>Still here"), &["Still here"], &[]),
        specimen(
            "a plain part that is HTML",
            plain("<!DOCTYPE html><html><body><p>Hello</p></body></html>"),
            &["Hello"],
            &["<p>"],
        ),
        specimen(
            "a link that deceives",
            html("<a href=\"https://evil.example/login\">https://bank.example/</a>"),
            &["https://bank.example/ (https://evil.example/login)"],
            &[],
        ),
    ]
}

fn hostile() -> Vec<Specimen> {
    vec![
        specimen(
            "Telegram's own markup",
            plain("</b></i><a href=\"tg://user?id=1\">x</a> &lt; <blockquote>"),
            &["</b></i>"],
            &[],
        ),
        specimen(
            "commands to be tapped",
            plain("/disconnect\r\n/start now"),
            &["/\u{2060}disconnect"],
            &["/disconnect", "/start"],
        ),
        specimen(
            "orders to turn the line around",
            plain("pay \u{202e}evil\u{202c} \u{2066}now\u{2069}\r\nשלום"),
            &["pay evil now", "שלום"],
            &["\u{202e}"],
        ),
        specimen("towers of marks", plain(&format!("Z{}algo", "\u{301}\u{327}\u{489}".repeat(500))), &["algo"], &[]),
        specimen("joined emoji", plain(&"👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇩🇪".repeat(400)), &["👩‍👩‍👧‍👦"], &[]),
        specimen("joiners alone", plain(&"\u{200d}".repeat(9_000)), &[], &[]),
        specimen(
            "headers that inject",
            mail(
                "Subject: Hello\r\n World\r\nX-Evil: a\r\n b\r\nSubject: <b>second</b>\r\nFrom: \"</b>\" <x@y.example>\r\n",
                "body",
            ),
            &["body"],
            &[],
        ),
        specimen(
            "a file in the text",
            plain("Look\r\nbegin 644 cat.gif\r\n#0V%T\r\n`\r\nend\r\nNice?"),
            &["Look\n[cat.gif]\nNice?"],
            &["0V%T"],
        ),
    ]
}

fn answers() -> Vec<Specimen> {
    let long = "> said before and before that, at some length indeed\r\n".repeat(80);
    vec![
        specimen(
            "an answer above a long quotation",
            plain(&format!("Yes, let us.\r\n\r\nOn Fri, 20 Nov 2026 at 09:00, Ben <ben@example.org> wrote:\r\n{long}")),
            &["Yes, let us.", "81 quoted lines"],
            &["said before"],
        ),
        specimen(
            "a forwarded mail",
            html(
                "<div>See below</div><div class=\"gmail_quote\">---------- Forwarded message ---------<br>From: Cy<br>\
                 Subject: Plans<br><br>The plans are these.</div>",
            ),
            &["See below", "The plans are these."],
            &["quoted"],
        ),
        specimen(
            "lines broken for the way",
            mail(
                "Subject: Odd\r\nContent-Type: text/plain; charset=utf-8; format=flowed\r\n",
                "This paragraph has been broken so that no line of it is too long for \r\n\
                 programs of the seventies, and its reader would like to have it back \r\nin one piece.\r\n",
            ),
            &["too long for programs of the seventies, and its reader would like to have it back in one piece."],
            &[],
        ),
    ]
}

fn huge() -> Vec<Specimen> {
    let recipients = many(10_000, |number| format!("person{number}@example.org,\r\n "));
    vec![
        specimen(
            "ten megabytes of text",
            plain(&"A line like all the others.\r\n".repeat(370_000)),
            &["A line like"],
            &[],
        ),
        specimen("one line of a megabyte", plain(&"word ".repeat(200_000)), &["word"], &[]),
        specimen("one word of a megabyte", plain(&"x".repeat(1_000_000)), &["xxx"], &[]),
        specimen(
            "a hundred thousand nested elements",
            html(&format!("{}deep", "<div>".repeat(100_000))),
            &["deep"],
            &[],
        ),
        specimen(
            "a tag with fifty thousand attributes",
            html(&format!("<p {}>after", many(50_000, |number| format!("a{number} ")))),
            &["after"],
            &[],
        ),
        specimen(
            "a hundred thousand ends of nothing",
            html(&format!("{}after", "</td></b></p>".repeat(60_000))),
            &["after"],
            &[],
        ),
        specimen(
            "a tag that never ends",
            html(&format!("Words, then a tag:<p title=\"{}", "x".repeat(900_000))),
            &["Words, then a tag:"],
            &[],
        ),
        specimen(
            "ten thousand recipients",
            mail(
                &format!("Subject: Odd\r\nCc: {recipients}z@example.org\r\nContent-Type: text/plain\r\n"),
                "To everybody I know.",
            ),
            &["To everybody I know."],
            &[],
        ),
        specimen(
            "a subject of a megabyte",
            mail(&format!("Subject: {}\r\n", "long ".repeat(200_000)), "body"),
            &["body"],
            &[],
        ),
    ]
}

fn many(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect()
}
