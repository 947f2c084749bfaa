//! Watching it: the log, the metrics, and the small HTTP server with health on it.
//!
//! ```no_run
//! use annals_infra::{settings::{Flags, Sources}, telemetry};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let settings = Sources::of_process(Flags::default()).resolve().settings()?;
//! telemetry::log_to_stderr(&settings.log, settings.log_format)?;
//! let metrics = telemetry::install_metrics()?;
//! let stop = tokio_util::sync::CancellationToken::new();
//! let listener = telemetry::listen(settings.http).await?;
//! let ready = telemetry::readiness(|| async { vec![telemetry::Check::new("postgres", Ok(()))] });
//! telemetry::serve(listener, telemetry::router(metrics, ready), stop).await?;
//! # Ok(()) }
//! ```
//!
//! To add a metric: its line in [`names`]; then `metrics::counter!(names::THAT, "label" => …)` where
//! it happens. A label has few values, never an id.

mod http;
mod log;
pub mod names;
mod recorder;
mod trace;

pub use http::{Check, Readiness, listen, readiness, router, serve, upkeep};
pub use log::{LogError, log_to_stderr};
pub use recorder::{Metrics, install_metrics};
pub use trace::TraceParent;
