//! The program `bellhop-sandbox`: reads its settings, starts the stand-in and says where it listens.
//!
//! Kept to a few lines, so that everything else can be driven in-process by tests.

use std::io::Write;

use bellhop_sandbox::Settings;
use clap::Parser;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,poem=warn")))
        .init();
    let settings = Settings::parse();
    let address = settings.listen;
    let running = bellhop_sandbox::start(settings)
        .await
        .map_err(|error| std::io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))?;
    let mut out = std::io::stdout();
    // Whoever starts us waits for this line: it must not sit in a buffer.
    writeln!(out, "listening on {}", running.origin())?;
    out.flush()?;
    tokio::select! {
        ended = running.wait() => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}
