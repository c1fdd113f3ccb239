//! Plain questions: hands what was understood to the command that answers it. What words mean is decided in `understand/`.

use chrono::Days;

use super::commands::{self, agenda, free, timezone};
use super::text::Text;
use super::understand::phrases::{Query, Understood, understand};
use super::unknown;
use super::visit::{Failure, Visit};

/// Answers what somebody wrote.
pub async fn answer(visit: &Visit<'_>, words: &str) -> Result<(), Failure> {
    let person = visit.person().await?;
    let now = visit.desk.app.clock.now();
    match understand(words, now, person.zone) {
        Understood::Agenda(span) => agenda::open(visit, &span, false).await,
        Understood::Free { span, at_least } => free::open(visit, &span, at_least, false).await,
        Understood::Search(query) => (commands::search::COMMAND.run)(visit, &wanted(&query)).await,
        Understood::TimeZone(place) => timezone::named(visit, &place).await,
        Understood::Inbox => (commands::inbox::COMMAND.run)(visit, "").await,
        Understood::Settings => (commands::settings::COMMAND.run)(visit, "").await,
        Understood::Accounts => (commands::accounts::COMMAND.run)(visit, "").await,
        Understood::Connect => commands::connect::offer(visit).await,
        Understood::Disconnect => (commands::disconnect::COMMAND.run)(visit, "").await,
        Understood::Calendars => (commands::calendars::COMMAND.run)(visit, "").await,
        Understood::Help => (commands::help::COMMAND.run)(visit, "").await,
        Understood::Hello => (commands::start::COMMAND.run)(visit, "").await,
        Understood::Thanks => visit.say(Text::new().plain("You are welcome.")).await.map(|_| ()),
        Understood::Misread(misread) => visit.say(Text::new().plain(misread.to_string())).await.map(|_| ()),
        Understood::Unclear { near } => visit.say(unknown::unclear(words, &near)).await.map(|_| ()),
    }
}

/// The query in the words that Gmail searches by. <https://support.google.com/mail/answer/7190>
fn wanted(query: &Query) -> String {
    let quoted = |text: &str| {
        let text = text.replace('"', " ");
        if text.trim().contains(char::is_whitespace) { format!("\"{}\"", text.trim()) } else { text.trim().to_owned() }
    };
    let mut parts = vec![];
    if let Some(from) = &query.from {
        parts.push(format!("from:{}", quoted(from)));
    }
    parts.extend(query.words.iter().map(|word| quoted(word)));
    if let Some(span) = &query.since {
        parts.push(format!("after:{}", span.first().format("%Y/%m/%d")));
        // What comes before a day does not come on it.
        parts.push(format!("before:{}", (span.last() + Days::new(1)).format("%Y/%m/%d")));
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::understand::span::Span;
    use super::*;

    #[test]
    fn a_question_becomes_a_search_that_cannot_be_bent() {
        let query = Query {
            from: Some("Anna \"x\" Weber".to_owned()),
            words: vec!["invoice".to_owned(), "in:trash now".to_owned()],
            since: Span::days("2026-11-09".parse().unwrap(), "2026-11-15".parse().unwrap()),
        };
        assert_eq!(
            wanted(&query),
            "from:\"Anna  x  Weber\" invoice \"in:trash now\" after:2026/11/09 before:2026/11/16"
        );
    }
}
