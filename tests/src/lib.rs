//! What the stories and the demo are told with: a house of real programs, and the doors that people use.
//!
//! A story never calls Bellhop's code. It starts the built programs, speaks to them as a person in the chat, a browser, a
//! program with an API key or an operator at the command line, and holds what they say against the sandbox's own
//! ledger. What reaches into the database or cuts a connection is fault injection, and says so.
//!
//! Nothing here waits a fixed time: a condition is looked at until it holds ([`until`]), and time passes by moving the
//! clock that every process of a house reads.

#![allow(
    clippy::must_use_candidate,
    reason = "a story that drops an answer has no use for it; the compiler warns where it matters"
)]

mod api;
mod browser;
mod canary;
pub mod chaos;
mod chat;
mod chrome;
mod cli;
mod database;
mod diary;
mod doors;
mod evidence;
mod gate;
mod house;
pub mod invariants;
mod ledger;
mod markup;
mod metrics;
mod plan;
mod process;
mod sandbox;
mod servers;
mod trouble;
mod wait;
mod walk;

pub use api::{Answer, Api};
pub use browser::{Browser, Page};
pub use chat::{Button, Group, Message, Person, Said};
pub use chrome::{Look, Scheme, Tab};
pub use cli::Ran;
pub use database::Database;
pub use diary::Diary;
pub use doors::patient_redis;
pub use gate::Gate;
pub use house::House;
pub use ledger::{Authorization, Call, Grant, Ledger, Mailbox, Revocation, TokenRequest};
pub use plan::Plan;
pub use process::{free_port, program};
pub use sandbox::{Sandbox, start_sandbox};
pub use servers::{PrivateServers, Server, Servers};
pub use trouble::{Story, Trouble, ensure};
pub use wait::{PATIENCE, until, until_within};
pub use walk::{CALENDAR_SCOPE, Consent, MAIL_SCOPE, Walk};
