//! The log: pretty for people, one JSON object a line for programs.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::LogFormat;

/// Why the log cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not one.
    #[error("RUST_LOG: {0}; write a level, or target=level separated by commas")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// There is a log already.
    #[error("the log has begun already: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends the log of the whole process to the standard error output, which leaves the standard output
/// to results. Colour follows the terminal and `NO_COLOR`.
///
/// # Errors
/// The filter is not one, or there is a log already.
pub fn log_to_stderr(filter: &str, format: LogFormat) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(filter)?;
    let registry = tracing_subscriber::registry().with(filter);
    let pretty = match format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    };
    if pretty {
        let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colour);
        registry.with(layer.with_target(true)).try_init()?;
    } else {
        let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
        registry.with(layer.json().flatten_event(true).with_current_span(true)).try_init()?;
    }
    Ok(())
}
