//! The `earnorm` command, without models of its own.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    earnorm::cli::run().await
}
