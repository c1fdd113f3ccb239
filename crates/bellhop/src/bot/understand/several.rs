//! Two or three questions in one breath: `what's on tomorrow and any mail from Anna?`, `am I free on friday? any mail?`.
//!
//! Only what is not understood as a whole is taken apart, and only where every part is a question that shows something:
//! half an answer would look like all of it, and nothing is settled or disconnected by half a sentence.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::phrases::{Understood, understand};
use super::words::LONGEST;

/// The most questions that are answered at once.
const MOST: usize = 3;

/// What joins two questions.
const BETWEEN: &[&str] = &[" and ", " And ", " AND ", " & ", " und "];

/// The questions that these words are, if they are more than one. `None` for everything else.
#[must_use]
pub fn several(text: &str, now: DateTime<Utc>, zone: Tz) -> Option<Vec<Understood>> {
    if text.chars().count() > LONGEST || !matches!(understand(text, now, zone), Understood::Unclear { .. }) {
        return None;
    }
    let shown = |part: &str| Some(understand(part, now, zone)).filter(shows);
    let sentences: Vec<&str> =
        text.split(['?', '!', ';', '\n']).map(str::trim).filter(|sentence| !sentence.is_empty()).collect();
    match sentences.as_slice() {
        [only] => BETWEEN.iter().find_map(|between| {
            let mut joints = only.match_indices(between);
            joints.find_map(|(at, _)| Some(vec![shown(&only[..at])?, shown(&only[at + between.len()..])?]))
        }),
        [_, _, ..] if sentences.len() <= MOST => sentences.into_iter().map(shown).collect(),
        _ => None,
    }
}

/// Whether an answer to it only shows something.
fn shows(understood: &Understood) -> bool {
    matches!(
        understood,
        Understood::Agenda(_)
            | Understood::Free { .. }
            | Understood::Search(_)
            | Understood::Inbox
            | Understood::Mail(_)
    )
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use chrono_tz::Europe::Berlin;

    use super::*;

    fn kinds(text: &str) -> String {
        let now = Utc.with_ymd_and_hms(2026, 11, 18, 9, 0, 0).unwrap();
        let kind = |understood: Understood| match understood {
            Understood::Agenda(span) => format!("agenda {}", span.first()),
            Understood::Free { span, .. } => format!("free {}", span.first()),
            Understood::Search(query) => format!("search {}", query.from.unwrap_or_default()),
            other => format!("{other:?}").to_lowercase(),
        };
        several(text, now, Berlin).unwrap_or_default().into_iter().map(kind).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn questions_in_one_breath_are_all_answered() {
        for (text, expected) in [
            ("what's on tomorrow and any mail from Anna?", "agenda 2026-11-19, search Anna"),
            ("What's on tomorrow? Any mail from Anna?", "agenda 2026-11-19, search Anna"),
            ("what's on tomorrow and am I free on friday?", "agenda 2026-11-19, free 2026-11-20"),
            ("any new mail and what's on today?", "inbox, agenda 2026-11-18"),
            ("what's on today & any mail from Anna", "agenda 2026-11-18, search Anna"),
            ("hey, am i free friday?\nwhat's on monday?\nunread mail?", "free 2026-11-20, agenda 2026-11-23, search "),
        ] {
            assert_eq!(kinds(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_one_question_or_asks_for_more_than_an_answer_is_left_whole() {
        for text in [
            "what's on between monday and wednesday",
            "mail from Anna and Ben",
            "what's on tomorrow and disconnect my account",
            "what's on tomorrow and i'm in Tokyo",
            "what's on tomorrow and the meaning of it all",
            "a? b? c? d?",
            "and and and",
            "?",
            "",
        ] {
            assert_eq!(kinds(text), "", "{text}");
        }
    }
}
