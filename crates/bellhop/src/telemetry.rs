//! Log lines: to standard error, as text or JSON.

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Starts logging as the settings say. A filter that makes no sense counts as `info`, with a word about it.
pub fn start(settings: &Settings) {
    // What libraries say below a warning is about themselves; teloxide and reqwest put addresses with tokens into it.
    // apalis tells of every failure of Redis three times over; ours says it once.
    let quiet = "warn,bellhop=info,bellhop_store=info,bellhop_providers=info,apalis_core=off";
    let wanted = match settings.log_level.as_str() {
        "info" => quiet.to_owned(),
        level @ ("error" | "warn" | "debug" | "trace") => {
            format!("{},bellhop={level},bellhop_store={level}", if level == "error" { "error" } else { "warn" })
        }
        filter => filter.to_owned(),
    };
    let (filter, understood) = match EnvFilter::try_new(&wanted) {
        Ok(filter) => (filter, true),
        Err(_) => (EnvFilter::new(quiet), false),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process, as in tests, keeps the first.
    let _ = match settings.log_format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if !understood {
        tracing::warn!("LOG_LEVEL is not understood; using info");
    }
}
