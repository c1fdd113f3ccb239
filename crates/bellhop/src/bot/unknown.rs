//! What is answered to something that is no command: never silence, and the nearest thing that would work.

use strsim::osa_distance;

use super::commands::{COMMANDS, Command, named};
use super::message::Message;
use super::text::{Text, clean};

/// How many suggestions are helpful.
const SUGGESTIONS: usize = 3;

/// The longest beginning of a text that is looked at.
const LOOKED_AT: usize = 200;

/// Said to whoever wants something done.
const ONLY_READS: &str = " I can only read: I cannot write mail, change your calendar or remind you of anything.";

/// What people want done.
const VERBS: &[&str] = &[
    "send",
    "write",
    "reply",
    "answer",
    "respond",
    "forward",
    "compose",
    "draft",
    "mail",
    "email",
    "create",
    "add",
    "book",
    "schedule",
    "invite",
    "accept",
    "decline",
    "cancel",
    "move",
    "postpone",
    "reschedule",
    "delete",
    "remove",
    "archive",
    "remind",
    "unsubscribe",
];

/// What they say before it.
const BEFORE_VERBS: &[&str] = &[
    "please", "can", "could", "would", "will", "you", "hey", "hi", "ok", "okay", "bot", "bellhop", "i", "want", "need",
    "to", "id", "like", "d",
];

/// The answer to words or to a command that does not exist.
#[must_use]
pub fn answer(said: &str, as_command: bool) -> Message {
    let nearest = nearest(said);
    let mut text = Text::new();
    // A slash alone, or with nothing behind it that anybody can see.
    if as_command && !clean(said).is_empty() {
        text = text.plain("I do not know the command ").theirs_bold(&format!("\u{201c}{said}\u{201d}"), 40).plain(".");
    } else {
        text = text.plain("I did not understand that.");
    }
    if wants_something_done(said) {
        text = text.plain(ONLY_READS);
    }
    if nearest.is_empty() {
        return text.plain(" Ask me about your days or your mail, or send /help to see what I can do.").into();
    }
    suggested(text, &nearest).into()
}

/// The answer to a question that was not understood, with the commands it may have been about.
#[must_use]
pub fn unclear(said: &str, near: &[&str]) -> Message {
    let near: Vec<_> = near.iter().filter_map(|name| named(name)).collect();
    if near.is_empty() {
        answer(said, false)
    } else {
        let text = Text::new().plain("I did not understand that.");
        suggested(if wants_something_done(said) { text.plain(ONLY_READS) } else { text }, &near).into()
    }
}

/// Whether somebody asks for something to be done, which no suggestion would do. Only said beside them, so a verb at the
/// beginning is sign enough.
fn wants_something_done(said: &str) -> bool {
    let said: String = said.chars().take(LOOKED_AT).collect::<String>().to_lowercase();
    let mut words = said.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.find(|word| !BEFORE_VERBS.contains(word)).is_some_and(|first| VERBS.contains(&first))
}

fn suggested(text: Text, commands: &[&Command]) -> Text {
    commands.iter().fold(text.plain(" Did you mean one of these?"), |text, command| {
        text.line().plain(format!("/{} – {}", command.name, command.summary))
    })
}

/// The answer to a picture, a voice message and the like.
#[must_use]
pub fn media() -> Message {
    Text::new().plain("I can read words and locations, nothing else. Send /help to see what I can do.").into()
}

/// The commands that somebody may have meant, the likeliest first.
#[must_use]
pub fn nearest(said: &str) -> Vec<&'static Command> {
    let said: String = said.chars().take(LOOKED_AT).collect::<String>().to_lowercase();
    let words: Vec<&str> =
        said.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let mut near: Vec<_> = COMMANDS
        .iter()
        .filter(|command| !command.summary.is_empty())
        .filter_map(|command| {
            let names = std::iter::once(&command.name).chain(command.also);
            let best = names.flat_map(|name| words.iter().filter_map(|word| distance(word, name))).min()?;
            Some((best, *command))
        })
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().take(SUGGESTIONS).map(|(_, command)| command).collect()
}

/// How many letters two words differ by, if they are near enough to be taken for each other.
fn distance(word: &str, name: &str) -> Option<usize> {
    // A short word is near to everything; it must match.
    let allowed = match name.chars().count() {
        0..=3 => 0,
        4..=5 => 1,
        _ => 2,
    };
    if word.chars().count().abs_diff(name.chars().count()) > allowed {
        return None;
    }
    Some(osa_distance(word, name)).filter(|distance| *distance <= allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(said: &str) -> Vec<&'static str> {
        nearest(said).into_iter().map(|command| command.name).collect()
    }

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        for (said, meant) in [
            ("inbx", "inbox"),
            ("Inbox!", "inbox"),
            ("conect", "connect"),
            ("disconect", "disconnect"),
            ("show me my mails please", "inbox"),
            ("acounts", "accounts"),
            ("halp", "help"),
            ("agneda", "agenda"),
            ("setings", "settings"),
            ("time zone", "timezone"),
        ] {
            assert_eq!(names(said).first(), Some(&meant), "{said}");
        }
    }

    #[test]
    fn what_is_like_nothing_is_told_where_to_look() {
        for said in ["", "🦀", "what is the meaning of it all", "\u{202e}", &"x".repeat(10_000)] {
            assert!(names(said).is_empty(), "{said}");
            assert!(answer(said, false).text.html().contains("/help"));
        }
    }

    #[test]
    fn whoever_wants_something_done_is_told_what_i_cannot_do() {
        for said in ["send a mail to anna", "Please cancel my meeting", "can you remind me tomorrow", "reply"] {
            assert!(answer(said, false).text.html().contains("I can only read"), "{said}");
            assert!(unclear(said, &["agenda"]).text.html().contains("I can only read"), "{said}");
        }
        for said in ["don't send it", "never delete my account", "my schedule", "", "asdf"] {
            assert!(!answer(said, false).text.html().contains("I can only read"), "{said}");
        }
    }

    #[test]
    fn a_command_without_a_visible_name_is_not_quoted() {
        for said in ["", "\u{202e}", "\u{200b}"] {
            let html = answer(said, true).text.html();
            assert!(html.contains("/help") && !html.contains('\u{201c}'), "{html}");
        }
        assert!(answer("foo", true).text.html().contains("\u{201c}foo\u{201d}"));
    }
}
