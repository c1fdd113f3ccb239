//! Bellhop: connects people's mail accounts, keeps their access alive, fetches their mail and answers in Telegram.
//!
//! One program with every role; `serve --only` splits them over processes.

mod access;
mod actions;
mod app;
mod bot;
mod breakers;
mod calendar;
mod calls;
mod cli;
mod clock;
mod config;
mod connect;
mod held;
mod http;
mod jobs;
mod letter;
mod limits;
mod metrics;
#[cfg(feature = "negative-controls")]
mod negative_control;
mod places;
mod serve;
mod telemetry;
mod work;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Every TLS connection of the process uses ring; installing it twice is the only way this can fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cli::run()
}
