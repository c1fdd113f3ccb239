//! What elements are: which have no end, which are not seen, which stand on lines of their own.

/// <https://html.spec.whatwg.org/multipage/syntax.html#void-elements>
pub fn is_void(name: &[u8]) -> bool {
    matches!(
        name,
        b"area"
            | b"base"
            | b"basefont"
            | b"bgsound"
            | b"br"
            | b"col"
            | b"embed"
            | b"frame"
            | b"hr"
            | b"img"
            | b"input"
            | b"link"
            | b"meta"
            | b"param"
            | b"source"
            | b"track"
            | b"wbr"
    )
}

/// Elements whose content is not text of the mail.
pub fn is_unseen(name: &[u8]) -> bool {
    matches!(
        name,
        b"head"
            | b"title"
            | b"style"
            | b"script"
            | b"template"
            | b"noscript"
            | b"noembed"
            | b"noframes"
            | b"iframe"
            | b"object"
            | b"audio"
            | b"video"
            | b"canvas"
            | b"svg"
            | b"math"
            | b"map"
            | b"select"
            | b"datalist"
            | b"textarea"
            | b"xml"
            | b"xmp"
    )
}

/// Elements that belong into the head.
pub fn is_for_head(name: &[u8]) -> bool {
    matches!(name, b"title" | b"style" | b"script" | b"template" | b"noscript" | b"object" | b"xml") || is_office(name)
}

/// Outlook writes settings into the head, in elements such as `o:OfficeDocumentSettings`.
fn is_office(name: &[u8]) -> bool {
    name.contains(&b':')
}

/// Elements with an empty line before and after.
pub fn is_paragraph(name: &[u8]) -> bool {
    matches!(
        name,
        b"p" | b"h1"
            | b"h2"
            | b"h3"
            | b"h4"
            | b"h5"
            | b"h6"
            | b"blockquote"
            | b"pre"
            | b"table"
            | b"ul"
            | b"ol"
            | b"dl"
            | b"figure"
            | b"fieldset"
    )
}

/// Elements on lines of their own.
pub fn is_block(name: &[u8]) -> bool {
    matches!(
        name,
        b"div"
            | b"tr"
            | b"tbody"
            | b"thead"
            | b"tfoot"
            | b"caption"
            | b"li"
            | b"dt"
            | b"dd"
            | b"center"
            | b"section"
            | b"article"
            | b"header"
            | b"footer"
            | b"main"
            | b"nav"
            | b"aside"
            | b"address"
            | b"figcaption"
            | b"legend"
            | b"form"
            | b"details"
            | b"summary"
            | b"hgroup"
            | b"dir"
            | b"menu"
    )
}

/// Elements that a stray end within them does not close.
pub fn is_table_part(name: &[u8]) -> bool {
    matches!(name, b"table" | b"tbody" | b"thead" | b"tfoot" | b"tr" | b"td" | b"th" | b"caption")
}

/// Whether a class or an id is one by which mail programs mark the mail that is answered: Gmail, Yahoo, Proton Mail,
/// Thunderbird, Outlook on the web, Zoho and Tuta.
pub fn is_answered_mail(class: &str, id: &str) -> bool {
    const CLASSES: &[&str] = &[
        "gmail_quote",
        "gmail_quote_container",
        "gmail_attr",
        "yahoo_quoted",
        "protonmail_quote",
        "moz-cite-prefix",
        "moz-forward-container",
        "zmail_extra",
        "tutanota_quote",
    ];
    class.split_ascii_whitespace().any(|one| CLASSES.contains(&one) || one.ends_with("yahoo_quoted"))
        || matches!(id, "divrplyfwdmsg" | "mail-editor-reference-message-container")
}

/// Whether an element that has no end of its own ends where another begins.
pub fn ends_with(open: &[u8], next: &[u8]) -> bool {
    match open {
        b"p" => is_block(next) || is_paragraph(next),
        b"li" | b"td" | b"th" | b"tr" | b"option" => open == next,
        b"dt" | b"dd" => matches!(next, b"dt" | b"dd"),
        _ => false,
    }
}
