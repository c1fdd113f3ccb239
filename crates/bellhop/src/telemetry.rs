//! Log lines: to standard error, as text or JSON.

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// What libraries say below a warning is about themselves; teloxide and reqwest put addresses with tokens into it. apalis
/// tells of every failure of Redis three times over; ours says it once.
const QUIET: &str = "warn,bellhop=info,bellhop_store=info,bellhop_providers=info,apalis_core=off";

/// The filter that `LOG_LEVEL` means; none where that makes no sense.
fn filter(level: &str) -> Option<EnvFilter> {
    let wanted = match level {
        "info" => QUIET.to_owned(),
        level @ ("error" | "warn" | "debug" | "trace") => {
            format!("{},bellhop={level},bellhop_store={level}", if level == "error" { "error" } else { "warn" })
        }
        filter => filter.to_owned(),
    };
    EnvFilter::try_new(wanted).ok()
}

/// Whether logging can be started at this level.
pub fn understands(level: &str) -> bool {
    filter(level).is_some()
}

/// Starts logging as the settings say. A filter that makes no sense counts as `info`, with a word about it.
pub fn start(settings: &Settings) {
    let wanted = filter(&settings.log_level);
    let understood = wanted.is_some();
    let filter = wanted.unwrap_or_else(|| EnvFilter::new(QUIET));
    // Where nobody reads standard error any more, the library would complain there of not being able to write there, and panic.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    // A second start in one process, as in tests, keeps the first.
    let _ = match settings.log_format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if !understood {
        tracing::warn!("LOG_LEVEL is not understood; using info");
    }
}
