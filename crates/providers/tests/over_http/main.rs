//! The client against a real server on loopback: what is sent, and what becomes of every kind of answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::needless_pass_by_value, reason = "what a stand-in is told reads better without ampersands")]

mod agenda;
mod identity;
mod letter;
mod mailbox;
mod secrecy;
mod server;
mod tokens;
mod wire;
