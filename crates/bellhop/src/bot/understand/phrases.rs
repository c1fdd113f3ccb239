//! Plain questions: which command somebody means, and about which days, people and words.

use super::dates::Misread;
use super::span::Span;

/// What somebody means by what they typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Understood {
    /// What is in the calendar.
    Agenda(Span),
    /// When there is time.
    Free {
        /// The days, and perhaps hours, that are asked about.
        span: Span,
        /// The shortest time that is of use, in minutes, if it was said.
        at_least: Option<u32>,
    },
    /// What mail there is.
    Inbox,
    /// Mail from somebody or about something.
    Search(Query),
    /// A time zone or a place, as it was named.
    TimeZone(String),
    /// The settings.
    Settings,
    /// Which accounts are connected.
    Accounts,
    /// How to connect an account.
    Connect,
    /// The question which account to disconnect, and nothing more than that question.
    Disconnect,
    /// Which calendars are looked at.
    Calendars,
    /// What the bot can do.
    Help,
    /// A greeting.
    Hello,
    /// Thanks.
    Thanks,
    /// A question about days that cannot be; the error says what to write instead.
    Misread(Misread),
    /// None of these.
    Unclear {
        /// The names of commands, without the slash, that may be meant, the likeliest first.
        near: Vec<&'static str>,
    },
}

/// Which mail is looked for. At least one of the three is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// A name or an address, as it was typed.
    pub from: Option<String>,
    /// Words that the mail has, as they were typed.
    pub words: Vec<String>,
    /// The days on which it came.
    pub since: Option<Span>,
}
