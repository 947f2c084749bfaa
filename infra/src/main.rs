//! The one binary of Annals.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    annals_infra::app::main().await
}
