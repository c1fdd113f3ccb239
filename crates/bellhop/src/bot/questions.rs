//! Plain questions: hands what was understood to the command that answers it. What words mean is decided in `understand/`.

use chrono::{DateTime, Utc};

use super::commands::search::{self, Wanted};
use super::commands::{self, agenda, free, timezone};
use super::person::Person;
use super::text::Text;
use super::understand::phrases::{Query, Understood, understand};
use super::understand::several::several;
use super::unknown;
use super::visit::{Failure, Visit};
use crate::places::{self, Found, Place};

/// Answers what somebody wrote.
pub async fn answer(visit: &Visit<'_>, words: &str) -> Result<(), Failure> {
    let person = visit.person().await?;
    let now = visit.desk.app.clock.now();
    match several(words, now, person.zone) {
        // What somebody asks in one breath is answered in their order.
        Some(questions) => {
            for question in questions {
                Box::pin(reply(visit, words, question)).await?;
            }
            Ok(())
        }
        None => reply(visit, words, understand(words, now, person.zone)).await,
    }
}

/// Answers one question.
async fn reply(visit: &Visit<'_>, words: &str, understood: Understood) -> Result<(), Failure> {
    let person = visit.person().await?;
    let now = visit.desk.app.clock.now();
    match understood {
        Understood::Agenda(span) => agenda::open(visit, &span, false).await.map(|_| ()),
        Understood::Free { span, at_least } => free::open(visit, &span, at_least, false).await.map(|_| ()),
        Understood::Search(query) => search::ask(visit, &wanted(&query, &person, now)).await,
        Understood::TimeZone(place) => timezone::named(visit, &place).await,
        Understood::ZoneOf(place) => visit.say(zone_of(&place, now)).await.map(|_| ()),
        Understood::Inbox => (commands::inbox::COMMAND.run)(visit, "").await,
        Understood::Mail(number) => (commands::mail::COMMAND.run)(visit, &number).await,
        Understood::WorkingHours(hours) => (commands::settings::COMMAND.run)(visit, &hours).await,
        Understood::Settings => (commands::settings::COMMAND.run)(visit, "").await,
        Understood::Accounts => (commands::accounts::COMMAND.run)(visit, "").await,
        Understood::Connect => commands::connect::offer(visit).await,
        Understood::Disconnect => (commands::disconnect::COMMAND.run)(visit, "").await,
        Understood::Calendars => (commands::calendars::COMMAND.run)(visit, "").await,
        Understood::Help => (commands::help::COMMAND.run)(visit, "").await,
        Understood::Hello => (commands::start::COMMAND.run)(visit, "").await,
        Understood::Thanks => visit.say(Text::new().plain("You are welcome.")).await.map(|_| ()),
        Understood::Noted => visit.say(Text::new().plain("Good. Ask me whenever you like.")).await.map(|_| ()),
        Understood::YesOrNo => {
            let text =
                Text::new().plain("I take a yes or a no by its button only. If I asked you something, tap its button.");
            visit.say(text).await.map(|_| ())
        }
        Understood::Misread(misread) => visit.say(Text::new().plain(misread.to_string())).await.map(|_| ()),
        Understood::Unclear { near } => visit.say(unknown::unclear(words, &near)).await.map(|_| ()),
    }
}

/// The time zone of a place. Whoever only asks keeps their own.
fn zone_of(place: &str, now: DateTime<Utc>) -> Text {
    let to_change = |name: &str| format!(" Your own times stay as they are; to change them, write /timezone {name}.");
    let known = |place: &Place| format!("{}: {}.", place.name, places::describe(place.zone, now));
    match places::by_words(place) {
        Found::One(place) => Text::new().plain(known(&place)).plain(to_change(&place.name)),
        Found::Several(several) => several
            .iter()
            .fold(Text::new().plain("There are several of that name:"), |text, place| text.line().plain(known(place))),
        Found::Nothing { .. } => Text::new()
            .plain("I do not know a place or time zone called ")
            .theirs_bold(&format!("\u{201c}{place}\u{201d}"), 60)
            .plain(". Ask about a larger city nearby. Your own times are in /timezone."),
    }
}

/// The query as a search: what was understood in words, and what Gmail is asked.
fn wanted(query: &Query, person: &Person, now: DateTime<Utc>) -> Wanted {
    let quoted = |text: &str| {
        let text = text.replace('"', " ");
        if text.trim().contains(char::is_whitespace) { format!("\"{}\"", text.trim()) } else { text.trim().to_owned() }
    };
    let from = query.from.as_ref().map(|from| format!("from:{}", quoted(from)));
    let marks = [(query.unread, "is:unread"), (query.attached, "has:attachment")];
    let marks = marks.into_iter().filter(|(meant, _)| *meant).map(|(_, mark)| mark.to_owned());
    let parts: Vec<String> = from.into_iter().chain(query.words.iter().map(|word| quoted(word))).chain(marks).collect();
    let question = parts.join(" ");
    let days = query.since.as_ref().map(|span| span.in_words(person.today(now)));
    let said = [Some(question.clone()).filter(|question| !question.is_empty()), days];
    Wanted {
        said: said.into_iter().flatten().collect::<Vec<_>>().join(", "),
        question,
        came: query.since.as_ref().map(|span| agenda::bounds(span, person.zone)),
    }
}

#[cfg(test)]
mod tests {
    use bellhop_store::OwnerSettings;
    use chrono_tz::Tz;

    use super::super::person::ZoneFrom;
    use super::super::understand::span::Span;
    use super::*;

    #[test]
    fn a_question_becomes_a_search_that_cannot_be_bent_and_means_the_persons_own_days() {
        let query = Query {
            from: Some("Anna \"x\" Weber".to_owned()),
            words: vec!["invoice".to_owned(), "in:trash now".to_owned()],
            since: Span::days("2026-11-09".parse().unwrap(), "2026-11-15".parse().unwrap()),
            unread: true,
            attached: true,
        };
        let person = Person::with(&OwnerSettings::default(), Tz::Asia__Tokyo, ZoneFrom::Settled);
        let now = "2026-11-18T09:00:00Z".parse().unwrap();
        let wanted = wanted(&query, &person, now);
        assert_eq!(wanted.question, "from:\"Anna  x  Weber\" invoice \"in:trash now\" is:unread has:attachment");
        assert!(wanted.said.ends_with(", Monday 9 to Sunday 15 November"), "{}", wanted.said);
        let midnight = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(wanted.came, Some((midnight("2026-11-08T15:00:00Z"), midnight("2026-11-15T15:00:00Z"))));
    }
}
