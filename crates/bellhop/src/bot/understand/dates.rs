//! Days, hours and lengths of time read from words, or a sentence that says what to write instead.

/// Why words are not a day, hours or a length of time. Each says to the person what to write instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// Nothing in the words is a day.
    #[error(
        "I cannot read a day in that. Write for example: today, tomorrow, friday, next week, 27.11., 27 November or 2026-11-27."
    )]
    NoDay,
    /// There is no such day: 30 February, month 99.
    #[error("There is no such day. Write for example 28.2. or 28 February.")]
    NoSuchDay,
    /// The year is not one that calendars are kept for.
    #[error("That year is too far away. Write one between 1970 and 2199, for example 27.11.2026.")]
    TooFar,
    /// More days than a span has.
    #[error("That is too long: I look at 62 days at most. Write for example: next week, or 1.12. to 24.12.")]
    TooLong,
    /// The end is before the beginning.
    #[error("That ends before it begins. Write the earlier first, for example: monday to wednesday, or 9:00 to 17:30.")]
    Backwards,
    /// There is no such time of day.
    #[error("There is no such time of day. Write for example: 9:00, 15:30 or 3pm.")]
    NoSuchTime,
    /// Nothing in the words are hours of a day.
    #[error("I cannot read hours in that. Write for example: 9:00 to 17:30, 9-17 or 8am to 4pm.")]
    NoHours,
    /// Nothing in the words is a length of time.
    #[error("I cannot read a length of time in that. Write for example: 30 min, 1.5 h, or half an hour.")]
    NoLength,
    /// Not between a minute and a day.
    #[error("A length of time is between 1 minute and 24 hours. Write for example: 30 min or 1.5 h.")]
    LengthOutOfRange,
    /// More words than anybody needs for it.
    #[error("That is too much text for me. Write only the day or the time, for example: friday afternoon.")]
    TooMuchText,
}
