//! What people mean by what they type, as readable rules: days and hours in `dates.rs`, whole questions in `phrases.rs`.
//!
//! Without this every question would have to be a command with its argument in one spelling. Nothing here sends, fetches or
//! asks the time: the moment and the person's zone are parameters, so that each rule is a line in a table test. A rule that
//! guesses must be harmless when it guesses wrong, and the answer repeats what was understood.

pub mod dates;
mod days;
mod hours;
mod patterns;
pub mod phrases;
mod search;
pub mod several;
pub mod span;
mod vocabulary;
mod words;
mod written;
