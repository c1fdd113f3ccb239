//! The lines that mail programs write above what they quote or pass on: in English, German, French, Spanish, Italian,
//! Portuguese, Dutch and Polish, as Gmail, Outlook, Apple Mail and Thunderbird write them.

/// The longest line that is compared, in bytes.
const LONGEST: usize = 600;

/// How an introduction begins, and a word near its end.
const INTRODUCTIONS: &[(&[&str], &[&str])] = &[
    (&["on "], &[" wrote"]),
    (&["am ", "an ", "von "], &[" schrieb"]),
    (&["le "], &[" a écrit", " a ecrit"]),
    (&["el "], &[" escribió", " escribio"]),
    (&["il "], &[" ha scritto"]),
    (&["em ", "a "], &[" escreveu"]),
    (&["op "], &[" schreef"]),
    (&["w dniu ", "dnia ", "pon.", "wt.", "śr.", "czw.", "pt.", "sob.", "niedz."], &[" napisał", " pisze"]),
];

/// Above mail that is passed on, without the dashes around.
const FORWARDS: &[&str] = &[
    "forwarded message",
    "begin forwarded message",
    "weitergeleitete nachricht",
    "anfang der weitergeleiteten nachricht",
    "weitergeleitete e-mail",
    "message transféré",
    "message transfere",
    "début du message transféré",
    "début du message réexpédié",
    "mensaje reenviado",
    "inicio del mensaje reenviado",
    "messaggio inoltrato",
    "inizio messaggio inoltrato",
    "mensagem encaminhada",
    "doorgestuurd bericht",
    "begin doorgestuurd bericht",
    "przekazana wiadomość",
    "wiadomość przekazana",
];

/// Above mail that is answered, without the dashes around.
const ORIGINALS: &[&str] = &[
    "original message",
    "original appointment",
    "ursprüngliche nachricht",
    "originalnachricht",
    "message d'origine",
    "message d’origine",
    "message original",
    "mensaje original",
    "messaggio originale",
    "mensagem original",
    "oorspronkelijk bericht",
    "wiadomość oryginalna",
];

const FROM: &[&str] = &["from", "von", "de", "da", "van", "od"];

const HEADERS: &[&str] = &[
    "sent",
    "date",
    "to",
    "cc",
    "subject",
    "gesendet",
    "datum",
    "an",
    "betreff",
    "envoyé",
    "à",
    "objet",
    "enviado",
    "enviado el",
    "fecha",
    "para",
    "asunto",
    "inviato",
    "data",
    "a",
    "oggetto",
    "enviada em",
    "assunto",
    "verzonden",
    "aan",
    "onderwerp",
    "wysłano",
    "do",
    "temat",
    "reply-to",
    "when",
    "where",
    "importance",
];

/// The names of a subject, which no itinerary has.
const SUBJECTS: &[&str] = &["subject", "betreff", "objet", "asunto", "oggetto", "assunto", "onderwerp", "temat"];

/// What subjects of mail that is passed on begin with.
const FORWARD_SUBJECTS: &[&str] = &["fw:", "fwd:", "wg:", "tr:", "rv:", "i:", "enc:", "doorst:", "pd:", "re: fwd:"];

/// Whether a line, or a few joined, introduces a quotation.
pub fn introduces_quote(line: &str) -> bool {
    let line = lower(line);
    if !line.ends_with(':') {
        return false;
    }
    INTRODUCTIONS.iter().any(|(begins, verbs)| {
        begins.iter().any(|begin| line.starts_with(begin)) && verbs.iter().any(|verb| line.contains(verb))
    })
}

/// Whether a line stands above mail that is passed on.
pub fn introduces_forward(line: &str) -> bool {
    is_title(line, FORWARDS)
}

/// Whether a line stands above mail that is answered.
pub fn introduces_original(line: &str) -> bool {
    line.starts_with('-') && is_title(line, ORIGINALS)
}

/// Whether a line says whom a mail is from.
pub fn is_from(line: &str) -> bool {
    names_one_of(line, FROM)
}

/// Whether a line is another one of a mail's header.
pub fn is_header(line: &str) -> bool {
    names_one_of(line, HEADERS)
}

/// Whether a line says what a mail is about.
pub fn is_subject(line: &str) -> bool {
    names_one_of(line, SUBJECTS)
}

/// Whether a line has a time of day in it: "9:00", or "9h00" in French.
pub fn has_time(line: &str) -> bool {
    let bytes = super::super::beginning(line, LONGEST).as_bytes();
    bytes.windows(4).any(|four| {
        matches!(four, [hour, b':' | b'h', ten, one] if [hour, ten, one].iter().all(|digit| digit.is_ascii_digit()))
    })
}

/// Whether a line has no words: a rule, or what parts a signature from the text.
pub fn is_ornament(line: &str) -> bool {
    !line.chars().any(char::is_alphanumeric)
}

/// Whether a subject says that a mail is passed on.
pub fn is_forward_subject(subject: &str) -> bool {
    let subject = lower(subject.trim());
    FORWARD_SUBJECTS.iter().any(|begin| subject.starts_with(begin))
}

fn is_title(line: &str, titles: &[&str]) -> bool {
    let line = lower(line);
    let title = line.trim_matches(|one: char| !one.is_alphanumeric());
    titles.contains(&title)
}

fn names_one_of(line: &str, names: &[&str]) -> bool {
    let line = lower(line.trim_start_matches('*'));
    line.split_once(':').is_some_and(|(name, _)| names.contains(&name.trim().trim_end_matches('*').trim()))
}

fn lower(line: &str) -> String {
    if line.len() > LONGEST { String::new() } else { line.to_lowercase().replace('\u{a0}', " ") }
}
